"""The question to Profiles Sync's tables, in BigQuery or unloaded to files.

`user_traits` has a row a trait, `user_identifiers` a row an identifier, both by the profile as it is merged
now; events name the profile that they came in with (docs: unify/profiles-sync/tables).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from persona.classify.counts import template
from persona.classify.engine import Engine
from persona.fetch.events import IDLE_MINUTES, WAREHOUSE_DAYS
from persona.fetch.file_kinds import File, headed, texts
from persona.settings import SEED, Settings

TABLES = ("user_traits", "user_identifiers")
# The columns that the query names; an empty file has none.
_COLUMNS = ("canonical_segment_id", "name", "type", "value", "seq")
_NO_ROW = f"SELECT {', '.join(f'NULL AS {name}' for name in _COLUMNS)} WHERE FALSE"


def unloaded(files: Sequence[File]) -> dict[str, list[File]]:
    """Each table's files, where these files are Profiles Sync's tables; else empty."""
    tables = {table: [one for one in files if one.name.lower().startswith(table)] for table in TABLES}
    return tables if all(tables.values()) else {}


def rows(engine: Engine, files: Sequence[File]) -> str:
    """One table out of its files."""
    csv = headed([one for one in files if one.kind == "CSV"], _COLUMNS, _COLUMNS[0])
    tables = [texts(engine, one) for one in [*csv, *(one for one in files if one.kind != "CSV")]]
    return f"({' UNION ALL BY NAME '.join([_NO_ROW, *(f'FROM {one}' for one in tables)])})"


def traits(sources: Mapping[str, str]) -> tuple[str, str]:
    """Somebody's traits in the tables, a map of one each (it may have landed twice), and their source."""
    return (
        "traits",
        f"""(
          SELECT MAP {{name: MAX(CAST(value AS VARCHAR))}} AS traits FROM {sources["user_traits"]}
          WHERE canonical_segment_id IS NOT NULL AND name IS NOT NULL GROUP BY canonical_segment_id, name
        )""",  # noqa: S608 - checked sources
    )


def query(
    settings: Settings, sources: Mapping[str, Any], dialect: str, limit: int = 0, now: datetime | None = None
) -> tuple[str, dict[str, Any]]:
    """What goes between WITH and the query over `people`, and its parameters: `limit` people drawn (0: all).

    `sources` says where the rows of TABLES are; to count activity until `now`, also where `merges` are, and
    the `events` (the channel's position, rows, whether they are partitioned by loading time).
    """
    parameters: dict[str, Any] = {f"trait_{i}": name for i, name in enumerate(settings.traits)}
    if limit:
        parameters |= {"seed": str(SEED), "wanted": limit}
    if now:
        parameters |= {"since": now - timedelta(days=WAREHOUSE_DAYS), "until": now}
        session = timedelta(minutes=IDLE_MINUTES) // timedelta(microseconds=1)
        # Of emails every open and click counts; two at the same moment are one that came twice.
        for i, channel in enumerate(settings.channels):
            parameters[f"gap_{i}"] = 1 if channel == "email" else session
    sql = template(Path(__file__).with_suffix(".sql")).render(
        {"events": None, **sources},
        dialect=dialect,
        channels=len(settings.channels),
        drawn=bool(limit),
    )
    return sql, parameters
