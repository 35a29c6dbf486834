"""Raw events become sessions and opens, each on the channel it happened on."""

from datetime import UTC, datetime, timedelta
from typing import Any

from persona.fetch.events import Event, channel_of, count

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(minutes: float, **more: Any) -> Event:
    return Event(**{"type": "page", "timestamp": (NOON + timedelta(minutes=minutes)).isoformat(), **more})


# When something happened, in minutes -> sessions.
SESSIONS: dict[tuple[float, ...], int] = {
    (): 0,
    (0,): 1,
    (0, 29.9, 59.8): 1,
    (0, 30): 2,
    (90, 0, 89, 1): 2,  # in any order
    (0, 0, 0): 1,
}


def test_a_session_ends_after_30_minutes_of_inactivity() -> None:
    assert {minutes: count(map(at, minutes), 0)["web"] for minutes in SESSIONS} == SESSIONS


def library(name: str, **more: object) -> dict[str, object]:
    return {"library": {"name": name}, **more}


IOS = {"device": {"type": "ios"}}
CHANNELS = {
    "page": (Event(type="page"), "web"),
    "web library": (Event(type="track", context=library("analytics.js")), "web"),
    "npm": (Event(type="identify", context=library("@segment/analytics-next")), "web"),
    "browser on a telephone": (Event(type="page", context=library("analytics.js", **IOS)), "web"),
    "screen": (Event(type="screen"), "mobile"),
    "device": (Event(type="track", context={"device": {"type": "Android"}}), "mobile"),
    "mobile library": (Event(type="track", context=library("@segment/analytics-react-native")), "mobile"),
    "page of an app": (Event(type="page", context=IOS), "mobile"),
    "open": (Event(type="track", event="Email Opened"), "email"),
    "click": (Event(type="track", event="Email Link Clicked"), "email"),
    "delivery": (Event(type="track", event="Email Delivered"), None),
    "nothing known": (Event(type="track"), None),
    "another": (Event(type="track", context=library("analytics-kotlin")), "mobile"),
    "bounce": (Event(type="track", event="Email Bounced", context=IOS), None),
    "server": (Event(type="track", context=library("analytics-node")), None),
    "odd context": (Event(type="track", context={"device": "ios", "library": 7}), None),
    "odd everything": (Event(type=7, event=["Email Opened"], context=[]), None),
}


def test_an_event_belongs_to_the_channel_it_happened_on() -> None:
    found = {name: channel_of(event) for name, (event, _) in CHANNELS.items()}
    assert found == {name: channel for name, (_, channel) in CHANNELS.items()}


def test_channels_have_sessions_of_their_own_and_opens_and_clicks_count_each() -> None:
    events = [at(0), at(20, type="screen"), at(40), at(60, type="screen")]
    named = "Email Opened", "Email Opened", "Email Link Clicked"
    events += [at(0, type="track", event=name) for name in named]
    assert count(events, 0) == {"web": 2, "mobile": 2, "email": 3}


TIMESTAMPS: dict[object, int] = {
    "2026-11-23T12:00:00.123Z": 1,  # as Segment writes it
    "2026-11-23T14:00:00+02:00": 1,
    "2026-11-23T12:00:00": 1,
    "2026-11-23T11:59:59Z": 0,  # before the window
    "yesterday": 0,
    "0001-01-01T00:00:00+23:59": 0,  # before all time
    None: 0,
    1_763_899_200: 0,
}


def test_an_event_without_a_moment_in_the_window_counts_nowhere() -> None:
    counted = {text: count([at(0, timestamp=text)], NOON.timestamp())["web"] for text in TIMESTAMPS}
    assert counted == TIMESTAMPS
