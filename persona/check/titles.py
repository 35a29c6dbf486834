"""What a heading or label of an answer stands for: a pattern, one of its sections, a point of the strategy.

Models title the same thing in many ways (`## 1. Mobile Dominant — "The Operator"`,
`**Pattern 2: Email-Dominant**`, `**Why mobile:**`, `3. How to reach them:`); here is everything that is
known about those ways.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from persona.model import OMNICHANNEL, SECTIONS, STRATEGY_SECTIONS, dominant
from persona.wording import SECTION_TITLES, STRATEGY_TITLES

# What is longer is a sentence, not a title, a label, or a name.
MOST_TITLE_CHARACTERS = 140
_MOST_LABEL_CHARACTERS = 80
_MOST_NAME_CHARACTERS = 80
_MOST_NAME_WORDS = 8

_QUOTES = "\"'“”„‟\u2018\u2019«»\u2039\u203a「」"  # escaped: what looks like ` < >
_DASHES = "\\-\u2010\u2011\u2012\u2013—―"  # escaped: what looks like -
_GAP = rf"[\s_{_DASHES}]"
# Emoji, bullets, "Pattern 2:", "3.", "B)", "Persona 1 —" before a title proper.
_ORNAMENT = re.compile(r"^[^\w\"“„«\u2018(\[]+")
_COUNTER = re.compile(
    r"^(?:(?:(?:channel\s+)?pattern|persona|segment|group|section|part|point)\s*#?\s*"
    rf"(?:\d{{1,2}}|[a-h]|[ivx]{{1,4}})?(?:\s*[.):|]+|\s+[{_DASHES}]+\s)\s*"
    rf"|\(?(?:\d{{1,2}}|[a-hA-H]|[ivxIVX]{{1,4}})[.):](?:\s+|(?=\D))|\#?\d{{1,2}}\s*[{_DASHES}]\s+|\d{{1,2}}\s+(?=[A-Z]))",
    re.IGNORECASE,
)
_AFTER_PATTERN = (
    rf"(?:{_GAP}+(?:users?|customers?|people|patterns?|segments?|groups?|personas?|audience|profiles?)\b)?"
)
_SEPARATOR = re.compile(rf"^[\s:|/,{_DASHES}]+|[\s:|/,{_DASHES}]+$")
_FIGURES_IN_BRACKETS = re.compile(r"[(\[][^)\]]*(?:\d|=|%)[^)\]]*[)\]]")
_BRACKETED = re.compile(r"^[(\[](.*)[)\]]$")
_QUOTED = re.compile(rf"[{_QUOTES}](?=\S)([^\"“”„«»]{{2,{_MOST_NAME_CHARACTERS}}}?)(?<=\S)[{_QUOTES}](?!\w)")
# At a text's beginning: in quotation marks or bold, and apart from what follows.
_MARKED_NAME = re.compile(
    rf"(?:(?:\*\*|__)?[*_]?[{_QUOTES}][^\n{_QUOTES}]{{2,80}}[{_QUOTES}][*_]{{0,3}}|(?P<bold>\*\*|__)[^\n*_]{{2,80}}(?P=bold))"
    rf"(?:(?<=[.:]\*\*)|(?=\s*(?:[{_DASHES}:.]|\n|$)))"
)
_ENDS_A_NAME = re.compile(rf"[.!?](?:\s|$)|\s[{_DASHES}/|]+\s|[:,;](?:\s|$)|\s*[(\[]|\n")

_LOSS = re.compile(r"\b(?:churn|risks?|los(?:e|es|ing|s)|retention|attrition)\b", re.IGNORECASE)
_SECTION_WORDS = {
    "name": r"^(?:the\s+)?(?:persona(?:['\u2019]s)?\s*)?(?:name|persona|nickname)\b",
    "description": r"\b(?:descriptions?|who they|identity|profile|overview|snapshot|sketch|portrait)\b",
    "why_dominant": r"\b(?:why|prefer\w*|needs?|motivat\w*)\b",
    "reach_on_weak": r"\b(?:reach\w*|weak\w*|secondary channels?|re-?engag\w*|activat\w*)\b",
    "journey": r"\b(?:journeys?|paths?|moves? between|flow)\b",
    "formats": r"\b(?:formats?|content)\b",
}
_STRATEGY_WORDS = {
    "consistency": r"\b(?:consisten\w*|adapt\w*|invest\w*)\b",
    "identity_resolution": r"\b(?:identit\w*|anonymous|resolution|matching)\b",
    "switch_moments": r"\b(?:switch\w*|moments?|triggers?|transitions?|hand-?offs?)\b",
}
# Without a heading for the strategy above it, a title must say more to be taken for one of its points.
_UNMISTAKABLE = re.compile(
    r"identity (?:resolution|gaps?)|consisten\w*.*adapt"
    r"|switch\w*.*(?:moment|trigger)|(?:moment|trigger)\w*.*switch"
    r"|channel[- ]switch",
    re.IGNORECASE,
)
_STRATEGY = re.compile(
    r"^(?:the\s+)?(?:(?:overall|unified|general|global|space-wide)\b.*\bstrateg|cross[-\s\u2011]?channel\s+(?:\w+\s+)?strateg"
    r"|omni[-\s\u2011]?channel\s+strateg|strateg(?:y|ic)\b|(?:overall|cross[-\s\u2011]?channel)\s+recommendations?)",
    re.IGNORECASE,
)
# Labels without any mark-up must be one of these, whole.
_PLAIN_LABEL = re.compile(
    r"(?:persona(?: name| description)?|name|description|why\b.{0,60}|how to reach\b.{0,60}|reach\b.{0,40}"
    r"|(?:cross-channel )?journey(?: map)?|content(?: formats?)?(?: recommendations?)?(?: per channel)?"
    r"|formats?|(?:churn )?risk\b.{0,40}|consistency\b.{0,40}|adaptation"
    r"|identity (?:resolution|gaps?)\b.{0,20}"
    r"|switch(?:ing)? moments|moments\b.{0,40})",
    re.IGNORECASE,
)


_NAMES_A_PATTERN = re.compile(r"dominan|omni", re.IGNORECASE)

# Finds the patterns of a rule's channels in a title.
Known = re.Pattern[str]


class Label(NamedTuple):
    """The words at a line's beginning that name what follows; `rest` is what follows on the same line."""

    words: str
    rest: str


