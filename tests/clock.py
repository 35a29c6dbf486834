"""A clock that stands still until somebody sleeps, so that nothing depends on how long a machine takes."""

import threading
import time

# Where the program, its libraries' patience and what the fakes share ask for the time.
ROOMS = [
    *(f"google.api_core.retry.retry_{how}" for how in ("base", "unary")),
    *(f"persona.{room}" for room in ("mave.client", "mave.threads", "net.pace", "net.session")),
    *("persona.storage.cloud", "persona.storage.folder", "cloud.server"),
]


class Clock:
    """Takes the place of the module `time`: sleeping is what makes its time pass."""

    def __init__(self) -> None:
        self.passed_seconds = 0.0
        self._started = time.time()

    def time(self) -> float:
        return self._started + self.passed_seconds

    def monotonic(self) -> float:
        return 1_000.0 + self.passed_seconds

    def sleep(self, seconds: float) -> None:
        self.passed_seconds += seconds

    def event(self) -> threading.Event:
        """An event that nobody waits for: the time until then passes at once."""
        clock = self

        class Waited(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                if not self.is_set():
                    clock.sleep(timeout or 0.0)
                return self.is_set()

        return Waited()
