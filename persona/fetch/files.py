# ruff: noqa: S608 - queries are made of quoted names
"""People from files: JSON lines, a JSON array, CSV or Parquet, or Profiles Sync's tables, unloaded."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from persona.classify.engine import Engine, OddRecords, identifier, literal
from persona.deadline import Deadline
from persona.errors import PersonaError
from persona.fetch import profiles_sync, trait_names
from persona.fetch.local import File, described, located, looked_at, refused, unmarked
from persona.fetch.people import People, judged, needed_traits, typed
from persona.fetch.readers import READERS, source_of, union
from persona.log import Log, Progress
from persona.settings import Settings

SETTING = "PERSONA_SOURCE"
_PLACE = re.compile(r"(?i)(line|record)(?:/value)?:? (\d+)")
_NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE"}
_ID_STRUCTURE = '[{"type": "VARCHAR"}]'


@contextmanager
def fetch(settings: Settings, limit: int, deadline: Deadline, log: Log) -> Iterator[People]:
    """The people of one file or many, `limit` of them drawn at random (0: all).

    Raises:
        BadSettings: PERSONA_SOURCE names no file that can be read.
        Refused: Cloud Storage does not give the object, or it cannot be read.
        Unavailable: Cloud Storage stayed busy, or the object was replaced meanwhile.
        DeadlineExceeded: the time is up before all is read.
    """
    with TemporaryDirectory() as scratch:
        log.notify(Progress("fetch"))
        named = located(settings.where, SETTING, Path(scratch), deadline)
        paths = {name: unmarked(path, Path(scratch), deadline) for name, path in named.items()}
        with Engine(deadline, [str(path) for path in paths.values()], scratch) as engine:
            try:
                files = [looked_at(name, path, engine, deadline) for name, path in paths.items()]
                people = relation(engine, files, settings)
                people.kind = _kind(files)
                people.names = lambda: trait_names.carried(engine, files, settings.id_columns)
            except OddRecords as odd:
                raise refused(settings.where, SETTING, str(odd)) from None
            people.draw(limit)
            yield people


def relation(engine: Engine, files: Sequence[File], settings: Settings) -> People:
    """The people in these files.

    Raises:
        OddRecords: they are of more than one kind.
    """
    tables = profiles_sync.unloaded([one.name for one in files])
    if tables:
        sources = {
            table: " UNION ALL BY NAME ".join(f"SELECT * FROM {source_of([files[i]])}" for i in positions)
            for table, positions in tables.items()
        }
        people = profiles_sync.query(
            settings, {name: f"({rows})" for name, rows in sources.items()}, "duckdb"
        )
        return People(
            engine,
            [lambda: f"WITH {people} SELECT * FROM people"],
            _refusal(files, settings),
            profiles_sync.parameters(settings),
        )
    kinds = sorted({one.kind for one in files})
    if len(kinds) > 1:
        raise OddRecords(f"expected files of one kind, got {' and '.join(kinds)}")
    return People(engine, _READINGS[kinds[0]](engine, files, settings), _refusal(files, settings))


def _kind(files: Sequence[File]) -> str:
    """What the files are, in words."""
    looks = " and ".join(sorted({one.looks for one in files}))
    if profiles_sync.unloaded([one.name for one in files]):
        looks = f"Profiles Sync's tables, unloaded as {looks}"
    return f"{looks} ({len(files)} files)" if len(files) > 1 else looks


def _refusal(files: Sequence[File], settings: Settings) -> Callable[[str], PersonaError]:
    """What the engine's complaint means; its own words quote the content."""

    def refusal(words: str) -> PersonaError:
        file = next((one for one in files if str(one.path) in words), files[0])
        place = _PLACE.search(words)
        if "maximum_object_size" in words or "Maximum line size" in words:
            what = "a line of it is longer than 16 MiB, or it has no lines"
        else:
            what = "cannot be read as that" + (f", first at {place[1].lower()} {place[2]}" if place else "")
        return refused(
            settings.where, SETTING, f"{file.name} looks like {file.looks}; {what}; store it again"
        )

    return refusal


# -- JSON ---------------------------------------------------------------------------------------------------


def _json(_engine: Engine, files: Sequence[File], settings: Settings) -> list[Callable[[], str]]:
    traits = needed_traits(settings)
    lines = files[0].kind == "JSON lines"
    layout = "format = 'newline_delimited'" if lines else "format = 'array'"

    def well_formed(columns: str) -> str:
        return union(files, "read_json", f"{layout}, columns = {columns}")

    patient = f"{layout}, ignore_errors = true" if lines else layout
    records = f"(SELECT json AS record FROM {union(files, 'read_json_objects', patient)})"
    return [lambda: typed(traits, well_formed), lambda: judged(traits, records)]


# -- tables -------------------------------------------------------------------------------------------------


