"""The messages to Mave, filled from a summary: aggregates only, other people's words fenced as data."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from persona import wording
from persona.model import Change, Drift, Group, Pattern, PatternDrift, Summary, label, plain, printable

# Identifier types named a group; the rest are only counted, lest a hundred of them drown the question.
MOST_TYPES = 12
# A persona's name may be longer than a plan's.
_NAME_CHARACTERS = 80


def compose(
    summary: Summary, *, currency: str, names: Mapping[str, str], drift: Drift | None, reference: str
) -> str:
    """The question: the figures, what is wanted, and the form of the answer.

    `names` are the personas' names in the previous framework, by pattern. A drift is told where the two
    summaries can be compared.

    Raises:
        jinja2.UndefinedError: the template has a hole that nothing fills.
        ValueError: the reference would not stand on a line of its own.
    """
    shown = {pattern.key for pattern in summary.patterns}
    kept = {key: printable(name, _NAME_CHARACTERS) for key, name in names.items() if key in shown}
    told = drift if drift and drift.comparable else None
    return _message(
        "ask",
        summary,
        reference,
        channels=[plain(channel) for channel in summary.rule.channels],
        sample=summary.source.sample,
        sampling=_one_line(summary.source.sampling),
        population=summary.population,
        rejected=sum(summary.population.rejected.values()),
        rule=summary.rule,
        window=_window(summary.rule.window_days),
        notes=_notes(summary),
        totals=summary.totals,
        patterns=summary.patterns,
        group=partial(_group, traits=summary.rule.channels, currency=currency),
        labels_as_data=_data(summary, kept, told, currency),
        changes=_changes(summary, told) if told else [],
        since=told.since[: len("2026-11-23")] if told else "",
        keeps_names=bool(kept),
    )


def follow_up(missing: Sequence[str], summary: Summary, *, reference: str) -> str:
    """The message that asks, in the same thread, for exactly the sections that the answer left out."""
    return _message("follow_up", summary, reference, missing=[_asked(path) for path in missing])


def proceed(summary: Summary, *, reference: str) -> str:
    """The one answer to a clarifying question: go ahead with what was given, and say what was assumed."""
    return _message("proceed", summary, reference)


def fill(template: str, **parts: object) -> str:
    """A template with its holes filled.

    Raises:
        jinja2.UndefinedError: a hole is left.
    """
    return _environment().from_string(template).render(**parts)


@cache
def _environment() -> Environment:
    # Markdown for a language model, not HTML for a browser: escaping `&` and `<` would only spoil it.
    # What comes from outside stands in JSON within a fence that it cannot close.
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - see above
    environment.filters["percent"] = wording.percent
    return environment


@cache
def _template() -> str:
    return Path(__file__).with_suffix(".md").read_text(encoding="utf-8")


def _message(kind: str, summary: Summary, reference: str, **parts: object) -> str:
    if not reference.strip() or not reference.isprintable():
        raise ValueError("a message's reference is one line of text, so that threads can be searched for it")
    return fill(
        _template(),
        kind=kind,
        reference=reference,
        labels=[pattern.label for pattern in summary.patterns],
        section_titles=list(wording.SECTION_TITLES.values()),
        strategy_title=wording.STRATEGY_TITLE,
        strategy_titles=list(wording.STRATEGY_TITLES.values()),
        **parts,
    )


def _asked(path: str) -> str:
    """A missing section as the question titles it, with its path behind."""
    place, _, section = path.partition("/")
    if place == "strategy":
        return f"{wording.STRATEGY_TITLE}: {wording.STRATEGY_TITLES[section]} ({path})"
    return f"{label(place)}: {wording.SECTION_TITLES.get(section, 'persona name')} ({path})"


def _notes(summary: Summary) -> list[str]:
    notes = [f"Held back: {what.replace('_', ' ')}. {why}" for what, why in summary.withheld.items()]
    if summary.suppressed:
        hidden = ", ".join(map(label, summary.suppressed))
        notes.append(f"Too small to show, and not to be written about: {hidden}.")
    return [_one_line(note) for note in (*summary.warnings, *notes)]


def _window(days: int | None) -> str:
    return "counts as many days as each trait does" if days is None else f"counts {days} days"


def _one_line(sentence: str) -> str:
    return " ".join(sentence.split())


def _group(group: Group, *, traits: Mapping[str, str], currency: str) -> str:
    """A group's figures as a list."""
    activity = ", ".join(
        f"{wording.decimal(amount)} {wording.activity(channel, traits[channel])}"
        for channel, amount in group.avg_activity.items()
    )
    return "\n".join(
        [
            f"- Average LTV: {wording.money((group.avg_ltv or 0), currency)}",
            f"- Average activity a person: {activity}",
            f"- Average number of identifiers: {wording.decimal(group.avg_identities or 0)}",
            f"- People with few identifiers: {wording.percent(group.few_identities_share or 0)}",
        ]
    )


