"""Each step of a run ends with the run's deadline, and not when it would by itself, whatever it meets."""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cloud import FakeMave, FakeSegment, FakeStorage, Fault, Reply, Request, answer, lose
from doors import Set, client

from persona.deadline import Deadline
from persona.storage.folder import exclusive

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("frameworks")]

# Five on a machine of its own. Each step's own patience ends, or the input would, later than with these.
PAST_SECONDS = 15.0
# Beside the wait for Mave, ten seconds are kept for what comes after it: no shorter run may ask.
SHORT_SECONDS, ASKING_SECONDS = 5.0, 21.0
PERSON = b'{"traits": {"web_sessions_30d": 9, "ltv": "12.5", "plan": "pro"}, "external_ids": []}\n'
HOSTILE = "## Web Dominant\n1. {{ web_dominant.people / 0 }} [(“**\n" * 90_000
# The thread of a lost answer shows none as long as anybody waits.
LOST, LATE = lose(HOSTILE, 500, thread_after_seconds=3_600), answer(HOSTILE, delay_seconds=0.9)
BUSY, SLOW = Fault(status=429), Fault(status=503, delay_seconds=60)


def silent(_: Request) -> Reply:
    return Reply(ending="silence")


def storage(fault: Fault, end: str = "") -> FakeStorage:
    """A bucket where this befalls every object whose name ends so."""
    return FakeStorage(faults=lambda call: fault if call.name.endswith(end) else None)


def assert_ends(settings: Set, outcome: str, **environment: str) -> None:
    """A run ends so, and in time."""
    seconds = ASKING_SECONDS if "MAVERA_API_KEY" in environment else SHORT_SECONDS
    settings(PERSONA_MAVE_CALLS="1", MAVE_TIMEOUT_SECONDS="1", PERSONA_DEADLINE_SECONDS=str(seconds))
    settings(**{"PERSONA_SOURCE": "sample"} | environment)
    began = time.monotonic()
    report = json.loads(client("persona_http").post("/", data=b"{}").get_data())
    took_seconds = time.monotonic() - began
    assert outcome == (report["error"]["code"] if "error" in report else report["status"])
    assert took_seconds < seconds + PAST_SECONDS


Made = Callable[[], FakeMave | FakeStorage]
SERVICES: dict[str, tuple[Made, str]] = {
    "Mave: neither answers nor shows its threads": (lambda: FakeMave(faults=silent), "mave_unavailable"),
    "Mave: the answer is lost": (lambda: FakeMave(LOST), "mave_unavailable"),
    "check and write: five hostile megabytes": (lambda: FakeMave(LATE), "published"),
    "claim: a bucket that is silent": (lambda: storage(SLOW), "storage_unavailable"),
    "publish: a bucket that falls silent": (lambda: storage(SLOW, ".md"), "storage_unavailable"),
    "publish: a bucket that stays busy": (lambda: storage(BUSY, "framework.json"), "storage_unavailable"),
}


@pytest.mark.parametrize("step", SERVICES)
def test_a_step_that_meets_mave_or_a_bucket_ends_with_the_run(settings: Set, step: str) -> None:
    made, outcome = SERVICES[step]
    with made() as service:
        assert_ends(settings, outcome, **service.settings())


def test_a_fetch_of_a_listing_that_is_silent_ends_with_the_run(settings: Set) -> None:
    with FakeSegment([], faults=silent) as segment:
        assert_ends(settings, "segment_unavailable", PERSONA_SOURCE="segment", **segment.settings())


FILES = {
    "fetch: sixty gigabytes without a line's end": (b" " * 1_000, 200_000, 300),
    "classify: eighty million people in a few megabytes": (PERSON, 400_000, 200),
}


@pytest.mark.parametrize(("unit", "n", "times"), FILES.values(), ids=FILES)
def test_a_file_that_takes_longer_than_the_run_has_ends_with_it(
    tmp_path: Path, settings: Set, unit: bytes, n: int, times: int
) -> None:
    with (tmp_path / "people.gz").open("wb") as file:
        file.writelines([gzip.compress(unit * n, 1)] * times)
    assert_ends(settings, "deadline", PERSONA_SOURCE=str(tmp_path / "people.gz"))


def test_a_claim_of_a_folder_that_stays_locked_ends_with_the_run(tmp_path: Path, settings: Set) -> None:
    with exclusive(tmp_path / "frameworks", Deadline(1)):
        assert_ends(settings, "storage_unavailable")
