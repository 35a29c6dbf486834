"""The framework's keys in words that a marketer uses, and what stands out in its wording."""

from persona import wording
from persona.model import OMNICHANNEL, Figure, Framework, Group, PatternDrift, Persona, Rule, dominant
from persona.wording import count, label, percent, plain

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
_TITLES = SECTION_TITLES | STRATEGY_TITLES
# Who counted what a trait holds; the invented space counted nothing.
COUNTED_BY = {"sample": "", "export": " before the export"}
SAMPLE = (
    "The people in this report are invented: it shows what a framework looks like, and says nothing about "
    "your customers."
)
BY_RULES = "What is not a figure of the data is a rule of thumb, and called so: no research stands behind it."
SOURCES = "Pages that Mave names as its sources. Nobody has checked that they say what the text says."


def mostly(key: str, rule: Rule) -> str:
    """A pattern's key in plain words: `Mostly web`, `Several channels`."""
    channel = next((channel for channel in rule.channels if dominant(channel) == key), None)
    return f"Mostly {plain(channel)}" if channel else "Several channels" if key == OMNICHANNEL else label(key)


def section_title(section: str, pattern_key: str) -> str:
    """A section's heading; nobody prefers a channel where no channel dominates."""
    if section == "why_dominant" and pattern_key == OMNICHANNEL:
        return "Why more than one channel"
    return SECTION_TITLES[section]


def place(figure: Figure) -> str:
    """Where in the text a figure stands: `Email Dominant, Who they are`."""
    title = _TITLES.get((figure.section or "").partition(".")[0])
    parts = (label(figure.pattern) if figure.pattern else None, title)
    return ", ".join(filter(None, parts)) or "Outside the sections"


def missing(path: str) -> str:
    """A missing section in words: `email_dominant/journey` gives its pattern and title."""
    owner, _, section = path.partition("/")
    return f"{label(owner)}: {_TITLES.get(section, section)}"


def text(persona: Persona, section: str) -> str | None:
    """A section as Markdown; a next step as one paragraph."""
    step = persona.next_step
    if section != "next_step" or step is None:
        said: str | None = getattr(persona, section)
        return said
    channel = f" Channel: {plain(step.channel)}." if step.channel else ""
    measure = f" Measure: {step.measure}" if step.measure else ""
    return f"**{step.action}**{channel}{measure}"


def active_when(rule: Rule) -> str:
    """Over which time people count as active, as far as that is known."""
    if rule.activity != "computed traits":
        return f"in the last {rule.window_days} days"
    if rule.window_days is None:
        return "in the time that their traits count"
    return f"in the {rule.window_days} days that their traits count"


def band(framework: Framework) -> str:
    """What the band around a share means; its width is chance alone, even where everybody was read."""
    said = "The band shows how far chance alone could move a share (95 % interval)."
    return said if framework.population.truncated else f"{said} Everybody was read: these shares are exact."


def too_small(framework: Framework) -> str:
    """Which patterns are not shown, and why."""
    keys = ", ".join(map(label, framework.suppressed))
    return (
        f"Groups of fewer than {count(framework.rule.min_group)} people are not shown, nor any that "
        f"would give their size away: {keys}. Shares are still of all active people."
    )


def counted(framework: Framework) -> str:
    """What became of everybody who was read."""
    population, rejected = framework.population, framework.population.rejected
    reasons = ", ".join(f"{plain(reason)[:60]}: {count(n)}" for reason, n in rejected.items())
    rest = f" + {count(sum(rejected.values()))} unreadable ({reasons})" if reasons else ""
    return (
        f"{count(population.read)} profiles read = {count(population.classified)} active + "
        f"{count(population.dormant)} dormant (no activity, left out){rest}."
    )


def rule(how: Rule) -> str:
    """How people are told apart, and how firm that is."""
    return (
        f"The channel with strictly more than {percent(how.dominance, 0)} of it gives the pattern "
        "its name; where none has that much, the person is omnichannel. "
        f"{percent(how.boundary_share)} of active people would change pattern if the threshold "
        "moved by 5 points either way. Averages count a missing value as zero."
    )


def author(framework: Framework) -> str:
    """Who wrote the text, what they saw, and how Mave rates it, where it does."""
    if framework.author == "facts":
        return "Fixed rules, from the figures alone; Mave was not asked."
    said = (
        "Mave, a research agent, saw these figures and nothing else: no profile, no identifier and no trait "
        "of a single person."
    )
    if framework.mave is None:
        return said
    validation = framework.mave.validation or {}
    confidence = validation.get("confidence_score", validation.get("confidence"))
    risk = validation.get("hallucination_risk")
    rated = [f"confidence {confidence:.2f}"] if isinstance(confidence, int | float) else []
    rated += [f"risk of invention: {risk[:20]}"] if isinstance(risk, str) else []
    rating = f" Mave rates its own answer: {', '.join(rated)}." if rated else ""
    return f"{said} It used {wording.exact(framework.mave.credits_used)} credits.{rating}"


def figures(framework: Framework) -> str:
    """Where the figures of the text come from."""
    counts = framework.checks.counts()
    if not framework.checks.figures:
        return "The text holds no figure that could be taken for data."
    assumed = framework.checks.assumptions
    return (
        f"Of the figures in the text, {count(counts.from_data)} were filled in from the data. The "
        f"author typed {count(counts.equal + counts.not_in_data)}: {count(counts.equal)} "
        f"equal to a figure of the data, {count(counts.not_in_data)} not from the data."
        + (f" {count(assumed)} statements are marked as assumptions." if assumed else "")
    )


def recognised(group: Group) -> str:
    """How well a group's people can be recognised, in a sentence."""
    if group.avg_identities is None or group.few_identities_share is None:
        return "The data hold nothing that people could be recognised by."
    return (
        f"{wording.decimal(group.avg_identities)} ways to recognise a person; "
        f"{percent(group.few_identities_share, 0)} we can barely recognise"
    )


def moved(framework: Framework) -> list[PatternDrift]:
    """What has changed by more than chance explains since the framework before."""
    drift = framework.drift
    return [row for row in drift.patterns if row.significant] if drift and drift.comparable else []


def shift(change: PatternDrift) -> str:
    """A pattern's way from then to now: `went from 31.0 % to 35.0 %, more than chance explains`."""
    if change.share_before is None:
        return f"is new, with {percent(change.share_after or 0)} of active people"
    if change.share_after is None:
        return f"is gone; it held {percent(change.share_before)} of active people"
    way = f"went from {percent(change.share_before)} to {percent(change.share_after)}"
    return f"{way}, {'more' if change.significant else 'no more'} than chance explains"


def changes(framework: Framework) -> list[str]:
    """What has changed since the framework before, in sentences; nothing where there is none to compare."""
    drift = framework.drift
    if drift is None:
        return []
    since = f"Since {wording.since(drift.since, framework.created_at)}"
    if not drift.comparable:
        return [f"{since}: not comparable. {drift.reason or ''}".strip()]
    rows = [entry for entry in drift.patterns if entry.significant or entry.p_value is None]
    if not rows:
        return [f"{since}: no change that is more than chance explains."]
    return [f"{since}: {label(entry.pattern)} {shift(entry)}." for entry in rows]
