"""Other people's text made safe: the answer's Markdown as HTML and as Markdown, and single lines of either.

Nothing in it can become markup of ours: HTML is shown as text, a link or an image becomes its words (a report
makes no outside request, and its only links are its sources), a heading becomes a bold line.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:  # Reading Markdown is half of this program's import time: only who renders pays for it.
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# Control characters break HTML and logs; direction overrides make a text read differently from what it is.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Half a surrogate pair cannot be encoded at all.
SURROGATE = re.compile("[\ud800-\udfff]")

# What a link may cost of the page's size; a longer address is shown as words.
LONGEST_URL = 500


def clean(text: str) -> str:
    """The text without what no reader can see and no file should hold."""
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", UNPRINTABLE.sub("", text))


def clip(text: str, characters: int) -> str:
    """The text on one line, cut with an ellipsis where it is too long."""
    line = " ".join(text[: characters * 4].split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


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


def host(url: str) -> str:
    """The site that a linkable address really leads to."""
    return urlsplit(url).hostname or ""


def html(text: str, limit_bytes: int) -> tuple[str, bool]:
    """Markdown as HTML of at most `limit_bytes`; and whether it was shortened."""
    shown, shortened = shorten(text, limit_bytes)
    while (size_bytes := len((rendered := _parser().render(shown)).encode())) > limit_bytes:
        shown, shortened = shorten(shown, len(shown) * limit_bytes // (size_bytes + limit_bytes // 10))
    return str(rendered), shortened


def shorten(text: str, characters: int) -> tuple[str, bool]:
    """At most so many characters, clean and cut between two words; and whether any were cut."""
    if len(text) <= characters:
        return clean(text).strip(), False
    return clean((text[:characters].rsplit(None, 1) or [""])[0]).strip(), True


def markdown_line(text: object) -> str:
    """A text as one line in which no character is Markdown."""
    line = " ".join(clean(str(text)).split())
    escaped = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", line.replace("&", "&amp;"))
    return _no_address(escaped.replace("<", "&lt;").replace(">", "&gt;"))


def markdown_link(title: str, url: str) -> str:
    """A link of ours: the title is another's text, the address is one that `address` let through."""
    return f"[{markdown_line(title)}]({url.replace('(', '%28').replace(')', '%29')})"


def markdown_block(text: str) -> str:
    """Markdown that keeps its emphasis and lists, and in which nothing else can act."""
    block = re.sub(r"([\\`\[\]~])", r"\\\1", clean(text).replace("&", "&amp;").replace("<", "&lt;"))
    block = re.sub(r"^[ >\t]*#{1,6}[ \t]+(.+?)[ \t#]*$", _bold_line, block, flags=re.MULTILINE)
    block = re.sub(r"^([ >\t]*)(?=[-=]+[ \t]*$)", r"\1\\", block, flags=re.MULTILINE)
    return _no_address(block.strip())


def _bold_line(heading: re.Match[str]) -> str:
    return f"**{heading[1].replace('*', '')}**\n"


def _no_address(text: str) -> str:
    """The text with nothing in it that a wiki turns into a link or a mention by itself."""
    return re.sub(r"(?i)(?=://)|(?<=\bwww)(?=\.)|(?<=@)(?=\w)", "\N{WORD JOINER}", text)


@cache
def _parser() -> "MarkdownIt":
    """CommonMark with tables, without HTML, links or images."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - see TYPE_CHECKING above

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    for name, drawn in (
        ("link_open", ""),
        ("link_close", ""),
        ("hr", ""),
        ("heading_open", "<p><strong>"),
        ("heading_close", "</strong></p>\n"),
        ("table_open", '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table>\n'),
        ("table_close", "</table></div>\n"),
    ):
        parser.add_render_rule(name, lambda *_, drawn=drawn: drawn)
    parser.add_render_rule("image", _image_words)
    return parser


def _image_words(self: Any, tokens: Sequence["Token"], index: int, options: Any, env: Any) -> str:
    """An image's description: loading one would tell its server who reads."""
    from markdown_it.common.utils import escapeHtml  # noqa: PLC0415 - see TYPE_CHECKING above

    words = self.renderInlineAsText(tokens[index].children or [], options, env)
    return escapeHtml(words)
