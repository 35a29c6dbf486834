"""The framework worded without Mave: every section by rules, from the summary's figures alone.

Two kinds of sentences and nothing else: figures, written as names like Mave's, and rules of thumb, which are
called so. A pattern's sections speak of its own figures and those of all people, never of another pattern's.
"""

import html
import re
from typing import NamedTuple

from persona import wording
from persona.check.facts import Slugs, slugs_of
from persona.masking import printable
from persona.model import OMNICHANNEL, Group, Pattern, Summary
from persona.wording import label

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
    "rule of thumb, not research; so are the next steps: weigh them against what you know of your customers."
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


def write(summary: Summary) -> str:
    """The complete framework in Markdown, in the form that Mave is asked for, figures as names in braces.

    The same summary gives the same words.
    """
    author = _Author(summary, slugs_of(summary))
    return "\n\n".join([_PREAMBLE, *map(author.pattern, summary.patterns), author.strategy()]) + "\n"


class _Author(NamedTuple):
    """Words one summary."""

    summary: Summary
    slugs: Slugs

    def pattern(self, pattern: Pattern) -> str:
        ranked = _ranked(pattern)
        sections = {
            "description": self._description(pattern),
            "why_dominant": self._why(pattern, ranked),
            "reach_on_weak": self._reach(pattern, ranked),
            "journey": _journey(pattern, ranked),
            "formats": _formats(pattern, ranked),
            "risk": _risk(pattern, ranked),
            "next_step": self._next_step(pattern, ranked),
        }
        title = wording.heading(pattern.label, _name(pattern, self.summary))
        texts = [f"### {wording.SECTION_TITLES[section]}\n\n{text}" for section, text in sections.items()]
        return "\n\n".join([title, *texts])

    def strategy(self) -> str:
        sections = {
            "consistency": self._consistency(),
            "identity_resolution": self._identities(),
            "switch_moments": _switches(self.summary),
        }
        texts = [f"### {wording.STRATEGY_TITLES[section]}\n\n{text}" for section, text in sections.items()]
        return "\n\n".join([f"## {wording.STRATEGY_TITLE}", *texts])

    def _description(self, pattern: Pattern) -> str:
        people = "person" if pattern.n == 1 else "people"
        size = f"{_fact(pattern, 'people')} {people}, {_fact(pattern, 'share')} of all classified people."
        when = wording.window(self.summary.rule.window_days)
        window = f"{when[0].upper()}{when[1:]}, per person: {self._amounts(pattern)}."
        return " ".join(
            filter(None, [size, window, _value(pattern, self.summary.totals), self._plan(pattern)])
        )

    def _plan(self, pattern: Pattern) -> str:
        """The most common plan, where its name can stand in a sentence."""
        first = pattern.plans[0] if pattern.plans else None
        if not first or not _wordy(first.plan):
            return ""
        share = _fact(pattern, f"plan_{self.slugs.plans[first.plan]}_share")
        return f"Their most common plan is {_quoted(first.plan)} ({share})."

    def _why(self, pattern: Pattern, ranked: list[str]) -> str:
        channel = wording.dominating(pattern.key)
        if channel is None:
            return (
                f"No channel dominates: {self._amounts(pattern)} a person.\n\n{_RULE_OF_THUMB} people who "
                "spread their activity like this choose the channel by the moment, and expect each to know "
                "what happened on the others."
            )
        others = [self._amount(pattern, other) for other in ranked if other != channel]
        return (
            f"{label(channel)} is their main channel: {self._amount(pattern, channel)} a person, against "
            f"{_listed(others)}.\n\n{_RULE_OF_THUMB} {_channel(channel).need}."
        )

    def _reach(self, pattern: Pattern, ranked: list[str]) -> str:
        strongest = ranked[0]
        lines = [
            f"- **{label(channel)}** ({self._amount(pattern, channel)} a person): "
            f"{_approach(pattern, channel)}"
            for channel in ranked[1:]
        ]
        invitation = f"{_RULE_OF_THUMB} invite them from {label(strongest)}, where they already are."
        return "\n".join([invitation, "", *lines])

    def _next_step(self, pattern: Pattern, ranked: list[str]) -> str:
        """One action for the week: for recognition where few are recognised, else for the next channel."""
        strongest, second = ranked[0], ranked[1]
        there = f"activity on {label(second)} ({self._amount(pattern, second)} a person now)"
        if (pattern.few_identities_share or 0) > _MANY:
            channel = strongest
            action = f"Ask for one more identifier on {label(strongest)}, where it saves them a step"
            few = _fact(pattern, "few_identifiers_share")
            measure = f"the share with two identifiers or fewer ({few} now)"
        elif pattern.key == OMNICHANNEL:
            channel = second
            action = f"Let a task that was begun on {label(strongest)} be finished on {label(second)}"
            measure = f"finished tasks that changed channel, and {there}"
        else:
            channel = strongest
            action = (
                f"Invite them from {label(strongest)} to {label(second)} with one thing that is easier there"
            )
            measure = there
        parts = {"action": action, "channel": label(channel), "measure": measure}
        return "\n".join(f"- {wording.NEXT_STEP_TITLES[part]}: {text}" for part, text in parts.items())

    def _consistency(self) -> str:
        shared = any(pattern.key == OMNICHANNEL for pattern in self.summary.patterns)
        first = "invest in consistency first" if shared else "invest in adaptation first"
        reason = (
            "some people here use all channels alike and notice every contradiction"
            if shared
            else "every pattern shown here has a channel of its own"
        )
        channels = _listed([label(channel) for channel in self.summary.rule.channels])
        return (
            f"All classified people together: {self._amounts(self.summary.totals)} a person. "
            f"{_largest(self.summary)}{_most_valuable(self.summary)}\n\n"
            f"{_RULE_OF_THUMB} {first}: {reason}. Keep prices, account status and the state of a task the "
            f"same everywhere; adapt length, layout and timing to {channels}."
        )

    def _identities(self) -> str:
        totals = self.summary.totals
        advice = (
            "ask for another identifier when it is useful to the customer (a saved task, a receipt, a new "
            "device), and merge anonymous visits on log-in."
        )
        if totals.avg_identities is None:
            return f"The data holds no external identifiers.\n\n{_RULE_OF_THUMB} {advice}"
        figures = (
            f"{_fact(totals, 'avg_identifiers')} identifiers a person on average; "
            f"{_fact(totals, 'few_identifiers_share')} of all classified people have two identifiers or "
            "fewer."
        )
        covered = sorted((totals.identity_coverage or {}).items(), key=lambda item: (-item[1], item[0]))
        named = [
            f"{_fact(totals, f'has_{self.slugs.types[kind]}')} have {_quoted(kind)}"
            for kind, _ in covered
            if _wordy(kind)
        ]
        coverage = f" Of all people, {_listed(named[:_MOST_TYPES])}." if named else ""
        patterns = self.summary.patterns
        gaps = [pattern.label for pattern in patterns if (pattern.few_identities_share or 0) > _MANY]
        # Where it is so everywhere, there is nowhere to begin.
        apart = 0 < len(gaps) < len(patterns)
        where = f" begin with {_listed(gaps)}, where most people have few identifiers;" if apart else ""
        return f"{figures}{coverage}\n\n{_RULE_OF_THUMB}{where} {advice}"

    def _amount(self, group: Group, channel: str) -> str:
        noun = wording.activity(channel, self.summary.rule.channels[channel])
        return f"{_fact(group, f'avg_{self.slugs.activities[channel]}')} {noun}"

    def _amounts(self, group: Group) -> str:
        return _listed([self._amount(group, channel) for channel in self.summary.rule.channels])


