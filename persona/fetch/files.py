# ruff: noqa: S608 - queries are made of quoted names
"""People from files: JSON lines, a JSON array, CSV or Parquet, or Profiles Sync's tables, unloaded."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from tempfile import TemporaryDirectory

from persona.classify.engine import Engine, OddRecords, identifier, literal
from persona.deadline import Deadline
from persona.errors import PersonaError
from persona.fetch import profiles_sync, trait_names
from persona.fetch.file_kinds import File, columns_of, looked_at, records, table
from persona.fetch.local import located, refused
from persona.fetch.people import ABSENT, People, judged, listed, needed_traits, relation_of, typed
from persona.log import Log, Progress
from persona.settings import Settings

SETTING = "PERSONA_SOURCE"
_PLACE = re.compile(r"(?i)(line|record)(?:/value)?:? (\d+)")
# Columns of these types are numbers as they are; a FLOAT is not the number that its text says.
_NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE"}


@contextmanager
def fetch(settings: Settings, limit: int, deadline: Deadline, log: Log) -> Iterator[People]:
    """The people of one file or many, `limit` of them drawn at random (0: all).

    Raises:
        BadSettings: PERSONA_SOURCE names no file that can be read.
        Refused: Cloud Storage does not give the object, or it cannot be read.
        Unavailable: Cloud Storage stayed busy, or the object was replaced meanwhile.
        DeadlineExceeded: the time is up before all is read.
    """
    log.notify(Progress("fetch"))
    with (
        located(settings.where, SETTING, deadline) as (places, file_system),
        TemporaryDirectory() as scratch,
        Engine(deadline, [place.path for place in places], scratch, file_system) as engine,
    ):
        try:
            files = [looked_at(place, engine, deadline) for place in places]
            people = relation(engine, files, settings)
        except OddRecords as odd:
            raise refused(settings.where, SETTING, str(odd)) from None
        people.draw(limit)
        yield people


def relation(engine: Engine, files: Sequence[File], settings: Settings) -> People:
    """The people in these files.

    Raises:
        OddRecords: they are of more than one kind.
    """
    looks = " and ".join(sorted({one.looks for one in files}))
    parameters: Mapping[str, object] = {}
    tables = profiles_sync.unloaded([one.name for one in files])
    if tables:
        looks = f"Profiles Sync's tables, unloaded as {looks}"
        sources = {
            name: profiles_sync.rows(engine, [files[i] for i in places]) for name, places in tables.items()
        }
        query = profiles_sync.query(settings, sources, "duckdb")
        readings = [lambda: f"WITH {query} SELECT * FROM people"]
        parameters = profiles_sync.parameters(settings)
    elif len(kinds := sorted({one.kind for one in files})) > 1:
        raise OddRecords(f"expected files of one kind, got {' and '.join(kinds)}")
    elif kinds == ["CSV"]:
        readings = _csv(engine, files, settings)
    elif kinds == ["Parquet"]:
        readings = [lambda: _parquet(engine, table(files), settings)]
    else:
        traits = needed_traits(settings)
        readings = [
            lambda: typed(traits, lambda columns: table(files, f", columns = {columns}")),
            lambda: judged(traits, f"(SELECT json AS record FROM {records(files)})"),
        ]
    people = People(engine, readings, partial(_refusal, files, settings), parameters)
    people.kind = f"{looks} ({len(files)} files)" if len(files) > 1 else looks
    people.names = lambda: trait_names.carried(engine, files, settings.id_columns)
    return people


def _refusal(files: Sequence[File], settings: Settings, words: str) -> PersonaError:
    """What the engine's complaint means; its own words quote the content."""
    file = next((one for one in files if one.path in words), files[0])
    place = _PLACE.search(words)
    if "maximum_object_size" in words or "Maximum line size" in words:
        what = "a line of it is longer than 4 MiB, or it has no lines"
    else:
        what = "cannot be read as that" + (f", first at {place[1].lower()} {place[2]}" if place else "")
    return refused(settings.where, SETTING, f"{file.name} looks like {file.looks}; {what}; store it again")


