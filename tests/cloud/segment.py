"""A fake Segment: the space's listing, and the Profile API beside it (docs: unify/profile-api)."""

import base64
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from urllib.parse import quote, unquote

from cloud.server import RateLimit, Reply, Request, Service, json_reply

Profile = Mapping[str, object]

JSON = {"Content-Type": "application/json"}
COLLECTION = "collections/users/profiles"
# Sizes of a page: (unless asked, at most).
LISTED = (10, 1_000)
SIZES = {"": LISTED, "traits": (10, 200), "external_ids": (10, 100), "events": (10, 100)}
EVENTS_DAYS = 14
# Which of the query parameters beside `limit` and `next` are played (docs: also verbose, start, end).
KNOWN = {"traits": {"include"}}
# Error codes of the Profile API by status.
CODES = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found"}
CODES |= {422: "validation_error", 429: "rate_limit_error"}


class FakeSegment(Service):
    """A space whose `profiles` are given as Segment would list them.

    One may hold `segment_id`, `traits`, `external_ids` and, for the Profile API, `events`. `cursor` is the
    shape of the listing's paging. A cursor is spent once its page was sent; a fault spends nothing.
    `latency_seconds` is added to every reply. `requests_a_second` bounds the Profile API (None: does not);
    `too_fast` counts what it turned away.
    """

    token, space = "segment-token", "spa_test"

    def __init__(
        self,
        profiles: Sequence[Profile],
        *,
        cursor: Literal["pagination", "cursor"] = "pagination",
        latency_seconds: float = 0.0,
        requests_a_second: int | None = 100,
        faults: Callable[[Request], Reply | None] | None = None,
    ) -> None:
        super().__init__(faults=faults)
        self.profiles, self.cursor = list(profiles), cursor
        self.latency_seconds, self.too_fast = latency_seconds, 0
        self._rate = RateLimit(requests_a_second, 1.0) if requests_a_second else None
        self._cursors: dict[str, tuple[str, int]] = {}  # good for one route alone
        self._found = {
            identifier: number
            for number, profile in enumerate(self.profiles)
            for identifier in _identifiers(number, profile)
        }

    def settings(self) -> dict[str, str]:
        """What points a deployment here, at the listing and at the Profile API."""
        urls = {"SEGMENT_API_URL": self.url, "SEGMENT_PROFILE_API_URL": self.url}
        return urls | {"SEGMENT_TOKEN": self.token, "SEGMENT_SPACE_ID": self.space}

    def answer(self, request: Request) -> Reply:
        self.wait(self.latency_seconds)
        if request.raw_path.startswith("/v1/"):
            reply = self._profile_api(request)
            return reply.but(headers={"Request-Id": f"req_{request.ordinal:08d}"})
        return self._listing(request)

    # The listing.

    def _listing(self, request: Request) -> Reply:  # noqa: PLR0911 - one a refusal
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return listing_error(401, "Unauthorized: the token is not known or lacks the permission.")
        if request.method != "GET" or request.path != f"/spaces/{self.space}/{COLLECTION}":
            return listing_error(404, "Not found.")
        cursor_name = "pagination.cursor" if self.cursor == "pagination" else "next"
        query = request.query
        for name in query.keys() - {"limit", "include", cursor_name}:
            return listing_error(422, "This parameter is not known.", name)
        count = _size(query.get("limit"), LISTED)
        if count is None:
            return listing_error(422, "Must be a whole number from 1 to 1000.", "limit")
        included = set(filter(None, query.get("include", "").split(",")))
        if not included <= {"traits", "external_ids"}:
            return listing_error(422, "Knows traits and external_ids.", "include")
        start = self._start("listing", query.get(cursor_name))
        if start is None:
            return listing_error(422, "The cursor is not known, or was used before.", cursor_name)
        numbered = enumerate(self.profiles[start : start + count], start)
        profiles = [_listed(number, profile, included) for number, profile in numbered]
        return self._listed_page(b"[" + b",".join(profiles) + b"]", start, count)

    def _listed_page(self, profiles: bytes, start: int, count: int) -> Reply:
        following = self._next("listing", start + count, len(self.profiles))
        if self.cursor == "cursor":
            after = f'}},"cursor":{json.dumps(_cursor(following, count))}}}'
        else:
            current = base64.b64encode(str(start).encode()).decode()
            paging = {"current": current, "totalEntries": len(self.profiles)}
            paging |= {"next": following} if following else {}
            after = f',"pagination":{json.dumps(paging)}}}}}'
        return Reply(body=b'{"data":{"profiles":' + profiles + after.encode(), headers=JSON)

    # The Profile API.

    def _profile_api(self, request: Request) -> Reply:
        basic = base64.b64encode(f"{self.token}:".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {basic}":
            return profile_error(401, "The access token is not known.")
        if self._rate and (wait := self._rate.wait_seconds()):
            self.too_fast += 1
            return profile_error(429, "Too many requests.", Retry_After=str(int(wait) + 1))
        root = f"/v1/spaces/{self.space}/{COLLECTION}"
        if request.method != "GET" or not f"{request.raw_path}/".startswith(f"{root}/"):
            return profile_error(404, "The space was not found.")
        identifier, _, route = request.raw_path.removeprefix(root).strip("/").partition("/")
        if not identifier:
            return self._page(
                request, "", [{"segment_id": _segment_id(*one)} for one in enumerate(self.profiles)]
            )
        if quote(unquote(identifier), safe=":") != identifier.replace("%3A", ":").replace("%3a", ":"):
            return profile_error(500, "internal error")  # what an unescaped + or @ earns
        return self._part(request, unquote(identifier), route)

    def _part(self, request: Request, identifier: str, route: str) -> Reply:
        if not identifier.startswith("segment_id:") and identifier != identifier.lower():
            return profile_error(422, "Identifiers are lower-case.")
        number = self._found.get(identifier)
        if number is None or route not in SIZES or not route:
            return profile_error(404, "Profile was not found.")
        profile = self.profiles[number]
        parts = {"traits": _traits, "external_ids": _external_ids, "events": _events}
        return self._page(request, route, parts[route](profile, request.query))

    def _page(self, request: Request, route: str, items: list[object]) -> Reply:
        for name in request.query.keys() - {"limit", "next"} - KNOWN.get(route, set()):
            return profile_error(400, f"The parameter {name} is not known.")
        count = _size(request.query.get("limit"), SIZES[route])
        if count is None:
            return profile_error(400, f"limit must be a whole number from 1 to {SIZES[route][1]}.")
        start = self._start(request.raw_path, request.query.get("next"))
        if start is None:
            return profile_error(400, "next is not known, or was used before.")
        page = items[start : start + count]
        cursor = _cursor(self._next(request.raw_path, start + count, len(items)), count, request.raw_path)
        if route == "traits":
            pairs = cast("list[tuple[str, object]]", page)
            return json_reply({"traits": dict(pairs), "cursor": cursor})
        return json_reply({"data": page, "cursor": cursor})

    # Cursors.

    def _start(self, route: str, cursor: str | None) -> int | None:
        """Where to go on; the cursor is spent by it."""
        if not cursor:
            return 0
        with self.lock:
            good_for, start = self._cursors.pop(cursor, ("", 0))
        return start if good_for == route and start else None

    def _next(self, route: str, end: int, total: int) -> str | None:
        if end >= total:
            return None
        cursor = base64.b64encode(secrets.token_bytes(9)).decode()
        with self.lock:
            self._cursors[cursor] = route, end
        return cursor


def listing_error(status: int, message: str, name: str = "", **headers: str) -> Reply:
    """An error as the listing's host words it."""
    content = {"type": "RequestError", "message": message} | ({"field": name} if name else {})
    return json_reply({"errors": [content]}, status, **headers)


def profile_error(status: int, message: str, **headers: str) -> Reply:
    """An error as the Profile API words it."""
    code = CODES.get(status, "server_error")
    return json_reply({"error": {"code": code, "message": message}}, status, **headers)


def _cursor(following: str | None, count: int, url: str = "") -> dict[str, object]:
    return {"url": url, "has_more": following is not None, "next": following or "", "limit": count}


def _size(text: str | None, sizes: tuple[int, int]) -> int | None:
    usual, most = sizes
    if text is None:
        return usual
    return int(text) if text.isdecimal() and 1 <= int(text) <= most else None


def _segment_id(number: int, profile: Profile) -> str:
    """The given one, or one made of the place; mixed case, as real ones are."""
    return str(profile.get("segment_id") or f"use_{number:06d}Xq")


def _identifiers(number: int, profile: Profile) -> Iterable[str]:
    yield f"segment_id:{_segment_id(number, profile)}"
    for one in _list(profile, "external_ids"):
        if isinstance(one, dict):
            yield f"{one.get('type')}:{one.get('id')}".lower()


def _list(profile: Profile, name: str) -> list[Any]:
    """What there is of this name, where it is a list."""
    part = profile.get(name)
    return part if isinstance(part, list) else []


def _listed(number: int, profile: Profile, included: set[str]) -> bytes:
    parts = {name: value for name, value in profile.items() if name in included}
    return json.dumps({"segment_id": _segment_id(number, profile), **parts}).encode()


def _traits(profile: Profile, query: Mapping[str, str]) -> list[object]:
    """Name and value pairs; a trait that is null has vanished."""
    traits, wanted = profile.get("traits"), {*query.get("include", "").split(",")} - {""}
    pairs = traits.items() if isinstance(traits, dict) else ()
    return [pair for pair in pairs if pair[1] is not None and (not wanted or pair[0] in wanted)]


def _external_ids(profile: Profile, _: Mapping[str, str]) -> list[object]:
    about = {"source_id": "src_1", "created_at": "2026-01-05T08:00:00.000Z"}
    about |= {"collection": "users", "encoding": "none"}
    return [one | about if isinstance(one, dict) else one for one in _list(profile, "external_ids")]


def _events(profile: Profile, _: Mapping[str, str]) -> list[object]:
    """Newest first, of the last fourteen days."""
    oldest = datetime.now(UTC) - timedelta(days=EVENTS_DAYS)
    dated = [(datetime.fromisoformat(event["timestamp"]), event) for event in _list(profile, "events")]
    newest_first = sorted(dated, key=lambda pair: pair[0], reverse=True)
    return [event for at, event in newest_first if at >= oldest]
