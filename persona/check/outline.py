"""An answer's lines, cut where another pattern, section or point of the strategy begins.

One answer titles its parts in one way, mostly; so it is gone through twice: once to learn how strong the
titles of each part are, once more to leave out what is weaker. A bullet `**Format:**` under "How to reach
them" is no section where a heading "Content formats" exists.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from persona.check import titles
from persona.model import SECTIONS, STRATEGY_SECTIONS

# How strong a title is: headings by level, then a line of text, then list items by depth.
LAST_HEADING = 6
TEXT = 7
# An answer is taken out of a fence or quotation around it, and out of one around that, and no further.
_MOST_WRAPPINGS = 3
_PLAIN_FENCES = {"", "markdown", "md", "text", "txt", "plaintext"}

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_ITEM = re.compile(r"([ \t]{0,40})(?:[-*+]|(\d{1,3})[.)])[ \t]+(\S.*)")
_BOLD = re.compile(r"(\*\*|__)([^*\n]{2,200}?)\1[ \t]*(.*)")
_LABEL = re.compile(r"([^:*|]{3,80}):(?:[ \t]+(.*))?\Z")


class Line(NamedTuple):
    """A line that may be a title."""

    at: int
    text: str = ""  # without the marks that made it a heading or an item
    rank: int = TEXT
    closes: bool = False  # a heading for certain, which ends what stands above it
    is_break: bool = False  # a thematic break
    ordinal: int | None = None  # its number, where it begins an item of a numbered list


class Part(NamedTuple):
    """A line with which another place of the framework begins; without any place, the outside."""

    at: int
    rank: int = 0
    pattern: str | None = None
    section: str | None = None
    opens: bool = False  # the pattern's own title
    certain: bool = True  # a title that can be nothing else
    name: str | None = None
    label: str = ""  # a section's title, as written
    rest: str = ""  # what stands on the title's own line after it


def unwrapped(lines: list[str]) -> list[str]:
    """The lines without a fence or quotation that holds more than half of them."""
    for _ in range(_MOST_WRAPPINGS):
        fences = [at for at, line in enumerate(lines) if line.startswith("```")]
        quoted = sum(line.lstrip(" ").startswith(">") for line in lines)
        if 2 * quoted > len(lines):
            lines = [line.lstrip(" ").removeprefix(">").removeprefix(" ") for line in lines]
        elif fences and lines[fences[0]][3:].strip().lower() in _PLAIN_FENCES:
            end = fences[1] if len(fences) > 1 else len(lines)
            if 2 * (end - fences[0]) <= len(lines):
                break
            # What follows the fence is no part of its last section: a thematic break ends that.
            lines = [*lines[: fences[0]], "", *lines[fences[0] + 1 : end], "***", *lines[end + 1 :]]
        else:
            break
    return lines


def lines_of(lines: Sequence[str]) -> Iterator[Line]:
    """Every line outside code that may be a title, with its strength as one."""
    fence = ""
    for at, line in enumerate(lines):
        text = line.strip()
        if text[:3] in {"```", "~~~"} and (not fence or text == fence):
            fence = "" if fence else text[:3]
        elif fence or not text:
            continue
        elif heading := _HEADING.match(line):
            yield Line(at, heading[2].rstrip(" \t#"), len(heading[1]), closes=True)
        elif _is_ruler(text, "-*_="):
            yield Line(at, is_break=True)
        elif (
            at + 1 < len(lines)
            and _is_ruler(lines[at + 1].strip(), "-=")
            and not (at and lines[at - 1].strip())
        ):
            # Dashes below a short line may have been meant as a thematic break: such a heading ends nothing.
            yield Line(at, text, 2 if "-" in lines[at + 1] else 1, closes="=" in lines[at + 1])
        elif item := _ITEM.match(line):
            yield Line(at, item[3], TEXT + 1 + len(item[1]) // 2, ordinal=int(item[2]) if item[2] else None)
        else:
            yield Line(at, text, TEXT + (len(line) - len(line.lstrip())) // 2)


def _is_ruler(text: str, characters: str) -> bool:
    return len(text) > 2 and text[0] in characters and not text.strip(text[0])  # noqa: PLR2004 - `---`


def outline(lines: Sequence[str], channels: Iterable[str]) -> list[Part]:
    """The parts of an answer in order."""
    candidates = list(lines_of(lines))
    strongest: dict[tuple[str | None, str | None], int] = {}
    for part in _Walk(lines, channels, {}).through(candidates):
        place = (part.pattern, part.section)
        strongest[place] = min(part.rank, strongest.get(place, part.rank))
    parts = _Walk(lines, channels, strongest).through(candidates)
    meant = {
        part.pattern for part in parts if part.pattern and (part.certain if part.opens else part.section)
    }
    parts = [part for part in parts if part.pattern is None or part.pattern in meant]
    return sorted([*parts, *_numbered(candidates, parts)], key=lambda part: part.at)


class _Walk:
    """A way down the answer, with what is open at each point of it."""

    def __init__(
        self,
        lines: Sequence[str],
        channels: Iterable[str],
        strongest: dict[tuple[str | None, str | None], int],
    ) -> None:
        self._lines = lines
        self._channels = channels
        self._strongest = strongest
        self._parts: list[Part] = []
        self._seen: set[str] = set()  # patterns
        self._sections: set[str] = set()  # of the open pattern
        self._pattern: str | None = None
        self._section: str | None = None
        self._pattern_rank = self._strategy_rank = self._section_rank = 0

    def through(self, candidates: Iterable[Line]) -> list[Part]:
        for line in candidates:
            if line.is_break:
                if self._section and self._text_since_last(line):
                    self._leave_section(line)
            elif not (
                self._enters_pattern(line) or self._enters_strategy(line) or self._enters_section(line)
            ):
                self._passes_heading(line)
        return self._parts

    def _enters_pattern(self, line: Line) -> bool:
        part = _pattern_part(line, self._channels)
        if not part or not part.pattern or not self._may_open(part.pattern, line.rank):
            return False
        self._pattern, self._pattern_rank, self._strategy_rank = part.pattern, line.rank, 0
        self._section, self._section_rank = part.section, line.rank
        self._sections = {part.section} if part.section else set()
        self._seen.add(part.pattern)
        self._parts.append(part)
        return True

    def _may_open(self, pattern: str, rank: int) -> bool:
        """Within the strategy, patterns are spoken of without being titles."""
        new = pattern not in self._seen
        if rank > self._strongest.get((pattern, None), rank):
            return False
        if self._strategy_rank:
            return rank <= self._strategy_rank or (new and (rank <= LAST_HEADING or not self._seen))
        return self._pattern is None or rank <= self._pattern_rank or (rank <= LAST_HEADING and new)

    def _enters_strategy(self, line: Line) -> bool:
        label = _label(line) if line.rank <= TEXT else None
        within = self._pattern is not None and line.rank > self._pattern_rank
        if not label or not titles.opens_strategy(label[0], within_pattern=within):
            return False
        self._open_strategy(line)
        self._parts.append(Part(line.at, line.rank, label=label[0], rest=label[1]))
        return True

    def _open_strategy(self, line: Line) -> None:
        self._pattern, self._strategy_rank, self._section, self._section_rank = None, line.rank, None, 0

    def _enters_section(self, line: Line) -> bool:
        label = _label(line)
        section = self._meaning(label[0], line) if label else None
        if not label or not section or not self._fits(section, line):
            return False
        self._section, self._section_rank = section, line.rank
        self._sections.add(section)
        self._parts.append(Part(line.at, line.rank, self._pattern, section, label=label[0], rest=label[1]))
        return True

    def _meaning(self, words: str, line: Line) -> str | None:
        """The section that a title names here, entering the strategy where it can only be meant."""
        beside = self._pattern is None or line.rank <= self._pattern_rank
        point = titles.strategy_section(words, alone=not self._strategy_rank)
        if not self._strategy_rank and point and line.closes and beside:
            self._open_strategy(line)
        if self._strategy_rank:
            return point
        return titles.section(words) if self._pattern else None

    def _fits(self, section: str, line: Line) -> bool:
        if line.rank > self._strongest.get((self._pattern, section), line.rank):
            return False
        beginning = {"name", "description"}
        if self._pattern and section in beginning and self._sections - beginning:
            return False  # a later "profile" or "overview" belongs to the section that it stands in
        if self._section and self._section_rank > TEXT:
            return line.rank <= self._section_rank
        return line.rank <= TEXT or self._section in {None, *beginning}

    def _passes_heading(self, line: Line) -> None:
        """A heading of no known meaning: the persona's name right below a pattern's title, or an end."""
        if not line.closes:
            return
        last = self._parts[-1] if self._parts else None
        name = titles.as_name(line.text)
        if last and last.opens and not last.name and name and not self._text_since_last(line):
            self._section, self._section_rank = "name", TEXT
            self._sections.add("name")
            self._parts.append(Part(line.at, line.rank, self._pattern, "name", rest=name))
        elif line.rank <= max(self._pattern_rank if self._pattern else 0, self._strategy_rank):
            self._pattern, self._strategy_rank = None, 0
            self._leave_section(line)
        elif self._section and line.rank <= self._section_rank:
            self._leave_section(line)

    def _leave_section(self, line: Line) -> None:
        self._section, self._section_rank = None, 0
        self._parts.append(Part(line.at, line.rank, self._pattern))

    def _text_since_last(self, line: Line) -> bool:
        last = self._parts[-1]
        return bool(last.rest) or any(text.strip() for text in self._lines[last.at + 1 : line.at])


def _pattern_part(line: Line, channels: Iterable[str]) -> Part | None:
    """The line as a pattern's title: a heading, bold, with a quoted name, or a label before its words."""
    bold = _BOLD.match(line.text)
    title, rest = titles.pattern_title(line.text.replace("*", ""), channels), ""
    certain = line.rank <= TEXT or bool(title and title.name)
    if (
        line.rank > LAST_HEADING
        and not (bold and not bold[3])
        and not (title and title.name and title.quoted)
    ):
        title = titles.pattern_title(bold[2], channels) if bold and _runs_in(bold) else None
        rest = bold[3].lstrip(_DASHES) if bold else ""
        certain = bool(title and title.name)
    if not title:
        return None
    return Part(line.at, line.rank, title.pattern, title.section, True, certain, title.name, rest=rest)


