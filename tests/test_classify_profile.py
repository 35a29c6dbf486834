"""What is read from a profile, and what is not."""

import json
from collections import Counter
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from persona.classify.profile import MOST, NAME_CHARACTERS, Reader
from persona.model import ExternalId, People

T = TypeVar("T")


class Data(Struct, Generic[T]):
    profiles: list[T] = []


class Envelope(Struct, Generic[T]):
    data: Data[T]


def read(page: str) -> People:
    """The people of a page of JSON in a space with two channels."""
    reader = Reader(["web", "email"], "ltv", "plan")
    return reader.read(reader.decode(page.encode(), list))


def read_one(traits: str) -> People:
    """The people of a page with these traits and one ordinary neighbour."""
    neighbour = '{"traits": {"web": 7, "email": 8, "ltv": 9.5, "plan": "pro"}, "external_ids": []}'
    return read(f'[{{"traits": {traits}, "external_ids": []}}, {neighbour}]')


COUNTED = {
    "whole": ("12", 12),
    "zero": ("0", 0),
    "minus zero": ("-0", 0),
    "minus zero with a point": ("-0.0", 0),
    "fraction is cut": ("2.7", 2),
    "fraction below one": ("0.9", 0),
    "float that is whole": ("3.0", 3),
    "exponent": ("1e3", 1000),
    "most": (str(MOST), MOST),
    "string": ('"12"', 12),
    "string with a plus": ('"+12"', 12),
    "string with a fraction": ('"2.7"', 2),
    "string with an exponent": ('"1e3"', 1000),
    "string with a signed exponent": ('"15E-1"', 1),
    "string in white space": ('" \\t12\\n"', 12),
    "most as a string": (f'"{MOST}"', MOST),
    "string minus zero": ('"-0"', 0),
}


@pytest.mark.parametrize(("value", "expected"), COUNTED.values(), ids=COUNTED)
def test_activity_is_a_number_or_an_ascii_numeric_string_cut_to_whole_numbers(
    value: str, expected: int
) -> None:
    people = read_one(f'{{"web": {value}}}')

    assert ([(expected, 0), (7, 8)], Counter()) == (people.activity, people.rejected)
    assert people.carried == [2, 1, 1, 1]


@pytest.mark.parametrize("traits", ["{}", '{"web": null}', '{"web": ""}'], ids=["absent", "null", "empty"])
def test_absent_null_and_empty_activity_is_zero_and_counts_against_coverage(traits: str) -> None:
    people = read_one(traits)

    assert (people.activity, people.carried) == ([(0, 0), (7, 8)], [1, 1, 1, 1])


REJECTED = {
    "negative": ("-1", "activity_negative"),
    "negative fraction": ("-0.5", "activity_negative"),
    "negative string": ('"-3"', "activity_negative"),
    "infinite": ("1e400", "activity_not_finite"),
    "infinite string": ('"1e400"', "activity_not_finite"),
    "minus infinite": ("-1e400", "activity_not_finite"),
    "5,000 digits": ("9" * 5000, "activity_not_finite"),
    "5,000 digits in a string": (f'"{"9" * 5000}"', "activity_not_finite"),
    "NaN": ("NaN", "activity_not_finite"),
    "Infinity": ("Infinity", "activity_not_finite"),
    "beyond counting": (str(MOST + 1), "activity_too_large"),
    "beyond 64 bits": ("9" * 30, "activity_too_large"),
    "true": ("true", "activity_boolean"),
    "false": ("false", "activity_boolean"),
    "word": ('"many"', "activity_not_numeric"),
    "word for not a number": ('"nan"', "activity_not_numeric"),
    "word for infinity": ('"inf"', "activity_not_numeric"),
    "Arabic digit": ('"٣"', "activity_not_numeric"),
    "full-width digit": ('"\\uff13"', "activity_not_numeric"),
    "underscore": ('"1_000"', "activity_not_numeric"),
    "thousands": ('"1,000"', "activity_not_numeric"),
    "hexadecimal": ('"0x10"', "activity_not_numeric"),
    "bare point": ('".5"', "activity_not_numeric"),
    "trailing point": ('"5."', "activity_not_numeric"),
    "white space alone": ('" "', "activity_not_numeric"),
    "no-break space": ('"\\u00a012"', "activity_not_numeric"),
    "lone surrogate": ('"\\ud800"', "activity_not_numeric"),
    "object": ("{}", "activity_not_numeric"),
    "list": ("[1]", "activity_not_numeric"),
    "empty list": ("[]", "activity_not_numeric"),
}


@pytest.mark.parametrize(("value", "reason"), REJECTED.values(), ids=REJECTED)
def test_any_other_activity_rejects_the_profile_by_reason_and_spares_its_neighbour(
    value: str, reason: str
) -> None:
    people = read_one(f'{{"web": 1, "email": {value}, "ltv": 5}}')

    assert ([(7, 8)], Counter([reason])) == (people.activity, people.rejected)
    assert people.carried == [1, 1, 1, 1]


