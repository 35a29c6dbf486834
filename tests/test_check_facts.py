"""Every figure that may be shown, by its name."""

from typing import Any

import pytest
from msgspec.structs import astuple, replace

from persona.check.facts import facts_of
from persona.model import Drift, PatternDrift, Plan, Rule, Summary

WITH_IOS = "Share with the identifier “ios.id” of all classified people"
FIGURES = {
    "space.people_read": (600, "people", "600", "People read"),
    "space.people_unreadable": (10, "people", "10", "Unreadable and left out"),
    "email_dominant.avg_ltv": (338.7, "money", "$339", "Average LTV of Email Dominant"),
    "omnichannel.avg_email_opens": (12.2, "average", "12.2", "Average number of email opens of Omnichannel"),
    "email_dominant.plan_pro_people": (20, "people", "20", "People on the plan “pro” of Email Dominant"),
    "all.has_ios_id": (2 / 3, "share", "66.7 %", WITH_IOS),
}


def test_a_figure_has_a_name_a_value_a_unit_a_text_and_a_label(space_summary: Summary) -> None:
    facts = facts_of(space_summary, "$")
    assert {name: astuple(facts[name]) for name in FIGURES} == FIGURES


@pytest.mark.parametrize(
    ("plans", "slugs"),
    [
        pytest.param(["Pro", "pro!", "pro 2"], ["pro", "pro_2", "pro_2_2"], id="alike"),
        pytest.param(["Für alle", "日本"], ["f_r_alle", "unnamed"], id="other letters"),
        pytest.param(["x" * 60, "x" * 59], ["x" * 40, f"{'x' * 38}_2"], id="long"),
        pytest.param(["j.doe@example.com"], ["email"], id="masked first"),
    ],
)
def test_other_peoples_text_becomes_a_slug(seed_summary: Summary, plans: list[str], slugs: list[str]) -> None:
    first, *others = seed_summary.patterns
    named = replace(first, plans=[Plan(plan=plan, n=5, share=0.1) for plan in plans])
    facts = facts_of(replace(seed_summary, patterns=[named, *others]), "$")

    beginning = "email_dominant.plan_"
    assert [name for name in facts if name.startswith(beginning) and name.endswith("_people")] == [
        f"{beginning}{slug}_people" for slug in slugs
    ]


def test_activities_of_one_name_are_told_apart(seed_summary: Summary) -> None:
    """Of channels that count alike, the second gets a number, in every group the same."""
    rule = Rule(channels={"sms": "sms_clicks_30d", "s_ms": "clicks", "email": "email_30d"}, dominance=0.5)
    activity = {"sms": 1.0, "s_ms": 2.0, "email": 3.0}
    groups = [replace(group, avg_activity=activity) for group in seed_summary.patterns]
    totals = replace(seed_summary.totals, avg_activity=activity)
    facts = facts_of(replace(seed_summary, rule=rule, patterns=groups, totals=totals), "$")

    slugs = "sms_clicks", "s_ms_clicks", "email_actions"
    assert [facts[f"all.avg_{slug}"].value for slug in slugs] == [1, 2, 3]


def test_a_change_is_a_fact_where_two_frameworks_can_be_compared(seed_summary: Summary) -> None:
    shares: dict[str, Any] = {"share_before": 0.3, "share_after": 1 / 3, "share_change": 1 / 3 - 0.3}
    entry = PatternDrift(pattern="email_dominant", **shares, p_value=0.5, significant=False)
    drift = Drift(since_run_id="a", since="2026-11-01", comparable=True, patterns=[entry])
    facts = facts_of(seed_summary, "$", drift)
    told = [facts[f"email_dominant.share_{name}"].text for name in ("before", "change")]

    assert (told, "omnichannel.share_before" in facts) == (["30.0 %", "+3.3 points"], False)
    assert facts_of(seed_summary, "$", replace(drift, comparable=False)) == facts_of(seed_summary, "$")
