"""The fakes are as strict as the services whose place they take: what those refuse, these refuse."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests
from clock import Clock
from cloud import (
    FakeMave,
    FakeSegment,
    FakeStorage,
    answer,
)
from doors import until


def person(number: int, **more: object) -> dict[str, object]:
    return {
        "traits": {"ltv": number, "gone": None} | {f"trait_{index}": index for index in range(11)},
        "external_ids": [{"type": "email", "id": f"p+{number}@example.com"}],
        **more,
    }


# Every service.


def test_a_defect_of_a_fake_fails_the_test() -> None:
    def broken(_: object) -> None:
        raise LookupError("a defect")

    with pytest.raises(LookupError, match="a defect"), FakeSegment([], faults=broken) as segment:
        assert requests.get(segment.url, timeout=600).status_code == 500


# Segment's listing.

LISTING = {"limit": "2", "include": "traits,external_ids"}


def list_profiles(segment: FakeSegment, path: str = "", token: str = "", **query: str) -> requests.Response:
    return requests.get(
        f"{segment.url}{path or f'/spaces/{segment.space}/collections/users/profiles'}",
        params={name.replace("__", "."): value for name, value in query.items()},
        headers={"Authorization": f"Bearer {token or segment.token}"},
        timeout=600,
    )


def test_a_listing_cursor_works_once() -> None:
    with FakeSegment([person(number) for number in range(5)]) as segment:
        cursor = list_profiles(segment, **LISTING).json()["data"]["pagination"]["next"]
        replies = [list_profiles(segment, **LISTING, pagination__cursor=cursor) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 422]


def test_the_listing_gives_what_is_included_and_odd_profiles_as_they_are() -> None:
    with FakeSegment([person(1), b'{"traits": NaN}']) as segment:
        reply = list_profiles(segment, include="external_ids")
    assert b'{"traits": NaN}' in reply.content
    assert set(reply.json()["data"]["profiles"][0]) == {"segment_id", "external_ids"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param({"page": "2"}, 422, id="unknown parameter"),
        pytest.param({"next": "abc"}, 422, id="the other shape's cursor"),
        pytest.param({"limit": "0"}, 422, id="limit too small"),
        pytest.param({"limit": "1001"}, 422, id="limit too large"),
        pytest.param({"include": "events"}, 422, id="unknown include"),
        pytest.param({"pagination__cursor": "made-up"}, 422, id="made-up cursor"),
        pytest.param({"token": "wrong"}, 401, id="wrong token"),
        pytest.param({"path": "/spaces/other/collections/users/profiles"}, 404, id="wrong space"),
    ],
)
def test_the_listing_refuses(query: dict[str, str], status: int) -> None:
    with FakeSegment([person(1)]) as segment:
        reply = list_profiles(segment, **query)
    assert reply.status_code == status
    assert reply.json()["errors"][0]["type"] == "RequestError"


# Segment's Profile API.


def ask_profile_api(segment: FakeSegment, path: str = "", **query: str) -> requests.Response:
    root = f"{segment.url}/v1/spaces/{segment.space}/collections/users/profiles"
    return requests.get(root + path, params=query, auth=(segment.token, ""), timeout=600)


def test_ten_traits_come_unless_more_are_asked_for() -> None:
    with FakeSegment([person(7)]) as segment:
        path = "/segment_id:use_000000Xq/traits"
        first = ask_profile_api(segment, path).json()
        rest = ask_profile_api(segment, path, next=first["cursor"]["next"]).json()
        all_at_once = ask_profile_api(segment, path, limit="200").json()
    assert [len(page["traits"]) for page in (first, rest, all_at_once)] == [10, 2, 12]
    assert all_at_once["traits"] == first["traits"] | rest["traits"]
    assert "gone" not in all_at_once["traits"]


def test_events_are_of_fourteen_days_newest_first() -> None:
    now = datetime.now(UTC)
    events = [
        {"type": "track", "event": event, "timestamp": (now - timedelta(days=days)).isoformat()}
        for event, days in (("Opened", 3), ("Clicked", 1), ("Opened", 15), ("Opened", 2))
    ]
    with FakeSegment([person(1, events=events)]) as segment:
        read = ask_profile_api(segment, "/segment_id:use_000000Xq/events").json()["data"]
    assert [events.index(event) for event in read] == [1, 3, 0]


def test_a_hundred_requests_pass_in_a_second(clock: Clock) -> None:
    with FakeSegment([person(1)], requests_a_second=20) as segment:
        statuses = [ask_profile_api(segment).status_code for _ in range(21)]
        clock.sleep(0.5)
        limited = ask_profile_api(segment)
    assert statuses == [200] * 20 + [429]
    assert (limited.headers["Retry-After"], limited.json()["error"]["code"]) == ("1", "rate_limit_error")
    assert segment.too_fast == 2


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        pytest.param("", {"page": "2"}, 400, "invalid_request_error", id="unknown parameter"),
        pytest.param("", {"next": "made-up"}, 400, "invalid_request_error", id="made-up cursor"),
        pytest.param(
            "/email:p%2B1%40example.com/traits",
            {"limit": "201"},
            400,
            "invalid_request_error",
            id="too many traits",
        ),
        pytest.param("/email:p+1@example.com/traits", {}, 500, "server_error", id="not percent-encoded"),
        pytest.param("/email:P%2B1%40example.com/traits", {}, 422, "validation_error", id="upper case"),
        pytest.param("/email:nobody/traits", {}, 404, "not_found", id="unknown profile"),
        pytest.param("/email:p%2B1%40example.com/metadata", {}, 404, "not_found", id="unknown route"),
    ],
)
def test_the_profile_api_refuses(path: str, query: dict[str, str], status: int, code: str) -> None:
    with FakeSegment([person(1, events=[{"timestamp": "2026-01-01"}])]) as segment:
        reply = ask_profile_api(segment, path, **query)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert reply.headers["Request-Id"] == "req_00000001"


def test_the_profile_api_wants_the_token_as_user_and_its_own_space() -> None:
    with FakeSegment([]) as segment:
        root = f"{segment.url}/v1/spaces"
        wrong = requests.get(f"{root}/spa_test/collections/users/profiles", auth=("wrong", ""), timeout=600)
        other = requests.get(
            f"{root}/other/collections/users/profiles", auth=(segment.token, ""), timeout=600
        )
    assert [wrong.status_code, other.status_code] == [401, 404]


# Mave.


def ask(mave: FakeMave, message: str, **more: object) -> requests.Response:
    return chat(mave, {"message": message, **more})


def chat(mave: FakeMave, body: dict[str, object], key: str = "", seconds: float = 600) -> requests.Response:
    headers = {"Authorization": f"Bearer {key or mave.key}"}
    return requests.post(f"{mave.url}/mave/chat", json=body, headers=headers, timeout=seconds)


def look(mave: FakeMave, path: str, key: str = "", **query: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {key or mave.key}"}
    return requests.get(mave.url + path, params=query, headers=headers, timeout=600)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({}, 400, "missing_field", id="no message"),
        pytest.param({"message": 5}, 400, "invalid_field", id="message is no text"),
        pytest.param({"message": "m", "temperature": 1}, 400, "invalid_field", id="unknown field"),
        pytest.param({"message": "m", "stream": "yes"}, 400, "invalid_field", id="stream is no boolean"),
        pytest.param({"message": "m", "stream": True}, 400, "invalid_field", id="stream"),
        pytest.param({"message": "m", "thread_id": "mave_thread_0"}, 404, "resource_not_found", id="thread"),
    ],
)
def test_mave_refuses_unpaid(body: dict[str, object], status: int, code: str) -> None:
    with FakeMave() as mave:
        reply = chat(mave, body)
    assert (reply.status_code, reply.json()["error"]["code"], mave.paid) == (status, code, [])


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"{}", "text/plain"), (b"{", "application/json"), (b"[]", "application/json")],
    ids=["not called JSON", "not JSON", "no object"],
)
def test_mave_reads_json_objects_only(content: bytes, content_type: str) -> None:
    with FakeMave() as mave:
        headers = {"Authorization": f"Bearer {mave.key}", "Content-Type": content_type}
        reply = requests.post(f"{mave.url}/mave/chat", data=content, headers=headers, timeout=600)
    assert reply.json()["error"]["code"] == "invalid_field"


def test_mave_wants_a_key_that_it_knows() -> None:
    with FakeMave() as mave:
        replies = [
            requests.get(f"{mave.url}/usage", timeout=600),
            chat(mave, {"message": "m"}, "mvra_live_x"),
        ]
    assert [reply.status_code for reply in replies] == [401, 401]
    assert [reply.json()["error"]["code"] for reply in replies] == ["missing_api_key", "invalid_api_key"]


def test_mave_stops_where_the_credits_end() -> None:
    with FakeMave(answer("A", credits_used=42), included_credits=42) as mave:
        assert [ask(mave, "m").status_code for _ in range(2)] == [200, 402]


def test_mave_takes_ten_chats_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait_for_the_eleventh(seconds: float) -> None:
        if seconds:
            until(lambda: bool(mave.refused))

    with FakeMave(answer("A", delay_seconds=1)) as mave, ThreadPoolExecutor(11) as pool:
        monkeypatch.setattr(mave, "wait", wait_for_the_eleventh)
        statuses = sorted(pool.map(lambda number: ask(mave, f"m {number}").status_code, range(11)))
    assert statuses == [200] * 10 + [429]


def test_mave_counts_requests_a_minute() -> None:
    with FakeMave(requests_a_minute=2) as mave:
        replies = [look(mave, "/usage") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == ["1", "0", "0"]
    assert 1 <= int(replies[2].headers["Retry-After"]) <= 60


@pytest.fixture
def shelf() -> Iterator[FakeMave]:
    """Three threads of this key's, one of another's."""
    with FakeMave(keys=("mvra_live_test", "mvra_live_other")) as mave:
        for topic in ("web", "mobile", "email"):
            mave.remember(f"{topic} personas", "An answer.", at=time.time() - 86_400)
        mave.remember("web personas", None, key="mvra_live_other")
        yield mave


def test_threads_belong_to_their_key(shelf: FakeMave) -> None:
    (theirs,) = look(shelf, "/mave/threads", key="mvra_live_other").json()["data"]
    assert look(shelf, f"/mave/threads/{theirs['id']}").status_code == 404
    assert ask(shelf, "m", thread_id=theirs["id"]).status_code == 404


def test_a_listing_can_fail_in_four_ways(shelf: FakeMave) -> None:
    shelf.listing = "fails"
    assert look(shelf, "/mave/threads").status_code == 500
    shelf.listing = "stops"
    stopped = look(shelf, "/mave/threads", limit="2").json()
    assert (stopped["has_more"], stopped["next_cursor"]) == (True, None)
    shelf.listing = "hides"
    assert look(shelf, "/mave/threads").json()["data"] == []
    shelf.listing = "breaks"
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        look(shelf, "/mave/threads")


@pytest.mark.parametrize(
    "query", [{"limit": "101"}, {"limit": "0"}, {"limit": "x"}, {"cursor": "made-up"}, {"page": "2"}]
)
def test_the_list_of_threads_refuses(shelf: FakeMave, query: dict[str, str]) -> None:
    assert look(shelf, "/mave/threads", **query).json()["error"]["code"] == "invalid_field"


# Storage: what the official client never does; the rest is in the contract of test_storage.


def put(
    storage: FakeStorage, name: str, data: bytes, checksum: Mapping[str, str] = {}, **query: str
) -> requests.Response:
    metadata = json.dumps({"name": name, **checksum}).encode()
    body = (
        b"--b\r\nContent-Type: application/json\r\n\r\n" + metadata + b"\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\n" + data + b"\r\n--b--"
    )
    return requests.post(
        f"{storage.url}/upload/storage/v1/b/{storage.bucket}/o",
        params={"uploadType": "multipart", **query},
        data=body,
        headers={"Content-Type": "multipart/related; boundary=b"},
        timeout=600,
    )


def test_preconditions_are_enforced_on_every_method() -> None:
    with FakeStorage() as storage:
        url = f"{storage.url}/storage/v1/b/{storage.bucket}/o/a%2Fb"
        generation = put(storage, "a/b", b"1", ifGenerationMatch="0").json()["generation"]
        statuses = [
            put(storage, "a/b", b"2", ifGenerationMatch="0").status_code,
            put(storage, "a/b", b"2", ifGenerationMatch=str(int(generation) - 1)).status_code,
            requests.get(url, params={"ifGenerationMatch": "1"}, timeout=600).status_code,
            requests.get(url, params={"generation": "1"}, timeout=600).status_code,
            requests.delete(url, params={"ifGenerationMatch": "1"}, timeout=600).status_code,
            requests.delete(url, params={"ifGenerationMatch": generation}, timeout=600).status_code,
            put(storage, "a/b", b"3", ifGenerationMatch=generation).status_code,
        ]
    assert statuses == [412, 412, 412, 404, 412, 204, 412]


def test_content_is_described_by_its_checksums() -> None:
    with FakeStorage() as storage:
        described = put(storage, "a", b"123456789").json()
        # The check values of CRC-32C and MD5 for "123456789".
        for name, value in (("crc32c", "e3069283"), ("md5Hash", "25f9e794323b453885f5181f1b624d0b")):
            assert described[name] == base64.b64encode(bytes.fromhex(value)).decode()
        assert put(storage, "a", b"other", {"crc32c": described["crc32c"]}).status_code == 400


def test_a_range_is_sent_from_its_start() -> None:
    with FakeStorage() as storage:
        url = put(storage, "a", b"123456789").json()["mediaLink"]
        part = requests.get(url, headers={"Range": "bytes=4-"}, timeout=600)
        beyond = requests.get(url, headers={"Range": "bytes=9-"}, timeout=600)
    assert (part.status_code, part.content, beyond.status_code) == (206, b"56789", 416)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/storage/v1/b/elsewhere/o", 404, id="other bucket"),
        pytest.param("GET", "/storage/v1/b/persona-frameworks", 200, id="bucket"),
        pytest.param("GET", "/storage/v1/b/persona-frameworks/o/a?page=2", 400, id="unknown parameter"),
        pytest.param("GET", "/storage/v1/b/persona-frameworks/o/a?ifGenerationMatch=x", 400, id="no number"),
        pytest.param("GET", "/storage/v2/b/persona-frameworks/o/a", 404, id="other version"),
        pytest.param("PATCH", "/storage/v1/b/persona-frameworks/o/a", 400, id="not offered"),
        pytest.param(
            "PUT", "/upload/storage/v1/b/persona-frameworks/o?uploadType=resumable", 404, id="upload"
        ),
        pytest.param("PUT", "/upload/storage/v1/b/persona-frameworks/o?uploadType=media", 400, id="type"),
    ],
)
def test_storage_refuses(method: str, path: str, status: int) -> None:
    with FakeStorage() as storage:
        assert requests.request(method, storage.url + path, timeout=600).status_code == status
