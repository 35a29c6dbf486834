"""HTTP to a request, and a report, a framework or a failure back to HTTP."""

import math
import os
import re

import msgspec
from flask import Request as HttpRequest
from flask import Response
from werkzeug.exceptions import HTTPException

from persona import config, request
from persona.bucket import open_bucket
from persona.clock import Deadline
from persona.config import Settings
from persona.errors import BadRequest, MethodNotAllowed, NotFound, PersonaError, describe
from persona.log import Log, log_unexpected, trace

_RUN = re.compile(r"/runs/([A-Za-z0-9][A-Za-z0-9._-]{0,99})/?")
# What a framework is served as, and from which object; the first is the default, browsers ask for the second.
_FORMATS = {
    "application/json": "framework.json",
    "text/html": "framework.html",
    "text/markdown": "framework.md",
}
_JSON = "application/json"


def answer(http: HttpRequest) -> Response:
    """The answer to one HTTP request, whatever happens."""
    named: list[str] = []
    log = Log(as_json=bool(os.environ.get("K_SERVICE"))).bind(**_trace(http))
    try:
        return _answer(http, log, named, starts=Deadline(0))
    except PersonaError as error:
        failure = error
        # What the caller can mend, or the next delivery, wakes nobody up.
        passing = error.retryable or isinstance(error, BadRequest | NotFound | MethodNotAllowed)
        tell = log.warning if passing else log.error
        tell(error.message, code=error.code, run_id=next(iter(named), None))
    except Exception as error:  # noqa: BLE001 - the framework would answer with the error's own text
        failure = PersonaError("an unexpected error; its place is in the log")
        log_unexpected(log, error)
    return _failure(failure, next(iter(named), None))


def _answer(http: HttpRequest, log: Log, named: list[str], starts: Deadline) -> Response:
    """The answer, if all goes well; `named` tells the run's id as soon as there is one."""
    settings = config.read(os.environ, "http")
    if http.method in {"GET", "HEAD"}:
        return _show(http, settings)
    if http.method != "POST":
        raise MethodNotAllowed(f"expected GET, HEAD or POST, got {http.method}")
    if http.path != "/":
        raise NotFound("a run is asked for with POST /")
    wanted = request.parse(_body(http), settings)
    run_id = _name(wanted, http, settings)
    named.append(run_id)
    log = log.at(settings.log_level).bind(run_id=run_id)
    return _run(wanted, run_id, settings, starts.of(settings.deadline_seconds), log)


def _run(wanted: request.Request, run_id: str, settings: Settings, deadline: Deadline, log: Log) -> Response:
    from persona.pipeline import run  # noqa: PLC0415 - a cold start that only shows a framework needs no pipeline
    from persona.steps import Watcher  # noqa: PLC0415 - as above

    report = run(wanted, run_id, settings, deadline, Watcher(log))
    log.info(f"run {report.status}", stage="report", seconds=report.seconds.total)
    return Response(msgspec.json.encode(report), 200, mimetype=_JSON)


def _name(wanted: request.Request, http: HttpRequest, settings: Settings) -> str:
    """The run's id; a schedule's own time names its period, and its job with that time names its run."""
    job = http.headers.get("X-CloudScheduler-JobName")
    scheduled = http.headers.get("X-CloudScheduler-ScheduleTime")
    offered = (http.headers.get("Idempotency-Key"), f"{job}-{scheduled}" if job and scheduled else None)
    return request.name_run(wanted, settings, offered, request.moment(scheduled))


def _body(http: HttpRequest) -> bytes:
    """The body, of which no more than the allowed bytes are ever read."""
    if (http.content_length or 0) > request.MOST_BYTES:
        raise BadRequest(f"the body is over {request.MOST_BYTES} bytes")
    try:
        return http.stream.read(request.MOST_BYTES + 1)
    except (HTTPException, OSError):
        raise BadRequest("the body could not be read to its end") from None


def _show(http: HttpRequest, settings: Settings) -> Response:
    """A published framework, in the format that is asked for."""
    bucket = open_bucket(settings.output)
    match = _RUN.fullmatch(http.path)
    if match:
        run_id = match[1]
    elif http.path == "/":
        latest = bucket.read("latest.json")
        if latest is None:
            raise NotFound("no framework has been published yet; POST / to make one")
        run_id = msgspec.json.decode(latest.data)["run_id"]
    else:
        raise NotFound("frameworks are at / (the latest) and /runs/{run_id}")
    wanted = http.accept_mimetypes.best_match(list(_FORMATS), default=_JSON)
    # Published means that framework.json, the last of the three, is there.
    published = bucket.read(f"runs/{run_id}/framework.json")
    stored = published and bucket.read(f"runs/{run_id}/{_FORMATS[wanted]}")
    if stored is None:
        raise NotFound(f"no framework of run {run_id} has been published")
    response = Response(
        stored.data, 200, content_type=wanted if wanted == _JSON else f"{wanted}; charset=utf-8"
    )
    response.headers["Vary"] = "Accept"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if wanted == "text/html":
        from persona.render import CONTENT_SECURITY_POLICY  # noqa: PLC0415 - as above

        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def _failure(error: PersonaError, run_id: str | None) -> Response:
    body = {"run_id": run_id, **describe(error)}
    response = Response(msgspec.json.encode(body), error.status, mimetype=_JSON)
    if error.retryable:
        response.headers["Retry-After"] = str(math.ceil(max(error.retry_after_seconds, 1)))
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = "GET, HEAD, POST"
    return response


def _trace(http: HttpRequest) -> dict[str, str]:
    return trace(
        os.environ.get("GOOGLE_CLOUD_PROJECT"),
        http.headers.get("X-Cloud-Trace-Context"),
        http.headers.get("traceparent"),
    )
