"""Fetch: the built-in space of 600 invented people, the same on every machine.

It shows what a real space shows: all four patterns with people near the boundary, dormant people, people
without the computed traits, both spellings of a device id, numbers as strings, and a few broken profiles.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple
from uuid import UUID

import msgspec

from persona.deadline import Deadline
from persona.fetch.people import Page
from persona.settings import Settings

# Any number will do, as long as it stays. Of `Random` only `random()` is used: Python promises that it stays.
_SEED = 2026

Range = tuple[int, int]


class _Kind(NamedTuple):
    """People who behave alike. Ranges are drawn from with a lean towards their lower end."""

    people: int
    activity: tuple[Range, Range, Range] | None  # web, mobile, email; None: no computed traits
    ltv: Range
    plans: Mapping[str, float]  # plan -> share of the people; the rest have none
    external_ids: Mapping[str, float]  # type -> share of the people who have one


_KINDS = (
    # Compare and configure at a desk.
    _Kind(
        154,
        ((10, 44), (0, 16), (0, 12)),
        (120, 1_100),
        {"pro": 0.42, "starter": 0.34, "free": 0.18},
        {"user_id": 1.0, "email": 0.94, "anonymous_id": 0.9, "ga_client_id": 0.55, "ios.id": 0.08},
    ),
    # Run the day from a phone.
    _Kind(
        178,
        ((1, 15), (14, 52), (0, 10)),
        (380, 1_900),
        {"pro": 0.56, "starter": 0.22, "enterprise": 0.17},
        {"user_id": 1.0, "email": 0.9, "anonymous_id": 0.3, "ios.id": 0.5, "ios_id": 0.1, "android.id": 0.41},
    ),
    # Read what arrives, and rarely come by.
    _Kind(
        102,
        ((0, 7), (0, 3), (6, 28)),
        (30, 720),
        {"starter": 0.61, "free": 0.25, "pro": 0.09},
        {"email": 1.0, "user_id": 0.83, "anonymous_id": 0.16},
    ),
    # At home everywhere.
    _Kind(
        78,
        ((13, 34), (14, 36), (9, 26)),
        (700, 3_400),
        {"enterprise": 0.53, "pro": 0.42},
        {"user_id": 1.0, "email": 1.0, "anonymous_id": 0.7, "ios.id": 0.6, "ios_id": 0.1, "android.id": 0.44},
    ),
    # Gone quiet.
    _Kind(
        52,
        ((0, 0), (0, 0), (0, 0)),
        (0, 260),
        {"free": 0.62, "starter": 0.25},
        {"email": 0.8, "user_id": 0.75, "anonymous_id": 0.4},
    ),
    # Visitors for whom nothing was ever computed.
    _Kind(28, None, (0, 0), {}, {"anonymous_id": 1.0}),
)

# What no reader should stumble over, nor count.
_BROKEN: tuple[object, ...] = (
    None,
    "profile",
    {"traits": [], "external_ids": []},
    {"traits": {"web_sessions_30d": 12}, "external_ids": "user_id"},
    {"traits": {"web_sessions_30d": -3, "plan": "pro"}, "external_ids": []},
    {"traits": {"mobile_sessions_30d": "many", "plan": "pro"}, "external_ids": []},
    {"traits": {"emails_opened_30d": True}, "external_ids": []},
    {"traits": {"web_sessions_30d": "1e999"}, "external_ids": []},
)

_FIRST = ["Ada", "Bo", "Carmen", "Dmitri", "Elif", "Farah", "Goran", "Hana", "Idris", "Jun", "Kofi", "Lena"]
_LAST = [
    "Abara",
    "Berg",
    "Chen",
    "Diaz",
    "Eriksen",
    "Fofana",
    "Garcia",
    "Haddad",
    "Ito",
    "Jansen",
    "Kaya",
    "Lopez",
]
_CITIES = ("Austin", "Berlin", "Lagos", "Lyon", "Osaka", "Pune", "São Paulo", "Tallinn")


def fetch(_settings: Settings, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield the invented profiles, at most `limit` of them (0: all), as one page."""
    deadline.check("read the sample")
    records = profiles()[: limit or None]
    yield Page(records, more=len(records) < len(profiles()))


@cache
def profiles() -> list[bytes]:
    """The invented space as JSON, in an order of its own."""
    random = Random(_SEED)  # noqa: S311 - people are invented here, not keys
    kinds = [kind for kind in _KINDS for _ in range(kind.people)]
    people = [_profile(number, kind, random) for number, kind in enumerate(kinds, start=1)]
    shuffled = sorted([*people, *_BROKEN], key=lambda _: random.random())
    return [msgspec.json.encode(profile) for profile in shuffled]


def _profile(number: int, kind: _Kind, random: Random) -> dict[str, object]:
    def within(low: int, high: int) -> int:
        """A whole number of the range; the smaller the likelier, as with all that people do."""
        return low + int((high - low + 1) * random.random() * (0.5 + 0.5 * random.random()))

    first_name, last_name = (names[int(len(names) * random.random())] for names in (_FIRST, _LAST))
    email = f"{first_name}.{last_name}.{number}@example.com".lower()
    traits: dict[str, object] = {
        "first_name": first_name,
        "last_name": last_name,
        "city": _CITIES[int(len(_CITIES) * random.random())],
        "created_at": f"202{within(3, 6)}-0{within(1, 9)}-1{within(0, 9)}",
    }
    if "email" in kind.external_ids:
        traits["email"] = email
    if kind.activity:
        names = ("web_sessions_30d", "mobile_sessions_30d", "emails_opened_30d")
        traits |= {name: within(*most) for name, most in zip(names, kind.activity, strict=True)}
    if kind.plans:
        ltv = within(100 * kind.ltv[0], 100 * kind.ltv[1]) / 100
        # Some workspaces' older syncs wrote numbers as strings.
        traits["ltv"] = str(ltv) if number % 37 == 0 else ltv
    at = random.random()
    for plan, below in zip(kind.plans, accumulate(kind.plans.values()), strict=True):
        if at < below:
            traits["plan"] = plan
            break
    ids = {"user_id": f"usr_{number:05}", "email": email}
    types = [type_ for type_, share in kind.external_ids.items() if random.random() < share]
    external_ids = [{"type": type_, "id": ids.get(type_) or _device(random)} for type_ in types]
    return {"traits": traits, "external_ids": external_ids}


def _device(random: Random) -> str:
    """An identifier of a device, in the form of a UUID."""
    digits = f"{int(2**52 * random.random()):013x}{int(2**52 * random.random()):013x}{0:06x}"
    return str(UUID(digits))
