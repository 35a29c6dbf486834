"""A fake Mave: charges, answers, forgets to answer, and remembers in its threads (docs: docs.mavera.io)."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from cloud.server import Ending, RateLimit, Reply, Request, Service, Stop, json_reply, settle, stop

# The vendor's error codes and their types by status (docs: guides/errors).
ERRORS = {
    400: ("invalid_request_error", "invalid_field"),
    401: ("authentication_error", "invalid_api_key"),
    402: ("billing_error", "credits_exhausted"),
    403: ("permission_error", "forbidden"),
    404: ("not_found_error", "resource_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    500: ("api_error", "internal_error"),
    503: ("api_error", "service_unavailable"),
}
MOST_CHATS_AT_ONCE = 10
MOST_THREADS_A_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one chat call meets. Made by `answer`, `refuse`, `lose` and `raw`; `replace` makes others."""

    content: str | None = None  # what the thread gets as the assistant's message; None: never anything
    credits_used: int = 42
    delay_seconds: float = 0.0  # before the reply
    thread_after_seconds: float = 0.0  # before the answer shows in the thread; both count from the call
    reply: Reply | None = None  # sent in place of the answer
    ending: Ending = "whole"
    paid: bool = True


# A turn may depend on what is asked: on the message, and on the thread it came in (None: a new one).
Script = Turn | Callable[[str, str | None], Turn]


def answer(content: str, *, delay_seconds: float = 0.0, **more: object) -> Turn:
    """A paid answer; more: `credits_used`, `thread_after_seconds`."""
    turn = Turn(content=content, delay_seconds=delay_seconds, thread_after_seconds=delay_seconds)
    return replace(turn, **more)  # type: ignore[arg-type]  # replace checks the names


def refuse(status: int, code: str = "", *, delay_seconds: float = 0.0, **headers: str) -> Turn:
    """An unpaid refusal in Mave's own words; `Retry_After="2"` gives the header Retry-After."""
    return Turn(paid=False, delay_seconds=delay_seconds, reply=error(status, code, **headers))


def lose(content: str | None, how: Ending | int = "close", **seconds: float) -> Turn:
    """Paid for, and the reply lost: by the connection's ending, or to an error of that status.

    Seconds: `delay_seconds`, `thread_after_seconds`. No content: Mave never finishes an answer.
    """
    if isinstance(how, int):
        return replace(Turn(content=content, reply=error(how)), **seconds)  # type: ignore[arg-type]  # as above
    return replace(Turn(content=content, ending=how), **seconds)  # type: ignore[arg-type]  # as above


def raw(body: bytes, content: str | None = None) -> Turn:
    """Paid for, and answered 200 with exactly these bytes; `content` is what the thread gets, if anything."""
    return Turn(content=content, reply=Reply(body=body, headers={"Content-Type": "application/json"}))


def error(status: int, code: str = "", message: str = "", param: str | None = None, **headers: str) -> Reply:
    """An error as Mave words it."""
    kind, usual = ERRORS.get(status, ("api_error", "internal_error"))
    content = {"message": message or f"{code or usual}.", "type": kind, "code": code or usual, "param": param}
    return json_reply({"error": content}, status, **headers)


@dataclass(kw_only=True)
class Message:
    id: str
    role: Literal["user", "assistant", "system"]
    content: str
    at: float  # Unix seconds; an assistant's message shows from then on


@dataclass(kw_only=True)
class Thread:
    """A conversation, with answers in it that may not show yet."""

    id: str
    owner: str  # the key that it belongs to
    created_at: float  # Unix seconds
    workspace_id: str = ""
    messages: list[Message] = field(default_factory=list)
    credits_used: int = 0

    def shown(self, now: float) -> list[Message]:
        return [message for message in self.messages if message.at <= now]

    def described(self, now: float) -> dict[str, object]:
        """The thread as the listing shows it."""
        shown = self.shown(now)
        return {
            "id": self.id,
            "object": "mave_thread",
            "credits_used": self.credits_used,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(shown[-1].at),
        }


def rfc3339(at: float) -> str:
    """Whole seconds, as in the vendor's examples."""
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")


