"""A folder as a bucket."""

import contextlib
import fcntl
import hashlib
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

from persona.deadline import Deadline
from persona.errors import Refused, Unavailable
from persona.storage.bucket import Conflict, Stored, tries

# How often a busy folder is asked again, at most; a write to it holds the lock for some milliseconds.
LOCK_WAIT_SECONDS = 0.01


class Folder:
    """A folder as a bucket, safe between the processes of one machine.

    The generation is drawn from the content, so a swap is as sound as the content is unique.
    """

    def __init__(self, root: Path, deadline: Deadline | None = None) -> None:
        self._root, self._deadline = root, deadline

    def read(self, name: str) -> Stored | None:
        with _in_words("read"):
            try:
                with (self._root / name).open("rb") as file:
                    data = file.read()
                    updated = os.fstat(file.fileno()).st_mtime
            except FileNotFoundError:
                return None
        return Stored(data, _generation(data), updated)

    def write(self, name: str, data: bytes, content_type: str, generation: int = 0) -> int:  # noqa: ARG002 - a file has no content type
        path = self._root / name
        with _in_words("written"), exclusive(self._root, tries(self._deadline)):
            stored = self.read(name)
            if generation == (stored.generation if stored else 0):
                path.parent.mkdir(parents=True, exist_ok=True)
                # Whole whatever happens meanwhile; what a writer that failed left is overwritten.
                part = path.parent / ".part"
                with part.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            elif stored is None or stored.data != data:
                raise Conflict(name)
        return _generation(data)

    def delete(self, name: str) -> None:
        path = self._root / name
        with _in_words("written"):
            if path.exists():
                with exclusive(self._root, tries(self._deadline)):
                    path.unlink(missing_ok=True)

    def now(self) -> float:
        return time.time()

    def address(self, name: str) -> str:
        return str(self._root / name)

    def link(self, name: str) -> str:
        return str((self._root / name).absolute())


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
        yield


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
