"""What the caller of a run is told, and what is kept of Mave's part in it."""

from typing import Literal

from msgspec import convert, structs

from persona.model import Answer, Framework, MaveTrace, Report, ReportedChecks, ReportedProfiles, Summary
from persona.write import templates


def published(framework: Framework, calls: int, seconds: dict[str, float], *, trial: bool) -> Report:
    """The report of a run whose framework goes into the bucket; `calls` of Mave were paid for."""
    checks, mave = framework.checks, framework.mave
    told: dict[str, object] = {}
    if mave:
        ids = {"thread_id": mave.thread_id, "message_id": next(iter(mave.message_ids), None)}
        told = {**ids, "calls": calls, "credits_used": mave.credits_used}
    return structs.replace(
        without_words("published", framework.run_id, framework, framework.author, seconds),
        created_at=framework.created_at,
        trial=trial,
        mave=told or None,
        checks=ReportedChecks(
            missing_sections=len(checks.missing_sections),
            figures=checks.counts(),
            unresolved=len(checks.unresolved),
            assumptions=checks.assumptions,
        ),
        changes=templates.sentences().changes(framework).splitlines(),
    )


def without_words(
    status: Literal["published", "unchanged", "dry_run"],
    run_id: str,
    about: Summary | Framework,
    author: Literal["mave", "facts"],
    seconds: dict[str, float],
) -> Report:
    """The report of a run as far as the people go: all of it where nobody was asked for words."""
    population = about.population
    profiles = structs.asdict(population) | {"rejected": sum(population.rejected.values())}
    return Report(
        run_id=run_id,
        status=status,
        source=about.source.kind,
        author=author,
        profiles=convert(profiles, ReportedProfiles),
        patterns=[{"key": p.key, "label": p.label, "n": p.n, "share": p.share} for p in about.patterns],
        seconds=seconds,
        warnings=about.warnings,
        suppressed=about.suppressed,
        rejected=population.rejected,
    )


def trace(said: list[Answer]) -> MaveTrace:
    """What the answers took; a recovered one's credits are those of its whole thread."""
    credits_used = 0.0
    for answer in said:
        used = answer.credits_used
        credits_used = max(credits_used, used) if answer.recovered else credits_used + used
    return MaveTrace(
        thread_id=next((answer.thread_id for answer in said if answer.thread_id), None),
        message_ids=[answer.id for answer in said if answer.id],
        credits_used=credits_used,
        sources=[source for answer in said for source in answer.sources],
        personas_used=[persona for answer in said for persona in answer.personas_used],
        validation=next((answer.validation for answer in said if answer.validation), None),
    )
