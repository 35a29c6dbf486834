# ruff: noqa: S608 - queries are made of quoted names
"""People from files: JSON lines, a JSON array, CSV or Parquet, or Profiles Sync's tables, unloaded."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from persona.classify.engine import Engine, OddRecords, identifier, literal
from persona.deadline import Deadline
from persona.errors import PersonaError
from persona.fetch import profiles_sync, trait_names
from persona.fetch.file_kinds import (
    File,
    UnreadableFile,
    columns_of,
    looked_at,
    records,
    table,
    with_known_columns,
)
from persona.fetch.local import located, refused
from persona.fetch.people import ABSENT, ID_FIELDS, People, judged, listed, relation_of
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
        Engine(deadline, [place.path for place in places], file_system) as engine,
    ):
        log.notify(Progress("fetch", share=engine.share))
        files: list[File] = []
        try:
            files += [looked_at(place, engine, deadline) for place in places]
            people = relation(engine, files, settings)
            people.moved = {literal(place.path): literal(place.address) for place in places}
        except UnreadableFile as odd:
            raise refused(settings.where, SETTING, str(odd)) from None
        except OddRecords as odd:  # in the engine's words, which may quote the content
            raise _refusal(files, settings, str(odd)) from None
        people.draw(limit)
        yield people


def relation(engine: Engine, files: Sequence[File], settings: Settings) -> People:
    """The people in these files.

    Raises:
        UnreadableFile: they are of more than one kind.
    """
    looks = " and ".join(sorted({one.looks for one in files}))
    kinds = sorted({one.kind for one in files})
    parameters: dict[str, Any] = {}
    if tables := profiles_sync.unloaded(files):
        looks = f"Profiles Sync's tables, unloaded as {looks}"
        sources = {name: profiles_sync.rows(engine, some) for name, some in tables.items()}
        unloaded, parameters = profiles_sync.query(settings, sources, "duckdb")
        readings: list[Callable[[], str]] = [lambda: f"WITH {unloaded} FROM people"]
    elif len(kinds) > 1:
        raise UnreadableFile(f"expected files of one kind, got {' and '.join(kinds)}; name one kind with *")
    elif kinds == ["CSV"]:
        readings = _csv(engine, files, settings)
    elif kinds == ["Parquet"]:
        readings = [cache(lambda: _parquet(engine, table(files), settings))]
    else:
        traits = settings.traits
        readings = [
            lambda: _typed(traits, files),
            lambda: judged(traits, f"(SELECT json AS record FROM {records(files)})"),
        ]
    people = People(engine, readings, partial(_refusal, files, settings), parameters)
    people.kind = f"{looks} ({len(files)} files)" if len(files) > 1 else looks
    people.names = lambda: trait_names.carried(engine, files, settings.id_columns)
    return people


def _refusal(files: Sequence[File], settings: Settings, words: str) -> PersonaError:
    """What the engine's complaint means; its own words quote the content."""
    file = next((one for one in files if one.path in words), files[0] if files else None)
    if file is None:
        return refused(settings.where, SETTING, "it cannot be read as what it looks like; store it again")
    place = _PLACE.search(words)
    if "maximum_object_size" in words or "Maximum line size" in words:
        what = "a line of it is longer than 4 MiB, or it has no lines"
    else:
        what = "cannot be read as that" + (f", first at {place[1].lower()} {place[2]}" if place else "")
    return refused(settings.where, SETTING, f"{file.name} looks like {file.looks}; {what}; store it again")


def _typed(traits: Sequence[str], files: Sequence[File]) -> str:
    """People in JSON whose records are all well formed."""
    fields, one = (
        ", ".join(f"{identifier(name)} VARCHAR" for name in names) for names in (traits, ID_FIELDS)
    )
    columns = f"{{'traits': {literal(f'STRUCT({fields})')}, 'external_ids': 'STRUCT({one})[]'}}"
    return relation_of(
        [f"traits.{identifier(name)}" for name in traits],
        listed("external_ids"),
        table(files, f", columns = {columns}"),
        # A record without traits may be no profile at all: that is for `judged` to say.
        "IF(traits IS NULL, ERROR('no traits'), NULL)",
    )


