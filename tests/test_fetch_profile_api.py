"""The Profile API is read profile by profile: every one once, at the rate, nobody named."""

import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from clock import Clock
from cloud import FakeSegment, Reply, Request, json_reply, profile_error
from spaces import CHANNELS, RULE, counted, opened, who

from persona.classify.counts import Counts, classify
from persona.deadline import Deadline
from persona.errors import DeadlineExceeded, Invalid, PersonaError, Refused, Unavailable
from persona.fetch import profile_api
from persona.net.pace import Pace
from persona.settings import read_settings
from persona.timestamps import rfc3339

TRAITS = (*CHANNELS.values(),)
SECRET = "ann@example.com"


def profile(n: int, **more: object) -> dict[str, object]:
    traits = dict(zip((*TRAITS, "ltv", "plan", "email"), (n, 1, 2, n / 2, f"{n}", SECRET), strict=True))
    listed = [{"type": "user_id", "id": f"u{n}"}, {"type": "email", "id": f"p+{n}@example.com"}]
    return {"segment_id": f"use_{n:04d}Ab", "traits": traits, "external_ids": listed, **more}


def fetch(segment: FakeSegment, limit: int = 0, seconds: float = 600.0, /, **more: str) -> Counts:
    return counted("profile-api", limit, seconds, **{**segment.settings(), **more})


def space(profiles: Sequence[Any], **more: Any) -> FakeSegment:
    """A space that turns nobody away for haste; the rate has tests of its own."""
    return FakeSegment(profiles, **{"requests_a_second": None, **more})


def refused(segment: FakeSegment, **more: str) -> PersonaError:
    with pytest.raises(PersonaError) as raised:
        fetch(segment, **more)
    return raised.value


def at(path: str, reply: Reply) -> Callable[[Request], Reply | None]:
    """A fault: this reply to whatever ends in this path."""
    return lambda request: reply if request.path.endswith(path) else None


GONE = profile_error(404, "Profile was not found.")


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("number", [1, 100, 101])
def test_every_listed_profile_is_read_once_with_its_traits_and_external_ids(number: int) -> None:
    with space([profile(n, segment_id=f"use_{n}+B@c/d") for n in range(number)]) as segment:
        counts = fetch(segment)
        assert any("/segment_id:use_0%2BB%40c%2Fd/traits" in one.raw_path for one in segment.requests)
    assert who(counts) == [*range(number)]
    everybody, total = counts.everybody(), sum(range(number))
    figures = [everybody.ltv, *(everybody.activity[i] for i in range(3))]
    assert figures == [total / 2, total, number, 2 * number]
    assert everybody.identity_coverage == {"user_id": number, "email": number}


def test_only_the_traits_that_are_needed_are_asked_for() -> None:
    with space([profile(1)]) as segment:
        fetch(segment)
        asked = [(request.path.rpartition("/")[2], request.query) for request in segment.requests]
    assert asked == [
        ("profiles", {"limit": "100"}),
        ("traits", {"limit": "200", "include": ",".join((*TRAITS, "ltv", "plan"))}),
        ("external_ids", {"limit": "100"}),
    ]


@pytest.mark.usefixtures("clock")
# Cut, all of it, more than there is, and cut between two pages of the listing.
@pytest.mark.parametrize(("number", "limit"), [(30, 7), (30, 30), (30, 31), (120, 100)])
def test_the_limit_is_kept_to_the_profile_and_says_whether_it_cut(number: int, limit: int) -> None:
    with (
        space([profile(n) for n in range(number)]) as segment,
        opened("profile-api", limit, **segment.settings()) as people,
    ):
        assert who(classify(people, RULE)) == [*range(min(number, limit))]
        assert people.truncated is (limit < number)


def listed(folder: Path, lines: bytes) -> str:
    (folder / "identifiers.txt").write_bytes(lines)
    return str(folder / "identifiers.txt")


def test_identifiers_of_a_file_are_lower_cased_and_percent_encoded(tmp_path: Path) -> None:
    lines = b"email:P+1@Example.com\n\nUSER_ID:u2\nsegment_id:use_0003Ab\nslug:a/b c:d?e#f%\r\n"
    odd = profile(4, external_ids=[{"type": "slug", "id": "a/b c:d?e#f%"}])
    with space([profile(1), profile(2), profile(3), odd]) as segment:
        counts = fetch(segment, PERSONA_IDENTIFIERS=listed(tmp_path, lines))
        paths = {request.raw_path.split("/")[-2] for request in segment.requests}
    assert who(counts) == [1, 2, 3, 4]
    asked = "email:p%2B1%40example.com user_id:u2 segment_id:use_0003Ab slug:a%2Fb%20c%3Ad%3Fe%23f%25"
    assert paths == {*asked.split()}


