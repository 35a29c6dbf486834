"""Which pattern a person's activity makes."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spaces import plain_pattern

from persona.classify.profile import MOST
from persona.classify.rule import classify
from persona.model import People, Places

OMNI = 3


def places(*activity: tuple[int, ...], dominance: float = 0.5) -> Places:
    n = len(activity)
    return classify(People(activity, [0.0] * n, [None] * n, [()] * n, [0] * 5, Counter()), dominance)


RULE = {
    "all of it": ((5, 0, 0), 0.5, 0),
    "just more than half": ((2, 0, 3), 0.5, 2),
    "half is not more than half": ((14, 22, 8), 0.5, OMNI),
    "the seed's second person": ((4, 1, 12), 0.5, 2),
    "the seed's third person": ((28, 35, 15), 0.5, OMNI),
    "two halves": ((7, 7, 0), 0.5, OMNI),
    "one part in 10^15 more than half": ((MOST // 2 + 1, MOST // 2, 0), 0.5, 0),
    "nobody": ((0, 0, 0), 0.5, None),
    "a third under a low threshold": ((4, 3, 3), 0.35, 0),
    "equal largest under a low threshold": ((4, 4, 2), 0.35, OMNI),
    "exactly a low threshold": ((3, 3, 4), 0.4, OMNI),
    "exactly a threshold that no float holds": ((1, 2, 7), 0.7, OMNI),
    "just more than it": ((1, 1, 8), 0.7, 2),
    "nearly all under a high threshold": ((95, 5, 0), 0.95, OMNI),
    "more than a high threshold": ((96, 4, 0), 0.95, 0),
    "the most that is read": ((MOST, MOST, MOST), 0.2, OMNI),
}


@pytest.mark.parametrize(("activity", "dominance", "expected"), RULE.values(), ids=RULE)
def test_the_one_largest_share_dominates_if_strictly_more_than_the_threshold(
    activity: tuple[int, ...], dominance: float, expected: int | None
) -> None:
    assert [expected] == places(activity, dominance=dominance).patterns


BOUNDARY = {
    "would win at 0.45": ((23, 14, 13), 1),
    "just too little for 0.45": ((9, 6, 5), 0),
    "half": ((22, 14, 8), 1),
    "would lose at 0.55": ((11, 9, 0), 1),
    "wins at 0.55 too": ((56, 44, 0), 0),
    "two equal shares never win": ((7, 7, 0), 0),
    "nobody": ((0, 0, 0), 0),
}


@pytest.mark.parametrize(("activity", "expected"), BOUNDARY.values(), ids=BOUNDARY)
def test_on_the_boundary_are_those_whom_a_slightly_other_threshold_would_move(
    activity: tuple[int, ...], expected: int
) -> None:
    assert expected == places(activity).on_boundary


def test_places_keep_the_order_of_the_page() -> None:
    expected = Places(patterns=[1, None, OMNI, 0], on_boundary=0)

    assert expected == places((0, 9, 0), (0, 0, 0), (1, 1, 1), (9, 0, 0))


def test_an_empty_page_has_no_places() -> None:
    assert Places(patterns=[], on_boundary=0) == places()


def test_any_of_eight_channels_may_dominate() -> None:
    one_each = [tuple(9 * (at == channel) + 1 for at in range(8)) for channel in range(8)]

    assert list(range(8)) == places(*one_each).patterns


small = st.integers(0, 12)
any_size = small | st.integers(0, MOST)


@given(st.integers(2, 8).flatmap(lambda n: st.tuples(*[small] * n)), st.integers(20, 95))
def test_the_rule_is_the_one_of_exact_arithmetic(activity: tuple[int, ...], percent: int) -> None:
    names = [str(channel) for channel in range(len(activity))]
    expected = plain_pattern(activity, names, Fraction(percent, 100))

    [at] = places(activity, dominance=percent / 100).patterns

    assert expected == (None if at is None else [*(f"{name}_dominant" for name in names), "omnichannel"][at])


@given(st.lists(st.tuples(any_size, any_size, any_size), max_size=40), st.integers(25, 90))
def test_the_boundary_is_the_number_of_people_who_move_with_the_threshold(
    page: list[tuple[int, ...]], percent: int
) -> None:
    lower, here, upper = (places(*page, dominance=(percent + moved) / 100).patterns for moved in (-5, 0, 5))
    expected = sum({below, above} != {at} for below, at, above in zip(lower, here, upper, strict=True))

    assert expected == places(*page, dominance=percent / 100).on_boundary
