"""A text with its figures: those that braces name, filled in, and those that its author typed."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from persona.check.arithmetic import UNRESOLVED, compute, normal
from persona.check.sections import STRATEGY
from persona.check.typed_figures import OTHERS, typed, vocabulary
from persona.masking import cut, printable
from persona.model import Fact, Figure, Rule, Span
from persona.wording import ASSUMPTIONS, written

NO_SUCH_FIGURE = "(no such figure)"
# An answer holds some hundred different ones; of a flood of them the rest costs nothing.
MOST_EXPRESSIONS = 10_000
# No section is nearly as long, nor has as many; in a hostile one only names are looked for.
MOST_CHARACTERS, MOST_FIGURES = 2**15, 1_000

# Braces, or an unclosed pair with a name behind it; and a sign or word that a writer may have typed beside
# them all the same, with emphasis between.
_MOST_BEFORE_CHARACTERS = 20  # the longest currency, a space and the emphasis
_BEFORE = r"(?:{sign}[ \u00a0]?)?(?P<opening>[*_`]{{0,3}})\Z"
_BRACES = r"""
    \{{\{{(?<!\{{\{{\{{)\{{*+  # a run of them once
    (?:(?P<expression>[^{{}}\n]{{0,400}})\}}+|(?P<name>\s*[a-z][a-z0-9_\\]*\.[a-z0-9_\\]+))
    (?P<closing>[*_`]{{0,3}}) (?=(?P<money>[ \u00a0]?{sign})?)
    (?=(?P<share>(?:[ \u00a0]?(?:%|per[ ]?cent\b))?(?:[ \u00a0-]?(?:percentage[ \u00a0-])?points?\b)?))
"""
_SAID = {"money": "money", "share": "share", "points": "share"}  # what a figure of some unit already says

# A full stop and space (in a script without spaces, the stop), but not that of "12 opens vs. 2 sessions"; an
# empty line, or a line that begins a list item, a heading, a row or a quotation.
_BOUNDARY = re.compile(
    r"(?<=[.!?…])(?<!\bvs\.)(?<!\be\.g\.)(?<!\bi\.e\.)[\"”’»)\]*_]{0,4}\s+|(?<=[。！？])[」』）*_]{0,4}\s*"  # noqa: RUF001 - quotation marks, stops
    r"|\n\s*\n|\n(?=[ \t]{0,20}(?:[-*+#|>]|\d{1,3}[.)])\s?)"
)
_ASSUMPTION = re.compile("|".join(row.marks for row in ASSUMPTIONS), re.IGNORECASE)
_DENIED = re.compile("|".join(row.denied for row in ASSUMPTIONS), re.IGNORECASE)


class Passage(NamedTuple):
    """A text of an answer with its figures filled in, and all that is to be known of them."""

    text: str
    figures: list[Figure]
    unresolved: list[str]  # what stands in braces and is no figure
    unlike: list[str]  # arithmetic over facts that are not alike
    assumed: list[Span]

    @property
    def typed(self) -> int:
        return sum(figure.verdict != "from_data" for figure in self.figures)


class Passages:
    """Reads the texts of answers about one space; what stands in braces is computed once."""

    def __init__(self, rule: Rule, facts: Mapping[str, Fact], currency: str) -> None:
        self._facts, self._currency = facts, currency
        self._typed = vocabulary(rule, currency)
        self._by_subject: dict[str, list[tuple[str, Fact]]] = defaultdict(list)
        for name, fact in facts.items():
            self._by_subject[name.partition(".")[0]].append((name, fact))
        sign = rf"(?:{re.escape(currency)}|[$€£¥]|\b(?:EUR|USD|GBP|CHF)\b)"
        self._braces = re.compile(_BRACES.format(sign=sign), re.IGNORECASE | re.VERBOSE)
        self._before = re.compile(_BEFORE.format(sign=sign), re.IGNORECASE)
        self._figure = cache(self._computed)

    def fill(self, text: str) -> Passage:
        """The text with figures, and `NO_SUCH_FIGURE` where braces name none."""
        parts: list[str] = []
        figures: list[Figure] = []
        faults: dict[str, list[str]] = {"unresolved": [], "unlike": []}
        end = length = 0
        for braces in self._braces.finditer(text):
            expression = braces["name"] if braces["expression"] is None else braces["expression"]
            figure, fault = self._figure(expression)
            last = braces.start()
            beside = next(self._before.finditer(text, max(end, last - _MOST_BEFORE_CHARACTERS), last))
            opening, closing = beside["opening"], braces["closing"]
            if opening[-1:] == closing[:1] == "`":
                opening, closing = opening[:-1], closing[1:]
            before = text[end : beside.start("opening" if figure.unit != "money" else 0)] + opening
            start = length + len(before)
            if fault:
                faults[fault].append(figure.fact or "")
            if fault != "unresolved":
                figures.append(replace(figure, start=start, end=start + len(figure.text)))
            parts += [before, figure.text, closing]
            length = start + len(figure.text + closing)
            end = max(braces.end(), braces.end(_SAID.get(figure.unit, 0)))
        return Passage("".join([*parts, text[end:]]), figures, **faults, assumed=[])

    def _computed(self, expression: str) -> tuple[Figure, str]:
        """The figure of an expression, and its fault."""
        fact, text, value, unit, fault = normal(expression), NO_SUCH_FIGURE, 0.0, None, "unresolved"
        try:
            if self._figure.cache_info().currsize >= MOST_EXPRESSIONS and fact not in self._facts:
                fact = f"more than {MOST_EXPRESSIONS:,} different expressions"
            else:
                value, unit, _, like = compute(expression, self._facts)
                text, fault = written(value, unit or "ratio", self._currency), "" if like else "unlike"
        except UNRESOLVED:
            fact = printable(expression.replace("\\", "").strip(), 100)
        return Figure(text=text, value=value, unit=unit or "ratio", verdict="from_data", fact=fact), fault

    def read(self, path: str, words: str, names: Mapping[str, str]) -> Passage:
        """A passage as it is published; in a persona's name, nothing is typed or assumed.

        `names`: how a pattern is called in the answer, by its label and its persona's name, to its key.
        """
        passage = self.fill(words)
        text, filled = passage.text, passage.figures
        owner, _, section = path.partition("/")
        pattern = None if owner in {"", STRATEGY} else owner
        is_prose = section != "name" and len(text) <= MOST_CHARACTERS
        starts, typed_by_author = [one.start or 0 for one in filled], list(text)
        for start, one in zip(starts, filled, strict=True):
            typed_by_author[start : one.end] = "\0" * len(one.text)
        own = OTHERS.sub(lambda others: "\0" * len(others[0]), "".join(typed_by_author)) if is_prose else ""
        figures: list[Figure] = []
        for start, end in sentences(text) if is_prose else [(0, len(text))]:
            said = text[start:end]
            stated = filled[bisect_left(starts, start) : bisect_left(starts, end)]
            matches = self._typed.finditer(own, start, end) if len(figures) < MOST_FIGURES else ()
            if own_figures := list(islice(matches, MOST_FIGURES)):
                spoken = said.casefold().replace("-", " ").replace("_", " ")
                named = [key for name, key in names.items() if name.casefold() in spoken]
                subjects = owner, *named, "all", "space"
                facts = [one for subject in subjects for one in self._by_subject[subject]]
                stated += (typed(one, facts, self._currency) for one in own_figures)
            sentence = cut(" ".join(said[:1_000].split()), 300) if stated else ""
            place = {"pattern": pattern, "section": section or None, "sentence": sentence}
            place |= {} if path else {"start": None, "end": None}
            stated.sort(key=lambda figure: figure.start or 0)
            figures += [replace(figure, **place) for figure in stated]
            if is_prose and _ASSUMPTION.search(said) and _ASSUMPTION.search(_DENIED.sub("", said)):
                passage.assumed.append(Span(pattern=pattern, section=section, start=start, end=end))
        return passage._replace(figures=figures)


def sentences(text: str) -> list[tuple[int, int]]:
    """Every sentence, item, heading and row of the text: where it starts and ends."""
    boundaries = [boundary.span() for boundary in _BOUNDARY.finditer(text)]
    starts, ends = [0, *(end for _, end in boundaries)], [*(start for start, _ in boundaries), len(text)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]
