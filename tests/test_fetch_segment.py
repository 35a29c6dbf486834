"""The listing is read to its end or its limit, and nothing else ever passes for profiles."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from clock import Clock
from cloud import FakeSegment, Reply, Scripted, Service, json_reply, listing_error
from spaces import RULE, counted, opened, who

from persona.classify.counts import Counts, classify
from persona.deadline import Deadline
from persona.errors import Invalid, PersonaError, Refused, Unavailable
from persona.fetch import segment
from persona.settings import read_settings

EMAIL = "ann@example.com"


def profiles(number: int) -> list[Mapping[str, object]]:
    return [{"traits": {"web_sessions_30d": 1, "plan": f"{n}"}, "external_ids": []} for n in range(number)]


def settings(service: Service) -> dict[str, str]:
    names = {"SEGMENT_TOKEN": "segment-token", "SEGMENT_SPACE_ID": "spa_test"}
    return names | {"SEGMENT_API_URL": service.url}


def fetch(service: Service, limit: int = 0, seconds: float = 600.0) -> Counts:
    return counted("segment", limit, seconds, **settings(service))


def page(items: Sequence[object], following: object = None) -> Reply:
    return json_reply({"data": {"profiles": items, "pagination": {"current": "MA==", "next": following}}})


@pytest.mark.parametrize("cursor", ["pagination", "cursor"])
@pytest.mark.parametrize("number", [1, 100, 101, 250])
def test_every_profile_is_read_once(number: int, cursor: str) -> None:
    with FakeSegment(profiles(number), cursor=cursor) as space:  # type: ignore[arg-type] # one of the two
        assert who(fetch(space)) == [*range(number)]


@pytest.mark.parametrize("limit", [7, 100, 120, 250, 1_000])
def test_the_limit_is_kept_to_the_profile_and_says_whether_it_cut(limit: int) -> None:
    for space in (FakeSegment(profiles(250)), Scripted(page(profiles(250)))):
        with space, opened("segment", limit, **settings(space)) as people:
            assert who(classify(people, RULE)) == [*range(min(limit, 250))]
            assert people.truncated is (limit < 250)
            assert len(space.requests) <= -(-min(limit, 250) // 100)


def test_one_page_is_in_memory_and_the_next_is_asked_for_when_it_is_wanted() -> None:
    with FakeSegment(profiles(300)) as space:
        named = read_settings({"PERSONA_SOURCE": "segment", **settings(space)}, "terminal")
        pages = segment.fetch(named, Deadline(30), 0)
        next(pages)
        assert len(space.requests) == 1


def test_the_listing_is_asked_as_the_vendor_documents_it() -> None:
    with FakeSegment(profiles(101)) as space:
        fetch(space, limit=101)
        first, second = (request.query for request in space.requests)
    included = {"include": "traits,external_ids"}
    assert first == {"limit": "100", **included}
    assert second == {"limit": "100", **included, "pagination.cursor": second["pagination.cursor"]}


def test_what_is_odd_within_a_profile_is_left_to_its_reader() -> None:
    """Half a character is read as a question mark, and a number as its text."""
    odd = b'[{"traits":{"n":1e400,"web_sessions_30d":5,"d":' + b"9" * 5_000 + b',"s":"\\ud800"}},7,null,"x"]'
    with Scripted(Reply(body=b'{"data":{"profiles":' + odd + b"}}")) as space:
        counts = fetch(space)
    assert (counts.groups[0].activity[0], counts.rejected) == (5, {"profile_not_object": 3})


def refused(service: Service) -> PersonaError:
    with pytest.raises(PersonaError) as raised:
        fetch(service)
    return raised.value


REFUSALS = {
    401: ["SEGMENT_TOKEN", "https://eu1.api.segmentapis.com"],
    403: ["SEGMENT_TOKEN", "Engage", "profile-api"],
    404: ["no such space", "no official list", "PERSONA_SOURCE=profile-api", "bigquery://"],
    422: ["SEGMENT_SPACE_ID", "Unify"],
    409: ["expected 200"],
}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_says_what_is_probably_wrong_and_never_what_segment_wrote(status: int) -> None:
    with Scripted(listing_error(status, f"no profile {EMAIL}", "email", Request_Id="req_7")) as space:
        error = refused(space)
        assert len(space.requests) == 1
    assert (type(error), error.code) == (Refused, "segment_refused")
    hints = [*REFUSALS[status], f"answered {status} (request id req_7): "]
    assert [hint for hint in hints if hint not in str(error)] == []
    secrets = EMAIL, "segment-token", "127.0.0.1", "spa_test"
    assert [secret for secret in secrets if secret in str(error)] == []


# What stands in the list of profiles, or as the cursor to the next page.
LISTED, NEXT = b'{"data":{"profiles":[%s]}}', b'{"data":{"profiles":[{}],"pagination":{"next":%s}}}'
NO_PAGES = {
    "html": (Reply(body=b"<html>ann@example.com</html>"), "28 bytes that are no JSON"),
    "nothing": (Reply(body=b""), "got 0 bytes that are no JSON"),
    "no profiles": (Reply(body=b'{"data":{}}'), "missing required field `profiles`"),
    "a list for a cursor": (Reply(body=NEXT % b"[1]"), "Expected `str | null`"),
    "deep": (Reply(body=LISTED % (b"[" * 100_000 + b"]" * 100_000)), "bytes that are no JSON"),
    "no content": (Reply(status=204), "answered 204"),
}


@pytest.mark.parametrize(("reply", "came"), NO_PAGES.values(), ids=NO_PAGES)
def test_what_is_no_page_is_named_and_never_quoted(reply: Reply, came: str) -> None:
    with Scripted(reply) as space:
        error = refused(space)
    assert (type(error), error.code) == (Invalid, "segment_invalid")
    assert came in str(error)
    assert [secret for secret in (EMAIL, "ann@", "169.254", "127.0.0.1") if secret in str(error)] == []


def test_a_cursor_that_comes_again_and_endless_empty_pages_end_the_reading() -> None:
    for read, script in (
        (3, [page([{}], "a"), page([{}], "b"), page([{}], "a")]),
        (0, [lambda request: page([], f"c{request.ordinal}")]),
    ):
        with Scripted(*script) as space:
            told = f"no end: after {read} items a cursor came for the second time, or 3 pages in a row held"
            assert (told in str(refused(space)), len(space.requests)) == (True, 3)


def test_an_empty_page_between_full_ones_is_a_gap_and_no_end() -> None:
    with Scripted(page([{}], "a"), page([], "b"), page([], "c"), page([{}])) as space:
        assert fetch(space).read == 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_storm_stays_under_the_limit_and_ends_as_unavailable(status: int, clock: Clock) -> None:
    with Scripted(listing_error(status, "Too many requests", Retry_After="100")) as space:
        with pytest.raises(Unavailable, match=f"Segment answered {status}"):
            fetch(space, 0, 250)
        pauses = [b.at_seconds - a.at_seconds for a, b in pairwise(space.requests)]
    assert len(pauses) in {1, 2}
    assert all(pause >= 100 for pause in pauses)
    assert clock.passed_seconds < 250
