"""The functions framework as a process, the services on their ports, and a run from end to end."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from cloud import FakeMave, FakeSegment, FakeStorage, raw
from crowd import crowd
from doors import DATA, ROOT, free_port, readable, run_terminal, serve, started

from persona.model import Framework
from persona.storage.objects import OUTPUTS

pytestmark = pytest.mark.slow


def ask(url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    reply = requests.request("POST" if body else "GET", url, data=body, headers=named, timeout=600)
    return reply.status_code, reply.content


JSON = "application/json"
OBJECTS = {
    "latest.html": "text/html; charset=utf-8",
    "latest.json": JSON,
    "runs/monday/answer.json": JSON,
    "runs/monday/framework.html": "text/html; charset=utf-8",
    "runs/monday/framework.json": JSON,
    "runs/monday/framework.md": "text/markdown; charset=utf-8",
    "runs/monday/framework.pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "runs/monday/facts.csv": "text/csv; charset=utf-8",
    "runs/monday/state.json": JSON,
    "runs/monday/summary.json": JSON,
}


def test_a_scheduled_call_becomes_a_framework_in_the_bucket(tmp_path: Path) -> None:
    content = (DATA / "answer_named.md").read_text(encoding="utf-8")
    body = json.dumps({"content": content, "id": "msg_1", "thread_id": "t_1", "new": 1}, indent=3).encode()
    with FakeSegment(crowd()) as segment, FakeMave(raw(body, content)) as mave, FakeStorage() as storage:
        settings = segment.settings() | mave.settings() | storage.settings("/team")
        settings |= {"K_SERVICE": "persona", "PERSONA_MAVE_CALLS": "1"}
        with serve("persona_http", tmp_path / "log", **settings) as url:
            status, report = ask(url, b'{"run_id": "monday"}', Content_Type="application/octet-stream")
            shown = ask(url, Accept="text/markdown")
            page = ask(f"{url}/runs/monday", Accept="text/html")
    stored = {name.removeprefix("team/"): one for name, one in storage.objects.items()}
    assert {name: one.content_type for name, one in stored.items()} == OBJECTS
    assert stored["runs/monday/answer.json"].data == body
    assert shown == (200, stored["runs/monday/framework.md"].data)
    assert page == (200, stored["runs/monday/framework.html"].data)
    assert (status, len(segment.requests), len(mave.paid)) == (200, 4, 1)
    assert_published(json.loads(report), {name: one.data for name, one in stored.items()})


def assert_published(report: dict[str, Any], stored: dict[str, bytes]) -> None:
    """The report, `latest.json` and `framework.json` say the same."""
    folder = "persona-frameworks/team/runs/monday"
    kinds = {"json": "framework.json", "markdown": "framework.md", "html": "framework.html"}
    kinds |= {"slides": "framework.pptx", "facts": "facts.csv"}
    objects = {kind: f"gs://{folder}/{name}" for kind, name in kinds.items()}
    page = f"https://storage.cloud.google.com/{folder}/framework.html"
    assert report["objects"] == objects | {"members": None, "open": page}
    framework = msgspec.json.decode(stored["runs/monday/framework.json"], type=Framework)
    latest = json.loads(stored["latest.json"])
    assert latest == {"run_id": "monday", "created_at": framework.created_at, "objects": report["objects"]}
    keys = "web_dominant", "mobile_dominant", "email_dominant", "omnichannel"
    assert {one.key: one.n for one in framework.patterns} == dict.fromkeys(keys, 60)
    source, population = framework.source, framework.population
    told = report["status"], source.kind, source.space_id, population.read, population.dormant
    assert told == ("published", "segment", "spa_test", 305, 60)
    assert [persona.pattern for persona in framework.personas] == [one.key for one in framework.patterns]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve("persona_http", tmp_path_factory.mktemp("server") / "log") as url:
        yield url


def exchange(url: str, head: str, *parts: bytes) -> tuple[str, dict[str, Any]]:
    """The status line and the JSON of an answer to a request that is sent part by part."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=600) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n".encode())
        for part in parts:
            connection.sendall(part)
            time.sleep(0.1)  # so that the parts travel apart
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.decode().partition("\r\n\r\n")
    return head.partition("\r\n")[0], json.loads(body)


