"""Recover: an answer that was paid for and lost, out of Mave's threads, for nothing.

Reading threads is free, within the rate limit. "Not found" is the word on which a second payment hangs, so
a listing that fails, stops short or makes no sense never counts as one (docs: api-reference/mave/threads).
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from persona.deadline import Deadline
from persona.errors import Invalid, Unavailable
from persona.mave.client import authorization, read_object, said
from persona.net.session import FreeSession
from persona.settings import SPARE_SECONDS, Settings

# The vendor's most.
THREADS_PER_PAGE = 100
# 20,000 threads: at the smallest plan's 60 requests a minute, more than three minutes of listing.
MOST_PAGES = 200
# How far the vendor's clock may be from ours.
CLOCK_SLACK_SECONDS = 300.0
# Answers take 5 to 90 seconds; polling slows down from this to five times this.
POLL_SECONDS = 2.0
_LATER = "nothing new was sent or paid; try again later"

Thread = Mapping[str, object]


def recover(
    settings: Settings,
    deadline: Deadline,
    reference: str,
    since: float,
    *,
    poll_seconds: float | None = POLL_SECONDS,
) -> bytes | None:
    """The reply to the message with this reference, as JSON in the chat's shape; None: no such message.

    Looks at the threads that were created or updated since then (Unix seconds; five minutes of slack). A
    message without an answer yet is waited for within the deadline; without `poll_seconds` nobody waits, and
    it is none. `usage.credits_used` is the thread's, so that of a follow-up includes the first call's.

    Raises:
        Unavailable: the threads could not be read to the end, or Mave is still at work on the answer.
        DeadlineExceeded: no time is left.
    """
    mark = re.compile(rf"(?<![\w/-]){re.escape(reference)}(?![\w/-])")
    with FreeSession("mave", deadline, headers=authorization(settings)) as session:
        threads = _Threads(session, settings)
        for thread_id in threads.touched_since(since - CLOCK_SLACK_SECONDS):
            answer = _wait_for_answer(threads, thread_id, mark, deadline, poll_seconds)
            if answer:
                return answer
    return None


def _wait_for_answer(
    threads: "_Threads", thread_id: str, mark: re.Pattern[str], deadline: Deadline, poll_seconds: float | None
) -> bytes | None:
    """The reply in this thread as bytes, None where the message is not in it, or nobody waits for a reply."""
    pause_seconds = poll_seconds or 0.0
    most_pause_seconds = 5 * pause_seconds
    while True:
        thread = threads.read(thread_id)
        messages = _in_order(thread)
        following = [
            after for at, after in zip(messages, [*messages[1:], {}], strict=True) if _is_ours(at, mark)
        ]
        if not following:
            return None
        answered = next((message for message in following if _is_answer(message)), None)
        if answered:
            return _as_reply(thread, thread_id, answered)
        if poll_seconds is None:
            return None
        if pause_seconds + SPARE_SECONDS >= deadline.left_seconds:
            raise Unavailable(
                "mave", f"Mave has the message and has not answered it in its thread yet; {_LATER}"
            )
        time.sleep(pause_seconds)
        pause_seconds = min(1.5 * pause_seconds, most_pause_seconds)


class _Threads:
    """Mave's threads, read in full or not at all."""

    def __init__(self, session: FreeSession, settings: Settings) -> None:
        self._session = session
        self._settings = settings

    def read(self, thread_id: str) -> Thread:
        """A thread with its messages."""
        return self._get(f"/{quote(thread_id, safe='')}", {})

    def touched_since(self, moment: float) -> Iterator[str]:
        """Yield the ids of the threads that may have changed since then, in the listing's order."""
        seen: set[str] = set()
        place: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            page = self._get("", {"limit": str(THREADS_PER_PAGE)} | place)
            threads = _listed(page)
            fresh = {thread_id: thread for thread_id, thread in threads.items() if thread_id not in seen}
            yield from (thread_id for thread_id, thread in fresh.items() if _may_be_since(thread, moment))
            seen |= fresh.keys()
            following = _next(page, len(threads), len(seen))
            if following is None:
                return
            if not fresh:
                raise _cut_short("the same page came again")
            place = following
        raise _cut_short(f"it goes on after {len(seen)} threads")

    def _get(self, path: str, query: Mapping[str, str]) -> Thread:
        try:
            reply = self._session.get(f"{self._settings.mavera_api_url}/mave/threads{path}", query)
        except Invalid as error:
            raise Unavailable("mave", f"Mave's threads cannot be read: {error}; {_LATER}") from None
        if reply.status != 200:  # noqa: PLR2004 - the one status that carries threads
            raise Unavailable(
                "mave",
                f"Mave's threads cannot be read: Mave answered {said(reply, self._settings)}; check "
                f"MAVERA_API_KEY and MAVERA_API_URL; {_LATER}",
            )
        return read_object(reply.body)


def _listed(page: Thread) -> dict[str, Thread]:
    """The threads of a page by their ids."""
    items = page.get("data", page.get("threads"))
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and isinstance(item.get("id"), str) for item in items
    ):
        raise _cut_short("a page of it is no list of threads")
    return {item["id"]: item for item in items}


def _next(page: Thread, listed: int, seen: int) -> dict[str, str] | None:
    """The query that asks for the next page; None after the last.

    Today's servers send `has_more` with `next_cursor`, older ones `has_more` with `offset`, or neither.
    """
    more, cursor = page.get("has_more"), page.get("next_cursor")
    if more is False or (more is None and not cursor and listed < THREADS_PER_PAGE):
        return None
    if isinstance(cursor, str) and cursor:
        return {"cursor": cursor}
    if more is None or "offset" in page:
        return {"offset": str(seen)}
    raise _cut_short("there is more of it, and no cursor to ask for it")


def _cut_short(how: str) -> Unavailable:
    return Unavailable("mave", f"Mave's list of threads does not come to its end: {how}; {_LATER}")


def _may_be_since(thread: Thread, moment: float) -> bool:
    moments = [_unix_seconds(thread.get(name)) for name in ("created_at", "updated_at")]
    return any(known is None or known >= moment for known in moments)


def _unix_seconds(text: object) -> float | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() if at else None
    except (ValueError, OverflowError):
        return None


def _in_order(thread: Thread) -> list[Thread]:
    """The thread's messages, oldest first: their order is not documented, their moments are."""
    messages = thread.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Unavailable("mave", f"expected a thread of Mave with messages, got none; {_LATER}")
    moments = [_unix_seconds(message.get("created_at")) for message in messages]
    known = [moment for moment in moments if moment is not None]
    newest_first = len(known) == len(messages) and known[:1] > known[-1:]
    return messages[::-1] if newest_first else messages


def _is_ours(message: Thread, mark: re.Pattern[str]) -> bool:
    content = message.get("content")
    return message.get("role") == "user" and isinstance(content, str) and bool(mark.search(content))


def _is_answer(message: Thread) -> bool:
    content = message.get("content")
    return message.get("role") == "assistant" and isinstance(content, str) and bool(content.strip())


def _as_reply(thread: Thread, thread_id: str, message: Thread) -> bytes:
    return json.dumps(
        {
            "id": message.get("id"),
            "object": "mave_message",
            "thread_id": thread_id,
            "role": "assistant",
            "content": message["content"],
            "sources": thread.get("sources", []),
            "personas_used": thread.get("personas_used", []),
            "usage": {"credits_used": thread["credits_used"]} if "credits_used" in thread else {},
            "recovered": True,
        }
    ).encode()
