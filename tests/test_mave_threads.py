"""A paid answer is found again in its thread; "not found" is said only after reading all of them."""

import json
import time

import pytest
from clock import Clock
from cloud import FakeMave, Reply, Request, answer, error, json_reply

from persona.deadline import Deadline
from persona.errors import Unavailable
from persona.mave import client, threads
from persona.settings import Settings, read_settings

pytestmark = pytest.mark.usefixtures("clock")

REFERENCE = "r4nd0m/1"
MESSAGE = f"Create a unified persona framework.\n\nReference: {REFERENCE}"


def settings(url: str, **more: str) -> Settings:
    names = {"PERSONA_SOURCE": "sample", "MAVERA_API_KEY": "mvra_live_test", "MAVERA_API_URL": url}
    return read_settings(names | more, "terminal")


def recover(
    service: FakeMave, reference: str = REFERENCE, deadline_seconds: float = 600.0, **more: bool
) -> bytes | None:
    """What is recovered of a call that is a minute old."""
    return threads.recover(settings(service.url), Deadline(deadline_seconds), reference, 60.0, **more)


def content(body: bytes | None) -> str | None:
    return None if body is None else client.parse(body).content


def test_what_is_recovered_has_the_shape_of_a_reply() -> None:
    with FakeMave() as service:
        thread = service.remember(MESSAGE, "An answer.")
        thread.credits_used = 42
        recovered = json.loads(recover(service) or b"")
    assert recovered == {
        "id": thread.messages[1].id,
        "thread_id": thread.id,
        "content": "An answer.",
        "sources": [],
        "personas_used": [],
        "usage": {"credits_used": 42},
        "recovered": True,
    }


OTHERS = {
    "longer number": "Reference: r4nd0m/10",
    "longer name": "Reference: xr4nd0m/1",
    "path before": "Reference: a/r4nd0m/1",
    "path after": "Reference: r4nd0m/1/2",
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_neither_another_reference_nor_what_mave_s_answer_names_is_ours(other: str) -> None:
    with FakeMave() as service:
        service.remember(f"Create.\n\n{other}", f"You asked: {MESSAGE}")
        assert recover(service) is None


@pytest.mark.parametrize(("reference", "expected"), [("r4nd0m/1", "First."), ("r4nd0m/2", "Second.")])
def test_each_call_of_a_thread_gets_the_answer_that_follows_it(reference: str, expected: str) -> None:
    with FakeMave(answer("First."), answer("Second.")) as service:
        first = client.parse(client.ask(settings(service.url), Deadline(600), MESSAGE, None))
        client.ask(settings(service.url), Deadline(600), "The rest.\nReference: r4nd0m/2", first.thread_id)
        assert content(recover(service, reference)) == expected


@pytest.mark.parametrize("older", [False, True])
def test_all_pages_of_the_list_are_read(older: bool) -> None:  # noqa: FBT001 - a column
    with FakeMave(older=older) as service:
        service.remember(MESSAGE, "An answer.")
        for number in range(250):
            service.remember(f"Other {number}", "No.", at=time.time() - 86_400)
        assert content(recover(service)) == "An answer."
        lists = [request for request in service.requests if request.path == "/mave/threads"]
    assert len(lists) == 3


def test_an_older_list_that_ends_on_a_full_page_is_read_to_its_end() -> None:
    with FakeMave(older=True) as service:
        for number in range(200):
            service.remember(f"Other {number}", "No.", at=time.time() - 86_400)
        assert recover(service) is None


def test_only_threads_that_changed_since_the_call_are_looked_into_until_it_is_given_up() -> None:
    with FakeMave() as service:
        service.remember(MESSAGE, "An answer.", at=time.time() - 60 - 400)
        within_slack = service.remember("Within the five minutes of slack", "No.", at=time.time() - 60 - 200)
        assert recover(service) is None
        looked = [request.path for request in service.requests if request.path != "/mave/threads"]
        assert looked == [f"/mave/threads/{within_slack.id}"]
        assert content(recover(service, every_thread=True)) == "An answer."


def listing(*items: object, **more: object) -> Reply:
    return json_reply({"object": "list", "data": list(items), "has_more": False, **more})


def thread(**more: object) -> dict[str, object]:
    return {"id": "t/1?", "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z", **more}


def message(role: str, text: object, **more: object) -> dict[str, object]:
    return {"id": f"msg_{role}", "role": role, "content": text, **more}


class Told(FakeMave):
    """Its list and its one thread are as told."""

    def __init__(self, page: Reply, *messages: object) -> None:
        def told(request: Request) -> Reply:
            if request.path == "/mave/threads":
                return page
            assert request.raw_path == "/mave/threads/t%2F1%3F"
            return json_reply({**thread(), "messages": list(messages)})

        super().__init__(faults=told)


OURS = (message("user", MESSAGE), message("assistant", "An answer."))


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        pytest.param({}, None, id="both-old"),
        pytest.param({"updated_at": "2999-01-01T00:00:00Z"}, "An answer.", id="updated-since"),
        pytest.param({"created_at": "2999-01-01T00:00:00"}, "An answer.", id="without-a-zone"),
        pytest.param({"created_at": "yesterday"}, "An answer.", id="unreadable"),
        pytest.param({"updated_at": 1_577_836_800}, "An answer.", id="a-number"),
        pytest.param({"updated_at": "0001-01-01T00:00:00+23:59"}, "An answer.", id="before-all-time"),
    ],
)
def test_a_thread_whose_moment_cannot_be_told_is_looked_into(
    moments: dict[str, object], expected: str | None
) -> None:
    with Told(listing(thread(**moments)), *OURS) as service:
        assert content(recover(service)) == expected


