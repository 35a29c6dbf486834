"""A space being counted, page by page, in memory that does not grow with it; two tallies merge."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from persona.model import ExternalId, People, Places

# More different names than this and the trait is free text, not a plan (or an id type).
MOST_PLANS = 1_000
MOST_TYPES = 100
# People with so many external ids or fewer are hard to follow from channel to channel.
FEW_IDENTITIES = 2
# Counting some hundred people at once is cheaper than page by page; more gain nothing.
WAITING_PEOPLE = 300
# Segment's mobile libraries write `ios.id`; exports and older code write `ios_id`.
_SPELLINGS = {
    f"{os}_{kind}": f"{os}.{kind}" for os in ("ios", "android") for kind in ("id", "idfa", "push_token")
}


# A person: LTV, activity, plan, external ids.
Row = tuple[float, tuple[int, ...], str | None, tuple[ExternalId, ...]]


@dataclass
class GroupTally:
    """The sums of one pattern's people."""

    channels: int
    n: int = 0
    ltv: float = 0
    activity: list[float] = field(default_factory=list)
    identities: int = 0
    few_identities: int = 0
    identity_coverage: Counter[str] = field(default_factory=Counter)  # external-id type -> people with one
    plans: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.activity = self.activity or [0] * self.channels

    def add(self, rows: Sequence[Row]) -> None:
        """Count people, at least one."""
        ltv, activities, plans, external_ids = zip(*rows, strict=True)
        self.n += len(rows)
        self.ltv += sum(ltv)
        self.activity = list(map(sum, zip(self.activity, *activities, strict=True)))
        self.plans.update(filter(None, plans))
        # People whose external ids are of the same types are counted together: there are few combinations.
        for combination, people in Counter(external_ids).items():
            self._add_external_ids(combination, people)

    def _add_external_ids(self, external_ids: Sequence[ExternalId], people: int) -> None:
        """Count so many people who all have external ids of exactly these types."""
        self.identities += len(external_ids) * people
        if len(external_ids) <= FEW_IDENTITIES:
            self.few_identities += people
        for kind in {_SPELLINGS.get(one.type, one.type) for one in external_ids}:
            self.identity_coverage[kind] += people

    def merge(self, other: "GroupTally") -> None:
        self.n += other.n
        self.ltv += other.ltv
        self.activity = [mine + theirs for mine, theirs in zip(self.activity, other.activity, strict=True)]
        self.identities += other.identities
        self.few_identities += other.few_identities
        self.identity_coverage.update(other.identity_coverage)
        self.plans.update(other.plans)


class Tally:
    """Everything that is counted about a space, under one rule."""

    def __init__(self, channels: int) -> None:
        self.read = 0
        self.dormant = 0
        self.on_boundary = 0
        self.rejected: Counter[str] = Counter()
        self.carried = [0] * (channels + 2)  # people who carry each channel's trait, the LTV's and the plan's
        self._groups = [GroupTally(channels) for _ in range(channels + 1)]
        self._waiting: list[list[Row]] = [[] for _ in self._groups]  # people of each group, not yet counted
        self._free_text: set[str] = set()

    def add(self, people: People, places: Places) -> None:
        """Count a page of people in their places."""
        self.read += len(people.activity)
        self.reject(people.rejected)
        self.on_boundary += places.on_boundary
        self.carried = [before + more for before, more in zip(self.carried, people.carried, strict=True)]
        rows = zip(people.ltv, people.activity, people.plan, people.external_ids, strict=True)
        waiting = self._waiting
        for pattern, row in zip(places.patterns, rows, strict=True):
            if pattern is not None:
                waiting[pattern].append(row)
        self.dormant += places.patterns.count(None)
        if max(map(len, self._waiting)) >= WAITING_PEOPLE:
            self._count_waiting()

    @property
    def groups(self) -> list[GroupTally]:
        """The sums of every pattern's people: one a channel, then omnichannel."""
        self._count_waiting()
        return self._groups

    @property
    def free_text(self) -> set[str]:
        """Of "plans" and "identity_coverage": what has too many names to be counted."""
        self._count_waiting()
        return self._free_text

    def _count_waiting(self) -> None:
        for group, rows in zip(self._groups, self._waiting, strict=True):
            if rows:
                group.add(rows)
                rows.clear()
        self._forget_free_text()

    def reject(self, rejected: Mapping[str, int]) -> None:
        """Count profiles that were read and did not become people, by reason."""
        self.read += sum(rejected.values())
        self.rejected.update(rejected)

    @property
    def classified(self) -> int:
        return sum(group.n for group in self.groups)

    def everybody(self) -> GroupTally:
        """All classified people as one group."""
        everybody = GroupTally(len(self.groups) - 1)
        for group in self.groups:
            everybody.merge(group)
        return everybody

    def merge(self, other: "Tally") -> None:
        """Count everybody whom the other tally counted."""
        self.read += other.read
        self.dormant += other.dormant
        self.on_boundary += other.on_boundary
        self.rejected.update(other.rejected)
        self.carried = [mine + theirs for mine, theirs in zip(self.carried, other.carried, strict=True)]
        self._free_text |= other.free_text
        for mine, theirs in zip(self.groups, other.groups, strict=True):
            mine.merge(theirs)
        self._forget_free_text()

    def _forget_free_text(self) -> None:
        """Stop counting names where there are too many: it keeps memory constant, whatever a trait holds."""
        for names, most in (("plans", MOST_PLANS), ("identity_coverage", MOST_TYPES)):
            counters: list[Counter[str]] = [getattr(group, names) for group in self._groups]
            if names in self._free_text or (
                sum(map(len, counters)) > most and len(set().union(*counters)) > most
            ):
                self._free_text.add(names)
                for counter in counters:
                    counter.clear()
