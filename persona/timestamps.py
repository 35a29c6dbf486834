"""Times as services write them: RFC 3339, and the dates of HTTP."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def moment(text: object) -> datetime | None:
    """The moment that an RFC 3339 text names, in UTC; None where it names none."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return at and (at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def unix_seconds(text: object) -> float | None:
    """The same in Unix time."""
    at = moment(text)
    return at.timestamp() if at else None


def rfc3339(seconds: float) -> str:
    """A Unix time in UTC, to the millisecond: `2026-11-26T06:00:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_seconds(date: str | None) -> float | None:
    """What an HTTP date says, in Unix time; None where it is none."""
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (ValueError, OverflowError):
        return None
