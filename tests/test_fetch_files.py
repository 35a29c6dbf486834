"""An export is read to its last line in constant memory, or drawn from at random, wherever it lies."""

import gzip
import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cloud import Call, FakeStorage, Fault

from persona.classify.profile import Reader
from persona.deadline import Deadline
from persona.errors import BadSettings, DeadlineExceeded, PersonaError, Refused, Unavailable
from persona.fetch import export, stored
from persona.model import Page
from persona.settings import read_settings

READER = Reader(("web", "mobile", "email"), "ltv", "plan")


def line(n: int) -> bytes:
    traits = {"web": n, "mobile": 1, "email": 2, "ltv": n / 2, "plan": "pro", "noise": "x" * (n % 97)}
    return json.dumps({"traits": traits, "external_ids": [{"type": "user_id", "id": f"u{n}"}]}).encode()


def lines(number: int) -> bytes:
    return b"\n".join(map(line, range(number)))


def fetch(where: object, limit: int = 0, deadline_seconds: float = 60.0) -> list[Page]:
    settings = read_settings({"PERSONA_SOURCE": str(where)}, "terminal")
    return list(export.fetch(settings, READER, Deadline(deadline_seconds), limit))


def people(pages: Sequence[Page]) -> list[int]:
    return [row[0] for page in pages for row in READER.read(page.profiles).activity]


def rejected(pages: Sequence[Page]) -> Counter[str]:
    return sum((Counter(page.rejected) for page in pages), Counter())


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStorage]:
    """An empty bucket; the client finds it through the environment, as it finds any emulator."""
    with FakeStorage("exports") as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        yield storage


def put(storage: FakeStorage, name: str, content: bytes) -> str:
    from google.cloud import storage as client  # noqa: PLC0415 - only where an object is needed

    client.Client(project=None).bucket(storage.bucket).blob(name).upload_from_string(content)
    storage.calls.clear()
    return f"gs://{storage.bucket}/{name}"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("number", [1, 2, 5_000])
