"""One event, one line: JSON in Cloud Logging's words on the cloud, readable on a terminal."""

import json
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partialmethod
from pathlib import Path
from typing import NamedTuple

_SEVERITIES = ("DEBUG", "INFO", "WARNING", "ERROR")
_TRACE, _SPAN = "logging.googleapis.com/trace", "logging.googleapis.com/spanId"
# What makes Error Reporting take a line that holds no stack trace.
_REPORTED = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"


class Progress(NamedTuple):
    """What a run is doing, for whoever waits for it."""

    stage: str
    pages: int = 0
    profiles: int = 0
    share: Callable[[], float] | None = None  # of the reading that is done, where an engine reads


@dataclass(frozen=True)
class Log:
    """Writes events with the fields that are bound to it; holds no secret, profile or message text.

    `notify` gets the progress of the run, which is no event.
    """

    as_json: bool
    level: str = "INFO"
    fields: dict[str, object] = field(default_factory=dict)
    notify: Callable[[Progress], None] = lambda _: None
    # As Error Reporting groups failures: the name and the version of what is deployed.
    service: Mapping[str, str] = field(default_factory=dict)

    def bind(self, **fields: object) -> "Log":
        """The same log with more fields on every line."""
        return replace(self, fields={**self.fields, **fields})

    def _write(self, severity: str, message: str, **fields: object) -> None:
        if _SEVERITIES.index(severity) < _SEVERITIES.index(self.level):
            return
        every = {name: value for name, value in {**self.fields, **fields}.items() if value is not None}
        if self.as_json:
            if severity == "ERROR":
                every |= {"@type": _REPORTED, "serviceContext": self.service}
            line = json.dumps({"severity": severity, "message": message, **every}, default=str)
        else:
            for name in (_TRACE, _SPAN, "context"):
                every.pop(name, None)
            text = " ".join([f"{severity:7}", message, *(f"{name}={value}" for name, value in every.items())])
            # With escapes for what would break the line or fool a terminal.
            line = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
        # One write a line: requests run in threads.
        stream = sys.stdout if self.as_json else sys.stderr
        stream.write(line + "\n")
        stream.flush()

    info = partialmethod(_write, "INFO")
    warning = partialmethod(_write, "WARNING")
    error = partialmethod(_write, "ERROR")


def log_unexpected(log: Log, error: Exception) -> None:
    """A defect: where it happened and of what kind, but not its words, which may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    last = frames[-1]
    place = {"filePath": last.filename, "lineNumber": last.lineno, "functionName": last.name}
    kind = type(error).__name__
    log.error("an unexpected error", code="failed", kind=kind, where=where, context={"reportLocation": place})


def request_log(environment: Mapping[str, str], cloud_trace: object, traceparent: object) -> Log:
    """The log of one request: JSON on the cloud, each line tied to the request by its trace headers."""
    service = {"service": environment.get("K_SERVICE", ""), "version": environment.get("K_REVISION", "")}
    log = Log(as_json=bool(service["service"]), service=service)
    project, (trace, span) = environment.get("GOOGLE_CLOUD_PROJECT"), _trace(cloud_trace, traceparent)
    return log.bind(
        **{_TRACE: f"projects/{project}/traces/{trace}", _SPAN: span} if project and trace else {}
    )


def _trace(cloud_trace: object, traceparent: object) -> tuple[str | None, str | None]:
    """The trace and the span, each None where it is not named: of the first header that names a trace."""
    # Google's own header writes the span as a decimal number; logs take 16 hexadecimal digits.
    if google := re.match(r"([0-9A-Za-z]{1,64})(?:/(\d{1,20})?|$)", str(cloud_trace or ""), re.ASCII):
        number = int(google[2] or 0)
        return google[1], f"{number:016x}" if 0 < number < 1 << 64 else None
    standard = re.match(r"[0-9a-f]{2}-([0-9a-f]{32})-(?:([0-9a-f]{16})-)?", str(traceparent or ""))
    return (standard[1], standard[2]) if standard else (None, None)
