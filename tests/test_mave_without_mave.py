"""The author that needs no key."""

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from summaries import summaries

from persona import wording
from persona.check import claims, sections
from persona.mave import without_mave
from persona.model import Pattern, Plan, Summary, label

FEW_BUT_WIDE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _changed(summary: Summary, **figures: object) -> Summary:
    """The summary with figures of its first pattern changed."""
    first, *others = summary.patterns
    return replace(summary, patterns=[replace(first, **figures), *others])


@FEW_BUT_WIDE
@given(summary=summaries())
def test_every_section_of_every_pattern_is_written_and_read_back(summary: Summary) -> None:
    """Whatever the space, the facts author leaves nothing out, in the form that the reader reads."""
    reading = sections.read(without_mave.write(summary, "$"), summary)

    assert (reading.missing_sections, [persona.pattern for persona in reading.personas]) == (
        [],
        [pattern.key for pattern in summary.patterns],
    )


@FEW_BUT_WIDE
@given(summary=summaries())
def test_the_same_summary_gives_the_same_words(summary: Summary) -> None:
    assert without_mave.write(summary, "EUR") == without_mave.write(summary, "EUR")


@FEW_BUT_WIDE
@given(summary=summaries())
def test_every_figure_is_one_of_the_pattern_or_of_all_people(summary: Summary) -> None:
    """A figure in a pattern's part is that pattern's or the whole space's, as `words` writes it."""
    reading = sections.read(without_mave.write(summary, "$"), summary)

    assert [
        (passage.pattern, figure)
        for passage in reading.passages
        for figure in _figures_of(passage.text, summary)
        if figure not in _known(summary, passage.pattern)
    ] == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(summary=summaries(plain=True))
def test_every_figure_is_found_in_the_data_again(summary: Summary) -> None:
    """Whatever the channels and plans are called, no figure of the rules' own text fails its check."""
    reading = sections.read(without_mave.write(summary, "$"), summary)

    assert [
        (claim.verdict, claim.text, claim.sentence)
        for claim in claims.check(reading.passages, summary, "$")
        if claim.verdict != "supported"
    ] == []


def _figures_of(text: str, summary: Summary) -> list[str]:
    """The figures of a text, without channels' and patterns' names that hold digits."""
    for channel in sorted(summary.rule.channels, key=len, reverse=True):
        done = wording.activity(channel, summary.rule.channels[channel])
        text = text.replace(done, "actions").replace(label(channel), "Channel")
    unnamed = re.sub(
        r"\b[A-Za-z]\w*", " ", re.sub(r"“[^”]*”|^#+ .*$|\*\*.*?\*\*", "", text, flags=re.MULTILINE)
    )
    return re.findall(r"-?\$?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?: %)?", unnamed)


