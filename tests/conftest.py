"""Figures and people that several rooms are tested with."""

import gc
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from clock import ROOMS, Clock
from cloud import Emulator, why_not_here
from doors import NAMES, Set

from persona.deadline import Deadline
from persona.model import Framework, Group, Origin, Pattern, Plan, Population, Rule, Summary
from persona.wording import label

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


SEED_CHANNELS = {"web": "web_sessions_30d", "mobile": "mobile_sessions_30d", "email": "emails_opened_30d"}


def pattern(key: str, n: int, of: int, ltv: float, activity: tuple[float, ...], **more: object) -> Pattern:
    """A pattern of `n` people `of` so many, on one plan, with plausible other figures."""
    figures: dict[str, object] = {
        "share_ci95": (max(0.0, n / of - 0.1), min(1.0, n / of + 0.1)),
        "ltv_share": 0.25,
        "avg_identities": 3.0,
        "few_identities_share": 0.0,
        "identity_coverage": {"user_id": 1.0, "email": 1.0},
        "plans": [Plan(plan="pro", n=n, share=1.0)],
    } | more
    return Pattern(
        key=key,
        label=label(key),
        n=n,
        share=n / of,
        avg_ltv=ltv,
        avg_activity=dict(zip(SEED_CHANNELS, activity, strict=True)),
        **figures,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def seed_summary() -> Summary:
    """The seed's three sample people, ten of each, under the seed's rule."""
    return Summary(
        source=Origin(
            kind="segment", space_id="spa_seed", sampling="All 30 profiles of the space were read."
        ),
        population=Population(
            read=30,
            classified=30,
            trait_coverage=dict.fromkeys([*SEED_CHANNELS.values(), "ltv", "plan"], 1.0),
        ),
        rule=Rule(channels=SEED_CHANNELS, dominance=0.5, boundary_share=1 / 3),
        totals=Group(
            n=30,
            avg_ltv=2680 / 3,
            avg_activity={"web": 46 / 3, "mobile": 58 / 3, "email": 35 / 3},
            avg_identities=3.0,
            few_identities_share=1 / 3,
            identity_coverage={"user_id": 1.0, "email": 1.0, "ios.id": 2 / 3, "android.id": 1 / 3},
        ),
        patterns=[
            pattern(
                "email_dominant",
                10,
                30,
                340.0,
                (4.0, 1.0, 12.0),
                share_ci95=(0.1923, 0.5122),
                ltv_share=340 / 2680,
                avg_identities=2.0,
                few_identities_share=1.0,
                plans=[Plan(plan="starter", n=10, share=1.0)],
            ),
            pattern(
                "omnichannel",
                20,
                30,
                1170.0,
                (21.0, 28.5, 11.5),
                share_ci95=(0.4878, 0.8077),
                ltv_share=2340 / 2680,
                avg_identities=3.5,
                identity_coverage={"user_id": 1.0, "email": 1.0, "ios.id": 1.0, "android.id": 0.5},
                plans=[Plan(plan="enterprise", n=10, share=0.5), Plan(plan="pro", n=10, share=0.5)],
            ),
        ],
    )


@pytest.fixture(scope="session")
def space_summary(seed_summary: Summary) -> Summary:
    """A space of 600 in which all four patterns occur."""
    return Summary(
        source=Origin(
            kind="sample", sample=True, sampling="All 600 profiles of the built-in space were read."
        ),
        population=Population(
            read=600,
            classified=520,
            dormant=70,
            rejected={"activity_negative": 6, "traits_not_object": 4},
            trait_coverage={
                "web_sessions_30d": 0.96,
                "mobile_sessions_30d": 0.95,
                "emails_opened_30d": 0.97,
                "ltv": 0.9,
                "plan": 0.88,
            },
        ),
        rule=Rule(channels=SEED_CHANNELS, dominance=0.5, boundary_share=0.07),
        totals=seed_summary.totals,
        patterns=[
            pattern("web_dominant", 156, 520, 412.5, (18.2, 3.1, 2.4)),
            pattern("mobile_dominant", 182, 520, 890.4, (6.0, 22.3, 4.9)),
            pattern(
                "email_dominant",
                104,
                520,
                338.7,
                (2.1, 0.8, 11.6),
                few_identities_share=0.62,
                plans=[Plan(plan="starter", n=70, share=70 / 104), Plan(plan="pro", n=20, share=20 / 104)],
            ),
            pattern("omnichannel", 78, 520, 1450.0, (14.0, 15.1, 12.2)),
        ],
    )


@pytest.fixture(scope="session")
def made(space_summary: Summary) -> dict[str, Framework]:
    """Frameworks as Mave and rules word them, as large and as hostile as they come, by name."""
    import reports  # noqa: PLC0415 - only what renders needs them

    makers = (reports.named, reports.from_facts, reports.stress, reports.hostile)
    names = ("named", "facts", "stress", "hostile")
    made = {name: make(space_summary) for name, make in zip(names, makers, strict=True)}
    return made | {"mave": reports.from_mave()}


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
