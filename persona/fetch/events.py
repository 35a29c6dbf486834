"""Activity from raw events: sessions on web and mobile, opens and clicks of email."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from msgspec import Struct

from persona.timestamps import unix_seconds

# A session ends after so much inactivity (Segment's own recipes and most analytics tools say so).
IDLE_MINUTES = 30
# The Profile API keeps so many days of events (docs: unify/profile-api, "Events"); the warehouse is asked for
# as many as computed traits usually count.
PROFILE_API_DAYS, WAREHOUSE_DAYS = 14, 30
# Segment's email specification (docs: connections/spec/email); deliveries and bounces are nobody's activity.
EMAIL_EVENTS = frozenset({"Email Opened", "Email Link Clicked"})
_WEB_LIBRARIES = frozenset({"analytics.js", "analytics-next", "@segment/analytics-next"})
# Of a library (`analytics-kotlin`, `@segment/analytics-react-native`) or a device.
_MOBILE = re.compile("ios|android|swift|kotlin|flutter|react-native")


class Event(Struct):
    """What tells a profile's event apart; whatever else it carries is skipped unread."""

    type: Any = None
    event: Any = None
    timestamp: Any = None
    context: Any = None


def count(events: Iterable[Event], since_seconds: float) -> dict[str, int]:
    """Sessions on `web` and `mobile`, opens and clicks of `email`, from this moment on (Unix time).

    A session is broken off by 30 minutes or more without an event of its channel. Events of servers, which
    belong to no channel, and events without a moment count nowhere.
    """
    moments: dict[str, list[float]] = {"web": [], "mobile": [], "email": []}
    for event in events:
        channel, at = channel_of(event), unix_seconds(event.timestamp)
        if channel and at is not None and at >= since_seconds:
            moments[channel].append(at)
    sessions = {
        channel: bool(at) + sum(b - a >= 60 * IDLE_MINUTES for a, b in pairwise(sorted(at)))
        for channel, at in moments.items()
    }
    return sessions | {"email": len(moments["email"])}


def channel_of(event: Event) -> str | None:
    """Where an event happened; None for a server's."""
    if str(event.event).startswith("Email "):
        return "email" if event.event in EMAIL_EVENTS else None
    library = _named(event.context, "library", "name")
    # A browser on a telephone is web: the library knows better than the device.
    if library in _WEB_LIBRARIES:
        return "web"
    device = _named(event.context, "device", "type")
    if _MOBILE.search(f"{library} {device}") or event.type == "screen":
        return "mobile"
    return "web" if event.type == "page" else None


def _named(context: Any, part: str, name: str) -> str:
    """`context.library.name` in small letters; empty where there is no such text."""
    parts = context.get(part) if isinstance(context, dict) else None
    text = parts.get(name) if isinstance(parts, dict) else None
    return text.lower() if isinstance(text, str) else ""
