"""Every figure that may be shown, by its name: `email_dominant.avg_ltv`, `all.people`, `space.threshold`."""

from collections.abc import Iterator, Mapping

from persona.masking import printable
from persona.model import Drift, Fact, Group, Pattern, Summary, Unit
from persona.wording import Slugs, activity, slugs_of, written

Facts = Mapping[str, Fact]
# How the names of facts begin whose last part is other people's text.
NAMED_BY_OTHERS = ("has_", "plan_")
EVERYBODY = "all classified people"
# A fact's name, its value (None: the data holds no such figure), its unit, and what it is.
_Figures = Iterator[tuple[str, float | None, Unit, str]]


def facts_of(summary: Summary, currency: str, drift: Drift | None = None) -> dict[str, Fact]:
    """All facts by name, in a fixed order: the space's, those of all people, then pattern by pattern."""
    slugs = slugs_of(summary)
    subjects = [("space", "", _space(summary)), ("all", EVERYBODY, _group(summary.totals, summary, slugs))]
    subjects += [(one.key, one.label, _group(one, summary, slugs, drift)) for one in summary.patterns]
    facts: dict[str, Fact] = {}
    for subject, people, figures in subjects:
        for name, value, unit, what in figures:
            if value is not None:
                text, label = written(value, unit, currency), f"{what} of {people}" if people else what
                facts[f"{subject}.{name}"] = Fact(value=value, unit=unit, text=text, label=label)
    return facts


def _space(summary: Summary) -> _Figures:
    population, rule = summary.population, summary.rule
    yield "people_read", population.read, "people", "People read"
    yield "people_classified", population.classified, "people", "People classified"
    yield "people_dormant", population.dormant, "people", "People without any activity (dormant)"
    yield "people_unreadable", sum(population.rejected.values()), "people", "Unreadable and left out"
    near = "Share of the classified who would change pattern if the line moved by five points either way"
    yield "near_threshold_share", rule.boundary_share, "share", near
    yield "threshold", rule.dominance, "share", "The line above which a channel dominates"


def _group(group: Group, summary: Summary, slugs: Slugs, drift: Drift | None = None) -> _Figures:
    yield "people", group.n, "people", "Number of people"
    if isinstance(group, Pattern):
        yield "share", group.share, "share", "Share of the classified"
        yield "share_low", group.share_ci95[0], "share", "Lower end of the 95 % interval of the share"
        yield "share_high", group.share_ci95[1], "share", "Upper end of the 95 % interval of the share"
        yield "ltv_share", group.ltv_share, "share", "Share of all LTV"
    yield "avg_ltv", group.avg_ltv, "money", "Average LTV"
    for channel, trait in summary.rule.channels.items():
        amount, what = group.avg_activity.get(channel), f"Average number of {activity(channel, trait)}"
        yield f"avg_{slugs.activities[channel]}", amount, "average", what
    yield "avg_identifiers", group.avg_identities, "average", "Average number of identifiers"
    yield "few_identifiers_share", group.few_identities_share, "share", "Share with two identifiers or fewer"
    for kind, share in sorted((group.identity_coverage or {}).items(), key=lambda one: (-one[1], one[0])):
        yield f"has_{slugs.types[kind]}", share, "share", f"Share with the identifier “{printable(kind)}”"
    if isinstance(group, Pattern):
        for plan in group.plans or []:
            name, slug = printable(plan.plan), slugs.plans[plan.plan]
            yield f"plan_{slug}_share", plan.share, "share", f"Share on the plan “{name}”"
            yield f"plan_{slug}_people", plan.n, "people", f"People on the plan “{name}”"
        for entry in drift.patterns if drift and drift.comparable else []:
            if entry.pattern == group.key and entry.share_before is not None:
                yield "share_before", entry.share_before, "share", "Earlier share of the classified"
                yield "share_change", 100 * entry.share_change, "points", "Change of the share"
