"""People in BigQuery: they are read, told apart and counted by the warehouse that holds them.

At most some thousand rows of counts come back, whatever the size of the space; no profile leaves it.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import TimeoutError as NotDoneYet
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from persona.classify.counts import Everybody, statement
from persona.deadline import Deadline
from persona.errors import DeadlineExceeded, Refused, Unavailable, for_status
from persona.fetch import profiles_sync
from persona.fetch.people import Carried
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
# One request's wait for bytes; waiting for a job is many requests of ten seconds.
READ_SECONDS = 30.0
_ROLES = (
    "roles/bigquery.jobUser on the project and roles/bigquery.dataViewer on the dataset, both for the "
    "function's service account"
)
# What stands behind a reason of BigQuery's (docs: bigquery/docs/error-messages), and what to do about it.
_CAUSES = {
    "accessDenied": f"the function may not read the dataset; it needs {_ROLES}",
    "billingNotEnabled": "the project has no billing account; enable billing",
    "bytesBilledLimitExceeded": "the query would bill more bytes than PERSONA_MAX_BYTES allows; a dry run "
    "tells how many it needs",
    "invalidQuery": "the tables have not the columns that Profiles Sync's have; check PERSONA_SOURCE",
    "notFound": "no such project, dataset or table; Profiles Sync must materialize user_traits and "
    "user_identifiers there (selective sync, off unless enabled); check PERSONA_SOURCE",
    "quotaExceeded": "a quota of the project's is used up; wait until it is renewed, or have it raised",
    "resourcesExceeded": "the query outgrew BigQuery's memory; lower PERSONA_LIMIT, or set it to 0 (all)",
    "stopped": "somebody cancelled the job, or it took longer than the run had time for",
    **dict.fromkeys(
        ("backendError", "internalError", "jobRateLimitExceeded", "rateLimitExceeded"),
        "it stayed busy after several tries; try again",
    ),
}
# Statuses that the reasons mean, where the one that comes with them would say something else.
_STATUSES = {
    "bytesBilledLimitExceeded": 400,  # the client knows no such reason, and takes it for a 500
    "jobRateLimitExceeded": 429,
    "rateLimitExceeded": 429,
    "stopped": 503,
}
_TYPES: dict[type, str] = {str: "STRING", int: "INT64", float: "FLOAT64", datetime: "TIMESTAMP"}


@contextmanager
def fetch(
    settings: Settings, limit: int, deadline: Deadline, log: Log, now: datetime | None = None
) -> Iterator["People"]:
    """Everybody in the space, or `limit` people drawn at random (0: all).

    With PERSONA_EVENTS, everybody's activity is counted from the raw events of the 30 days before `now`. No
    credentials go along where `BIGQUERY_EMULATOR_HOST` (an address with its scheme) leads elsewhere.
    """
    log.notify(Progress("fetch"))
    credentials = AnonymousCredentials() if os.environ.get("BIGQUERY_EMULATOR_HOST") else None
    with _named_failures(deadline):
        client = bigquery.Client(project=settings.where.split(".")[0], credentials=credentials)
    with client:
        yield People(client, settings, limit, deadline, now or datetime.now(UTC))


def affordable_bytes(settings: Settings, deadline: Deadline, limit: int) -> int:
    """How many bytes counting the space would have BigQuery process; asking costs nothing.

    Raises: as `fetch`, and Refused where PERSONA_MAX_BYTES allows fewer.
    """
    rule = Rule(channels=dict(settings.channels), dominance=settings.dominance)
    with fetch(settings, limit, deadline, Log(as_json=False, level="ERROR")) as people:
        needed_bytes = people.estimate(*statement(rule, people.dialect, drawn=people.drawn))
    if needed_bytes > settings.max_bytes:
        raise Refused(
            "bigquery",
            f"the query would read {needed_bytes:,} bytes, and PERSONA_MAX_BYTES allows "
            f"{settings.max_bytes:,}; raise it",
        )
    return needed_bytes


class People:
    """A space's people in the warehouse."""

    dialect = "bigquery"
    kind = ""  # of files only
    truncated = False  # the counts tell, with from how many people these were drawn

    def __init__(
        self, client: bigquery.Client, settings: Settings, limit: int, deadline: Deadline, now: datetime
    ) -> None:
        self._client, self._settings, self._deadline = client, settings, deadline
        self.drawn = bool(limit)
        self.notes: list[str] = []
        deadline.check("look for BigQuery's tables")
        with _named_failures(deadline):
            listed = client.list_tables(
                settings.where, page_size=1_000, retry=self._retry, timeout=READ_SECONDS
            )
            self._tables = {one.table_id: one for one in listed}
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
        rows = self._ask(f"WITH {self._people}, {sql}", {**self._parameters, **parameters})
        if not rows:
            raise Refused(
                "bigquery",
                "the dataset holds no merged profiles: user_traits and user_identifiers are empty; check "
                f"PERSONA_SOURCE; {_ENABLE}",
            )
        return rows

    def estimate(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """How many bytes the same would process; asking costs nothing."""
        sql, parameters = f"WITH {self._people}, {sql}", {**self._parameters, **parameters}
        return int(self._start(sql, parameters, dry_run=True).total_bytes_processed or 0)

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
            rows = self._ask(sql, {})
        except (Refused, Unavailable, DeadlineExceeded):
            return {}
        return {row["name"]: Carried(int(row["n"]), int(row["numbers"])) for row in rows if row["name"]}

    def everybody(self) -> Everybody:
        return Everybody(*self._query(), view=self._rows("channel_patterns"))

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

    def _ask(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A query's rows; BigQuery itself ends the job at the deadline."""
        job = self._start(
            sql,
            parameters,
            labels={"app": "persona"},  # for whoever reads the bill
            maximum_bytes_billed=self._settings.max_bytes,
            job_timeout_ms=round(1000 * self._left_seconds),
        )
        with _named_failures(self._deadline, f" (job {job.job_id})"):
            # A query that failed is not begun again: the run is, by whoever started it.
            rows = job.result(timeout=self._left_seconds, retry=self._retry, job_retry=None)
            return [dict(row) for row in rows]

    def _start(self, sql: str, parameters: Mapping[str, Any], **config: Any) -> Any:
        self._deadline.check("ask BigQuery")
        typed = [bigquery.ScalarQueryParameter(one, _TYPES[type(it)], it) for one, it in parameters.items()]
        job_config = bigquery.QueryJobConfig(query_parameters=typed, **config)
        with _named_failures(self._deadline):
            return self._client.query(
                sql, job_config=job_config, retry=self._retry, timeout=READ_SECONDS, job_retry=None
            )

    @property
    def _left_seconds(self) -> float:
        return max(self._deadline.left_seconds, 0.1)

    @property
    def _retry(self) -> Any:
        return DEFAULT_RETRY.with_timeout(self._left_seconds)


@contextmanager
def _named_failures(deadline: Deadline, job: str = "") -> Iterator[None]:
    """Failures of the client as ours; its own words are left out: they quote the query and its values."""
    try:
        yield
    except GoogleAPICallError as error:
        reason = next((str(one.get("reason")) for one in error.errors or () if isinstance(one, dict)), "")
        status = int(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        named = f" {reason}" if reason in _CAUSES else ""
        cause = _CAUSES.get(reason, f"expected the query's answer; check PERSONA_SOURCE and {_ROLES}")
        raise for_status(_STATUSES.get(reason, status))(
            "bigquery", f"BigQuery answered {status}{named}{job}: {cause}"
        ) from None
    except NotDoneYet:
        raise DeadlineExceeded(
            f"BigQuery did not answer within the {deadline.budget_seconds:.0f} s of the run"
            f"{job}; it ends the job by itself; raise PERSONA_DEADLINE_SECONDS"
        ) from None
    # What breaks on the way there and back, after the client's own tries.
    except (requests.RequestException, ConnectionError, RetryError, TransportError) as error:
        raise Unavailable(
            "bigquery",
            f"BigQuery could not be reached ({type(error).__name__}){job}; try again",
        ) from None
    except GoogleAuthError as error:
        raise Refused(
            "bigquery",
            f"no Google credentials that BigQuery takes ({type(error).__name__}): run as a service "
            f"account with {_ROLES}; on a laptop: gcloud auth application-default login",
        ) from None
