"""A paid answer whose reply was lost is found again, whatever other threads and clocks look like."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from clock import Clock
from cloud import FakeMave, Reply, Request, error, json_reply, lose
from cloud.mave import Message as FakeMessage
from cloud.mave import Thread
from hypothesis import given, note, settings
from hypothesis import strategies as st

from persona.deadline import Deadline
from persona.errors import PersonaError
from persona.mave import client, threads
from persona.mave.paid_calls import HOLE, Answers, PaidCalls
from persona.model import Baseline, Message, Summary
from persona.settings import Settings, read_settings
from persona.storage.folder import Folder
from persona.storage.run_folder import Delivery, claim

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

ANSWER = "The answer that was paid for."
TIMEOUT_SECONDS = 0.25
# On CI; by hand: TEST_EXAMPLES=2000 tests/run tests/test_mave_recovery.py
EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "25"))
# One that is never recovered by then never is.
MOST_DELIVERIES = 25

SHAPES = [
    json_reply({"messages": []}),
    json_reply({"messages": None}),
    json_reply({"messages": {}}),
    json_reply({"messages": [None, 7, {"role": "assistant"}, {"content": []}]}),
    json_reply([]),
    Reply(body=b"<html>"),
    Reply(body=b""),
    error(403),
    error(404),
    error(500),
]
shapes = st.sampled_from(SHAPES)
ITEMS = [None, 7, {}, {"id": None}, {"id": ""}, {"id": "mave_thread_unknown"}]


@dataclass(frozen=True)
class Foreign:
    """A thread of somebody else's: what reading it gives, or a whole conversation."""

    shown: Reply | None
    age_seconds: float
    older_than_ours: bool


@dataclass(frozen=True)
class Around:
    """What stands around our thread, and for how long it cannot be read."""

    foreign: list[Foreign]
    items: list[object]  # of the listing that are no threads
    unreadable: list[Reply]  # the first answers to reading ours
    failing_listings: int
    between: list[tuple[str, str]]  # role and content of what stands before the answer
    repeated: bool  # the listing names every thread twice
    reversed: bool  # newest first within a thread
    mave_ahead_seconds: float
    store_ahead_seconds: float


offsets = st.sampled_from([-1_200.0, -301.0, 0.0, 299.0, 1_200.0])
arounds = st.builds(
    Around,
    foreign=st.lists(
        st.builds(
            Foreign,
            shown=st.none() | shapes,
            age_seconds=st.sampled_from([0.0, 86_400.0]),
            older_than_ours=st.booleans(),
        ),
        max_size=4,
    ),
    items=st.lists(st.sampled_from(ITEMS), max_size=2),
    unreadable=st.lists(shapes.filter(lambda shape: shape is not SHAPES[0]), max_size=3),
    failing_listings=st.integers(0, 2),
    between=st.lists(
        st.sampled_from([("assistant", ""), ("assistant", "  "), ("system", "Researching.")]), max_size=2
    ),
    repeated=st.booleans(),
    reversed=st.booleans(),
    mave_ahead_seconds=offsets,
    store_ahead_seconds=offsets,
)


class Shifted(Folder):
    """A store whose clock is not this machine's."""

    ahead_seconds = 0.0

    def now(self) -> float:
        return super().now() + self.ahead_seconds


class Conversation:
    """A run that says one thing; what it hears is the framework."""

    def __init__(self, deployment: Settings, deadline: Deadline) -> None:
        self._settings, self._deadline = deployment, deadline

    def next_message(self, summary: Summary, baseline: Baseline, answers: Answers) -> Message | None:
        assert (summary, baseline) == (SUMMARY, Baseline())
        return None if answers else Message(text=f"Write.\n\nReference: {HOLE}")

    def ask(self, message: str, thread_id: str | None) -> bytes:
        return client.ask(self._settings, self._deadline, message, thread_id)

    def recover(
        self, reference: str, age_seconds: float, *, patient: bool, every_thread: bool
    ) -> bytes | None:
        named = {"poll_seconds": 0.02 if patient else None, "every_thread": every_thread}
        return threads.recover(self._settings, self._deadline, reference, age_seconds, **named)  # type: ignore[arg-type] # by name


# What a run says is no matter here.
SUMMARY = cast("Summary", None)


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
    between = [
        FakeMessage(id=f"msg_{n}", role=role, content=content, at=question.at)  # type: ignore[arg-type] # or system
        for n, (role, content) in enumerate(around.between)
    ]
    ours.messages = [question, *between, answer]
    # Moments are whole seconds, and tell which message came first.
    for message in ours.messages[:-1]:
        message.at -= 2
    if around.reversed:
        ours.messages.reverse()


def _listing(mave: FakeMave, around: Around) -> Reply:
    listed = [thread.described(mave.now() + 60) for thread in reversed(list(mave.threads.values()))]
    threads_ = [*around.items, *listed, *(listed if around.repeated else [])]
    return json_reply({"object": "list", "data": threads_, "has_more": False, "next_cursor": None})


def deliver(folder: Path, around: Around, mave: FakeMave) -> Answers | PersonaError:
    """One delivery of the run: its answers, or why it came to none."""
    store = Shifted(folder)
    store.ahead_seconds = around.store_ahead_seconds
    names = {"PERSONA_SOURCE": "sample", **mave.settings()}
    deadline = Deadline(30)
    delivery = Delivery(
        owner="owner", deadline=deadline, lease_seconds=38, mave_calls=2, mave_timeout_seconds=TIMEOUT_SECONDS
    )
    try:
        with claim(store, "run", delivery) as run_folder:
            conversation = Conversation(read_settings(names, "terminal"), deadline)
            return PaidCalls(run_folder, conversation, SUMMARY, Baseline()).answers()
    except PersonaError as failure:
        return failure


@settings(derandomize=True, max_examples=EXAMPLES)
@given(around=arounds)
def test_whatever_stands_around_our_thread_the_answer_is_recovered_and_paid_for_once(
    clock: Clock, around: Around
) -> None:
    def arrive(request: Request) -> Reply | None:
        """The others come to the key as soon as the first call is paid for."""
        if request.method == "GET" and mave.paid:
            mave.faults = crowd(mave, around)
            return mave.faults(request)
        return None

    with TemporaryDirectory() as folder, FakeMave(lose(ANSWER, "close"), faults=arrive) as mave:
        mave.clock_ahead_seconds = around.mave_ahead_seconds
        answered: Answers | PersonaError | None = None
        for _ in range(MOST_DELIVERIES):
            answered = deliver(Path(folder), around, mave)
            if not isinstance(answered, PersonaError):
                break
            note(f"{answered.code}: {answered.message}")
            assert answered.retryable
            clock.sleep(TIMEOUT_SECONDS / 4)
        assert not isinstance(answered, PersonaError | None)
        assert [client.parse(raw).content for raw in answered.values()] == [ANSWER]
        assert len(mave.paid) == 1
