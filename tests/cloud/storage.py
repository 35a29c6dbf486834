"""A fake Cloud Storage: the part of its JSON API that the official client uses for whole objects.

Preconditions, generations and checksums are real; every write is atomic (docs: storage/docs/json_api).
"""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote

import google_crc32c

from cloud.server import Reply, Request, Service, json_reply, settle, stop

Method = Literal["insert", "get", "media", "list", "delete"]

KNOWN = {
    "insert": {"uploadType", "ifGenerationMatch", "name", "upload_id"},
    "get": {"projection", "generation", "ifGenerationMatch", "fields"},
    "media": {"alt", "generation", "ifGenerationMatch"},
    "list": {"prefix", "pageToken", "maxResults", "projection", "fields"},
    "delete": {"generation", "ifGenerationMatch"},
}


class Call(NamedTuple):
    """A request in Cloud Storage's own words; `ordinal` counts the calls from 1."""

    method: Method
    name: str  # of the object; the prefix of a list; empty where the request names none
    ordinal: int


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with a call: an error instead of any work, or the work done and its reply spoilt."""

    status: int | None = None
    delay_seconds: float = 0.0  # before the call is looked at
    lost: bool = False  # carried out, and the connection reset instead of a reply
    cut: bool = False  # carried out, and the connection broken in the middle of the reply
    corrupt: bool = False  # the content changes on its way, and its checksum does not


Faults = Callable[[Call], Fault | None] | Sequence[Fault | None]


class Stored(NamedTuple):
    """One object of the bucket as it is now."""

    name: str
    data: bytes
    content_type: str
    generation: int
    updated: float  # Unix seconds


class FakeStorage(Service):
    """One bucket; point STORAGE_EMULATOR_HOST at `url`. `objects` is what lies in it, `calls` what was asked.

    `faults` is consulted before every call: a function of it, or a list with one entry a call and no fault
    after its end. `page_size` bounds a page of a list, so that paging can be seen with few objects.
    """

    def __init__(self, bucket: str = "persona-frameworks", *, faults: Faults = ()) -> None:
        super().__init__()
        self.bucket = bucket
        self.call_faults = faults
        self.page_size = 1_000
        self.calls: list[Call] = []
        self.objects: dict[str, Stored] = {}
        self._generation = 0
        # Of uploads whose content is yet to come: metadata, content type and query.
        self._uploads: dict[str, tuple[dict[str, object], str, Mapping[str, str]]] = {}

    def settings(self, prefix: str = "") -> dict[str, str]:
        """What points a deployment here."""
        return {"PERSONA_OUTPUT": f"gs://{self.bucket}{prefix}", "STORAGE_EMULATOR_HOST": self.url}

    def answer(self, request: Request) -> Reply:
        method, bucket, name = _route(request)
        call, fault = self._begin(method, _subject(method, name, request))
        self.wait(fault.delay_seconds)
        if fault.status is not None:
            return error(fault.status, f"Injected into {call.method}.")
        if fault.corrupt and method == "insert":
            data = _parts(request)[2]
            request = replace(request, body=request.body.replace(data, _damaged(data)))
        reply = settle(lambda asked: self._carried_out(method, bucket, name, asked), request)
        if fault.corrupt and method == "media":
            reply = replace(reply, body=_damaged(reply.body))
        return reply.but(ending="reset" if fault.lost else "cut" if fault.cut else None)

    def _begin(self, method: Method, name: str) -> tuple[Call, Fault]:
        with self.lock:
            call = Call(method, name, len(self.calls) + 1)
            self.calls.append(call)
        # Outside the lock: a fault may itself use the store, as another writer would.
        if callable(self.call_faults):
            return call, self.call_faults(call) or Fault()
        planned = self.call_faults[call.ordinal - 1 : call.ordinal]
        return call, (planned[0] if planned else None) or Fault()

    def _carried_out(self, method: Method, bucket: str, name: str, request: Request) -> Reply:
        if bucket != self.bucket:
            stop(error(404, "The specified bucket does not exist."))
        for unknown in request.query.keys() - KNOWN[method] - {"prettyPrint"}:
            stop(error(400, f"Unknown name: {unknown}."))
        with self.lock:
            match method:
                case "insert":
                    return self._insert(request)
                case "list":
                    return self._list(request.query)
            found = self._found(name, request.query)
            if method == "delete":
                del self.objects[name]
                return Reply(status=204)
            return self._media(found, request) if method == "media" else json_reply(self._described(found))

    def _described(self, found: Stored) -> dict[str, object]:
        updated = datetime.fromtimestamp(found.updated, UTC).isoformat(timespec="milliseconds")
        path = f"/download/storage/v1/b/{self.bucket}/o/{quote(found.name, safe='')}"
        return {
            "mediaLink": f"{self.url}{path}?generation={found.generation}&alt=media",
            "name": found.name,
            "bucket": self.bucket,
            "generation": str(found.generation),
            "contentType": found.content_type,
            "size": str(len(found.data)),
            "crc32c": crc32c(found.data),
            "md5Hash": md5(found.data),
            "updated": updated.replace("+00:00", "Z"),
        }

    def _found(self, name: str, query: Mapping[str, str]) -> Stored:
        found = self.objects.get(name)
        self._check_precondition(found, query)
        if found is None or query.get("generation", str(found.generation)) != str(found.generation):
            stop(error(404, f"No such object: {self.bucket}/{name}"))
        return found

    def _check_precondition(self, found: Stored | None, query: Mapping[str, str]) -> None:
        """`ifGenerationMatch=0` demands that the object does not exist, any other that it is that one."""
        expected = query.get("ifGenerationMatch")
        if expected is not None and not expected.isdecimal():
            stop(error(400, "Invalid value for ifGenerationMatch."))
        if expected is not None and int(expected) != (found.generation if found else 0):
            stop(error(412, "At least one of the pre-conditions you specified did not hold."))

    def _media(self, found: Stored, request: Request) -> Reply:
        headers = {
            "Content-Type": found.content_type,
            "X-Goog-Generation": str(found.generation),
            "X-Goog-Hash": f"crc32c={crc32c(found.data)},md5={md5(found.data)}",
            "X-Goog-Stored-Content-Length": str(len(found.data)),
        }
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if not span:
            return Reply(body=found.data, headers=headers)
        first, size = int(span[1]), len(found.data)
        last = min(int(span[2] or size), size - 1)
        if first > last:
            return error(416, "The requested range cannot be satisfied.")
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return Reply(status=206, body=found.data[first : last + 1], headers=headers)

    def _list(self, query: Mapping[str, str]) -> Reply:
        after = base64.urlsafe_b64decode(query.get("pageToken", "")).decode()
        prefix = query.get("prefix", "")
        names = sorted(name for name in self.objects if name.startswith(prefix) and name > after)
        size = min(self.page_size, int(query.get("maxResults", "1000")))
        page = [self._described(self.objects[name]) for name in names[:size]]
        listed: dict[str, object] = {"kind": "storage#objects"} | ({"items": page} if page else {})
        if len(names) > size:
            listed["nextPageToken"] = base64.urlsafe_b64encode(names[size - 1].encode()).decode()
        return json_reply(listed)

    # Uploads.

    def _insert(self, request: Request) -> Reply:
        query = request.query
        match request.method, query.get("uploadType"):
            case "POST", "multipart":
                metadata, content_type, data = _parts(request)
                return self._store(metadata, content_type, data, query)
            case "POST", "resumable":
                content_type = request.headers.get("X-Upload-Content-Type", "application/octet-stream")
                upload_id = secrets.token_urlsafe(12)
                self._uploads[upload_id] = json.loads(request.body), content_type, query
                return Reply(headers={"Location": f"{self.url}{request.target}&upload_id={upload_id}"})
            case "PUT", "resumable":
                found = self._uploads.get(query.get("upload_id", "")) or stop(error(404, "No such upload."))
                metadata, content_type, begun = found
                # In one piece here, which the client prefers.
                size = len(request.body)
                if request.headers.get("Content-Range") != f"bytes 0-{size - 1}/{size}":
                    return error(400, "Invalid Content-Range.")
                return self._store(metadata, content_type, request.body, begun)
        return error(400, "Unknown uploadType.")

    def _store(
        self, metadata: Mapping[str, object], content_type: str, data: bytes, query: Mapping[str, str]
    ) -> Reply:
        name = str(metadata.get("name") or query.get("name") or "")
        if not name or len(name.encode()) > 1_024 or re.search(r"[\r\n]", name) or name in {".", ".."}:
            return error(400, "Invalid object name.")
        for key, actual in (("crc32c", crc32c(data)), ("md5Hash", md5(data))):
            if metadata.get(key, actual) != actual:
                return error(400, f"Provided {key} does not match the content.")
        self._check_precondition(self.objects.get(name), query)
        # Generations look like the real ones, microseconds, and never repeat.
        self._generation = max(self._generation + 1, time.time_ns() // 1_000)
        content_type = str(metadata.get("contentType", content_type))
        self.objects[name] = Stored(name, data, content_type, self._generation, self.now())
        return json_reply(self._described(self.objects[name]))


def error(status: int, message: str) -> Reply:
    """An error in Google's shape."""
    reasons = [{"message": message, "domain": "global"}]
    return json_reply({"error": {"code": status, "message": message, "errors": reasons}}, status)


