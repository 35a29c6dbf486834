"""The space as it is now: fetched, classified and summarized, from whatever source the deployment has."""

import msgspec

from persona.classify.counts import classify
from persona.deadline import Deadline
from persona.fetch import fetch
from persona.model import Summary
from persona.settings import Settings
from persona.summarize.sampling import origin_of, rule_of
from persona.summarize.summary import summarize
from persona.summarize.trait_check import examine, machine_opens
from persona.watcher import Watcher


def take_census(settings: Settings, limit: int, deadline: Deadline, watcher: Watcher) -> Summary:
    """The summary of a space of which `limit` profiles are read at most (0: all).

    Raises:
        NotEnoughData: too few people, or too few of the needed traits, for a framework worth paying for.
        Refused, Invalid, Unavailable, DeadlineExceeded: the source says no, or does not answer in time.
    """
    rule = rule_of(settings)
    with fetch(settings, limit, deadline, watcher) as people:
        counts = classify(people, rule)
    truncated = people.truncated or counts.drawn_from is not None
    watcher.log.info("fetched", stage="fetch", profiles=counts.read, truncated=truncated)
    doubts = examine(counts, rule)
    for code, sentences in (("missing_table", people.notes), ("few_traits", doubts)):
        for said in sentences:
            watcher.log.warning(said, stage="summarize", code=code)
    summary = summarize(counts, rule, origin_of(settings, counts, truncated=truncated), truncated=truncated)
    watcher.log.info(
        "summarized",
        stage="summarize",
        classified=counts.classified,
        dormant=counts.dormant,
        rejected=counts.rejected.total(),
        patterns=len(summary.patterns),
    )
    # Invented people have no mail programs.
    opens = [] if settings.source == "sample" else machine_opens(rule)
    return msgspec.structs.replace(summary, warnings=[*people.notes, *doubts, *opens])
