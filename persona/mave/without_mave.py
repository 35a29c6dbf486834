"""The framework worded without Mave: every section by rules, from the summary's figures alone.

Two kinds of sentences and nothing else: figures as they stand in the summary, and rules of thumb, which are
called so. A pattern's sections speak of its own figures and those of all people, never of another pattern's.
"""

import html
import re
from collections.abc import Mapping
from typing import NamedTuple

from persona import wording
from persona.model import OMNICHANNEL, Group, Pattern, Plan, Summary, label, printable

# From here on a group's average LTV is called high, and down to here low, beside that of all people.
_HIGH, _LOW = 1.25, 0.8
# Of a group's activity on one channel: from here on its loss would take by far the most of it.
_BY_FAR = 0.75
# Of a group: from here on many of its people are hard to recognise on another channel.
_MANY = 0.5
# Of a group's activity: from here on a channel is worth sending to of one's own accord.
_WORTH_SENDING = 0.2
# Other people's text that reads as it is, in Markdown and in a sentence.
_ORDINARY = re.compile(r"[^\W_](?:[\w +'’/&-]|\.(?=\w))*(?<![ _])")  # noqa: RUF001 - typography
# Identifier types named in the strategy.
_MOST_TYPES = 4

_PREAMBLE = (
    "This framework was worded by rules from the summary's figures. What is not a figure is marked as a "
    "rule of thumb, not research: weigh it against what you know of your customers."
)
_RULE_OF_THUMB = "Rule of thumb:"


class _Channel(NamedTuple):
    """What is commonly held of a channel; none of it is read from the space."""

    person: str  # who a persona of this channel is called after
    need: str
    reach: str
    form: str
    loss: str


_CHANNELS = {
    "web": _Channel(
        person="Desk Visitor",
        need="a large screen serves comparing, reading and finishing longer tasks",
        reach="give one reason to open the site, and land them on the page where the task goes on",
        form="full pages, such as comparisons, reports, guides, settings",
        loss="a slow or confusing site",
    ),
    "mobile": _Channel(
        person="Pocket Regular",
        need="the phone is at hand, which serves quick looks and small steps between other things",
        reach="offer the app where it saves a step, and ask for notifications only after it has",
        form="short screens, such as status cards, one-tap actions, sparing notifications",
        loss="an app that nags or breaks",
    ),
    "email": _Channel(
        person="Inbox Reader",
        need="mail comes by itself, which serves keeping up without a visit or a log-in",
        reach="send few mails with one link each that opens the very thing the mail speaks of",
        form="digests with the news in the subject line and one link",
        loss="mails that come too often or say too little",
    ),
}


def write(summary: Summary, currency: str) -> str:
    """The complete framework in Markdown, in the form that Mave is asked for.

    The same summary gives the same words. Every figure is one of the summary's.
    """
    parts = [
        _PREAMBLE,
        *(_pattern(pattern, summary, currency) for pattern in summary.patterns),
        _strategy(summary),
    ]
    return "\n\n".join(parts) + "\n"


def _pattern(pattern: Pattern, summary: Summary, currency: str) -> str:
    ranked = _ranked(pattern)
    sections = {
        "description": _description(pattern, summary, currency),
        "why_dominant": _why(pattern, ranked, summary.rule.channels),
        "reach_on_weak": _reach(pattern, ranked, summary.rule.channels),
        "journey": _journey(pattern, ranked),
        "formats": _formats(pattern, ranked),
        "risk": _risk(pattern, ranked),
    }
    title = wording.heading(pattern.label, _name(pattern, summary))
    return "\n\n".join(
        [title, *(f"### {wording.SECTION_TITLES[section]}\n\n{text}" for section, text in sections.items())]
    )


def _name(pattern: Pattern, summary: Summary) -> str:
    """A name from the pattern's channel and from what sets its people apart most from all people."""
    channel = wording.dominating(pattern.key)
    person = "All-Channel Mover" if channel is None else _channel(channel).person
    return f"The {_trait(pattern, summary)} {person}"


def _trait(pattern: Pattern, summary: Summary) -> str:
    """LTV beside all people's first, then how few identifiers they have, then how many they are."""
    usual = summary.totals.avg_ltv or 0
    if usual > 0 and (pattern.avg_ltv or 0) >= _HIGH * usual:
        return "High-Value"
    if usual > 0 and (pattern.avg_ltv or 0) <= _LOW * usual:
        return "Light-Spending"
    if (pattern.few_identities_share or 0) > max(_MANY, (summary.totals.few_identities_share or 0)):
        return "Lightly Linked"
    if all(pattern.n >= other.n for other in summary.patterns):
        return "Everyday"
    return "Steady"


def _description(pattern: Pattern, summary: Summary, currency: str) -> str:
    people = "person" if pattern.n == 1 else "people"
    size = f"{pattern.n:,} {people}, {wording.percent(pattern.share)} of all classified people."
    value = _value(pattern, summary, currency)
    plans = _plans(pattern.plans)
    when = wording.window(summary.rule.window_days)
    window = f"{when[0].upper()}{when[1:]}, per person: {_amounts(pattern, summary.rule.channels)}."
    return " ".join(filter(None, [size, window, value, plans]))


