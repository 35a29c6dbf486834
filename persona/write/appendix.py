"""The page's appendix of all figures, and what of it each figure of the text leads to."""

import re
from collections.abc import Iterable, Iterator

from markupsafe import escape

from persona import wording
from persona.model import Fact, Framework

NOT_IN_DATA = "Not from your data: the author’s own figure"  # noqa: RUF001 - typography
# One fact of all subjects: its label, and a cell with name and value for each, where it has such a fact.
Row = tuple[str, list[tuple[str, str] | None]]
_SIGNS = {"-": "\N{MINUS SIGN}", "*": "\N{MULTIPLICATION SIGN}", "/": "\N{DIVISION SIGN}"}


class Appendix:
    """All facts of a framework, and what was computed from them, as far as the page has room."""

    def __init__(self, framework: Framework, most_rows: int, most_computed: int) -> None:
        self._framework, facts = framework, framework.facts
        # Everybody and every pattern: key and label.
        self.subjects = [("all", "Everybody"), *((one.key, one.label) for one in framework.patterns)]
        # Those facts first that most subjects have.
        self.rows = sorted(self._rows(), key=lambda row: row[1].count(None))[:most_rows]
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
        shown += [cell[0] for _, cells in self.rows for cell in cells if cell]
        self.anchors = {name: f"fact.{name}" for name in shown}
        self.anchors |= {one: f"computed.{number}" for number, one in enumerate(arithmetic, 1)}

    def _rows(self) -> Iterable[Row]:
        """Every fact of the subjects, one a row."""
        columns = {key: number for number, (key, _) in enumerate(self.subjects)}
        rows: dict[str, Row] = {}
        for name, fact in self._framework.facts.items():
            subject, _, what = name.partition(".")
            if subject in columns:
                label = fact.label.rpartition(" of ")[0] or fact.label
                _, cells = rows.setdefault(what, (label, [None] * len(columns)))
                cells[columns[subject]] = name, self._exact(fact)
        return rows.values()

    def title(self, name: str) -> str:
        """What a reader learns who taps or hovers: label, exact value, and an interval where there is one."""
        fact = self._framework.facts.get(name)
        if fact is None:
            return f"Computed from your data: {self._in_words(name)}"
        subject, _, what = name.partition(".")
        pattern = next((one for one in self._framework.patterns if one.key == subject), None)
        ends = None
        if pattern and what == "share":
            ends = wording.interval(pattern.share_ci95)
        if pattern and what == "avg_ltv" and pattern.avg_ltv_ci95:
            ends = " to ".join(wording.money(end, self._framework.currency) for end in pattern.avg_ltv_ci95)
        return f"{fact.label}: {self._exact(fact)}{f' (95 % interval {ends})' if ends else ''}"

    def links(self) -> Iterator[str]:
        """Yield the opening `a` tag of every figure of the text."""
        for figure in self._framework.checks.figures:
            if figure.verdict == "not_in_data" or not figure.fact:
                yield f'<a class="typed" href="#typed" title="{escape(NOT_IN_DATA)}">'
            else:
                href, title = self.anchors.get(figure.fact, "all-figures"), self.title(figure.fact)
                yield f'<a class="fact" href="#{escape(href)}" title="{escape(title[:300])}">'

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
