"""An answer cut into its sections: `email_dominant/journey`, `strategy/consistency`, `web_dominant/name`.

One pass over the lines: each goes on with the place that is open, or is a title that begins another.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import NamedTuple

from persona.check import titles

# A framework has some 20,000 characters; beyond this many no title is looked for, so that hostile Markdown
# takes a second at most. What lies beyond belongs to no section.
MOST_CHARACTERS = 2**17

STRATEGY = "strategy"

# How strong a title is: headings by level, then a line of text, then list items by depth.
_LAST_HEADING, _TEXT = 6, 7
_LINE = re.compile(r"([ \t]{0,40})(?:(?<![ \t]{4})(#{1,6})[ \t]+|([-*+]|\d{1,3}[.)])[ \t]+)?(\S.*)")
_FENCE = re.compile(r"\s*+(`{3,}+(?!.*`)|~{3,}+)(.*)")
_RULER = re.compile(r"\s*([-*_=])\1{2,}\s*")
_WRAPPING = re.compile(r"```(?:markdown|md|text|txt|plaintext)?\s*", re.IGNORECASE)
# Words that may name what follows them: "Journey: …", all of a heading, "Persona — …", "**Journey:** …".
_LABEL = re.compile(r"([^:*|]{3,80}):(?:\s+(.*))?$")
_LABELS = (_LABEL, re.compile("(.*)()"), re.compile(r"(.{1,80}?)\s[-\u2010-\u2015]\s(.+)"))
_BOLD = re.compile(r"(?:\*\*|__)([^*]{2,200}?):?(?:\*\*|__)[\s:\u2010-\u2015-]*(.*)")
# What makes a label of bold words: a colon or stop at their end, a colon, dash or bracket behind, or nothing.
_RUNS_IN = re.compile(r"..[^*]{1,200}?(?:[:?.!]\s*(?:\*\*|__)|(?:\*\*|__)\s*(?:[:(\u2010-\u2015-]|$))")
_MOST_LABEL_WORDS = 8
_BEGINNING = {None, "name", "description"}
# Where a sentence goes on behind a persona's name.
_AFTER_A_NAME = re.compile(r"[.!?:,;](?=\s|$)|\s[-\u2010-\u2015/|]+\s|\s?[(\[]|\n")


class Cut(NamedTuple):
    """An answer's sections by their path, what stands outside of all, and the patterns that were titled."""

    sections: dict[str, str]
    outside: list[str]
    patterns: set[str]


@dataclass
class _Place:
    """Lines of one place of the framework; without an owner or a section, of none."""

    owner: str | None = None  # a pattern's key, or the strategy
    owner_rank: int = 0
    section: str | None = None
    rank: int = 0  # of its own title
    label: str = ""  # the title's words
    name: str | None = None  # of the persona
    opens: bool = False  # a pattern's own title began it
    lines: list[str] = field(default_factory=lambda: [""])  # the first: what follows on the title's own line

    @property
    def is_empty(self) -> bool:
        return not any(line.strip() for line in self.lines)

    @property
    def text(self) -> str:
        text = "\n".join([self.lines[0], dedent("\n".join(self.lines[1:]))]).strip()
        return text if any(map(str.isalnum, text)) else ""


class _Title(NamedTuple):
    """A line that may be a title."""

    rank: int
    text: str  # without the marks that made it a heading or an item
    whole: bool  # nothing but a title stands on it: a heading, or all bold or quoted
    labels: list[tuple[str, ...]]  # the words that may name what follows, and what does


