"""What Segment's two interfaces share: lists that are followed page by page, and refusals in words."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TypeVar

import msgspec
from msgspec import Struct

from persona.errors import Invalid, Refused, for_status
from persona.net.wire import Reply

# One empty page may be a filter's gap; a list that goes on being empty is a loop.
MOST_EMPTY_PAGES = 3
ELSEWHERE = (
    "or read the same profiles another way: PERSONA_SOURCE=profile-api with PERSONA_IDENTIFIERS, an export, "
    "or bigquery://PROJECT.DATASET"
)

# What asks for a page; empty for the first one.
Query = dict[str, str]
T = TypeVar("T")


class Cursor(Struct):
    """Where a list goes on (docs: unify/profile-api)."""

    next: str | None = None
    has_more: bool | None = None


def following(cursor: Cursor | None, name: str = "next") -> Query | None:
    """What asks for the next page; None after the last."""
    return {name: cursor.next} if cursor and cursor.next and cursor.has_more is not False else None


def follow(
    get: Callable[[Query], tuple[list[T], Query | None]], *, may_be_empty: bool = False
) -> Iterator[tuple[list[T], bool]]:
    """Yield each page of a list, and whether there are more; `get` has a page and what asks for the next.

    Raises:
        Refused: the list is empty, and must not be.
        Invalid: a cursor comes again, or one page after another holds nothing.
    """
    query: Query | None = {}
    asked, read, empty_pages = set[str](), 0, 0
    while query is not None:
        items, query = get(query)
        read += len(items)
        empty_pages = 0 if items else empty_pages + 1
        cursor = "".join((query or {}).values())
        if cursor in asked or (query and empty_pages == MOST_EMPTY_PAGES):
            raise Invalid(
                "segment",
                f"Segment's list has no end: after {read} items a cursor came for the second time, or "
                f"{MOST_EMPTY_PAGES} pages in a row held nothing; try again, {ELSEWHERE}",
            )
        asked.add(cursor)
        yield items, query is not None
    if not (read or may_be_empty):
        raise Refused(
            "segment",
            "Segment lists no merged profiles in this space: nothing is synced yet, SEGMENT_SPACE_ID names "
            "another space, or the workspace has no Engage or Unify; look at the space's profile explorer, "
            f"{ELSEWHERE}",
        )


def page_of(reply: Reply, decode: Callable[[bytes], T], causes: Mapping[int, str], address: str) -> T:
    """The page that a reply carries; `address` is the setting of the service's address.

    Raises:
        Refused, Unavailable, Invalid: it is no page; in the words for its status, where `causes` has them.
    """
    check = f"check {address}, {ELSEWHERE}"
    if reply.status != HTTPStatus.OK:
        cause = causes.get(reply.status, f"expected 200 with a page of a list; {check}")
        # The body stays unread: its free text may name people.
        raise for_status(reply.status)("segment", f"Segment answered {reply}: {cause}")
    try:
        return decode(reply.body)
    except msgspec.ValidationError as error:
        # Names a place in the page and the types there, never a value.
        came = f"JSON of another shape: {error}"
    except (ValueError, RecursionError):
        came = f"{len(reply.body)} bytes that are no JSON"
    raise Invalid("segment", f"expected a page of a list, got {came}, with status {reply}; {check}")
