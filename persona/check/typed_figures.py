"""Figures that the author typed: each is equal to a fact, or is not from the data. None is called false."""

import re
from collections.abc import Iterable

from persona.model import Fact, Figure, Rule, Unit, Verdict
from persona.wording import NUMBER_WORDS, activity, plain

_IDENTIFIERS = r"identifiers?|identit(?:y|ies)|identity\ graph\ connections?|(?:external\ )?ids?"
# What is quoted, code or an address is none of the author's own figures; "two identifiers or fewer" is none.
OTHERS = re.compile(
    r"“[^“”\n]{0,300}”|\"[^\"\n]{0,300}\"|«[^«»\n]{0,300}»|`[^`\n]{0,300}`|https?://\S{1,500}"
    rf"|\b(?:two|2)\s(?:{_IDENTIFIERS})\b",
    re.IGNORECASE,
)
_MULTIPLES = {"twice": 2, "double": 2, "triple": 3}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10}
_COUNTS = {"a": 1, "an": 1, "one": 1} | NUMBER_WORDS
_NUMBERS = _MULTIPLES | _PARTS | _COUNTS
# "one in five"; "two thirds", "half of them", no "every quarter."; "twice the average". Then a number with
# its currency's sign, or with what makes it a figure of some unit ("12 weekly web sessions", not "in 30
# days and visits"), and the end of its range.
_NUMERIC = ("multiple", "few", "many", "some", "part", "number", "high")
_FIGURE = r"""
    (?<![\w/])(?=\w)(?<!first\s)(?<!second\s)
    (?:(?P<few>{few}|\d{{1,3}})\s(?:in|out\ of)\s(?P<many>{word}|\d{{1,3}})\b
      |(?:(?P<some>{few})[\s-])?(?P<part>{part})s?
        (?=\s(?:of|are|have|hold|do|is|use)\b|(?(some)\s?(?:[.,;:)]|\n|\Z)|(?!))))
    |\b(?P<multiple>{multiple})(?=\s(?:the|as|that|their|what|of|its)\b)
    |(?:(?<!\w)|(?=[$€£¥]))(?!\0) (?P<sign>(?:{sign}|[$€£¥]|\b(?:USD|EUR|GBP))\s?)? (?<![\w.,:/\#]){named}
    (?P<number>\d{{1,3}}(?:,\d{{3}}){{1,5}}(?:\.\d{{1,4}})?|\d{{1,15}}(?:\.\d{{1,2}}(?!\d))?|(?:{word})\b)(?!\d)
    (?:\s?(?:[-–]|to\b)\s?[$€£¥]?(?P<high>\d{{1,9}}(?:\.\d{{1,2}})?))?
    (?(sign)|(?:(?P<share>\s?(?:%|per\ ?cent\b))
      |(?P<money>\s?{sign}(?!\w)|\s?[€£¥](?!\w))
      |(?P<ratio>\s?[x×](?!\w)|-?\s?fold\b|\stimes\b(?!\s(?:an?|per|each|every|in)\b))
      |\+?(?:\s(?!(?:and|or|(?:second|minute|hour|day|week|month|year)s?)\b)\w[\w-]{{0,29}}){{0,2}}?\s
        (?:(?P<people>(?:people|persons?|users?|customers?|profiles?|members?|individuals?)\b)
          |(?P<average>(?:{counted}|sessions|visits|opens|clicks|views|{identifiers})\b
            |(?:{channels})(?=\s?(?:[+,;.)|]|\n|\Z)|\s(?:vs|versus|and|or|per|a)\b)))))
"""  # noqa: RUF001 - typography
_ROUNDING = 1e-9


def vocabulary(rule: Rule, currency: str) -> re.Pattern[str]:
    """What makes a number a figure in one space."""
    counted = {activity(*channel_and_trait).split(" ")[-1] for channel_and_trait in rule.channels.items()}
    channels = sorted(map(plain, rule.channels), key=len, reverse=True)
    # A channel may be called `app_2`.
    numbers = {(name[: one.start()], one[0]) for name in channels for one in re.finditer(r"(?<=\s)\d+", name)}
    named = "".join(rf"(?!(?<=\b{re.escape(before)}){digits}\b)" for before, digits in numbers)
    words: dict[str, Iterable[str]] = {"few": _COUNTS, "word": NUMBER_WORDS, "part": _PARTS}
    words |= {"multiple": _MULTIPLES, "sign": [currency], "counted": counted, "channels": channels}
    choices = {name: "|".join(map(re.escape, those)) for name, those in words.items()}
    return re.compile(
        _FIGURE.format(**choices, named=named, identifiers=_IDENTIFIERS), re.IGNORECASE | re.VERBOSE
    )


def typed(match: re.Match[str], facts: Iterable[tuple[str, Fact]], currency: str) -> Figure:
    """A match of the vocabulary as a figure; its fact is one of these: 36 % stands for 0.355 to 0.365."""
    said = {name: text.lower().replace(",", "") for name, text in match.groupdict("").items()}
    numbers = {name: float(_NUMBERS.get(said[name]) or said[name] or 0) for name in _NUMERIC}
    unit: Unit = "money" if said["sign"] else match.lastgroup  # type: ignore[assignment]
    if said["multiple"]:
        unit, value, reach = "ratio", numbers["multiple"], 0.0
    elif said["many"] or said["part"]:
        parts = max(numbers["many"], numbers["part"], 1)
        # A third is 0.30 to 0.37.
        unit, value, reach = "share", (numbers["few"] or numbers["some"] or 1) / parts, 0.1 / parts
    else:
        value, reach = numbers["number"], 0.5 * 10.0 ** -len(said["number"].partition(".")[2])
        if unit == "share":
            value, reach, numbers["high"] = value / 100, reach / 100, numbers["high"] / 100
    low, high = value - reach - _ROUNDING, max(value, numbers["high"]) + reach + _ROUNDING
    near = (name for name, its in facts if its.unit == unit and low <= its.value <= high)
    # No fact is in another currency.
    fact = next(near, None) if (match["sign"] or currency).strip() == currency else None
    verdict: Verdict = "equal" if fact else "not_in_data"
    start, end = match.span()
    return Figure(text=match[0], value=value, unit=unit, verdict=verdict, fact=fact, start=start, end=end)
