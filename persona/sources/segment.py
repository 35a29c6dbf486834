"""Fetch: the space's profile listing, page by page.

The listing answers at one address with two shapes of cursor (docs: unify/profile-api; api-docs "Pagination").
It is in no official list of Segment's endpoints, so every refusal says what else there is; none, and no
emptiness, ever becomes data.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Generic, NoReturn, TypeVar

import msgspec
from msgspec import Struct

from persona.clock import Deadline
from persona.config import Settings
from persona.errors import Invalid, Refused, for_status
from persona.model import Page
from persona.profile import Reader
from persona.session import FreeSession
from persona.wire import Reply

# What the listing is documented to hold a page at most without being asked for more.
PROFILES_PER_PAGE = 100
# One empty page may be a filter's gap; a listing that goes on being empty is a loop.
MOST_EMPTY_PAGES = 3
# Segment's cursors are some dozen characters; a longer one would not fit into a URL.
_MOST_CURSOR_CHARS = 4_096
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

_ELSEWHERE = "or read the same profiles another way: PERSONA_SOURCE=profile-api, an export, or bigquery://PROJECT.DATASET"
_CAUSES = {
    401: "the token is wrong, or lacks the permission to read this space (an EU workspace needs "
    "SEGMENT_API_URL=https://eu1.api.segmentapis.com); check SEGMENT_TOKEN",
    403: "the token may not read this space, or the workspace has no Engage or Unify (a Connections-only "
    f"plan merges no profiles); check SEGMENT_TOKEN and the plan, {_ELSEWHERE}",
    404: "no such space, or no such listing: it is in no official list of Segment's endpoints, and a "
    "workspace without Engage or Unify does not have it; check SEGMENT_SPACE_ID and SEGMENT_API_URL, "
    f"{_ELSEWHERE}",
    422: "the space cannot be read like this: a wrong SEGMENT_SPACE_ID, or a workspace without Engage or "
    f"Unify; check both, {_ELSEWHERE}",
}


Profile = TypeVar("Profile")


class _Pagination(Struct):
    """The Public API's cursor; the next page is asked for with `pagination.cursor`."""

    next: str | None = None


class _Cursor(Struct):
    """The Profile API's cursor; the next page is asked for with `next`."""

    next: str | None = None
    has_more: bool = True


class _Content(Struct, Generic[Profile]):
    profiles: list[Profile]
    pagination: _Pagination | None = None
    cursor: _Cursor | None = None


class _Envelope(Struct, Generic[Profile]):
    data: _Content[Profile]
    cursor: _Cursor | None = None


class _Problem(Struct, frozen=True):
    type: str = ""
    code: str = ""


class _Problems(Struct):
    """Both ways in which Segment's APIs word an error; the free text stays unread: it may name people."""

    errors: list[_Problem] = []
    error: _Problem = _Problem()


def fetch(settings: Settings, reader: Reader, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield the space's profiles page by page, in the listing's order, at most `limit` of them (0: all).

    The last page's `more` tells whether the limit cut the space short; a page may be empty.

    Raises:
        Refused: Segment says no, or lists no profile at all.
        Invalid: an answer that is no page, a cursor that comes again, page after page without a profile.
        Unavailable: Segment stayed busy or unreachable after our own tries.
        DeadlineExceeded: no time left for the next page.
    """
    address = f"{settings.segment_api_url}/spaces/{settings.segment_space_id}/collections/users/profiles"
    headers = {"Authorization": f"Bearer {settings.segment_token}"}
    with FreeSession("segment", deadline, headers=headers) as session:
        trail = _Trail()
        cursor: dict[str, str] | None = {}
        while cursor is not None and (not limit or trail.profiles < limit):
            wanted = min(PROFILES_PER_PAGE, limit - trail.profiles) if limit else PROFILES_PER_PAGE
            query = {"limit": str(wanted), "include": "traits,external_ids"}
            envelope = _envelope(session.get(address, query | cursor), reader)
            cursor = _next(envelope)
            kept = envelope.data.profiles[: limit - trail.profiles if limit else None]
            page = Page(kept, more=cursor is not None or len(kept) < len(envelope.data.profiles))
            trail.follow(page, cursor)
            yield page
    if not trail.profiles:
        raise Refused(
            "segment",
            "Segment lists no merged profiles in this space: nothing is synced yet, SEGMENT_SPACE_ID names "
            "another space, or the workspace has no Engage or Unify; look at the space's profile explorer, "
            f"{_ELSEWHERE}",
        )


class _Trail:
    """How far the listing was followed; stops one that goes in circles."""

    def __init__(self) -> None:
        self.profiles = 0
        self._empty_pages = 0
        self._cursors: set[bytes] = set()  # sixteen bytes for each page read

    def follow(self, page: Page, cursor: dict[str, str] | None) -> None:
        self.profiles += len(page.profiles)
        self._empty_pages = 0 if page.profiles else self._empty_pages + 1
        if cursor is None:
            return
        if self._empty_pages == MOST_EMPTY_PAGES:
            raise Invalid(
                "segment",
                f"Segment's listing sent {MOST_EMPTY_PAGES} pages in a row without a profile, each with a "
                f"next one, after {self.profiles} profiles; try again, {_ELSEWHERE}",
            )
        mark = blake2b(repr(cursor).encode("utf-8", "backslashreplace"), digest_size=16).digest()
        if mark in self._cursors:
            raise Invalid(
                "segment",
                f"Segment's listing sent a cursor for the second time after {self.profiles} profiles and "
                f"would never end; try again, {_ELSEWHERE}",
            )
        self._cursors.add(mark)


def _next(envelope: _Envelope[Any]) -> dict[str, str] | None:
    """The query that asks for the next page; None after the last."""
    pagination, cursor = envelope.data.pagination, envelope.cursor or envelope.data.cursor
    if pagination and pagination.next:
        name, value = "pagination.cursor", pagination.next
    elif cursor and cursor.next and cursor.has_more:
        name, value = "next", cursor.next
    else:
        return None
    if len(value) > _MOST_CURSOR_CHARS:
        raise Invalid(
            "segment", f"Segment's listing sent a cursor of {len(value)} characters, which fits into no URL"
        )
    return {name: value}


def _envelope(reply: Reply, reader: Reader) -> _Envelope[Any]:
    if reply.status != 200:  # noqa: PLR2004 - the one status that carries a page
        _refuse(reply)
    try:
        return reader.decode(reply.body, _Envelope)  # type: ignore[no-any-return] # of profiles typed at run time
    except msgspec.ValidationError as error:
        # Names a place in the envelope and the types there, never a value.
        came = f"JSON of another shape: {error}"
    except ValueError as error:
        came = f"{len(reply.body)} bytes, {error}" if reply.body else "nothing"
    raise Invalid(
        "segment",
        f"expected a page of profiles (data.profiles, a list), got {came}, with status {reply}; check "
        f"SEGMENT_API_URL, {_ELSEWHERE}",
    )


def _refuse(reply: Reply) -> NoReturn:
    try:
        problems = msgspec.json.decode(reply.body, type=_Problems)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        problems = _Problems()
    words = [
        word for problem in (*problems.errors[:1], problems.error) for word in (problem.type, problem.code)
    ]
    kind = next((f" {word}" for word in words if _WORD.fullmatch(word)), "")
    cause = _CAUSES.get(
        reply.status, f"expected 200 with a page of profiles; check the settings, {_ELSEWHERE}"
    )
    raise for_status(reply.status)("segment", f"Segment answered {reply}{kind}: {cause}")
