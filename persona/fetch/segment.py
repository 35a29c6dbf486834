"""Fetch: the space's profile listing, page by page.

The listing answers at one address with two shapes of cursor (docs: unify/profile-api; api-docs "Pagination").
It is in no official list of Segment's endpoints, so every refusal says what else there is; none, and no
emptiness, ever becomes data.
"""

import json
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from persona.deadline import Deadline
from persona.errors import Refused
from persona.fetch.paging import Cursor, Query, follow, page_of
from persona.fetch.people import Page
from persona.net.session import FreeSession
from persona.settings import Settings

# What the listing is documented to hold a page at most without being asked for more.
PROFILES_PER_PAGE = 100
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


class _Content(Struct, Generic[Profile]):
    profiles: list[Profile]
    pagination: Cursor | None = None  # the Public API's
    cursor: Cursor | None = None


class _Envelope(Struct, Generic[Profile]):
    data: _Content[Profile]
    cursor: Cursor | None = None


def fetch(settings: Settings, deadline: Deadline, limit: int) -> Iterator[Page]:
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
    asked = {
        "limit": str(min(PROFILES_PER_PAGE, limit or PROFILES_PER_PAGE)),
        "include": "traits,external_ids",
    }
    read = 0
    with FreeSession("segment", deadline, headers=headers) as session:

        def get(cursor: Query) -> tuple[list[Any], Query | None]:
            envelope = page_of(
                session.get(address, asked | cursor),
                _decoded,
                causes=_CAUSES,
                expected="a page of profiles (data.profiles, a list)",
                otherwise=f"SEGMENT_API_URL, {_ELSEWHERE}",
            )
            return envelope.data.profiles, _next(envelope)

        for profiles, more in follow(get, "Segment's listing", "profile", _ELSEWHERE):
            kept = profiles[: limit - read] if limit else profiles
            read += len(kept)
            yield Page([bytes(one) for one in kept], more=more or len(kept) < len(profiles))
            if limit and read == limit:
                return
    if not read:
        raise Refused(
            "segment",
            "Segment lists no merged profiles in this space: nothing is synced yet, SEGMENT_SPACE_ID names "
            "another space, or the workspace has no Engage or Unify; look at the space's profile explorer, "
            f"{_ELSEWHERE}",
        )


def _next(envelope: _Envelope[Any]) -> Query | None:
    """The query that asks for the next page; None after the last."""
    pagination, cursor = envelope.data.pagination, envelope.cursor or envelope.data.cursor
    if pagination and pagination.next:  # which knows no `has_more`
        return {"pagination.cursor": pagination.next}
    return cursor.query() if cursor else None


def _decoded(body: bytes) -> _Envelope[Any]:
    """The envelope with its profiles as bytes of JSON; where one is odd, all are read and written anew."""
    try:
        return msgspec.json.decode(body, type=_Envelope[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        # Lone surrogates, NaN and endless numbers pass; an int64 holds 18 digits.
        content = json.loads(body, parse_int=lambda digits: (int if len(digits) <= 18 else float)(digits))  # noqa: PLR2004
    envelope = msgspec.convert(content, _Envelope[Any])
    envelope.data.profiles = [json.dumps(profile).encode() for profile in envelope.data.profiles]
    return envelope
