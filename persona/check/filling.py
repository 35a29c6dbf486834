"""A text with its figures filled in wherever braces name one, and where each of them stands."""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from msgspec.structs import replace

from persona import wording
from persona.check.arithmetic import UnresolvedError, compute, normal
from persona.masking import printable
from persona.model import Fact, Figure

NO_SUCH_FIGURE = "(no such figure)"
# An answer holds some hundred different ones; of a flood of them the rest costs nothing.
MOST_EXPRESSIONS = 10_000

_BRACES = re.compile(r"\{{2,}([^{}\n]{0,400})(\}*)")
_NAME = re.compile(r"\s*[a-z][a-z0-9_\\]*\.[a-z0-9_\\]+", re.IGNORECASE)
# What a writer may have typed beside the braces all the same; emphasis may stand between.
_SIGN = r"(?:{}|[$€£¥]|\b(?:EUR|USD|GBP|CHF)\b)"
_LOOKED_BACK_CHARACTERS = 12
_SHARE_BEHIND = re.compile(
    r"([*_`]{0,3})[ \u00a0]?(?:%|per ?cent\b|(?=[ \u00a0-]?(?:percentage[ \u00a0-])?points?\b))"
    r"(?:[ \u00a0-]?(?:percentage[ \u00a0-])?points?\b)?",
    re.IGNORECASE,
)


class Filled(NamedTuple):
    """A text with its figures filled in."""

    text: str
    own: str  # the author's own words: the same with nothing in the figures' places
    figures: list[Figure]
    unresolved: list[str]  # what stands in braces and is no figure
    unlike: list[str]  # arithmetic over facts that are not alike


class Filling:
    """Fills in the facts of one space; what stands in braces is computed once."""

    def __init__(self, facts: Mapping[str, Fact], currency: str) -> None:
        self._facts, self._currency = facts, currency
        sign = _SIGN.format(re.escape(currency))
        self._sign_before = re.compile(rf"{sign}[ \u00a0]?([*_`]{{0,3}})\Z")
        money_behind = re.compile(rf"([*_`]{{0,3}})[ \u00a0]?{sign}")
        self._behind = {"money": money_behind, "share": _SHARE_BEHIND, "points": _SHARE_BEHIND}
        self._figure = cache(self._computed)

    def fill(self, text: str) -> Filled:
        """The text with figures, and `NO_SUCH_FIGURE` where braces name none."""
        parts: list[str] = []
        own: list[str] = []
        figures: list[Figure] = []
        faults: dict[str, list[str]] = {"unresolved": [], "unlike": []}
        end = length = 0
        for braces in _BRACES.finditer(text):
            # An unclosed pair holds a name, or nothing.
            name = None if braces[2] else _NAME.match(braces[1])
            if not (braces[2] or name):
                continue
            figure, fault = self._figure(name[0] if name else braces[1])
            before, stop = text[end : braces.start()], braces.end()
            rest = braces[1][name.end() :] if name else ""
            if before[-1:] == text[stop : stop + 1] == "`":
                before, stop = before[:-1], stop + 1
            if figure.unit == "money":
                tail = before[-_LOOKED_BACK_CHARACTERS:]
                before = before[: len(before) - len(tail)] + self._sign_before.sub(r"\1", tail)
            if figure.unit in self._behind and (typed := self._behind[figure.unit].match(text, stop)):
                rest, stop = typed[1] + rest, typed.end()
            start = length + len(before)
            if fault:
                faults[fault].append(figure.fact or "")
            if fault != "unresolved":
                figures.append(replace(figure, start=start, end=start + len(figure.text)))
            parts += [before, figure.text, rest]
            own += [before, "\0" * len(figure.text), rest]
            length, end = start + len(figure.text + rest), stop
        return Filled("".join([*parts, text[end:]]), "".join([*own, text[end:]]), figures, **faults)

    def _computed(self, expression: str) -> tuple[Figure, str]:
        """The figure of an expression, and its fault."""
        fact = normal(expression)
        try:
            if self._figure.cache_info().currsize >= MOST_EXPRESSIONS and fact not in self._facts:
                expression = f"more than {MOST_EXPRESSIONS:,} different expressions"
            value, unit, _, like = compute(expression, self._facts)
            text, fault = wording.written(value, unit or "ratio", self._currency), "" if like else "unlike"
        except UnresolvedError:
            text, value, unit, fault = NO_SUCH_FIGURE, 0.0, None, "unresolved"
            fact = printable(expression.replace("\\", "").strip(), 100)
        return Figure(text=text, value=value, unit=unit or "ratio", verdict="from_data", fact=fact), fault
