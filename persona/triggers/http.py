"""HTTP to a request, and a report, a framework or a failure back to HTTP."""

import json
import math
import os
import re
import time
from dataclasses import replace

from flask import Request as HttpRequest
from flask import Response

from persona.deadline import Deadline
from persona.errors import BadRequest, MethodNotAllowed, NotFound, TooOld, describe
from persona.log import request_log
from persona.settings import Settings, read_settings
from persona.storage import open_bucket
from persona.storage.bucket import Bucket
from persona.storage.objects import JSON, OUTPUTS, RUN_ID, path, read_latest
from persona.timestamps import moment, unix_seconds
from persona.triggers import logged

_NAMING = ("Idempotency-Key", "X-CloudScheduler-JobName", "X-CloudScheduler-ScheduleTime")
_RUN = re.compile(rf"/runs/({RUN_ID.pattern})/?")
# What a framework is shown as, and from which object; the first is the default, browsers ask for the second.
_FORMATS = {
    "application/json": "framework.json",
    "text/html": "framework.html",
    "text/markdown": "framework.md",
}
# Nobody's cache keeps what is shown, and no page that it links to learns its address.
_SHOWN_WITH = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}


def answer(http: HttpRequest) -> Response:
    """The answer to one HTTP request, whatever happens."""
    log = request_log(os.environ, http.headers.get("X-Cloud-Trace-Context"), http.headers.get("traceparent"))
    run_id = None
    try:
        _check_door(http)
        settings = read_settings(os.environ, "http")
        log = replace(log, level=settings.log_level)
        if http.method != "POST":
            return _show(http, settings)
        deadline = Deadline(settings.deadline_seconds)
        from persona import request  # noqa: PLC0415 - a cold start that only shows a framework reads no request

        try:
            body = http.stream.read(request.MOST_BYTES + 1)  # so much that it is known to be too long
        except Exception:  # noqa: BLE001 - a broken body is the caller's; each server has errors of its own for it
            raise BadRequest("the body could not be read to its end") from None
        run_request = request.parse(body, settings)
        # A key or a schedule may name the run, and the schedule's time its period.
        key, job, scheduled = (http.headers.get(name) for name in _NAMING)
        offered = key, job and scheduled and f"{job}-{scheduled}"
        run_id = request.name_run(run_request, settings, offered, moment(scheduled))
        log = log.bind(run_id=run_id)
        import msgspec  # noqa: PLC0415 - as above

        from persona.pipeline import run  # noqa: PLC0415 - as above

        report = run(run_request, run_id, settings, deadline, log)
        log.info(f"run {report.status}", stage="report", seconds=report.seconds["total"])
        return Response(msgspec.json.encode(report), 200, mimetype=JSON)
    except Exception as error:  # noqa: BLE001 - the framework would answer with the error's own text
        failure = logged(error, log, BadRequest, NotFound, MethodNotAllowed)
    response = Response(json.dumps({"run_id": run_id, **describe(failure)}), failure.status, mimetype=JSON)
    if failure.retryable:
        response.headers["Retry-After"] = str(math.ceil(max(failure.retry_after_seconds, 1)))
    if isinstance(failure, MethodNotAllowed):
        response.headers["Allow"] = failure.allowed
    return response


def _check_door(http: HttpRequest) -> None:
    """Return where there is something behind this path, and the method can have it."""
    if http.path != "/" and not _RUN.fullmatch(http.path):
        raise NotFound("nothing is here; POST / makes a framework, GET / and GET /runs/{run_id} show one")
    allowed = "GET, HEAD, POST" if http.path == "/" else "GET, HEAD"
    if http.method not in allowed.split(", "):
        raise MethodNotAllowed(f"expected {allowed}, got {http.method[:20]}", allowed)


def _show(http: HttpRequest, settings: Settings) -> Response:
    bucket = open_bucket(settings.output)
    named = _RUN.fullmatch(http.path)
    run_id = named[1] if named else _newest(bucket, http.args.get("max_age_days"))
    media_type = http.accept_mimetypes.best_match(list(_FORMATS), default=JSON)
    # Published means that framework.json, the last of the three, is there.
    published = bucket.read(path(run_id, "framework.json"))
    shown = published and bucket.read(path(run_id, _FORMATS[media_type]))
    if shown is None:
        raise NotFound(f"no framework of run {run_id} has been published")
    response = Response(shown.data, 200, _SHOWN_WITH, content_type=OUTPUTS[_FORMATS[media_type]][1])
    if media_type == "text/html":
        from persona.write.render import CONTENT_SECURITY_POLICY  # noqa: PLC0415 - as above

        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def _newest(bucket: Bucket, max_age_days: str | None) -> str:
    """The latest run; with `max_age_days`, which a daily check asks with, only where it is no older."""
    if max_age_days is not None and not re.fullmatch("[1-9][0-9]{0,3}", max_age_days):
        raise BadRequest("max_age_days: expected whole days, 1 to 9999")
    latest = read_latest(bucket)
    if latest is None:
        missing = NotFound if max_age_days is None else TooOld
        raise missing("no framework has been published yet; POST / makes one")
    age_days = (time.time() - (unix_seconds(latest.created_at) or 0)) // 86_400
    if max_age_days and age_days >= int(max_age_days):
        raise TooOld(f"the newest framework is {age_days:.0f} days old; is the schedule at work?")
    return latest.run_id
