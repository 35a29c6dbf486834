"""What counts as drift, what as noise, and what as another rule."""

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
import reports
from msgspec.structs import replace

from persona import model
from persona.model import Drift, Framework, Origin, PatternDrift, Population, Rule, Summary
from persona.summarize.drift import FALSE_ALARM_SHARE, compare, holm, two_proportions, worth_asking
from persona.wording import label

EARLIER_DAY = "2026-10-23T06:00:00Z"
STILL = Drift(since_run_id="october", since=EARLIER_DAY, comparable=True)
SHARES = {"web_dominant": 0.30, "mobile_dominant": 0.35, "email_dominant": 0.20, "omnichannel": 0.15}


def published(summary: Summary) -> Framework:
    """The framework that an earlier run made of these figures."""
    return reports.framework(replace(summary, members=None), run_id="october", created_at=EARLIER_DAY)


def with_people(summary: Summary, people: Mapping[str, int]) -> Summary:
    """The same space with so many people in each pattern; a pattern without people is not there."""
    of = sum(people.values())
    patterns = [
        replace(summary.patterns[0], key=key, label=label(key), n=n, share=n / of)
        for key, n in people.items()
        if n
    ]
    return replace(summary, population=Population(read=of, classified=of), patterns=patterns)


def drawn(summary: Summary, people: int, seed: str) -> Summary:
    """A space of so many people, each falling into a pattern by chance."""
    chosen = Counter(random.Random(seed).choices([*SHARES], [*SHARES.values()], k=people))  # noqa: S311 - no secret
    return with_people(summary, {key: chosen[key] for key in SHARES})


def shown(drift: Drift, key: str) -> PatternDrift:
    return next(pattern for pattern in drift.patterns if pattern.pattern == key)


def moved(change: float, *, significant: bool) -> PatternDrift:
    before, p_value = 0.3, 0.0 if significant else 1.0
    shares: dict[str, Any] = {"share_before": before, "share_after": before + change, "share_change": change}
    return PatternDrift(pattern="web_dominant", **shares, p_value=p_value, significant=significant)


# Worked by hand: z, then the normal table's two-sided p.
PROPORTIONS: dict[str, tuple[int, int, int, int, float]] = {
    "no change": (30, 100, 30, 100, 1.0),
    # pooled 0.35, error sqrt(0.35 * 0.65 * 2/100) = 0.0674537, z = 1.482498
    "10 points of 100": (30, 100, 40, 100, 0.1382),
    # pooled 0.35, error sqrt(0.2275 * 2/1000) = 0.0213307, z = 4.688072
    "10 points of 1,000": (300, 1000, 400, 1000, 0.00000276),
    # pooled 0.2, error sqrt(0.16 * (1/400 + 1/100)) = 0.0447214, z = 2.236068
    "unequal readings": (72, 400, 28, 100, 0.02535),
    "nobody, twice": (0, 50, 0, 70, 1.0),
}


@pytest.mark.parametrize("name", PROPORTIONS)
def test_two_proportions_gives_the_p_value_of_the_table(name: str) -> None:
    before, of_before, after, of_after, p_value = PROPORTIONS[name]
    assert p_value == pytest.approx(two_proportions(before, of_before, after, of_after), rel=2e-3)


# Thresholds at 5 % over four tests: 0.0125, 0.01667, 0.025, 0.05.
HOLM = {
    "nothing tested": ([], []),
    "one test is held against the whole level": ([0.05], [True]),
    "only the smallest passes its quarter": ([0.012, 0.02, 0.2, 0.9], [True, False, False, False]),
    "each next one is held against a wider share": ([0.03, 0.01, 0.016, 0.02], [True, True, True, True]),
    "one that fails ends it for all above": ([0.01, 0.02, 0.022, 0.04], [True, False, False, False]),
    "alone significant, together not": ([0.04, 0.5, 0.6, 0.7], [False, False, False, False]),
}


@pytest.mark.parametrize(("p_values", "significant"), HOLM.values(), ids=HOLM)
def test_holm_steps_down_from_the_smallest_p_value(p_values: list[float], significant: list[bool]) -> None:
    assert significant == holm(p_values)


def test_changes_name_what_moved_and_leave_out_what_did_not_or_is_withheld(seed_summary: Summary) -> None:
    email, omnichannel = seed_summary.patterns
    activity = {"web": 4.0, "mobile": 2.0, "email": 12.0}
    coverage = {"user_id": 0.9, "email": 1.0, "phone": 0.5}
    other = replace(email, avg_ltv=350.0, avg_activity=activity, identity_coverage=coverage)
    withheld = replace(omnichannel, identity_coverage=None)
    drift = compare(replace(seed_summary, patterns=[other, withheld]), published(seed_summary))
    assert [
        model.Change(fact="avg_ltv", before=340.0, after=350.0),
        model.Change(fact="avg_activity.mobile", before=1.0, after=2.0),
        model.Change(fact="identity_coverage.user_id", before=1.0, after=0.9),
    ] == shown(drift, "email_dominant").changes
    assert shown(drift, "omnichannel").changes == []


def test_a_pattern_may_be_new_or_gone(space_summary: Summary) -> None:
    earlier = with_people(space_summary, {"web_dominant": 90, "omnichannel": 10})
    now = with_people(space_summary, {"web_dominant": 90, "email_dominant": 10})
    drift = compare(now, published(earlier))
    assert (drift.new, drift.vanished, drift.significant) == (["email_dominant"], ["omnichannel"], True)
    assert [one.pattern for one in drift.patterns] == ["web_dominant", "email_dominant", "omnichannel"]
    new, gone = shown(drift, "email_dominant"), shown(drift, "omnichannel")
    assert (new.share_before, new.share_after, new.share_change, new.p_value) == (None, 0.1, 0.1, None)
    assert (gone.share_before, gone.share_after, gone.share_change) == (0.1, None, -0.1)


