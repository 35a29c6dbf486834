"""Random summaries: any channels, any figures that a space can have, anything withheld."""

import string

from hypothesis import strategies as st

from persona.model import (
    OMNICHANNEL,
    Group,
    Origin,
    Pattern,
    Plan,
    Population,
    Rule,
    Summary,
    dominant,
    label,
)

_SHARE = st.floats(0, 1)
_CHANNEL = st.one_of(
    st.sampled_from(["web", "mobile", "email", "sms", "in_app", "risk", "content", "strategy", "persona"]),
    st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=29).map("c{}".format),
)
_NAME = st.text(min_size=1, max_size=80)


@st.composite
def _figures(draw: st.DrawFn, channels: list[str], *, covered: bool) -> dict[str, object]:
    return {
        "n": draw(st.integers(1, 10**9)),
        "avg_ltv": draw(st.one_of(st.just(0.0), st.floats(-1e6, 1e20))),
        "avg_activity": {channel: draw(st.floats(0, 1e6)) for channel in channels},
        "avg_identities": draw(st.floats(0, 100)),
        "few_identities_share": draw(_SHARE),
        "identity_coverage": draw(st.dictionaries(_NAME, _SHARE, max_size=20)) if covered else None,
    }


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    """A summary with one pattern at least."""
    channels = draw(st.lists(_CHANNEL, min_size=2, max_size=8, unique=True))
    covered, planned = draw(st.booleans()), draw(st.booleans())
    keys = [*map(dominant, channels), OMNICHANNEL]
    hidden = draw(st.lists(st.sampled_from(keys), max_size=len(keys) - 1, unique=True))
    plan = st.builds(Plan, plan=_NAME, n=st.integers(1, 100), share=_SHARE)
    patterns = [
        Pattern(
            key=key,
            label=label(key),
            share=draw(_SHARE),
            share_ci95=(0.0, 1.0),
            ltv_share=draw(st.none() | st.floats(-1, 1)),
            plans=draw(st.lists(plan, max_size=3)) if planned else None,
            **draw(_figures(channels, covered=covered)),  # type: ignore[arg-type]
        )
        for key in keys
        if key not in hidden
    ]
    return Summary(
        source=Origin(kind="export", sampling="All profiles were read."),
        population=Population(read=10, classified=9, dormant=1),
        rule=Rule(channels={channel: f"{channel}_30d" for channel in channels}, dominance=0.5),
        totals=Group(**draw(_figures(channels, covered=covered))),  # type: ignore[arg-type]
        patterns=patterns,
        suppressed=hidden,
    )
