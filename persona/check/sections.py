"""An answer cut into its sections: `email_dominant/journey`, `strategy/consistency`, `web_dominant/name`.

One pass over the lines: each goes on with the open place, or is a title (tables below) that begins another.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from textwrap import dedent

from persona.model import OMNICHANNEL, dominant
from persona.wording import SECTION_TITLES

# A framework has some 20,000 characters; beyond this many no title is looked for, so that hostile Markdown
# takes a second at most. A longer line is a sentence, and a longer name too.
MOST_CHARACTERS = 2**17
_MOST_TITLE_CHARACTERS, _MOST_NAME_CHARACTERS, _MOST_NAME_WORDS = 200, 80, 8
STRATEGY = "strategy"

# A title's first such word decides ("Profile and motive"); but talk of a loss is the risk ("Why they leave").
_SECTIONS = re.compile(
    r"(?P<risk>^(?=.*\b(?:churn|risk|lose|losing|loss|leave)))"
    r"|\b(?:(?P<description>descri|who\b|profile|overview|persona$)"
    r"|(?P<why_dominant>why|prefer|need|motiv)|(?P<reach_on_weak>reach|weak|re engag)"
    r"|(?P<journey>journey|path)|(?P<formats>format|content)|(?P<next_step>next|action|week))"
)
_POINTS = re.compile(
    r"\b(?:(?P<consistency>consisten|adapt|invest)|(?P<identity_resolution>identit|resolution)"
    r"|(?P<switch_moments>switch|moment|trigger))"
)
# The strategy's own title, or a point of it where it can be nothing else.
_STRATEGY = re.compile(r"\bstrateg|^identity (?:resol|gap)|^consisten.* adapt|^channel switch")
# The same within a pattern's part.
_WIDE = re.compile(r"^(?:the )?(?:overall|cross|unified|general|global|omni).*(?:strateg|recommend)")
_NAME_LABELS = {"name", "persona name", "persona"}
# A name on the line below its label.
_NAME_BELOW = re.compile(r"(?im)^(?:#+ +|\*\*)(?:persona )?name:?(?:\*\*)? *\n+(?=\w)")

# A heading; a line that begins with bold words, and a colon, dash or bracket behind them, or nothing.
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*?)[ \t#]*")
_BOLD = re.compile(
    r"([ \t]*)([-*+] +|\d{1,3}[.)] +)?(?:\*\*|__)([^*\n]{2,200}?)"
    r"(?:(?<=[:?.!])(?:\*\*|__)|(?:\*\*|__)(?=\s*(?:[:(\u2010-\u2015-]|$)))[\s:\u2010-\u2015-]*(.*)"
)
# How strong a title is: headings by level, then lines of text, list items by depth; then what is no title.
_TEXT, _LOWEST = 7, 99
_FENCE = re.compile(r"\s*+```(?!.*`)")
_WRAPPING = re.compile(r"^(`{3,})([^`\n]*)\n(.*?)(?:^\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_RULER = re.compile(r"\s*([-*_=])\1{2,}\s*")
_MARKUP = re.compile(r"<[^<>]{0,300}>|\*")
_QUOTED = re.compile(r"[\"“„«「]([^\"“”„«»」\n]{2,80})[\"”“»」]")
# Between a pattern and a name, but not within braces: " — ", ":", "(", "|".
_SEPARATOR = re.compile(r"(?:\s[-\u2010-\u2015]\s|[:|/()\[\]\u2013—])(?![^{}]*\})")
# What says nothing in a title: counters ("Pattern 2:"), and "users" behind a pattern's name.
_FILLERS = re.compile(r"^(?:(?:(?:pattern|persona|part) )?\d+(?: |$))+| (?:users|customers|people)$")
_AROUND_A_NAME = re.compile(
    r"^(?:(?:persona|pattern|title)[ \d]*[:.\u2010-\u2015-]|\d+[.)]\s|[^\w{]|_)+|[^\w)}!?]+$", re.IGNORECASE
)
_NO_NAME = re.compile(r"^\{\{|[%=\"“”«»]")
_NO_NAMES = {"", "persona", "pattern", "title", "people", "users"}


@dataclass
class _Place:
    """Lines that belong together: to a section of a pattern or of the strategy, or to none."""

    owner: str = ""  # a pattern's key, or the strategy
    owner_rank: int = _LOWEST
    section: str = ""
    rank: int = _LOWEST
    name: str = ""  # that a heading of no section may have given to the pattern on the line below
    rest: str = ""  # what follows the title on its line
    lines: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.rest or self.lines)


def cut(text: str, channels: Iterable[str]) -> dict[str, str]:
    """The sections of one answer by their path; what belongs to none stands under the path ""."""
    keys = {_words(key): key for key in (*map(dominant, channels), OMNICHANNEL)}
    keys["omni channel"] = OMNICHANNEL
    names: dict[str, str] = {}  # of the patterns that are titled; empty where none was given yet
    places = [_Place()]
    is_code = False
    text = _NAME_BELOW.sub("**Name:** ", _unwrapped(text[:MOST_CHARACTERS]))
    for line in text.split("\n"):
        place = places[-1]
        is_fence = _FENCE.match(line) is not None
        is_code ^= is_fence
        if not (is_code or is_fence) and _RULER.fullmatch(line):
            if not place.is_empty:
                places.append(_Place(place.owner, place.owner_rank))
        elif not (is_code or is_fence) and (after := _begun(line, place, names, keys)):
            places.append(after)
        elif line.strip() or not place.is_empty:  # a title has to see whether there was any text
            place.lines.append(line)
    texts: dict[str, list[str]] = {f"{key}/name": [name] for key, name in names.items() if name}
    for place in places:
        said = "\n".join([place.rest, dedent("\n".join(place.lines))]).strip()
        if any(map(str.isalnum, said)):
            texts.setdefault(f"{place.owner}/{place.section}" if place.section else "", []).append(said)
    return {path: "\n\n".join(parts) for path, parts in texts.items()}


def _unwrapped(text: str) -> str:
    """The text without a quotation or a fence that holds more than half of it."""
    text = text.replace("\r\n", "\n")
    if 2 * len(re.findall("^ *>", text, re.MULTILINE)) > text.count("\n") + 1:
        text = re.sub("^ *> ?", "", text, flags=re.MULTILINE)
    fence = _WRAPPING.search(text)
    if fence and fence[2].strip() in {"", "markdown", "md"} and 2 * len(fence[3]) > len(text):
        # What follows is no part of the last section: a thematic break ends that.
        text = f"{text[: fence.start()]}{fence[3]}\n***\n{text[fence.end() :]}"
    return text


def _begun(line: str, place: _Place, names: dict[str, str], keys: Mapping[str, str]) -> _Place | None:
    """The place that a line begins as a title, by where it stands; None where it is only text there."""
    rank, title, rest, is_whole = _title(line)
    words, text = _words(title), _MARKUP.sub("", line[:_MOST_TITLE_CHARACTERS])
    is_heading, is_above = rank < _TEXT, rank <= place.owner_rank
    # A pattern may also stand on the line below its persona's name.
    above = "" if place.lines or is_heading else place.name
    pattern = _pattern(text, keys) if is_whole or above else None
    if pattern and (above or is_above or (is_heading and pattern[0] not in names)):
        key, name, section = pattern
        names[key] = names.get(key) or above or name
        return _Place(key, place.rank if above else rank, section or "description", rank)
    of_all = (is_above and _STRATEGY.search(words)) or (is_whole and _WIDE.search(words))
    is_strategy = rank <= _TEXT and bool(of_all)
    owner, owner_rank = (STRATEGY, rank) if is_strategy else (place.owner, place.owner_rank)
    entry = (_POINTS if owner == STRATEGY else _SECTIONS).search(words) if owner else None
    closes = is_heading and is_above and not is_strategy
    section = "" if closes and words in _NAME_LABELS else (entry and entry.lastgroup) or ""
    if place.section == "description" and place.is_empty and not (is_strategy or names[owner]):
        said, _, after = rest.partition(". ") if words in _NAME_LABELS else (text, "", "")
        if (words in _NAME_LABELS or (is_whole and not section)) and (name := _name(said)):
            names[owner] = name
            return _Place(owner, owner_rank, "description", rest=after)
    is_open = place.section in {"", "description"}
    # A title below the open section's rank is text of it, and so is a second label of the same.
    is_second = section == place.section and not (is_heading or place.is_empty)
    if is_strategy or (section and (is_open or rank <= place.rank) and not is_second):
        # The pattern of a persona whose name sounds like a section may stand below it.
        return _Place(owner, owner_rank, section, rank, _name(text) if closes else "", rest)
    if is_heading and is_above:
        return _Place(rank=rank, name=_name(text))
    return _Place(owner, owner_rank) if is_heading and not is_open and rank <= place.rank else None


def _title(line: str) -> tuple[int, str, str, bool]:
    """How strong a title a line is, its words, what follows them, and whether there is nothing else."""
    rank, title, beside = _LOWEST, "", line
    if heading := _HEADING.fullmatch(line):
        rank, title, beside = len(heading[1]), heading[2], ""
    elif bold := _BOLD.match(line):
        rank, title, beside = _TEXT + bool(bold[2]) + len(bold[1]) // 2, bold[3], bold[4]
    title, _, rest = title.partition(":")
    is_whole = not beside.strip("*_ ") or _QUOTED.fullmatch(beside.strip("*_ ()[]"))
    return rank, title, f"{rest.strip()} {beside}".strip(), bool(is_whole)


def _pattern(title: str, keys: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The one pattern that a title names, its persona's name or section; None for a sentence about it."""
    quoted = _QUOTED.search(title)
    parts = _SEPARATOR.split(title.replace(quoted[0], " | ") if quoted else title)
    words = [_words(part.partition(",")[0]) for part in parts]
    places = [at for at, said in enumerate(words) if said in keys]
    if len(places) != 1:
        return None
    at = places[0]
    section = next((_EXACT[said] for said in words if said in _EXACT), "")
    beside = [quoted[1]] if quoted else [*parts[at + 1 :], *reversed(parts[:at])]
    return keys[words[at]], "" if section else next(filter(None, map(_name, beside)), ""), section


def _words(title: str) -> str:
    """A title's words in lower case, without what says nothing: `**Pattern 2: 📱 Mobile**` gives `mobile`."""
    spoken = re.sub(r"\{\{[^{}]*\}*", " ", title[:_MOST_TITLE_CHARACTERS].casefold())
    return _FILLERS.sub("", " ".join(re.findall(r"[^\W_]+", spoken)))


_EXACT = {_words(words): key for key, title in SECTION_TITLES.items() for words in (key, title)}


def _name(words: str) -> str:
    """A persona's name where one is expected; empty where the words are a sentence or a figure."""
    name = " ".join(_AROUND_A_NAME.sub("", words).split())
    fits = 1 < len(name) <= _MOST_NAME_CHARACTERS and len(name.split()) <= _MOST_NAME_WORDS
    return name if fits and _words(name) not in _NO_NAMES and not _NO_NAME.search(name) else ""
