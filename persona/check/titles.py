"""What a title of an answer stands for: a pattern with its persona, a section, a point of the strategy.

The message dictates the titles; an answer that puts them in other words is understood by these tables.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from persona.model import OMNICHANNEL, dominant
from persona.wording import SECTION_TITLES

# What is longer is a sentence, not a title, or a name.
_MOST_CHARACTERS, _MOST_NAME_CHARACTERS, _MOST_NAME_WORDS = 200, 80, 8

# A title's first such word decides ("Profile and motive"); but talk of a loss is the risk ("Why they leave").
SECTIONS = re.compile(
    r"(?P<risk>^(?=.*\b(?:churn|risk|lose|losing|loss|leave|retention|attrition)))"
    r"|(?P<name>^(?:persona )?(?:name|nickname)$|^persona$)"
    r"|\b(?:(?P<description>descri|who\b|identity|profile|overview|snapshot|sketch|portrait)"
    r"|(?P<why_dominant>why|prefer|need|motiv)|(?P<reach_on_weak>reach|weak|secondary|re ?engag|engag|activ)"
    r"|(?P<journey>journey|path|flow)|(?P<formats>format|content)|(?P<next_step>next|action|todo))"
)
POINTS = re.compile(
    r"\b(?:(?P<consistency>consisten|adapt|invest)|(?P<identity_resolution>identit|anonymous|resolution|matching)"
    r"|(?P<switch_moments>switch|moment|trigger|transition|hand ?off))"
)
# The strategy's title, and its points where they can be nothing else: "Identity Resolution Opportunities".
# Within a pattern's part only a wide one is.
STRATEGY = re.compile(
    r"^(?:the )?(?P<wide>overall|cross).*(?:strateg|recommend)|(?P<narrow>"
    r"^(?:the )?(?:(?:unified|general|global|omni|space).*(?:strateg|recommend)|strateg)"
    r"|identity (?:resol|gap)|consisten.* adapt|channel switch|switch.* trigger|moment.* switch)"
)
QUOTED = re.compile(
    r"[\"“„«「]([^\"“”„«»」\n]{2,80})[\"”“»」]|(?<!\w)['\u2018]([^'\u2018\u2019\n]{2,80})['\u2019](?!\w)"
)
# Between a pattern and a name, but not within braces: " — ", ":", "(", "[", "|", "/".
_SEPARATOR = re.compile(r"(?:\s[-\u2010-\u2015]+\s|[:|/()\[\]\u2013—])(?![^{}]{0,200}\})")
# What any pattern's title holds, outside of braces.
_PATTERN = re.compile(r"(?:dominan|omni)(?![^{}]{0,200}\})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>\n]{0,300}>")
# Counters ("Persona 1:", "2.", a keycap), emoji, quotation marks and emphasis around a name.
_AROUND_A_NAME = re.compile(
    r"^(?:(?:persona|pattern|segment)\s\d+\s?[:.\u2010-\u2015-]|\d+[.)]\s|\d\ufe0f?\u20e3|[^\w{]|_)+"
    r"|[\s.*_`:,\u2013—\"'“”„‟\u2018\u2019«»\u2039\u203a「」-]+$",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\s*\{\{|.*[%=]|(?:[\W\d_]|\b(?:n|users|people)\b)*$", re.IGNORECASE | re.DOTALL)
_COUNTER = re.compile(r"^(?:(?:(?:pattern|persona|segment|group|section|part|point|channel) )?\d+(?: |$))+")
# What may stand with a pattern's name and says nothing more: "Email Dominant users".
_COMPANY = re.compile(
    r"\b(?:the|users?|customers?|people|patterns?|segments?|groups?|personas?|audience|profiles?)\b ?"
)


class PatternTitle(NamedTuple):
    key: str
    name: str | None
    section: str | None  # `Email Dominant — Journey`
    quoted: bool  # the name stands in quotation marks


@lru_cache(maxsize=1024)  # a title is asked after as a pattern's, a section's, the strategy's
def _words(text: str) -> str:
    """A title's words in lower case, without emphasis and emoji: `**2. 📱 Mobile**` gives `2 mobile`."""
    letters = (one if one.isalnum() else " " for one in text[:_MOST_CHARACTERS].casefold())
    return " ".join("".join(letters).split())


def plain_words(text: str) -> str:
    """A title's words without what counts it: `Pattern 2: Mobile` gives `mobile`."""
    return _COUNTER.sub("", _words(text))


_EXACT = {plain_words(words): key for key, title in SECTION_TITLES.items() for words in (key, title)}


def entry(table: re.Pattern[str], words: str) -> str | None:
    """What a title stands for in a table: `journey` in that of the sections; None where it is not in it."""
    title = table.search(plain_words(words))
    return title.lastgroup if title else None


def pattern_names(channels: Iterable[str]) -> dict[str, str]:
    """The patterns' keys by what titles call them, in the rule's order."""
    ends = ("dominant", "dominance")
    keys = {f"{_words(channel)} {end}": dominant(channel) for channel in channels for end in ends}
    return keys | {"omnichannel": OMNICHANNEL, "omni channel": OMNICHANNEL}


def pattern_title(text: str, keys: Mapping[str, str]) -> PatternTitle | None:
    """The pattern that a title names, with what stands beside it; None for a sentence that speaks of one."""
    if len(text) > _MOST_CHARACTERS or not _PATTERN.search(text):
        return None
    text = _TAG.sub("", text)
    quoted = next((one for one in QUOTED.finditer(text) if "dominan" not in one[0].casefold()), None)
    parts = _SEPARATOR.split(text.replace(quoted[0], " | ") if quoted else text)
    parts = [part for part in parts if _COMPANY.sub("", plain_words(part))]
    places = [at for at, part in enumerate(parts) if _forms(part) & keys.keys()]
    if len(places) != 1:
        return None
    at = places[0]
    beside = [*parts[at + 1 :], *reversed(parts[:at])]
    section = next((_EXACT[words] for words in map(plain_words, beside) if words in _EXACT), None)
    name = quoted[0] if quoted else next((part for part in beside if not _FIGURE.match(part)), "")
    key = keys[min(_forms(parts[at]) & keys.keys())]
    return PatternTitle(key, None if section else as_name(name), section, quoted is not None)


def _forms(part: str) -> set[str]:
    """What a part of a title says when it names a pattern and nothing else."""
    words = plain_words(part)
    return {_words(part), words, _COMPANY.sub("", words).strip(), plain_words(part.partition(",")[0])}


def as_name(words: str) -> str | None:
    """A persona's name out of the words where one is expected; None where they are a sentence or a figure."""
    quoted = QUOTED.search(words[:_MOST_CHARACTERS])
    name = _AROUND_A_NAME.sub("", (quoted[1] or quoted[2]) if quoted else words[:_MOST_CHARACTERS])
    name = " ".join(name.split())
    fits = (quoted or len(name.split()) <= _MOST_NAME_WORDS) and 1 < len(name) <= _MOST_NAME_CHARACTERS
    return name if fits and not _FIGURE.match(name) else None
