"""What is counted of a space, and how two counts become one."""

from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spaces import CHANNELS, Profile, channels, count, dominances, profiles

from persona.classify.tally import MOST_PLANS, MOST_TYPES, GroupTally, Tally
from persona.model import ExternalId, People, Places


def person(web: int = 1, plan: str | None = None, *types: str, **traits: Any) -> Profile:
    """A profile that web dominates."""
    return {
        "traits": {"web_sessions_30d": web, "plan": plan, **traits},
        "external_ids": [{"type": kind, "id": "x"} for kind in types],
    }


def group(space: list[Profile]) -> GroupTally:
    """The web-dominant group of a space."""
    return count(space, CHANNELS).groups[0]


def test_a_page_is_counted_by_place() -> None:
    people = People(
        activity=[(5, 0), (0, 0), (1, 1), (7, 0)],
        ltv=[10.0, 99.0, 3.0, -1.0],
        plan=["pro", "pro", None, "pro"],
        external_ids=[(ExternalId("email"),), (), (ExternalId("email"),) * 3, (ExternalId("email"),)],
        carried=[4, 3, 2, 1],
        rejected=Counter(profile_not_object=2),
    )
    tally = Tally(channels=2)

    tally.add(people, Places([0, None, 2, 0], on_boundary=1))

    assert (tally.read, tally.dormant, tally.classified, tally.on_boundary) == (6, 1, 3, 1)
    assert (Counter(profile_not_object=2), [4, 3, 2, 1]) == (tally.rejected, tally.carried)
    assert tally.groups == [
        GroupTally(2, 2, 9.0, [12, 0], 2, 2, Counter(email=2), Counter(pro=2)),
        GroupTally(2),
        GroupTally(2, 1, 3.0, [1, 1], 3, 0, Counter(email=1), Counter()),
    ]


def test_everybody_is_all_groups_together() -> None:
    tally = count([person(1, "pro", "email"), person(0, "pro", emails_opened_30d=3, ltv=4)], CHANNELS)

    assert GroupTally(3, 2, 4.0, [1, 0, 3], 1, 2, Counter(email=1), Counter(pro=2)) == tally.everybody()


def test_an_external_id_type_covers_a_person_once() -> None:
    counted = group([person(1, None, "anonymous_id", "anonymous_id", "email")])

    assert Counter(anonymous_id=1, email=1) == counted.identity_coverage
    assert counted.identities == 3


@pytest.mark.parametrize("os", ["ios", "android"])
@pytest.mark.parametrize("kind", ["id", "idfa", "push_token"])
def test_both_spellings_of_a_device_id_are_one_type(os: str, kind: str) -> None:
    space = [person(1, None, f"{os}_{kind}"), person(2, None, f"{os}.{kind}", f"{os}_{kind}")]

    assert Counter({f"{os}.{kind}": 2}) == group(space).identity_coverage


def test_few_identities_are_two_external_ids_or_fewer() -> None:
    space = [person(1, None, *["email"] * n) for n in range(5)]

    assert (group(space).few_identities, group(space).identities) == (3, 10)


def test_names_of_dormant_people_are_not_counted() -> None:
    assert Counter() == count([person(0, "pro", "email")], CHANNELS).everybody().plans


def free_text(plans: int, types: int = 0, start: int = 0) -> Tally:
    """A space with so many different plans and types of external id."""
    return count(
        [
            *(person(1, f"plan {start + n}", "email") for n in range(plans)),
            *(person(1, None, f"type {start + n}") for n in range(types)),
        ],
        CHANNELS,
        cuts=range(0, plans + types, 100),
    )


FREE_TEXT = {
    "as many plans as are counted": (MOST_PLANS, 0, set()),
    "one plan more": (MOST_PLANS + 1, 0, {"plans"}),
    "as many types as are counted": (0, MOST_TYPES, set()),
    "one type more": (0, MOST_TYPES + 1, {"identity_coverage"}),
    "both": (MOST_PLANS + 1, MOST_TYPES + 1, {"plans", "identity_coverage"}),
}


@pytest.mark.parametrize(("plans", "types", "expected"), FREE_TEXT.values(), ids=FREE_TEXT)
def test_a_trait_of_too_many_names_is_free_text(plans: int, types: int, expected: set[str]) -> None:
    assert expected == free_text(plans, types).free_text


def test_names_of_free_text_are_forgotten_and_stay_so() -> None:
    tally = free_text(MOST_PLANS + 1, MOST_TYPES + 1)
    tally.merge(free_text(1, 1))

    assert [(len(one.plans), len(one.identity_coverage)) for one in tally.groups] == [(0, 0)] * 4


def test_the_names_of_all_patterns_count_together_and_each_once() -> None:
    by_email = {"web_sessions_30d": 0, "emails_opened_30d": 1}
    same = [person(1, f"plan {n}", **more) for n in range(MOST_PLANS) for more in ({}, by_email)]
    other = person(1, "one more", **by_email)

    assert set() == count(same, CHANNELS).free_text
    assert {"plans"} == count([*same, other], CHANNELS).free_text


def test_free_text_is_found_in_any_order_of_merging() -> None:
    """Three parts of 400 plans each: no two of them are free text, all together are."""
    for order in permutations(range(3)):
        tally = Tally(3)
        for part in order:
            tally.merge(free_text(400, start=400 * part))
        assert ({"plans"}, 1200) == (tally.free_text, tally.classified)


def test_what_was_free_text_in_one_part_is_free_text_in_the_whole() -> None:
    tally = free_text(1)

    tally.merge(free_text(MOST_PLANS + 1))

    assert {"plans"} == tally.free_text


def test_the_ltv_of_many_small_pages_does_not_drift() -> None:
    tally = count([person(1, ltv=0.1) for _ in range(2000)], CHANNELS, cuts=range(2000))

    assert pytest.approx(200.0, rel=1e-12) == tally.groups[0].ltv


@given(st.data())
def test_two_halves_merge_into_the_whole(data: st.DataObject) -> None:
    some = data.draw(channels())
    broken = st.lists(st.sampled_from([5, {"traits": None}]), max_size=3)
    people = data.draw(profiles(list(some.values())))
    space = data.draw(st.permutations([*people, *data.draw(broken)]))
    dominance, half = data.draw(dominances()), data.draw(st.integers(0, len(space)))
    whole = count(space, some, dominance)

    merged = count(space[:half], some, dominance)
    merged.merge(count(space[half:], some, dominance))

    def counts(tally: Tally) -> object:
        groups = [vars(one) | {"ltv": None} for one in tally.groups]
        return {name: value for name, value in vars(tally).items() if name[0] != "_"} | {
            "groups": groups,
            "free_text": tally.free_text,
        }

    assert counts(whole) == counts(merged)
    size = sum(abs(float(one["traits"].get("ltv") or 0)) for one in people)
    assert [pytest.approx(one.ltv, abs=1e-9 * size) for one in whole.groups] == [
        one.ltv for one in merged.groups
    ]