def test_every_line_of_a_file_is_read_once_and_in_order(
    tmp_path: Path,
    number: int,
    packed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    # The name says nothing: a packed file may lack its .gz, and a plain one have it.
    file = tmp_path / ("export.json" if packed else "export.gz")
    file.write_bytes(gzip.compress(lines(number)) if packed else lines(number))
    pages = fetch(file)
    assert people(pages) == list(range(number))
    assert [(page.more, page.drawn_from) for page in pages] == [(False, None)] * len(pages)


def test_no_page_holds_more_than_a_block_of_lines(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(lines(20_000))
    pages = fetch(tmp_path / "export")
    assert max(len(page.profiles) for page in pages) < stored.BLOCK_BYTES / len(line(0)) + 2


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_an_object_is_read_part_by_part(
    cloud: FakeStorage,
    packed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    noise = os.urandom(5 * 2**20).hex().encode()
    content = lines(500) + b'\n{"noise":"' + noise + b'","traits":{"web":500}}\n' + line(501)
    pages = fetch(put(cloud, "a/b c.json", gzip.compress(content, 1) if packed else content))
    assert people(pages) == list(range(502))
    assert [call.method for call in cloud.calls[:3]] == ["get", "media", "media"]


def test_files_packed_one_after_the_other_are_one_file(tmp_path: Path) -> None:
    parts = [gzip.compress(line(0) + b"\n"), gzip.compress(line(1) + b"\n")]
    (tmp_path / "export.gz").write_bytes(b"".join(parts))
    assert people(fetch(tmp_path / "export.gz")) == [0, 1]


@pytest.mark.parametrize(
    ("content", "read", "bad"),
    [
        pytest.param(b"", [], {}, id="empty-file"),
        pytest.param(b"\n\n  \n\t\r\n", [], {}, id="blank-lines"),
        pytest.param(line(1) + b"\r\n\r\n" + line(2) + b"\r\n", [1, 2], {}, id="windows"),
        pytest.param(b"\xef\xbb\xbf" + line(1), [1], {}, id="byte-order-mark"),
        pytest.param(line(1) + b"\n{oops\n" + line(2), [1, 2], {"line_not_json": 1}, id="no-json"),
        pytest.param(b"\xff\xfe\n" + line(2), [2], {"line_not_json": 1}, id="no-utf-8"),
        pytest.param(line(1) + b"," + line(2) + b"\n" + line(3), [3], {"line_not_json": 1}, id="two-in-one"),
        pytest.param(b"],[\n" + line(3), [3], {"line_not_json": 1}, id="brackets"),
        pytest.param(b"[" * 9_999 + b"]" * 9_999 + b"\n" + line(3), [3], {"line_not_json": 1}, id="deep"),
        pytest.param(b"null\n7\n[]\n" + line(3), [3], {}, id="json-that-is-no-profile"),
        pytest.param(
            b'{"traits":{"web":-1}}\n{"traits":{"web":"4"}}\n' + line(3), [4, 3], {}, id="odd-profiles"
        ),
    ],
)
@pytest.mark.parametrize("limit", [0, 100], ids=["all", "drawn"])
def test_a_bad_line_is_counted_and_costs_no_other(
    tmp_path: Path, content: bytes, read: list[int], bad: dict[str, int], limit: int
) -> None:
    (tmp_path / "export").write_bytes(content)
    pages = fetch(tmp_path / "export", limit)
    not_json = {reason: n for reason, n in rejected(pages).items() if reason.startswith("line_")}
    assert (people(pages), not_json) == (read, bad)


def test_all_and_drawn_reject_the_same_profiles_for_the_same_reasons(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(b'null\n{"traits":{"web":-1}}\n{"traits":[]}\noops\n' + line(1))

    def reasons(limit: int) -> Counter[str]:
        pages = fetch(tmp_path / "export", limit)
        return sum((READER.read(page.profiles).rejected for page in pages), rejected(pages))

    assert (
        reasons(0)
        == reasons(5)
        == Counter(profile_not_object=1, activity_negative=1, traits_not_object=1, line_not_json=1)
    )


@pytest.mark.parametrize("limit", [0, 3], ids=["all", "drawn"])
def test_a_line_too_long_to_hold_is_counted_and_not_held(tmp_path: Path, limit: int) -> None:
    with gzip.open(tmp_path / "export.gz", "wb", compresslevel=1) as file:
        file.write(line(1) + b'\n{"traits":"')
        for _ in range(40):
            file.write(b"x" * 2**20)
        file.write(b'"}\n' + line(2))
    pages = fetch(tmp_path / "export.gz", limit)
    assert (people(pages), rejected(pages)) == ([1, 2], {"line_too_long": 1})


def test_a_line_too_long_to_hold_costs_no_memory_beyond_the_longest(tmp_path: Path) -> None:
    (tmp_path / "export.gz").write_bytes(gzip.compress(b"x" * (100 * 2**20), 1))
    tracemalloc.start()
    pages = fetch(tmp_path / "export.gz")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rejected(pages) == {"line_too_long": 1}
    assert peak_bytes < stored.MOST_LINE_BYTES + 8 * 2**20


def test_a_long_last_line_without_an_end_is_counted_too(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(line(1) + b"\n" + b"x" * (stored.MOST_LINE_BYTES + 1))
    pages = fetch(tmp_path / "export")
    assert (people(pages), rejected(pages)) == ([1], {"line_too_long": 1})


def test_a_line_as_long_as_allowed_is_read(tmp_path: Path) -> None:
    head, tail = b'{"noise":"', b'","traits":{"web":5}}'
    (tmp_path / "export").write_bytes(
        head + b"x" * (stored.MOST_LINE_BYTES - len(head) - len(tail)) + tail + b"\n" + line(1)
    )
    assert people(fetch(tmp_path / "export")) == [5, 1]


@pytest.mark.parametrize(
    ("number", "limit", "drawn_from"),
    [
        pytest.param(3_000, 2_500, 3_000, id="fewer"),
        pytest.param(3_000, 1, 3_000, id="one"),
        pytest.param(3_000, 2_999, 3_000, id="all-but-one"),
        pytest.param(3_000, 3_000, None, id="as-many"),
        pytest.param(3_000, 3_001, None, id="more"),
    ],
)
def test_a_limit_draws_exactly_so_many_and_says_from_how_many(
    tmp_path: Path, number: int, limit: int, drawn_from: int | None
) -> None:
    (tmp_path / "export").write_bytes(lines(number))
    pages = fetch(tmp_path / "export", limit)
    drawn = people(pages)
    assert (len(drawn), len(set(drawn))) == (min(number, limit),) * 2
    assert {page.drawn_from for page in pages} == {drawn_from}
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [drawn_from is not None]
    assert max(len(page.profiles) for page in pages) <= export.PROFILES_PER_PAGE


def test_the_same_file_gives_the_same_sample(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(lines(2_000))
    assert people(fetch(tmp_path / "export", 50)) == people(fetch(tmp_path / "export", 50))


def test_every_line_has_the_same_chance_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(lines(10_000))
    tenths = Counter(n // 1_000 for n in people(fetch(tmp_path / "export", 2_000)))
    # 200 expected a tenth; six standard deviations (about 12.6) either side.
    assert [tenth for tenth in range(10) if not 124 < tenths[tenth] < 276] == []


def test_a_bad_line_that_is_drawn_counts_among_those_drawn(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(b"oops\n" * 2_000)
    (page,) = fetch(tmp_path / "export", 10)
    assert (page.profiles, dict(page.rejected), page.drawn_from) == ([], {"line_not_json": 10}, 2_000)


def refused(where: object, **more: Any) -> PersonaError:
    with pytest.raises(PersonaError) as raised:
        fetch(where, **more)
    return raised.value


def damaged(kind: str) -> bytes:
    packed = bytearray(gzip.compress(lines(3_000)))
    if kind == "cut short":
        return bytes(packed[: len(packed) // 2])
    place = {"checksum": -6, "content": len(packed) // 2}[kind]
    packed[place : place + 2] = bytes(byte ^ 0xFF for byte in packed[place : place + 2])
    return bytes(packed)


@pytest.mark.parametrize("kind", ["cut short", "checksum", "content"])
def test_a_damaged_file_is_named_as_that(tmp_path: Path, kind: str) -> None:
    (tmp_path / "export.gz").write_bytes(damaged(kind))
    error = refused(tmp_path / "export.gz")
    assert type(error) is BadSettings
    assert error.message == "PERSONA_SOURCE: its gzip is damaged or was cut short; store it again"


def test_a_damaged_object_is_named_as_that(cloud: FakeStorage) -> None:
    error = refused(put(cloud, "export.gz", damaged("cut short")))
    assert (type(error), error.code) == (Refused, "storage_refused")
    assert "gzip is damaged" in error.message


def test_a_missing_file_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    error = refused(tmp_path / "secret-name.json")
    assert (type(error), error.message) == (BadSettings, "PERSONA_SOURCE: there is no such file")


def test_a_folder_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    error = refused(tmp_path)
    assert type(error) is BadSettings
    assert "cannot be read" in error.message


@pytest.mark.parametrize("where", ["gs://exports/none.json", "gs://no-such-bucket/none.json"])
def test_a_missing_object_is_refused_with_a_next_step(cloud: FakeStorage, where: str) -> None:
    error = refused(where)
    assert (type(error), error.code) == (Refused, "storage_refused")
    assert "PERSONA_SOURCE names: there is no such object or bucket" in error.message
    assert cloud.calls != []


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        pytest.param(403, "roles/storage.objectViewer", id="403"),
        pytest.param(401, "no valid Google credentials", id="401"),
        pytest.param(400, "answered 400", id="400"),
    ],
)
def test_a_refusal_of_cloud_storage_says_what_to_do(cloud: FakeStorage, status: int, hint: str) -> None:
    where = put(cloud, "export.json", lines(3))
    cloud.call_faults = lambda _: Fault(status=status)
    error = refused(where)
    assert type(error) is Refused
    assert hint in error.message


def test_a_passing_failure_of_cloud_storage_is_outlived(cloud: FakeStorage) -> None:
    where = put(cloud, "export.json", lines(3))

    def busy_once(call: Call) -> Fault | None:
        return Fault(status=503) if (call.method, len(cloud.calls)) == ("media", 2) else None

    cloud.call_faults = busy_once
    assert people(fetch(where)) == [0, 1, 2]


def test_a_lasting_failure_of_cloud_storage_is_worth_another_run(cloud: FakeStorage) -> None:
    where = put(cloud, "export.json", lines(3))
    cloud.call_faults = lambda _: Fault(status=503)
    error = refused(where, deadline_seconds=1.0)
    assert (type(error), error.retryable) == (Unavailable, True)


def test_an_object_that_is_replaced_meanwhile_is_not_read_as_one(cloud: FakeStorage) -> None:
    where = put(cloud, "export.json", lines(60_000))
    settings = read_settings({"PERSONA_SOURCE": where}, "terminal")
    pages = export.fetch(settings, READER, Deadline(60), 0)
    next(pages)
    put(cloud, "export.json", lines(60_000)[::-1])
    with pytest.raises(Unavailable, match="replaced while it was read"):
        list(pages)


def test_the_deadline_ends_the_reading(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(lines(3))
    settings = read_settings({"PERSONA_SOURCE": str(tmp_path / "export")}, "terminal")
    deadline = Deadline(0.01)
    time.sleep(0.02)
    with pytest.raises(DeadlineExceeded):
        list(export.fetch(settings, READER, deadline, 0))


COUNT = """
import resource, sys
from persona.settings import read_settings
from persona.deadline import Deadline
from persona.classify.profile import Reader
from persona.fetch import export
reader = Reader(("web", "mobile", "email"), "ltv", "plan")
settings = read_settings({"PERSONA_SOURCE": sys.argv[1]}, "terminal")
read = sum(len(page.profiles) for page in export.fetch(settings, reader, Deadline(600), int(sys.argv[2])))
print(read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(where: Path, limit: int) -> tuple[int, float]:
    """How many profiles a process of its own reads, and its peak memory in MiB."""
    # A process is told the peak of the one that it was forked from as its own: let that be a small one.
    fresh = ["sh", "-c", '"$0" "$@"; exit $?']
    command = [*fresh, sys.executable, "-c", COUNT, str(where), str(limit)]
    counted = subprocess.run(command, check=True, capture_output=True, text=True)
    read, peak_kib = map(int, counted.stdout.split())
    return read, peak_kib / 1024


@pytest.mark.parametrize("limit", [0, 1_000], ids=["all", "drawn"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, limit: int) -> None:
    small, large = tmp_path / "small.gz", tmp_path / "large.gz"
    part = gzip.compress(lines(20_000) + b"\n", 1)
    small.write_bytes(part)
    large.write_bytes(part * 10)
    (few, few_mib), (many, many_mib) = peak(small, limit), peak(large, limit)
    assert (few, many) == ((1_000, 1_000) if limit else (20_000, 200_000))
    assert many_mib - few_mib < 8
