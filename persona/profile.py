"""One raw record to one profile, or the reason why not; then a page of profiles to a page of people.

Nearly every page is decoded straight into typed records, checks included, by msgspec. A page with anything
odd in it is read again by the standard library, and its records are judged one by one.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import DecodeError, Meta, defstruct, field
from msgspec.structs import astuple

from persona.model import ExternalId, People

# No session count or life-time value is real beyond this, and up to here a float still counts in whole steps.
MOST = 10**15
# Names are cut here before they are counted, so that names of any length cost the same memory.
NAME_CHARACTERS = 200

_Activity = Annotated[int, Meta(ge=0, le=MOST)] | None
_Ltv = Annotated[float, Meta(ge=-MOST, le=MOST)] | None
_Plan = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS)] | None

_NUMBER = re.compile(r"[ \t\n\r\f\v]*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?[ \t\n\r\f\v]*", re.ASCII)
_TRAITS, _EXTERNAL_IDS = attrgetter("traits"), attrgetter("external_ids")


class Reader:
    """Reads the profiles of one deployment, whose needed traits it knows."""

    def __init__(self, channel_traits: Sequence[str], ltv_trait: str, plan_trait: str) -> None:
        self._names = [*channel_traits, ltv_trait, plan_trait]
        kinds = [*[_Activity] * len(channel_traits), _Ltv, _Plan]
        fields = [
            (f"trait_{i}", kind, field(name=name, default=None))
            for i, (name, kind) in enumerate(zip(self._names, kinds, strict=True))
        ]
        self._traits: Any = defstruct("Traits", fields, gc=False)
        external_ids = ("external_ids", tuple[ExternalId, ...], ())
        self._profile: Any = defstruct(
            "Profile", [("traits", self._traits, field(default_factory=self._traits)), external_ids], gc=False
        )
        self._decoders: dict[Any, msgspec.json.Decoder[Any]] = {}

    def decode(self, body: bytes, envelope: Any) -> Any:
        """A service's reply as `envelope[profile]`, where `envelope` is `list` or a generic record.

        Where a profile of the reply is odd, all its profiles are plain objects; `read` takes both.

        Raises:
            ValueError: the body is no JSON or has not the envelope's shape; says nothing of its content.
        """
        if envelope not in self._decoders:
            self._decoders[envelope] = msgspec.json.Decoder(envelope[self._profile])
        try:
            return self._decoders[envelope].decode(body)
        except (DecodeError, RecursionError):
            return msgspec.convert(_loads(body), envelope[Any])

    def read(self, page: Sequence[Any]) -> People:
        """The readable people of a page of decoded profiles; the others are counted by reason."""
        rejected: Counter[str] = Counter()
        profiles = page
        if set(map(type, page)) != {self._profile}:
            fits = [profile if type(profile) is self._profile else self._fit(profile) for profile in page]
            rejected.update(fit for fit in fits if isinstance(fit, str))
            profiles = [fit for fit in fits if not isinstance(fit, str)]
        if not profiles:
            return People((), (), (), (), (0,) * len(self._names), rejected)
        columns = list(zip(*map(astuple, map(_TRAITS, profiles)), strict=True))
        carried = [len(column) - column.count(None) for column in columns]
        *activities, ltv, plan = columns
        return People(
            activity=list(zip(*map(_zero_for_none, activities), strict=True)),
            ltv=_zero_for_none(ltv),
            plan=plan,
            external_ids=list(map(_EXTERNAL_IDS, profiles)),
            carried=carried,
            rejected=rejected,
        )

    def _fit(self, profile: object) -> Any:
        """A plain object as a typed profile, or the reason why it is none."""
        if not isinstance(profile, dict):
            return "profile_not_object"
        traits = profile.get("traits", {})
        if not isinstance(traits, dict):
            return "traits_not_object"
        external_ids = _external_ids(profile.get("external_ids", []))
        if external_ids is None:
            return "external_ids_malformed"
        *activities, ltv, plan = (traits.get(name) for name in self._names)
        read = [_activity(value) for value in activities]
        reason = next((value for value in read if isinstance(value, str)), None)
        return reason or self._profile(self._traits(*read, _ltv(ltv), _plan(plan)), external_ids)


def _external_ids(listed: object) -> tuple[ExternalId, ...] | None:
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        return None
    types = [one.get("type") or "" for one in listed]
    if not all(isinstance(kind, str) for kind in types):
        return None
    return tuple(ExternalId(kind[:NAME_CHARACTERS]) for kind in types)


def _activity(value: object) -> int | str | None:
    """Whole sessions or opens, None where there is no value, otherwise the reason against the profile."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "activity_boolean"
    number = _number(value)
    if number is None:
        return "activity_not_numeric"
    if number < 0:
        return "activity_negative"
    return int(number) if number <= MOST else "activity_too_large"


def _ltv(value: object) -> float | None:
    number = None if isinstance(value, bool) else _number(value)
    return number if number is not None and abs(number) <= MOST else None


def _plan(value: object) -> str | None:
    return value[:NAME_CHARACTERS] or None if isinstance(value, str) else None


def _number(value: object) -> float | None:
    """A JSON number, or a string that holds one; infinite where it is too large for a float."""
    if isinstance(value, int | float):
        return value
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _zero_for_none(column: Sequence[Any]) -> Sequence[Any]:
    return [value or 0 for value in column] if None in column else column


def _loads(body: bytes) -> Any:
    """JSON of any shape: lone surrogates and endless numbers pass, NaN and bottomless nesting do not."""
    try:
        return json.loads(body, parse_int=_integer, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("no JSON that could be read") from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 18 else float(digits)  # noqa: PLR2004 - an int64 holds 18 digits


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
