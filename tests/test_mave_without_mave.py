"""The author that needs no key."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from summaries import summaries

from persona.check.answer import CheckedAnswer, read_answers
from persona.check.facts import facts_of
from persona.mave import without_mave
from persona.model import Summary

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]


def first(**figures: object) -> Callable[[Summary], Summary]:
    """Changes figures of a summary's first pattern."""
    return lambda s: replace(s, patterns=[replace(s.patterns[0], **figures), *s.patterns[1:]])


def _written(summary: Summary) -> CheckedAnswer:
    """The framework as a reader gets it: through the path of Mave's answers."""
    return read_answers([without_mave.write(summary)], summary, facts_of(summary, "$"), "$")


@settings(max_examples=50)
@given(summary=summaries())
def test_whatever_the_space_every_section_is_written_and_every_figure_filled_in(summary: Summary) -> None:
    """In the form that the reader reads; each figure is a fact of the pattern, of all or the space."""
    assert without_mave.write(summary) == without_mave.write(summary)
    written = _written(summary)
    checks = written.checks
    of_others = [
        (figure.verdict, figure.text, figure.sentence)
        for figure in checks.figures
        if figure.verdict != "from_data"
        or (figure.fact or "").split(".")[0] not in {figure.pattern, "all", "space"}
    ]

    assert [persona.pattern for persona in written.personas] == [pattern.key for pattern in summary.patterns]
    assert (checks.missing_sections, checks.unresolved, checks.unlike, of_others) == ([], [], [], [])


WORDS = {
    "a low LTV": (first(avg_ltv=340.0), "The Light-Spending Inbox Reader"),
    "a high LTV": (first(avg_ltv=1200.0), "The High-Value Inbox Reader"),
    "few identifiers": (first(avg_ltv=900.0), "The Lightly Linked Inbox Reader"),
    "nothing special": (first(avg_ltv=900.0, few_identities_share=0.1), "The Steady Inbox Reader"),
    "a high LTV that may be chance": (
        first(avg_ltv=1200.0, avg_ltv_ci95=(800.0, 1600.0)),
        "The Lightly Linked Inbox Reader",
    ),
    "a negative LTV": (first(avg_ltv=-12.5), "below zero: refunds outweigh purchases"),
    "one person": (first(n=1), "1 person, "),
    "one channel only": (
        first(avg_activity={"web": 0.0, "mobile": 0.0, "email": 3.0}),
        "Email\n\nNo activity of theirs is recorded elsewhere.",
    ),
    "a channel without activity": (
        first(avg_activity={"web": 0.0, "mobile": 1.0, "email": 9.0}),
        "(0.0 web sessions a person): nobody here is active",
    ),
    "one-sided": (
        first(avg_activity={"web": 1.0, "mobile": 1.0, "email": 9.0}),
        "High: by far the most of their activity is on Email.",
    ),
    "less one-sided": (first(), "Medium: most of their activity is on Email. At stake"),
    "a channel worth sending to": (first(), "- **Web**, to follow up: full pages"),
    "a channel hardly used": (first(), "- **Mobile**, sparingly: little"),
    "no LTV to lose": (first(ltv_share=None), "on Email. 100 % of them"),
    "no identifiers": (
        lambda s: replace(s, totals=replace(s.totals, avg_identities=None, few_identities_share=None)),
        "The data holds no external identifiers.",
    ),
    "without omnichannel": (lambda s: replace(s, patterns=s.patterns[:1]), "invest in adaptation first"),
    "an identity gap": (first(), "Rule of thumb: begin with Email Dominant"),
    "no identity gap": (first(few_identities_share=0.0), "Rule of thumb: ask for another"),
    "no LTV to compare with": (
        lambda s: replace(s, totals=replace(s.totals, avg_ltv=0.0)),
        "average LTV is $340.\n\n###",
    ),
    "clear": (
        lambda s: replace(s, rule=replace(s.rule, boundary_share=0.01)),
        "1.0 % of all classified people are close to the line",
    ),
    "nobody near the line": (
        lambda s: replace(s, rule=replace(s.rule, boundary_share=0.0)),
        "Moments of switching\n\nThe summary holds no moments",
    ),
    "an identity gap everywhere": (
        lambda s: replace(s, patterns=[replace(p, few_identities_share=1.0) for p in s.patterns]),
        "Rule of thumb: ask for another",
    ),
    "a known window": (first(), "a person in 30 days."),
    "an unknown window": (
        lambda s: replace(s, rule=replace(s.rule, window_days=None)),
        "a person in the traits' own window.",
    ),
}


@pytest.mark.parametrize(("change", "said"), WORDS.values(), ids=WORDS)
def test_the_words_follow_the_figures(
    seed_summary: Summary, change: Callable[[Summary], Summary], said: str
) -> None:
    assert said in _written(change(seed_summary)).narrative.replace("\u00a0", " ")


def test_names_are_distinct(space_summary: Summary) -> None:
    """No two personas of a framework share a name."""
    assert len({persona.name for persona in _written(space_summary).personas}) == len(space_summary.patterns)
