"""Over HTTP every answer is a report, a framework or a failure in the contract's words."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import requests
from cloud import FakeSegment, listing_error
from doors import DATA, SAMPLE, Set, client, damaged_installation, in_process, lines, published, serve
from flask.testing import FlaskClient
from msgspec import json as typed
from werkzeug.test import TestResponse

from persona.check.facts import facts_of
from persona.mave import prompt
from persona.model import Baseline, Summary
from persona.write import render

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
# Of the built-in space, before anything is worded.
REPORT = json.loads((DATA / "report.json").read_bytes())
TYPES = {
    "framework.json": "application/json",
    "framework.html": "text/html; charset=utf-8",
    "framework.md": "text/markdown; charset=utf-8",
}


@pytest.fixture
def door(frameworks: Path) -> FlaskClient:
    assert not frameworks.exists()
    return client("persona_http")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the run `monday` was published; for tests that only look."""
    folder = tmp_path_factory.mktemp("shelf")
    assert in_process("--run-id", "monday", cwd=folder).exit_code == 0
    return folder / "frameworks"


@pytest.fixture
def monday(door: FlaskClient, shelf: Path, frameworks: Path) -> FlaskClient:
    """A door behind which the run `monday` was published."""
    copytree(shelf, frameworks)
    return door


def post(door: FlaskClient, headers: Mapping[str, str] | None = None, **request: object) -> TestResponse:
    return door.post("/", data=json.dumps(request), headers=headers)


