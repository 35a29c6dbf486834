"""The built-in space: always the same, and worth a report."""

import re

import pytest
from doors import ROOT
from spaces import CHANNELS, RULE, count, opened, summary_of

from persona.classify.counts import classify

RECORDS = (ROOT / "persona" / "fetch" / "sample.jsonl").read_bytes()


@pytest.mark.parametrize("limit", [0, 150, 600, 601])
def test_a_limit_cuts_the_space_and_says_so(limit: int) -> None:
    with opened("sample", limit) as people:
        assert classify(people, RULE).read == min(limit or 600, 600)
        assert people.truncated is (limit == 150)


def test_traits_are_lacking_and_people_on_the_boundary() -> None:
    """That all patterns, dormant people and broken profiles occur is what a run's report tells."""
    summary = summary_of(count(RECORDS.splitlines(), CHANNELS), CHANNELS, min_group=5)
    assert all(0.8 < coverage < 1 for coverage in summary.population.trait_coverage.values())
    assert 0.05 < summary.rule.boundary_share < 0.15


def test_every_address_is_plainly_invented() -> None:
    addresses = re.findall(rb'"[^"]*@[^"]*"', RECORDS)
    assert addresses
    assert [address for address in addresses if not address.endswith(b'@example.com"')] == []
