"""The deployment's settings, read from the environment and checked together."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from persona.errors import BadSettings

Trigger = Literal["http", "pubsub", "terminal"]

# Pub/Sub's acknowledgement deadline is 600 s at most; a run over it must leave room to start and to write.
MOST_PUBSUB_SECONDS = 540.0
# What raw events tell apart: by library, by device, and by the events of email.
EVENT_CHANNELS = frozenset({"web", "mobile", "email"})
# Left over beside the wait for an answer: storing it, rendering, three objects.
SPARE_SECONDS = 10.0

_BUCKET = r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,29}")
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_WAREHOUSE = re.compile(
    r"bigquery://(?P<project>[a-z][a-z0-9-]{4,61}[a-z0-9])\.(?P<dataset>[A-Za-z0-9_]{1,1024})"
)
_OBJECT = re.compile(rf"gs://{_BUCKET}/.+")
_PREFIX = re.compile(rf"gs://{_BUCKET}(/.*)?")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One value a setting of the README's table, in its order; secrets stay out of the `repr`."""

    trigger: Trigger
    on_cloud: bool
    source: str  # sample, segment, profile-api, or what a URL or path names: export, bigquery
    where: str  # the export's path or gs:// address, or project.dataset; empty for the other sources
    segment_token: str = field(repr=False)
    segment_space_id: str
    segment_api_url: str
    segment_profile_api_url: str
    mavera_api_key: str = field(repr=False)
    mavera_api_url: str
    mavera_workspace_id: str
    author: Literal["mave", "facts"]
    output: str
    limit: int  # profiles; 0: all
    channels: Mapping[str, str]  # channel -> computed trait
    ltv_trait: str
    plan_trait: str
    currency: str
    dominance: float  # share
    min_group: int  # people
    period: Literal["none", "day", "week", "month"]
    min_drift: float  # share
    mave_calls: int
    mave_timeout_seconds: float
    deadline_seconds: float
    identifiers: str
    rate: float  # requests a second
    events: bool
    email_tables: tuple[str, ...]
    max_bytes: int
    log_level: str

    @property
    def lease_seconds(self) -> float:
        """How long a claim on a run lasts: the deadline, a tenth for a slow machine, and five seconds."""
        return 1.1 * self.deadline_seconds + 5


