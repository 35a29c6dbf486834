"""Settings are read together: each has its default, its bounds and its words when it is mistaken."""

from collections.abc import Mapping

import pytest

from persona.errors import BadSettings
from persona.settings import Settings, Trigger, read_settings

CLOUD = {"K_SERVICE": "persona", "PERSONA_OUTPUT": "gs://frameworks", "PERSONA_SOURCE": "sample"}
KEY = {"MAVERA_API_KEY": "mvra_live_secret"}
TOKEN = {"SEGMENT_TOKEN": "segment-secret", "SEGMENT_SPACE_ID": "spa_1"}
FACTS = {"PERSONA_AUTHOR": "facts"}
SAMPLE = {"PERSONA_SOURCE": "sample"}


def read(*given: Mapping[str, str], trigger: Trigger = "http") -> Settings:
    return read_settings({name: text for some in given for name, text in some.items()}, trigger)


def refusal(*given: Mapping[str, str], trigger: Trigger = "http") -> str:
    with pytest.raises(BadSettings) as refused:
        read(*given, trigger=trigger)
    return refused.value.message


def test_a_laptop_without_any_setting_gets_the_sample_worded_by_facts_in_a_folder() -> None:
    expected = Settings(
        trigger="terminal",
        source="sample",
        where="",
        id_columns=(
            *("user_id", "email", "anonymous_id", "phone", "ga_client_id"),
            *("ios.id", "ios_id", "android.id", "android_id"),
        ),
        segment_token="",
        segment_space_id="",
        segment_api_url="https://api.segmentapis.com",
        segment_profile_api_url="https://profiles.segment.com",
        mavera_api_key="",
        mavera_api_url="https://app.mavera.io/api/v1",
        mavera_workspace_id="",
        author="facts",
        output="./frameworks",
        limit=10_000,
        channels={
            "web": "web_sessions_30d",
            "mobile": "mobile_sessions_30d",
            "email": "emails_opened_30d",
        },
        ltv_trait="ltv",
        plan_trait="plan",
        currency="$",
        dominance=0.5,
        min_group=5,
        period="none",
        min_drift=0.0,
        mave_calls=2,
        mave_timeout_seconds=240.0,
        deadline_seconds=900.0,
        identifiers="",
        rate=95.0,
        events=False,
        email_tables=("email_opened", "email_link_clicked"),
        holdout=0.1,
        max_bytes=100_000_000_000,
        log_level="INFO",
    )
    assert expected == read(trigger="terminal")


