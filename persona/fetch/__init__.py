"""People from whatever source the deployment has, as one relation: one file a source."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from persona.deadline import Deadline
from persona.log import Log, Progress
from persona.settings import Settings

if TYPE_CHECKING:
    from persona.fetch.people import People

# Sources whose module has another name than they have.
_MODULES = {"export": "files", "profile-api": "profile_api"}


@contextmanager
def fetch(settings: Settings, limit: int, deadline: Deadline, log: Log) -> "Iterator[People]":
    """The space's people as a relation, `limit` of them at most (0: all), until the block ends.

    Raises:
        Refused: the service says no, or holds nobody at all; says what to check.
        Invalid: an answer of another shape, or a list that never ends.
        Unavailable: the service stayed busy or unreachable after our own tries, or an object was replaced.
        DeadlineExceeded: no time left to read on; what runs is ended.
        BadSettings: PERSONA_SOURCE or PERSONA_IDENTIFIERS names no file that can be read.
    """
    # Imported here: a cold start pays for the one source that it needs.
    source: Any = import_module(f"persona.fetch.{_MODULES.get(settings.source, settings.source)}")
    if settings.source in {"export", "bigquery"}:  # read where they lie
        with source.fetch(settings, limit, deadline, log) as people:
            yield people
        return
    from persona.classify.engine import Engine  # noqa: PLC0415 - as above
    from persona.fetch.people import gathered  # noqa: PLC0415

    with Engine(deadline) as engine:
        pages = source.fetch(settings, deadline, limit)
        yield gathered(engine, settings, pages, lambda *read: log.notify(Progress("fetch", *read)))
