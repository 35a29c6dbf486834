"""What a run says to Mave, each call paid for once: recover, intend, send, store.

recover   calls begun without a stored answer are looked for in Mave's threads, which is free
intend    the next call is written down, with its exact message, before it is sent
send      once; a definite refusal takes the intent back, anything unclear stays spent
store     the raw answer, before anybody looks at it
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from msgspec import structs

from persona.errors import (
    DeadlineExceeded,
    Invalid,
    NeedsOperator,
    Refused,
    ReplyLost,
    ServiceError,
    Unavailable,
    UnusableReply,
)
from persona.model import Baseline, Message, Summary
from persona.settings import SPARE_SECONDS
from persona.storage.run_folder import Call, RunFolder

# Where a message's own reference goes, once its call is begun.
HOLE = "{reference}"

# A message that its thread shows without an answer is waited for; after so many times MAVE_TIMEOUT_SECONDS
# it counts as lost. Mave takes 5 to 90 seconds for an answer, so by default, at 16 minutes, it is at work no
# more; were it waited for, no delivery, operator or `force` could ever end the run.
LOST_AFTER_TIMEOUTS = 4

# The answers that are stored, by the number of the call that was paid for them.
Answers = Mapping[int, bytes]


class Mave(Protocol):
    """Mave, as far as a run talks to it."""

    def next_message(self, summary: Summary, baseline: Baseline, answers: Answers) -> Message | None:
        """What to say next, after these answers; None: there is nothing more to say."""

    def ask(self, message: str, thread_id: str | None) -> bytes:
        """The raw reply to a message in a thread, or in a new one; sent once, and paid for."""

    def recover(
        self, reference: str, age_seconds: float, *, patient: bool, every_thread: bool
    ) -> bytes | None:
        """The raw answer to a call that was begun so long ago and whose reply was lost; free.

        A patient one waits for it. Before a call is given up, every thread is looked into, not only those
        that were touched since it began.
        """


class PaidCalls:
    """One run's conversation with Mave."""

    def __init__(self, run_folder: RunFolder, mave: Mave, summary: Summary, baseline: Baseline) -> None:
        self._folder, self._mave = run_folder, mave
        self._next_message = partial(mave.next_message, summary, baseline)

    def answers(self) -> Answers:
        """Every answer that the run needs, stored.

        A message that is not essential is sent once, and never fails the run.

        Raises:
            NeedsOperator: the cap of paid calls is reached without what is essential.
            DeadlineExceeded: there is no time for a call that is essential; nothing was spent on it.
            Refused, Invalid, Unavailable: as Mave's `ask` and `recover` say.
        """
        if self._folder.state.closed is not None:
            return self._stored(self._folder.state.closed)
        answers = self._recovered()
        while (message := self._next_message(answers)) and message.essential:
            self._check_cap()
            answers |= self._pay(message)
        asked_before = any(not call.essential for call in self._folder.state.calls)
        if message and not asked_before and self._folder.calls < self._folder.delivery.mave_calls:
            with _tolerated(message):
                answers |= self._pay(message)
        return answers

    def _stored(self, calls: Iterable[int]) -> dict[int, bytes]:
        return {k: raw for k in calls if (raw := self._folder.read(_answer(k)))}

    def _recovered(self) -> dict[int, bytes]:
        """The stored answers, and those of lost calls that are still needed."""
        calls = dict(enumerate(self._folder.state.calls, start=1))
        answers = self._stored(calls)
        for k in sorted(calls.keys() - answers.keys()):
            message = self._next_message(answers)
            if message and message.essential == calls[k].essential:
                with _tolerated(message):
                    answers |= self._look(k)
        return answers

    def _check_cap(self) -> None:
        """Return while another call may be begun: within the cap, or once above it by an operator's word."""
        state, delivery = self._folder.state, self._folder.delivery
        by_force = state.forced or (state.needs_operator and delivery.force)
        if self._folder.calls < delivery.mave_calls + by_force:
            return
        if not state.needs_operator:
            self._folder.save(needs_operator=True)
        references = ", ".join(call.reference for call in state.calls)
        resume = (
            "the one call above that is spent, too; start another run"
            if state.forced
            else f'send {{"run_id": "{self._folder.run_id}", "force": true}} to allow one more'
        )
        raise NeedsOperator(
            f"run {self._folder.run_id}: {self._folder.calls} paid calls were begun and no framework came of "
            f"them; PERSONA_MAVE_CALLS is {delivery.mave_calls}; look in Mave's threads for {references}, or "
            f"{resume}"
        )

    def _pay(self, message: Message) -> dict[int, bytes]:
        """Intend, send, store. Empty: the reply is lost for good, and another call may be begun."""
        folder, before = self._folder, self._folder.state
        needed_seconds = folder.delivery.mave_timeout_seconds + SPARE_SECONDS
        folder.delivery.deadline.check("ask Mave", needed_seconds)
        k = folder.calls + 1
        reference = f"{before.reference}/{k}"
        call = Call(
            reference=reference,
            message=message.text.replace(HOLE, reference),
            began_at_seconds=folder.now(),
            essential=message.essential,
        )
        folder.save(calls=[*before.calls, call], forced=before.forced or k > folder.delivery.mave_calls)
        try:
            folder.delivery.deadline.check("ask Mave", needed_seconds)
            raw = self._mave.ask(call.message, message.thread_id)
        except ReplyLost as lost:
            if lost.sent_seconds_ago is not None:
                sent_at_seconds = folder.now() - lost.sent_seconds_ago
                sent = structs.replace(call, began_at_seconds=max(call.began_at_seconds, sent_at_seconds))
                folder.save(calls=[*before.calls, sent])
            return self._look(k)
        except UnusableReply as reply:
            folder.keep_first(f"reply-{k}.bin", reply.raw, "application/octet-stream")
            return self._look(k)
        except (DeadlineExceeded, Refused, Unavailable):
            folder.save(calls=before.calls, forced=before.forced)
            raise
        # This one, or the one that another delivery stored before.
        return {k: folder.keep_first(_answer(k), raw)}

    def _look(self, k: int) -> dict[int, bytes]:
        """The answer to a call that was begun and whose reply nobody stored; empty: it is lost for good."""
        folder, call = self._folder, self._folder.state.calls[k - 1]
        timeout_seconds = folder.delivery.mave_timeout_seconds
        replied = folder.read(f"reply-{k}.bin") is not None
        age_seconds = folder.now() - call.began_at_seconds
        # A reply came, so Mave is not at work any more: what its thread lacks now, it lacks for good.
        patient = not replied and age_seconds <= LOST_AFTER_TIMEOUTS * timeout_seconds
        left_seconds = timeout_seconds - age_seconds
        raw = self._mave.recover(
            call.reference, age_seconds, patient=patient, every_thread=replied or left_seconds <= 0
        )
        if raw is not None:
            return {k: folder.keep_first(_answer(k), raw)}
        if replied:
            raise Invalid(
                "mave",
                f"Mave's reply to {call.reference} has no answer in it, nor has its thread; what came is "
                f"kept as reply-{k}.bin in the run's folder, and this run never pays again; start another",
            )
        if left_seconds > 0:
            raise Unavailable(
                "mave",
                f"no reply to {call.reference} was read, and no thread holds it yet; it may still come",
                retry_after_seconds=left_seconds,
            )
        return {}


@contextmanager
def _tolerated(message: Message) -> Iterator[None]:
    """Let Mave's failures pass where the run can do without its answer."""
    try:
        yield
    except (DeadlineExceeded, ServiceError) as error:
        of_storage = isinstance(error, ServiceError) and error.service == "storage"
        if message.essential or of_storage:
            raise


def _answer(k: int) -> str:
    return "answer.json" if k == 1 else f"answer-{k}.json"
