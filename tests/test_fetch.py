"""The same people give the same figures, whichever way they are read."""

import csv
import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cloud import Emulator, FakeSegment
from spaces import ACTIVITIES, CHANNELS, LTV, PLAN, PLANS, assert_same, count, counted, random_space, tables

from persona.classify.counts import Counts

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

TYPES = ("user_id", "email", "anonymous_id", "phone", "ios.id", "ios_id", "android_id")
# On CI; by hand: TEST_EXAMPLES=1000 tests/run tests/test_fetch.py
EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "3"))


def as_rows(space: Sequence[dict[str, Any]]) -> list[dict[str, str | None]]:
    """A row a person: traits and external ids in columns."""
    names = [*CHANNELS.values(), LTV, PLAN]
    return [
        {name: profile["traits"].get(name) for name in names}
        | dict.fromkeys(TYPES)
        | {one["type"]: one["id"] for one in profile["external_ids"]}
        for profile in space
    ]


def write_csv(path: Path, rows: Sequence[dict[str, Any]], **dialect: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), **dialect)
        writer.writeheader()
        writer.writerows(rows)


def files(folder: Path, space: Sequence[dict[str, Any]]) -> Iterator[Path]:
    """Yield the space in every kind of file."""
    lines = "\n".join(map(json.dumps, space)).encode()
    (folder / "lines").write_bytes(lines)
    (folder / "packed").write_bytes(gzip.compress(lines))
    (folder / "array").write_text(json.dumps(space, indent=1))
    half = len(space) // 2
    for number, part in enumerate((space[:half], space[half:])):
        (folder / f"part-{number}.jsonl").write_text("\n".join(map(json.dumps, part)))
    rows = as_rows(space)
    write_csv(folder / "commas", rows)
    write_csv(folder / "semicolons", rows, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
    pq.write_table(pa.Table.from_pylist(rows), folder / "flat")
    pq.write_table(pa.Table.from_pylist(space), folder / "nested", compression="zstd")
    with duckdb.connect() as engine:
        engine.execute(
            f"COPY (FROM read_csv('{folder}/commas', all_varchar = true)) TO '{folder}/zstd' "
            "(FORMAT csv, HEADER, COMPRESSION zstd)"
        )
    (folder / "unloaded").mkdir()
    for name, table in tables(space).items():
        shouted = [{key.upper(): row[key] for key in row} for row in table]
        write_csv(folder / "unloaded" / f"{name}_0.csv", shouted)
    names = "lines packed array part-* commas semicolons zstd flat nested unloaded"
    yield from (folder / name for name in names.split())


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_every_service_and_every_kind_of_file_gives_the_same_figures(tmp_path: Path, seed: int) -> None:
    space = random_space(seed, TYPES)
    with FakeSegment(space, requests_a_second=None) as segment:
        listed, *others = (counted(source, **segment.settings()) for source in ("segment", "profile-api"))
    others += map(counted, files(tmp_path, space))
    assert listed.read == 150
    for other in others:
        assert_same(listed, other)


def troubled_tables(random: Random, people: int) -> dict[str, list[dict[str, Any]]]:
    """Tables in which rows landed twice, late, out of order, or name nobody."""
    traits, identifiers = [], []
    for n in range(people):
        person = f"use_{n:04}"
        for name in [*CHANNELS.values(), LTV, PLAN, "city"]:
            for _ in range(random.choice([0, 1, 1, 1, 3])):
                value = random.choice([*PLANS, "much"] if name in {PLAN, "city"} else ACTIVITIES)
                seq = random.choice([None, *range(1, 9)])
                traits.append({"canonical_segment_id": person, "name": name, "value": value, "seq": seq})
        for kind in random.choices([*TYPES, "", None], k=random.randrange(5)):
            row = {"canonical_segment_id": person, "type": kind, "value": f"{random.randrange(3)}"}
            identifiers += [row | {"seq": seq} for seq in range(random.choice([1, 1, 2]))]
    nobody = {"canonical_segment_id": None, "name": LTV, "value": "1", "seq": 1}
    random.shuffle(traits)
    return {"user_traits": [*traits, nobody], "user_identifiers": identifiers}


def plainly_read(rows: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The people in such tables: of a trait the highest seq counts, of equals the smallest value."""
    people: dict[str, dict[str, Any]] = defaultdict(lambda: {"traits": {}, "ids": set()})
    for row in rows["user_traits"]:
        if row["canonical_segment_id"]:
            told = people[row["canonical_segment_id"]]["traits"].setdefault(row["name"], [])
            told.append((-(row["seq"] or 0), row["value"] is not None, row["value"] or "", row["value"]))
    for row in rows["user_identifiers"]:
        people[row["canonical_segment_id"]]["ids"].add((row["type"] or "", row["value"]))
    return [
        {
            "traits": {name: min(told)[-1] for name, told in person["traits"].items()},
            "external_ids": [{"type": kind} for kind, _ in person["ids"]],
        }
        for person in people.values()
    ]


def unloaded(folder: Path, rows: dict[str, list[dict[str, Any]]]) -> Counts:
    """The tables as a warehouse unloads them: one to Parquet, the other to JSON lines."""
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows["user_traits"]), folder / "user_traits.parquet")
    lines = "\n".join(map(json.dumps, rows["user_identifiers"]))
    (folder / "user_identifiers-0.json.gz").write_bytes(gzip.compress(lines.encode()))
    return counted(folder)


def test_unloaded_tables_are_read_row_by_row_as_they_really_are(tmp_path: Path) -> None:
    for seed in range(5):
        rows = troubled_tables(Random(seed), 80)  # noqa: S311 - as above
        assert_same(count(plainly_read(rows), CHANNELS), unloaded(tmp_path / "tables", rows))


def test_an_unloaded_table_may_be_empty(tmp_path: Path) -> None:
    rows = troubled_tables(Random(1), 9)  # noqa: S311 - as above
    counts = unloaded(tmp_path / "tables", rows | {"user_identifiers": []})
    assert (counts.read, counts.everybody().identities) == (9, 0)


def test_unloaded_values_of_any_type_are_their_text(tmp_path: Path) -> None:
    traits = [
        {"CANONICAL_SEGMENT_ID": person, "NAME": name, "VALUE": value, "SEQ": 1}
        for person, plan in (("a", 5), ("b", "pro"))
        for name, value in ((PLAN, plan), ("web_sessions_30d", 3), ("mobile_sessions_30d", "1"))
    ]
    nameless = {"canonical_segment_id": "a", "type": None, "value": "x"}
    both: dict[str, list[dict[str, Any]]] = {"user_traits": traits, "user_identifiers": [nameless]}
    for name, rows in both.items():
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
    web = counted(tmp_path).groups[0]
    assert (web.n, dict(web.plans), web.identities) == (2, {"5": 1, "pro": 1}, 1)


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_random_spaces_with_duplicates_and_late_rows_are_equal_in_both_engines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, emulator: Emulator, seed: int
) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", emulator.url)
    random = Random(1_000 + seed)  # noqa: S311 - as above
    rows = troubled_tables(random, random.randrange(1, 40))
    there = counted(emulator.fill("space", rows))
    assert_same(there, unloaded(tmp_path / "tables", rows))
