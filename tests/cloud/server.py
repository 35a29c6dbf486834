"""What the fake services share: a real HTTP/1.1 server on a free loopback port, and the ways to go wrong."""

import contextlib
import json
import os
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NoReturn, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

# How a reply ends: sent whole; closed before a byte of it; the same with a TCP reset; a reset in the middle
# of the body; or never sent at all, until the client gives up.
Ending = Literal["whole", "close", "reset", "cut", "silence"]
# What socketserver calls a request: a connection (or, for UDP, which is not spoken here, a pair).
Connection = socket.socket | tuple[bytes, socket.socket]


@dataclass(frozen=True)
class Request:
    """One request as it came; `ordinal` counts a service's requests from 1."""

    method: str
    target: str
    headers: Message
    body: bytes
    ordinal: int
    at_seconds: float  # time.monotonic()

    @property
    def raw_path(self) -> str:
        return urlsplit(self.target).path

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name."""
        parsed = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in parsed.items()}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    ending: Ending = "whole"

    def but(self, *, headers: Mapping[str, str] | None = None, ending: Ending | None = None) -> "Reply":
        """The same reply with more headers, or ending otherwise."""
        return replace(self, headers={**self.headers, **(headers or {})}, ending=ending or self.ending)


def json_reply(content: object, status: int = 200, **headers: str) -> Reply:
    """A JSON reply; `Retry_After="1"` gives the header Retry-After."""
    named = {"Content-Type": "application/json; charset=utf-8"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=json.dumps(content).encode(), headers=named)


class Stop(Exception):
    """Ends the work on a request at once, with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def stop(reply: Reply) -> NoReturn:
    raise Stop(reply)


def settle(work: Callable[[Request], Reply], request: Request) -> Reply:
    """What the work on a request came to, stopped or not."""
    try:
        return work(request)
    except Stop as stopped:
        return stopped.reply


class Service:
    """A fake service while its `with` block lasts: `url` is where it listens, `requests` what came so far.

    `faults` sees every request first; the reply it gives, if any, is sent in place of the service's own, and
    the service itself does not learn of the request.
    """

    def __init__(self, *, faults: Callable[[Request], Reply | None] | None = None) -> None:
        self.faults = faults
        self.clock_ahead_seconds = 0.0  # of this machine's; negative: behind
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.lock = threading.RLock()
        self._crashes: list[Exception] = []
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    def __enter__(self) -> Self:
        threading.Thread(target=partial(self._server.serve_forever, 0.02), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        if self._crashes:
            raise self._crashes[0]

    def receive(self, method: str, target: str, headers: Message, body: bytes) -> Reply:
        """The reply to a request; a defect of the fake itself is a 500 now, an error at the block's end."""
        with self.lock:
            request = Request(method, target, headers, body, len(self.requests) + 1, time.monotonic())
            self.requests.append(request)
        try:
            return (self.faults and self.faults(request)) or settle(self.answer, request)
        except Exception as crash:  # noqa: BLE001 - whatever it is, the test must hear of it
            self._crashes.append(crash)
            return Reply(status=500, body=repr(crash).encode())

    def now(self) -> float:
        """Unix seconds by the service's own clock, which every reply's Date tells."""
        return time.time() + self.clock_ahead_seconds

    def wait(self, seconds: float) -> None:
        """Let time pass, but no longer than the service lives."""
        if seconds > 0:
            self.closing.wait(seconds)


class Scripted(Service):
    """Answers with one reply after the other, the last one again and again; or as a function says."""

    def __init__(self, *script: Reply | Callable[[Request], Reply]) -> None:
        super().__init__()
        self.script = script

    def answer(self, request: Request) -> Reply:
        reply = self.script[min(request.ordinal, len(self.script)) - 1]
        return reply if isinstance(reply, Reply) else reply(request)


class RateLimit:
    """A sliding window: at most so many requests in any stretch of so many seconds."""

    def __init__(self, most: int, window_seconds: float) -> None:
        self.most = most
        self.window_seconds = window_seconds
        self._passed: deque[float] = deque()
        self._lock = threading.Lock()

    def wait_seconds(self) -> float:
        """0.0 where the request passes (and counts), else how long until one would."""
        with self._lock:
            now = time.monotonic()
            while self._passed and self._passed[0] <= now - self.window_seconds:
                self._passed.popleft()
            if len(self._passed) >= self.most:
                return self._passed[0] + self.window_seconds - now
            self._passed.append(now)
            return 0.0

    @property
    def left(self) -> int:
        return max(0, self.most - len(self._passed))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # ten clients at once must not meet a full queue

    def __init__(self, service: Service) -> None:
        self.service = service
        self._connections: set[Connection] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Connection, client_address: object) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close what clients keep alive, so that no thread outlives the service."""
        for connection in list(self._connections):
            # One that is closed already cannot be shut down, and need not.
            with contextlib.suppress(OSError):
                cast("socket.socket", connection).shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Connection, client_address: object) -> None:
        """Clients that go away are what the tests are about; anything else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave in one packet: no 40 ms wait for a delayed acknowledgement
    disable_nagle_algorithm = True
    server: _Server

    def _reply(self) -> None:
        announced = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(announced)
        if len(body) < announced:  # the client died on the way: to a real service, there was no request
            self.close_connection = True
            return
        service = self.server.service
        reply = service.receive(self.command, self.path, self.headers, body)
        service.wait(reply.delay_seconds)
        if reply.ending == "silence":
            service.closing.wait()
        if reply.ending in {"silence", "close"}:
            self.close_connection = True
        elif reply.ending == "reset":
            self._reset()
        else:
            self._send(reply)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(self.server.service.now() if timestamp is None else timestamp)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _reply  # noqa: N815 - the names that http.server calls

    def _send(self, reply: Reply) -> None:
        cut = reply.ending == "cut"
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(max(len(reply.body), 1) if cut else len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
        self.wfile.flush()
        if cut:
            self._reset()

    def _reset(self) -> None:
        """Close with a TCP reset: the peer sees the connection break, not end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, *_: object) -> None:
        """Nothing: `Service.requests` is the log."""