def chunks(*parts: bytes) -> list[bytes]:
    return [b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b"")]


WHOLE = b'{"dry_run": true, "run_id": "parts"}'
PARTS = WHOLE[:10], WHOLE[10:]
CHUNKED = "Transfer-Encoding: chunked"
BODIES = {
    "in parts": (f"Content-Length: {len(WHOLE)}", PARTS, "200"),
    "in chunks": (CHUNKED, chunks(*PARTS), "200"),
    "a chunk without its size": (CHUNKED, [b"zz\r\n{}\r\n0\r\n\r\n"], "400"),
    "a chunk without its end": (CHUNKED, [b"2\r\n{}!!0\r\n\r\n"], "400"),
    "chunks that are too many": (CHUNKED, [b"".join(chunks(*[b" " * 40_000] * 2))], "400"),
}


@pytest.mark.parametrize("how", BODIES)
def test_a_body_in_parts_or_chunks_is_read_whole_or_refused(server: str, how: str) -> None:
    head, parts, expected = BODIES[how]
    status, report = exchange(server, head, *parts)
    assert status.split()[1] == expected
    assert report["run_id"] == "parts" if expected == "200" else report["error"]["code"] == "bad_request"


def test_the_same_space_gives_the_same_framework_whatever_a_process_draws_for_its_hashes(
    tmp_path: Path,
) -> None:
    def written(seed: str) -> dict[str, str]:
        folder = tmp_path / seed
        folder.mkdir()
        run_terminal("--run-id", "same", cwd=folder, PYTHONHASHSEED=seed)
        run = folder / "frameworks" / "runs" / "same"
        # Within the slides, each chart's workbook says when it was made.
        names = [path.name for path in run.iterdir() if path.name in OUTPUTS.keys() - {"framework.pptx"}]
        texts = {name: readable((run / name).read_bytes()) for name in names}
        # The moment of the run is all that may differ.
        moment = json.loads(texts["framework.json"])["created_at"]
        texts = {name: text.replace(moment, "now") for name, text in texts.items()}
        # Sums of fractions end differently, by the order in which the engine's threads are done.
        rounded = re.compile(r"\d+\.\d{9,}"), lambda digits: f"{float(digits[0]):.9g}"
        return {name: re.sub(*rounded, text) for name, text in texts.items()}

    assert written("1") == written("2")


def blocks(heading: str) -> list[str]:
    """The shell blocks of the README's section under the heading that begins so, as printed."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}.*?(?=^## )", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@pytest.fixture(params=["persona_http", "persona_pubsub"])
def printed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """A function's target, and what the README's curl lines for it print, in a folder like a clone's."""
    if not shutil.which("curl") and os.environ.get("CI") != "true":
        pytest.skip("curl is missing, and the README's lines need it")
    both = blocks("Run it on your laptop")
    starts = f"functions-framework --target {request.param}"
    start = next(i for i, block in enumerate(both) if starts in block)
    named = re.findall(r"--port[ =](\d+)", both[start])[0]
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (tmp_path / "main.py").symlink_to(ROOT / "main.py")
    with free_port() as port:
        pair = both[start : start + 2]
        command, asked = (re.sub(rf"\b{named}\b", str(port), block).strip() for block in pair)
        with started(["sh", "-c", f"exec {command}"], port, tmp_path):
            ended = subprocess.run(
                ["sh", "-e"], input=asked, cwd=tmp_path, capture_output=True, text=True, check=True
            )
    return request.param, ended.stdout


def test_the_readmes_lines_work_as_printed(printed: tuple[str, str], tmp_path: Path) -> None:
    target, text = printed
    if target == "persona_pubsub":
        assert text == "OK"
        assert (tmp_path / "frameworks" / "runs" / "tuesday" / "framework.json").exists()
        return
    documents = []
    while text.startswith("{"):
        document, end = json.JSONDecoder().raw_decode(text)
        documents.append(document.get("status") or document["schema"])
        text = text[end:].lstrip()
    page, _, rest = text.partition("</html>")
    assert documents == ["dry_run", "published", "persona-framework/2"]
    assert (page[:15].lower(), rest.strip()[:2]) == ("<!doctype html>", "# ")
