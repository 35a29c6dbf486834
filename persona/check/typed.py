"""Figures that the author typed: each is equal to a fact, or is not from the data. None is called false."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import NamedTuple

from persona.check.filling import END, FIRST_MARK, Filled, unmarked
from persona.check.sentences import Sentence
from persona.model import Fact, Rule, Unit
from persona.wording import NUMBER_WORDS, activity, plain

# What is quoted, code or an address is none of the author's own figures; no more is what was filled in.
_OTHERS = re.compile(
    rf"[{chr(FIRST_MARK)}-\U000ffffd][^{END}]*{END}|“[^“”\n]{{0,300}}”|\"[^\"\n]{{0,300}}\"|«[^«»\n]{{0,300}}»"
    r"|`[^`\n]{0,300}`|https?://\S{1,500}"
)
_WORD = "|".join(NUMBER_WORDS)
_NUMBER = re.compile(
    rf"(?<![\w.,:/#])(?:(?P<digits>\d{{1,3}}(?:,\d{{3}}){{1,5}}(?:\.\d{{1,4}})?|\d{{1,15}}(?:[.,]\d{{1,2}}(?!\d))?)"
    rf"(?P<thousands>k\b)?|(?P<word>{_WORD})\b)(?!\d)",
    re.IGNORECASE,
)
# From 10 to 15: the lower end stands for both.
_RANGE = re.compile(r"\s?(?:[-–]|to\b)\s?[$€£¥]?(?P<high>\d{1,9}(?:\.\d{1,2})?)", re.IGNORECASE)  # noqa: RUF001
_MONEY = {"$": "USD|dollars?", "€": "EUR|euros?", "£": "GBP|pounds?", "¥": "JPY|yen"}
_PEOPLE = "people|persons?|users?|customers?|profiles?|members?|individuals?"
_IDENTIFIERS = "identifiers?|identit(?:y|ies)|identity graph connections?|external ids?|ids?"
# What may stand between a number and what it counts: "12 weekly web sessions", not "in 30 days and visits".
_BETWEEN = r"(?:\s(?!(?:and|or|(?:second|minute|hour|day|week|month|year)s?)\b)[\w-]{1,30}){0,2}?"
_LINE_OF_FEW = 2  # "two identifiers or fewer" is how the group is defined, no figure of it
# A fraction is about a group where one of these follows; "the third step" is none.
_OF = r"(?=\s(?:of|the|their|all|are|have|has|hold|do|is|come|use|who)\b|\s?[.,;:)]|\s?\Z)"
_DENOMINATORS = {
    "half": 2,
    "halves": 2,
    "thirds?": 3,
    "quarters?": 4,
    "fifths?": 5,
    "sixths?": 6,
    "tenths?": 10,
}
_NUMERATORS = {"a": 1, "an": 1, "one": 1} | NUMBER_WORDS
_IN_WORDS = "|".join(_NUMERATORS)
# "two thirds of", "half of", "1/3 of"; "one in five", "3 out of 4".
_FRACTION = re.compile(
    rf"(?<![\w/])(?:(?:(?P<part>{_IN_WORDS})[\s-])?(?P<of>{'|'.join(_DENOMINATORS)}){_OF}"
    rf"|(?P<few>{_IN_WORDS}|\d{{1,3}})\s(?:in|out of)\s(?P<many>{_WORD}|\d{{1,3}})\b"
    rf"|(?P<top>\d)/(?P<bottom>\d{{1,2}}){_OF})",
    re.IGNORECASE,
)
_NO_SHARE_BEFORE = re.compile(r"(?:first|second|other|every|next|last|each)\s\Z", re.IGNORECASE)
# "twice the average", "double that".
_MULTIPLE = re.compile(
    r"\b(?P<word>twice|double|triple)(?=\s(?:the|as|that|their|what|of|its)\b)", re.IGNORECASE
)
_MULTIPLES = {"twice": 2.0, "double": 2.0, "triple": 3.0}
# How far a fraction reaches, in parts of its denominator: a third is 0.30 to 0.37.
_FRACTION_REACH = 0.1
_ROUNDING = 1e-9


class Vocabulary(NamedTuple):
    """What makes a number behind it a figure, in one space."""

    behind: tuple[tuple[re.Pattern[str], Unit], ...]
    before: re.Pattern[str]  # a currency
    currency: re.Pattern[str]  # the space's own, by its sign or its code
    names: re.Pattern[str]  # channels whose own name holds a number
    subjects: Mapping[str, str]  # how a pattern is called, in lower case -> its key
    facts: Mapping[tuple[str, Unit], list[tuple[str, float]]]  # subject and unit -> names and values


class _Typed(NamedTuple):
    start: int
    end: int
    low: float  # within its precision, as facts are stated: 0.355 to 0.365 for "36 %"
    high: float
    value: float
    unit: Unit


def learn(rule: Rule, subjects: Mapping[str, str], facts: Mapping[str, Fact], currency: str) -> Vocabulary:
    """The words of a space: its channels' activities, its currency, its patterns' and personas' names."""
    by_subject: dict[tuple[str, Unit], list[tuple[str, float]]] = defaultdict(list)
    for name, fact in facts.items():
        by_subject[name.partition(".")[0], fact.unit].append((name, fact.value))
    nouns = {activity(*channel_and_trait).split(" ")[-1] for channel_and_trait in rule.channels.items()}
    counted = "|".join(map(re.escape, sorted(nouns | {"sessions", "visits", "opens", "clicks", "views"})))
    channels = "|".join(re.escape(plain(channel)) for channel in rule.channels)
    alone = rf"(?:{channels})(?=\s?[+,;.)|]|\s(?:vs|versus|and|or|per|a)\b|\s?\Z)"
    sign = re.escape(currency)
    kinds: tuple[tuple[str, Unit], ...] = (
        (r"\s?(?:%|per ?cent\b)", "share"),
        (rf"\s?(?:{sign}|{_MONEY.get(currency, sign)})(?!\w)|\s?[€£¥](?!\w)", "money"),
        (r"\s?[x×](?!\w)|-?\s?fold\b|\stimes\b(?!\s(?:an?|per|each|every|in)\b)", "ratio"),  # noqa: RUF001
        (rf"\+?{_BETWEEN}\s(?:{_PEOPLE})\b", "people"),
        (rf"\+?{_BETWEEN}\s(?:{counted}|{_IDENTIFIERS})\b|\+?\s{alone}", "average"),
    )
    numbered = [re.escape(plain(channel)) for channel in rule.channels if re.search(r"\d", channel)]
    return Vocabulary(
        tuple((re.compile(expression, re.IGNORECASE), unit) for expression, unit in kinds),
        re.compile(rf"(?:{sign}|[$€£¥]|\b(?:USD|EUR|GBP))\s?\Z"),
        re.compile(rf"(?:{sign}|{_MONEY.get(currency, sign)})", re.IGNORECASE),
        re.compile(
            rf"\b(?:{'|'.join(sorted(numbered, key=len, reverse=True))})\b" if numbered else r"(?!)",
            re.IGNORECASE,
        ),
        {name.casefold(): key for name, key in subjects.items()},
        by_subject,
    )


