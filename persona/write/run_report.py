"""What the caller of a run is told, and what is kept of Mave's part in it."""

from typing import Literal

from persona.model import (
    Answer,
    Framework,
    MaveTrace,
    Report,
    ReportedChecks,
    ReportedMave,
    ReportedPattern,
    ReportedProfiles,
    Seconds,
    Summary,
)
from persona.write import words


def published(framework: Framework, calls: int, seconds: Seconds, *, trial: bool) -> Report:
    """The report of a run whose framework goes into the bucket; `calls` of Mave were paid for."""
    checks = framework.checks
    return Report(
        run_id=framework.run_id,
        created_at=framework.created_at,
        trial=trial,
        status="published",
        source=framework.source.kind,
        author=framework.author,
        profiles=_profiles(framework),
        patterns=_patterns(framework),
        mave=_mave(framework.mave, calls),
        checks=ReportedChecks(
            missing_sections=len(checks.missing_sections),
            figures=checks.counts(),
            unresolved=len(checks.unresolved),
            assumptions=checks.assumptions,
        ),
        seconds=seconds,
        warnings=framework.warnings,
        suppressed=framework.suppressed,
        rejected=framework.population.rejected,
        changes=words.changes(framework),
    )


def unpaid(
    status: Literal["unchanged", "dry_run"],
    run_id: str,
    summary: Summary,
    author: Literal["mave", "facts"],
    seconds: Seconds,
) -> Report:
    """The report of a run that asked nobody."""
    return Report(
        run_id=run_id,
        status=status,
        source=summary.source.kind,
        author=author,
        profiles=_profiles(summary),
        patterns=_patterns(summary),
        seconds=seconds,
        warnings=summary.warnings,
        suppressed=summary.suppressed,
        rejected=summary.population.rejected,
    )


def trace(said: list[Answer]) -> MaveTrace:
    """What the answers took; a recovered one's credits are those of its whole thread."""
    credits_used = 0.0
    for answer in said:
        used = answer.usage.credits_used
        credits_used = max(credits_used, used) if answer.recovered else credits_used + used
    return MaveTrace(
        thread_id=next((answer.thread_id for answer in said if answer.thread_id), None),
        message_ids=[answer.id for answer in said if answer.id],
        credits_used=credits_used,
        sources=[source for answer in said for source in answer.sources],
        personas_used=[persona for answer in said for persona in answer.personas_used],
        validation=next((answer.validation for answer in said if answer.validation), None),
    )


def _profiles(about: Summary | Framework) -> ReportedProfiles:
    population = about.population
    return ReportedProfiles(
        read=population.read,
        classified=population.classified,
        dormant=population.dormant,
        rejected=sum(population.rejected.values()),
        truncated=population.truncated,
    )


def _patterns(about: Summary | Framework) -> list[ReportedPattern]:
    return [
        ReportedPattern(key=pattern.key, label=pattern.label, n=pattern.n, share=pattern.share)
        for pattern in about.patterns
    ]


def _mave(kept: MaveTrace | None, calls: int) -> ReportedMave | None:
    if kept is None:
        return None
    return ReportedMave(
        thread_id=kept.thread_id,
        message_id=kept.message_ids[0] if kept.message_ids else None,
        calls=calls,
        credits_used=kept.credits_used,
    )
