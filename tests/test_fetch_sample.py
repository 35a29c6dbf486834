"""The built-in space: always the same, and worth a report."""

import json
from hashlib import sha256

import pytest
from spaces import CHANNELS, summary_of

from persona.classify.profile import Reader
from persona.classify.rule import classify
from persona.classify.tally import Tally
from persona.deadline import Deadline
from persona.fetch.sample import fetch, pages
from persona.model import Page, Summary
from persona.settings import read_settings

READER = Reader(list(CHANNELS.values()), "ltv", "plan")


def read(limit: int = 0) -> list[Page]:
    return list(fetch(read_settings({}, "terminal"), READER, Deadline(60), limit))


@pytest.fixture(scope="module")
def summary() -> Summary:
    tally = Tally(channels=3)
    for page in read():
        people = READER.read(page.profiles)
        tally.add(people, classify(people, 0.5))
    return summary_of(tally, CHANNELS, min_group=5)


def test_the_space_is_the_same_on_every_machine() -> None:
    assert sha256(b"".join(pages())).hexdigest().startswith("8a2a18f570c1533b")


def test_the_space_has_600_profiles_in_pages_of_100() -> None:
    assert [len(json.loads(body)) for body in pages()] == [100] * 6
    assert [(len(page.profiles), page.more) for page in read()] == [(100, True)] * 5 + [(100, False)]


LIMITS = {
    "within a page": (150, [(100, True), (50, True)]),
    "a page's end": (200, [(100, True), (100, True)]),
    "within the last page": (599, [(100, True)] * 5 + [(99, True)]),
    "the whole space": (600, [(100, True)] * 5 + [(100, False)]),
    "more than there is": (601, [(100, True)] * 5 + [(100, False)]),
}


@pytest.mark.parametrize(("limit", "expected"), LIMITS.values(), ids=LIMITS)
def test_a_limit_cuts_the_space_and_says_so(limit: int, expected: list[tuple[int, bool]]) -> None:
    assert expected == [(len(page.profiles), page.more) for page in read(limit)]


def test_all_patterns_dormant_people_and_broken_profiles_occur(summary: Summary) -> None:
    expected = {
        "activity_boolean": 1,
        "activity_negative": 1,
        "activity_not_finite": 1,
        "activity_not_numeric": 1,
        "external_ids_malformed": 1,
        "profile_not_object": 2,
        "traits_not_object": 1,
    }
    population = summary.population

    assert expected == population.rejected
    assert {"web_dominant", "mobile_dominant", "email_dominant", "omnichannel"} == {
        pattern.key for pattern in summary.patterns
    }
    assert population.dormant > 50
    assert all(0.8 < coverage < 1 for coverage in population.trait_coverage.values())
    assert 0.05 < summary.rule.boundary_share < 0.15


def test_the_patterns_differ_as_those_of_real_people_do(summary: Summary) -> None:
    web, mobile, email, omnichannel = summary.patterns

    values = [pattern.avg_ltv or 0 for pattern in (email, web, mobile, omnichannel)]
    identities = [pattern.avg_identities or 0 for pattern in (email, mobile, omnichannel)]
    assert (values, identities) == (sorted(values), sorted(identities))
    assert (email.few_identities_share or 0) > 0.5 > (web.few_identities_share or 1)
    assert [(pattern.plans or [])[0].plan for pattern in (web, mobile, email, omnichannel)] == [
        "pro",
        "pro",
        "starter",
        "enterprise",
    ]


def test_every_address_is_plainly_invented() -> None:
    for body in pages():
        for profile in json.loads(body):
            traits = profile["traits"] if isinstance(profile, dict) else {}
            assert "email" not in traits or traits["email"].endswith("@example.com")
