"""People in BigQuery: they are read, told apart and counted by the warehouse that holds them.

At most some thousand rows of counts come back, whatever the size of the space; no profile leaves it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from persona.classify.counts import Everybody, statement
from persona.deadline import Deadline
from persona.errors import Refused
from persona.fetch import profiles_sync
from persona.log import Log, Progress
from persona.model import Rule
from persona.settings import Settings

if TYPE_CHECKING:
    from persona.fetch.warehouse import Table, Warehouse

# Where an event's profile is now, the first of these that exists: Segment's own view, or what it comes from.
MERGES = ("profile_merges", "id_graph_updates")
# What spaces have instead of the materialized tables: the raw ones, and those that Segment's dbt makes.
_OTHERS = (
    "traits_updates",
    "external_id_mapping_updates",
    "id_graph_updates",
    "profile_traits",
    "external_id_mapping",
)
_TABLE = re.compile(r"[a-z][a-z0-9-]{4,61}[a-z0-9]\.[A-Za-z0-9_]{1,1024}\.[A-Za-z_][A-Za-z0-9_]{0,299}")
_ENABLE = (
    "enable user_traits and user_identifiers in Profiles Sync's selective sync; newly enabled tables hold "
    "new data only, a small sample of the recently active: ask friends@segment.com for a Profiles Backfill "
    "of the past"
)


class People:
    """A space's people in the warehouse."""

    dialect = "bigquery"
    kind = ""  # of files only
    names = dict  # what traits there are beside the needed ones would bill a query of its own

    def __init__(self, warehouse: "Warehouse", settings: Settings, limit: int, now: datetime) -> None:
        self.drawn = bool(limit)
        self.truncated = False  # the counts tell, with from how many people these were drawn
        self.job: Mapping[str, Any] = {}  # what the last query took, for the log
        self._warehouse, self._settings = warehouse, settings
        tables = {name: self._find(name) for name in profiles_sync.TABLES}
        if None in tables.values():
            self._refuse(tables)
        self._events: profiles_sync.Events | None = None
        absent: tuple[str, ...] = ()
        if settings.events:
            self._events, absent = self._found_events(now)
        self.notes = [
            f"The event table {table} does not exist: nothing was counted from it." for table in absent
        ]
        self._sources = {name: self._rows(name) for name in tables}
        self._people = profiles_sync.query(settings, self._sources, self.dialect, limit, self._events)
        self._parameters = profiles_sync.parameters(settings, limit, self._events)

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a statement that goes on after `WITH people AS (…),`; bills what it reads.

        Raises:
            Refused: a role or bytes to bill are missing, or the space has no profile.
        """
        answer = self._warehouse.ask(*self._statement(sql, parameters), self._settings.max_bytes)
        self.job = {"job_id": answer.job_id, "billed_bytes": answer.billed_bytes, "rows": len(answer.rows)}
        if not answer.rows:
            raise Refused(
                "bigquery",
                "the dataset holds no merged profiles: user_traits and user_identifiers are empty; check "
                f"PERSONA_SOURCE; {_ENABLE}",
            )
        return answer.rows

    def everybody(self) -> Everybody:
        settings, events = self._settings, self._events
        people = profiles_sync.query(settings, self._sources, self.dialect, events=events, ids=True)
        parameters = profiles_sync.parameters(settings, events=events)
        return Everybody(people, parameters, self._rows("channel_patterns"))

    def estimate(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """How many bytes the same would have BigQuery process; asking costs nothing."""
        return self._warehouse.estimate(*self._statement(sql, parameters))

    def _statement(self, sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        return f"WITH {self._people}, {sql}", {**self._parameters, **parameters}

    def _found_events(self, now: datetime) -> tuple[profiles_sync.Events, tuple[str, ...]]:
        """The event tables, and those that do not exist: no app, no `screens`."""
        named = {"web": ("pages",), "mobile": ("screens",), "email": self._settings.email_tables}
        wanted = [
            (position, name, self._find(name))
            for position, channel in enumerate(self._settings.channels)
            for name in named.get(channel, ())
        ]
        absent = tuple(name for _, name, table in wanted if not table)
        tables = [
            (position, self._rows(name), table.partitioned) for position, name, table in wanted if table
        ]
        if not tables:
            raise Refused(
                "bigquery",
                f"PERSONA_EVENTS is on, and the dataset has none of the event tables ({', '.join(absent)}); "
                "enable them in Profiles Sync, name yours in PERSONA_EMAIL_TABLES, or set PERSONA_EVENTS=off",
            )
        for merges in MERGES:
            if self._find(merges):
                return profiles_sync.Events(tables, self._rows(merges), now), absent
        raise Refused(
            "bigquery",
            f"PERSONA_EVENTS is on, and the dataset has neither {' nor '.join(MERGES)} to tell whose events "
            "are whose; enable profile_merges in Profiles Sync, or set PERSONA_EVENTS=off",
        )

    def _refuse(self, tables: Mapping[str, object]) -> None:
        missing = " and ".join(name for name, table in tables.items() if not table)
        others = [name for name in _OTHERS if self._find(name)]
        instead = (
            f" It has {', '.join(others)}: raw or modelled tables, which are not read." if others else ""
        )
        raise Refused("bigquery", f"the dataset has no {missing}.{instead} Check PERSONA_SOURCE; {_ENABLE}")

    def _find(self, name: str) -> "Table | None":
        return self._warehouse.find(self._checked(name))

    def _rows(self, name: str) -> str:
        return f"`{self._checked(name)}`"

    def _checked(self, name: str) -> str:
        """A table's whole name, fit to stand between backquotes."""
        table = f"{self._settings.where}.{name}"
        if not _TABLE.fullmatch(table):
            raise Refused("bigquery", "expected a project, dataset and table of letters, digits, - and _")
        return table


