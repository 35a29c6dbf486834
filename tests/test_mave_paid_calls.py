"""Pay once, lose nothing: every way in which a run can be troubled, and what comes of it, at the doors."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from cloud import Call, FakeMave, FakeSegment, FakeStorage, Fault, Turn, answer, lose, raw, refuse
from doors import ROOT, client, event, serve
from werkzeug.datastructures import Headers

pytestmark = pytest.mark.slow
DATA = ROOT / "tests" / "data"
WHOLE = (DATA / "answer_named.md").read_text()
QUESTION = (DATA / "answer_question.md").read_text()
# The answer without its last pattern and the strategy.
PARTIAL = WHOLE[: WHOLE.index("Omnichannel") - 10]
FOLDER = "runs/run"
CLOUD_EVENT = "application/cloudevents+json"


class House:
    """A deployment of both functions, and the folder or bucket that they write to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder
        self.settings: dict[str, str] = {}
        self.http = client("persona_http")
        self.pubsub = client("persona_pubsub")
        for name in os.environ:
            if name.startswith(("PERSONA_", "MAVE", "SEGMENT_")):
                monkeypatch.delenv(name)
        self.set(PERSONA_SOURCE="sample", PERSONA_OUTPUT=str(folder))
        self.set(MAVE_TIMEOUT_SECONDS="1", PERSONA_DEADLINE_SECONDS="30")

    def set(self, **settings: str) -> None:
        self.settings |= settings
        for name, value in settings.items():
            self._monkeypatch.setenv(name, value)

    def use(self, service: FakeMave | FakeSegment | FakeStorage) -> None:
        """Point the deployment at a fake service."""
        if isinstance(service, FakeSegment):
            self.set(PERSONA_SOURCE="segment")
        self.set(**service.settings())

    def post(self, **request: object) -> "Told":
        response = self.http.post("/", json={"run_id": "run"} | request)
        return Told(response.status_code, response.get_json(), response.headers)

    def deliver(self) -> int:
        """The status of a delivery by Pub/Sub: 2xx acknowledges."""
        data = base64.b64encode(b'{"run_id": "run"}').decode()
        said = event({"message": {"data": data, "messageId": "1"}})
        return int(self.pubsub.post("/", json=said, content_type=CLOUD_EVENT).status_code)

    def read(self, name: str) -> bytes:
        return (self.folder / FOLDER / name).read_bytes()

    def kept(self, name: str) -> Any:
        return json.loads(self.read(name))


class Told(NamedTuple):
    """What a caller over HTTP is told."""

    status: int
    body: Any
    headers: Headers

    @property
    def word(self) -> str:
        """The report's status, or the failure's code."""
        return str(self.body["error"]["code"] if "error" in self.body else self.body["status"])


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> House:
    return House(monkeypatch, tmp_path / "frameworks")


@contextmanager
def asking(house: House, *script: Turn | Callable[[str, str | None], Turn]) -> Iterator[FakeMave]:
    with FakeMave(*script) as mave:
        house.use(mave)
        yield mave


def calls(mave: FakeMave) -> int:
    return sum(request.path.endswith("/mave/chat") for request in mave.requests)


PERSON = {
    "traits": {"web_sessions_30d": 9, "mobile_sessions_30d": 0, "emails_opened_30d": 1, "plan": "pro"},
    "external_ids": [{"type": "user_id", "id": "u1"}],
}


# 1, 2: the same event again.


@pytest.mark.parametrize("way", ["http", "pubsub"])
def test_case_02_of_two_deliveries_at_once_one_works_and_the_other_comes_again(
    house: House, way: str
) -> None:
    house.set(MAVE_TIMEOUT_SECONDS="5")

    def deliver() -> int:
        return house.deliver() if way == "pubsub" else house.post().status

    with asking(house, answer(WHOLE, delay_seconds=0.7)) as mave, ThreadPoolExecutor(1) as pool:
        at_work = pool.submit(deliver)
        until(lambda: bool(mave.paid))
        assert deliver() == (503 if way == "pubsub" else 409)
        assert at_work.result() == 200
        assert deliver() == 200
        assert calls(mave) == 1


