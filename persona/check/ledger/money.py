"""What an amount of money measures: only LTV is told in money."""

import re
from collections.abc import Iterator

from persona.check.ledger.grammar import LINK, LTV, NAME, Reading, rule

_NOT_AVERAGE = re.compile(
    r"\b(?:total|combined|cumulative|aggregate|median|predicted|projected|potential|incremental|maximum|minimum)\s(?:customer\s)?$",
    re.IGNORECASE,
)


def ltv(before: str, after: str, *, money: bool = True) -> Iterator[Reading]:
    named = rule(rf"(?<![:/])\b{LTV}(?![:/](?:CAC|\w)){LINK}").search(before)
    if named and not _NOT_AVERAGE.search(before[: named.start()]):
        changed = rule(r"^\s(?:more|less|higher|lower|above|below|increase|uplift|lift|gap)\b").match(after)
        yield ("avg_ltv",), not changed, len(before) - named.start(), 0
    aside = rule(rf"\b{LTV},\s(?:at\s)?$").search(before)
    if aside and rule(r"^\s?,").match(after):  # "their LTV, $890, is …"
        yield ("avg_ltv",), True, len(before) - aside.start(), 0
    following = rule(
        rf"^\s(?:(?:in|of|average|avg\.?|mean|a|an|per-customer|customer)\s){{0,3}}{LTV}"
        r"(?!\s(?:share|increase|lift|uplift|gap|potential|gain|threshold|target)|[:/]\w)\b"
    ).match(after)
    if money and following:
        yield ("avg_ltv",), True, 0, following.end()


def ltv_of(lead: str, after: str) -> Iterator[Reading]:
    """In "LTV ranges from $339 (Email Dominant) to …" the pattern stands behind its figure."""
    told = rule(rf"^\s?(?:\(|for\s|among\s)(?:the\s)?{NAME}+\)?").match(after)
    other = rule(
        r"\b(?:coupons?|spend|revenue|budget|orders?|baskets?|costs?|prices?|AOV|carts?|CAC)\b"
    ).search(lead)
    if told and not other and rule(rf"\b{LTV}\b").search(lead):
        yield ("avg_ltv",), True, 0, told.end()