@pytest.mark.parametrize(
    ("name", "text", "field", "expected"),
    [
        ("PERSONA_SOURCE", "sample", "source", "sample"),
        ("PERSONA_SOURCE", "space.jsonl.gz", "source", "export"),
        ("PERSONA_SOURCE", "space.jsonl.gz", "where", "space.jsonl.gz"),
        ("PERSONA_SOURCE", "gs://exports/a/b.jsonl", "source", "export"),
        ("PERSONA_SOURCE", "gs://exports/a/b.jsonl", "where", "gs://exports/a/b.jsonl"),
        ("PERSONA_SOURCE", "bigquery://my-project.segment_spa", "source", "bigquery"),
        ("PERSONA_SOURCE", "bigquery://my-project.segment_spa", "where", "my-project.segment_spa"),
        ("SEGMENT_SPACE_ID", "spa_9aQ-x", "segment_space_id", "spa_9aQ-x"),
        (
            "SEGMENT_API_URL",
            "https://eu1.api.segmentapis.com/",
            "segment_api_url",
            "https://eu1.api.segmentapis.com",
        ),
        ("SEGMENT_API_URL", "http://127.0.0.1:8000", "segment_api_url", "http://127.0.0.1:8000"),
        ("SEGMENT_API_URL", "http://[::1]:8000", "segment_api_url", "http://[::1]:8000"),
        ("SEGMENT_PROFILE_API_URL", "http://localhost:1", "segment_profile_api_url", "http://localhost:1"),
        ("MAVERA_API_URL", "https://mave.test/api//", "mavera_api_url", "https://mave.test/api"),
        ("MAVERA_WORKSPACE_ID", " ws_1 ", "mavera_workspace_id", "ws_1"),
        ("PERSONA_AUTHOR", "Facts", "author", "facts"),
        ("PERSONA_OUTPUT", "gs://frameworks/", "output", "gs://frameworks"),
        ("PERSONA_OUTPUT", "gs://frameworks/a/b/", "output", "gs://frameworks/a/b"),
        ("PERSONA_OUTPUT", "/srv/frameworks", "output", "/srv/frameworks"),
        ("PERSONA_LIMIT", "0", "limit", 0),
        ("PERSONA_LIMIT", " 250\n", "limit", 250),
        (
            "PERSONA_CHANNELS",
            "web = visits , sms = sms_clicks_30d",
            "channels",
            {"web": "visits", "sms": "sms_clicks_30d"},
        ),
        ("PERSONA_LTV_TRAIT", "lifetime value", "ltv_trait", "lifetime value"),
        ("PERSONA_PLAN_TRAIT", "tier", "plan_trait", "tier"),
        ("PERSONA_CURRENCY", "€", "currency", "€"),
        ("PERSONA_CURRENCY", "CHF", "currency", "CHF"),
        ("PERSONA_CURRENCY", "R$", "currency", "R$"),
        ("PERSONA_DOMINANCE", "0.2", "dominance", 0.2),
        ("PERSONA_DOMINANCE", "0.95", "dominance", 0.95),
        ("PERSONA_MIN_GROUP", "1", "min_group", 1),
        ("PERSONA_PERIOD", "WEEK", "period", "week"),
        ("PERSONA_MIN_DRIFT", "1", "min_drift", 1.0),
        ("PERSONA_MAVE_CALLS", "1", "mave_calls", 1),
        ("MAVE_TIMEOUT_SECONDS", "0090.5", "mave_timeout_seconds", 90.5),
        ("PERSONA_DEADLINE_SECONDS", "3500", "deadline_seconds", 3_500.0),
        ("PERSONA_IDENTIFIERS", "gs://lists/people.txt", "identifiers", "gs://lists/people.txt"),
        ("PERSONA_RATE", "0.1", "rate", 0.1),
        ("PERSONA_EMAIL_TABLES", "opened, clicked", "email_tables", ("opened", "clicked")),
        ("PERSONA_HOLDOUT", "0.5", "holdout", 0.5),
        ("PERSONA_MAX_BYTES", "1", "max_bytes", 1),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("PERSONA_LIMIT", " \n", "limit", 10_000),
    ],
)
def test_a_setting_is_read_as(name: str, text: str, field: str, expected: object) -> None:
    assert expected == getattr(read(SAMPLE, {name: text}), field)


def test_raw_events_are_read_from_a_source_that_has_them() -> None:
    assert read({"PERSONA_SOURCE": "bigquery://project-1.space", "PERSONA_EVENTS": "ON"}).events


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (
            {"PERSONA_SOURCE": "sample"},
            "expected off, since only profile-api and bigquery:// have raw events",
        ),
        (
            {"PERSONA_SOURCE": "bigquery://project-1.space", "PERSONA_CHANNELS": "web=a,sms=b"},
            "expected off, or only the channels web, mobile, email, got on and sms",
        ),
    ],
    ids=["source", "channel"],
)
def test_raw_events_are_refused_where_there_are_none(environment: dict[str, str], expected: str) -> None:
    with pytest.raises(BadSettings, match=f"PERSONA_EVENTS: {expected}"):
        read(environment | {"PERSONA_EVENTS": "on"})


