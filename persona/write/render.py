"""The framework in all its forms: JSON, Markdown for a wiki or a chat, a page, slides, and facts as CSV.

The page is one file without a script or an outside request, small enough to mail; a text that is too long for
that is cut, and the page says so.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256

import msgspec

from persona.model import SECTIONS, STRATEGY_SECTIONS, Figure, Framework, Members
from persona.write import overview, prose, templates, traces, words

_STYLE = (templates.ROOM / "page.css").read_text(encoding="utf-8")
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

# What the page may do: show its own style and its own icon. `frame-ancestors` works in a header only.
_PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
CONTENT_SECURITY_POLICY = f"{_PAGE_POLICY}; frame-ancestors 'none'"

# A page that is mailed must stay below this, whatever the answer holds …
PAGE_BYTES = 300_000
# … of which the author's text may take so much, divided fairly among its sections …
PROSE_BYTES = 150_000
# … but no section more than this: some Markdown takes time that grows with the square of its length …
SECTION_BYTES = 6_000
# … the whole answer where a part could not be placed …
WHOLE_BYTES = 15_000
# … and lists that have no end of their own so many rows. What is left out is counted on the page.
ROWS = {
    "figures": 40,  # typed and not in the data, and as many typed and equal to it
    "facts": 60,
    "computed": 60,
    "sources": 30,
    "warnings": 12,
    "missing": 60,
    "changes": 12,  # of one pattern
}
# What a chat message holds.
SUMMARY_CHARACTERS = 600
# Where that is still too much (every character a long one), the page is drawn again with a part of it.
ROOMS = (1.0, 0.4)
SMALLEST_ROOM = 0.1


def outputs(framework: Framework, members: Members | None = None) -> dict[str, bytes]:
    """Every form of the framework by its object's name, and the view of its people where there can be one."""
    # A cold start that shows a page needs none of them.
    from persona.write import facts_csv, members_sql, slides  # noqa: PLC0415

    return {
        "framework.html": as_html(framework).encode(),
        "framework.md": as_markdown(framework).encode(),
        "framework.pptx": slides.as_pptx(framework),
        "facts.csv": facts_csv.as_csv(framework),
        **({"members.sql": members_sql.as_sql(framework, members)} if members else {}),
        "framework.json": as_json(framework),
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
    template = templates.for_markdown().get_template("page.md")

    def drawn(room: float) -> str:
        limit_characters = _section_bytes(framework, room)
        page = template.render(
            **_content(framework, room),
            sections=SECTIONS,
            summary=overview.summary(framework, SUMMARY_CHARACTERS).split("\n"),
            block=lambda text: templates.Inert(_markdown_section(text, limit_characters)),
            link=lambda title, url: templates.Inert(prose.markdown_link(title, url)),
        )
        return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"

    return _fitting(drawn)


def as_html(framework: Framework) -> str:
    """`framework.html`: one self-contained page of less than 300 KB."""
    from markupsafe import Markup  # noqa: PLC0415 - a cold start that renders nothing need not load it

    template = templates.for_html().get_template("page.html")

    def drawn(room: float) -> str:
        page = template.render(
            **_content(framework, room),
            **_texts(framework, room),
            style=Markup(_STYLE),  # noqa: S704 - our own file
            policy=_PAGE_POLICY,
        )
        return prose.clean(page)

    return _fitting(drawn)


def _texts(framework: Framework, room: float) -> dict[str, object]:
    """The author's texts as HTML, in which every figure leads to its fact."""
    from markupsafe import Markup  # noqa: PLC0415 - as above

    limit_bytes = _section_bytes(framework, room)
    trail = _traces(framework, room)
    tags = list(trail.tags(framework.checks.figures, Markup))
    marked = partial(_marked, framework)

    def written(owner: str | None, section: str, text: str) -> tuple[str, bool]:
        html, shortened = prose.html(marked(owner, section, text), limit_bytes, tags)
        return Markup(html), shortened  # noqa: S704 - made by a renderer that passes no HTML through

    def line(owner: str, section: str, text: str) -> str:
        [html] = prose.html_lines([marked(owner, section, text)[:limit_bytes]], tags)
        return Markup(html)  # noqa: S704 - as above

    def whole(text: str) -> tuple[str, bool]:
        html, shortened = prose.html(text, int(room * WHOLE_BYTES))
        return Markup(html), shortened  # noqa: S704 - as above

    def journey(card: overview.Card) -> tuple[list[tuple[int, str]], str]:
        steps, around = overview.path(marked(card.key, "journey", card.persona.journey or "")[:limit_bytes])
        slots = [overview.channel_of(step, framework.rule) for step in steps]
        *lines, rest = prose.html_lines([*steps, ""], tags)
        rest, _ = prose.html(around, limit_bytes, tags) if around else ("", False)
        return list(zip(slots, map(Markup, lines), strict=True)), Markup(rest)  # noqa: S704 - as above

    journeys = {card.key: journey(card) for card in overview.cards(framework)}
    return {"written": written, "line": line, "whole": whole, "journeys": journeys, "traces": trail}


def _marked(framework: Framework, owner: str | None, section: str, text: str) -> str:
    """A section's text with marks around its figures and its assumptions."""
    figures = [
        (figure.start, figure.end, number)
        for number, figure in enumerate(framework.checks.figures)
        if (figure.pattern, figure.section) == (owner, section)
        and figure.start is not None
        and figure.end is not None
    ]
    assumed = [
        (span.start, span.end)
        for span in framework.checks.assumed
        if (span.pattern, span.section) == (owner, section)
    ]
    return prose.marked(text, figures, assumed)


def _traces(framework: Framework, room: float) -> traces.Traces:
    return traces.Traces(framework, int(ROWS["facts"] * room), int(ROWS["computed"] * room))


def _fitting(drawn: Callable[[float], str]) -> str:
    """The fullest page that is small enough."""
    for room in ROOMS:
        page = drawn(room)
        if len(page.encode()) < PAGE_BYTES:
            return page
    return drawn(SMALLEST_ROOM)


def _content(framework: Framework, room: float) -> dict[str, object]:
    """What both templates show, in the order of the page."""
    most = {name: int(rows * room) for name, rows in ROWS.items()}
    return {
        "f": framework,
        "most": most,
        "headline": overview.headline(framework),
        "lacking": overview.missing(framework),
        "moved": words.moved(framework),
        "figures_of": partial(_figures_of, framework, most["figures"]),
        "cards": overview.cards(framework),
        "steps": overview.by_stake(framework),
        "strategy": [
            (section, words.STRATEGY_TITLES[section], getattr(framework.strategy, section))
            for section in STRATEGY_SECTIONS
        ],
        "identifiers": _identifiers(framework),
        "sources": list(_sources(framework))[: most["sources"]],
    }


def _figures_of(framework: Framework, most: int, verdict: str) -> tuple[list[Figure], int]:
    """The figures with a verdict that the page has room for, and how many it leaves out."""
    figures = [figure for figure in framework.checks.figures if figure.verdict == verdict]
    return figures[:most], max(0, len(figures) - most)


def _identifiers(framework: Framework) -> list[str]:
    """The external-id types that most people carry, the most common first."""
    coverage = framework.totals.identity_coverage or {}
    known = {kind for pattern in framework.patterns for kind in pattern.identity_coverage or {}}
    return sorted(known, key=lambda kind: (-coverage.get(kind, 0.0), kind))


def _sources(framework: Framework) -> Iterator[tuple[str, str | None, str]]:
    """Yield a source's title, its address if that may be linked, and the site that it really leads to."""
    for source in framework.mave.sources[: ROWS["sources"]] if framework.mave else []:
        url = prose.address(source.url)
        site = prose.host(url) if url else prose.clip(source.domain, 80)
        yield prose.clip(source.title, 160) or site, url, site


def _section_bytes(framework: Framework, room: float) -> int:
    """What each section may take of the page."""
    texts = [words.text(persona, section) for persona in framework.personas for section in SECTIONS]
    texts += [getattr(framework.strategy, section) for section in STRATEGY_SECTIONS]
    return int(room * min(SECTION_BYTES, PROSE_BYTES / max(1, len([text for text in texts if text]))))


def _markdown_section(text: str, characters: int) -> str:
    shown, shortened = prose.shorten(text, characters)
    note = "\n\n_Shortened here: the full text is in framework.json._" if shortened else ""
    return prose.markdown_block(shown) + note
