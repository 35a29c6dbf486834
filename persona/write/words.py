"""The framework's keys in words that a marketer uses, and what stands out in its wording."""

from persona import wording
from persona.model import OMNICHANNEL, Figure, Framework, Group, PatternDrift, Persona, Rule, dominant
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
_TITLES = SECTION_TITLES | STRATEGY_TITLES
# What a fact that has changed is called (the braces: which channel or identifier), and how it is written.
_CHANGED = {
    "avg_ltv": ("average lifetime value", wording.money),
    "avg_activity": ("{} activity per person", lambda amount, _: wording.exact(amount)),
    "identity_coverage": ("people known by {}", lambda share, _: wording.percent(share)),
}
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
    title = _TITLES.get(section, plain(section))
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
        f"Groups of fewer than {wording.count(framework.rule.min_group)} people are not shown, nor any that "
        f"would give their size away: {keys}. Shares are still of all active people."
    )


def counted(framework: Framework) -> str:
    """What became of everybody who was read."""
    population, rejected = framework.population, framework.population.rejected
    reasons = ", ".join(f"{plain(reason)[:60]}: {wording.count(n)}" for reason, n in rejected.items())
    rest = f" + {wording.count(sum(rejected.values()))} unreadable ({reasons})" if reasons else ""
    return (
        f"{wording.count(population.read)} profiles read = {wording.count(population.classified)} active + "
        f"{wording.count(population.dormant)} dormant (no activity, left out){rest}."
    )


def rule(how: Rule) -> str:
    """How people are told apart, and how firm that is."""
    return (
        f"The channel with strictly more than {wording.percent(how.dominance, 0)} of it gives the pattern "
        "its name; where none has that much, the person is omnichannel. "
        f"{wording.percent(how.boundary_share)} of active people would change pattern if the threshold "
        "moved by 5 points either way. Averages count a missing value as zero."
    )


def author(framework: Framework) -> str:
    """Who wrote the text, and what they saw."""
    if framework.author == "facts":
        return "Fixed rules, from the figures alone; Mave was not asked."
    used = f" It used {wording.exact(framework.mave.credits_used)} credits." if framework.mave else ""
    own = self_check(framework)
    return (
        "Mave, a research agent, saw these figures and nothing else: no profile, no identifier and no trait "
        f"of a single person.{used}{f' {own}' if own else ''}"
    )


def figures(framework: Framework) -> str:
    """Where the figures of the text come from."""
    counts = framework.checks.counts()
    if not framework.checks.figures:
        return "The text holds no figure that could be taken for data."
    assumed = framework.checks.assumptions
    return (
        f"Of the figures in the text, {wording.count(counts.from_data)} were filled in from the data. The "
        f"author typed {wording.count(counts.equal + counts.not_in_data)}: {wording.count(counts.equal)} "
        f"equal to a figure of the data, {wording.count(counts.not_in_data)} not from the data."
        + (f" {wording.count(assumed)} statements are marked as assumptions." if assumed else "")
    )


def recognised(group: Group) -> str:
    """How well a group's people can be recognised, in a sentence."""
    if group.avg_identities is None or group.few_identities_share is None:
        return "The data hold nothing that people could be recognised by."
    return (
        f"{wording.decimal(group.avg_identities)} ways to recognise a person; "
        f"{wording.percent(group.few_identities_share, 0)} we can barely recognise"
    )


def moved(framework: Framework) -> list[PatternDrift]:
    """What has changed by more than chance explains since the framework before."""
    drift = framework.drift
    return [row for row in drift.patterns if row.significant] if drift and drift.comparable else []


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
    rows = [entry for entry in drift.patterns if entry.significant or entry.p_value is None]
    if not rows:
        return [f"{since}: no change that is more than chance explains."]
    return [f"{since}: {label(entry.pattern)} {shift(entry)}." for entry in rows]


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
