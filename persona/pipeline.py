"""The whole run on one page: fetch, classify, summarize, Mave, write."""

import secrets
from functools import partial

from persona.deadline import Deadline
from persona.mave.paid_calls import Conversation
from persona.model import Report
from persona.request import Request
from persona.settings import Settings
from persona.steps import Steps
from persona.storage import open_bucket
from persona.storage.run_folder import Delivery, Limits, Run, claim
from persona.watcher import Watcher


def run(request: Request, run_id: str, settings: Settings, deadline: Deadline, watcher: Watcher) -> Report:
    """Carry one run to its end, or as far as only a later delivery can go on.

    Costs one call of Mave (10-75 credits) and at most PERSONA_MAVE_CALLS of them; a repeated delivery of a
    finished run costs nothing. A dry run claims, writes and pays nothing.

    Raises:
        PersonaError: see `persona.errors`; nothing that was paid for is lost.
    """
    bucket = open_bucket(settings.output)
    steps = Steps(request, settings, bucket, deadline, watcher)
    if request.dry_run:
        return steps.preview(run_id)
    limits = Limits(
        lease_seconds=settings.lease_seconds,
        mave_calls=settings.mave_calls,
        mave_timeout_seconds=settings.mave_timeout_seconds,
        force=request.force,
    )
    delivery = Delivery(secrets.token_hex(8), deadline)
    with claim(bucket, run_id, limits, delivery) as held:
        return perform(held, steps)


def perform(held: Run, steps: Steps) -> Report:
    """The steps of a claimed run, each from where the last delivery left it."""
    if held.finished:
        return held.finished
    summary = held.keep_summary(steps.summarize)
    baseline = held.keep_baseline(partial(steps.compare, summary))
    if not held.calls and steps.unchanged(baseline):
        return held.end_unchanged(steps.report_unchanged(held, summary, baseline))
    conversation = Conversation(held, steps.ask, steps.recover)
    answers = conversation.hold(partial(steps.next_ask, summary, baseline))
    framework = steps.frame(held, summary, baseline, answers)
    return held.publish(steps.render(framework), answers, steps.report(held, framework))
