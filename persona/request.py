"""What a trigger asks for, and which run that is."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, Struct, UnsetType

from persona.errors import BadRequest
from persona.masking import printable
from persona.settings import Settings
from persona.storage.objects import RUN_ID

# Far more than four fields need; enough to refuse anything else cheaply.
MOST_BYTES = 64 * 1024
# Of a caller's own text in an answer or a log line: so much is shown, masked.
_SHOWN_CHARACTERS = 120

_SLOTS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
_EXPECTED = "expected a JSON object with run_id, limit, trial, dry_run and force, all of them optional"


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request; it carries no address, path, source or credential: those are the deployment's."""

    run_id: str | UnsetType = UNSET
    limit: int | UnsetType = UNSET  # profiles
    trial: bool = False  # published in its own folder alone, and no base of comparison
    dry_run: bool = False
    force: bool = False


def parse(body: bytes, settings: Settings) -> Request:
    """The request that a body or a message's data holds; an empty one is the default request.

    Raises:
        BadRequest: naming what does not fit.
    """
    if len(body) > MOST_BYTES:
        raise BadRequest(f"the body is over {MOST_BYTES} bytes; {_EXPECTED}")
    try:
        request = msgspec.json.decode(body, type=Request) if body.strip() else Request()
    except msgspec.ValidationError as error:
        # It may quote a caller's own field; "at" before the place of another reads like an address's.
        mistake = printable(str(error).replace(" - at ", ": "), _SHOWN_CHARACTERS)
        raise BadRequest(f"{_EXPECTED}; {mistake}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest(f"the body is no JSON; {_EXPECTED}") from None
    if request.run_id is not UNSET and not RUN_ID.fullmatch(request.run_id):
        raise BadRequest(
            f"run_id: expected {RUN_ID.pattern} as a whole, such as my-first-run, got {len(request.run_id)} "
            "other characters"
        )
    most = settings.limit or 10**12
    if request.limit is not UNSET and not 1 <= request.limit <= most:
        reason = "PERSONA_LIMIT" if settings.limit else "no PERSONA_LIMIT is set"
        raise BadRequest(f"limit: expected a whole number from 1 to {most} ({reason}), got {request.limit}")
    return request


def name_run(request: Request, settings: Settings, outside: Iterable[str | None], at: datetime | None) -> str:
    """The run's id: the request's own, the period's slot, the first one from outside, or a new one.

    `outside` holds what the trigger offers: an idempotency key, a schedule, an event's id; one that does not
    fit is hashed. `at` is the event's or the schedule's own time in UTC, so that a late redelivery keeps its
    slot; a plain call has none, and the clock is asked.
    """
    if request.run_id is not UNSET:
        return request.run_id
    if settings.period != "none":
        return (at or datetime.now(UTC)).strftime(_SLOTS[settings.period])
    offered = next(filter(None, outside), None)
    if offered is None:
        return f"run-{secrets.token_hex(10)}"
    if RUN_ID.fullmatch(offered):
        return offered
    return f"id-{hashlib.sha256(offered.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"
