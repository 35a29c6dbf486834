"""Trait doctor: whether people carry the traits that tell them apart, and what to create if not."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from persona.classify.counts import Counts
from persona.errors import NotEnoughData
from persona.model import Rule
from persona.summarize.look_alikes import look_alikes
from persona.wording import percent

# Where fewer carry a channel's trait, the patterns say more about the trait than about people.
ENOUGH_SHARE = 0.5
# Where fewer carry any channel's trait, nobody created them: no framework is worth paying for.
HARDLY_ANY_SHARE = 0.01
# Where more cannot be read, the reader should know.
MANY_REJECTED_SHARE = 0.05

# What a channel's computed trait counts, in Segment's own event names (docs: connections/spec).
_COUNTED = {
    # A count of “Page Viewed” is none of sessions: beside other channels it makes web too large.
    "web": "“Session Started” of the web sources",
    "mobile": "“Application Opened”",
    "email": "“Email Opened”",
}
# Without the one or the other nothing is computed (documentation: unify/traits/computed-traits).
_WHERE = (
    "Unify, Traits, Computed traits; each needs a destination or “Compute without connected destinations”, "
    "and is computed every eight hours"
)
_LOOK = (
    "`python -m persona check FILE` shows the traits that there are, and the PERSONA_CHANNELS line that "
    "fits; expected is CSV, of which the first line names the columns, or a JSON object a line, such as "
    '{"traits": {"web_visits": 3}, "external_ids": [{"type": "user_id", "id": "u1"}]}'
)
# What to do about values that cannot be read, by the reason.
_MENDING = {
    "activity_not_numeric": "a count is a bare number, such as 12",
    "not_found": "the space knows no such profile: check SEGMENT_SPACE_ID",
    "identifier_malformed": "PERSONA_IDENTIFIERS holds one type:value a line, such as user_id:42",
    "activity_negative": "a count is not below zero: leave empty what is unknown",
    "row_invalid_encoding": "the file is not in UTF-8: save it as that",
    "not_json": "a line of JSON lines is one object, with double quotes: `jq -c .` writes it so",
}
# A trait -> the people who have it, and of them those with a number.
Names = Mapping[str, tuple[int, int]]


def missing(counts: Counts, rule: Rule) -> dict[str, str]:
    """The channels whose traits hardly anybody carries, with these; raw events need none."""
    if rule.activity != "computed traits" or not counts.classified + counts.dormant:
        return {}
    carried = counts.coverage(rule)
    return {channel: name for channel, name in rule.channels.items() if carried[name] < HARDLY_ANY_SHARE}


def resembling(channels: Mapping[str, str], names: Names, min_group: int) -> dict[str, str]:
    """The missing traits for which there are names that look like them, with these: `web_visits or …?`."""
    # A name that few people have may be about one of them.
    others = [name for name, (n, _) in names.items() if n >= min_group]
    alike = {trait: look_alikes(trait, channel, others) for channel, trait in channels.items()}
    return {trait: f"{' or '.join(likeliest)}?" for trait, likeliest in alike.items() if likeliest}


def examine(
    counts: Counts, rule: Rule, names: Names = MappingProxyType({}), *, in_files: bool = False
) -> list[str]:
    """What the reader should know about the traits, in sentences; free, and before anything is paid.

    `names` are the traits that there are, as far as the source tells; nobody can create traits `in_files`.

    Raises:
        NotEnoughData: nobody is active, or hardly anybody carries any channel's trait; says what to do.
    """
    readable = counts.classified + counts.dormant
    absent = missing(counts, rule)
    instead = resembling(absent, names, rule.min_group)
    if len(absent) == len(rule.channels):
        alike = "; ".join(f"for {trait}: {likeliest}" for trait, likeliest in instead.items())
        looks = f" Names that look like them: {alike}" if alike else ""
        raise NotEnoughData(
            f"of {readable} profiles, less than {percent(HARDLY_ANY_SHARE)} carry any of the channels' "
            f"traits ({', '.join(rule.channels.values())}): they "
            + ("" if in_files else "do not exist in Segment, or ")
            + f"have other names (PERSONA_CHANNELS).{looks} "
            + (_LOOK if in_files else help_for(rule.channels, rule.window_days))
        )
    if not counts.classified:
        raise NotEnoughData(_nobody(counts, rule, names, in_files=in_files))
    few_carry = [
        f"Only {percent(share)} of the profiles carry {trait}{_next_step(trait, rule, in_files=in_files)}"
        + (f" Names that look like it: {instead[trait]}" if trait in instead else "")
        for trait, share in counts.coverage(rule).items()
        if share < ENOUGH_SHARE and (share or trait != rule.ltv_trait)
    ]
    return [*few_carry, *_left_out(counts, rule)]


def _nobody(counts: Counts, rule: Rule, names: Names, *, in_files: bool) -> str:
    """Why nobody is active, as far as can be told."""
    if not counts.read:
        return "the source holds no profile at all: check that PERSONA_SOURCE or PERSONA_IDENTIFIERS is right"
    traits = "PERSONA_CHANNELS names traits that count what people do, as numbers"
    sources = "the web and mobile sources, and the email tool's events, are connected to this space"
    check = f"check that {traits if rule.activity == 'computed traits' else sources}"
    return (
        f"nobody is active: of {counts.read} profiles read, {counts.dormant} have no activity in any channel "
        f"and {counts.rejected.total()} could not be read{_reasons(counts)}; "
        + (_LOOK if in_files and not names else check)
    )


def _reasons(counts: Counts) -> str:
    """How many could not be read for what reason, and how to mend that."""
    told = [
        f"{n} {why.replace('_', ' ')}{f': {_MENDING[why]}' if why in _MENDING else ''}"
        for why, n in counts.rejected.items()
    ]
    return f" ({'; '.join(told)})" if told else ""


def machine_opens(rule: Rule) -> list[str]:
    """What opens of email are worth: by common estimates, 40-60 % of them are mail programs' own."""
    return [
        f"{trait} counts opens, many of which are a mail program's own (Apple Mail Privacy Protection): "
        f"{channel} looks larger than it is; a trait that counts clicks is safer."
        for channel, trait in rule.channels.items()
        if rule.activity == "computed traits"
        and "open" in trait.casefold()
        and "mail" in f"{channel} {trait}".casefold()
    ]


