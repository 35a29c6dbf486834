"""One event, one line: JSON in Cloud Logging's words on the cloud, readable on a terminal."""

import json
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, TextIO

_SEVERITIES = ("DEBUG", "INFO", "WARNING", "ERROR")


class Progress(NamedTuple):
    """What a run is doing, for whoever waits for it."""

    stage: str
    pages: int = 0
    profiles: int = 0


@dataclass(frozen=True)
class Log:
    """Writes events with the fields that are bound to it; holds no secret, profile or message text.

    `notify` gets the progress of the run, which is no event.
    """

    as_json: bool
    level: str = "INFO"
    fields: dict[str, object] = field(default_factory=dict)
    notify: Callable[[Progress], None] = lambda _: None

    def bind(self, **fields: object) -> "Log":
        """The same log with more fields on every line."""
        return replace(self, fields={**self.fields, **fields})

    def at(self, level: str) -> "Log":
        """The same log, silent below a level."""
        return replace(self, level=level)

    def info(self, message: str, **fields: object) -> None:
        self._write("INFO", message, fields)

    def warning(self, message: str, **fields: object) -> None:
        self._write("WARNING", message, fields)

    def error(self, message: str, **fields: object) -> None:
        self._write("ERROR", message, fields)

    def _write(self, severity: str, message: str, fields: dict[str, object]) -> None:
        if _SEVERITIES.index(severity) < _SEVERITIES.index(self.level):
            return
        every = {name: value for name, value in {**self.fields, **fields}.items() if value is not None}
        if self.as_json:
            line = json.dumps({"severity": severity, "message": message, **every}, default=str)
        else:
            every.pop("logging.googleapis.com/trace", None)
            words = [f"{severity:7}", message, *(f"{name}={value}" for name, value in every.items())]
            line = _on_one_line(" ".join(words))
        # One write a line: requests run in threads.
        self._stream().write(line + "\n")
        self._stream().flush()

    def _stream(self) -> TextIO:
        return sys.stdout if self.as_json else sys.stderr


def _on_one_line(text: str) -> str:
    """The text with escapes for what would break the line or fool a terminal."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def log_unexpected(log: Log, error: Exception) -> None:
    """A defect: where it happened and of what kind, but not its words, which may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    log.error("an unexpected error", code="failed", kind=type(error).__name__, where=where)


def trace(project: str | None, cloud_trace: object, traceparent: object) -> dict[str, str]:
    """The field that ties a line to its request: from `X-Cloud-Trace-Context`, else `traceparent`."""
    found = re.match(r"([0-9A-Za-z]{1,64})(?:/|$)", str(cloud_trace or "")) or re.match(
        r"[0-9a-f]{2}-([0-9a-f]{32})-", str(traceparent or "")
    )
    return (
        {"logging.googleapis.com/trace": f"projects/{project}/traces/{found[1]}"} if project and found else {}
    )
