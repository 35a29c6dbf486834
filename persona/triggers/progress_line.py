"""What a run is doing, on stderr: one line that moves on a terminal, elsewhere two lines a stage."""

import sys
import threading
from typing import Self

import click

from persona.deadline import Deadline
from persona.log import Progress

_STAGES = {
    "fetch": "reading profiles",
    "mave": "asking Mave",
    "check": "checking the answer",
    "write": "writing the framework",
}
# Often enough to see that it is alive, seldom enough not to slow it down.
_REFRESH_SECONDS = 0.2


class ProgressLine:
    """Shows the progress that it is called with, until its `with` block ends."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline, self._moving = deadline, sys.stderr.isatty()
        self._last: Progress | None = None
        self._stage_began_seconds = 0.0
        self._drawing = threading.RLock()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        if self._moving:
            threading.Thread(target=self._draw_on, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._end_stage()

    def __call__(self, progress: Progress) -> None:
        with self._drawing:
            if self._last and self._last.stage == progress.stage:
                self._last = progress
                return
            self._end_stage()
            self._stage_began_seconds, self._last = self._deadline.elapsed_seconds, progress
            self._draw()

    def _end_stage(self) -> None:
        """Leave the last word of a stage standing."""
        with self._drawing:
            if self._last and (self._moving or self._last.pages):
                self._last = self._last._replace(share=None)  # nothing is left to wait for
                self._draw()
            if self._last and self._moving:
                click.echo(err=True)
            self._last = None

    def _draw_on(self) -> None:
        while not self._over.wait(_REFRESH_SECONDS):
            self._draw()

    def _draw(self) -> None:
        with self._drawing:
            if self._last is None:
                return
            now_seconds, progress = self._deadline.elapsed_seconds, self._last
            stage_seconds = max(now_seconds - self._stage_began_seconds, 1e-3)
            line = f"{now_seconds:6.1f} s  {_STAGES[progress.stage]}"
            if progress.share and (share := progress.share()):
                line += f": {share:.0%}, {stage_seconds * (1 - share) / share:,.0f} s left"
            elif progress.pages:
                line += f": {progress.profiles:,}, {progress.profiles / stage_seconds:,.0f} a second"
            click.echo(f"\r{line:<79}" if self._moving else line, err=True, nl=not self._moving)
