"""What Mave's answers say together: sections, figures filled in, and what a follow-up should ask for.

from_data      the program filled the figure in
equal          the author typed it, and it is a fact
not_in_data    the author typed it, and there is no such figure
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from persona.check.facts import Facts
from persona.check.passages import Passage, Passages
from persona.check.sections import MOST_CHARACTERS, STRATEGY, cut
from persona.errors import Invalid
from persona.model import (
    OMNICHANNEL,
    SECTIONS,
    STRATEGY_SECTIONS,
    Checks,
    NextStep,
    Persona,
    Strategy,
    Summary,
    dominant,
)
from persona.wording import NEXT_STEP_TITLES, plain

MOST_UNRESOLVED = 200
# From more than this share of typed figures on, the sections that hold them are asked for again.
MOST_TYPED_SHARE = 0.5
_QUESTION = re.compile(r"[?\uff1f\u061f](?![\w=&/])")
# A line of a next step: `- **Action:** Send …`.
_STEP = re.compile(
    rf"[\s*_+-]{{0,20}}({'|'.join(NEXT_STEP_TITLES.values())})[\s*_]{{0,6}}:[\s*_]{{0,6}}(.*)", re.IGNORECASE
)
NO_PATTERN = "No persona could be found in the answer: it stands here whole, as it came."
NO_WORDS = "expected an answer in words, got none; the raw answer is kept in the run's folder: read it"


class CheckedAnswer(NamedTuple):
    """The answers, read and filled in."""

    personas: list[Persona]  # in the rule's order
    strategy: Strategy
    narrative: str  # all of it, figures filled in
    checks: Checks
    warnings: list[str]  # what the reader should know first
    asks_back: bool  # a clarifying question, and nothing else
    sections_to_ask: list[str]  # what a follow-up should ask for: "email_dominant/journey"
    unresolved_to_ask: list[str]  # the names in them that do not exist


class _Answer(NamedTuple):
    """One answer, or several together."""

    sections: dict[str, list[Passage]]  # by path; a next step in its parts
    outside: list[Passage]
    patterns: set[str]

    def passages(self) -> list[Passage]:
        return [one for parts in (*self.sections.values(), self.outside) for one in parts]


def read_answers(contents: Sequence[str], summary: Summary, facts: Facts, currency: str) -> CheckedAnswer:
    """The answers of one conversation, in order, as one framework.

    What came before the first answer with a pattern of the summary (a question back) is left out. A later
    answer fills what is missing, and replaces only sections that `sections_to_ask` names of what came before.
    Without any pattern the words stand as they came, and every section is missing.

    Raises:
        Invalid: there is no text at all.
    """
    contents = [content for content in contents if content.strip()]
    if not contents:
        raise Invalid("mave", NO_WORDS)
    passages = Passages(summary.rule, facts, currency)
    keys = [pattern.key for pattern in summary.patterns]
    texts: list[str] = []
    together = _Answer({}, [], set())
    for content in contents:
        answer = _read(content, summary, passages)
        if together.patterns:
            together = _merged(together, answer, keys)
        elif answer.patterns & set(keys):
            together, texts = answer, []
        texts.append(passages.filling.fill(content).text)
    # A clarifying question: one is asked, and no pattern or section is titled.
    asks_back = len(contents) == 1 and not together.patterns and not answer.sections
    asks_back = asks_back and _QUESTION.search(contents[0][:MOST_CHARACTERS]) is not None
    words = {one.path: one.text for one in together.passages()}
    order = [*map(dominant, summary.rule.channels), OMNICHANNEL]
    to_ask = _to_ask(together, keys)
    faulty = [one for path in to_ask for one in together.sections.get(path, ())]
    return CheckedAnswer(
        personas=[_persona(key, words, summary) for key in order if key in together.patterns],
        strategy=Strategy(**{key: words.get(f"{STRATEGY}/{key}") for key in STRATEGY_SECTIONS}),
        narrative="\n\n".join(texts),
        checks=_checks(together, keys),
        warnings=[] if together.patterns else [NO_PATTERN],
        asks_back=asks_back,
        sections_to_ask=to_ask,
        unresolved_to_ask=_once(one.unresolved for one in faulty)[:MOST_UNRESOLVED],
    )


def _read(content: str, summary: Summary, passages: Passages) -> _Answer:
    sections, outside, patterns = cut(content, list(summary.rule.channels))
    names = {pattern.label: pattern.key for pattern in summary.patterns}
    for path, text in sections.items():
        if path.endswith("/name"):
            name = passages.filling.fill(text).text
            names |= dict.fromkeys((name, name.removeprefix("The ")), path.partition("/")[0])
    by_path = {
        path: [passages.read(part, words, names) for part, words in _parts(path, text)]
        for path, text in sections.items()
    }
    beside = [passages.read("", text, names) for text in outside]
    return _Answer({path: parts for path, parts in by_path.items() if parts}, beside, patterns)


def _parts(path: str, text: str) -> list[tuple[str, str]]:
    """A section's text; a next step in its labelled parts, where what has no label is the action."""
    if not path.endswith("/next_step"):
        return [(path, text)]
    labels = {title.lower(): part for part, title in NEXT_STEP_TITLES.items()}
    parts: dict[str, list[str]] = {}
    part = "action"
    for line in text.split("\n"):
        label = _STEP.match(line)
        part = labels[label[1].lower()] if label else part
        parts.setdefault(part, []).append(label[2] if label else line)
    texts = {f"{path}.{part}": "\n".join(lines).strip() for part, lines in parts.items()}
    return [one for one in texts.items() if one[1]] if texts.get(f"{path}.action") else []


