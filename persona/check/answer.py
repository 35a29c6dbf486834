"""What Mave's answers say together: sections, figures filled in, and what a follow-up should ask for."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from persona.check.facts import Facts
from persona.check.figures import Passage, Passages
from persona.check.sections import MOST_CHARACTERS, STRATEGY, cut
from persona.check.titles import pattern_names
from persona.errors import Invalid
from persona.model import SECTIONS, STRATEGY_SECTIONS, Checks, NextStep, Persona, Strategy, Summary
from persona.wording import NEXT_STEP_TITLES, plain

MOST_UNRESOLVED = 200
# From more than this share of typed figures on, the sections that hold them are asked for again.
MOST_TYPED_SHARE = 0.5
_QUESTION = re.compile(r"[?\uff1f\u061f](?![\w=&/])")
# What begins a part of a next step: `- **Action:** Send …`.
_STEP = re.compile(
    rf"^(?:[^\S\n]|[*_+-]){{0,20}}({'|'.join(NEXT_STEP_TITLES)})(?:[^\S\n]|[*_]){{0,6}}:(?:[^\S\n]|[*_]){{0,6}}",
    re.IGNORECASE | re.MULTILINE,
)
NO_PATTERN = "No persona could be found in the answer: it stands here whole, as it came."
NO_WORDS = "expected an answer in words, got none; the raw answer is kept in the run's folder: read it"

# Passages by the path of their section; a next step in its parts.
_Sections = dict[str, list[Passage]]


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
    paths = [f"{key}/{section}" for key in keys for section in ("name", *SECTIONS)]
    paths += [f"{STRATEGY}/{section}" for section in STRATEGY_SECTIONS]
    texts: list[str] = []
    sections: _Sections = {}
    outside: list[Passage] = []
    patterns: set[str] = set()
    for content in contents:
        read, beside, titled = _read(content, summary, passages)
        if patterns or titled & set(keys):
            texts = texts if patterns else []
            asked = _to_ask(sections, paths)
            for path, parts in read.items():
                if path not in sections or (path in asked and _faults(parts) < _faults(sections[path])):
                    sections[path] = parts
            outside += beside
            patterns |= titled
        texts.append(passages.filling.fill(content).text)
    is_question = not patterns and not read and _QUESTION.search(contents[0][:MOST_CHARACTERS])
    asked = _to_ask(sections, paths)
    together = [one for parts in (*sections.values(), outside) for one in parts]
    words = {one.path: one.text for one in together}
    unresolved = _once(one.unresolved for path in asked for one in sections.get(path, ()))
    order = dict.fromkeys(pattern_names(summary.rule.channels).values())
    return CheckedAnswer(
        personas=[_persona(key, words, summary) for key in order if key in patterns],
        strategy=Strategy(**{key: words.get(f"{STRATEGY}/{key}") for key in STRATEGY_SECTIONS}),
        narrative="\n\n".join(texts),
        checks=_checks(together, [path for path in paths if path not in sections]),
        warnings=[] if patterns else [NO_PATTERN],
        asks_back=len(contents) == 1 and bool(is_question),
        sections_to_ask=asked,
        unresolved_to_ask=unresolved[:MOST_UNRESOLVED],
    )


def _read(content: str, summary: Summary, passages: Passages) -> tuple[_Sections, list[Passage], set[str]]:
    """One answer's sections, what stands outside of them, and the patterns that it titles."""
    sections, outside, patterns = cut(content, list(summary.rule.channels))
    names = {pattern.label: pattern.key for pattern in summary.patterns}
    for path, text in sections.items():
        if path.endswith("/name"):
            name = passages.filling.fill(text).text
            names |= dict.fromkeys((name, name.removeprefix("The ")), path.partition("/")[0])
    read = {
        path: [passages.read(part, words, names) for part, words in _parts(path, text)]
        for path, text in sections.items()
    }
    beside = [passages.read("", text, names) for text in outside]
    return {path: parts for path, parts in read.items() if parts}, beside, patterns


def _parts(path: str, text: str) -> list[tuple[str, str]]:
    """A section's text; a next step in its labelled parts, where what has no label is the action."""
    if not path.endswith("/next_step"):
        return [(path, text)]
    first, *labelled = _STEP.split(text)
    parts: dict[str, list[str]] = defaultdict(list)
    for part, words in zip(["action", *labelled[::2]], [first, *labelled[1::2]], strict=True):
        parts[part.lower()].append(words.removesuffix("\n"))
    texts = {f"{path}.{part}": "\n".join(words).strip() for part, words in parts.items()}
    return [one for one in texts.items() if one[1]] if texts[f"{path}.action"] else []


def _to_ask(sections: _Sections, paths: Iterable[str]) -> list[str]:
    """The sections that are missing, that name no figure, and, where most figures are typed, those."""
    passages = [one for parts in sections.values() for one in parts]
    mostly = sum(one.typed for one in passages) > MOST_TYPED_SHARE * sum(len(one.figures) for one in passages)

    def is_faulty(parts: Sequence[Passage]) -> bool:
        return any(one.unresolved or (mostly and one.typed) for one in parts)

    return [path for path in paths if path not in sections or is_faulty(sections[path])]


def _faults(passages: Iterable[Passage]) -> int:
    return sum(len(one.unresolved) + one.typed for one in passages)


def _checks(passages: Sequence[Passage], missing_sections: list[str]) -> Checks:
    return Checks(
        missing_sections=missing_sections,
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
