"""The messages to Mave: every figure beside its name, other people's words fenced, nobody's profile."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from persona import wording
from persona.check.facts import EVERYBODY, NAMED_BY_OTHERS, Facts
from persona.masking import printable
from persona.model import Drift, Fact, PatternDrift, Summary
from persona.wording import label, plain

# Identifier types named a group; the rest are only counted, lest a hundred of them drown the question.
MOST_TYPES = 12
# Names that a follow-up lists as wrong; an answer that invents more is told what the rule is all the same.
_MOST_UNRESOLVED = 20
# A persona's name may be longer than a plan's.
_NAME_CHARACTERS = 80


def compose(
    summary: Summary, facts: Facts, *, names: Mapping[str, str], drift: Drift | None, reference: str
) -> str:
    """The question: the figures with their names, what is wanted, and the form of the answer.

    `facts` are those of the summary and the drift. `names` are the personas' names in the previous framework,
    by pattern. A drift is told where the two summaries can be compared.

    Raises:
        jinja2.UndefinedError: the template has a hole that nothing fills.
        ValueError: the reference would not stand on a line of its own.
    """
    keys = {pattern.key for pattern in summary.patterns}
    names_before = {key: printable(name, _NAME_CHARACTERS) for key, name in names.items() if key in keys}
    comparable = drift if drift and drift.comparable else None
    return _message(
        "ask",
        summary,
        facts,
        reference,
        channels=[plain(channel) for channel in summary.rule.channels],
        sample=summary.source.sample,
        sampling=_one_line(summary.source.sampling),
        activity=summary.rule.activity,
        window=_window(summary.rule.window_days),
        notes=_notes(summary),
        patterns=summary.patterns,
        everybody=EVERYBODY,
        figures=lambda subject, people="": list(_figures(facts, subject, people)),
        labels_as_data=_data(summary, facts, names_before),
        changes=_changes(summary, comparable) if comparable else [],
        since=comparable.since[: len("2026-11-23")] if comparable else "",
        keeps_names=bool(names_before),
    )


def follow_up(
    sections: Sequence[str],
    summary: Summary,
    facts: Facts,
    *,
    unresolved: Iterable[str] = (),
    reference: str,
) -> str:
    """The message that asks, in the same thread, for exactly these sections (`email_dominant/journey`).

    `unresolved` are the names in them that do not exist.
    """
    wrong = [printable(name, _NAME_CHARACTERS).replace("`", "") for name in unresolved][:_MOST_UNRESOLVED]
    return _message(
        "follow_up", summary, facts, reference, sections=[_asked(path) for path in sections], unresolved=wrong
    )


def proceed(summary: Summary, facts: Facts, *, reference: str) -> str:
    """The one answer to a clarifying question: go ahead with what was given, and say what was assumed."""
    return _message("proceed", summary, facts, reference)


def fill(template: str, **parts: object) -> str:
    """A template with its holes filled.

    Raises:
        jinja2.UndefinedError: a hole is left.
    """
    return _compiled(template).render(**parts)


@cache
def _compiled(template: str) -> Template:
    # Markdown for a language model, not HTML for a browser: escaping `&` and `<` would only spoil it.
    # What comes from outside stands in JSON within a fence that it cannot close.
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(template)  # noqa: S701 - see above


@cache
def _template() -> str:
    return Path(__file__).with_suffix(".md").read_text(encoding="utf-8")


def _message(kind: str, summary: Summary, facts: Facts, reference: str, **parts: object) -> str:
    if not reference.strip() or not reference.isprintable():
        raise ValueError("a message's reference is one line of text, so that threads can be searched for it")
    return fill(
        _template(),
        kind=kind,
        reference=reference,
        labels=[pattern.label for pattern in summary.patterns],
        section_titles=wording.SECTION_TITLES,
        next_step_titles=wording.NEXT_STEP_TITLES,
        strategy_title=wording.STRATEGY_TITLE,
        strategy_titles=list(wording.STRATEGY_TITLES.values()),
        assumptions=wording.ASSUMPTIONS,
        example=_example(summary, facts),
        arithmetic=_arithmetic(summary, facts),
        **parts,
    )


def _example(summary: Summary, facts: Facts) -> tuple[str, str]:
    """A name in braces, and what stands in its place in the end."""
    first = summary.patterns[0].key
    name = next(name for name in (f"{first}.avg_ltv", f"{first}.share") if name in facts)
    return _braces(name), facts[name].text


def _arithmetic(summary: Summary, facts: Facts) -> list[str]:
    """Three comparisons within this message's own figures, as they should be written."""
    first, last = summary.patterns[0].key, summary.patterns[-1].key
    other = "all" if first == last else last
    average = next(name.partition(".")[2] for name in facts if name.startswith(f"{first}.avg_"))
    rest = "few_identifiers_share" if f"{first}.few_identifiers_share" in facts else "share"
    third = f"{first}.share + {last}.share" if first != last else f"{first}.people / all.people"
    return [
        f"{_braces(f'{first}.{average} / {other}.{average}')} times",
        _braces(f"1 - {first}.{rest}"),
        _braces(third),
    ]


