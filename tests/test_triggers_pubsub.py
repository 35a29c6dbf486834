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
from werkzeug.test import TestResponse

BINARY = {
    "Content-Type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1234",
    "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
    "ce-source": "//pubsub.googleapis.com/projects/p/topics/persona",
}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


class Door:
    """The function behind a topic, on the cloud, with the built-in space."""

    def __init__(self, frameworks: Path, settings: Set, capsys: pytest.CaptureFixture[str]) -> None:
        assert not frameworks.exists()
        settings(**SAMPLE, GOOGLE_CLOUD_PROJECT="p")
        self.frameworks, self.settings, self._capsys = frameworks, settings, capsys
        self.client = client("persona_pubsub")

    def binary(self, content: object, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        kept = {name: text for name, text in (BINARY | named).items() if text}
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.client.post("/", data=body, headers=kept)

    def structured(self, content: Mapping[str, object], **attributes: Any) -> TestResponse:
        return self.client.post("/", data=json.dumps(event(content, **attributes)), headers=STRUCTURED)

    def raw(self, content: object) -> TestResponse:
        return self.client.post("/", json=content)

    def runs(self) -> list[str]:
        """The runs that were published."""
        names = [Path(name) for name in published(self.frameworks)] if self.frameworks.exists() else []
        return [name.parent.name for name in names if name.name == "framework.json"]

    def logged(self) -> list[dict[str, Any]]:
        return lines(self._capsys.readouterr().out)


@pytest.fixture
def door(frameworks: Path, settings: Set, capsys: pytest.CaptureFixture[str]) -> Door:
    return Door(frameworks, settings, capsys)


def message(request: object = None, **more: object) -> dict[str, object]:
    """A Pub/Sub message that carries a request; None: without data."""
    data = {} if request is None else {"data": base64.b64encode(json.dumps(request).encode()).decode()}
    return {"message": {**data, "messageId": "1234", **more}, "subscription": "persona"}


def told(answer: TestResponse | requests.Response, line: Mapping[str, Any]) -> tuple[int, str, str]:
    """What a delivery was answered, and how it stands in the log."""
    return answer.status_code, line["severity"], line["code"]


DELIVERIES = {"a binary event": Door.binary, "a structured event": Door.structured, "a raw push": Door.raw}


@pytest.mark.parametrize("deliver", DELIVERIES.values(), ids=DELIVERIES)
def test_however_a_message_comes_it_is_a_run(door: Door, deliver: Callable[..., TestResponse]) -> None:
    answer = deliver(door, message({"run_id": "monday"}))
    assert (answer.status_code, door.runs()) == (200, ["monday"])


NOTHING = {"absent": message(), "empty": message(data=""), "null": message(data=None), "{}": message({})}


@pytest.mark.parametrize("content", NOTHING.values(), ids=NOTHING)
def test_without_data_it_is_the_default_request_named_by_the_event(door: Door, content: object) -> None:
    """However often it comes."""
    answers = [door.binary(content).status_code for _ in range(2)]
    assert (answers, door.runs()) == ([200, 200], ["1234"])


HALF = "\ud800"
HASHED = f"id-{sha256(HALF.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


@pytest.mark.parametrize(
    ("attributes", "run_id"),
    [({"id": 99}, "99"), ({"id": HALF}, HASHED), ({"traceparent": 5}, "1234"), ({"time": {}}, "1234")],
    ids=["a number", "half a character", "an odd trace", "an odd time"],
)
def test_whatever_an_event_brings_along_it_names_one_run(
    door: Door, attributes: dict[str, object], run_id: str
) -> None:
    answer = door.structured(message(), **attributes)
    assert (answer.status_code, door.runs()) == (200, [run_id])


TIMES = {
    "event's": ({"ce_time": "2026-11-22T23:59:59.123456789Z"}, {}),
    "message's": ({}, {"publishTime": "2026-11-22T23:59:59.5Z"}),
    "message's is none": ({"ce_time": "2026-11-22T23:59:59Z"}, {"publishTime": "soon"}),
}


@pytest.mark.parametrize(("headers", "more"), TIMES.values(), ids=TIMES)
def test_a_late_delivery_keeps_the_slot_of_its_own_time(
    door: Door, headers: dict[str, str], more: dict[str, str]
) -> None:
    door.settings(PERSONA_PERIOD="day")
    door.binary(message(**more), **headers)
    assert door.runs() == ["2026-11-22"]


def test_an_event_without_any_time_is_of_today(door: Door) -> None:
    door.settings(PERSONA_PERIOD="day")
    before = datetime.now(UTC)
    door.binary(message())
    today = {moment.strftime("%Y-%m-%d") for moment in (before, datetime.now(UTC))}
    assert today.issuperset(door.runs())


MALFORMED: dict[str, object] = {
    "not base64": message(data="!"),
    "not ASCII": message(data="é"),
    "an object": message(data={"run_id": "a"}),
    "an unknown field": message({"bucket": "mine"}),
    "a message that is none": {"message": "hello"},
    "an empty object": {},
    "a list": [],
    "no body": b"",
    "malformed": b"{",
    "gzip": gzip.compress(b"{}"),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_what_no_redelivery_mends_is_acknowledged_and_logged(door: Door, content: object) -> None:
    answer = door.binary(content)
    assert told(answer, door.logged()[-1]) == (200, "ERROR", "bad_request")
    assert not door.frameworks.exists()


def test_mistaken_settings_are_acknowledged_and_logged(door: Door) -> None:
    door.settings(PERSONA_LIMIT="many")
    assert told(door.binary(message()), door.logged()[-1]) == (200, "ERROR", "bad_settings")


def test_a_permanent_failure_leaves_its_error_in_the_runs_folder(door: Door) -> None:
    answer = door.binary(message({"run_id": "small", "limit": 3}))
    line = door.logged()[-1]
    left = json.loads((door.frameworks / "runs" / "small" / "error.json").read_bytes())
    assert told(answer, line) == (200, "ERROR", left["error"]["code"]) == (200, "ERROR", "not_enough_data")
    assert (line["run_id"], left["run_id"]) == ("small", "small")


@pytest.mark.slow
def test_a_defect_is_acknowledged_and_logged_without_its_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    more = {"PYTHONPATH": damaged_installation(tmp_path), "PERSONA_OUTPUT": str(tmp_path / "frameworks")}
    with serve("persona_pubsub", log, **SAMPLE, **more) as url:
        answer = requests.post(url, json=message({"run_id": "monday"}), headers=BINARY, timeout=600)
    written = log.read_text()
    assert told(answer, lines(written)[-1]) == (200, "ERROR", "failed")
    assert "jane" not in written


def test_a_run_that_another_delivery_works_on_is_delivered_again(door: Door) -> None:
    door.binary(message({"run_id": "monday"}))
    state = door.frameworks / "runs" / "monday" / "state.json"
    state.write_bytes(state.read_bytes().replace(b'"published"', b'"working"', 1))
    answer = door.binary(message({"run_id": "monday"}))
    assert told(answer, door.logged()[-1]) == (503, "WARNING", "run_in_progress")


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


TRACE = "105445aa7843bc8bf206b12000100000"
SPANS = {
    "Google's header": ({"X_Cloud_Trace_Context": f"{TRACE}/123;o=1"}, "000000000000007b"),
    "the standard's": ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, "00f067aa0ba902b7"),
    "the event's own": ({"ce_traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, "00f067aa0ba902b7"),
}


@pytest.mark.parametrize(("headers", "span"), SPANS.values(), ids=SPANS)
def test_each_line_names_the_requests_trace_and_span(door: Door, headers: dict[str, str], span: str) -> None:
    door.binary(message({"dry_run": True}), **headers)
    logged = door.logged()
    named = {(line["logging.googleapis.com/trace"], line["logging.googleapis.com/spanId"]) for line in logged}
    assert named == {(f"projects/p/traces/{TRACE}", span)}


DEEP = b'{"message": ' + b"[" * 90_000 + b"]" * 90_000 + b"}"
NO_EVENTS: dict[str, tuple[object, dict[str, str], int]] = {
    "no id": (message(), {"ce-id": ""}, 400),
    "another specversion": (message(), {"ce-specversion": "7"}, 400),
    "nested 90,000 deep": (DEEP, {}, 500),
}


@pytest.mark.parametrize(("content", "headers", "status"), NO_EVENTS.values(), ids=NO_EVENTS)
def test_an_event_that_is_none_is_the_frameworks_to_answer(
    door: Door, content: object, headers: dict[str, str], status: int
) -> None:
    """Named in .readme/operations.md; nothing runs, and the message ends among the dead letters."""
    door.client.application.testing = False
    answer = door.binary(content, **headers)
    assert (answer.status_code, door.frameworks.exists()) == (status, False)


def test_a_raw_push_without_data_is_the_frameworks_to_refuse(door: Door) -> None:
    """Why the topic reaches the function through Eventarc: there an empty message is the default request."""
    assert (door.raw(message()).status_code, door.frameworks.exists()) == (400, False)
