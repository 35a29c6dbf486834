"""What the Profile API tells: whom it lists, and each profile's parts."""

import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from itertools import chain, islice
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from persona.errors import Invalid
from persona.fetch import events
from persona.fetch.paging import Cursor, Query, follow, page_of
from persona.net.session import FreeSession
from persona.net.wire import Reply
from persona.settings import Settings

# More than 700 a day is no person; without an end, one such profile could use up the run's time.
MOST_EVENTS = 10_000
# Longer identifiers fit into no URL; Segment's own end far below.
MOST_CHARACTERS = 1_000
# The largest pages (docs: unify/profile-api, "Query parameters"): one request is the rule.
_TRAITS_PER_PAGE, _ITEMS_PER_PAGE = "200", "100"

ELSEWHERE = (
    "or read the same profiles another way: PERSONA_IDENTIFIERS, an export, or bigquery://PROJECT.DATASET"
)
_WRONG = (
    "the access token is wrong, or belongs to another space or region (an EU workspace needs "
    "SEGMENT_PROFILE_API_URL=https://profiles.euw1.segment.com); check SEGMENT_TOKEN, which for this source "
    "is a Profile API access token"
)
_CAUSES = {
    401: _WRONG,
    403: f"{_WRONG}, and that the workspace has Unify",
    404: "no such space, or its listing is closed: it is no longer in Segment's documentation; check "
    f"SEGMENT_SPACE_ID, {ELSEWHERE}",
}

T = TypeVar("T")


class _Traits(Struct, rename={"data": "traits"}):
    data: dict[str, Raw] | None = None
    cursor: Cursor | None = None


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
        self._address = (
            f"{settings.segment_profile_api_url}/v1/spaces/{settings.segment_space_id}"
            "/collections/users/profiles"
        )
        self._session = session
        # With PERSONA_EVENTS, events stand for all traits of channels, also where one exists: figures of two
        # windows cannot be compared.
        self._channels = dict(settings.channels) if settings.events else {}
        self._since_seconds = time.time() - events.PROFILE_API_DAYS * 86_400
        self._needed = settings.traits[len(self._channels) :]

    def listed(self) -> Iterator[str | None]:
        """Yield all profiles' identifiers in the listing's order: the recently active first."""
        for page in self._follow("", _Items[_Listed]):
            for profile in page:
                yield encoded(f"segment_id:{profile.segment_id}".encode())

    def profile(self, identifier: str | None) -> bytes | str:
        """One profile as JSON, or the reason why there is none."""
        if not identifier:
            return "identifier_malformed"
        try:
            traits = self._traits(identifier) | self._activity(identifier)
            external_ids = list(self._items(identifier, "external_ids", Raw))
        except _Rejected as reason:
            return str(reason)
        return msgspec.json.encode({"traits": traits, "external_ids": external_ids})

    def _traits(self, identifier: str) -> dict[str, Any]:
        traits: dict[str, Any] = {}
        for page in self._follow(
            f"{identifier}/traits", _Traits, limit=_TRAITS_PER_PAGE, include=",".join(self._needed)
        ):
            traits |= page
        return {name: traits[name] for name in self._needed if name in traits}

    def _activity(self, identifier: str) -> dict[str, int]:
        if not self._channels:
            return {}
        listed = list(islice(self._items(identifier, "events", events.Event), MOST_EVENTS + 1))
        if len(listed) > MOST_EVENTS:
            raise _Rejected("too_many_events")
        counted = events.count(listed, self._since_seconds)
        return {trait: counted[channel] for channel, trait in self._channels.items()}

    def _items(self, identifier: str, part: str, kind: Any) -> Iterator[Any]:
        return chain.from_iterable(self._follow(f"{identifier}/{part}", _Items[kind]))

    def _follow(self, part: str, kind: Any, limit: str = _ITEMS_PER_PAGE, **query: str) -> Iterator[Any]:
        """Yield the pages of the listing, or of a part of a profile."""
        address = f"{self._address}/{part}".rstrip("/")

        def get(cursor: Query) -> tuple[Any, Query | None]:
            reply = self._session.get(address, {"limit": limit} | query | cursor)
            if part and reply.status == HTTPStatus.NOT_FOUND:
                raise _Rejected("not_found")
            page = _page(reply, kind, of_one_profile=bool(part))
            return page.data or (), page.cursor.query() if page.cursor else None

        for items, _ in follow(get, "Segment's Profile API", "item" if part else "profile", ELSEWHERE):
            yield items


def _page(reply: Reply, kind: Any, *, of_one_profile: bool) -> Any:
    """The page that a reply carries; what one profile's content makes unreadable costs that profile alone."""
    try:
        return page_of(
            reply,
            partial(msgspec.json.decode, type=kind),
            causes=_CAUSES,
            expected="a page of the Profile API",
            otherwise=f"SEGMENT_PROFILE_API_URL, {ELSEWHERE}",
        )
    except Invalid:
        if of_one_profile and reply.status == HTTPStatus.OK and reply.body.startswith(b"{"):
            raise _Rejected("reply_malformed") from None
        raise


def encoded(line: bytes | None) -> str | None:
    """A `type:value` as the Profile API wants it, lower-case and percent-encoded; None if it is none.

    Only Segment's own ids keep their capitals: they are told apart by them.
    """
    try:
        kind, _, value = (line or b"").decode().strip().partition(":")
    except UnicodeDecodeError:
        return None
    if not kind or not value or len(kind) + len(value) > MOST_CHARACTERS:
        return None
    kind = kind.lower()
    return f"{quote(kind, safe='')}:{quote(value if kind == 'segment_id' else value.lower(), safe='')}"
