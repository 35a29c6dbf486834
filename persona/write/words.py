"""The framework's keys in words that a marketer uses, and what stands out in its figures."""

from collections.abc import Iterator
from typing import NamedTuple

from persona.model import OMNICHANNEL, Claim, Framework, Pattern, PatternDrift, Rule, dominant, label, plain
from persona.write import figures

SECTION_TITLES = {
    "name": "Name",
    "description": "Who they are",
    "why_dominant": "Why this channel",
    "reach_on_weak": "How to reach them on the other channels",
    "journey": "How they move between channels",
    "formats": "What to send on each channel",
    "risk": "What would lose them",
}
STRATEGY_TITLES = {
    "consistency": "Where to be the same, where to adapt",
    "identity_resolution": "How to recognise more people",
    "switch_moments": "When people switch channels, and why",
}
# What a fact is called (the braces: which channel, plan, identifier or trait), and how its value is written.
FACTS = {
    "n": ("people", "count"),
    "read": ("profiles read", "count"),
    "classified": ("active people", "count"),
    "dormant": ("dormant profiles", "count"),
    "share": ("share of active people", "share"),
    "share_ci95": ("lower end of the 95 % interval", "share"),
    "avg_ltv": ("average lifetime value", "money"),
    "ltv_share": ("share of all lifetime value", "share"),
    "avg_activity": ("{} activity per person", "number"),
    "activity_share": ("share of activity that is on {}", "share"),
    "avg_identities": ("identifiers per person", "number"),
    "few_identities_share": ("people with two identifiers or fewer", "share"),
    "identity_coverage": ("people known by {}", "share"),
    "trait_coverage": ("profiles with the trait {}", "share"),
    "boundary_share": ("people near the threshold", "share"),
    "dominance": ("threshold of the rule", "share"),
    "plans": ("people on the plan {}", "share"),
}
# Facts of the whole space, by the part of the framework they stand in.
OWNERS = {"": "", "totals": "all active people", "population": "", "rule": ""}


# More patterns than these, all alike, are not named one by one.
MOST_LEADING = 2
# So much more than the next a group must be worth to be called the most valuable.
CLEARLY = 1.05


class Note(NamedTuple):
    """A contradiction, numbered and worded: what the text says and what the data say."""

    number: int
    claim: Claim
    said: str
    fact: str
    value: str


class Finding(NamedTuple):
    topic: str
    sentence: str


def section_title(section: str, pattern_key: str) -> str:
    """A section's heading; nobody prefers a channel where no channel dominates."""
    if section == "why_dominant" and pattern_key == OMNICHANNEL:
        return "Why more than one channel"
    return SECTION_TITLES[section]


def place(claim: Claim) -> str:
    """Where in the text a claim stands: `Email Dominant, Who they are`."""
    section = claim.section or ""
    title = SECTION_TITLES.get(section) or STRATEGY_TITLES.get(section)
    parts = (label(claim.pattern) if claim.pattern else None, title)
    return ", ".join(filter(None, parts)) or "Outside the sections"


def missing(path: str) -> str:
    """A missing section in words: `email_dominant/journey` gives its pattern and title."""
    owner, _, section = path.partition("/")
    title = SECTION_TITLES.get(section) or STRATEGY_TITLES.get(section) or plain(section)
    return f"{label(owner)}: {title}" if title else label(owner)


def fact(name: str) -> str:
    """A fact's name in words: `plans.pro.share` gives `people on the plan pro`."""
    known = _kind(name)
    if known is None:
        return plain(name.replace(".", " "))
    before, _, after = f".{name}.".partition(f".{known}.")
    owner = before.strip(".").removeprefix("patterns.")
    detail = after.strip(".").removesuffix(".share").removesuffix(".n")
    wording = (
        FACTS[known][0]
        .format(plain(detail) if known in {"avg_activity", "activity_share"} else detail)
        .strip()
    )
    return ", ".join(filter(None, (wording, OWNERS.get(owner, label(owner)))))


def _kind(name: str) -> str | None:
    """The step of a fact's name that says what kind of figure it is."""
    return next((step for step in name.split(".") if step in FACTS), None)


def value(name: str, amount: float, currency: str) -> str:
    """A fact's value as its kind is written; shares are between 0 and 1."""
    kind = FACTS[_kind(name) or "n"][1]
    if kind == "money":
        return figures.exact_money(amount, currency)
    if kind == "share" and not name.endswith(".n"):
        return figures.percent(amount)
    return figures.exact(amount)


def notes(framework: Framework) -> list[Note]:
    """The contradictions, in the text's order."""
    contradicted = (claim for claim in framework.checks.claims if claim.verdict == "contradicted")
    return [
        Note(
            number,
            claim,
            claim.text,
            fact(claim.fact or ""),
            value(claim.fact or "", claim.fact_value or 0.0, framework.currency),
        )
        for number, claim in enumerate(contradicted, 1)
    ]


def favoured(pattern: Pattern, channels: dict[str, str]) -> str:
    """The channel that a pattern's people favour, in words."""
    for channel in channels:
        if pattern.key == dominant(channel):
            return plain(channel)
    return "no single channel" if pattern.key == OMNICHANNEL else plain(pattern.key)


