"""The space as it is now: fetched, classified and summarized, from whatever source the deployment has."""

from typing import NamedTuple

import msgspec

from persona.classify.profile import Reader
from persona.classify.rule import classify
from persona.classify.tally import Tally
from persona.deadline import Deadline
from persona.fetch import fetch
from persona.log import Log, Progress
from persona.model import Origin, Rule, Summary
from persona.settings import Settings
from persona.summarize.sampling import activity_window, sentence
from persona.summarize.summary import summarize
from persona.summarize.trait_check import examine


class _Counted(NamedTuple):
    """Everybody who was read."""

    tally: Tally
    truncated: bool  # there are more
    drawn_from: int | None  # they were drawn at random from so many
    notes: list[str]  # what the reader should know, in sentences


def take_census(settings: Settings, limit: int, deadline: Deadline, log: Log) -> Summary:
    """The summary of a space of which `limit` profiles are read at most (0: all).

    BigQuery fetches, classifies and counts in one query; every other source is read page by page.

    Raises:
        NotEnoughData: too few people, or too few of the needed traits, for a framework worth paying for.
        Refused, Invalid, Unavailable, DeadlineExceeded: the source says no, or does not answer in time.
    """
    rule = rule_of(settings)
    if settings.source == "bigquery":
        counted = _ask_the_warehouse(settings, limit, deadline, log)
    else:
        counted = _count(settings, rule, limit, deadline, log)
    tally, truncated, drawn_from, notes = counted
    doubts = examine(tally, rule)
    for code, sentences in (("missing_table", notes), ("few_traits", doubts)):
        for said in sentences:
            log.warning(said, stage="summarize", code=code)
    sampling = sentence(
        settings.source,
        tally.read,
        truncated=truncated,
        drawn_from=drawn_from,
        identifiers=settings.source == "profile-api" and bool(settings.identifiers),
    )
    origin = Origin(
        kind=settings.source,
        space_id=settings.segment_space_id or None,
        sample=settings.source == "sample",
        sampling=sampling,
    )
    summary = summarize(tally, rule, origin, truncated=truncated)
    log.info(
        "summarized",
        stage="summarize",
        classified=tally.classified,
        dormant=tally.dormant,
        rejected=tally.rejected.total(),
        patterns=len(summary.patterns),
    )
    return msgspec.structs.replace(summary, warnings=[*notes, *doubts])


def rule_of(settings: Settings) -> Rule:
    """How this deployment tells people apart."""
    window_days, activity = activity_window(settings)
    return Rule(
        channels=dict(settings.channels),
        dominance=settings.dominance,
        ltv_trait=settings.ltv_trait,
        plan_trait=settings.plan_trait,
        min_group=settings.min_group,
        window_days=window_days,
        activity=activity,
    )


def _count(settings: Settings, rule: Rule, limit: int, deadline: Deadline, log: Log) -> _Counted:
    """Count page by page; one page is in memory at a time."""
    reader = Reader(list(rule.channels.values()), rule.ltv_trait, rule.plan_trait)
    tally = Tally(len(rule.channels))
    truncated, drawn_from, pages = False, None, 0
    for pages, page in enumerate(fetch(settings, reader, deadline, limit), start=1):
        tally.reject(page.rejected)
        people = reader.read(page.profiles)
        tally.add(people, classify(people, rule.dominance))
        truncated, drawn_from = page.more, page.drawn_from
        log.notify(Progress("fetch", pages, tally.read))
        deadline.check("read more profiles")
    log.info("fetched", stage="fetch", pages=pages, profiles=tally.read, truncated=truncated)
    return _Counted(tally, truncated, drawn_from, [])


def _ask_the_warehouse(settings: Settings, limit: int, deadline: Deadline, log: Log) -> _Counted:
    """Let BigQuery count where the data lies."""
    from persona.fetch import bigquery  # noqa: PLC0415 - a cold start pays for what it needs

    counted = bigquery.count(settings, deadline, limit, run_id=str(log.fields.get("run_id", "")))
    log.notify(Progress("fetch", 1, counted.tally.read))
    log.info(
        "fetched",
        stage="fetch",
        profiles=counted.tally.read,
        truncated=counted.truncated,
        job_id=counted.job_id,
        billed_bytes=counted.billed_bytes,
    )
    notes = [
        f"The event table {table} does not exist: nothing was counted from it." for table in counted.absent
    ]
    return _Counted(counted.tally, counted.truncated, counted.drawn_from, notes)
