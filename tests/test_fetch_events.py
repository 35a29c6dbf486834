"""Raw events become sessions and opens, each on the channel it happened on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from persona.fetch.events import Event, channel_of, count

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(minutes: float, **more: Any) -> Event:
    return Event(**{"type": "page", "timestamp": (NOON + timedelta(minutes=minutes)).isoformat(), **more})


SESSIONS = {
    "none": ([], 0),
    "one event": ([0], 1),
    "never idle for 30 minutes": ([0, 29.9, 59.8], 1),
    "idle for 30 minutes": ([0, 30], 2),
    "in any order": ([90, 0, 89, 1], 2),
    "at once": ([0, 0, 0], 1),
}


@pytest.mark.parametrize(("minutes", "sessions"), SESSIONS.values(), ids=SESSIONS)
def test_a_session_ends_after_30_minutes_of_inactivity(minutes: list[float], sessions: int) -> None:
    assert count(map(at, minutes), 0)["web"] == sessions


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
    "page of an app": (Event(type="page", context=IOS), "mobile"),
    "open": (Event(type="track", event="Email Opened"), "email"),
    "click": (Event(type="track", event="Email Link Clicked"), "email"),
    "delivery": (Event(type="track", event="Email Delivered"), None),
    "bounce": (Event(type="track", event="Email Bounced", context=IOS), None),
    "server": (Event(type="track", context=library("analytics-node")), None),
    "nothing known": (Event(type="track"), None),
    "odd context": (Event(type="track", context={"device": "ios", "library": 7}), None),
    "odd everything": (Event(type=7, event=["Email Opened"], context=[]), None),
}


@pytest.mark.parametrize(("event", "channel"), CHANNELS.values(), ids=CHANNELS)
def test_an_event_belongs_to_the_channel_it_happened_on(event: Event, channel: str | None) -> None:
    assert channel_of(event) == channel


def test_opens_and_clicks_of_email_count_each() -> None:
    events = [
        at(0, type="track", event=name) for name in ("Email Opened", "Email Opened", "Email Link Clicked")
    ]
    assert count(events, 0) == {"web": 0, "mobile": 0, "email": 3}


def test_channels_have_sessions_of_their_own() -> None:
    events = [at(0), at(20, type="screen"), at(40), at(60, type="screen")]
    assert count(events, 0) == {"web": 2, "mobile": 2, "email": 0}


def test_what_happened_before_the_window_does_not_count() -> None:
    assert count([at(-1), at(0)], NOON.timestamp())["web"] == 1


@pytest.mark.parametrize(
    ("timestamp", "sessions"),
    [
        pytest.param("2026-11-23T12:00:00.123Z", 1, id="as-segment-writes-it"),
        pytest.param("2026-11-23T14:00:00+02:00", 1, id="another-zone"),
        pytest.param("2026-11-23T12:00:00", 1, id="without-a-zone"),
        pytest.param("yesterday", 0, id="no-moment"),
        pytest.param("0001-01-01T00:00:00+23:59", 0, id="before-all-time"),
        pytest.param(None, 0, id="missing"),
        pytest.param(1_763_899_200, 0, id="a-number"),
    ],
)
def test_an_event_without_a_moment_counts_nowhere(timestamp: object, sessions: int) -> None:
    assert count([at(0, timestamp=timestamp)], NOON.timestamp())["web"] == sessions
