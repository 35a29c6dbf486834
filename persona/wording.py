"""How keys are titled and figures written: the same in the message, the answer, the page and the terminal."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from persona.masking import printable
from persona.model import Group, Summary, Unit
from persona.timestamps import moment

MINUS = "\N{MINUS SIGN}"

# The headings that the message demands, the facts author writes and the reader knows best.
SECTION_TITLES = {
    "description": "Description",
    "why_dominant": "Why they prefer their channels",
    "reach_on_weak": "How to reach them on weaker channels",
    "journey": "Cross-channel journey",
    "formats": "Content formats",
    "risk": "Risk of losing them",
    "next_step": "Next step",
}
# The lines of a next step, each a label with a colon.
NEXT_STEP_TITLES = {"action": "Action", "channel": "Channel", "measure": "Measure"}
STRATEGY_TITLE = "Cross-Channel Strategy"
STRATEGY_TITLES = {
    "consistency": "Consistency and adaptation",
    "identity_resolution": "Identity resolution",
    "switch_moments": "Moments of switching",
}


class Assumption(NamedTuple):
    """How an answer in one language calls what is no figure of the data."""

    language: str
    word: str  # as the message dictates it
    marks: str  # an expression for the word and its forms
    denied: str  # an expression for what is called no assumption


# "Assumption: they read on the way"; "this is no assumption". A language without a row uses the English word.
ASSUMPTIONS = (
    Assumption(
        "English",
        "assumption",
        r"\bassumptions?\b|\bassumed\b|\b(?:we|I) assume\b",
        r"\b(?:no|not an?|without|never an?) assumptions?\b|\b(?:not|never) assumed\b",
    ),
    Assumption("German", "Annahme", r"\bAnnahmen?\b", r"\b(?:keine|ohne|nicht als) Annahmen?\b"),
    Assumption(
        "French",
        "hypothèse",
        r"\bhypothèses?\b",
        r"\b(?:aucune |sans |pas une |pas d['’])hypothèses?\b",  # noqa: RUF001 - typography
    ),
    Assumption("Japanese", "仮定", r"仮定|仮説", r"(?:仮定|仮説)(?:ではな|なし)"),
)

# What a trait's name says that it counts: `emails_opened_30d` counts opens.
_COUNTED = ("sessions", "visits", "opens", "clicks", "views", "calls")
# The number words that are read as figures; "one" is more often a pronoun.
_FROM_TWO = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NUMBER_WORDS = {word: number for number, word in enumerate(_FROM_TWO, 2)}
# Letters that are spelled out one by one: sms, mms, rcs, tv.
_ABBREVIATION = re.compile(r"[b-df-hj-np-tv-xz]{2,4}")

# Of the last part of a fact's name.
_SLUG_CHARACTERS = 40
# From here on a figure is written with its power of ten; no honest average is that large.
_HUGE = 1e15
# Below this, a sum is written with two decimals, so that its rounding stays small beside it.
_WHOLE_MONEY = 100
# A share below this would round to "0.0 %", which reads as nobody.
_SMALLEST_SHARE = 0.0005
# From here on a ratio needs no decimal: "12 times".
_WHOLE_RATIO = 10


def plain(key: str) -> str:
    """A key as running text: `in_app` gives `in app`, `sms` gives `SMS`."""
    return " ".join(word.upper() if _ABBREVIATION.fullmatch(word) else word for word in key.split("_"))


def label(key: str) -> str:
    """A key as a title: `web_dominant` gives `Web Dominant`, `sms_dominant` gives `SMS Dominant`."""
    return " ".join(word if word.isupper() else word.title() for word in plain(key).split(" "))


def activity(channel: str, trait: str) -> str:
    """What people do on a channel, as its trait's name says: `web sessions`, `email opens`, `TV actions`."""
    if channel.endswith(_COUNTED):
        return plain(channel)
    parts = [part for part in trait.casefold().split("_") if part not in channel]
    counted = (noun for part in parts for noun in _COUNTED if part.startswith(noun.removesuffix("s")))
    return f"{plain(channel)} {next(counted, 'actions')}"


class Slugs(NamedTuple):
    """The last parts of facts' names that a space gives, the same for all its subjects."""

    activities: dict[str, str]  # channel -> `web_sessions`
    types: dict[str, str]  # identifier type -> `ios_id`
    plans: dict[str, str]


