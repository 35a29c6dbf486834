"""Fetch: the space's profile listing, page by page.

The listing answers at one address with two shapes of cursor (docs: unify/profile-api; api-docs "Pagination").
It is in no official list of Segment's endpoints, so every refusal says what else there is; none, and no
emptiness, ever becomes data.
"""

import json
from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from persona.deadline import Deadline
from persona.fetch.paging import ELSEWHERE, Cursor, Query, follow, following, page_of
from persona.fetch.people import Page
from persona.net.session import FreeSession
from persona.settings import Settings

# What the listing is documented to hold a page at most without being asked for more.
PROFILES_PER_PAGE = 100
_CAUSES = {
    401: "the token is wrong, or lacks the permission to read this space (an EU workspace needs "
    "SEGMENT_API_URL=https://eu1.api.segmentapis.com); check SEGMENT_TOKEN",
    **dict.fromkeys(
        (403, 404, 422),
        "no such space for this token, or no such listing: it is in no official list of Segment's endpoints, "
        "and a workspace without Engage or Unify (a Connections-only plan merges no profiles) has none; "
        f"check SEGMENT_SPACE_ID, SEGMENT_TOKEN, SEGMENT_API_URL and the plan, {ELSEWHERE}",
    ),
}


class _Content(Struct):
    profiles: list[Raw]
    pagination: Cursor | None = None
    cursor: Cursor | None = None


class _Envelope(Struct):
    data: _Content
    cursor: Cursor | None = None


def fetch(settings: Settings, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield the space's profiles page by page, in the listing's order, at most `limit` of them (0: all).

    The last page's `more` tells whether the limit cut the space short; a page may be empty.
    """
    address = f"{settings.segment_api_url}/spaces/{settings.segment_space_id}/collections/users/profiles"
    headers = {"Authorization": f"Bearer {settings.segment_token}"}
    page_size = min(PROFILES_PER_PAGE, limit or PROFILES_PER_PAGE)
    asked = {"limit": str(page_size), "include": "traits,external_ids"}
    read = 0
    with FreeSession("segment", deadline, headers=headers) as session:

        def get(query: Query) -> tuple[list[Raw], Query | None]:
            reply = session.get(address, asked | query)
            envelope = page_of(reply, _decoded, _CAUSES, "SEGMENT_API_URL")
            data = envelope.data
            paged = following(data.pagination, "pagination.cursor")
            return data.profiles, paged or following(envelope.cursor or data.cursor)

        for profiles, more in follow(get):
            kept = profiles[: limit - read] if limit else profiles
            read += len(kept)
            yield Page([bytes(one) for one in kept], more=more or len(kept) < len(profiles))
            if limit and read == limit:
                return


def _decoded(body: bytes) -> _Envelope:
    """The envelope with its profiles as bytes of JSON; where one is odd, all their numbers are texts."""
    try:
        return msgspec.json.decode(body, type=_Envelope)
    except (msgspec.DecodeError, RecursionError):
        # Half a character, NaN and endless numbers spoil no other profile.
        content = json.loads(body, parse_int=str, parse_float=str, parse_constant=str)
    written = json.dumps(content, ensure_ascii=False).encode(errors="replace")
    return msgspec.json.decode(written, type=_Envelope)