LTVS = {
    "whole": ("890", 890.0, 2),
    "fraction": ("0.25", 0.25, 2),
    "refund": ("-12.5", -12.5, 2),
    "exponent": ("1e3", 1000.0, 2),
    "string": ('"12.5"', 12.5, 2),
    "string in white space": ('" -3 "', -3.0, 2),
    "zero": ("0", 0.0, 2),
    "most": (str(-MOST), float(-MOST), 2),
    "null": ("null", 0.0, 1),
    "empty": ('""', 0.0, 1),
    "true": ("true", 0.0, 1),
    "word": ('"a lot"', 0.0, 1),
    "underscore": ('"1_000"', 0.0, 1),
    "Arabic digit": ('"٣"', 0.0, 1),
    "infinite": ("1e400", 0.0, 1),
    "infinite string": ('"-1e400"', 0.0, 1),
    "NaN": ("NaN", 0.0, 1),
    "5,000 digits": ("9" * 5000, 0.0, 1),
    "beyond counting": ("1e16", 0.0, 1),
    "a refund beyond counting": ("-1e16", 0.0, 1),
    "object": ("{}", 0.0, 1),
    "list": ("[]", 0.0, 1),
}


@pytest.mark.parametrize(("value", "expected", "carried"), LTVS.values(), ids=LTVS)
def test_an_ltv_that_cannot_be_read_is_missing_and_the_profile_stays(
    value: str, expected: float, carried: int
) -> None:
    people = read_one(f'{{"web": 1, "ltv": {value}}}')

    assert ([expected, 9.5], Counter()) == (people.ltv, people.rejected)
    assert people.carried == [2, 1, carried, 1]


PLANS = {
    "name": ('"starter"', "starter"),
    "white space": ('" "', " "),
    "another script": ('"企業"', "企業"),
    "long": (f'"{"x" * 5000}"', "x" * NAME_CHARACTERS),
    "empty": ('""', None),
    "null": ("null", None),
    "number": ("5", None),
    "true": ("true", None),
    "object": ('{"name": "pro"}', None),
    "list": ('["pro"]', None),
}


@pytest.mark.parametrize(("value", "expected"), PLANS.values(), ids=PLANS)
def test_a_plan_is_a_string_or_missing(value: str, expected: str | None) -> None:
    people = read_one(f'{{"web": 1, "plan": {value}}}')

    assert ((expected, "pro"), Counter()) == (tuple(people.plan), people.rejected)
    assert people.carried == [2, 1, 1, 1 + (expected is not None)]


SHAPES = {
    "null": ("null", "profile_not_object"),
    "number": ("5", "profile_not_object"),
    "string": ('"profile"', "profile_not_object"),
    "list": ("[]", "profile_not_object"),
    "traits null": ('{"traits": null}', "traits_not_object"),
    "traits list": ('{"traits": []}', "traits_not_object"),
    "traits string": ('{"traits": "web"}', "traits_not_object"),
    "external ids null": ('{"external_ids": null}', "external_ids_malformed"),
    "external ids object": ('{"external_ids": {}}', "external_ids_malformed"),
    "external ids string": ('{"external_ids": "email"}', "external_ids_malformed"),
    "external id string": ('{"external_ids": ["email"]}', "external_ids_malformed"),
    "external id null": ('{"external_ids": [null]}', "external_ids_malformed"),
    "external id's type a number": ('{"external_ids": [{"type": 0}]}', "external_ids_malformed"),
    "external id's type false": ('{"external_ids": [{"type": false}]}', "external_ids_malformed"),
}


@pytest.mark.parametrize(("profile", "reason"), SHAPES.values(), ids=SHAPES)
def test_a_profile_of_another_shape_is_rejected_by_reason_and_spares_its_neighbour(
    profile: str, reason: str
) -> None:
    people = read(f'[{profile}, {{"traits": {{"web": 2.5}}, "external_ids": [{{"type": "email"}}]}}]')

    assert ([(2, 0)], Counter([reason])) == (people.activity, people.rejected)
    assert people.external_ids == [(ExternalId("email"),)]


def test_a_profile_without_traits_and_external_ids_is_a_person_without_activity() -> None:
    people = read("[{}, 5]")

    assert (people.activity, people.external_ids, people.carried) == ([(0, 0)], [()], [0, 0, 0, 0])


@pytest.mark.parametrize("odd", ["", '{"traits": null}'], ids=["typed", "plain"])
def test_an_external_id_is_its_type_and_may_lack_one(odd: str) -> None:
    listed = '[{"type": "email", "id": 5}, {"id": "x"}, {"type": "ios.id"}]'
    people = read(f'[{{"external_ids": {listed}}}{"," * bool(odd)}{odd}]')

    assert [(ExternalId("email"), ExternalId(), ExternalId("ios.id"))] == people.external_ids


def test_an_external_ids_type_may_be_null_and_is_cut_to_length() -> None:
    people = read(f'[{{"external_ids": [{{"type": null}}, {{"type": "{"x" * 5000}"}}]}}]')

    assert [(ExternalId(), ExternalId("x" * NAME_CHARACTERS))] == people.external_ids


