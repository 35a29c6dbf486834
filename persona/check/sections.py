"""An answer cut into its sections: `email_dominant/journey`, `strategy/consistency`, `web_dominant/name`."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from persona.check import titles
from persona.check.outline import Part, outline, unwrapped

# A framework has some 20,000 characters; beyond this many no title is looked for, so that hostile Markdown
# takes seconds at most. What lies beyond belongs to no section.
MOST_CHARACTERS = 2**17

STRATEGY = "strategy"


class Cut(NamedTuple):
    """An answer's sections by their path, and what stands outside of all."""

    sections: dict[str, str]
    outside: list[str]
    patterns: set[str]


def cut(text: str, channels: Sequence[str]) -> Cut:
    """The sections of one answer; where a section was said under several labels, with these."""
    lines = unwrapped(text[:MOST_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    parts = outline(lines, channels)
    starts = [Part(0), *parts] if not parts or parts[0].at > 0 else parts
    ends = [*(part.at for part in starts[1:]), len(lines)]
    stretches: dict[str, list[tuple[Part, str]]] = {}
    outside: list[str] = [text[MOST_CHARACTERS:]] if text[MOST_CHARACTERS:] else []
    for part, end in zip(starts, ends, strict=True):
        # Before the first part, the first line is no title.
        first = part.at + 1 if part in parts else part.at
        said = _said(part.rest, lines[first:end])
        section = part.section or ("description" if part.opens else None)
        if section and (said or part.opens):
            stretches.setdefault(f"{part.pattern or STRATEGY}/{section}", []).append((part, said))
        elif said:
            outside.append(said)
        if part.opens:
            stretches.setdefault(f"{part.pattern}/name", []).append((part, part.name or ""))
    return Cut(_sections(stretches), outside, {part.pattern for part in parts if part.pattern})


def _said(rest: str, below: Sequence[str]) -> str:
    """What a stretch says after its title, without thematic breaks around it."""
    lines = [rest, *textwrap.dedent("\n".join(below)).split("\n")]
    first, last = 0, len(lines)
    while first < last and _is_blank(lines[first]):
        first += 1
    while last > first and _is_blank(lines[last - 1]):
        last -= 1
    said = "\n".join(lines[first:last]).strip()
    return said if any(map(str.isalnum, said)) else ""


def _is_blank(line: str) -> bool:
    """Whether a line is empty, a thematic break, or the underline of a heading."""
    bare = line.strip()
    return not bare or (len(bare) > 2 and bare[0] in "-=*_" and not bare.strip(bare[0]))  # noqa: PLR2004 - `---`


def _sections(stretches: dict[str, list[tuple[Part, str]]]) -> dict[str, str]:
    sections: dict[str, str] = {}
    for path, said in stretches.items():
        pattern, _, section = path.partition("/")
        if section == "name":
            continue
        texts = [(part, text) for part, text in said if text]
        labelled = len(texts) > 1 and section != "description"
        joined = [
            f"**{part.label.strip(' :*')}:** {text}" if labelled and part.label else text
            for part, text in texts
        ]
        sections[path] = "\n\n".join(joined)
    for path, said in stretches.items():
        pattern, _, section = path.partition("/")
        if section == "name":
            _name(pattern, said, sections)
    return {path: text for path, text in sections.items() if text}


def _name(pattern: str, said: list[tuple[Part, str]], sections: dict[str, str]) -> None:
    """A persona's name: from its title, from under "Persona", or from its description's beginning."""
    description = sections.get(f"{pattern}/description", "")
    name = next((part.name for part, _ in said if part.opens and part.name), None)
    for part, text in said:
        if part.section == "name":
            found, rest = titles.split_name(text)
            description = "\n\n".join(
                filter(None, [text if found and name and found != name else rest, description])
            )
            name = name or found
    if not name:
        name, description = titles.split_name(description, marked=True)
    sections[f"{pattern}/description"] = description
    sections[f"{pattern}/name"] = name or ""
