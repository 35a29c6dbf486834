"""Objects of Cloud Storage as files, read where they lie through the official client."""

from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from io import BufferedReader
from typing import Any, TypeVar, cast

from fsspec import AbstractFileSystem
from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.fileio import BlobReader

from persona.deadline import Deadline
from persona.errors import DeadlineExceeded, PersonaError, Refused, Unavailable
from persona.storage.cloud import patience, waits

# How long one part may take, waits between tries included.
BUDGET_SECONDS = 60.0
# Large enough that a part's round trip is small beside its transfer; each reader keeps one.
PART_BYTES = 4 * 2**20

_CAUSES = {
    401: "there are no valid Google credentials; deploy with a service account, or run gcloud auth "
    "application-default login",
    403: "Cloud Storage answered 403; grant the function's service account roles/storage.objectViewer on its "
    "bucket",
    404: "there is no such object or bucket; check both names",
}

T = TypeVar("T")


class Objects(AbstractFileSystem):
    """The objects that a setting names, as a file system for the engine, until the deadline.

    An object is read as it is stored, and no later version of it is mixed in.
    """

    protocol = "gs"
    cachable = False

    def __init__(self, address: str, setting: str, deadline: Deadline) -> None:
        super().__init__()
        self._setting, self._deadline = setting, deadline
        self.failure: PersonaError | None = None  # the last one; the engine hands on its words alone
        bucket, _, pattern = address.removeprefix("gs://").partition("/")
        self._blobs: dict[str, Any] = {}
        # No project: objects need none, and looking for one may ask the metadata server.
        self._client: Any = self.tried(lambda: storage.Client(project=None))
        blobs = self._listed(self._client.bucket(bucket), pattern)
        if not blobs:
            raise Refused("storage", f"{setting}: no object has such a name, or no such bucket")
        self._blobs = {f"gs://{bucket}/{blob.name}": blob for blob in blobs}
        self.paths = [*self._blobs]

    def close(self) -> None:
        self._client.close()

    def open(self, path: str, *_: object, **__: object) -> "_Object":
        return _Object(self._blobs[path], self.tried, self._deadline)

    def reader(self, path: str) -> BufferedReader:
        return BufferedReader(cast("Any", self.open(path)))

    def glob(self, path: str, *_: object, **__: object) -> list[str]:
        return [path]

    def info(self, path: str, **_: object) -> dict[str, object]:
        return {"name": path, "size": self._blobs[path].size, "type": "file"}

    def modified(self, path: str) -> datetime:
        updated: datetime = self._blobs[path].updated
        return updated

    def _listed(self, bucket: Any, pattern: str) -> list[Any]:
        """The files among the objects: no folder's own entry, nor `_SUCCESS` and `.crc` beside them."""
        if "*" not in pattern and not pattern.endswith("/"):
            blob = bucket.blob(pattern)
            self.tried(lambda: blob.reload(timeout=waits(self._deadline), retry=None))
            return [blob]
        prefix, whole = pattern.partition("*")[0], pattern + "*" if pattern.endswith("/") else pattern
        blobs: list[Any] = []
        token: str | None = None
        while token != "":
            page, token = self.tried(partial(self._page, bucket, prefix, token))
            blobs += (blob for blob in page if fnmatchcase(blob.name, whole))
        return [blob for blob in blobs if blob.name.rpartition("/")[2][:1] not in {"", ".", "_"}]

    def _page(self, bucket: Any, prefix: str, token: str | None) -> tuple[list[Any], str]:
        """A page of the listing, and what asks for the next; empty after the last."""
        listed = bucket.list_blobs(prefix=prefix, page_token=token, retry=None, timeout=waits(self._deadline))
        return [*next(listed.pages, ())], listed.next_page_token or ""

    def tried(self, act: Callable[[], T]) -> T:
        """What `act` returns, tried again while that may help."""
        try:
            self._deadline.check("read more of the stored object")
            returned: T = patience(min(BUDGET_SECONDS, self._deadline.left_seconds))(act)()
        except RetryError:
            words = f"Cloud Storage did not serve the object that {self._setting} names within its time"
            self.failure = Unavailable("storage", f"{words}; try again later")
        except (GoogleAPICallError, GoogleAuthError) as error:
            status = 401 if isinstance(error, GoogleAuthError) else int(error.code or 0)
            cause = _CAUSES.get(status, f"Cloud Storage answered {status}; check the bucket's settings")
            self.failure = Refused("storage", f"the object that {self._setting} names: {cause}")
            if isinstance(error, NotFound) and self._blobs:
                words = f"the object that {self._setting} names was replaced while it was read; try again"
                self.failure = Unavailable("storage", words)
        except DeadlineExceeded as error:
            self.failure = error
        else:
            return returned
        raise self.failure from None


class _Object(BlobReader):
    """The client's own reader of the generation that was found; a part that fails is asked for again."""

    def __init__(self, blob: Any, tried: Callable[[Callable[[], bytes]], bytes], deadline: Deadline) -> None:
        super().__init__(blob, chunk_size=PART_BYTES, retry=None, raw_download=True)
        self.size = blob.size
        self._tried, self._deadline = tried, deadline

    def read(self, size: int = -1) -> bytes:
        position = self.tell()

        def part() -> bytes:
            # The reader forgets what a part that failed had already read.
            self.seek(position)
            self._download_kwargs["timeout"] = waits(self._deadline)
            data: bytes = super(_Object, self).read(size)
            return data

        return self._tried(part)
