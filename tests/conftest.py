"""Figures and people that several rooms are tested with."""

import gc
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from clock import ROOMS, Clock
from cloud import Emulator, why_not_here
from doors import DATA, NAMES, Set
from msgspec.json import decode

from persona.deadline import Deadline
from persona.model import Framework, Summary

# How long a machine takes for an example is no property of the program.
patient = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture]
hypothesis.settings.register_profile(
    "patient", hypothesis.settings(), deadline=None, suppress_health_check=patient
)
hypothesis.settings.load_profile("patient")
# The collector's looking again and again at what stays takes a tenth of the tests' time, of some a third.
gc.set_threshold(50_000, 50, 50)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """A BigQuery for all tests of a process; whoever fills a dataset makes it anew."""
    if why := why_not_here():
        pytest.skip(why)
    with Emulator() as running:
        yield running


def summary(name: str) -> Summary:
    """A space as a run keeps it: `summary.json`."""
    return decode((DATA / f"{name}_summary.json").read_bytes(), type=Summary)


@pytest.fixture(scope="session")
def seed_summary() -> Summary:
    """The seed's three sample people, ten of each, under the seed's rule."""
    return summary("seed")


@pytest.fixture(scope="session")
def space_summary() -> Summary:
    """A space of 600 in which all four patterns occur."""
    return summary("space")


@pytest.fixture(scope="session")
def made(space_summary: Summary) -> dict[str, Framework]:
    """Frameworks as Mave and rules word them, as large and as hostile as they come, by name."""
    import reports  # noqa: PLC0415 - only what renders needs them

    made = {"named": reports.named(space_summary), "facts": reports.from_facts(space_summary)}
    return made | {
        "mave": reports.kept("mave"),
        "stress": reports.kept("stress"),
        "hostile": reports.hostile(),
    }


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets variables of the environment for one test."""

    def set_all(**variables: str) -> None:
        for name, text in variables.items():
            monkeypatch.setenv(name, text)

    return set_all


@pytest.fixture
def frameworks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty output folder; of this machine's settings no other is left."""
    for name in (*NAMES, "K_SERVICE", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PERSONA_OUTPUT", str(tmp_path / "frameworks"))
    return tmp_path / "frameworks"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of the program and of the fakes within this process; only sleeping makes it pass."""
    clock = Clock()
    for room in ROOMS:
        monkeypatch.setattr(f"{room}.time", clock)
    monkeypatch.setattr("persona.net.pace.Event", clock.event)
    monkeypatch.setattr(Deadline.__init__, "__defaults__", (clock.monotonic,))
    return clock
