"""Which pattern a person's activity makes, and what is counted of a space: the one program, in DuckDB."""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from spaces import CHANNELS, REJECTED, WHOLE, Profile, count, plain_pattern

from persona.classify.counts import MOST, MOST_PLANS, MOST_TYPES, NAME_CHARACTERS
from persona.classify.engine import OutOfRoom
from persona.fetch.people import People

WEB, _, EMAIL = CHANNELS.values()
OMNI = 3


def person(web: object = 1, plan: object = None, *types: str | None, **traits: Any) -> Profile:
    """A profile that web dominates."""
    listed = [{"type": kind, "id": "x"} for kind in types]
    return {"traits": {WEB: web, "plan": plan, **traits}, "external_ids": listed}


def places(activities: list[tuple[int, ...]], dominance: float) -> list[int | None]:
    """The pattern of each of at most a thousand people: their plans tell them apart."""
    channels = {f"c{i}": f"c{i}_30d" for i in range(len(activities[0]))}
    space = [
        {"traits": dict(zip(channels.values(), activity, strict=True)) | {"plan": str(n)}}
        for n, activity in enumerate(activities)
    ]
    counts = count(space, channels, dominance)
    pattern_of = {int(plan): i for i, group in enumerate(counts.groups) for plan in group.plans}
    return [pattern_of.get(n) for n in range(len(activities))]


