"""The framework worded without Mave: every section by rules, from the summary's figures alone.

Two kinds of sentences and nothing else: figures as they stand in the summary, and rules of thumb, which are
called so. A pattern's sections speak of its own figures and those of all people, never of another pattern's.
"""

from typing import NamedTuple

from persona import words
from persona.model import OMNICHANNEL, Group, Pattern, Plan, Summary, printable

# From here on a group's average LTV is called high, and down to here low, beside that of all people.
_HIGH, _LOW = 1.25, 0.8
# Of a group's activity on one channel: from here on its loss would take by far the most of it.
_BY_FAR = 0.75
# Of a group: from here on many of its people are hard to recognise on another channel.
_MANY = 0.5
# Of the classified near the line between two patterns: below the first few, below the second some.
_NEAR_LINE_FEW, _NEAR_LINE_SOME = 0.05, 0.15
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
        form="full pages: comparisons, reports, guides, settings",
        loss="a slow or confusing site",
    ),
    "mobile": _Channel(
        person="Pocket Regular",
        need="the phone is at hand, which serves quick looks and small steps between other things",
        reach="offer the app where it saves a step, and ask for notifications only after it has",
        form="short screens: status cards, one-tap actions, sparing notifications",
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
        "why_dominant": _why(pattern, ranked),
        "reach_on_weak": _reach(pattern, ranked),
        "journey": _journey(pattern, ranked),
        "formats": _formats(ranked),
        "risk": _risk(pattern, ranked),
    }
    title = words.heading(pattern.label, _name(pattern, summary))
    return "\n\n".join(
        [title, *(f"### {words.SECTION_TITLES[section]}\n\n{text}" for section, text in sections.items())]
    )


def _name(pattern: Pattern, summary: Summary) -> str:
    """A name from the pattern's channel and from what sets its people apart most from all people."""
    channel = words.dominating(pattern.key)
    person = "All-Channel Mover" if channel is None else _channel(channel).person
    return f"The {_trait(pattern, summary)} {person}"


def _trait(pattern: Pattern, summary: Summary) -> str:
    """LTV beside all people's first, then how well they are known, then how many they are."""
    usual = summary.totals.avg_ltv
    if usual > 0 and pattern.avg_ltv >= _HIGH * usual:
        return "High-Value"
    if usual > 0 and pattern.avg_ltv <= _LOW * usual:
        return "Light-Spending"
    if pattern.few_identities_share > _MANY:
        return "Barely Known"
    if all(pattern.n >= other.n for other in summary.patterns):
        return "Everyday"
    return "Steady"


def _description(pattern: Pattern, summary: Summary, currency: str) -> str:
    people = "person" if pattern.n == 1 else "people"
    size = f"{pattern.n:,} {people}, {words.percent(pattern.share)} of all classified people."
    value = _value(pattern, summary, currency)
    plans = _plans(pattern.plans)
    when = words.window(summary.rule.window_days)
    window = f"{when[0].upper()}{when[1:]}, per person: {_amounts(pattern)}."
    return " ".join(filter(None, [size, window, value, plans]))


def _value(pattern: Pattern, summary: Summary, currency: str) -> str:
    """What they are worth, beside all people; a loss is told without its figure."""
    if pattern.avg_ltv < 0:
        return "Their average LTV is below zero: refunds outweigh purchases."
    if summary.totals.avg_ltv <= 0:
        return f"Their average LTV is {words.money(pattern.avg_ltv, currency)}."
    return (
        f"Their average LTV is {words.money(pattern.avg_ltv, currency)}, against "
        f"{words.money(summary.totals.avg_ltv, currency)} over all classified people."
    )


def _plans(plans: list[Plan] | None) -> str:
    """The most common plan, where its name can stand in a sentence."""
    first = plans[0] if plans else None
    if not first or not _wordy(first.plan):
        return ""
    return f"Their most common plan is {_quoted(first.plan)} ({words.percent(first.share)})."


def _why(pattern: Pattern, ranked: list[str]) -> str:
    channel = words.dominating(pattern.key)
    if channel is None:
        return (
            f"No channel dominates: {_amounts(pattern)}.\n\n{_RULE_OF_THUMB} people who spread "
            "their activity like this choose the channel by the moment, and expect each to know what "
            "happened on the others."
        )
    others = [_amount(pattern, other) for other in ranked if other != channel]
    return (
        f"{_title(channel)} is their main channel: {_amount(pattern, channel)} a person, against "
        f"{_listed(others)}.\n\n{_RULE_OF_THUMB} {_channel(channel).need}."
    )


def _reach(pattern: Pattern, ranked: list[str]) -> str:
    strongest = ranked[0]
    lines = [
        f"- **{_title(channel)}** ({_amount(pattern, channel)} a person): {_approach(pattern, channel)}"
        for channel in ranked[1:]
    ]
    invitation = f"{_RULE_OF_THUMB} invite them from {_title(strongest)}, where they already are."
    return "\n".join([invitation, "", *lines])


def _approach(pattern: Pattern, channel: str) -> str:
    first = "" if pattern.avg_activity[channel] > 0 else "nobody here is active, so find out why; then "
    return f"{first}{_channel(channel).reach}."


