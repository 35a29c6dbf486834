"""Recover: an answer that was paid for and lost, out of Mave's threads, for nothing.

"Not found" is the word on which a second payment hangs: a listing that fails, stops short or makes no sense
never counts as one, nor does a thread that cannot be read (docs: api-reference/mave/threads). Most threads of
a key are other people's: none of them, whatever its shape, stands in the way of ours.
"""

import json
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote

from persona.deadline import Deadline
from persona.errors import Invalid, Unavailable
from persona.mave.client import authorization, read_object, said
from persona.net.session import FreeSession
from persona.settings import Settings
from persona.timestamps import http_seconds, unix_seconds

# The vendor's most.
THREADS_PER_PAGE = 100
# 20,000 threads: at the smallest plan's 60 requests a minute, more than three minutes of listing.
MOST_PAGES = 200
# How far the timestamps of a thread may lie from the moments at which it was touched.
SLACK_SECONDS = 300.0
# Answers take 5 to 90 seconds; polling slows down from this to five times this.
POLL_SECONDS = 2.0
# One thread of somebody else's may be broken for good: it is left for later after so many tries.
THREAD_TRIES = 2
_LATER = "nothing new was sent or paid; try again later"

Thread = Mapping[str, object]


def recover(  # noqa: PLR0913 - what is looked for, and how long
    settings: Settings,
    deadline: Deadline,
    reference: str,
    age_seconds: float,
    *,
    poll_seconds: float | None = POLL_SECONDS,
    every_thread: bool = False,
) -> bytes | None:
    """The reply to the message with this reference, as JSON in the chat's shape; None: no such message.

    Looks at the threads that were touched since the call began, `age_seconds` ago by Mave's own clock (five
    minutes of slack), then, with `every_thread`, at all others. A message without an answer yet is waited for
    within the deadline; without `poll_seconds` nobody waits, and it is none. `usage.credits_used` is the
    thread's, so that of a follow-up includes the first call's.

    Raises:
        Unavailable: the threads could not all be read, or Mave is still at work on the answer.
        DeadlineExceeded: no time is left.
    """
    mark = re.compile(rf"(?<![\w/-]){re.escape(reference)}(?![\w/-])")
    with (
        FreeSession("mave", deadline, headers=authorization(settings)) as listing,
        FreeSession("mave", deadline, headers=authorization(settings), tries=THREAD_TRIES) as session,
    ):
        search = _Search(session, deadline, f"{settings.mavera_api_url}/mave/threads", mark, poll_seconds)
        others: list[str] = []
        for thread_id, recent in _listing(listing, settings, age_seconds):
            if recent and search.ends_in(thread_id):
                return search.reply
            others += [] if recent else [thread_id]
        for thread_id in [*(others if every_thread else ()), *search.unread]:
            if search.ends_in(thread_id):
                return search.reply
        if search.unread:
            raise Unavailable(
                "mave",
                f"{len(search.unread)} of the key's threads cannot be read, and {reference} is in no other; "
                f"{_LATER}, or look for it in Mave and start another run",
            )
    return None


@dataclass
class _Search:
    """The search for one message: `reply` is what came of it, `unread` the threads that cannot be read."""

    session: FreeSession
    deadline: Deadline
    address: str
    mark: re.Pattern[str]
    poll_seconds: float | None
    reply: bytes | None = None
    unread: list[str] = field(default_factory=list)

    def ends_in(self, thread_id: str) -> bool:
        """Whether the message is in this thread; its answer, once there is one, is the reply.

        Raises:
            Unavailable: the answer did not come while there was time to wait.
        """
        pause_seconds = self.poll_seconds or 0.0
        ours = False
        while True:
            thread = self._read(thread_id)
            messages = _in_order(thread)
            if messages is not None:
                answers = _answers(messages, self.mark)
                ours = answers is not None
                if answers:
                    self.reply = _as_reply(thread, thread_id, answers[0])
                    return True
            if not ours:
                self.unread = [other for other in self.unread if other != thread_id]
                self.unread += [thread_id] if messages is None else []
                return False
            if self.poll_seconds is None:
                return True
            if pause_seconds >= self.deadline.left_seconds:
                raise Unavailable(
                    "mave", f"Mave has the message and has not answered it in its thread yet; {_LATER}"
                )
            time.sleep(pause_seconds)
            pause_seconds = min(1.5 * pause_seconds, 5 * self.poll_seconds)

    def _read(self, thread_id: str) -> Thread:
        """A thread with its messages; empty where it cannot be read now."""
        with suppress(Invalid, Unavailable):
            reply = self.session.get(f"{self.address}/{quote(thread_id, safe='')}") if thread_id else None
            return read_object(reply.body) if reply and reply.status == 200 else {}  # noqa: PLR2004 - OK
        return {}


