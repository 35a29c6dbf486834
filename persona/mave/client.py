"""Mave, the paid author: asked once a call, and read with every tolerance that a paid answer deserves.

What was paid for and lost is found again by `threads.py` (docs: api-reference/mave/send-message-to-mave).
"""

import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from persona.deadline import Deadline
from persona.errors import Invalid, PersonaError, Refused, ReplyLost, Unavailable, UnusableReply
from persona.model import Answer, NamedPersona, WebSource
from persona.net.session import TOO_MANY_REQUESTS, FreeSession, asked_seconds, backoff_seconds, send_once
from persona.net.wire import MOST_BODY_BYTES, Reply
from persona.settings import Settings

_Kind = TypeVar("_Kind", str, list[Any], dict[str, Any])

# Statuses with which Mave says for certain that it did nothing (docs: guides/errors), and what to do then.
REFUSALS = {
    400: "the request was not understood; see the vendor's words",
    401: "the key is missing, wrong, revoked or expired; check MAVERA_API_KEY",
    402: "the credits or the budget are used up; `GET /usage` and Mavera's billing page show what is left",
    403: "the key may not do this; check its permissions and MAVERA_WORKSPACE_ID",
    404: "no such thread or address; check MAVERA_API_URL",
    422: "the request was understood and refused; see the vendor's words",
}
# docs: guides/credits; a follow-up in the same thread costs 30-50 % less.
CREDITS_A_CALL = "10-75"
# Twice the pause between requests that the smallest plan's 60 a minute allows.
_BUSY_BACKOFF_SECONDS = 2.0
_MOST_VENDOR_CHARS = 300
_KEY = re.compile(r"mvra_\w+")
# An integer of more digits is a figure of nothing that Mave counts; Python refuses those of 4,300.
_MOST_WHOLE_DIGITS = 18
# What is nested deeper cannot be carried by every program on the way, this one's JSON libraries included.
_MOST_DEPTH = 100
# A string, closed or not, or a bracket.
_NESTING = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def ask(settings: Settings, deadline: Deadline, message: str, thread_id: str | None) -> bytes:
    """The raw body of a usable reply: a JSON object with `content`. Costs 10 to 75 credits.

    Waits for at most MAVE_TIMEOUT_SECONDS, and never past the deadline (what comes after an answer has time
    of its own). After a 429, which costs nothing, asks again while the deadline leaves time for a whole one.

    Raises:
        Refused: for certain nothing was paid; with the vendor's code and words.
        Unavailable: for certain nothing was paid: no connection, or busy for longer than there is time.
        DeadlineExceeded: no time is left; nothing was sent.
        ReplyLost: sent, wholly or in part, and no complete reply came: it may have been paid.
        UnusableReply: a complete reply without an answer in it: it was paid.
    """
    document = {"message": message, "thread_id": thread_id, "workspace_id": settings.mavera_workspace_id}
    document = {name: value for name, value in document.items() if value}
    deadline.check("ask Mave")
    tried = 0
    while True:
        tried += 1
        seconds = min(settings.mave_timeout_seconds, deadline.left_seconds)
        sent_at_seconds = deadline.elapsed_seconds
        try:
            reply = send_once(
                f"{settings.mavera_api_url}/mave/chat", document, authorization(settings), seconds
            )
            if reply.status != TOO_MANY_REQUESTS:
                return _usable(reply, settings)
        except ReplyLost as lost:
            lost.sent_seconds_ago = deadline.elapsed_seconds - sent_at_seconds
            raise
        wait_seconds = max(asked_seconds(reply) or 0, backoff_seconds(_BUSY_BACKOFF_SECONDS, tried))
        needed_seconds = wait_seconds + settings.mave_timeout_seconds
        if needed_seconds > deadline.left_seconds:
            raise Unavailable(
                "mave",
                f"Mave is busy ({said(reply, settings)}) and asks to wait for {wait_seconds:.0f} s; with an "
                f"answer that takes {needed_seconds:.0f} s, but {max(deadline.left_seconds, 0):.0f} s are "
                "left; nothing was paid; try again later",
                retry_after_seconds=max(wait_seconds, 1),
            )
        time.sleep(wait_seconds)


def credits_left(settings: Settings, deadline: Deadline) -> dict[str, object]:
    """What a dry run tells of the credits: those left, whether more are bought by themselves, the limits.

    None: Mave does not say. `why` it does not, where asking failed: the figures and the message are worth
    having all the same.
    """
    credits_: dict[str, object] = {"left": None, "a_call_takes": CREDITS_A_CALL}
    try:
        with FreeSession("mave", deadline, headers=authorization(settings), tries=2) as session:
            reply = session.get(f"{settings.mavera_api_url}/usage")
        if reply.status in {401, 403}:
            raise _refusal(reply, settings)
    except PersonaError as error:
        return credits_ | {"why": error.message}
    usage = read_object(reply.body) if reply.status == 200 else {}  # noqa: PLR2004 - OK
    left, recharge, limits = (_as(dict, usage.get(name)) for name in ("credits", "auto_recharge", "limits"))
    return credits_ | {
        "left": _figure(left.get("remaining")),
        "auto_recharge": recharge["enabled"] if isinstance(recharge.get("enabled"), bool) else None,
        "credits_to_add": _figure(recharge.get("credits_to_add")),
        "budget_alert": _figure(limits.get("budget_alert")),
        "usage_limit": _figure(limits.get("usage_limit")),
    }