class FakeMave(Service):
    """`paid` holds every message that was charged for, in order; `refused` the code of every other.

    One turn of `script` a chat call, in order, the last one again and again. `hides_threads` leaves the list
    of threads empty; `older` speaks as older servers do: `offset` and `threads`.
    """

    def __init__(
        self,
        *script: Script,
        keys: Sequence[str] = ("mvra_live_test",),
        included_credits: int = 5_000,
        requests_a_minute: int = 600,
        older: bool = False,
        faults: Callable[[Request], Reply | None] | None = None,
    ) -> None:
        super().__init__(faults=faults)
        self.script: list[Script] = list(script) or [answer("An answer.")]
        self.key = keys[0]
        self.keys = tuple(keys)
        self.older = older
        self.included_credits = included_credits
        self.recharges = False  # credits that run out are bought
        self.credits_used = 0
        self.hides_threads = False
        self.paid: list[str] = []
        self.refused: list[str] = []
        self.threads: dict[str, Thread] = {}
        self._rate = RateLimit(requests_a_minute, 60.0)
        self._places = threading.Semaphore(MOST_CHATS_AT_ONCE)
        self._turns = 0
        self._cursors: dict[str, int] = {}

    def settings(self) -> dict[str, str]:
        """What points a deployment here."""
        return {"MAVERA_API_KEY": self.key, "MAVERA_API_URL": self.url}

    def remember(
        self, message: str, content: str | None, *, at: float | None = None, key: str = ""
    ) -> Thread:
        """Put a thread of another day (or of another key) on the shelf."""
        now = self.now() if at is None else at
        thread = self._new_thread(key or self.key, now)
        thread.messages.append(Message(id=_new_id("msg"), role="user", content=message, at=now))
        if content is not None:
            thread.messages.append(Message(id=_new_id("msg"), role="assistant", content=content, at=now))
        return thread

    def answer(self, request: Request) -> Reply:
        limits = {"X-RateLimit-Limit": str(self._rate.most), "X-RateLimit-Reset": str(int(time.time()) + 60)}
        key = self._key(request)
        if wait := self._rate.wait_seconds():
            reply = error(429, Retry_After=str(int(wait) + 1))
        else:
            reply = settle(lambda asked: self._routed(asked, key), request)
        return reply.but(headers={**limits, "X-RateLimit-Remaining": str(self._rate.left), **reply.headers})

    def _key(self, request: Request) -> str:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            stop(error(401, "missing_api_key", "Send your API key as a Bearer token."))
        if key not in self.keys:
            stop(error(401, "invalid_api_key", "The API key is not known."))
        return key

    def _routed(self, request: Request, key: str) -> Reply:
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["mave", "chat"]:
                return self._chat(request, key)
            case "GET", ["usage"]:
                return self._usage(request)
            case "GET", ["mave", "threads"]:
                return self._list(request, key)
            case "GET", ["mave", "threads", thread_id]:
                _refuse_unknown(request.query, ())
                return self._show(self._thread(thread_id, key))
        return error(404, message="No such route.")

    def _usage(self, request: Request) -> Reply:
        _refuse_unknown(request.query, ())
        left = max(0, self.included_credits - self.credits_used)
        share = 100 * self.credits_used // self.included_credits if self.included_credits else 100
        numbers = {"used": self.credits_used, "included": self.included_credits, "remaining": left}
        return json_reply(
            {
                "object": "usage",
                "credits": {**numbers, "percentage_used": share},
                "auto_recharge": {"enabled": self.recharges, "threshold": 100, "credits_to_add": 1_000},
                "limits": {"budget_alert": 4_000, "usage_limit": None},
            }
        )

    def _chat(self, request: Request, key: str) -> Reply:
        if not self._places.acquire(blocking=False):
            return self._turned_away(error(429, Retry_After="1"))
        try:
            message, thread_id = _read_chat(request)
            if thread_id is not None:
                self._thread(thread_id, key)
            return self._take_turn(message, thread_id, key)
        except Stop as stopped:
            return self._turned_away(stopped.reply)
        finally:
            self._places.release()

    def _take_turn(self, message: str, thread_id: str | None, key: str) -> Reply:
        with self.lock:
            if self.credits_used >= self.included_credits:
                return self._turned_away(error(402, message="No credits are left."))
            script = self.script[min(self._turns, len(self.script) - 1)]
            self._turns += 1
            turn = script if isinstance(script, Turn) else script(message, thread_id)
            if turn.paid:
                reply = self._charge(turn, message, thread_id, key)
            else:
                reply = self._turned_away(turn.reply or error(500))
        self.wait(turn.delay_seconds)
        return reply.but(ending=turn.ending)

    def _charge(self, turn: Turn, message: str, thread_id: str | None, key: str) -> Reply:
        now = self.now()
        self.paid.append(message)
        self.credits_used += turn.credits_used
        thread = self.threads[thread_id] if thread_id else self._new_thread(key, now)
        thread.credits_used += turn.credits_used
        thread.messages.append(Message(id=_new_id("msg"), role="user", content=message, at=now))
        shows_at = now + turn.thread_after_seconds
        answered = Message(id=_new_id("msg"), role="assistant", content=turn.content or "", at=shows_at)
        if turn.content is not None:
            thread.messages.append(answered)
        return turn.reply or json_reply(_answered(turn, thread, answered, now))

    def _new_thread(self, key: str, now: float) -> Thread:
        thread = Thread(id=_new_id("mave_thread"), owner=key, created_at=now)
        self.threads[thread.id] = thread
        return thread

    def _turned_away(self, reply: Reply) -> Reply:
        self.refused.append(json.loads(reply.body)["error"]["code"])
        return reply

    def _thread(self, thread_id: str, key: str) -> Thread:
        thread = self.threads.get(thread_id)
        return thread if thread and thread.owner == key else stop(error(404, message="No such thread."))

    def _show(self, thread: Thread) -> Reply:
        now = self.now()
        messages = [
            {"id": one.id, "role": one.role, "content": one.content, "created_at": rfc3339(one.at)}
            for one in thread.shown(now)
        ]
        return json_reply({**thread.described(now), "messages": messages, "sources": [], "personas_used": []})

    def _list(self, request: Request, key: str) -> Reply:
        paging = "offset" if self.older else "cursor"
        _refuse_unknown(request.query, ("limit", paging, "workspace_id"))
        limit = _whole(request.query, "limit", 20, MOST_THREADS_A_PAGE)
        start = self._start(request.query)
        now = self.now()
        asked = request.query.get("workspace_id")
        found = [
            thread.described(now)
            for thread in reversed(list(self.threads.values()))
            if not self.hides_threads and thread.owner == key and asked in {None, thread.workspace_id}
        ]
        page, more = found[start : start + limit], len(found) > start + limit
        return json_reply(self._page(page, start + limit, more=more))

    def _start(self, query: Mapping[str, str]) -> int:
        if self.older:
            return _whole(query, "offset", 0, 1_000_000)
        if "cursor" not in query:
            return 0
        start = self._cursors.get(query["cursor"])
        return start if start is not None else stop(error(400, param="cursor"))

    def _page(self, page: list[dict[str, object]], end: int, *, more: bool) -> dict[str, object]:
        listed: dict[str, object] = {"object": "list", "threads" if self.older else "data": page}
        if self.older:
            return listed
        cursor = secrets.token_urlsafe(12) if more else None
        self._cursors |= {cursor: end} if cursor else {}
        return {**listed, "has_more": more, "next_cursor": cursor}


