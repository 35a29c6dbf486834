# ruff: noqa: S608 - queries are made of quoted names
"""The traits that files hold, whatever their names: how many people have each, and never a value of one."""

from collections.abc import Iterable, Mapping, Sequence

from persona.classify.counts import NAME_CHARACTERS
from persona.classify.engine import Engine, OddRecords, OutOfRoom, identifier
from persona.fetch import profiles_sync
from persona.fetch.file_kinds import File, columns_of, records, table
from persona.fetch.people import Carried

# More different names than this are no traits that somebody has chosen; the rarest are left out.
MOST_NAMES = 1_000
# One row a member of an object of JSON.
_MEMBERS = (
    "(SELECT UNNEST(MAP_ENTRIES(TRY_CAST({traits} AS MAP(VARCHAR, VARCHAR))), recursive := true) FROM {rows})"
)


def carried(engine: Engine, files: Sequence[File], id_columns: Sequence[str]) -> Mapping[str, Carried]:
    """Every trait with the number of people who have it, the commonest first; empty where nobody can tell.

    Records that cannot be read count as nobody; in tables, `id_columns` are no traits.
    """
    try:
        members = _members(engine, files, {name.casefold() for name in id_columns})
        rows = engine.rows(f"""
          SELECT SUBSTR(key, 1, {NAME_CHARACTERS}) AS name, COUNT(*) AS n,
            COUNT(TRY_CAST(value AS DOUBLE)) AS numeric
          FROM {members} WHERE value <> '' GROUP BY name ORDER BY n DESC, name LIMIT {MOST_NAMES}
        """)
    except (OddRecords, OutOfRoom):
        return {}
    return {row["name"]: Carried(row["n"], row["numeric"]) for row in rows}


def _members(engine: Engine, files: Sequence[File], id_columns: set[str]) -> str:
    """Rows of `key` and `value`, one a person and trait."""
    if tables := profiles_sync.unloaded([one.name for one in files]):
        rows = profiles_sync.rows(engine, [files[i] for i in tables["user_traits"]])
        return f"""(
          SELECT name AS key, MAX(CAST(value AS VARCHAR)) AS value FROM {rows}
          WHERE canonical_segment_id IS NOT NULL GROUP BY canonical_segment_id, name
        )"""
    if files[0].kind.startswith("JSON"):
        return _MEMBERS.format(traits="json->'$.traits'", rows=records(files))
    if files[0].kind == "CSV":
        columns = [name for file in files for name in file.columns]
        return _cells(columns, id_columns, table(files, ", ignore_errors = true"))
    source = table(files)
    types = columns_of(engine, source)
    if types.get("traits", "").startswith("STRUCT"):
        inside = f"(SELECT UNNEST(traits) FROM {source})"
        return _cells(columns_of(engine, inside), set(), inside)
    if "traits" in types:
        traits = "traits" if types["traits"].startswith("MAP") else "TRY_CAST(traits AS JSON)"
        return _MEMBERS.format(traits=traits, rows=source)
    return _cells(types, id_columns, source)


def _cells(columns: Iterable[str], id_columns: set[str], source: str) -> str:
    names = [name for name in dict.fromkeys(columns) if name.casefold() not in id_columns]
    if not names:
        return "(SELECT '' AS key, '' AS value)"
    texts = ", ".join(f"CAST({identifier(name)} AS VARCHAR) AS {identifier(name)}" for name in names)
    return f"(SELECT key, value FROM (SELECT {texts} FROM {source}) UNPIVOT (value FOR key IN (COLUMNS(*))))"
