"""Fetch: an export of JSON lines, in constant memory; a limit draws at random rather than read the head."""

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from persona.classify.profile import Reader
from persona.deadline import Deadline
from persona.fetch.stored import read_lines
from persona.model import ExternalId, Page
from persona.settings import Settings
from persona.summarize.sampling import SEED

PROFILES_PER_PAGE = 1_000
# Drawn people share the lists of id types that occur again and again; beyond so many there is no pattern.
MOST_SHARED = 10_000


class _Bad(NamedTuple):
    """A line that holds no JSON."""

    reason: str


def fetch(settings: Settings, reader: Reader, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield an export's profiles, one JSON line each, at most `limit` (0: all).

    A line that holds no JSON counts as read and rejected. With a limit the whole file is read, and where it
    holds more, that many lines are drawn from it, each with the same chance, the same ones every time: the
    pages say from how many. Only what is drawn is held, some 200 bytes a person.

    Raises:
        BadSettings: PERSONA_SOURCE names no readable file.
        Refused: Cloud Storage does not give the object, or its gzip is damaged.
        Unavailable: Cloud Storage stayed busy, or the object was replaced meanwhile.
        DeadlineExceeded: no time left for the next block.
    """
    blocks = read_lines(settings.where, "PERSONA_SOURCE", deadline)
    if limit:
        yield from _drawn(blocks, reader, limit)
        return
    for lines in blocks:
        read = _decoded(lines, reader)
        profiles = [profile for profile in read if type(profile) is not _Bad]
        yield Page(profiles, rejected=Counter(bad.reason for bad in read if type(bad) is _Bad))


def _decoded(lines: Sequence[bytes | None], reader: Reader) -> list[Any]:
    """Each line's profile, or why there is none; at one go where all lines are whole."""
    whole = [line for line in lines if line is not None]
    try:
        profiles: list[Any] = reader.decode(b"[%b]" % b",".join(whole), list)
    except ValueError:
        profiles = []
    # A line may hold two records, which the comma of a list would hide.
    return profiles if len(profiles) == len(lines) else [_single(line, reader) for line in lines]


def _single(line: bytes | None, reader: Reader) -> Any:
    if line is None:
        return _Bad("line_too_long")
    try:
        (profile,) = reader.decode(b"[%b]" % line, list)
    except ValueError:
        return _Bad("line_not_json")
    return profile


def _drawn(blocks: Iterator[list[bytes | None]], reader: Reader, limit: int) -> Iterator[Page]:
    drawn = _Reservoir(limit)
    shared: dict[tuple[ExternalId, ...], tuple[ExternalId, ...]] = {}
    for lines in blocks:
        taken = drawn.take(len(lines))
        profiles = _decoded([lines[place] for place in taken.values()], reader)
        for slot, profile in zip(taken, profiles, strict=True):
            drawn.slots[slot] = _slim(profile, reader, shared)
    more = drawn.seen > limit
    starts = range(0, len(drawn.slots), PROFILES_PER_PAGE)
    for start in starts:
        slots = drawn.slots[start : start + PROFILES_PER_PAGE]
        yield Page(
            profiles=[profile for profile in slots if not isinstance(profile, str)],
            more=more or start != starts[-1],
            drawn_from=drawn.seen if more else None,
            rejected=Counter(reason for reason in slots if isinstance(reason, str)),
        )


def _slim(profile: Any, reader: Reader, shared: dict[tuple[ExternalId, ...], tuple[ExternalId, ...]]) -> Any:
    """The typed profile, or the reason why there is none: no more than that is held."""
    if type(profile) is _Bad:
        return profile.reason
    fit = reader.fit(profile)
    if not isinstance(fit, str) and len(shared) < MOST_SHARED:
        fit.external_ids = shared.setdefault(fit.external_ids, fit.external_ids)
    return fit


class _Reservoir:
    """So many of the lines seen, each with the same chance (Vitter 1985, algorithm R)."""

    def __init__(self, size: int) -> None:
        self.seen = 0
        self.slots: list[Any] = []
        self._size = size
        self._random = Random(SEED)  # noqa: S311 - no secret, and meant to repeat itself

    def take(self, lines: int) -> dict[int, int]:
        """Which of the next lines go into which slots: slot -> line; to be put there by the caller."""
        taken: dict[int, int] = {}
        for line in range(lines):
            self.seen += 1
            if self.seen <= self._size:
                taken[self.seen - 1] = line
                self.slots.append(None)
            elif (slot := int(self._random.random() * self.seen)) < self._size:
                taken[slot] = line
        return taken
