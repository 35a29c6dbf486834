"""`members.sql` is a view of everybody's pattern by the run's own rule, in the engine that holds them."""

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cloud import Emulator, FakeMave, FakeStorage, answer, refuse
from doors import DATA
from spaces import random_space, tables
from test_fetch import TYPES, files
from test_fetch_files import put

from persona.deadline import Deadline
from persona.errors import PersonaError
from persona.log import Log
from persona.model import Report
from persona.pipeline import run as run_once
from persona.request import Request
from persona.settings import read_settings
from persona.write.members_sql import text

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

Run = Callable[..., Report]
Fill = Callable[..., str]
QUIET = Log(as_json=False, level="ERROR")
COLUMNS = ["canonical_segment_id", "user_id", "pattern", "persona", "holdout"]
CONTENT = (DATA / "answer_named.md").read_text(encoding="utf-8")
# What a customer may call a trait, and a model a persona.
NAMES = [
    "'); DROP TABLE x; --",
    "\\'); DROP TABLE x; --",
    "*/ ' \" ` /* -- $most @most",
    'say "no" \\',
    "one\nline\r\n-- and\u2028another",
    "企業 \\x27 \\u0027 \N{SNOWMAN}\U0001f600",
]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Carries out a run into a folder of the test's own."""

    def carry_out(source: object, run_id: str = "first", **more: str) -> Report:
        given = {"PERSONA_SOURCE": str(source), "PERSONA_OUTPUT": str(tmp_path / "out")}
        settings = read_settings({**given, "PERSONA_MIN_GROUP": "1", **more}, "terminal")
        return run_once(Request(run_id=run_id), run_id, settings, Deadline(600), QUIET)

    return carry_out


def statement(report: Report) -> str:
    return Path(str((report.objects or {})["members"])).read_text(encoding="utf-8")


def here(report: Report) -> list[dict[str, Any]]:
    """The rows of the view, in DuckDB; in an order of ours, since a view has none."""
    with duckdb.connect() as engine:
        engine.execute(statement(report))
        cursor = engine.execute("FROM channel_patterns")
        assert [column[0] for column in cursor.description or ()] == COLUMNS
        return [dict(zip(COLUMNS, row, strict=True)) for row in sorted(cursor.fetchall(), key=str)]


def there(report: Report, emulator: Emulator) -> list[dict[str, Any]]:
    """The rows of the view, in the warehouse."""
    emulator.rows(statement(report))
    rows = emulator.rows("SELECT * FROM `test-project.space.channel_patterns`")
    assert [*rows[0]] == COLUMNS
    return rows


def counted(report: Report) -> dict[str, int]:
    return {pattern["key"]: pattern["n"] for pattern in report.patterns}