def _csv(engine: Engine, files: Sequence[File], settings: Settings) -> list[Callable[[], str]]:
    columns = dict.fromkeys((name for file in files for name in file.columns), "VARCHAR")

    @cache
    def with_bad_rows(strict: str) -> str:
        """The rows that can be read, and for each of the others one with the reason."""
        mode = f", strict_mode = {strict}"
        rejects = f"store_rejects = true, rejects_table = 'bad_{strict}', rejects_scan = 'scans_{strict}'"
        engine.rows(f"SELECT COUNT(COLUMNS(*)) FROM {table(files, f'{mode}, {rejects}')}")
        bad = engine.rows(f"""
          SELECT 'row_' || REPLACE(LOWER(kind), ' ', '_') AS problem, COUNT(*) AS n
          FROM (SELECT MIN(error_type) AS kind FROM bad_{strict} GROUP BY scan_id, file_id, line)
          GROUP BY kind
        """)
        people = _flat(columns, settings, table(files, f"{mode}, ignore_errors = true"))
        return people + "".join(
            " UNION ALL BY NAME "
            f"SELECT 0 AS identities, {literal(row['problem'])} AS problem FROM range({row['n']})"
            for row in bad
        )

    # Only where lines end in more than one way is nothing read strictly; a row too long then loses its end.
    return [
        lambda: _flat(columns, settings, table(files)),
        lambda: with_bad_rows("true"),
        lambda: with_bad_rows("false"),
    ]


def _flat(columns: Mapping[str, str], settings: Settings, source: str) -> str:
    """A row a person: the columns of PERSONA_ID_COLUMNS hold external ids, every other one a trait."""
    anyhow = {name.lower(): name for name in columns}

    def column(name: str) -> str:
        name = name if name in columns else anyhow.get(name.lower(), "")
        return _value(identifier(name), columns[name]) if name else ABSENT

    ids = {name: column(name) for name in settings.id_columns}
    carried = {
        name: f"IFNULL(CAST({column} AS VARCHAR), '') <> ''"
        for name, column in ids.items()
        if column != ABSENT
    }
    identities = " + ".join(f"CAST({carries} AS BIGINT)" for carries in carried.values())
    types = ", ".join(f"IF({carries}, {literal(name)}, NULL)" for name, carries in carried.items())
    types = f"CONCAT_WS(CHR(31), {types})" if types else "''"
    return relation_of(map(column, needed_traits(settings)), (identities or "0", types), source)


def _parquet(engine: Engine, source: str, settings: Settings) -> str:
    """People in columns, or `traits` and `external_ids` as in JSON: structures, maps, or its text."""
    columns = columns_of(engine, source)
    traits, ids = columns.get("traits", ""), columns.get("external_ids", "")
    if not traits and not ids:
        return _flat(columns, settings, source)
    members = (
        columns_of(engine, f"(SELECT UNNEST(traits) FROM {source})") if traits.startswith("STRUCT") else {}
    )

    def member(name: str) -> str:
        if traits.startswith("STRUCT"):
            return _value(f"traits.{identifier(name)}", members[name]) if name in members else ABSENT
        if traits.startswith("MAP"):
            return f"CAST(traits[{literal(name)}] AS VARCHAR)"
        path = '$."' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"JSON_EXTRACT_STRING(traits, {literal(path)})" if traits else ABSENT

    some = "external_ids" if ids.endswith("[]") else 'FROM_JSON(external_ids, \'[{"type": "VARCHAR"}]\')'
    return relation_of(map(member, needed_traits(settings)), listed(some) if ids else ("0", "''"), source)


def _value(column: str, kind: str) -> str:
    return column if kind in _NUMBERS else f"CAST({column} AS VARCHAR)"