def _paths(keys: Iterable[str]) -> list[str]:
    """All sections that a whole framework has."""
    sections = [f"{key}/{section}" for key in keys for section in ("name", *SECTIONS)]
    return [*sections, *(f"{STRATEGY}/{section}" for section in STRATEGY_SECTIONS)]


def _merged(first: _Answer, second: _Answer, keys: Iterable[str]) -> _Answer:
    """The first answer with what it lacked, and what was asked for again, taken from the second."""
    sections = second.sections | first.sections
    for path in _to_ask(first, keys):
        versions = [one.sections[path] for one in (first, second) if path in one.sections]
        if versions:
            sections[path] = min(versions, key=_faults)
    return _Answer(sections, first.outside + second.outside, first.patterns | second.patterns)


def _faults(passages: Sequence[Passage]) -> int:
    return sum(len(one.unresolved) + one.typed for one in passages)


def _to_ask(answer: _Answer, keys: Iterable[str]) -> list[str]:
    """The sections that are missing, that name no figure, and, where most figures are typed, those."""
    passages = [one for parts in answer.sections.values() for one in parts]
    mostly = sum(one.typed for one in passages) > MOST_TYPED_SHARE * sum(len(one.figures) for one in passages)

    def is_faulty(parts: Sequence[Passage]) -> bool:
        return any(one.unresolved or (mostly and one.typed) for one in parts)

    return [path for path in _paths(keys) if path not in answer.sections or is_faulty(answer.sections[path])]


def _checks(answer: _Answer, keys: Iterable[str]) -> Checks:
    passages = answer.passages()
    return Checks(
        missing_sections=[path for path in _paths(keys) if path not in answer.sections],
        unresolved=_once(one.unresolved for one in passages),
        unlike=_once(one.unlike for one in passages),
        assumptions=sum(len(one.assumed) for one in passages),
        assumed=[span for one in passages if one.path for span in one.assumed],
        figures=[figure for one in passages for figure in one.figures],
    )


def _persona(key: str, words: Mapping[str, str], summary: Summary) -> Persona:
    action, channel, measure = (words.get(f"{key}/next_step.{part}") for part in NEXT_STEP_TITLES)
    if channel:  # the key of the channel that is named first, or the words as they are
        spoken = f" {channel.casefold().replace('_', ' ').replace('-', ' ')} "
        places = {spoken.find(f" {plain(one).casefold()}"): one for one in summary.rule.channels}
        channel = min(((at, one) for at, one in places.items() if at >= 0), default=(0, channel))[1]
    step = NextStep(action=action, channel=channel, measure=measure) if action else None
    sections = {section: words.get(f"{key}/{section}") for section in ("name", *SECTIONS[:-1])}
    return Persona(pattern=key, next_step=step, **sections)


def _once(names: Iterable[Iterable[str]]) -> list[str]:
    return [*dict.fromkeys(name for some in names for name in some)]
