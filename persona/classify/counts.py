"""People to patterns, and patterns to counts: one program in SQL, run where the people are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from jinja2 import Environment, StrictUndefined, Template

from persona.classify.engine import OutOfRoom
from persona.model import BOUNDARY, Rule

# No session count or life-time value is real beyond this; up to here the sum of eight is exact in a float.
MOST = 10**15
# Names are cut here before they are counted, so that names of any length cost the same memory.
NAME_CHARACTERS = 200
# More different names than this and the trait is free text, not a plan (or an id type).
MOST_PLANS = 1_000
MOST_TYPES = 100
# People with so many external ids or fewer are hard to follow from channel to channel.
FEW_IDENTITIES = 2
# Plans with so many different hashes are more than MOST_PLANS, without one of them being kept.
PLAN_HASHES = 2**16


class People(Protocol):
    """A relation with a row a person, wherever it is; classify.sql says of which columns."""

    dialect: str  # duckdb or bigquery
    drawn: bool  # `space` beside `people` holds the number of people `n` whom they were drawn from

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The rows of a statement that goes on after `WITH people AS (…),`."""

    def everybody(self) -> "Everybody | None":
        """All people with their ids, as they can be read again later; None where they cannot."""


class Everybody(NamedTuple):
    """A relation of everybody, of whom not one is read."""

    people: str  # what goes between WITH and the query over `people`
    parameters: Mapping[str, Any]
    view: str  # the name, quoted, that a view of them may have
    moved: Mapping[str, str] = MappingProxyType({})  # a literal in `people` -> what stands for it later


class Scope(NamedTuple):
    """What a statement counts."""

    free_text: frozenset[str] = frozenset()  # names that stay uncounted
    hashed: int = 0  # plans go by so many hashes of theirs, and none is named; 0: by their names


EVERYTHING = Scope()


@dataclass
class GroupCounts:
    """The sums of one pattern's people."""

    channels: int
    n: int = 0
    ltv: float = 0
    ltv_squares: float = 0
    activity: list[float] = field(default_factory=list)
    identities: int = 0
    few_identities: int = 0
    identity_coverage: Counter[str] = field(default_factory=Counter)  # external-id type -> people with one
    plans: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.activity = self.activity or [0] * self.channels


@dataclass
class Counts:
    """Everything that is counted about a space, under one rule."""

    channels: int
    read: int = 0
    dormant: int = 0
    on_boundary: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # reason -> people
    carried: list[int] = field(default_factory=list)  # people who carry each channel's trait, LTV, plan
    groups: list[GroupCounts] = field(default_factory=list)  # one a channel, then omnichannel
    free_text: set[str] = field(default_factory=set)  # "plans", "identity_coverage": has too many names
    drawn_from: int | None = None  # they were drawn at random from so many

    def __post_init__(self) -> None:
        self.carried = self.carried or [0] * (self.channels + 2)
        self.groups = self.groups or [GroupCounts(self.channels) for _ in range(self.channels + 1)]

    @property
    def classified(self) -> int:
        return sum(group.n for group in self.groups)

    def everybody(self) -> GroupCounts:
        """All classified people as one group."""
        everybody = GroupCounts(self.channels)
        for group in self.groups:
            for name in ("n", "ltv", "ltv_squares", "identities", "few_identities"):
                setattr(everybody, name, getattr(everybody, name) + getattr(group, name))
            everybody.activity = list(map(sum, zip(everybody.activity, group.activity, strict=True)))
            everybody.identity_coverage.update(group.identity_coverage)
            everybody.plans.update(group.plans)
        return everybody


def classify(people: People, rule: Rule) -> Counts:
    """Every person's pattern, counted where the people are: nothing but counts comes back.

    The channel with the largest share of a person's activity dominates if that share is strictly more than
    `rule.dominance`; otherwise, and where the largest shares are equal, the person is omnichannel. Nobody
    without activity has a pattern.
    """
    try:
        return _count(people, rule)
    except OutOfRoom:
        # So many names: whether they are plans can be told in little memory, and else they are types.
        plans = _count(people, rule, Scope(frozenset({"identity_coverage"}), hashed=PLAN_HASHES))
        names = {"plans"} if "plans" in plans.free_text else {"identity_coverage"}
        return _count(people, rule, Scope(frozenset(names)))


def statement(
    rule: Rule, dialect: str, scope: Scope = EVERYTHING, *, drawn: bool = False, members: bool = False
) -> tuple[str, dict[str, Any]]:
    """What goes on after `WITH people AS (…),`, and its parameters; `members`: who is where, not how many."""
    sql = template(Path(__file__).with_name("classify.sql")).render(
        dialect=dialect,
        channels=len(rule.channels),
        drawn=drawn,
        members=members,
        hashed=scope.hashed,
        plans="plans" not in scope.free_text,
        types="identity_coverage" not in scope.free_text,
        name_characters=NAME_CHARACTERS,
        most_names=max(MOST_PLANS, MOST_TYPES),
    )
    parameters = {
        "most": float(MOST),
        "dominance": rule.dominance,
        "lower": round(rule.dominance - BOUNDARY, 9),
        "upper": round(rule.dominance + BOUNDARY, 9),
        "few": FEW_IDENTITIES,
    }
    return sql, parameters


def _count(people: People, rule: Rule, scope: Scope = EVERYTHING) -> Counts:
    rows = people.rows(*statement(rule, people.dialect, scope, drawn=people.drawn))
    counts = Counts(len(rule.channels), free_text=set(scope.free_text))
    named: dict[str, list[tuple[str, Mapping[str, Any]]]] = {"place": [], "plan": [], "type": []}
    for row in rows:
        kind, _, name = row["fact"].partition(" ")
        named[kind].append((name, row))
    for place, row in named["place"]:
        _add_place(counts, place, row)
    _add_names(counts, "plans", named["plan"], MOST_PLANS)
    _add_names(counts, "identity_coverage", named["type"], MOST_TYPES)
    space = int(rows[0]["space"]) if rows else 0
    counts.drawn_from = space if space > counts.read else None
    return counts


def _add_place(counts: Counts, place: str, row: Mapping[str, Any]) -> None:
    """Count the people of a pattern, the dormant, or those rejected for one reason."""
    n = int(row["n"])
    counts.read += n
    pattern = place.isdigit()
    if not pattern and place != "dormant":
        counts.rejected[place] = n
        return
    carried = [int(row[f"carried_{i}"]) for i in range(counts.channels + 2)]
    counts.carried = list(map(sum, zip(counts.carried, carried, strict=True)))
    if not pattern:
        counts.dormant = n
        return
    counts.on_boundary += int(row["on_boundary"])
    group = counts.groups[int(place)]
    group.n, group.ltv, group.ltv_squares = n, float(row["ltv"]), float(row["ltv_squares"])
    group.activity = [float(row[f"activity_{i}"]) for i in range(counts.channels)]
    group.identities, group.few_identities = int(row["identities"]), int(row["few_identities"])


def _add_names(counts: Counts, names: str, rows: Sequence[tuple[str, Mapping[str, Any]]], most: int) -> None:
    """Count the people of every plan or type, pattern by pattern; free text is no name."""
    if len(rows) > most:
        counts.free_text.add(names)
    if names in counts.free_text:
        return
    for name, row in rows:
        for position, group in enumerate(counts.groups):
            if n := int(row[f"n_{position}"]):
                getattr(group, names)[name] = n


@cache
def template(path: Path) -> Template:
    """A program in SQL, to be rendered with checked names and positions."""
    # SQL, not HTML: escaping has no meaning here.
    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701
    return environment.from_string(path.read_text(encoding="utf-8"))
