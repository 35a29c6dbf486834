"""Whole frameworks to render: as Mave would word one, as rules do, as large and as hostile as they come."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from persona import model
from persona.check.answer import read_answers
from persona.check.facts import facts_of
from persona.mave import without_mave
from persona.model import SECTIONS, STRATEGY_SECTIONS, Checks, Framework, Persona, Strategy, Summary

DATA = Path(__file__).with_name("data")


def kept(name: str) -> Framework:
    """A framework as it was written once.

    `mave`: 520 active people, with figures typed and filled in, one gap and a drift.
    `stress`: eight channels, nine patterns, long names, no lifetime value, plans withheld.
    """
    return msgspec.json.decode((DATA / f"framework_{name}.json").read_bytes(), type=Framework)


def framework(summary: Summary, **more: object) -> Framework:
    """A framework around a summary, with no words in it unless they are given."""
    shared = "source", "population", "rule", "totals", "patterns", "suppressed", "withheld", "warnings"
    parts = {name: getattr(summary, name) for name in shared}
    parts |= {"run_id": "2026-W48", "created_at": "2026-11-23T06:00:12Z", "author": "mave", "narrative": ""}
    parts |= {"personas": [], "strategy": Strategy(), "checks": Checks(), "drift": None, "mave": None}
    return Framework(**parts | more)


def from_facts(summary: Summary) -> Framework:
    """A space as rules word it."""
    return worded(summary, without_mave.write(summary), author="facts")


def named(summary: Summary) -> Framework:
    """An answer that names its figures, with assumptions and one figure of the author's own."""
    text = (DATA / "answer_named.md").read_text(encoding="utf-8")
    return worded(summary, text.replace("one open task", "97 % of people have one open task", 1))


def worded(summary: Summary, text: str, **more: object) -> Framework:
    """The framework of an answer."""
    facts = facts_of(summary, "$")
    answer = read_answers([text], summary, facts, "$")
    words = {"personas": answer.personas, "strategy": answer.strategy, "narrative": answer.narrative}
    return framework(summary, facts=facts, checks=answer.checks, **words | more)


# Everything that an outsider may try, in one line, and in a block of its own.
ATTACK = (
    '<img src=x onerror="window.hit=1"><script>window.hit=1</script> [a](javascript:alert(1)) '
    "![b](https://evil.example/b.png) <https://evil.example/c> https://evil.example/d www.evil.example/e "
    "@team | a|b `code` **bold** _it_ &lt;script&gt; \ud800 \x00\u202e # no {{ 7 * 7 }} {% raw %} "
    "</style></title></svg> '\"--"
)
ATTACKS = (
    f"{ATTACK}\n\n# A heading\n\nAnother\n=======\n\n## Checked figures\n\n"
    f"```\n{ATTACK}\n\n<script>window.hit=1</script>\n"
)
EVIL_URLS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https:evil",
    "//evil.example",
    "https://[",
    'https://ok.example/"><script>window.hit=1</script>',
    "https://ok.example/a)(b|c\ud800\u202e",
    "ftp://evil.example",
    f"https://long.example/{'x' * 500}",
    "",
)


def hostile(block: str = ATTACKS, line: str = ATTACK, figures_count: int = 20) -> Framework:
    """Nine patterns and eight channels with something evil in every text that comes from outside."""
    calm = kept("stress")
    step = model.NextStep(action=block, channel="email", measure=block)
    texts: dict[str, Any] = dict.fromkeys(SECTIONS, block) | {"next_step": step}
    about: dict[str, Any] = {
        "pattern": "web_dominant",
        "section": "description",
        "text": line,
        "sentence": line,
    }
    verdicts: tuple[Any, ...] = "from_data", "equal", "not_in_data"
    figures = [model.Figure(value=1.0, unit="share", verdict=verdict, **about) for verdict in verdicts]
    urls = [*EVIL_URLS, *(f"https://good.example/{'x' * 470}?{index}" for index in range(100))]
    kinds = {f"{index}{line}": 0.5 for index in range(100)}
    plans = [model.Plan(plan=f"{index}{line}", n=9, share=0.3) for index in range(3)]
    return replace(
        calm,
        run_id=line,
        source=model.Origin(kind="segment", space_id=line, sampling=block),
        population=replace(calm.population, rejected={line: 1}, trait_coverage={line: 0.5}),
        totals=replace(calm.totals, identity_coverage=kinds),
        patterns=[
            replace(pattern, avg_ltv=10.0, ltv_share=0.1, identity_coverage=kinds, plans=plans)
            for pattern in calm.patterns
        ],
        withheld={"plans": block},
        warnings=[block] * 30,
        personas=[Persona(pattern=pattern.key, name=line, **texts) for pattern in calm.patterns],
        strategy=Strategy(**dict.fromkeys(STRATEGY_SECTIONS, block)),
        narrative=block,
        checks=Checks(
            missing_sections=[line] * 100,
            unresolved=[line] * 100,
            unlike=[line] * 100,
            figures=[figure for figure in figures for _ in range(figures_count)],
        ),
        mave=model.MaveTrace(
            thread_id=line,
            message_ids=[line],
            credits_used=1,
            sources=[model.WebSource(title=line, url=url, domain=line) for url in urls],
            validation={"confidence": 0.5, "hallucination_risk": line, line: line},
        ),
    )
