"""Whom to look up in the Profile API: its own listing, or a file of identifiers."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from persona.deadline import Deadline
from persona.errors import BadSettings
from persona.fetch.local import located
from persona.settings import Settings

# Longer ones fit into no URL; Segment's own end far below.
MOST_CHARACTERS = 1_000
# A longer line comes in parts, none of which is an identifier.
PART_BYTES = 2**16
SETTING = "PERSONA_IDENTIFIERS"


def from_file(settings: Settings, deadline: Deadline) -> Iterator[str | None]:
    """Yield the identifiers of PERSONA_IDENTIFIERS, ready for a URL; None for a line that holds none.

    Raises:
        BadSettings: there is no such file, or no line in it.
    """
    lines = 0
    with located(settings.identifiers, SETTING, deadline) as (places, _):
        for place in places:
            with place.open() as stream:
                for line in iter(partial(stream.readline, PART_BYTES), b""):
                    if line.strip():
                        lines += 1
                        yield encoded(line)
    if not lines:
        raise BadSettings(f"{SETTING}: expected one type:value a line, and the file has no line")


def encoded(line: bytes | None) -> str | None:
    """A `type:value` as the Profile API wants it, lower-case and percent-encoded; None if it is none.

    Only Segment's own ids keep their capitals: they are told apart by them.
    """
    try:
        kind, _, value = (line or b"").decode().strip().partition(":")
    except UnicodeDecodeError:
        return None
    if not kind or not value or len(kind) + len(value) > MOST_CHARACTERS:
        return None
    kind = kind.lower()
    return f"{quote(kind, safe='')}:{quote(value if kind == 'segment_id' else value.lower(), safe='')}"