def cut(text: str, channels: Sequence[str]) -> Cut:
    """The sections of one answer; where a section was said under several labels, with these."""
    keys = titles.pattern_names(channels)
    places = [_Place()]
    patterns: set[str] = set()
    fence = ""  # that is open
    for line in _unwrapped(text[:MOST_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n").split("\n")):
        place = places[-1]
        mark = _FENCE.fullmatch(line)
        if fence or mark:
            place.lines.append(line)
            ends = mark and mark[1].startswith(fence) and not mark[2].strip()
            fence = mark[1] if mark and not fence else "" if ends else fence
        elif not line.strip():
            # Blank lines at a beginning say nothing, and would be looked through at every title.
            place.lines += [] if place.is_empty else [line]
        elif _RULER.fullmatch(line):
            if place.section and not place.is_empty:
                places.append(_Place(place.owner, place.owner_rank))
        elif after := _next_place(_title(line), place, patterns, keys):
            places.append(after)
            patterns |= {after.owner or ""} if after.opens else set()
        else:
            place.lines.append(line)
    return _gathered(places, patterns)


def _unwrapped(lines: list[str]) -> list[str]:
    """The lines without a quotation or a fence that holds more than half of them."""
    if 2 * sum(line.lstrip(" ").startswith(">") for line in lines) > len(lines):
        lines = [line.lstrip(" ").removeprefix(">").removeprefix(" ") for line in lines]
    fences = [at for at, line in enumerate(lines) if line.startswith("```")]
    first, last = [*fences, len(lines), len(lines)][:2]
    if 2 * (last - first) > len(lines) and _WRAPPING.fullmatch(lines[first]):
        # What follows the fence is no part of its last section: a thematic break ends that.
        lines = [*lines[:first], *lines[first + 1 : last], "***", *lines[last + 1 :]]
    return lines


def _title(line: str) -> _Title:
    match = _LINE.match(line)
    indent, level, item, text = match.groups("") if match else ("", "", "", line)
    if level:
        text = text.rstrip(" \t#")
        labels = [label.groups("") for form in _LABELS if (label := form.match(text))]
        return _Title(len(level), text, whole=True, labels=labels)
    rank = _TEXT + bool(item) + len(indent) // 2
    if bold := _BOLD.match(text):
        words, _, inner = bold[1].partition(":")
        is_label = inner or _RUNS_IN.match(text)
        return _Title(rank, text, not bold[2], [(words, f"{inner} {bold[2]}".strip())] if is_label else [])
    label = _LABEL.match(text)
    first, *others = (titles.plain_words(label[1]) if label else "").split() or [""]
    is_label = len(others) < _MOST_LABEL_WORDS and titles.entry(titles.SECTIONS, first)
    is_quoted = titles.QUOTED.fullmatch(text.strip("*_ ")) is not None
    return _Title(rank, text, is_quoted, [label.groups("")] if label and is_label else [])


def _next_place(title: _Title, place: _Place, patterns: set[str], keys: Mapping[str, str]) -> _Place | None:
    """What a title begins, by the place where it stands; None where it is only text there."""
    above = not place.owner or title.rank <= place.owner_rank
    is_heading = title.rank <= _LAST_HEADING
    if pattern := titles.pattern_title(title.text.replace("*", ""), keys):
        is_title = is_heading or pattern.quoted or (title.whole and title.rank == _TEXT)
        # A pattern may also stand on the line below its persona's name.
        below = place if place.name and not (is_heading or place.owner) and place.is_empty else None
        if below or (is_title and (above or (is_heading and pattern.key not in patterns))):
            rank, name = (below.rank, below.name) if below else (title.rank, None)
            return _Place(pattern.key, rank, pattern.section, rank, name=pattern.name or name, opens=True)
    for words, rest in title.labels:
        strategy = title.rank <= _TEXT and titles.entry(titles.STRATEGY, words)
        if strategy == "wide" or (strategy and above):
            point = titles.entry(titles.POINTS, words)
            return _Place(STRATEGY, title.rank, point, title.rank, words, lines=[rest])
        table = titles.POINTS if place.owner == STRATEGY else titles.SECTIONS
        section = titles.entry(table, words) if place.owner else None
        # A title below the open one's rank is text of its section; so is a later "profile" or "overview".
        fits = title.rank <= place.rank and section not in _BEGINNING
        if section and (fits or place.section in _BEGINNING):
            return _Place(place.owner, place.owner_rank, section, title.rank, words, lines=[rest])
    name = titles.as_name(title.text) if title.whole else None
    if name and place.opens and not place.name and place.is_empty:
        return replace(place, name=name, lines=[""])
    if is_heading and above:
        return _Place(rank=title.rank, name=name)
    ends = is_heading and place.section and title.rank <= place.rank
    return _Place(place.owner, place.owner_rank) if ends else None


def _gathered(places: Sequence[_Place], patterns: set[str]) -> Cut:
    texts: dict[str, list[tuple[str, str]]] = defaultdict(list)  # path -> labels and texts
    names: dict[str, str] = {}
    outside: list[str] = []
    for one in places:
        section, text, name = one.section or ("description" if one.opens else None), one.text, one.name
        path = f"{one.owner}/name"
        if section == "name":
            name = titles.as_name(_AFTER_A_NAME.split(text.lstrip("*_ "), maxsplit=1)[0])
        if name and one.owner:
            names.setdefault(path, name)
        if section == "name":  # what stands below the name, or goes on behind it, describes
            first, _, below = text.partition("\n")
            is_name = titles.as_name(first) == names.get(path, "")
            section, text = "description", below.strip() if is_name else text
        if text and section:
            texts[f"{one.owner}/{section}"].append((one.label, text))
        elif text:
            outside.append(text)
    sections = names
    for path, parts in texts.items():
        is_labelled = len(parts) > 1 and not path.endswith("/description")
        said = (
            f"**{label.strip(' :*')}:** {text}" if is_labelled and label else text for label, text in parts
        )
        sections[path] = "\n\n".join(said)
    return Cut(sections, outside, patterns)