RULE = {
    "half is not more than half": ((14, 22, 8), 0.5, OMNI),
    "one part in 10^15 more than half": ((MOST // 2 + 1, MOST // 2, 0), 0.5, 0),
    "exactly a threshold that no float holds": ((1, 2, 7), 0.7, OMNI),
    "the most that is read": ((MOST, MOST, MOST), 0.2, OMNI),
}


@pytest.mark.parametrize("name", RULE)
def test_the_one_largest_share_dominates_if_strictly_more_than_the_threshold(name: str) -> None:
    activity, dominance, expected = RULE[name]
    assert [expected] == places([activity], dominance)


@pytest.mark.parametrize(
    ("channels", "percent"), [(2, 50), (3, 50), (3, 20), (4, 33), (5, 35), (6, 45), (7, 70), (8, 95)]
)
def test_the_rule_is_the_one_of_exact_arithmetic(channels: int, percent: int) -> None:
    random = Random(channels * percent)  # noqa: S311 - chance, not a secret
    names = [str(channel) for channel in range(channels)]
    activities = [
        tuple(random.choice([0, random.randrange(13), random.randrange(13)]) for _ in names)
        for _ in range(MOST_PLANS)
    ]
    patterns = [*(f"{name}_dominant" for name in names), "omnichannel"]
    expected = [plain_pattern(activity, names, Fraction(percent, 100)) for activity in activities]
    assert expected == [None if at is None else patterns[at] for at in places(activities, percent / 100)]


def test_activity_is_a_number_in_ascii_cut_to_a_whole_one() -> None:
    counts = count([person(value) for value in WHOLE], CHANNELS)
    assert (counts.rejected, counts.carried[0]) == (Counter(), len(WHOLE))
    assert counts.everybody().activity[0] == sum(WHOLE.values())


@pytest.mark.parametrize("reason", REJECTED)
def test_any_other_activity_rejects_the_person_by_reason(reason: str) -> None:
    """The first channel's is the one that counts."""
    odd = [
        person(value, **{EMAIL: "x" if reason == "activity_negative" else -1}) for value in REJECTED[reason]
    ]
    counts = count([*odd, person(7)], CHANNELS)
    assert ({reason: len(odd)}, 7) == (counts.rejected, counts.everybody().activity[0])


def test_an_ltv_that_cannot_be_read_is_missing_and_the_person_stays() -> None:
    read = {"890": 890, "0.25": 0.25, "-12.5": -12.5, " -3 ": -3, "1e3": 1_000, str(-MOST): -MOST}
    odd = "true", "a lot", "1_000", "٣", "1e400", "-1e400", "NaN", "9" * 5_000, "1e16", "-1e16", "{}"
    missing = ["", *odd, None]
    counts = count([person(1, ltv=value) for value in [*read, *missing]], CHANNELS)
    assert pytest.approx(sum(read.values()), rel=1e-12) == counts.groups[0].ltv
    assert (len(read), len(read) + len(missing)) == (counts.carried[3], counts.classified)


def test_a_plan_is_a_text_of_bounded_length_or_missing() -> None:
    plans = ["starter", " ", "企業", "x" * 5_000, "ä" * 201, 5, True]
    missing = ["", None, {"name": "pro"}, ["pro"]]
    counts = count([person(1, plan) for plan in [*plans, *missing]], CHANNELS)
    shown = ["starter", " ", "企業", "x" * NAME_CHARACTERS, "ä" * NAME_CHARACTERS, "5", "true"]
    assert (Counter(shown), len(plans)) == (counts.groups[0].plans, counts.carried[4])


def test_an_external_id_is_its_type_and_may_lack_one() -> None:
    listed = '[{"type": "email", "id": 5}, {"id": "x"}, {"type": null}, {"type": "email"}, {"type": 7}]'
    group = count([f'{{"traits": {{"{WEB}": 1}}, "external_ids": {listed}}}'.encode()], CHANNELS).groups[0]
    assert (5, Counter({"email": 1, "7": 1})) == (group.identities, group.identity_coverage)


def test_both_spellings_of_a_device_id_are_one_type() -> None:
    kinds = [(os, kind) for os in ("ios", "android") for kind in ("id", "idfa", "push_token")]
    listed = [([f"{os}_{kind}"], [f"{os}.{kind}", f"{os}_{kind}"]) for os, kind in kinds]
    space = [person(1, None, *types) for types in (*(one for pair in listed for one in pair), ["kios_id"])]
    expected = Counter({f"{os}.{kind}": 2 for os, kind in kinds} | {"kios_id": 1})
    assert expected == count(space, CHANNELS).groups[0].identity_coverage


FREE_TEXT = {
    "as many as are counted": (MOST_PLANS, MOST_TYPES - 1, set()),
    "one plan more": (MOST_PLANS + 1, 0, {"plans"}),
    "one type more": (0, MOST_TYPES + 1, {"identity_coverage"}),
    "both": (MOST_PLANS + 1, MOST_TYPES + 1, {"plans", "identity_coverage"}),
}


@pytest.mark.parametrize(("plans", "types", "expected"), FREE_TEXT.values(), ids=FREE_TEXT)
def test_a_trait_of_too_many_names_is_free_text(plans: int, types: int, expected: set[str]) -> None:
    named = [person(1, f"plan {n}", "email") for n in range(plans)]
    named += [person(1, None, f"type {n}") for n in range(types)]
    dormant = [person(0, f"dormant {n}", f"dormant {n}") for n in range(MOST_PLANS)]
    counts = count([*named, *dormant], CHANNELS)
    assert (expected, plans + types) == (counts.free_text, counts.classified)
    assert all(getattr(counts.everybody(), name) == Counter() for name in expected)


PLANS, IDENTIFIERS = {"plan": "plans"}, {"types": "identity_coverage"}


@pytest.mark.parametrize("free", [PLANS, IDENTIFIERS, PLANS | IDENTIFIERS], ids=["plans", "types", "both"])
def test_names_that_there_is_no_room_for_are_free_text_and_the_people_counted(
    monkeypatch: pytest.MonkeyPatch, free: dict[str, str]
) -> None:
    def cramped(
        people: People, sql: str, parameters: Mapping[str, Any], as_it_is: Any = People.rows
    ) -> list[dict[str, Any]]:
        if any(f"total > 0, {column}, NULL" in sql for column in free):
            raise OutOfRoom
        return list(as_it_is(people, sql, parameters))

    monkeypatch.setattr(People, "rows", cramped)
    counts = count([person(1, "pro", "email")], CHANNELS)
    assert (counts.classified, counts.free_text) == (1, {*free.values()})


def test_traits_may_have_any_names() -> None:
    names = ['"; DROP TABLE gathered; --', "it's a “trait”", "$.a[0]", "päge views ☕", "__init__\\", "{}"]
    channels = {f"c{i}": name for i, name in enumerate(names)}
    space = [{"traits": {name: 5}} for name in names]
    assert [1] * len(names) + [0] == [group.n for group in count(space, channels).groups]
