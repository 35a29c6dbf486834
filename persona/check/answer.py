"""What Mave's answers say together: sections, figures filled in, and what a follow-up should ask for.

from_data      the program filled the figure in
equal          the author typed it, and it is a fact
not_in_data    the author typed it, and there is no such figure
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from persona.check import typed
from persona.check.book import Book
from persona.check.filling import ASSUMED, ASSUMED_END, END, Filled, fill, marks_of, next_mark, unmarked
from persona.check.sections import MOST_CHARACTERS, STRATEGY, Cut, cut
from persona.check.sentences import is_assumption, sentences
from persona.errors import Invalid
from persona.model import (
    OMNICHANNEL,
    SECTIONS,
    STRATEGY_SECTIONS,
    Checks,
    Fact,
    Persona,
    Strategy,
    Summary,
    dominant,
)

Facts = Mapping[str, Fact]

# No answer has nearly as many; what a hostile one types beyond is not looked at.
MOST_TYPED = 5_000
MOST_UNRESOLVED = 200
# From more than this share of typed figures on, the sections that hold them are asked for again.
MOST_TYPED_SHARE = 0.5
_QUESTION = re.compile(r"[?\uff1f\u061f](?![\w=&/])")
NO_PATTERN = "No persona could be found in the answer: it stands here whole, as it came."


class CheckedAnswer(NamedTuple):
    """The answers, read and filled in."""

    personas: list[Persona]  # in the rule's order
    strategy: Strategy
    narrative: str  # all of it, figures filled in
    checks: Checks
    warnings: list[str]  # what the reader should know first
    asks_back: bool  # a clarifying question, and nothing else
    sections_to_ask: list[str]  # what a follow-up should ask for: "email_dominant/journey"
    unresolved_to_ask: list[str]  # the names in them that do not exist


def read_answers(contents: Sequence[str], summary: Summary, facts: Facts, currency: str) -> CheckedAnswer:
    """The answers of one conversation, in order, as one framework.

    What came before the first answer with a pattern of the summary (a question back) is left out. A later
    answer fills what is missing, and replaces only sections that `sections_to_ask` names of what came before.
    Without any pattern the words stand as they came, and every section is missing.

    Raises:
        Invalid: there is no text at all.
    """
    contents = [content for content in contents if content.strip()]
    if not contents:
        raise Invalid(
            "mave",
            "expected an answer in words, got none; the raw answer is kept in the run's folder: read it",
        )
    reader = _Reader(summary, facts, currency)
    texts: list[str] = []
    together: Cut | None = None
    for content in contents:
        text, answer = reader.read(content)
        if together:
            together = reader.merged(together, answer)
        elif answer.patterns & set(reader.keys):
            together, texts = answer, []
        texts.append(unmarked(text))
    asks_back = not together and _asks_back(contents, answer)
    return reader.checked(together or Cut({}, [], set()), texts, asks_back=asks_back)


def _asks_back(contents: Sequence[str], answer: Cut) -> bool:
    """Whether the only answer is a clarifying question: one is asked, and no pattern or section is titled."""
    return (
        len(contents) == 1
        and not answer.sections
        and _QUESTION.search(contents[0][:MOST_CHARACTERS]) is not None
    )


class _Reader:
    """Reads the answers of one conversation; numbers their figures through all of them."""

    def __init__(self, summary: Summary, facts: Facts, currency: str) -> None:
        self.keys = [pattern.key for pattern in summary.patterns]
        self._summary = summary
        self._facts = facts
        self._currency = currency
        self._figures: dict[str, Filled | str] = {}
        self._typed = 0

    def read(self, content: str) -> tuple[str, Cut]:
        """An answer with its figures filled in, whole and in its sections, all that matters marked."""
        text, figures = fill(content, self._facts, self._currency, len(self._figures))
        self._figures |= figures
        answer = cut(text, list(self._summary.rule.channels))
        names = {pattern.label: pattern.key for pattern in self._summary.patterns}
        for path, name in answer.sections.items():
            pattern, _, section = path.partition("/")
            if section == "name":
                names |= {unmarked(name): pattern, unmarked(name).removeprefix("The "): pattern}
        words = typed.learn(self._summary.rule, names, self._facts, self._currency)
        sections = {
            path: said if path.endswith("/name") else self._annotated(said, path.partition("/")[0], words)
            for path, said in answer.sections.items()
        }
        return text, Cut(
            sections, [self._annotated(said, None, words) for said in answer.outside], answer.patterns
        )

    def _annotated(self, text: str, pattern: str | None, words: typed.Vocabulary) -> str:
        """The text with marks around what the author typed, and around what it calls an assumption."""
        if len(text) > MOST_CHARACTERS:  # only what lies beyond all sections is as long
            return text
        found = list(sentences(text))
        inserted: list[tuple[int, int, str]] = []  # place, which comes first at one place, mark
        for sentence in found:
            if is_assumption(text[sentence.start : sentence.end]):
                inserted += [(sentence.end, 1, ASSUMED_END), (sentence.start, 2, ASSUMED)]
        for start, end, figure in typed.typed_figures(text, found, pattern, words):
            if self._typed >= MOST_TYPED:
                break
            self._typed += 1
            mark = next_mark(len(self._figures))
            self._figures[mark] = figure
            inserted += [(end, 0, END), (start, 3, mark)]
        parts, at = [], 0
        for place, _, mark in sorted(inserted):
            parts += [text[at:place], mark]
            at = place
        return "".join([*parts, text[at:]])

    def merged(self, first: Cut, second: Cut) -> Cut:
        """The first answer with what it lacked, and what was asked for again, taken from the second."""
        asked = self._to_ask(first)
        sections = dict(second.sections) | first.sections
        for path in asked:
            if path in first.sections and path in second.sections:
                sections[path] = min(first.sections[path], second.sections[path], key=self._faults)
        return Cut(sections, first.outside + second.outside, first.patterns | second.patterns)

    def _to_ask(self, answer: Cut) -> list[str]:
        """The sections that are missing, that name no figure, and, where most figures are typed, those."""
        counts = {path: Counter(map(self._kind, marks_of(text))) for path, text in answer.sections.items()}
        total = sum(counts.values(), Counter())
        mostly_typed = total["typed"] > MOST_TYPED_SHARE * (total["typed"] + total["filled"])
        faulty = {
            path for path, count in counts.items() if count["unresolved"] or (mostly_typed and count["typed"])
        }
        return [path for path in self._paths() if path in faulty or path not in answer.sections]

    def _faults(self, text: str) -> int:
        return sum(self._kind(mark) != "filled" for mark in marks_of(text))

    def _kind(self, mark: str) -> str:
        figure = self._figures[mark]
        return "unresolved" if isinstance(figure, str) else "typed" if figure.typed else "filled"

    def _paths(self) -> Iterator[str]:
        """All sections that a whole framework has."""
        for key in self.keys:
            yield from (f"{key}/{section}" for section in ("name", *SECTIONS))
        yield from (f"{STRATEGY}/{section}" for section in STRATEGY_SECTIONS)

    def checked(self, answer: Cut, texts: Sequence[str], *, asks_back: bool) -> CheckedAnswer:
        """The framework's words without marks, and what the marks stood for."""
        book = Book(self._figures)
        sections = {
            path: book.entered(text, path)
            for path, text in answer.sections.items()
            if not path.endswith("/next_step")
        }
        order = [*map(dominant, self._summary.rule.channels), OMNICHANNEL]
        personas = [
            Persona(
                pattern=key,
                next_step=book.next_step(
                    answer.sections.get(f"{key}/next_step"), key, self._summary.rule.channels
                ),
                **{section: sections.get(f"{key}/{section}") for section in ("name", *SECTIONS[:-1])},
            )
            for key in order
            if key in answer.patterns
        ]
        strategy = Strategy(
            **{section: sections.get(f"{STRATEGY}/{section}") for section in STRATEGY_SECTIONS}
        )
        for text in answer.outside:
            book.entered(text, None)
        to_ask = self._to_ask(answer)
        return CheckedAnswer(
            personas=personas,
            strategy=strategy,
            narrative="\n\n".join(texts),
            checks=book.checks([path for path in self._paths() if path not in answer.sections]),
            warnings=[] if answer.patterns else [NO_PATTERN],
            asks_back=asks_back,
            sections_to_ask=to_ask,
            unresolved_to_ask=self._unresolved(answer.sections.get(path, "") for path in to_ask),
        )

    def _unresolved(self, texts: Iterable[str]) -> list[str]:
        figures = (self._figures[mark] for text in texts for mark in marks_of(text))
        return [*dict.fromkeys(figure for figure in figures if isinstance(figure, str))][:MOST_UNRESOLVED]
