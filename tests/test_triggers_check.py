"""`python -m persona check` tells what a source holds and what is missing: names, never a value."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from cloud import FakeBigQuery, FakeSegment
from doors import DATA, in_process

FITTING = "web=web_visits,mobile=app_opens,email=mail_clicks"
HEADER = ["user_id", "web_visits", "app_opens", "mail_clicks", "ltv", "plan", "city"]
ROWS: list[list[object]] = [
    [f"u{n}", n % 7, n % 5, n % 3, n, "pro", "Rome" if n % 2 else None] for n in range(200)
]
PEOPLE = [{"traits": dict(zip(HEADER[1:], row[1:], strict=True)), "external_ids": []} for row in ROWS]


def csv(path: Path) -> None:
    rows: list[list[object]] = [[*HEADER], *ROWS]
    path.write_text("\n".join(",".join("" if one is None else str(one) for one in row) for row in rows))


def json_lines(path: Path) -> None:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, PEOPLE)).encode()))


def parquet(path: Path) -> None:
    csv(path.with_suffix(".csv"))
    duckdb.sql(f"COPY (FROM '{path.with_suffix('.csv')}') TO '{path}' (FORMAT parquet)")


WRITERS: dict[str, Callable[[Path], None]] = {"CSV": csv, "JSON lines": json_lines, "Parquet": parquet}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_with_other_names_is_told_with_the_channels_that_fit(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path / "people.data")
    ended = in_process("check", "people.data", cwd=tmp_path)
    told = (DATA / "checked.txt").read_text(encoding="utf-8")
    assert (ended.exit_code, ended.stdout) == (1, f"{kind}\n{told}")


def test_with_the_line_that_it_proposes_there_is_enough_and_nothing_is_written(tmp_path: Path) -> None:
    csv(tmp_path / "people.csv")
    ended = in_process("--channels", FITTING, "check", "people.csv", cwd=tmp_path)
    assert (ended.exit_code, ended.stdout.splitlines()[-1]) == (0, "Enough for a framework")
    assert [one.name for one in tmp_path.iterdir()] == ["people.csv"]


def test_without_a_source_the_one_of_the_settings_is_looked_at(tmp_path: Path) -> None:
    ended = in_process("check", cwd=tmp_path)
    assert (ended.exit_code, ended.stdout.splitlines()[0]) == (0, "the built-in, invented sample space")


@pytest.mark.parametrize(
    "name", ["jane@example.com", "call +1 555 867 5309", "rare"], ids=["address", "number", "few have it"]
)
def test_a_name_that_may_be_a_person_is_counted_and_not_shown(tmp_path: Path, name: str) -> None:
    traits = [
        {"web_sessions_30d": 1, "city": "x"} | ({name: 1} if n < 4 or name != "rare" else {})
        for n in range(50)
    ]
    (tmp_path / "people.jsonl").write_text("\n".join(json.dumps({"traits": one}) for one in traits))
    ended = in_process("check", "people.jsonl", cwd=tmp_path)
    assert (name in ended.stdout, "\n  and 1 more\n" in ended.stdout) == (False, True)


def test_a_run_without_one_channels_trait_warns_with_the_name_that_looks_like_it(tmp_path: Path) -> None:
    csv(tmp_path / "people.csv")
    channels = "web=web_visits,email=emails_opened_30d"
    ended = in_process("--source", "people.csv", "--channels", channels, cwd=tmp_path)
    assert (ended.exit_code, "Names that look like it: mail_clicks?" in ended.stdout) == (0, True)


def test_a_space_with_other_names_is_told_with_those_that_look_like_them(tmp_path: Path) -> None:
    with FakeSegment(PEOPLE * 6) as segment:
        ended = in_process(cwd=tmp_path, **segment.settings())
        looked = in_process("check", cwd=tmp_path, **segment.settings())
    assert "for web_sessions_30d: web_visits?; for mobile_sessions_30d: app_opens?" in ended.stderr
    assert (ended.exit_code, "u1" in ended.stderr, "Rome" in ended.stderr) == (1, False, False)
    assert f"  PERSONA_CHANNELS={FITTING}\n" in looked.stdout
    assert "1,200 profiles read" in looked.stdout
    assert ("    100 %  mail_clicks\n" in looked.stdout, "   50.0 %  city\n" in looked.stdout) == (True, True)


def test_bigquery_is_asked_for_no_more_bytes_than_may_be_billed(tmp_path: Path) -> None:
    with FakeBigQuery(estimated_bytes=1_234) as service:
        bounds = {"BIGQUERY_EMULATOR_HOST": service.url, "PERSONA_MAX_BYTES": "1000"}
        ended = in_process("check", "bigquery://project-1.space", cwd=tmp_path, **bounds)
    jobs = [json.loads(one.body)["configuration"] for one in service.requests if one.method == "POST"]
    assert (ended.exit_code, [job["dryRun"] for job in jobs]) == (1, [True])
    assert "the query would read 1,234 bytes, and PERSONA_MAX_BYTES allows 1,000" in ended.stderr
