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

# A sign that a writer may have typed before the braces all the same; emphasis and a code span around them.
_BRACES = (
    r"(?:(?P<sign>(?:{currency}|[$€£¥]|\b(?:EUR|USD|GBP|CHF)\b)[ \u00a0]?)(?P<stars>[*_]{{0,3}}))?"
    r"(?P<tick>`?)\{{{{2,}}(?P<said>[^{{}}\n]{{0,400}})(?P<close>\}}*)(?P=tick)"
)
_NAME = re.compile(r"\s*[a-z][a-z0-9_\\]*\.[a-z0-9_\\]+", re.IGNORECASE)
# The same behind the braces, by unit.
_MONEY_BEHIND = r"([*_`]{{0,3}})[ \u00a0]?(?:{currency}|[$€£¥]|\b(?:EUR|USD|GBP|CHF)\b)"
_SHARE_BEHIND = re.compile(
    r"([*_`]{0,3})[ \u00a0]?(?:%|per ?cent\b|(?=[ \u00a0-]?(?:percentage[ \u00a0-])?points?\b))"
    r"(?:[ \u00a0-]?(?:percentage[ \u00a0-])?points?\b)?",
    re.IGNORECASE,
)


class Filled(NamedTuple):
    """What stands in place of braces."""

    start: int
    end: int
    value: float
    unit: Unit | None  # None: no such figure
    fact: str  # the name, the arithmetic, or what else the braces hold
    like: bool = True


class Text(NamedTuple):
    """A text with its figures filled in."""

    text: str
    own: str  # the author's own words: the same with nothing in the figures' places
    figures: list[Filled]


class Filling:
    """Fills in the facts of one space; what stands in braces is computed once."""

    def __init__(self, facts: Mapping[str, Fact], currency: str) -> None:
        self._facts, self._currency = facts, currency
        sign = re.escape(currency)
        self._braces = re.compile(_BRACES.format(currency=sign))
        money, share = re.compile(_MONEY_BEHIND.format(currency=sign)), _SHARE_BEHIND
        self._behind: dict[Unit | None, re.Pattern[str]] = {"money": money, "share": share, "points": share}
        self._figure = cache(self._computed)

    def fill(self, text: str) -> Text:
        """The text with figures, and `NO_SUCH_FIGURE` where braces name none."""
        parts: list[str] = []
        own: list[str] = []
        figures: list[Filled] = []
        end = length = 0
        for braces in self._braces.finditer(text):
            said, rest = braces["said"], ""
            if not braces["close"]:  # an unclosed pair holds a name, or nothing
                name = _NAME.match(said)
                said, rest = (name[0], said[name.end() :]) if name else ("", "")
                if not name:
                    continue
            shown, figure = self._figure(said)
            behind = self._behind.get(figure.unit)
            repeated = behind.match(text, braces.end()) if behind else None
            sign = "" if figure.unit == "money" else braces["sign"] or ""
            before = f"{text[end : braces.start()]}{sign}{braces['stars'] or ''}"
            rest = f"{repeated[1] if repeated else ''}{rest}"
            start = length + len(before)
            figures.append(figure._replace(start=start, end=start + len(shown)))
            parts += [before, shown, rest]
            own += [before, "\0" * len(shown), rest]
            length, end = start + len(shown) + len(rest), (repeated or braces).end()
        return Text("".join([*parts, text[end:]]), "".join([*own, text[end:]]), figures)

    def _computed(self, said: str) -> tuple[str, Filled]:
        try:
            value, unit, _, like = compute(said, self._facts)
        except UnresolvedError:
            return NO_SUCH_FIGURE, Filled(0, 0, 0.0, None, printable(said.replace("\\", "").strip(), 100))
        unit = unit or "ratio"
        return wording.written(value, unit, self._currency), Filled(0, 0, value, unit, normal(said), like)
