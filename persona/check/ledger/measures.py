"""What a figure measures: the facts that the words around it name.

A measure is firm where the words leave one reading, and only then may a figure be called wrong. "LTV: $890"
and "22 mobile sessions" are firm; "73 % of users say" and "a push to 40 users" are not.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from persona.check.ledger import counts, money, shares
from persona.check.ledger.figures import Figure
from persona.check.ledger.grammar import NAME, Reading, rule
from persona.check.ledger.vocabulary import Words

# How far from a figure its name is looked for, in characters.
REACH = 110


class Measure(Struct, frozen=True, kw_only=True):
    """The facts that a figure may be, best first, and whether it can be nothing else."""

    facts: tuple[str, ...]
    firm: bool
    start: int  # of the words that make it this measure, figure included
    end: int


# A rate over anything but the window: "3 sessions a week" is no monthly average.
_OTHER_RATE = re.compile(
    r"(?:^[^,.;:|(]{0,40}?\s(?:per|a|an|each|every)\s(?:week|day|year|quarter|session|visit|email|campaign|hour|send)\b)"
    r"|^[^,.;:|(]{0,40}?\b(?:weekly|daily|annually|yearly|quarterly)\b",
    re.IGNORECASE,
)
_LETTER = re.compile(rf"[^\W\d_]|{NAME}")
_RATE_BEFORE = re.compile(
    r"\b(?:weekly|daily|annual|annually|yearly|quarterly)\b[^,.;|]{0,40}$", re.IGNORECASE
)


def measure(text: str, figure: Figure, previous_end: int, next_start: int, words: Words) -> Measure | None:
    """What the figure measures, or None; `text` is the sentence with its pattern names blanked out."""
    before = text[max(previous_end, figure.start - REACH) : figure.start]
    after = text[figure.end : min(next_start, figure.end + REACH)]
    if not _LETTER.search(before) and not _LETTER.search(after):
        return None
    if figure.kind in {"count", "money"} and (_OTHER_RATE.search(after) or _RATE_BEFORE.search(before)):
        return None
    lead = text[: figure.start]
    readings = [
        Measure(facts=facts, firm=firm, start=figure.start - back, end=figure.end + ahead)
        for facts, firm, back, ahead in _readings(figure, lead, before, after, words)
    ]
    return next((reading for reading in readings if reading.firm), readings[0] if readings else None)


def _readings(figure: Figure, lead: str, before: str, after: str, words: Words) -> Iterator[Reading]:
    """What the figure may measure, the surest first; `lead` is all of the sentence before it."""
    if figure.kind == "money":
        yield from money.ltv(before, after)
        yield from money.ltv_of(lead, after)
        yield ("avg_ltv",), False, 0, 0
    elif figure.kind == "percent":
        yield from shares.activity_share(after, words)
        yield from shares.boundary_share(after)
        yield from shares.ltv_share(before, after)
        yield from shares.few_identities(before, after)
        yield from shares.plan(before, after, words, "share")
        yield from shares.coverage(before, after, words)
        yield from shares.share(lead, before, after)
    elif figure.kind == "count":
        if lead != before and rule(r"^\s(?:out\s)?of\s(?:the\s|all\s)?$").match(
            before
        ):  # the 78 in "41 of the 78"
            yield ("n", "population.classified", "population.read"), False, 0, 0
            return
        yield from money.ltv(before, after, money=False)
        yield from counts.activity(before, after, words)
        yield from counts.activity_where(lead, after, words)
        yield from counts.identities(before, after)
        yield from shares.plan(before, after, words, "n")
        yield from counts.people(before, after)
