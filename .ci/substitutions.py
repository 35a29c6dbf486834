"""Reads what a build was given, before anything is created: every mistake in words, or silence.

Cloud Build hands each substitution on as an environment variable of its own name.
"""

import os
import re
import sys
import zoneinfo
from collections.abc import Mapping
from pathlib import Path

from persona.errors import BadSettings
from persona.settings import Trigger, read_settings

_BUILD = Path(__file__).parent.parent / "cloudbuild.yaml"
_MEMBER = r"(?:(?:user|group|serviceAccount):[^\s,:@]+@[^\s,:@]+\.[a-z]+|domain:[^\s,:@]+\.[a-z]+)"
_MEMBERS = (rf"(?:{_MEMBER}(?:,{_MEMBER})*)?", "user:ada@example.com,group:growth@example.com or nothing")
_COUNT = (r"[1-9]\d{0,2}", "1 to 999")
_SECRET = (r"[\w-]{0,255}", "the name of a secret, not the key itself")
# Substitution -> its shape, and the words for it.
_SHAPES = {
    # The longest account is NAME-scheduler, of at most 30 characters.
    "NAME": (r"[a-z][-a-z0-9]{1,18}[a-z0-9]", "3 to 20 lower-case letters, digits and -, a letter first"),
    "REGION": (r"[a-z]+-[a-z]+\d{1,2}", "a region of Google Cloud, such as us-central1"),
    "BUILDER": (r"[a-z][-a-z0-9]{4,28}[a-z0-9]", "a service account's name, without @ and what follows"),
    "CHECK": (r"on|off", "on or off"),
    "READERS": _MEMBERS,
    "CALLERS": _MEMBERS,
    "RUNTIME": (r"python3\d\d", "python312, python313 or newer"),
    "MEMORY": (r"[1-9]\d*(?:Mi|Gi)", "a size such as 512Mi or 1Gi"),
    "CPU": (r"[1-8]", "1 to 8"),
    "CONCURRENCY": _COUNT,
    "MAX_INSTANCES": _COUNT,
    "DELIVERY_ATTEMPTS": (r"[5-9]|[1-9]\d|100", "5 to 100"),
    "SECRET_SEGMENT_TOKEN": _SECRET,
    "SECRET_MAVERA_API_KEY": _SECRET,
    "PERSONA_OUTPUT": (r"(?:gs://[a-z0-9][-a-z0-9_.]+(?:/.*)?)?", "gs://BUCKET or gs://BUCKET/PREFIX"),
}
# Minute, hour, day, month and day of the week of a cron line.
_CRON = (
    r"[0-5]?\d",
    r"(?:[01]?\d|2[0-3])",
    r"(?:0?[1-9]|[12]\d|3[01])",
    r"(?:0?[1-9]|1[0-2]|[A-Za-z]{3})",
    r"(?:[0-7]|[A-Za-z]{3})",
)
# What a run may take at most: an HTTP function stops after an hour, an event is acknowledged within 600 s.
_DOORS: tuple[tuple[Trigger, str, int], ...] = (
    ("http", "PERSONA_DEADLINE_SECONDS", 3500),
    ("pubsub", "PUBSUB_DEADLINE_SECONDS", 480),
)


def mistakes(given: Mapping[str, str]) -> list[str]:
    """Every mistake among the substitutions, which are named without their leading `_`."""
    declared = re.findall(r"^  _([A-Z0-9_]+):", _BUILD.read_text(encoding="utf-8"), re.MULTILINE)
    unknown = [f"_{name}: there is no such substitution" for name in sorted(set(given) - set(declared))]
    shapes = [
        f"_{name}: expected {words}"
        for name, (shape, words) in _SHAPES.items()
        if not re.fullmatch(shape, given[name], re.ASCII)
    ]
    return [*unknown, *shapes, *_times(given), *_settings(given)]


def _times(given: Mapping[str, str]) -> list[str]:
    parts = [rf"(?:\*|{unit}(?:-{unit})?)(?:/\d+)?" for unit in _CRON]
    line = r"\s+".join(f"{part}(?:,{part})*" for part in parts)
    wrong = []
    if given["SCHEDULE"] and not re.fullmatch(line, given["SCHEDULE"]):
        wrong.append("_SCHEDULE: expected a cron line, such as 0 6 * * 1 (Mondays at 6), or nothing")
    if given["TIME_ZONE"] not in zoneinfo.available_timezones():
        wrong.append("_TIME_ZONE: expected a time zone, such as Etc/UTC or Europe/Berlin")
    return wrong


def _settings(given: Mapping[str, str]) -> list[str]:
    """What the two functions themselves would say of their settings."""
    output = given["PERSONA_OUTPUT"] or "gs://default"
    settings = {**given, "K_SERVICE": given["NAME"], "PERSONA_OUTPUT": output}
    for name in ("SEGMENT_TOKEN", "MAVERA_API_KEY"):
        settings[name] = "named-but-not-read" if given[f"SECRET_{name}"] else ""
    wrong = []
    for trigger, name, most_seconds in _DOORS:
        if given[name] not in map(str, range(1, most_seconds + 1)):
            wrong.append(f"_{name}: expected whole seconds, 1 to {most_seconds}")
            continue
        try:
            read_settings({**settings, "PERSONA_DEADLINE_SECONDS": given[name]}, trigger)
        except BadSettings as error:
            wrong.append(f"the {trigger} function would not start: {error}")
    return wrong


if __name__ == "__main__":
    wrong = mistakes({name[1:]: value for name, value in os.environ.items() if re.match("_[A-Z]", name)})
    if wrong:
        sys.exit("\n  ".join(["Nothing was created. To correct in --substitutions:", *wrong]))
