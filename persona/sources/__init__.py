"""Where profiles come from: five sources, one function each."""

from collections.abc import Iterator

from persona.clock import Deadline
from persona.config import Settings
from persona.model import Page
from persona.profile import Reader


def fetch(settings: Settings, reader: Reader, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield the space's profiles page by page, `limit` at most (0: all); only one page is ever in memory."""
    # Each source only where it is used: a cold start pays for what it needs.
    match settings.source:
        case "sample":
            from persona.sources import sample as source  # noqa: PLC0415
        case "segment":
            from persona.sources import segment as source  # noqa: PLC0415
        case "profile-api":
            from persona.sources import profile_api as source  # noqa: PLC0415
        case "export":
            from persona.sources import export as source  # noqa: PLC0415
    return source.fetch(settings, reader, deadline, limit)