# 3: killed.


@pytest.mark.parametrize("ahead_seconds", [-1_000.0, 1_000.0])
def test_case_03_the_store_s_own_clock_measures_a_lease(house: House, ahead_seconds: float) -> None:
    """Whatever this machine's clock shows, a live lease is left alone, and one that ran out is not."""
    asked = threading.Event()
    with FakeStorage() as storage, asking(house, late(asked)) as mave:
        storage.clock_ahead_seconds = ahead_seconds
        killed(house, storage, asked)
        assert house.post().word == "published"
        assert calls(mave) == 1


def late(asked: threading.Event) -> Callable[[str, str | None], Turn]:
    """An answer whose reply comes too late for a delivery that is killed."""

    def turn(_message: str, _thread: str | None) -> Turn:
        asked.set()
        return answer(WHOLE, delay_seconds=30, thread_after_seconds=0)

    return turn


def killed(house: House, storage: FakeStorage, reached: threading.Event) -> None:
    """A delivery as far as that, killed there; its lease holds others off, and then runs out."""
    house.use(storage)
    with started("-m", "persona", "--run-id", "run") as process:
        assert reached.wait(20)
        process.kill()
    state = storage.objects[f"{FOLDER}/state.json"]
    assert house.post().word == "run_in_progress"
    storage.objects[state.name] = replace(state, updated=state.updated - 100)


@pytest.mark.parametrize(
    ("target", "expected"),
    [("persona_http", (500, True)), ("persona_pubsub", (503, True))],
    ids=["http", "pubsub"],
)
def test_case_03_a_defect_after_a_paid_call_is_worth_another_try(
    tmp_path: Path, target: str, expected: tuple[int, bool]
) -> None:
    """An installation with a broken page: the answer is paid for, kept, and published once it is mended."""
    broken = tmp_path / "broken"
    shutil.copytree(ROOT / "persona", broken / "persona")
    (broken / "persona" / "write" / "page.html").write_text("{% jane@example.com")
    log = tmp_path / "log"
    with FakeMave(answer(WHOLE)) as mave:
        settings = {
            "PERSONA_SOURCE": "sample",
            "PERSONA_OUTPUT": str(tmp_path / "frameworks"),
            **mave.settings(),
        }
        request: dict[str, object] = {"run_id": "run"}
        if target == "persona_pubsub":
            data = base64.b64encode(json.dumps(request).encode()).decode()
            request = event({"message": {"data": data, "messageId": "1"}})
        with serve(target, log, **settings, PYTHONPATH=str(broken)) as url:
            refused = requests.post(url, json=request, timeout=60)
        with serve(target, log, **settings) as url:
            assert requests.post(url, json=request, timeout=60).ok
        assert calls(mave) == 1
    told = refused.text + log.read_text()
    retryable = refused.status_code == 503 or refused.json()["error"]["retryable"]
    assert (refused.status_code, retryable, "jane" in told) == (*expected, False)
    assert (tmp_path / "frameworks" / FOLDER / "framework.json").exists()


# 4 to 9: Mave.


def test_case_04_a_busy_mave_is_waited_for(house: House) -> None:
    with asking(house, refuse(429, Retry_After="2"), answer(WHOLE)) as mave:
        report = house.post()
        assert (len(mave.refused), len(mave.paid)) == (1, 1)
    assert (report.word, report.body["seconds"]["mave"] >= 2) == ("published", True)


def test_case_04_a_wait_beyond_the_budget_costs_nothing_and_is_passed_on(house: House) -> None:
    with asking(house, refuse(429, Retry_After="60"), answer(WHOLE)) as mave:
        refused = house.post()
        assert (refused.word, refused.headers["Retry-After"]) == ("mave_unavailable", "60")
        assert house.kept("state.json")["calls"] == []
        assert house.post().word == "published"
        assert len(mave.paid) == 1