def _csv(engine: Engine, files: Sequence[File], settings: Settings) -> list[Callable[[], str]]:
    known = {*settings.traits, *settings.id_columns, "canonical_segment_id"}
    files = with_known_columns(files, known)
    columns = dict.fromkeys((name for file in files for name in file.columns), "VARCHAR")

    @cache
    def bad_rows(strict: str) -> str:
        """A row with the reason for each that cannot be read."""
        rejects = f"store_rejects = true, rejects_table = 'bad_{strict}', rejects_scan = 'scans_{strict}'"
        engine.rows(f"SELECT COUNT(COLUMNS(*)) FROM {table(files, f', strict_mode = {strict}, {rejects}')}")
        bad = engine.rows(f"""
          SELECT 'row_' || REPLACE(LOWER(kind), ' ', '_') AS problem, COUNT(*) AS n
          FROM (SELECT MIN(error_type) AS kind FROM bad_{strict} GROUP BY scan_id, file_id, line)
          GROUP BY kind
        """)
        return "".join(
            " UNION ALL BY NAME "
            f"SELECT 0 AS identities, {literal(row['problem'])} AS problem FROM range({row['n']})"
            for row in bad
        )

    def readable(strict: str) -> str:
        rows = table(files, f", strict_mode = {strict}, ignore_errors = true")
        return _flat(columns, settings, rows) + bad_rows(strict)

    # Only where lines end in more than one way is nothing read strictly; a row too long then loses its end.
    return [
        lambda: _flat(columns, settings, table(files)),
        partial(readable, "true"),
        partial(readable, "false"),
    ]


def _flat(columns: Mapping[str, str], settings: Settings, source: str) -> str:
    """A row a person: the columns of PERSONA_ID_COLUMNS hold external ids, every other one a trait."""
    anyhow = {name.lower(): name for name in columns}

    def column(name: str) -> str:
        name = name if name in columns else anyhow.get(name.lower(), "")
        return _value(identifier(name), columns[name]) if name else ABSENT

    def text(expression: str) -> str:
        return f"NULLIF(CAST({expression} AS VARCHAR), '')"

    present = {name: text(column(name)) for name in settings.id_columns if column(name) != ABSENT}
    identities = " + ".join(f"CAST({one} IS NOT NULL AS BIGINT)" for one in present.values())
    types = ", ".join(f"IF({one} IS NULL, NULL, {literal(name)})" for name, one in present.items())
    ids = f"""
      {identities or 0} AS identities, {f"CONCAT_WS(CHR(31), {types})" if types else "''"} AS types,
      {text(column("canonical_segment_id"))} AS canonical_segment_id,
      {next(iter(present.values()), ABSENT)} AS user_id"""
    return relation_of(map(column, settings.traits), ids, source)


def _parquet(engine: Engine, source: str, settings: Settings) -> str:
    """People in columns, or `traits` and `external_ids` as in JSON: structures, maps, or its text."""
    columns = columns_of(engine, source)
    traits, external_ids = columns.get("traits", ""), columns.get("external_ids", "")
    if not traits and not external_ids:
        return _flat(columns, settings, source)
    structure = traits.startswith("STRUCT")
    members = columns_of(engine, f"(SELECT UNNEST(traits) FROM {source})") if structure else {}

    def member(name: str) -> str:
        if structure:
            return _value(f"traits.{identifier(name)}", members[name]) if name in members else ABSENT
        if traits.startswith("MAP"):
            return f"CAST(traits[{literal(name)}] AS VARCHAR)"
        path = '$."' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"JSON_EXTRACT_STRING(traits, {literal(path)})" if traits else ABSENT

    inside = f"(SELECT UNNEST(external_ids, recursive := true) FROM {source})"
    is_list = external_ids.endswith("[]")
    if not external_ids:
        ids = "CAST(NULL AS STRUCT(type VARCHAR, id VARCHAR)[])"
    elif is_list and "id" in columns_of(engine, inside):
        ids = "external_ids"
    else:
        packed = "TO_JSON(external_ids)" if is_list else "external_ids"
        ids = f"FROM_JSON({packed}, {literal(json.dumps([ID_FIELDS]))})"
    return relation_of(map(member, settings.traits), listed(ids), source)


def _value(column: str, kind: str) -> str:
    return column if kind in _NUMBERS else f"CAST({column} AS VARCHAR)"
