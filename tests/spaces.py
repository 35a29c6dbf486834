"""Random spaces, and what the seed's rule says about them in the plainest way, independent of `persona`."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from persona.classify.counts import MOST, Counts, classify
from persona.classify.engine import Engine
from persona.deadline import Deadline
from persona.fetch import fetch
from persona.fetch.people import Page, People, gathered
from persona.log import Log
from persona.model import Origin, Rule, Summary
from persona.settings import read_settings
from persona.summarize.summary import summarize

QUIET = Log(as_json=False, level="ERROR")
LTV, PLAN = "ltv", "plan"
CHANNELS = {"web": "web_sessions_30d", "mobile": "mobile_sessions_30d", "email": "emails_opened_30d"}
RULE = Rule(channels=CHANNELS, dominance=0.5)
TYPES = ("user_id", "email", "anonymous_id", "ios.id", "ios_id", "android.id", "phone")

Profile = dict[str, Any]

# What a text means as activity, whoever sends it; JSON's own forms of it beside.
WHOLE = {"12": 12, "0": 0, "-0": 0, "-0.0": 0, "2.7": 2, "0.9": 0, "1e3": 1_000, "15E-1": 1, "+12": 12}
WHOLE |= {" \t12\r\n\v\f": 12, "007": 7, "1e-400": 0, str(MOST): MOST, "999999999999999.9": MOST - 1}
REJECTED = {
    "activity_negative": ["-1", "-0.5", " -1e3 "],
    "activity_not_finite": ["1e400", "-1e400", "9" * 5_000],
    "activity_too_large": [str(MOST + 1), "9" * 30],
    "activity_not_numeric": [
        *("many", "nan", "inf", "Infinity", "true", "null", "1_000", "1,000", "1_0", "0x10", ".5", "5."),
        *("5%", "1/2", "--1", "+-1", "1e", "1 2", " ", "{}", "[1]", "1e1_0"),
        # Digits and spaces, but not of ASCII.
        *("٣", "\uff13", "\u00b2", "\u00a012", "5\u2028", "\x0012"),
    ],
}


@contextmanager
def opened(source: object, limit: int = 0, seconds: float = 600.0, /, **more: str) -> Iterator[People]:
    """The people of a source, as a run has them."""
    settings = read_settings({"PERSONA_SOURCE": str(source), "PERSONA_RATE": "100", **more}, "terminal")
    with fetch(settings, limit, Deadline(seconds), QUIET) as people:
        yield people


def counted(source: object, limit: int = 0, seconds: float = 600.0, /, **more: str) -> Counts:
    with opened(source, limit, seconds, **more) as people:
        return classify(people, RULE)


def who(counts: Counts) -> list[int]:
    """Who was read, where they are few: their plans tell them apart."""
    return sorted(int(plan) for group in counts.groups for plan in group.plans)


def count(
    space: Sequence[Any], channels: dict[str, str], dominance: float = 0.5, cuts: Sequence[int] = ()
) -> Counts:
    """The counts of a space that came in pages, cut at these places; bytes stand for a profile's JSON."""
    records = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in space]
    at = sorted({0, len(records), *(cut % (len(records) + 1) for cut in cuts)})
    came = [Page(records[start:end]) for start, end in pairwise(at)]
    named = {"PERSONA_CHANNELS": ",".join(f"{name}={trait}" for name, trait in channels.items())}
    with Engine(Deadline(60)) as engine:
        people = gathered(engine, read_settings(named, "terminal"), came, lambda _pages, _people: None)
        return classify(people, Rule(channels=channels, dominance=dominance))


def figures(counts: Counts) -> dict[str, Any]:
    """All that was counted but the LTV."""
    return asdict(counts) | {
        "groups": [asdict(group) | {"ltv": 0, "ltv_squares": 0} for group in counts.groups]
    }


def assert_same(expected: Counts, actual: Counts) -> None:
    """The same figures, the LTV's to rounding: engines sum in orders of their own."""
    assert figures(expected) == figures(actual)
    for group, other in zip(expected.groups, actual.groups, strict=True):
        sums = pytest.approx((other.ltv, other.ltv_squares), rel=1e-9, abs=1e-6)
        assert (group.ltv, group.ltv_squares) == sums


def summary_of(
    counts: Counts, channels: dict[str, str], dominance: float = 0.5, min_group: int = 1
) -> Summary:
    rule = Rule(channels=channels, dominance=dominance, min_group=min_group)
    return summarize(counts, rule, Origin(kind="segment"), truncated=False)


def plain_activity(profile: Profile, channels: dict[str, str]) -> list[int]:
    return [int(float(profile["traits"].get(trait) or 0)) for trait in channels.values()]


def plain_pattern(activity: Sequence[int], names: Sequence[str], dominance: Fraction) -> str | None:
    """The rule in exact arithmetic: the one largest share, if it is more than the threshold."""
    if sum(activity) == 0:
        return None
    shares = [Fraction(value, sum(activity)) for value in activity]
    largest = max(shares)
    if shares.count(largest) == 1 and largest > dominance:
        return names[shares.index(largest)] + "_dominant"
    return "omnichannel"