class PatternTitle(NamedTuple):
    pattern: str
    name: str | None
    section: str | None = None  # `Email Dominant — Journey`
    rest: str = ""  # words behind the pattern that are none of these


def bare(text: str) -> str:
    """A title without emphasis, ornaments and counters: `**2. 📱 Mobile Dominant**` gives its two words."""
    words = re.sub(r"\*+|`|~~|(?<!\w)_+|_+(?!\w)", "", text).strip()
    words = _ORNAMENT.sub("", words)
    return _ORNAMENT.sub("", _COUNTER.sub("", words, count=1)).strip()


def known_patterns(channels: Iterable[str]) -> Known:
    """An expression that finds any pattern of these channels, by its key or label, however joined."""
    # The longest first, lest `in_app` be taken for `app`; gaps count exactly, lest `a_b` be taken for `a__b`.
    names = sorted(channels, key=len, reverse=True)
    alternatives = "|".join(name.replace("_", _GAP) for name in names)
    return re.compile(
        rf"(?<![\w])(?:(?P<channel>{alternatives}){_GAP}dominan(?:t|ce)|(?P<all>omni{_GAP}?channel))(?!\w)",
        re.IGNORECASE,
    )


def pattern_title(text: str, known: Known) -> PatternTitle | None:
    """The pattern that a title names, at its beginning or, behind the persona's name, at its end."""
    # Most lines name none: they are not worth the closer look that the rest of this takes.
    if not _NAMES_A_PATTERN.search(text):
        return None
    title = bare(text)
    if len(title) > MOST_TITLE_CHARACTERS:
        return None
    for found in known.finditer(title):
        before = title[: found.start()]
        after = re.sub(rf"^{_AFTER_PATTERN}", "", title[found.end() :], count=1, flags=re.IGNORECASE)
        key = _key(found)
        named = _last(key, before, after) if before.strip("[(") else _first(key, after)
        if named:
            return named
    return None