NOW = thread(updated_at=None)


def test_a_message_sent_twice_is_answered_by_either_answer() -> None:
    with Told(listing(NOW), message("user", MESSAGE), *OURS) as service:
        assert content(recover(service)) == "An answer."


def test_a_thread_that_hides_its_credits_is_recovered_without() -> None:
    with Told(listing(NOW), *OURS) as service:
        assert json.loads(recover(service) or b"")["usage"] == {}


@pytest.mark.parametrize(
    "unfinished",
    [
        pytest.param((OURS[0],), id="nothing-after-it"),
        pytest.param((OURS[0], message("assistant", " ")), id="an-empty-answer"),
        pytest.param((OURS[0], message("assistant", None)), id="an-answer-to-come"),
        pytest.param((OURS[0], message("system", "Hold on.")), id="another-role"),
        pytest.param((OURS[0], message("user", "More?"), OURS[1]), id="an-answer-to-somebody-else"),
    ],
)
def test_a_message_without_an_answer_is_not_there_yet(clock: Clock, unfinished: tuple[object, ...]) -> None:
    with Told(listing(NOW), *unfinished) as service, pytest.raises(Unavailable, match="has not answered it"):
        recover(service, deadline_seconds=60)
    assert clock.passed_seconds < 60


BROKEN = {
    "status": (error(500), "Mave answered 500"),
    "wrong-key": (error(401), "Mave answered 401 invalid_api_key"),
    "redirect": (Reply(status=302, headers={"Location": "/"}), "a redirect"),
    "no-list": (json_reply({"data": {}}), "no list of threads"),
    "no-threads": (json_reply({"data": [7]}), "1 of the key's threads cannot be read"),
    "more-and-no-cursor": (listing(thread(), has_more=True), "no cursor to ask for it"),
    "same-page": (listing(thread(), has_more=True, next_cursor="c"), "the same page came again"),
    "offset-ignored": (listing(thread(), has_more=True, offset=0), "the same page came again"),
}


@pytest.mark.parametrize(("reply", "told"), BROKEN.values(), ids=BROKEN)
def test_a_list_that_fails_or_stops_short_is_never_not_found(reply: Reply, told: str) -> None:
    with Told(reply) as service, pytest.raises(Unavailable, match=told):
        recover(service, deadline_seconds=60)


def test_a_list_without_an_end_is_never_not_found() -> None:
    def endless(request: Request) -> Reply:
        return listing(thread(id=str(request.ordinal)), has_more=True, next_cursor=str(request.ordinal))

    with FakeMave(faults=endless) as service, pytest.raises(Unavailable, match="goes on after 200 threads"):
        recover(service)


FOREIGN = {
    "empty": json_reply({"messages": []}),
    "without-messages": json_reply({"messages": None}),
    "odd-messages": json_reply({"messages": [7, {}, {"role": 1, "content": {}}]}),
    "html": Reply(body=b"<html>"),
    "forbidden": error(403),
    "gone": error(404),
    "broken": error(500),
}


@pytest.mark.parametrize("shown", FOREIGN.values(), ids=FOREIGN)
def test_another_thread_of_any_shape_is_no_reason_to_say_not_found_and_does_not_stand_before_ours(
    shown: Reply,
) -> None:
    with FakeMave() as service:
        foreign = service.remember("Another question", "No.")
        service.faults = lambda request: shown if request.path.endswith(foreign.id) else None
        if shown in (FOREIGN["empty"], FOREIGN["odd-messages"]):
            assert recover(service) is None
        else:
            with pytest.raises(Unavailable, match="1 of the key's threads cannot be read"):
                recover(service)
        service.remember(MESSAGE, "An answer.")
        assert content(recover(service)) == "An answer."


def test_a_workspace_lists_its_own_threads() -> None:
    with FakeMave() as service:
        for workspace_id in ("ws_ours", "ws_theirs"):
            service.remember(MESSAGE, f"Of {workspace_id}.").workspace_id = workspace_id
        named = settings(service.url, MAVERA_WORKSPACE_ID="ws_ours")
        assert content(threads.recover(named, Deadline(600), REFERENCE, 60.0)) == "Of ws_ours."
