"""The deployment's settings, read from the environment and checked together."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Literal, TypeVar

from persona import setting_values
from persona.errors import BadSettings
from persona.setting_values import one_of, within

Trigger = Literal["http", "pubsub", "terminal"]

# Pub/Sub's acknowledgement deadline is 600 s at most; a run over it must leave room to start and to write.
MOST_PUBSUB_SECONDS = 540.0
# What raw events tell apart: by library, by device, and by the events of email.
EVENT_CHANNELS = frozenset({"web", "mobile", "email"})
# Where people are drawn at random: the same people give the same sample.
SEED = 1
# Left over beside the wait for an answer: storing it, rendering, three objects.
SPARE_SECONDS = 10.0

_CHANNELS = "web=web_sessions_30d,mobile=mobile_sessions_30d,email=emails_opened_30d"
_ID_COLUMNS = "user_id,email,anonymous_id,phone,ga_client_id,ios.id,ios_id,android.id,android_id"
# A secret may have strayed into any setting; those that have their own form are shown at more length.
_SHOWN_CHARACTERS = 20
_SHOWN_PLAIN_CHARACTERS = 200
_HIDDEN = "other text"
# Where a newcomer finds what is missing.
_WHENCE = {
    "SEGMENT_TOKEN": "in Segment, a Public API token (Workspace settings, Access Management, Tokens); for "
    "profile-api an access token (Unify, Unify settings, API access)",
    "SEGMENT_SPACE_ID": "Segment shows it under Unify, Unify settings, API access",
}
# What begins so is meant for this function (`PERSONA_LIMITS=5`), and never passed over in silence.
_SERVICES = ("SEGMENT_", "MAVERA_")
_PREFIXES = ("PERSONA_", "MAVE_", *_SERVICES)

Value = TypeVar("Value")


def _setting(name: str, value: Callable[[str], Value], default: str = "", *, shown: bool = True) -> Value:
    """A field that the environment's variable `name` sets, where it is set at all."""
    about = {"name": name, "value": value, "default": default, "shown": shown}
    declared: Value = field(repr=shown, metadata=about)
    return declared


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One value a setting of the README's table, in its order; secrets stay out of the `repr`."""

    source: str = _setting("PERSONA_SOURCE", setting_values.source)  # a built-in one, export or bigquery
    where: str = _setting("PERSONA_SOURCE", setting_values.where)
    id_columns: tuple[str, ...] = _setting("PERSONA_ID_COLUMNS", setting_values.columns, _ID_COLUMNS)
    segment_token: str = _setting("SEGMENT_TOKEN", setting_values.secret, shown=False)
    segment_space_id: str = _setting("SEGMENT_SPACE_ID", setting_values.space_id)
    segment_api_url: str = _setting("SEGMENT_API_URL", setting_values.url, "https://api.segmentapis.com")
    segment_profile_api_url: str = _setting(
        "SEGMENT_PROFILE_API_URL", setting_values.url, "https://profiles.segment.com"
    )
    mavera_api_key: str = _setting("MAVERA_API_KEY", setting_values.secret, shown=False)
    mavera_api_url: str = _setting("MAVERA_API_URL", setting_values.url, "https://app.mavera.io/api/v1")
    mavera_workspace_id: str = _setting("MAVERA_WORKSPACE_ID", str)
    author: Literal["mave", "facts"] = _setting("PERSONA_AUTHOR", setting_values.author)
    output: str = _setting("PERSONA_OUTPUT", setting_values.output)
    limit: int = _setting("PERSONA_LIMIT", within(int, 0, 10**12), "10000")  # profiles; 0: all
    channels: Mapping[str, str] = _setting("PERSONA_CHANNELS", setting_values.channels, _CHANNELS)  # -> trait
    ltv_trait: str = _setting("PERSONA_LTV_TRAIT", str, "ltv")
    plan_trait: str = _setting("PERSONA_PLAN_TRAIT", str, "plan")
    currency: str = _setting("PERSONA_CURRENCY", setting_values.currency, "$")
    dominance: float = _setting("PERSONA_DOMINANCE", within(float, 0.2, 0.95), "0.5")  # share
    min_group: int = _setting("PERSONA_MIN_GROUP", within(int, 1, 10**9), "5")  # people
    period: str = _setting("PERSONA_PERIOD", one_of("none", "day", "week", "month"), "none")
    min_drift: float = _setting("PERSONA_MIN_DRIFT", within(float, 0.0, 1.0), "0")  # share
    mave_calls: int = _setting("PERSONA_MAVE_CALLS", within(int, 1, 10), "2")
    mave_timeout_seconds: float = _setting("MAVE_TIMEOUT_SECONDS", within(float, 1.0, 3_000.0), "240")
    deadline_seconds: float = _setting("PERSONA_DEADLINE_SECONDS", within(float, 1.0, 3_500.0))
    identifiers: str = _setting("PERSONA_IDENTIFIERS", setting_values.file)
    rate: float = _setting("PERSONA_RATE", within(float, 0.1, 100.0), "95")  # requests a second
    events: bool = _setting("PERSONA_EVENTS", setting_values.switch, "off")
    email_tables: tuple[str, ...] = _setting(
        "PERSONA_EMAIL_TABLES", setting_values.tables, "email_opened,email_link_clicked"
    )
    holdout: float = _setting("PERSONA_HOLDOUT", within(float, 0.0, 0.5), "0.1")  # share
    max_bytes: int = _setting("PERSONA_MAX_BYTES", within(int, 1, 10**18), "100000000000")
    log_level: str = _setting("LOG_LEVEL", setting_values.log_level, "INFO")

    @property
    def traits(self) -> tuple[str, ...]:
        """The traits that are needed: each channel's, the LTV's and the plan's."""
        return (*self.channels.values(), self.ltv_trait, self.plan_trait)

    @property
    def lease_seconds(self) -> float:
        """How long a claim on a run lasts: the deadline, a tenth for a slow machine, and five seconds."""
        return 1.1 * self.deadline_seconds + 5