FILE = "gs://BUCKET/OBJECT with both names, or a file path"
ADDRESS = "an https:// address without user, query or fragment; http:// only on this machine, ports to 65535"
CURRENCY = "a currency's sign or code, at most five letters and signs"
TABLES = "table names (A-Z, a-z, 0-9, _), comma-separated"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("PERSONA_SOURCE", "gs://bucket", FILE),
        ("PERSONA_SOURCE", "https://x.test/a", FILE),
        ("PERSONA_SOURCE", "bigquery://project", "bigquery://PROJECT.DATASET with both names"),
        (
            "SEGMENT_SPACE_ID",
            "a/b",
            "a space's id, such as spa_… (Segment: Unify, Unify settings, API access)",
        ),
        ("SEGMENT_API_URL", "http://x.test", ADDRESS),
        ("SEGMENT_API_URL", "https://x.test?a=1", ADDRESS),
        ("SEGMENT_API_URL", "https://x.test#a", ADDRESS),
        ("SEGMENT_PROFILE_API_URL", "https://x:port", ADDRESS),
        ("SEGMENT_PROFILE_API_URL", "https://x:0", ADDRESS),
        ("MAVERA_API_URL", "mavera", ADDRESS),
        ("MAVERA_API_URL", "https://[x", ADDRESS),
        ("PERSONA_AUTHOR", "me", "one of mave, facts"),
        ("PERSONA_OUTPUT", "s3://a", "gs://BUCKET[/PREFIX] or a folder"),
        ("PERSONA_OUTPUT", "gs://A", "gs://BUCKET[/PREFIX] or a folder"),
        ("PERSONA_LIMIT", "many", "a whole number from 0 to 1,000,000,000,000"),
        ("PERSONA_LIMIT", "1.5", "a whole number from 0 to 1,000,000,000,000"),
        ("PERSONA_LIMIT", "-1", "a whole number from 0 to 1,000,000,000,000"),
        ("PERSONA_CURRENCY", "5", CURRENCY),
        ("PERSONA_CURRENCY", "dollar", CURRENCY),
        ("PERSONA_DOMINANCE", "0.19", "a number from 0.2 to 0.95 (a share: 0.5 is 50 %)"),
        ("PERSONA_DOMINANCE", "nan", "a number from 0.2 to 0.95 (a share: 0.5 is 50 %)"),
        ("PERSONA_MIN_GROUP", "0", "a whole number from 1 to 1,000,000,000"),
        ("PERSONA_PERIOD", "year", "one of none, day, week, month"),
        ("PERSONA_MIN_DRIFT", "1.1", "a number from 0.0 to 1.0 (a share: 0.5 is 50 %)"),
        ("PERSONA_MAVE_CALLS", "0", "a whole number from 1 to 10"),
        ("MAVE_TIMEOUT_SECONDS", "inf", "a number from 1.0 to 3,000.0"),
        ("PERSONA_DEADLINE_SECONDS", "3501", "a number from 1.0 to 3,500.0"),
        ("PERSONA_IDENTIFIERS", "gs://lists", FILE),
        ("PERSONA_RATE", "101", "a number from 0.1 to 100.0"),
        ("PERSONA_EVENTS", "yes", "one of off, on"),
        ("PERSONA_EMAIL_TABLES", "a;b", TABLES),
        ("PERSONA_HOLDOUT", "0.6", "a number from 0.0 to 0.5 (a share: 0.5 is 50 %)"),
        ("PERSONA_MAX_BYTES", "1e9", "a whole number from 1 to 1,000,000,000,000,000,000"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error"),
    ],
)
def test_a_mistaken_setting_is_named_with_what_was_expected_and_what_came(
    name: str, text: str, expected: str
) -> None:
    told = f"- {name}: expected {expected}, got {text!r}"
    assert refusal(SAMPLE, {name: text}) == (
        f"1 of the settings to correct (see the README's table of settings):\n{told}"
    )


def test_an_author_without_a_key_is_sent_for_the_key() -> None:
    expected = "MAVERA_API_KEY: expected a key, since PERSONA_AUTHOR is mave, got nothing"
    assert expected in refusal({"PERSONA_AUTHOR": "mave"})


