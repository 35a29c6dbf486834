"""A text's sentences by their places, and those that are marked as assumptions."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from persona.wording import ASSUMPTIONS

# A full stop and space (in a script without spaces, the stop), an empty line, or a line that begins a list
# item, a heading, a row or a quotation.
_BOUNDARY = re.compile(
    r"(?<=[.!?…])[\"”’»)\]*_]{0,4}\s+|(?<=[。！？])[」』）*_]{0,4}\s*"  # noqa: RUF001 - quotation marks, stops
    r"|\n\s*\n|\n(?=[ \t]{0,20}(?:[-*+#|>]|\d{1,3}[.)])\s?)"
)
_ASSUMPTION = re.compile("|".join(row.marks for row in ASSUMPTIONS), re.IGNORECASE)
_DENIED = re.compile("|".join(row.denied for row in ASSUMPTIONS), re.IGNORECASE)


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
    return _ASSUMPTION.search(_DENIED.sub("", sentence)) is not None
