"""The framework's keys in words that a marketer uses, and what stands out in its wording."""

from collections.abc import Iterator
from typing import NamedTuple

from persona import wording
from persona.model import (
    OMNICHANNEL,
    Figure,
    Framework,
    Pattern,
    PatternDrift,
    Persona,
    Rule,
    dominant,
)
from persona.wording import label, plain

SECTION_TITLES = {
    "name": "Name",
    "description": "Who they are",
    "why_dominant": "Why this channel",
    "reach_on_weak": "How to reach them on the other channels",
    "journey": "How they move between channels",
    "formats": "What to send on each channel",
    "risk": "What would lose them",
    "next_step": "What to do this week",
}
STRATEGY_TITLES = {
    "consistency": "Where to be the same, where to adapt",
    "identity_resolution": "How to recognise more people",
    "switch_moments": "When people switch channels, and why",
}
# What a fact that has changed is called (the braces: which channel or identifier), and how it is written.
_CHANGED = {
    "avg_ltv": ("average lifetime value", wording.money),
    "avg_activity": ("{} activity per person", lambda amount, _: wording.exact(amount)),
    "identity_coverage": ("people known by {}", lambda share, _: wording.percent(share)),
}


# More patterns than these, all alike, are not named one by one.
MOST_LEADING = 2
# From here on a group's people are hard to recognise.
_MANY = 0.5


class Finding(NamedTuple):
    topic: str
    sentence: str


def section_title(section: str, pattern_key: str) -> str:
    """A section's heading; nobody prefers a channel where no channel dominates."""
    if section == "why_dominant" and pattern_key == OMNICHANNEL:
        return "Why more than one channel"
    return SECTION_TITLES[section]


def place(figure: Figure) -> str:
    """Where in the text a figure stands: `Email Dominant, Who they are`."""
    section = (figure.section or "").partition(".")[0]
    title = SECTION_TITLES.get(section) or STRATEGY_TITLES.get(section)
    parts = (label(figure.pattern) if figure.pattern else None, title)
    return ", ".join(filter(None, parts)) or "Outside the sections"


def missing(path: str) -> str:
    """A missing section in words: `email_dominant/journey` gives its pattern and title."""
    owner, _, section = path.partition("/")
    title = SECTION_TITLES.get(section) or STRATEGY_TITLES.get(section) or plain(section)
    return f"{label(owner)}: {title}" if title else label(owner)


def changed(name: str) -> str:
    """A changed fact's name in words: `avg_activity.web` gives `web activity per person`."""
    kind, _, detail = name.partition(".")
    words, _ = _CHANGED.get(kind, (plain(name.replace(".", " ")), None))
    return words.format(plain(detail) if kind == "avg_activity" else detail)


def value(name: str, amount: float, currency: str) -> str:
    """A changed fact's value as its kind is written."""
    _, written = _CHANGED.get(name.partition(".")[0], ("", lambda number, _: wording.exact(number)))
    return written(amount, currency)


def text(persona: Persona, section: str) -> str | None:
    """A section as Markdown; a next step as one paragraph."""
    if section != "next_step":
        said: str | None = getattr(persona, section)
        return said
    step = persona.next_step
    if step is None:
        return None
    channel = f" Channel: {plain(step.channel)}." if step.channel else ""
    measure = f" Measure: {step.measure}" if step.measure else ""
    return f"**{step.action}**{channel}{measure}"


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
    """The report's first sentence: the largest pattern, or those whose shares chance cannot tell apart."""
    ranked = sorted(framework.patterns, key=lambda pattern: -pattern.share)
    first = ranked[0]
    leading = [pattern for pattern in ranked if pattern.share_ci95[1] >= first.share_ci95[0]]
    if len(leading) == 1:
        share = wording.percent(first.share, 0)
        return f"{share} of active people favour {favoured(first, framework.rule.channels)}"
    if len(leading) == len(framework.patterns) > MOST_LEADING:
        return "No pattern leads: there is no clear difference in size"
    *others, last = (pattern.label for pattern in leading)
    return f"{', '.join(others)} and {last} lead, with no clear difference in size"


def findings(framework: Framework) -> Iterator[Finding]:
    """Yield what stands out in the figures, the most useful first."""
    yield from _value(framework)
    yield from _recognition(framework)
    yield from _firmness(framework)
    yield from _change(framework)


def _value(framework: Framework) -> Iterator[Finding]:
    if framework.totals.avg_ltv is None or all(pattern.ltv_share is None for pattern in framework.patterns):
        yield Finding("Value", "The data hold no lifetime value, so no pattern can be called worth more.")
        return
    bands = {pattern.key: pattern.avg_ltv_ci95 for pattern in framework.patterns if pattern.avg_ltv_ci95}
    best, *others = sorted(framework.patterns, key=lambda pattern: -(pattern.avg_ltv or 0))
    if not others or len(bands) < len(framework.patterns):
        return
    if any(bands[other.key][1] >= bands[best.key][0] for other in others):
        yield Finding("Value", "There is no clear difference in average lifetime value at the top.")
        return
    yield Finding(
        "Most valuable",
        f"{best.label} people are worth {wording.money(best.avg_ltv or 0, framework.currency)} each: "
        f"{wording.percent(best.share)} of active people hold {wording.percent(best.ltv_share or 0)} "
        "of all lifetime value.",
    )


def _recognition(framework: Framework) -> Iterator[Finding]:
    for pattern in framework.patterns:
        few_share = pattern.few_identities_share
        if few_share is not None and few_share > _MANY:
            few = wording.percent(few_share)
            yield Finding(
                "Hard to recognise", f"{few} of {pattern.label} people have two identifiers or fewer."
            )


def _firmness(framework: Framework) -> Iterator[Finding]:
    yield Finding(
        "How firm the split is",
        f"{wording.percent(framework.rule.boundary_share)} of active people would change pattern if the "
        f"threshold of {wording.percent(framework.rule.dominance, 0)} moved by 5 points either way.",
    )


def _change(framework: Framework) -> Iterator[Finding]:
    drift = framework.drift
    if drift is None or not drift.comparable or not drift.patterns:
        return
    most = max(drift.patterns, key=lambda change: (change.significant, abs(change.share_change)))
    yield Finding(
        f"Since {wording.since(drift.since, framework.created_at)}",
        f"{label(most.pattern)} {shift(most)}.",
    )


def shift(change: PatternDrift) -> str:
    """A pattern's way from then to now: `went from 31.0 % to 35.0 %, more than chance explains`."""
    if change.share_before is None:
        return f"is new, with {wording.percent(change.share_after or 0)} of active people"
    if change.share_after is None:
        return f"is gone; it held {wording.percent(change.share_before)} of active people"
    way = f"went from {wording.percent(change.share_before)} to {wording.percent(change.share_after)}"
    return f"{way}, {'more' if change.significant else 'no more'} than chance explains"


def changes(framework: Framework) -> list[str]:
    """What has changed since the framework before, in sentences; nothing where there is none to compare."""
    drift = framework.drift
    if drift is None:
        return []
    since = f"Since {wording.since(drift.since, framework.created_at)}"
    if not drift.comparable:
        return [f"{since}: not comparable. {drift.reason or ''}".strip()]
    moved = [entry for entry in drift.patterns if entry.significant or entry.p_value is None]
    if not moved:
        return [f"{since}: no change that is more than chance explains."]
    return [f"{since}: {label(entry.pattern)} {shift(entry)}." for entry in moved]


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
