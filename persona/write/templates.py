"""The template engine: for HTML and XML, for Markdown, where escaping is our own, and for plain sentences."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from persona import wording
from persona.write import charts, escaping, overview

ROOM = Path(__file__).parent
_FIGURES = "count", "decimal", "exact", "percent", "interval", "points", "money"
_ESCAPING = "clip", "unmarked", "one_line", "shorten", "markdown_block", "Inert"
_WORDS = "date", "label", "plain", "window"


@cache
def template(name: str) -> Template:
    """A template of this room, compiled once a process.

    Whatever it writes is escaped as HTML or XML; in Markdown it becomes one inert line, unless it is `Inert`.
    """
    kind = name.rpartition(".")[2]
    environment = Environment(
        loader=FileSystemLoader(ROOM),
        autoescape=kind in {"html", "xml"},  # noqa: S701 - Markdown has its own escaping, in `finalize`
        finalize=escaping.markdown_line if kind == "md" else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {name: getattr(wording, name) for name in (*_FIGURES, *_WORDS)}
    environment.filters |= {name: getattr(escaping, name) for name in _ESCAPING}
    environment.filters["counted"] = lambda channel, rule: wording.activity(channel, rule.channels[channel])
    environment.globals |= {"charts": charts, "overview": overview}
    if kind != "txt":
        environment.filters |= {name: _figure(getattr(wording, name)) for name in _FIGURES}
        environment.globals["say"] = sentences()
    return environment.get_template(name)


def sentences() -> Any:
    """The macros and texts of `sentences.txt`, as functions and strings."""
    return template("sentences.txt").module


def _figure(written: Callable[..., str]) -> Callable[..., str]:
    """The same filter, with a dash for what the data does not hold, and no line break within a figure."""
    return lambda value, *how: (
        "\N{EN DASH}" if value is None else written(value, *how).replace(" ", "\N{NO-BREAK SPACE}")
    )
