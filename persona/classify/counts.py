"""People to patterns, and patterns to counts: one program in SQL, run where the people are."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import InitVar, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from jinja2 import Environment, StrictUndefined, Template

from persona.classify.engine import OutOfRoom
from persona.model import BOUNDARY, Rule

# No session count or life-time value is real beyond this; up to here the sum of eight is exact in a float.
MOST = 10**15
# Names are cut here before they are counted, so that names of any length cost the same memory.
NAME_CHARACTERS = 200
# More different names than this and the trait is free text, not a plan (or an id type).
MOST_PLANS, MOST_TYPES = 1_000, 100
# People with so many external ids or fewer are hard to follow from channel to channel.
FEW_IDENTITIES = 2


class Everybody(NamedTuple):
    """A relation of everybody, of whom not one is read."""

    people: str  # what goes between WITH and the query over `people`
    parameters: Mapping[str, Any]
    view: str  # the name, quoted, that a view of them may have


class People(Protocol):
    """A relation with a row a person, wherever it is; classify.sql says of which columns."""

    dialect: str  # duckdb or bigquery
    drawn: bool  # `space` beside `people` holds the number of people `n` whom they were drawn from

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The rows of a statement that goes on after `WITH people AS (…),`."""

    def everybody(self) -> Everybody | None:
        """All people with their ids, as they can be read again later; None where they cannot."""


@dataclass
class GroupCounts:
    """The sums of one pattern's people."""

    n: int = 0
    ltv: float = 0
    ltv_squares: float = 0
    activity: Counter[int] = field(default_factory=Counter)  # by the channel's position
    identities: int = 0
    few_identities: int = 0
    identity_coverage: Counter[str] = field(default_factory=Counter)  # external-id type -> people with one
    plans: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "GroupCounts") -> "GroupCounts":
        return GroupCounts(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass
class Counts:
    """Everything that is counted about a space, under one rule."""

    channels: InitVar[int]
    read: int = 0
    dormant: int = 0
    on_boundary: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # reason -> people
    # By the trait's position: people who carry each channel's trait, LTV, plan.
    carried: Counter[int] = field(default_factory=Counter)
    groups: list[GroupCounts] = field(default_factory=list)  # one a channel, then omnichannel
    free_text: set[str] = field(default_factory=set)  # "plans", "identity_coverage": has too many names
    drawn_from: int | None = None  # they were drawn at random from so many
    odd_ltv: int = 0  # people whose LTV is no number

    def __post_init__(self, channels: int) -> None:
        self.groups = [GroupCounts() for _ in range(channels + 1)]

    @property
    def classified(self) -> int:
        return sum(group.n for group in self.groups)

    def coverage(self, rule: Rule) -> dict[str, float]:
        """The needed traits with the share of readable profiles that carry each."""
        readable = max(self.classified + self.dormant, 1)
        return {name: self.carried[i] / readable for i, name in enumerate(rule.traits)}

    def everybody(self) -> GroupCounts:
        """All classified people as one group."""
        return sum(self.groups, start=GroupCounts())


def classify(people: People, rule: Rule) -> Counts:
    """Every person's pattern, counted where the people are: nothing but counts comes back.

    The channel with the largest share of a person's activity dominates if that share is strictly more than
    `rule.dominance`; otherwise, and where the largest shares are equal, the person is omnichannel. Nobody
    without activity has a pattern.
    """
    # So many names that there is no room for them are free text: of the types where the plans are few.
    for free_text in (set[str](), {"identity_coverage"}, {"plans"}):
        with suppress(OutOfRoom):
            counts = _count(people, rule, free_text)
            if free_text != {"identity_coverage"} or "plans" not in counts.free_text:
                return counts
    return _count(people, rule, {"plans", "identity_coverage"})


def statement(
    rule: Rule, dialect: str, free_text: Collection[str] = (), *, drawn: bool = False, members: bool = False
) -> tuple[str, dict[str, Any]]:
    """What goes on after `WITH people AS (…),`, and its parameters; `members`: who is where, not how many.

    Names of `free_text` stay uncounted.
    """
    sql = template(Path(__file__).with_name("classify.sql")).render(
        dialect=dialect,
        channels=len(rule.channels),
        drawn=drawn,
        members=members,
        plans="plans" not in free_text,
        types="identity_coverage" not in free_text,
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


def _count(people: People, rule: Rule, free_text: set[str]) -> Counts:
    rows = people.rows(*statement(rule, people.dialect, free_text, drawn=people.drawn))
    counts = Counts(len(rule.channels), free_text=set(free_text))
    named: dict[str, dict[str, Mapping[str, Any]]] = {"plan": {}, "type": {}}
    for row in rows:
        kind, _, name = row["fact"].partition(" ")
        if kind == "place":
            _add_place(counts, name, row)
        else:
            named[kind][name] = row
    for names, kind, most in (("plans", "plan", MOST_PLANS), ("identity_coverage", "type", MOST_TYPES)):
        if len(named[kind]) > most:
            counts.free_text.add(names)
            named[kind] = {}
        for i, group in enumerate(counts.groups):
            people_with = {name: int(row[f"n_{i}"]) for name, row in named[kind].items() if row[f"n_{i}"]}
            getattr(group, names).update(people_with)
    space = int(rows[0]["space"]) if rows else 0
    counts.drawn_from = space if space > counts.read else None
    return counts


def _add_place(counts: Counts, place: str, row: Mapping[str, Any]) -> None:
    """Count the people of a pattern, the dormant, or those rejected for one reason."""
    n, channels = int(row["n"]), len(counts.groups) - 1
    counts.read += n
    if not place.isdigit() and place != "dormant":
        counts.rejected[place] = n
        return
    counts.carried.update({i: int(row[f"carried_{i}"]) for i in range(channels + 2)})
    counts.odd_ltv += int(row["odd_ltv"])
    if place == "dormant":
        counts.dormant = n
        return
    counts.on_boundary += int(row["on_boundary"])
    counts.groups[int(place)] = GroupCounts(
        n=n,
        # To twelve digits: what follows may hang on the order in which threads summed.
        ltv=float(f"{row['ltv']:.12g}"),
        ltv_squares=float(f"{row['ltv_squares']:.12g}"),
        activity=Counter({i: float(row[f"activity_{i}"]) for i in range(channels)}),
        identities=int(row["identities"]),
        few_identities=int(row["few_identities"]),
    )


@cache
def template(path: Path) -> Template:
    """A program in SQL, to be rendered with checked names and positions."""
    # SQL, not HTML: escaping has no meaning here.
    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701
    return environment.from_string(path.read_text(encoding="utf-8"))