def _data(summary: Summary, names: dict[str, str], drift: Drift | None, currency: str) -> str:
    """Everything that other people named, as JSON that neither closes its fence nor opens a tag."""
    population = summary.population
    content: dict[str, object] = {
        "trait_coverage": _shares(population.trait_coverage),
        "channel_traits": {channel: printable(trait) for channel, trait in summary.rule.channels.items()},
        "identifier_coverage": {"all": _shares(summary.totals.identity_coverage)}
        | {pattern.key: _shares(pattern.identity_coverage) for pattern in summary.patterns},
        "most_common_plans": {pattern.key: _plans(pattern) for pattern in summary.patterns},
    }
    if names:
        content["previous_persona_names"] = names
    if drift:
        content["changes_within_patterns"] = {
            entry.pattern: {printable(change.fact): _change(change, currency) for change in entry.changes}
            for entry in _shown(summary, drift)
            if entry.changes
        }
    written = json.dumps(content, ensure_ascii=False, indent=1)
    return written.replace("`", "\\u0060").replace("~", "\\u007e").replace("<", "\\u003c")


def _shares(shares: Mapping[str, float] | None) -> dict[str, str] | None:
    if shares is None:
        return None
    common = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    named = {printable(key): wording.percent(share) for key, share in common[:MOST_TYPES]}
    return named | ({"…": f"{len(common) - MOST_TYPES} more"} if len(common) > MOST_TYPES else {})


def _plans(pattern: Pattern) -> list[dict[str, object]] | None:
    if pattern.plans is None:
        return None
    return [
        {"plan": printable(plan.plan), "n": plan.n, "share": wording.percent(plan.share)}
        for plan in pattern.plans
    ]


def _shown(summary: Summary, drift: Drift) -> list[PatternDrift]:
    """The drift of patterns that may be spoken of: none that is too small to show now."""
    return [entry for entry in drift.patterns if entry.pattern not in summary.suppressed]


def _changes(summary: Summary, drift: Drift) -> list[str]:
    """What has become of each pattern's share, with a word on whether it may be chance."""
    verdict = "more than" if drift.significant else "no more than"
    return [
        f"Taken together, this is {verdict} sampling noise.",
        *(_share_change(entry) for entry in _shown(summary, drift)),
    ]


def _share_change(entry: PatternDrift) -> str:
    name = label(entry.pattern)
    if entry.share_before is None:
        return f"{name}: new, {wording.percent(entry.share_after or 0)} now"
    if entry.share_after is None:
        return f"{name}: gone, {wording.percent(entry.share_before)} before"
    chance = "significant" if entry.significant else "not significant"
    points = f"{entry.share_change * 100:+.1f}"
    return (
        f"{name}: {wording.percent(entry.share_before)} before, {wording.percent(entry.share_after)} now "
        f"({points} points, {chance})"
    )


def _change(change: Change, currency: str) -> dict[str, str]:
    """A figure then and now, written as its kind is."""
    if change.fact == "avg_ltv":
        written: Callable[[float], str] = partial(wording.money, currency=currency)
    elif change.fact.startswith("avg_"):
        written = wording.decimal
    else:
        written = wording.percent
    return {"before": written(change.before), "after": written(change.after)}
