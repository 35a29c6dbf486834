"""The names of a file's traits come with how many people have each, whatever the file's kind."""

import json
from pathlib import Path

import duckdb
import pytest

from persona.deadline import Deadline
from persona.fetch import fetch
from persona.log import Log
from persona.settings import read_settings

QUIET = Log(as_json=False, level="ERROR")
TRAITS = "{'visits': 3, 'city': 'Rome', 'none': NULL::INTEGER}"
ROWS = "FROM range(7)"


def names(where: Path) -> dict[str, tuple[int, int]]:
    settings = read_settings({"PERSONA_SOURCE": str(where)}, "terminal")
    with fetch(settings, 0, Deadline(60), QUIET) as people:
        return {name: tuple(carried) for name, carried in people.names().items()}  # type: ignore[misc]


@pytest.mark.parametrize(
    "rows",
    [
        f"SELECT {TRAITS} AS traits, 'x' AS id {ROWS}",
        f"SELECT MAP {{'visits': '3', 'city': 'Rome', 'none': NULL}} AS traits {ROWS}",
        f"SELECT to_json({TRAITS})::VARCHAR AS traits {ROWS}",
        f"SELECT 3 AS visits, 'Rome' AS city, NULL::INTEGER AS none, 'u1' AS user_id {ROWS}",
    ],
    ids=["structure", "map", "text", "flat"],
)
def test_parquet_of_every_shape_names_its_traits(tmp_path: Path, rows: str) -> None:
    duckdb.sql(f"COPY ({rows}) TO '{tmp_path / 'people.parquet'}' (FORMAT parquet)")
    assert names(tmp_path / "people.parquet") == {"city": (7, 0), "visits": (7, 7)}


def test_columns_may_have_the_names_that_a_query_would_choose(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("user_id,one,row,traits\nu1,3,4,5\nu2,3,4,5\n")
    assert names(tmp_path / "people.csv") == {"one": (2, 2), "row": (2, 2), "traits": (2, 2)}


def test_a_json_array_names_its_traits(tmp_path: Path) -> None:
    records = [{"traits": {"visits": 3, "city": "Rome", "none": None}}] * 7
    (tmp_path / "people.json").write_text(json.dumps(records))
    assert names(tmp_path / "people.json") == {"city": (7, 0), "visits": (7, 7)}


def test_records_that_cannot_be_read_name_nothing(tmp_path: Path) -> None:
    lines = ['{"traits": {"visits": 3}}', '{"traits": [1]}', "{oops", "7", '{"traits": {"visits": ""}}']
    (tmp_path / "people.jsonl").write_text("\n".join(lines))
    assert names(tmp_path / "people.jsonl") == {"visits": (1, 1)}


def test_profiles_syncs_unloaded_table_counts_a_person_once(tmp_path: Path) -> None:
    rows = [
        "canonical_segment_id,name,value,seq",
        "a,visits,3,1",
        "a,visits,4,2",
        "b,visits,5,1",
        "b,city,Rome,1",
    ]
    (tmp_path / "user_traits.csv").write_text("\n".join(rows))
    (tmp_path / "user_identifiers.csv").write_text(
        "canonical_segment_id,type,value\na,user_id,1\nb,user_id,2"
    )
    assert names(tmp_path) == {"visits": (2, 2), "city": (1, 0)}
