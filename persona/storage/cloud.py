"""A Cloud Storage bucket, through the official client."""

import http.client
import os
import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, TypeVar
from urllib.parse import quote

import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed, RetryError
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import storage

from persona.deadline import Deadline
from persona.errors import Refused, Unavailable, for_status
from persona.storage.bucket import LEAST_SECONDS, Conflict, Stored, tries
from persona.storage.objects import LATEST
from persona.timestamps import http_seconds

# What breaks on the way there and back; worth another try.
_BROKEN = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    ConnectionError,
    TransportError,
)

_NEXT_STEPS = {
    401: "it needs valid Google credentials; deploy with a service account, or run "
    "gcloud auth application-default login, or set {setting} to a path",
    403: "grant {role} on it to the function's service account",
    404: "there is no such bucket; create it, or name another one in {setting}",
}

_T = TypeVar("_T")

# The client asks for the bucket's own record in a thread of its own, for traces that nobody collects and with
# a permission that a writer of objects does not have.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")


class CloudBucket:
    """A prefix of a Cloud Storage bucket.

    The client's own retries are off: one operation may take several requests, and all share one budget.
    """

    def __init__(self, bucket: str, prefix: str = "", deadline: Deadline | None = None) -> None:
        self._name = bucket
        self._tried = partial(
            attempt, run=deadline, bucket=bucket, setting="PERSONA_OUTPUT", role="roles/storage.objectUser"
        )
        self._prefix = f"{prefix}/" if prefix else ""
        self._clock_seconds: float | None = None  # the store's clock less our monotonic one

    def read(self, name: str) -> Stored | None:
        return self._tried(partial(self._read, self._prefix + name))

    def write(self, name: str, data: bytes, content_type: str, generation: int = 0) -> int:
        return self._tried(partial(self._write, self._prefix + name, data, content_type, generation))

    def delete(self, name: str) -> None:
        self._tried(partial(self._delete, self._prefix + name))

    def now(self) -> float:
        if self._clock_seconds is None:
            self.read(LATEST)
        return (self._clock_seconds or 0.0) + time.monotonic()

    def address(self, name: str) -> str:
        return f"gs://{self._name}/{self._prefix}{name}"

    def link(self, name: str) -> str:
        return f"https://storage.cloud.google.com/{self._name}/{quote(self._prefix + name)}"

    @cached_property
    def _bucket(self) -> Any:
        bucket = bucket_of(self._name)
        # The client keeps no header of a reply; its session is where its own documentation hooks in, too.
        bucket.client._http.hooks["response"].append(self._set_clock)  # noqa: SLF001
        return bucket

    def _set_clock(self, response: requests.Response, *_: object, **__: object) -> None:
        at_seconds = http_seconds(response.headers.get("Date"))
        if at_seconds is not None:
            self._clock_seconds = at_seconds - time.monotonic()

    def _read(self, path: str, deadline: Deadline) -> Stored | None:
        blob = self._bucket.blob(path)
        try:
            blob.reload(timeout=waits(deadline), retry=None)
        except NotFound as error:
            _raise_without_bucket(error)
            return None
        try:
            # The blob names its generation now, and no other is sent.
            data = blob.download_as_bytes(timeout=waits(deadline), checksum="crc32c", retry=None)
        except NotFound as error:
            raise _Replaced from error
        return Stored(data, int(blob.generation), blob.updated.timestamp())

    def _write(self, path: str, data: bytes, content_type: str, generation: int, deadline: Deadline) -> int:
        blob = self._bucket.blob(path)
        try:
            blob.upload_from_string(
                data,
                content_type,
                if_generation_match=generation,
                checksum="crc32c",
                timeout=waits(deadline),
                retry=None,
            )
        except PreconditionFailed:
            stored = self._read(path, deadline)
            if stored is None or stored.data != data:
                raise Conflict(path) from None
            return stored.generation
        return int(blob.generation)

    def _delete(self, path: str, deadline: Deadline) -> None:
        try:
            self._bucket.blob(path).delete(timeout=waits(deadline), retry=None)
        except NotFound as error:
            _raise_without_bucket(error)


def bucket_of(name: str) -> Any:
    """A bucket as the official client has it; nothing is asked yet."""
    # No project: objects need none, and looking for one may ask the metadata server.
    return storage.Client(project=None).bucket(name)


def attempt(
    act: Callable[[Deadline], _T], run: Deadline | None, *, bucket: str, setting: str, role: str
) -> _T:
    """What `act` returns in the time that it is given, tried again while that may help.

    Raises:
        Refused: a permission, the credentials or the bucket itself is missing; `setting` names it.
        Unavailable: Cloud Storage stayed busy, slow or broken.
    """
    deadline = tries(run)
    try:
        # Cloud Storage takes about one write a second of an object.
        patient = Retry(predicate=_may_pass, initial=0.5, maximum=8.0, timeout=deadline.budget_seconds)(act)
        return patient(deadline)  # type: ignore[no-any-return]
    except RetryError as error:
        raise Unavailable(
            "storage",
            f"Cloud Storage did not serve bucket {bucket} within {deadline.budget_seconds:.1f} s of "
            f"trying (the last time: {type(error.cause).__name__}); try again later",
        ) from None
    except (GoogleAPICallError, GoogleAuthError) as error:
        status = 401 if isinstance(error, GoogleAuthError) else int(error.code or 0)
        next_step = _NEXT_STEPS.get(status, "look for a policy or retention rule on it that forbids this")
        raise Refused(
            "storage",
            f"Cloud Storage refuses the use of bucket {bucket} ({status}): "
            + next_step.format(setting=setting, role=role),
        ) from None


class _Replaced(Exception):
    """The object was replaced between two requests of one read."""


def _may_pass(error: Exception) -> bool:
    if isinstance(error, GoogleAPICallError):
        return for_status(error.code or 0) is Unavailable
    # The module of DataCorruption differs between the versions of the client that requirements.txt allows.
    return (
        isinstance(error, (_Replaced, *_BROKEN))
        or (isinstance(error, GoogleAuthError) and bool(error.retryable))
        or type(error).__name__ == "DataCorruption"
    )


def _raise_without_bucket(error: NotFound) -> None:
    """Tell a missing bucket from a missing object: the words are all the difference there is."""
    if "bucket does not exist" in str(error):
        raise error


def waits(deadline: Deadline) -> tuple[float, float]:
    """A request's waits to connect and for bytes (usually 0.1 s each), shorter near the end of the budget."""
    left_seconds = max(deadline.left_seconds, LEAST_SECONDS)
    return min(3.0, left_seconds), min(10.0, left_seconds)
