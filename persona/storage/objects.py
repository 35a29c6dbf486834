"""Where the objects of a run lie in the bucket, and what they are served as."""

import re
from contextlib import suppress
from dataclasses import dataclass

from persona.errors import Refused
from persona.storage.bucket import Bucket, Stored

# A run's id becomes a folder.
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
JSON = "application/json"
# The outputs, each with what a report calls it and what it is served as, in the order in which they are
# written: the last one's presence means published. members.sql is there where its people can be read again.
OUTPUTS = {
    "framework.html": ("html", "text/html; charset=utf-8"),
    "framework.md": ("markdown", "text/markdown; charset=utf-8"),
    "framework.pptx": (
        "slides",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    "facts.csv": ("facts", "text/csv; charset=utf-8"),
    "members.sql": ("members", "application/sql; charset=utf-8"),
    "framework.json": ("json", JSON),
}
LATEST = "latest.json"
LATEST_PAGE = "latest.html"  # a copy of that run's page, for a bookmark


@dataclass(frozen=True, kw_only=True)
class Latest:
    """The newest published run: `latest.json`."""

    run_id: str
    created_at: str
    objects: dict[str, str | None]


def path(run_id: str, name: str) -> str:
    """Where an object of a run lies."""
    return f"runs/{run_id}/{name}"


def read_latest(bucket: Bucket) -> Latest | None:
    """The newest published run; None: there is none yet.

    Raises:
        Refused: what lies there is not this function's.
    """
    stored = bucket.read(LATEST)
    return as_latest(stored) if stored else None


def as_latest(stored: Stored) -> Latest:
    """What a stored `latest.json` says; raises what `read_latest` does."""
    from msgspec import DecodeError, json  # noqa: PLC0415 - a cold start with nothing to show needs neither

    with suppress(DecodeError, UnicodeDecodeError, RecursionError):
        latest = json.decode(stored.data, type=Latest)
        if RUN_ID.fullmatch(latest.run_id):  # it becomes a path
            return latest
    # The bytes may hold anything: they are not repeated.
    raise Refused(
        "storage",
        f"expected {LATEST} as this function writes it, got {len(stored.data)} other bytes; it was changed "
        "or damaged: delete it (the next run writes it anew) or restore an earlier version of it",
    )
