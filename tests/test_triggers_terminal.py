"""From a terminal the run tells what it does while it works, and ends with a table and a status."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cloud import FakeMave, FakeSegment, answer, refuse
from doors import DATA, ROOT, damaged_installation, environment, in_process, published, run_terminal

pytestmark = pytest.mark.slow

TABLE = (DATA / "closing_table.txt").read_text(encoding="utf-8")
STOPPED = (
    "stopped: what was paid for is kept, and an answer under way is looked for in Mave's threads; the same "
    "command with --run-id monday goes on, and pays for nothing twice"
)


@pytest.fixture
def mave() -> Iterator[FakeMave]:
    with FakeMave() as service:
        yield service


def settings_of(mave: FakeMave) -> dict[str, str]:
    return {"PERSONA_SOURCE": "sample", **mave.settings()}


def test_without_any_setting_a_framework_lies_in_the_folder_that_the_table_names(tmp_path: Path) -> None:
    ended = run_terminal("--run-id", "monday", cwd=tmp_path)
    table = TABLE.format(status="published", replay="", folder=tmp_path / "frameworks")
    assert (0, table) == (ended.returncode, re.sub(r"\d+ (?=from the)", "N ", ended.stdout))


def test_the_same_run_again_is_replayed(tmp_path: Path) -> None:
    in_process("--run-id", "monday", cwd=tmp_path)
    state = tmp_path / "frameworks" / "runs" / "monday" / "state.json"
    three_days_ago = (datetime.now(UTC) - timedelta(days=3, minutes=1)).isoformat()
    state.write_text(re.sub(r'(?<="created_at":")[^"]*', three_days_ago, state.read_text()))
    ended = in_process("--run-id", "monday", cwd=tmp_path)
    replay = "Published 3 days ago with the data of then; another --run-id makes a new one\n"
    table = TABLE.format(status="replayed", replay=replay, folder=tmp_path / "frameworks")
    told = re.sub(r"\d+ (?=from the)", "N ", ended.stdout)
    assert (0, table, "") == (ended.exit_code, told, ended.stderr)


def test_progress_goes_to_stderr_stage_by_stage(tmp_path: Path) -> None:
    told = in_process(cwd=tmp_path).stderr
    stages = [
        r" +\d+\.\d s  reading profiles",
        r" +\d+\.\d s  reading profiles: 600, [\d,]+ a second",
        r" +\d+\.\d s  checking the answer",
        r" +\d+\.\d s  writing the framework",
    ]
    assert re.fullmatch("\n".join(stages) + "\n", told)


def test_on_a_terminal_one_line_moves_while_mave_is_asked(tmp_path: Path, mave: FakeMave) -> None:
    seen = threading.Event()

    def moved(shown: str) -> bool:
        return len(set(re.findall(r"\r +(\d+\.\d) s  asking Mave *", shown))) > 3

    mave.script = [lambda *_: answer("No framework." if seen.wait(600) else "")]
    _, shown = on_a_terminal(tmp_path, when=moved, then=lambda _: seen.set(), **settings_of(mave))
    assert moved(shown)


def on_a_terminal(
    folder: Path,
    *arguments: str,
    when: Callable[[str], bool],
    then: Callable[[subprocess.Popen[bytes]], None],
    **settings: str,
) -> tuple[int, str]:
    """The status of `python -m persona` on a terminal of its own, and what it draws; then what is done."""
    ours, its_own = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "persona", *arguments],
        cwd=folder,
        env=environment(**settings),
        stdin=its_own,
        stdout=subprocess.DEVNULL,
        stderr=its_own,
    )
    os.close(its_own)
    too_long = threading.Timer(600, running.kill)
    too_long.start()
    drawn, done = bytearray(), False
    with suppress(OSError):  # how Linux says that the other end is closed
        while some := os.read(ours, 4_096):
            drawn.extend(some)
            if not done and when(drawn.decode(errors="ignore")):
                then(running)
                done = True
    too_long.cancel()
    os.close(ours)
    return running.wait(600), drawn.decode()


def test_a_dry_run_shows_the_message_and_writes_nothing(tmp_path: Path) -> None:
    ended = in_process("--dry-run", cwd=tmp_path)
    assert (ended.exit_code, list(tmp_path.iterdir())) == (0, [])
    assert "Number of people: 147" in ended.stdout.split("The message that Mave would get:\n\n")[1]


def test_a_dry_run_with_a_key_tells_the_credits_that_are_left(tmp_path: Path, mave: FakeMave) -> None:
    mave.recharges = True
    ended = in_process("--dry-run", cwd=tmp_path, **settings_of(mave))
    assert ended.stdout.endswith(
        "Credits left: 5,000; a call takes 10-75\n"
        "Auto-recharge is on: 1,000 credits at a time are bought unasked when they run low (Mavera's billing "
        "page)\nLimits: a budget alert at 4,000\n"
    )
    assert mave.paid == []


@pytest.mark.parametrize("options", [["--trial"], ["--limit", "300"]], ids=["trial", "limit"])
def test_a_trial_says_so_and_moves_no_latest_framework(tmp_path: Path, options: list[str]) -> None:
    """A limit makes one, and is told where it cut the space short."""
    told = in_process(*options, cwd=tmp_path).stdout
    cut = re.search(r"300 profiles read: .* \(not everybody: the limit\)\n", told)
    assert (bool(cut), "\nA trial: the latest framework stays what it is\n" in told) == (
        len(options) > 1,
        True,
    )
    assert not (tmp_path / "frameworks" / "latest.json").exists()


def test_a_failed_run_ends_with_1_and_its_code(tmp_path: Path, mave: FakeMave) -> None:
    mave.script = [refuse(402)]
    ended = in_process("--run-id", "monday", cwd=tmp_path, **settings_of(mave))
    code = ended.stderr.splitlines()[-1].partition(":")[0]
    assert (ended.exit_code, ended.stdout, code) == (1, "", "mave_refused")


def test_a_defect_ends_with_1_and_without_its_words(tmp_path: Path) -> None:
    ended = run_terminal(cwd=tmp_path, PYTHONPATH=damaged_installation(tmp_path))
    told = "an unexpected error code=failed" in ended.stderr, "jane" in ended.stdout + ended.stderr
    assert (ended.returncode, *told) == (1, True, False)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_run_that_is_stopped_lets_go_of_its_claim(tmp_path: Path, stop: signal.Signals) -> None:
    with FakeSegment([], latency_seconds=900) as segment:
        running = subprocess.Popen(
            [sys.executable, "-m", "persona", "--run-id", "monday"],
            cwd=tmp_path,
            env=environment(**segment.settings()),
            stderr=subprocess.PIPE,
            text=True,
        )
        while not segment.requests and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(stop)
        _, told = running.communicate(timeout=200)
    state = json.loads((tmp_path / "frameworks" / "runs" / "monday" / "state.json").read_bytes())
    assert (running.returncode, state["status"]) == (1, "released")
    assert told.splitlines()[-1] == STOPPED


def test_a_long_reading_tells_its_time_left_and_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("web,app\n" + "".join(f"{n % 9},{n % 7}\n" for n in range(63)) * 63_000)
    settings = {"PERSONA_SOURCE": "p.csv", "PERSONA_CHANNELS": "web=web,app=app", "PERSONA_LIMIT": "0"}

    def told(shown: str) -> bool:
        return bool(re.search(r"reading profiles: \d+%, \d+ s left", shown))

    def stop(running: subprocess.Popen[bytes]) -> None:
        running.send_signal(signal.SIGINT)

    status, shown = on_a_terminal(tmp_path, "--dry-run", when=told, then=stop, **settings)
    assert (status, told(shown)) == (1, True)
    assert shown.splitlines()[-1] == "stopped: nothing is kept, and nothing was paid"


def test_a_stop_before_anything_is_begun_says_so(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    ended = run_terminal(cwd=tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert (ended.returncode, ended.stderr) == (1, "stopped: nothing was begun\n")


def test_an_option_overrides_its_setting(tmp_path: Path) -> None:
    options = ("--source", "sample", "--currency", "CHF", "--output", "here", "--dry-run")
    ended = in_process(*options, cwd=tmp_path, PERSONA_SOURCE="/nowhere", PERSONA_CURRENCY="€")
    assert (ended.exit_code, "LTV: CHF 8" in ended.stdout, "€" in ended.stdout) == (0, True, False)


def test_a_second_run_tells_what_has_changed(tmp_path: Path) -> None:
    _, second = in_process(cwd=tmp_path), in_process(cwd=tmp_path)
    assert re.search(r"\nSince .*: no change that is more than chance explains\.\n", second.stdout)


def test_help_names_every_option(tmp_path: Path) -> None:
    ended = in_process("--help", cwd=tmp_path)
    options = "channels currency dry-run force help limit output run-id source trial"
    told = sorted(re.findall(r"^  --([a-z-]+)", ended.stdout, re.MULTILINE))
    assert (ended.exit_code, told) == (0, options.split())


def test_a_run_at_debug_level_tells_its_events_beside_the_progress(tmp_path: Path) -> None:
    told = in_process("--run-id", "monday", cwd=tmp_path, LOG_LEVEL="DEBUG").stderr
    assert "INFO    summarized run_id=monday stage=summarize classified=512" in told
    assert "latest.json" in published(tmp_path / "frameworks")
