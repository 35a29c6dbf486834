"""A run knows the framework before it: what has changed, what people were called, whether to ask at all."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cloud import Emulator, FakeMave, answer
from doors import Set, client
from flask.testing import FlaskClient
from spaces import tables

# The activity that makes a person web-, mobile-, email-dominant or omnichannel.
WEB, MOBILE, EMAIL, EVEN = (12, 2, 1), (3, 14, 2), (2, 1, 13), (5, 5, 5)
CONTENT = (Path(__file__).parent / "data" / "answer_named.md").read_text(encoding="utf-8")


def people(*numbers: int) -> list[dict[str, Any]]:
    """So many people of each activity, all with the same plan and identifiers."""
    names = ("web_sessions_30d", "mobile_sessions_30d", "emails_opened_30d")
    return [
        {
            "traits": {**dict(zip(names, map(str, activity), strict=True)), "ltv": "100", "plan": "pro"},
            "external_ids": [{"type": "user_id", "id": f"usr_{number}"}],
        }
        for activity, n in zip((WEB, MOBILE, EMAIL, EVEN), numbers, strict=True)
        for number in range(n)
    ]


class Team(NamedTuple):
    """A deployment that reads a file and asks Mave where a share has changed by five points."""

    door: FlaskClient
    mave: FakeMave
    export: Path
    frameworks: Path
    settings: Set

    def fill(self, space: list[dict[str, Any]]) -> None:
        self.export.write_text("\n".join(map(json.dumps, space)), encoding="utf-8")

    def run(self, run_id: str | None = None, **request: object) -> dict[str, Any]:
        answered = self.door.post("/", data=json.dumps(request | ({"run_id": run_id} if run_id else {})))
        assert answered.status_code == 200, answered.get_data(as_text=True)
        return dict(answered.get_json())

    def published(self, run_id: str) -> dict[str, Any]:
        return dict(json.loads((self.frameworks / f"runs/{run_id}/framework.json").read_bytes()))


@pytest.fixture
def team(frameworks: Path, tmp_path: Path, settings: Set) -> Iterator[Team]:
    with FakeMave(answer(CONTENT)) as mave:
        export = tmp_path / "space.jsonl"
        given = {**mave.settings(), "PERSONA_SOURCE": str(export), "PERSONA_MAVE_CALLS": "1"}
        settings(**given, PERSONA_MIN_DRIFT="0.05")
        team = Team(client("persona_http"), mave, export, frameworks, settings)
        team.fill(people(100, 100, 100, 100))
        yield team


def test_a_space_that_has_not_changed_is_not_paid_for_again_unless_forced(team: Team) -> None:
    first, second, again = (team.run(run_id) for run_id in ("first", "second", "second"))
    assert (first["status"], second["status"], again["status"]) == ("published", "unchanged", "unchanged")
    assert (second["objects"], second["mave"], len(team.mave.paid)) == (first["objects"], None, 1)
    forced = team.run("second", force=True)
    assert (forced["status"], len(team.mave.paid)) == ("published", 2)
    assert team.run()["objects"] == forced["objects"]


def test_a_trial_moves_no_latest_framework_and_is_no_base_of_comparison(team: Team) -> None:
    team.run("first")
    latest = (team.frameworks / "latest.json").read_bytes()
    team.fill(people(180, 60, 80, 80))
    trial = team.run("trial", trial=True)
    assert (trial["status"], (team.frameworks / "latest.json").read_bytes()) == ("published", latest)
    team.run("second")
    assert (team.published("second")["drift"]["since_run_id"], len(team.mave.paid)) == ("first", 3)


def test_a_shift_is_worth_paying_for_and_told_and_the_personas_keep_their_names(team: Team) -> None:
    team.run("first")
    team.fill(people(180, 60, 80, 80))
    assert team.run("second")["status"] == "published"
    drift, (before, after) = team.published("second")["drift"], team.mave.paid
    assert (drift["since_run_id"], drift["comparable"], drift["significant"]) == ("first", True, True)
    assert drift["max_share_change"] == pytest.approx(0.2)
    told = "25.0 %" in after, "The Desk Planner" in after, "The Desk Planner" in before
    assert told == (True, True, False)
    assert "What has changed" in (team.frameworks / "runs/second/framework.md").read_text()


OTHER = {
    "another rule": ("PERSONA_DOMINANCE", "0.5", "0.6", 2),
    "always ask": ("PERSONA_MIN_DRIFT", "0.05", "0", 2),
    "what rules worded does not stand in for Mave": ("PERSONA_AUTHOR", "facts", "mave", 1),
}


@pytest.mark.parametrize("given", OTHER.values(), ids=OTHER)
def test_another_rule_or_author_or_no_gate_always_asks(team: Team, given: tuple[str, str, str, int]) -> None:
    name, before, after, paid = given
    team.settings(**{name: before})
    team.run("first")
    team.settings(**{name: after})
    assert (team.run("second")["status"], len(team.mave.paid)) == ("published", paid)


@pytest.mark.parametrize("broken", [b"{}", None], ids=["unreadable", "deleted"])
def test_an_earlier_framework_that_cannot_be_read_is_no_baseline(team: Team, broken: bytes | None) -> None:
    team.run("first")
    earlier = team.frameworks / "runs/first/framework.json"
    earlier.write_bytes(broken) if broken else earlier.unlink()
    assert team.run("second")["status"] == "published"
    assert team.published("second")["drift"] is None


def test_a_trait_that_few_people_carry_is_named_in_report_log_and_outputs(
    team: Team, capfd: pytest.CaptureFixture[str]
) -> None:
    space = people(100, 100, 100, 100)
    for person in space[:300]:
        del person["traits"]["emails_opened_30d"]
    team.fill(space)
    warnings = team.run("first")["warnings"]
    assert warnings[0].startswith("Only 25.0 % of the profiles carry emails_opened_30d")
    assert warnings[0] in capfd.readouterr().err
    assert team.published("first")["warnings"] == warnings


@pytest.mark.slow
def test_a_run_in_the_warehouse_publishes_and_a_dry_run_tells_its_bytes(
    team: Team, emulator: Emulator
) -> None:
    source = emulator.fill("space", tables(people(20, 20, 20, 20)))
    team.settings(BIGQUERY_EMULATOR_HOST=emulator.url, PERSONA_SOURCE=source)
    dry, report = team.run(dry_run=True), team.run("first")
    told = report["status"], report["source"], report["profiles"]["classified"], [*dry["estimate"]]
    assert told == ("published", "bigquery", 80, ["bytes"])
    sampling = team.published("first")["source"]["sampling"]
    assert sampling == "All 80 profiles of the space (Profiles Sync in BigQuery) were read."


def test_names_of_another_space_or_of_invented_people_are_not_kept(team: Team) -> None:
    team.settings(PERSONA_SOURCE="sample")
    team.run("first")
    team.settings(PERSONA_SOURCE=str(team.export))
    team.run("second")
    assert "The Desk Planner" not in team.mave.paid[1]
