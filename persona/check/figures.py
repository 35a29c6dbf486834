"""The figures of a passage, filled in and typed, with the sentences in which they stand."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from typing import NamedTuple

from persona.check.facts import Facts
from persona.check.filling import Filled, Filling
from persona.check.sections import STRATEGY
from persona.check.typed_figures import Vocabulary
from persona.masking import cut
from persona.model import Figure, Rule, Span, Verdict
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
        text, own, filled = self.filling.fill(words)
        owner, _, section = path.partition("/")
        pattern = None if owner in {"", STRATEGY} else owner
        is_prose = section != "name" and len(text) <= MOST_CHARACTERS
        places = list(sentences(text)) if is_prose else [(0, len(text))]
        typed = islice(self._vocabulary.typed_figures(own), MOST_TYPED) if is_prose else ()
        entries = sorted([*(one for one in filled if one.resolved), *typed], key=lambda one: one.start)
        figures = []
        fact: str | None
        verdict: Verdict
        for at, group in groupby(entries, lambda one: bisect_right(places, (one.start, len(text)))):
            sentence, subjects = _about(text, *places[at - 1], names)
            for one in group:
                if isinstance(one, Filled):
                    fact, verdict = one.fact, "from_data"
                else:
                    fact = self._vocabulary.equal(one, [owner, *subjects])
                    verdict = "equal" if fact else "not_in_data"
                figure = Figure(
                    text=one.text,
                    value=one.value,
                    unit=one.unit,
                    verdict=verdict,
                    fact=fact,
                    pattern=pattern,
                    section=section or None,
                    sentence=sentence,
                    start=one.start if path else None,
                    end=one.start + len(one.text) if path else None,
                )
                figures.append(figure)
        assumed = [
            Span(pattern=pattern, section=section, start=start, end=end)
            for start, end in places
            if is_prose and _ASSUMPTION.search(_DENIED.sub("", text[start:end]))
        ]
        unresolved = [one.fact for one in filled if not one.resolved]
        return Passage(path, text, figures, assumed, unresolved, [one.fact for one in filled if not one.like])


def _about(text: str, start: int, end: int, names: Mapping[str, str]) -> tuple[str, list[str]]:
    """A sentence's excerpt, and whose facts its figures may be."""
    excerpt = " ".join(text[start : min(end, start + 1_000)].split())
    spoken = text[start:end].casefold().replace("-", " ").replace("_", " ")
    named = [key for name, key in names.items() if name.casefold() in spoken]
    return cut(excerpt, SENTENCE_CHARACTERS), [*named, "all", "space"]


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Every sentence, item, heading and row of the text: where it starts and ends."""
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        if boundary.start() > start:
            yield start, boundary.start()
        start = boundary.end()
    if start < len(text):
        yield start, len(text)