@pytest.mark.parametrize(
    "text",
    [
        "web=a",
        "web=a,web=b",
        "Web=a,mobile=b",
        "web=,mobile=b",
        "web,mobile",
        "web=a,",
        ",".join(f"c{i}=t{i}" for i in range(9)),
    ],
)
def test_channels_are_two_to_eight_different_names_with_traits(text: str) -> None:
    told = refusal({"PERSONA_CHANNELS": text})
    assert "PERSONA_CHANNELS: expected two to eight different channel=trait pairs" in told
    assert told.endswith(f"got {text!r}")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("PERSONA_LIMITS", "PERSONA_LIMIT"),
        ("SEGMENT_TOKENS", "SEGMENT_TOKEN"),
        ("SEGMENT_SPACE", "SEGMENT_SPACE_ID"),
        ("MAVERA_KEY", "MAVERA_API_KEY"),
        ("MAVE_TIMEOUT", "MAVE_TIMEOUT_SECONDS"),
        ("PERSONA_CHANNEL", "PERSONA_CHANNELS"),
    ],
)
def test_a_name_that_is_no_setting_is_told_with_the_nearest_and_without_its_value(
    name: str, nearest: str
) -> None:
    told = refusal(SAMPLE, {name: "s3cret"})
    assert f"{name}: expected a setting's name, and there is none such; the nearest is {nearest}" in told
    assert "s3cret" not in told


@pytest.mark.parametrize("name", ["SEGMENT_SPACE_ID", "SEGMENT_API_URL", "MAVERA_WORKSPACE_ID"])
def test_whoever_set_anything_of_segment_or_mave_gets_no_sample_unasked(name: str) -> None:
    value = "https://x.test" if name.endswith("URL") else "spa_1"
    assert "- PERSONA_SOURCE: expected sample, segment" in refusal({name: value})


@pytest.mark.parametrize(
    "given",
    [
        {"PERSONA_CHANNELS": "web=visits,mobile=visits"},
        {"PERSONA_CHANNELS": "web=ltv,mobile=visits"},
        {"PERSONA_LTV_TRAIT": "plan"},
    ],
)
def test_no_trait_serves_twice(given: dict[str, str]) -> None:
    assert "PERSONA_CHANNELS: expected a trait each for all channels, LTV and plan, got " in refusal(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, ("sample", "facts", "./frameworks"), id="laptop"),
        pytest.param(TOKEN, ("segment", "facts", "./frameworks"), id="laptop with a token"),
        pytest.param(TOKEN | KEY, ("segment", "mave", "./frameworks"), id="laptop with both"),
        pytest.param(KEY | SAMPLE, ("sample", "mave", "./frameworks"), id="sample on purpose"),
        pytest.param(TOKEN | SAMPLE, ("sample", "facts", "./frameworks"), id="token unused"),
        pytest.param(KEY | TOKEN | FACTS, ("segment", "facts", "./frameworks"), id="key unused"),
        pytest.param(CLOUD | FACTS, ("sample", "facts", "gs://frameworks"), id="cloud without Mave"),
        pytest.param(CLOUD | KEY, ("sample", "mave", "gs://frameworks"), id="cloud with a key"),
        pytest.param(
            {"K_SERVICE": "p", "PERSONA_OUTPUT": "/mnt/bucket"} | TOKEN | KEY,
            ("segment", "mave", "/mnt/bucket"),
            id="cloud with both and a mounted folder",
        ),
    ],
)
def test_source_author_and_output_follow_from_the_cloud_and_the_keys(
    given: dict[str, str], expected: tuple[str, str, str]
) -> None:
    settings = read(given)
    assert expected == (settings.source, settings.author, settings.output)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param(KEY, ["PERSONA_SOURCE"], id="a key and no source: nobody pays for invented people"),
        pytest.param(
            {"K_SERVICE": "p"}, ["PERSONA_SOURCE", "PERSONA_AUTHOR", "PERSONA_OUTPUT"], id="a bare cloud"
        ),
        pytest.param(CLOUD, ["PERSONA_AUTHOR"], id="a cloud without a key"),
        pytest.param(
            {"PERSONA_SOURCE": "segment"}, ["SEGMENT_TOKEN", "SEGMENT_SPACE_ID"], id="segment, bare"
        ),
        pytest.param({"SEGMENT_TOKEN": "t"}, ["SEGMENT_SPACE_ID"], id="a token without a space"),
        pytest.param(
            {"PERSONA_SOURCE": "profile-api"}, ["SEGMENT_TOKEN", "SEGMENT_SPACE_ID"], id="profile-api, bare"
        ),
        pytest.param(
            {"PERSONA_SOURCE": "segment", "SEGMENT_TOKEN": "a b", "PERSONA_LIMIT": "x", "LOG_LEVEL": "y"},
            ["SEGMENT_TOKEN", "PERSONA_LIMIT", "LOG_LEVEL", "SEGMENT_SPACE_ID"],
            id="mistakes of every kind, each once",
        ),
        pytest.param(
            {"PERSONA_DEADLINE_SECONDS": "x", "PERSONA_CHANNELS": "x", "PERSONA_AUTHOR": "mave"},
            ["PERSONA_CHANNELS", "PERSONA_DEADLINE_SECONDS", "MAVERA_API_KEY"],
            id="nothing twice where the parts are mistaken",
        ),
    ],
)
def test_one_error_names_every_mistake(given: dict[str, str], names: list[str]) -> None:
    head, _, mistakes = refusal(given).partition(":\n")
    assert (
        f"{len(names)} of the settings to correct (see the README's table of settings)",
        names,
    ) == (
        head,
        [mistake.removeprefix("- ").partition(":")[0] for mistake in mistakes.split("\n")],
    )


