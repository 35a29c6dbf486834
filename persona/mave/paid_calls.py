"""What a run says to Mave, each call paid for once: recover, intend, send, store.

recover   calls begun without a stored answer are looked for in Mave's threads, which is free
intend    the next call is written down, with its exact message, before it is sent
send      once; a definite refusal takes the intent back, anything unclear stays spent
store     the raw answer, before anybody looks at it
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
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
from persona.model import Ask
from persona.settings import SPARE_SECONDS
from persona.storage.run_folder import Call, Run

# Where a message's own reference goes, once its call is begun.
HOLE = "{reference}"

# A message that its thread shows without an answer is waited for; after so many times MAVE_TIMEOUT_SECONDS
# it counts as lost. Mave takes 5 to 90 seconds for an answer, so by default, at 16 minutes, it is at work no
# more; were it waited for, no delivery, operator or `force` could ever end the run.
LOST_AFTER_TIMEOUTS = 4

# The answers that are stored, by the number of the call that was paid for them.
Answers = Mapping[int, bytes]
# Sends a message, in a thread.
Asking = Callable[[str, str | None], bytes]


class Recovering(Protocol):
    """Looks for the answer to a reference in the threads since a time, and waits for it if patient."""

    def __call__(self, reference: str, since: float, *, patient: bool) -> bytes | None: ...


class Conversation:
    """One run's conversation with Mave; `ask` is paid for, `recover` is free."""

    def __init__(self, run: Run, ask: Asking, recover: Recovering) -> None:
        self._run = run
        self._ask = ask
        self._recover = recover

    def hold(self, next_ask: Callable[[Answers], Ask | None]) -> Answers:
        """Every answer that the run needs; `next_ask` tells from those so far what to say next.

        What is not essential is asked for once, and never fails the run.

        Raises:
            NeedsOperator: the cap of paid calls is reached without what is essential.
            DeadlineExceeded: there is no time for a call that is essential; nothing was spent on it.
            Refused, Invalid, Unavailable: as `ask` and `recover` say.
        """
        if self._run.state.closed is not None:
            return self._stored(self._run.state.closed)
        answers = self._recovered(next_ask)
        while (wanted := next_ask(answers)) and wanted.essential:
            self._check_cap()
            answers |= self._pay(wanted)
        if wanted and self._may_follow_up():
            with _tolerated(wanted):
                answers |= self._pay(wanted)
        return answers

    def _stored(self, calls: Iterable[int]) -> dict[int, bytes]:
        return {k: raw for k in calls if (raw := self._run.read(_answer(k)))}

    def _recovered(self, next_ask: Callable[[Answers], Ask | None]) -> dict[int, bytes]:
        """The stored answers, and those of lost calls that are still wanted."""
        calls = dict(enumerate(self._run.state.calls, start=1))
        answers = self._stored(calls)
        for k in sorted(calls.keys() - answers.keys()):
            wanted = next_ask(answers)
            if wanted and wanted.essential == calls[k].essential:
                with _tolerated(wanted):
                    answers |= self._look(k)
        return answers

    def _may_follow_up(self) -> bool:
        asked_before = any(not call.essential for call in self._run.state.calls)
        return self._run.calls < self._run.limits.mave_calls and not asked_before

    def _check_cap(self) -> None:
        """Return while another call may be begun: within the cap, or once above it by an operator's word."""
        state, limits = self._run.state, self._run.limits
        by_force = state.forced or (state.needs_operator and limits.force)
        if self._run.calls < limits.mave_calls + by_force:
            return
        if not state.needs_operator:
            self._run.save(needs_operator=True)
        references = ", ".join(call.reference for call in state.calls)
        resume = (
            "the one call above that is spent, too; start another run"
            if state.forced
            else f'send {{"run_id": "{self._run.run_id}", "force": true}} to allow one more'
        )
        raise NeedsOperator(
            f"run {self._run.run_id}: {self._run.calls} paid calls were begun and no framework came of them; "
            f"PERSONA_MAVE_CALLS is {limits.mave_calls}; look in Mave's threads for {references}, or {resume}"
        )

    def _pay(self, wanted: Ask) -> dict[int, bytes]:
        """Intend, send, store. Empty: the reply is lost for good, and another call may be begun."""
        needed_seconds = self._run.limits.mave_timeout_seconds + SPARE_SECONDS
        self._run.deadline.check("ask Mave", needed_seconds)
        before = self._run.state
        k = self._run.calls + 1
        reference = f"{before.reference}/{k}"
        message = wanted.message.replace(HOLE, reference)
        call = Call(
            reference=reference, message=message, began_at=self._run.now(), essential=wanted.essential
        )
        self._run.save(calls=[*before.calls, call], forced=before.forced or k > self._run.limits.mave_calls)
        try:
            self._run.deadline.check("ask Mave", needed_seconds)
            raw = self._ask(message, wanted.thread_id)
        except ReplyLost as lost:
            if lost.sent_at > call.began_at:
                self._run.save(calls=[*before.calls, structs.replace(call, began_at=lost.sent_at)])
            return self._look(k)
        except UnusableReply as reply:
            self._run.keep_first(f"reply-{k}.bin", reply.raw, "application/octet-stream")
            return self._look(k)
        except (DeadlineExceeded, Refused, Unavailable):
            self._run.save(calls=before.calls, forced=before.forced)
            raise
        return self._store(k, raw)

    def _look(self, k: int) -> dict[int, bytes]:
        """The answer to a call that was begun and whose reply nobody stored; empty: it is lost for good."""
        call = self._run.state.calls[k - 1]
        timeout_seconds = self._run.limits.mave_timeout_seconds
        replied = self._run.read(f"reply-{k}.bin") is not None
        given_up = self._run.now() - call.began_at > LOST_AFTER_TIMEOUTS * timeout_seconds
        # A reply came, so Mave is not at work any more: what its thread lacks now, it lacks for good.
        raw = self._recover(call.reference, call.began_at, patient=not replied and not given_up)
        if raw is not None:
            return self._store(k, raw)
        if replied:
            raise Invalid(
                "mave",
                f"Mave's reply to {call.reference} has no answer in it, nor has its thread; what came is "
                f"kept as reply-{k}.bin in the run's folder, and this run never pays again; start another",
            )
        left_seconds = timeout_seconds - (self._run.now() - call.began_at)
        if left_seconds > 0:
            raise Unavailable(
                "mave",
                f"no reply to {call.reference} was read, and no thread holds it yet; it may still come",
                retry_after_seconds=left_seconds,
            )
        return {}

    def _store(self, k: int, raw: bytes) -> dict[int, bytes]:
        """The answer to a call: this one, or the one that another delivery stored before."""
        return {k: self._run.keep_first(_answer(k), raw)}


@contextmanager
def _tolerated(wanted: Ask) -> Iterator[None]:
    """Let Mave's failures pass where the run can do without what was wanted."""
    try:
        yield
    except (DeadlineExceeded, ServiceError) as error:
        of_storage = isinstance(error, ServiceError) and error.service == "storage"
        if wanted.essential or of_storage:
            raise


def _answer(k: int) -> str:
    """The object that holds the answer to a call."""
    return "answer.json" if k == 1 else f"answer-{k}.json"