def crc32c(data: bytes) -> str:
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _route(request: Request) -> tuple[Method, str, str]:
    """What is asked of which bucket and object; an object's slashes come percent-encoded."""
    path = re.fullmatch(r"(/upload|/download)?/storage/v1/b/([^/]+)/o(?:/([^/]+))?", request.raw_path)
    if not path:
        stop(error(404, "Not Found"))
    door, bucket, name = path[1], unquote(path[2]), unquote(path[3] or "")
    if door == "/upload" and request.method in {"POST", "PUT"}:
        return "insert", bucket, ""
    if request.method == "DELETE" and name and not door:
        return "delete", bucket, name
    if request.method != "GET":
        stop(error(400, "Not offered here."))
    if not name:
        return "list", bucket, ""
    return ("media" if request.query.get("alt") == "media" else "get"), bucket, name


def _subject(method: Method, name: str, request: Request) -> str:
    """The object's name that a call is about, also where only its body has it."""
    query = request.query
    if method == "list":
        return query.get("prefix", "")
    if method != "insert":
        return name
    if query.get("uploadType") == "multipart":
        return str(_parts(request)[0].get("name", ""))
    return str(json.loads(request.body).get("name", "")) if request.method == "POST" else ""


def _damaged(data: bytes) -> bytes:
    """A content one bit of which changed."""
    return data[:-1] + bytes([data[-1] ^ 1])


def _parts(request: Request) -> tuple[dict[str, object], str, bytes]:
    """Metadata, content type and content of a multipart/related upload."""
    boundary = request.headers.get_param("boundary")
    if request.headers.get_content_type() != "multipart/related" or not isinstance(boundary, str):
        stop(error(400, "Expected multipart/related."))
    mark = b"--" + boundary.encode()
    _, about, content = request.body.split(mark, 2)
    metadata = json.loads(about.partition(b"\r\n\r\n")[2])
    head, _, data = content.partition(b"\r\n\r\n")
    content_type = re.search(rb"content-type: *([^\r\n]+)", head, re.IGNORECASE)
    kind = content_type[1].decode() if content_type else "application/octet-stream"
    return metadata, kind, data[: data.rindex(b"\r\n" + mark + b"--")]
