"""A run's own time."""

import time
from collections.abc import Callable

from persona.errors import DeadlineExceeded


class Deadline:
    """Seconds left of a budget that began when it was made; a clock set back cannot lengthen it."""

    def __init__(self, budget_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.budget_seconds = budget_seconds
        self._monotonic = monotonic
        self._start = monotonic()

    @property
    def elapsed_seconds(self) -> float:
        return self._monotonic() - self._start

    @property
    def left_seconds(self) -> float:
        return self.budget_seconds - self.elapsed_seconds

    def less(self, seconds: float) -> "Deadline":
        """A budget smaller by so many seconds, from the same start: they are for what comes after."""
        other = Deadline(self.budget_seconds - seconds, self._monotonic)
        other._start = self._start
        return other

    def check(self, stage: str, needed_seconds: float = 0.0) -> None:
        """Return while more than `needed_seconds` are left.

        Raises:
            DeadlineExceeded: naming the stage that there is no time for.
        """
        left_seconds = self.left_seconds
        if left_seconds <= needed_seconds:
            raise DeadlineExceeded(
                f"no time left to {stage}: it needs {needed_seconds:.0f} s, {max(left_seconds, 0):.0f} s of "
                f"{self.budget_seconds:.0f} s are left; raise PERSONA_DEADLINE_SECONDS or lower PERSONA_LIMIT"
            )
