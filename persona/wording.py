"""How the framework's parts are titled and its figures written: the same in question, answer and report."""

from persona.model import OMNICHANNEL, plain

# The headings that the question demands, the facts author writes and the reader knows best.
SECTION_TITLES = {
    "description": "Description",
    "why_dominant": "Why they prefer their channels",
    "reach_on_weak": "How to reach them on weaker channels",
    "journey": "Cross-channel journey",
    "formats": "Content formats",
    "risk": "Risk of losing them",
}
STRATEGY_TITLE = "Cross-Channel Strategy"
STRATEGY_TITLES = {
    "consistency": "Consistency and adaptation",
    "identity_resolution": "Identity resolution",
    "switch_moments": "Moments of switching",
}

# What a trait's name says that it counts: `emails_opened_30d` counts opens.
_COUNTED = {
    "session": "sessions",
    "visit": "visits",
    "open": "opens",
    "click": "clicks",
    "view": "views",
    "call": "calls",
}

# From here on a sum is written with its power of ten; no honest average is that large.
_HUGE = 1e15
# Below this, a sum is written with two decimals, so that its rounding stays small beside it.
_SMALL = 100


def percent(share: float) -> str:
    """A share between 0 and 1 in per cent with one decimal: `33.3 %`."""
    return f"{share * 100:.1f} %"


def decimal(amount: float) -> str:
    """An average with one decimal and thousands apart: `22.0`."""
    return f"{amount:,.1f}" if abs(amount) < _HUGE else f"{amount:.3g}"


def money(amount: float, currency: str) -> str:
    """A sum in the deployment's currency: `$1,450`, `$3.42`, `EUR 890`; cents only where they matter."""
    size = abs(amount)
    cents = size < _SMALL and not size.is_integer()
    figure = f"{size:.3g}" if size >= _HUGE else f"{size:,.2f}" if cents else f"{size:,.0f}"
    gap = " " if currency[-1].isalnum() else ""
    return f"{'-' if amount < 0 else ''}{currency}{gap}{figure}"


def window(days: int | None) -> str:
    """When what the traits count took place; an export may be of any age, so never "the last 30 days"."""
    return "in the traits' own window" if days is None else f"in {days} days"


def activity(channel: str, trait: str) -> str:
    """What people do on a channel, as its trait's name says: `web sessions`, `email opens`, `TV actions`."""
    parts = [part for part in trait.casefold().split("_") if part not in channel]
    counted = (noun for part in parts for stem, noun in _COUNTED.items() if part.startswith(stem))
    return f"{plain(channel)} {next(counted, 'actions')}"


def heading(label: str, name: str) -> str:
    """The heading of a pattern with its persona's name, as the question demands it."""
    return f"## {label} — “{name}”"


def dominating(key: str) -> str | None:
    """The channel that dominates a pattern; None for omnichannel."""
    return None if key == OMNICHANNEL else key.removesuffix("_dominant")
