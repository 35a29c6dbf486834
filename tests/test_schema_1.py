"""Runs and frameworks of `persona-framework/1` in a bucket: replayed, carried on, compared with.

`data/run_1` was left by the last version that wrote it: the sample space, worded by an answer that types its
figures. A run that was not finished yet differs in what is taken away here.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import FakeMave, answer
from doors import Set, client, in_process
from flask.testing import FlaskClient

DATA = Path(__file__).parent / "data"
ANSWER = (DATA / "answer_named.md").read_text(encoding="utf-8")


@pytest.fixture
def mave() -> Iterator[FakeMave]:
    with FakeMave(answer(ANSWER)) as mave:
        yield mave


@pytest.fixture
def door(frameworks: Path, mave: FakeMave, settings: Set) -> FlaskClient:
    shutil.copytree(DATA / "run_1", frameworks)
    settings(**mave.settings(), PERSONA_SOURCE="sample", PERSONA_MAVE_CALLS="1")
    return client("persona_http")


def framework(frameworks: Path, run_id: str) -> Any:
    return json.loads((frameworks / "runs" / run_id / "framework.json").read_bytes())


def test_a_published_run_is_replayed(door: FlaskClient, mave: FakeMave) -> None:
    reply = door.post("/", json={"run_id": "before"})
    report, none = reply.json or {}, {"from_data": 0, "equal": 0, "not_in_data": 0}
    assert (reply.status_code, report["status"], len(mave.paid)) == (200, "replayed", 0)
    assert report["checks"] == {"missing_sections": 0, "figures": none, "unresolved": 0, "assumptions": 0}


def test_a_published_run_is_replayed_in_a_terminal(tmp_path: Path) -> None:
    shutil.copytree(DATA / "run_1", tmp_path / "frameworks")
    ended = in_process("--source", "sample", "--run-id", "before", cwd=tmp_path)
    assert (ended.exit_code, "Run before: replayed (sample, words by mave)" in ended.stdout) == (0, True)


def test_a_paid_answer_is_published_without_paying_again(
    door: FlaskClient, mave: FakeMave, frameworks: Path
) -> None:
    """With what the new schema knows of it: figures that were typed, and no next step."""
    folder = frameworks / "runs" / "before"
    state = json.loads((folder / "state.json").read_bytes())
    unfinished = state | {"status": "released", "closed": None, "report": None}
    (folder / "state.json").write_text(json.dumps(unfinished))
    (folder / "framework.json").unlink()
    reply = door.post("/", json={"run_id": "before"})
    document = framework(frameworks, "before")
    assert ((reply.json or {})["status"], len(mave.paid)) == ("published", 0)
    names = ["The Desk Planner", "The On-The-Go Operator", "The Inbox Dweller", "The Power Orchestrator"]
    lacking = [path for path in document["checks"]["missing_sections"] if "next_step" not in path]
    verdicts = {figure["verdict"] for figure in document["checks"]["figures"]}
    assert (document["schema"], lacking, verdicts) == ("persona-framework/2", [], {"not_in_data"})
    assert names == [persona["name"] for persona in document["personas"]]


def test_a_framework_is_compared_with_and_its_names_are_kept(
    door: FlaskClient, mave: FakeMave, frameworks: Path
) -> None:
    door.post("/", json={"run_id": "after"})
    drift = framework(frameworks, "after")["drift"]
    told = (
        '"web_dominant": "The Desk Planner"',
        "{{web_dominant.share_before}} Earlier share of the classified: 28.7 %",
    )
    assert (drift["since_run_id"], drift["comparable"]) == ("before", True)
    assert [words for words in told if words not in mave.paid[0]] == []