def _key(found: re.Match[str]) -> str:
    if found["all"]:
        return OMNICHANNEL
    return dominant(re.sub(_GAP, "_", found["channel"]).lower())


def _first(key: str, after: str) -> PatternTitle | None:
    """The pattern stands first: what follows is its persona's name, a section, figures, or nothing."""
    after = after.lstrip(")]") if not after.lstrip().startswith(("(", "[")) else after
    if after.strip() and not re.match(rf"\s*[:|/,(\[{_DASHES}{_QUOTES}]", after):
        return None
    words = _SEPARATOR.sub("", _FIGURES_IN_BRACKETS.sub("", after))
    if section := section_id(words):
        return PatternTitle(key, None, section)
    name = as_name(words)
    return PatternTitle(key, name, rest="" if name or _figure(words) else words)


def _last(key: str, before: str, after: str) -> PatternTitle | None:
    """The name stands first: `"The Operator" (Mobile Dominant)`, `The Operator — Mobile Dominant`."""
    opened = re.search(rf"(?:[(\[|:]|\s[{_DASHES}]+)\s*$", before)
    if not opened or _SEPARATOR.sub("", _FIGURES_IN_BRACKETS.sub("", after)).strip(")] "):
        return None
    name = as_name(before[: opened.start()])
    return PatternTitle(key, name) if name else None


def section_id(words: str) -> str | None:
    """The section that is titled exactly so, by its id or its heading in the question."""
    plain = re.sub(r"[\s/_-]+", " ", words).strip(" :").lower()
    exact = {title.lower(): key for key, title in SECTION_TITLES.items()}
    exact |= {key.replace("_", " "): key for key in (*SECTIONS, "name")}
    exact |= {"journey map": "journey", "churn risk": "risk", "content formats": "formats"}
    return exact.get(plain) or exact.get(words.strip().lower())


def as_name(words: str) -> str | None:
    """A persona's name out of the words where one is expected; None where they are a sentence or a figure."""
    words = re.sub(r"<[^<>]*>", "", words)
    quoted = _QUOTED.search(words)
    name = quoted[1] if quoted else _SEPARATOR.sub("", words)
    bracketed = _BRACKETED.match(name)
    name = " ".join((bracketed[1] if bracketed else name).strip(_QUOTES + " .*_").split())
    # A long name in quotation marks is a name, a long one without is a sentence.
    short = quoted is not None or len(name.split()) <= _MOST_NAME_WORDS
    fits = short and 1 < len(name) <= _MOST_NAME_CHARACTERS
    return name if fits and not _figure(name) and any(map(str.isalpha, name)) else None


def _figure(words: str) -> bool:
    """Whether a title's words are a group's size or share: `35 % of users`, `N=182`."""
    sized = re.match(r"(?:n\s*=\s*)?\d[\d.,\s]*(?:users|people|profiles)?$", words, re.IGNORECASE)
    return "%" in words or bool(sized)


def split_name(text: str) -> tuple[str | None, str]:
    """A persona's name at the beginning of a text, and the text after it."""
    stripped = text.strip()
    emphasised = re.match(r"(\*\*|__|\*|_)(?P<name>[^\n*]{2,80}?)\1", stripped)
    if emphasised:
        name, after = as_name(emphasised["name"]), stripped[emphasised.end() :]
    elif quoted := _QUOTED.match(stripped):
        name, after = as_name(quoted[0]), stripped[quoted.end() :]
    else:
        end = _ENDS_A_NAME.search(stripped)
        cut = end.start() if end else len(stripped)
        name, after = as_name(stripped[:cut]), stripped[cut:]
    if not name:
        return None, stripped
    return name, after.strip() if after.startswith("\n") else re.sub(rf"^[ \t.:;,|/{_DASHES}]+", "", after)