def test_case_05_a_refusal_is_told_and_not_resent(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.set(LOG_LEVEL="DEBUG")
    with asking(house, refuse(401, "invalid_api_key")) as mave:
        refused = house.post()
        assert calls(mave) == 1
        assert house.deliver() == 200  # acknowledged: it would be refused again
    assert (refused.status, refused.word) == (502, "mave_refused")
    assert "invalid_api_key" in refused.body["error"]["message"]
    assert house.kept("error.json")["error"] == refused.body["error"]
    logged = "".join(capsys.readouterr())
    assert logged.count("code=mave_refused") == 2
    assert mave.key not in json.dumps(refused.body) + house.read("error.json").decode() + logged
    assert house.kept("state.json")["calls"] == []


LOST = {
    "500": lose(WHOLE, 500),
    "a read timeout": lose(WHOLE, "silence"),
    "a reset in the body": lose(WHOLE, "cut"),
}


@pytest.mark.parametrize("turn", LOST.values(), ids=LOST)
def test_case_06_a_lost_reply_is_recovered_from_its_thread(house: House, turn: Turn) -> None:
    with asking(house, turn) as mave:
        assert house.post().word == "published"
        assert calls(mave) == 1
    assert house.kept("answer.json")["content"] == WHOLE


def test_case_06_an_answer_that_is_still_being_written_is_waited_for_by_later_deliveries(
    house: House,
) -> None:
    house.set(PERSONA_DEADLINE_SECONDS="12")
    with asking(house, lose(WHOLE, 500, thread_after_seconds=2.5)) as mave:
        assert house.post().word == "mave_unavailable"
        until(lambda: house.post().word == "published")
        assert calls(mave) == 1


def test_case_06_what_no_thread_tells_is_asked_once_more_and_then_left_to_an_operator(house: House) -> None:
    with asking(house, lose(WHOLE, 500)) as mave:
        mave.hides_threads = True
        words = [house.post().word]
        for _ in range(2):
            time.sleep(1)  # MAVE_TIMEOUT_SECONDS
            words += [house.post().word]
        assert calls(mave) == 2
    assert words == ["mave_unavailable", "mave_unavailable", "needs_operator"]
    assert house.kept("error.json")["error"]["code"] == "needs_operator"


def test_case_06_a_call_s_time_counts_from_when_it_was_sent_and_not_from_waits_before(house: House) -> None:
    with asking(house, refuse(429, Retry_After="2"), lose(WHOLE, "reset")) as mave:
        mave.hides_threads = True
        assert house.post().word == "mave_unavailable"
        assert len(mave.paid) == 1


def test_case_07_a_reply_that_is_no_answer_is_kept_and_never_paid_again(house: House) -> None:
    with asking(house, raw(b"<html>Bad gateway</html>")) as mave:
        assert [house.post().word for _ in range(2)] == ["mave_invalid"] * 2
        assert house.deliver() == 200
        assert calls(mave) == 1
    assert house.read("reply-1.bin") == b"<html>Bad gateway</html>"


def test_case_07_what_the_reply_lacked_is_taken_from_its_thread(house: House) -> None:
    with asking(house, raw(b"<html>", WHOLE)) as mave:
        assert house.post().word == "published"
        assert calls(mave) == 1


def test_case_08_a_question_is_answered_once_in_its_thread(house: House) -> None:
    with asking(house, lambda _, thread: answer(WHOLE if thread else QUESTION)) as mave:
        report = house.post()
        assert calls(mave) == 2
    assert (report.word, report.body["mave"]["calls"]) == ("published", 2)
    assert "clarify" not in house.read("framework.md").decode()


def test_case_08_a_mave_that_only_asks_leaves_its_words(house: House) -> None:
    """What was paid for is published as it came, once the calls are spent."""
    with asking(house, answer(QUESTION)) as mave:
        assert [house.post().word for _ in range(2)] == ["published", "replayed"]
        assert calls(mave) == 2
    assert "No persona could be found" in house.read("framework.md").decode()


def test_case_09_a_hostile_answer_is_inert_stored_and_bounded(house: House) -> None:
    hostile = "<script>alert(1)</script> [here](javascript:alert(1)) \ud800 <img src=x onerror=alert(1)>\n\n"
    with asking(house, answer(WHOLE + hostile + "All of it is so. " * 300_000)):
        assert house.post().word == "published"
    page, markdown = house.read("framework.html"), house.read("framework.md")
    assert re.search(rb"<script|<img|href=.?javascript:", page + markdown) is None
    assert len(page) < 300_000
    assert len(house.read("answer.json")) > 5_000_000


# 15: storage.

TROUBLE = {
    "403": (Fault(status=403), "storage_refused"),
    "a 412 storm": (Fault(status=412), "storage_unavailable"),
    "bytes that change on the way": (Fault(corrupt=True), "storage_refused"),
}


@pytest.mark.parametrize(("fault", "code"), TROUBLE.values(), ids=TROUBLE)
def test_case_15_when_the_outputs_cannot_be_written_the_answer_is_kept(
    house: House, fault: Fault, code: str
) -> None:
    trouble = True

    def on_outputs(call: Call) -> Fault | None:
        return fault if trouble and call.method == "insert" and "framework" in call.name else None

    with FakeStorage(faults=on_outputs) as storage, asking(house, answer(WHOLE)) as mave:
        house.use(storage)
        assert house.post().word == code
        assert json.loads(storage.objects[f"{FOLDER}/answer.json"].data)["content"] == WHOLE
        assert [name for name in storage.objects if "framework" in name] == []
        trouble = False
        assert house.post().word == "published"
        assert {f"{FOLDER}/framework.{kind}" for kind in ("html", "md", "json")} <= storage.objects.keys()
        assert calls(mave) == 1


MISHAPS = {
    "its reply lost": Fault(lost=True),
    "its reply cut short": Fault(cut=True),
    "a busy object": Fault(status=429),
    "the credentials gone": Fault(status=401),
    "a role taken away": Fault(status=403),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("mishap", MISHAPS.values(), ids=MISHAPS)
def test_case_15_whatever_happens_to_any_one_storage_request_the_run_ends_published_and_paid_once(
    house: House, mishap: Fault
) -> None:
    """Of a run's storage requests each meets a mishap in turn; then the run is delivered again.

    Each request meets two of the five; all of them by hand: TEST_EXAMPLES=1.
    """
    place = list(MISHAPS.values()).index(mishap)
    for spoilt in range(1, 100):
        if "TEST_EXAMPLES" not in os.environ and (spoilt + place) % len(MISHAPS) > 1:
            continue
        with FakeStorage() as storage, asking(house, answer(WHOLE)) as mave:
            house.use(storage)
            storage.call_faults = [*[None] * (spoilt - 1), mishap]
            first = house.post()
            again = first if first.word == "published" else house.post()
            assert (again.word, calls(mave)) == ("published", 1), f"request {spoilt}, first {first.word}"
            if len(storage.calls) < spoilt:
                return


def test_case_15_a_412_storm_on_the_latest_framework_ends(house: House) -> None:
    def on_latest(call: Call) -> Fault | None:
        return Fault(status=412) if call.method == "insert" and call.name == "latest.json" else None

    with FakeStorage(faults=on_latest) as storage, asking(house, answer(WHOLE)) as mave:
        house.use(storage)
        assert house.post().word == "storage_unavailable"
        storage.call_faults = ()
        assert house.post().word == "published"
        assert calls(mave) == 1


@pytest.mark.parametrize("name", ["state.json", "summary.json"])
def test_case_15_what_somebody_else_changed_is_named_and_nothing_paid(house: House, name: str) -> None:
    (house.folder / FOLDER).mkdir(parents=True)
    (house.folder / FOLDER / name).write_bytes(b"{}")
    with asking(house) as mave:
        refused = house.post()
        assert mave.requests == []
    assert (refused.status, refused.word) == (502, "storage_refused")
    assert name.removesuffix(".json") in refused.body["error"]["message"]


# 17: no time, or stopped.


def test_case_17_without_time_for_an_answer_nothing_is_spent_and_the_next_delivery_goes_on(
    house: House,
) -> None:
    house.set(PERSONA_DEADLINE_SECONDS="13")
    with FakeSegment([PERSON] * 50, latency_seconds=2.2) as segment, asking(house, answer(WHOLE)) as mave:
        house.use(segment)
        assert house.post().word == "deadline"
        assert mave.requests == []
        assert house.kept("state.json")["status"] == "released"
        assert house.post().word == "published"
        assert len(segment.requests) == 1


# 18: at once, in one process.


def test_case_18_and_12_a_server_keeps_eight_runs_apart_and_outlives_a_flood(
    house: House, tmp_path: Path
) -> None:
    """However slow the machine: eight at once share it, and none of the limits is what this is about."""

    def turn(message: str, _thread: str | None) -> Turn:
        return answer(f"{WHOLE}\n\nFor {message[-40:]}", delay_seconds=0.3)

    house.set(MAVE_TIMEOUT_SECONDS="120", PERSONA_DEADLINE_SECONDS="300")
    names = [f"run{number}" for number in range(8)]
    with (
        asking(house, turn),
        serve("persona_http", tmp_path / "log", **house.settings) as url,
        ThreadPoolExecutor(8) as pool,
    ):
        # 40 MB, which the platform reads to their end before it answers.
        flood = requests.post(url, data=b" " * 40_000_000, timeout=120)
        assert (flood.status_code, flood.json()["error"]["code"]) == (400, "bad_request")
        answers = list(pool.map(lambda name: requests.post(url, json={"run_id": name}, timeout=300), names))
        assert [answered.text for answered in answers if not answered.ok] == []
        reports = [answered.json() for answered in answers]
        assert requests.get(f"{url}/runs/run3", timeout=60).json()["run_id"] == "run3"
    assert [(one["run_id"], one["status"]) for one in reports] == [(name, "published") for name in names]
    assert len({one["mave"]["thread_id"] for one in reports}) == 8
    for name in names:
        folder = house.folder / "runs" / name
        reference = json.loads((folder / "state.json").read_bytes())["reference"]
        assert f"{reference}/1" in json.loads((folder / "answer.json").read_bytes())["content"]


# 19 to 22: threads, follow-ups, periods, force.


def test_case_19_two_deployments_with_one_key_and_one_run_id_keep_to_their_own_answers(
    house: House, tmp_path: Path
) -> None:
    with asking(house, lose(f"{WHOLE}\nFirst.", 500), lose(f"{WHOLE}\nSecond.", 500)) as mave:
        assert house.post().word == "published"
        house.set(PERSONA_OUTPUT=str(tmp_path / "other"))
        assert house.post().word == "published"
        assert calls(mave) == 2
    other = json.loads((tmp_path / "other" / FOLDER / "answer.json").read_bytes())
    ends = [kept["content"].splitlines()[-1] for kept in (house.kept("answer.json"), other)]
    assert ends == ["First.", "Second."]


def follow_up(second: Turn) -> Callable[[str, str | None], Turn]:
    return lambda _, thread: second if thread else answer(PARTIAL)


FOLLOW_UPS = {
    "refused": (refuse(402), 1),
    "lost for good": (lose(None, 500), 2),
    "unusable": (raw(b"<html>"), 2),
}


@pytest.mark.parametrize(("turn", "begun"), FOLLOW_UPS.values(), ids=FOLLOW_UPS)
def test_case_20_a_follow_up_that_fails_never_fails_the_run(house: House, turn: Turn, begun: int) -> None:
    house.set(PERSONA_DEADLINE_SECONDS="13")
    with asking(house, follow_up(turn)):
        report = house.post()
    assert (report.word, report.body["mave"]["calls"]) == ("published", begun)
    assert report.body["checks"]["missing_sections"] > 0


def test_case_20_a_follow_up_without_time_is_not_begun(house: House) -> None:
    house.set(PERSONA_DEADLINE_SECONDS="16", MAVE_TIMEOUT_SECONDS="3.5")
    with asking(house, lambda *_: answer(PARTIAL, delay_seconds=3)) as mave:
        report = house.post()
        assert calls(mave) == 1
    assert report.body["checks"]["missing_sections"] > 0


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process of this program's, with this environment; gone at the block's end."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=pipe, stderr=pipe, text=True, cwd=ROOT
    ) as process:
        try:
            yield process
        finally:
            process.kill()
