"""The relation that every source ends in: a row a person, everything as the text that came.

Its columns are those that classify.sql reads.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from persona.classify.counts import NAME_CHARACTERS, Everybody
from persona.classify.engine import Engine, OddRecords, OutOfRoom, identifier, literal
from persona.settings import SEED, Settings

# Pages wait until there are so many bytes: a statement a page costs more than what it does.
BATCH_BYTES = 2**20

# What is read of an external id; its value is for members.sql alone.
ID_FIELDS = {"type": "VARCHAR", "id": "VARCHAR"}
# What a record does not have.
ABSENT = "CAST(NULL AS VARCHAR)"


class Page(NamedTuple):
    """Profiles as a service sends them."""

    records: Sequence[bytes]  # each the JSON of a profile
    more: bool = False  # on the last page: the limit cut the space short
    rejected: Mapping[str, int] = MappingProxyType({})  # reason -> profiles read that did not get this far


class Carried(NamedTuple):
    """How many people have a trait."""

    n: int
    numeric: int  # of them, with a number


@dataclass
class People:
    """People whom DuckDB reads: `readings` are queries for them, each more patient than the one before.

    Well formed records are read at full speed; only where one is not, all are judged one by one.
    """

    engine: Engine
    readings: Iterator[str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    refusal: Callable[[OddRecords], Exception] = OddRecords
    # All traits that there are, by name, where whoever reads the people can tell.
    names: Callable[[], Mapping[str, Carried]] = dict
    kind: str = ""  # of the files, in words
    lasting: bool = True  # they can be read again later
    drawn: bool = False
    truncated: bool = False  # there are more, whom nobody drew from
    notes: Sequence[str] = ()  # what the reader should know, in sentences
    dialect = "duckdb"

    def __post_init__(self) -> None:
        self._reading = next(self.readings)
        self._draw = "people AS (FROM read)"

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a statement that goes on after `WITH people AS (…),`."""
        while True:
            people = f"read AS ({self._reading}), {self._draw}"
            try:
                return self.engine.rows(f"WITH {people}, {sql}", {**self.parameters, **parameters})
            except OddRecords as odd:
                try:
                    self._reading = next(self.readings)
                except (OddRecords, StopIteration) as none:
                    raise self.refusal(none if isinstance(none, OddRecords) else odd) from None

    def everybody(self) -> Everybody | None:
        # The reading that the run itself has come to.
        people = f"people AS ({self._reading})"
        return Everybody(people, self.parameters, "channel_patterns") if self.lasting else None

    def draw(self, limit: int) -> None:
        """Keep `limit` people, each with the same chance, the same ones every time (0: all)."""
        counted = "n AS (SELECT COUNT(*) AS n FROM people) SELECT n FROM n"
        size = self.rows(counted, {})[0]["n"] if limit else 0
        if size <= limit:
            return
        self.drawn = True
        # By their place in what is read, which no number of threads changes.
        self._draw = f"""
          space AS (SELECT {size} AS n),
          placed AS (SELECT *, ROW_NUMBER() OVER () - 1 AS place FROM read),
          people AS (
            FROM placed WHERE place IN (
              SELECT range FROM range({size}) ORDER BY HASH(range, {SEED}), range LIMIT {limit}
            )
          )
        """  # noqa: S608 - made of numbers


# One text is handed over ten times as fast as a list; JSON holds no U+001E.
_RECORDS = "(SELECT TRY_CAST(UNNEST(STRING_SPLIT($records, CHR(30))) AS JSON) AS record)"
# Where there are more names than this, they are free text.
MOST_NAMES = 10_000