def _value(pattern: Pattern, summary: Summary, currency: str) -> str:
    """What they are worth, beside all people; a loss is told without its figure."""
    if (pattern.avg_ltv or 0) < 0:
        return "Their average LTV is below zero: refunds outweigh purchases."
    if (summary.totals.avg_ltv or 0) <= 0:
        return f"Their average LTV is {wording.money((pattern.avg_ltv or 0), currency)}."
    return (
        f"Their average LTV is {wording.money((pattern.avg_ltv or 0), currency)}, against "
        f"{wording.money((summary.totals.avg_ltv or 0), currency)} over all classified people."
    )


def _plans(plans: list[Plan] | None) -> str:
    """The most common plan, where its name can stand in a sentence."""
    first = plans[0] if plans else None
    if not first or not _wordy(first.plan):
        return ""
    return f"Their most common plan is {_quoted(first.plan)} ({wording.percent(first.share)})."


def _why(pattern: Pattern, ranked: list[str], traits: Mapping[str, str]) -> str:
    channel = wording.dominating(pattern.key)
    if channel is None:
        return (
            f"No channel dominates: {_amounts(pattern, traits)} a person.\n\n{_RULE_OF_THUMB} people who "
            "spread their activity like this choose the channel by the moment, and expect each to know what "
            "happened on the others."
        )
    others = [_amount(pattern, other, traits) for other in ranked if other != channel]
    return (
        f"{label(channel)} is their main channel: {_amount(pattern, channel, traits)} a person, against "
        f"{_listed(others)}.\n\n{_RULE_OF_THUMB} {_channel(channel).need}."
    )


def _reach(pattern: Pattern, ranked: list[str], traits: Mapping[str, str]) -> str:
    strongest = ranked[0]
    lines = [
        f"- **{label(channel)}** ({_amount(pattern, channel, traits)} a person): "
        f"{_approach(pattern, channel)}"
        for channel in ranked[1:]
    ]
    invitation = f"{_RULE_OF_THUMB} invite them from {label(strongest)}, where they already are."
    return "\n".join([invitation, "", *lines])


def _approach(pattern: Pattern, channel: str) -> str:
    first = "" if pattern.avg_activity[channel] > 0 else "nobody here is active, so find out why; then "
    return f"{first}{_channel(channel).reach}."


def _journey(pattern: Pattern, ranked: list[str]) -> str:
    active = [label(channel) for channel in ranked if pattern.avg_activity[channel] > 0]
    if len(active) <= 1:
        return f"{label(ranked[0])} only: no activity of theirs is recorded elsewhere."
    return (
        f"{' → '.join(active)} → {active[0]}\n\nThe arrows go from the most used channel to the least used. "
        f"The summary holds amounts, not the order of visits. {_RULE_OF_THUMB} most paths begin and end on "
        "the channel that is used most."
    )


def _formats(pattern: Pattern, ranked: list[str]) -> str:
    first, *others = ranked
    worth = [channel for channel in others if _activity_share(pattern, channel) >= _WORTH_SENDING]
    rest = [f"**{label(channel)}**" for channel in others if channel not in worth]
    lines = [
        f"- **{label(first)}**, for most of what you send: {_channel(first).form}.",
        *(f"- **{label(channel)}**, to follow up: {_channel(channel).form}." for channel in worth),
    ]
    if rest:
        lines.append(f"- {_listed(rest)}, sparingly: little or none of their activity is there.")
    return "\n".join([_RULE_OF_THUMB, "", *lines])


def _risk(pattern: Pattern, ranked: list[str]) -> str:
    """The grade with the figure that it goes by; what follows from it is marked as a rule of thumb."""
    strongest = ranked[0]
    held = _activity_share(pattern, strongest)
    worth, few = pattern.ltv_share or 0, (pattern.few_identities_share or 0)
    stake = f" At stake: {wording.percent(worth)} of all LTV." if worth > 0 else ""
    known = f" {wording.percent(few)} of them have two identifiers or fewer." if few > _MANY else ""
    harder = ", and the fewer identifiers, the harder to win them back elsewhere" if known else ""
    return (
        f"{_grade(pattern, held)}: {wording.percent(held)} of their activity is on {label(strongest)}.{stake}"
        f"{known}\n\n{_RULE_OF_THUMB} the more of it one channel holds, the higher the risk{harder}. "
        f"What would drive them away first is {_channel(strongest).loss}."
    )


def _grade(pattern: Pattern, held: float) -> str:
    if pattern.key == OMNICHANNEL:
        return "Low"
    return "High" if held >= _BY_FAR else "Medium"


def _strategy(summary: Summary) -> str:
    sections = {
        "consistency": _consistency(summary),
        "identity_resolution": _identities(summary),
        "switch_moments": _switches(summary),
    }
    parts = [f"### {wording.STRATEGY_TITLES[section]}\n\n{text}" for section, text in sections.items()]
    return "\n\n".join([f"## {wording.STRATEGY_TITLE}", *parts])


