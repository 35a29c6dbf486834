"""What Segment's two interfaces share: cursors that have to lead somewhere, and refusals in words."""

import re
from collections.abc import Callable, Mapping
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
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

T = TypeVar("T")


class Cursor(Struct):
    """Where a list goes on (docs: unify/profile-api)."""

    next: str | None = None
    has_more: bool | None = None

    def query(self) -> dict[str, str] | None:
        """What asks for the next page; None after the last."""
        return {"next": self.next} if self.next and self.has_more is not False else None


class _Problem(Struct, frozen=True):
    type: str = ""
    code: str = ""


class _Problems(Struct):
    """Both ways in which Segment words an error; the free text stays unread: it may name people."""

    errors: list[_Problem] = []
    error: _Problem = _Problem()


class Trail:
    """How far a list was followed; stops one that goes in circles.

    `name` and `item` say in an error what was followed and what it lists, `next_step` what to do.
    """

    def __init__(self, name: str, item: str, next_step: str) -> None:
        self._name, self._item, self._next_step = name, item, next_step
        self.items, self._empty_pages = 0, 0
        self._cursors: set[int] = set()  # their hashes, so that cursors of any length cost the same

    def follow(self, items: int, cursor: Mapping[str, str] | None) -> None:
        """Go past a page of so many items to the one that the cursor's query asks for; None after the last.

        Raises:
            Invalid: the cursor comes again or fits into no URL, or one page after another holds nothing.
        """
        self.items += items
        self._empty_pages = 0 if items else self._empty_pages + 1
        if cursor is None:
            return
        if not all(map(_FIT.fullmatch, cursor.values())):
            raise Invalid("segment", f"{self._name} sent a cursor that fits into no URL")
        mark = hash((*cursor.items(),))
        after = f"after {self.items} {self._item}s"
        if self._empty_pages == MOST_EMPTY_PAGES:
            circle = (
                f"{MOST_EMPTY_PAGES} pages in a row without a {self._item}, each with a next one, {after}"
            )
        elif mark in self._cursors:
            circle = f"a cursor for the second time {after} and would never end"
        else:
            self._cursors.add(mark)
            return
        raise Invalid("segment", f"{self._name} sent {circle}; try again, {self._next_step}")


def page_of(
    reply: Reply, decode: Callable[[bytes], T], *, causes: Mapping[int, str], expected: str, otherwise: str
) -> T:
    """The page that a reply carries; `otherwise` says what to check where it does not.

    Raises:
        Refused, Unavailable, Invalid: it is no page; in the words for its status, where `causes` has them.
    """
    if reply.status != HTTPStatus.OK:
        cause = causes.get(reply.status, f"expected 200 with {expected}; check {otherwise}")
        raise for_status(reply.status)("segment", f"Segment answered {reply}{_kind(reply.body)}: {cause}")
    try:
        return decode(reply.body)
    except msgspec.ValidationError as error:
        # Names a place in the page and the types there, never a value.
        came = f"JSON of another shape: {error}"
    except (ValueError, RecursionError):
        came = f"{len(reply.body)} bytes that are no JSON"
    raise Invalid("segment", f"expected {expected}, got {came}, with status {reply}; check {otherwise}")


def _kind(body: bytes) -> str:
    """What a refusal is called in its body, if it is a word."""
    try:
        problems = msgspec.json.decode(body, type=_Problems)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    words = [word for one in (*problems.errors[:1], problems.error) for word in (one.type, one.code)]
    return next((f" {word}" for word in words if _WORD.fullmatch(word)), "")
