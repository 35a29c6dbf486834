"""The template engine, set up twice: for HTML, and for Markdown, where escaping is our own."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from persona.model import label, plain
from persona.wording import window
from persona.write import figures, prose, words

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
        "count": figures.count,
        "decimal": figures.decimal,
        "exact": figures.exact,
        "percent": figures.percent,
        "interval": figures.interval,
        "points": figures.points,
        "money": figures.money,
        "date": figures.date,
        "since": figures.since,
        "clip": prose.clip,
        "unmarked": prose.unmarked,
        "label": label,
        "plain": plain,
        "window": window,
    }
    environment.globals |= {"words": words}
    return environment
