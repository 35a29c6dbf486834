"""What Mave's answers say together: sections, figures filled in, and what a follow-up should ask for."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from persona import model
from persona.check.facts import Facts
from persona.check.figures import Passage, Passages
from persona.check.sections import STRATEGY, cut
from persona.errors import Invalid
from persona.model import SECTIONS, STRATEGY_SECTIONS, Checks, NextStep, Persona, Strategy, Summary
from persona.wording import NEXT_STEP_TITLES, plain

_QUESTION = re.compile(r"[?\uff1f\u061f](?![\w=&/])")
# What begins a part of a next step: `- **Action:** Send …`.
_STEP = re.compile(
    rf"^(?:[^\S\n]|[*_+-]){{0,20}}({'|'.join(NEXT_STEP_TITLES)})(?:[^\S\n]|[*_]){{0,6}}:(?:[^\S\n]|[*_]){{0,6}}",
    re.IGNORECASE | re.MULTILINE,
)
NO_PATTERN = "No persona could be found in the answer: it stands here whole, as it came."


class CheckedAnswer(NamedTuple):
    """The answers, read and filled in."""

    personas: list[Persona]  # in the rule's order
    strategy: Strategy
    narrative: str  # all of it, figures filled in
    checks: Checks
    warnings: list[str]  # what the reader should know first
    asks_back: bool  # a clarifying question, and nothing else
    sections_to_ask: list[str]  # what a follow-up should ask for: "email_dominant/journey"


def read_answers(contents: Sequence[str], summary: Summary, facts: Facts, currency: str) -> CheckedAnswer:
    """The answers of one conversation, in order, as one framework.

    What came before the first answer with a section (a question back) is left out. A later answer fills what
    is missing, and replaces only sections that `sections_to_ask` names of what came before. Without any
    section the words stand as they came, and all sections are missing.

    Raises:
        Invalid: there is no text at all.
    """
    contents = [content for content in contents if content.strip()]
    if not contents:
        raise Invalid("mave", "expected an answer in words, got none; read the raw one in the run's folder")
    passages = Passages(summary.rule, facts, currency)
    paths = [f"{pattern.key}/{section}" for pattern in summary.patterns for section in ("name", *SECTIONS)]
    paths += [f"{STRATEGY}/{section}" for section in STRATEGY_SECTIONS]
    sections, outside, texts = _together(contents, paths, summary, passages)
    words = {path: passage.text for path, passage in sections.items()}
    owners = {path.partition("/")[0] for path in words}
    keys = [*map(model.dominant, summary.rule.channels), model.OMNICHANNEL]
    together = [*sections.values(), *outside]
    return CheckedAnswer(
        personas=[_persona(key, words, summary) for key in keys if key in owners],
        strategy=Strategy(**{key: words.get(f"{STRATEGY}/{key}") for key in STRATEGY_SECTIONS}),
        narrative="\n\n".join(texts),
        checks=Checks(
            missing_sections=[path for path in paths if path not in words and f"{path}.action" not in words],
            unresolved=list(dict.fromkeys(name for one in together for name in one.unresolved)),
            unlike=list(dict.fromkeys(name for one in together for name in one.unlike)),
            assumptions=sum(len(one.assumed) for one in together),
            assumed=[span for one in sections.values() for span in one.assumed],
            figures=[figure for one in together for figure in one.figures],
        ),
        warnings=[] if owners - {STRATEGY} else [NO_PATTERN],
        asks_back=len(contents) == 1 and not sections and _QUESTION.search(contents[0]) is not None,
        sections_to_ask=_to_ask(sections, paths),
    )


def _together(
    contents: Sequence[str], paths: Sequence[str], summary: Summary, passages: Passages
) -> tuple[dict[str, Passage], list[Passage], list[str]]:
    """The answers' sections by their path (of a next step, its parts), what belongs to none, the texts."""
    sections: dict[str, Passage] = {}
    outside: list[Passage] = []
    texts: list[str] = []
    for content in contents:
        read = _read(content, summary, passages)
        beside = read.pop("", None)
        if read and not sections:
            texts, outside = [], []
        asked = _to_ask(sections, paths)
        for path, one in read.items():
            before = sections.get(path, one)
            faults, faults_before = (len(it.unresolved) + it.typed for it in (one, before))
            is_better = path.partition(".")[0] in asked and faults < faults_before
            sections[path] = one if is_better else before
        outside += [beside] if beside else []
        texts.append(passages.fill(content).text)
    return sections, outside, texts


def _read(content: str, summary: Summary, passages: Passages) -> dict[str, Passage]:
    """One answer's sections by their path, a next step in its labelled parts; outside of all, path ""."""
    texts: dict[str, str] = {}
    names = {pattern.label: pattern.key for pattern in summary.patterns}
    for path, text in cut(content, summary.rule.channels).items():
        owner, _, section = path.partition("/")
        if section == "name":
            name = passages.fill(text).text
            names |= dict.fromkeys((name, name.removeprefix("The ")), owner)
        # What has no label is the action.
        first, *labelled = _STEP.split(text) if section == "next_step" else [text]
        parts = [("action", first), *zip(labelled[::2], labelled[1::2], strict=True)]
        for part, words in parts:
            key = f"{path}.{part.lower()}" if section == "next_step" else path
            texts[key] = f"{texts[key]}\n{words}".strip() if texts.get(key) else words.strip()
    return {path: passages.read(path, text, names) for path, text in texts.items() if text}


def _to_ask(sections: Mapping[str, Passage], paths: Sequence[str]) -> list[str]:
    """The sections that are missing, that name no figure, and, where more than half are typed, those."""
    figures = sum(len(one.figures) for one in sections.values())
    mostly = 2 * sum(one.typed for one in sections.values()) > figures
    faulty = {path for path, one in sections.items() if one.unresolved or (mostly and one.typed)}
    # A next step is one where it has an action.
    good = {path.removesuffix(".action") for path in sections} - {path.partition(".")[0] for path in faulty}
    return [path for path in paths if path not in good]


def _persona(key: str, words: Mapping[str, str], summary: Summary) -> Persona:
    action, channel, measure = (words.get(f"{key}/next_step.{part}") for part in NEXT_STEP_TITLES)
    if channel:  # the key of the channel that is named first, or the words as they are
        spoken = f" {channel.casefold().replace('_', ' ').replace('-', ' ')} "
        places = {spoken.find(f" {plain(one).casefold()}"): one for one in summary.rule.channels}
        channel = min(((at, one) for at, one in places.items() if at >= 0), default=(0, channel))[1]
    step = NextStep(action=action, channel=channel, measure=measure) if action else None
    sections = {section: words.get(f"{key}/{section}") for section in ("name", *SECTIONS[:-1])}
    return Persona(pattern=key, next_step=step, **sections)
