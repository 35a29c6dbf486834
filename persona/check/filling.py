"""A text with its figures filled in wherever braces name one, and where each of them stands."""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from persona import wording
from persona.check.arithmetic import UnresolvedError, compute, normal
from persona.masking import printable
from persona.model import Fact, Unit

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
    """What stands in place of braces."""

    text: str
    value: float
    unit: Unit
    fact: str  # the name, the arithmetic, or what else the braces hold
    resolved: bool = True
    like: bool = True
    start: int = 0  # in the filled text


class Text(NamedTuple):
    """A text with its figures filled in."""

    text: str
    own: str  # the author's own words: the same with nothing in the figures' places
    figures: list[Filled]


class Filling:
    """Fills in the facts of one space; what stands in braces is computed once."""

    def __init__(self, facts: Mapping[str, Fact], currency: str) -> None:
        self._facts, self._currency = facts, currency
        sign = _SIGN.format(re.escape(currency))
        self._sign_before = re.compile(rf"{sign}[ \u00a0]?([*_`]{{0,3}})\Z")
        money_behind = re.compile(rf"([*_`]{{0,3}})[ \u00a0]?{sign}")
        self._behind = {"money": money_behind, "share": _SHARE_BEHIND, "points": _SHARE_BEHIND}
        self._figure = cache(self._computed)

    def fill(self, text: str) -> Text:
        """The text with figures, and `NO_SUCH_FIGURE` where braces name none."""
        parts: list[str] = []
        own: list[str] = []
        figures: list[Filled] = []
        end = length = 0
        for braces in _BRACES.finditer(text):
            # An unclosed pair holds a name, or nothing.
            name = None if braces[2] else _NAME.match(braces[1])
            if not (braces[2] or name):
                continue
            figure = self._figure(name[0] if name else braces[1])
            before, stop = text[end : braces.start()], braces.end()
            rest = braces[1][name.end() :] if name else ""
            if before[-1:] == text[stop : stop + 1] == "`":
                before, stop = before[:-1], stop + 1
            if figure.unit == "money":
                tail = before[-_LOOKED_BACK_CHARACTERS:]
                before = before[: len(before) - len(tail)] + self._sign_before.sub(r"\1", tail)
            if figure.unit in self._behind and (typed := self._behind[figure.unit].match(text, stop)):
                rest, stop = typed[1] + rest, typed.end()
            figures.append(figure._replace(start=length + len(before)))
            parts += [before, figure.text, rest]
            own += [before, "\0" * len(figure.text), rest]
            length, end = length + len(before + figure.text + rest), stop
        return Text("".join([*parts, text[end:]]), "".join([*own, text[end:]]), figures)

    def _computed(self, expression: str) -> Filled:
        fact = normal(expression)
        try:
            if self._figure.cache_info().currsize >= MOST_EXPRESSIONS and fact not in self._facts:
                expression = f"more than {MOST_EXPRESSIONS:,} different expressions"
            value, unit, _, like = compute(expression, self._facts)
        except UnresolvedError:
            excerpt = printable(expression.replace("\\", "").strip(), 100)
            return Filled(NO_SUCH_FIGURE, 0.0, "ratio", excerpt, resolved=False)
        figure = wording.written(value, unit or "ratio", self._currency)
        return Filled(figure, value, unit or "ratio", fact, like=like)
