"""The fakes are as strict as the services whose place they take: what those refuse, these refuse."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from clock import Clock
from cloud import FakeMave, FakeSegment, FakeStorage, answer
from doors import until


def person(number: int, **more: object) -> dict[str, object]:
    return {
        "traits": {"ltv": number, "gone": None} | {f"trait_{index}": index for index in range(11)},
        "external_ids": [{"type": "email", "id": f"p+{number}@example.com"}],
        **more,
    }


def test_a_defect_of_a_fake_fails_the_test() -> None:
    def broken(_: object) -> None:
        raise LookupError("a defect")

    with pytest.raises(LookupError, match="a defect"), FakeSegment([], faults=broken) as segment:
        assert requests.get(segment.url, timeout=600).status_code == 500


# Segment: its listing, and its Profile API.

LISTING = "/spaces/spa_test/collections/users/profiles"
PROFILES = "/v1/spaces/spa_test/collections/users/profiles"
PERSON = f"{PROFILES}/email:p%2B1%40example.com"


def ask_segment(segment: FakeSegment, path: str, token: str = "", **query: str) -> requests.Response:
    """With the token as each of the two interfaces wants it."""
    token = token or segment.token
    auth: dict[str, Any] = {"auth": (token, "")}
    if not path.startswith("/v1/"):
        auth = {"headers": {"Authorization": f"Bearer {token}"}}
    query = {name.replace("__", "."): value for name, value in query.items()}
    return requests.get(segment.url + path, params=query, timeout=600, **auth)


@pytest.mark.parametrize(
    ("path", "query", "status", "told"),
    [
        pytest.param(LISTING, {"page": "2"}, 422, "RequestError", id="unknown parameter"),
        pytest.param(LISTING, {"next": "abc"}, 422, "RequestError", id="the other shape's cursor"),
        pytest.param(LISTING, {"limit": "0"}, 422, "RequestError", id="limit too small"),
        pytest.param(LISTING, {"limit": "1001"}, 422, "RequestError", id="limit too large"),
        pytest.param(LISTING, {"include": "events"}, 422, "RequestError", id="unknown include"),
        pytest.param(LISTING, {"pagination__cursor": "made-up"}, 422, "RequestError", id="made-up cursor"),
        pytest.param(LISTING, {"token": "wrong"}, 401, "RequestError", id="wrong token"),
        pytest.param(LISTING.replace("spa_test", "other"), {}, 404, "RequestError", id="wrong space"),
        pytest.param(PROFILES, {"page": "2"}, 400, "invalid_request_error", id="profiles, unknown parameter"),
        pytest.param(PROFILES, {"next": "x"}, 400, "invalid_request_error", id="profiles, made-up cursor"),
        pytest.param(PROFILES, {"token": "wrong"}, 401, "authentication_error", id="profiles, wrong token"),
        pytest.param(PROFILES.replace("spa_test", "other"), {}, 404, "not_found", id="profiles, wrong space"),
        pytest.param(f"{PERSON}/traits", {"limit": "201"}, 400, "invalid_request_error", id="too many"),
        pytest.param(f"{PROFILES}/email:p+1/traits", {}, 500, "server_error", id="not percent-encoded"),
        pytest.param(f"{PROFILES}/email:P%2B1/traits", {}, 422, "validation_error", id="upper case"),
        pytest.param(f"{PROFILES}/email:nobody/traits", {}, 404, "not_found", id="unknown profile"),
        pytest.param(f"{PERSON}/metadata", {}, 404, "not_found", id="unknown route"),
    ],
)
def test_segment_refuses(path: str, query: dict[str, str], status: int, told: str) -> None:
    with FakeSegment([person(1)]) as segment:
        reply = ask_segment(segment, path, **query)
    body = reply.json()
    code = body["error"]["code"] if "error" in body else body["errors"][0]["type"]
    assert (status, told) == (reply.status_code, code)


def test_a_listing_cursor_works_once() -> None:
    with FakeSegment([person(number) for number in range(5)]) as segment:
        cursor = ask_segment(segment, LISTING, limit="2").json()["data"]["pagination"]["next"]
        replies = [ask_segment(segment, LISTING, limit="2", pagination__cursor=cursor) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 422]


def test_ten_traits_come_unless_more_are_asked_for() -> None:
    with FakeSegment([person(7)]) as segment:
        path = f"{PROFILES}/segment_id:use_000000Xq/traits"
        first = ask_segment(segment, path).json()
        rest = ask_segment(segment, path, next=first["cursor"]["next"]).json()
        all_at_once = ask_segment(segment, path, limit="200").json()
    assert [len(page["traits"]) for page in (first, rest, all_at_once)] == [10, 2, 12]
    assert all_at_once["traits"] == first["traits"] | rest["traits"]
    assert "gone" not in all_at_once["traits"]


def test_a_hundred_requests_pass_in_a_second(clock: Clock) -> None:
    with FakeSegment([person(1)], requests_a_second=20) as segment:
        statuses = [ask_segment(segment, PROFILES).status_code for _ in range(21)]
        clock.sleep(0.5)
        limited = ask_segment(segment, PROFILES)
    assert statuses == [200] * 20 + [429]
    assert (limited.headers["Retry-After"], limited.json()["error"]["code"]) == ("1", "rate_limit_error")
    assert segment.too_fast == 2


# Mave.


def ask(mave: FakeMave, path: str, key: str = "", body: Any = None, **query: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {key or mave.key}"}
    method = "GET" if body is None else "POST"
    return requests.request(method, mave.url + path, json=body, params=query, headers=headers, timeout=600)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({}, 400, "missing_field", id="no message"),
        pytest.param({"message": 5}, 400, "invalid_field", id="message is no text"),
        pytest.param({"message": "m", "temperature": 1}, 400, "invalid_field", id="unknown field"),
        pytest.param({"message": "m", "stream": "yes"}, 400, "invalid_field", id="stream is no boolean"),
        pytest.param({"message": "m", "stream": True}, 400, "invalid_field", id="stream"),
        pytest.param({"message": "m", "thread_id": "mave_thread_0"}, 404, "resource_not_found", id="thread"),
        pytest.param([], 400, "invalid_field", id="no object"),
    ],
)
def test_mave_refuses_unpaid(body: dict[str, Any], status: int, code: str) -> None:
    with FakeMave() as mave:
        reply = ask(mave, "/mave/chat", body=body)
    assert (reply.status_code, reply.json()["error"]["code"], mave.paid) == (status, code, [])


def test_mave_takes_ten_chats_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait_for_the_eleventh(seconds: float) -> None:
        if seconds:
            until(lambda: bool(mave.refused))

    with FakeMave(answer("A", delay_seconds=1)) as mave, ThreadPoolExecutor(11) as pool:
        monkeypatch.setattr(mave, "wait", wait_for_the_eleventh)
        replies = pool.map(lambda n: ask(mave, "/mave/chat", body={"message": f"m {n}"}), range(11))
        statuses = sorted(reply.status_code for reply in replies)
    assert statuses == [200] * 10 + [429]


def test_mave_counts_requests_a_minute() -> None:
    with FakeMave(requests_a_minute=2) as mave:
        replies = [ask(mave, "/usage") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == ["1", "0", "0"]
    assert 1 <= int(replies[2].headers["Retry-After"]) <= 60


def test_threads_belong_to_their_key() -> None:
    with FakeMave(keys=("mvra_live_test", "mvra_live_other")) as mave:
        mave.remember("web personas", "An answer.", at=time.time() - 86_400)
        mave.remember("web personas", None, key="mvra_live_other")
        (theirs,) = ask(mave, "/mave/threads", key="mvra_live_other").json()["data"]
        assert ask(mave, f"/mave/threads/{theirs['id']}").status_code == 404
        assert ask(mave, "/mave/chat", body={"message": "m", "thread_id": theirs["id"]}).status_code == 404


@pytest.mark.parametrize(
    "query", [{"limit": "101"}, {"limit": "0"}, {"limit": "x"}, {"cursor": "made-up"}, {"page": "2"}]
)
def test_the_list_of_threads_refuses(query: dict[str, str]) -> None:
    with FakeMave() as mave:
        assert ask(mave, "/mave/threads", **query).json()["error"]["code"] == "invalid_field"


# Storage: what the official client never does; the rest is in the contract of test_storage.


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/storage/v1/b/elsewhere/o", 404, id="other bucket"),
        pytest.param("GET", "/storage/v1/b/persona-frameworks/o/a?page=2", 400, id="unknown parameter"),
        pytest.param("GET", "/storage/v1/b/persona-frameworks/o/a?ifGenerationMatch=x", 400, id="no number"),
        pytest.param("GET", "/storage/v2/b/persona-frameworks/o/a", 404, id="other version"),
        pytest.param("PATCH", "/storage/v1/b/persona-frameworks/o/a", 400, id="not offered"),
        pytest.param("PUT", "/upload/storage/v1/b/persona-frameworks/o?uploadType=media", 400, id="type"),
    ],
)
def test_storage_refuses(method: str, path: str, status: int) -> None:
    with FakeStorage() as storage:
        assert requests.request(method, storage.url + path, timeout=600).status_code == status