def _listing(session: FreeSession, settings: Settings, age_seconds: float) -> Iterator[tuple[str, bool]]:
    """Yield all threads of the key, or of the workspace, in the listing's order.

    With each, whether it was created or updated since the call began, as far as can be told.
    """
    workspace = settings.mavera_workspace_id
    query = {"limit": str(THREADS_PER_PAGE)} | ({"workspace_id": workspace} if workspace else {})
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        page, now_seconds = _page(session, settings, query)
        since_seconds = now_seconds - age_seconds - SLACK_SECONDS
        items = page.get("data", page.get("threads"))
        if not isinstance(items, list):
            raise _cut_short("a page of it is no list of threads")
        # The one without an id stands for all that have none.
        threads = [item if isinstance(item, dict) else {} for item in items]
        by_id = {str(thread.get("id") or ""): thread for thread in threads}
        fresh = by_id.keys() - seen
        for thread_id in (one for one in by_id if one in fresh):
            moments = [unix_seconds(by_id[thread_id].get(name)) for name in ("created_at", "updated_at")]
            yield thread_id, any(moment is None or moment >= since_seconds for moment in moments)
        seen |= fresh
        following = _next(page, len(by_id), len(seen))
        if following is None:
            return
        if not fresh:
            raise _cut_short("the same page came again")
        query |= following
    raise _cut_short(f"it goes on after {len(seen)} threads")


def _page(session: FreeSession, settings: Settings, query: Mapping[str, str]) -> tuple[Thread, float]:
    """A page of the listing, and when Mave says that it was sent: before all time where it does not say."""
    trouble = ""
    try:
        reply = session.get(f"{settings.mavera_api_url}/mave/threads", query)
        if reply.status != 200:  # noqa: PLR2004 - the one status that carries threads
            trouble = f"Mave answered {said(reply, settings)}; check MAVERA_API_KEY and MAVERA_API_URL"
    except Invalid as error:
        trouble = str(error)
    if trouble:
        raise Unavailable("mave", f"Mave's threads cannot be read: {trouble}; {_LATER}")
    sent_at_seconds = http_seconds(reply.headers.get("Date"))
    return read_object(reply.body), -math.inf if sent_at_seconds is None else sent_at_seconds


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


def _in_order(thread: Thread) -> list[Thread] | None:
    """The thread's messages, oldest first: their order is not documented, their moments are.

    None where there is no list of messages; what is no message in it is left out.
    """
    listed = thread.get("messages")
    if not isinstance(listed, list):
        return None
    messages: list[Thread] = [message for message in listed if isinstance(message, dict)]
    moments = [unix_seconds(message.get("created_at")) or math.nan for message in messages]
    return messages[::-1] if moments[:1] > moments[-1:] else messages


def _answers(messages: Sequence[Thread], mark: re.Pattern[str]) -> list[Thread] | None:
    """What Mave said between our message and the next of a user; None: our message is not there.

    One that was sent twice is answered by either answer.
    """
    answers: list[Thread] | None = None
    within = False
    for message in messages:
        content = message.get("content")
        text = content if isinstance(content, str) else ""
        if message.get("role") == "user":
            within = mark.search(text) is not None
            answers = (answers or []) if within else answers
        elif within and message.get("role") == "assistant" and text.strip():
            answers = [*(answers or []), message]
    return answers


def _as_reply(thread: Thread, thread_id: str, message: Thread) -> bytes:
    reply = {
        "id": message.get("id"),
        "thread_id": thread_id,
        "content": message["content"],
        "sources": thread.get("sources", []),
        "personas_used": thread.get("personas_used", []),
        "usage": {"credits_used": thread["credits_used"]} if "credits_used" in thread else {},
        "recovered": True,
    }
    return json.dumps(reply).encode()
