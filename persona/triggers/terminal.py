"""The same run from a terminal: progress while it works, then the patterns and where the framework lies."""

import json
import os
import signal
import sys
from collections.abc import Callable

import click

from persona import request
from persona.deadline import Deadline
from persona.errors import BadRequest, BadSettings, PersonaError, Unforeseen
from persona.log import Log, log_unexpected
from persona.settings import read_settings
from persona.triggers.closing_table import closing_table
from persona.triggers.progress_line import ProgressLine

_EXAMPLES = """
\b
Examples:
  python -m persona                                   the built-in sample: no key, no bill
  python -m persona check people.csv                  what a file holds, for free
  python -m persona --source people.csv \\
      --channels web=web_visits,email=mail_clicks     a framework of your own people
  python -m persona --dry-run                         the message for Mave; nothing is paid or written
  python -m persona --run-id monday                   the same run again goes on, or is replayed

\b
Exit codes:
  0  a report: published, replayed, unchanged, dry_run
  1  the run failed, or was stopped
  2  the settings or the request are wrong
"""
# Options that override a setting; each is called like it.
_SETTINGS = (
    ("--source", "PERSONA_SOURCE", "S", "a file, gs://…, segment, profile-api, bigquery://…"),
    ("--channels", "PERSONA_CHANNELS", "C", "channel=trait, comma-separated."),
    ("--currency", "PERSONA_CURRENCY", "C", "how life-time values are written."),
    ("--output", "PERSONA_OUTPUT", "O", "gs://BUCKET[/PREFIX] or a folder."),
)


class _Commands(click.Group):
    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Tell whoever names a file in the place of a command how a file is named."""
        if args[0] not in self.commands:
            context.fail(
                f"expected options or the command check, got {args[0]}; a file is read with "
                f"--source {args[0]}, and looked at with: check {args[0]}"
            )
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> object:
        """Carry out a command; a failure ends the process with its words and its exit code."""
        for stop in (signal.SIGINT, signal.SIGTERM):  # either lets go of a run's claim
            signal.signal(stop, signal.default_int_handler)
        try:
            return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except PersonaError as error:
            if isinstance(error, Unforeseen):
                log_unexpected(Log(as_json=False), error.cause)
            click.echo(f"{error.code}: {error.message}", err=True)
            sys.exit(2 if isinstance(error, BadRequest | BadSettings) else 1)
        except KeyboardInterrupt as stopped:
            click.echo(f"stopped: {str(stopped) or 'nothing is kept, and nothing was paid'}", err=True)
        except Exception as error:  # noqa: BLE001 - as over HTTP: its place, not its words
            log_unexpected(Log(as_json=False), error)
        sys.exit(1)


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    for option, setting, metavar, about in reversed(_SETTINGS):
        command = click.option(option, setting, metavar=metavar, help=f"{setting}: {about}")(command)
    return command


@click.group(cls=_Commands, invoke_without_command=True, epilog=_EXAMPLES)
@_with_settings
@click.option("--dry-run", is_flag=True, help="Show figures and the message for Mave; pay and write nothing.")
@click.option("--trial", is_flag=True, help="A run in its own folder: the latest framework stays what it is.")
@click.option(
    "--limit", type=int, metavar="N", help="Read N profiles, PERSONA_LIMIT at most; makes it a trial."
)
@click.option("--force", is_flag=True, help="Ask Mave though little has changed, or once above the cap.")
@click.option("--run-id", metavar="ID", help="The run's name; the same name is the same run, paid for once.")
@click.pass_context
def main(context: click.Context, /, **options: object) -> None:
    """Turn a Segment space into a cross-channel persona framework.

    Settings come from the environment, and an option overrides its setting; without any, a built-in sample
    space is used, without a key or a bill.
    """
    context.obj = {name: text for name, text in options.items() if name.isupper() and text}
    if context.invoked_subcommand:
        return
    asked = {name: value for name, value in options.items() if not name.isupper() and value is not None}
    asked["trial"] = bool(options["trial"]) or options["limit"] is not None
    settings = read_settings(os.environ | context.obj, "terminal")
    wanted = request.parse(json.dumps(asked).encode(), settings)
    run_id = request.name_run(wanted, settings, (), None)
    from persona.pipeline import run  # noqa: PLC0415 - help and a mistaken setting need no pipeline

    deadline = Deadline(settings.deadline_seconds)
    # The line and the table show what happens; beside them, only a failure is worth a line of the log.
    level = "ERROR" if settings.log_level == "INFO" else settings.log_level
    with ProgressLine(deadline) as line:
        log = Log(as_json=False, level=level, fields={"run_id": run_id}, notify=line)
        try:
            report = run(wanted, run_id, settings, deadline, log)
        except KeyboardInterrupt:
            if wanted.dry_run:
                raise
            raise KeyboardInterrupt(
                "what was paid for is kept, and an answer under way is looked for in Mave's threads; the "
                f"same command with --run-id {run_id} goes on, and pays for nothing twice"
            ) from None
    click.echo("\n".join(closing_table(report)))


@main.command("check")
@click.argument("place", metavar="[SOURCE]", required=False)
@_with_settings
@click.pass_context
def check(context: click.Context, /, place: str | None, **options: object) -> None:
    """Look at SOURCE (or PERSONA_SOURCE) for free: people, traits, what is missing; ask and write nothing.

    Exit codes: 0 there is enough for a framework, 1 there is not, 2 the settings are wrong.
    """
    options["PERSONA_SOURCE"] = place or options["PERSONA_SOURCE"]
    given = {name: str(text) for name, text in options.items() if text}
    settings = read_settings(os.environ | context.obj | given, "terminal")
    from persona.triggers.check_source import look_at  # noqa: PLC0415 - help needs no engine

    deadline = Deadline(settings.deadline_seconds)
    with ProgressLine(deadline) as line:
        lines, enough = look_at(settings, deadline, Log(as_json=False, level="ERROR", notify=line))
    click.echo("\n".join(lines))
    sys.exit(0 if enough else 1)
