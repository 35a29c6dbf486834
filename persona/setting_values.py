"""What the text of a setting may say, and the value that it gives.

Every function raises a ValueError that completes the sentence "expected …".
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Literal, TypeVar

Number = TypeVar("Number", int, float)

BUILT_IN = ("sample", "segment", "profile-api")

_PATH = "(?![A-Za-z][A-Za-z0-9+.-]+:/).*"  # one slash less is an address mistyped, and no folder
_BUCKET = "gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,29}")
_ADDRESS = re.compile(
    r"(https://[^\s/:?#@[\]\\]+|http://(localhost|127\.0\.0\.1|\[::1]))(:(?P<port>[1-9][0-9]{0,4}))?(/[^\s?#]*)?"
)


def matching(pattern: str, expected: str) -> Callable[[str], str]:
    """A text that is of the pattern as a whole."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.DOTALL):
            raise ValueError(expected)
        return text

    return read


def listed(pattern: str, expected: str) -> Callable[[str], tuple[str, ...]]:
    """Comma-separated names, each of the pattern."""
    name = matching(pattern, expected)
    return lambda text: tuple(name(part.strip()) for part in text.split(","))


secret = matching("[!#-&(-~]*", "the secret alone, in ASCII, without spaces, quotation marks or Bearer")
space_id = matching(
    "[A-Za-z0-9_-]{0,100}", "a space's id, such as spa_… (Segment: Unify, Unify settings, API access)"
)
tables = listed("[A-Za-z_][A-Za-z0-9_]{0,299}", "table names (A-Z, a-z, 0-9, _), comma-separated")
columns = listed(".+", "names of columns, comma-separated")
# A file's path, an object's address, or nothing.
file = matching(f"{_PATH}|{_BUCKET}/.+", "gs://BUCKET/OBJECT with both names, or a file path")
_warehouse = matching(
    r"bigquery://[a-z][a-z0-9-]{4,61}[a-z0-9]\.[A-Za-z0-9_]{1,1024}",
    "bigquery://PROJECT.DATASET with both names",
)
_folder = matching(f"{_PATH}|{_BUCKET}(/.*)?", "gs://BUCKET[/PREFIX] or a folder")


def one_of(*choices: str) -> Callable[[str], str]:
    def choose(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text.lower()

    return choose


def switch(text: str) -> bool:
    return one_of("off", "on")(text) == "on"


def author(text: str) -> Literal["mave", "facts"]:
    if not text:
        raise ValueError("MAVERA_API_KEY, or the word facts to do without Mave")
    return "mave" if one_of("mave", "facts")(text) == "mave" else "facts"


def log_level(text: str) -> str:
    return one_of("debug", "info", "warning", "error")(text).upper()


def within(kind: type[Number], least: Number, most: Number) -> Callable[[str], Number]:
    """A number from `least` to `most`, both allowed."""

    def read(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            value = least - 1
        # Not a number is in no range.
        if not least <= value <= most:
            share = " (a share: 0.5 is 50 %)" if most <= 1 else ""
            raise ValueError(f"a {'whole ' if kind is int else ''}number from {least:,} to {most:,}{share}")
        return value

    return read


def url(text: str) -> str:
    """An address without a `/` at its end; plain HTTP only on this machine."""
    fitting = _ADDRESS.fullmatch(text)
    if not fitting or int(fitting["port"] or 1) > 65_535:  # noqa: PLR2004 - the last port
        raise ValueError(
            "an https:// address without user, query or fragment; http:// only on this machine, "
            "ports to 65535"
        )
    return text.rstrip("/")


def source(text: str) -> str:
    """The kind of source that is meant; `where` tells where it lies."""
    if not text:
        raise ValueError(
            "sample, segment, profile-api, bigquery://PROJECT.DATASET, gs://BUCKET/OBJECT or a file path (or "
            "SEGMENT_TOKEN), since the built-in sample comes unasked only on a laptop without any setting of "
            "Segment or Mave"
        )
    if text in BUILT_IN:
        return text
    if text.startswith("bigquery://"):
        _warehouse(text)
        return "bigquery"
    file(text)
    return "export"


def where(text: str) -> str:
    """An export's path or address, a warehouse's project.dataset; empty for the other sources."""
    return "" if text in BUILT_IN else text.removeprefix("bigquery://")


def output(text: str) -> str:
    if not text:
        raise ValueError("gs://BUCKET or gs://BUCKET/PREFIX, since a container's disk does not last")
    return _folder(text).rstrip("/") if text.startswith("gs://") else _folder(text)


def channels(text: str) -> dict[str, str]:
    """Channels and their traits, in the order in which they are named."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    traits = {name.strip(): trait.strip() for name, _, trait in pairs}
    fitting = all(_CHANNEL.fullmatch(name) and trait for name, trait in traits.items())
    if not fitting or not 2 <= len(traits) == len(pairs) <= 8:  # noqa: PLR2004 - fewer tell nothing apart
        raise ValueError(
            "two to eight different channel=trait pairs, comma-separated (channels: a-z, 0-9, _), such as "
            "web=web_visits,app=app_opens"
        )
    return traits


def currency(text: str) -> str:
    """A currency's sign or code: nothing that could be part of a figure, or of Markdown."""
    fitting = all(one.isalpha() or unicodedata.category(one) == "Sc" for one in text)
    if not fitting or len(text) > 5:  # noqa: PLR2004 - longer than any in use
        raise ValueError("a currency's sign or code, at most five letters and signs")
    return text
