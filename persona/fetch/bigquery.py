"""Fetch, classify and count in one: a space, summarized by the warehouse that holds it.

At most three rows of counts come back, whatever the size of the space; no profile leaves the warehouse.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from persona.classify.tally import MOST_PLANS, MOST_TYPES, Tally
from persona.deadline import Deadline
from persona.errors import Refused
from persona.fetch.profiles_sync import DORMANT, question
from persona.settings import Settings


class Counted(NamedTuple):
    """A space, counted inside the warehouse."""

    tally: Tally
    truncated: bool
    drawn_from: int | None  # the profiles were drawn at random from so many
    job_id: str
    rows: int  # that came back
    billed_bytes: int
    absent: tuple[str, ...]  # event tables that PERSONA_EVENTS asks for and that do not exist


def count(
    settings: Settings, deadline: Deadline, limit: int, *, run_id: str = "", now: datetime | None = None
) -> Counted:
    """Everybody in the space, or `limit` people drawn at random (0: all), classified and counted.

    Bills the bytes of the columns that it reads, at most PERSONA_MAX_BYTES. With PERSONA_EVENTS, everybody's
    activity is counted from the raw events of the 30 days before `now`, not from traits.

    Raises:
        Refused: a role, a table or bytes to bill are missing, or the space has no profile.
        Unavailable: BigQuery stayed busy or unreachable.
        DeadlineExceeded: no answer in time; the job is cancelled.
    """
    from persona.fetch.warehouse import Warehouse  # noqa: PLC0415 - a cold start pays for what it needs

    with Warehouse(_project(settings), deadline) as warehouse:
        asked = question(settings, warehouse.has, limit, now or datetime.now(UTC))
        answer = warehouse.ask(asked.sql, asked.parameters, _labels(run_id), settings.max_bytes)
    counts = {row["kind"]: row["named"] for row in answer.rows}
    if not counts:
        raise Refused(
            "bigquery",
            "the dataset holds no merged profiles: user_traits and user_identifiers are empty; enable both "
            "in Profiles Sync's selective sync, wait for the next sync, and check PERSONA_SOURCE",
        )
    tally = _tally(counts, len(settings.channels))
    total = int(answer.rows[0]["drawn_from"] or 0)
    drawn_from = total if total > tally.read else None
    return Counted(
        tally=tally,
        truncated=drawn_from is not None,
        drawn_from=drawn_from,
        job_id=answer.job_id,
        rows=len(answer.rows),
        billed_bytes=answer.billed_bytes,
        absent=asked.absent,
    )


def estimate(settings: Settings, deadline: Deadline, limit: int) -> int:
    """How many bytes `count` would have BigQuery process; asking costs nothing.

    Raises: as `count`, and never for the bytes.
    """
    from persona.fetch.warehouse import Warehouse  # noqa: PLC0415 - as above

    with Warehouse(_project(settings), deadline) as warehouse:
        asked = question(settings, warehouse.has, limit, datetime.now(UTC))
        return warehouse.estimate(asked.sql, asked.parameters)


def affordable_bytes(settings: Settings, deadline: Deadline, limit: int) -> int:
    """How many bytes `count` would have BigQuery process, as far as PERSONA_MAX_BYTES allows.

    Raises: as `estimate`, and Refused where it allows fewer.
    """
    needed_bytes = estimate(settings, deadline, limit)
    if needed_bytes > settings.max_bytes:
        raise Refused(
            "bigquery",
            f"the query would read {needed_bytes:,} bytes, and PERSONA_MAX_BYTES allows "
            f"{settings.max_bytes:,}; raise it",
        )
    return needed_bytes


def _tally(counts: Mapping[str, Sequence[Mapping[str, Any]]], channels: int) -> Tally:
    """The warehouse's counts as if the profiles had been counted here."""
    tally = Tally(channels)
    for place in counts["place"]:
        _add_place(tally, place)
    for kind, names, most in (("plan", "plans", MOST_PLANS), ("type", "identity_coverage", MOST_TYPES)):
        found = counts.get(kind, ())
        if len(found) > most:
            tally.free_text.add(names)
            continue
        for one in found:
            for group, n in zip(tally.groups, map(int, one["by_pattern"]), strict=True):
                if n:
                    getattr(group, names)[one["name"]] = n
    return tally


def _add_place(tally: Tally, place: Mapping[str, Any]) -> None:
    """Count the people of a pattern, the dormant, or those rejected for one reason."""
    name, n = place["name"], int(place["n"])
    tally.read += n
    pattern = name.isdigit()
    if pattern or name == DORMANT:
        tally.carried = [
            before + int(more) for before, more in zip(tally.carried, place["carried"], strict=True)
        ]
    else:
        tally.rejected[name] = n
    if name == DORMANT:
        tally.dormant = n
    if pattern:
        tally.on_boundary += int(place["on_boundary"])
        group = tally.groups[int(name)]
        group.n, group.ltv = n, float(place["ltv"])
        group.activity = [int(total) for total in place["activity"]]
        group.identities, group.few_identities = int(place["identities"]), int(place["few_identities"])


def _project(settings: Settings) -> str:
    return settings.where.split(".")[0]


def _labels(run_id: str) -> dict[str, str]:
    """What the job is marked with, for whoever reads the bill; labels are small letters, 63 at most."""
    run = re.sub(r"[^a-z0-9_-]", "-", run_id.lower())[:63]
    return {"app": "persona"} | ({"run_id": run} if run else {})
