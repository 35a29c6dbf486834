"""Pay once, lose nothing: every way in which a run can be troubled, and what comes of it, at the doors."""

import base64
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from clock import Clock
from cloud import Call, FakeMave, FakeSegment, FakeStorage, Fault, Turn, answer, lose, raw, refuse
from crowd import crowd
from doors import DATA, ROOT, Set, client, event, serve, until
from werkzeug.datastructures import Headers

pytestmark = pytest.mark.slow
WHOLE = (DATA / "answer_named.md").read_text()
QUESTION = (DATA / "answer_question.md").read_text()
# The answer without its last pattern and the strategy.
PARTIAL = WHOLE[: WHOLE.index("Omnichannel") - 10]
FOLDER = "runs/run"
CLOUD_EVENT = "application/cloudevents+json"


class House:
    """A deployment of both functions, and the folder or bucket that they write to."""

    def __init__(self, folder: Path, settings: Set, clock: Clock) -> None:
        self.folder, self._set, self.clock = folder, settings, clock
        self.settings: dict[str, str] = {}
        self.http = client("persona_http")
        self.pubsub = client("persona_pubsub")
        self.set(PERSONA_SOURCE="sample", PERSONA_OUTPUT=str(folder))
        self.set(MAVE_TIMEOUT_SECONDS="60", PERSONA_DEADLINE_SECONDS="300")

    def set(self, **settings: str) -> None:
        self.settings |= settings
        self._set(**settings)

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
def house(frameworks: Path, settings: Set, clock: Clock) -> House:
    return House(frameworks, settings, clock)


@contextmanager
def asking(house: House, *script: Turn | Callable[[str, str | None], Turn]) -> Iterator[FakeMave]:
    with FakeMave(*script) as mave:
        house.use(mave)
        yield mave


def calls(mave: FakeMave) -> int:
    return sum(request.path.endswith("/mave/chat") for request in mave.requests)


# 1, 2: the same event again.


def test_case_02_of_two_deliveries_at_once_one_works_and_the_other_comes_again(house: House) -> None:
    asked, refused = threading.Event(), threading.Event()

    def turn(_message: str, _thread: str | None) -> Turn:
        asked.set()
        assert refused.wait(600)
        return answer(WHOLE)

    house.set(MAVE_TIMEOUT_SECONDS="200")
    with asking(house, turn) as mave, ThreadPoolExecutor(1) as pool:
        at_work = pool.submit(house.post)
        assert asked.wait(600)
        assert (house.post().status, house.deliver()) == (409, 503)
        refused.set()
        assert at_work.result().word == "published"
        assert (house.post().word, house.deliver()) == ("replayed", 200)
        assert calls(mave) == 1


# 3: killed.


# By how much the store's clock is ahead, what Mave says before it is too late, and the calls in all.
KILLED = {
    "behind": (-1_000.0, (), 1),
    "ahead": (1_000.0, (), 1),
    "in its follow-up": (0.0, (answer(PARTIAL),), 2),
}


@pytest.mark.parametrize(("ahead_seconds", "first", "paid"), KILLED.values(), ids=KILLED)
def test_case_03_and_20_what_a_killed_delivery_left_is_gone_on_with_once_its_lease_ran_out(
    house: House, ahead_seconds: float, first: tuple[Turn, ...], paid: int
) -> None:
    """By the store's own clock: a live lease is left alone, whatever this machine's clock shows."""
    asked = threading.Event()
    with FakeStorage() as storage, asking(house, late(asked, *first)) as mave:
        storage.clock_ahead_seconds = ahead_seconds
        killed(house, storage, asked)
        report = house.post()
        assert calls(mave) == paid
    assert (report.word, report.body["checks"]["missing_sections"]) == ("published", 0)


def late(asked: threading.Event, *first: Turn) -> Callable[[str, str | None], Turn]:
    """An answer whose reply comes too late for a delivery that is killed; in a thread, after a first one."""

    def turn(_message: str, thread: str | None) -> Turn:
        if first and not thread:
            return first[0]
        asked.set()
        return answer(WHOLE, delay_seconds=600, thread_after_seconds=0)

    return turn


