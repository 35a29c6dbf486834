"""How this space's patterns, channels, plans and id types are written."""

import re
from collections.abc import Iterable

from msgspec import Struct

from persona import wording
from persona.check.ledger.grammar import LOOKALIKES
from persona.model import OMNICHANNEL, Summary, dominant, label

# The obvious other names of the usual channels.
_CHANNEL_NAMES = {
    "web": ("web", "website", "web site", "desktop", "site", "web app"),
    "mobile": ("mobile", "app", "mobile app", "phone", "smartphone"),
    "email": ("email", "e-mail", "inbox"),
}
# What a trait's name says that it counts, and what people call that. The others are never the same thing.
_ACTIVITY_NAMES = {
    "session": ("session", "sessions", "visit", "visits"),
    "visit": ("session", "sessions", "visit", "visits"),
    "open": ("open", "opens", "opened"),
    "click": ("click", "clicks", "clicked"),
    "view": ("view", "views", "viewed"),
    "call": ("call", "calls"),
}


class Words(Struct, frozen=True, kw_only=True):
    """The names to look for, each with what it stands for."""

    patterns: re.Pattern[str]
    pattern_keys: dict[str, str]  # as `spoken` gives it -> key
    channels: re.Pattern[str]
    channel_of: dict[str, str]
    activities: dict[str, frozenset[str]]  # channel -> nouns for what its trait counts
    plans: re.Pattern[str] | None
    id_types: re.Pattern[str] | None
    id_type_of: dict[str, str]


def spoken(name: str) -> str:
    """A name as it is compared: without case, hyphens or dots."""
    return re.sub(r"[\s._-]+", " ", name.translate(LOOKALIKES)).strip().casefold()


def learn(summary: Summary, persona_names: dict[str, str]) -> Words:
    """The words of this space; `persona_names` maps a persona's name to its pattern's key."""
    channels = list(summary.rule.channels)
    keys = [*(dominant(channel) for channel in channels), OMNICHANNEL]
    patterns = {spoken(key): key for key in keys} | {spoken(label(key)): key for key in keys}
    patterns |= {"omni channel": OMNICHANNEL}
    for channel in channels:
        for word in (channel, *_CHANNEL_NAMES.get(channel, ())):
            for way in ("dominant", "first", "heavy", "led", "centric"):
                patterns.setdefault(f"{spoken(word)} {way}", dominant(channel))
    patterns |= {spoken(name): key for name, key in persona_names.items()}
    channel_of = {
        spoken(word): channel for channel in channels for word in (channel, *_CHANNEL_NAMES.get(channel, ()))
    } | {spoken(channel): channel for channel in channels}
    groups = [summary.totals, *summary.patterns]
    id_types = {kind for group in groups for kind in group.identity_coverage or {}}
    id_type_of = {
        word: kind for kind in id_types for word in (spoken(kind), spoken(kind).removesuffix(" id"))
    }
    plans = {plan.plan for pattern in summary.patterns for plan in pattern.plans or []}
    return Words(
        patterns=_any_of(patterns) or re.compile(r"(?!)"),
        pattern_keys=patterns,
        channels=_any_of(channel_of) or re.compile(r"(?!)"),
        channel_of=channel_of,
        activities={channel: _nouns(channel, trait) for channel, trait in summary.rule.channels.items()},
        plans=_any_of(plans),
        id_types=_any_of(id_type_of),
        id_type_of=id_type_of,
    )


def _any_of(words: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern for any of the words, the longest first, whatever stands between their parts."""
    longest_first = sorted({spoken(word) for word in words} - {""}, key=len, reverse=True)
    if not longest_first:
        return None
    written = "|".join(re.escape(word).replace(r"\ ", r"[\s._-]{1,2}") for word in longest_first)
    return re.compile(rf"(?<!\w)(?:{written})(?!\w)", re.IGNORECASE)


def _nouns(channel: str, trait: str) -> frozenset[str]:
    """What the channel's trait counts: `emails_opened_30d` counts opens."""
    parts = [part for part in spoken(trait).split() if part not in channel]
    known = {
        noun
        for part in parts
        for stem, nouns in _ACTIVITY_NAMES.items()
        if part.startswith(stem)
        for noun in nouns
    }
    written = wording.activity(channel, trait).split()[-1]  # as the question and the rules write it
    return frozenset({*(known or parts), written, written.removesuffix("s")})