ODD_ELSEWHERE = {
    "lone surrogate": '"\\ud800"',
    "lone surrogate as a key": '{"\\udfff": 1}',
    "5,000 digits": "9" * 5000,
    "NaN": "NaN",
    "infinite": "1e400",
    "nested": "[" * 300 + "]" * 300,
}


@pytest.mark.parametrize("value", ODD_ELSEWHERE.values(), ids=ODD_ELSEWHERE)
def test_a_trait_that_is_not_needed_may_hold_anything(value: str) -> None:
    people = read_one(f'{{"web": 1, "email": 2, "ltv": 3, "plan": "pro", "note": {value}}}')

    assert ([(1, 2), (7, 8)], Counter()) == (people.activity, people.rejected)


def test_all_profiles_of_a_page_may_be_rejected() -> None:
    people = read('[5, {"traits": {"web": -1}}]')

    assert list(people.activity) == []
    assert Counter(profile_not_object=1, activity_negative=1) == people.rejected
    assert tuple(people.carried) == (0, 0, 0, 0)


def test_an_empty_page_has_no_people() -> None:
    assert People((), (), (), (), (0,) * 4, Counter()) == read("[]")


def test_the_first_channels_reason_is_the_one_that_counts() -> None:
    assert Counter(["activity_boolean"]) == read('[{"traits": {"email": -1, "web": true}}]').rejected


def test_traits_may_have_any_names() -> None:
    reader = Reader(["class", "päge views ☕", "0"], "traits", "__init__")
    body = json.dumps([{"traits": {"class": 1, "päge views ☕": 2, "0": 3, "traits": 4, "__init__": "pro"}}])

    people = reader.read(reader.decode(body.encode(), list))

    assert (people.activity, tuple(people.ltv), tuple(people.plan)) == ([(1, 2, 3)], (4.0,), ("pro",))


@pytest.mark.parametrize("web", ["1", '"1"', "-1"], ids=["typed", "odd value", "rejected"])
def test_an_envelope_is_kept_around_the_profiles(web: str) -> None:
    reader = Reader(["web"], "ltv", "plan")

    reply = reader.decode(f'{{"data": {{"profiles": [{{"traits": {{"web": {web}}}}}]}}}}'.encode(), Envelope)

    people = reader.read(reply.data.profiles)
    assert len(people.activity) + people.rejected.total() == 1


def test_a_page_may_mix_profiles_that_were_decoded_in_different_ways() -> None:
    reader = Reader(["web"], "ltv", "plan")
    bodies = (b'[{"traits": {"web": 1}}]', b'[{"traits": {"web": "2"}}]', b'[{"traits": {"web": 3}}, 5]')
    page = [profile for body in bodies for profile in reader.decode(body, list)]

    people = reader.read(page)

    assert (people.activity, people.rejected.total()) == ([(1,), (2,), (3,)], 1)


def test_profiles_that_were_never_json_are_read_alike() -> None:
    reader = Reader(["web"], "ltv", "plan")
    page = [{"traits": {"web": 10**400}}, {"traits": {"web": float("nan")}}, {"traits": {"web": "3"}}]

    people = reader.read(page)

    assert people.activity == [(3,)]
    assert Counter(activity_too_large=1, activity_not_finite=1) == people.rejected


BROKEN = {
    "empty": b"",
    "HTML": b"<html>a.person@example.com</html>",
    "cut short": b'[{"traits": {"email": "a.person@example.com"}',
    "no list": b'{"a.person@example.com": 1}',
    "no UTF-8": b'["a.person@example.com\xff"]',
    "bottomless": b"[" * 100_000 + b"]" * 100_000,
    "bottomless trait": b'[{"traits": {"note": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}]",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_body_of_another_shape_is_refused_without_a_word_of_its_content(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        Reader(["web"], "ltv", "plan").decode(body, list)

    assert "person" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("1e3"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
records = values | st.fixed_dictionaries(
    {},
    optional={
        "traits": values
        | st.fixed_dictionaries({}, optional={"web": values, "email": values, "ltv": values, "plan": values}),
        "external_ids": values | st.lists(st.fixed_dictionaries({}, optional={"type": values}), max_size=3),
    },
)


@given(st.lists(records, max_size=5))
def test_a_profile_is_read_alike_alone_and_in_any_company(page: list[Any]) -> None:
    """Which of the three ways a page is decoded is nobody's business."""
    together = read(json.dumps(page))
    alone = [read(json.dumps([record])) for record in page]

    assert len(page) == len(together.activity) + together.rejected.total()
    assert sum((people.rejected for people in alone), Counter()) == together.rejected
    for column in ("activity", "ltv", "plan", "external_ids"):
        assert [one for people in alone for one in getattr(people, column)] == list(getattr(together, column))
    for i, carried in enumerate(together.carried):
        assert sum(people.carried[i] for people in alone) == carried
