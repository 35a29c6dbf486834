"""Fetch: profile by profile from the Profile API, many at once, at a steady rate.

Two requests a profile, three with raw events (docs: unify/profile-api). The rate is the space's: Segment
allows 100 requests a second, whoever asks.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from typing import TypeVar

from persona.deadline import Deadline
from persona.errors import Refused
from persona.fetch import identifiers
from persona.fetch.people import Page
from persona.fetch.space import ELSEWHERE, Space
from persona.net.pace import Pace
from persona.net.session import FreeSession
from persona.settings import Settings

# One request is under way in each: enough for 95 a second where a reply takes 0.67 s; its 95th percentile is
# 0.2 s (docs: unify/profile-api, "Performance"). They are started only as they are needed.
THREADS = 64
# Handed out and not yet read back; it bounds the memory, and covers the time a page of the listing takes.
MOST_UNDER_WAY = 2 * THREADS
PROFILES_PER_PAGE = 100

T = TypeVar("T")


def fetch(settings: Settings, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield the profiles that the listing or PERSONA_IDENTIFIERS names, at most `limit` (0: all), unordered.

    A profile that Segment does not know or cannot be read, and an identifier that is none, count as read and
    rejected. The last page's `more` tells whether the limit cut the list short; it may be empty.

    Raises:
        Refused: Segment says no, lists no profile at all, or knows none of the identifiers.
        Invalid: an answer of another shape, a cursor that comes again, page after page without an item.
        Unavailable: Segment stayed busy or unreachable after our own tries.
        BadSettings: PERSONA_IDENTIFIERS names no readable file.
        DeadlineExceeded: no time left for the next request.
    """
    pace = Pace(settings.rate, deadline)
    auth = (settings.segment_token, "")
    with FreeSession("segment", deadline, auth=auth, pool_size=THREADS, pace=pace) as session:
        space = Space(settings, session)
        named = identifiers.from_file(settings, deadline) if settings.identifiers else space.listed()
        wanted = _UpTo(named, limit)
        unread: Counter[str] = Counter()
        read = 0
        with closing(_concurrently(space.profile, wanted, pace)) as results:
            for page in _pages(results, wanted):
                read += len(page.records)
                unread.update(page.rejected)
                yield page
    if not read:
        _refuse_emptiness(unread)


class _UpTo:
    """The first identifiers, up to the limit; `cut` tells in the end whether there were more."""

    def __init__(self, named: Iterator[str | None], limit: int) -> None:
        self.cut = False
        self._named, self._limit = named, limit

    def __iter__(self) -> Iterator[str | None]:
        for number, identifier in enumerate(self._named):
            if self._limit and number == self._limit:
                self.cut = True
                return
            yield identifier


def _concurrently(read: Callable[[str | None], T], wanted: _UpTo, pace: Pace) -> Generator[T, None, None]:
    """Yield what `read` makes of each, as they get done; whatever ends it ends the waiting of all threads."""
    under_way: set[Future[T]] = set()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="profile-api") as threads:
        try:
            for identifier in wanted:
                under_way.add(threads.submit(read, identifier))
                if len(under_way) == MOST_UNDER_WAY:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in done)
            while under_way:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        finally:
            pace.stop()
            threads.shutdown(wait=False, cancel_futures=True)


def _pages(results: Iterator[bytes | str], wanted: _UpTo) -> Iterator[Page]:
    records: list[bytes] = []
    rejected: Counter[str] = Counter()
    for result in results:
        if isinstance(result, bytes):
            records.append(result)
        else:
            rejected[result] += 1
        if len(records) + rejected.total() == PROFILES_PER_PAGE:
            yield Page(records, more=True, rejected=rejected)
            records, rejected = [], Counter()
    yield Page(records, more=wanted.cut, rejected=rejected)


def _refuse_emptiness(unread: Counter[str]) -> None:
    if not unread:
        raise Refused(
            "segment",
            "Segment lists no merged profiles in this space: nothing is synced yet, SEGMENT_SPACE_ID names "
            "another space, or the workspace has no Unify; look at the space's profile explorer, "
            f"{ELSEWHERE}",
        )
    reasons = ", ".join(f"{reason}: {n}" for reason, n in sorted(unread.items()))
    raise Refused(
        "segment",
        f"of {unread.total()} profiles, the Profile API gave not one ({reasons}); check SEGMENT_SPACE_ID and "
        "that PERSONA_IDENTIFIERS, where it is set, holds one type:value a line, such as user_id:42",
    )
