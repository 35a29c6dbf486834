"""Settings are read together: each has its default, its bounds and its words when it is mistaken."""

from collections.abc import Mapping
from dataclasses import asdict

import pytest

from persona.errors import BadSettings
from persona.settings import Settings, Trigger, read_settings

CLOUD = {"K_SERVICE": "persona", "PERSONA_OUTPUT": "gs://frameworks", "PERSONA_SOURCE": "sample"}
KEY = {"MAVERA_API_KEY": "mvra_live_secret"}
TOKEN = {"SEGMENT_TOKEN": "segment-secret", "SEGMENT_SPACE_ID": "spa_1"}
FACTS = {"PERSONA_AUTHOR": "facts"}
SAMPLE = {"PERSONA_SOURCE": "sample"}
EVENTS = {"PERSONA_SOURCE": "bigquery://project-1.space", "PERSONA_EVENTS": "ON"}


def read(*given: Mapping[str, str], trigger: Trigger = "http") -> Settings:
    return read_settings({name: text for some in given for name, text in some.items()}, trigger)


def refusal(*given: Mapping[str, str], trigger: Trigger = "http") -> str:
    with pytest.raises(BadSettings) as refused:
        read(*given, trigger=trigger)
    return refused.value.message


def test_a_laptop_without_any_setting_gets_the_sample_worded_by_facts_in_a_folder() -> None:
    ids = "user_id", "email", "anonymous_id", "phone", "ga_client_id"
    devices = "ios.id", "ios_id", "android.id", "android_id"
    channels = {"web": "web_sessions_30d", "mobile": "mobile_sessions_30d", "email": "emails_opened_30d"}
    expected = (
        {"source": "sample", "where": "", "id_columns": (*ids, *devices)}
        | {"segment_token": "", "segment_space_id": "", "segment_api_url": "https://api.segmentapis.com"}
        | {"segment_profile_api_url": "https://profiles.segment.com", "mavera_api_key": ""}
        | {"mavera_api_url": "https://app.mavera.io/api/v1", "mavera_workspace_id": "", "author": "facts"}
        | {"output": "./frameworks", "limit": 10_000, "channels": channels, "ltv_trait": "ltv"}
        | {"plan_trait": "plan", "currency": "$", "dominance": 0.5, "min_group": 5, "period": "none"}
        | {"min_drift": 0.0, "mave_calls": 2, "mave_timeout_seconds": 240.0, "deadline_seconds": 900.0}
        | {"identifiers": "", "rate": 95.0, "events": False, "holdout": 0.1, "max_bytes": 100_000_000_000}
        | {"email_tables": ("email_opened", "email_link_clicked"), "log_level": "INFO"}
    )
    assert expected == asdict(read(trigger="terminal"))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("SEGMENT_SPACE_ID", "spa_9aQ-x", "spa_9aQ-x"),
        ("SEGMENT_API_URL", "https://eu1.api.segmentapis.com/", "https://eu1.api.segmentapis.com"),
        ("SEGMENT_API_URL", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("SEGMENT_API_URL", "http://[::1]:8000", "http://[::1]:8000"),
        ("SEGMENT_PROFILE_API_URL", "http://localhost:1", "http://localhost:1"),
        ("MAVERA_API_URL", "https://mave.test/api//", "https://mave.test/api"),
        ("MAVERA_WORKSPACE_ID", " ws_1 ", "ws_1"),
        ("PERSONA_AUTHOR", "Facts", "facts"),
        ("PERSONA_OUTPUT", "gs://frameworks/a/b/", "gs://frameworks/a/b"),
        ("PERSONA_OUTPUT", "/srv/frameworks", "/srv/frameworks"),
        ("PERSONA_LIMIT", "0", 0),
        ("PERSONA_LIMIT", " 250\n", 250),
        ("PERSONA_LIMIT", " \n", 10_000),
        ("PERSONA_CHANNELS", "web = visits , sms = sms_30d", {"web": "visits", "sms": "sms_30d"}),
        ("PERSONA_LTV_TRAIT", "lifetime value", "lifetime value"),
        ("PERSONA_CURRENCY", "R$", "R$"),
        ("PERSONA_DOMINANCE", "0.2", 0.2),
        ("PERSONA_DOMINANCE", "0.95", 0.95),
        ("PERSONA_MIN_GROUP", "1", 1),
        ("PERSONA_PERIOD", "WEEK", "week"),
        ("PERSONA_MIN_DRIFT", "1", 1.0),
        ("PERSONA_MAVE_CALLS", "1", 1),
        ("MAVE_TIMEOUT_SECONDS", "0090.5", 90.5),
        ("PERSONA_DEADLINE_SECONDS", "3500", 3_500.0),
        ("PERSONA_IDENTIFIERS", "gs://lists/people.txt", "gs://lists/people.txt"),
        ("PERSONA_RATE", "0.1", 0.1),
        ("PERSONA_EMAIL_TABLES", "opened, clicked", ("opened", "clicked")),
        ("PERSONA_HOLDOUT", "0.5", 0.5),
        ("PERSONA_MAX_BYTES", "1", 1),
        ("PERSONA_DEADLINE_SECONDS", "1", 1.0),  # without Mave it needs no room for an answer
        ("LOG_LEVEL", "debug", "DEBUG"),
    ],
)
def test_a_setting_is_read_as(name: str, text: str, expected: object) -> None:
    assert expected == getattr(read(SAMPLE, {name: text}), name.removeprefix("PERSONA_").lower())


