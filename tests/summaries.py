"""Random summaries: any channels, any figures that a space can have, anything withheld."""

import string

from hypothesis import strategies as st

from persona.model import OMNICHANNEL, Group, Origin, Pattern, Plan, Population, Rule, Summary, dominant
from persona.wording import label

_SHARE = st.floats(0, 1)
_CHANNEL = st.one_of(
    st.sampled_from(["web", "mobile", "email", "sms", "in_app", "risk", "content", "strategy", "persona"]),
    st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=29).map("c{}".format),
)
_COUNTED = st.sampled_from(["", "_clicks", "_sessions", "_opened", "_page_views"])
_NAME = st.text(min_size=1, max_size=80)
# Names that a plan or an identifier's type really has.
_PLAIN_NAMES = st.sampled_from(
    ["free", "Pro", "pro", "Pro `x`", "pro_annual", "Family & Friends", "team/edu", "basic-trial", "Für alle"]
)
_PLAIN_TYPES = st.sampled_from(["user_id", "email", "ios.id", "anonymous_id", "phone", "crm id"])


@st.composite
def _figures(draw: st.DrawFn, channels: list[str], *, covered: bool, plain: bool) -> dict[str, object]:
    types = _PLAIN_TYPES if plain else _NAME
    return {
        "n": draw(st.integers(1, 10**9)),
        "avg_ltv": draw(st.one_of(st.just(0.0), st.floats(-1e6, 1e9 if plain else 1e20))),
        "avg_activity": {channel: draw(st.floats(0, 1e6)) for channel in channels},
        "avg_identities": draw(st.floats(0, 100)),
        "few_identities_share": draw(_SHARE),
        "identity_coverage": draw(st.dictionaries(types, _SHARE, max_size=20)) if covered else None,
    }


@st.composite
def summaries(draw: st.DrawFn, *, plain: bool = False) -> Summary:
    """A summary with one pattern at least; a plain one has plans, types and sums as spaces have them."""
    channels = draw(st.lists(_CHANNEL, min_size=2, max_size=8, unique=True))
    covered, planned = draw(st.booleans()), draw(st.booleans())
    keys = [*map(dominant, channels), OMNICHANNEL]
    hidden = draw(st.lists(st.sampled_from(keys), max_size=len(keys) - 1, unique=True))
    plan = st.builds(Plan, plan=_PLAIN_NAMES if plain else _NAME, n=st.integers(1, 100), share=_SHARE)
    patterns = [
        Pattern(
            key=key,
            label=label(key),
            share=draw(_SHARE),
            share_ci95=(0.0, 1.0),
            ltv_share=draw(st.none() | st.floats(-1, 1)),
            plans=draw(st.lists(plan, max_size=3)) if planned else None,
            **draw(_figures(channels, covered=covered, plain=plain)),  # type: ignore[arg-type]
        )
        for key in keys
        if key not in hidden
    ]
    return Summary(
        source=Origin(kind="export", sampling="All profiles were read."),
        population=Population(read=10, classified=9, dormant=1),
        rule=Rule(
            channels={channel: f"{channel}{draw(_COUNTED)}_30d" for channel in channels}, dominance=0.5
        ),
        totals=Group(**draw(_figures(channels, covered=covered, plain=plain))),  # type: ignore[arg-type]
        patterns=patterns,
        suppressed=hidden,
    )
