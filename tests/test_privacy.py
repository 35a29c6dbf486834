"""Whatever happens at whichever door: nobody's address, id or other trait is seen outside."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from clock import Clock
from cloud import FakeMave, FakeSegment, FakeStorage, Reply, answer, json_reply, listing_error, profile_error
from crowd import crowd
from doors import DATA, Set, client, event, in_process, readable, serve

pytestmark = pytest.mark.slow

# What stands in every value of the crowd that could name somebody.
SECRETS = re.compile(r"secret|zebulon|\b555\D?7|broken@|negative@|odd@", re.IGNORECASE)
EMAIL = "person1@secret.example"
DOORS = ["http", "pubsub", "terminal"]

# Carries a request through a door, and tells all that a caller and the log see.
Deliver = Callable[[dict[str, object]], str]
Open = Callable[[str, dict[str, str]], Deliver]


@pytest.fixture
def within(settings: Set, frameworks: Path, capsys: pytest.CaptureFixture[str], clock: Clock) -> Open:
    """Opens a door in this process, where no wait takes time, at the level at which it tells most."""
    assert clock

    def opened(door: str, named: dict[str, str]) -> Deliver:
        named = {"LOG_LEVEL": "DEBUG", **named}
        if door == "terminal":
            output = {"PERSONA_OUTPUT": str(frameworks)}
            return lambda request: _from_terminal(request, frameworks.parent, named | output)
        settings(K_SERVICE="persona", GOOGLE_CLOUD_PROJECT="p", **named)
        function = client(f"persona_{door}")

        def deliver(request: dict[str, object]) -> str:
            body, kind = _worded(door, request)
            answer = function.post("/", data=body, content_type=kind).get_data(as_text=True)
            return answer + "".join(capsys.readouterr())

        return deliver

    return opened


def _from_terminal(request: dict[str, object], folder: Path, named: dict[str, str]) -> str:
    ended = in_process("--run-id", str(request["run_id"]), cwd=folder, **named)
    return ended.stdout + ended.stderr


def _worded(door: str, request: dict[str, object]) -> tuple[bytes, str]:
    body = json.dumps(request).encode()
    if door == "http":
        return body, "application/json"
    said = event({"message": {"data": base64.b64encode(body).decode(), "messageId": "1"}})
    return json.dumps(said).encode(), "application/cloudevents+json"


def _from_server(door: str, request: dict[str, object], log: Path, named: dict[str, str]) -> str:
    """What a server of its own answers and prints."""
    body, kind = _worded(door, request)
    more = {"K_SERVICE": "persona", "GOOGLE_CLOUD_PROJECT": "p", "LOG_LEVEL": "DEBUG"}
    with serve(f"persona_{door}", log, **named, **more) as url:
        answer = requests.post(url, body, headers={"Content-Type": kind}, timeout=600)
    return answer.text + log.read_text()


def secrets_in(*texts: str) -> list[str]:
    """Every secret in these texts, with what stands around it."""
    found = [(text, one) for text in texts for one in SECRETS.finditer(text)]
    return [text[max(one.start() - 80, 0) : one.end() + 40] for text, one in found]


@pytest.mark.parametrize("door", DOORS)
def test_a_published_run_shows_nobody(tmp_path: Path, door: str) -> None:
    content = (DATA / "answer_named.md").read_text(encoding="utf-8")
    with FakeSegment(crowd()) as segment, FakeMave(answer(content)) as mave, FakeStorage() as storage:
        named = {**segment.settings(), **mave.settings(), **storage.settings()}
        request: dict[str, object] = {"run_id": "monday"}
        if door == "terminal":
            seen = _from_terminal(request, tmp_path, {"LOG_LEVEL": "DEBUG", **named})
        else:
            seen = _from_server(door, request, tmp_path / "log", named)
    objects = [f"{name} {readable(stored.data)}" for name, stored in storage.objects.items()]
    # Plans and types that were named after somebody were there to be shown, and are shown without the name.
    assert "Plan of [email]" in mave.paid[0]
    assert any('"[email]"' in text for text in objects)
    assert any("runs/monday/framework.json" in text for text in objects)
    assert secrets_in(seen, *mave.paid, *objects) == []


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
        "cut segment_unavailable": Reply(body=json.dumps(loop).encode(), ending="cut"),
    }


@pytest.mark.parametrize("door", DOORS)
def test_a_failing_segment_shows_nobody(within: Open, frameworks: Path, door: str) -> None:
    with FakeSegment([]) as segment:
        deliver = within(door, {**segment.settings(), "PERSONA_AUTHOR": "facts"})
        seen = []
        for name, reply in failures(segment.url).items():
            segment.faults = lambda _, reply=reply: reply
            seen.append(deliver({"run_id": name.replace(" ", "-")}))
    code = re.compile(r"^(segment_\w+):|severity.*code\W+(segment_\w+)", re.MULTILINE)
    codes = [code.findall(told) for told in seen]
    assert [name.split()[1] for name in failures("")] == [first or second for ((first, second),) in codes]
    objects = [readable(path.read_bytes()) for path in frameworks.rglob("*.json")]
    assert secrets_in(*seen, *objects) == []


@pytest.mark.parametrize("door", DOORS)
def test_people_who_are_looked_up_by_address_are_shown_nowhere(
    within: Open, frameworks: Path, door: str
) -> None:
    listed = frameworks.parent / "identifiers"
    listed.write_text("".join(f"email:person{number}@secret.example\n" for number in range(60)))
    with FakeSegment(crowd(), requests_a_second=None) as segment:
        profile_api = {"PERSONA_SOURCE": "profile-api", "PERSONA_IDENTIFIERS": str(listed)}
        deliver = within(door, {**segment.settings(), **profile_api, "PERSONA_AUTHOR": "facts"})
        seen = [deliver({"run_id": "monday"})]
        for status in (500, 401):
            segment.faults = lambda _, status=status: profile_error(status, EMAIL)
            seen.append(deliver({"run_id": f"failed-{status}"}))
    objects = [readable(path.read_bytes()) for path in frameworks.rglob("*") if path.is_file()]
    assert (frameworks / "runs" / "monday" / "framework.json").exists()
    assert secrets_in(*seen, *objects) == []
