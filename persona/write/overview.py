"""Who they are and what to do this week: what page, slides and the chat summary show first."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain, count
from typing import NamedTuple

from persona import wording
from persona.check.figures import sentences
from persona.model import OMNICHANNEL, Framework, NextStep, Pattern, Persona, Rule, dominant
from persona.wording import label, plain
from persona.write.escaping import clean, clip, unmarked

# The page's own anchors, which no persona may have.
_RESERVED = {"who", "week", "read-first", "personas", "strategy", "compare", "appendix"}
_RESERVED |= {"all-figures", "typed", "missing", "sources"}
SUMMARY_CHARACTERS = 600  # what a chat message holds
# So many words between arrows are a path; a longer step is prose.
PATH_STEPS, STEP_CHARACTERS = range(2, 10), 120
_ARROW = re.compile(r"\s*(?:→|⟶|➜|➡\ufe0f?|->|=>)\s*")
# A keycap or another sign in front of a name.
_BEFORE_A_NAME = re.compile(r"^(?:[\d#*]\ufe0f?\u20e3|[^\w“\"'«]|_)+")


class Card(NamedTuple):
    """A persona as the first screen shows it."""

    key: str
    anchor: str
    name: str
    label: str  # "Mostly web"
    size: str  # "35 % of people, 21 % of value (most per person)"
    worth_most: bool  # a person of theirs on average, beyond chance
    stake: float  # what is at stake: a share of all value, or of the people where the data holds no value
    line: str  # one line of who they are
    persona: Persona
    pattern: Pattern | None  # None: the data show no such pattern


def mostly(key: str, rule: Rule) -> str:
    """A pattern's key in plain words: `Mostly web`, `Several channels`."""
    channel = next((channel for channel in rule.channels if dominant(channel) == key), None)
    return f"Mostly {plain(channel)}" if channel else "Several channels" if key == OMNICHANNEL else label(key)


def cards(framework: Framework) -> list[Card]:
    """Every pattern with its persona, empty where the answer has none, and any persona left over.

    Those come first whose people hold most of the value, or are most people.
    """
    patterns = {pattern.key: pattern for pattern in framework.patterns}
    personas = {persona.pattern: persona for persona in framework.personas}
    valued, best, anchors, made = has_value(framework), _worth_most(framework), set(_RESERVED), []
    for key in patterns | personas:
        pattern, persona = patterns.get(key), personas.get(key, Persona(pattern=key))
        called = mostly(key, framework.rule)
        name = clip(_BEFORE_A_NAME.sub("", clean(persona.name or "")), 120) or called
        letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:60] or "persona"
        numbered = chain([slug], (f"{slug}-{number}" for number in count(2)))
        anchor = next(anchor for anchor in numbered if anchor not in anchors)
        anchors.add(anchor)
        size, stake = "not in the data", 0.0
        if pattern:
            size = f"{wording.percent(pattern.share, 0)} of people"
            if pattern.ltv_share is not None:
                size += f", {wording.percent(pattern.ltv_share, 0)} of value"
            size += " (most per person)" if pattern is best else ""
            stake = (pattern.ltv_share if valued else pattern.share) or 0.0
        text = persona.description or ""
        first = next((text[start:end] for start, end in sentences(text[:4_000])), text)
        line = clip(clean(unmarked(first)).lstrip("#>-| "), 150)
        worth_most = bool(pattern and pattern is best)
        made.append(Card(key, anchor, name, called, size, worth_most, stake, line, persona, pattern))
    return sorted(made, key=lambda card: -card.stake)


def has_value(framework: Framework) -> bool:
    """Whether shares of the value can be told."""
    return any(pattern.ltv_share is not None for pattern in framework.patterns)


def action(step: NextStep, characters: int) -> str:
    """What to do, on one line."""
    return clip(clean(unmarked(step.action)), characters)


def on_channel(step: NextStep, rule: Rule) -> str | None:
    """The channel of a next step in words."""
    said = step.channel
    return (plain(said) if said in rule.channels else clip(unmarked(said), 80)) if said else None


def path(journey: str | None) -> tuple[list[str], str]:
    """The steps of a journey that was written with arrows, and the text around them."""
    lines = (journey or "").split("\n")
    for number, line in enumerate(lines):
        *steps, last = _ARROW.split(line.strip())
        end, stop, after = last.partition(". ")
        steps.append(end.removesuffix(".") if stop else last.removesuffix("."))
        if len(steps) in PATH_STEPS and all(0 < len(step) <= STEP_CHARACTERS for step in steps):
            return steps, "\n".join([*lines[:number], after, *lines[number + 1 :]]).strip()
    return [], journey or ""


def channel_of(step: str, rule: Rule) -> int:
    """The number of the channel that a step of a journey names, from 1; 0 where it names none."""
    words = f" {re.sub('[^a-z0-9]+', ' ', step.casefold())} "
    named = [
        (words.find(f" {word}"), number)
        for number, channel in enumerate(rule.channels, 1)
        for word in {plain(channel).casefold(), *(part for part in channel.split("_") if len(part) > 3)}  # noqa: PLR2004
        if f" {word}" in words
    ]
    return min(named)[1] if named else 0


def headline(framework: Framework) -> str:
    """One sentence that matters: who holds the value, or who most people are, as far as chance lets tell."""
    rule, patterns = framework.rule, framework.patterns
    best = _worth_most(framework)
    if best and best.ltv_share:
        people, value = wording.percent(best.share, 0), wording.percent(best.ltv_share, 0)
        return f"The {people} who {_use([best], rule)} hold {value} of all lifetime value"
    first = max(patterns, key=lambda pattern: pattern.share)
    leading = [pattern for pattern in patterns if pattern.share_ci95[1] >= first.share_ci95[0]]
    if len(leading) == len(patterns) > 2:  # noqa: PLR2004 - of two, both are named
        return "No way of using your channels is clearly more common than the others"
    together = wording.percent(sum(pattern.share for pattern in leading), 0)
    return f"{together} of active people {_use(leading, rule)}"


def _use(patterns: Sequence[Pattern], rule: Rule) -> str:
    """What these people do: `mostly use web or mobile`, `use several channels`."""
    keys = {one.key for one in patterns}
    channels = [plain(channel) for channel in rule.channels if dominant(channel) in keys]
    ways = [f"mostly use {' or '.join(channels)}"] if channels else []
    return " or ".join([*ways, *(["use several channels"] if OMNICHANNEL in keys else [])])


def _worth_most(framework: Framework) -> Pattern | None:
    """The pattern whose people are worth most on average, where the intervals leave no doubt."""
    bands = {one.key: one.avg_ltv_ci95 for one in framework.patterns if one.avg_ltv_ci95}
    if not has_value(framework) or not 1 < len(bands) == len(framework.patterns):
        return None
    best, *others = sorted(framework.patterns, key=lambda one: bands[one.key], reverse=True)
    clear = all(bands[other.key][1] < bands[best.key][0] for other in others)
    return best if clear else None


def summary(framework: Framework, personas: list[Card]) -> list[str]:
    """The framework as the lines of a chat message: the headline, then who they are, each in its share."""
    lines = [f"{headline(framework)}."]
    room = (SUMMARY_CHARACTERS - len(lines[0])) // max(1, len(personas)) - 1
    for card in personas:
        step = card.persona.next_step
        text = f"{clip(card.name, 40)}{f': {card.size}' if card.pattern else ''}."
        lines.append(clip(f"{text} Next: {action(step, 200)}" if step else text, room))
    return lines
