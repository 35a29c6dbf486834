"""What Segment's two interfaces share: lists that are followed page by page, and refusals in words."""

import re
from collections.abc import Callable, Iterator, Mapping, Sized
from http import HTTPStatus
from typing import TypeVar

import msgspec
from msgspec import Struct

from persona.errors import Invalid, for_status
from persona.net.wire import Reply

# One empty page may be a filter's gap; a list that goes on being empty is a loop.
MOST_EMPTY_PAGES = 3
# Segment's cursors are some dozen characters; JSON can spell half a character, which no encoding knows.
_FIT = re.compile("[^\ud800-\udfff]{1,4096}", re.DOTALL)
# What an error is called, in both of Segment's ways; its free text stays unread: it may name people.
_CALLED = re.compile(rb'"(?:type|code)"\s*:\s*"([A-Za-z][A-Za-z0-9_-]{0,63})"')

# What asks for a page; empty for the first one.
Query = dict[str, str]
Items = TypeVar("Items", bound=Sized)
T = TypeVar("T")


class Cursor(Struct):
    """Where a list goes on (docs: unify/profile-api)."""

    next: str | None = None
    has_more: bool | None = None

    def query(self) -> Query | None:
        """What asks for the next page; None after the last."""
        return {"next": self.next} if self.next and self.has_more is not False else None


def follow(
    get: Callable[[Query], tuple[Items, Query | None]], name: str, item: str, next_step: str
) -> Iterator[tuple[Items, bool]]:
    """Yield each page of a list, and whether there are more; `get` has a page and what asks for the next.

    `name` and `item` say in an error what is followed and what it lists, `next_step` what to do.

    Raises:
        Invalid: a cursor comes again or fits into no URL, or one page after another holds nothing.
    """
    query: Query | None = {}
    asked, read, empty_pages = set[str](), 0, 0
    while query is not None:
        items, query = get(query)
        read += len(items)
        empty_pages = 0 if items else empty_pages + 1
        if query is not None:
            cursor = "".join(query.values())
            if not _FIT.fullmatch(cursor):
                raise Invalid("segment", f"{name} sent a cursor that fits into no URL")
            circle = ""
            if empty_pages == MOST_EMPTY_PAGES:
                circle = f"{empty_pages} pages in a row without a {item}, each with a next one,"
            elif cursor in asked:
                circle = "a cursor for the second time"
            if circle:
                raise Invalid("segment", f"{name} sent {circle} after {read} {item}s; try again, {next_step}")
            asked.add(cursor)
        yield items, query is not None


def page_of(
    reply: Reply, decode: Callable[[bytes], T], *, causes: Mapping[int, str], expected: str, otherwise: str
) -> T:
    """The page that a reply carries; `otherwise` says what to check where it does not.

    Raises:
        Refused, Unavailable, Invalid: it is no page; in the words for its status, where `causes` has them.
    """
    if reply.status != HTTPStatus.OK:
        cause = causes.get(reply.status, f"expected 200 with {expected}; check {otherwise}")
        called = _CALLED.search(reply.body)
        word = f" {called[1].decode()}" if called else ""
        raise for_status(reply.status)("segment", f"Segment answered {reply}{word}: {cause}")
    try:
        return decode(reply.body)
    except msgspec.ValidationError as error:
        # Names a place in the page and the types there, never a value.
        came = f"JSON of another shape: {error}"
    except (ValueError, RecursionError):
        came = f"{len(reply.body)} bytes that are no JSON"
    raise Invalid("segment", f"expected {expected}, got {came}, with status {reply}; check {otherwise}")