class _Reader:
    """Takes settings one by one and remembers every mistake."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.mistakes: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        return self.environment.get(name, "").strip() or default

    def mistake(self, name: str, expected: str) -> None:
        self.mistakes.append(f"{name}: expected {expected}")

    def secret(self, name: str) -> str:
        value = self.text(name)
        if not re.fullmatch(r"[!-~]*", value):
            self.mistake(name, "printable ASCII characters without spaces (the value is not shown)")
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name, default).lower()
        if value not in choices:
            self.mistake(name, f"one of {', '.join(choices)}")
            return default
        return value

    def number(
        self, name: str, default: float, least: float, most: float, kind: Callable[[str], float]
    ) -> float:
        text = self.text(name)
        try:
            value = kind(text) if text else default
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            what = "a whole number" if kind is int else "a number"
            self.mistake(name, f"{what} from {least:g} to {most:g}")
            return default
        return value

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        return int(self.number(name, default, least, most, int))

    def url(self, name: str, default: str) -> str:
        value = self.text(name, default).rstrip("/")
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            parts, host = urlsplit(""), None
        safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
        if not host or not safe or parts.username or parts.password or parts.query or parts.fragment:
            self.mistake(name, "an https:// address without user, query or fragment")
        return value

    def matching(self, name: str, pattern: re.Pattern[str], default: str, expected: str) -> str:
        value = self.text(name, default)
        if value and not pattern.fullmatch(value):
            self.mistake(name, expected)
        return value


def read(environment: Mapping[str, str], trigger: Trigger) -> Settings:
    """The settings of a deployment.

    Raises:
        BadSettings: naming every mistake at once.
    """
    reader = _Reader(environment)
    on_cloud = bool(environment.get("K_SERVICE"))
    key = reader.secret("MAVERA_API_KEY")
    token = reader.secret("SEGMENT_TOKEN")
    source, where = _source(reader, on_cloud=on_cloud)
    settings = Settings(
        trigger=trigger,
        on_cloud=on_cloud,
        source=source,
        where=where,
        segment_token=token,
        segment_space_id=reader.matching(
            "SEGMENT_SPACE_ID", re.compile(r"[A-Za-z0-9_-]{1,100}"), "", "a space's id, such as spa_…"
        ),
        segment_api_url=reader.url("SEGMENT_API_URL", "https://api.segmentapis.com"),
        segment_profile_api_url=reader.url("SEGMENT_PROFILE_API_URL", "https://profiles.segment.com"),
        mavera_api_key=key,
        mavera_api_url=reader.url("MAVERA_API_URL", "https://app.mavera.io/api/v1"),
        mavera_workspace_id=reader.text("MAVERA_WORKSPACE_ID"),
        author=_author(reader, on_cloud=on_cloud),
        output=_output(reader, on_cloud=on_cloud),
        limit=reader.whole("PERSONA_LIMIT", 10_000, 0, 10**12),
        channels=_channels(reader),
        ltv_trait=reader.text("PERSONA_LTV_TRAIT", "ltv"),
        plan_trait=reader.text("PERSONA_PLAN_TRAIT", "plan"),
        currency=reader.matching(
            "PERSONA_CURRENCY", re.compile(r"[^\s\d<>&%.,]{1,5}"), "$", "a currency's sign or code"
        ),
        dominance=reader.number("PERSONA_DOMINANCE", 0.5, 0.2, 0.95, float),
        min_group=reader.whole("PERSONA_MIN_GROUP", 5, 1, 10**9),
        period=reader.choice("PERSONA_PERIOD", ("none", "day", "week", "month"), "none"),  # type: ignore[arg-type]
        min_drift=reader.number("PERSONA_MIN_DRIFT", 0, 0, 1, float),
        mave_calls=reader.whole("PERSONA_MAVE_CALLS", 2, 1, 10),
        mave_timeout_seconds=reader.number("MAVE_TIMEOUT_SECONDS", 240, 1, 3_000, float),
        deadline_seconds=reader.number(
            "PERSONA_DEADLINE_SECONDS",
            480 if trigger == "pubsub" else 900,
            1,
            MOST_PUBSUB_SECONDS if trigger == "pubsub" else 3_500,
            float,
        ),
        identifiers=reader.text("PERSONA_IDENTIFIERS"),
        rate=reader.number("PERSONA_RATE", 95, 0.1, 100, float),
        events=reader.choice("PERSONA_EVENTS", ("off", "on"), "off") == "on",
        email_tables=_tables(reader),
        max_bytes=reader.whole("PERSONA_MAX_BYTES", 100_000_000_000, 1, 10**18),
        log_level=reader.choice("LOG_LEVEL", ("debug", "info", "warning", "error"), "info").upper(),
    )
    _check_together(reader, settings)
    if reader.mistakes:
        raise BadSettings(
            f"{len(reader.mistakes)} of the settings to mend (see the README's table of settings): "
            + "; ".join(reader.mistakes)
        )
    return settings


def _source(reader: _Reader, *, on_cloud: bool) -> tuple[str, str]:
    """The source's kind and, for a warehouse or an export, where it lies."""
    value = reader.text("PERSONA_SOURCE")
    if not value and reader.text("SEGMENT_TOKEN"):
        return "segment", ""
    if not value:
        if on_cloud or reader.text("MAVERA_API_KEY"):
            reader.mistake(
                "PERSONA_SOURCE",
                "sample, segment, profile-api, bigquery://PROJECT.DATASET, gs://BUCKET/OBJECT or a file path "
                "(or SEGMENT_TOKEN); only a laptop without a Mave key gets the built-in sample unasked",
            )
        return "sample", ""
    if value in {"sample", "segment", "profile-api"}:
        return value, ""
    if value.startswith("bigquery://"):
        match = _WAREHOUSE.fullmatch(value)
        if not match:
            reader.mistake("PERSONA_SOURCE", "bigquery://PROJECT.DATASET with both names")
            return "bigquery", ""
        return "bigquery", f"{match['project']}.{match['dataset']}"
    if value.startswith("gs://") and not _OBJECT.fullmatch(value):
        reader.mistake("PERSONA_SOURCE", "gs://BUCKET/OBJECT with both names")
    elif "://" in value and not value.startswith("gs://"):
        reader.mistake("PERSONA_SOURCE", "bigquery://, gs:// or a file path; other addresses are not read")
    return "export", value


