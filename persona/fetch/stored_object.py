"""An object of Cloud Storage as a stream, read part by part through the official client."""

import http
import io
from collections.abc import Callable
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

T = TypeVar("T")


class StoredObject(io.RawIOBase):
    """An object's bytes as they are stored: not unpacked on the way, nor mixed with a later version's."""

    # Large enough that a part's round trip is small beside its transfer.
    PART_BYTES = 4 * 2**20

    def __init__(self, address: str, setting: str, deadline: Deadline) -> None:
        self._setting, self._deadline = setting, deadline
        self._at_bytes = 0
        self._begun = False  # the object was found
        bucket, _, name = address.removeprefix("gs://").partition("/")
        # No project: objects need none, and looking for one may ask the metadata server.
        self._blob: Any = self._tried(lambda: storage.Client(project=None).bucket(bucket).blob(name))
        self._tried(lambda: self._blob.reload(timeout=(CONNECT_SECONDS, READ_SECONDS), retry=None))
        self._begun = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        last = min(self._at_bytes + len(buffer), self._blob.size) - 1
        if last < self._at_bytes:
            return 0
        part = self._tried(lambda: self._part(last))
        buffer[: len(part)] = part
        self._at_bytes += len(part)
        return len(part)

    def _part(self, last: int) -> bytes:
        # The blob names its generation now, and no other is sent. No checksum covers a part.
        part: bytes = self._blob.download_as_bytes(
            start=self._at_bytes,
            end=last,
            raw_download=True,
            checksum=None,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            retry=None,
        )
        return part

    def _tried(self, act: Callable[[], T]) -> T:
        """What `act` returns, tried again with growing, random waits while that may help."""
        self._deadline.check("read more of the stored object")
        budget_seconds = min(BUDGET_SECONDS, self._deadline.left_seconds)
        retry = Retry(
            predicate=may_pass,
            initial=FIRST_WAIT_SECONDS,
            maximum=LONGEST_WAIT_SECONDS,
            timeout=budget_seconds,
        )
        try:
            returned: T = retry(act)()
        except RetryError:
            raise Unavailable(
                "storage",
                f"Cloud Storage did not serve the object that {self._setting} names within "
                f"{budget_seconds:.0f} s of trying; try again later",
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
