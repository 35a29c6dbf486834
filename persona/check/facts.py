"""Every figure that may be shown, by its name: `email_dominant.avg_ltv`.

A name is `subject.fact`: `space` is everybody who was read, `all` all classified people, a pattern's key its
people. Only patterns that are shown have facts, and only figures that the summary holds.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from persona import wording
from persona.masking import printable
from persona.model import Drift, Fact, Group, Pattern, Summary, Unit

# How the names of facts begin whose last part is other people's text.
NAMED_BY_OTHERS = ("has_", "plan_")
_SLUG_CHARACTERS = 40
EVERYBODY = "all classified people"


class _Figure(NamedTuple):
    fact: str
    value: float | None  # None: the data holds no such figure
    unit: Unit
    what: str


class Slugs(NamedTuple):
    """The last parts of facts' names that a space gives, the same for all its subjects."""

    activities: dict[str, str]  # channel -> `web_sessions`
    types: dict[str, str]  # identifier type -> `ios_id`
    plans: dict[str, str]


def slugs_of(summary: Summary) -> Slugs:
    """How the activities, identifier types and plans of a summary are called in the names of facts."""
    channels = summary.rule.channels
    nouns = _slugs(wording.activity(channel, trait) for channel, trait in channels.items())
    groups: list[Group] = [summary.totals, *summary.patterns]
    return Slugs(
        {channel: nouns[wording.activity(channel, trait)] for channel, trait in channels.items()},
        _slugs(kind for group in groups for kind in group.identity_coverage or {}),
        _slugs(plan.plan for pattern in summary.patterns for plan in pattern.plans or []),
    )


def facts_of(summary: Summary, currency: str, drift: Drift | None = None) -> dict[str, Fact]:
    """All facts by name, in a fixed order: the space's, those of all people, then pattern by pattern."""
    slugs = slugs_of(summary)
    everybody = _Figure("people", summary.totals.n, "people", "Number of people")
    subjects = [
        ("space", "", list(_space(summary))),
        ("all", EVERYBODY, [everybody, *_group(summary.totals, summary, slugs)]),
    ]
    for pattern in summary.patterns:
        figures = [*_pattern(pattern, summary, slugs), *_drift(pattern, drift)]
        subjects.append((pattern.key, pattern.label, figures))
    return {
        f"{subject}.{figure.fact}": Fact(
            value=figure.value,
            unit=figure.unit,
            text=wording.written(figure.value, figure.unit, currency),
            label=f"{figure.what} of {people}" if people else figure.what,
        )
        for subject, people, figures in subjects
        for figure in figures
        if figure.value is not None
    }


def _space(summary: Summary) -> Iterator[_Figure]:
    population, rule = summary.population, summary.rule
    yield _Figure("people_read", population.read, "people", "People read")
    yield _Figure("people_classified", population.classified, "people", "People classified")
    yield _Figure("people_dormant", population.dormant, "people", "People without any activity (dormant)")
    unreadable = sum(population.rejected.values())
    yield _Figure("people_unreadable", unreadable, "people", "Unreadable and left out")
    near = "Share of the classified who would change pattern if the line moved by five points either way"
    yield _Figure("near_threshold_share", rule.boundary_share, "share", near)
    yield _Figure("threshold", rule.dominance, "share", "The line above which a channel dominates")


def _group(group: Group, summary: Summary, slugs: Slugs) -> Iterator[_Figure]:
    """The facts that every group of people has, their number left out."""
    yield _Figure("avg_ltv", group.avg_ltv, "money", "Average LTV")
    for channel, trait in summary.rule.channels.items():
        amount = group.avg_activity.get(channel)
        what = f"Average number of {wording.activity(channel, trait)}"
        yield _Figure(f"avg_{slugs.activities[channel]}", amount, "average", what)
    yield _Figure("avg_identifiers", group.avg_identities, "average", "Average number of identifiers")
    few = "Share with two identifiers or fewer"
    yield _Figure("few_identifiers_share", group.few_identities_share, "share", few)
    coverage = (group.identity_coverage or {}).items()
    for kind, share in sorted(coverage, key=lambda item: (-item[1], item[0])):
        yield _Figure(
            f"has_{slugs.types[kind]}", share, "share", f"Share with the identifier “{printable(kind)}”"
        )


def _pattern(pattern: Pattern, summary: Summary, slugs: Slugs) -> Iterator[_Figure]:
    yield _Figure("people", pattern.n, "people", "Number of people")
    yield _Figure("share", pattern.share, "share", "Share of the classified")
    yield _Figure("share_low", pattern.share_ci95[0], "share", "Lower end of the 95 % interval of the share")
    yield _Figure("share_high", pattern.share_ci95[1], "share", "Upper end of the 95 % interval of the share")
    yield _Figure("ltv_share", pattern.ltv_share, "share", "Share of all LTV")
    yield from _group(pattern, summary, slugs)
    for plan in pattern.plans or []:
        name, slug = printable(plan.plan), slugs.plans[plan.plan]
        yield _Figure(f"plan_{slug}_share", plan.share, "share", f"Share on the plan “{name}”")
        yield _Figure(f"plan_{slug}_people", plan.n, "people", f"People on the plan “{name}”")


def _drift(pattern: Pattern, drift: Drift | None) -> Iterator[_Figure]:
    """A pattern's share then, and how it has changed since; nothing where nothing can be compared."""
    for entry in drift.patterns if drift and drift.comparable else []:
        if entry.pattern == pattern.key and entry.share_before is not None:
            yield _Figure("share_before", entry.share_before, "share", "Earlier share of the classified")
            yield _Figure("share_change", 100 * entry.share_change, "points", "Change of the share")


def _slugs(texts: Iterable[str]) -> dict[str, str]:
    """Each text's slug, the same for all subjects; a second text of the same slug gets `_2`."""
    slugs: dict[str, str] = {}
    taken: set[str] = set()
    for text in dict.fromkeys(texts):
        plain = re.sub("[^a-z0-9]+", "_", printable(text).lower()).strip("_") or "unnamed"
        slug, number = plain[:_SLUG_CHARACTERS], 1
        while slug in taken:
            number += 1
            slug = f"{plain[: _SLUG_CHARACTERS - len(str(number)) - 1]}_{number}"
        taken.add(slug)
        slugs[text] = slug
    return slugs
