"""Where everything in a chart stands: positions and widths in per cent of the chart's width.

A chart is as wide as its page, from a phone to paper, and its text keeps its size: so nothing is scaled, and
all that is measured in pixels is what fits into a bar on the narrowest phone.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from persona import wording
from persona.model import Pattern, Rule, dominant
from persona.wording import plain

# A chart on a phone 390 pixels wide, and an average character of a bar's label.
NARROWEST_PIXELS, CHARACTER_PIXELS = 330, 7.5
# How wide half of a portrait is, of 32.
SHOULDERS = 30
# Ticks stand at a step that leaves three to six of them.
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
MOST_TICKS = 6


class Axis(NamedTuple):
    end: float
    ticks: list[tuple[float, str]]

    def at(self, share: float | None) -> float | None:
        """A share's place in per cent of the width; None where there is nothing to mark."""
        return None if share is None else round(100 * min(max(share / self.end, 0.0), 1.0), 2)


def axis(shares: Iterable[float | None]) -> Axis:
    """A scale from nothing to just above the largest share, with few round ticks."""
    largest = max(share or 0.0 for share in shares)
    step = next((step for step in STEPS if largest / step <= MOST_TICKS - 1), STEPS[-1])
    steps = max(1, math.ceil(round(largest / step, 6)))
    return Axis(steps * step, [(100 * i / steps, wording.percent(i * step, 0)) for i in range(steps + 1)])


def slot(pattern_key: str, rule: Rule) -> int:
    """The colour of a pattern: its channel's, 1 to 8, or 0 where no channel dominates."""
    keys = [dominant(channel) for channel in rule.channels]
    return keys.index(pattern_key) + 1 if pattern_key in keys else 0


def mix(pattern: Pattern, rule: Rule) -> list[float]:
    """Each channel's share of a pattern's activity, in the rule's order."""
    amounts = [pattern.avg_activity.get(channel, 0.0) for channel in rule.channels]
    whole = sum(amounts)
    return [amount / whole if whole > 0 else 0.0 for amount in amounts]


def portrait(pattern: Pattern, rule: Rule) -> Iterator[tuple[float, int]]:
    """The shoulders of a drawn figure, the widest first: a half disc's radius and its channel's colour."""
    radius = float(SHOULDERS)
    for number, share in enumerate(mix(pattern, rule), 1):
        if share > 0:
            yield round(radius, 1), number
        radius -= SHOULDERS * share


def bar(pattern: Pattern, rule: Rule) -> Iterator[tuple[float, float, int, str]]:
    """A pattern's activity as one full bar: where each channel's piece begins, its width, colour and label.

    A label is as long as there is room for it on the narrowest phone.
    """
    x = 0.0
    for number, (channel, share) in enumerate(zip(rule.channels, mix(pattern, rule), strict=True), 1):
        figure = wording.percent(share, 0)
        room = share * NARROWEST_PIXELS / CHARACTER_PIXELS - 2
        text = next((text for text in (f"{plain(channel)} {figure}", figure) if len(text) <= room), "")
        if share > 0:
            yield round(x, 2), round(100 * share, 2), number, text
        x += 100 * share