def _consistency(summary: Summary) -> str:
    largest = _first([(pattern.n, pattern) for pattern in summary.patterns])
    richest = _first([(pattern.ltv_share or 0, pattern) for pattern in summary.patterns])
    size = f" {largest.label} is the largest pattern." if largest else ""
    # Of a pattern that is too small to show nobody knows what it brings.
    among = "Of the patterns shown, " if summary.suppressed else ""
    other = richest if richest is not largest else None
    worth = f" {among}{other.label} brings the largest part of all LTV." if other else ""
    shared = any(pattern.key == OMNICHANNEL for pattern in summary.patterns)
    first = "invest in consistency first" if shared else "invest in adaptation first"
    reason = (
        "some people here use all channels alike and notice every contradiction"
        if shared
        else "every pattern shown here has a channel of its own"
    )
    channels = _listed([label(channel) for channel in summary.rule.channels])
    amounts = _amounts(summary.totals, summary.rule.channels)
    return (
        f"All classified people together: {amounts} a person.{size}{worth}\n\n"
        f"{_RULE_OF_THUMB} {first}: {reason}. Keep prices, account status and the state of a task the same "
        f"everywhere; adapt length, layout and timing to {channels}."
    )


def _first(ranked: list[tuple[float, Pattern]]) -> Pattern | None:
    """The pattern with the largest figure above zero; None where two share it."""
    top = max((figure for figure, _ in ranked), default=0.0)
    leading = [pattern for figure, pattern in ranked if figure == top > 0]
    return leading[0] if len(leading) == 1 else None


def _identities(summary: Summary) -> str:
    totals = summary.totals
    few = wording.percent(totals.few_identities_share or 0)
    figures = (
        f"{wording.decimal(totals.avg_identities or 0)} identifiers a person on average; {few} of all "
        "classified people have two identifiers or fewer."
    )
    covered = sorted((totals.identity_coverage or {}).items(), key=lambda item: (-item[1], item[0]))
    named = [f"{wording.percent(share)} have {_quoted(kind)}" for kind, share in covered if _wordy(kind)]
    coverage = f" Of all people, {_listed(named[:_MOST_TYPES])}." if named else ""
    gaps = [pattern.label for pattern in summary.patterns if (pattern.few_identities_share or 0) > _MANY]
    # Where it is so everywhere, there is nowhere to begin.
    apart = 0 < len(gaps) < len(summary.patterns)
    where = f" begin with {_listed(gaps)}, where most people have few identifiers;" if apart else ""
    return (
        f"{figures}{coverage}\n\n{_RULE_OF_THUMB}{where} ask for another identifier when it is useful "
        "to the customer (a saved task, a receipt, a new device), and merge anonymous visits on log-in."
    )


def _switches(summary: Summary) -> str:
    near = wording.percent(summary.rule.boundary_share)
    busiest = _ranked(summary.totals)
    close, likeliest = (
        (
            f"{near} of all classified people are close to the line between patterns. ",
            " those close to the line switch first.",
        )
        if near != wording.percent(0)
        else ("", "")
    )
    return (
        f"{close}The summary holds no moments, only amounts.\n\n{_RULE_OF_THUMB}{likeliest} Watch people "
        f"where {label(busiest[0])} hands over to {label(busiest[1])}, the most used channels. People switch "
        "when a task outgrows the channel (too long for a phone, too urgent for mail), when a message links "
        "elsewhere, and when a day moves them from one device to another."
    )


def _ranked(group: Group) -> list[str]:
    """The channels by the group's activity, most used first; a tie keeps the rule's order."""
    return sorted(group.avg_activity, key=lambda channel: -group.avg_activity[channel])


def _amount(group: Group, channel: str, traits: Mapping[str, str]) -> str:
    return f"{wording.decimal(group.avg_activity[channel])} {wording.activity(channel, traits[channel])}"


def _amounts(group: Group, traits: Mapping[str, str]) -> str:
    return _listed([_amount(group, channel, traits) for channel in group.avg_activity])


def _activity_share(group: Group, channel: str) -> float:
    return group.avg_activity[channel] / (sum(group.avg_activity.values()) or 1.0)


def _channel(channel: str) -> _Channel:
    """What is commonly held of a channel; of an uncommon one only what holds of any."""
    title = label(channel)
    return _CHANNELS.get(channel) or _Channel(
        person=f"{title} Regular",
        need=f"{title} is where they already are, so it serves whatever must not cost them a change of place",
        reach=f"make one offer that is worth more on {title} than elsewhere",
        form="one message with one purpose, in the length that is usual there",
        loss=f"messages on {title} that say nothing they could not read elsewhere",
    )


def _wordy(name: str) -> bool:
    """Whether other people's text can stand in a sentence as it is; what cannot still stands in the tables.

    Digits could be taken for a figure, other signs for Markdown or for the end of the sentence.
    """
    as_it_is = name == printable(name) == html.unescape(name)
    return as_it_is and bool(_ORDINARY.fullmatch(name)) and not any(map(str.isnumeric, name))


def _quoted(name: str) -> str:
    return f"“{name}”"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
