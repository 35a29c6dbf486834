"""Where profiles come from: one file a source, each with a `fetch`; BigQuery counts where the data lies."""

from collections.abc import Callable, Iterator
from importlib import import_module

from persona.classify.profile import Reader
from persona.deadline import Deadline
from persona.model import Page
from persona.settings import Settings

_ROOMS = {"sample": "sample", "segment": "segment", "profile-api": "profile_api", "export": "export"}


def fetch(settings: Settings, reader: Reader, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield the space's profiles page by page, `limit` at most (0: all); only one page is ever in memory."""
    # Imported here: a cold start pays for the one source that it needs.
    room = import_module(f"persona.fetch.{_ROOMS[settings.source]}")
    fetch_pages: Callable[[Settings, Reader, Deadline, int], Iterator[Page]] = room.fetch
    return fetch_pages(settings, reader, deadline, limit)