FILE = "gs://BUCKET/OBJECT with both names, or a file path"
ADDRESS = "an https:// address without user, query or fragment; http:// only on this machine, ports to 65535"
SPACE = "a space's id, such as spa_… (Segment: Unify, Unify settings, API access)"
CURRENCY = "a currency's sign or code, at most five letters and signs"
SHARE = " (a share: 0.5 is 50 %)"
CHANNELS = "two to eight different channel=trait pairs, comma-separated (channels: a-z, 0-9, _), such as "
CHANNELS += "web=web_visits,app=app_opens"
NINE = ",".join(f"c{i}=t{i}" for i in range(9))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (name, text, expected)
        for name, expected, texts in [
            ("PERSONA_SOURCE", FILE, ["gs://bucket", "https://x.test/a"]),
            ("PERSONA_SOURCE", "bigquery://PROJECT.DATASET with both names", ["bigquery://project"]),
            ("SEGMENT_SPACE_ID", SPACE, ["a/b"]),
            ("SEGMENT_API_URL", ADDRESS, ["http://x.test", "https://x.test?a=1", "https://x.test#a"]),
            ("SEGMENT_PROFILE_API_URL", ADDRESS, ["https://x:port", "https://x:0"]),
            ("MAVERA_API_URL", ADDRESS, ["mavera", "https://[x"]),
            ("PERSONA_AUTHOR", "one of mave, facts", ["me"]),
            ("PERSONA_OUTPUT", "gs://BUCKET[/PREFIX] or a folder", ["s3://a", "gs://A"]),
            ("PERSONA_LIMIT", "a whole number from 0 to 1,000,000,000,000", ["many", "1.5", "-1"]),
            ("PERSONA_CURRENCY", CURRENCY, ["5", "dollar"]),
            ("PERSONA_DOMINANCE", f"a number from 0.2 to 0.95{SHARE}", ["0.19", "nan"]),
            ("PERSONA_MIN_GROUP", "a whole number from 1 to 1,000,000,000", ["0"]),
            ("PERSONA_PERIOD", "one of none, day, week, month", ["year"]),
            ("PERSONA_MIN_DRIFT", f"a number from 0.0 to 1.0{SHARE}", ["1.1"]),
            ("PERSONA_MAVE_CALLS", "a whole number from 1 to 10", ["0"]),
            ("MAVE_TIMEOUT_SECONDS", "a number from 1.0 to 3,000.0", ["inf"]),
            ("PERSONA_DEADLINE_SECONDS", "a number from 1.0 to 3,500.0", ["3501"]),
            ("PERSONA_IDENTIFIERS", FILE, ["gs://lists"]),
            ("PERSONA_RATE", "a number from 0.1 to 100.0", ["101"]),
            ("PERSONA_EVENTS", "one of off, on", ["yes"]),
            ("PERSONA_EMAIL_TABLES", "table names (A-Z, a-z, 0-9, _), comma-separated", ["a;b"]),
            ("PERSONA_HOLDOUT", f"a number from 0.0 to 0.5{SHARE}", ["0.6"]),
            ("PERSONA_MAX_BYTES", "a whole number from 1 to 1,000,000,000,000,000,000", ["1e9"]),
            ("LOG_LEVEL", "one of debug, info, warning, error", ["loud"]),
            ("PERSONA_CHANNELS", CHANNELS, ["web=a", "web=a,web=b", "Web=a,mobile=b", "web=,mobile=b", NINE]),
            ("PERSONA_CHANNELS", CHANNELS, ["web,mobile", "web=a,"]),
        ]
        for text in texts
    ],
)
def test_a_mistaken_setting_is_named_with_what_was_expected_and_what_came(
    name: str, text: str, expected: str
) -> None:
    head = "1 of the settings to correct (see the README's table of settings):\n"
    assert refusal(SAMPLE, {name: text}) == f"{head}- {name}: expected {expected}, got {text!r}"


