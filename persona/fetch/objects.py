"""Objects of Cloud Storage, copied into the scratch folder through the official client."""

import http
from collections.abc import Callable
from contextlib import closing
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from shutil import disk_usage
from typing import Any, TypeVar

from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage

from persona.deadline import Deadline
from persona.errors import Refused, Unavailable
from persona.storage.cloud import CONNECT_SECONDS, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, may_pass

# How long one part may take, waits between tries included.
BUDGET_SECONDS = 60.0
READ_SECONDS = 30.0
# Large enough that a part's round trip is small beside its transfer.
PART_BYTES = 4 * 2**20
# Of the scratch folder's free space, so much stays free for what else is written there.
MOST_SHARE = 0.8

T = TypeVar("T")


class Objects:
    """The objects that a setting names, until the deadline."""

    def __init__(self, setting: str, deadline: Deadline) -> None:
        self._setting, self._deadline = setting, deadline
        self._begun = False  # an object was found

    def copy(self, address: str, folder: Path) -> dict[str, Path]:
        """Each object's address and its copy, of gs://BUCKET/OBJECT, `*` in it allowed, or of a whole prefix.

        An object is copied as it is stored, and no later version of it is mixed in.

        Raises:
            Refused: Cloud Storage says no, or the copy has no room.
            Unavailable: Cloud Storage stayed busy, or the object was replaced meanwhile.
            DeadlineExceeded: no time left for the next part.
        """
        bucket_name, _, pattern = address.removeprefix("gs://").partition("/")
        # No project: objects need none, and looking for one may ask the metadata server.
        client: Any = self._tried(lambda: storage.Client(project=None))
        with closing(client):
            copies = self._copies(client.bucket(bucket_name), pattern, folder)
            return {f"gs://{bucket_name}/{name}": path for name, path in copies.items()}

    def _copies(self, bucket: Any, pattern: str, folder: Path) -> dict[str, Path]:
        names = [pattern]
        if "*" in pattern or pattern.endswith("/"):
            prefix = pattern.partition("*")[0]
            listed = self._tried(lambda: list(bucket.list_blobs(prefix=prefix, retry=None)))
            whole = pattern + "*" if pattern.endswith("/") else pattern
            names = [blob.name for blob in listed if fnmatchcase(blob.name, whole) and blob.name[-1] != "/"]
            if not names:
                raise Refused("storage", f"{self._setting}: no object has such a name, or no such bucket")
        return {
            name: self._copied(bucket.blob(name), folder / f"{number}") for number, name in enumerate(names)
        }

    def _copied(self, blob: Any, copy: Path) -> Path:
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        self._tried(lambda: blob.reload(timeout=timeout, retry=None))
        self._begun = True
        room_bytes = int(MOST_SHARE * disk_usage(copy.parent).free)
        if blob.size > room_bytes:
            raise Refused(
                "storage",
                f"the object that {self._setting} names has {blob.size:,} bytes, and there is room for "
                f"{room_bytes:,}; give the function more memory (its disk is memory), or pack it with gzip "
                "or zstd, or as Parquet",
            )
        with copy.open("wb") as file:
            for start in range(0, blob.size, PART_BYTES):
                file.write(self._tried(partial(self._part, blob, start)))
        return copy

    def _part(self, blob: Any, start: int) -> bytes:
        # The blob names its generation now, and no other is sent. No checksum covers a part. Its own stream
        # (`open`) loses bytes where a part is tried again.
        part: bytes = blob.download_as_bytes(
            start=start,
            end=start + PART_BYTES - 1,
            raw_download=True,
            checksum=None,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            retry=None,
        )
        return part

    def _tried(self, act: Callable[[], T]) -> T:
        """What `act` returns, tried again with growing, random waits while that may help."""
        self._deadline.check("read more of the stored object")
        retry = Retry(
            predicate=may_pass,
            initial=FIRST_WAIT_SECONDS,
            maximum=LONGEST_WAIT_SECONDS,
            timeout=min(BUDGET_SECONDS, self._deadline.left_seconds),
        )
        try:
            returned: T = retry(act)()
        except RetryError:
            raise Unavailable(
                "storage",
                f"Cloud Storage did not serve the object that {self._setting} names within its time; try "
                "again later",
            ) from None
        except (GoogleAPICallError, GoogleAuthError) as error:
            raise self._failure(error) from None
        return returned

    def _failure(self, error: GoogleAPICallError | GoogleAuthError) -> Refused | Unavailable:
        status = getattr(error, "code", None)
        if isinstance(error, NotFound) and self._begun:
            return Unavailable(
                "storage", f"the object that {self._setting} names was replaced while it was read; try again"
            )
        if isinstance(error, NotFound):
            what = "there is no such object or bucket; check both names"
        elif isinstance(error, GoogleAuthError) or status == http.HTTPStatus.UNAUTHORIZED:
            what = (
                "there are no valid Google credentials; deploy with a service account, or run gcloud auth "
                "application-default login"
            )
        elif status == http.HTTPStatus.FORBIDDEN:
            what = (
                "Cloud Storage answered 403; grant the function's service account "
                "roles/storage.objectViewer on its bucket"
            )
        else:
            what = f"Cloud Storage answered {status}; check the bucket's settings"
        return Refused("storage", f"the object that {self._setting} names: {what}")
