"""Before anything is paid, people without traits are noticed, with what to create in Segment."""

import re
from collections import Counter
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from persona.classify.counts import Counts, GroupCounts
from persona.errors import NotEnoughData
from persona.model import Rule
from persona.summarize.trait_check import examine, help_for, machine_opens

CHANNELS = {"web": "web_sessions_30d", "mobile": "mobile_sessions_30d", "email": "emails_opened_30d"}
RULE = Rule(channels=CHANNELS, dominance=0.5)


def counts(carried: Sequence[int], people: int = 1_000, activity: tuple[int, ...] = (1, 1, 1)) -> Counts:
    """A space where so many carry each trait: the three channels', the LTV's and the plan's."""
    counted = Counts(3, read=people, carried=Counter(dict(enumerate(carried))))
    if not any(activity):
        counted.dormant = people
        return counted
    acted = Counter({i: people * one for i, one in enumerate(activity)})
    counted.groups[3] = GroupCounts(n=people, identities=people, activity=acted)
    return counted


def test_a_space_with_all_its_traits_is_healthy() -> None:
    assert examine(counts([500, 500, 1_000, 500, 500]), RULE) == []


def test_a_channel_that_fewer_than_half_carry_is_named_with_the_trait_to_create() -> None:
    (warning,) = examine(counts([499, 900, 900, 900, 900]), RULE)
    assert warning == (
        "Only 49.9 % of the profiles carry web_sessions_30d, and everybody else counts as not active on web. "
        "If that is not so, create in Segment (Unify, Traits, Computed traits; each needs a destination or "
        "“Compute without connected destinations”, and is computed every eight hours) web_sessions_30d, an "
        "Event Counter of “Session Started” of the web sources, over the last 30 days."
    )


HELP = {
    "mobile": ([900, 0, 900, 900, 900], ["mobile_sessions_30d", "Application Opened"]),
    "email": ([900, 900, 9, 900, 900], ["emails_opened_30d", "Email Opened"]),
    "ltv": ([900, 900, 900, 0, 900], ["No profile carries ltv: there is no LTV", "PERSONA_LTV_TRAIT"]),
    "plan": ([900, 900, 900, 900, 499], ["carry plan", "PERSONA_PLAN_TRAIT"]),
    "no plan": ([900, 900, 900, 900, 0], ["Only 0 %", "carry plan: nobody else's plan is known;"]),
}


@pytest.mark.parametrize("trait", HELP)
def test_every_trait_has_help_of_its_own(trait: str) -> None:
    carried, named = HELP[trait]
    (warning,) = examine(counts(carried), RULE)
    assert [word for word in named if word not in warning] == []


def test_all_that_is_lacking_is_named_in_the_order_of_the_traits() -> None:
    warnings = examine(counts([400, 300, 600, 200, 100]), RULE)
    named = [warning.split(" carry ")[1].split(",")[0].split(":")[0] for warning in warnings]
    assert named == ["web_sessions_30d", "mobile_sessions_30d", "ltv", "plan"]


@pytest.mark.parametrize("activity", [(1, 1, 1), (0, 0, 0)], ids=["active", "nobody-active"])
def test_where_hardly_anybody_carries_any_trait_there_is_no_framework_but_help(
    activity: tuple[int, ...],
) -> None:
    with pytest.raises(NotEnoughData) as raised:
        examine(counts([9, 9, 9, 1_000, 1_000], activity=activity), RULE)
    assert raised.value.message.startswith("of 1000 profiles, less than 1.0 % carry any of the channels'")
    assert raised.value.message.endswith(help_for(CHANNELS, 30))


def test_one_trait_that_one_in_a_hundred_carries_is_enough_to_go_on_with_warnings() -> None:
    assert len(examine(counts([10, 0, 0, 1_000, 1_000]), RULE)) == 3


RAW = replace(RULE, window_days=14, activity="raw events: …")
SPACE = "such as user_id:42; 2 not found: the space knows no such profile: check SEGMENT_SPACE_ID)"


def test_where_nobody_is_active_the_likeliest_cause_is_told() -> None:
    """Of files and their values those of the first hour's mistakes tell."""
    unknown = Counts(3, read=9, rejected=Counter(identifier_malformed=1, not_found=2))
    with pytest.raises(NotEnoughData, match=re.escape(SPACE)):
        examine(unknown, RULE)
    with pytest.raises(NotEnoughData, match="email tool's events, are connected to this space"):
        examine(Counts(3, read=9, dormant=9), RAW)


def test_many_unreadable_profiles_and_values_of_the_ltv_are_told() -> None:
    counted = counts([900, 900, 900, 0, 900])
    counted.read, counted.rejected, counted.odd_ltv = 1_100, Counter(row_invalid_encoding=100), 40
    rejected, odd_ltv, *_ = [told for told in examine(counted, RULE) if not told.startswith("Only")]
    assert rejected == (
        "9.1 % of the profiles could not be read and are left out (100 row invalid encoding: the file is not "
        "in UTF-8: save it as that)."
    )
    assert odd_ltv.startswith("40 values of ltv are no numbers and count as missing: expected 1234.56")


def test_help_names_event_window_and_aggregation_of_any_channel() -> None:
    helped = help_for({"web": "w", "sms_reply": "sms_7d"}, 7)
    sms = "sms_7d, an Event Counter of the event that stands for one use of sms reply, over the last 7 days"
    assert "w, an Event Counter of “Session Started”" in helped
    assert sms in helped
    assert "PERSONA_EVENTS" not in helped
    # Raw events are offered where they tell all channels apart.
    assert "PERSONA_EVENTS=on" in help_for(CHANNELS, 30)
    # Where the traits' names tell no window, one is asked for.
    assert help_for({"sms": "s"}, None).endswith("over the same window as the other channels' traits.")


def test_with_raw_events_ltv_and_plan_are_traits_all_the_same() -> None:
    told = [warning.split(":")[0] for warning in examine(counts([1_000, 1_000, 1_000, 0, 100]), RAW)]
    assert told == ["Only 10.0 % of the profiles carry plan", "No profile carries ltv"]


def test_people_without_external_ids_have_no_figures_of_them() -> None:
    space = counts([900] * 5)
    space.groups[3].identities = 0
    (warning,) = examine(space, RULE)
    assert warning.startswith("No active profile has an external id: there is no figure of identifiers")


OPENS = {
    "opens": (RULE, ["emails_opened_30d"]),
    "clicks": (replace(RULE, channels={"email": "email_clicks_30d"}), []),
    "opens of an app": (replace(RULE, channels={"app": "app_opens_30d"}), []),
    "raw events are counted otherwise": (RAW, []),
}


@pytest.mark.parametrize("name", OPENS)
def test_a_trait_that_counts_opens_of_mail_is_said_to_count_machines_too(name: str) -> None:
    rule, named = OPENS[name]
    assert [note.split(" counts opens")[0] for note in machine_opens(rule)] == named


def test_a_channel_on_which_nobody_had_an_event_is_told() -> None:
    told = examine(counts([1_000] * 5, activity=(1, 0, 1)), replace(RULE, activity="raw events"))
    assert told == [
        "Nobody had an event on mobile in the last 30 days: its source may not be connected to this space."
    ]