@pytest.mark.parametrize("hidden_side", ["then", "now"])
def test_a_suppressed_pattern_is_neither_new_nor_gone_and_shows_no_figure(
    space_summary: Summary, hidden_side: str
) -> None:
    hidden = {"email_dominant", "omnichannel"}
    patterns = [one for one in space_summary.patterns if one.key not in hidden]
    partly = replace(space_summary, patterns=patterns, suppressed=sorted(hidden))
    earlier, now = (partly, space_summary) if hidden_side == "then" else (space_summary, partly)
    drift = compare(now, published(earlier))
    assert (drift.new, drift.vanished, drift.significant) == ([], [], False)
    assert not any(key in msgspec.json.encode(drift).decode() for key in hidden)


WEB, TRAITS = {"web": "web"}, "rule changed: channels sms=clicks, web=web"
RULE = Rule(channels=WEB | {"sms": "clicks"}, dominance=0.5, boundary_share=0.1)
SPACE = Origin(kind="segment", space_id="spa_1", address_hash="a", sampling="All of it.")

OTHER: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "dominance": ({}, {"dominance": 0.6}, "rule changed: dominance 0.5 → 0.6"),
    "window": ({}, {"window_days": 14}, "rule changed: window days 30 → 14"),
    "no window": ({}, {"window_days": None}, "rule changed: window days 30 → not named"),
    "activity": ({}, {"activity": "raw events"}, "rule changed: activity computed traits → raw events"),
    "a channel's trait": ({}, {"channels": WEB | {"sms": "replies"}}, f"{TRAITS} → sms=replies, web=web"),
    "kind of source": ({"kind": "bigquery"}, {}, "source changed: kind segment → bigquery"),
    "space": ({"space_id": "spa_2"}, {}, "source changed: space id spa_1 → spa_2"),
    "address": ({"address_hash": "b"}, {}, "source changed: another file or dataset was read"),
}


@pytest.mark.parametrize("name", OTHER)
def test_another_rule_or_source_is_said_to_be_one_and_never_drift(space_summary: Summary, name: str) -> None:
    source, rule, reason = OTHER[name]
    earlier = published(replace(space_summary, source=SPACE, rule=RULE))
    now = replace(space_summary, source=replace(SPACE, **source), rule=replace(RULE, **rule))
    assert compare(now, earlier) == replace(STILL, comparable=False, reason=f"The {reason}.")


def test_what_was_found_and_the_order_of_channels_are_no_part_of_the_rule(space_summary: Summary) -> None:
    turned = replace(RULE, channels=dict(reversed(RULE.channels.items())), boundary_share=0.3)
    earlier = published(replace(space_summary, source=SPACE, rule=RULE))
    now = replace(space_summary, source=replace(SPACE, sampling="The newest 5."), rule=turned)
    assert compare(now, earlier).comparable


def test_a_framework_that_counts_nobody_is_not_comparable(space_summary: Summary) -> None:
    nobody = replace(space_summary, population=Population(), patterns=[])
    reason = compare(space_summary, published(nobody)).reason
    assert reason == "One of the two frameworks counts no classified people."


TWO = [moved(0.06, significant=False), moved(0.04, significant=True)]
WORTH = {
    "a minimum of 0 always asks": (STILL, 0.0, True),
    "nothing moved": (STILL, 0.05, False),
    "another rule asks": (replace(STILL, comparable=False), 0.05, True),
    "a new pattern asks": (replace(STILL, new=["sms_dominant"]), 0.05, True),
    "a pattern that is gone asks": (replace(STILL, vanished=["sms_dominant"]), 0.05, True),
    "large and significant": (replace(STILL, patterns=[moved(0.06, significant=True)]), 0.05, True),
    "large, downwards": (replace(STILL, patterns=[moved(-0.06, significant=True)]), 0.05, True),
    "large, but noise": (replace(STILL, patterns=[moved(0.06, significant=False)]), 0.05, False),
    "significant, but small": (replace(STILL, patterns=[moved(0.04, significant=True)]), 0.05, False),
    "just the minimum": (replace(STILL, patterns=[moved(0.4 - 0.3, significant=True)]), 0.1, False),
    "one pattern large, the other significant": (replace(STILL, patterns=TWO), 0.05, False),
}


@pytest.mark.parametrize(("drift", "min_drift", "worth"), WORTH.values(), ids=WORTH)
def test_worth_asking(drift: Drift, min_drift: float, worth: bool) -> None:  # noqa: FBT001 - a table's column
    assert worth == worth_asking(drift, min_drift)


@pytest.mark.parametrize("people", [100, 1000])
def test_false_alarms_stay_within_the_level(space_summary: Summary, people: int) -> None:
    """One in twenty at most, and three standard errors of 1,000 draws."""
    alarms = 0
    for seed in range(1000):
        now, then = (drawn(space_summary, people, f"{when} {seed}") for when in ("now", "then"))
        alarms += compare(now, published(then)).significant
    noise = 3 * (FALSE_ALARM_SHARE * (1 - FALSE_ALARM_SHARE) / 1000) ** 0.5
    assert alarms / 1000 <= FALSE_ALARM_SHARE + noise