def _csv(engine: Engine, files: Sequence[File], settings: Settings) -> list[Callable[[], str]]:
    columns = dict.fromkeys((name for file in files for name in file.columns), "VARCHAR")
    reader, options = READERS["CSV"]

    @cache
    def well_formed() -> str:
        return _flat(columns, settings, union(files, reader, options))

    @cache
    def with_bad_rows(mode: str) -> str:
        """The rows that can be read, and for each of the others one with the reason."""
        read = f"{options}, strict_mode = {mode}"
        counting = (
            f"{read}, store_rejects = true, rejects_table = 'bad_{mode}', rejects_scan = 'scans_{mode}'"
        )
        engine.rows(f"SELECT COUNT(COLUMNS(*)) FROM {union(files, reader, counting)}")
        bad = engine.rows(f"""
          SELECT 'row_' || REPLACE(LOWER(kind), ' ', '_') AS problem, COUNT(*) AS n
          FROM (SELECT MIN(error_type) AS kind FROM bad_{mode} GROUP BY scan_id, file_id, line) GROUP BY kind
        """)
        people = _flat(columns, settings, union(files, reader, f"{read}, ignore_errors = true"))
        return people + "".join(
            " UNION ALL BY NAME "
            f"SELECT 0 AS identities, {literal(row['problem'])} AS problem FROM range({row['n']})"
            for row in bad
        )

    # Only where lines end in more than one way is nothing read strictly; a row too long then loses its end.
    return [well_formed, lambda: with_bad_rows("true"), lambda: with_bad_rows("false")]


def _parquet(engine: Engine, files: Sequence[File], settings: Settings) -> list[Callable[[], str]]:
    source = source_of(files)

    def people() -> str:
        columns = described(engine, source)
        if "traits" in columns or "external_ids" in columns:
            return _nested(engine, columns, settings, source)
        return _flat(columns, settings, source)

    return [people]


def _flat(columns: Mapping[str, str], settings: Settings, source: str) -> str:
    """A row a person: the columns of PERSONA_ID_COLUMNS hold external ids, every other one a trait."""
    exact = {name: identifier(name) for name in columns}
    anyhow = {name.lower(): identifier(name) for name in columns}

    def text(name: str) -> str:
        column = exact.get(name) or anyhow.get(name.lower())
        return f"CAST({column} AS VARCHAR)" if column else "CAST(NULL AS VARCHAR)"

    def value(name: str) -> str:
        named = name if name in exact else next((one for one in columns if one.lower() == name.lower()), name)
        return exact[named] if columns.get(named) in _NUMBERS else text(name)

    needed = [*map(value, needed_traits(settings)[:-1]), text(settings.plan_trait)]
    traits = ", ".join(f"{column} AS trait_{i}" for i, column in enumerate(needed))
    present = [name for name in settings.id_columns if name in exact or name.lower() in anyhow]
    carried = [f"IFNULL({text(name)}, '') <> ''" for name in present]
    identities = " + ".join(f"IF({carries}, 1, 0)" for carries in carried)
    types = ", ".join(
        f"IF({carries}, {literal(name)}, NULL)" for name, carries in zip(present, carried, strict=True)
    )
    return f"""
      SELECT
        {traits},
        {identities or 0} AS identities,
        {f"CONCAT_WS(CHR(31), {types})" if types else "''"} AS types,
        CAST(NULL AS VARCHAR) AS problem
      FROM {source}
    """


def _nested(engine: Engine, columns: Mapping[str, str], settings: Settings, source: str) -> str:
    """`traits` and `external_ids` as in JSON lines: structures, maps, or text that holds JSON."""
    traits, ids = columns.get("traits", ""), columns.get("external_ids", "")
    if traits.startswith("STRUCT"):
        known = described(engine, f"(SELECT UNNEST(traits) FROM {source})")

    def text(name: str) -> str:
        if traits.startswith("STRUCT") and known.get(name) in _NUMBERS and name != settings.plan_trait:
            return f"traits.{identifier(name)}"
        if traits.startswith("STRUCT"):
            return f"CAST(traits.{identifier(name)} AS VARCHAR)" if name in known else "CAST(NULL AS VARCHAR)"
        if traits.startswith("MAP"):
            return f"CAST(traits[{literal(name)}] AS VARCHAR)"
        return f"JSON_EXTRACT_STRING(traits, {literal(_path(name))})" if traits else "CAST(NULL AS VARCHAR)"

    names = ", ".join(f"{text(name)} AS trait_{i}" for i, name in enumerate(needed_traits(settings)))
    listed = "external_ids" if ids.endswith("[]") else f"FROM_JSON(external_ids, '{_ID_STRUCTURE}')"
    return f"""
      SELECT
        {names},
        {f"IFNULL(LEN({listed}), 0)" if ids else 0} AS identities,
        {f"ARRAY_TO_STRING([IFNULL(one.type, '') FOR one IN {listed}], CHR(31))" if ids else "''"} AS types,
        CAST(NULL AS VARCHAR) AS problem
      FROM {source}
    """


def _path(name: str) -> str:
    """A member of a JSON object, whatever its name."""
    return '$."' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


_READINGS = {"JSON lines": _json, "JSON array": _json, "CSV": _csv, "Parquet": _parquet}
