"""The figures of a sentence: what is written, and which values its precision covers.

Dates, times, ratios, versions, durations, ordinals and discounts are no figures about people.
"""

# ruff: noqa: RUF001 - people write figures with dashes, crosses and curly quotes, and so do these patterns

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from persona.check.ledger.grammar import HIDDEN, LOOKALIKES

# "other money" is an amount in a currency that is not the deployment's.
Kind = Literal["percent", "money", "other money", "times", "count"]


class Figure(Struct, frozen=True, kw_only=True):
    """A figure where it stands; `low` to `high` are the values that it may be the rounding of."""

    start: int
    end: int
    kind: Kind
    value: float  # as written; of a range, the lower end
    low: float
    high: float


# A figure may have been rounded twice, once in the message to the author and once by the author:
# 30.49 % is sent as 30.5 %, and comes back as 31 %. So half a step is allowed a tenth more.
_HALF_STEP = 0.55
# "about 30 %" covers its whole last step, "about $900" less: never more than this part of the value.
_HEDGED_SHARE = 0.1
# "$900" and "1,400" show hundreds, "$2,000" not thousands: what the zeros hide is this part at most.
_ROUND_SHARE = 0.05
# "half", "two thirds", "one in five" are said of anything this many points away; hedged, of a little more.
_HEDGED_FRACTION_POINTS = 5.0
_FRACTION_POINTS = 3.5

