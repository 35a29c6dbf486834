"""Writers that contend for one object, round by round; light to import, for processes of their own."""

from collections.abc import Callable
from typing import Protocol

from persona.storage import open_bucket
from persona.storage.bucket import Conflict
from persona.storage.objects import JSON


class Barrier(Protocol):
    def wait(self, timeout: float | None = None) -> int: ...


Contend = Callable[[str, int, Barrier], list[int]]
ROUNDS = 5
SWAPPED = "runs/swapped/state.json"


def create_in_every_round(output: str, contender: int, barrier: Barrier) -> list[int]:
    """The rounds in which this contender's object was the one."""
    bucket = open_bucket(output)
    won = []
    for number in range(ROUNDS):
        barrier.wait(600)
        try:
            bucket.write(f"runs/{number}/state.json", b"contender %d" % contender, JSON)
        except Conflict:
            continue
        won.append(number)
    return won


def swap_in_every_round(output: str, contender: int, barrier: Barrier) -> list[int]:
    """The rounds in which this contender's swap went through; all read the same generation before."""
    bucket = open_bucket(output)
    won = []
    for number in range(ROUNDS):
        stored = bucket.read(SWAPPED)
        assert stored is not None
        barrier.wait(600)
        try:
            bucket.write(SWAPPED, b"round %d, contender %d" % (number, contender), JSON, stored.generation)
            won.append(number)
        except Conflict:
            pass
        barrier.wait(600)
    return won


_barrier: Barrier


def share(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a barrier reaches a new process only this way
    _barrier = barrier


def in_process(contend: Contend, output: str, contender: int) -> list[int]:
    return contend(output, contender, _barrier)
