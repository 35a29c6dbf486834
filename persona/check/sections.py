"""An answer read: which stretch of it speaks of which pattern and section, and what it left out.

The answer is cut at the marks of its `outline` into stretches. Markdown within a section is kept as written.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from persona.check import titles
from persona.check.outline import Mark, outline
from persona.errors import Invalid
from persona.model import (
    OMNICHANNEL,
    SECTIONS,
    STRATEGY_SECTIONS,
    Passage,
    Persona,
    Reading,
    Strategy,
    Summary,
    dominant,
)

# A framework has some 20,000 characters; beyond this many no title is looked for, so that hostile Markdown
# takes seconds at most. What lies beyond becomes one last passage that belongs nowhere.
MOST_CHARACTERS = 2**17

# Thematic breaks and the underlines of headings, around a section's text.
_LINES_AROUND = re.compile(
    r"\A(?:\s*(?:-{3,}|={3,}|\*{3,}|_{3,})[ \t]*(?:\n|\Z))+|(?:(?:\A|\n)\s*(?:-{3,}|\*{3,}|_{3,})\s*)+\Z"
)

_Said = TypeVar("_Said", Persona, Strategy)


class _Stretch(NamedTuple):
    """A mark with the lines up to the next one."""

    mark: Mark
    lines: list[str]


def read(narrative: str, summary: Summary, *, goes_on: bool = False) -> Reading:
    """The answer's personas (in the rule's order), its strategy, and the sections that it left out.

    Patterns that the summary does not show are kept as the author's words, but none of theirs is missing. Of
    an answer longer than `MOST_CHARACTERS` only so much is searched. An answer that `goes_on` with another
    may be about the strategy alone.

    Raises:
        Invalid: not one of the summary's patterns can be found.
    """
    lines, marks = outline(narrative[:MOST_CHARACTERS], summary.rule.channels)
    keys = [pattern.key for pattern in summary.patterns]
    found = {mark.pattern for mark in marks if mark.pattern}
    if not goes_on and not found.intersection(keys):
        raise Invalid(
            "mave",
            f"expected an answer with a heading for at least one of {', '.join(keys)}, got {len(narrative)} "
            "characters without; the raw answer is kept in the run's folder: read it there",
        )
    stretches = list(_stretches(lines, marks))
    passages = [passage for stretch in stretches for passage in _passages(stretch)]
    if narrative[MOST_CHARACTERS:]:
        passages.append(Passage(text=narrative[MOST_CHARACTERS:]))
    personas = [_persona(key, stretches) for key in _order(summary) if key in found]
    strategy = _strategy(stretches)
    return Reading(
        personas=personas,
        strategy=strategy,
        passages=passages,
        missing_sections=_missing(personas, strategy, summary),
    )


def asks_back(narrative: str, summary: Summary) -> bool:
    """Whether the answer is a clarifying question: one is asked, and no pattern or section is titled."""
    _, marks = outline(narrative[:MOST_CHARACTERS], summary.rule.channels)
    titled = any(mark.pattern or mark.section for mark in marks)
    return not titled and re.search(r"[?\uff1f\u061f](?![\w=&/])", narrative[:MOST_CHARACTERS]) is not None


def merge(first: Reading, second: Reading, summary: Summary) -> Reading:
    """The first answer with what it lacked taken from the second; nothing of the first is overwritten."""
    personas = {persona.pattern: persona for persona in second.personas}
    for persona in first.personas:
        personas[persona.pattern] = _filled(persona, personas.get(persona.pattern))
    ordered = [personas[key] for key in _order(summary) if key in personas]
    strategy = _filled(first.strategy, second.strategy)
    return Reading(
        personas=ordered,
        strategy=strategy,
        passages=[*first.passages, *second.passages],
        missing_sections=_missing(ordered, strategy, summary),
    )


def _filled(kept: _Said, other: _Said | None) -> _Said:
    empty = [field for field in kept.__struct_fields__ if getattr(kept, field) is None]
    return replace(kept, **{field: getattr(other, field) for field in empty}) if other else kept


def _order(summary: Summary) -> list[str]:
    return [*map(dominant, summary.rule.channels), OMNICHANNEL]


def _stretches(lines: list[str], marks: list[Mark]) -> Iterator[_Stretch]:
    """All lines of the answer, cut at its marks."""
    starts = [Mark(0), *marks] if not marks or marks[0].at > 0 else marks
    for mark, end in zip(starts, [*(mark.at for mark in starts[1:]), len(lines)], strict=True):
        yield _Stretch(mark, lines[mark.at : end])


def _passages(stretch: _Stretch) -> list[Passage]:
    """A stretch with its place; a pattern's title and the description below it are two."""
    mark, lines = stretch
    cuts = [lines[:1], lines[1:]] if mark.opens and not mark.section else [lines]
    sections = ["name", "description"] if len(cuts) > 1 else [mark.section]
    return [
        Passage(text="\n".join(cut) + "\n", pattern=mark.pattern, section=section)
        for cut, section in zip(cuts, sections, strict=True)
        if cut
    ]


def _said(stretch: _Stretch) -> str:
    """What a stretch says after its title; nothing where there are but marks."""
    below = textwrap.dedent("\n".join(stretch.lines[1:]))
    text = _LINES_AROUND.sub("", f"{stretch.mark.rest}\n{below}").strip()
    return text if any(map(str.isalnum, text)) else ""


def _text(section: str, stretches: Iterable[_Stretch]) -> str | None:
    """All that is said under one section; where it was said under several labels, with these."""
    said = [
        (stretch.mark.label, text)
        for stretch in stretches
        if stretch.mark.section == section and (text := _said(stretch))
    ]
    if len(said) > 1:
        said = [(label, f"**{label}:** {text}" if label else text) for label, text in said]
    return "\n\n".join(text for _, text in said) or None


def _persona(key: str, stretches: list[_Stretch]) -> Persona:
    mine = [stretch for stretch in stretches if stretch.mark.pattern == key]
    name = next((stretch.mark.name for stretch in mine if stretch.mark.name), None)
    described = []
    for stretch in mine:
        if stretch.mark.section == "name":
            found, rest = titles.split_name(_said(stretch))
            described.append(_said(stretch) if found and name and found != name else rest)
            name = name or found
        elif stretch.mark.section == "description" or (stretch.mark.opens and not stretch.mark.section):
            described.append(_said(stretch))
    description = "\n\n".join(filter(None, described))
    if not name:
        name, description = titles.leading_name(description)
    sections = {section: _text(section, mine) for section in SECTIONS if section != "description"}
    return Persona(pattern=key, name=name, description=description or None, **sections)


def _strategy(stretches: list[_Stretch]) -> Strategy:
    shared = [stretch for stretch in stretches if stretch.mark.pattern is None]
    return Strategy(**{section: _text(section, shared) for section in STRATEGY_SECTIONS})


def _missing(personas: Iterable[Persona], strategy: Strategy, summary: Summary) -> list[str]:
    by_pattern = {persona.pattern: persona for persona in personas}
    wanted = [(pattern.key, section) for pattern in summary.patterns for section in ("name", *SECTIONS)]
    return [
        *(
            f"{key}/{section}"
            for key, section in wanted
            if getattr(by_pattern.get(key), section, None) is None
        ),
        *(f"strategy/{section}" for section in STRATEGY_SECTIONS if getattr(strategy, section) is None),
    ]