def slugs_of(summary: Summary) -> Slugs:
    """How the activities, identifier types and plans of a summary are called in the names of facts."""
    nouns = {channel: activity(channel, trait) for channel, trait in summary.rule.channels.items()}
    slugs = _slugs(nouns.values())
    groups: list[Group] = [summary.totals, *summary.patterns]
    return Slugs(
        {channel: slugs[noun] for channel, noun in nouns.items()},
        _slugs(kind for group in groups for kind in group.identity_coverage or {}),
        _slugs(plan.plan for pattern in summary.patterns for plan in pattern.plans or []),
    )


def _slugs(texts: Iterable[str]) -> dict[str, str]:
    """Each text's slug, the same for all subjects; a second text of the same slug gets `_2`."""
    slugs: dict[str, str] = {}  # slug -> text
    for text in dict.fromkeys(texts):
        plain = re.sub("[^a-z0-9]+", "_", printable(text).lower()).strip("_") or "unnamed"
        slug, number = plain[:_SLUG_CHARACTERS], 1
        while slug in slugs:
            number += 1
            slug = f"{plain[: _SLUG_CHARACTERS - len(str(number)) - 1]}_{number}"
        slugs[slug] = text
    return {text: slug for slug, text in slugs.items()}


def heading(title: str, name: str) -> str:
    """The heading of a pattern with its persona's name, as the message demands it."""
    return f"## {title} — “{name}”"


def written(value: float, unit: Unit, currency: str) -> str:
    """A figure as people write it, by its unit."""
    match unit:
        case "people":
            return count(value)
        case "share":
            return percent(value)
        case "points":
            return points(value / 100)
        case "money":
            return money(value, currency)
        case "ratio" if abs(value) >= _WHOLE_RATIO:
            return count(value)
        case "ratio" | "average":
            return decimal(value)


def count(number: float) -> str:
    """A whole number with thousands separated: `1,450`."""
    return _digits(number, 0)


def decimal(number: float) -> str:
    """One decimal, thousands separated: `22.3`."""
    return _digits(number, 1)


def exact(number: float) -> str:
    """As many decimals as a reader needs to compare, at most two: `890.4`, `12`."""
    return _digits(number, 2).rstrip("0").rstrip(".") if abs(number) < _HUGE else _digits(number, 2)


def percent(share: float, decimals: int = 1) -> str:
    """A share between 0 and 1 as per cent: `33.3 %`; `0 %` is nobody, `100 %` is everybody."""
    if 0 < share < _SMALLEST_SHARE:
        return "<0.1 %"
    return f"{_digits(share * 100, 0 if share in {0, 1} else decimals)} %"


def interval(low_and_high: tuple[float, float]) -> str:
    """The two ends of an interval as whole per cents, joined by a dash."""
    low, high = low_and_high
    return f"{low * 100:.0f}\N{EN DASH}{high * 100:.0f} %"


def points(change: float) -> str:
    """A change of a share in percentage points: `+4.2 points`."""
    digits = _digits(change * 100, 1)
    rises = change > 0 and any(digit in digits for digit in "123456789")
    return f"{'+' if rises else ''}{digits} points"


def money(amount: float, currency: str) -> str:
    """A sum in the deployment's currency: `$1,450`, `$3.42`, `EUR 890`; cents only where they matter."""
    size = abs(amount)
    decimals = 2 if round(size, 2) < _WHOLE_MONEY and not round(size, 2).is_integer() else 0
    sign = MINUS if round(amount, decimals) < 0 else ""
    return f"{sign}{currency}{' ' if currency[-1:].isalnum() else ''}{_digits(size, decimals)}"


def window(days: int | None) -> str:
    """When what the traits count took place; an export may be of any age, so never "the last 30 days"."""
    return "in the traits' own window" if days is None else f"in {days} days"


def date(stamp: str) -> str:
    """The day of an RFC 3339 time: `23 November 2026`; anything else comes back as it is."""
    day = moment(stamp)
    return f"{day.day} {day:%B %Y}" if day else stamp


def _digits(number: float, decimals: int) -> str:
    """A number with thousands separated and a true minus, which no zero has."""
    size = abs(number)
    digits = f"{size:,.{decimals}f}" if size < _HUGE else f"{size:.3g}"
    return f"{MINUS if number < 0 and any(digit in digits for digit in '123456789') else ''}{digits}"
