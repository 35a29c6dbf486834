"""Fetch: profile by profile from the Profile API, many at once, at a steady rate.

Two requests a profile, three with raw events (docs: unify/profile-api). The rate is the space's: Segment
allows 100 requests a second, whoever asks.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing
from functools import partial
from itertools import islice

from persona.deadline import Deadline
from persona.fetch.local import located
from persona.fetch.people import Page
from persona.fetch.profile_parts import ProfileParts, encoded
from persona.net.pace import Pace
from persona.net.session import FreeSession
from persona.settings import Settings

# One request is under way in each: enough for 95 a second where a reply takes 0.67 s; its 95th percentile is
# 0.2 s (docs: unify/profile-api, "Performance"). They are started only as they are needed.
THREADS = 64
# Handed out and not yet read back; it bounds the memory, and covers the time a page of the listing takes.
MOST_UNDER_WAY = 2 * THREADS
PROFILES_PER_PAGE = 100

# A longer line comes in parts, none of which is an identifier.
PART_BYTES = 2**16


def fetch(settings: Settings, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield the profiles that the listing or PERSONA_IDENTIFIERS names, at most `limit` (0: all), unordered.

    A profile that Segment does not know or cannot be read, and an identifier that is none, count as read and
    rejected. The last page's `more` tells whether the limit cut the list short; it may be empty.
    """
    pace = Pace(settings.rate, deadline)
    auth = (settings.segment_token, "")
    with FreeSession("segment", deadline, auth=auth, pool_size=THREADS, pace=pace) as session:
        parts = ProfileParts(settings, session)
        named = _from_file(settings, deadline) if settings.identifiers else parts.listed()
        with closing(_concurrently(parts.profile, islice(named, limit or None), pace)) as profiles:
            while some := [*islice(profiles, PROFILES_PER_PAGE)]:
                records = [one for one in some if isinstance(one, bytes)]
                rejected = Counter(one for one in some if isinstance(one, str))
                yield Page(records, more=True, rejected=rejected)
        yield Page([], more=bool(limit) and next(named, "") != "")


def _from_file(settings: Settings, deadline: Deadline) -> Iterator[str | None]:
    """Yield the identifiers of PERSONA_IDENTIFIERS, ready for a URL; None for a line that holds none."""
    with located(settings.identifiers, "PERSONA_IDENTIFIERS", deadline) as (paths, opened, _):
        for path in paths:
            with opened(path) as stream:
                for line in filter(bytes.strip, iter(partial(stream.readline, PART_BYTES), b"")):
                    yield encoded(line)


def _concurrently(
    read: Callable[[str | None], bytes | str], named: Iterable[str | None], pace: Pace
) -> Generator[bytes | str, None, None]:
    """Yield what `read` makes of each, as they get done; what ends it early ends all threads' waiting."""
    under_way: set[Future[bytes | str]] = set()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="profile-api") as threads:
        try:
            for identifier in named:
                under_way.add(threads.submit(read, identifier))
                if len(under_way) == MOST_UNDER_WAY:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in done)
            yield from (one.result() for one in as_completed(under_way))
        except BaseException:
            pace.stop()
            threads.shutdown(wait=False, cancel_futures=True)
            raise