@contextmanager
def fetch(
    settings: Settings, limit: int, deadline: Deadline, log: Log, now: datetime | None = None
) -> Iterator[People]:
    """Everybody in the space, or `limit` people drawn at random (0: all).

    With PERSONA_EVENTS, everybody's activity is counted from the raw events of the 30 days before `now`.

    Raises:
        Refused: a role or a table is missing.
        Unavailable: BigQuery stayed busy or unreachable.
        DeadlineExceeded: no answer in time; the job is cancelled.
    """
    from persona.fetch.warehouse import Warehouse  # noqa: PLC0415 - a cold start pays for what it needs

    log.notify(Progress("fetch"))
    labels = _labels(str(log.fields.get("run_id", "")))
    with Warehouse(settings.where.split(".")[0], deadline, labels) as warehouse:
        people = People(warehouse, settings, limit, now or datetime.now(UTC))
        yield people
        if people.job:
            log.info("counted by BigQuery", stage="fetch", **people.job)


def estimate(settings: Settings, deadline: Deadline, limit: int) -> int:
    """How many bytes counting the space would have BigQuery process; asking costs nothing.

    Raises: as `fetch`.
    """
    rule = Rule(channels=dict(settings.channels), dominance=settings.dominance)
    with fetch(settings, limit, deadline, Log(as_json=False, level="ERROR")) as people:
        return people.estimate(*statement(rule, people.dialect, drawn=people.drawn))


def affordable_bytes(settings: Settings, deadline: Deadline, limit: int) -> int:
    """The same, as far as PERSONA_MAX_BYTES allows.

    Raises: as `estimate`, and Refused where it allows fewer.
    """
    needed_bytes = estimate(settings, deadline, limit)
    if needed_bytes > settings.max_bytes:
        raise Refused(
            "bigquery",
            f"the query would read {needed_bytes:,} bytes, and PERSONA_MAX_BYTES allows "
            f"{settings.max_bytes:,}; raise it",
        )
    return needed_bytes


def _labels(run_id: str) -> dict[str, str]:
    """What the job is marked with, for whoever reads the bill; labels are small letters, 63 at most."""
    run = re.sub(r"[^a-z0-9_-]", "-", run_id.lower())[:63]
    return {"app": "persona"} | ({"run_id": run} if run else {})
