"""The framework worded without Mave: every section by rules, from the summary's figures alone.

Two kinds of sentences and nothing else: figures, written as names like Mave's, and rules of thumb, which are
called so. A pattern's sections speak of its own figures and those of all people, never of another pattern's.
The sentences stand in `without_mave.md`; here stands what they depend on.
"""

import re
from typing import NamedTuple

from persona import wording
from persona.mave import prompt
from persona.model import OMNICHANNEL, Group, Pattern, Summary, dominant
from persona.wording import Slugs, label, slugs_of

# From here on a group's average LTV is called high, and down to here low, beside that of all people.
_HIGH, _LOW = 1.25, 0.8
# Of a group's activity on one channel: from here on its loss would take by far the most of it.
_BY_FAR = 0.75
# Of a group: from here on many of its people are hard to recognise on another channel.
_MANY = 0.5
# Of a group's activity: from here on a channel is worth sending to of one's own accord.
_WORTH_SENDING = 0.2


def write(summary: Summary) -> str:
    """The complete framework in Markdown, in the form that Mave is asked for, figures as names in braces.

    The same summary gives the same words.
    """
    slugs = slugs_of(summary)
    totals = _People(summary.totals, summary, slugs)
    gaps = [one.label for one in summary.patterns if (one.few_identities_share or 0) > _MANY]
    text = prompt.TEMPLATES.get_template("without_mave.md").render(
        patterns=[_People(pattern, summary, slugs) for pattern in summary.patterns],
        totals=totals,
        listed=_listed,
        heading=wording.heading,
        titles=wording.SECTION_TITLES,
        strategy_title=wording.STRATEGY_TITLE,
        strategy_titles=wording.STRATEGY_TITLES,
        window=wording.window(summary.rule.window_days),
        channels=[label(channel) for channel in summary.rule.channels],
        has_omnichannel=any(pattern.key == OMNICHANNEL for pattern in summary.patterns),
        # Where it is so everywhere, there is nowhere to begin.
        gaps=gaps if len(gaps) < len(summary.patterns) else [],
        is_close=summary.rule.boundary_share > 0,
        near="{{space.near_threshold_share}}",
    )
    return re.sub(r"[ \n]*\n\n\n+", "\n\n", text) + "\n"


class _Channel(NamedTuple):
    key: str
    title: str
    amount: str  # the name of the figure, and what it counts
    is_used: bool
    share: float  # of the group's activity


class _People:
    """A group of people as the sentences speak of it."""

    def __init__(self, group: Group, summary: Summary, slugs: Slugs) -> None:
        self.group, self._totals = group, summary.totals
        self._key = group.key if isinstance(group, Pattern) else "all"
        self.title = label(self._key)
        activity = group.avg_activity
        channels = {
            channel: _Channel(
                channel,
                label(channel),
                f"{self.fact(f'avg_{slugs.activities[channel]}')} {wording.activity(channel, trait)}",
                activity[channel] > 0,
                activity[channel] / (sum(activity.values()) or 1.0),
            )
            for channel, trait in summary.rule.channels.items()
        }
        self.amounts = [channel.amount for channel in channels.values()]
        # Most used first; a tie keeps the rule's order.
        ranked = [channels[channel] for channel in sorted(activity, key=lambda one: -activity[one])]
        self.strongest, self.others = ranked[0], ranked[1:]
        self.main = {dominant(one): channel for one, channel in channels.items()}.get(self._key)
        self.beside_main = [channel.amount for channel in ranked if channel is not self.main]
        self.active = [channel.title for channel in ranked if channel.is_used]
        self.worth_sending = [channel for channel in self.others if channel.share >= _WORTH_SENDING]
        self.hardly_used = [f"**{one.title}**" for one in self.others if one.share < _WORTH_SENDING]
        self.lacks_identifiers = (group.few_identities_share or 0) > _MANY

    def fact(self, name: str) -> str:
        """A figure of the group, by its name."""
        return f"{{{{{self._key}.{name}}}}}"

    @property
    def adjective(self) -> str:
        """What sets its people apart most from all: LTV first, then how few identifiers they have."""
        own, totals = self.group, self._totals
        usual = totals.avg_ltv or 0
        if usual > 0 and own.avg_ltv is not None:
            low, high = own.avg_ltv_ci95 or (own.avg_ltv, own.avg_ltv)
            if own.avg_ltv >= _HIGH * usual and low > usual:
                return "High-Value"
            if own.avg_ltv <= _LOW * usual and high < usual:
                return "Light-Spending"
        if (own.few_identities_share or 0) > max(_MANY, totals.few_identities_share or 0):
            return "Lightly Linked"
        return "Steady"

    @property
    def grade(self) -> str:
        """The risk of losing them, with what it goes by."""
        if not self.main:
            return "Low: no channel holds most of their activity"
        share = self.strongest.share
        grade = "High" if share >= _BY_FAR else "Medium"
        part = "by far the most" if share >= _BY_FAR else "most" if share > 1 / 2 else "the largest part"
        return f"{grade}: {part} of their activity is on {self.strongest.title}"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
