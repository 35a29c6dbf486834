"""Counts to the summary that may leave the function: no group smaller than the deployment allows.

Nothing that tells one person from another passes this room.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

from msgspec import structs

from persona.classify.counts import MOST_PLANS, MOST_TYPES, Counts, GroupCounts
from persona.errors import NotEnoughData
from persona.masking import printable
from persona.model import OMNICHANNEL, Group, Origin, Pattern, Plan, Population, Rule, Summary, dominant
from persona.wording import label

TOP_PLANS = 3
# Why figures are missing, in the reader's words.
_FREE_TEXT = {
    "plans": f"more than {MOST_PLANS:,} different plans: the trait is free text, not a plan",
    "identity_coverage": f"more than {MOST_TYPES} different types of external id: the type is free text",
}
# The 97.5th percentile of the normal distribution: a 95 % interval has 2.5 % on either side.
_Z95 = 1.959963984540054


def summarize(counts: Counts, rule: Rule, source: Origin, *, truncated: bool) -> Summary:
    """Everything about a counted space that may leave the function.

    Patterns of fewer than `rule.min_group` people are suppressed, with the next smallest until no hidden
    group can be worked out by subtraction. Plans and id types are named where as many people stand behind
    them.

    Raises:
        NotEnoughData: no pattern is large enough to show.
    """
    keys = [*map(dominant, rule.channels), OMNICHANNEL]
    suppressed = _suppressed([group.n for group in counts.groups], rule.min_group)
    shown = [i for i, group in enumerate(counts.groups) if group.n and i not in suppressed]
    if not shown:
        raise NotEnoughData(
            f"all groups are too small to show: {counts.classified} active people of {counts.read} read, and "
            f"no pattern could be shown without giving away one of fewer than {rule.min_group}; read more "
            "profiles, if there are more (limit, PERSONA_LIMIT), or lower PERSONA_MIN_GROUP"
        )
    everybody = counts.everybody()
    # Not of everybody, either: a type that a few people have in a pattern where it is not named. The total
    # less the patterns that name it would tell how many they are.
    named = sum((Counter(dict(_types(counts.groups[i], rule))) for i in shown), Counter[str]())
    types = [(name, n) for name, n in _types(everybody, rule) if not 0 < n - named[name] < rule.min_group]
    return Summary(
        source=source,
        population=Population(
            read=counts.read,
            classified=counts.classified,
            dormant=counts.dormant,
            rejected=dict(sorted(counts.rejected.items())),
            truncated=truncated,
            trait_coverage=counts.coverage(rule),
        ),
        rule=structs.replace(rule, boundary_share=counts.on_boundary / everybody.n),
        totals=Group(**_figures(everybody, types, counts, rule)),
        patterns=[_pattern(keys[i], counts.groups[i], everybody, counts, rule) for i in shown],
        suppressed=[keys[i] for i in sorted(suppressed)],
        withheld={names: _FREE_TEXT[names] for names in sorted(counts.free_text)},
    )


def _figures(
    group: GroupCounts, types: Sequence[tuple[str, int]], counts: Counts, rule: Rule
) -> dict[str, Any]:
    """The figures that every group has, the whole space included."""
    n = group.n
    coverage = {name: min(1.0, people / n) for name, people in types}
    valued, identified = counts.carried[len(rule.channels)] > 0, counts.everybody().identities > 0
    return {
        "n": n,
        "avg_ltv": group.ltv / n if valued else None,
        "avg_ltv_ci95": _mean_interval(n, group.ltv, group.ltv_squares) if valued else None,
        "avg_activity": {name: group.activity[i] / n for i, name in enumerate(rule.channels)},
        "avg_identities": group.identities / n if identified else None,
        "few_identities_share": group.few_identities / n if identified else None,
        "identity_coverage": None if "identity_coverage" in counts.free_text else coverage,
    }


def _pattern(key: str, group: GroupCounts, everybody: GroupCounts, counts: Counts, rule: Rule) -> Pattern:
    # Everybody has one plan at most.
    plans = [Plan(plan=name, n=n, share=n / group.n) for name, n in _named(group.plans, rule.min_group, sum)]
    return Pattern(
        **_figures(group, _types(group, rule), counts, rule),
        key=key,
        label=label(key),
        share=group.n / everybody.n,
        share_ci95=wilson(group.n, everybody.n),
        ltv_share=group.ltv / everybody.ltv if everybody.ltv > 0 else None,
        plans=None if "plans" in counts.free_text else plans[:TOP_PLANS],
    )


def _mean_interval(n: int, total: float, squares: float) -> tuple[float, float] | None:
    """The 95 % interval of a mean (normal approximation, sample variance); None for one person."""
    if n < 2:  # noqa: PLR2004 - one value has no spread
        return None
    mean = total / n
    margin = _Z95 * sqrt(max(0.0, squares - n * mean * mean) / (n - 1) / n)
    return mean - margin, mean + margin


def wilson(n: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927): sound for small groups and for shares near 0 and 1."""
    share, z2 = n / of, _Z95 * _Z95
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    margin = _Z95 / (1 + z2 / of) * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    # Rounding may leave a share of 0 or 1 just outside its own interval.
    return max(0.0, min(share, centre - margin)), min(1.0, max(share, centre + margin))


def _suppressed(sizes: Sequence[int], min_group: int) -> set[int]:
    """The positions of the groups to hide: the small ones, and with them the next smallest.

    Together they are at least `min_group` people, and so at least two groups: one alone would be the total
    less the others.
    """
    smallest_first = sorted((n, i) for i, n in enumerate(sizes) if n)
    hidden = [(n, i) for n, i in smallest_first if n < min_group]
    for next_smallest in smallest_first[len(hidden) :]:
        if not hidden or sum(n for n, _ in hidden) >= min_group:
            break
        hidden.append(next_smallest)
    return {i for _, i in hidden}


def _named(
    counter: Counter[str], min_group: int, together: Callable[[list[int]], int]
) -> list[tuple[str, int]]:
    """Names with enough people behind them, fit to be shown, the most common first.

    `together` counts the people of names that look alike once they are fit to be shown.
    """
    alike: dict[str, list[int]] = defaultdict(list)
    for name, n in counter.items():
        alike[printable(name)].append(n)
    named = {name: together(counts) for name, counts in alike.items() if name}
    enough = [(name, n) for name, n in named.items() if n >= min_group]
    return sorted(enough, key=lambda name_and_n: (-name_and_n[1], name_and_n[0]))


def _types(group: GroupCounts, rule: Rule) -> list[tuple[str, int]]:
    """A group's types of external ids; who has one may have those that look like it, too."""
    return _named(group.identity_coverage, rule.min_group, max)
