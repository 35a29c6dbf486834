"""The template engine, set up twice: for HTML, and for Markdown, where escaping is our own."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from persona import wording
from persona.write import charts, overview, prose, words

ROOM = Path(__file__).parent


@cache
def template(name: str) -> Template:
    """A template of this room, compiled once a process.

    Whatever it writes is escaped as HTML or XML; in Markdown it becomes one inert line, unless it is `Inert`.
    """
    in_markdown = name.endswith(".md")

    def as_line(value: object) -> str:
        return value if isinstance(value, prose.Inert) else prose.markdown_line(value)

    environment = Environment(
        loader=FileSystemLoader(ROOM),
        autoescape=not in_markdown,  # noqa: S701 - Markdown has its own escaping, in `finalize`
        finalize=as_line if in_markdown else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    figures = (
        wording.count,
        wording.decimal,
        wording.percent,
        wording.interval,
        wording.points,
        wording.money,
    )
    environment.filters |= {written.__name__: _figure(written) for written in figures}
    words_ = (wording.date, wording.since, wording.label, wording.plain, wording.window)
    environment.filters |= {written.__name__: written for written in (*words_, prose.clip, prose.unmarked)}
    environment.filters["counted"] = lambda channel, rule: wording.activity(channel, rule.channels[channel])
    environment.globals |= {"words": words, "charts": charts, "overview": overview}
    return environment.get_template(name)


def _figure(written: Callable[..., str]) -> Callable[..., str]:
    """The same filter, with a dash for what the data does not hold, and no line break within a figure."""
    return lambda value, *how: (
        "\N{EN DASH}" if value is None else written(value, *how).replace(" ", "\N{NO-BREAK SPACE}")
    )
