"""The built-in space: always the same, and worth a report."""

import re

import pytest
from spaces import CHANNELS, count, summary_of

from persona.deadline import Deadline
from persona.fetch.people import Page
from persona.fetch.sample import fetch
from persona.model import Summary
from persona.settings import read_settings


def read(limit: int = 0) -> list[Page]:
    return list(fetch(read_settings({}, "terminal"), Deadline(60), limit))


@pytest.fixture(scope="module")
def summary() -> Summary:
    return summary_of(count(read()[0].records, CHANNELS), CHANNELS, min_group=5)


@pytest.mark.parametrize("limit", [0, 150, 600, 601])
def test_a_limit_cuts_the_space_and_says_so(limit: int) -> None:
    [page] = read(limit)
    assert (len(page.records), page.more) == (min(limit or 600, 600), limit == 150)


def test_all_patterns_dormant_people_and_broken_profiles_occur(summary: Summary) -> None:
    population = summary.population
    assert population.rejected == {
        "activity_negative": 1,
        "activity_not_finite": 1,
        "activity_not_numeric": 2,
        "external_ids_malformed": 1,
        "profile_not_object": 2,
        "traits_not_object": 1,
    }
    keys = [pattern.key for pattern in summary.patterns]
    assert keys == ["web_dominant", "mobile_dominant", "email_dominant", "omnichannel"]
    assert population.dormant > 50
    assert all(0.8 < coverage < 1 for coverage in population.trait_coverage.values())
    assert 0.05 < summary.rule.boundary_share < 0.15


def test_every_address_is_plainly_invented() -> None:
    addresses = re.findall(rb'"[^"]*@[^"]*"', b"".join(read()[0].records))
    assert addresses
    assert [address for address in addresses if not address.endswith(b'@example.com"')] == []
