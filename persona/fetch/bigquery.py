"""People in BigQuery: they are read, told apart and counted by the warehouse that holds them.

At most some thousand rows of counts come back, whatever the size of the space; no profile leaves it.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from persona.classify.counts import Everybody, statement
from persona.deadline import Deadline
from persona.errors import DeadlineExceeded, Refused, Unavailable
from persona.fetch import profiles_sync
from persona.fetch.people import Carried
from persona.fetch.warehouse import Warehouse
from persona.log import Log, Progress
from persona.model import Rule
from persona.settings import Settings

# Where an event's profile is now, the first of these that exists: Segment's own view, or what it comes from.
MERGES = ("profile_merges", "id_graph_updates")
# What spaces have instead of the materialized tables: the raw ones, and those that Segment's dbt makes.
_OTHERS = (
    *("traits_updates", "external_id_mapping_updates", "id_graph_updates"),
    *("profile_traits", "external_id_mapping"),
)
_ENABLE = (
    "enable user_traits and user_identifiers in Profiles Sync's selective sync; newly enabled tables hold "
    "new data only, a small sample of the recently active: ask friends@segment.com for a Profiles Backfill "
    "of the past"
)


class People:
    """A space's people in the warehouse."""

    dialect = "bigquery"
    kind = ""  # of files only

    def __init__(self, warehouse: Warehouse, settings: Settings, limit: int, now: datetime) -> None:
        self.drawn = bool(limit)
        self.truncated = False  # the counts tell, with from how many people these were drawn
        self.notes: list[str] = []
        self.warehouse, self._settings, self._tables = warehouse, settings, warehouse.tables(settings.where)
        if missing := [name for name in profiles_sync.TABLES if name not in self._tables]:
            others = ", ".join(filter(self._tables.get, _OTHERS))
            instead = f" It has {others}: raw or modelled tables, which are not read." if others else ""
            raise Refused(
                "bigquery",
                f"the dataset has no {' and '.join(missing)}.{instead} Check PERSONA_SOURCE; {_ENABLE}",
            )
        sources: dict[str, Any] = {name: self._rows(name) for name in profiles_sync.TABLES}
        if settings.events:
            sources |= self._events()
        until = now if settings.events else None
        self._query = partial(profiles_sync.query, settings, sources, self.dialect, now=until)
        self._people, self._parameters = self._query(limit)

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a statement that goes on after `WITH people AS (…),`; bills what it reads."""
        rows = self.warehouse.ask(*self.statement(sql, parameters))
        if not rows:
            raise Refused(
                "bigquery",
                "the dataset holds no merged profiles: user_traits and user_identifiers are empty; check "
                f"PERSONA_SOURCE; {_ENABLE}",
            )
        return rows

    def names(self) -> dict[str, Carried]:
        """The commonest traits with the number of people who have them; bills three columns.

        Empty where BigQuery gives no answer: what is asked for is a hint.
        """
        one = "canonical_segment_id"
        sql = f"""
          SELECT
            name, COUNT(DISTINCT {one}) AS n,
            COUNT(DISTINCT IF(SAFE_CAST(value AS FLOAT64) IS NULL, NULL, {one})) AS numbers
          FROM {self._rows("user_traits")} WHERE value <> '' GROUP BY name ORDER BY n DESC, name LIMIT 1000
        """  # noqa: S608 - checked names
        try:
            rows = self.warehouse.ask(sql, {})
        except (Refused, Unavailable, DeadlineExceeded):
            return {}
        return {row["name"]: Carried(int(row["n"]), int(row["numbers"])) for row in rows if row["name"]}

    def everybody(self) -> Everybody:
        return Everybody(*self._query(), view=self._rows("channel_patterns"))

    def statement(self, sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        return f"WITH {self._people}, {sql}", {**self._parameters, **parameters}

    def _events(self) -> dict[str, Any]:
        """Where events are, and where their profiles are now; tables that do not exist are noted."""
        named = {"web": ("pages",), "mobile": ("screens",), "email": self._settings.email_tables}
        tables, absent = [], []
        for position, channel in enumerate(self._settings.channels):
            for name in named[channel]:
                if table := self._tables.get(name):
                    by_day = table.time_partitioning and not table.time_partitioning.field
                    tables.append((position, self._rows(name), bool(by_day)))
                else:
                    absent.append(name)  # no app, no `screens`
        merges = next(filter(self._tables.get, MERGES), None)
        if not (tables and merges):
            lacking = ", ".join(MERGES if tables else absent)
            raise Refused(
                "bigquery",
                f"PERSONA_EVENTS is on, and the dataset has none of {lacking}; "
                "enable them in Profiles Sync, name yours in PERSONA_EMAIL_TABLES, or set PERSONA_EVENTS=off",
            )
        self.notes = [f"The event table {one} does not exist: nothing was counted from it." for one in absent]
        return {"events": tables, "merges": self._rows(merges)}

    def _rows(self, name: str) -> str:
        """A table's whole name; the settings allow no character that could end the backquotes."""
        return f"`{self._settings.where}.{name}`"


@contextmanager
def fetch(
    settings: Settings, limit: int, deadline: Deadline, log: Log, now: datetime | None = None
) -> Iterator[People]:
    """Everybody in the space, or `limit` people drawn at random (0: all).

    With PERSONA_EVENTS, everybody's activity is counted from the raw events of the 30 days before `now`.
    """
    log.notify(Progress("fetch"))
    with closing(Warehouse(settings.where.split(".")[0], deadline, settings.max_bytes)) as warehouse:
        yield People(warehouse, settings, limit, now or datetime.now(UTC))


def affordable_bytes(settings: Settings, deadline: Deadline, limit: int) -> int:
    """How many bytes counting the space would have BigQuery process; asking costs nothing.

    Raises: as `fetch`, and Refused where PERSONA_MAX_BYTES allows fewer.
    """
    rule = Rule(channels=dict(settings.channels), dominance=settings.dominance)
    with fetch(settings, limit, deadline, Log(as_json=False, level="ERROR")) as people:
        counting = people.statement(*statement(rule, people.dialect, drawn=people.drawn))
        needed_bytes = people.warehouse.estimate(*counting)
    if needed_bytes > settings.max_bytes:
        raise Refused(
            "bigquery",
            f"the query would read {needed_bytes:,} bytes, and PERSONA_MAX_BYTES allows "
            f"{settings.max_bytes:,}; raise it",
        )
    return needed_bytes
