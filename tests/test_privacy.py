"""Whatever happens at whichever door: nobody's address, id or other trait is seen outside."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest
from cloud import FakeMave, FakeSegment, FakeStorage, Reply, answer, json_reply, listing_error, profile_error
from crowd import crowd
from doors import ROOT, event, in_process, readable, serve

pytestmark = pytest.mark.slow

# What stands in every value of the crowd that could name somebody.
SECRETS = re.compile(r"secret|zebulon|\b555\D?7|broken@|negative@|odd@", re.IGNORECASE)
EMAIL = "person1@secret.example"
DOORS = ["http", "pubsub", "terminal"]

# Carries a request through a door, and tells all that a caller sees.
Delivery = Callable[[dict[str, object]], str]


@contextmanager
def opened(door: str, log: Path, **settings: str) -> Iterator[Delivery]:
    """A door, at the level at which it tells most; it prints to `log`."""
    settings = {"LOG_LEVEL": "DEBUG", **settings}
    if door == "terminal":
        yield lambda request: _from_terminal(request, log, settings)
        return
    with serve(f"persona_{door}", log, K_SERVICE="persona", GOOGLE_CLOUD_PROJECT="p", **settings) as url:
        yield lambda request: _over_http(door, request, url)


def _from_terminal(request: dict[str, object], log: Path, settings: dict[str, str]) -> str:
    ended = in_process("--run-id", str(request["run_id"]), cwd=log.parent, **settings)
    with log.open("a", encoding="utf-8") as printed:
        printed.write(ended.stderr)
    return ended.stdout + ended.stderr


def _over_http(door: str, request: dict[str, object], url: str) -> str:
    body, kind = json.dumps(request), "application/json"
    if door == "pubsub":
        data = base64.b64encode(body.encode()).decode()
        body = json.dumps(event({"message": {"data": data, "messageId": "1"}}))
        kind = "application/cloudevents+json"
    try:
        with urlopen(HttpRequest(url, body.encode(), {"Content-Type": kind}), timeout=60) as reply:  # noqa: S310 - our own server
            return str(reply.read().decode())
    except HTTPError as refused:
        with refused:
            return refused.read().decode()


def secrets_in(*texts: str) -> list[str]:
    """Every secret in these texts, with what stands around it."""
    return [
        text[max(found.start() - 80, 0) : found.end() + 40]
        for text in texts
        for found in SECRETS.finditer(text)
    ]


@pytest.mark.parametrize("door", DOORS)
def test_a_published_run_shows_nobody(tmp_path: Path, door: str) -> None:
    log = tmp_path / "log"
    content = (ROOT / "tests" / "data" / "answer_named.md").read_text(encoding="utf-8")
    with FakeSegment(crowd()) as segment, FakeMave(answer(content)) as mave, FakeStorage() as storage:
        settings = {**segment.settings(), **mave.settings(), **storage.settings()}
        with opened(door, log, **settings) as deliver:
            seen = deliver({"run_id": "monday"})
    objects = [f"{name} {readable(stored.data)}" for name, stored in storage.objects.items()]
    # Plans and types that were named after somebody were there to be shown, and are shown without the name.
    assert "Plan of [email]" in mave.paid[0]
    assert any('"[email]"' in text for text in objects)
    assert any("runs/monday/framework.json" in text for text in objects)
    assert secrets_in(seen, log.read_text(), *mave.paid, *objects) == []


def failures(url: str) -> dict[str, Reply]:
    """Ways in which Segment fails with somebody's address in its answer, by the code of the failure."""
    loop = {"data": {"profiles": crowd()[:1], "pagination": {"next": EMAIL}}}
    return {
        "401 segment_refused": listing_error(401, EMAIL, EMAIL),
        "403 segment_refused": json_reply({"errors": [{"type": EMAIL, "code": EMAIL}]}, 403),
        "404 segment_refused": Reply(status=404, body=EMAIL.encode()),
        "500 segment_unavailable": Reply(status=500, body=EMAIL.encode(), headers={"Retry-After": "60"}),
        "302 segment_invalid": Reply(status=302, headers={"Location": f"{url}/users/email:{EMAIL}"}),
        "text segment_invalid": Reply(body=EMAIL.encode()),
        "shape segment_invalid": json_reply({"data": {"profiles": EMAIL}}),
        "cursor segment_invalid": json_reply(loop),
        "gzip segment_invalid": Reply(body=EMAIL.encode(), headers={"Content-Encoding": "gzip"}),
        "cut segment_unavailable": Reply(
            body=json.dumps(loop).encode(), headers={"Content-Type": "application/json"}, ending="cut"
        ),
    }


@pytest.mark.parametrize("door", DOORS)
def test_a_failing_segment_shows_nobody(tmp_path: Path, door: str) -> None:
    log, output = tmp_path / "log", tmp_path / "frameworks"
    with FakeSegment([]) as segment:
        settings = {
            **segment.settings(),
            "PERSONA_AUTHOR": "facts",
            "PERSONA_OUTPUT": str(output),
            "PERSONA_DEADLINE_SECONDS": "5",
        }
        with opened(door, log, **settings) as deliver:
            seen = []
            for name, reply in failures(segment.url).items():
                segment.faults = lambda _, reply=reply: reply
                seen.append(deliver({"run_id": name.replace(" ", "-")}))
    told = log.read_text()
    codes = re.findall(r"^(segment_\w+):|code\W+(segment_\w+)", told, re.MULTILINE)
    assert [name.split()[1] for name in failures("")] == [first or second for first, second in codes]
    objects = [readable(path.read_bytes()) for path in output.rglob("*.json")]
    assert secrets_in(told, *seen, *objects) == []


@pytest.mark.parametrize("door", DOORS)
def test_people_who_are_looked_up_by_their_address_are_shown_nowhere(tmp_path: Path, door: str) -> None:
    log, output, listed = tmp_path / "log", tmp_path / "frameworks", tmp_path / "identifiers"
    listed.write_text("".join(f"email:person{number}@secret.example\n" for number in range(60)))
    with FakeSegment(crowd(), requests_a_second=None) as segment:
        settings = {
            **segment.settings(),
            "PERSONA_SOURCE": "profile-api",
            "PERSONA_IDENTIFIERS": str(listed),
            "PERSONA_AUTHOR": "facts",
            "PERSONA_OUTPUT": str(output),
            "PERSONA_DEADLINE_SECONDS": "10",
        }
        with opened(door, log, **settings) as deliver:
            seen = [deliver({"run_id": "monday"})]
            segment.faults = lambda _: profile_error(500, EMAIL)
            seen.append(deliver({"run_id": "down"}))
            segment.faults = lambda _: profile_error(401, EMAIL)
            seen.append(deliver({"run_id": "refused"}))
    objects = [readable(path.read_bytes()) for path in output.rglob("*") if path.is_file()]
    assert (output / "runs" / "monday" / "framework.json").exists()
    assert secrets_in(log.read_text(), *seen, *objects) == []
