"""A text's sentences by their places, and those that are marked as assumptions."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# A full stop and space, an empty line, or a line that begins a list item, a heading, a row or a quotation.
_BOUNDARY = re.compile(
    r"(?<=[.!?…])[\"”’»)\]*_]{0,4}\s+|\n\s*\n|\n(?=[ \t]{0,20}(?:[-*+#|>]|\d{1,3}[.)])\s?)"  # noqa: RUF001 - quotation marks
)
_ASSUMPTION = re.compile(r"\bassumptions?\b|\bassumed\b|\bwe assume\b|\bI assume\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:no|not an?|without|never an?)\s\Z", re.IGNORECASE)
_DENIED_CHARACTERS = 12


class Sentence(NamedTuple):
    start: int
    end: int


def sentences(text: str) -> Iterator[Sentence]:
    """Every sentence, item, heading and row of the text, by its place."""
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        if boundary.start() > start:
            yield Sentence(start, boundary.start())
        start = boundary.end()
    if start < len(text):
        yield Sentence(start, len(text))


def is_assumption(sentence: str) -> bool:
    """Whether a sentence, or a clause of it, is marked with the word."""
    return any(
        not _DENIED.search(sentence[max(0, word.start() - _DENIED_CHARACTERS) : word.start()])
        for word in _ASSUMPTION.finditer(sentence)
    )