def help_for(channels: Mapping[str, str], window_days: int | None) -> str:
    """How to create the computed traits of these channels in Segment, in sentences."""
    created = "; ".join(_trait_help(channel, trait, window_days) for channel, trait in channels.items())
    told_by_events = channels.keys() <= _COUNTED.keys()
    events = " Or set PERSONA_EVENTS=on, which counts raw events instead (profile-api and bigquery:// only)."
    return f"Create them in Segment ({_WHERE}): {created}.{events if told_by_events else ''}"


def _trait_help(channel: str, trait: str, window_days: int | None) -> str:
    counted = _COUNTED.get(channel, f"the event that stands for one use of {channel.replace('_', ' ')}")
    over = f"the last {window_days} days" if window_days else "the same window as the other channels' traits"
    return f"{trait}, an Event Counter of {counted}, over {over}"


def _next_step(trait: str, rule: Rule, *, in_files: bool) -> str:
    if trait == rule.ltv_trait:
        return ": averages count everybody else's as 0; PERSONA_LTV_TRAIT names the trait to read."
    if trait == rule.plan_trait:
        return ": nobody else's plan is known; PERSONA_PLAN_TRAIT names the trait to read."
    channel = next(channel for channel, name in rule.channels.items() if name == trait)
    create = f"create in Segment ({_WHERE}) {_trait_help(channel, trait, rule.window_days)}"
    mend = "name another in PERSONA_CHANNELS" if in_files else create
    return f", and everybody else counts as not active on {channel}. If that is not so, {mend}."


def _left_out(counts: Counts, rule: Rule) -> Iterator[str]:
    """Whom and what the figures do not hold: what is told of the others may not hold for all."""
    rejected, everybody = counts.rejected.total(), counts.everybody()
    if rejected > MANY_REJECTED_SHARE * counts.read:
        could_not = f"{percent(rejected / counts.read)} of the profiles could not be read and are left out"
        yield f"{could_not}{_reasons(counts)}."
    for i, channel in enumerate(rule.channels):
        if rule.activity != "computed traits" and not everybody.activity[i]:
            yield (
                f"Nobody had an event on {channel} in the last {rule.window_days} days: its source may not "
                "be connected to this space."
            )
    if counts.odd_ltv > HARDLY_ANY_SHARE * (counts.classified + counts.dormant):
        yield (
            f"{counts.odd_ltv} values of {rule.ltv_trait} are no numbers and count as missing: expected "
            "1234.56, without a currency's sign, a decimal comma or separated thousands."
        )
    elif not counts.carried[len(rule.channels)]:
        yield (
            f"No profile carries {rule.ltv_trait}: there is no LTV in the data, and no figure of it; "
            "PERSONA_LTV_TRAIT names the trait to read."
        )
    if not everybody.identities:
        yield (
            "No active profile has an external id: there is no figure of identifiers; in tables, "
            "PERSONA_ID_COLUMNS names the columns that hold them."
        )