def killed(house: House, storage: FakeStorage, reached: threading.Event) -> None:
    """A delivery as far as that, killed there; its lease holds others off, and then runs out."""
    house.use(storage)
    command = [sys.executable, "-m", "persona", "--run-id", "run"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        was_reached = reached.wait(600)
        process.kill()
    assert was_reached
    assert house.post().word == "run_in_progress"
    house.clock.sleep(400)


def test_case_03_a_defect_after_a_paid_call_is_worth_another_try(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer is paid for, kept, and published once the defect is mended."""

    def broken(*_: object) -> None:
        raise LookupError("jane@example.com")

    with asking(house, answer(WHOLE)) as mave:
        with monkeypatch.context() as defect:
            defect.setattr("persona.write.render.outputs", broken)
            refused = house.post()
            assert (refused.status, refused.body["error"]["retryable"]) == (500, True)
            assert house.deliver() == 503
        assert house.post().word == "published"
        assert calls(mave) == 1
    assert "jane" not in json.dumps(refused.body) + "".join(capsys.readouterr())


# 4 to 9: Mave.


def test_case_04_a_busy_mave_is_waited_for(house: House) -> None:
    with asking(house, refuse(429, Retry_After="2"), answer(WHOLE)) as mave:
        report = house.post()
        assert (len(mave.refused), len(mave.paid)) == (1, 1)
    assert (report.word, report.body["seconds"]["mave"] >= 2) == ("published", True)


def test_case_04_a_wait_beyond_the_budget_costs_nothing_and_is_passed_on(house: House) -> None:
    house.set(PERSONA_DEADLINE_SECONDS="100")
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
    "a reply that is no answer": raw(b"<html>", WHOLE),
}


@pytest.mark.parametrize("turn", LOST.values(), ids=LOST)
def test_case_06_and_07_a_lost_reply_is_recovered_from_its_thread(house: House, turn: Turn) -> None:
    house.set(MAVE_TIMEOUT_SECONDS="2" if turn.ending == "silence" else "60")
    with asking(house, turn) as mave:
        # A Mave that got the message only after its time would be looked for once more.
        while turn.ending == "silence" and not mave.paid:
            house.post()
        assert house.post().word in {"published", "replayed"}
        assert calls(mave) == 1
    assert house.kept("answer.json")["content"] == WHOLE


def test_case_06_an_answer_that_is_still_being_written_is_waited_for_by_later_deliveries(
    house: House,
) -> None:
    house.set(PERSONA_DEADLINE_SECONDS="100")
    with asking(house, lose(WHOLE, 500, thread_after_seconds=150)) as mave:
        assert house.post().word == "mave_unavailable"
        until(lambda: house.post().word == "published")
        assert calls(mave) == 1


def test_case_06_a_message_that_is_never_answered_is_given_up_and_left_to_an_operator(house: House) -> None:
    house.set(PERSONA_DEADLINE_SECONDS="100", PERSONA_MAVE_CALLS="1")
    with asking(house, lose(None, 500), answer(WHOLE)) as mave:
        words = [house.post().word]
        house.clock.sleep(240)  # four times MAVE_TIMEOUT_SECONDS
        words += [house.post().word, house.post(force=True).word]
        assert calls(mave) == 2
    assert words == ["mave_unavailable", "needs_operator", "published"]


def test_case_06_a_call_s_time_counts_from_when_it_was_sent_and_not_from_waits_before(house: House) -> None:
    with asking(house, refuse(429, Retry_After="90"), lose(WHOLE, "reset")) as mave:
        mave.hides_threads = True
        assert house.post().word == "mave_unavailable"
        assert len(mave.paid) == 1


def test_case_07_a_reply_that_is_no_answer_is_kept_and_never_paid_again(house: House) -> None:
    with asking(house, raw(b"<html>Bad gateway</html>")) as mave:
        assert [house.post().word for _ in range(2)] == ["mave_invalid"] * 2
        assert house.deliver() == 200
        assert calls(mave) == 1
    assert house.read("reply-1.bin") == b"<html>Bad gateway</html>"


@pytest.mark.parametrize("again", [WHOLE, QUESTION], ids=["answers", "asks again"])
def test_case_08_a_question_is_answered_once_in_its_thread(house: House, again: str) -> None:
    """What was paid for is published as it came, once the calls are spent."""
    with asking(house, lambda _, thread: answer(again if thread else QUESTION)) as mave:
        report = house.post()
        assert (house.post().word, calls(mave)) == ("replayed", 2)
    assert (report.word, report.body["mave"]["calls"]) == ("published", 2)
    told = house.kept("framework.json")["narrative"] + house.read("framework.md").decode()
    asks = again == QUESTION
    assert ("clarify" in told, "No persona could be found" in told) == (asks, asks)


def test_case_09_a_hostile_answer_is_inert_stored_and_bounded(house: House) -> None:
    hostile = "<script>alert(1)</script> [here](javascript:alert(1)) \ud800 <img src=x onerror=alert(1)>\n\n"
    with asking(house, answer(WHOLE + hostile + "All of it is so. " * 300_000)):
        assert house.post().word == "published"
    page, markdown = house.read("framework.html"), house.read("framework.md")
    assert re.search(rb"<script|<img|href=.?javascript:", page + markdown) is None
    assert len(page) < 300_000
    assert len(house.read("answer.json")) > 5_000_000


# 15: storage.

OUTPUTS = f"{FOLDER}/framework"
TROUBLE = {
    "403": (OUTPUTS, Fault(status=403), "storage_refused"),
    "a 412 storm": (OUTPUTS, Fault(status=412), "storage_unavailable"),
    "a 412 storm on the latest framework": ("latest.json", Fault(status=412), "storage_unavailable"),
    "bytes that change on the way": (OUTPUTS, Fault(corrupt=True), "storage_refused"),
}


@pytest.mark.parametrize(("name", "fault", "code"), TROUBLE.values(), ids=TROUBLE)
def test_case_15_when_an_output_cannot_be_written_nothing_is_published_and_the_answer_is_kept(
    house: House, name: str, fault: Fault, code: str
) -> None:
    def on_output(call: Call) -> Fault | None:
        return fault if call.method == "insert" and call.name.startswith(name) else None

    with FakeStorage(faults=on_output) as storage, asking(house, answer(WHOLE)) as mave:
        house.use(storage)
        assert house.post().word == code
        assert json.loads(storage.objects[f"{FOLDER}/answer.json"].data)["content"] == WHOLE
        assert [one for one in storage.objects if one.startswith(name)] == []
        storage.call_faults = ()
        assert house.post().word == "published"
        names = {"latest.json", *(f"{OUTPUTS}.{kind}" for kind in ("html", "md", "json"))}
        assert names <= storage.objects.keys()
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

    Each request meets one of the five; all of them by hand: TEST_EXAMPLES=1.
    """
    place = list(MISHAPS.values()).index(mishap)
    for spoilt in range(1, 100):
        if "TEST_EXAMPLES" not in os.environ and (spoilt + place) % len(MISHAPS):
            continue
        with FakeStorage() as storage, asking(house, answer(WHOLE)) as mave:
            house.use(storage)
            storage.call_faults = [*[None] * (spoilt - 1), mishap]
            first = house.post()
            again = first if first.word == "published" else house.post()
            assert (again.word, calls(mave)) == ("published", 1), f"request {spoilt}, first {first.word}"
            if len(storage.calls) < spoilt:
                return


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
    with FakeSegment(crowd()[:50]) as segment, asking(house, answer(WHOLE)) as mave:
        segment.faults = lambda _: house.clock.sleep(235)
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
        flood = requests.post(url, data=b" " * 40_000_000, timeout=600)
        assert (flood.status_code, flood.json()["error"]["code"]) == (400, "bad_request")
        answers = list(pool.map(lambda name: requests.post(url, json={"run_id": name}, timeout=600), names))
        assert [answered.text for answered in answers if not answered.ok] == []
        reports = [answered.json() for answered in answers]
        assert requests.get(f"{url}/runs/run3", timeout=600).json()["run_id"] == "run3"
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


# What comes of a follow-up, how long the first answer took, and the calls that were begun.
FOLLOW_UPS = {
    "refused": (refuse(402), 0, 1),
    "lost for good": (lose(None, 500), 0, 2),
    "unusable": (raw(b"<html>"), 0, 2),
    "without time": (answer(WHOLE), 235, 1),
}


@pytest.mark.parametrize(("second", "took_seconds", "begun"), FOLLOW_UPS.values(), ids=FOLLOW_UPS)
def test_case_20_a_follow_up_that_fails_or_has_no_time_never_fails_the_run(
    house: House, second: Turn, took_seconds: float, begun: int
) -> None:
    def turn(_message: str, thread: str | None) -> Turn:
        if thread:
            return second
        house.clock.sleep(took_seconds)
        return answer(PARTIAL)

    with asking(house, turn):
        report = house.post()
    assert (report.word, report.body["mave"]["calls"]) == ("published", begun)
    assert report.body["checks"]["missing_sections"] > 0


def test_case_22_force_allows_one_call_above_the_cap(house: House) -> None:
    house.set(PERSONA_MAVE_CALLS="1")
    with asking(house, lose(WHOLE, 500)) as mave:
        mave.hides_threads = True
        words = [house.post(force=True).word]
        house.clock.sleep(60)  # MAVE_TIMEOUT_SECONDS
        words += [house.post(force=True).word for _ in range(2)]
        house.clock.sleep(60)
        words += [house.post(force=True).word for _ in range(3)]
        assert calls(mave) == 2
    assert words == ["mave_unavailable", "needs_operator", "mave_unavailable", *["needs_operator"] * 3]
    assert house.kept("state.json")["forced"] is True
    assert house.kept("error.json")["error"]["code"] == "needs_operator"
