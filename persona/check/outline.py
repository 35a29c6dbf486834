"""An answer's outline: the lines with which another pattern, section or point of the strategy begins.

One answer titles its parts in one way, mostly; so it is gone through twice: once to learn how strong the
titles of each part are, once more to leave out what is weaker. A bullet `**Format:**` under "How to reach
them" is no section where a heading "Content formats" exists.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from persona.check import titles
from persona.model import SECTIONS, STRATEGY_SECTIONS

# Blocks only: titles are found in lines, and tables, links and HTML are text to this reader.
_BLOCKS = MarkdownIt("zero").enable(["heading", "lheading", "list", "blockquote", "fence", "hr"])
_BLOCKS.disable(["inline", "text_join"])

# How strong a title is: headings by level, then a line of text, then list items by depth.
_LAST_HEADING = 6
_TEXT = 7

# An answer is taken out of a fence or quotation around it, and out of one around that, and no further.
_MOST_WRAPPINGS = 3
_PLAIN_FENCES = frozenset({"", "markdown", "md", "text", "txt", "plaintext"})


class Line(NamedTuple):
    """A line that may be a title."""

    at: int  # counted from the answer's beginning
    text: str = ""  # without the marks that made it a heading or an item
    rank: int = _TEXT
    closes: bool = False  # a heading for certain, which ends what stands above it
    rule: bool = False  # a thematic break
    ordinal: int | None = None  # its number, where it begins an item of a numbered list


class Mark(NamedTuple):
    """A line with which another place of the framework begins; without any place, the outside."""

    at: int
    rank: int = 0
    pattern: str | None = None
    section: str | None = None  # of the pattern or the strategy, or "name"
    opens: bool = False  # the pattern's own title
    certain: bool = True  # a title that can be nothing else
    name: str | None = None
    label: str = ""  # a section's title, as written
    rest: str = ""  # what stands on the title's own line after it


# The strongest title of each place; the place of a pattern's own title has no section.
_Strongest = dict[tuple[str | None, str | None], int]


def outline(text: str, channels: Iterable[str]) -> tuple[list[str], list[Mark]]:
    """The answer's lines, taken out of a fence or quotation around it, and its marks in order."""
    lines, tokens = _unwrapped(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    candidates = _candidates(tokens)
    known = titles.known_patterns(channels)
    strongest: _Strongest = {}
    for mark in _walk(candidates, lines, known, {}):
        place = (mark.pattern, mark.section)
        strongest[place] = min(mark.rank, strongest.get(place, mark.rank))
    marks = _walk(candidates, lines, known, strongest)
    return lines, _certain(_numbered(candidates, marks))


def _unwrapped(lines: list[str]) -> tuple[list[str], list[Token]]:
    """The lines without a fence or quotation that holds more than half of them, and their blocks."""
    tokens = _BLOCKS.parse("\n".join(lines))
    for _ in range(_MOST_WRAPPINGS):
        around = next((token for token in tokens if _wraps(token, len(lines))), None)
        if not around or not around.map:
            break
        first, end = around.map
        within = lines[first:end]
        if around.type == "fence":
            # What follows the fence is no part of its last section: a thematic break ends that.
            closing = ["***"] if within[-1].strip() == around.markup else within[-1:]
            within = ["", *within[1:-1], *closing]
        else:
            within = [line.lstrip(" ").removeprefix(">").removeprefix(" ") for line in within]
        lines = [*lines[:first], *within, *lines[end:]]
        tokens = _BLOCKS.parse("\n".join(lines))
    return lines, tokens


def _wraps(token: Token, lines: int) -> bool:
    wrapping = token.type == "blockquote_open" or (
        token.type == "fence" and token.info.strip().lower() in _PLAIN_FENCES
    )
    return bool(wrapping and token.level == 0 and token.map and 2 * (token.map[1] - token.map[0]) > lines)


def _candidates(tokens: Iterable[Token]) -> list[Line]:
    """Every line of text outside code, with its strength as a title."""
    found: list[Line] = []
    depth, ordinal, heading = 0, None, None
    for token in tokens:
        depth += (token.type == "list_item_open") - (token.type == "list_item_close")
        if token.type == "list_item_open":
            ordinal = int(token.info) if token.info else None
        elif token.type in {"heading_open", "paragraph_open"}:
            heading = token
        elif token.type == "hr" and token.map:
            found.append(Line(token.map[0], rule=True))
        elif token.type == "inline" and token.map and heading:
            found += _lines_of(token, heading, depth, ordinal)
            ordinal = None
    return found


def _lines_of(token: Token, block: Token, depth: int, ordinal: int | None) -> list[Line]:
    first = token.map[0] if token.map else 0
    texts = token.content.split("\n")
    if block.type == "heading_open" and len(texts) == 1:
        # Dashes under a short line may have been meant as a thematic break: such a heading ends nothing.
        return [Line(first, texts[0], int(block.tag[1:]), closes=block.markup != "-", ordinal=ordinal)]
    rank = _TEXT + depth
    return [
        Line(first + number, text, rank, ordinal=ordinal if number == 0 else None)
        for number, text in enumerate(texts)
    ]


def _walk(candidates: list[Line], lines: list[str], known: titles.Known, strongest: _Strongest) -> list[Mark]:
    walk = _Walk(lines, known, strongest)
    for line in candidates:
        walk.step(line)
    return walk.marks


class _Walk:
    """A way down the answer, with what is open at each point of it."""

    def __init__(self, lines: list[str], known: titles.Known, strongest: _Strongest) -> None:
        self.marks: list[Mark] = []
        self._lines = lines
        self._known = known
        self._strongest = strongest
        self._seen: set[str] = set()  # patterns
        self._pattern: str | None = None
        self._pattern_rank = 0
        self._strategy_rank = 0  # 0: not within the strategy
        self._section: str | None = None
        self._section_rank = 0
        self._sections: set[str] = set()  # of the open pattern

    def step(self, line: Line) -> None:
        """Take one line in: as a pattern's title, the strategy's, a section's, an end, or as text."""
        if line.rule:
            if self._section and self._text_since_mark(line):
                self._leave_section(line)
        elif not (self._enters_pattern(line) or self._enters_strategy(line) or self._enters_section(line)):
            self._passes_heading(line)

    def _enters_pattern(self, line: Line) -> bool:
        mark = _pattern_mark(line, self._known)
        if not mark or not mark.pattern or not self._may_open(mark.pattern, line.rank):
            return False
        self._pattern, self._pattern_rank, self._strategy_rank = mark.pattern, line.rank, 0
        self._section, self._section_rank = mark.section, line.rank
        self._sections = {mark.section} if mark.section else set()
        self._seen.add(mark.pattern)
        self.marks.append(mark)
        return True

    def _may_open(self, pattern: str, rank: int) -> bool:
        """Patterns stand beside one another; within one, or the strategy, others are only spoken of."""
        heading, new = rank <= _LAST_HEADING, pattern not in self._seen
        if rank > self._strongest.get((pattern, None), rank):
            return False
        if self._strategy_rank:
            return rank <= self._strategy_rank or (new and (heading or not self._seen))
        return self._pattern is None or rank <= self._pattern_rank or (heading and new)

    def _enters_strategy(self, line: Line) -> bool:
        if line.rank > _TEXT:
            return False
        label = titles.heading_label(line.text) if line.rank <= _LAST_HEADING else titles.label(line.text)
        within = self._pattern is not None and line.rank > self._pattern_rank
        if not label or not titles.opens_strategy(label.words, within_pattern=within):
            return False
        self._open_strategy(line)
        self.marks.append(Mark(line.at, line.rank, label=label.words, rest=label.rest))
        return True

    def _open_strategy(self, line: Line) -> None:
        self._pattern, self._strategy_rank = None, line.rank
        self._section, self._section_rank = None, 0

    def _enters_section(self, line: Line) -> bool:
        label = self._section_label(line)
        if not label:
            return False
        section = self._meaning(label, line)
        if not section or not self._fits(section, line):
            return False
        self._section, self._section_rank = section, line.rank
        self._sections.add(section)
        self.marks.append(
            Mark(line.at, line.rank, self._pattern, section, label=label.words, rest=label.rest)
        )
        return True

    def _section_label(self, line: Line) -> titles.Label | None:
        if line.rank > _LAST_HEADING:
            return titles.label(line.text)
        whole = titles.Label(titles.bare(line.text), "")
        if not line.closes:
            return titles.label(line.text) or (whole if titles.section_id(whole.words) else None)
        split = titles.heading_label(line.text)
        return split if titles.section(split.words) or titles.strategy_section(split.words) else whole

    def _meaning(self, label: titles.Label, line: Line) -> str | None:
        """The section that a label names here, entering the strategy where it can only be meant."""
        beside = self._pattern is None or line.rank <= self._pattern_rank
        if not self._strategy_rank and line.closes and beside:
            point = titles.strategy_section(label.words, unmistakable=True)
            if point:
                self._open_strategy(line)
                return point
        if self._strategy_rank:
            return titles.strategy_section(label.words)
        return titles.section(label.words) if self._pattern else None

    def _fits(self, section: str, line: Line) -> bool:
        if line.rank > self._strongest.get((self._pattern, section), line.rank):
            return False
        if self._pattern and section in {"name", "description"} and self._sections - {"name", "description"}:
            return False  # a later "profile" or "overview" belongs to the section that it stands in
        begins = self._section in {None, "name", "description"}
        in_list, opened_in_list = line.rank > _TEXT, self._section_rank > _TEXT
        if opened_in_list and self._section:
            return line.rank <= self._section_rank
        return not in_list or begins

    def _passes_heading(self, line: Line) -> None:
        """A heading of no known meaning: the persona's name right below a pattern's title, or an end."""
        if not line.closes:
            return
        last = self.marks[-1] if self.marks else None
        name = titles.as_name(titles.bare(line.text))
        if last and last.opens and not last.name and name and not self._text_since_mark(line):
            self._sections.add("name")
            self._section, self._section_rank = "name", _TEXT
            self.marks.append(Mark(line.at, line.rank, self._pattern, "name", rest=name))
        elif line.rank <= max(self._pattern_rank if self._pattern else 0, self._strategy_rank):
            self._pattern, self._strategy_rank = None, 0
            self._leave_section(line)
        elif self._section and line.rank <= self._section_rank:
            self._leave_section(line)

    def _leave_section(self, line: Line) -> None:
        self._section, self._section_rank = None, 0
        self.marks.append(Mark(line.at, line.rank, self._pattern))

    def _text_since_mark(self, line: Line) -> bool:
        last = self.marks[-1]
        return bool(last.rest) or any(text.strip() for text in self._lines[last.at + 1 : line.at])


def _pattern_mark(line: Line, known: titles.Known) -> Mark | None:
    """The line as a pattern's title: a heading, bold, with a quoted name, or a run-in label."""
    rest, certain = "", True
    bolded = titles.bold(line.text)
    if line.rank <= _LAST_HEADING or (bolded and not bolded[1]):
        title = titles.pattern_title(line.text, known)
        certain = line.rank <= _TEXT or bool(title and title.name)
    else:
        title = titles.pattern_title(line.text, known)
        if title and (title.rest or (title.name and not titles.quotes(line.text, title.name))):
            title = None
        certain = bool(title and title.name)
        if not title and bolded and (bolded[0].endswith(":") or titles.runs_in(bolded[1])):
            title = titles.pattern_title(bolded[0], known)
            rest, certain = titles.run_in(bolded[1]), bool(title and title.name)
    if not title:
        return None
    said = " ".join(filter(None, (title.rest, rest)))
    return Mark(
        line.at,
        line.rank,
        title.pattern,
        title.section,
        opens=True,
        certain=certain,
        name=title.name,
        rest=said,
    )


def _numbered(candidates: list[Line], marks: list[Mark]) -> list[Mark]:
    """The marks, and the points that are only numbered as in the question: six a pattern, three in all."""
    items = [line for line in candidates if line.ordinal]
    found = list(marks)
    starts = [index for index, mark in enumerate(marks) if mark.opens or not (mark.pattern or mark.section)]
    for start, following in pairwise([*starts, len(marks)]):
        first = bisect_right(items, marks[start].at, key=lambda line: line.at)
        end = len(items)
        if following < len(marks):
            end = bisect_left(items, marks[following].at, key=lambda line: line.at)
        found += _points(items[first:end], marks[start], marks[start + 1 : following])
    return sorted(found, key=lambda mark: mark.at)


def _points(items: list[Line], start: Mark, titled: list[Mark]) -> list[Mark]:
    """Marks for the untitled items of one numbered list, if it has the question's points and only those."""
    points = SECTIONS if start.pattern else STRATEGY_SECTIONS
    top = [line for line in items if line.rank == min(item.rank for item in items)]
    if [line.ordinal for line in top] != [*range(1, len(points) + 1)]:
        return []
    by_line = {line.at: point for line, point in zip(top, points, strict=True)}
    if any(by_line.get(mark.at) != mark.section and mark.section != "name" for mark in titled):
        return []
    untitled = by_line.keys() - {mark.at for mark in titled}
    return [
        Mark(line.at, line.rank, start.pattern, by_line[line.at], rest=line.text)
        for line in top
        if line.at in untitled
    ]


def _certain(marks: list[Mark]) -> list[Mark]:
    """The marks without patterns that are only spoken of: mentioned in bold, say, with no section below."""
    meant = {
        mark.pattern
        for mark in marks
        if (mark.opens and mark.certain) or (mark.section and mark.section not in {"name", "description"})
    }
    return [mark for mark in marks if mark.pattern is None or mark.pattern in meant]