def _journey(pattern: Pattern, ranked: list[str]) -> str:
    active = [_title(channel) for channel in ranked if pattern.avg_activity[channel] > 0]
    if len(active) <= 1:
        return f"{_title(ranked[0])} only: no activity of theirs is recorded elsewhere."
    return (
        f"{' → '.join(active)} → {active[0]}\n\nThe arrows go from the most used channel to the least used. "
        f"The summary holds amounts, not the order of visits. {_RULE_OF_THUMB} most paths begin and end on "
        "the channel that is used most."
    )


def _formats(ranked: list[str]) -> str:
    lines = [f"- **{_title(channel)}**: {_channel(channel).form}" for channel in ranked]
    return "\n".join([_RULE_OF_THUMB, "", *lines])


def _risk(pattern: Pattern, ranked: list[str]) -> str:
    strongest, next_best = _title(ranked[0]), _title(ranked[1])
    grade = _grade(pattern, ranked[0])
    threat = {
        "High": f"by far the most of what they do is on {strongest}, and little else would hold them",
        "Medium": f"{strongest} carries them, and {next_best} could catch only some of the fall",
        "Low": "no single channel carries them, so they can fall back on another",
    }[grade]
    worth, few = pattern.ltv_share or 0, pattern.few_identities_share
    stake = f" At stake: {words.percent(worth)} of all LTV." if worth > 0 else ""
    known = f" {words.percent(few)} of them have two identifiers or fewer" if few > _MANY else ""
    harder = ", which makes winning them back on another channel harder." if known else ""
    return (
        f"{grade}: {threat}.{stake}{known}{harder}\n\n{_RULE_OF_THUMB} what would drive them away first is "
        f"{_channel(ranked[0]).loss}."
    )


def _grade(pattern: Pattern, strongest: str) -> str:
    if pattern.key == OMNICHANNEL:
        return "Low"
    total = sum(pattern.avg_activity.values())
    return "High" if total > 0 and pattern.avg_activity[strongest] >= _BY_FAR * total else "Medium"


def _strategy(summary: Summary) -> str:
    sections = {
        "consistency": _consistency(summary),
        "identity_resolution": _identities(summary),
        "switch_moments": _switches(summary),
    }
    parts = [f"### {words.STRATEGY_TITLES[section]}\n\n{text}" for section, text in sections.items()]
    return "\n\n".join([f"## {words.STRATEGY_TITLE}", *parts])


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
    channels = _listed([_title(channel) for channel in summary.rule.channels])
    return (
        f"All classified people together: {_amounts(summary.totals)} a person.{size}{worth}\n\n"
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
    few = words.percent(totals.few_identities_share)
    figures = (
        f"{words.decimal(totals.avg_identities)} identifiers a person on average; {few} of all classified "
        "people have two identifiers or fewer."
    )
    covered = sorted((totals.identity_coverage or {}).items(), key=lambda item: (-item[1], item[0]))
    named = [f"{words.percent(share)} have {_quoted(kind)}" for kind, share in covered if _wordy(kind)]
    coverage = f" Of all people, {_listed(named[:_MOST_TYPES])}." if named else ""
    gaps = [pattern.label for pattern in summary.patterns if pattern.few_identities_share > _MANY]
    where = f" begin with {_listed(gaps)}, where most people are barely known;" if gaps else ""
    return (
        f"{figures}{coverage}\n\n{_RULE_OF_THUMB}{where} ask for another identifier when it is useful "
        "to the customer (a saved task, a receipt, a new device), and merge anonymous visits on log-in."
    )


def _switches(summary: Summary) -> str:
    near = summary.rule.boundary_share
    few = "Few" if near < _NEAR_LINE_FEW else "Some" if near < _NEAR_LINE_SOME else "Many"
    busiest = _ranked(summary.totals)
    return (
        f"{few} people are close to the line between patterns; they are the likeliest to switch. The summary "
        f"holds no moments, only amounts: watch them where {_title(busiest[0])} hands over to "
        f"{_title(busiest[1])}, the most used channels.\n\n{_RULE_OF_THUMB} people switch when a task "
        "outgrows the channel (too long for a phone, too urgent for mail), when a message links elsewhere, "
        "and when a day moves them from one device to another."
    )


def _ranked(group: Group) -> list[str]:
    """The channels by the group's activity, most used first; a tie keeps the rule's order."""
    return sorted(group.avg_activity, key=lambda channel: -group.avg_activity[channel])


def _amount(group: Group, channel: str) -> str:
    return f"{words.decimal(group.avg_activity[channel])} {words.activity(channel)}"


def _amounts(group: Group) -> str:
    return _listed([_amount(group, channel) for channel in group.avg_activity])


def _channel(channel: str) -> _Channel:
    """What is commonly held of a channel; of an uncommon one only what holds of any."""
    title = _title(channel)
    return _CHANNELS.get(channel) or _Channel(
        person=f"{title} Regular",
        need=f"{title} is where they already are, so it serves whatever must not cost them a change of place",
        reach=f"make one offer that is worth more on {title} than elsewhere",
        form="one message with one purpose, in the length that is usual there",
        loss=f"a {title} presence that gives nothing they could not get elsewhere",
    )


def _title(channel: str) -> str:
    return channel.replace("_", " ").title()


def _wordy(name: str) -> bool:
    """Whether other people's text can stand in a sentence: digits in it could be taken for a figure."""
    return bool(printable(name)) and not any(map(str.isnumeric, name))


def _quoted(name: str) -> str:
    """Other people's text as inline code, which it cannot leave."""
    return f"`{printable(name).replace('`', chr(39))}`"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
