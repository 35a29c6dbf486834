"""A paid answer whose reply was lost is found again, whatever other threads and clocks look like."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import pytest
from clock import Clock
from cloud import FakeMave, Reply, Request, Thread, error, json_reply, lose
from cloud.mave import Message
from doors import DATA, Set, client
from hypothesis import given, note
from hypothesis import settings as examples
from hypothesis import strategies as st

from persona.storage.folder import Folder

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

ANSWER = (DATA / "answer_named.md").read_text(encoding="utf-8")
# On CI; by hand: TEST_EXAMPLES=2000 tests/run tests/test_mave_recovery.py
EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "25"))
# One that is never recovered by then never is.
MOST_DELIVERIES = 25

WITHOUT_OURS = [
    json_reply({"messages": []}),
    json_reply({"messages": [None, 7, {"role": "assistant"}, {"content": []}]}),
]
UNREADABLE = [
    json_reply({"messages": None}),
    json_reply([]),
    Reply(body=b"<html>"),
    error(403),
    error(404),
    error(500),
]
ITEMS = [None, 7, {}, {"id": None}, {"id": ""}, {"id": "mave_thread_unknown"}]
BETWEEN = [
    Message(id="msg_empty", role="assistant", content="", at=0.0),
    Message(id="msg_blank", role="assistant", content="  ", at=0.0),
    Message(id="msg_system", role="system", content="Researching.", at=0.0),
]
Offset = Annotated[float, st.sampled_from([-1_200.0, -301.0, 0.0, 299.0, 1_200.0])]


@dataclass(frozen=True)
class Foreign:
    """A thread of somebody else's: what reading it gives, or a whole conversation."""

    shown: Annotated[Reply | None, st.none() | st.sampled_from([*WITHOUT_OURS, *UNREADABLE])]
    age_seconds: Annotated[float, st.sampled_from([0.0, 86_400.0])]
    older_than_ours: bool


@dataclass(frozen=True)
class Around:
    """What stands around our thread, and for how long it cannot be read."""

    foreign: Annotated[list[Foreign], st.lists(st.builds(Foreign), max_size=4)]
    # Of the listing, what is no thread.
    items: Annotated[list[object], st.lists(st.sampled_from(ITEMS), max_size=2)]
    # The first answers to reading ours.
    unreadable: Annotated[list[Reply], st.lists(st.sampled_from(UNREADABLE), max_size=3)]
    failing_listings: Annotated[int, st.integers(0, 2)]
    # What stands before the answer.
    between: Annotated[list[Message], st.lists(st.sampled_from(BETWEEN), max_size=2)]
    repeated: bool  # the listing names every thread twice
    reversed: bool  # newest first within a thread
    mave_ahead_seconds: Offset
    store_ahead_seconds: Offset


def crowd(mave: FakeMave, around: Around) -> Callable[[Request], Reply | None]:
    """Put the other threads beside ours, and give what a request meets on the way to them."""
    shown: dict[str, Reply] = {}
    (ours,) = mave.threads.values()
    mave.threads.clear()
    for foreign in sorted(around.foreign, key=lambda one: not one.older_than_ours):
        if not foreign.older_than_ours:
            mave.threads[ours.id] = ours
        thread = mave.remember("Another question", "No.", at=mave.now() - foreign.age_seconds)
        if foreign.shown:
            shown[thread.id] = foreign.shown
    mave.threads[ours.id] = ours
    _place_between(ours, around)
    unreadable, failing = iter(around.unreadable), iter([error(500)] * around.failing_listings)

    def meet(request: Request) -> Reply | None:
        if request.method != "GET":
            return None
        if request.path == "/mave/threads":
            return next(failing, None) or _listing(mave, around)
        if request.path.endswith(ours.id):
            return next(unreadable, None)
        return shown.get(request.path.rpartition("/")[2])

    return meet


def _place_between(ours: Thread, around: Around) -> None:
    question, answer = ours.messages
    ours.messages = [question, *(replace(one, at=question.at) for one in around.between), answer]
    # Moments are whole seconds, and tell which message came first.
    for message in ours.messages[:-1]:
        message.at -= 2
    if around.reversed:
        ours.messages.reverse()


def _listing(mave: FakeMave, around: Around) -> Reply:
    listed = [thread.described(mave.now() + 60) for thread in reversed(list(mave.threads.values()))]
    threads = [*around.items, *listed, *(listed if around.repeated else [])]
    return json_reply({"object": "list", "data": threads, "has_more": False, "next_cursor": None})


@pytest.mark.usefixtures("frameworks")
@examples(derandomize=True, max_examples=EXAMPLES)
@given(around=st.builds(Around))
def test_whatever_stands_around_our_thread_the_answer_is_recovered_and_paid_for_once(
    clock: Clock, settings: Set, monkeypatch: pytest.MonkeyPatch, around: Around
) -> None:
    def arrive(request: Request) -> Reply | None:
        """The others come to the key as soon as the first call is paid for."""
        if request.method == "GET" and mave.paid:
            mave.faults = crowd(mave, around)
            return mave.faults(request)
        return None

    monkeypatch.setattr(Folder, "now", lambda _: clock.time() + around.store_ahead_seconds)
    with TemporaryDirectory() as folder, FakeMave(lose(ANSWER, "close"), faults=arrive) as mave:
        mave.clock_ahead_seconds = around.mave_ahead_seconds
        settings(**mave.settings(), PERSONA_SOURCE="sample", PERSONA_OUTPUT=folder)
        settings(MAVE_TIMEOUT_SECONDS="1", PERSONA_DEADLINE_SECONDS="30")
        door = client("persona_http")
        report = {}
        for _ in range(MOST_DELIVERIES):
            report = door.post("/", json={"run_id": "run"}).get_json()
            if "error" not in report:
                break
            note(str(report["error"]))
            assert report["error"]["retryable"]
            clock.sleep(0.25)  # a quarter of MAVE_TIMEOUT_SECONDS
        kept = json.loads((Path(folder) / "runs" / "run" / "answer.json").read_bytes())
        assert (report["status"], kept["content"], len(mave.paid)) == ("published", ANSWER, 1)