@pytest.mark.parametrize(("trigger", "expected"), [("http", 900.0), ("terminal", 900.0), ("pubsub", 480.0)])
def test_the_deadline_follows_from_the_trigger(trigger: Trigger, expected: float) -> None:
    assert expected == read(trigger=trigger).deadline_seconds


def test_over_pubsub_the_deadline_stays_below_the_acknowledgement_deadline() -> None:
    assert "PERSONA_DEADLINE_SECONDS: expected at most 540 over Pub/Sub" in refusal(
        {"PERSONA_DEADLINE_SECONDS": "541"}, trigger="pubsub"
    )


def test_the_deadline_leaves_room_for_one_answer() -> None:
    given = KEY | TOKEN | {"PERSONA_DEADLINE_SECONDS": "100", "MAVE_TIMEOUT_SECONDS": "90"}
    assert "PERSONA_DEADLINE_SECONDS: expected more than 100, MAVE_TIMEOUT_SECONDS and 10 s" in refusal(given)


def test_without_mave_a_deadline_needs_no_room_for_an_answer() -> None:
    assert read({"PERSONA_DEADLINE_SECONDS": "1"}).deadline_seconds == 1


def test_the_lease_is_a_tenth_and_five_seconds_longer_than_the_deadline() -> None:
    assert read({"PERSONA_DEADLINE_SECONDS": "100"}).lease_seconds == pytest.approx(115)


@pytest.mark.parametrize("name", ["SEGMENT_TOKEN", "MAVERA_API_KEY"])
def test_a_secret_loses_the_line_break_that_its_file_ended_with(name: str) -> None:
    given = TOKEN | KEY | {name: "s3cret\r\n"}
    assert getattr(read(given), name.lower()) == "s3cret"


@pytest.mark.parametrize("name", ["SEGMENT_TOKEN", "MAVERA_API_KEY"])
@pytest.mark.parametrize("text", ["s3cret two", "s3cret\nnext", "s3crét"])
def test_a_secret_that_no_header_can_carry_is_refused_unseen(name: str, text: str) -> None:
    expected = f"{name}: expected the secret alone, in ASCII, without spaces or Bearer, got other text"
    told = refusal(TOKEN | KEY | {name: text})
    assert expected in told
    assert "s3cr" not in told


@pytest.mark.parametrize(
    "spoil", [{}, {"PERSONA_LIMIT": "x", "PERSONA_OUTPUT": "gs://"}], ids=["fine", "spoilt"]
)
def test_secrets_are_in_no_repr_and_no_error(spoil: dict[str, str]) -> None:
    told = refusal(TOKEN, KEY, spoil) if spoil else repr(read(TOKEN, KEY))
    assert "secret" not in told


def test_an_address_with_a_password_is_refused_unseen() -> None:
    assert f"SEGMENT_API_URL: expected {ADDRESS}, got other text" in refusal(
        {"SEGMENT_API_URL": "https://u:p@x.test"}
    )


def test_a_key_that_strayed_into_another_setting_is_not_shown() -> None:
    for name in ("PERSONA_MAVE_CALLS", "MAVERA_API_URL"):
        assert "mvra" not in refusal({name: "mvra_live_0123456789abcdef0123456789"})
