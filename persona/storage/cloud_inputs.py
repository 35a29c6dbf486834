"""What a setting names in Cloud Storage, as files: read where they lie, through the official client."""

import glob
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, TypeVar

from fsspec import AbstractFileSystem
from google.api_core.exceptions import NotFound
from google.cloud.storage.fileio import BlobReader

from persona.deadline import Deadline
from persona.errors import PersonaError, Refused, Unavailable
from persona.storage.cloud import attempt, bucket_of, waits

# Large enough that a part's round trip is small beside its transfer; each reader keeps one.
PART_BYTES = 4 * 2**20
T = TypeVar("T")


class Objects(AbstractFileSystem):
    """The objects that a setting names, as a file system for the engine, until the deadline.

    An object is read as it is stored, and no later version of it is mixed in.
    """

    protocol = "gs"
    cachable = False

    def __init__(self, address: str, setting: str, deadline: Deadline) -> None:
        super().__init__()
        self.failure: PersonaError | None = None  # the last one; the engine hands on its words alone
        self._deadline = deadline
        bucket, _, pattern = address.removeprefix("gs://").partition("/")
        role = "roles/storage.objectViewer"
        self._attempt = partial(attempt, run=deadline, bucket=bucket, setting=setting, role=role)
        self._bucket = self.tried(lambda _: bucket_of(bucket))
        listed = self.tried(lambda deadline: [*self._listed(pattern, deadline)])
        self.blobs = {f"gs://{bucket}/{one.name}": one for one in listed}
        if not self.blobs:
            raise Refused("storage", f"{setting}: there is no such object in bucket {bucket}")

    def close(self) -> None:
        self._bucket.client.close()

    def open(self, path: str, *_: object, **__: object) -> "_Object":
        return _Object(self.blobs[path], self.tried)

    def glob(self, path: str, *_: object, **__: object) -> list[str]:
        return [path]

    def size(self, path: str) -> int:
        return int(self.blobs[path].size)

    def modified(self, path: str) -> Any:
        return self.blobs[path].updated

    def tried(self, act: Callable[[Deadline], T]) -> T:
        """What `act` returns, tried again while that may help."""
        try:
            self._deadline.check("read more of the stored objects")
            return self._attempt(act)
        except PersonaError as error:
            self.failure = error
            raise

    def _listed(self, pattern: str, deadline: Deadline) -> Iterator[Any]:
        """The files among the objects: no folder's own entry, nor `_SUCCESS` and `.crc` beside them."""
        whole = pattern + "*" if pattern.endswith("/") else pattern
        # Of all names that begin with a whole name, it is the first itself.
        most = None if "*" in whole else 1
        pattern = glob.escape(whole).replace("[*]", "*")  # all else stands for itself
        for blob in self._bucket.list_blobs(
            prefix=whole.partition("*")[0], max_results=most, timeout=waits(deadline), retry=None
        ):
            self._deadline.check("list more of the stored objects")
            beside = blob.name.rpartition("/")[2][:1] in {"", ".", "_"}
            if blob.name == whole or (fnmatchcase(blob.name, pattern) and not beside):
                yield blob


class _Object(BlobReader):
    """The client's own reader of the generation that was found; a part that fails is asked for again."""

    def __init__(self, blob: Any, tried: Callable[[Callable[[Deadline], bytes]], bytes]) -> None:
        super().__init__(blob, chunk_size=PART_BYTES, retry=None, raw_download=True)
        self._tried = tried

    def read(self, size: int = -1) -> bytes:
        position = self.tell()

        def part(deadline: Deadline) -> bytes:
            # The reader forgets what a part that failed had already read.
            self.seek(position)
            self._download_kwargs["timeout"] = waits(deadline)
            try:
                return bytes(super(_Object, self).read(size))
            except NotFound:
                words = "an object was replaced while it was read; try again"
                raise Unavailable("storage", words) from None

        return self._tried(part)