def _fact(group: Group, fact: str) -> str:
    """A figure of a group, by its name."""
    return f"{{{{{group.key if isinstance(group, Pattern) else 'all'}.{fact}}}}}"


def _name(pattern: Pattern, summary: Summary) -> str:
    """A name from the pattern's channel and from what sets its people apart most from all people."""
    channel = wording.dominating(pattern.key)
    person = "All-Channel Mover" if channel is None else _channel(channel).person
    return f"The {_trait(pattern, summary)} {person}"


def _trait(pattern: Pattern, summary: Summary) -> str:
    """LTV beside all people's first, then how few identifiers they have, then how many they are."""
    usual = summary.totals.avg_ltv or 0
    if usual > 0 and pattern.avg_ltv is not None:
        low, high = pattern.avg_ltv_ci95 or (pattern.avg_ltv, pattern.avg_ltv)
        if pattern.avg_ltv >= _HIGH * usual and low > usual:
            return "High-Value"
        if pattern.avg_ltv <= _LOW * usual and high < usual:
            return "Light-Spending"
    few, usual_few = pattern.few_identities_share or 0, summary.totals.few_identities_share or 0
    if few > max(_MANY, usual_few):
        return "Lightly Linked"
    return (
        "Everyday"
        if _leading({one.key: one.share_ci95 for one in summary.patterns}) == pattern.key
        else "Steady"
    )


