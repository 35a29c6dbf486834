"""Figures that the author typed: each is equal to a fact, or is not from the data. None is called false."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import get_args

from persona.model import Fact, Figure, Rule, Unit
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


# A value with the least and the most that it may stand for, as facts are stated, its unit, and where it ends.
_Number = tuple[float, float, float, Unit, int]


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

    def own(self, text: str) -> str:
        """A text with nothing in the place of what is quoted, code or an address."""
        return self._others.sub(lambda others: "\0" * len(others[0]), text)

    def typed(self, own: str, start: int, end: int, subjects: Sequence[str]) -> Iterator[Figure]:
        """Every figure of a stretch that could be taken for data; its fact is one of these subjects."""
        for match in self._figure.finditer(own, start, end):
            is_number = match["digits"] or match["word"]
            value, low, high, unit, stop = self._number(match) if is_number else _in_parts(match)
            facts = (fact for subject in subjects for fact in self._facts.get((subject, unit), ()))
            fact = next((name for name, its in facts if low - _ROUNDING <= its <= high + _ROUNDING), None)
            yield Figure(
                text=own[match.start() : stop],
                value=value,
                unit=unit,
                verdict="equal" if fact else "not_in_data",
                fact=fact,
                start=match.start(),
                end=stop,
            )

    def _number(self, match: re.Match[str]) -> _Number:
        """`$1,450`, `35-40 %`, `12k people`, `two sessions`; 36 % may stand for 0.355 to 0.365."""
        kind = match.lastgroup or ""
        unit: Unit = "money" if match["sign"] or kind not in get_args(Unit) else kind  # type: ignore[assignment]
        end = match.end() if unit == kind else max(map(match.end, ("digits", "thousands", "word", "high")))
        times, whole = 1000 if match["thousands"] else 1, 100 if unit == "share" else 1
        if match["word"]:
            value, precision = float(NUMBER_WORDS[match["word"].lower()]), 0.5
        else:
            digits = re.sub(r"^(\d+),(\d{1,2})$", r"\1.\2", match["digits"]).replace(",", "")
            value, precision = float(digits), 0.5 * 10.0 ** -len(digits.partition(".")[2])
        if match["sign"] and not self._currency.match(match["sign"]):
            precision = -inf  # no fact is in another currency
        high = max(value, float(match["high"] or 0)) + precision
        value, low, high = (one * times / whole for one in (value, value - precision, high))
        return value, low, high, unit, end


def _in_parts(match: re.Match[str]) -> _Number:
    """`two thirds`, `one in five`, `1/3`; a multiple in a word: `twice`."""
    if match["multiple"]:
        value = _MULTIPLES[match["multiple"].lower()]
        return value, value, value, "ratio", match.end()
    few = (match["few"] or match["top"] or match["part"] or "one").lower()
    many = (match["many"] or match["bottom"] or match["of"]).lower()
    whole = max(int(many) if many.isdigit() else (NUMBER_WORDS | _DENOMINATORS)[many], 1)
    share = (int(few) if few.isdigit() else _IN_WORDS[few]) / whole
    reach = _FRACTION_REACH / whole
    return share, share - reach, share + reach, "share", match.end()
