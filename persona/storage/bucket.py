"""Objects in Cloud Storage or in a folder, with one meaning for both.

An object is whole or absent, never half. It is created, or swapped for another if it is still the one that
was read; of several writers at once exactly one wins, and the others get `Conflict`. A write that was
carried out although its reply got lost is recognised by its bytes and succeeds, so bytes that two writers
might share must carry something random.
"""

from typing import NamedTuple, Protocol

from persona.deadline import Deadline

# How long one operation is tried. With its last request it stays well below 45 s, where the default of
# Google's own client would go on for two minutes.
BUDGET_SECONDS = 25.0
# Past its deadline a run may still store what it has, and let its claim go: so long, then one request each.
GRACE_SECONDS = 2.0
LEAST_SECONDS = 0.5


class Stored(NamedTuple):
    data: bytes
    generation: int  # tells this content of the object from every other; never 0
    updated: float  # Unix seconds by the store's own clock


class Conflict(Exception):
    """Another writer was first; nothing was written."""


class Bucket(Protocol):
    """Where objects lie. Names are relative paths with `/`, made of this program's own words and run ids.

    Raises:
        Refused: a permission, the credentials or the bucket itself is missing, or the disk refuses.
        Unavailable: the store stayed busy, slow or broken for `BUDGET_SECONDS`, or until the run's end.
    """

    def read(self, name: str) -> Stored | None:
        """The object as it is now, its content and generation belonging together; None: there is none."""

    def write(self, name: str, data: bytes, content_type: str, generation: int = 0) -> int:
        """The new generation, if the object was still the one of the given generation (0: there was none).

        Where it holds exactly these bytes already, its generation.

        Raises:
            Conflict: it has changed, or gone, or there is one.
        """

    def delete(self, name: str) -> None:
        """Remove the object, if there is one."""

    def now(self) -> float:
        """What the store's own clock shows, in Unix seconds: one clock for all who use the bucket."""

    def address(self, name: str) -> str:
        """Where the object lies: gs://…, or the file's path."""

    def link(self, name: str) -> str:
        """What opens it: a signed-in reader's https:// address, or the file's absolute path."""


def tries(run: Deadline | None) -> Deadline:
    """How long one operation is tried: its own budget, cut short by the end of the run."""
    left_seconds = run.left_seconds + GRACE_SECONDS if run else BUDGET_SECONDS
    return Deadline(max(min(BUDGET_SECONDS, left_seconds), LEAST_SECONDS))