def read_settings(environment: Mapping[str, str], trigger: Trigger) -> Settings:
    """The settings of a deployment.

    Raises:
        BadSettings: naming every mistake at once, one a line.
    """
    on_cloud = bool(environment.get("K_SERVICE"))
    declared = [setting for setting in fields(Settings) if setting.metadata]
    names = list(dict.fromkeys(setting.metadata["name"] for setting in declared))
    given = {name: environment.get(name, "").strip() for name in names}
    defaults = _defaults(given, trigger, on_cloud=on_cloud)
    values: dict[str, Any] = {}
    mistakes = [
        f"{name}: expected a setting's name, and there is none such; the nearest is "
        + get_close_matches(name, names, n=1, cutoff=0.0)[0]
        for name in sorted(environment.keys() - given.keys())
        if name.startswith(_PREFIXES)
    ]
    for setting in declared:
        name, value = setting.metadata["name"], setting.metadata["value"]
        text = given[name] or defaults.get(name, setting.metadata["default"])
        try:
            values[setting.name] = value(text)
        except ValueError as error:
            shown = _shown(name, text) if setting.metadata["shown"] else _HIDDEN
            mistakes.append(f"{name}: expected {error}, got {shown if text else 'nothing'}")
    mistakes += _conflicts(values, trigger)
    if mistakes:
        raise BadSettings(
            f"{len(mistakes)} of the settings to correct (see the README's table of settings):\n"
            + "\n".join(f"- {mistake}" for mistake in mistakes)
        )
    return Settings(**values)


def _defaults(given: Mapping[str, str], trigger: Trigger, *, on_cloud: bool) -> dict[str, str]:
    """Defaults that depend on the trigger, the cloud and the keys; empty where somebody has to decide.

    Nobody gets invented people by accident: the sample is the default only where nothing points elsewhere.
    """
    key, token = given["MAVERA_API_KEY"], given["SEGMENT_TOKEN"]
    decided = on_cloud or any(text for name, text in given.items() if name.startswith(_SERVICES))
    return {
        "PERSONA_SOURCE": "segment" if token else "" if decided else "sample",
        "PERSONA_AUTHOR": "mave" if key else "" if on_cloud else "facts",
        "PERSONA_OUTPUT": "" if on_cloud else "./frameworks",
        "PERSONA_DEADLINE_SECONDS": "480" if trigger == "pubsub" else "900",
    }


def _shown(name: str, text: str) -> str:
    """What came instead, at a glance; nothing that may be a secret or a person."""
    address = name.endswith("_URL") and text.startswith(("http://", "https://")) and "?" not in text
    plain = name == "PERSONA_CHANNELS" or address
    most = _SHOWN_PLAIN_CHARACTERS if plain else _SHOWN_CHARACTERS
    return repr(text) if len(text) <= most and text.isprintable() and "@" not in text else _HIDDEN


def _conflicts(values: Mapping[str, Any], trigger: Trigger) -> Iterator[str]:
    """Mistakes that only show side by side; of a setting that is mistaken by itself nothing more is said."""
    source, author, deadline_seconds = (values.get(name) for name in ("source", "author", "deadline_seconds"))
    if source in {"segment", "profile-api"}:
        for name in ("SEGMENT_TOKEN", "SEGMENT_SPACE_ID"):
            if values.get(name.lower()) == "":
                yield f"{name}: expected a value, since the source is {source}, got nothing; {_WHENCE[name]}"
    if author == "mave" and values.get("mavera_api_key") == "":
        yield "MAVERA_API_KEY: expected a key, since PERSONA_AUTHOR is mave, got nothing"
    # The engine, as most, tells names apart by more than their capitals.
    named = [*values.get("channels", {}).values(), values["ltv_trait"], values["plan_trait"]]
    traits = [trait.casefold() for trait in named]
    if len(set(traits)) < len(traits):
        twice = ", ".join(dict.fromkeys(trait for trait in traits if traits.count(trait) > 1))
        yield f"PERSONA_CHANNELS: expected a trait each for all channels, LTV and plan, got {twice} twice"
    yield from _event_conflicts(values)
    if not deadline_seconds:
        return
    if trigger == "pubsub" and deadline_seconds > MOST_PUBSUB_SECONDS:
        yield (
            f"PERSONA_DEADLINE_SECONDS: expected at most {MOST_PUBSUB_SECONDS:g} over Pub/Sub, whose "
            f"acknowledgement deadline is 600 s, got {deadline_seconds:g}"
        )
    needed_seconds = values.get("mave_timeout_seconds", 0.0) + SPARE_SECONDS
    if author == "mave" and deadline_seconds <= needed_seconds:
        yield (
            f"PERSONA_DEADLINE_SECONDS: expected more than {needed_seconds:g}, MAVE_TIMEOUT_SECONDS and "
            f"{SPARE_SECONDS:g} s to store the answer, got {deadline_seconds:g}"
        )


def _event_conflicts(values: Mapping[str, Any]) -> Iterator[str]:
    """Raw events come with two of the sources, and tell three channels apart."""
    if not values.get("events"):
        return
    if values.get("source") not in {None, "profile-api", "bigquery"}:
        yield "PERSONA_EVENTS: expected off, since only profile-api and bigquery:// have raw events, got on"
    others = ", ".join(sorted(values.get("channels", {}).keys() - EVENT_CHANNELS))
    if others:
        yield f"PERSONA_EVENTS: expected off, or only the channels web, mobile, email, got on and {others}"
