"""How the profiles were chosen and their activity counted, in honest sentences."""

import re
from hashlib import sha256
from math import sqrt
from pathlib import Path

from persona.classify.counts import Counts
from persona.fetch.events import IDLE_MINUTES, PROFILE_API_DAYS, WAREHOUSE_DAYS
from persona.model import Origin, Rule
from persona.settings import SEED, Settings

# A computed trait says in its name, if anywhere, how many days it counts: `web_sessions_90d`.
_NAMED_DAYS = re.compile(r".*_([1-9]\d{0,3})d")
_EVENTS = (
    f"raw events: sessions by {IDLE_MINUTES} minutes of inactivity on web and mobile, opens and clicks of "
    "email, for all people alike"
)
# What was read; then, where its first profiles are not drawn at random, what their order makes of them.
_ORDERED = {
    "sample": ("built-in, invented sample space", "in the source's own order"),
    "segment": ("space", "in an order that Segment does not document, so they may not stand for all"),
    "profile-api": ("space", "the recently active first, so active people are over-represented"),
    "identifiers": (
        "list in PERSONA_IDENTIFIERS",
        "in its order, and stand for all as far as that is random",
    ),
    "export": ("export", ""),
    "bigquery": ("space (Profiles Sync in BigQuery)", ""),
}


def sentence(source: str, read: int, *, truncated: bool, drawn_from: int | None) -> str:
    """How `read` profiles were chosen, and how far chance may have moved a share.

    `source` is one of the settings', or `identifiers`: a file named the profiles of the Profile API.
    """
    where, order = _ORDERED[source]
    if not truncated:
        return f"All {read:,} profiles of the {where} were read."
    # The widest 95 % margin, that of one half; narrower where the sample is a large part of the whole.
    finite = sqrt((drawn_from - read) / (drawn_from - 1)) if drawn_from and drawn_from > 1 else 1.0
    points = 98 / sqrt(max(read, 1)) * finite
    margin = f"by chance alone, a pattern's share may be off by up to {points:.1f} points (95 %)"
    if drawn_from is None:
        return (
            f"Only the first {read:,} profiles of the {where} were read, {order}; {margin}, and by the order "
            "an unknown amount more."
        )
    drawn = f"{read:,} of the {drawn_from:,} profiles of the {where} were drawn at random (seed {SEED})"
    return f"{drawn}; {margin}."


def rule_of(settings: Settings) -> Rule:
    """How this deployment tells people apart; the window is that of the events, or of all traits' names."""
    named = {_NAMED_DAYS.fullmatch(trait) for trait in settings.channels.values()}
    days = {match and int(match[1]) for match in named}
    if settings.events:
        days = {WAREHOUSE_DAYS if settings.source == "bigquery" else PROFILE_API_DAYS}
    return Rule(
        channels=dict(settings.channels),
        dominance=settings.dominance,
        ltv_trait=settings.ltv_trait,
        plan_trait=settings.plan_trait,
        min_group=settings.min_group,
        window_days=days.pop() if len(days) == 1 else None,
        activity=_EVENTS if settings.events else "computed traits",
    )


def origin_of(settings: Settings, counts: Counts, *, truncated: bool) -> Origin:
    """Where the counted people came from, and how they were chosen."""
    where, source = settings.where, settings.source
    if source == "export" and not where.startswith("gs://"):
        where = str(Path(where).absolute())
    listed_in = "identifiers" if source == "profile-api" and settings.identifiers else source
    return Origin(
        kind=source,
        space_id=settings.segment_space_id or None,
        sample=source == "sample",
        address_hash=sha256(where.encode()).hexdigest()[:16] if where else None,
        sampling=sentence(listed_in, counts.read, truncated=truncated, drawn_from=counts.drawn_from),
    )
