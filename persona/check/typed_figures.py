"""Figures that the author typed: each is equal to a fact, or is not from the data. None is called false."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import NamedTuple, get_args

from persona.model import Fact, Rule, Unit
from persona.wording import NUMBER_WORDS, activity, plain

_MONEY = {"$": "USD|dollars?", "€": "EUR|euros?", "£": "GBP|pounds?", "¥": "JPY|yen"}
_IDENTIFIERS = r"identifiers?|identit(?:y|ies)|identity\ graph\ connections?|(?:external\ )?ids?"
_COUNTED = {"sessions", "visits", "opens", "clicks", "views"}
# What is quoted, code or an address is none of the author's own figures; "two identifiers or fewer" is none.
_OTHERS = (
    r"“[^“”\n]{0,300}”|\"[^\"\n]{0,300}\"|«[^«»\n]{0,300}»|`[^`\n]{0,300}`|https?://\S{1,500}"
    rf"|\b(?:two|2)\s(?:{_IDENTIFIERS})\b"
)
_WORD = "|".join(NUMBER_WORDS)
# A number after its currency's sign, the end of its range, and what makes it a figure of some unit.
# Between the number and what it counts: "12 weekly web sessions", not "in 30 days and visits".
_NUMBER = r"""
    (?:(?<!\w)|(?=[$€£¥]))(?!\0) (?P<sign>(?:{sign}|[$€£¥]|\b(?:USD|EUR|GBP))\s?)? (?<![\w.,:/\#])
    (?:(?P<digits>\d{{1,3}}(?:,\d{{3}}){{1,5}}(?:\.\d{{1,4}})?|\d{{1,15}}(?:[.,]\d{{1,2}}(?!\d))?)
      (?P<thousands>k\b)?|(?P<word>(?:{word})\b)) (?!\d)
    (?:\s?(?:[-–]|to\b)\s?[$€£¥]?(?P<high>\d{{1,9}}(?:\.\d{{1,2}})?))?
    (?:(?P<share>\s?(?:%|per\ ?cent\b))
      |(?P<money>\s?(?:{sign}|{money})(?!\w)|\s?[€£¥](?!\w))
      |(?P<ratio>\s?[x×](?!\w)|-?\s?fold\b|\stimes\b(?!\s(?:an?|per|each|every|in)\b))
      |\+?(?:\s(?!(?:and|or|(?:second|minute|hour|day|week|month|year)s?)\b)\w[\w-]{{0,29}}){{0,2}}?\s
        (?:(?P<people>(?:people|persons?|users?|customers?|profiles?|members?|individuals?)\b)
          |(?P<average>(?:{counted}|{identifiers})\b
            |(?:{channels})(?=\s?(?:[+,;.)|]|\n|\Z)|\s(?:vs|versus|and|or|per|a)\b)))
      |(?(sign)|(?!)))
"""  # noqa: RUF001 - typography
_DENOMINATORS = {"half": 2, "halve": 2, "third": 3, "quarter": 4, "fifth": 5, "sixth": 6, "tenth": 10}
_IN_WORDS = {"a": 1, "an": 1, "one": 1} | NUMBER_WORDS
_MULTIPLES = {"twice": 2.0, "double": 2.0, "triple": 3.0}
# "two thirds of", "half of", "1/3 of" a group, but no "third step"; "one in five", "3 out of 4"; "twice the
# average", "double that".
_IN_PARTS = r"""
    (?<![\w/])(?=\w)(?<!first\s)(?<!second\s)(?<!other\s)(?<!every\s)(?<!next\s)(?<!last\s)(?<!each\s)
    (?:(?P<few>{few}|\d{{1,3}})\s(?:in|out\ of)\s(?P<many>{word}|\d{{1,3}})\b
        (?:\s?(?:-|\u2013|to\b)\s?(?:{word}|\d{{1,3}})\b)?
      |(?:(?:(?P<part>{few})[\s-])?(?P<of>{of})s?|(?P<top>\d)/(?P<bottom>\d{{1,2}}))
        (?=\s(?:of|the|their|all|are|have|has|hold|do|is|come|use|who)\b|\s?(?:[.,;:)]|\n|\Z)))
    |\b(?P<multiple>{multiple})(?=\s(?:the|as|that|their|what|of|its)\b)
    |""".format(
    few="|".join(_IN_WORDS), word=_WORD, of="|".join(_DENOMINATORS), multiple="|".join(_MULTIPLES)
)
# How far a fraction reaches, in parts of its denominator: a third is 0.30 to 0.37.
_FRACTION_REACH = 0.1
_ROUNDING = 1e-9


class Typed(NamedTuple):
    start: int
    text: str
    value: float
    unit: Unit
    low: float  # within its precision, as facts are stated: 0.355 to 0.365 for "36 %"
    high: float


class Vocabulary:
    """What makes a number a figure in one space, and which facts it may be equal to."""

    def __init__(self, rule: Rule, facts: Mapping[str, Fact], currency: str) -> None:
        nouns = {activity(*channel_and_trait).split(" ")[-1] for channel_and_trait in rule.channels.items()}
        channels = sorted((re.escape(plain(channel)) for channel in rule.channels), key=len, reverse=True)
        sign = re.escape(currency)
        money = f"{sign}|{_MONEY.get(currency, sign)}"
        counted = "|".join(map(re.escape, sorted(nouns | _COUNTED)))
        words = {"sign": sign, "money": money, "word": _WORD, "channels": "|".join(channels)}
        number = _NUMBER.format(**words, counted=counted, identifiers=_IDENTIFIERS)
        self._figure = re.compile(_IN_PARTS + number, re.IGNORECASE | re.VERBOSE)
        numbered = "|".join(channel for channel in channels if re.search(r"\d", channel))
        others = rf"{_OTHERS}|\b(?:{numbered})\b" if numbered else _OTHERS
        self._others = re.compile(others, re.IGNORECASE)
        self._currency = re.compile(money, re.IGNORECASE)
        self._facts: dict[tuple[str, Unit], list[tuple[str, float]]] = defaultdict(list)
        for name, fact in facts.items():
            self._facts[name.partition(".")[0], fact.unit].append((name, fact.value))

    def typed_figures(self, text: str) -> Iterator[Typed]:
        """Every figure of a text that could be taken for data."""
        own = self._others.sub(lambda others: "\0" * len(others[0]), text)
        for figure in self._figure.finditer(own):
            if word := figure["multiple"]:
                value = _MULTIPLES[word.lower()]
                yield Typed(figure.start(), word, value, "ratio", value, value)
            elif figure["many"] or figure["bottom"] or figure["of"]:
                yield _fraction(figure)
            else:
                yield self._number(figure)

    def equal(self, figure: Typed, subjects: Iterable[str]) -> str | None:
        """A fact of one of the subjects, of the same unit, to the figure's own precision."""
        facts = (fact for subject in subjects for fact in self._facts.get((subject, figure.unit), ()))
        low, high = figure.low - _ROUNDING, figure.high + _ROUNDING
        return next((name for name, value in facts if low <= value <= high), None)

    def _number(self, number: re.Match[str]) -> Typed:
        kind = number.lastgroup or ""
        unit: Unit = "money" if number["sign"] or kind not in get_args(Unit) else kind  # type: ignore[assignment]
        end = number.end() if unit == kind else max(map(number.end, ("digits", "thousands", "word", "high")))
        times, scale = 1000 if number["thousands"] else 1, 100 if unit == "share" else 1
        if number["word"]:
            value, precision = float(NUMBER_WORDS[number["word"].lower()]), 0.5
        else:
            digits = re.sub(r"^(\d+),(\d{1,2})$", r"\1.\2", number["digits"]).replace(",", "")
            value, precision = float(digits), 0.5 * 10.0 ** -len(digits.partition(".")[2])
        if number["sign"] and not self._currency.match(number["sign"]):
            precision = -inf  # no fact is in another currency
        high = max(value, float(number["high"] or 0)) + precision
        value, low, high = (one * times / scale for one in (value, value - precision, high))
        return Typed(number.start(), number.string[number.start() : end], value, unit, low, high)


def _fraction(words: re.Match[str]) -> Typed:
    few = (words["few"] or words["top"] or words["part"] or "one").lower()
    many = (words["many"] or words["bottom"] or words["of"]).lower()
    whole = max(int(many) if many.isdigit() else (NUMBER_WORDS | _DENOMINATORS)[many], 1)
    share = (int(few) if few.isdigit() else _IN_WORDS[few]) / whole
    reach = _FRACTION_REACH / whole
    return Typed(words.start(), words[0], share, "share", share - reach, share + reach)
