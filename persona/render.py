"""The framework as JSON for programs, as Markdown for a wiki or a pull request, and as a page for people.

The page is one file without a script or an outside request, small enough to mail; the text of an answer that is
too long for that is cut where the page says so.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from persona.model import SECTIONS, STRATEGY_SECTIONS, Claim, Framework, Pattern, Persona, label
from persona.report import charts, figures, prose, words

if TYPE_CHECKING:  # A cold start that renders nothing need not load the template engine.
    from jinja2 import Environment

_ROOM = Path(__file__).with_name("report")
_STYLE = (_ROOM / "page.css").read_text(encoding="utf-8")
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

# What the page may do: show its own style and its own icon. `frame-ancestors` works in a header only.
_PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
)
CONTENT_SECURITY_POLICY = f"{_PAGE_POLICY}; frame-ancestors 'none'"

# Shares of the 300 KB that a page may have: what the author wrote, fairly divided among its sections …
PROSE_BYTES = 120_000
# … and rows of lists that have no end of their own. What is left out is counted on the page.
MOST = {
    "contradictions": 40,
    "claims": 40,  # supported, and as many unverified
    "sources": 30,
    "warnings": 12,
    "identifiers": 12,
    "missing": 60,
    "changes": 12,  # of one pattern
}


def as_json(framework: Framework) -> bytes:
    """`framework.json`, indented; half a surrogate pair, which no file can hold, becomes U+FFFD."""
    try:
        encoded = msgspec.json.encode(framework)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(framework), ensure_ascii=False)
        encoded = prose.SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).encode()
    return msgspec.json.format(encoded, indent=2) + b"\n"


def as_markdown(framework: Framework) -> str:
    """`framework.md`: the page's content in Markdown; nothing that the author wrote can act in it."""
    limit_characters = _section_bytes(framework)
    page = (
        _markdown_templates()
        .get_template("page.md")
        .render(
            **_content(framework),
            sections=SECTIONS,
            block=lambda text: _Inert(_markdown_section(text, limit_characters)),
            link=lambda title, url: _Inert(prose.markdown_link(title, url)),
        )
    )
    return re.sub(r"\n{3,}", "\n\n", prose.clean(page)).strip() + "\n"


def as_html(framework: Framework) -> str:
    """`framework.html`: one self-contained page of less than 300 KB."""
    from markupsafe import Markup  # noqa: PLC0415 - see TYPE_CHECKING above

    template = _html_templates().get_template("page.html")
    limit_bytes = _section_bytes(framework)

    def written(text: str, notes: list[words.Note], draw: Callable[[words.Note], str]) -> tuple[str, bool]:
        html, shortened = prose.html(text, notes, draw, limit_bytes)
        return Markup(html), shortened  # noqa: S704 - made by a renderer that passes no HTML through

    return prose.clean(
        template.render(
            **_content(framework),
            written=written,
            charts=charts,
            style=Markup(_STYLE),  # noqa: S704 - our own file
            policy=_PAGE_POLICY,
        )
    )


def _content(framework: Framework) -> dict[str, object]:
    """What both templates show, in the order of the page."""
    notes = words.notes(framework)
    return {
        "f": framework,
        "headline": words.headline(framework),
        "findings": list(words.findings(framework)),
        "notes": notes[:MOST["contradictions"]],
        "notes_of": partial(_notes_of, notes[:MOST["contradictions"]]),
        "counts": framework.checks.counts(),
        "claims_of": partial(_claims_of, framework),
        "cards": list(_cards(framework)),
        "strategy": [
            (section, words.STRATEGY_TITLES[section], getattr(framework.strategy, section))
            for section in STRATEGY_SECTIONS
        ],
        "identifiers": _identifiers(framework),
        "sources": list(_sources(framework)),
        "self_check": words.self_check(framework),
        "most": MOST,
    }


def _cards(framework: Framework) -> Iterator[tuple[Pattern | None, Persona]]:
    """Yield every pattern with its persona, an empty one where the answer has none; then personas left over."""
    personas = {persona.pattern: persona for persona in framework.personas}
    for pattern in framework.patterns:
        yield pattern, personas.pop(pattern.key, None) or Persona(pattern=pattern.key)
    for persona in personas.values():
        yield None, persona


def _notes_of(notes: list[words.Note], pattern: str | None, *sections: str | None) -> list[words.Note]:
    """The contradictions that one place of the text has to show."""
    return [note for note in notes if note.claim.pattern == pattern and note.claim.section in sections]


def _claims_of(framework: Framework, verdict: str) -> tuple[list[Claim], int]:
    """The claims with a verdict that the page has room for, and how many it leaves out."""
    claims = [claim for claim in framework.checks.claims if claim.verdict == verdict]
    return claims[:MOST["claims"]], max(0, len(claims) - MOST["claims"])


def _identifiers(framework: Framework) -> list[str]:
    """The external-id types that most people carry, the most common first."""
    coverage = framework.totals.identity_coverage or {}
    known = {kind for pattern in framework.patterns for kind in pattern.identity_coverage or {}}
    return sorted(known, key=lambda kind: (-coverage.get(kind, 0.0), kind))


def _sources(framework: Framework) -> Iterator[tuple[str, str | None, str]]:
    """Yield a source's title, its address if that may be linked, and the site that it really leads to."""
    for source in framework.mave.sources[:MOST["sources"]] if framework.mave else []:
        url = prose.address(source.url)
        site = prose.host(url) if url else prose.clip(source.domain, 80)
        yield prose.clip(source.title, 160) or site, url, site


def _section_bytes(framework: Framework) -> int:
    """What each section may take of the page."""
    texts = [getattr(persona, section) for persona in framework.personas for section in SECTIONS]
    texts += [getattr(framework.strategy, section) for section in STRATEGY_SECTIONS]
    return PROSE_BYTES // max(1, len([text for text in texts if text]))


def _markdown_section(text: str, characters: int) -> str:
    shown, shortened = prose.shorten(text, characters)
    note = "\n\n_Shortened here: the full text is in framework.json._" if shortened else ""
    return prose.markdown_block(shown) + note


class _Inert(str):
    """Markdown that a template may write as it is."""

    __slots__ = ()


def _as_line(value: object) -> str:
    return value if isinstance(value, _Inert) else prose.markdown_line(value)


@cache
def _html_templates() -> "Environment":
    return _templates(autoescape=True)


@cache
def _markdown_templates() -> "Environment":
    """Everything that a template writes becomes one line without Markdown of its own, unless it is `_Inert`."""
    return _templates(autoescape=False, finalize=_as_line)


def _templates(*, autoescape: bool, finalize: Callable[[object], str] | None = None) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - see TYPE_CHECKING above

    templates = Environment(
        loader=FileSystemLoader(_ROOM),
        autoescape=autoescape,  # noqa: S701 - Markdown has its own escaping, in `finalize`
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters |= {
        "count": figures.count,
        "decimal": figures.decimal,
        "exact": figures.exact,
        "percent": figures.percent,
        "interval": figures.interval,
        "points": figures.points,
        "money": figures.money,
        "date": figures.date,
        "clip": prose.clip,
        "unmarked": prose.unmarked,
        "label": label,
        "plain": words.plain,
    }
    templates.globals |= {"words": words}
    return templates
