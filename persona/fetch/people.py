"""The relation that every source ends in: a row a person, everything as the text that came.

Its columns are those that classify.sql reads.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from persona.classify.counts import NAME_CHARACTERS, Everybody
from persona.classify.engine import Engine, OddRecords, identifier, literal
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
    """People whom DuckDB reads: `readings` make queries for them, each more patient than the one before.

    Well formed records are read at full speed; only where one is not, all are judged one by one.
    """

    dialect = "duckdb"

    def __init__(
        self,
        engine: Engine,
        readings: Sequence[Callable[[], str]],
        refusal: Callable[[str], Exception] = OddRecords,
        parameters: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        # A literal of the readings -> where that lies later on; None: nothing of it does.
        self.moved: Mapping[str, str] | None = None
        self.drawn = False
        self.truncated = False  # there are more, who were not read
        self.notes: list[str] = []  # what the reader should know, in sentences
        self.kind = ""  # of the files, in words
        # All traits that there are, by name, where whoever reads the people can tell.
        self.names: Callable[[], Mapping[str, Carried]] = dict
        self.engine = engine
        self._readings, self._refusal, self._parameters = [*readings], refusal, parameters
        self._draw = ""

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a statement that goes on after `WITH people AS (…),`.

        Raises:
            PersonaError: what was read is no people at all, or not in time.
        """
        while True:
            try:
                read = self._readings[0]()
                people = f"read AS ({read}), {self._draw}" if self._draw else f"people AS ({read}),"
                return self.engine.rows(f"WITH {people} {sql}", {**self._parameters, **parameters})
            except OddRecords as odd:
                if len(self._readings) == 1:
                    raise self._refusal(str(odd)) from None
                del self._readings[0]

    def everybody(self) -> Everybody | None:
        if self.moved is None:
            return None
        # The reading that the run itself has come to.
        people = f"people AS ({self._readings[0]()})"
        return Everybody(people, self._parameters, "channel_patterns", self.moved)

    def draw(self, limit: int) -> None:
        """Keep `limit` people, each with the same chance, the same ones every time (0: all)."""
        counted = "n AS (SELECT COUNT(*) AS n FROM people) SELECT n FROM n"
        size = self.rows(counted, {})[0]["n"] if limit else 0
        if size <= limit:
            return
        self.drawn = self.truncated = True
        # By their place in what is read, which no number of threads changes.
        self._draw = f"""
          space AS (SELECT {size} AS n),
          drawn AS (
            SELECT range AS place FROM range({size}) ORDER BY HASH(range, {SEED}), range LIMIT {limit}
          ),
          placed AS (SELECT *, ROW_NUMBER() OVER () - 1 AS place FROM read),
          people AS (SELECT * FROM placed SEMI JOIN drawn USING (place)),
        """  # noqa: S608 - made of numbers


# One text is handed over ten times as fast as a list; JSON holds no U+001E.
_RECORDS = "(SELECT TRY_CAST(UNNEST(STRING_SPLIT($records, CHR(30))) AS JSON) AS record)"
# Of each batch a row a name. Where they are more, the names are free text, or the space is a large one: then
# nobody can tell.
_MOST_NAMED = 200_000


class Table(People):
    """People whom a service gives page by page; of a page nothing is kept but the relation's columns."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        super().__init__(engine, [lambda: "FROM gathered"])
        everything = judged(settings.traits, _RECORDS)
        self._people = f"SELECT * EXCLUDE (canonical_segment_id, user_id) FROM ({everything})"  # noqa: S608
        self._into = "CREATE TABLE gathered AS"
        self._named: int | None = None  # rows; the other services send the needed traits alone
        if settings.source == "segment":
            engine.rows("CREATE TABLE named (name VARCHAR, n BIGINT, numeric BIGINT)")
            self._named, self.names = 0, self._all_names

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
        text = b"\x1e".join(records).decode(errors="replace")
        kept = "" if records else " LIMIT 0"
        self.engine.rows(f"{self._into} {self._people}{kept}", {"records": text})
        self._into = "INSERT INTO gathered"
        if records and self._named is not None and self._named < _MOST_NAMED:
            names = "INSERT INTO named" + trait_names("record->'$.traits'", _RECORDS)
            self._named += self.engine.rows(names, {"records": text})[0]["Count"]

    def _all_names(self) -> Mapping[str, Carried]:
        counted = "SELECT name, SUM(n) AS n, SUM(numeric) AS numeric FROM named GROUP BY 1 ORDER BY 2 DESC, 1"
        rows = self.engine.rows(counted) if (self._named or 0) < _MOST_NAMED else []
        return {row["name"]: Carried(int(row["n"]), int(row["numeric"])) for row in rows}


def trait_names(traits: str, source: str) -> str:
    """A query for the names in traits, JSON or maps, with how many people have each, and a number."""
    members = f"MAP_ENTRIES(TRY_CAST({traits} AS MAP(VARCHAR, VARCHAR)))"
    return f"""
      SELECT SUBSTR(key, 1, {NAME_CHARACTERS}) AS name, COUNT(*) AS n,
        COUNT(TRY_CAST(value AS DOUBLE)) AS numeric
      FROM (SELECT UNNEST({members}, recursive := true) FROM {source}) WHERE value <> '' GROUP BY name
    """  # noqa: S608 - our own text and quoted names


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
      ARRAY_TO_STRING([one.type FOR one IN {external_ids}], CHR(31)) AS types,
      {ABSENT} AS canonical_segment_id, NULLIF(CAST({first} AS VARCHAR), '') AS user_id"""


def relation_of(traits: Iterable[str], ids: str, source: str, problem: str = ABSENT) -> str:
    """The relation: the needed traits, and the columns of the external ids, as a source has them."""
    *figures, plan = traits
    columns = ", ".join(f"{one} AS trait_{i}" for i, one in enumerate([*figures, f"CAST({plan} AS VARCHAR)"]))
    return f"SELECT {columns}, {ids}, {problem} AS problem FROM {source}"  # noqa: S608 - names are quoted
