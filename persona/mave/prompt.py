"""The messages to Mave: every figure beside its name, other people's words fenced, nobody's profile."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from persona import wording
from persona.check.answer import CheckedAnswer
from persona.check.facts import EVERYBODY, NAMED_BY_OTHERS, Facts
from persona.masking import printable
from persona.model import Answer, Baseline, Fact, Message, Summary
from persona.wording import label, plain

# Identifier types named a group; the rest are only counted, lest a hundred of them drown the question.
MOST_NAMED = 12
# Names that a follow-up lists as wrong; an answer that invents more is told what the rule is all the same.
_MOST_UNRESOLVED = 20
# From here on the message has it divided by; below, a figure is written as 0.0.
_LEAST_DIVISOR = 0.05
# A persona's name may be longer than a plan's.
_NAME_CHARACTERS = 80
# Markdown for a language model, not HTML for a browser: escaping `&` and `<` would only spoil it. What comes
# from outside stands in JSON within a fence that it cannot close. A hole that nothing fills is an error.
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - see above
)


def first_message(summary: Summary, facts: Facts, baseline: Baseline) -> Message:
    """The question: the figures with their names, what is wanted, and the form of the answer.

    `facts` are those of the summary and the drift. Patterns keep the baseline's names; its drift is told
    where the two summaries can be compared.

    Raises:
        jinja2.UndefinedError: the template has a hole that nothing fills.
    """
    keys = [pattern.key for pattern in summary.patterns]
    names = {key: printable(name, _NAME_CHARACTERS) for key, name in baseline.names.items() if key in keys}
    drift = baseline.drift if baseline.drift and baseline.drift.comparable else None
    days = summary.rule.window_days
    text = _text(
        "ask",
        summary,
        facts,
        channels=[plain(channel) for channel in summary.rule.channels],
        sample=summary.source.sample,
        sampling=" ".join(summary.source.sampling.split()),
        activity=summary.rule.activity,
        window=f"{days} days" if days is not None else "a time that the traits do not name",
        notes=_notes(summary),
        patterns=summary.patterns,
        suppressed=summary.suppressed,
        everybody=EVERYBODY,
        figures=lambda subject, people="": list(_figures(facts, subject, people)),
        labels_as_data=_data(summary, facts, names),
        drift=drift,
        label=label,
        braces=_braces,
        keeps_names=bool(names),
    )
    return Message(text=text)


def next_message(
    summary: Summary, facts: Facts, answers: Sequence[Answer], checked: CheckedAnswer
) -> Message | None:
    """What to say after these answers, in their thread; None: there is nothing more to say.

    A clarifying question is answered once: go ahead with what was given. Of a framework, exactly the sections
    that are missing or hold names of no figure are asked for.
    """
    thread_id = next((answer.thread_id for answer in reversed(answers) if answer.thread_id), None)
    if thread_id and checked.asks_back:
        return Message(text=_text("proceed", summary, facts), thread_id=thread_id)
    if not (thread_id and checked.sections_to_ask):
        return None
    unresolved = checked.checks.unresolved[:_MOST_UNRESOLVED]
    wrong = [printable(name, _NAME_CHARACTERS).replace("`", "") for name in unresolved]
    sections = [_asked(path) for path in checked.sections_to_ask]
    text = _text("follow_up", summary, facts, sections=sections, unresolved=wrong)
    return Message(text=text, thread_id=thread_id, essential=False)


def _text(kind: str, summary: Summary, facts: Facts, **parts: object) -> str:
    return TEMPLATES.get_template("prompt.md").render(
        kind=kind,
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


def _example(summary: Summary, facts: Facts) -> list[str]:
    """A sentence as it should be written, and as the reader sees it."""
    first = summary.patterns[0].key
    name, said = f"{first}.avg_ltv", "Each is worth {} on average."
    if name not in facts:
        name, said = f"{first}.share", "They are {} of all classified people."
    return [said.format(shown) for shown in (_braces(name), facts[name].text)]


def _arithmetic(summary: Summary, facts: Facts) -> list[str]:
    """Three comparisons within this message's own figures, as they should be written."""
    first, last = summary.patterns[0].key, summary.patterns[-1].key
    other = "all" if first == last else last
    # What nearly nobody does is nothing to divide by.
    averages = (name.partition(".")[2] for name in facts if name.startswith(f"{first}.avg_"))
    average = next((one for one in averages if facts[f"{other}.{one}"].value >= _LEAST_DIVISOR), "people")
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
    ranked = sorted((one.avg_ltv_ci95, one.label) for one in summary.patterns if one.avg_ltv_ci95)
    # Neighbours whose intervals overlap.
    alike = [f"{below} and {above}" for (low, below), (high, above) in pairwise(ranked) if low[1] >= high[0]]
    if alike:
        notes.append(f"No clear difference in average LTV, so call neither worth more: {'; '.join(alike)}.")
    return [" ".join(note.split()) for note in (*summary.warnings, *notes)]


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
    subjects = {"all": EVERYBODY} | {pattern.key: pattern.label for pattern in summary.patterns}
    content: dict[str, object] = {
        "channel_traits": {channel: printable(trait) for channel, trait in summary.rule.channels.items()},
        "identifiers": _named_by_others(facts, subjects, "has_"),
        "most_common_plans": _named_by_others(facts, subjects, "plan_"),
    }
    if names:
        content["previous_persona_names"] = names
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return text.replace("`", "\\u0060").replace("~", "\\u007e").replace("<", "\\u003c")


def _named_by_others(facts: Facts, subjects: dict[str, str], kind: str) -> dict[str, dict[str, str]]:
    """Each subject's facts of one kind: the name in braces, then what it is and how much."""
    named: dict[str, dict[str, str]] = {}
    for name, fact in facts.items():
        subject, _, own = name.partition(".")
        if own.startswith(kind):
            named.setdefault(subject, {})[_braces(name)] = _line(fact, subjects[subject])
    for subject, labels in named.items():
        if (left_out := len(labels) - MOST_NAMED) > 0:
            named[subject] = dict(list(labels.items())[:MOST_NAMED]) | {"…": f"{left_out} more"}
    return named