_DASHES = " :-\u2010\u2011\u2012\u2013—―"


def _runs_in(bold: re.Match[str]) -> bool:
    """Whether what follows bold words makes a label of them: a colon, a dash or a bracket."""
    return bold[2].rstrip().endswith((":", "?", ".", "!")) or not bold[3] or bold[3][0] in f"{_DASHES[1:]}("


def _label(line: Line) -> tuple[str, str] | None:
    """The words at a line's beginning that name what follows, and what follows on the same line."""
    if line.rank <= LAST_HEADING:
        head, colon, tail = line.text.partition(":")
        dashed = re.match(
            r"(\W{0,8}(?:persona name|persona|name))\s[-\u2010-\u2015]\s(.+)", line.text, re.IGNORECASE
        )
        known = colon and (titles.section(head) or titles.strategy_section(head))
        return (dashed[1], dashed[2]) if dashed else (head, tail.strip()) if known else (line.text, "")
    if bold := _BOLD.match(line.text):
        head, colon, tail = bold[2].partition(":")
        if colon or _runs_in(bold):
            return head, f"{tail.strip()} {bold[3].lstrip(_DASHES)}".strip()
        return None
    plain = _LABEL.match(line.text)
    words = titles.tokens(plain[1]) if plain else []
    fits = plain and words and titles.section(words[0]) and (len(words) <= 8 or words[0] == "why")  # noqa: PLR2004
    return (plain[1], plain[2] or "") if plain and fits else None