def _braces(name: str) -> str:
    return f"{{{{{name}}}}}"


def _asked(path: str) -> str:
    """A section as the question titles it, with its path behind."""
    place, _, section = path.partition("/")
    if place == "strategy":
        return f"{wording.STRATEGY_TITLE}: {wording.STRATEGY_TITLES[section]} ({path})"
    return f"{label(place)}: {wording.SECTION_TITLES.get(section, 'persona name')} ({path})"


def _notes(summary: Summary) -> list[str]:
    notes = [f"Held back: {what.replace('_', ' ')}. {why}" for what, why in summary.withheld.items()]
    if summary.totals.avg_ltv is None:
        notes.append("There is no LTV in the data: say nothing about what these people are worth.")
    if summary.totals.avg_identities is None:
        notes.append("There are no external identifiers in the data.")
    if summary.suppressed:
        small = ", ".join(map(label, summary.suppressed))
        notes.append(f"Too small to show, and not to be written about: {small}.")
    if alike := _worth_alike(summary):
        notes.append(f"No clear difference in average LTV, so call neither worth more: {'; '.join(alike)}.")
    return [_one_line(note) for note in (*summary.warnings, *notes)]


def _worth_alike(summary: Summary) -> list[str]:
    """Neighbours by average LTV whose intervals overlap."""
    ranked = sorted(
        (interval, pattern.label) for pattern in summary.patterns if (interval := pattern.avg_ltv_ci95)
    )
    return [
        f"{below} and {above}"
        for (interval, below), (interval_above, above) in pairwise(ranked)
        if interval[1] >= interval_above[0]
    ]


def _window(days: int | None) -> str:
    return "counts as many days as each trait does" if days is None else f"counts {days} days"


def _one_line(sentence: str) -> str:
    return " ".join(sentence.split())


def _figures(facts: Facts, subject: str, people: str) -> Iterator[str]:
    """A subject's figures with their names; what other people named stands with the data."""
    for name, fact in facts.items():
        owner, _, own = name.partition(".")
        if owner == subject and not own.startswith(NAMED_BY_OTHERS):
            yield f"{_braces(name)} {_line(fact, people)}"


def _line(fact: Fact, people: str) -> str:
    return f"{fact.label.removesuffix(f' of {people}')}: {fact.text}"


def _data(summary: Summary, facts: Facts, names: dict[str, str]) -> str:
    """Everything that other people named, as JSON that neither closes its fence nor opens a tag."""
    groups = [(pattern.key, pattern.label) for pattern in summary.patterns]
    content: dict[str, object] = {
        "channel_traits": {channel: printable(trait) for channel, trait in summary.rule.channels.items()},
        "identifiers": {
            subject: labels
            for subject, people in (("all", EVERYBODY), *groups)
            if (labels := _labels(facts, f"{subject}.has_", people, MOST_TYPES))
        },
        "most_common_plans": {
            subject: labels
            for subject, people in groups
            if (labels := _labels(facts, f"{subject}.plan_", people))
        },
    }
    if names:
        content["previous_persona_names"] = names
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return text.replace("`", "\\u0060").replace("~", "\\u007e").replace("<", "\\u003c")


def _labels(facts: Facts, beginning: str, people: str, most: int | None = None) -> dict[str, str]:
    """The facts of one kind of one subject: the name in braces, then what it is and how much."""
    labels = {
        _braces(name): _line(fact, people) for name, fact in facts.items() if name.startswith(beginning)
    }
    first = dict(list(labels.items())[:most])
    return first | ({"…": f"{len(labels) - len(first)} more"} if len(labels) > len(first) else {})


def _changes(summary: Summary, drift: Drift) -> list[str]:
    """What has become of each pattern, with a word on whether it may be chance."""
    verdict = "more than" if drift.significant else "no more than"
    entries = [entry for entry in drift.patterns if entry.pattern not in summary.suppressed]
    return [f"Taken together, this is {verdict} sampling noise.", *map(_change, entries)]


def _change(entry: PatternDrift) -> str:
    if entry.share_before is None:
        return f"{label(entry.pattern)}: new"
    if entry.share_after is None:
        return f"{label(entry.pattern)}: gone"
    chance = "more" if entry.significant else "no more"
    names = ", ".join(_braces(f"{entry.pattern}.{fact}") for fact in ("share_before", "share_change"))
    return f"{label(entry.pattern)} ({names}): {chance} than chance explains"
