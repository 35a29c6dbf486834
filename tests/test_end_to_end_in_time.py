"""Each step of a run ends with the run's deadline, and not when it would by itself, whatever it meets."""

import gzip
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from cloud import Call, FakeMave, FakeSegment, FakeStorage, Fault, Reply, answer, lose
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


class World:
    """The services and settings of one run; `environment` is what it starts with."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.environment = {"PERSONA_AUTHOR": "facts", "PERSONA_SOURCE": "sample"}

    def silent_listing(self) -> None:
        segment = self._stack.enter_context(FakeSegment([], faults=lambda _: Reply(ending="silence")))
        self.environment |= {"PERSONA_SOURCE": "segment", **segment.settings()}

    def file(self, content: bytes, times: int) -> None:
        with (self.folder / "people.gz").open("wb") as file:
            file.writelines([gzip.compress(content, 1)] * times)
        self.environment["PERSONA_SOURCE"] = str(self.folder / "people.gz")

    def endless_file(self) -> None:
        """Eighty million people in a few megabytes; reading them takes much longer than the run has."""
        self.file(PERSON * 400_000, 200)

    def file_of_zeros(self) -> None:
        """Sixty gigabytes without a single line's end."""
        self.file(bytes(200_000_000), 300)

    def mave(self, mave: FakeMave) -> None:
        self._stack.enter_context(mave)
        self.environment |= {"PERSONA_AUTHOR": "mave", "PERSONA_MAVE_CALLS": "1"}
        self.environment |= {"MAVE_TIMEOUT_SECONDS": "1", **mave.settings()}

    def silent_mave(self) -> None:
        self.mave(FakeMave(faults=lambda _: Reply(ending="silence")))

    def lost_answer(self) -> None:
        """The reply is lost, and its thread shows no answer as long as anybody waits."""
        self.mave(FakeMave(lose(HOSTILE, 500, thread_after_seconds=3_600)))

    def hostile_answer(self) -> None:
        self.mave(FakeMave(answer(HOSTILE, delay_seconds=0.9)))

    def storage(self, fault: Callable[[Call], Fault | None]) -> None:
        storage = self._stack.enter_context(FakeStorage(faults=fault))
        self.environment |= storage.settings()

    def silent_storage(self) -> None:
        self.storage(lambda _: Fault(status=503, delay_seconds=60))

    def storage_that_falls_silent(self) -> None:
        """While the outputs are written."""
        self.storage(lambda call: Fault(status=503, delay_seconds=60) if call.name.endswith(".md") else None)

    def busy_storage(self) -> None:
        self.storage(lambda call: Fault(status=429) if call.name.endswith("framework.json") else None)

    def locked_folder(self) -> None:
        self._stack.enter_context(exclusive(self.folder / "frameworks", Deadline(1)))


STEPS = {
    "fetch: a listing that is silent": (World.silent_listing, "segment_unavailable"),
    "fetch: a file of zeros": (World.file_of_zeros, "deadline"),
    "classify: a file of which nobody sees the end": (World.endless_file, "deadline"),
    "Mave: neither answers nor shows its threads": (World.silent_mave, "mave_unavailable"),
    "Mave: the answer is lost": (World.lost_answer, "mave_unavailable"),
    "check and write: five hostile megabytes": (World.hostile_answer, "published"),
    "claim: a bucket that is silent": (World.silent_storage, "storage_unavailable"),
    "publish: a bucket that falls silent": (World.storage_that_falls_silent, "storage_unavailable"),
    "publish: a bucket that stays busy": (World.busy_storage, "storage_unavailable"),
    "claim: a folder that stays locked": (World.locked_folder, "storage_unavailable"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_ends_with_the_run(tmp_path: Path, settings: Set, step: str) -> None:
    meet, outcome = STEPS[step]
    with ExitStack() as stack:
        met = World(tmp_path, stack)
        meet(met)
        asks = met.environment["PERSONA_AUTHOR"] == "mave"
        seconds = ASKING_SECONDS if asks else SHORT_SECONDS
        settings(**met.environment | {"PERSONA_DEADLINE_SECONDS": str(seconds)})
        began = time.monotonic()
        report = json.loads(client("persona_http").post("/", data=b"{}").get_data())
        took_seconds = time.monotonic() - began
    assert outcome == (report["error"]["code"] if "error" in report else report["status"])
    assert took_seconds < seconds + PAST_SECONDS