def typed_figures(
    text: str, sentences: Iterable[Sentence], pattern: str | None, words: Vocabulary
) -> Iterator[tuple[int, int, Filled]]:
    """Where the author typed a figure that could be taken for data, and the fact that it is equal to, if any.

    Equal is: a fact of the same unit, to the figure's own precision, of the passage's pattern, of a pattern
    that its sentence names, of all people or of the space.
    """
    own = text
    for others in (_OTHERS, words.names):
        own = others.sub(lambda found: "\0" * len(found[0]), own)
    for sentence in sentences:
        figures = sorted(_in_sentence(own[sentence.start : sentence.end], words))
        if not figures:
            continue
        said = unmarked(text[sentence.start : sentence.end]).casefold().replace("-", " ").replace("_", " ")
        spoken_of = [pattern, *(key for name, key in words.subjects.items() if name in said), "all", "space"]
        after = 0
        for figure in figures:
            if figure.start < after:
                continue
            after = figure.end
            start, end = sentence.start + figure.start, sentence.start + figure.end
            fact = _equal(figure, spoken_of, words)
            yield start, end, Filled(text[start:end].strip(), figure.value, figure.unit, fact, typed=True)


def _equal(figure: _Typed, subjects: Iterable[str | None], words: Vocabulary) -> str | None:
    facts = (fact for subject in subjects if subject for fact in words.facts.get((subject, figure.unit), []))
    low, high = figure.low - _ROUNDING, figure.high + _ROUNDING
    return next((name for name, value in facts if low <= value <= high), None)


def _in_sentence(text: str, words: Vocabulary) -> Iterator[_Typed]:
    for found in _FRACTION.finditer(text):
        if not _NO_SHARE_BEFORE.search(text, max(0, found.start() - 8), found.start()):
            yield _fraction(found)
    for found in _MULTIPLE.finditer(text):
        value = _MULTIPLES[found["word"].lower()]
        yield _Typed(*found.span(), value, value, value, "ratio")
    for found in _NUMBER.finditer(text):
        yield from _number(text, found, words)


def _fraction(found: re.Match[str]) -> _Typed:
    few = found["few"] or found["top"] or found["part"] or "one"
    many = found["many"] or found["bottom"]
    if many:
        whole = int(many) if many.isdigit() else NUMBER_WORDS[many.lower()]
    else:
        whole = next(n for word, n in _DENOMINATORS.items() if re.fullmatch(word, found["of"], re.IGNORECASE))
    share = (int(few) if few.isdigit() else _NUMERATORS[few.lower()]) / max(whole, 1)
    reach = _FRACTION_REACH / max(whole, 1)
    return _Typed(*found.span(), share - reach, share + reach, share, "share")


def _number(text: str, found: re.Match[str], words: Vocabulary) -> Iterator[_Typed]:
    sign = words.before.search(text, max(0, found.start() - 8), found.start())
    spread = _RANGE.match(text, found.end())
    end = spread.end() if spread else found.end()
    behind = next(
        ((kind.match(text, end), unit) for kind, unit in words.behind if kind.match(text, end)), None
    )
    if not sign and not behind:
        return
    unit: Unit = "money" if sign else behind[1] if behind else "ratio"
    value, precision = _read(found)
    if unit == "average" and value == _LINE_OF_FEW and behind and "id" in (behind[0] or [""])[0].lower():
        return
    if sign and not words.currency.match(sign[0]):
        precision = -inf  # no fact is in another currency
    scale = 100 if unit == "share" else 1
    high = max(value, float(spread["high"])) if spread else value
    stop = behind[0].end() if behind and behind[0] and (not sign or behind[1] == "money") else end
    start = sign.start() if sign else found.start()
    yield _Typed(start, stop, (value - precision) / scale, (high + precision) / scale, value / scale, unit)


def _read(found: re.Match[str]) -> tuple[float, float]:
    """A number and half of its last digit's worth."""
    if found["word"]:
        return NUMBER_WORDS[found["word"].lower()], 0.5
    digits = found["digits"]
    if re.fullmatch(r"\d+,\d{1,2}", digits):  # a decimal comma
        digits = digits.replace(",", ".")
    digits = digits.replace(",", "")
    times = 1000 if found["thousands"] else 1
    return float(digits) * times, 0.5 * 10.0 ** -len(digits.partition(".")[2]) * times
