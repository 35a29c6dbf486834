"""A folder as a bucket."""

import contextlib
import fcntl
import hashlib
import os
import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from persona.deadline import Deadline
from persona.errors import Refused, Unavailable
from persona.storage.bucket import BUDGET_SECONDS, Conflict, Stored, checked, tries

# How often a busy folder is asked again, at most; a write to it holds the lock for some milliseconds.
LOCK_WAIT_SECONDS = 0.01


class Folder:
    """A folder as a bucket, safe between the processes of one machine.

    The generation is drawn from the content, so a swap is as sound as the content is unique.
    """

    def __init__(
        self, root: Path, budget_seconds: float = BUDGET_SECONDS, deadline: Deadline | None = None
    ) -> None:
        self._root = root
        self._tries = partial(tries, budget_seconds, deadline)

    def read(self, name: str) -> Stored | None:
        path = self._root / checked(name)
        with _in_words("read"):
            try:
                with path.open("rb") as file:
                    data = file.read()
                    updated = os.fstat(file.fileno()).st_mtime
            except (FileNotFoundError, IsADirectoryError):
                return None
        return Stored(data, _generation(data), updated)

    def write(self, name: str, data: bytes, content_type: str, generation: int = 0) -> int:  # noqa: ARG002 - a file has no content type
        path = self._root / checked(name)
        with _in_words("written"), exclusive(self._root, self._tries()):
            stored = self.read(name)
            if generation == (stored.generation if stored else 0):
                _write_whole(path, data)
            elif stored is None or stored.data != data:
                raise Conflict(name)
        return _generation(data)

    def delete(self, name: str) -> None:
        path = self._root / checked(name)
        with _in_words("written"):
            if path.exists():
                with exclusive(self._root, self._tries()):
                    path.unlink(missing_ok=True)

    def now(self) -> float:
        return time.time()

    def address(self, name: str) -> str:
        return str(self._root / checked(name))

    def link(self, name: str) -> str:
        return str((self._root / checked(name)).absolute())


@contextlib.contextmanager
def exclusive(folder: Path, deadline: Deadline) -> Iterator[None]:
    """Hold the folder's lock for a `with` block. The system takes it from a process that dies.

    Raises:
        Unavailable: another process held it all the time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline.left_seconds < 0:
                    raise Unavailable(
                        "storage",
                        f"the output folder stayed locked for {deadline.budget_seconds:.1f} s; look for a "
                        "process of this program that hangs, and try again",
                    ) from None
                time.sleep(random.uniform(0, LOCK_WAIT_SECONDS))  # noqa: S311 - nothing to keep secret
        try:
            yield
        finally:
            # Closing would do, but for a child that was forked meanwhile and holds the same open file.
            fcntl.flock(lock, fcntl.LOCK_UN)


def _write_whole(path: Path, data: bytes) -> None:
    """Put the file there, whole whatever happens meanwhile; the folder's lock must be held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / ".part"  # one writer at a time: what a killed one left is overwritten
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _generation(data: bytes) -> int:
    """63 bits of the content's hash, and never 0."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1 or 1


@contextlib.contextmanager
def _in_words(done: str) -> Iterator[None]:
    """Turn what the system says of a file into a failure that an operator understands."""
    try:
        yield
    except OSError as error:
        raise Refused(
            "storage",
            f"the output folder cannot be {done}: {error.strerror}; mend that, or set PERSONA_OUTPUT to "
            "another folder",
        ) from error