def plain_figures(space: Sequence[Profile], channels: dict[str, str], dominance: float) -> dict[str, Any]:
    """Every figure of every pattern, person by person, with no thought of speed or memory."""
    threshold, step = Fraction(str(dominance)), Fraction("0.05")
    names = list(channels)
    groups: dict[str, list[Profile]] = {}
    moved = 0
    for profile in space:
        activity = plain_activity(profile, channels)
        pattern = plain_pattern(activity, names, threshold)
        if pattern:
            groups.setdefault(pattern, []).append(profile)
            around = {plain_pattern(activity, names, threshold + by) for by in (-step, step)}
            moved += around != {pattern}
    everybody = [profile for group in groups.values() for profile in group]
    return {
        "classified": len(everybody),
        "dormant": len(space) - len(everybody),
        "moved": moved,
        "coverage": {
            trait: sum(profile["traits"].get(trait) not in (None, "") for profile in space)
            for trait in (*channels.values(), LTV, PLAN)
        },
        "patterns": {pattern: _plain_group(group, channels) for pattern, group in groups.items()},
        "totals": _plain_group(everybody, channels) if everybody else None,
    }


def _plain_group(group: Sequence[Profile], channels: dict[str, str]) -> dict[str, Any]:
    n = len(group)
    activities = [plain_activity(profile, channels) for profile in group]
    types = [[one["type"] for one in profile["external_ids"]] for profile in group]
    plans = Counter(profile["traits"].get(PLAN) for profile in group if profile["traits"].get(PLAN))
    spelled = [{"ios.id" if kind == "ios_id" else kind for kind in listed} for listed in types]
    return {
        "n": n,
        "avg_ltv": sum(float(profile["traits"].get(LTV) or 0) for profile in group) / n,
        "avg_activity": {
            name: sum(activity[i] for activity in activities) / n for i, name in enumerate(channels)
        },
        "avg_identities": sum(map(len, types)) / n,
        "few_identities_share": sum(len(listed) <= 2 for listed in types) / n,
        "identity_coverage": {
            kind: sum(kind in listed for listed in spelled) / n for kind in set().union(*spelled)
        },
        "plans": sorted(plans.items(), key=lambda plan_and_n: (-plan_and_n[1], plan_and_n[0]))[:3],
    }


ACTIVITIES = ["0", "0", "1", "2", "3", "3", "7", "9", "10", "11", "20", "4.7", " 5", "+6", "1e1", "", None]
ODD_ACTIVITIES = ["-3", "abc", "1e16", "1e999", "true", "٣", "5.", "[1]"]
LTVS = ["0", "12.5", "890.40", "-30", "1e3", "", " 7 ", None]
ODD_LTVS = ["-1e16", "abc", "1e16", "1e999", "NaN", "true"]
PLANS = [
    *("pro", "starter", "free", "", None, " ", "5", "o'neil\\`--", "@traits", 'a "quoted" one', "企業"),
    *("two, and\na line", "p" * 300, "ä" * 201, "🦄" * 199),
]


def random_space(  # noqa: PLR0913 - a space has that many sides
    seed: int,
    types: Sequence[str | None],
    traits: Sequence[str] = (*CHANNELS.values(),),
    *,
    size: int = 150,
    once: bool = True,
    plain: bool = False,
) -> list[Profile]:
    """People of texts, as every source can hold them; `once`: with one external id of a type at most.

    Of a plain space no value is odd, and some are numbers.
    """
    random = Random(seed)  # noqa: S311 - chance, not a secret
    activities: list[Any] = [*ACTIVITIES, 8, 0.9, 10**6] if plain else ACTIVITIES
    ltvs: list[Any] = [*LTVS, 890.4, 10**5] if plain else [*LTVS, *ODD_LTVS]
    plans = PLANS[:5] if plain else PLANS

    def profile(number: int) -> Profile:
        values = {trait: random.choice(activities) for trait in traits}
        if not plain and random.random() < 0.1:
            values[random.choice([*traits])] = random.choice(ODD_ACTIVITIES)
        values |= {LTV: random.choice(ltvs), PLAN: random.choice(plans)}
        n = random.randrange(6)
        listed = random.sample(types, n) if once else random.choices(types, k=n)
        return {
            "segment_id": f"use_{number:04}",
            "traits": {name: value for name, value in values.items() if random.random() < 0.9},
            "external_ids": [{"type": kind, "id": f"{kind} {number} {i}"} for i, kind in enumerate(listed)],
        }

    return [profile(number) for number in range(size)]


def tables(space: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """A space as Profiles Sync keeps it."""
    traits = [
        {"canonical_segment_id": f"use_{n:04}", "name": name, "value": value, "seq": 1}
        for n, profile in enumerate(space)
        for name, value in ({"city": "Ulm"} | profile["traits"]).items()
    ]
    identifiers = [
        {"canonical_segment_id": f"use_{n:04}", "type": one["type"], "value": one["id"]}
        for n, profile in enumerate(space)
        for one in profile["external_ids"]
    ]
    return {"user_traits": traits, "user_identifiers": identifiers}
