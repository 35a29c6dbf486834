"""BigQuery: an emulator of the whole engine in a process of its own, and a fake for what engines rarely do.

The emulator (bqemulator, DuckDB inside) answers the official client's real queries; the fake answers like a
BigQuery that refuses, stalls or breaks.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from cloud.server import Reply, Request, Service, json_reply

PROJECT = "test-project"
# Profiles Sync's tables, as far as they are read (docs: unify/profiles-sync/tables).
SCHEMAS = {
    "user_traits": ("canonical_segment_id", "name", "value", "seq"),
    "user_identifiers": ("canonical_segment_id", "type", "value", "seq"),
    "profile_merges": ("segment_id", "canonical_segment_id", "timestamp", "seq"),
    "id_graph_updates": ("segment_id", "canonical_segment_id", "timestamp", "seq"),
}
EVENTS = ("segment_id", "timestamp")
TYPES = {"seq": "INT64", "timestamp": "TIMESTAMP"}  # of all others: STRING
# Some 100 bytes each; a request is cut off at 10 MB.
ROWS_PER_INSERT = 5_000


class Emulator:
    """The emulator while its `with` block lasts; `url` is what BIGQUERY_EMULATOR_HOST should say."""

    def __enter__(self) -> Self:
        # Its address comes out; it goes when nobody holds its input any more.
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("emulator.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        line = ""
        while not line.startswith("http://"):
            line = self._process.stdout.readline()
            assert line, "the emulator did not start"
        self.url = line.strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=600)

    def fill(self, dataset: str, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
        """Make a dataset of these tables anew; its name as PERSONA_SOURCE has it."""
        # Loading the client takes longer than most tests, few of which ask the emulator.
        from google.cloud.bigquery import SchemaField, Table  # noqa: PLC0415

        with self._client() as client:
            client.delete_dataset(dataset, delete_contents=True, not_found_ok=True)
            client.create_dataset(dataset)
            for name, rows in tables.items():
                columns = SCHEMAS.get(name, EVENTS)
                schema = [SchemaField(column, TYPES.get(column, "STRING")) for column in columns]
                table = client.create_table(Table(f"{PROJECT}.{dataset}.{name}", schema=schema))
                for start in range(0, len(rows), ROWS_PER_INSERT):
                    errors = client.insert_rows_json(table, list(rows[start : start + ROWS_PER_INSERT]))
                    assert not errors
        return f"bigquery://{PROJECT}.{dataset}"

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a statement of the tests' own."""
        with self._client() as client:
            return [dict(row) for row in client.query(sql).result()]

    def _client(self) -> Any:
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - as above
        from google.cloud.bigquery import Client  # noqa: PLC0415

        return Client(
            project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url}
        )


def why_not_here() -> str:
    """Why there is no emulator on this Python; empty where it has to be."""
    if sys.version_info < (3, 14) or importlib.util.find_spec("bqemulator"):
        return ""
    return "bqemulator and its DuckDB are only asked for up to Python 3.13: see tests/requirements.txt"


class FakeBigQuery(Service):
    """Starts every job and never finishes one, unless it is told what to answer.

    `starts` is the reply to a new job, `finds` the reply to whoever looks for a job or its rows; it has
    all tables, each described as `table` says.
    """

    def __init__(
        self,
        starts: Reply | None = None,
        finds: Reply | None = None,
        estimated_bytes: int = 0,
        table: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self._table = table
        self._starts, self._finds, self._estimated_bytes = starts, finds, estimated_bytes

    def answer(self, request: Request) -> Reply:
        job = request.path.partition("/jobs/")[2] or "job_1"
        if request.method == "POST" and request.path.endswith("/jobs"):
            return self._starts or json_reply(_job(job, estimated_bytes=self._estimated_bytes))
        if request.path.endswith("/tables"):
            names = [*SCHEMAS, "pages", "screens", "email_opened", "email_link_clicked"]
            place = {"projectId": PROJECT, "datasetId": request.path.split("/")[-2]}
            tables = [{"tableReference": place | {"tableId": name}, **self._table} for name in names]
            return json_reply({"kind": "bigquery#tableList", "tables": tables})
        if self._finds:
            return self._finds
        if "/queries/" in request.path:
            # The real one holds the request for as long as it is asked to.
            self.wait(0.1)
            reference = {"projectId": PROJECT, "jobId": job, "location": "US"}
            return json_reply({"jobReference": reference, "jobComplete": False})
        return json_reply(_job(job))


def job_error(reason: str) -> Reply:
    """A job that is done and failed for this reason."""
    problem = {"reason": reason, "message": "near jane@example.com", "location": "query"}
    return json_reply(_job("job_1", {"state": "DONE", "errorResult": problem, "errors": [problem]}))


def bigquery_error(status: int, reason: str) -> Reply:
    """An error of the API; its text must never come out."""
    problem = {"reason": reason, "message": "near jane@example.com", "domain": "global"}
    error = {"code": status, "message": "near jane@example.com", "errors": [problem]}
    return json_reply({"error": error}, status)


def _job(job: str, status: Mapping[str, Any] | None = None, estimated_bytes: int = 0) -> dict[str, Any]:
    return {
        "kind": "bigquery#job",
        "id": f"{PROJECT}:US.{job}",
        "jobReference": {"projectId": PROJECT, "jobId": job, "location": "US"},
        "configuration": {"jobType": "QUERY", "query": {"query": "SELECT 1"}},
        "statistics": {"creationTime": "0", "query": {"totalBytesProcessed": str(estimated_bytes)}},
        "status": status or {"state": "RUNNING"},
    }
