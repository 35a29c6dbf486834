"""The two doors as the functions framework opens them, in this process or as one of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

import functions_framework
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient

from persona.settings import Settings
from persona.triggers.terminal import main

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data"
# Every variable that a setting is read from.
NAMES = {one.metadata["name"] for one in Settings.__dataclass_fields__.values() if one.metadata}
# The built-in space on the cloud, without a bill.
SAMPLE = {"K_SERVICE": "persona", "PERSONA_SOURCE": "sample", "PERSONA_AUTHOR": "facts"}
# Sets variables for one test, as the fixture `settings` does.
Set = Callable[..., None]


def client(target: str) -> FlaskClient:
    """What a request to the function meets, routing and status codes included."""
    app: Flask = functions_framework.create_app(target, str(ROOT / "main.py"))  # type: ignore[no-untyped-call]
    return app.test_client()


def environment(**settings: str) -> dict[str, str]:
    """This machine's environment with these settings and no other; what runs in it is not traced."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if name not in {*NAMES, "K_SERVICE"} and not name.startswith("COVERAGE_")
    }
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}


def damaged_installation(folder: Path) -> str:
    """A PYTHONPATH with a library on it that breaks as it is loaded: a defect that nobody foresees."""
    (folder / "markdown_it.py").write_text('raise LookupError("jane@example.com")')
    return f"{folder}:{ROOT}"


def run_terminal(*arguments: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """`python -m persona` as a process of its own."""
    command = [sys.executable, "-m", "persona", *arguments]
    env = environment(**settings)
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=600)


def in_process(*arguments: str, cwd: Path, **settings: str) -> Result:
    """What `python -m persona` does, within this process: for what is not about processes."""
    nothing: dict[str, str | None] = dict.fromkeys((*NAMES, "K_SERVICE", "BIGQUERY_EMULATOR_HOST"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with chdir(cwd):
            return CliRunner().invoke(main, arguments, env=nothing | settings)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def free_port() -> Iterator[int]:
    """A port for a server to be started: while the block lasts, the system hands it out to nobody else."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@contextmanager
def serve(target: str, log: Path, **settings: str) -> Iterator[str]:
    """The address of a function, served by a functions-framework of its own that prints to `log`."""
    framework = str(Path(sys.executable).parent / "functions-framework")
    with log.open("wb") as printed, free_port() as port:
        command = [framework, f"--source={ROOT / 'main.py'}", f"--target={target}", "--host=127.0.0.1"]
        with started([*command, f"--port={port}"], port, log.parent, printed, **settings):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def started(
    command: list[str], port: int, folder: Path, printed: IO[bytes] | None = None, **settings: str
) -> Iterator[None]:
    """A server that was started in a folder, from when it listens on the port."""

    def listens() -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
            return True
        assert server.poll() is None, f"nothing listens on port {port}"
        return False

    env = environment(**settings)
    server = subprocess.Popen(command, cwd=folder, env=env, stdout=printed, stderr=printed)
    try:
        until(listens)
        yield
    finally:
        server.terminate()
        server.wait(600)


def until(true: Callable[[], bool]) -> None:
    """Return once it is so; what has not come after two minutes never will."""
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)


def published(folder: Path) -> list[str]:
    """The objects of an output folder, by name."""
    return sorted(
        str(one.relative_to(folder))
        for one in folder.rglob("*")
        if one.is_file() and not any(part.startswith(".") for part in one.relative_to(folder).parts)
    )


def readable(data: bytes) -> str:
    """An object as text; of slides, which are a ZIP file, all parts."""
    if not data.startswith(b"PK"):
        return data.decode()
    with ZipFile(BytesIO(data)) as parts:
        return "".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())


def lines(text: str) -> list[dict[str, Any]]:
    """The JSON lines of a log."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def event(data: Mapping[str, object], **attributes: str) -> dict[str, object]:
    """A Pub/Sub message as Eventarc's structured CloudEvent."""
    return {
        "specversion": "1.0",
        "id": "1234",
        "source": "//pubsub.googleapis.com/projects/p/topics/persona",
        "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "datacontenttype": "application/json",
        "data": data,
        **attributes,
    }
