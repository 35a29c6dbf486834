"""What a title of an answer stands for: a pattern with its persona, a section, a point of the strategy.

The message demands exact headings; an answer that titles its parts in other words is understood by tables.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from persona.model import OMNICHANNEL, dominant
from persona.wording import SECTION_TITLES, STRATEGY_TITLES

# What is longer is a sentence, not a title, or a name.
MOST_TITLE_CHARACTERS = 140
_MOST_LABEL_CHARACTERS = 80
_MOST_NAME_CHARACTERS = 80
_MOST_NAME_WORDS = 8

QUOTES = "\"'“”„‟\u2018\u2019«»\u2039\u203a「」"
_QUOTED = re.compile(
    r"[\"“„«「]([^\"“”„«»」\n]{2,80})[\"”“»」]|(?<!\w)['\u2018]([^'\u2018\u2019\n]{2,80})['\u2019](?!\w)"
)
_SEPARATOR = re.compile(r"\s[-\u2010-\u2015]+\s|[:|/()\[\]\u2013—]")
_TAG = re.compile(r"<[^<>\n]{0,300}>")
_ENDS_A_NAME = re.compile(r"[.!?](?=\s|\Z)|\s[-\u2010-\u2015/|]+\s|[:,;](?=\s|\Z)|\s?[(\[]|\n")
_AROUND_A_NAME = QUOTES + " .*_`:,-\u2013—"

# What may count a title: `Pattern 2:`, `Persona 1 —`, `3.`, `b)`.
_COUNTERS = {"pattern", "persona", "segment", "group", "section", "part", "point", "channel"}
# What may stand with a pattern's name and says nothing more: `Email Dominant users`.
_COMPANY = {
    "the",
    "user",
    "users",
    "customer",
    "customers",
    "people",
    "pattern",
    "patterns",
    "segment",
    "segments",
}
_COMPANY |= {"group", "groups", "persona", "personas", "audience", "profile", "profiles"}

# A word's beginning -> the section; the first such word of a title decides, but talk of a loss is the risk.
_LOSS = ("churn", "risk", "lose", "losing", "loss", "retention", "attrition")
_SECTION_STEMS = {
    "description": (
        "description",
        "who",
        "identity",
        "profile",
        "overview",
        "snapshot",
        "sketch",
        "portrait",
    ),
    "why_dominant": ("why", "prefer", "need", "motivat"),
    "reach_on_weak": ("reach", "weak", "secondary", "reengag", "engag", "activat"),
    "journey": ("journey", "path", "flow"),
    "formats": ("format", "content"),
    "next_step": ("next", "action", "todo"),
}
_STRATEGY_STEMS = {
    "consistency": ("consisten", "adapt", "invest"),
    "identity_resolution": ("identit", "anonymous", "resolution", "matching"),
    "switch_moments": ("switch", "moment", "trigger", "transition", "handoff"),
}
# Words that only together say, with no heading for the strategy above, that a title is one of its points.
_UNMISTAKABLE = (
    ("identity", "resolution"),
    ("identity", "gap"),
    ("consisten", "adapt"),
    ("switch", "moment"),
    ("switch", "trigger"),
    ("channel", "switch"),
)
_STRATEGY_BEGINS = ("overall", "unified", "general", "global", "cross", "omni", "strateg", "space")


class PatternTitle(NamedTuple):
    pattern: str
    name: str | None = None
    section: str | None = None  # `Email Dominant — Journey`
    quoted: bool = False  # the name stands in quotation marks


@lru_cache(maxsize=1024)  # a title is asked after as a pattern's, a section's, the strategy's
def tokens(text: str) -> list[str]:
    """A title's words in lower case, without emphasis, emoji and what counts it: `**2. 📱 Mobile**`."""
    words = "".join(one if one.isalnum() else " " for one in text.casefold()).split()
    while words and (words[0].isdigit() or (len(words) > 1 and words[0] in _COUNTERS and words[1].isdigit())):
        del words[0]
    return words


def _exact(titles: dict[str, str]) -> dict[str, str]:
    """Sections by their ids and titles, in lower case."""
    return {" ".join(tokens(words)): key for key, title in titles.items() for words in (key, title)}


_EXACT = _exact(SECTION_TITLES | {"name": "Persona name"}) | {"risk": "risk", "churn risk": "risk"}
_EXACT_STRATEGY = _exact(STRATEGY_TITLES)


def pattern_title(text: str, channels: Iterable[str]) -> PatternTitle | None:
    """The pattern that a title names, with what stands beside it; None for a sentence that speaks of one."""
    lower = text.casefold()
    if len(text) > MOST_TITLE_CHARACTERS or ("dominan" not in lower and "omni" not in lower):
        return None
    text = _TAG.sub("", text)
    quoted = next((found for found in _QUOTED.finditer(text) if "dominan" not in found[0].casefold()), None)
    rest = text.replace(quoted[0], " | ") if quoted else text
    parts = [part for part in _SEPARATOR.split(rest) if tokens(part)]
    keys = [_pattern(tokens(part), channels) for part in parts]
    if sum(key is not None for key in keys) != 1:
        return None
    place = next(i for i, key in enumerate(keys) if key)
    others = [part for i, part in enumerate(parts) if i != place and tokens(part) != ["persona"]]
    key = keys[place] or ""
    if section := next((found for part in others if (found := exact_section(part))), None):
        return PatternTitle(key, None, section)
    names = [quoted[1] or quoted[2]] if quoted else [part for part in others if not _is_figure(part)]
    return PatternTitle(key, as_name(names[0]) if names else None, quoted=quoted is not None)