def gathered(
    engine: Engine, settings: Settings, pages: Iterable[Page], notice: Callable[[int, int], None]
) -> People:
    """People whom a service gives once, page by page; `notice` hears of pages and people after each.

    Of a page nothing is kept but the relation's columns and, where all traits come, their names.
    """
    named: dict[str, Carried] = {}
    traits = "".join(f"trait_{i} VARCHAR, " for i in range(len(settings.traits)))
    engine.rows(f"CREATE TEMP TABLE gathered ({traits}identities BIGINT, types VARCHAR, problem VARCHAR)")
    reading = judged(settings.traits, _RECORDS)

    def insert(records: Sequence[bytes]) -> None:
        batch = {"records": b"\x1e".join(records).decode(errors="replace")}
        kept = f"SELECT * EXCLUDE (canonical_segment_id, user_id) FROM ({reading})"  # noqa: S608 - quoted names
        engine.rows(f"INSERT INTO gathered {kept}", batch)
        if settings.source == "segment":  # the other services send the needed ones alone
            for name, (n, numeric) in names_of(engine, "record->'$.traits'", _RECORDS, batch).items():
                if name in named or len(named) < MOST_NAMES:
                    before = named.get(name, Carried(0, 0))
                    named[name] = Carried(before.n + n, before.numeric + numeric)

    read, more, waiting = 0, False, list[bytes]()
    for number, page in enumerate(pages, start=1):
        waiting += page.records
        if sum(map(len, waiting)) >= BATCH_BYTES:
            insert(waiting)
            waiting = []
        for reason, n in page.rejected.items():
            refused = "INSERT INTO gathered (identities, problem) SELECT 0, $reason FROM range($n)"
            engine.rows(refused, {"reason": reason, "n": n})
        read, more = read + len(page.records) + sum(page.rejected.values()), page.more
        notice(number, read)
    if waiting:
        insert(waiting)
    names = dict(sorted(named.items(), key=lambda one: (-one[1].n, one[0])))
    return People(engine, iter(["FROM gathered"]), names=lambda: names, lasting=False, truncated=more)


def names_of(
    engine: Engine, traits: str, source: str, parameters: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Carried]:
    """The names in traits, JSON or maps, the commonest first; of too many, the rarest are left out.

    None where they cannot be read.
    """
    members = f"MAP_ENTRIES(TRY_CAST({traits} AS MAP(VARCHAR, VARCHAR)))"
    sql = f"""
      SELECT SUBSTR(key, 1, {NAME_CHARACTERS}) AS name, COUNT(*) AS n,
        COUNT(TRY_CAST(value AS DOUBLE)) AS numeric
      FROM (SELECT UNNEST({members}, recursive := true) FROM {source})
      WHERE value <> '' GROUP BY name ORDER BY n DESC, name LIMIT {MOST_NAMES}
    """  # noqa: S608 - our own text and quoted names
    try:
        rows = engine.rows(sql, parameters)
    except (OddRecords, OutOfRoom):
        return {}
    return {row["name"]: Carried(row["n"], row["numeric"]) for row in rows}


def judged(traits: Sequence[str], records: str) -> str:
    """A query for people out of a column `record` of JSON, each judged by itself; null ids are none."""
    structure = {"traits": dict.fromkeys(traits, "VARCHAR"), "external_ids": [ID_FIELDS]}
    source = f"(SELECT record, FROM_JSON(record, {literal(json.dumps(structure))}) AS profile FROM {records})"  # noqa: S608
    problem = """
      CASE
        WHEN record IS NULL THEN 'not_json'
        WHEN JSON_TYPE(record) <> 'OBJECT' THEN 'profile_not_object'
        WHEN JSON_TYPE(record, '$.traits') <> 'OBJECT' THEN 'traits_not_object'
        WHEN JSON_TYPE(record, '$.external_ids') NOT IN ('ARRAY', 'NULL')
          OR NOT LIST_HAS_ALL(['OBJECT', 'NULL'], JSON_TYPE(record, '$.external_ids[*]'))
          THEN 'external_ids_malformed'
      END"""
    columns = [f"profile.traits.{identifier(name)}" for name in traits]
    return relation_of(columns, listed("profile.external_ids"), source, problem)


def listed(external_ids: str) -> str:
    """The columns of a list of external ids: how many, their types, and whose they are."""
    first = f"[one.id FOR one IN {external_ids} IF one.\"type\" = 'user_id'][1]"
    return f"""
      IFNULL(LEN({external_ids}), 0) AS identities,
      CONCAT_WS(CHR(31), [one.type FOR one IN {external_ids}]) AS types,
      {ABSENT} AS canonical_segment_id, NULLIF(CAST({first} AS VARCHAR), '') AS user_id"""


def relation_of(traits: Iterable[str], ids: str, source: str, problem: str = ABSENT) -> str:
    """The relation: the needed traits, and the columns of the external ids, as a source has them."""
    *figures, plan = traits
    columns = ", ".join(f"{one} AS trait_{i}" for i, one in enumerate([*figures, f"CAST({plan} AS VARCHAR)"]))
    return f"SELECT {columns}, {ids}, {problem} AS problem FROM {source}"  # noqa: S608 - names are quoted
