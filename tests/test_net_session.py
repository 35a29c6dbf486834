"""The free session repeats, the paid one never does, and no reply is larger or slower than it may be."""

import contextlib
import gzip
import logging
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import pytest
import requests
import trustme
from clock import Clock
from cloud import Ending, Reply, Scripted
from doors import until
from urllib3.exceptions import HTTPError

from persona.deadline import Deadline
from persona.errors import DeadlineExceeded, Invalid, PersonaError, Refused, ReplyLost, Unavailable
from persona.net import wire
from persona.net.session import MOST_WAIT_SECONDS, FreeSession, asked_seconds, backoff_seconds, send_once

pytestmark = pytest.mark.usefixtures("clock")
OK = Reply(body=b'{"ok": true}')
SECRET = "ann@example.com"
# Zeros shrink a thousandfold: 200 MB, more than may be held, fit into 200 kB.
ZEROS = gzip.compress(b"0" * 10_000_000, 1) * 20
BOMB = Reply(body=ZEROS, headers={"Content-Encoding": "gzip"})


class Wire:
    """A bare socket: every request on every connection is met by the same bytes, a pause between pieces."""

    def __init__(
        self,
        *pieces: bytes,
        pause_seconds: float = 0,
        keep: bool = False,
        certificate: trustme.LeafCert | None = None,
    ) -> None:
        self.pieces, self.pause_seconds, self.keep, self.accepted = pieces, pause_seconds, keep, 0
        self.wrap: Callable[[socket.socket], socket.socket] = lambda connection: connection
        if certificate:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            certificate.configure_cert(tls)
            self.wrap = partial(tls.wrap_socket, server_side=True)
        self.closing = threading.Event()
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.socket.getsockname()[1]}/{SECRET}"
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self.socket.listen()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            with contextlib.suppress(OSError), self.wrap(connection) as spoken:
                while spoken.recv(65_536):
                    for piece in self.pieces:
                        spoken.sendall(piece)
                        self.closing.wait(self.pause_seconds)
                    if not self.keep:
                        break


@contextmanager
def free(deadline_seconds: float = 600.0) -> Iterator[FreeSession]:
    with FreeSession("segment", Deadline(deadline_seconds), tries=3) as session:
        yield session


def status(code: int, **headers: str) -> Reply:
    return Reply(status=code, headers={name.replace("_", "-"): value for name, value in headers.items()})


ENDINGS: list[Ending] = ["close", "reset", "cut"]
BROKEN = [status(429), status(503), *(Reply(body=b"0123456789", ending=ending) for ending in ENDINGS)]


@pytest.mark.parametrize("reply", BROKEN, ids=["429", "503", *ENDINGS])
def test_a_busy_or_broken_service_is_asked_again(reply: Reply) -> None:
    with Scripted(reply, OK) as service, free() as session:
        assert session.get(service.url).body == OK.body
        assert len(service.requests) == 2


@pytest.mark.parametrize(
    ("headers", "named"),
    [({"Request_Id": "req_9"}, r" \(request id req_9\)"), ({"X_Request_Id": f"<{SECRET}>"}, "")],
    ids=["an id", "no id"],
)
def test_a_storm_ends_after_the_tries_with_the_status_and_the_request_id(
    headers: dict[str, str], named: str
) -> None:
    with Scripted(status(503, **headers)) as service, free() as session:
        with pytest.raises(Unavailable, match=f"Segment answered 503{named}; tried 3 times"):
            session.get(service.url)
        assert len(service.requests) == 3


def test_a_wait_that_would_outlast_the_deadline_ends_the_tries_and_is_passed_on(clock: Clock) -> None:
    with Scripted(status(429, Retry_After="30")) as service, free(deadline_seconds=29) as session:
        with pytest.raises(Unavailable) as raised:
            session.get(service.url)
        assert len(service.requests) == 1
    assert (raised.value.retry_after_seconds, clock.passed_seconds) == (30, 0)


def test_no_request_is_made_when_the_time_is_up() -> None:
    with Scripted(OK) as service, free(deadline_seconds=0) as session:
        with pytest.raises(DeadlineExceeded):
            session.get(service.url)
        assert service.requests == []


# Retry-After: seconds alone are read, a day is capped, and nonsense is none.
ASKED = {
    "2": 2,
    "1.5": 1.5,
    "0": 0,
    "86400": MOST_WAIT_SECONDS,
    **dict.fromkeys(("", "nan", "-1", "1e309", "9" * 5_000, "٣", "Wed, 21 Oct 2065 07:28:00 GMT")),
}


