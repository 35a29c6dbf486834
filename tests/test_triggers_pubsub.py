"""A delivery refuses what is worth delivering again, and acknowledges everything else, logged."""

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests
from cloud import FakeSegment, listing_error
from doors import SAMPLE, Set, client, damaged_installation, event, lines, published, serve
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

BINARY = {
    "Content-Type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1234",
    "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
    "ce-source": "//pubsub.googleapis.com/projects/p/topics/persona",
}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@pytest.fixture
def door(frameworks: Path, settings: Set) -> FlaskClient:
    assert not frameworks.exists()
    settings(**SAMPLE)
    return client("persona_pubsub")


def message(request: object = None, **more: object) -> dict[str, object]:
    """A Pub/Sub message that carries a request; None: without data."""
    data = {} if request is None else {"data": base64.b64encode(json.dumps(request).encode()).decode()}
    return {"message": {**data, "messageId": "1234", **more}, "subscription": "persona"}


def binary(door: FlaskClient, content: object, **headers: str) -> TestResponse:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return door.post("/", data=body, headers={**BINARY, **named})


def structured(door: FlaskClient, content: Mapping[str, object], **attributes: Any) -> TestResponse:
    return door.post("/", data=json.dumps(event(content, **attributes)), headers=STRUCTURED)


def runs(frameworks: Path) -> list[str]:
    """The runs that were published."""
    names = [Path(name) for name in published(frameworks)] if frameworks.exists() else []
    return [name.parent.name for name in names if name.name == "framework.json"]


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return lines(capsys.readouterr().out)[-1]


def told(answer: TestResponse | requests.Response, line: Mapping[str, Any]) -> tuple[int, str, str]:
    """What a delivery was answered, and how it stands in the log."""
    return answer.status_code, line["severity"], line["code"]


# -- what a delivery may look like ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "deliver",
    [binary, structured, lambda door, content: door.post("/", json=content)],
    ids=["a binary event", "a structured event", "a raw push"],
)
def test_however_a_message_comes_it_is_a_run(
    door: FlaskClient, frameworks: Path, deliver: Callable[..., TestResponse]
) -> None:
    answer = deliver(door, message({"run_id": "monday"}))
    assert (answer.status_code, runs(frameworks)) == (200, ["monday"])


@pytest.mark.parametrize(
    "content",
    [message(), message(data=""), message(data=None), message({})],
    ids=["absent", "empty", "null", "an empty object"],
)
def test_without_data_it_is_the_default_request_named_by_the_event_however_often_it_comes(
    door: FlaskClient, frameworks: Path, content: dict[str, object]
) -> None:
    answers = [binary(door, content).status_code for _ in range(2)]
    assert (answers, runs(frameworks)) == ([200, 200], ["1234"])


@pytest.mark.parametrize(
    ("given", "expected"), [(99, "99"), ("a b", f"id-{sha256(b'a b').hexdigest()[:40]}")]
)
def test_whatever_the_events_id_is_it_names_one_run(
    door: FlaskClient, frameworks: Path, given: object, expected: str
) -> None:
    structured(door, message(), id=given)
    assert [expected] == runs(frameworks)


# -- the period -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "published_at"),
    [
        ("2026-11-22T23:59:59.123456789Z", None),
        (None, "2026-11-22T23:59:59.5Z"),
        ("2026-11-22T23:59:59Z", "soon"),
    ],
    ids=["event's", "message's", "message's is none"],
)
def test_a_late_delivery_keeps_the_slot_of_its_own_time(
    door: FlaskClient, settings: Set, frameworks: Path, time: str | None, published_at: str | None
) -> None:
    settings(PERSONA_PERIOD="day")
    content = message(**({"publishTime": published_at} if published_at else {}))
    binary(door, content, **({"ce_time": time} if time else {}))
    assert runs(frameworks) == ["2026-11-22"]


def test_an_event_without_any_time_is_of_today(door: FlaskClient, settings: Set, frameworks: Path) -> None:
    settings(PERSONA_PERIOD="day")
    before = datetime.now(UTC)
    binary(door, message())
    today = {moment.strftime("%Y-%m-%d") for moment in (before, datetime.now(UTC))}
    assert today.issuperset(runs(frameworks))


# -- acknowledged for good --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(message(data="!"), id="not base64"),
        pytest.param(message(data="aGk"), id="base64 cut short"),
        pytest.param(message(data="é"), id="not ASCII"),
        pytest.param(message(data={"run_id": "a"}), id="an object"),
        pytest.param(message(data=7), id="a number"),
        pytest.param(message("monday"), id="no object inside"),
        pytest.param(message({"bucket": "mine"}), id="an unknown field"),
        pytest.param(message({"run_id": "a\n"}), id="an id that does not fit"),
        pytest.param(message({"run_id": "a" * 70_000}), id="over 64 KiB"),
        pytest.param({"message": "hello"}, id="a message that is none"),
        pytest.param({}, id="an empty object"),
        pytest.param([], id="a list"),
        pytest.param(b"", id="no body"),
        pytest.param(b"{", id="malformed"),
        pytest.param(gzip.compress(b"{}"), id="gzip"),
    ],
)
def test_what_no_redelivery_mends_is_acknowledged_and_logged(
    door: FlaskClient, frameworks: Path, capsys: pytest.CaptureFixture[str], content: object
) -> None:
    answer = binary(door, content)
    assert told(answer, last_line(capsys)) == (200, "ERROR", "bad_request")
    assert not frameworks.exists()