ODD = b"user_id:u1\nno-colon\nuser_id:\n:x\n\xff:\xfe\nuser_id:nobody\nuser_id:" + b"9" * 2_000
LINES: dict[str, tuple[bytes, list[int], dict[str, int]]] = {
    "odd lines": (ODD, [1], {"identifier_malformed": 5, "not_found": 1}),
    "no line": (b"\n \n", [], {}),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_is_no_identifier_or_of_nobody_is_counted_and_skipped(tmp_path: Path, name: str) -> None:
    lines, read, reasons = LINES[name]
    with space([profile(1)]) as segment:
        counts = fetch(segment, PERSONA_IDENTIFIERS=listed(tmp_path, lines))
    assert (who(counts), counts.rejected) == (read, reasons)


def test_the_limit_counts_whoever_was_asked_for() -> None:
    with space([profile(n) for n in range(9)], faults=at("0001Ab/traits", GONE)) as segment:
        counts = fetch(segment, 3)
    assert (who(counts), counts.rejected) == ([0, 2], {"not_found": 1})


REFUSALS: dict[int, tuple[type[PersonaError], list[str]]] = {
    401: (Refused, ["SEGMENT_TOKEN", "profiles.euw1.segment.com", "is a Profile API access token"]),
    403: (Refused, ["Unify", "SEGMENT_TOKEN"]),
    404: (Refused, ["PERSONA_IDENTIFIERS", "SEGMENT_SPACE_ID"]),
    400: (Refused, ["expected 200"]),
    204: (Invalid, ["204"]),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_names_status_request_id_and_what_to_do(status: int) -> None:
    error, hints = REFUSALS[status]
    reply = profile_error(status, f"about {SECRET}", Request_Id="req_77")
    with space([], faults=lambda _: reply) as segment:
        raised = refused(segment)
    assert type(raised) is error
    assert [hint for hint in [str(status), "req_77", *hints] if hint not in raised.message] == []
    assert SECRET not in raised.message


def test_an_empty_listing_is_an_error_with_a_next_step() -> None:
    with space([]) as segment:
        assert "no merged profiles in this space" in refused(segment).message


DEEP = b'{"traits": {"ltv": ' + b"[" * 9_999 + b"]" * 9_999 + b"}}"
UNREADABLE = {
    "gone meanwhile": ("external_ids", GONE, "not_found"),
    "no object": ("traits", Reply(body=b'{"traits": [1]}'), "reply_malformed"),
    "half a character": ("traits", Reply(body=b'{"traits": {"ltv": "\\ud800"}}'), "reply_malformed"),
    "deep nesting": ("traits", Reply(body=DEEP), "reply_malformed"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_makes_one_profile_unreadable_costs_that_profile_alone(name: str) -> None:
    part, reply, reason = UNREADABLE[name]
    with space([profile(n) for n in range(3)], faults=at(f"0001Ab/{part}", reply)) as segment:
        counts = fetch(segment)
    assert (who(counts), counts.rejected) == ([0, 2], {reason: 1})


ENDS = {
    "html": ("use_0001Ab/traits", Reply(body=b"<html>")),
    "redirect": ("use_0001Ab/traits", Reply(status=302, headers={"Location": "/"})),
    "listing of another shape": ("/profiles", Reply(body=b'{"data": [{"id": "use_0001Ab"}]}')),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_is_no_profile_at_all_ends_the_reading_and_names_no_identifier(name: str) -> None:
    with space([profile(n) for n in range(3)], faults=at(*ENDS[name])) as segment:
        raised = refused(segment)
    assert (type(raised), "use_0001" in repr(raised) + str(raised.__cause__)) == (Invalid, False)
    assert raised.__suppress_context__ or raised.__context__ is None


def test_a_failure_ends_all_threads_and_lets_nobody_wait_for_a_turn() -> None:
    with space([profile(n) for n in range(99)], faults=at("/traits", profile_error(401, "no"))) as segment:
        start = time.monotonic()
        refused(segment, PERSONA_RATE="1")
        # The listing, then the first profile: a hundred turns would take a hundred seconds.
        assert time.monotonic() - start < 60
    assert [one.name for one in threading.enumerate() if one.name.startswith("profile-api")] == []


@pytest.mark.usefixtures("clock")
def test_who_stops_reading_stops_the_requests() -> None:
    with space([profile(n) for n in range(600)]) as segment:
        named = {"PERSONA_SOURCE": "profile-api", **segment.settings()}
        pages = profile_api.fetch(read_settings(named, "terminal"), Deadline(60), 0)
        next(pages)
        pages.close()  # type: ignore[attr-defined] # a generator
        asked = len(segment.requests)
    assert asked < 2 * (100 + profile_api.MOST_UNDER_WAY) + 10


@pytest.mark.usefixtures("clock")
def test_the_deadline_ends_the_reading() -> None:
    with space([profile(n) for n in range(500)]) as segment:
        with pytest.raises((DeadlineExceeded, Unavailable)):
            fetch(segment, 0, 0.6)
        assert len(segment.requests) <= 62


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[float]:
    """The moments at which requests had their turn, as they come."""
    assert clock
    taken: list[float] = []

    def take(pace: Pace, as_it_is: Callable[[Pace], float] = Pace.take) -> float:
        taken.append(as_it_is(pace))
        return taken[-1]

    monkeypatch.setattr(Pace, "take", take)
    return taken


def test_a_429_slows_the_whole_fetch_down(turns: list[float]) -> None:
    told = iter([profile_error(429, "Too many requests.", Retry_After="1")])

    def too_fast(request: Request) -> Reply | None:
        return next(told, None) if request.path.endswith("0005Ab/traits") else None

    with space([profile(n) for n in range(120)], faults=too_fast) as segment:
        assert who(fetch(segment)) == [*range(120)]
    moments = sorted(turns)
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    after = moments[pauses.index(max(pauses)) + 1 :]
    # Halved: fifty a second.
    assert (max(pauses) >= 0.9, after[40] - after[0] >= 39 / 50 * 0.95) == (True, True)


def test_the_rate_holds_from_the_start_over_all_threads(turns: list[float]) -> None:
    with space([profile(n) for n in range(60)]) as segment:
        fetch(segment, PERSONA_RATE="60")
    assert sorted(turns) == pytest.approx([turns[0] + number / 60 for number in range(121)])


@pytest.mark.usefixtures("clock")
def test_as_many_requests_are_under_way_at_once_as_slow_replies_take() -> None:
    """Of 95 a second, 64 where each takes two thirds of one: none is answered before so many ask."""
    together = threading.Barrier(64)

    def slow(request: Request) -> None:
        if request.path.endswith("/traits"):
            together.wait(600)

    with space([profile(n) for n in range(64)], faults=slow) as segment:
        assert fetch(segment).read == 64
        assert len(segment.requests) == 1 + 2 * 64  # nobody gave up, and asked again


def test_with_raw_events_all_channels_of_all_people_come_from_them() -> None:
    def event(hours_ago: float, **more: str) -> dict[str, object]:
        return {"timestamp": rfc3339(time.time() - hours_ago * 3600), **more}

    events = [
        *(event(n, type="page") for n in range(1, 151)),
        *(event(200 + n, type="screen") for n in range(2)),
        *(event(50 + n, type="track", event="Email Opened") for n in range(3)),
    ]
    with space([profile(1, events=events), profile(2)]) as segment:
        counts = fetch(segment, PERSONA_EVENTS="on")
        included = {request.query["include"] for request in segment.requests if "include" in request.query}
    assert (counts.dormant, counts.everybody().activity) == (1, {0: 150, 1: 2, 2: 3})
    assert included == {"ltv,plan"}


def test_a_profile_with_more_events_than_a_person_makes_is_counted_and_skipped() -> None:
    reply = json_reply({"data": [{}] * 10_001, "cursor": {"has_more": True, "next": "c"}})
    with space([profile(n) for n in range(2)], faults=at("0001Ab/events", reply)) as segment:
        counts = fetch(segment, PERSONA_EVENTS="on")
    assert (counts.dormant, counts.rejected) == (1, {"too_many_events": 1})