def active_when(rule: Rule) -> str:
    """Over which time people count as active, as far as that is known."""
    if rule.activity != "computed traits":
        return f"in the last {rule.window_days} days"
    if rule.window_days is None:
        return "in the time that their traits count"
    return f"in the {rule.window_days} days that their traits count"


# Who counted what a trait holds; the invented space counted nothing.
_COUNTED_BY = {"sample": "", "export": " before the export"}


def counted_by(kind: str) -> str:
    """Who counted the activity, by the kind of source."""
    return _COUNTED_BY.get(kind, " by Segment")


def band(framework: Framework) -> str:
    """What the band around a share means; its width is chance alone, even where everybody was read."""
    said = "Band: 95 % interval (Wilson), as if these were a random draw of all such people."
    if framework.population.truncated:
        return said
    return f"{said} Everybody was read, so this space’s shares are exact: the band is for a comparable space."  # noqa: RUF001 - typography


def headline(framework: Framework) -> str:
    """The report's first sentence: the largest pattern, or those that share the first place."""
    top = figures.percent(max(pattern.share for pattern in framework.patterns))
    largest = [pattern for pattern in framework.patterns if figures.percent(pattern.share) == top]
    share = figures.percent(largest[0].share, 0)
    if len(largest) == 1:
        return f"{share} of active people favour {favoured(largest[0], framework.rule.channels)}"
    if len(largest) == len(framework.patterns) > MOST_LEADING:
        return f"No pattern leads: each holds {share} of active people"
    *first, last = (pattern.label for pattern in largest)
    return f"{', '.join(first)} and {last} lead, with {share} of active people each"


def findings(framework: Framework) -> Iterator[Finding]:
    """Yield what stands out in the figures, the most useful first."""
    yield from _value(framework)
    yield from _recognition(framework)
    yield from _firmness(framework)
    yield from _change(framework)


def _value(framework: Framework) -> Iterator[Finding]:
    valued = [pattern for pattern in framework.patterns if pattern.ltv_share is not None]
    if not valued:
        yield Finding("Value", "The data hold no lifetime value, so no pattern can be called worth more.")
        return
    best, *others = sorted(valued, key=lambda pattern: -(pattern.avg_ltv or 0))
    if not others or (best.avg_ltv or 0) < CLEARLY * (others[0].avg_ltv or 0):
        return
    yield Finding(
        "Most valuable",
        f"{best.label} people are worth {figures.money(best.avg_ltv or 0, framework.currency)} each on "
        "average: "
        f"{figures.percent(best.share)} of active people hold {figures.percent(best.ltv_share or 0)} "
        "of all lifetime value.",
    )


def _recognition(framework: Framework) -> Iterator[Finding]:
    least, *others = sorted(framework.patterns, key=lambda pattern: -(pattern.few_identities_share or 0))
    few = figures.percent(least.few_identities_share or 0)
    if others and few != figures.percent(others[0].few_identities_share or 0):
        yield Finding("Fewest identifiers", f"{few} of {least.label} people have two or fewer.")


def _firmness(framework: Framework) -> Iterator[Finding]:
    yield Finding(
        "How firm the split is",
        f"{figures.percent(framework.rule.boundary_share)} of active people would change pattern if the "
        f"threshold of {figures.percent(framework.rule.dominance, 0)} moved by 5 points either way.",
    )


def _change(framework: Framework) -> Iterator[Finding]:
    drift = framework.drift
    if drift is None or not drift.comparable or not drift.patterns:
        return
    most = max(drift.patterns, key=lambda change: (change.significant, abs(change.share_change)))
    yield Finding(
        f"Since {figures.since(drift.since, framework.created_at)}",
        f"{label(most.pattern)} {shift(most)}.",
    )


def shift(change: PatternDrift) -> str:
    """A pattern's way from then to now: `went from 31.0 % to 35.0 %, more than chance explains`."""
    if change.share_before is None:
        return f"is new, with {figures.percent(change.share_after or 0)} of active people"
    if change.share_after is None:
        return f"is gone; it held {figures.percent(change.share_before)} of active people"
    way = f"went from {figures.percent(change.share_before)} to {figures.percent(change.share_after)}"
    return f"{way}, {'more' if change.significant else 'no more'} than chance explains"


def verdict(change: PatternDrift) -> str:
    """The same in a table's cell."""
    if change.share_before is None:
        return "new"
    if change.share_after is None:
        return "gone"
    return "yes" if change.significant else "no"


def self_check(framework: Framework) -> str | None:
    """What Mave says about its own answer, where it says anything."""
    validation = (framework.mave and framework.mave.validation) or {}
    confidence = validation.get("confidence_score", validation.get("confidence"))
    risk = validation.get("hallucination_risk")
    said = []
    if isinstance(confidence, int | float):
        said.append(f"confidence {confidence:.2f}")
    if isinstance(risk, str):
        said.append(f"risk of invention: {risk[:20]}")
    return f"Mave rates its own answer: {', '.join(said)}." if said else None
