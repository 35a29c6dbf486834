"""A run knows the framework before it: what has changed, what people were called, whether to ask at all."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import Emulator, FakeMave, answer
from doors import Set, client
from flask.testing import FlaskClient
from spaces import tables

# The activity that makes a person web-, mobile-, email-dominant or omnichannel.
WEB, MOBILE, EMAIL, EVEN = (12, 2, 1), (3, 14, 2), (2, 1, 13), (5, 5, 5)
CONTENT = (Path(__file__).parent / "data" / "answer_named.md").read_text(encoding="utf-8")


def people(*patterns: tuple[tuple[int, int, int], int]) -> list[dict[str, Any]]:
    """So many people of each activity, all with the same plan and identifiers."""
    names = ("web_sessions_30d", "mobile_sessions_30d", "emails_opened_30d")
    return [
        {
            "traits": {**dict(zip(names, map(str, activity), strict=True)), "ltv": "100", "plan": "pro"},
            "external_ids": [{"type": "user_id", "id": f"usr_{number}"}],
        }
        for activity, n in patterns
        for number in range(n)
    ]


def write(path: Path, space: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(map(json.dumps, space)), encoding="utf-8")


SHIFTED = people((WEB, 180), (MOBILE, 60), (EMAIL, 80), (EVEN, 80))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    write(tmp_path / "space.jsonl", people((WEB, 100), (MOBILE, 100), (EMAIL, 100), (EVEN, 100)))
    return tmp_path / "space.jsonl"


def published(frameworks: Path, run_id: str) -> dict[str, Any]:
    framework: dict[str, Any] = json.loads((frameworks / f"runs/{run_id}/framework.json").read_bytes())
    return framework


@pytest.fixture
def mave() -> Iterator[FakeMave]:
    with FakeMave(answer(CONTENT)) as mave:
        yield mave


@pytest.fixture
def door(frameworks: Path, export: Path, mave: FakeMave, settings: Set) -> FlaskClient:
    assert not frameworks.exists()
    settings(**mave.settings(), PERSONA_SOURCE=str(export), PERSONA_MIN_DRIFT="0.05", PERSONA_MAVE_CALLS="1")
    return client("persona_http")


def run(door: FlaskClient, **request: object) -> dict[str, Any]:
    answered = door.post("/", data=json.dumps(request))
    assert answered.status_code == 200, answered.get_data(as_text=True)
    report: dict[str, Any] = answered.get_json()
    return report


def test_a_space_that_has_not_changed_is_not_paid_for_again(door: FlaskClient, mave: FakeMave) -> None:
    first, second, again = (run(door, run_id=run_id) for run_id in ("first", "second", "second"))
    assert (first["status"], second["status"], again["status"]) == ("published", "unchanged", "unchanged")
    assert (second["objects"], second["mave"], len(mave.paid)) == (first["objects"], None, 1)


def test_force_reopens_an_unchanged_run(door: FlaskClient, mave: FakeMave) -> None:
    run(door, run_id="first")
    run(door, run_id="second")
    forced = run(door, run_id="second", force=True)
    assert (forced["status"], len(mave.paid)) == ("published", 2)
    assert run(door)["objects"] == forced["objects"]


def test_a_trial_moves_no_latest_framework_and_is_no_base_of_comparison(
    door: FlaskClient, mave: FakeMave, export: Path, frameworks: Path
) -> None:
    run(door, run_id="first")
    latest = (frameworks / "latest.json").read_bytes()
    write(export, SHIFTED)
    trial = run(door, run_id="trial", trial=True)
    assert (trial["status"], (frameworks / "latest.json").read_bytes()) == ("published", latest)
    run(door, run_id="second")
    assert (published(frameworks, "second")["drift"]["since_run_id"], len(mave.paid)) == ("first", 3)


def test_a_shift_is_worth_paying_for_and_told_to_mave_and_the_reader(
    door: FlaskClient, mave: FakeMave, export: Path, frameworks: Path
) -> None:
    run(door, run_id="first")
    write(export, SHIFTED)
    assert run(door, run_id="second")["status"] == "published"
    drift = published(frameworks, "second")["drift"]
    assert (drift["since_run_id"], drift["comparable"], drift["significant"]) == ("first", True, True)
    assert drift["max_share_change"] == pytest.approx(0.2)
    assert "25.0 %" in mave.paid[1]
    assert "What has changed" in (frameworks / "runs/second/framework.md").read_text()


def test_personas_are_asked_to_keep_their_names(door: FlaskClient, mave: FakeMave) -> None:
    run(door, run_id="first")
    run(door, run_id="second", force=True)
    assert "The Desk Planner" not in mave.paid[0]
    assert "The Desk Planner" in mave.paid[1]


@pytest.mark.parametrize(
    ("name", "before", "after", "paid"),
    [
        pytest.param("PERSONA_DOMINANCE", "0.5", "0.6", 2, id="another-rule"),
        pytest.param("PERSONA_MIN_DRIFT", "0.05", "0", 2, id="always-ask"),
        pytest.param("PERSONA_AUTHOR", "facts", "mave", 1, id="what-rules-worded-does-not-stand-in-for-mave"),
    ],
)
def test_another_rule_or_author_or_no_gate_always_asks(  # noqa: PLR0913, PLR0917 - a table's columns
    door: FlaskClient, mave: FakeMave, settings: Set, name: str, before: str, after: str, paid: int
) -> None:
    settings(**{name: before})
    run(door, run_id="first")
    settings(**{name: after})
    assert (run(door, run_id="second")["status"], len(mave.paid)) == ("published", paid)


@pytest.mark.parametrize("broken", [b"{}", None], ids=["unreadable", "deleted"])
def test_an_earlier_framework_that_cannot_be_read_is_no_baseline(
    door: FlaskClient, frameworks: Path, broken: bytes | None
) -> None:
    run(door, run_id="first")
    earlier = frameworks / "runs/first/framework.json"
    earlier.write_bytes(broken) if broken else earlier.unlink()
    assert run(door, run_id="second")["status"] == "published"
    assert published(frameworks, "second")["drift"] is None


def test_a_dry_run_tells_the_toldleft_and_pays_nothing(door: FlaskClient, mave: FakeMave) -> None:
    told = run(door, dry_run=True)["credits"]
    assert told["left"] == pytest.approx(mave.included_credits)
    assert (told["a_call_takes"], mave.paid) == ("10-75", [])


def test_a_trait_that_few_people_carry_is_named_in_report_log_and_outputs(
    door: FlaskClient, export: Path, frameworks: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    space = people((WEB, 100), (MOBILE, 100), (EMAIL, 100), (EVEN, 100))
    for person in space[:300]:
        del person["traits"]["emails_opened_30d"]
    write(export, space)
    warnings = run(door, run_id="first")["warnings"]
    assert warnings[0].startswith("Only 25.0 % of the profiles carry emails_opened_30d")
    assert warnings[0] in capfd.readouterr().err
    assert published(frameworks, "first")["warnings"] == warnings


@pytest.mark.slow
def test_a_run_in_the_warehouse_publishes_and_a_dry_run_tells_what_it_would_read(
    door: FlaskClient, frameworks: Path, settings: Set, emulator: Emulator
) -> None:
    space = people((WEB, 20), (MOBILE, 20), (EMAIL, 20), (EVEN, 20))
    settings(BIGQUERY_EMULATOR_HOST=emulator.url)
    settings(PERSONA_SOURCE=emulator.fill("space", tables(space)))
    dry = run(door, dry_run=True)
    report = run(door, run_id="first")
    told = report["status"], report["source"], report["profiles"]["classified"], [*dry["estimate"]]
    assert told == ("published", "bigquery", 80, ["bytes"])
    sampling = published(frameworks, "first")["source"]["sampling"]
    assert sampling == "All 80 profiles of the space (Profiles Sync in BigQuery) were read."


def test_a_follow_up_about_the_strategy_alone_completes_the_framework(
    door: FlaskClient, mave: FakeMave, frameworks: Path, settings: Set
) -> None:
    settings(PERSONA_MAVE_CALLS="2")
    start = CONTENT.rindex("\n#", 0, CONTENT.index("Strategy"))
    mave.script = [answer(CONTENT[:start]), answer(CONTENT[start:])]
    report = run(door, run_id="first")
    framework = published(frameworks, "first")
    assert (report["mave"]["calls"], report["checks"]["missing_sections"]) == (2, 0)
    assert all(framework["strategy"].values())
    titles = "## Omnichannel", "## Cross-Channel Strategy"
    assert [framework["narrative"].count(title) for title in titles] == [1, 1]


def test_a_question_that_mave_asks_back_is_no_part_of_the_framework(
    door: FlaskClient, mave: FakeMave, frameworks: Path, settings: Set
) -> None:
    settings(PERSONA_MAVE_CALLS="2")
    mave.script = [answer("Before I start: which market is this about?"), answer(CONTENT)]
    assert run(door, run_id="first")["mave"]["calls"] == 2
    narrative = published(frameworks, "first")["narrative"]
    assert ("which market" in narrative, "“The Desk Planner”" in narrative) == (False, True)


def test_names_of_another_space_or_of_invented_people_are_not_kept(
    door: FlaskClient, mave: FakeMave, export: Path, settings: Set
) -> None:
    settings(PERSONA_SOURCE="sample")
    run(door, run_id="first")
    settings(PERSONA_SOURCE=str(export))
    run(door, run_id="second")
    assert "The Desk Planner" not in mave.paid[1]


def test_a_dry_run_shows_the_figures_even_where_mave_cannot_be_asked(
    door: FlaskClient, settings: Set
) -> None:
    settings(MAVERA_API_URL="http://127.0.0.1:9")
    report = run(door, dry_run=True)
    assert (report["credits"]["left"], report["profiles"]["classified"]) == (None, 400)
    assert "Mave" in report["credits"]["why"]
