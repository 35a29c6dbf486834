"""Fetch: profile by profile from the Profile API, many at once, at a steady rate.

Two requests a profile, three with raw events (docs: unify/profile-api). The rate is the space's: Segment
allows 100 requests a second, whoever asks.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from persona.deadline import Deadline
from persona.errors import Invalid
from persona.fetch import events
from persona.fetch.paging import ELSEWHERE, Cursor, Query, follow, following, page_of
from persona.fetch.people import Page
from persona.net.pace import Pace
from persona.net.session import FreeSession
from persona.settings import Settings
from persona.storage.inputs import located

# One request is under way in each: enough for 95 a second where a reply takes 0.67 s; its 95th percentile is
# 0.2 s (docs: unify/profile-api, "Performance"). They are started only as they are needed.
THREADS = 64
# Handed out and not yet read back; it bounds the memory, and covers the time a page of the listing takes.
MOST_UNDER_WAY = 2 * THREADS
PROFILES_PER_PAGE = 100
# More than 700 a day is no person; without an end, one such profile could use up the run's time.
MOST_EVENTS = 10_000
# Longer ones fit into no URL, and Segment's own end far below.
MOST_IDENTIFIER_BYTES = 1_000
# A `type:value` that can be read.
_IDENTIFIER = re.compile("[^:\N{REPLACEMENT CHARACTER}]+:[^\N{REPLACEMENT CHARACTER}]+")
# A longer line comes in parts, none of which is an identifier.
PART_BYTES = 2**16
_CAUSES = {
    **dict.fromkeys(
        (401, 403),
        "the access token is wrong, or belongs to another space or region (an EU workspace needs "
        "SEGMENT_PROFILE_API_URL=https://profiles.euw1.segment.com); check SEGMENT_TOKEN, which for this "
        "source is a Profile API access token, and that the workspace has Unify",
    ),
    404: "no such space, or its listing is closed: it is no longer in Segment's documentation; check "
    f"SEGMENT_SPACE_ID, {ELSEWHERE}",
}
T = TypeVar("T")


class _Traits(Struct):
    traits: dict[str, Raw] | None = None


class _Items(Struct, Generic[T]):
    data: list[T] | None
    cursor: Cursor | None = None


class _Listed(Struct):
    segment_id: str


class _Rejected(Exception):
    """This one profile cannot be read; the reason is all that is kept of it."""


def fetch(settings: Settings, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield the profiles that the listing or PERSONA_IDENTIFIERS names, at most `limit` (0: all), unordered.

    A profile that Segment does not know or cannot be read, and an identifier that is none, count as read and
    rejected. The last page's `more` tells whether the limit cut the list short; it may be empty.
    """
    pace = Pace(settings.rate, deadline)
    auth = (settings.segment_token, "")
    with FreeSession("segment", deadline, auth=auth, pool_size=THREADS, pace=pace) as session:
        space = _Space(settings, session)
        named = _from_file(settings, deadline) if settings.identifiers else space.listed()
        with closing(_concurrently(space.profile, islice(named, limit or None), pace)) as profiles:
            while some := [*islice(profiles, PROFILES_PER_PAGE)]:
                records = [one for one in some if isinstance(one, bytes)]
                rejected = Counter(one for one in some if isinstance(one, str))
                yield Page(records, more=True, rejected=rejected)
        yield Page([], more=bool(limit) and next(named, None) is not None)


def _concurrently(
    read: Callable[[str], bytes | str], named: Iterable[str], pace: Pace
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


class _Space:
    """Profiles of one space, each put together from its parts."""

    def __init__(self, settings: Settings, session: FreeSession) -> None:
        space = f"{settings.segment_profile_api_url}/v1/spaces/{settings.segment_space_id}"
        self._address, self._session = f"{space}/collections/users/profiles", session
        # With PERSONA_EVENTS, events stand for all traits of channels, also where one exists: figures of two
        # windows cannot be compared.
        self._channels = dict(settings.channels) if settings.events else {}
        self._since_seconds = time.time() - events.PROFILE_API_DAYS * 86_400
        # At most ten, and so on one page.
        self._traits = {"limit": "200", "include": ",".join(settings.traits[len(self._channels) :])}

    def listed(self) -> Iterator[str]:
        """Yield all profiles' identifiers in the listing's order: the recently active first."""
        return (_encoded(f"segment_id:{one.segment_id}".encode()) for one in self._items("", _Listed))

    def profile(self, identifier: str) -> bytes | str:
        """One profile as JSON, or the reason why there is none."""
        if not identifier:
            return "identifier_malformed"
        try:
            traits = self._page(f"{identifier}/traits", _Traits, self._traits).traits or {}
            if self._channels:
                listed = [*islice(self._items(f"{identifier}/events", events.Event), MOST_EVENTS + 1)]
                if len(listed) > MOST_EVENTS:
                    return "too_many_events"
                counted = events.count(listed, self._since_seconds)
                traits |= {trait: counted[channel] for channel, trait in self._channels.items()}
            external_ids = [*self._items(f"{identifier}/external_ids", Raw)]
        except _Rejected as reason:
            return str(reason)
        return msgspec.json.encode({"traits": traits, "external_ids": external_ids})

    def _items(self, part: str, kind: Any) -> Iterator[Any]:
        """Yield the items of the listing, or of a part of a profile, by the largest page there is."""

        def get(query: Query) -> tuple[list[Any], Query | None]:
            page = self._page(part, _Items[kind], {"limit": "100"} | query)
            return page.data or [], following(page.cursor)

        for items, _ in follow(get, may_be_empty=bool(part)):
            yield from items

    def _page(self, part: str, kind: Any, query: Query) -> Any:
        """One page; what one profile's content makes unreadable costs that profile alone."""
        reply = self._session.get(f"{self._address}/{part}".rstrip("/"), query)
        if part and reply.status == HTTPStatus.NOT_FOUND:
            raise _Rejected("not_found")
        try:
            decode = partial(msgspec.json.decode, type=kind)
            return page_of(reply, decode, _CAUSES, "SEGMENT_PROFILE_API_URL")
        except Invalid:
            if part and reply.status == HTTPStatus.OK and reply.body.startswith(b"{"):
                raise _Rejected("reply_malformed") from None
            raise


def _from_file(settings: Settings, deadline: Deadline) -> Iterator[str]:
    """Yield the identifiers of PERSONA_IDENTIFIERS, ready for a URL; empty for a line that holds none."""
    with located(settings.identifiers, "PERSONA_IDENTIFIERS", deadline) as (paths, opened, _):
        for path in paths:
            with opened(path) as stream:
                for line in filter(bytes.strip, iter(partial(stream.readline, PART_BYTES), b"")):
                    yield _encoded(line)


def _encoded(line: bytes) -> str:
    """A `type:value` as the Profile API wants it, lower-case and percent-encoded; empty where it is none.

    Only Segment's own ids keep their capitals: they are told apart by them.
    """
    text = line.decode(errors="replace").strip()
    if len(line) > MOST_IDENTIFIER_BYTES or not _IDENTIFIER.fullmatch(text):
        return ""
    kind, _, value = text.partition(":")
    value = value if kind.lower() == "segment_id" else value.lower()
    return f"{quote(kind.lower(), safe='')}:{quote(value, safe='')}"
