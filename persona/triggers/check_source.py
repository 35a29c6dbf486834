"""A look at a source, for free: what it is, who and which traits are in it, and what is missing."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from persona.classify.counts import Counts, classify
from persona.deadline import Deadline
from persona.errors import NotEnoughData
from persona.fetch import fetch
from persona.log import Log
from persona.model import Rule
from persona.settings import Settings
from persona.summarize.look_alikes import fit, fitting
from persona.summarize.sampling import origin_of, rule_of
from persona.summarize.summary import summarize
from persona.summarize.trait_check import HARDLY_ANY_SHARE, examine, missing, resembling
from persona.triggers.closing_table import people_read
from persona.wording import percent

if TYPE_CHECKING:
    from persona.fetch.people import Carried

_KINDS = {
    "sample": "the built-in, invented sample space",
    "segment": "Segment's profile listing",
    "profile-api": "Segment's Profile API",
    "bigquery": "Profiles Sync in BigQuery",
}
# Where fewer of a trait's values are numbers, it counts nothing.
_NUMERIC_SHARE = 0.9


def look_at(settings: Settings, deadline: Deadline, log: Log) -> tuple[list[str], bool]:
    """What a source holds, in lines, and whether that is enough; of services as many people as a run reads.

    Asks no model and writes nothing; of every trait, the name and the number of people who carry it. Free but
    for the bytes that BigQuery bills for two queries, PERSONA_MAX_BYTES at most each, which are told.

    Raises:
        PersonaError: the source says no, or cannot be read.
    """
    rule, in_files = rule_of(settings), settings.source == "export"
    billed = []
    if settings.source == "bigquery":
        from persona.fetch import bigquery  # noqa: PLC0415 - files need no warehouse

        needed_bytes = bigquery.affordable_bytes(settings, deadline, settings.limit)
        again = "and at most as many again for the names of the traits"
        billed = [f"BigQuery bills this look as {needed_bytes:,} bytes read, {again}"]
    with fetch(settings, 0 if in_files else settings.limit, deadline, log) as people:
        counts = classify(people, rule)
        kind, names, truncated = people.kind or _KINDS[settings.source], people.names(), people.truncated
    lines = [kind, *billed, *people_read(counts, counts.rejected, truncated=truncated)]
    lines += _coverage(counts, rule, names)
    absent = missing(counts, rule)
    lines += _lacking(absent, rule, names, counts.drawn_from or counts.read)
    what_is_there = "name what is there" if in_files else "create it in Segment, or name another"
    no_trait = f"Not enough yet: channels without a trait; {what_is_there} in PERSONA_CHANNELS"
    try:
        notes = examine(counts, rule, names, in_files=in_files)
        summarize(counts, rule, origin_of(settings, counts, truncated=False), truncated=False)
        verdict = no_trait if absent else ""
        lines += [f"Note: {note}" for note in notes]
    except NotEnoughData as error:
        verdict = no_trait if absent and in_files and names else f"Not enough yet: {error.message}"
    return [*lines, verdict or "Enough for a framework"], not verdict


def _coverage(counts: Counts, rule: Rule, names: Mapping[str, "Carried"]) -> Iterator[str]:
    """Yield the traits with the share of people who carry them: the needed ones, then all others."""
    needed = {trait: f"channel {channel}" for channel, trait in rule.channels.items()}
    needed |= {rule.ltv_trait: "LTV", rule.plan_trait: "plan"}
    shares_of = counts.coverage(rule)
    if not counts.classified + counts.dormant:  # values that cannot be read are there all the same
        shares_of |= {name: names[name].n / max(counts.read, 1) for name in shares_of.keys() & names.keys()}
    yield "Needed traits, and how many people carry them:"
    yield from (f"  {percent(shares_of[trait]):>7}  {trait} ({purpose})" for trait, purpose in needed.items())
    # A name that few people have may be about one of them.
    others = (name for name, carried in names.items() if name not in needed and carried.n >= rule.min_group)
    shown = [name for name in others if fit(name)]
    people = max(counts.drawn_from or counts.read, 1)
    if shown:
        yield "Other traits:"
    for name in shown:
        yield f"  {percent(min(1.0, names[name].n / people)):>7}  {name}"
    if unnamed := len(names.keys() - needed.keys()) - len(shown):
        yield f"  and {unnamed:,} more"


def _lacking(
    absent: Mapping[str, str], rule: Rule, names: Mapping[str, "Carried"], read: int
) -> Iterator[str]:
    """Yield the channels without a trait, names that look like theirs, and the setting that would fit."""
    alike = resembling(absent, names, rule.min_group)
    for channel, trait in absent.items():
        yield f"Missing: {trait} (channel {channel}){f'; {alike[trait]}' if trait in alike else ''}"
    numeric = [
        name
        for name, carried in names.items()
        if carried.numeric >= _NUMERIC_SHARE * carried.n
        and carried.n >= max(rule.min_group, HARDLY_ANY_SHARE * read)
        and name not in {rule.ltv_trait, rule.plan_trait}
    ]
    channels = fitting(rule.channels, numeric) if absent else {}
    if len(channels) >= 2:  # noqa: PLR2004 - fewer tell nothing apart
        told = ",".join(f"{channel}={trait}" for channel, trait in list(channels.items())[:8])
        yield "What would fit:"
        yield f"  PERSONA_CHANNELS={told}" if " " not in told else f"  PERSONA_CHANNELS='{told}'"
