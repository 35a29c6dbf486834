"""What a run says to Mave, each call paid for once: recover, intend, send, store.

recover   calls begun without a stored answer are looked for in Mave's threads, which is free
intend    the next call is written down, with its exact message, before it is sent
send      once; a definite refusal takes the intent back, anything unclear stays spent
store     the raw answer, before anybody looks at it
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from msgspec import structs

from persona.bucket import Conflict
from persona.config import SPARE_SECONDS
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
from persona.run import Call, Run

# Where a message's own reference goes, once its call is begun.
HOLE = "{reference}"

# The answers that are stored, by the number of the call that was paid for them.
Answers = Mapping[int, bytes]
# Sends a message, in a thread.
Asking = Callable[[str, str | None], bytes]
# Looks for the answer to a reference in the threads since a time (Unix seconds).
Recovering = Callable[[str, float], bytes | None]


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
        answers: dict[int, bytes] = {}
        if self._run.state.closed is not None:
            return {k: raw for k in self._run.state.closed if (raw := self._run.read(_answer(k)))}
        for k, call in enumerate(self._run.state.calls, start=1):
            stored = self._run.read(_answer(k))
            if stored:
                answers[k] = stored
            elif not call.lost:
                _, raw = self._attempt(next_ask(answers), partial(self._look, k))
                answers |= {k: raw} if raw else {}
        while (wanted := next_ask(answers)) and self._may_ask(wanted):
            k = self._run.calls + 1
            go_on, raw = self._attempt(wanted, partial(self._pay, wanted))
            answers |= {k: raw} if raw else {}
            if not go_on:
                break
        return answers

    def _attempt(self, wanted: Ask | None, get: Callable[[], bytes | None]) -> tuple[bool, bytes | None]:
        """Whether to go on, and with what; Mave's failures count where an essential answer is wanting."""
        try:
            return True, get()
        except (DeadlineExceeded, ServiceError) as error:
            of_mave = isinstance(error, DeadlineExceeded) or error.service == "mave"
            if not of_mave or (wanted and wanted.essential):
                raise
            return False, None

    def _may_ask(self, wanted: Ask) -> bool:
        if not wanted.essential:
            asked_before = any(not call.essential for call in self._run.state.calls)
            return self._run.calls < self._run.limits.mave_calls and not asked_before
        allowed = self._run.limits.mave_calls + (self._run.limits.force or self._run.state.forced)
        if self._run.calls >= allowed:
            raise NeedsOperator(self._how_to_resume())
        return True

    def _how_to_resume(self) -> str:
        references = ", ".join(call.reference for call in self._run.state.calls)
        resume = (
            "the one call above that is spent, too; start another run"
            if self._run.state.forced
            else f'send {{"run_id": "{self._run.run_id}", "force": true}} to allow one more'
        )
        return (
            f"run {self._run.run_id}: {self._run.calls} paid calls were begun and no framework "
            f"came of them; "
            f"PERSONA_MAVE_CALLS is {self._run.limits.mave_calls}; look in Mave's threads for {references}, "
            f"or {resume}"
        )

    def _pay(self, wanted: Ask) -> bytes | None:
        """Intend, send, store. None: the reply is lost for good, and another call may be begun."""
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
        except ReplyLost:
            return self._look(k)
        except UnusableReply as reply:
            with suppress(Conflict):
                self._run.create(f"reply-{k}.bin", reply.raw, "application/octet-stream")
            return self._look(k)
        except (DeadlineExceeded, Refused, Unavailable):
            self._run.save(calls=before.calls, forced=before.forced)
            raise
        return self._store(k, raw)

    def _look(self, k: int) -> bytes | None:
        """The answer to a call that was begun and whose reply nobody stored; None: it is lost for good."""
        call = self._run.state.calls[k - 1]
        raw = self._recover(call.reference, call.began_at)
        if raw is not None:
            return self._store(k, raw)
        if self._run.read(f"reply-{k}.bin"):
            raise Invalid(
                "mave",
                f"Mave's reply to {call.reference} has no answer in it, nor has its thread; what came is "
                f"kept as reply-{k}.bin in the run's folder, and this run never pays again; start another",
            )
        left_seconds = self._run.limits.mave_timeout_seconds - (self._run.now() - call.began_at)
        if left_seconds > 0:
            raise Unavailable(
                "mave",
                f"no reply to {call.reference} was read, and no thread holds it yet; it may still come",
                retry_after_seconds=left_seconds,
            )
        calls = [*self._run.state.calls]
        calls[k - 1] = structs.replace(call, lost=True)
        self._run.save(calls=calls)
        return None

    def _store(self, k: int, raw: bytes) -> bytes:
        """The answer to a call: this one, or the one that another delivery stored before."""
        return self._run.keep(_answer(k), lambda: raw)


def _answer(k: int) -> str:
    """The object that holds the answer to a call."""
    return "answer.json" if k == 1 else f"answer-{k}.json"
