"""The framework in all its forms: JSON, Markdown for a wiki or a chat, a page, slides, and facts as CSV.

The page is one file without a script or an outside request, small enough to mail; a text that is too long for
that is cut, and the page says so.
"""

import json
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache, partial
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec
from markupsafe import Markup

from persona.model import SECTIONS, STRATEGY_SECTIONS, Framework, Members
from persona.write import escaping, overview, templates
from persona.write.appendix import Appendix

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
# … so the author's text is shown up to so many characters, divided fairly among its sections …
TEXT_CHARACTERS = 150_000
MOST = {
    # … but no section more than this: some Markdown takes time that grows with the square of its length …
    "section": 6_000,
    # … the whole answer where a part could not be placed …
    "whole": 15_000,
    # … and lists that have no end of their own so many rows. What is left out is counted on the page.
    "figures": 40,  # typed and not in the data, and as many typed and equal to it
    "facts": 60,
    "computed": 60,
    "sources": 30,
    "warnings": 12,
    "missing": 60,
}
# Where that is too much (many figures, tables, long characters), the page is drawn again with a part of it.
ROOMS = (1.0, 0.4, 0.1, 0.01)


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
        encoded = escaping.SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).encode()
    return msgspec.json.format(encoded, indent=2) + b"\n"


def as_markdown(framework: Framework) -> str:
    """`framework.md`: the page's content in Markdown; nothing that the author wrote can act in it."""
    # The external-id types that most people carry first.
    coverage = framework.totals.identity_coverage or {}
    kinds = {kind for pattern in framework.patterns for kind in pattern.identity_coverage or {}}
    identifiers = sorted(kinds, key=lambda kind: (-coverage.get(kind, 0.0), kind))
    page = _fitting("page.md", framework, sections=SECTIONS, identifiers=identifiers)
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def as_html(framework: Framework) -> str:
    """`framework.html`: one self-contained page of less than 300 KB."""
    style, texts = Markup(_STYLE), partial(_texts, framework)  # noqa: S704 - our own file
    return escaping.clean(_fitting("page.html", framework, texts, style=style, policy=_PAGE_POLICY))


def _fitting(
    name: str,
    framework: Framework,
    texts: Callable[[dict[str, int]], dict[str, object]] = lambda _: {},
    **content: object,
) -> str:
    """The fullest page that is small enough; `texts` is what has to be made anew for each size."""
    cards = overview.cards(framework)
    steps = [card for card in cards if card.persona.next_step]
    content |= {"f": framework, "cards": cards, "steps": steps}
    sections = len(framework.personas) * len(SECTIONS) + len(STRATEGY_SECTIONS)
    characters = min(MOST["section"], TEXT_CHARACTERS / sections)
    for room in ROOMS:
        most = {what: int(room * n) for what, n in (MOST | {"section": characters}).items()}
        content |= {"most": most, "sources": list(_sources(framework, most["sources"]))}
        page = templates.template(name).render(content | texts(most))
        if len(page.encode(errors="surrogatepass")) < PAGE_BYTES:
            break
    return page


def _texts(framework: Framework, most: dict[str, int]) -> dict[str, object]:
    """The author's texts as HTML, in which every figure leads to its fact."""
    appendix = Appendix(framework, most["facts"], most["computed"])
    tags = list(appendix.links())
    characters = most["section"]
    figures: dict[object, list[tuple[int, int, int]]] = defaultdict(list)
    assumed: dict[object, list[tuple[int, int]]] = defaultdict(list)
    for number, figure in enumerate(framework.checks.figures):
        if figure.start is not None and figure.end is not None:
            figures[figure.pattern, figure.section].append((figure.start, figure.end, number))
    for span in framework.checks.assumed:
        assumed[span.pattern, span.section].append((span.start, span.end))

    def marked(owner: str | None, section: str, text: str) -> str:
        return escaping.marked(text, figures[owner, section], assumed[owner, section])

    @cache  # a next step stands in two places
    def written(owner: str | None, section: str, text: str) -> tuple[Markup, bool]:
        return escaping.html(marked(owner, section, text), characters, tags)

    def line(owner: str, section: str, text: str) -> Markup:
        return escaping.html_lines([marked(owner, section, text)[:characters]], tags)[0]

    def journey(card: overview.Card) -> tuple[list[tuple[int, Markup]], Markup]:
        steps, around = overview.path(marked(card.key, "journey", card.persona.journey or "")[:characters])
        slots = [overview.channel_of(step, framework.rule) for step in steps]
        beside = escaping.html(around, characters, tags)[0] if steps else Markup()
        return list(zip(slots, escaping.html_lines(steps, tags), strict=True)), beside

    whole = partial(escaping.html, most=most["whole"])
    return {"written": written, "line": line, "whole": whole, "journey": journey, "appendix": appendix}


def _sources(framework: Framework, most: int) -> Iterator[tuple[str, str | None, str]]:
    """Yield a source's title, its address if that may be linked, and the site that it really leads to."""
    for source in framework.mave.sources[:most] if framework.mave else []:
        url = escaping.address(source.url)
        site = (urlsplit(url).hostname or "") if url else escaping.clip(source.domain, 80)
        yield escaping.clip(source.title, 160) or site, url, site