def _pattern(words: Sequence[str], channels: Iterable[str]) -> str | None:
    """The pattern that these words name, and nothing else."""
    for own in (list(words), [word for word in words if word not in _COMPANY]):
        if own in (["omnichannel"], ["omni", "channel"]):
            return OMNICHANNEL
        named = own[:-1] if own and own[-1] in {"dominant", "dominance"} else None
        if key := next((dominant(channel) for channel in channels if tokens(channel) == named), None):
            return key
    return None


def exact_section(words: str) -> str | None:
    """The section that is titled exactly so, by its id or by its heading in the message."""
    return _EXACT.get(" ".join(tokens(words)))


def section(words: str) -> str | None:
    """The section of a pattern that a title names, or `name`; None for any other title."""
    said = tokens(words)
    if not said or len(words) > _MOST_LABEL_CHARACTERS:
        return None
    if said[0] in {"name", "nickname", "persona"} and len(said) <= 2:  # noqa: PLR2004 - "persona name"
        return "description" if said[-1] == "description" else "name"
    if exact := exact_section(words):
        return exact
    return "risk" if any(word.startswith(_LOSS) for word in said) else _first(said, _SECTION_STEMS)


def strategy_section(words: str, *, alone: bool = False) -> str | None:
    """The point of the strategy that a title names; `alone`: where no title announces the strategy."""
    said = tokens(words)
    if len(words) > _MOST_LABEL_CHARACTERS or (
        alone and not any(_all(said, stems) for stems in _UNMISTAKABLE)
    ):
        return None
    return _EXACT_STRATEGY.get(" ".join(said)) or _first(said, _STRATEGY_STEMS)


def opens_strategy(words: str, *, within_pattern: bool) -> bool:
    """Whether a title announces the strategy for the whole space; within a pattern's part it must say so."""
    said = [word for word in tokens(words) if word != "the"]
    if not said or len(words) > _MOST_LABEL_CHARACTERS or not said[0].startswith(_STRATEGY_BEGINS):
        return False
    told = any(word.startswith(("strateg", "recommendation")) for word in said)
    return told and (not within_pattern or said[0] in {"cross", "overall"})


def as_name(words: str) -> str | None:
    """A persona's name out of the words where one is expected; None where they are a sentence or a figure."""
    words = _TAG.sub("", words)
    quoted = _QUOTED.search(words)
    name = (quoted[1] or quoted[2]) if quoted else words
    name = re.sub(r"^[\W\d_]*\ufe0f?\u20e3", "", name)
    name = " ".join(name.strip(_AROUND_A_NAME).lstrip("".join(c for c in name if not c.isalnum())).split())
    short = quoted is not None or len(name.split()) <= _MOST_NAME_WORDS
    fits = short and 1 < len(name) <= _MOST_NAME_CHARACTERS and any(map(str.isalpha, name))
    return name if fits and not _is_figure(name) else None


def split_name(text: str, *, marked: bool = False) -> tuple[str | None, str]:
    """A persona's name at the beginning of a text, and the text after it.

    `marked`: where the text need not begin with a name, one must be bold or quoted, and written as names are.
    """
    text = text.strip()
    bare = text.lstrip("*_ ")
    emphasis = text[: len(text) - len(bare)].strip()
    quoted = _QUOTED.match(bare)
    end = bare.find(emphasis) if emphasis else -1
    if end > 0:
        name, after = bare[:end], bare[end + len(emphasis) :]
    elif quoted:
        name, after = quoted[0], bare[quoted.end() :]
    else:
        stop = _ENDS_A_NAME.search(bare)
        cut = stop.start() if stop else len(bare)
        name, after = bare[:cut], bare[cut:]
    found = as_name(name)
    if not found or (marked and not (_is_marked(emphasis, quoted, name, after) and _is_capital(found))):
        return None, text
    return found, after.strip() if after.startswith("\n") else after.lstrip(
        " \t.:;,|/-\u2010\u2011\u2012\u2013—―"
    ).strip()


def _is_marked(emphasis: str, quoted: re.Match[str] | None, name: str, after: str) -> bool:
    apart = name.rstrip().endswith((".", ":")) or not after.strip() or after.lstrip(" ")[0] in "-\u2013—:.\n"
    return apart and (len(emphasis) > 1 or quoted is not None)


def _is_capital(name: str) -> bool:
    return all(word[0].isupper() for word in re.findall(r"[^\W\d_]{4,}", name))


def _is_figure(words: str) -> bool:
    """Whether a title's words are a group's size or share: `35 % of users`, `N=182`."""
    return (
        "%" in words
        or "=" in words
        or not any(map(str.isalpha, re.sub(r"\b(?:n|users|people)\b", "", words.lower())))
    )


def _first(words: Sequence[str], stems: dict[str, tuple[str, ...]]) -> str | None:
    hits = (key for word in words for key, beginnings in stems.items() if word.startswith(beginnings))
    return next(hits, None)


def _all(words: Sequence[str], stems: Iterable[str]) -> bool:
    return all(any(word.startswith(stem) for word in words) for stem in stems)