def in_view(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(row["pattern"] for row in rows)


def user(n: int) -> dict[str, str]:
    return {"type": "user_id", "id": f"u{n}"}


def held_out(identifier: str) -> bool:
    return int(sha256(f"1:{identifier}".encode()).hexdigest()[:8], 16) < round(0.1 * 16**8)


def test_the_view_of_every_kind_of_file_counts_what_the_framework_counts(tmp_path: Path, run: Run) -> None:
    for path in files(tmp_path, random_space(7, TYPES)):
        report = run(path, path.name.strip("*-"))
        rows = here(report)
        assert counted(report) == in_view(rows), path.name
        by_id = {row["canonical_segment_id"] or row["user_id"]: row["holdout"] for row in rows}
        assert by_id == {name: None if name is None else held_out(name) for name in by_id}
        assert sum(name is not None for name in by_id) > 30


def test_rows_that_cannot_be_read_are_in_no_pattern(tmp_path: Path, run: Run) -> None:
    rows = "".join(f"{n},u{n}\n" for n in range(40))
    (tmp_path / "p.csv").write_text(f"web_sessions_30d,user_id\n{rows}1\n2,u,x\n")
    report = run(tmp_path / "p.csv", PERSONA_CHANNELS="web=web_sessions_30d,app=app")
    assert (report.profiles.rejected, counted(report)) == (2, in_view(here(report)))


def test_no_column_but_the_needed_is_named_in_the_bucket(tmp_path: Path, run: Run) -> None:
    """A header's other cells may be anything: of a part that was cut off its header, a person."""
    rows = [f"u{n},{n % 9},{n % 4},{n % 3},1" for n in range(60)]
    header = "user_id,web_sessions_30d,mobile_sessions_30d,emails_opened_30d,jane@example.com"
    (tmp_path / "p.csv").write_text("\n".join([header, *rows]))
    report = run(tmp_path / "p.csv")
    kept = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [data for data in kept if b"jane" in data] == []
    assert counted(report) == in_view(here(report))


def test_the_view_is_of_everybody_where_the_run_drew_some(tmp_path: Path, run: Run) -> None:
    (tmp_path / "lines").write_text("\n".join(map(json.dumps, random_space(8, TYPES, size=400))))
    everybody, drawn = run(tmp_path / "lines"), run(tmp_path / "lines", "drawn", PERSONA_LIMIT="100")
    assert drawn.profiles.read == 100
    assert in_view(here(drawn)) == counted(everybody)


@pytest.mark.parametrize(("share", "expected"), [("0", 0), ("0.5", 2_500)], ids=["nobody", "half"])
def test_the_holdout_is_as_large_as_it_is_set(tmp_path: Path, run: Run, share: str, expected: int) -> None:
    rows = "".join(f"{n % 9},{n % 4},u{n}\n" for n in range(1, 5_001))
    (tmp_path / "p.csv").write_text(f"web,app,user_id\n{rows}")
    report = run(tmp_path / "p.csv", PERSONA_CHANNELS="web=web,app=app", PERSONA_HOLDOUT=share)
    assert sum(row["holdout"] for row in here(report)) == pytest.approx(expected, abs=150)


def test_objects_of_a_bucket_stand_in_the_view_by_their_address(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = "\n".join(map(json.dumps, random_space(9, TYPES, size=40)))
    with FakeStorage("exports") as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        for name in ("a/part-0.jsonl", "b/part-0.jsonl"):
            put(storage, name, space.encode())
        report = run("gs://exports/*.jsonl")
    assert report.profiles.read == 80
    assert "['gs://exports/a/part-0.jsonl', 'gs://exports/b/part-0.jsonl']" in statement(report)


@pytest.fixture
def fill(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Fill:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", emulator.url)
    return lambda rows: emulator.fill("space", rows)


def test_the_view_in_the_warehouse_counts_what_the_framework_counts(
    run: Run, emulator: Emulator, fill: Fill
) -> None:
    space = tables(random_space(10, TYPES, size=300))
    report = run(fill(space), PERSONA_LIMIT="0")
    rows = there(report, emulator)
    assert counted(report) == in_view(rows)
    assert all(row["holdout"] == held_out(row["canonical_segment_id"]) for row in rows)
    listed = [one for one in space["user_identifiers"] if one["type"] == "user_id"]
    users = {one["canonical_segment_id"]: one["value"] for one in listed}
    by_id = {row["canonical_segment_id"]: row["user_id"] for row in rows}
    assert by_id == {name: users.get(name) for name in by_id}


def test_the_view_counts_raw_events_until_the_moment_it_is_asked(
    run: Run, emulator: Emulator, fill: Fill
) -> None:
    moments = [(datetime.now(UTC) - timedelta(hours=6 * n + 1)).isoformat() for n in range(3)]

    def events(*people: int) -> list[dict[str, Any]]:
        stood = [(n, moment) for n in people for moment in moments[: n % 3 + 1]]
        return [{"segment_id": f"use_{n:04}", "timestamp": moment} for n, moment in stood]

    raw = {"pages": events(*range(60)), "screens": events(*range(40, 80)), "email_opened": events(*range(20))}
    space = [{"traits": {"ltv": "1"}, "external_ids": [user(n)]} for n in range(90)]
    report = run(fill(tables(space) | raw | {"profile_merges": []}), PERSONA_EVENTS="on", PERSONA_LIMIT="0")
    assert "CURRENT_TIMESTAMP()" in statement(report)
    assert counted(report) == in_view(there(report, emulator))


@pytest.mark.parametrize("name", NAMES)
def test_no_name_breaks_out_of_a_literal(emulator: Emulator, name: str) -> None:
    with duckdb.connect() as engine:
        [(read,)] = engine.execute(f"SELECT {text(name, 'duckdb')} -- '").fetchall()
    assert [read, emulator.rows(f"SELECT {text(name, 'bigquery')} AS name -- '")] == [name, [{"name": name}]]


@pytest.mark.parametrize("name", [NAMES[1], '*/ " ` /* $most @most'])
def test_traits_and_personas_of_any_name_are_those_of_the_view(
    tmp_path: Path, run: Run, emulator: Emulator, fill: Fill, name: str
) -> None:
    space = [{"traits": {name: f"{n % 5}", "app": f"{n % 3}"}, "external_ids": [user(n)]} for n in range(60)]
    named = {"PERSONA_CHANNELS": f"web={name},app=app", "PERSONA_LIMIT": "0"}
    (tmp_path / "lines").write_text("\n".join(map(json.dumps, space)))
    for run_id, source in (("file", str(tmp_path / "lines")), ("warehouse", fill(tables(space)))):
        with FakeMave(answer(CONTENT.replace("The Desk Planner", name).replace("Mobile", "App"))) as mave:
            report = run(source, run_id, **named, **mave.settings(), PERSONA_MAVE_CALLS="1")
        rows = here(report) if run_id == "file" else there(report, emulator)
        assert counted(report) == in_view(rows)
        [persona] = {row["persona"] for row in rows if row["pattern"] == "web_dominant"}
        framework = json.loads(Path(str((report.objects or {})["json"])).read_bytes())
        assert persona == framework["personas"][0]["name"]


def test_a_later_delivery_that_publishes_writes_the_view_of_the_one_that_read(
    tmp_path: Path, run: Run
) -> None:
    (tmp_path / "lines").write_text("\n".join(map(json.dumps, random_space(11, TYPES))))
    with FakeMave(answer(CONTENT)) as mave:
        mave.script = [refuse(402), answer(CONTENT)]
        named = {**mave.settings(), "PERSONA_MAVE_CALLS": "1"}
        with pytest.raises(PersonaError, match="402"):
            run(tmp_path / "lines", **named)
        read = here(run(tmp_path / "lines", "other", **named))
        (tmp_path / "lines").rename(tmp_path / "moved")
        report = run(tmp_path / "lines", **named)
    (tmp_path / "moved").rename(tmp_path / "lines")
    assert here(report) == read


def test_the_lift_that_the_guide_reads_is_the_one_that_its_query_gives() -> None:
    guide = (Path(__file__).parent.parent / ".readme" / "activate.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
    [query] = [query for query in queries if "give_or_take" in query]
    with duckdb.connect() as engine:
        user = "SELECT 'u' || n AS user_id"
        campaign = f"{user}, 'web' AS pattern, n < 1000 AS holdout FROM range(10000) AS one(n)"
        engine.execute(f"CREATE TABLE campaign AS {campaign}")
        engine.execute(f"CREATE TABLE conversions AS {user} FROM range(955, 1540) AS one(n), range(2)")
        [row] = engine.execute(query).fetchall()
    assert row[:5] == ("web", 9_000, 1_000, 0.06, 0.045)
    assert [f"{100 * figure:.1f}" for figure in row[5:]] == ["1.5", "1.4"]
    assert "1.5 percentage\npoints" in guide
    assert "= 1.4: between 0.1 and 2.9" in guide
