"""The question to Profiles Sync's tables: one query, its parameters, and the tables that it names.

`user_traits` has a row a trait, `user_identifiers` a row an identifier, both by the profile as it is merged
now; events name the profile that they came in with (docs: unify/profiles-sync/tables).
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined, Template

from persona.classify.profile import MOST, NAME_CHARACTERS
from persona.classify.tally import FEW_IDENTITIES, MOST_PLANS, MOST_TYPES
from persona.errors import Refused
from persona.model import BOUNDARY
from persona.settings import Settings
from persona.summarize.sampling import IDLE_MINUTES, SEED, WAREHOUSE_EVENTS_DAYS

# Where an event's profile is now, the first of these that exists: Segment's own view, or what it comes from.
MERGES = ("profile_merges", "id_graph_updates")
# What the query calls the place of people without activity; other places are patterns and reasons.
DORMANT = "dormant"
_TABLE = re.compile(r"[a-z][a-z0-9-]{4,61}[a-z0-9]\.[A-Za-z0-9_]{1,1024}\.[A-Za-z_][A-Za-z0-9_]{0,299}")

# Tells whether there is a `project.dataset.table`.
Exists = Callable[[str], bool]


class Question(NamedTuple):
    """A query with its parameters."""

    sql: str
    parameters: dict[str, Any]
    absent: tuple[str, ...]  # event tables that PERSONA_EVENTS asks for and that do not exist


def question(settings: Settings, exists: Exists, limit: int, now: datetime) -> Question:
    """What to ask the warehouse: everybody, or `limit` people drawn at random (0: all).

    The query's text is made of checked table names and positions alone.

    Raises:
        Refused: PERSONA_EVENTS is on, and there are no events, or nothing tells whose they are.
    """
    channels = len(settings.channels)
    names: dict[str, Any] = {"user_traits": "user_traits", "user_identifiers": "user_identifiers"}
    parameters: dict[str, Any] = {
        "traits": [*settings.channels.values(), settings.ltv_trait, settings.plan_trait],
        "name_characters": NAME_CHARACTERS,
        "most": float(MOST),
        "dominance": settings.dominance,
        "lower": round(settings.dominance - BOUNDARY, 9),
        "upper": round(settings.dominance + BOUNDARY, 9),
        "few": FEW_IDENTITIES,
    }
    if limit:
        parameters |= {"seed": str(SEED), "wanted": limit}
    events: list[tuple[int, str]] = []
    absent: tuple[str, ...] = ()
    if settings.events:
        events, absent = _events(settings, exists)
        names["merges"] = _merges(settings, exists)
        session = timedelta(minutes=IDLE_MINUTES) // timedelta(microseconds=1)
        parameters |= {
            "since": now - timedelta(days=WAREHOUSE_EVENTS_DAYS),
            "until": now,
            # Of emails every open and click counts; two at the same moment are one that came twice.
            "gaps": [1 if channel == "email" else session for channel in settings.channels],
        }
    sql = _template().render(
        {name: _table(settings, table) for name, table in names.items()},
        channels=channels,
        drawn=bool(limit),
        events=[(position, _table(settings, table)) for position, table in events],
        dormant=DORMANT,
        most_names=max(MOST_PLANS, MOST_TYPES),
    )
    return Question(sql, parameters, absent)


def _events(settings: Settings, exists: Exists) -> tuple[list[tuple[int, str]], tuple[str, ...]]:
    """The event tables by their channel's position, and those that do not exist: no app, no `screens`."""
    tables = {"web": ("pages",), "mobile": ("screens",), "email": settings.email_tables}
    wanted = [
        (position, table)
        for position, channel in enumerate(settings.channels)
        for table in tables.get(channel, ())
    ]
    absent = tuple(table for _, table in wanted if not exists(_table(settings, table)))
    events = [(position, table) for position, table in wanted if table not in absent]
    if not events:
        raise Refused(
            "bigquery",
            f"PERSONA_EVENTS is on, and the dataset has none of the event tables ({', '.join(absent)}); "
            "enable them in Profiles Sync, name yours in PERSONA_EMAIL_TABLES, or set PERSONA_EVENTS=off",
        )
    return events, absent


def _merges(settings: Settings, exists: Exists) -> str:
    for table in MERGES:
        if exists(_table(settings, table)):
            return table
    raise Refused(
        "bigquery",
        f"PERSONA_EVENTS is on, and the dataset has neither {' nor '.join(MERGES)} to tell whose events are "
        "whose; enable profile_merges in Profiles Sync, or set PERSONA_EVENTS=off",
    )


def _table(settings: Settings, name: str) -> str:
    """A table's whole name, fit to stand between backquotes."""
    table = f"{settings.where}.{name}"
    if not _TABLE.fullmatch(table):
        raise Refused("bigquery", "expected a project, dataset and table of letters, digits, - and _")
    return table


@cache
def _template() -> Template:
    # SQL, not HTML: escaping has no meaning here, and nothing but checked names and positions goes in.
    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701
    return environment.from_string(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
