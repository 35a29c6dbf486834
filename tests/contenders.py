"""Writers that contend for one object, round by round; light to import, for processes of their own."""

from contextlib import suppress
from threading import Barrier

from persona.storage import open_bucket
from persona.storage.bucket import Conflict
from persona.storage.objects import JSON

ROUNDS = 8
NAME = "runs/2026-11-23/state.json"


def contend(output: str, contender: int, barrier: Barrier) -> list[int]:
    """The rounds that this contender won; in the first they create, then they swap what all of them read."""
    bucket = open_bucket(output)
    won = []
    for number in range(ROUNDS):
        stored = bucket.read(NAME)
        barrier.wait(600)
        with suppress(Conflict):
            data = b"round %d, contender %d" % (number, contender)
            bucket.write(NAME, data, JSON, stored.generation if stored else 0)
            won.append(number)
        barrier.wait(600)
    return won


_barrier: Barrier


def share(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a barrier reaches a new process only this way
    _barrier = barrier


def in_process(output: str, contender: int) -> list[int]:
    return contend(output, contender, _barrier)
