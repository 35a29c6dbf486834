"""A Markdown text as plain sentences: what a reader reads, in the order of reading.

A table's cell becomes a sentence with its row and column ("Email Dominant — Avg LTV: $339"): only there
does the cell say what its figure measures. Every pattern here is linear in the text's length.
"""

# ruff: noqa: RUF001 - people write figures with dashes, crosses and curly quotes, and so do these patterns

import html
import re
from collections.abc import Iterator

# Room for a long sentence with its context. A longer run of words is cut at a space, never dropped.
SENTENCE_CHARACTERS = 400

_FENCE = re.compile(r"\s*(?:```|~~~)")
_RULE = re.compile(r"\s*(?:[-*_=]\s?){3,}\s*$")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_QUOTE = re.compile(r"^(?:\s{0,3}>)+\s?")
_NUMBERING = re.compile(r"^\d{1,3}(?:(?:\.\d{1,3}){0,3}[.)]|(?:\.\d{1,3}){1,3})\s+")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")

_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|~$<>])")
_CITATION = re.compile(r"\[\^?\d{1,3}(?:,\s?\d{1,3}){0,9}\](?!\()")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\n]{0,500}\)")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_TAG = re.compile(r"</?[A-Za-z!][^<>\n]{0,300}>")
_EMPHASIS = re.compile(r"\*+(?=\S)|(?<=\S)\*+|`+|~~|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)")
# Not `\s`: a no-break or thin space may group digits.
_SPACE = re.compile(r"[ \t\r\n\f\v]+")

_STOP = re.compile(r"[.!?…][\"”'’)\]]{0,3} (?=\S)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:vs|avg|approx|e\.g|i\.e|ca|c|no|incl|excl|est|resp|cf)\.$", re.IGNORECASE
)
_LONGEST_ABBREVIATION = 10


def sentences(markdown: str) -> Iterator[str]:
    """Yield the text's sentences without markup, list numbers and addresses."""
    for block in _blocks(markdown):
        yield from _split(_plain(block))


def _blocks(markdown: str) -> Iterator[str]:
    """Yield paragraphs, headings, list items and table cells: no sentence runs over their borders."""
    paragraph: list[str] = []
    head: list[str] | None = None
    for raw in markdown.splitlines():
        line = _QUOTE.sub("", raw, count=1)
        if "|" in line and _TABLE_RULE.match(line):
            head = _cells(paragraph.pop()) if paragraph else None
        elif head and "|" in line:
            yield from _row(head, _cells(line))
        else:
            head = None
            if _starts_block(line):
                yield "\n".join(paragraph)
                paragraph.clear()
            if _HEADING.match(line):
                yield _NUMBERING.sub("", _HEADING.sub("", line, count=1).lstrip("*_ "), count=1)
            elif not (_RULE.match(line) or _FENCE.match(line)):
                paragraph.append(_ITEM.sub("", line, count=1))
    yield "\n".join(paragraph)


def _starts_block(line: str) -> bool:
    return (
        not line.strip()
        or any(opening.match(line) for opening in (_HEADING, _ITEM, _RULE, _FENCE))
        or line.lstrip().startswith("|")
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _row(head: list[str], cells: list[str]) -> Iterator[str]:
    yield cells[0]
    for name, cell in zip(head[1:], cells[1:], strict=False):
        yield f"{cells[0]} — {name}: {cell}"


def _plain(block: str) -> str:
    text = _ESCAPED.sub(r"\1", html.unescape(block))
    for markup, words in ((_CITATION, ""), (_LINK, r"\1"), (_ADDRESS, ""), (_TAG, " "), (_EMPHASIS, "")):
        text = markup.sub(words, text)
    return _SPACE.sub(" ", text).strip()


def _split(text: str) -> Iterator[str]:
    start = 0
    for stop in _STOP.finditer(text):
        before = text[max(start, stop.start() + 1 - _LONGEST_ABBREVIATION) : stop.start() + 1]
        if text[stop.end()].islower() or _ABBREVIATION.search(before):
            continue
        yield from _cut(text[start : stop.end() - 1])
        start = stop.end()
    yield from _cut(text[start:])


def _cut(sentence: str) -> Iterator[str]:
    while len(sentence) > SENTENCE_CHARACTERS:
        at = sentence.rfind(" ", 1, SENTENCE_CHARACTERS)
        at = SENTENCE_CHARACTERS if at < 0 else at
        yield sentence[:at]
        sentence = sentence[at:].lstrip(" ")
    if sentence:
        yield sentence
