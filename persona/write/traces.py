"""What every figure goes back to: a fact's label, exact value and interval, and its place in the appendix."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from persona import wording
from persona.model import Fact, Figure, Framework

NOT_IN_DATA = "Not from your data: the author’s own figure"  # noqa: RUF001 - typography
_SIGNS = {"+": "+", "-": "\N{MINUS SIGN}", "*": "\N{MULTIPLICATION SIGN}", "/": "\N{DIVISION SIGN}"}


class Row(NamedTuple):
    """One fact of all subjects; a cell is None where a subject has no such fact."""

    label: str
    cells: list[tuple[str, str] | None]  # name, value


class Traces:
    """The facts of a framework as the page shows them, at most so many rows of them."""

    def __init__(self, framework: Framework, most_rows: int, most_computed: int) -> None:
        self._framework = framework
        self._most_rows, self._most_computed = most_rows, most_computed

    @cached_property
    def subjects(self) -> list[tuple[str, str]]:
        """Everybody and every pattern: key and label."""
        return [("all", "Everybody"), *((one.key, one.label) for one in self._framework.patterns)]

    @cached_property
    def rows(self) -> list[Row]:
        """Every fact of everybody and the patterns, one a row, those that most subjects have first."""
        columns = {key: number for number, (key, _) in enumerate(self.subjects)}
        rows: dict[str, Row] = {}
        for name, fact in self._framework.facts.items():
            subject, _, what = name.partition(".")
            if subject in columns:
                row = rows.setdefault(what, Row(_without_subject(fact.label), [None] * len(columns)))
                row.cells[columns[subject]] = name, exact(fact, self._framework.currency)
        ranked = sorted(rows.values(), key=lambda row: row.cells.count(None))
        return ranked[: self._most_rows]

    @cached_property
    def space(self) -> list[tuple[str, str, str]]:
        """The facts about all who were read: name, label, value."""
        return [
            (name, fact.label, exact(fact, self._framework.currency))
            for name, fact in self._framework.facts.items()
            if name.startswith("space.")
        ]

    @cached_property
    def computed(self) -> list[tuple[str, str]]:
        """What the program computed for the text from several facts: in words, and the outcome."""
        return list(self._computed.values())[: self._most_computed]

    @cached_property
    def _computed(self) -> dict[str, tuple[str, str]]:
        return {
            figure.fact: (self.in_words(figure.fact), figure.text)
            for figure in self._framework.checks.figures
            if figure.fact and figure.fact not in self._framework.facts
        }

    @cached_property
    def anchors(self) -> dict[str, str]:
        """Where the appendix shows a fact, by its name or arithmetic; only what it has room for."""
        names = [name for name, _, _ in self.space]
        names += [cell[0] for row in self.rows for cell in row.cells if cell]
        computed = list(self._computed)[: self._most_computed]
        return {name: f"fact.{name}" for name in names} | {
            arithmetic: f"computed.{number}" for number, arithmetic in enumerate(computed, 1)
        }

    def title(self, name: str) -> str:
        """What a reader learns who taps or hovers: label, exact value, and an interval where there is one."""
        fact = self._framework.facts.get(name)
        if fact is None:
            return f"Computed from your data: {self.in_words(name)}"
        return f"{fact.label}: {exact(fact, self._framework.currency)}{self._interval(name)}"

    def _interval(self, name: str) -> str:
        subject, _, what = name.partition(".")
        pattern = next((one for one in self._framework.patterns if one.key == subject), None)
        if pattern and what == "share":
            return f" (95 % interval {wording.interval(pattern.share_ci95)})"
        if pattern and what == "avg_ltv" and pattern.avg_ltv_ci95:
            low, high = (wording.money(end, self._framework.currency) for end in pattern.avg_ltv_ci95)
            return f" (95 % interval {low} to {high})"
        return ""

    def in_words(self, arithmetic: str) -> str:
        """Arithmetic over names of facts with their labels in the names' places."""
        facts = self._framework.facts
        spaced = "".join(f" {sign} " if sign in "+*/()" else sign for sign in arithmetic[:200])
        return " ".join(
            facts[word].label if word in facts else _SIGNS.get(word, word) for word in spaced.split()
        )

    def tags(self, figures: Iterable[Figure], escape: "type[str]") -> Iterator[str]:
        """Yield the opening `a` tag of every figure of the text."""
        for figure in figures:
            if figure.verdict == "not_in_data" or not figure.fact:
                yield escape('<a class="typed" href="#typed" title="{}">').format(NOT_IN_DATA)
            else:
                href = self.anchors.get(figure.fact, "all-figures")
                title = self.title(figure.fact)
                yield escape('<a class="fact" href="#{}" title="{}">').format(href, title[:300])


def exact(fact: Fact, currency: str) -> str:
    """A fact's value with all that a reader could compare it by."""
    if fact.unit == "share":
        return f"{wording.exact(100 * fact.value)} %"
    if fact.unit == "money":
        return wording.money(fact.value, currency)
    if fact.unit in {"average", "ratio"}:
        return wording.exact(fact.value)
    return fact.text


def _without_subject(label: str) -> str:
    return label.rpartition(" of ")[0] or label