def _answered(turn: Turn, thread: Thread, answered: Message, now: float) -> dict[str, object]:
    return {
        "id": answered.id,
        "object": "mave_message",
        "thread_id": thread.id,
        "role": "assistant",
        "content": answered.content,
        "sources": [],
        "personas_used": [],
        "usage": {"credits_used": turn.credits_used},
        "created_at": rfc3339(now + turn.delay_seconds),
    }


def _read_chat(request: Request) -> tuple[str, str | None]:
    """The message and the thread that a chat call names."""
    if request.headers.get_content_type() != "application/json":
        stop(error(400, "invalid_field", "Content-Type must be application/json."))
    try:
        body = json.loads(request.body)
    except ValueError:
        stop(error(400, "invalid_field", "The body is no JSON."))
    if not isinstance(body, dict):
        stop(error(400, "invalid_field", "The body is no object."))
    if not body.get("message"):
        stop(error(400, "missing_field", "message is required.", "message"))
    kinds = {"message": str, "thread_id": str, "workspace_id": str, "stream": bool}
    for name, value in body.items():
        if name not in kinds or not isinstance(value, kinds[name]):
            stop(error(400, "invalid_field", f"{name} is not valid.", name))
    if body.get("stream"):
        stop(error(400, "invalid_field", "This server does not stream.", "stream"))
    return body["message"], body.get("thread_id")


def _refuse_unknown(query: Mapping[str, str], known: Iterable[str]) -> None:
    for name in query.keys() - set(known):
        stop(error(400, "invalid_field", f"{name} is not known.", name))


def _whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not (name == "offset" or int(text)) or int(text) > most:
        stop(error(400, "invalid_field", f"{name} must be a whole number up to {most}.", name))
    return int(text)


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(8)}"