def _author(reader: _Reader, *, on_cloud: bool) -> Literal["mave", "facts"]:
    has_key = bool(reader.text("MAVERA_API_KEY"))
    if not reader.text("PERSONA_AUTHOR") and on_cloud and not has_key:
        reader.mistake("PERSONA_AUTHOR", "MAVERA_API_KEY, or the word facts to do without Mave")
        return "facts"
    author = reader.choice("PERSONA_AUTHOR", ("mave", "facts"), "mave" if has_key else "facts")
    if author == "mave" and not has_key:
        reader.mistake("MAVERA_API_KEY", "a key, since PERSONA_AUTHOR is mave")
    return "mave" if author == "mave" else "facts"


def _output(reader: _Reader, *, on_cloud: bool) -> str:
    value = reader.text("PERSONA_OUTPUT")
    if not value and on_cloud:
        reader.mistake(
            "PERSONA_OUTPUT", "gs://BUCKET or gs://BUCKET/PREFIX: a container's disk does not last"
        )
    if value.startswith("gs://"):
        if not _PREFIX.fullmatch(value):
            reader.mistake("PERSONA_OUTPUT", "gs://BUCKET or gs://BUCKET/PREFIX")
        return value.rstrip("/")
    if "://" in value:
        reader.mistake("PERSONA_OUTPUT", "gs://BUCKET[/PREFIX] or a folder")
    return value or "./frameworks"


def _channels(reader: _Reader) -> dict[str, str]:
    """Two to eight channels, each with a trait of its own."""
    default = "web=web_sessions_30d,mobile=mobile_sessions_30d,email=emails_opened_30d"
    pairs = [pair.partition("=") for pair in reader.text("PERSONA_CHANNELS", default).split(",")]
    channels = {name.strip(): trait.strip() for name, _, trait in pairs}
    fitting = all(_CHANNEL.fullmatch(name) and trait for name, trait in channels.items())
    if not fitting or not 2 <= len(channels) <= 8 or len(channels) < len(pairs):  # noqa: PLR2004 - the contract's bounds
        reader.mistake(
            "PERSONA_CHANNELS",
            "two to eight different channel=trait pairs, comma-separated (channels: a-z, 0-9, _)",
        )
    traits = [
        *channels.values(),
        reader.text("PERSONA_LTV_TRAIT", "ltv"),
        reader.text("PERSONA_PLAN_TRAIT", "plan"),
    ]
    if len(set(traits)) < len(traits):
        reader.mistake("PERSONA_CHANNELS", "a trait of its own for every channel, LTV and plan")
    return channels


def _tables(reader: _Reader) -> tuple[str, ...]:
    value = reader.text("PERSONA_EMAIL_TABLES", "email_opened,email_link_clicked")
    tables = tuple(name.strip() for name in value.split(","))
    if not all(_TABLE.fullmatch(name) for name in tables):
        reader.mistake("PERSONA_EMAIL_TABLES", "table names (A-Z, a-z, 0-9, _), comma-separated")
    return tables


def _check_together(reader: _Reader, settings: Settings) -> None:
    """Mistakes that only show when two settings are seen side by side."""
    if settings.source in {"segment", "profile-api"}:
        for name, value in (
            ("SEGMENT_TOKEN", settings.segment_token),
            ("SEGMENT_SPACE_ID", settings.segment_space_id),
        ):
            if not value:
                reader.mistake(name, f"a value, since the source is {settings.source}")
    if settings.identifiers.startswith("gs://") and not _OBJECT.fullmatch(settings.identifiers):
        reader.mistake("PERSONA_IDENTIFIERS", "gs://BUCKET/OBJECT with both names, or a file path")
    if settings.events:
        _check_events(reader, settings)
    needed_seconds = settings.mave_timeout_seconds + SPARE_SECONDS
    if settings.author == "mave" and settings.deadline_seconds < needed_seconds:
        reader.mistake(
            "PERSONA_DEADLINE_SECONDS",
            f"at least {needed_seconds:g}: MAVE_TIMEOUT_SECONDS and {SPARE_SECONDS:g} s to store the answer",
        )


def _check_events(reader: _Reader, settings: Settings) -> None:
    """Raw events come with two of the sources, and tell three channels apart."""
    if settings.source not in {"profile-api", "bigquery"}:
        reader.mistake("PERSONA_EVENTS", "off: only profile-api and bigquery:// have raw events")
    others = ", ".join(sorted(settings.channels.keys() - EVENT_CHANNELS))
    if others:
        reader.mistake(
            "PERSONA_EVENTS", f"off, or no other channels than web, mobile and email (there is {others})"
        )
