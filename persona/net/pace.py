"""A steady rate over all threads of a fetch."""

import time
from threading import Event, Lock

from persona.deadline import Deadline

# A rate that was halved is whole again after fifty seconds: most of Segment's windows last a minute.
RECOVERY_A_SECOND = 0.01


class Stopped(Exception):
    """The fetch is over; whoever still waits for a turn need not."""


class Pace:
    """Turns for any number of threads: evenly spaced from the first one on, and never saved up.

    A thread that could not run for a second does not make up for it.
    """

    def __init__(self, turns_a_second: float, deadline: Deadline) -> None:
        self._usual_rate = self._slow_rate = turns_a_second
        self._deadline = deadline
        self._taking = Lock()  # held by whoever waits for the next turn; the others queue behind
        self._slowing = Lock()
        self._next_at = self._slowed_at = self._resumes_at = time.monotonic()
        self._stopped = Event()

    @property
    def rate(self) -> float:
        """Turns a second just now: recovering from the last slow-down once its pause is over."""
        recovering_seconds = max(0.0, time.monotonic() - self._resumes_at)
        recovered = self._slow_rate + self._usual_rate * RECOVERY_A_SECOND * recovering_seconds
        return min(self._usual_rate, recovered)

    def take(self) -> float:
        """Wait for the next turn; the moment at which it came.

        Raises:
            DeadlineExceeded: no time is left to wait.
            Stopped: somebody ended the fetch.
        """
        with self._taking:
            # A pause may begin while this thread waits: it looks again.
            while (wait_seconds := max(self._next_at, self._resumes_at) - time.monotonic()) > 0:
                self._deadline.check("wait for the next request's turn", wait_seconds)
                self.rest(wait_seconds)
            turn_at = time.monotonic()
            interval_seconds = 1 / self.rate
            # Waking up late by up to one turn is made up for: else the rate would always lag a little.
            self._next_at = max(self._next_at, turn_at - interval_seconds) + interval_seconds
        return turn_at

    def slow_down(self, turn_at: float, seconds: float) -> None:
        """Pause everybody for so many seconds, and halve the rate.

        It is halved once for all the turns that were taken before it was: those requests were on their way.
        """
        with self._slowing:
            now = time.monotonic()
            if turn_at >= self._slowed_at:
                self._slow_rate = self.rate / 2
                self._slowed_at = now
            self._resumes_at = max(self._resumes_at, now + seconds)

    def rest(self, seconds: float) -> None:
        """Sleep; raises `Stopped` where the fetch ends."""
        if self._stopped.wait(seconds):
            raise Stopped

    def stop(self) -> None:
        self._stopped.set()
