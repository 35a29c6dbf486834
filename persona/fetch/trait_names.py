# ruff: noqa: S608 - queries are made of quoted names
"""The traits that files hold, whatever their names: how many people have each, and never a value of one."""

from collections.abc import Mapping, Sequence

from persona.classify.engine import Engine, OddRecords, OutOfRoom, literal
from persona.fetch import profiles_sync
from persona.fetch.file_kinds import File, columns_of, records, table
from persona.fetch.people import Carried, trait_names

# More different names than this are no traits that somebody has chosen; the rarest are left out.
MOST_NAMES = 1_000


def carried(engine: Engine, files: Sequence[File], id_columns: Sequence[str]) -> Mapping[str, Carried]:
    """Every trait with the number of people who have it, the commonest first; empty where nobody can tell.

    Records that cannot be read count as nobody; in tables, `id_columns` are no traits.
    """
    try:
        query = trait_names(*_traits(engine, files, id_columns))
        rows = engine.rows(f"{query} ORDER BY n DESC, name LIMIT {MOST_NAMES}")
    except (OddRecords, OutOfRoom):
        return {}
    return {row["name"]: Carried(row["n"], row["numeric"]) for row in rows}


def _traits(engine: Engine, files: Sequence[File], id_columns: Sequence[str]) -> tuple[str, str]:
    """Somebody's traits as JSON or as a map, and the source that they are of."""
    if tables := profiles_sync.unloaded(files):
        # A map of one trait each: a person's trait may have landed more than once.
        return (
            "traits",
            f"""(
          SELECT MAP {{name: MAX(CAST(value AS VARCHAR))}} AS traits
          FROM {profiles_sync.rows(engine, tables["user_traits"])}
          WHERE canonical_segment_id IS NOT NULL AND name IS NOT NULL GROUP BY canonical_segment_id, name
        )""",
        )
    if files[0].kind.startswith("JSON"):
        return "json->'$.traits'", records(files)
    source = table(files, ", ignore_errors = true" if files[0].kind == "CSV" else "")
    if kind := columns_of(engine, source).get("traits", "") if files[0].kind == "Parquet" else "":
        return "TRY_CAST(traits AS JSON)" if kind == "VARCHAR" else "TO_JSON(traits)", source
    ids = ", ".join(literal(name.lower()) for name in id_columns)
    # An alias that is no column's name: it stands for the whole row.
    row = '"\x1f"'
    return f"TO_JSON({row})", f"(SELECT COLUMNS(name -> LOWER(name) NOT IN ({ids})) FROM {source}) AS {row}"
