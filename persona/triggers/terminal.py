"""The same run from a terminal: progress while it works, then the patterns and where the framework lies."""

import json
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn, Self

import click

from persona import request
from persona.deadline import Deadline
from persona.errors import BadRequest, BadSettings, PersonaError
from persona.log import Log, log_unexpected
from persona.model import Report
from persona.pipeline import run
from persona.settings import Settings, read_settings
from persona.watcher import Progress, Watcher
from persona.wording import label

_STAGES = {
    "fetch": "reading profiles",
    "mave": "asking Mave",
    "check": "checking the answer",
    "write": "writing the framework",
}
# Often enough to see that it is alive, seldom enough not to slow it down.
_REFRESH_SECONDS = 0.2


class _Watch:
    """Shows on stderr what a run is doing: one line that moves on a terminal, elsewhere two lines a stage."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._moving = sys.stderr.isatty()
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
            new_stage = self._last is None or progress.stage != self._last.stage
            if new_stage:
                self._end_stage()
                self._stage_began_seconds = self._deadline.elapsed_seconds
            self._last = progress
            if new_stage:
                self._draw()

    def _end_stage(self) -> None:
        """Leave the last word of a stage standing."""
        with self._drawing:
            if self._last and (self._moving or self._last.pages):
                self._draw()
            if self._last and self._moving:
                click.echo(err=True)
            self._last = None

    def _draw_on(self) -> None:
        while not self._over.wait(_REFRESH_SECONDS):
            self._draw()

    def _draw(self) -> None:
        with self._drawing:
            if self._last:
                line = self._line(self._last)
                click.echo(f"\r{line:<79}" if self._moving else line, err=True, nl=not self._moving)

    def _line(self, progress: Progress) -> str:
        elapsed_seconds = self._deadline.elapsed_seconds
        line = f"{elapsed_seconds:6.1f} s  {_STAGES[progress.stage]}"
        if not progress.pages:
            return line
        rate = progress.profiles / max(elapsed_seconds - self._stage_began_seconds, 1e-3)
        pages = "1 page" if progress.pages == 1 else f"{progress.pages:,} pages"
        return f"{line}: {pages}, {progress.profiles:,} profiles, {rate:,.0f} a second"


@click.command()
@click.option(
    "--dry-run", is_flag=True, help="Show the figures and the message for Mave; pay and write nothing."
)
@click.option("--limit", type=int, help="Profiles to read, PERSONA_LIMIT at most.")
@click.option("--force", is_flag=True, help="Ask Mave though little has changed, or once above the cap.")
@click.option("--run-id", help="The run's name; the same name is the same run, paid for once.")
def main(**options: object) -> None:
    """Turn a Segment space into a cross-channel persona framework.

    Settings come from the environment; without any, a built-in sample space is used, without a key or a bill.
    """
    signal.signal(signal.SIGTERM, _stop)
    log, starts, run_id = Log(as_json=False), Deadline(0), ""
    try:
        settings = read_settings(os.environ, "terminal")
        body = json.dumps({name: value for name, value in options.items() if value is not None})
        wanted = request.parse(body.encode(), settings)
        run_id = request.name_run(wanted, settings, (), None)
        report = _run(wanted, run_id, settings, starts.of(settings.deadline_seconds), log)
    except PersonaError as error:
        click.echo(f"{error.code}: {error.message}", err=True)
        sys.exit(2 if isinstance(error, BadRequest | BadSettings) else 1)
    except KeyboardInterrupt:
        go_on = f" and released; --run-id {run_id} goes on with what it has got" if run_id else ""
        click.echo(f"stopped{go_on}", err=True)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - as over HTTP: its place, not its words
        log_unexpected(log, error)
        sys.exit(1)
    click.echo(_table(report))


def _run(wanted: request.Request, run_id: str, settings: Settings, deadline: Deadline, log: Log) -> Report:
    # The watch and the table show what happens; beside them, only a failure is worth a line.
    quiet = log.at("ERROR" if settings.log_level == "INFO" else settings.log_level).bind(run_id=run_id)
    with _Watch(deadline) as watch:
        return run(wanted, run_id, settings, deadline, Watcher(quiet, watch))


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends a run as Ctrl-C does: its claim is let go."""
    raise KeyboardInterrupt


def _table(report: Report) -> str:
    """The patterns, and where to find the framework."""
    profiles = report.profiles
    width = max((len(pattern.label) for pattern in report.patterns), default=0)
    rows = [f"  {p.label:<{width}}  {p.n:>9,}  {p.share:>6.1%}" for p in report.patterns]
    lines = [
        "",
        f"Run {report.run_id}: {report.status} ({report.source}, words by {report.author})",
        f"{profiles.read:,} profiles read: {profiles.classified:,} active, {profiles.dormant:,} dormant, "
        f"{profiles.rejected:,} rejected" + (" (not everybody: the limit)" if profiles.truncated else ""),
        *rows,
        *(f"  {label(key)}: too few people to show" for key in report.suppressed),
        *(f"Note: {warning}" for warning in report.warnings),
    ]
    if isinstance(report.message, str):
        lines += ["", "The message that Mave would get:", "", report.message]
    if isinstance(report.credits, dict):
        left = report.credits["left"]
        told = f"{left:,.0f}" if isinstance(left, float) else "Mave does not say"
        lines += ["", f"Credits left: {told}; a call takes {report.credits['a_call_takes']}"]
    if report.status in {"published", "replayed"}:
        figures, missing = report.checks.figures, report.checks.missing_sections
        lines += [
            f"Figures in the text: {figures.from_data} from the data, {figures.equal} typed and equal to it, "
            f"{figures.not_in_data} not in it" + (f"; {missing} sections missing" if missing else "")
        ]
    if isinstance(report.objects, dict) and report.objects:
        lines += ["", f"Framework: {report.objects['open']}", f"           {report.objects['json']}"]
    return "\n".join(lines)
