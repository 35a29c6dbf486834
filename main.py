"""Two doors to one pipeline; each deployment serves one of them."""

import functions_framework
from cloudevents.http import CloudEvent
from flask import Request, Response

from persona.triggers import http


@functions_framework.http
def persona_http(request: Request) -> Response:
    """`POST /` carries out a run; `GET /` shows the latest framework, `GET /runs/{run_id}` another."""
    return http.answer(request)


@functions_framework.cloud_event
def persona_pubsub(event: CloudEvent) -> None:
    """A message's data is the request; what is worth trying again raises, and is redelivered."""
    from persona.triggers import pubsub  # noqa: PLC0415 - a deployment serves one door, and starts without the other's room

    pubsub.deliver(event)
