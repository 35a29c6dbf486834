"""A stretch of an answer's text: figures filled in, typed figures compared, assumptions found."""

from bisect import bisect_right
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from persona.check.facts import Facts
from persona.check.filling import Filled, Filling
from persona.check.sections import STRATEGY
from persona.check.sentences import Sentence, is_assumption, sentences
from persona.check.typed import Typed, Vocabulary
from persona.masking import cut
from persona.model import Figure, Rule, Span

# No section is nearly as long, nor types as many figures; in a hostile one only names are looked for.
MOST_CHARACTERS = 2**15
MOST_TYPED = 1_000
# Longest excerpt of the sentence that stands for a figure.
SENTENCE_CHARACTERS = 300


class Passage(NamedTuple):
    """A text, and all that is to be known of its figures."""

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
        text, own, figures_by_name = self.filling.fill(words)
        owner, _, section = path.partition("/")
        pattern = None if owner in {"", STRATEGY} else owner
        is_prose = section != "name" and len(text) <= MOST_CHARACTERS
        places = list(sentences(text)) if is_prose else []

        @cache
        def about(place: Sentence) -> tuple[str, list[str]]:
            """A sentence's excerpt, and whose facts its figures may be."""
            excerpt = " ".join(text[place.start : min(place.end, place.start + 1_000)].split())
            spoken = text[place.start : place.end].casefold().replace("-", " ").replace("_", " ")
            subjects = [key for name, key in names.items() if name.casefold() in spoken]
            return cut(excerpt, SENTENCE_CHARACTERS), [owner, *subjects, "all", "space"]

        def figure(one: Filled | Typed) -> Figure | None:
            at = bisect_right(places, (one.start, len(text))) - 1
            sentence, subjects = about(places[at] if at >= 0 else Sentence(0, len(text)))
            fact = self._vocabulary.equal(one, subjects) if isinstance(one, Typed) else one.fact
            return one.unit and Figure(
                text=text[one.start : one.end],
                value=one.value,
                unit=one.unit,
                verdict="from_data" if isinstance(one, Filled) else "equal" if fact else "not_in_data",
                fact=fact,
                pattern=pattern,
                section=section or None,
                sentence=sentence,
                start=one.start if path else None,
                end=one.end if path else None,
            )

        typed = self._vocabulary.typed_figures(own)[:MOST_TYPED] if is_prose else []
        entries: list[Filled | Typed] = [*figures_by_name, *typed]
        figures = map(figure, sorted(entries, key=lambda one: one.start))
        assumed = [place for place in places if is_assumption(text[place.start : place.end])]
        spans = [Span(pattern=pattern, section=section, start=start, end=end) for start, end in assumed]
        unresolved = [one.fact for one in figures_by_name if not one.unit]
        unlike = [one.fact for one in figures_by_name if one.unit and not one.like]
        return Passage(path, text, [one for one in figures if one], spans, unresolved, unlike)