OTHER, MAVE = {"PERSONA_CHANNELS": "web=a,sms=b"}, {"PERSONA_AUTHOR": "mave"}
HURRY = KEY | TOKEN | {"PERSONA_DEADLINE_SECONDS": "100", "MAVE_TIMEOUT_SECONDS": "90"}
OFF = "PERSONA_EVENTS: expected off"
TWICE = "PERSONA_CHANNELS: expected a trait each for all channels, LTV and plan, got "


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"PERSONA_CHANNELS": "web=visits,mobile=visits"}, f"{TWICE}visits twice"),
        ({"PERSONA_CHANNELS": "web=ltv,mobile=visits"}, f"{TWICE}ltv twice"),
        ({"PERSONA_LTV_TRAIT": "plan"}, f"{TWICE}plan twice"),
        (EVENTS | SAMPLE, f"{OFF}, since only profile-api and bigquery:// have raw events, got on"),
        (EVENTS | OTHER, f"{OFF}, or only the channels web, mobile, email, got on and sms"),
        (MAVE, "MAVERA_API_KEY: expected a key, since PERSONA_AUTHOR is mave, got nothing"),
        (HURRY, "PERSONA_DEADLINE_SECONDS: expected more than 100, MAVE_TIMEOUT_SECONDS and 10 s"),
    ],
    ids=["channels", "LTV", "plan", "no events", "no such channel", "no key", "no room for an answer"],
)
def test_settings_that_do_not_go_together_are_told(given: dict[str, str], expected: str) -> None:
    assert expected in refusal(given)


@pytest.mark.parametrize(
    ("name", "nearest"), [("PERSONA_LIMITS", "PERSONA_LIMIT"), ("MAVERA_KEY", "MAVERA_API_KEY")]
)
def test_a_name_that_is_no_setting_is_told_with_the_nearest_and_without_its_value(
    name: str, nearest: str
) -> None:
    told = refusal(SAMPLE, {name: "s3cret"})
    assert f"{name}: expected a setting's name, and there is none such; the nearest is {nearest}" in told
    assert "s3cret" not in told


MOUNTED = {"K_SERVICE": "p", "PERSONA_OUTPUT": "/mnt/bucket"}


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
        pytest.param(MOUNTED | TOKEN | KEY, ("segment", "mave", "/mnt/bucket"), id="a mounted folder"),
    ],
)
def test_source_author_and_output_follow_from_the_cloud_and_the_keys(
    given: dict[str, str], expected: tuple[str, str, str]
) -> None:
    settings = read(given)
    assert expected == (settings.source, settings.author, settings.output)


