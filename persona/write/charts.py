"""Where everything in a chart stands: positions and widths in per cent of the chart's width.

A chart is as wide as its page, from a phone to paper, and its text keeps its size: so nothing is scaled, and
all that is measured in pixels is what fits into a bar on the narrowest phone.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from persona import wording
from persona.model import Framework, Pattern, PatternDrift, Rule, dominant
from persona.wording import plain
from persona.write.overview import mostly

# A chart on a phone 390 pixels wide, and an average character of a bar's label.
NARROWEST_PIXELS = 330
CHARACTER_PIXELS = 7.5
# A row's name and its figures share a line of the narrowest chart.
NAME_CHARACTERS = 34
# How wide half of a portrait is, of 32.
SHOULDERS = 30
# Ticks stand at a step that leaves three to six of them.
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
MOST_TICKS = 6


class Segment(NamedTuple):
    """A piece of a bar; `slot` is the channel's colour."""

    x: float
    width: float
    slot: int
    text: str


class Mix(NamedTuple):
    name: str
    segments: list[Segment]


class Estimate(NamedTuple):
    """A row with a share and its interval."""

    name: str
    text: str
    at: float
    low: float
    high: float
    slot: int


class Pair(NamedTuple):
    """A row with two shares on one axis; a side is None where there is nothing to mark."""

    name: str
    text: str
    first: float | None
    second: float | None
    slot: int


class Arc(NamedTuple):
    """A half disc of a drawn portrait, the widest first."""

    radius: float
    slot: int


class Axis(NamedTuple):
    end: float
    ticks: list[tuple[float, str]]

    def at(self, share: float) -> float:
        """A share's place in per cent of the width."""
        return round(100 * min(max(share / self.end, 0.0), 1.0), 2)


def short(name: str, characters: int = NAME_CHARACTERS) -> str:
    """A name that fits, with an ellipsis where it was cut."""
    return name if len(name) <= characters else name[: characters - 1].rstrip() + "…"


def slot(pattern_key: str, rule: Rule) -> int:
    """The colour of a pattern: its channel's, 1 to 8, or 0 where no channel dominates."""
    keys = [dominant(channel) for channel in rule.channels]
    return keys.index(pattern_key) + 1 if pattern_key in keys else 0


def axis(largest: float) -> Axis:
    """A scale from nothing to just above the largest share, with few round ticks."""
    step = next((step for step in STEPS if largest / step <= MOST_TICKS - 1), 0.25)
    steps = max(1, math.ceil(round(largest / step, 6)))
    end = steps * step
    return Axis(end, [(100 * i / steps, wording.percent(i * step, 0)) for i in range(steps + 1)])


def mix(pattern: Pattern, rule: Rule, name: str) -> Mix:
    """A pattern's activity as one full bar, divided among the channels."""
    return Mix(short(name), list(_segments(pattern, rule)))


def portrait(pattern: Pattern, rule: Rule) -> list[Arc]:
    """The shoulders of a drawn figure: a band a channel, as wide as its share of the activity."""
    radius, arcs = float(SHOULDERS), []
    for number, share in enumerate(mix_shares(pattern, rule), 1):
        if share > 0:
            arcs.append(Arc(round(radius, 1), number))
        radius -= SHOULDERS * share
    return arcs


def mix_shares(pattern: Pattern, rule: Rule) -> list[float]:
    """Each channel's share of a pattern's activity, in the rule's order."""
    amounts = [pattern.avg_activity.get(channel, 0.0) for channel in rule.channels]
    whole = sum(amounts)
    return [amount / whole if whole > 0 else 0.0 for amount in amounts]


def _segments(pattern: Pattern, rule: Rule) -> Iterator[Segment]:
    x = 0.0
    for index, (channel, share) in enumerate(zip(rule.channels, mix_shares(pattern, rule), strict=True), 1):
        if share > 0:
            yield Segment(round(x, 2), round(100 * share, 2), index, _fitting(plain(channel), share))
        x += 100 * share


def _fitting(name: str, share: float) -> str:
    """As much of `name 46 %` as fits into its piece of the bar."""
    figure = wording.percent(share, 0)
    room = share * NARROWEST_PIXELS / CHARACTER_PIXELS - 2
    return next((text for text in (f"{name} {figure}", figure) if len(text) <= room), "")


def intervals(framework: Framework) -> tuple[Axis, list[Estimate]]:
    """The patterns' shares with their intervals, on an axis just long enough."""
    scale = axis(max(pattern.share_ci95[1] for pattern in framework.patterns))
    return scale, [
        Estimate(
            short(mostly(pattern.key, framework.rule)),
            wording.percent(pattern.share),
            scale.at(pattern.share),
            scale.at(pattern.share_ci95[0]),
            scale.at(pattern.share_ci95[1]),
            slot(pattern.key, framework.rule),
        )
        for pattern in framework.patterns
    ]


def values(framework: Framework) -> tuple[Axis, list[Pair]]:
    """Each pattern's share of the people against its share of their lifetime value."""
    rows = [(pattern, pattern.ltv_share) for pattern in framework.patterns]
    known = [(pattern, ltv_share) for pattern, ltv_share in rows if ltv_share is not None]
    scale = axis(max((share for pattern, ltv in known for share in (pattern.share, ltv)), default=1.0))
    return scale, [
        Pair(
            short(mostly(pattern.key, framework.rule)),
            f"{wording.percent(pattern.share, 0)} → {wording.percent(ltv_share, 0)}",
            scale.at(pattern.share),
            scale.at(ltv_share),
            slot(pattern.key, framework.rule),
        )
        for pattern, ltv_share in known
    ]


def changes(rows: Sequence[PatternDrift], rule: Rule) -> tuple[Axis, list[Pair]]:
    """Each pattern's share then and now."""
    sides = [side for row in rows for side in (row.share_before, row.share_after) if side is not None]
    scale = axis(max(sides, default=1.0))
    return scale, [
        Pair(
            short(mostly(row.pattern, rule)),
            wording.points(row.share_change),
            None if row.share_before is None else scale.at(row.share_before),
            None if row.share_after is None else scale.at(row.share_after),
            slot(row.pattern, rule),
        )
        for row in rows
    ]
