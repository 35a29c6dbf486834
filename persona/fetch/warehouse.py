"""The way to BigQuery: one job, bounded in bytes and time, and every failure named."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import TimeoutError as NotDoneYet
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from persona.deadline import Deadline
from persona.errors import DeadlineExceeded, Refused, Unavailable, for_status

# One request's wait for bytes; waiting for a job is many requests of ten seconds.
READ_SECONDS = 30.0
# Of some hundred bytes each.
TABLES_A_PAGE = 1_000

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
# What breaks on the way there and back, after the client's own tries.
_BROKEN = (requests.RequestException, ConnectionError, RetryError, TransportError)


class Warehouse:
    """One project's BigQuery, until the deadline; a query bills `most_bytes` at most.

    Where `BIGQUERY_EMULATOR_HOST` (an address with its scheme) leads elsewhere, no credentials go along.
    """

    def __init__(self, project: str, deadline: Deadline, most_bytes: int) -> None:
        self._deadline, self._most_bytes, self._named_job = deadline, most_bytes, ""
        emulated = os.environ.get("BIGQUERY_EMULATOR_HOST")
        with self._named_failures():
            self._client = bigquery.Client(
                project=project, credentials=AnonymousCredentials() if emulated else None
            )
        self.close = self._client.close

    def tables(self, dataset: str) -> dict[str, Any]:
        """The client's descriptions of a dataset's tables and views, by name."""
        self._deadline.check("look for BigQuery's tables")
        with self._named_failures():
            listed = self._client.list_tables(
                dataset, page_size=TABLES_A_PAGE, retry=self._retry, timeout=READ_SECONDS
            )
            return {one.table_id: one for one in listed}

    def estimate(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """How many bytes a query would process; asking costs nothing."""
        with self._named_failures():
            return int(self._start(sql, parameters, dry_run=True).total_bytes_processed or 0)

    def ask(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A query's rows; BigQuery itself ends the job at the deadline."""
        with self._named_failures():
            job = self._start(
                sql,
                parameters,
                labels={"app": "persona"},  # for whoever reads the bill
                maximum_bytes_billed=self._most_bytes,
                job_timeout_ms=round(1000 * self._left_seconds),
            )
            # A query that failed is not begun again: the run is, by whoever started it.
            rows = job.result(timeout=self._left_seconds, retry=self._retry, job_retry=None)
            return [dict(row) for row in rows]

    @property
    def _left_seconds(self) -> float:
        return max(self._deadline.left_seconds, 0.1)

    @property
    def _retry(self) -> Any:
        return DEFAULT_RETRY.with_timeout(self._left_seconds)

    def _start(self, sql: str, parameters: Mapping[str, Any], **config: Any) -> Any:
        self._deadline.check("ask BigQuery")
        typed = [bigquery.ScalarQueryParameter(one, _TYPES[type(it)], it) for one, it in parameters.items()]
        job_config = bigquery.QueryJobConfig(query_parameters=typed, **config)
        job = self._client.query(
            sql, job_config=job_config, retry=self._retry, timeout=READ_SECONDS, job_retry=None
        )
        self._named_job = f" (job {job.job_id})"
        return job

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        """Failures of the client as ours; its own words are left out: they quote the query and its values."""
        try:
            yield
        except GoogleAPICallError as error:
            reason = next((str(one.get("reason")) for one in error.errors or () if isinstance(one, dict)), "")
            status = int(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
            named = f" {reason}" if reason in _CAUSES else ""
            cause = _CAUSES.get(reason, f"expected the query's answer; check PERSONA_SOURCE and {_ROLES}")
            raise for_status(_STATUSES.get(reason, status))(
                "bigquery", f"BigQuery answered {status}{named}{self._named_job}: {cause}"
            ) from None
        except NotDoneYet:
            raise DeadlineExceeded(
                f"BigQuery did not answer within the {self._deadline.budget_seconds:.0f} s of the run"
                f"{self._named_job}; it ends the job by itself; raise PERSONA_DEADLINE_SECONDS"
            ) from None
        except _BROKEN as error:
            raise Unavailable(
                "bigquery",
                f"BigQuery could not be reached ({type(error).__name__}){self._named_job}; try again",
            ) from None
        except GoogleAuthError as error:
            raise Refused(
                "bigquery",
                f"no Google credentials that BigQuery takes ({type(error).__name__}): run as a service "
                f"account with {_ROLES}; on a laptop: gcloud auth application-default login",
            ) from None
