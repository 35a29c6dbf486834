"""Figures and keys as people write them."""

import pytest

from persona import wording


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (wording.decimal(-0.01), "0.0"),
        (wording.exact(890.4), "890.4"),
        (wording.exact(12), "12"),
        (wording.percent(0.35, 0), "35 %"),
        (wording.percent(-0.031), "\N{MINUS SIGN}3.1 %"),
        (wording.interval((0.19, 0.512)), "19\N{EN DASH}51 %"),
        (wording.date("2026-11-23T06:00:12Z"), "23 November 2026"),
        (wording.date("some day"), "some day"),
        # What an activity's trait counts.
        (wording.activity("web", "web_sessions_30d"), "web sessions"),
        (wording.activity("email", "emails_opened_30d"), "email opens"),
        (wording.activity("store_visits", "store_visits_30d"), "store visits"),
        (wording.activity("tv", "tv_30d"), "TV actions"),
        pytest.param(wording.money(890.4, "$"), "$890", id="whole above a hundred"),
        pytest.param(wording.money(1450.0, "€"), "€1,450", id="thousands apart"),
        pytest.param(wording.money(3.419, "$"), "$3.42", id="cents below"),
        pytest.param(wording.money(40.0, "$"), "$40", id="no empty cents"),
        pytest.param(wording.money(99.999, "$"), "$100", id="no cents after rounding up"),
        pytest.param(wording.money(-12.5, "$"), "\u2212$12.50", id="below zero"),
        pytest.param(wording.money(-0.001, "$"), "$0", id="no minus before nothing"),
        pytest.param(wording.money(890.0, "EUR"), "EUR 890", id="a code stands apart"),
        pytest.param(wording.money(1e18, "$"), "$1e+18", id="beyond all measure"),
        pytest.param(wording.written(1450, "people", "$"), "1,450", id="people"),
        pytest.param(wording.written(1 / 3, "share", "$"), "33.3 %", id="a share"),
        pytest.param(wording.written(0.0, "share", "$"), "0 %", id="nobody"),
        pytest.param(wording.written(1.0, "share", "$"), "100 %", id="everybody"),
        pytest.param(wording.written(0.0004, "share", "$"), "<0.1 %", id="hardly anybody"),
        pytest.param(wording.written(4.21, "points", "$"), "+4.2 points", id="more"),
        pytest.param(wording.written(-4.21, "points", "$"), "\u22124.2 points", id="less"),
        pytest.param(wording.written(0.01, "points", "$"), "0.0 points", id="no change"),
        pytest.param(wording.written(22.34, "average", "$"), "22.3", id="an average"),
        pytest.param(wording.written(2.66, "ratio", "$"), "2.7", id="a ratio"),
        pytest.param(wording.written(12.6, "ratio", "$"), "13", id="a large ratio"),
    ],
)
def test_figures_days_and_activities_are_written_as_people_write_them(written: str, expected: str) -> None:
    assert written == expected
