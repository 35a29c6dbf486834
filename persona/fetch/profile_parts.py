"""What the Profile API tells: whom it lists, and each profile's parts."""

import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from persona.errors import Invalid
from persona.fetch import events
from persona.fetch.paging import ELSEWHERE, Cursor, Query, follow, page_of
from persona.net.session import FreeSession
from persona.settings import Settings

# More than 700 a day is no person; without an end, one such profile could use up the run's time.
MOST_EVENTS = 10_000
# Longer identifiers fit into no URL; Segment's own end far below.
MOST_CHARACTERS = 1_000
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


class ProfileParts:
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

    def listed(self) -> Iterator[str | None]:
        """Yield all profiles' identifiers in the listing's order: the recently active first."""
        for profile in self._items("", _Listed):
            yield encoded(f"segment_id:{profile.segment_id}".encode())

    def profile(self, identifier: str | None) -> bytes | str:
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
            return page.data or [], page.cursor.query() if page.cursor else None

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


def encoded(line: bytes) -> str | None:
    """A `type:value` as the Profile API wants it, lower-case and percent-encoded; None if it is none.

    Only Segment's own ids keep their capitals: they are told apart by them.
    """
    try:
        kind, _, value = line.decode().strip().partition(":")
    except UnicodeDecodeError:
        return None
    if not kind or not value or len(line) > MOST_CHARACTERS:
        return None
    kind = kind.lower()
    return f"{quote(kind, safe='')}:{quote(value if kind == 'segment_id' else value.lower(), safe='')}"
