"""A run knows the framework before it: what has changed, what people were called, whether to ask at all."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cloud import Emulator, FakeMave, answer
from doors import DATA, Set, client, in_process
from flask.testing import FlaskClient
from spaces import tables

# The activity that makes a person web-, mobile-, email-dominant or omnichannel.
WEB, MOBILE, EMAIL, EVEN = (12, 2, 1), (3, 14, 2), (2, 1, 13), (5, 5, 5)
CONTENT = (DATA / "answer_named.md").read_text(encoding="utf-8")


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


def test_a_follow_up_about_the_strategy_alone_completes_the_framework(team: Team) -> None:
    team.settings(PERSONA_MAVE_CALLS="2")
    start = CONTENT.rindex("\n#", 0, CONTENT.index("Strategy"))
    team.mave.script = [answer(CONTENT[:start]), answer(CONTENT[start:])]
    report, framework = team.run("first"), team.published("first")
    assert (report["mave"]["calls"], report["checks"]["missing_sections"]) == (2, 0)
    assert all(framework["strategy"].values())
    titles = "## Omnichannel", "## Cross-Channel Strategy"
    assert [framework["narrative"].count(title) for title in titles] == [1, 1]


def test_a_dry_run_goes_on_where_mave_refuses_to_tell_the_credits(team: Team) -> None:
    team.settings(MAVERA_API_KEY="mvra_live_other")
    dry = team.run(dry_run=True)
    assert (dry["status"], dry["summary"]["population"]["read"]) == ("dry_run", 400)
    assert dry["credits"]["left"] is None
    assert "check MAVERA_API_KEY" in dry["credits"]["why"]


def test_names_of_another_space_or_of_invented_people_are_not_kept(team: Team) -> None:
    team.settings(PERSONA_SOURCE="sample")
    team.run("first")
    team.settings(PERSONA_SOURCE=str(team.export))
    team.run("second")
    assert "The Desk Planner" not in team.mave.paid[1]


@pytest.fixture
def earlier(team: Team) -> Team:
    """A team in whose bucket the last version that wrote `persona-framework/1` left the run `before`.

    It is of the sample space, worded by an answer that types its figures.
    """
    shutil.copytree(DATA / "run_1", team.frameworks)
    team.settings(PERSONA_SOURCE="sample", PERSONA_MIN_DRIFT="0")
    return team


def test_a_published_run_of_schema_1_is_replayed_over_http_and_in_a_terminal(earlier: Team) -> None:
    report, none = earlier.run("before"), {"from_data": 0, "equal": 0, "not_in_data": 0}
    assert (report["status"], len(earlier.mave.paid)) == ("replayed", 0)
    assert report["checks"] == {"missing_sections": 0, "figures": none, "unresolved": 0, "assumptions": 0}
    ended = in_process("--source", "sample", "--run-id", "before", cwd=earlier.frameworks.parent)
    assert (ended.exit_code, "Run before: replayed (sample, words by mave)" in ended.stdout) == (0, True)


def test_a_paid_answer_of_schema_1_is_published_without_paying_again(earlier: Team) -> None:
    """With what the new schema knows of it: figures that were typed, and no next step."""
    folder = earlier.frameworks / "runs" / "before"
    state = json.loads((folder / "state.json").read_bytes())
    unfinished = state | {"status": "released", "closed": None, "report": None}
    (folder / "state.json").write_text(json.dumps(unfinished))
    (folder / "framework.json").unlink()
    assert (earlier.run("before")["status"], len(earlier.mave.paid)) == ("published", 0)
    document = earlier.published("before")
    names = ["The Desk Planner", "The On-The-Go Operator", "The Inbox Dweller", "The Power Orchestrator"]
    lacking = [path for path in document["checks"]["missing_sections"] if "next_step" not in path]
    verdicts = {figure["verdict"] for figure in document["checks"]["figures"]}
    assert (document["schema"], lacking, verdicts) == ("persona-framework/2", [], {"not_in_data"})
    assert names == [persona["name"] for persona in document["personas"]]


def test_a_framework_of_schema_1_is_compared_with_and_its_names_are_kept(earlier: Team) -> None:
    earlier.run("after")
    drift, (message,) = earlier.published("after")["drift"], earlier.mave.paid
    told = (
        '"web_dominant": "The Desk Planner"',
        "{{web_dominant.share_before}} Earlier share of the classified: 28.7 %",
    )
    assert (drift["since_run_id"], drift["comparable"]) == ("before", True)
    assert [words for words in told if words not in message] == []
