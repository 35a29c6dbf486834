"""How profiles were chosen and counted is said in one honest sentence each."""

import pytest

from persona.settings import read_settings
from persona.summarize.sampling import rule_of, sentence

PLACES = {
    "segment": "space",
    "profile-api": "space",
    "export": "export",
    "bigquery": "space (Profiles Sync in BigQuery)",
    "sample": "built-in, invented sample space",
}


@pytest.mark.parametrize("source", PLACES)
def test_a_whole_space_is_called_whole(source: str) -> None:
    said = sentence(source, 1_234, truncated=False, drawn_from=None)
    assert said == f"All 1,234 profiles of the {PLACES[source]} were read."


def test_a_drawn_sample_names_its_size_its_seed_and_its_margin() -> None:
    assert sentence("export", 10_000, truncated=True, drawn_from=2_000_000) == (
        "10,000 of the 2,000,000 profiles of the export were drawn at random (seed 1); by chance alone, a "
        "pattern's share may be off by up to 1.0 points (95 %)."
    )


HEADS = {
    "segment": "in an order that Segment does not document",
    "profile-api": "active people are over-represented",
    "identifiers": "of the list in PERSONA_IDENTIFIERS were read, in its order",
    "sample": "in the source's own order",
}


@pytest.mark.parametrize("source", HEADS)
def test_the_head_of_a_list_is_called_biased_by_its_order(source: str) -> None:
    said = sentence(source, 100, truncated=True, drawn_from=None)
    assert (said.startswith("Only the first 100 profiles"), HEADS[source] in said) == (True, True)
    assert said.endswith("up to 9.8 points (95 %), and by the order an unknown amount more.")


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
