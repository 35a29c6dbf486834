"""The steps of one run, each a few lines around the room that does it; `pipeline` knows their order."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from persona.deadline import Deadline
from persona.errors import PersonaError, Refused
from persona.mave.paid_calls import HOLE, Answers
from persona.model import (
    Answer,
    Ask,
    Baseline,
    Fact,
    Framework,
    Report,
    Seconds,
    Summary,
)
from persona.request import Request
from persona.settings import SPARE_SECONDS, Settings
from persona.storage.bucket import Bucket
from persona.storage.objects import path, read_latest
from persona.storage.run_folder import Run
from persona.watcher import Progress, Watcher
from persona.write.run_report import published, trace, unpaid

if TYPE_CHECKING:
    from persona.check.answer import CheckedAnswer

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
        self._watcher = watcher
        self._log, self._notice = watcher
        self._seconds = {"fetch": 0.0, "mave": 0.0}

    # -- fetch, classify, summarize ---------------------------------------------------------------------

    def summarize(self) -> Summary:
        """The space as it is now."""
        from persona.census import take_census  # noqa: PLC0415 - a run that goes on may have its summary

        with self._stage("fetch"):
            return take_census(self._settings, self._limit, self._deadline, self._watcher)

    @property
    def _limit(self) -> int:
        """Most profiles to read; 0: all."""
        wanted = self._request.limit
        return self._settings.limit if wanted is msgspec.UNSET else wanted

    # -- what was before --------------------------------------------------------------------------------

    def compare(self, summary: Summary) -> Baseline:
        """What the run should know of the newest framework: what has changed, and the personas' names."""
        from persona.summarize.drift import compare  # noqa: PLC0415

        known = read_latest(self._bucket)
        stored = known and self._bucket.read(path(known.run_id, "framework.json"))
        if not known or not stored:
            return Baseline()
        try:
            earlier = msgspec.json.decode(stored.data, type=Framework)
        except msgspec.DecodeError:
            self._log.warning("the newest framework could not be read; nothing is compared", stage="drift")
            return Baseline()
        drift, by_mave = compare(summary, earlier), earlier.author == "mave"
        # Names of other people than these, or that no Mave gave, are none to keep.
        kept = earlier.personas if drift.comparable and by_mave else []
        return Baseline(
            drift=drift,
            names={persona.pattern: persona.name for persona in kept if persona.name},
            stands=by_mave and earlier.suppressed == summary.suppressed,
            objects=known.objects,
        )

    def unchanged(self, baseline: Baseline) -> bool:
        """Whether too little has changed to pay for a new framework."""
        from persona.summarize.drift import worth_asking  # noqa: PLC0415

        settings = self._settings
        if settings.author != "mave" or settings.min_drift == 0 or self._request.force:
            return False
        return baseline.stands and not (baseline.drift and worth_asking(baseline.drift, settings.min_drift))

    # -- Mave -------------------------------------------------------------------------------------------

    def next_ask(self, summary: Summary, baseline: Baseline, answers: Answers) -> Ask | None:
        """What to say to Mave next: the message, a nudge where it asks back, what is missing; or nothing."""
        from persona.mave import prompt  # noqa: PLC0415

        if self._settings.author == "facts":
            return None
        if not answers:
            return Ask(message=self._message(summary, baseline))
        said = self._said(answers)
        thread_id = next((answer.thread_id for answer in reversed(said) if answer.thread_id), None)
        if not thread_id:
            return None
        facts = self._facts(summary, baseline)
        checked = self._checked([answer.content for answer in said], summary, facts)
        if checked.asks_back:
            return Ask(message=prompt.proceed(summary, facts, reference=HOLE), thread_id=thread_id)
        if checked.sections_to_ask:
            message = prompt.follow_up(
                checked.sections_to_ask, summary, facts, unresolved=checked.unresolved_to_ask, reference=HOLE
            )
            return Ask(message=message, thread_id=thread_id, essential=False)
        return None

    def ask(self, message: str, thread_id: str | None) -> bytes:
        """The raw reply to a paid call, sent once."""
        from persona.mave import client  # noqa: PLC0415

        self._log.info("asking Mave", stage="mave", follow_up=thread_id is not None)
        with self._stage("mave"):
            return client.ask(self._settings, self._deadline.less(SPARE_SECONDS), message, thread_id)

    def recover(self, reference: str, since: float, *, patient: bool) -> bytes | None:
        """The raw answer to a call whose reply was lost, from Mave's threads; free."""
        from persona.mave import threads  # noqa: PLC0415

        self._log.warning("looking for a lost reply in Mave's threads", stage="mave", reference=reference)
        with self._stage("mave"):
            deadline = self._deadline.less(SPARE_SECONDS)
            poll_seconds = threads.POLL_SECONDS if patient else None
            return threads.recover(self._settings, deadline, reference, since, poll_seconds=poll_seconds)

    def _message(self, summary: Summary, baseline: Baseline) -> str:
        from persona.mave import prompt  # noqa: PLC0415

        facts = self._facts(summary, baseline)
        return prompt.compose(summary, facts, names=baseline.names, drift=baseline.drift, reference=HOLE)

    def _facts(self, summary: Summary, baseline: Baseline) -> dict[str, Fact]:
        from persona.check.facts import facts_of  # noqa: PLC0415

        return facts_of(summary, self._settings.currency, baseline.drift)

    def _checked(self, contents: list[str], summary: Summary, facts: dict[str, Fact]) -> "CheckedAnswer":
        from persona.check.answer import read_answers  # noqa: PLC0415

        return read_answers(contents, summary, facts, self._settings.currency)

    def _said(self, answers: Answers) -> list[Answer]:
        from persona.mave import client  # noqa: PLC0415

        return [client.parse(raw) for _, raw in sorted(answers.items())]

    # -- check, write -----------------------------------------------------------------------------------

    def frame(self, held: Run, summary: Summary, baseline: Baseline, answers: Answers) -> Framework:
        """The framework, with its figures filled in.

        Raises:
            Invalid: Mave said nothing at all.
        """
        from persona.mave import without_mave  # noqa: PLC0415

        said = self._said(answers)
        facts = self._facts(summary, baseline)
        contents = [answer.content for answer in said] or [without_mave.write(summary)]
        with self._stage("check"):
            checked = self._checked(contents, summary, facts)
        missing = len(checked.checks.missing_sections)
        if missing:
            self._log.warning("the answer lacks sections", code="missing_sections", sections=missing)
        unresolved = len(checked.checks.unresolved)
        if unresolved:
            self._log.warning(
                "the answer names figures that do not exist", code="unresolved", names=unresolved
            )
        return Framework(
            run_id=held.run_id,
            created_at=held.created_at,
            author="mave" if said else "facts",
            **msgspec.structs.asdict(summary) | {"warnings": [*checked.warnings, *summary.warnings]},
            facts=facts,
            personas=checked.personas,
            strategy=checked.strategy,
            narrative=checked.narrative,
            checks=checked.checks,
            drift=baseline.drift,
            mave=trace(said) if said else None,
            currency=self._settings.currency,
        )

    def render(self, framework: Framework) -> dict[str, bytes]:
        """The outputs, by the name of the object that each becomes."""
        from persona.write import render  # noqa: PLC0415

        with self._stage("write"):
            return render.outputs(framework)

    # -- report -----------------------------------------------------------------------------------------

    def report(self, held: Run, framework: Framework) -> Report:
        """What the caller of a published run is told."""
        return published(framework, held.objects, held.calls, self._seconds_so_far())

    def report_unchanged(self, held: Run, summary: Summary, baseline: Baseline) -> Report:
        """What the caller of a run is told that was not worth paying for."""
        told = unpaid("unchanged", held.run_id, summary, self._settings.author, self._seconds_so_far())
        return msgspec.structs.replace(told, objects=baseline.objects or {})

    def preview(self, run_id: str) -> Report:
        """A dry run: the figures and the exact message for Mave; nothing is claimed, paid or written."""
        costs = self._costs()
        summary = self.summarize()
        message = self._message(summary, self.compare(summary)).replace(HOLE, "(the run's reference)")
        told = unpaid("dry_run", run_id, summary, self._settings.author, self._seconds_so_far())
        return msgspec.structs.replace(told, summary=summary, message=message, **costs)

    def _costs(self) -> dict[str, object]:
        """What a paid run would take, as far as that can be asked for free."""
        costs: dict[str, object] = {}
        if self._settings.mavera_api_key:
            from persona.mave import client  # noqa: PLC0415

            try:
                left, why = client.usage(self._settings, self._deadline), None
            except PersonaError as error:  # the figures and the message are worth having all the same
                left, why = None, error.message
            costs["credits"] = {"left": left, "a_call_takes": CALL_TAKES} | ({"why": why} if why else {})
        if self._settings.source == "bigquery":
            from persona.fetch import bigquery  # noqa: PLC0415

            # Asked before the space is counted, which BigQuery bills in a dry run, too.
            needed_bytes = bigquery.estimate(self._settings, self._deadline, self._limit)
            if needed_bytes > self._settings.max_bytes:
                raise Refused(
                    "bigquery",
                    f"the query would read {needed_bytes:,} bytes, and PERSONA_MAX_BYTES allows "
                    f"{self._settings.max_bytes:,}; raise it",
                )
            costs["estimate"] = {"bytes": needed_bytes}
        return costs

    def _seconds_so_far(self) -> Seconds:
        return Seconds(
            fetch=round(self._seconds["fetch"], 3),
            mave=round(self._seconds["mave"], 3),
            total=round(self._deadline.elapsed_seconds, 3),
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
