"""Trait names that look like those that are missing, by their words."""

import re
from collections.abc import Iterable, Mapping

from persona.masking import printable

# What channels are called in other people's traits (example: `mail_clicks`, `app_opens`, `site_visits`).
_CHANNEL_WORDS = {
    "web": {"web", "website", "site", "browser", "online"},
    "mobile": {"mobile", "app", "application", "ios", "android", "screen"},
    "email": {"email", "mail", "newsletter"},
}
# What is counted (example: `web_visits_30d`); such a word makes a trait an activity.
_ACTIVITY_WORDS = {"session", "visit", "open", "opened", "click", "clicked", "call", "use"}
# A count of these is no count of sessions.
_VIEW_WORDS = {"view", "viewed", "pageview", "page"}
MOST_NAMES = 3


def look_alikes(trait: str, channel: str, names: Iterable[str]) -> list[str]:
    """The names with a word of the channel's or its trait's, those most like it first, three at most."""
    of_trait = _words(trait)
    of_channels = set().union(*_CHANNEL_WORDS.values())
    own = {word for word in of_trait - _ACTIVITY_WORDS - of_channels if word.isalpha()}
    own |= _words(channel) | _CHANNEL_WORDS.get(channel, set())
    worded = [(_words(name), name) for name in names if fit(name)]
    ranked = sorted(
        (-len(words & of_trait) - bool(words & _ACTIVITY_WORDS), name)
        for words, name in worded
        if words & own and not words & _VIEW_WORDS
    )
    return [name for _, name in ranked][:MOST_NAMES]


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


def _words(name: str) -> set[str]:
    """`webVisits_30d` gives web, visit, 30d: plurals as their singular."""
    parts = re.findall(r"[A-Z]?[^\W_A-Z]+|[A-Z]+", name)
    return {part.casefold().removesuffix("s") if len(part) > 3 else part.casefold() for part in parts}  # noqa: PLR2004 - `ios` is none