_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_TEENS = ("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: value for value, word in enumerate(_UNITS + _TEENS)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "tenth": 10}
_MANY = {"twice": 2.0, "double": 2.0, "triple": 3.0, "quadruple": 4.0}

# Each currency's other spellings; any other currency is recognised as it is set.
_SPELLINGS = {
    "$": ("US$", "$", "USD", "dollars", "dollar"),
    "€": ("€", "EUR", "euros", "euro"),
    "£": ("£", "GBP", "pounds", "pound"),
}
# Where a comma groups thousands and a point never does.
_POINT_IS_DECIMAL = ("$", "£", "USD", "GBP", "AUD", "CAD", "NZD", "US$", "A$", "C$", "¥", "JPY", "INR", "₹")

_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]{0,6}"
_DURATION = r"(?:second|sec|minute|min|hour|hr|day|week|wk|month|quarter|year|yr)s?"
_NO_FIGURE = re.compile(
    rf"""
    \d{{4}}-\d\d?(?:-\d\d?)?(?!\d) | (?<!\w)\d\d?[./]\d\d?[./]\d{{2,4}}(?!\d)  # dates
    | \b(?:{_MONTHS})\.?\ \d{{1,2}}(?!\w)(?:,?\ (?:19|20)\d\d)? | (?<!\w)\d{{1,2}}\ (?:{_MONTHS})\b
    | (?<![\w.,])(?:19|20)\d\d(?![\w%,.]*\d|\s?%|\ (?:people|profiles|users|customers|sessions))  # years
    | (?<!\w)\d{{1,3}}:\d{{1,3}}(?:-to-\w+)?(?!\d) | (?<!\w)\d{{1,3}}/\d{{1,3}}(?!\d)  # times, ratios, 24/7
    | \bv\.?\ ?\d[\d.]{{0,9}} | \bweb\ ?[23]\.0\b | (?<!\w)\d{{1,9}}(?:\.\d{{1,9}}){{2,5}}  # versions
    | \b(?:ios|android|html|windows)\ ?\d{{1,2}}(?![\d%])
    | \b(?:top|step|steps|phase|stage|tier|level|chapter|part|section|figure|table|item|priority|option|
        version|number|no\.|day|days|week|weeks|month|year|persona|pattern|first|next|last|past|rule|
        layer|pillar|q|h|\#)\ ?\#?\d{{1,4}}(?:\s?[-–&]\s?\d{{1,4}})?(?![\d%,.]*\d|\s?%)  # ordinals
    | (?<![\w$€£.,])\d{{1,6}}(?:\.\d{{1,3}})?(?:[-–]\d{{1,6}})?
        -(?!percent|point)[A-Za-z][A-Za-z-]{{0,40}}  # 3-step
    | (?<![\w.,])\d{{1,6}}(?:\.\d{{1,2}})?\+?(?:\s?(?:[-–]|to)\s?\d{{1,6}})?\s?
        (?:{_DURATION}|[hs]|am|pm|[ap]\.m\.|ms)\b
    | (?<![\w.,])\d{{1,4}}(?:\s?(?:[-–]|to|or)\s?\d{{1,4}})?(?:\s?[x×]|\s?times?)[ /](?:a|an|per|each|every|
        daily|weekly|monthly|{_DURATION})\b
    | \b(?:once|twice)\ (?:a|an|per|each|every|daily|weekly|monthly)\b
    | (?<![\w.,])\d{{2}}(?:\.\d)?\s?%\s(?=confidence|CI\b|interval|significance)
    | (?:\b(?:US)?[$€£]\s?)?(?<![\w.,])\d{{1,6}}\s?%?\s
        (?=(?:off|discount|coupon|voucher|gift|credit|reward|bonus)\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Durations that are told of people rather than advised: these stay figures, and are unverified.
_TOLD = re.compile(
    r"\b(?:average|averages|averaging|avg|mean|median|spends?|spending|lasts?)\b[^,;]{0,40}$", re.IGNORECASE
)
_TELLING = re.compile(rf"(?<![\w.,])\d{{1,6}}(?:\.\d{{1,2}})?\s(?:{_DURATION})\b", re.IGNORECASE)

_COUNTED = (
    r"(?:sessions?|opens|visits?|clicks?|people|users|customers|profiles|members|subscribers|identifiers?|"
    r"ids|identities|connections)"
)
_WORD_NUMBER = rf"\b(?:(?:{'|'.join(_TENS)})(?:-(?:{'|'.join(_UNITS[1:10])}))?|{'|'.join(_UNITS + _TEENS)})"

_HEDGE = re.compile(
    r"(?:~|≈|\b(?:about|around|roughly|approximately|approx\.?|circa|ca\.|some|nearly|almost|close to|"
    r"just over|just under|slightly over|slightly under|a little over|a little under|well over|"
    r"an estimated))\s?$",
    re.IGNORECASE,
)
_FLOOR = re.compile(
    r"(?:[>≥]|\b(?:more than|over|at least|above|exceeding|upwards of|north of|no fewer than|"
    r"no less than))\s?$",
    re.IGNORECASE,
)
_CEILING = re.compile(
    r"(?:[<≤]|\b(?:less than|fewer than|under|below|at most|up to|no more than|not even))\s?$", re.IGNORECASE
)
_LONGEST_HEDGE = 18


def hide(sentence: str) -> str:
    """The sentence, as long as before, with `HIDDEN` for what looks like a figure and is none."""

    def blank(match: re.Match[str]) -> str:
        told = _TELLING.fullmatch(match[0]) and _TOLD.search(sentence, 0, match.start())
        return match[0] if told else HIDDEN * len(match[0])

    return _NO_FIGURE.sub(blank, sentence.translate(LOOKALIKES))


def figures(sentence: str, currency: str) -> Iterator[Figure]:
    """Yield the figures of a sentence that `hide` has been over, in order."""
    money = _spellings(currency)
    for match in _figure(currency).finditer(sentence):
        before = sentence[max(0, match.start() - _LONGEST_HEDGE) : match.start()]
        if match["number"]:
            yield _bounded(_numeral(match, money, currency), before, more="+" in match[0])
        elif match["word"]:
            yield _bounded(_spelled(match), before)
        elif match["many"]:
            value = _MANY[match["many"].lower()]
            yield _plainly(match, "times", value, 0.5)
        else:
            yield _bounded(_fraction(match), before)


@lru_cache(maxsize=8)
def _spellings(currency: str) -> tuple[str, ...]:
    return next((words for words in _SPELLINGS.values() if currency in words), (currency,))


@lru_cache(maxsize=8)
def _figure(currency: str) -> re.Pattern[str]:
    money = "|".join(
        re.escape(word) + (r"(?!\w)" if word[-1].isalnum() else "") for word in _spellings(currency)
    )
    any_money = rf"(?:{money}|[$€£¥])"
    digits = r"\d{1,3}(?:[,'’\u00a0\u202f\u2009]\d{3}){1,4}(?!\d)(?:\.\d{1,6})?|\d{1,15}(?:\.\d{1,6})?"
    digits = rf"\d{{1,3}}(?:\ \d{{3}}){{1,4}}(?=\s?{any_money})|{digits}"
    if currency not in _POINT_IS_DECIMAL:
        digits = (
            rf"\d{{1,3}}(?:\.\d{{3}}){{1,4}}(?!\d)(?:,\d{{1,2}}(?!\d))?|\d{{1,15}},\d{{1,2}}(?!\d)|{digits}"
        )
    scale = r"(?:\s?(?:thousand|million|billion|bn|k|m)\b)"
    unit = (
        rf"(?:\s?(?:%|percent\b|per\ cent\b|pct\b|{any_money}|[x×](?!\w)|"
        r"times\b(?=\ (?:the|as|more|that|higher|their))))"
    )
    parts = "|".join(_PARTS)
    end = r"(?=\ (?:of|are|have|has|carry|hold|use|sit|is|on)\b|\s?[,.;:)]|$)"
    return re.compile(
        rf"""
        \b(?P<some>{"|".join(_UNITS[1:10])}|[1-9])\ (?:in|out\ of)\ (?:every\ )?
            (?P<all>{"|".join(_UNITS[2:11])}|[2-9]|10)\b(?!%|\ {_DURATION})
        | (?<![\w.,/#])(?P<coin>(?:{any_money})\s?)?(?<![\d.,])(?P<number>{digits})(?![\d]|[.,]\d)
            (?P<scale>{scale})?(?P<plus>\+)?(?P<unit>{unit})?(?:\+)?
            (?:\s?(?:[-–—]|to|and(?=\s\d[^a-z]{{0,12}}{unit}))\s?(?:{any_money}\s?)?(?P<high>{digits})
                (?P<high_scale>{scale})?(?P<high_unit>{unit})?)?(?!\w)(?![.,]\d)
        | (?P<word>{_WORD_NUMBER})(?P<word_unit>\ (?:percent|per\ cent)\b)?
            (?:(?<=cent)|(?=\ (?:or\ (?:more|fewer)\ )?(?:[a-z-]{{1,20}}\ ){{0,2}}{_COUNTED}\b))
        | \b(?P<many>twice|double|triple|quadruple)(?=\ (?:as|the|that|their|its)\b)
        | (?<!in\ )(?<!first\ )(?<!second\ )\b(?P<part>half)
            (?=\ the\b|\ (?:of|are|have|has|carry|is|use)\b|[,.;)])
        | \b(?P<parts>(?:one|a|two|three|four|nine)[ -])(?P<of>{parts})s?{end}
        """,
        re.VERBOSE | re.IGNORECASE,
    )


def _numeral(match: re.Match[str], money: tuple[str, ...], currency: str) -> Figure:
    value, step = _read(match["number"], match["scale"] or match["high_scale"], currency)
    unit = (match["unit"] or match["high_unit"] or "").strip().lower()
    figure = _plainly(match, _kind(unit, (match["coin"] or "").strip(), money), value, step * _HALF_STEP)
    if match["high"] is None:
        return figure
    top, top_step = _read(match["high"], match["high_scale"] or match["scale"], currency)
    return _plainly(match, figure.kind, value, step * _HALF_STEP, high=top + top_step * _HALF_STEP)


def _kind(unit: str, coin: str, money: tuple[str, ...]) -> Kind:
    if unit in {"%", "percent", "per cent", "pct"}:
        return "percent"
    if unit in {"x", "×", "times"}:
        return "times"
    written = (coin or unit).lower()
    if not written:
        return "count"
    return "money" if written in {word.lower() for word in money} else "other money"


def _read(written: str, scale: str | None, currency: str) -> tuple[float, float]:
    """A numeral's value and the step of its last digit."""
    digits = re.sub(r"['’\s\u00a0\u202f\u2009]", "", written)
    if currency not in _POINT_IS_DECIMAL:
        digits = re.sub(r"\.(?=\d{3}(?!\d))", "", digits)
        digits = re.sub(r",(?=\d{1,2}$)", ".", digits)
    digits = digits.replace(",", "")
    factor = _SCALES[scale.strip().lower()] if scale else 1.0
    decimals = len(digits.partition(".")[2])
    value = round(float(digits) * factor, 9)
    return value, max(factor * 10.0**-decimals, _round_step(digits, value, factor))


def _round_step(digits: str, value: float, factor: float) -> float:
    """What two zeros or more at the end hide: "$900" may be $890; never more than a part of the value."""
    zeros = len(digits) - len(digits.rstrip("0")) if "." not in digits else 0
    hundreds = 2
    return min(10.0**zeros * factor, 2 * _ROUND_SHARE * value) if zeros >= hundreds or factor > 1 else 0.0


def _spelled(match: re.Match[str]) -> Figure:
    value = float(sum(_WORDS[word] for word in match["word"].lower().split("-")))
    return _plainly(match, "percent" if match["word_unit"] else "count", value, _HALF_STEP)


def _fraction(match: re.Match[str]) -> Figure:
    if match["some"]:
        some, every = (
            float(word) if word.isdigit() else float(_WORDS[word.lower()])
            for word in (match["some"], match["all"])
        )
    else:
        some = float({"a": 1}.get((word := (match["parts"] or "a").strip(" -").lower()), _WORDS.get(word, 1)))
        every = float(_PARTS[(match["of"] or match["part"]).lower()])
    return _plainly(match, "percent", round(100 * some / every, 2), _FRACTION_POINTS)


def _plainly(
    match: re.Match[str],
    kind: Kind,
    value: float,
    half: float,
    *,
    high: float | None = None,
) -> Figure:
    return Figure(
        start=match.start(),
        end=match.end(),
        kind=kind,
        value=value,
        low=value - half,
        high=value + half if high is None else high,
    )


def _bounded(figure: Figure, before: str, *, more: bool = False) -> Figure:
    """The figure with what the words before it make of its precision: about, over, up to."""
    low, high = figure.low, figure.high
    if hedge := _HEDGE.search(before):
        slack = max(high - figure.value, min(_step(figure), _HEDGED_SHARE * figure.value))
        if figure.high - figure.value == _FRACTION_POINTS:
            slack = _HEDGED_FRACTION_POINTS
        low, high = figure.value - slack, max(high, figure.value + slack)
        if hedge[0].strip().lower() == "well over":
            high = float("inf")
    elif more or _FLOOR.search(before):
        low, high = figure.value, float("inf")
    elif _CEILING.search(before):
        low, high = float("-inf"), figure.value
    return replace(figure, low=low, high=high)


def _step(figure: Figure) -> float:
    """The step of the last digit that is not a round zero: 10 for 30, 5 for 35, 1 for 33."""
    step = (figure.high - figure.value) / _HALF_STEP
    for rounder in (100.0, 10.0, 5.0):
        if step < rounder and figure.value % rounder == 0:
            return rounder
    return step
