"""A request is small, known in every field, and names its run; otherwise the trigger names it."""

import hashlib
import re
from datetime import UTC, datetime

import pytest

from persona import request
from persona.errors import BadRequest
from persona.request import MOST_BYTES, Request
from persona.settings import read_settings
from persona.timestamps import moment

SETTINGS = read_settings({"PERSONA_LIMIT": "500"}, "http")
EXPECTED = "expected a JSON object with run_id, limit, trial, dry_run and force, all of them optional"
SHAPE = "run_id: expected [A-Za-z0-9][A-Za-z0-9._-]{0,99} as a whole, such as my-first-run"
LIMIT = "limit: expected a whole number from 1 to 500 (PERSONA_LIMIT)"
NO_JSON = b"{", b"run_id=monday", b"\xff\xfe{}", b"{}{}", b'{"run_id": "\\ud800"}'


def shortened(value: object) -> str:
    """A body as the name of a test."""
    return repr(value)[:40] if isinstance(value, bytes) else ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", Request()),
        (b" \r\n\t", Request()),
        (b"{}", Request()),
        (b'{"run_id": "A.b_c-9"}', Request(run_id="A.b_c-9")),
        (b'{"run_id": "' + b"a" * 100 + b'"}', Request(run_id="a" * 100)),
        (b'{"limit": 500}', Request(limit=500)),
        (b'{"trial": true}', Request(trial=True)),
        (b'{"dry_run": true, "force": false}', Request(dry_run=True)),
        (b"{" + b" " * (MOST_BYTES - 2) + b"}", Request()),
    ],
    ids=shortened,
)
def test_a_body_is_read_as(body: bytes, expected: Request) -> None:
    assert expected == request.parse(body, SETTINGS)


def refusal(body: bytes) -> str:
    with pytest.raises(BadRequest) as refused:
        request.parse(body, SETTINGS)
    return refused.value.message


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"runid": "a"}', "Object contains unknown field `runid`"),
        (b'{"run_id": null}', "Expected `str`, got `null`: `$.run_id`"),
        (b'{"limit": "5"}', "Expected `int`, got `str`: `$.limit`"),
        (b"null", "Expected `object`, got `null`"),
        (b"[" * 60_000, "Expected `object`, got `array`"),
        (b'{"limit": ' + b"9" * 5_000 + b"}", "Integer value out of range: `$.limit`"),
        # An unknown field is shown cut and masked.
        (b'{"' + b"x" * 5_000 + b'": 1}', f"Object contains unknown field `{'x' * 88}…"),
        (b'{"jane@example.com": 1}', "Object contains unknown field [email]"),
        (b'{"' + b"x" * 5_000 + b'jane@example.com": 1}', "Object contains unknown field [email]"),
    ],
    ids=shortened,
)
def test_a_field_that_does_not_fit_is_refused_by_name(body: bytes, expected: str) -> None:
    assert refusal(body) == f"{EXPECTED}; {expected}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"run_id": ""}', f"{SHAPE}, got 0 other characters"),
        (b'{"run_id": "a\\n"}', f"{SHAPE}, got 2 other characters"),
        (b'{"run_id": ".."}', f"{SHAPE}, got 2 other characters"),
        (b'{"run_id": "a/b"}', f"{SHAPE}, got 3 other characters"),
        (b'{"run_id": "\xd9\xa1"}', f"{SHAPE}, got 1 other characters"),  # another digit
        (b'{"run_id": "' + b"a" * 101 + b'"}', f"{SHAPE}, got 101 other characters"),
        (b'{"limit": 0}', f"{LIMIT}, got 0"),
        (b'{"limit": 501}', f"{LIMIT}, got 501"),
        (b"{" + b" " * (MOST_BYTES - 1) + b"}", f"the body is over 65536 bytes; {EXPECTED}"),
        *((body, f"the body is no JSON; {EXPECTED}") for body in NO_JSON),
    ],
    ids=shortened,
)
def test_a_value_out_of_bounds_or_a_body_that_is_no_json_is_refused(body: bytes, expected: str) -> None:
    assert refusal(body) == expected


def test_a_deployment_that_reads_everything_bounds_no_limit() -> None:
    everything = read_settings({"PERSONA_LIMIT": "0"}, "http")
    assert request.parse(b'{"limit": 5000000}', everything).limit == 5_000_000


def name(body: Request, period: str, *outside: str | None, at: str | None = None) -> str:
    settings = read_settings({"PERSONA_PERIOD": period}, "http")
    return request.name_run(body, settings, outside, moment(at))


def test_where_nothing_names_the_run_its_id_is_new_each_time_and_fits() -> None:
    names = {name(Request(), "none", None) for _ in range(50)}
    assert (len(names), all(re.fullmatch("run-[0-9a-f]{20}", one) for one in names)) == (50, True)


@pytest.mark.parametrize("offered", ["a b", "a\n", "-a", "a" * 101, "projects/p/jobs/j", "\ud800"], ids=ascii)
def test_an_id_from_outside_that_does_not_fit_is_hashed_whole(offered: str) -> None:
    digest = hashlib.sha256(offered.encode("utf-8", "surrogatepass")).hexdigest()
    assert f"id-{digest[:40]}" == name(Request(), "none", offered)


@pytest.mark.parametrize(
    ("period", "at", "expected"),
    [
        ("day", "2026-11-23T23:59:59.999999999Z", "2026-11-23"),
        ("day", "2026-11-23T23:30:00-01:00", "2026-11-24"),
        ("day", "2026-11-23T00:30:00+01:00", "2026-11-22"),
        ("day", "2026-11-23T10:00:00", "2026-11-23"),
        ("week", "2026-11-23T00:00:00Z", "2026-W48"),
        ("week", "2026-11-22T23:59:59Z", "2026-W47"),
        ("week", "2027-01-01T00:00:00Z", "2026-W53"),
        ("month", "2026-11-30T23:59:59Z", "2026-11"),
    ],
)
def test_a_period_slot_is_that_of_the_given_moment_in_utc(period: str, at: str, expected: str) -> None:
    assert expected == name(Request(), period, at=at)


@pytest.mark.parametrize("at", [None, "", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:00"])
def test_without_a_moment_of_its_own_the_slot_is_the_clocks(at: str | None) -> None:
    before = datetime.now(UTC)
    slot = name(Request(), "day", at=at)
    assert slot in {moment.strftime("%Y-%m-%d") for moment in (before, datetime.now(UTC))}
