"""The relation that every source ends in: a row a person, everything as the text that came.

Its columns are those that classify.sql reads.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
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


class People:
    """People whom DuckDB reads: `readings` are queries for them, each more patient than the one before.

    Well formed records are read at full speed; only where one is not, all are judged one by one.
    """

    dialect = "duckdb"

    def __init__(
        self,
        engine: Engine,
        readings: Iterable[str],
        refusal: Callable[[OddRecords], Exception] = OddRecords,
        parameters: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.drawn = False
        self.truncated = False  # there are more, whom nobody drew from
        self.notes: list[str] = []  # what the reader should know, in sentences
        self.kind = ""  # of the files, in words
        # All traits that there are, by name, where whoever reads the people can tell.
        self.names: Callable[[], Mapping[str, Carried]] = dict
        self.engine = engine
        self._readings, self._refusal, self._parameters = iter(readings), refusal, parameters
        self._reading = next(self._readings)
        self._draw = "people AS (FROM read)"

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a statement that goes on after `WITH people AS (…),`."""
        while True:
            people = f"read AS ({self._reading}), {self._draw}"
            try:
                return self.engine.rows(f"WITH {people}, {sql}", {**self._parameters, **parameters})
            except OddRecords as odd:
                self._reading = next(self._readings, "")
                if not self._reading:
                    raise self._refusal(odd) from None

    def everybody(self) -> Everybody | None:
        # The reading that the run itself has come to.
        return Everybody(f"people AS ({self._reading})", self._parameters, "channel_patterns")

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
          drawn AS (
            SELECT range AS place FROM range({size}) ORDER BY HASH(range, {SEED}), range LIMIT {limit}
          ),
          placed AS (SELECT *, ROW_NUMBER() OVER () - 1 AS place FROM read),
          people AS (SELECT * FROM placed SEMI JOIN drawn USING (place))
        """  # noqa: S608 - made of numbers


# One text is handed over ten times as fast as a list; JSON holds no U+001E.
_RECORDS = "(SELECT TRY_CAST(UNNEST(STRING_SPLIT($records, CHR(30))) AS JSON) AS record)"
# Where there are more names than this, they are free text.
MOST_NAMES = 10_000


class Table(People):
    """People whom a service gives page by page; of a page nothing is kept but the relation's columns."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        super().__init__(engine, ["FROM gathered"])
        everything = judged(settings.traits, _RECORDS)
        self._people = f"SELECT * EXCLUDE (canonical_segment_id, user_id) FROM ({everything})"  # noqa: S608
        self._into = "CREATE TEMP TABLE gathered AS"
        self._named: dict[str, Carried] = {}
        self.names = lambda: dict(sorted(self._named.items(), key=lambda one: (-one[1].n, one[0])))
        self._all_traits = settings.source == "segment"  # the other services send the needed ones alone

    def everybody(self) -> None:
        """A service sends its people once."""

    def fill(self, pages: Iterable[Page], notice: Callable[[int, int], None]) -> None:
        """Take in all pages; `notice` hears of pages and people after each."""
        read, waiting = 0, list[bytes]()
        rejected: Counter[str] = Counter()
        for number, page in enumerate(pages, start=1):
            waiting += page.records
            if sum(map(len, waiting)) >= BATCH_BYTES:
                self._insert(waiting)
                waiting = []
            rejected.update(page.rejected)
            read += len(page.records) + sum(page.rejected.values())
            self.truncated = page.more
            notice(number, read)
        self._insert(waiting)
        for reason, n in rejected.items():
            refused = "INSERT INTO gathered (identities, problem) SELECT 0, $reason FROM range($n)"
            self.engine.rows(refused, {"reason": reason, "n": n})

    def _insert(self, records: Sequence[bytes]) -> None:
        batch = {"records": b"\x1e".join(records).decode(errors="replace")}
        self.engine.rows(f"{self._into} {self._people}{'' if records else ' LIMIT 0'}", batch)
        self._into = "INSERT INTO gathered"
        if self._all_traits and records:
            for name, carried in names_of(self.engine, "record->'$.traits'", _RECORDS, batch).items():
                before = self._named.get(name, Carried(0, 0))
                if before.n or len(self._named) < MOST_NAMES:
                    self._named[name] = Carried(before.n + carried.n, before.numeric + carried.numeric)


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
      LIST_AGGREGATE([one.type FOR one IN {external_ids}], 'string_agg', CHR(31)) AS types,
      {ABSENT} AS canonical_segment_id, NULLIF(CAST({first} AS VARCHAR), '') AS user_id"""


def relation_of(traits: Iterable[str], ids: str, source: str, problem: str = ABSENT) -> str:
    """The relation: the needed traits, and the columns of the external ids, as a source has them."""
    *figures, plan = traits
    columns = ", ".join(f"{one} AS trait_{i}" for i, one in enumerate([*figures, f"CAST({plan} AS VARCHAR)"]))
    return f"SELECT {columns}, {ids}, {problem} AS problem FROM {source}"  # noqa: S608 - names are quoted
