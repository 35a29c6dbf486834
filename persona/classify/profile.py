"""One raw record to one profile, or the reason why not; then a page of profiles to a page of people.

Nearly every page is decoded straight into typed records, checks included, by msgspec. Where a value of a page
is odd, only its shape is checked so and its values are judged one by one; where the shape is odd too, the
standard library reads the page and every record is judged on its own.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import DecodeError, Meta, defstruct, field
from msgspec.structs import astuple

from persona.model import ExternalId, People

# No session count or life-time value is real beyond this; up to here the sum of eight is exact in a float.
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
        self._typed_traits = _traits(self._names, [*[_Activity] * len(channel_traits), _Ltv, _Plan])
        self._typed = _profile(self._typed_traits)
        self._untyped = _profile(_traits(self._names, [Any] * len(self._names)))
        self._decoders: dict[Any, list[msgspec.json.Decoder[Any]]] = {}

    def decode(self, body: bytes, envelope: Any) -> Any:
        """A service's reply as `envelope[profile]`, where `envelope` is `list` or a generic record.

        What kind of profiles they are is for `read` to know.

        Raises:
            ValueError: the body is no JSON or has not the envelope's shape; says nothing of its content.
        """
        if envelope not in self._decoders:
            kinds = (self._typed, self._untyped)
            self._decoders[envelope] = [msgspec.json.Decoder(envelope[kind]) for kind in kinds]
        for decoder in self._decoders[envelope]:
            try:
                return decoder.decode(body)
            except (DecodeError, RecursionError):
                continue
        return msgspec.convert(_loads(body), envelope[Any])

    def read(self, page: Sequence[Any]) -> People:
        """The readable people of a page, decoded by this reader or plain objects; the others by reason."""
        rejected: Counter[str] = Counter()
        profiles = page
        if set(map(type, page)) != {self._typed}:
            fits = list(map(self.fit, page))
            rejected.update(fit for fit in fits if isinstance(fit, str))
            profiles = [fit for fit in fits if not isinstance(fit, str)]
        if not profiles:
            return People((), (), (), (), (0,) * len(self._names), rejected)
        columns = list(zip(*map(astuple, map(_TRAITS, profiles)), strict=True))
        *activities, ltv, plan = columns
        return People(
            activity=list(zip(*map(_zero_for_none, activities), strict=True)),
            ltv=_zero_for_none(ltv),
            plan=plan,
            external_ids=list(map(_EXTERNAL_IDS, profiles)),
            carried=[len(column) - column.count(None) for column in columns],
            rejected=rejected,
        )

    def fit(self, profile: Any) -> Any:
        """A profile of any kind as a typed one, or the reason why it is none."""
        if type(profile) is self._typed:
            return profile
        if type(profile) is self._untyped:
            return self._judge(astuple(profile.traits), profile.external_ids)
        if not isinstance(profile, Mapping):
            return "profile_not_object"
        traits = profile.get("traits", {})
        if not isinstance(traits, Mapping):
            return "traits_not_object"
        external_ids = _external_ids(profile.get("external_ids", []))
        if external_ids is None:
            return "external_ids_malformed"
        return self._judge(map(traits.get, self._names), external_ids)

    def _judge(self, values: Iterable[object], external_ids: tuple[ExternalId, ...]) -> Any:
        """The typed profile that these traits make, or the reason why they make none."""
        *activities, ltv, plan = values
        activity = [_activity(value) for value in activities]
        reason = next((value for value in activity if isinstance(value, str)), None)
        return reason or self._typed(self._typed_traits(*activity, _ltv(ltv), _plan(plan)), external_ids)


def _traits(names: Sequence[str], kinds: Sequence[Any]) -> Any:
    """The record of the needed traits, each of its kind; all other traits are skipped unread."""
    fields = [
        (f"trait_{i}", kind, field(name=name, default=None))
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]
    return defstruct("Traits", fields, gc=False)


def _profile(traits: Any) -> Any:
    """The record of a profile with such traits."""
    fields = [("traits", traits, field(default_factory=traits)), ("external_ids", tuple[ExternalId, ...], ())]
    return defstruct("Profile", fields, gc=False)


def _external_ids(listed: object) -> tuple[ExternalId, ...] | None:
    """The types of a list of external ids, None where it is no such list."""
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        return None
    types = [one.get("type") for one in listed]
    if not all(kind is None or isinstance(kind, str) for kind in types):
        return None
    return tuple(ExternalId((kind or "")[:NAME_CHARACTERS]) for kind in types)


def _activity(value: object) -> int | str | None:
    """Whole sessions or opens, None where there is no value, otherwise the reason against the profile."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "activity_boolean"
    number = _number(value)
    if number is None:
        return "activity_not_numeric"
    if isinstance(number, float) and not isfinite(number):
        return "activity_not_finite"
    if number < 0:
        return "activity_negative"
    return int(number) if number <= MOST else "activity_too_large"


def _ltv(value: object) -> float | None:
    """A life-time value, None where there is none that can be read; a refund is negative."""
    number = None if isinstance(value, bool) else _number(value)
    return float(number) if number is not None and abs(number) <= MOST else None


def _plan(value: object) -> str | None:
    return value[:NAME_CHARACTERS] or None if isinstance(value, str) else None


def _number(value: object) -> float | None:
    """A JSON number, or a string that holds one; infinite where it is too large for a float."""
    if isinstance(value, int | float):
        return value
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _zero_for_none(column: Sequence[Any]) -> Sequence[Any]:
    return [value or 0 for value in column]


def _loads(body: bytes) -> Any:
    """JSON of any shape: lone surrogates, NaN and endless numbers pass, bottomless nesting does not."""
    try:
        return json.loads(body, parse_int=_integer)
    except (ValueError, RecursionError):
        raise ValueError("no JSON that could be read") from None


def _integer(digits: str) -> int | float:
    """A number beyond 64 bits as a float: only Python's own integers know no end, and refuse 4,300 digits."""
    return int(digits) if len(digits) <= 18 else float(digits)  # noqa: PLR2004 - an int64 holds 18 digits