def _numbered(candidates: Sequence[Line], parts: Sequence[Part]) -> Iterator[Part]:
    """The points that are only numbered as in the question: seven or six a pattern, three in all."""
    starts = [part for part in parts if part.opens or not (part.pattern or part.section)]
    if not starts:
        return
    titled = {part.at: part for part in parts}
    items = [line for line in candidates if line.ordinal]
    ends = [part.at for part in starts[1:]] + [items[-1].at + 1 if items else 0]
    for start, end in zip(starts, ends, strict=True):
        first, last = (bisect_left(items, at, key=lambda line: line.at) for at in (start.at + 1, end))
        yield from _points(items[first:last], start, titled)


def _points(items: Sequence[Line], start: Part, titled: Mapping[int, Part]) -> Iterator[Part]:
    """The untitled items of one numbered list, if it has the question's points and only those."""
    points = SECTIONS if start.pattern else STRATEGY_SECTIONS
    rank = min((item.rank for item in items), default=0)
    top = [line for line in items if line.rank == rank]
    short = len(points) - 1 if start.pattern else len(points)  # without a next step
    if (
        not top
        or len(top) not in {short, len(points)}
        or [line.ordinal for line in top] != [*range(1, len(top) + 1)]
    ):
        return
    by_line = dict(zip((line.at for line in top), points, strict=False))
    own = {at: part for at, part in titled.items() if top[0].at <= at <= top[-1].at}
    if all(by_line.get(at) == part.section or part.section == "name" for at, part in own.items()):
        for line in top:
            if line.at not in titled:
                yield Part(line.at, line.rank, start.pattern, by_line[line.at], rest=line.text)
