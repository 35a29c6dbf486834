"""One request and its whole reply, bounded in bytes and in time; or the certainty that nothing was sent.

No redirect is followed, and the environment is not read: no proxies, no certificate bundle, no `.netrc`,
which would override the Authorization header.
"""

import io
import logging
import re
import socket
import ssl
import time
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError

# Its lines carry the URLs of requests, and so people's identifiers.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

# The largest page and the longest answer are far below this; a decompression bomb is far above.
MOST_BODY_BYTES = 32 * 2**20
_CHUNK_BYTES = 2**16
# Connecting takes two or three round trips: ten seconds cover the worst link.
CONNECT_SECONDS = 10.0

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class Reply(NamedTuple):
    """What a service answered; `cut` is true where the body went on past MOST_BODY_BYTES."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False

    def __str__(self) -> str:
        """The status and, where one was sent, the request id that the service's support asks for."""
        request_id = self.headers.get("Request-Id") or self.headers.get("X-Request-Id") or ""
        shown_id = f" (request id {request_id})" if _REQUEST_ID.fullmatch(request_id) else ""
        return f"{self.status}{shown_id}"


class NotConnected(Exception):
    """No connection came about: nothing was sent."""


class Session(requests.Session):
    """A session of requests that resends nothing, follows nothing and reads no environment."""

    def __init__(self, pool_size: int) -> None:
        super().__init__()
        self.trust_env = False
        # Gzip is all that the decoder bounds on every installation.
        own = {"User-Agent": "persona", "Accept": "application/json", "Accept-Encoding": "gzip"}
        self.headers.update(own)
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(pool_size))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: told not to follow a redirect, requests still reads its whole body into memory."""


def exchange(session: Session, request: requests.PreparedRequest, seconds: float) -> Reply:
    """One request and its whole reply, connecting included, within so many seconds."""
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds)
    with session.send(
        request,
        stream=True,
        timeout=timeout,  # type: ignore[arg-type] # passed on to urllib3, which wants exactly this
        allow_redirects=False,
    ) as response:
        body = bytearray()
        for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > MOST_BODY_BYTES:
                break
        cut = len(body) > MOST_BODY_BYTES
        return Reply(response.status_code, response.headers, bytes(body[:MOST_BODY_BYTES]), cut)


# Why no connection came about, in words without an address.
_REASONS = (
    (NameResolutionError, "its name was not found"),
    (NewConnectionError, "the connection was refused"),
    ((ConnectTimeoutError, TimeoutError), "connecting took too long"),
    (ssl.SSLCertVerificationError, "its certificate could not be verified"),
    ((OSError, HTTPError, ValueError), "the TLS handshake failed"),
)


class _UntilReader(io.RawIOBase):
    """A socket's bytes until a moment: each read waits only as long as the whole reply still may.

    A timeout of requests or of a socket starts anew with every byte, so that a slow drip outlasts it.
    """

    def __init__(self, stream: io.RawIOBase, wire: socket.socket, seconds: float) -> None:
        self._stream, self._wire, self._end = stream, wire, time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override] # its only reader sends these
        left_seconds = self._end - time.monotonic()
        if left_seconds <= 0:
            raise TimeoutError
        self._wire.settimeout(left_seconds)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _TimedReply(HTTPResponse):
    """A reply of which status, headers and body together take no longer than the socket's timeout."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__(sock, debuglevel, method)
        seconds = sock.gettimeout() or CONNECT_SECONDS
        self.fp = io.BufferedReader(_UntilReader(self.fp.detach(), sock, seconds))


class _Plain(HTTPConnection):
    response_class = _TimedReply

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, HTTPError, ValueError) as error:
            reason = next(words for kinds, words in _REASONS if isinstance(error, kinds))
            raise NotConnected(reason) from None


class _Secure(_Plain, HTTPSConnection):
    """`connect` is that of `_Plain` around that of urllib3's own."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    """Connections of ours in the pools of requests, which by itself tries nothing again."""

    def __init__(self, pool_size: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=pool_size)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