MISTAKEN = {"PERSONA_SOURCE": "segment", "SEGMENT_TOKEN": "a b", "PERSONA_LIMIT": "x", "LOG_LEVEL": "y"}
PARTS = {"PERSONA_DEADLINE_SECONDS": "x", "PERSONA_CHANNELS": "x", "PERSONA_AUTHOR": "mave"}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param(KEY, "PERSONA_SOURCE", id="a key and no source: nobody pays for invented people"),
        pytest.param({"MAVERA_WORKSPACE_ID": "w"}, "PERSONA_SOURCE", id="a workspace and no source"),
        pytest.param({"SEGMENT_SPACE_ID": "s"}, "PERSONA_SOURCE", id="a space and no source"),
        pytest.param({"K_SERVICE": "p"}, "PERSONA_SOURCE PERSONA_AUTHOR PERSONA_OUTPUT", id="a bare cloud"),
        pytest.param(CLOUD, "PERSONA_AUTHOR", id="a cloud without a key"),
        pytest.param({"PERSONA_SOURCE": "segment"}, "SEGMENT_TOKEN SEGMENT_SPACE_ID", id="segment, bare"),
        pytest.param({"SEGMENT_TOKEN": "t"}, "SEGMENT_SPACE_ID", id="a token without a space"),
        pytest.param({"PERSONA_SOURCE": "profile-api"}, "SEGMENT_TOKEN SEGMENT_SPACE_ID", id="API, bare"),
        pytest.param(MISTAKEN, "SEGMENT_TOKEN PERSONA_LIMIT LOG_LEVEL SEGMENT_SPACE_ID", id="each kind once"),
        pytest.param(PARTS, "PERSONA_CHANNELS PERSONA_DEADLINE_SECONDS MAVERA_API_KEY", id="no part twice"),
    ],
)
def test_one_error_names_every_mistake(given: dict[str, str], names: str) -> None:
    head, _, mistakes = refusal(given).partition(":\n")
    told = [mistake.removeprefix("- ").partition(":")[0] for mistake in mistakes.split("\n")]
    expected = f"{len(told)} of the settings to correct (see the README's table of settings)"
    assert (expected, names.split()) == (head, told)


def test_the_deadline_follows_from_the_trigger() -> None:
    assert (read(trigger="http").deadline_seconds, read(trigger="pubsub").deadline_seconds) == (900, 480)


def test_over_pubsub_the_deadline_stays_below_the_acknowledgement_deadline() -> None:
    told = refusal({"PERSONA_DEADLINE_SECONDS": "541"}, trigger="pubsub")
    assert "PERSONA_DEADLINE_SECONDS: expected at most 540 over Pub/Sub" in told


def test_the_lease_is_a_tenth_and_five_seconds_longer_than_the_deadline() -> None:
    assert read({"PERSONA_DEADLINE_SECONDS": "100"}).lease_seconds == pytest.approx(115)


@pytest.mark.parametrize("name", ["SEGMENT_TOKEN", "MAVERA_API_KEY"])
def test_a_secret_loses_the_line_break_that_its_file_ended_with(name: str) -> None:
    assert getattr(read(TOKEN, KEY, {name: "s3cret\r\n"}), name.lower()) == "s3cret"


@pytest.mark.parametrize("name", ["SEGMENT_TOKEN", "MAVERA_API_KEY"])
@pytest.mark.parametrize("text", ["s3cret two", "s3cret\nnext", "s3crét", '"s3cret"'])
def test_a_secret_that_no_header_can_carry_is_refused_unseen(name: str, text: str) -> None:
    told = refusal(TOKEN, KEY, {name: text})
    alone = "the secret alone, in ASCII, without spaces, quotation marks or Bearer"
    assert f"{name}: expected {alone}, got other text" in told
    assert "s3cr" not in told


def test_secrets_are_in_no_repr_and_no_error() -> None:
    told = refusal(TOKEN, KEY, {"PERSONA_LIMIT": "x", "PERSONA_OUTPUT": "gs://"}) + repr(read(TOKEN, KEY))
    assert "secret" not in told


def test_a_key_or_password_that_strayed_into_another_setting_is_not_shown() -> None:
    for name in ("PERSONA_MAVE_CALLS", "MAVERA_API_URL"):
        assert "mvra" not in refusal({name: "mvra_live_0123456789abcdef0123456789"})
    assert f"SEGMENT_API_URL: expected {ADDRESS}, got other text" in refusal(
        {"SEGMENT_API_URL": "https://u:p@x.test"}
    )
