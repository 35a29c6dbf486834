"""An event is one line: JSON for Cloud Logging, words for a terminal, and never what an exception said."""

import json

import pytest

from persona.log import Log, log_unexpected, request_log

TRACE = "105445aa7843bc8bf206b12000100000"
FIELD = "logging.googleapis.com/trace"
SPAN = "logging.googleapis.com/spanId"
REPORTED = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"


def test_on_the_cloud_an_event_is_one_json_object_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(as_json=True).bind(run_id="monday", **{FIELD: "projects/p/traces/t"})
    log.info("fetched", stage="fetch", pages=6, code=None)
    expected: dict[str, object]
    expected = {"severity": "INFO", "message": "fetched", "run_id": "monday", FIELD: "projects/p/traces/t"}
    expected |= {"stage": "fetch", "pages": 6}
    out, err = capsys.readouterr()
    assert (expected, 1, "") == (json.loads(out), out.count("\n"), err)


@pytest.mark.parametrize(
    ("level", "expected"),
    [("DEBUG", ["INFO", "WARNING", "ERROR"]), ("WARNING", ["WARNING", "ERROR"]), ("ERROR", ["ERROR"])],
)
def test_below_its_level_a_log_is_silent(
    capsys: pytest.CaptureFixture[str], level: str, expected: list[str]
) -> None:
    log = Log(as_json=False, level=level)
    log.info("a")
    log.warning("b")
    log.error("c")
    assert expected == [line.split()[0] for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("as_json", [True, False], ids=["cloud", "terminal"])
def test_text_from_outside_breaks_no_line_and_moves_no_cursor(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    Log(as_json=as_json).error("unknown field `a\nERROR forged\x1b[2J\u2028\ud800`")
    written = "".join(capsys.readouterr())
    assert (len(written.splitlines()), written[:-1].isprintable()) == (1, True)


def test_an_unexpected_error_is_logged_by_kind_and_place_without_its_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        int("jane@example.com")
    except ValueError as error:
        log_unexpected(Log(as_json=True), error)
    line = json.loads(capsys.readouterr().out)
    places, location = line.pop("where"), line.pop("context")["reportLocation"]
    expected: dict[str, object]
    expected = {"severity": "ERROR", "message": "an unexpected error", "code": "failed"}
    expected |= {"kind": "ValueError", "@type": REPORTED, "serviceContext": {}}
    place = f"test_log.py:{location['lineNumber']} {location['functionName']}"
    assert (expected, [place], __file__) == (line, places, location["filePath"])


def test_only_a_failure_is_for_error_reporting_under_the_name_and_version_of_what_serves(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = request_log({"K_SERVICE": "persona-http", "K_REVISION": "persona-http-00007-abc"}, None, None)
    log.info("a")
    log.warning("b")
    log.error("c")
    *others, failure = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    service = {"service": "persona-http", "version": "persona-http-00007-abc"}
    expected = {"severity": "ERROR", "message": "c", "@type": REPORTED, "serviceContext": service}
    assert (expected, [["severity", "message"]] * 2) == (failure, [list(line) for line in others])


@pytest.mark.parametrize(
    ("project", "cloud_trace", "traceparent", "expected"),
    [
        ("p", f"{TRACE}/123;o=1", None, (TRACE, "000000000000007b")),
        ("p", f"{TRACE}/{2**64 - 1}", None, (TRACE, "f" * 16)),
        ("p", f"{TRACE}/{2**64}", None, (TRACE, None)),
        ("p", f"{TRACE}/0;o=1", None, (TRACE, None)),
        ("p", TRACE, None, (TRACE, None)),
        ("p", None, f"00-{TRACE}-00f067aa0ba902b7-01", (TRACE, "00f067aa0ba902b7")),
        ("p", None, f"00-{TRACE}-", (TRACE, None)),
        ("p", "abc/1", f"00-{TRACE}-00f067aa0ba902b7-01", ("abc", "0000000000000001")),
        ("p", "?", f"00-{TRACE}-00f067aa0ba902b7-01", (TRACE, "00f067aa0ba902b7")),
        ("", TRACE, None, (None, None)),
        ("p", None, None, (None, None)),
        ("p", "a b", "x", (None, None)),
        ("p", "é/1", 5, (None, None)),
        ("p", "a" * 65, None, (None, None)),
    ],
)
def test_a_line_is_tied_to_its_request(
    capsys: pytest.CaptureFixture[str],
    project: str,
    cloud_trace: str | None,
    traceparent: object,
    expected: tuple[str | None, str | None],
) -> None:
    environment = {"K_SERVICE": "persona", "GOOGLE_CLOUD_PROJECT": project}
    request_log(environment, cloud_trace, traceparent).info("a")
    line = json.loads(capsys.readouterr().out)
    trace = expected[0] and f"projects/p/traces/{expected[0]}"
    assert (trace, expected[1]) == (line.get(FIELD), line.get(SPAN))
