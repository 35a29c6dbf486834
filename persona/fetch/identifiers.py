"""Whom to look up in the Profile API: its own listing, or a file of identifiers."""

from collections.abc import Iterator
from urllib.parse import quote

from persona.deadline import Deadline
from persona.errors import BadSettings
from persona.fetch.stored import read_lines
from persona.settings import Settings

# Longer ones fit into no URL; Segment's own end far below.
MOST_CHARACTERS = 1_000


def from_file(settings: Settings, deadline: Deadline) -> Iterator[str | None]:
    """Yield the identifiers of PERSONA_IDENTIFIERS, ready for a URL; None for a line that holds none.

    Raises:
        BadSettings: there is no such file, or no line in it.
    """
    lines = 0
    for block in read_lines(settings.identifiers, "PERSONA_IDENTIFIERS", deadline):
        lines += len(block)
        for line in block:
            yield encoded(line)
    if not lines:
        raise BadSettings("PERSONA_IDENTIFIERS: expected one type:value a line, and the file has no line")


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
