"""The steps of one run, each a few lines around the room that does it; `pipeline` knows their order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import msgspec

from persona.bucket import Bucket
from persona.classify import classify
from persona.clock import Deadline
from persona.config import SPARE_SECONDS, Settings
from persona.doctor import examine
from persona.errors import Invalid
from persona.log import Log
from persona.model import (
    Answer,
    Ask,
    Baseline,
    Checks,
    Framework,
    MaveTrace,
    Origin,
    Reading,
    Report,
    ReportedChecks,
    ReportedMave,
    ReportedPattern,
    ReportedProfiles,
    Rule,
    Seconds,
    Summary,
)
from persona.pay import HOLE, Answers
from persona.profile import Reader
from persona.request import Request
from persona.run import LATEST, Latest, Run, path
from persona.sampling import activity_window, sentence
from persona.summarize import summarize
from persona.tally import Tally


class Progress(NamedTuple):
    """What a run is doing, for whoever watches."""

    stage: str
    pages: int = 0
    profiles: int = 0


class Watcher(NamedTuple):
    """Who is told what a run does: a log for operators, and whoever waits for it."""

    log: Log
    notice: Callable[[Progress], None] = lambda _: None


Status = Literal["published", "unchanged", "dry_run"]

# Credits (docs: guides/credits); a follow-up in the same thread costs 30-50 % less.
CALL_TAKES = "10-75"


class Steps:
    """One run's steps, under one deployment's settings."""

    def __init__(
        self, request: Request, settings: Settings, bucket: Bucket, deadline: Deadline, watcher: Watcher
    ) -> None:
        self._request = request
        self._settings = settings
        self._bucket = bucket
        self._deadline = deadline
        self._log, self._notice = watcher
        self._seconds = {"fetch": 0.0, "mave": 0.0}

    # -- fetch, classify, summarize ---------------------------------------------------------------------

    def summarize(self) -> Summary:
        """The space as it is now, page by page."""
        settings = self._settings
        window_days, activity = activity_window(settings)
        rule = Rule(
            channels=dict(settings.channels),
            dominance=settings.dominance,
            ltv_trait=settings.ltv_trait,
            plan_trait=settings.plan_trait,
            min_group=settings.min_group,
            window_days=window_days,
            activity=activity,
        )
        with self._stage("fetch"):
            tally, truncated, drawn_from = self._count(rule)
        warnings = examine(tally, rule)
        for warning in warnings:
            self._log.warning(warning, stage="summarize", code="few_traits")
        summary = summarize(
            tally,
            rule,
            Origin(
                kind=settings.source,
                space_id=settings.segment_space_id or None,
                sample=settings.source == "sample",
                sampling=sentence(
                    settings.source,
                    tally.read,
                    truncated=truncated,
                    drawn_from=drawn_from,
                    identifiers=settings.source == "profile-api" and bool(settings.identifiers),
                ),
            ),
            truncated=truncated,
        )
        self._log.info(
            "summarized",
            stage="summarize",
            classified=tally.classified,
            dormant=tally.dormant,
            rejected=tally.rejected.total(),
            patterns=len(summary.patterns),
        )
        return msgspec.structs.replace(summary, warnings=warnings)

    def _count(self, rule: Rule) -> tuple[Tally, bool, int | None]:
        """Everybody who was read, whether there are more, and of how many they were drawn at random."""
        from persona.sources import fetch  # noqa: PLC0415 - a cold start pays for what it needs

        settings = self._settings
        limit = settings.limit if self._request.limit is msgspec.UNSET else self._request.limit
        reader = Reader(list(rule.channels.values()), rule.ltv_trait, rule.plan_trait)
        tally = Tally(len(rule.channels))
        truncated, drawn_from, pages = False, None, 0
        for pages, page in enumerate(fetch(settings, reader, self._deadline, limit), start=1):
            tally.reject(page.rejected)
            people = reader.read(page.profiles)
            tally.add(people, classify(people, rule.dominance))
            truncated, drawn_from = page.more, page.drawn_from
            self._notice(Progress("fetch", pages, tally.read))
            self._deadline.check("read more profiles")
        self._log.info("fetched", stage="fetch", pages=pages, profiles=tally.read, truncated=truncated)
        return tally, truncated, drawn_from

    # -- what was before --------------------------------------------------------------------------------

    def compare(self, summary: Summary) -> Baseline:
        """What the run should know of the newest framework: what has changed, and the personas' names."""
        from persona.drift import compare  # noqa: PLC0415

        latest = self._bucket.read(LATEST)
        if latest is None:
            return Baseline()
        known = msgspec.json.decode(latest.data, type=Latest)
        stored = self._bucket.read(path(known.run_id, "framework.json"))
        if stored is None:
            return Baseline()
        try:
            earlier = msgspec.json.decode(stored.data, type=Framework)
        except msgspec.DecodeError:
            self._log.warning("the newest framework could not be read; nothing is compared", stage="drift")
            return Baseline()
        names = {persona.pattern: persona.name for persona in earlier.personas if persona.name}
        return Baseline(
            drift=compare(summary, earlier),
            names=names,
            stands=earlier.author == "mave" and earlier.suppressed == summary.suppressed,
            objects=known.objects,
        )

    def unchanged(self, baseline: Baseline) -> bool:
        """Whether too little has changed to pay for a new framework."""
        from persona.drift import worth_asking  # noqa: PLC0415

        settings = self._settings
        if settings.author != "mave" or settings.min_drift == 0 or self._request.force:
            return False
        return baseline.stands and not (baseline.drift and worth_asking(baseline.drift, settings.min_drift))

    # -- Mave -------------------------------------------------------------------------------------------

    def next_ask(self, summary: Summary, baseline: Baseline, answers: Answers) -> Ask | None:
        """What to say to Mave next: the message, a nudge where it asks back, what is missing; or nothing."""
        from persona import prompt  # noqa: PLC0415
        from persona.framework import asks_back  # noqa: PLC0415

        if self._settings.author == "facts":
            return None
        if not answers:
            return Ask(message=self._message(summary, baseline))
        said = self._said(answers)
        thread_id = next((answer.thread_id for answer in reversed(said) if answer.thread_id), None)
        reading = self._reading(said, summary)
        if thread_id and reading and reading.missing_sections:
            message = prompt.follow_up(reading.missing_sections, summary, reference=HOLE)
            return Ask(message=message, thread_id=thread_id, essential=False)
        if thread_id and not reading and len(said) == 1 and asks_back(said[0].content, summary):
            return Ask(message=prompt.proceed(summary, reference=HOLE), thread_id=thread_id)
        return None

    def ask(self, message: str, thread_id: str | None) -> bytes:
        """The raw reply to a paid call, sent once."""
        from persona import mave  # noqa: PLC0415

        self._log.info("asking Mave", stage="mave", follow_up=thread_id is not None)
        with self._stage("mave"):
            return mave.ask(self._settings, self._deadline.less(SPARE_SECONDS), message, thread_id)

    def recover(self, reference: str, since: float) -> bytes | None:
        """The raw answer to a call whose reply was lost, from Mave's threads; free."""
        from persona import threads  # noqa: PLC0415

        self._log.warning("looking for a lost reply in Mave's threads", stage="mave", reference=reference)
        with self._stage("mave"):
            return threads.recover(self._settings, self._deadline.less(SPARE_SECONDS), reference, since)

    def _message(self, summary: Summary, baseline: Baseline) -> str:
        from persona import prompt  # noqa: PLC0415

        return prompt.compose(
            summary,
            currency=self._settings.currency,
            names=baseline.names,
            drift=baseline.drift,
            reference=HOLE,
        )

    def _said(self, answers: Answers) -> list[Answer]:
        from persona import mave  # noqa: PLC0415

        return [mave.parse(raw) for _, raw in sorted(answers.items())]

    def _reading(self, said: list[Answer], summary: Summary) -> Reading | None:
        """What the answers say together; None where none of them is a framework."""
        from persona import framework  # noqa: PLC0415

        together: Reading | None = None
        for answer in said:
            try:
                reading = framework.read(answer.content, summary)
            except Invalid:
                continue
            together = framework.merge(together, reading, summary) if together else reading
        return together

    # -- check, write -----------------------------------------------------------------------------------

    def frame(self, held: Run, summary: Summary, baseline: Baseline, answers: Answers) -> Framework:
        """The framework, with its narrative read and held against the summary.

        Raises:
            Invalid: no pattern of the summary can be found in what Mave said.
        """
        from persona import claims, facts, framework  # noqa: PLC0415

        said = self._said(answers)
        narrative = "\n\n".join(answer.content for answer in said) or facts.write(
            summary, self._settings.currency
        )
        reading = self._reading(said, summary) or framework.read(narrative, summary)
        with self._stage("check"):
            checked = claims.check(reading.passages, summary, self._settings.currency)
        left_out = claims.unchecked(reading.passages, checked)
        made = Framework(
            run_id=held.run_id,
            created_at=held.created_at,
            author="mave" if said else "facts",
            **msgspec.structs.asdict(summary) | {"warnings": [*summary.warnings, *filter(None, [left_out])]},
            personas=reading.personas,
            strategy=reading.strategy,
            narrative=narrative,
            checks=Checks(missing_sections=reading.missing_sections, claims=checked),
            drift=baseline.drift,
            mave=_trace(said) if said else None,
            currency=self._settings.currency,
        )
        contradicted = made.checks.counts().contradicted
        if contradicted:
            self._log.warning("the answer contradicts the figures", code="contradicted", claims=contradicted)
        return made

    def render(self, framework: Framework) -> dict[str, bytes]:
        """The outputs, by the name of the object that each becomes."""
        from persona import render  # noqa: PLC0415

        with self._stage("write"):
            return {
                "framework.html": render.as_html(framework).encode(),
                "framework.md": render.as_markdown(framework).encode(),
                "framework.json": render.as_json(framework),
            }

    # -- report -----------------------------------------------------------------------------------------

    def report(self, held: Run, framework: Framework) -> Report:
        """What the caller of a published run is told."""
        trace = framework.mave
        return self._report(
            held.run_id,
            "published",
            framework,
            author=framework.author,
            objects=held.objects,
            mave=trace
            and ReportedMave(
                thread_id=trace.thread_id,
                message_id=trace.message_ids[0] if trace.message_ids else None,
                calls=held.calls,
                credits_used=trace.credits_used,
            ),
            checks=ReportedChecks(
                missing_sections=len(framework.checks.missing_sections), claims=framework.checks.counts()
            ),
        )

    def report_unchanged(self, held: Run, summary: Summary, baseline: Baseline) -> Report:
        """What the caller of a run is told that was not worth paying for."""
        return self._report(held.run_id, "unchanged", summary, objects=baseline.objects or {})

    def preview(self, run_id: str) -> Report:
        """A dry run: the figures and the exact message for Mave; nothing is claimed, paid or written."""
        summary = self.summarize()
        message = self._message(summary, self.compare(summary))
        report = self._report(run_id, "dry_run", summary)
        credits_left = self._credits_left()
        return msgspec.structs.replace(
            report, summary=summary, message=message.replace(HOLE, "(the run's reference)"), **credits_left
        )

    def _credits_left(self) -> dict[str, object]:
        from persona import mave  # noqa: PLC0415

        if not self._settings.mavera_api_key:
            return {}
        return {"credits": {"left": mave.usage(self._settings, self._deadline), "a_call_takes": CALL_TAKES}}

    def _report(self, run_id: str, status: Status, about: Summary | Framework, **more: Any) -> Report:
        population = about.population
        return Report(
            run_id=run_id,
            status=status,
            source=self._settings.source,
            profiles=ReportedProfiles(
                read=population.read,
                classified=population.classified,
                dormant=population.dormant,
                rejected=sum(population.rejected.values()),
                truncated=population.truncated,
            ),
            patterns=[
                ReportedPattern(key=pattern.key, label=pattern.label, n=pattern.n, share=pattern.share)
                for pattern in about.patterns
            ],
            seconds=Seconds(
                fetch=round(self._seconds["fetch"], 3),
                mave=round(self._seconds["mave"], 3),
                total=round(self._deadline.elapsed_seconds, 3),
            ),
            warnings=about.warnings,
            **{"author": self._settings.author, **more},
        )

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        """Tell whoever watches what is being done, and remember how long it took."""
        self._notice(Progress(name))
        before = self._deadline.elapsed_seconds
        try:
            yield
        finally:
            took = self._deadline.elapsed_seconds - before
            self._seconds[name] = self._seconds.get(name, 0.0) + took


def _trace(said: list[Answer]) -> MaveTrace:
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
