"""The page's appendix of all figures, and what of it each figure of the text leads to."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from markupsafe import Markup

from persona import wording
from persona.model import Fact, Framework

NOT_IN_DATA = "Not from your data: the author’s own figure"  # noqa: RUF001 - typography
_SIGNS = {"-": "\N{MINUS SIGN}", "*": "\N{MULTIPLICATION SIGN}", "/": "\N{DIVISION SIGN}"}


class Row(NamedTuple):
    """One fact of all subjects; a cell is None where a subject has no such fact."""

    label: str
    cells: list[tuple[str, str] | None]  # name, value


class Appendix:
    """All facts of a framework, and what was computed from them, as far as the page has room."""

    def __init__(self, framework: Framework, most_rows: int, most_computed: int) -> None:
        self._framework, facts = framework, framework.facts
        # Everybody and every pattern: key and label.
        self.subjects = [("all", "Everybody"), *((one.key, one.label) for one in framework.patterns)]
        # Every fact of these, one a row, those that most subjects have first.
        self.rows = sorted(self._rows(), key=lambda row: row.cells.count(None))[:most_rows]
        # The facts about all who were read: name, label, value.
        of_space = {name: fact for name, fact in facts.items() if name.startswith("space.")}
        self.space = [(name, fact.label, self._exact(fact)) for name, fact in of_space.items()]
        figures = framework.checks.figures
        computed = {one.fact: one.text for one in figures if one.fact and one.fact not in facts}
        arithmetic = list(computed)[:most_computed]
        # What the program computed for the text from several facts: in words, and the outcome.
        self.computed = [(self._in_words(one), computed[one]) for one in arithmetic]
        # Where a fact is shown, by its name or arithmetic.
        shown = [name for name, _, _ in self.space]
        shown += [cell[0] for row in self.rows for cell in row.cells if cell]
        self.anchors = {name: f"fact.{name}" for name in shown}
        self.anchors |= {one: f"computed.{number}" for number, one in enumerate(arithmetic, 1)}

    def title(self, name: str) -> str:
        """What a reader learns who taps or hovers: label, exact value, and an interval where there is one."""
        fact = self._framework.facts.get(name)
        if fact is None:
            return f"Computed from your data: {self._in_words(name)}"
        return f"{fact.label}: {self._exact(fact)}{self._interval(name)}"

    def links(self) -> Iterator[Markup]:
        """Yield the opening `a` tag of every figure of the text."""
        for figure in self._framework.checks.figures:
            if figure.verdict == "not_in_data" or not figure.fact:
                yield Markup('<a class="typed" href="#typed" title="{}">').format(NOT_IN_DATA)
            else:
                href, title = self.anchors.get(figure.fact, "all-figures"), self.title(figure.fact)
                yield Markup('<a class="fact" href="#{}" title="{}">').format(href, title[:300])

    def _rows(self) -> list[Row]:
        columns = {key: number for number, (key, _) in enumerate(self.subjects)}
        rows: dict[str, Row] = {}
        for name, fact in self._framework.facts.items():
            subject, _, what = name.partition(".")
            if subject in columns:
                label = fact.label.rpartition(" of ")[0] or fact.label
                row = rows.setdefault(what, Row(label, [None] * len(columns)))
                row.cells[columns[subject]] = name, self._exact(fact)
        return list(rows.values())

    def _interval(self, name: str) -> str:
        subject, _, what = name.partition(".")
        pattern = next((one for one in self._framework.patterns if one.key == subject), None)
        if pattern and what == "share":
            return f" (95 % interval {wording.interval(pattern.share_ci95)})"
        if pattern and what == "avg_ltv" and pattern.avg_ltv_ci95:
            low, high = (wording.money(end, self._framework.currency) for end in pattern.avg_ltv_ci95)
            return f" (95 % interval {low} to {high})"
        return ""

    def _in_words(self, arithmetic: str) -> str:
        """Arithmetic over names of facts with their labels in the names' places."""
        facts = self._framework.facts
        words = re.findall(r"[\w.]+|[-+*/()]", arithmetic[:200])
        return " ".join(facts[word].label if word in facts else _SIGNS.get(word, word) for word in words)

    def _exact(self, fact: Fact) -> str:
        """A fact's value with all that a reader could compare it by."""
        match fact.unit:
            case "share":
                return f"{wording.exact(100 * fact.value)} %"
            case "money":
                return wording.money(fact.value, self._framework.currency)
            case "average" | "ratio":
                return wording.exact(fact.value)
        return fact.text
