"""Other people's text made safe: the answer's Markdown as HTML and as Markdown, and single lines of either.

Nothing in it can become markup of ours: HTML is shown as text, a link or an image becomes its words (a report
makes no outside request, and its only links are its sources), a heading becomes a bold line.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from typing import Any
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from persona.masking import cut

# Control characters break HTML and logs, the last two of the plane XML; direction marks make a text read
# differently from what it is; zero-width and tag characters hide in it what nobody sees. Joiners do so behind
# letters that join nothing.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\u200c\u200d\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
    "(?<![\u0620-\u1bff\u2600-\u27bf\ufb50-\ufdff\ufe0f\U0001f000-\U0001faff][\u200c\u200d])"
)
# Half a surrogate pair cannot be encoded at all.
SURROGATE = re.compile("[\ud800-\udfff]")

# Characters of private use say where a figure or an assumption begins and ends in a text that is marked.
FIGURES_FROM = 0xF0000
MOST_FIGURES = 60_000
FIGURE_END, ASSUMED, ASSUMED_END = "\ue001\ue002\ue003"
MARK = re.compile(f"([\ue001-\ue003{chr(FIGURES_FROM)}-\U000ffffd])")
# What of a line's beginning is Markdown and no word of the sentence.
_LINE_BEGINNING = re.compile(r"[\s>|]*(?:(?:[-*+]|#{1,6}|\d{1,3}[.)])[ \t]+)*[\s|]*")
_HEADING = re.compile(r"^[ >\t]*#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)

# What a link may cost of the page's size; a longer address is shown as words.
LONGEST_URL = 500


def clean(text: str) -> str:
    """The text without what no reader can see and no file should hold."""
    return text if text.isprintable() else SURROGATE.sub("\ufffd", UNPRINTABLE.sub("", text))


def one_line(text: str) -> str:
    """The same without line breaks."""
    return " ".join(clean(text).split())


def clip(text: str, characters: int) -> str:
    """The text on one line, cut with an ellipsis where it is too long."""
    return cut(" ".join(text[: characters * 4].split()), characters)


def unmarked(text: str) -> str:
    """A stretch of Markdown without its stars, ticks and underlines, for where it is quoted."""
    return re.sub(r"[*`]+|(?<!\w)_+|_+(?!\w)", "", text)


def address(url: str) -> str | None:
    """A web address that may be linked, percent-encoded; None for every other kind of text."""
    try:
        parts = urlsplit(clean(url).strip())
        fitting = parts.scheme in {"http", "https"} and parts.hostname and len(url) <= LONGEST_URL
    except ValueError:
        return None
    return quote(parts.geturl(), safe="/:?#@!$&'*+,;=%~[]") if fitting else None


def marked(text: str, figures: Iterable[tuple[int, int, int]], assumed: Iterable[tuple[int, int]]) -> str:
    """The text with marks around its figures (start, end, number) and around what it assumes."""
    own = MARK.sub("\N{REPLACEMENT CHARACTER}", text)
    marks: list[tuple[int, int, str]] = []  # place, which comes first at one place, mark
    for start, end, number in figures:
        if number < MOST_FIGURES and 0 <= start < end <= len(text):
            escaped = own[start - 1 : start] == "\\"
            marks += [(start - escaped, 2, chr(FIGURES_FROM + number)), (end, 0, FIGURE_END)]
    for start, end in assumed:
        beginning = _LINE_BEGINNING.match(own, start, max(start, end))
        marks += [(beginning.end() if beginning else start, 1, ASSUMED), (end, 1, ASSUMED_END)]
    parts, at = [], 0
    for place, _, mark in sorted(marks):
        parts += [own[at:place], mark]
        at = place
    return "".join([*parts, own[at:]])


def html(text: str, most: int, figures: Sequence[str] = ()) -> tuple[Markup, bool]:
    """At most so many characters of Markdown as HTML; and whether it was shortened.

    `figures`: the opening `a` tag of each figure by its number, for a text with marks.
    """
    shown, shortened = shorten(text, most)
    rendered = _parser().render(shown, {"figures": figures})
    return Markup(rendered), shortened  # noqa: S704 - made by a renderer that passes no HTML through


def html_lines(texts: Iterable[str], figures: Sequence[str] = ()) -> list[Markup]:
    """Single lines of one marked Markdown text as HTML without paragraphs."""
    state = {"figures": figures}
    return [Markup(_parser().renderInline(clean(text), state)) for text in texts]  # noqa: S704 - as above


def shorten(text: str, characters: int) -> tuple[str, bool]:
    """At most so many characters, clean and cut between two words; and whether any were cut."""
    if len(text) <= characters:
        return clean(text).strip(), False
    return clean((text[:characters].rsplit(None, 1) or [""])[0]).strip(), True


class Inert(str):
    """Markdown that a template may write as it is."""

    __slots__ = ()


def markdown_line(text: object) -> str:
    """A text as one line in which no character is Markdown; what is inert already stays as it is."""
    if isinstance(text, Inert):
        return text
    escaped = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", one_line(str(text)).replace("&", "&amp;"))
    return _no_address(escaped.replace("<", "&lt;").replace(">", "&gt;"))


def markdown_block(text: str) -> Inert:
    """Markdown that keeps its emphasis and lists, and in which nothing else can act."""
    block = re.sub(r"([\\`\[\]~])", r"\\\1", clean(text).replace("&", "&amp;").replace("<", "&lt;"))
    block = _HEADING.sub(lambda heading: f"**{heading[1].replace('*', '')}**\n", block)
    block = re.sub(r"^([ >\t]*)(?=[-=]+[ \t]*$)", r"\1\\", block, flags=re.MULTILINE)
    return Inert(_no_address(block.strip()))


def _no_address(text: str) -> str:
    """The text with nothing in it that a wiki turns into a link or a mention by itself."""
    return re.sub(r"(?i)(?=://)|(?<=\bwww)(?=\.)|(?<=@)(?=\w)|(?<=#)(?=\d)", "\N{WORD JOINER}", text)


# What a token of Markdown becomes: a link its words, a heading a bold line.
_DRAWN = {
    "text": "{}",
    "code_inline": "<code>{}</code>",
    "code_block": "<pre><code>{}</code></pre>\n",
    "fence": "<pre><code>{}</code></pre>\n",
    "link_open": "",
    "link_close": "",
    "hr": "",
    "heading_open": "<p><strong>",
    "heading_close": "</strong></p>\n",
    "table_open": '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table>\n',
    "table_close": "</table></div>\n",
}


@cache
def _parser() -> Any:
    """CommonMark with tables, without HTML, links or images."""
    # Half of this program's import time: only who renders pays for it.
    from markdown_it import MarkdownIt  # noqa: PLC0415

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    for name, drawn in _DRAWN.items():
        parser.add_render_rule(
            name, lambda _, tokens, at, __, state, drawn=drawn: drawn.format(_text(tokens[at].content, state))
        )
    parser.add_render_rule("image", _image_words)
    return parser


def _text(content: str, state: dict[str, Any]) -> str:
    """A piece of text, linked where it is a figure; each closes what it opens, so all is well nested.

    What is open goes on in the next piece: the tag of a figure, and whether it assumes.
    """
    shown, figures = "", state["figures"]
    for piece in MARK.split(content):
        if piece in {ASSUMED, ASSUMED_END}:
            state["assumed"] = piece == ASSUMED
        elif MARK.fullmatch(piece):
            number = ord(piece) - FIGURES_FROM
            state["figure"] = figures[number] if 0 <= number < len(figures) else None
        elif piece:
            words = escape(piece, quote=False)
            words = f"{state['figure']}{words}</a>" if state.get("figure") else words
            shown += f'<span class="assumed">{words}</span>' if state.get("assumed") else words
    return shown


def _image_words(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """An image's description: loading one would tell its server who reads."""
    words = self.renderInlineAsText(tokens[index].children or [], options, env)
    return escape(MARK.sub("", words), quote=False)
