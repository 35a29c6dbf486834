"""Whole frameworks to render: as Mave would word one, as rules do, as large and as hostile as they come."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from persona import model
from persona.check.answer import CheckedAnswer, read_answers
from persona.check.facts import Facts, facts_of
from persona.model import (
    SECTIONS,
    STRATEGY_SECTIONS,
    Checks,
    Framework,
    Pattern,
    Persona,
    Strategy,
    Summary,
    dominant,
)
from persona.wording import label

TEXT = "Discovers on the web → installs the app → checks daily → a deep dive on the web → decides at a desk."


def from_mave() -> Framework:
    """A space of 520 active people, worded by Mave, with figures typed and filled in, one gap and a drift."""
    written = Path(__file__).with_name("data") / "framework_from_mave.json"
    return msgspec.json.decode(written.read_bytes(), type=Framework)


def _texts(text: str) -> dict[str, Any]:
    """The same text in every section of a persona."""
    step = model.NextStep(action=text, channel="email", measure=text)
    return dict.fromkeys(SECTIONS, text) | {"next_step": step}


def framework(summary: Summary, **more: object) -> Framework:
    """A framework around a summary, with no words in it unless they are given."""
    shared = "source", "population", "rule", "totals", "patterns", "suppressed", "withheld", "warnings"
    parts = {name: getattr(summary, name) for name in shared}
    parts |= {"run_id": "2026-W48", "created_at": "2026-11-23T06:00:12Z", "author": "mave", "narrative": ""}
    parts |= {"personas": [], "strategy": Strategy(), "checks": Checks(), "drift": None, "mave": None}
    return Framework(**parts | more)


def from_facts(summary: Summary) -> Framework:
    """The built-in space, worded by rules."""
    said = "{0.label} people are {0.share:.1%} of the active. Their average LTV is ${0.avg_ltv:.0f}."
    name = "{0.label} ({0.n} people)"
    leading = "Mobile holds 35.0% of active people, more than any other channel."
    return framework(
        summary,
        author="facts",
        totals=replace(summary.totals, n=520, avg_ltv=720.6, avg_identities=3.0, few_identities_share=0.124),
        personas=[
            Persona(pattern=one.key, name=name.format(one), **_texts(said.format(one)))
            for one in summary.patterns
        ],
        strategy=Strategy(**dict.fromkeys(STRATEGY_SECTIONS, leading)),
        warnings=["Only 48 % of profiles carry the trait emails_opened_30d: create it as a computed trait."],
    )


def named(summary: Summary) -> Framework:
    """An answer that names its figures, with assumptions and one figure of the author's own."""
    answer = Path(__file__).with_name("data") / "answer_named.md"
    text = answer.read_text(encoding="utf-8").replace("one open task", "97 % of people have one open task", 1)
    facts = facts_of(summary, "$")
    return worded(summary, facts, read_answers([text], summary, facts, "$"))


def worded(summary: Summary, facts: Facts, answer: CheckedAnswer) -> Framework:
    """The framework of an answer that was read."""
    words = {"personas": answer.personas, "strategy": answer.strategy, "narrative": answer.narrative}
    return framework(summary, facts=facts, checks=answer.checks, **words)


CHANNELS = ["web", "mobile_app", "email", "sms"]
CHANNELS += ["push_notifications", "whatsapp_business", "in_store_kiosk", "tv"]
LONG = "The Remarkably Long-Winded Cross-Channel Connoisseur of Everything, Second Edition"


def stress(summary: Summary) -> Framework:
    """Eight channels, nine patterns, long names, no lifetime value, plans withheld."""
    channels = {name: f"{name}_activity_30d" for name in CHANNELS}
    keys = [*map(dominant, CHANNELS), "omnichannel"]
    coverage = {f"identifier_{index}.push_token": 1 - index / 10 for index in range(10)}
    people = [4210, 2980, 1500, 990, 720, 410, 260, 96, 8834]
    patterns = [
        Pattern(
            key=key,
            label=label(key),
            n=n,
            share=n / 20000,
            share_ci95=(max(0.0, n / 20000 - 0.006), n / 20000 + 0.006),
            avg_ltv=0.0,
            ltv_share=None,
            avg_activity={
                name: 41.5 if dominant(name) == key else 2.0 + 3 * ((row + column) % 5)
                for column, name in enumerate(CHANNELS)
            },
            avg_identities=2.4 + row / 5,
            few_identities_share=0.9 - row / 10,
            identity_coverage={kind: share * (1 - row / 20) for kind, share in coverage.items()},
            plans=None,
        )
        for row, (key, n) in enumerate(zip(keys, people, strict=True))
    ]
    return framework(
        summary,
        source=model.Origin(kind="export", sampling="20,500 profiles of an export were drawn (seed 7)."),
        population=model.Population(
            read=20500,
            classified=20000,
            dormant=480,
            truncated=True,
            rejected={"not_an_object": 20},
            trait_coverage=dict.fromkeys(channels.values(), 0.6),
        ),
        rule=model.Rule(channels=channels, dominance=0.4, boundary_share=0.121),
        totals=model.Group(
            n=20000,
            avg_ltv=0.0,
            avg_identities=3.1,
            few_identities_share=0.31,
            avg_activity=dict.fromkeys(CHANNELS, 6.5),
            identity_coverage=coverage,
        ),
        patterns=patterns,
        withheld={"plans": "the trait holds more than 1,000 different values, so it is free text."},
        personas=[Persona(pattern=key, name=LONG, **_texts(TEXT)) for key in keys],
        strategy=Strategy(**dict.fromkeys(STRATEGY_SECTIONS, TEXT)),
        checks=Checks(missing_sections=[f"{key}/journey" for key in keys]),
        drift=model.Drift(
            since_run_id="2026-10",
            since="2026-10-01T00:00:00Z",
            comparable=True,
            patterns=[_moved(key, n / 20000) for key, n in zip(keys, people, strict=True)],
            new=["tv_dominant"],
            significant=True,
        ),
    )


def _moved(key: str, share: float) -> model.PatternDrift:
    before = None if key == "tv_dominant" else share + 0.01
    change, significant = -0.01 if before else share, key == "web_dominant"
    return model.PatternDrift(
        pattern=key,
        share_before=before,
        share_after=share,
        share_change=change,
        p_value=None,
        significant=significant,
    )


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


def hostile(summary: Summary, block: str = ATTACKS, line: str = ATTACK, figures_count: int = 20) -> Framework:
    """Nine patterns and eight channels with something evil in every text that comes from outside."""
    calm = stress(summary)
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
        personas=[Persona(pattern=pattern.key, name=line, **_texts(block)) for pattern in calm.patterns],
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
