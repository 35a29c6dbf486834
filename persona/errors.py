"""Every way in which a run can fail, for the people who have to do something about it.

    PersonaError
    ├── BadRequest         400 bad_request          the request breaks the contract
    ├── NotFound           404 not_found            no such framework
    ├── MethodNotAllowed   405 method_not_allowed   the door knows no such method
    ├── RunInProgress      409 run_in_progress      another delivery is at work; try again
    ├── NotEnoughData      422 not_enough_data      nobody active, or all groups too small to show
    ├── BadSettings        500 bad_settings         the deployment is misconfigured
    ├── TooOld             500 too_old              the newest framework is older than the caller allows
    ├── NeedsOperator      500 needs_operator       paid calls spent without an answer
    ├── Unforeseen         500 failed               a defect after a paid call was begun; try again
    ├── Refused            502 <service>_refused    a key, a permission, credits, an entitlement
    ├── Invalid            502 <service>_invalid    a broken answer
    │   └── UnusableReply      … to a paid call: kept, never asked for again
    ├── Unavailable        503 <service>_unavailable   busy, down or slow; try again
    │   └── ReplyLost          … after a paid call may have been sent: only its thread can tell
    └── DeadlineExceeded   503 deadline             the run's own time is up; try again

`status` is the HTTP answer, `retryable` what Pub/Sub is told, `code` the name that logs and callers see.
Messages are public: they hold no secret, profile, body, URL or path.
"""

from typing import Literal

Service = Literal["segment", "mave", "bigquery", "storage"]

# How long a caller is asked to wait where nobody upstream said how long.
RETRY_AFTER_SECONDS = 30


class PersonaError(Exception):
    """What all failures share: an HTTP status, a code, and whether trying again may help."""

    status = 500
    code = "failed"
    retryable = False

    def __init__(self, message: str, *, retry_after_seconds: float = RETRY_AFTER_SECONDS) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class BadRequest(PersonaError):
    status, code = 400, "bad_request"


class NotFound(PersonaError):
    status, code = 404, "not_found"


class MethodNotAllowed(PersonaError):
    status, code = 405, "method_not_allowed"

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed  # methods, as the header Allow words them


class RunInProgress(PersonaError):
    status, code, retryable = 409, "run_in_progress", True


class NotEnoughData(PersonaError):
    status, code = 422, "not_enough_data"


class BadSettings(PersonaError):
    status, code = 500, "bad_settings"


class TooOld(PersonaError):
    status, code = 500, "too_old"


class NeedsOperator(PersonaError):
    status, code = 500, "needs_operator"


class Unforeseen(PersonaError):
    """A defect of ours after a paid call was begun: what was paid for must not depend on there being none.

    `cause` is what happened; its words may hold anything.
    """

    retryable = True

    def __init__(self, cause: Exception) -> None:
        super().__init__("an unexpected error; its place is in the log; what was paid for is kept: try again")
        self.cause = cause


class ServiceError(PersonaError):
    """A service outside this program let the run down; `code` carries its name."""

    outcome = "refused"

    def __init__(
        self, service: Service, message: str, *, retry_after_seconds: float = RETRY_AFTER_SECONDS
    ) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.service, self.code = service, f"{service}_{self.outcome}"


class Refused(ServiceError):
    status, outcome = 502, "refused"


class Invalid(ServiceError):
    status, outcome = 502, "invalid"


class Unavailable(ServiceError):
    status, outcome, retryable = 503, "unavailable", True


class UnusableReply(Invalid):
    """A complete reply to a paid call with no answer in it; `raw` is what came."""

    def __init__(self, message: str, raw: bytes) -> None:
        super().__init__("mave", message)
        self.raw = raw


class ReplyLost(Unavailable):
    """A paid call was sent, or may have been, and no reply was read: it counts as spent."""

    # None: as it was begun. A call may wait for a busy Mave before it is sent.
    sent_seconds_ago: float | None = None

    def __init__(self, message: str) -> None:
        super().__init__("mave", message)


class DeadlineExceeded(PersonaError):
    status, code, retryable = 503, "deadline", True


def for_status(status: int) -> type[Refused | Invalid | Unavailable]:
    """The failure that an HTTP status of a service means: the only place where statuses are classed."""
    if status in {408, 425, 429} or status >= 500:  # noqa: PLR2004 - the 5xx class
        return Unavailable
    if 400 <= status < 500:  # noqa: PLR2004 - the 4xx class
        return Refused
    return Invalid


def describe(error: PersonaError) -> dict[str, object]:
    """What a caller and `error.json` are told of a failure."""
    return {"error": {"code": error.code, "message": error.message, "retryable": error.retryable}}