def _value(pattern: Pattern, totals: Group) -> str:
    """What they are worth, beside all people; a loss is told without its figure."""
    if pattern.avg_ltv is None:
        return ""
    if pattern.avg_ltv < 0:
        return "Their average LTV is below zero: refunds outweigh purchases."
    own = f"Their average LTV is {_fact(pattern, 'avg_ltv')}"
    if (totals.avg_ltv or 0) <= 0:
        return f"{own}."
    return f"{own}, against {_fact(totals, 'avg_ltv')} over all classified people."


def _approach(pattern: Pattern, channel: str) -> str:
    first = "" if pattern.avg_activity[channel] > 0 else "nobody here is active, so find out why; then "
    return f"{first}{_channel(channel).reach}."


def _journey(pattern: Pattern, ranked: list[str]) -> str:
    active = [label(channel) for channel in ranked if pattern.avg_activity[channel] > 0]
    if len(active) <= 1:
        return f"{label(ranked[0])}\n\nNo activity of theirs is recorded elsewhere."
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
    """The grade with what it goes by; what follows from it is marked as a rule of thumb."""
    strongest = ranked[0]
    stake = f" At stake: {_fact(pattern, 'ltv_share')} of all LTV." if (pattern.ltv_share or 0) > 0 else ""
    few = (pattern.few_identities_share or 0) > _MANY
    known = (
        f" {_fact(pattern, 'few_identifiers_share')} of them have two identifiers or fewer." if few else ""
    )
    harder = ", and the fewer identifiers, the harder to win them back elsewhere" if known else ""
    return (
        f"{_grade(pattern, _activity_share(pattern, strongest))}.{stake}{known}\n\n"
        f"{_RULE_OF_THUMB} the more of their activity one channel holds, the higher the risk{harder}. "
        f"What would drive them away first is {_channel(strongest).loss}."
    )


def _grade(pattern: Pattern, held_share: float) -> str:
    if pattern.key == OMNICHANNEL:
        return "Low: no channel holds most of their activity"
    strongest = label(_ranked(pattern)[0])
    if held_share >= _BY_FAR:
        return f"High: by far the most of their activity is on {strongest}"
    part = "most" if held_share > 1 / 2 else "the largest part"
    return f"Medium: {part} of their activity is on {strongest}"


def _largest(summary: Summary) -> str:
    """Which pattern is the largest, where that is more than chance."""
    if len(summary.patterns) == 1:
        return ""
    key = _leading({pattern.key: pattern.share_ci95 for pattern in summary.patterns})
    return f"{label(key)} is the largest pattern." if key else "Which pattern is the largest is not clear."


def _most_valuable(summary: Summary) -> str:
    """Whose people are worth most on average; of a pattern that is too small to show nobody knows."""
    among = "Of the patterns shown, t" if summary.suppressed else "T"
    intervals = {one.key: one.avg_ltv_ci95 for one in summary.patterns if one.avg_ltv_ci95}
    if not 1 < len(intervals) == len(summary.patterns):
        return ""
    key = _leading(intervals)
    if key:
        return f" {among}he people of {label(key)} are worth most on average."
    return f" {among}here is no clear difference in average LTV at the top."


def _leading(intervals: dict[str, tuple[float, float]]) -> str | None:
    """The key whose interval lies above all others; None where the first two cannot be told apart."""
    first, *others = sorted(intervals, key=lambda key: intervals[key], reverse=True)
    return first if all(intervals[other][1] < intervals[first][0] for other in others) else None


def _switches(summary: Summary) -> str:
    busiest = _ranked(summary.totals)
    close, likeliest = (
        (
            "{{space.near_threshold_share}} of all classified people are close to the line. ",
            " those close to the line switch first.",
        )
        if summary.rule.boundary_share > 0
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

    Some signs could be taken for Markdown or for the end of the sentence.
    """
    as_it_is = name == printable(name) == html.unescape(name)
    return as_it_is and bool(_ORDINARY.fullmatch(name))


def _quoted(name: str) -> str:
    return f"“{name}”"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
