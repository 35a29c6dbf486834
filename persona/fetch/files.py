# ruff: noqa: S608 - queries are made of quoted names
"""People from files: JSON lines, a JSON array, CSV or Parquet, or Profiles Sync's tables, unloaded."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from persona.classify.engine import Engine, OddRecords, identifier, literal
from persona.deadline import Deadline
from persona.errors import BadSettings, PersonaError, Refused
from persona.fetch import profiles_sync, tables
from persona.fetch.file_kinds import File, UnreadableFile, looked_at, records, table
from persona.fetch.people import ID_FIELDS, People, judged, listed, names_of, relation_of
from persona.log import Log, Progress
from persona.settings import Settings
from persona.storage.inputs import located

SETTING = "PERSONA_SOURCE"
_PLACE = re.compile(r"(?i)(line|record)(?:/value)?:? (\d+)")


@contextmanager
def fetch(settings: Settings, limit: int, deadline: Deadline, log: Log) -> Iterator[People]:
    """The people of one file or many, `limit` of them drawn at random (0: all)."""
    log.notify(Progress("fetch"))
    with (
        located(settings.where, SETTING, deadline) as (paths, opened, file_system),
        Engine(deadline, paths, file_system) as engine,
    ):
        log.notify(Progress("fetch", share=engine.share))
        files: list[File] = []
        try:
            files += [looked_at(path, opened, deadline) for path in paths]
            people = relation(engine, files, settings)
        except OddRecords as odd:
            raise _refusal(files, settings, odd) from None
        people.draw(limit)
        yield people


def relation(engine: Engine, files: Sequence[File], settings: Settings) -> People:
    kinds = sorted({one.kind for one in files})
    looks = " and ".join(kinds)
    parameters: Mapping[str, Any] = {}
    readings: Iterable[str]
    # Only threads notice a quotation that is open at the end.
    if odd := [one._replace(is_plain=True) for one in files if one.is_odd]:
        tables.bad_rows(engine, odd, ", strict_mode = true", "odd")
    if unloaded := profiles_sync.unloaded(files):
        looks = f"Profiles Sync's tables, unloaded as {looks}"
        sources = {name: profiles_sync.rows(engine, some) for name, some in unloaded.items()}
        query, parameters = profiles_sync.query(settings, sources, "duckdb")
        readings, traits = [f"WITH {query} FROM people"], profiles_sync.traits(sources)
    elif len(kinds) > 1:
        raise UnreadableFile(f"expected files of one kind, got {looks}; name one kind with *")
    elif kinds == ["CSV"]:
        readings, traits = tables.csv(engine, files, settings)
    elif kinds == ["Parquet"]:
        readings, traits = tables.parquet(engine, files, settings)
    else:
        judging = judged(settings.traits, f"(SELECT json AS record FROM {records(files)})")
        readings = [_typed(settings.traits, files), judging]
        traits = "json->'$.traits'", records(files)
    return People(
        engine,
        iter(readings),
        parameters,
        partial(_refusal, files, settings),
        partial(names_of, engine, *traits),
        f"{looks} ({len(files)} files)" if len(files) > 1 else looks,
    )


def _refusal(files: Sequence[File], settings: Settings, odd: OddRecords) -> PersonaError:
    """What a complaint means; the engine's own words quote the content."""
    words = what = str(odd)
    if not isinstance(odd, UnreadableFile):
        file = next((one for one in files if one.path in words), files[0] if files else None)
        looks = f"{file.name} looks like {file.kind}; " if file else ""
        place = _PLACE.search(words)
        what = "cannot be read as that" + (f", first at {place[1].lower()} {place[2]}" if place else "")
        if "maximum_object_size" in words or "Maximum line size" in words:
            what = "a line of it is longer than 4 MiB, or it has no lines"
        what = f"{looks}{what}; store it again"
    if settings.where.startswith("gs://"):
        return Refused("storage", f"the object that {SETTING} names: {what}")
    return BadSettings(f"{SETTING}: {what}")


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
