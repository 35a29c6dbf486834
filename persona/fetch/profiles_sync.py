"""The question to Profiles Sync's tables, in BigQuery or unloaded to files: one query and its parameters.

`user_traits` has a row a trait, `user_identifiers` a row an identifier, both by the profile as it is merged
now; events name the profile that they came in with (docs: unify/profiles-sync/tables).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from persona.classify.counts import template
from persona.classify.engine import Engine
from persona.fetch.events import IDLE_MINUTES, WAREHOUSE_DAYS
from persona.fetch.file_kinds import File, texts, with_known_columns
from persona.fetch.people import needed_traits
from persona.settings import SEED, Settings

TABLES = ("user_traits", "user_identifiers")
# The columns that the query names; an empty file has none.
_COLUMNS = ("canonical_segment_id", "name", "type", "value", "seq")
_NO_ROW = f"SELECT {', '.join(f'NULL AS {name}' for name in _COLUMNS)} WHERE FALSE"


class Events(NamedTuple):
    """Where activity is counted from events: the sources of rows, and until when."""

    tables: Sequence[tuple[int, str, bool]]  # the channel's position, rows, partitioned by loading time
    merges: str
    now: datetime


def unloaded(names: Sequence[str]) -> dict[str, list[int]]:
    """The positions of each table's files, where these files are Profiles Sync's tables; else empty."""
    tables = {
        table: [position for position, name in enumerate(names) if name.lower().startswith(table)]
        for table in TABLES
    }
    return tables if all(tables.values()) else {}


def rows(engine: Engine, files: Sequence[File]) -> str:
    """One table out of its files."""
    tables = [file for file in files if file.kind == "CSV"]
    others = [file for file in files if file.kind != "CSV"]
    parts = [
        _NO_ROW,
        *(f"FROM {texts(engine, one)}" for one in [*with_known_columns(tables, _COLUMNS), *others]),
    ]
    return f"({' UNION ALL BY NAME '.join(parts)})"


def parameters(
    settings: Settings, limit: int = 0, events: Events | None = None
) -> dict[str, str | int | datetime]:
    """What the query's parameters stand for."""
    values: dict[str, Any] = {f"trait_{i}": name for i, name in enumerate(needed_traits(settings))}
    if limit:
        values |= {"seed": str(SEED), "wanted": limit}
    if events:
        session = timedelta(minutes=IDLE_MINUTES) // timedelta(microseconds=1)
        values |= {"since": events.now - timedelta(days=WAREHOUSE_DAYS), "until": events.now}
        # Of emails every open and click counts; two at the same moment are one that came twice.
        for i, channel in enumerate(settings.channels):
            values[f"gap_{i}"] = 1 if channel == "email" else session
    return values


def query(  # noqa: PLR0913 - what one text is rendered for
    settings: Settings,
    sources: Mapping[str, str],
    dialect: str,
    limit: int = 0,
    events: Events | None = None,
    *,
    ids: bool = False,
) -> str:
    """What goes between WITH and the query over `people`: everybody, or `limit` people drawn (0: all).

    `sources` says where the rows of TABLES are; both they and the rest are checked names and positions.
    """
    return template(Path(__file__).with_suffix(".sql")).render(
        sources,
        dialect=dialect,
        channels=len(settings.channels),
        drawn=bool(limit),
        ids=ids,
        events=events.tables if events else (),
        merges=events.merges if events else "",
    )
