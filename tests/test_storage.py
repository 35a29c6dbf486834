"""One contract, held by a folder and by Cloud Storage's official client against a strict fake."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clock import Clock
from cloud import Call, FakeStorage, Fault
from contenders import NAME, ROUNDS, contend, in_process, share

from persona.deadline import Deadline
from persona.errors import Refused, Unavailable
from persona.storage import open_bucket
from persona.storage.bucket import BUDGET_SECONDS, Bucket, Conflict, Stored
from persona.storage.folder import Folder
from persona.storage.objects import JSON

pytestmark = pytest.mark.usefixtures("clock")
CONTENDERS = 10
# Of a run whose time was up: an operation gets half a second.
HASTE = Deadline(-60)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStorage]:
    with FakeStorage("frameworks") as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        yield storage


@pytest.fixture(params=["folder", "gs"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "gs":
        request.getfixturevalue("cloud")
        return "gs://frameworks/team/a"
    return str(tmp_path / "frameworks")


@pytest.fixture
def bucket(output: str) -> Bucket:
    return open_bucket(output)


@pytest.fixture
def gs(cloud: FakeStorage) -> Bucket:
    return open_bucket(f"gs://{cloud.bucket}")


def kept(bucket: Bucket, name: str = NAME) -> Stored:
    stored = bucket.read(name)
    assert stored is not None
    return stored


# The contract.


def test_an_object_is_dated_by_its_store(bucket: Bucket) -> None:
    before = time.time()
    bucket.write(NAME, b"{}", JSON)
    # Both stores here run on this machine's clock; Cloud Storage rounds to milliseconds.
    assert before - 0.1 <= kept(bucket).updated <= time.time() + 0.1


def test_a_second_creator_and_a_stale_swap_are_refused_and_change_nothing(bucket: Bucket) -> None:
    first = bucket.write(NAME, b"", JSON)
    with pytest.raises(Conflict):
        bucket.write(NAME, b"second", JSON)
    assert kept(bucket)[:2] == (b"", first)
    assert first > 0  # which would mean that there is none
    second = bucket.write(NAME, b"second", JSON, first)
    with pytest.raises(Conflict):
        bucket.write(NAME, b"third", JSON, first)
    assert kept(bucket)[:2] == (b"second", second)


def test_what_was_deleted_is_gone_to_readers_to_writers_and_to_who_deletes_it_again(bucket: Bucket) -> None:
    bucket.delete(NAME)
    generation = bucket.write(NAME, b"first", JSON)
    bucket.delete(NAME)
    bucket.delete(NAME)
    with pytest.raises(Conflict):
        bucket.write(NAME, b"second", JSON, generation)
    assert bucket.read(NAME) is None


def test_large_objects_come_back_whole(bucket: Bucket) -> None:
    data = os.urandom(9_000_000)  # above 8 MiB the client uploads in another way
    bucket.write(NAME, data, JSON)
    assert kept(bucket).data == data


def test_of_ten_writers_at_once_exactly_one_wins_each_round(output: str, bucket: Bucket) -> None:
    """Threads for the cloud, processes for the folder; the first round creates, the others swap."""
    if output.startswith("gs:"):
        barrier = threading.Barrier(CONTENDERS)
        with ThreadPoolExecutor(CONTENDERS) as threads:
            won = list(threads.map(lambda number: contend(output, number, barrier), range(CONTENDERS)))
    else:
        context = multiprocessing.get_context("spawn")
        with context.Pool(CONTENDERS, share, (context.Barrier(CONTENDERS),)) as processes:
            jobs = [(output, number) for number in range(CONTENDERS)]
            won = processes.starmap(in_process, jobs, chunksize=1)
    assert list(range(ROUNDS)) == sorted(number for rounds in won for number in rounds)
    (last,) = [contender for contender, rounds in enumerate(won) if ROUNDS - 1 in rounds]
    assert kept(bucket).data == b"round %d, contender %d" % (ROUNDS - 1, last)


# The folder alone.


def test_a_folder_is_created_by_the_first_write_and_not_by_a_read(tmp_path: Path) -> None:
    bucket = open_bucket(str(tmp_path / "deep" / "frameworks"))
    bucket.read(NAME)
    bucket.delete(NAME)
    assert list(tmp_path.iterdir()) == []
    bucket.write(NAME, b"{}", JSON)
    assert (tmp_path / "deep" / "frameworks" / NAME).read_bytes() == b"{}"


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "frameworks").write_text("a file")
    bucket = open_bucket(str(tmp_path / "frameworks"))
    with pytest.raises(Refused, match="cannot be read: Not a directory"):
        bucket.read(NAME)
    with pytest.raises(Refused, match="cannot be written: File exists"):
        bucket.write(NAME, b"{}", JSON)


def test_a_full_disk_is_told_and_leaves_the_object_as_it_was(tmp_path: Path) -> None:
    bucket = open_bucket(str(tmp_path))
    generation = bucket.write(NAME, b"first", JSON)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(Refused, match="File too large"):
            bucket.write(NAME, b"second" * 100, JSON, generation)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert kept(bucket).data == b"first"


HOLDER = """
import sys, time
from pathlib import Path
from persona.storage.folder import exclusive
with exclusive(Path(sys.argv[1]), 1):
    print("held", flush=True)
    time.sleep(3_600)