def test_a_wait_is_read_in_seconds_and_nonsense_is_none() -> None:
    assert {text: asked_seconds(wire.Reply(429, {"Retry-After": text}, b"")) for text in ASKED} == ASKED
    assert asked_seconds(wire.Reply(429, {}, b"")) is None


def test_backoff_doubles_about_its_base_and_is_capped() -> None:
    waits = [backoff_seconds(1.0, tried) for tried in (1, 2, 3, 60)]
    assert all(0.5 * 2**n <= wait <= 1.5 * 2**n for n, wait in enumerate(waits[:3]))
    assert waits[3] == MOST_WAIT_SECONDS


@pytest.mark.parametrize("code", [302, 307])
def test_a_redirect_is_named_and_never_followed(code: int) -> None:
    with Scripted(OK) as elsewhere:
        redirect = status(code, Location=f"{elsewhere.url}/computeMetadata")
        with Scripted(redirect) as service, free() as session, pytest.raises(Invalid) as raised:
            session.get(service.url)
        assert elsewhere.requests == []
    assert "a redirect" in str(raised.value)
    assert "computeMetadata" not in str(raised.value)


BODIES = {
    "a bomb": (BOMB, "over 32 MiB"),
    "a bomb beside a redirect": (replace(BOMB, status=302).but(headers={"Location": "/"}), "a redirect"),
    "a bomb within a bomb": (
        Reply(body=gzip.compress(ZEROS), headers={"Content-Encoding": "gzip, gzip"}),
        "over 32 MiB",
    ),
    "no gzip": (Reply(body=b"plain", headers={"Content-Encoding": "gzip"}), "Content-Encoding"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_does_not_decode_within_bounds_is_named_without_holding_it(name: str) -> None:
    reply, told = BODIES[name]
    tracemalloc.start()
    with Scripted(reply) as service, free() as session, pytest.raises(Invalid, match=told):
        session.get(service.url)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 4 * wire.MOST_BODY_BYTES


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
DRIPS: dict[str, Sequence[bytes]] = {
    "body": (HEAD, *[b"1"] * 4_000),
    "status-line": (b"HTTP/1.1 ", *[b"2"] * 4_000),
    "headers": (b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n"] * 4_000),
    "continues": (*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 4_000,),
    "chunk-size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"0"] * 4_000),
    "silence": (b"",) * 4_000,
}
DRIPS["a flood that never pauses"] = [b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000] * 100_000
# To their ends, these would take more than three minutes.
WHOLE_SECONDS = 180


@pytest.mark.parametrize("drip", DRIPS)
def test_a_slow_drip_is_cut_off_wherever_it_drips_and_counts_as_sent(drip: str) -> None:
    begun = time.monotonic()
    with Wire(*DRIPS[drip], pause_seconds=0.0 if "never" in drip else 0.05) as bare:
        with pytest.raises(ReplyLost):
            ask_once(bare.url, 0.4)
        until(lambda: bare.accepted == 1)
        with free(0.3) as session, pytest.raises(Unavailable, match="sent no complete reply"):
            session.get(bare.url)
    assert time.monotonic() - begun < WHOLE_SECONDS / 2


def test_one_connection_serves_many_requests() -> None:
    with Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", keep=True) as bare, free() as session:
        assert [session.get(bare.url).body for _ in range(3)] == [b"{}"] * 3
    assert bare.accepted == 1


def test_neither_netrc_nor_proxies_of_the_environment_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with (
        Scripted(OK) as service,
        FreeSession("segment", Deadline(600), headers={"Authorization": "Bearer token"}) as session,
    ):
        session.get(service.url)
        assert [request.headers["Authorization"] for request in service.requests] == ["Bearer token"]


@pytest.mark.parametrize("url", ["https://", "https://[", "https://a\ud800b/", "https://*.example/"])
def test_a_request_to_no_address_is_refused_before_anything_is_sent(url: str) -> None:
    with free() as session, pytest.raises(Refused, match="no request to Segment can be made"):
        session.get(url)
    with pytest.raises(Refused, match="no request to Mave can be made"):
        ask_once(url)


# A port of the system's own, at which nothing listens.
NOWHERE = f"http://127.0.0.1:9/{SECRET}"


@contextmanager
def full_house() -> Iterator[str]:
    """An address whose queue of connections is full: connecting hangs."""
    with contextlib.ExitStack() as open_, socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        for client in [open_.enter_context(socket.socket()) for _ in range(4)]:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/{SECRET}"


def assert_tells_nothing(error: PersonaError, caplog: pytest.LogCaptureFixture) -> None:
    """No address, path, token or body in the words, in a chained exception, or in a log line."""
    context = None if error.__suppress_context__ else error.__context__
    told = f"{error} {error.__cause__} {context} {caplog.text}"
    secrets = SECRET, "127.0.0.1", "mvra_live_test", "the message"
    assert [secret for secret in secrets if secret in told] == []


@pytest.mark.parametrize("code", [200, 307, 402, 429, 503])
def test_a_paid_call_is_sent_once_whatever_comes_back(code: int) -> None:
    with Scripted(status(code, Retry_After="0", Location="/again")) as service:
        assert (ask_once(service.url).status, len(service.requests)) == (code, 1)


def ask_once(url: str, seconds: float = 600) -> wire.Reply:
    return send_once(url, {"message": "the message"}, {"Authorization": "Bearer mvra_live_test"}, seconds)


@pytest.mark.parametrize("ending", ["close", "reset", "cut", "silence"])
def test_a_paid_call_whose_reply_is_lost_is_not_sent_again(
    ending: Ending, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Scripted(Reply(body=b"0123456789", ending=ending)) as service:
        with pytest.raises(ReplyLost) as raised:
            ask_once(f"{service.url}/{SECRET}", 0.5 if ending == "silence" else 600)
        until(lambda: bool(service.requests))
        assert len(service.requests) == 1
    assert_tells_nothing(raised.value, caplog)


def test_a_paid_call_is_sent_once_also_to_a_busy_service() -> None:
    with Scripted(status(429, Retry_After="0")) as service:
        assert ask_once(service.url).status == 429
        assert [request.body for request in service.requests] == [b'{"message":"the message"}']


NOBODY = {NOWHERE: "refused", f"http://nobody.invalid/{SECRET}": "its name was not found"}


@pytest.mark.parametrize(("address", "told"), NOBODY.items(), ids=["nobody", "unknown name"])
def test_what_reaches_nobody_is_known_not_to_be_sent(
    caplog: pytest.LogCaptureFixture, address: str, told: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        free() as session,
        pytest.raises(Unavailable, match=f"reached .*in the settings right.*{told}.*try again later") as read,
    ):
        session.get(address)
    with pytest.raises(Unavailable, match=f"{told}; nothing was sent or paid") as paid:
        ask_once(address)
    assert type(paid.value) is Unavailable
    for error in (read.value, paid.value):
        assert_tells_nothing(error, caplog)


def test_a_paid_call_that_cannot_connect_in_time_is_known_not_to_be_sent() -> None:
    told = "took too long; nothing was sent or paid"
    with full_house() as url, pytest.raises(Unavailable, match=told):
        ask_once(url, 0.5)


# Nobody vouches for it.
AUTHORITY = trustme.CA()
STRANGER = AUTHORITY.issue_cert("127.0.0.1")
UNTRUSTED = {
    "no TLS": (None, "the TLS handshake failed"),
    "a stranger": (STRANGER, "its certificate could not be verified"),
}


@pytest.mark.parametrize(("certificate", "told"), UNTRUSTED.values(), ids=UNTRUSTED)
def test_a_paid_call_that_finds_no_trust_is_known_not_to_be_sent(
    certificate: trustme.LeafCert | None, told: str
) -> None:
    with Wire(b"HTTP/1.1 400 Bad Request\r\n\r\n", certificate=certificate) as bare:
        with pytest.raises(Unavailable, match=f"{told}; nothing was sent or paid"):
            ask_once(bare.url.replace("http:", "https:"))
        assert bare.accepted == 3


def test_a_paid_call_gets_through_once_somebody_listens(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting is tried again: nothing was sent before."""
    bare = Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    monkeypatch.setattr(clock, "sleep", lambda _: bare.__enter__())
    assert ask_once(bare.url).body == b"{}"
    bare.__exit__()
    assert bare.accepted == 1


def trusted(bare: Wire, seconds: float) -> wire.Reply:
    """The reply to one who trusts the authority."""
    with wire.Session(pool_size=1) as session, AUTHORITY.cert_pem.tempfile() as path:
        session.verify = path
        return wire.exchange(session, session.prepare_request(requests.Request("GET", bare.url)), seconds)


def test_a_reply_over_tls_is_read_whole() -> None:
    body = b"0123456789" * 50_000
    head = HEAD.replace(b"1000", b"500000")
    with Wire(head, body, certificate=STRANGER) as bare:
        assert trusted(bare, 600).body == body


def test_a_drip_over_tls_is_cut_off_too() -> None:
    begun, drip = time.monotonic(), Wire(*DRIPS["body"], pause_seconds=0.05, certificate=STRANGER)
    with drip as bare, pytest.raises(HTTPError, match="Read timed out"):
        trusted(bare, 0.4)
    assert time.monotonic() - begun < WHOLE_SECONDS / 2
