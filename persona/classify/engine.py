"""DuckDB inside the process: bounded in memory and time, shut off from network and disk."""

import atexit
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any, Self

import duckdb

from persona.deadline import Deadline
from persona.errors import BadSettings, DeadlineExceeded

# Counting takes some 50 MB, whatever the size of a space, and reading a file two buffers of 32 MB a thread;
# what needs more (a free-text plan a person, tables to join) goes to the scratch folder, up to its bound.
MEMORY_BYTES = 200 * 10**6
SPILLED_BYTES = 4 * 10**9
# What the engine says of records that are not as declared; of the last, where a column is missing.
_ODD = duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException, duckdb.BinderException


class OddRecords(Exception):
    """What was read is not all of the declared shape; the engine's words tell the line, and quote it."""


class OutOfRoom(BadSettings):
    """The statement needs more memory than it may take, in spite of the scratch folder."""

    def __init__(self) -> None:
        super().__init__(
            f"counting these people needs more than {MEMORY_BYTES // 10**6} MB of memory and "
            f"{SPILLED_BYTES // 10**9} GB of disk; lower PERSONA_LIMIT, or let BigQuery count them"
        )


class Engine:
    """One connection, which reads `files` and nothing else, until the deadline.

    `file_system` (of fsspec) is where other files lie than this machine's; it keeps its last `failure`.
    Tables have to be temporary: no other connection sees those, and they go with their own.
    """

    def __init__(self, deadline: Deadline, files: Sequence[str] = (), file_system: Any = None) -> None:
        self._deadline, self._file_system, self._files = deadline, file_system, ExitStack()
        if files:  # a cursor would not tell its progress
            self._connection = self._files.enter_context(_database(files, file_system))
        else:
            self._connection = _without_files().cursor()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._files.close()

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """A statement's rows; the deadline interrupts it.

        Raises:
            OddRecords: a file or a record is not what the statement takes it for.
            DeadlineExceeded: there is no answer in time.
        """
        self._deadline.check("read more people")
        timer = Timer(self._deadline.left_seconds, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            cursor = self._connection.execute(sql, dict(parameters or {}))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except duckdb.InterruptException:
            raise DeadlineExceeded(
                f"people were not read and counted within the {self._deadline.budget_seconds:.0f} s of the "
                "run; raise PERSONA_DEADLINE_SECONDS or lower PERSONA_LIMIT"
            ) from None
        except duckdb.OutOfMemoryException:
            raise OutOfRoom from None
        except RuntimeError:  # how it says that a signal's handler ended the statement
            raise KeyboardInterrupt from None
        except duckdb.Error as error:
            if failure := getattr(self._file_system, "failure", None):
                raise failure from None
            if isinstance(error, (*_ODD, duckdb.NotImplementedException)):  # texts that threads cannot share
                raise OddRecords(str(error)) from None
            raise
        finally:
            timer.cancel()

    def share(self) -> float:
        """How much of the statement that runs now is done; 0 where nobody knows."""
        try:
            return max(0.0, self._connection.query_progress()) / 100
        except duckdb.Error:  # closed meanwhile
            return 0.0


@contextmanager
def _database(files: Sequence[str], file_system: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    with TemporaryDirectory() as scratch:
        settings: dict[str, Any] = {
            "memory_limit": f"{MEMORY_BYTES}B",
            "max_temp_directory_size": f"{SPILLED_BYTES}B",
            "temp_directory": scratch,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            # People without files come page by page: threads would wait longer than they work.
            **({} if files else {"threads": 1}),
        }
        with duckdb.connect(config=settings) as connection:
            if file_system:
                connection.register_filesystem(file_system)
            connection.execute(
                f"""
                SET allowed_paths = [{", ".join(map(literal, files))}];
                SET enable_external_access = false;
                -- Counted from the beginning, and not printed: that would be among what a caller reads.
                SET enable_progress_bar = true; SET enable_progress_bar_print = false;
                SET progress_bar_time = 0; SET lock_configuration = true;
                """
            )
            yield connection


@cache
def _without_files() -> duckdb.DuckDBPyConnection:
    """The process's own: to open one takes longer than to count a page of people."""
    kept = ExitStack()
    kept.enter_context(suppress(duckdb.Error))  # somebody may still ask when the process ends
    atexit.register(kept.close)
    return kept.enter_context(_database((), None))


def literal(text: str) -> str:
    """Any text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Any text as a name of SQL."""
    return '"' + name.replace('"', '""') + '"'
