"""The figures of a passage, filled in and typed, with the sentences in which they stand."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from persona.check.facts import Facts
from persona.check.filling import Filling
from persona.check.sections import STRATEGY
from persona.check.typed_figures import Vocabulary
from persona.masking import cut
from persona.model import Figure, Rule, Span
from persona.wording import ASSUMPTIONS

# No section is nearly as long, nor types as many figures; in a hostile one only names are looked for.
MOST_CHARACTERS = 2**15
MOST_TYPED = 1_000
# Longest excerpt of the sentence that stands for a figure.
SENTENCE_CHARACTERS = 300
# A full stop and space (in a script without spaces, the stop), but not that of "12 opens vs. 2 sessions"; an
# empty line, or a line that begins a list item, a heading, a row or a quotation.
_BOUNDARY = re.compile(
    r"(?<=[.!?…])(?<!\bvs\.)(?<!\be\.g\.)(?<!\bi\.e\.)[\"”’»)\]*_]{0,4}\s+|(?<=[。！？])[」』）*_]{0,4}\s*"  # noqa: RUF001 - quotation marks, stops
    r"|\n\s*\n|\n(?=[ \t]{0,20}(?:[-*+#|>]|\d{1,3}[.)])\s?)"
)
_ASSUMPTION = re.compile("|".join(row.marks for row in ASSUMPTIONS), re.IGNORECASE)
_DENIED = re.compile("|".join(row.denied for row in ASSUMPTIONS), re.IGNORECASE)


class Passage(NamedTuple):
    """A text of an answer, and all that is to be known of its figures."""

    path: str  # "email_dominant/journey", "email_dominant/next_step.action"; empty: outside of all sections
    text: str
    figures: list[Figure]
    assumed: list[Span]
    unresolved: list[str]
    unlike: list[str]

    @property
    def typed(self) -> int:
        return sum(figure.verdict != "from_data" for figure in self.figures)


class Passages:
    """Reads the passages of answers about one space."""

    def __init__(self, rule: Rule, facts: Facts, currency: str) -> None:
        self.filling = Filling(facts, currency)
        self._vocabulary = Vocabulary(rule, facts, currency)

    def read(self, path: str, words: str, names: Mapping[str, str]) -> Passage:
        """A passage as it is published; in a persona's name, nothing is typed or assumed.

        `names`: how a pattern is called in the answer, by its label and its persona's name, to its key.
        """
        text, own, filled, unresolved, unlike = self.filling.fill(words)
        owner, _, section = path.partition("/")
        pattern = None if owner in {"", STRATEGY} else owner
        is_prose = section != "name" and len(text) <= MOST_CHARACTERS
        own = self._vocabulary.own(own) if is_prose else own
        starts = [figure.start or 0 for figure in filled]
        typed_ahead = MOST_TYPED if is_prose else 0
        figures: list[Figure] = []
        assumed: list[Span] = []
        for start, end in sentences(text) if is_prose else [(0, len(text))]:
            said = text[start:end]
            spoken = said.casefold().replace("-", " ").replace("_", " ")
            subjects = [
                owner,
                *(key for name, key in names.items() if name.casefold() in spoken),
                "all",
                "space",
            ]
            typed = [*islice(self._vocabulary.typed(own, start, end, subjects), typed_ahead)]
            typed_ahead -= len(typed)
            stated = filled[bisect_left(starts, start) : bisect_left(starts, end)] + typed
            if stated:
                sentence = cut(" ".join(said[:1_000].split()), SENTENCE_CHARACTERS)
                place = {"pattern": pattern, "section": section or None, "sentence": sentence}
                place |= {} if path else {"start": None, "end": None}
                stated.sort(key=lambda figure: figure.start or 0)
                figures += [replace(figure, **place) for figure in stated]
            if is_prose and _ASSUMPTION.search(_DENIED.sub("", said)):
                assumed.append(Span(pattern=pattern, section=section, start=start, end=end))
        return Passage(path, text, figures, assumed, unresolved, unlike)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Every sentence, item, heading and row of the text: where it starts and ends."""
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        if boundary.start() > start:
            yield start, boundary.start()
        start = boundary.end()
    if start < len(text):
        yield start, len(text)