def leading_name(text: str) -> tuple[str | None, str]:
    """As `split_name`, for a text that need not begin with a name: it must be marked, and look like one."""
    if not _MARKED_NAME.match(text):
        return None, text
    name, rest = split_name(text)
    capital = name and all(word[0].isupper() for word in re.findall(r"[^\W\d_]{4,}", name))
    return (name, rest) if capital else (None, text)


def bold(text: str) -> tuple[str, str] | None:
    """The bold words that a line begins with, and what follows them."""
    found = re.match(r"[^\w*\"“]*(?:\d{1,2}[.)]\s*)?(\*\*|__)(?P<words>[^*\n]{2,200}?)\1(?P<after>.*)$", text)
    return (found["words"].strip(), found["after"].strip()) if found else None


def quotes(text: str, name: str) -> bool:
    """Whether a name stands in quotation marks within a line, or begins as names do."""
    return name.startswith("The ") or re.search(rf"[{_QUOTES}]\s*{re.escape(name)}", text) is not None


def label(text: str) -> Label | None:
    """The label that a line begins with, bold (`**Why mobile:** …`, `**Journey** — …`) or plain."""
    bolded = bold(text)
    if not bolded:
        plain = re.match(r"(?P<words>[^:*|]{3,80}):(?:\s+(?P<after>.*))?$", text)
        fits = plain and _PLAIN_LABEL.fullmatch(bare(plain["words"]))
        return Label(bare(plain["words"]), plain["after"] or "") if plain and fits else None
    words, after = bolded
    head, colon, tail = words.partition(":")
    if colon:
        return Label(bare(head), f"{tail.strip()} {after}".strip())
    if after and not words.endswith(("?", ".", "!")) and not runs_in(after):
        return None
    return Label(bare(words), run_in(after))


def runs_in(after: str) -> bool:
    """Whether what follows bold words makes a label of them: a colon, a dash or a bracket."""
    return re.match(rf"[:{_DASHES}(]", after) is not None


def run_in(after: str) -> str:
    """What follows a label, without the colon or dash between."""
    return re.sub(rf"^[:{_DASHES}\s]+", "", after)


def heading_label(text: str) -> Label:
    """A heading's words up to a colon, and what follows it: `### Risk: high` has a rest."""
    head, colon, tail = text.partition(":")
    if not colon and (
        dashed := re.match(
            rf"(?i)(\W*(?:\d+[.)]\s*)?(?:persona|name|persona name))\s+[{_DASHES}]+\s+(.+)$", text
        )
    ):
        head, tail = dashed[1], dashed[2]
    return Label(bare(head), tail.strip())


def section(words: str) -> str | None:
    """The section of a pattern that a title names, or `name`; None for any other title."""
    if len(words) > _MOST_LABEL_CHARACTERS:
        return None
    if exact := section_id(words):
        return exact
    return "risk" if _LOSS.search(words) else _earliest(words, _SECTION_WORDS)


def strategy_section(words: str, *, unmistakable: bool = False) -> str | None:
    """The point of the strategy that a title names; `unmistakable`: where no title announces the strategy."""
    if len(words) > _MOST_LABEL_CHARACTERS or (unmistakable and not _UNMISTAKABLE.search(words)):
        return None
    exact = {title.lower(): key for key, title in STRATEGY_TITLES.items()}
    exact |= {key.replace("_", " "): key for key in STRATEGY_SECTIONS}
    return exact.get(words.lower().replace("_", " ")) or _earliest(words, _STRATEGY_WORDS)


def opens_strategy(words: str, *, within_pattern: bool = False) -> bool:
    """Whether a title announces the strategy for the whole space; within a pattern's part it must say so."""
    if len(words) > _MOST_LABEL_CHARACTERS or not _STRATEGY.match(words):
        return False
    return not within_pattern or re.search(r"\b(?:cross|overall)\b", words, re.IGNORECASE) is not None


def _earliest(words: str, vocabulary: dict[str, str]) -> str | None:
    """The entry whose word comes first: in "Content formats for weak channels" that is `formats`."""
    found = {
        key: match.start()
        for key, expression in vocabulary.items()
        if (match := re.search(expression, words, re.IGNORECASE))
    }
    return min(found, key=lambda key: found[key]) if found else None
