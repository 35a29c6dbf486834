"""Who is told what a run does while it works."""

from collections.abc import Callable
from typing import NamedTuple

from persona.log import Log


class Progress(NamedTuple):
    """What a run is doing, for whoever waits for it."""

    stage: str
    pages: int = 0
    profiles: int = 0


class Watcher(NamedTuple):
    """A log for operators, and whoever waits for the run."""

    log: Log
    notice: Callable[[Progress], None] = lambda _: None