def test_mistaken_settings_are_acknowledged_and_logged(
    door: FlaskClient, settings: Set, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(PERSONA_LIMIT="many")
    answer = binary(door, message())
    assert told(answer, last_line(capsys)) == (200, "ERROR", "bad_settings")


def test_a_permanent_failure_leaves_its_error_in_the_runs_folder(
    door: FlaskClient, frameworks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = binary(door, message({"run_id": "small", "limit": 3}))
    line = last_line(capsys)
    left = json.loads((frameworks / "runs" / "small" / "error.json").read_bytes())
    assert told(answer, line) == (200, "ERROR", "not_enough_data")
    assert (line["run_id"], left["run_id"], left["error"]["code"]) == ("small", "small", "not_enough_data")


@pytest.mark.parametrize(
    "attributes", [{"id": "\ud800"}, {"traceparent": 5}, {"time": {}}], ids=["id", "trace", "time"]
)
def test_odd_attributes_stop_no_run(
    door: FlaskClient, frameworks: Path, attributes: dict[str, object]
) -> None:
    answer = structured(door, message({"run_id": "monday"}), **attributes)
    assert (answer.status_code, runs(frameworks)) == (200, ["monday"])


@pytest.mark.slow
def test_a_defect_is_acknowledged_and_logged_without_its_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    more = {"PYTHONPATH": damaged_installation(tmp_path), "PERSONA_OUTPUT": str(tmp_path / "frameworks")}
    with serve("persona_pubsub", log, **SAMPLE, **more) as url:
        answer = requests.post(url, json=message({"run_id": "monday"}), headers=BINARY, timeout=600)
    written = log.read_text()
    line = lines(written)[-1]
    codes = answer.status_code, line["severity"], line["code"]
    assert (codes, "jane" in written) == ((200, "ERROR", "failed"), False)


# -- delivered again --------------------------------------------------------------------------------------


def test_a_run_that_another_delivery_works_on_is_delivered_again(
    door: FlaskClient, frameworks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary(door, message({"run_id": "monday"}))
    state = frameworks / "runs" / "monday" / "state.json"
    state.write_bytes(state.read_bytes().replace(b'"published"', b'"working"', 1))
    answer = binary(door, message({"run_id": "monday"}))
    assert told(answer, last_line(capsys)) == (503, "WARNING", "run_in_progress")


@pytest.mark.slow
def test_an_outage_leaves_one_line_and_no_traceback(tmp_path: Path) -> None:
    """A traceback on stderr would be a new error for Error Reporting at every delivery."""
    log = tmp_path / "log"
    busy = listing_error(503, "jane@example.com", Retry_After="120")
    with FakeSegment([], faults=lambda _: busy) as segment:
        more = {"PERSONA_OUTPUT": str(tmp_path / "frameworks"), "PERSONA_DEADLINE_SECONDS": "100"}
        more |= {"K_SERVICE": "persona", "PERSONA_AUTHOR": "facts", **segment.settings()}
        with serve("persona_pubsub", log, **more) as url:
            answer = requests.post(url, json=message({"run_id": "down"}), headers=BINARY, timeout=600)
    written = log.read_text()
    [line] = [line for line in lines(written) if line["severity"] != "INFO"]
    assert told(answer, line) == (503, "WARNING", "segment_unavailable")
    assert (line["run_id"], "Traceback" in written) == ("down", False)


@pytest.mark.parametrize("header", ["traceparent", "ce_traceparent"], ids=["the request's", "the event's"])
def test_each_line_names_the_requests_trace_and_span(
    door: FlaskClient, settings: Set, capsys: pytest.CaptureFixture[str], header: str
) -> None:
    settings(GOOGLE_CLOUD_PROJECT="p")
    trace, span = "105445aa7843bc8bf206b12000100000", "00f067aa0ba902b7"
    binary(door, message({"dry_run": True}), **{header: f"00-{trace}-{span}-01"})
    logged = lines(capsys.readouterr().out)
    named = {(line["logging.googleapis.com/trace"], line["logging.googleapis.com/spanId"]) for line in logged}
    assert named == {(f"projects/p/traces/{trace}", span)}


# -- answered by the framework before the program is reached ----------------------------------------------


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (message(), {"ce-id": ""}, 400),
        (message(), {"ce-specversion": "7"}, 400),
        (b'{"message": ' + b"[" * 90_000 + b"]" * 90_000 + b"}", {}, 500),
    ],
    ids=["no id", "another specversion", "nested 90,000 deep"],
)
def test_an_event_that_is_none_is_the_frameworks_to_answer(
    door: FlaskClient, frameworks: Path, content: object, headers: dict[str, str], status: int
) -> None:
    """Named in .readme/operations.md; nothing runs, and the message ends among the dead letters."""
    kept = {name: text for name, text in (BINARY | headers).items() if text}
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    door.application.testing = False
    answer = door.post("/", data=body, headers=kept)
    assert (answer.status_code, frameworks.exists()) == (status, False)


def test_a_raw_push_without_data_is_the_frameworks_to_refuse(door: FlaskClient, frameworks: Path) -> None:
    """Why the topic reaches the function through Eventarc: there an empty message is the default request."""
    answer = door.post("/", json=message())
    assert (answer.status_code, frameworks.exists()) == (400, False)
