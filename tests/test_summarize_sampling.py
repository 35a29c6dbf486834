"""How profiles were chosen and counted is said in one honest sentence each."""

import pytest

from persona.settings import read_settings
from persona.summarize.sampling import rule_of, sentence

# What was read, and what is said of its order where only its first profiles were.
SOURCES = {
    "segment": ("space", "in an order that Segment does not document"),
    "profile-api": ("space", "the recently active first, so active people are over-represented"),
    "identifiers": ("list in PERSONA_IDENTIFIERS", "in its order, and stand for all as far as"),
    "export": ("export", ""),  # which is drawn from, like BigQuery
    "bigquery": ("space (Profiles Sync in BigQuery)", ""),
    "sample": ("built-in, invented sample space", "in the source's own order"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_whole_source_is_called_whole_and_the_head_of_a_list_biased_by_its_order(source: str) -> None:
    place, order = SOURCES[source]
    whole, head = (sentence(source, 100, truncated=cut, drawn_from=None) for cut in (False, True))
    assert whole == f"All 100 profiles of the {place} were read."
    assert head.startswith(f"Only the first 100 profiles of the {place} were read, {order}")
    assert head.endswith("up to 9.8 points (95 %), and by the order an unknown amount more.")


def test_a_drawn_sample_names_its_size_its_seed_and_its_margin() -> None:
    assert sentence("export", 10_000, truncated=True, drawn_from=2_000_000) == (
        "10,000 of the 2,000,000 profiles of the export were drawn at random (seed 1); by chance alone, a "
        "pattern's share may be off by up to 1.0 points (95 %)."
    )


@pytest.mark.parametrize(
    ("n", "drawn_from", "margin"), [(9_999, 10_000, 0.0), (1, 10_000, 98.0), (0, None, 98.0)]
)
def test_the_margin_is_small_of_nearly_everybody_and_large_of_one_or_nobody(
    n: int, drawn_from: int | None, margin: float
) -> None:
    assert f"up to {margin} points" in sentence("export", n, truncated=True, drawn_from=drawn_from)


BIGQUERY = {"PERSONA_SOURCE": "bigquery://project.dataset"}
EVENTS = (
    "raw events: sessions by 30 minutes of inactivity on web and mobile, opens and clicks of email, "
    "for all people alike"
)


@pytest.mark.parametrize(
    ("more", "window"),
    [
        pytest.param({}, (30, "computed traits"), id="traits"),
        pytest.param({"PERSONA_CHANNELS": "a=a_90d,b=b_30d_90d"}, (90, "computed traits"), id="90 days"),
        pytest.param({"PERSONA_CHANNELS": "a=a_90d,b=b_30d"}, (None, "computed traits"), id="two windows"),
        pytest.param({"PERSONA_CHANNELS": "a=a_30d,b=visits"}, (None, "computed traits"), id="one unnamed"),
        pytest.param({"PERSONA_CHANNELS": "a=visits,b=opens"}, (None, "computed traits"), id="none named"),
        pytest.param({"PERSONA_EVENTS": "on"}, (14, EVENTS), id="profile-api"),
        pytest.param({"PERSONA_EVENTS": "on"} | BIGQUERY, (30, EVENTS), id="bigquery"),
    ],
)
def test_the_window_is_the_one_that_was_counted(more: dict[str, str], window: tuple[int | None, str]) -> None:
    names = {"PERSONA_SOURCE": "profile-api", "SEGMENT_TOKEN": "t", "SEGMENT_SPACE_ID": "s"}
    rule = rule_of(read_settings(names | more, "terminal"))
    assert (rule.window_days, rule.activity) == window
