"""What Segment's two interfaces share: cursors that have to lead somewhere, and refusals in words."""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from persona.errors import Invalid, for_status
from persona.net.wire import Reply

# One empty page may be a filter's gap; a list that goes on being empty is a loop.
MOST_EMPTY_PAGES = 3
# Segment's cursors are some dozen characters; a longer one would not fit into a URL.
_MOST_CURSOR_CHARACTERS = 4_096
# JSON can spell a surrogate without its other half, which no encoding knows.
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class Cursor(Struct):
    """The Profile API's cursor; the next page is asked for with `next` (docs: unify/profile-api)."""

    next: str | None = None
    has_more: bool = True


class _Problem(Struct, frozen=True):
    type: str = ""
    code: str = ""


class _Problems(Struct):
    """Both ways in which Segment's APIs word an error; the free text stays unread: it may name people."""

    errors: list[_Problem] = []
    error: _Problem = _Problem()


class Trail:
    """How far a list was followed; stops one that goes in circles.

    `name` and `item` say in an error what was followed and what it lists, `next_step` what to do.
    """

    def __init__(self, name: str, item: str, next_step: str) -> None:
        self.items = 0
        self._name, self._item, self._next_step = name, item, next_step
        self._empty_pages = 0
        self._cursors: set[bytes] = set()  # sixteen bytes for each page read

    def follow(self, items: int, cursor: Mapping[str, str] | None) -> None:
        """Go past a page of so many items to the one that the cursor's query asks for; None after the last.

        Raises:
            Invalid: the cursor comes again or fits into no URL, or one page after another holds nothing.
        """
        self.items += items
        self._empty_pages = 0 if items else self._empty_pages + 1
        if cursor is None:
            return
        if any(map(_HALF_A_CHARACTER.search, cursor.values())):
            raise Invalid(
                "segment", f"{self._name} sent a cursor with half a character in it, which fits into no URL"
            )
        characters = max(map(len, cursor.values()))
        if characters > _MOST_CURSOR_CHARACTERS:
            raise Invalid(
                "segment", f"{self._name} sent a cursor of {characters} characters, which fits into no URL"
            )
        if self._empty_pages == MOST_EMPTY_PAGES:
            raise Invalid(
                "segment",
                f"{self._name} sent {MOST_EMPTY_PAGES} pages in a row without a {self._item}, each with a "
                f"next one, after {self.items} {self._item}s; try again, {self._next_step}",
            )
        mark = blake2b(repr(cursor).encode("utf-8", "backslashreplace"), digest_size=16).digest()
        if mark in self._cursors:
            raise Invalid(
                "segment",
                f"{self._name} sent a cursor for the second time after {self.items} {self._item}s and "
                f"would never end; try again, {self._next_step}",
            )
        self._cursors.add(mark)


def refuse(reply: Reply, causes: Mapping[int, str], otherwise: str) -> NoReturn:
    """Raise what a reply means that carries no page, in the words for its status."""
    try:
        problems = msgspec.json.decode(reply.body, type=_Problems)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        problems = _Problems()
    words = [
        word for problem in (*problems.errors[:1], problems.error) for word in (problem.type, problem.code)
    ]
    kind = next((f" {word}" for word in words if _WORD.fullmatch(word)), "")
    cause = causes.get(reply.status, otherwise)
    raise for_status(reply.status)("segment", f"Segment answered {reply}{kind}: {cause}")


def loads(body: bytes) -> Any:
    """JSON of any shape: lone surrogates, NaN and endless numbers pass, bottomless nesting does not.

    Raises:
        ValueError: the body is no JSON; says nothing of its content.
    """
    try:
        return json.loads(body, parse_int=_integer)
    except (ValueError, RecursionError):
        raise ValueError("no JSON that could be read") from None


def _integer(digits: str) -> int | float:
    """A number beyond 64 bits as a float: only Python's own integers know no end, and refuse 4,300 digits."""
    return int(digits) if len(digits) <= 18 else float(digits)  # noqa: PLR2004 - an int64 holds 18 digits