def parse(raw: bytes) -> Answer:
    """The answer in a stored reply; whatever is odd beside its `content` is left out.

    Raises:
        Invalid: there is no `content` in it.
    """
    reply = read_object(raw)
    validation = reply.get("validation")
    return Answer(
        content=_content(reply, raw),
        id=_as(str, reply.get("id")) or None,
        thread_id=_as(str, reply.get("thread_id")) or None,
        sources=list(_sources(reply)),
        personas_used=[
            NamedPersona(id=_as(str, item.get("id")) or None, name=_as(str, item.get("name")) or None)
            for item in _as(list, reply.get("personas_used"))
            if isinstance(item, dict)
        ],
        credits_used=_figure(_as(dict, reply.get("usage")).get("credits_used")) or 0,
        validation=validation if isinstance(validation, dict) else None,
        recovered=reply.get("recovered") is True,
    )


def _content(reply: Mapping[str, object], raw: bytes) -> str:
    content = _as(str, reply.get("content"))
    if not content.strip():
        came = "an object without it" if reply else f"{len(raw)} bytes that are no JSON object"
        came = came if raw.strip() else "an empty body"
        raise Invalid("mave", f"expected an answer with content, got {came}; it is kept as it came")
    return content


def authorization(settings: Settings) -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.mavera_api_key}"}


def read_object(raw: bytes) -> dict[str, object]:
    """The JSON object in a body, fit to be written as UTF-8 and not too deep; empty where there is none."""
    try:
        tree = json.loads(_shallow(raw.decode("utf-8-sig", "replace")), parse_int=_whole)
        # Once more, for the lone surrogates that an escape can smuggle in.
        encoded = json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace")
        tree = json.loads(encoded, parse_int=_whole)
    except ValueError:
        return {}
    return _as(dict, tree)


def _shallow(text: str) -> str:
    """The same JSON with null for whatever is nested too deep, so that it costs nothing beside it."""
    kept: list[str] = []
    depth = begin = 0
    for token in _NESTING.finditer(text):
        if token[0] in {"[", "{"}:
            depth += 1
            if depth == _MOST_DEPTH + 1:
                kept += text[begin : token.start()], "null"
                begin = len(text)
        elif token[0] in {"]", "}"}:
            if depth == _MOST_DEPTH + 1:
                begin = token.end()
            depth -= 1
    return "".join((*kept, text[begin:]))


def said(reply: Reply, settings: Settings) -> str:
    """The status, request id, code and words of a refusal: no control character, no key, not too long."""
    error = _as(dict, read_object(reply.body).get("error"))
    words = ": ".join(part for name in ("code", "message") if (part := _as(str, error.get(name))))
    words = "".join(letter if letter.isprintable() else " " for letter in words)
    words = _KEY.sub("mvra_…", words.replace(settings.mavera_api_key or "mvra_", "…"))[:_MOST_VENDOR_CHARS]
    return f"{reply} {words}".rstrip()


def _usable(reply: Reply, settings: Settings) -> bytes:
    if reply.status in REFUSALS:
        raise _refusal(reply, settings)
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - the 2xx class
        raise ReplyLost(
            f"Mave answered {said(reply, settings)}, which does not tell whether the call was paid, so it "
            "is not sent again: its answer is looked for in Mave's threads"
        )
    if reply.cut:
        most = f"{MOST_BODY_BYTES // 2**20} MiB"
        raise UnusableReply(f"Mave's reply is larger than {most}; the part up to there is kept", reply.body)
    try:
        _content(read_object(reply.body), reply.body)  # nothing else may stand before it is stored
    except Invalid as invalid:
        raise UnusableReply(f"Mave answered {reply}: {invalid.message}", reply.body) from None
    return reply.body


def _refusal(reply: Reply, settings: Settings) -> Refused:
    why = REFUSALS[reply.status]
    return Refused("mave", f"Mave answered {said(reply, settings)}; {why}; nothing was paid")


def _as(kind: type[_Kind], value: object) -> _Kind:
    """The value, or an empty one of the kind where it is of another."""
    return value if isinstance(value, kind) else kind()


def _figure(value: object) -> float | None:
    """A count; None for anything else, the infinite and the negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf else None


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= _MOST_WHOLE_DIGITS else float(digits)


def _sources(reply: Mapping[str, object]) -> Iterator[WebSource]:
    """Yield each source with at least a URL or a title; what it lacks is taken from what it has."""
    for item in _as(list, reply.get("sources")):
        url, title, domain = (_as(str, _as(dict, item).get(name)) for name in ("url", "title", "domain"))
        with suppress(ValueError):
            domain = domain or urlsplit(url).hostname or ""
        if title or url:
            yield WebSource(title=title or domain or url, url=url, domain=domain)
