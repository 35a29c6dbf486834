"""A Pub/Sub message to a request; what is worth trying again is raised, everything else acknowledged."""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import replace

import flask
from cloudevents.http import CloudEvent
from werkzeug.exceptions import ServiceUnavailable

from persona import request
from persona.deadline import Deadline
from persona.errors import BadRequest
from persona.log import request_log
from persona.settings import read_settings
from persona.timestamps import moment
from persona.triggers import logged


def deliver(event: CloudEvent) -> None:
    """Carry out one delivery of a message.

    Raises:
        ServiceUnavailable: a later delivery may go better. The framework answers 503 and prints no traceback.
    """
    headers = flask.request.headers
    traceparent = headers.get("traceparent") or event.get("traceparent")
    log = request_log(os.environ, headers.get("X-Cloud-Trace-Context"), traceparent)
    try:
        settings = read_settings(os.environ, "pubsub")
        deadline = Deadline(settings.deadline_seconds)
        log = replace(log, level=settings.log_level)
        # The framework hands on whatever the event's data was.
        message = event.data.get("message") if isinstance(event.data, Mapping) else None
        if not isinstance(message, Mapping):
            raise BadRequest(  # noqa: TRY301 - logged as any other
                "the event's data is no Pub/Sub message; expected an object with message.data in it"
            )
        try:
            body = base64.b64decode(message.get("data") or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise BadRequest("the message's data is not base64") from None
        run_request = request.parse(body, settings)
        # The events' library makes up the present for an event without a time of its own.
        published_at = moment(message.get("publishTime")) or moment(event.get("time"))
        run_id = request.name_run(run_request, settings, [str(event["id"])], published_at)
        log = log.bind(run_id=run_id)

        from persona.pipeline import run  # noqa: PLC0415 - a refused message needs no pipeline

        report = run(run_request, run_id, settings, deadline, log)
        log.info(f"run {report.status}", stage="report", seconds=report.seconds["total"])
    except Exception as error:  # noqa: BLE001 - a defect is not mended by delivering the message again
        failure = logged(error, log)
        if failure.retryable:
            raise ServiceUnavailable(failure.message) from None
