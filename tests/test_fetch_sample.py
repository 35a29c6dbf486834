"""The built-in space: always the same, and worth a report."""

import re

import pytest
from spaces import CHANNELS, count, summary_of

from persona.deadline import Deadline
from persona.fetch.people import Page
from persona.fetch.sample import fetch
from persona.settings import read_settings


def read(limit: int = 0) -> list[Page]:
    return list(fetch(read_settings({}, "terminal"), Deadline(60), limit))


@pytest.mark.parametrize("limit", [0, 150, 600, 601])
def test_a_limit_cuts_the_space_and_says_so(limit: int) -> None:
    [page] = read(limit)
    assert (len(page.records), page.more) == (min(limit or 600, 600), limit == 150)


def test_traits_are_lacking_and_people_on_the_boundary() -> None:
    """That all patterns, dormant people and broken profiles occur is what a run's report tells."""
    summary = summary_of(count(read()[0].records, CHANNELS), CHANNELS, min_group=5)
    assert all(0.8 < coverage < 1 for coverage in summary.population.trait_coverage.values())
    assert 0.05 < summary.rule.boundary_share < 0.15


def test_every_address_is_plainly_invented() -> None:
    addresses = re.findall(rb'"[^"]*@[^"]*"', b"".join(read()[0].records))
    assert addresses
    assert [address for address in addresses if not address.endswith(b'@example.com"')] == []
