"""The whole run on one page: fetch → classify → summarize → Mave → check → write."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from msgspec import UNSET, DecodeError, json, structs

from persona.check.answer import CheckedAnswer, read_answers
from persona.check.facts import facts_of
from persona.classify.counts import classify
from persona.deadline import Deadline
from persona.fetch import fetch
from persona.log import Log, Progress
from persona.mave import prompt, without_mave
from persona.mave.paid_calls import HOLE, Answers, Mave, PaidCalls
from persona.model import Answer, Baseline, Fact, Framework, Message, Report, Summary
from persona.request import Request
from persona.settings import SPARE_SECONDS, Settings
from persona.storage import open_bucket
from persona.storage.bucket import Bucket
from persona.storage.objects import path, read_latest
from persona.storage.run_folder import Delivery, RunFolder, claim
from persona.summarize import drift
from persona.summarize.sampling import origin_of, rule_of
from persona.summarize.summary import summarize
from persona.summarize.trait_check import examine, machine_opens, missing
from persona.write import render, run_report
from persona.write.members_sql import members


def run(request: Request, run_id: str, settings: Settings, deadline: Deadline, log: Log) -> Report:
    """Carry one run to its end, or as far as only a later delivery can go on.

    Costs one call of Mave (10-75 credits) and at most PERSONA_MAVE_CALLS of them; a repeated delivery of a
    finished run costs nothing. A dry run claims, writes and pays nothing.

    Raises:
        PersonaError: see `persona.errors`; nothing that was paid for is lost.
    """
    bucket = open_bucket(settings.output, deadline)
    steps = _Steps(request, settings, bucket, deadline, log)
    if request.dry_run:
        return steps.dry_run(run_id)
    delivery = Delivery(
        owner=secrets.token_hex(8),
        deadline=deadline,
        lease_seconds=settings.lease_seconds,
        mave_calls=settings.mave_calls,
        mave_timeout_seconds=settings.mave_timeout_seconds,
        force=request.force,
        trial=request.trial,
    )
    with claim(bucket, run_id, delivery) as run_folder:
        return carry_out(run_folder, steps)


class Steps(Mave, Protocol):
    """What a run does between two changes of its folder; the model check of the protocol has its own."""

    def fetch_classify_summarize(self) -> Summary: ...
    def compare(self, summary: Summary) -> Baseline: ...
    def is_unchanged(self, baseline: Baseline) -> bool: ...
    def report_unchanged(self, summary: Summary, baseline: Baseline, run_folder: RunFolder) -> Report: ...
    def check(
        self, answers: Answers, summary: Summary, baseline: Baseline, run_folder: RunFolder
    ) -> Framework: ...
    def write(
        self, framework: Framework, summary: Summary, run_folder: RunFolder
    ) -> tuple[dict[str, bytes], Report]: ...


def carry_out(run_folder: RunFolder, steps: Steps) -> Report:
    """The steps of a claimed run in their order, each from where the last delivery left it."""
    if run_folder.finished:
        return run_folder.finished
    summary = run_folder.summary(steps.fetch_classify_summarize)
    baseline = run_folder.keep_baseline(run_folder.state.baseline or steps.compare(summary))
    if not run_folder.calls and steps.is_unchanged(baseline):
        report = steps.report_unchanged(summary, baseline, run_folder)
        run_folder.save(status="unchanged", report=report)
        return report
    answers = PaidCalls(run_folder, steps, summary, baseline).answers()
    framework = steps.check(answers, summary, baseline, run_folder)
    return run_folder.publish(answers, *steps.write(framework, summary, run_folder))


class _Steps:
    """One run's steps, under one deployment's settings."""

    def __init__(
        self, request: Request, settings: Settings, bucket: Bucket, deadline: Deadline, log: Log
    ) -> None:
        self._request, self._settings = request, settings
        self._bucket, self._deadline, self._log = bucket, deadline, log
        self._limit = settings.limit if request.limit is UNSET else request.limit  # profiles; 0: all
        self._stage_seconds = {"fetch": 0.0, "mave": 0.0}
        # By the calls that were paid for them: the same answers are not read twice.
        self._answers: dict[tuple[int, ...], tuple[list[Answer], CheckedAnswer]] = {}

    def fetch_classify_summarize(self) -> Summary:
        settings, rule = self._settings, rule_of(self._settings)
        with self._stage("fetch"), fetch(settings, self._limit, self._deadline, self._log) as people:
            counts = classify(people, rule)
            member_query = members(people, rule, settings.holdout)
            # A run that goes on has no warehouse billed for names.
            doubtful = missing(counts, rule) and settings.source != "bigquery"
            names = people.names() if doubtful or not counts.classified else {}
        truncated = people.truncated or counts.drawn_from is not None
        self._log.info("fetched", stage="fetch", profiles=counts.read, truncated=truncated)
        doubts = examine(counts, rule, names, in_files=settings.source == "export")
        for code, sentences in (("missing_table", people.notes), ("few_traits", doubts)):
            for sentence in sentences:
                self._log.warning(sentence, stage="summarize", code=code)
        origin = origin_of(settings, counts, truncated=truncated)
        summary = summarize(counts, rule, origin, truncated=truncated)
        self._log.info(
            "summarized",
            stage="summarize",
            classified=counts.classified,
            dormant=counts.dormant,
            rejected=counts.rejected.total(),
            patterns=len(summary.patterns),
        )
        # Invented people have no mail programs.
        opens = [] if origin.sample else machine_opens(rule)
        return structs.replace(
            summary, warnings=[*people.notes, *doubts, *opens], members=member_query or UNSET
        )

    def compare(self, summary: Summary) -> Baseline:
        latest = read_latest(self._bucket)
        stored = latest and self._bucket.read(path(latest.run_id, "framework.json"))
        if not latest or not stored:
            return Baseline()
        try:
            earlier = json.decode(stored.data, type=Framework)
        except DecodeError:
            self._log.warning("the newest framework could not be read; nothing is compared", stage="drift")
            return Baseline()
        return drift.baseline(summary, earlier, latest.objects)

    def is_unchanged(self, baseline: Baseline) -> bool:
        min_drift_share = self._settings.min_drift
        if self._settings.author != "mave" or min_drift_share == 0 or self._request.force:
            return False
        return baseline.stands and not (
            baseline.drift and drift.worth_asking(baseline.drift, min_drift_share)
        )

    def next_message(self, summary: Summary, baseline: Baseline, answers: Answers) -> Message | None:
        if self._settings.author == "facts":
            return None
        facts = facts_of(summary, self._settings.currency, baseline.drift)
        if not answers:
            return prompt.first_message(summary, facts, baseline)
        return prompt.next_message(summary, facts, *self._read(answers, summary, facts))

    def ask(self, message: str, thread_id: str | None) -> bytes:
        from persona.mave import client  # noqa: PLC0415 - a run of the facts author needs no client

        self._log.info("asking Mave", stage="mave", follow_up=thread_id is not None)
        with self._stage("mave"):
            return client.ask(self._settings, self._deadline.less(SPARE_SECONDS), message, thread_id)

    def recover(
        self, reference: str, age_seconds: float, *, patient: bool, every_thread: bool
    ) -> bytes | None:
        from persona.mave import threads  # noqa: PLC0415 - as above

        self._log.warning("looking for a lost reply in Mave's threads", stage="mave", reference=reference)
        with self._stage("mave"):
            return threads.recover(
                self._settings,
                self._deadline.less(SPARE_SECONDS),
                reference,
                age_seconds,
                poll_seconds=threads.POLL_SECONDS if patient else None,
                every_thread=every_thread,
            )

    def _read(
        self, answers: Answers, summary: Summary, facts: dict[str, Fact]
    ) -> tuple[list[Answer], CheckedAnswer]:
        """What the answers say, one by one and together; without any, what the facts author says."""
        calls = tuple(sorted(answers))
        if calls not in self._answers:
            if calls:
                from persona.mave import client  # noqa: PLC0415 - as above

                said = [client.parse(answers[call]) for call in calls]
                texts = [answer.content for answer in said]
            else:
                said, texts = [], [without_mave.write(summary)]
            with self._stage("check"):
                self._answers[calls] = said, read_answers(texts, summary, facts, self._settings.currency)
        return self._answers[calls]

    def check(
        self, answers: Answers, summary: Summary, baseline: Baseline, run_folder: RunFolder
    ) -> Framework:
        facts = facts_of(summary, self._settings.currency, baseline.drift)
        said, checked = self._read(answers, summary, facts)
        figures = structs.asdict(summary)
        del figures["members"]  # kept beside them, and in no framework
        if missing := len(checked.checks.missing_sections):
            self._log.warning("the answer lacks sections", code="missing_sections", sections=missing)
        if unresolved := len(checked.checks.unresolved):
            self._log.warning(
                "the answer names figures that do not exist", code="unresolved", names=unresolved
            )
        return Framework(
            run_id=run_folder.run_id,
            created_at=run_folder.state.created_at,
            author="mave" if said else "facts",
            **figures | {"warnings": [*checked.warnings, *summary.warnings]},
            facts=facts,
            personas=checked.personas,
            strategy=checked.strategy,
            narrative=checked.narrative,
            checks=checked.checks,
            drift=baseline.drift,
            mave=run_report.trace(said) if said else None,
            currency=self._settings.currency,
        )

    def write(
        self, framework: Framework, summary: Summary, run_folder: RunFolder
    ) -> tuple[dict[str, bytes], Report]:
        """The outputs, by name, and the report."""
        with self._stage("write"):
            outputs = render.outputs(framework, summary.members or None)
        calls, trial = run_folder.calls, run_folder.state.trial
        return outputs, run_report.published(framework, calls, self._seconds(), trial=trial)

    def report_unchanged(self, summary: Summary, baseline: Baseline, run_folder: RunFolder) -> Report:
        author, seconds = self._settings.author, self._seconds()
        report = run_report.without_words("unchanged", run_folder.run_id, summary, author, seconds)
        return structs.replace(report, objects=baseline.objects or {})

    def dry_run(self, run_id: str) -> Report:
        """The figures and the exact message for Mave; nothing is claimed, paid or written."""
        settings, deadline = self._settings, self._deadline
        costs: dict[str, object] = {}
        if settings.mavera_api_key:
            from persona.mave import client  # noqa: PLC0415 - as above

            costs["credits"] = client.credits_left(settings, deadline)
        if settings.source == "bigquery":
            from persona.fetch import bigquery  # noqa: PLC0415 - where the warehouse is opened

            # Asked before the space is counted, which BigQuery bills in a dry run, too.
            costs["estimate"] = {"bytes": bigquery.affordable_bytes(settings, deadline, self._limit)}
        summary = self.fetch_classify_summarize()
        baseline = self.compare(summary)
        facts = facts_of(summary, settings.currency, baseline.drift)
        message = prompt.first_message(summary, facts, baseline)
        report = run_report.without_words("dry_run", run_id, summary, settings.author, self._seconds())
        text = message.text.replace(HOLE, "(the run's reference)")
        shown = structs.replace(summary, members=UNSET)
        return structs.replace(report, summary=shown, message=text, **costs)

    def _seconds(self) -> dict[str, float]:
        seconds = self._stage_seconds | {"total": self._deadline.elapsed_seconds}
        return {name: round(seconds[name], 3) for name in ("fetch", "mave", "total")}

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        """Tell whoever waits what is being done, and remember how long it took."""
        self._log.notify(Progress(name))
        began_at_seconds = self._deadline.elapsed_seconds
        try:
            yield
        finally:
            took_seconds = self._deadline.elapsed_seconds - began_at_seconds
            self._stage_seconds[name] = self._stage_seconds.get(name, 0.0) + took_seconds