def content(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/json"
    return json.loads(answer.data)  # type: ignore[no-any-return]


def without_seconds(answer: TestResponse) -> dict[str, Any]:
    report = content(answer)
    seconds = report.pop("seconds")
    assert list(seconds) == ["fetch", "mave", "total"]
    assert 0 < seconds["fetch"] < seconds["total"] < 60
    return report


# -- the report -------------------------------------------------------------------------------------------


def test_a_run_leaves_its_objects_and_answers_with_its_report(door: FlaskClient, frameworks: Path) -> None:
    folder = frameworks / "runs" / "monday"
    figures = content(post(door, run_id="monday"))["checks"]["figures"]
    assert figures["from_data"] > 0
    kinds = {"json": "framework.json", "markdown": "framework.md", "slides": "framework.pptx"}
    kinds |= {"facts": "facts.csv", "html": "framework.html", "open": "framework.html"}
    expected = REPORT | {
        "run_id": "monday",
        "created_at": json.loads((folder / "framework.json").read_bytes())["created_at"],
        "trial": False,
        "status": "replayed",
        "objects": {kind: str(folder / name) for kind, name in kinds.items()} | {"members": None},
        "checks": REPORT["checks"] | {"figures": figures | {"equal": 0, "not_in_data": 0}},
    }
    assert expected == without_seconds(post(door, run_id="monday"))
    objects = sorted({*kinds.values(), "state.json", "summary.json"})
    assert published(frameworks) == [
        "latest.html",
        "latest.json",
        *(f"runs/monday/{name}" for name in objects),
    ]


def test_a_dry_run_answers_with_summary_and_message_and_writes_nothing(
    door: FlaskClient, frameworks: Path
) -> None:
    report = without_seconds(post(door, dry_run=True, run_id="look"))
    summary, message = report.pop("summary"), report.pop("message")
    assert report == REPORT | {"run_id": "look", "status": "dry_run"}
    assert not frameworks.exists()
    document = typed.decode(json.dumps(summary), type=Summary)
    whole = prompt.first_message(document, facts_of(document, "$"), Baseline()).text
    assert message == whole.replace("{reference}", "(the run's reference)")


# -- which run it is --------------------------------------------------------------------------------------

AT = "2025-03-10T00:30:00+01:00"
# As Cloud Scheduler and curl send them.
SCHEDULER = {"X-CloudScheduler-JobName": "weekly", "X-CloudScheduler-ScheduleTime": AT}
SCHEDULER |= {"Content-Type": "application/octet-stream"}
HASHED = f"id-{sha256(f'weekly-{AT}'.encode()).hexdigest()[:40]}"
KEY = {"Idempotency-Key": "key-7", "Content-Type": "application/x-www-form-urlencoded"}
NAMES: dict[str, tuple[str, dict[str, str], str]] = {
    "the body before all": ("day", KEY | SCHEDULER, "mine"),
    "the key": ("none", KEY, "key-7"),
    "the key before the scheduler": ("none", KEY | SCHEDULER, "key-7"),
    "the scheduler": ("none", SCHEDULER, HASHED),
    "the scheduler before an empty key": ("none", SCHEDULER | {"Idempotency-Key": ""}, HASHED),
    "the day before the key": ("day", KEY | SCHEDULER, "2025-03-09"),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_first_that_names_the_run_names_it_whatever_the_content_type(
    door: FlaskClient, settings: Set, name: str
) -> None:
    period, headers, expected = NAMES[name]
    settings(PERSONA_PERIOD=period)
    own = {"run_id": expected} if expected == "mine" else {}
    report = content(post(door, headers, dry_run=True, **own))
    assert (expected, "dry_run") == (report["run_id"], report["status"])


# -- showing a framework ----------------------------------------------------------------------------------


ACCEPTED: dict[str | None, str] = {
    None: "framework.json",
    "*/*": "framework.json",
    "application/json": "framework.json",
    "image/png": "framework.json",
    BROWSER: "framework.html",
    "text/markdown": "framework.md",
    "text/html;q=0.5, text/markdown": "framework.md",
}


@pytest.mark.parametrize("accept", ACCEPTED)
def test_a_framework_is_shown_as_asked_for(monday: FlaskClient, shelf: Path, accept: str | None) -> None:
    """Whole, or of it as much as HEAD tells; it does nothing but show itself, and no cache keeps it."""
    headers, name = {"Accept": accept} if accept else {}, ACCEPTED[accept]
    policy = render.CONTENT_SECURITY_POLICY if accept == BROWSER else None
    expected = 200, TYPES[name], "Accept", policy, "nosniff", "private, no-store", "no-referrer"
    names = "Vary", "Content-Security-Policy", "X-Content-Type-Options", "Cache-Control", "Referrer-Policy"
    data = (shelf / "runs" / "monday" / name).read_bytes()
    for path in ("/", "/runs/monday", "/runs/monday/"):
        answer, told = monday.get(path, headers=headers), monday.head(path, headers=headers)
        for one in (answer, told):
            assert expected == (one.status_code, one.content_type, *map(one.headers.get, names))
        assert (data, b"", len(data)) == (answer.data, told.data, told.content_length)


def test_the_latest_is_the_newest_published_run(monday: FlaskClient) -> None:
    post(monday, run_id="tuesday")
    assert [content(monday.get(path))["run_id"] for path in ("/", "/runs/monday")] == ["tuesday", "monday"]


def test_a_daily_check_and_the_log_hear_of_a_framework_that_is_too_old(
    monday: FlaskClient, frameworks: Path, settings: Set, capsys: pytest.CaptureFixture[str]
) -> None:
    latest = frameworks / "latest.json"
    settings(**SAMPLE)
    for minutes_left, status in ((1, 200), (0, 500)):
        made = (datetime.now(UTC) - timedelta(days=8, minutes=-minutes_left)).isoformat()
        latest.write_text(json.dumps(json.loads(latest.read_bytes()) | {"created_at": made}))
        assert monday.get("/?max_age_days=8").status_code == status
    told = [(line["severity"], line["code"]) for line in lines(capsys.readouterr().out) if "code" in line]
    assert told == [("ERROR", "too_old")]


# -- failures ---------------------------------------------------------------------------------------------


def failure(answer: TestResponse) -> tuple[int, str, bool]:
    error = content(answer)["error"]
    assert list(error) == ["code", "message", "retryable"]
    return answer.status_code, error["code"], error["retryable"]


NOT_FOUND, BAD = (404, "not_found", False), (400, "bad_request", False)
NOT_YET = {
    "/": NOT_FOUND,
    "/runs/monday": NOT_FOUND,
    "/?max_age_days=8": (500, "too_old", False),
    "/?max_age_days=soon": BAD,
    "/?max_age_days=0": BAD,
}


def test_before_anything_is_published_nothing_is_found(door: FlaskClient) -> None:
    assert {path: failure(door.get(path)) for path in NOT_YET} == NOT_YET


def test_elsewhere_nothing_is_found(monday: FlaskClient) -> None:
    for path in ("/runs", "/runs/", "/runs/a/b", "/runs/..%2F..", "/runs/-a", "/latest.json"):
        answers = [failure(monday.open(path, method=method)) for method in ("GET", "POST", "DELETE")]
        assert (path, answers) == (path, [NOT_FOUND] * 3)


def test_a_run_that_is_not_published_is_not_shown(monday: FlaskClient, frameworks: Path) -> None:
    (frameworks / "runs" / "monday" / "framework.json").unlink()
    assert failure(monday.get("/runs/monday", headers={"Accept": BROWSER})) == NOT_FOUND


ALLOWED = {"/": "GET, HEAD, POST", "/runs/monday": "GET, HEAD"}


def test_another_method_is_told_which_there_are(door: FlaskClient) -> None:
    for path, method in product(ALLOWED, ("PUT", "PATCH", "OPTIONS", "DELETE")):
        answer = door.open(path, method=method)
        told = failure(answer), answer.headers["Allow"]
        assert told == ((405, "method_not_allowed", False), ALLOWED[path])


MISTAKEN = {"PERSONA_LIMIT": "many", "PERSONA_PERIOD": "year"}
# The settings, the body, how it fails, the run's name by then, and how that stands in the log.
FAILURES: dict[str, tuple[dict[str, str], bytes, tuple[int, str, bool], str | None, str]] = {
    "an unknown field": ({}, b'{"bucket": "mine"}', BAD, None, "WARNING"),
    "too long": ({}, b" " * 65_537, BAD, None, "WARNING"),
    "nobody to show": ({}, b'{"run_id": "a", "limit": 3}', (422, "not_enough_data", False), "a", "ERROR"),
    "mistaken settings": (MISTAKEN, b"{}", (500, "bad_settings", False), None, "ERROR"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_answered_and_logged_with_its_code(
    door: FlaskClient, settings: Set, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    given, body, expected, run_id, severity = FAILURES[name]
    settings(**SAMPLE, **given)
    answer = door.post("/", data=body)
    last, message = lines(capsys.readouterr().out)[-1], content(answer)["error"]["message"]
    assert (failure(answer), content(answer)["run_id"]) == (expected, run_id)
    assert (last["severity"], last["code"]) == (severity, expected[1])
    assert [setting for setting in given if setting not in message] == []  # all mistakes are told together


DOWN = {403: ((502, "segment_refused", False), None), 503: ((503, "segment_unavailable", True), "7")}


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("status", DOWN)
def test_a_service_that_fails_is_named_and_the_caller_told_whether_to_wait(
    door: FlaskClient, settings: Set, status: int
) -> None:
    refuse = listing_error(status, "jane@example.com", Retry_After="7")
    with FakeSegment([], faults=lambda _: refuse) as segment:
        settings(**segment.settings(), PERSONA_DEADLINE_SECONDS="3")
        answer = post(door, run_id="down")
    told = failure(answer), answer.headers.get("Retry-After"), content(answer)["run_id"]
    assert told == (*DOWN[status], "down")


DAMAGED = {
    "nothing": b"",
    "no JSON": b'{"run_id": jane@example.com}',
    "another shape": b'{"run_id": 7}',
    "no UTF-8": b'{"run_id": "\xff", "created_at": "", "objects": {}}',
    "nested": b'{"run_id": "a", "new": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a path": b'{"run_id": "../../jane@example.com", "created_at": "", "objects": {}}',
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_latest_json_is_named_with_what_to_do_about_it(
    monday: FlaskClient, frameworks: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    (frameworks / "latest.json").write_bytes(data)
    answer = monday.get("/")
    assert failure(answer) == (502, "storage_refused", False)
    assert "delete it" in content(answer)["error"]["message"]
    assert "jane" not in answer.get_data(as_text=True) + "".join(capsys.readouterr())


def test_no_run_overwrites_a_damaged_latest_json(monday: FlaskClient, frameworks: Path) -> None:
    """It ends once that is gone."""
    latest = frameworks / "latest.json"
    latest.write_bytes(b'{"run_id": "two words", "created_at": "", "objects": {}}')
    assert failure(post(monday, run_id="tuesday")) == (502, "storage_refused", False)
    latest.unlink()
    assert content(post(monday, run_id="tuesday"))["status"] == "published"
    assert json.loads(latest.read_bytes())["run_id"] == "tuesday"


@pytest.mark.slow
def test_a_defect_answers_without_its_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serve("persona_http", log, PYTHONPATH=damaged_installation(tmp_path)) as url:
        answer = requests.post(url, json={"run_id": "monday"}, timeout=600)
    error = {"code": "failed", "message": "an unexpected error; its place is in the log", "retryable": False}
    assert (answer.status_code, answer.json()) == (500, {"run_id": "monday", "error": error})
    assert "LookupError" in log.read_text()
    assert "jane" not in log.read_text()


# -- logs -------------------------------------------------------------------------------------------------


def test_on_the_cloud_each_event_is_a_json_line_that_names_the_run_and_the_request(
    door: FlaskClient, settings: Set, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(**SAMPLE, GOOGLE_CLOUD_PROJECT="p")
    trace = "105445aa7843bc8bf206b12000100000"
    post(door, {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, run_id="monday")
    logged = lines(capsys.readouterr().out)
    assert [line["stage"] for line in logged] == ["fetch", "summarize", "report"]
    named = {(line["severity"], line["run_id"], line["logging.googleapis.com/trace"]) for line in logged}
    assert named == {("INFO", "monday", f"projects/p/traces/{trace}")}
