"""Real processes, killed at random moments, against a Mave that answers late, loses replies and counts."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pytest
from cloud import FakeMave, FakeStorage, Turn, answer, lose
from doors import DATA, environment

from persona.storage.objects import OUTPUTS

pytestmark = pytest.mark.slow

# Each is killed twice. More by hand: TEST_EXAMPLES=100 tests/run tests/test_chaos.py
RUNS = int(os.environ.get("TEST_EXAMPLES", "6"))
RUNS_AT_ONCE = 3
# Eleven of them are kept for the call; a loaded machine takes many to start and read.
DEADLINE_SECONDS = 100
LEASE_SECONDS = 1.1 * DEADLINE_SECONDS + 5
# What a killed process sent has reached Mave by then, however busy the machine.
ON_ITS_WAY_SECONDS = 8
MOST_REDELIVERIES = 6
# The words on stderr after which a process may be killed; nothing is said before the first.
STAGES = ("", "reading profiles", "asking Mave", "checking the answer", "writing the framework")
ANSWER = (DATA / "answer_named.md").read_text()
REFERENCE = re.compile(r"persona-[0-9a-f]{16}/\d+")


@dataclass(frozen=True)
class Trial:
    """One run of many."""

    run_id: str
    chance: random.Random
    settings: dict[str, str]

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "persona", "--run-id", self.run_id, *options],
            env=environment(**self.settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def harm(trial: Trial) -> tuple[int, float]:
    """Deliver the run twice at once, and kill both at random moments: how many, and when that was over."""
    plans = [(trial.start(), trial.chance.choice(STAGES), trial.chance.uniform(0, 0.4)) for _ in range(2)]
    with ThreadPoolExecutor(len(plans)) as killers:
        killed = sum(killers.map(lambda plan: kill(*plan), plans))
    return killed, time.monotonic()


def kill(process: subprocess.Popen[str], stage: str, pause_seconds: float) -> bool:
    """SIGKILL so long after the process has come to a stage; whether it was still there."""
    with process:
        for line in cast("IO[str]", process.stderr):
            if stage in line:
                time.sleep(pause_seconds)
                process.kill()
                break
    return process.returncode == -signal.SIGKILL


def end_lease(trial: Trial, storage: FakeStorage, folder: Path) -> None:
    """Date what the killed left as if it had lain there until their lease ran out."""
    name = f"runs/{trial.run_id}/state.json"
    if kept := storage.objects.get(name):
        storage.objects[name] = kept._replace(updated=kept.updated - LEASE_SECONDS)
    state = folder / name
    if state.exists():
        then = state.stat().st_mtime - LEASE_SECONDS
        os.utime(state, (then, then))


def bring_to_an_end(trial: Trial, harmed: tuple[int, float]) -> str:
    """Deliver the run again until nobody needs to; the report's words, or the last failure's."""
    time.sleep(max(0.0, harmed[1] + ON_ITS_WAY_SECONDS - time.monotonic()))
    options: tuple[str, ...] = ()
    for _ in range(MOST_REDELIVERIES):
        with trial.start(*options) as process:
            _, told = process.communicate()
        if process.returncode == 0:
            return "published"
        if "needs_operator" in told:  # both were killed between intent and call
            options = ("--force",)
        time.sleep(1)
    return told


def turn(chance: random.Random) -> Turn:
    """An answer that comes late, or a reply that is lost and whose answer shows in the thread."""
    how = chance.choice(["answer", "answer", "close", "reset", "cut", "silence", "500"])
    late_seconds = chance.uniform(0, 0.6)
    if how == "answer":
        return answer(ANSWER, delay_seconds=late_seconds)
    return lose(
        ANSWER,
        500 if how == "500" else how,  # type: ignore[arg-type] # one of the endings
        delay_seconds=late_seconds,
        thread_after_seconds=late_seconds + chance.choice([0.0, 1.5]),
    )


def test_runs_killed_at_random_pay_once_each_and_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - the same on every machine
    with (
        FakeMave(lambda _message, _thread: turn(chance), included_credits=10**6) as mave,
        FakeStorage() as storage,
        ThreadPoolExecutor(RUNS_AT_ONCE) as pool,
    ):
        settings = {**mave.settings(), "PERSONA_SOURCE": "sample", "PERSONA_OUTPUT": str(tmp_path)}
        settings |= {"MAVE_TIMEOUT_SECONDS": "1", "PERSONA_DEADLINE_SECONDS": str(DEADLINE_SECONDS)}
        # Every third over a bucket.
        places = [storage.settings() if number % 3 == 0 else {} for number in range(RUNS)]
        runs = [Trial(f"chaos-{n}", random.Random(n), settings | place) for n, place in enumerate(places)]  # noqa: S311 - as above
        harmed = list(pool.map(harm, runs))
        for run in runs:
            end_lease(run, storage, tmp_path)
        ends = list(pool.map(bring_to_an_end, runs, harmed))
    for name, stored in storage.objects.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(stored.data)
    assert sum(killed for killed, _ in harmed) > RUNS / 2
    assert ends == ["published"] * RUNS
    paid = Counter(reference for message in mave.paid for reference in REFERENCE.findall(message))
    for run in runs:
        folder = tmp_path / "runs" / run.run_id
        state = json.loads((folder / "state.json").read_bytes())
        of_this_run = [call["reference"] for call in state["calls"] if paid[call["reference"]]]
        assert [paid[reference] for reference in of_this_run] == [1], run.run_id
        k = of_this_run[0].rpartition("/")[2]
        stored = json.loads((folder / f"answer{'' if k == '1' else f'-{k}'}.json").read_bytes())
        assert stored["content"] == ANSWER
        # The sample has no members.sql.
        assert OUTPUTS.keys() - {"members.sql"} <= {path.name for path in folder.iterdir()}
    assert paid.total() == RUNS
