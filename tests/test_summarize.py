"""What may leave the function, and that it is right."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from spaces import CHANNELS, TYPES, count, plain_figures, random_space, summary_of

from persona.classify.counts import Counts
from persona.errors import NotEnoughData
from persona.model import Origin, Plan, Rule, Summary
from persona.summarize.summary import summarize, wilson

SEED_PEOPLE = [
    {
        "traits": dict(zip(("ltv", "plan", *CHANNELS.values()), traits, strict=True)),
        "external_ids": [{"type": kind, "id": "x"} for kind in types],
    }
    for traits, types in (
        ((890, "pro", 14, 22, 8), ("user_id", "ios_id", "email")),
        ((340, "starter", 4, 1, 12), ("user_id", "email")),
        ((1450, "enterprise", 28, 35, 15), ("user_id", "ios_id", "android_id", "email")),
    )
] * 10


def sized(*sizes: int) -> Counts:
    """Counts of groups of these sizes, in the order web, mobile, email, omnichannel, or of other channels."""
    counts = Counts(len(sizes) - 1)
    for group, n in zip(counts.groups, sizes, strict=True):
        group.n = n
        group.ltv = 100.0 * n
    counts.read = sum(sizes)
    counts.carried = Counter(dict.fromkeys(range(len(sizes) + 1), counts.read))
    return counts


def test_the_seeds_own_people_are_twenty_omnichannel_and_ten_email_dominant(seed_summary: Summary) -> None:
    summary = summary_of(count(SEED_PEOPLE, CHANNELS), CHANNELS, min_group=5)
    email, omnichannel = summary.patterns
    assert (email.key, email.n, email.avg_ltv) == ("email_dominant", 10, 340.0)
    assert (omnichannel.key, omnichannel.n, omnichannel.avg_ltv) == ("omnichannel", 20, 1170.0)
    for expected, actual in zip(seed_summary.patterns, summary.patterns, strict=True):
        near = {
            "share_ci95": pytest.approx(expected.share_ci95, abs=5e-5),
            "ltv_share": pytest.approx(expected.ltv_share),
            "avg_ltv_ci95": actual.avg_ltv_ci95,  # worked out by hand below
        }
        assert structs.asdict(expected) | near == structs.asdict(actual)
    assert (seed_summary.population, seed_summary.rule) == (summary.population, summary.rule)


def assert_figures(expected: dict[str, Any], group: Any) -> None:
    assert expected["n"] == group.n
    assert group.avg_ltv in (pytest.approx(expected["avg_ltv"], rel=1e-9, abs=1e-6), None)
    for name in ("avg_activity", "identity_coverage"):
        assert expected[name] == getattr(group, name)
    # Where nobody has an external id, there is no figure of them.
    for name in ("avg_identities", "few_identities_share"):
        assert getattr(group, name) in {expected[name], None}


@pytest.mark.parametrize("seed", range(15))
def test_every_figure_is_the_one_of_the_seeds_rule_however_the_space_is_paged(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - chance, not a secret
    some = {f"c{i}": f"c{i}_30d" for i in range(2 + seed % 7)}
    size = random.randrange(60)
    space = random_space(seed, TYPES, [*some.values()], size=size, once=False, plain=True)
    dominance = 0.5 if seed % 2 else random.randrange(20, 96) / 100
    cuts = random.choices(range(60), k=random.randrange(8))
    expected = plain_figures(space, some, dominance)
    counts = count(space, some, dominance, cuts)
    if not expected["classified"]:
        with pytest.raises(NotEnoughData):
            summary_of(counts, some, dominance)
        return
    summary = summary_of(counts, some, dominance)
    population = summary.population
    assert (population.read, population.classified) == (len(space), expected["classified"])
    assert population.dormant == expected["dormant"]
    assert {k: n / len(space) for k, n in expected["coverage"].items()} == population.trait_coverage
    assert expected["moved"] / expected["classified"] == summary.rule.boundary_share
    assert_figures(expected["totals"], summary.totals)
    assert expected["patterns"].keys() == {pattern.key for pattern in summary.patterns}
    all_ltv = expected["totals"]["avg_ltv"] * expected["classified"]
    for pattern in summary.patterns:
        figures = expected["patterns"][pattern.key]
        assert_figures(figures, pattern)
        assert figures["n"] / expected["classified"] == pattern.share
        assert [Plan(plan=plan, n=n, share=n / figures["n"]) for plan, n in figures["plans"]] == pattern.plans
        if all_ltv > 1:
            share = figures["avg_ltv"] * figures["n"] / all_ltv
            assert pattern.ltv_share == pytest.approx(share, rel=1e-6, abs=1e-6)


def test_ltv_has_no_shares_where_refunds_outweigh_it() -> None:
    counts = sized(5, 5, 0, 0)
    counts.groups[0].ltv = -600.0
    assert [pattern.ltv_share for pattern in summary_of(counts, CHANNELS).patterns] == [None, None]


# Worked out by hand from (p + z²/2n ± z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964.
WILSON = {
    "a third of 30": (10, 30, 0.1923, 0.5122),
    "none of 10": (0, 10, 0.0, 0.2775),
    "all of 10": (10, 10, 0.7225, 1.0),
    "one of a million": (1, 10**6, 1.7653e-7, 5.6649e-6),
}


def test_a_shares_interval_is_wilsons() -> None:
    for n, of, *interval in WILSON.values():
        assert pytest.approx(interval, rel=1e-3, abs=1e-12) == wilson(int(n), int(of))


@given(st.integers(1, 10**12).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share_and_stays_within_0_and_1(n_of: tuple[int, int]) -> None:
    lower, upper = wilson(*n_of)
    assert 0 <= lower <= n_of[0] / n_of[1] <= upper <= 1


SUPPRESSION = {
    "just large enough": ((5, 5, 5, 5), []),
    "one small, the next smallest goes with it": ((30, 20, 10, 4), [2, 3]),
    "two small of too few together": ((2, 1, 20, 30), [0, 1, 2]),
    "two small of just enough together": ((3, 2, 20, 30), [0, 1]),
    "three small of enough together": ((1, 1, 3, 30), [0, 1, 2]),
    "empty ones do not hide": ((0, 4, 10, 30), [1, 2]),
    "of equal next smallest the first": ((4, 10, 10, 10), [0, 1]),
}


@pytest.mark.parametrize("name", SUPPRESSION)
def test_small_patterns_are_hidden_with_the_next_smallest(name: str) -> None:
    sizes, hidden = SUPPRESSION[name]
    keys = ["web_dominant", "mobile_dominant", "email_dominant", "omnichannel"]
    summary = summary_of(sized(*sizes), CHANNELS, min_group=5)
    shown = [keys[at] for at, n in enumerate(sizes) if n and at not in hidden]
    assert ([keys[at] for at in hidden], shown) == (summary.suppressed, [one.key for one in summary.patterns])


@given(st.lists(st.integers(0, 15), min_size=3, max_size=9), st.integers(1, 8))
def test_no_hidden_group_can_be_worked_out(sizes: list[int], min_group: int) -> None:
    """Who subtracts the shown patterns from the total learns of two groups at least, of enough people."""
    some = {f"c{i}": f"c{i}_30d" for i in range(len(sizes) - 1)}
    try:
        summary = summary_of(sized(*sizes), some, min_group=min_group)
    except NotEnoughData:
        assert not [n for n in sizes if n >= min_group] or [n for n in sizes if 0 < n < min_group]
        return
    hidden_people = summary.totals.n - sum(pattern.n for pattern in summary.patterns)
    assert all(pattern.n >= min_group for pattern in summary.patterns)
    assert (not summary.suppressed and hidden_people == 0) or (
        len(summary.suppressed) >= 2 and hidden_people >= min_group
    )


@pytest.mark.parametrize("sizes", [(4, 0, 0, 0), (4, 40, 0, 0), (4, 4, 4, 4), (1, 1, 1, 30)])
def test_a_space_of_which_nothing_may_be_shown_ends_the_run(sizes: Sequence[int]) -> None:
    """A small pattern alone, with one that would tell its size, and small ones only."""
    with pytest.raises(NotEnoughData) as caught:
        summary_of(sized(*sizes), CHANNELS, min_group=5)
    words = f"{sum(sizes)} active people of {sum(sizes)} read, and no pattern could be shown"
    assert (words in caught.value.message, "PERSONA_MIN_GROUP" in caught.value.message) == (True, True)


def named(plans: dict[str, int], types: dict[str, int], *, n: int = 100) -> Summary:
    """The summary of one pattern whose people have these plans and types of external id."""
    counts = sized(n, 0, 0, 0)
    counts.groups[0].plans = Counter(plans)
    counts.groups[0].identity_coverage = Counter(types)
    return summary_of(counts, CHANNELS, min_group=5)


PRO, DEAL = Plan(plan="pro", n=6, share=0.06), Plan(plan="deal for [email]", n=5, share=0.05)
NAMED = {"deal\nfor a.person@example.com": 5}
# Three people with two addresses for types are three people, too few to name what they have.
ALIKE = {"a@x.test": 3, "b@x.test": 3, "email": 60, "email ": 50}
# Plans and types of external id with their people -> what is shown of them.
SHOWN: dict[str, tuple[dict[str, int], dict[str, int], list[Plan], dict[str, float]]] = {
    "of enough people": ({"pro": 6, "secret deal": 4}, {"email": 5, "ssn": 4}, [PRO], {"email": 0.05}),
    "on one line that names nobody": (NAMED, NAMED, [DEAL], {"deal for [email]": 0.05}),
    "plans that look the same together": ({"pro": 3, " pro": 3, " ": 9}, {"": 9}, [PRO], {}),
    "types that look the same, a person once": ({}, ALIKE, [], {"email": 0.6}),
}


@pytest.mark.parametrize("name", SHOWN)
def test_plans_and_types_are_named_where_enough_people_stand_behind_them(name: str) -> None:
    plans, types, *expected = SHOWN[name]
    [pattern] = named(plans, types).patterns
    assert [pattern.plans, pattern.identity_coverage] == expected


def test_the_three_most_common_plans_are_named_equals_by_name() -> None:
    [pattern] = named({"d": 7, "c": 9, "b": 7, "a": 7}, {}).patterns
    assert [plan.plan for plan in pattern.plans or []] == ["c", "a", "b"]


def test_a_type_that_few_people_of_another_pattern_have_is_not_in_the_totals() -> None:
    """The total less the pattern that names it would tell how many they are."""
    counts = sized(20, 20, 0, 0)
    counts.groups[0].identity_coverage = Counter({"passport": 10, "email": 10})
    counts.groups[1].identity_coverage = Counter({"passport": 2, "email": 5})
    summary = summary_of(counts, CHANNELS, min_group=5)
    coverage = [group.identity_coverage for group in (summary.totals, *summary.patterns)]
    assert coverage == [{"email": 15 / 40}, {"email": 0.5, "passport": 0.5}, {"email": 0.25}]


def test_free_text_is_withheld_with_the_reason() -> None:
    counts = sized(1, 0, 0, 0)
    counts.free_text = {"plans", "identity_coverage"}
    summary = summary_of(counts, CHANNELS)
    [pattern] = summary.patterns
    assert (pattern.plans, pattern.identity_coverage, summary.totals.identity_coverage) == (None, None, None)
    assert summary.withheld == {
        "identity_coverage": "more than 100 different types of external id: the type is free text",
        "plans": "more than 1,000 different plans: the trait is free text, not a plan",
    }


def test_a_summary_says_where_it_comes_from_and_whom_it_left_out() -> None:
    space = [*SEED_PEOPLE, {"traits": {}}, 5, {"traits": []}, {"traits": {"web_sessions_30d": -1}}, 6]
    rule = Rule(channels=CHANNELS, dominance=0.5)
    source = Origin(kind="segment", space_id="spa_1", sampling="The first 35 profiles.")
    summary = summarize(count(space, CHANNELS), rule, source, truncated=True)
    population = summary.population
    assert (source, True) == (summary.source, population.truncated)
    assert (population.read, population.classified, population.dormant) == (35, 30, 1)
    assert population.rejected == {"activity_negative": 1, "profile_not_object": 2, "traits_not_object": 1}
    assert list(population.rejected) == sorted(population.rejected)
    assert population.trait_coverage["ltv"] == pytest.approx(30 / 31)


# By hand: 25 ± 1.959964 · √(500/3) / √4.
@pytest.mark.parametrize(("ltvs", "interval"), [((10, 20, 30, 40), (12.348, 37.652)), ((25,), None)])
def test_the_average_ltv_has_an_interval_but_of_one_person(ltvs: tuple[int], interval: Any) -> None:
    space = [{"traits": {"web_sessions_30d": 1, "ltv": ltv}} for ltv in ltvs]
    [pattern] = summary_of(count(space, CHANNELS), CHANNELS).patterns
    assert (pattern.avg_ltv, pattern.avg_ltv_ci95) == (25.0, interval and pytest.approx(interval, abs=1e-3))


def test_what_the_data_do_not_hold_is_null_and_never_zero() -> None:
    summary = summary_of(count([{"traits": {"web_sessions_30d": 1}}] * 9, CHANNELS), CHANNELS)
    for group in (summary.totals, *summary.patterns):
        figures = group.avg_ltv, group.avg_ltv_ci95, group.avg_identities, group.few_identities_share
        assert figures == (None, None, None, None)
    assert [pattern.ltv_share for pattern in summary.patterns] == [None]