"""


def test_a_folder_stays_locked_as_long_as_the_process_lives_that_holds_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Unavailable, match="stayed locked"):
            Folder(tmp_path, HASTE).write(NAME, b"{}", JSON)
        holder.send_signal(signal.SIGKILL)
    assert Folder(tmp_path, HASTE).write(NAME, b"{}", JSON)


def test_what_a_killed_writer_left_half_written_is_no_object(tmp_path: Path) -> None:
    bucket = open_bucket(str(tmp_path))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".part").write_bytes(b"half and much longer than what comes")
    bucket.write("runs/a.json", b"{}", JSON)
    assert (tmp_path / "runs/a.json").read_bytes() == b"{}"
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a.json"]


# The cloud alone.


def test_a_cloud_bucket_tells_where_its_objects_are() -> None:
    bucket, page = open_bucket("gs://frameworks/our team/"), "https://storage.cloud.google.com/frameworks"
    assert bucket.address("runs/a#1/framework.html") == "gs://frameworks/our team/runs/a#1/framework.html"
    assert bucket.link("runs/a#1/framework.html") == f"{page}/our%20team/runs/a%231/framework.html"


def test_only_the_calls_that_it_takes_are_made(cloud: FakeStorage, gs: Bucket) -> None:
    """A read is two (record and content of one generation), a write one: they are billed one by one."""
    gs.write("a", b"{}", JSON)
    gs.read("a")
    gs.delete("a")
    assert [call.method for call in cloud.calls] == ["insert", "get", "media", "delete"]


def test_a_swap_whose_reply_is_lost_is_recognised_as_ones_own(cloud: FakeStorage, gs: Bucket) -> None:
    first = gs.write(NAME, b'{"txn": "a1"}', JSON)
    cloud.call_faults = [None, Fault(lost=True), None, Fault(status=503), None, Fault(lost=True)]
    second = gs.write(NAME, b'{"txn": "b2"}', JSON, first)
    assert cloud.objects[NAME].generation == second != first


def test_a_lost_swap_that_another_overtook_is_a_conflict(cloud: FakeStorage, gs: Bucket) -> None:
    first = gs.write(NAME, b"first", JSON)

    def overtaken(call: Call) -> Fault | None:
        if call.ordinal == 2:
            return Fault(lost=True)
        cloud.call_faults = ()
        open_bucket("gs://frameworks").write(NAME, b"theirs", JSON, cloud.objects[NAME].generation)
        return None

    cloud.call_faults = overtaken
    with pytest.raises(Conflict):
        gs.write(NAME, b"mine", JSON, first)
    assert cloud.objects[NAME].data == b"theirs"


def test_content_and_generation_of_a_read_belong_together(cloud: FakeStorage, gs: Bucket) -> None:
    """The object is replaced between the two requests of a read."""
    first = gs.write(NAME, b"first", JSON)

    def replaced(call: Call) -> Fault | None:
        if call.method == "media":
            cloud.call_faults = ()
            open_bucket("gs://frameworks").write(NAME, b"second", JSON, first)
        return None

    cloud.call_faults = replaced
    assert kept(gs)[:2] == (b"second", cloud.objects[NAME].generation)


def every_operation(bucket: Bucket) -> list[Callable[[], object]]:
    return [
        lambda: bucket.read(NAME),
        lambda: bucket.write(NAME, b"{}", JSON),
        lambda: bucket.write(NAME, b"{}", JSON, 1),
        lambda: bucket.delete(NAME),
    ]


PASSING = {
    "busy": [Fault(status=429)] * 2,
    "out of order": [Fault(status=503)] * 2,
    "a wrong checksum": [None, None, Fault(corrupt=True)],
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
def test_a_storm_that_ends_is_waited_out(cloud: FakeStorage, gs: Bucket, faults: list[Fault | None]) -> None:
    cloud.call_faults = faults
    gs.write(NAME, b"{}", JSON)
    assert kept(gs).data == b"{}"


def test_a_storm_that_does_not_end_is_unavailable_within_45_seconds(
    cloud: FakeStorage, gs: Bucket, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default budget in a storm that does not end; one request more may take its ten seconds."""
    # However little of a budget is left, a request gets its full time.
    monkeypatch.setattr("persona.storage.cloud.LEAST_SECONDS", 60.0)
    cloud.call_faults = lambda _: Fault(status=503)
    for act in every_operation(gs):
        begun_seconds = clock.passed_seconds
        with pytest.raises(Unavailable, match="the last time: ServiceUnavailable"):
            act()
        assert 5 < clock.passed_seconds - begun_seconds <= BUDGET_SECONDS == 25.0


def test_a_store_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="the last time: ConnectionError"):
        open_bucket("gs://frameworks").read(NAME)


NEXT_STEPS = {401: "it needs valid Google credentials", 403: "grant roles/storage.objectUser"}
NEXT_STEPS |= {409: "look for a policy"}


@pytest.mark.parametrize(("status", "told"), NEXT_STEPS.items())
def test_a_refusal_is_final_at_once_and_says_what_to_do(
    cloud: FakeStorage, gs: Bucket, status: int, told: str
) -> None:
    cloud.call_faults = lambda _: Fault(status=status)
    acts = every_operation(gs)
    for act in acts:
        with pytest.raises(Refused, match=rf"frameworks \({status}\): {told}"):
            act()
    assert len(acts) == len(cloud.calls)


@pytest.mark.usefixtures("cloud")
def test_a_missing_bucket_is_refused_and_never_looks_empty() -> None:
    for act in every_operation(open_bucket("gs://elsewhere")):
        with pytest.raises(Refused, match=r"elsewhere \(404\): there is no such bucket"):
            act()


def test_missing_credentials_are_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(Refused, match="gcloud auth application-default login"):
        open_bucket("gs://frameworks").read(NAME)
