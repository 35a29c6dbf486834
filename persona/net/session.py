"""The free session (asked again until it answers, a 429 waited out) and the paid one (sent once).

How long a busy Mave is waited for before a paid call is for `mave/client.py` to say.
No text of a library leaves them: the exceptions of requests and urllib3 carry URLs, and so people's
identifiers.
"""

import math
import random
import re
import time
from collections.abc import Mapping
from typing import Self

import msgspec
import requests
from urllib3.exceptions import DecodeError, HTTPError

from persona.deadline import Deadline
from persona.errors import Invalid, Refused, ReplyLost, Service, Unavailable, for_status
from persona.net.pace import Pace
from persona.net.wire import MOST_BODY_BYTES, NotConnected, Reply, Session, exchange

NAMES: Mapping[Service, str] = {"segment": "Segment", "mave": "Mave"}

# Segment's slowest documented answers take seconds; a page that drips for longer is asked for again.
REPLY_SECONDS = 60.0
# Six tries wait about 15 s in all where nobody says how long, which outlasts a restart of a service.
TRIES = 6
BACKOFF_SECONDS = 0.5
# Segment's windows last a minute; a service that asks for hours is asked again after this.
MOST_WAIT_SECONDS = 120.0
# Nothing was sent on these: a moment's pause is enough to outlive a dropped packet or a restarting proxy.
_RECONNECT_PAUSES_SECONDS = (0.25, 1.0)

_SECONDS = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)
TOO_MANY_REQUESTS = 429


class FreeSession:
    """Reads that cost nothing: each may be repeated, by any number of threads.

    Tried again after 408, 425, 429, 5xx and broken connections, with jittered backoff or when the service
    says, until the tries or the deadline run out. With a pace, every try waits for its turn, and a 429
    slows down everybody who shares the pace.
    """

    def __init__(  # noqa: PLR0913 - each of them is set by some caller
        self,
        service: Service,
        deadline: Deadline,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        pool_size: int = 1,
        pace: Pace | None = None,
        tries: int = TRIES,
    ) -> None:
        self._service, self._deadline, self._pace, self._tries = service, deadline, pace, tries
        self._session = Session(pool_size)
        self._session.headers.update(headers or {})
        self._session.auth = auth
        self._sleep = pace.rest if pace else time.sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, url: str, params: Mapping[str, str] | None = None) -> Reply:
        """The reply of a service that answered: 2xx, or a 4xx that trying again would not change.

        Raises:
            Unavailable: no such reply after our own tries, or the deadline is too near for another.
            Invalid: a redirect, a body over 32 MiB decoded, or one that does not decode.
            Refused: no request can be made of these settings.
            DeadlineExceeded: no time was left to begin with.
        """
        name = NAMES[self._service]
        self._deadline.check(f"read from {name}")
        request = _prepared(self._session, requests.Request("GET", url, params=params), self._service)
        tried = 0
        while True:
            turn_at = self._pace.take() if self._pace else 0.0
            reply, outcome = self._try(request)
            if reply and for_status(reply.status) is not Unavailable:
                return reply
            tried += 1
            asked = asked_seconds(reply) if reply else None
            wait_seconds = max(backoff_seconds(BACKOFF_SECONDS, tried), asked or 0)
            left_seconds = max(self._deadline.left_seconds, 0)
            if tried == self._tries or wait_seconds >= left_seconds:
                raise Unavailable(
                    self._service,
                    f"{name} {outcome}; tried {tried} {'times' if tried > 1 else 'time'}, and stopped with "
                    f"{left_seconds:.0f} s of the run's time left; try again later",
                    retry_after_seconds=max(wait_seconds, 1),
                )
            if self._pace and reply and reply.status == TOO_MANY_REQUESTS:
                self._pace.slow_down(turn_at, wait_seconds)
            self._sleep(wait_seconds)

    def _try(self, request: requests.PreparedRequest) -> tuple[Reply | None, str]:
        """One request: its reply, if one came, and in words what happened."""
        seconds = min(REPLY_SECONDS, max(self._deadline.left_seconds, 0.1))
        odd = ""
        try:
            reply = exchange(self._session, request, seconds)
        except NotConnected as error:
            return None, f"could not be reached (is its address in the settings right?): {error}"
        except DecodeError:
            odd = "sent a body that does not match its Content-Encoding"
        except (requests.RequestException, HTTPError):
            return None, f"sent no complete reply within {seconds:.0f} s, or the connection broke"
        else:
            if 300 <= reply.status < 400:  # noqa: PLR2004 - the 3xx class
                odd = f"answered {reply}, a redirect; check the service's address in the settings"
            elif reply.cut:
                odd = f"sent a body over {MOST_BODY_BYTES // 2**20} MiB decoded ({reply})"
            else:
                return reply, f"answered {reply}"
        raise Invalid(self._service, f"{NAMES[self._service]} {odd}")


def send_once(url: str, document: Mapping[str, object], headers: Mapping[str, str], seconds: float) -> Reply:
    """What Mave answered to a call that costs money, within so many seconds in all.

    Sent at most once, on a connection of its own. Connecting is tried up to three times: until a connection
    stands, nothing was sent.

    Raises:
        Refused: no request can be made of these settings; nothing was sent.
        Unavailable: no connection came about; nothing was sent, and nothing can have been paid.
        ReplyLost: the message was sent, wholly or in part, and no complete reply was read.
    """
    headers = {**headers, "Content-Type": "application/json", "Connection": "close"}
    request = requests.Request("POST", url, data=msgspec.json.encode(document), headers=headers)
    end = time.monotonic() + seconds
    for pause_seconds in (*_RECONNECT_PAUSES_SECONDS, math.inf):
        with Session(pool_size=1) as session:
            prepared = _prepared(session, request, "mave")
            try:
                return exchange(session, prepared, max(end - time.monotonic(), 0.1))
            except NotConnected as error:
                reason = error
            except Exception:  # noqa: BLE001 - whatever went wrong by now, the call may have been paid
                raise ReplyLost(
                    f"the call to Mave was sent and no complete reply came within {seconds:.0f} s; it may "
                    "have been paid, so it is not sent again: its answer is looked for in Mave's threads"
                ) from None
        if time.monotonic() + pause_seconds >= end:
            break
        time.sleep(pause_seconds)
    raise Unavailable(
        "mave", f"Mave could not be reached: {reason}; nothing was sent or paid; try again later"
    )


def _prepared(session: Session, request: requests.Request, service: Service) -> requests.PreparedRequest:
    try:
        return session.prepare_request(request)
    except (requests.RequestException, UnicodeError):
        raise Refused(
            service,
            f"no request to {NAMES[service]} can be made of the settings: its address or its key holds "
            "something that does not belong there; nothing was sent",
        ) from None


def asked_seconds(reply: Reply) -> float | None:
    """How long a service asks to be left alone, 0 to MOST_WAIT_SECONDS; None where it names no seconds."""
    asked = reply.headers.get("Retry-After", "").strip()
    return min(float(asked), MOST_WAIT_SECONDS) if _SECONDS.fullmatch(asked) else None


def backoff_seconds(base_seconds: float, tried: int) -> float:
    """How long to wait after so many tries: doubling from the base, give or take half, capped."""
    jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads clients out; no secret
    return min(base_seconds * math.ldexp(1, tried - 1) * jitter, MOST_WAIT_SECONDS)
