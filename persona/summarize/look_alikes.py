"""Trait names that look like those that are missing: by the words that they share, then by their letters."""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

from persona.masking import printable

# What channels are called in other people's traits (example: `mail_clicks`, `app_opens`, `site_visits`).
_CHANNEL_WORDS = {
    "web": {"web", "website", "site", "page", "browser", "online"},
    "mobile": {"mobile", "app", "application", "ios", "android", "screen"},
    "email": {"email", "mail", "newsletter"},
}
# What is counted (example: `web_visits_30d`); such a word makes a trait an activity.
_ACTIVITY_WORDS = {"session", "visit", "open", "opened", "click", "clicked", "call", "use"}
# A count of these is no count of sessions.
_VIEW_WORDS = {"view", "viewed", "pageview"}
# How alike two names are at least, where they share no word (example: `webvisits` and `web_visits`).
_ALIKE_SHARE = 0.6
MOST_NAMES = 3


def look_alikes(trait: str, channel: str, names: Iterable[str]) -> list[str]:
    """The names that look most like a channel's trait, the likeliest first, three at most."""
    ranked = sorted((-_likeness(trait, channel, name), name) for name in names if fit(name))
    return [name for likeness, name in ranked if likeness < 0][:MOST_NAMES]


def fitting(channels: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """A channel = trait for each channel that some trait fits, no trait twice; `names` hold numbers."""
    free = list(names)
    chosen: dict[str, str] = {}
    # What is there by its own name is taken by no other channel.
    for channel, trait in sorted(channels.items(), key=lambda pair: pair[1] not in free):
        alike = [trait] if trait in free else look_alikes(trait, channel, free)
        if alike:
            chosen[channel] = alike[0]
            free.remove(alike[0])
    return {channel: chosen[channel] for channel in channels if channel in chosen}


def fit(name: str) -> bool:
    """Whether a name can be shown, and stand in PERSONA_CHANNELS: nobody's address, number or trick."""
    return bool(name) and printable(name) == name == name.strip() and not set(name) & set(",=\"'`$\\")


def _likeness(trait: str, channel: str, name: str) -> float:
    """Zero where two names have nothing to do with each other."""
    words, others = _words(trait), _words(name)
    of_channel = bool(others & (_CHANNEL_WORDS.get(channel, set()) | _words(channel)))
    shared = len(words & others) + of_channel
    letters = SequenceMatcher(None, trait.casefold(), name.casefold()).ratio()
    of_another = any(others & theirs for other, theirs in _CHANNEL_WORDS.items() if other != channel)
    if others & _VIEW_WORDS or (not of_channel and (letters < _ALIKE_SHARE or of_another)):
        return 0.0
    return shared + letters + bool(others & _ACTIVITY_WORDS)


def _words(name: str) -> set[str]:
    """`webVisits_30d` gives web, visit, 30d: plurals as their singular."""
    parts = re.findall(r"[A-Z]?[^\W_A-Z]+|[A-Z]+", name)
    return {part.casefold().removesuffix("s") if len(part) > 3 else part.casefold() for part in parts}  # noqa: PLR2004 - `ios` is none
