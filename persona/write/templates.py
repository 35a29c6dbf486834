"""The template engine, set up twice: for HTML, and for Markdown, where escaping is our own."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from persona import wording
from persona.write import charts, overview, prose, words

if TYPE_CHECKING:  # A cold start that renders nothing need not load the template engine.
    from jinja2 import Environment

ROOM = Path(__file__).parent


class Inert(str):
    """Markdown that a template may write as it is."""

    __slots__ = ()


@cache
def for_html() -> "Environment":
    """Templates in which whatever is written is escaped as HTML."""
    return _templates(autoescape=True)


@cache
def for_markdown() -> "Environment":
    """Templates in which whatever is written becomes one line without Markdown, unless it is `Inert`."""
    return _templates(autoescape=False, finalize=_as_line)


def _as_line(value: object) -> str:
    return value if isinstance(value, Inert) else prose.markdown_line(value)


def _templates(*, autoescape: bool, finalize: Callable[[object], str] | None = None) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - see TYPE_CHECKING above

    environment = Environment(
        loader=FileSystemLoader(ROOM),
        autoescape=autoescape,  # noqa: S701 - Markdown has its own escaping, in `finalize`
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "count": _figure(wording.count),
        "decimal": _figure(wording.decimal),
        "exact": wording.exact,
        "percent": _figure(wording.percent),
        "interval": _figure(wording.interval),
        "points": _figure(wording.points),
        "money": _figure(wording.money),
        "date": wording.date,
        "since": wording.since,
        "clip": prose.clip,
        "unmarked": prose.unmarked,
        "label": wording.label,
        "plain": wording.plain,
        "window": wording.window,
        "counted": lambda channel, rule: wording.activity(channel, rule.channels[channel]),
    }
    environment.globals |= {"words": words, "charts": charts, "overview": overview}
    return environment


def _figure(written: Callable[..., str]) -> Callable[..., str]:
    """The same filter, with a dash for what the data does not hold, and no line break within a figure."""
    return lambda value, *how: (
        "\N{EN DASH}" if value is None else written(value, *how).replace(" ", "\N{NO-BREAK SPACE}")
    )