def _known(summary: Summary, key: str | None) -> set[str]:
    groups = [summary.totals, *(pattern for pattern in summary.patterns if pattern.key == key)]
    known = {str(summary.rule.window_days), wording.percent(summary.rule.boundary_share)}
    for group in groups:
        shares = [group.few_identities_share or 0, *(group.identity_coverage or {}).values()]
        if isinstance(group, Pattern):
            shares += [group.share, group.ltv_share or 0, *(plan.share for plan in group.plans or [])]
        known |= {
            f"{group.n:,}",
            wording.money((group.avg_ltv or 0), "$"),
            wording.decimal(group.avg_identities or 0),
        }
        whole = sum(group.avg_activity.values()) or 1
        shares += [amount / whole for amount in group.avg_activity.values()]
        known |= {*map(wording.decimal, group.avg_activity.values()), *map(wording.percent, shares)}
    return known


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        pytest.param({"avg_ltv": 340.0}, "The Light-Spending Inbox Reader", id="a low LTV"),
        pytest.param({"avg_ltv": 1200.0}, "The High-Value Inbox Reader", id="a high LTV"),
        pytest.param({"avg_ltv": 900.0}, "The Lightly Linked Inbox Reader", id="few identifiers"),
        pytest.param(
            {"avg_ltv": 900.0, "few_identities_share": 0.1}, "The Steady Inbox Reader", id="nothing special"
        ),
        pytest.param(
            {"avg_ltv": 900.0, "few_identities_share": 0.1, "n": 25},
            "The Everyday Inbox Reader",
            id="most people",
        ),
        pytest.param({"avg_ltv": -12.5}, "below zero: refunds outweigh purchases", id="a negative LTV"),
        pytest.param({"plans": None}, "over all classified people.\n\n###", id="withheld plans"),
        pytest.param({"plans": []}, "over all classified people.\n\n###", id="no plans"),
        pytest.param(
            {"plans": [Plan(plan="2024 for $99", n=10, share=1.0)]},
            "over all classified people.\n\n###",
            id="a plan that looks like a figure",
        ),
        pytest.param(
            {"plans": [Plan(plan="Pro `x`", n=10, share=1.0)]},
            "over all classified people.\n\n###",
            id="a plan that is Markdown",
        ),
        pytest.param(
            {"plans": [Plan(plan="Family & Friends", n=10, share=0.442)]},
            "is “Family & Friends” (44.2 %).",
            id="a plan of words",
        ),
        pytest.param({"n": 1}, "1 person, ", id="one person"),
        pytest.param(
            {"avg_activity": {"web": 0.0, "mobile": 0.0, "email": 3.0}},
            "Email only: no activity of theirs is recorded elsewhere.",
            id="one channel only",
        ),
        pytest.param(
            {"avg_activity": {"web": 0.0, "mobile": 1.0, "email": 9.0}},
            "(0.0 web sessions a person): nobody here is active",
            id="a channel without activity",
        ),
        pytest.param(
            {"avg_activity": {"web": 1.0, "mobile": 1.0, "email": 9.0}},
            "High: 81.8 % of their activity is on Email.",
            id="one-sided",
        ),
        pytest.param({}, "Medium: 70.6 % of their activity is on Email. At stake", id="less one-sided"),
        pytest.param({}, "- **Web**, to follow up: full pages", id="a channel worth sending to"),
        pytest.param({}, "- **Mobile**, sparingly: little", id="a channel hardly used"),
        pytest.param({"ltv_share": None}, "on Email. 100.0 % of them", id="no LTV to lose"),
    ],
)
def test_the_words_follow_the_figures(seed_summary: Summary, figures: dict[str, object], said: str) -> None:
    assert said in without_mave.write(_changed(seed_summary, **figures), "$")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda s: s, "Omnichannel is the largest pattern.\n", id="the largest brings the most"),
        pytest.param(
            lambda s: _changed(s, ltv_share=0.9),
            "pattern. Email Dominant brings the largest part of all LTV.",
            id="a smaller one brings more",
        ),
        pytest.param(
            lambda s: replace(_changed(s, ltv_share=0.9), suppressed=["web_dominant", "mobile_dominant"]),
            "Of the patterns shown, Email Dominant brings",
            id="with patterns too small to show",
        ),
        pytest.param(
            lambda s: _changed(s, n=20), "email opens a person. Omnichannel brings", id="none is the largest"
        ),
        pytest.param(
            lambda s: replace(s, patterns=s.patterns[:1]),
            "invest in adaptation first",
            id="without omnichannel",
        ),
        pytest.param(lambda s: s, "Rule of thumb: begin with Email Dominant", id="an identity gap"),
        pytest.param(
            lambda s: _changed(s, few_identities_share=0.0),
            "Rule of thumb: ask for another",
            id="no identity gap",
        ),
        pytest.param(
            lambda s: replace(s, totals=replace(s.totals, identity_coverage=None)),
            "people have two identifiers or fewer.\n",
            id="withheld coverage",
        ),
        pytest.param(
            lambda s: replace(s, totals=replace(s.totals, avg_ltv=0.0)),
            "average LTV is $340. Their",
            id="no LTV to compare with",
        ),
        pytest.param(
            lambda s: replace(s, rule=replace(s.rule, boundary_share=0.01)),
            "1.0 % of all classified people are close to the line",
            id="clear",
        ),
        pytest.param(
            lambda s: replace(s, rule=replace(s.rule, boundary_share=0.0004)),
            "Moments of switching\n\nThe summary holds no moments",
            id="nobody near the line",
        ),
        pytest.param(
            lambda s: replace(s, patterns=[replace(p, few_identities_share=1.0) for p in s.patterns]),
            "Rule of thumb: ask for another",
            id="an identity gap everywhere",
        ),
        pytest.param(lambda s: s, "In 30 days, per person: 4.0 web", id="a known window"),
        pytest.param(
            lambda s: replace(s, rule=replace(s.rule, window_days=None)),
            "In the traits' own window, per person: 4.0 web",
            id="an unknown window",
        ),
    ],
)
def test_the_strategy_follows_the_space(
    seed_summary: Summary, change: Callable[[Summary], Summary], said: str
) -> None:
    assert said in without_mave.write(change(seed_summary), "$")


def test_names_are_distinct(space_summary: Summary) -> None:
    """No two personas of a framework share a name."""
    reading = sections.read(without_mave.write(space_summary, "$"), space_summary)

    assert len({persona.name for persona in reading.personas}) == len(space_summary.patterns)


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        pytest.param(890.4, "$", "$890", id="whole above a hundred"),
        pytest.param(1450.0, "€", "€1,450", id="thousands apart"),
        pytest.param(3.419, "$", "$3.42", id="cents below"),
        pytest.param(40.0, "$", "$40", id="no empty cents"),
        pytest.param(-12.5, "$", "-$12.50", id="below zero"),
        pytest.param(890.0, "EUR", "EUR 890", id="a code stands apart"),
        pytest.param(1e18, "$", "$1e+18", id="beyond all measure"),
    ],
)
def test_money_is_written_as_people_do(amount: float, currency: str, written: str) -> None:
    assert wording.money(amount, currency) == written
