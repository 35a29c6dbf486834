"""Files of any kind are told by their content, and read to the last record or refused in words."""

import csv
import gzip
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench import peak_mib
from cloud import Call, FakeStorage, Fault
from spaces import RULE, count, counted, opened, who

from persona.classify.counts import Counts, classify
from persona.errors import BadSettings, DeadlineExceeded, PersonaError, Refused, Unavailable

CHANNELS = {"web": "web", "mobile": "mobile", "email": "email"}
fetch = partial(counted, PERSONA_CHANNELS="web=web,mobile=mobile,email=email")


def line(n: int) -> bytes:
    traits = {"web": n, "mobile": 1, "email": 2, "ltv": n / 2, "plan": f"{n}", "noise": "x" * (n % 97)}
    return json.dumps({"traits": traits, "external_ids": [{"type": "user_id", "id": f"u{n}"}]}).encode()


def lines(number: int) -> bytes:
    return b"\n".join(map(line, range(number)))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStorage]:
    """An empty bucket; the client finds it through the environment, as it finds any emulator."""
    with FakeStorage("exports") as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        yield storage


def put(storage: FakeStorage, name: str, content: bytes) -> str:
    from google.cloud import storage as client  # noqa: PLC0415 - only where an object is needed

    with closing(client.Client(project=None)) as opened_client:
        opened_client.bucket(storage.bucket).blob(name).upload_from_string(content)
    storage.calls.clear()
    return f"gs://{storage.bucket}/{name}"


def test_two_runs_at_once_in_one_process_see_nothing_of_each_other() -> None:
    with opened("sample", 5) as one, opened("sample", 9) as other:
        assert [classify(people, RULE).read for people in (one, other)] == [5, 9]


def test_the_engines_words_are_kept_to_ourselves(tmp_path: Path) -> None:
    """Of a table that is unloaded with a broken line."""
    for table in ("user_traits", "user_identifiers"):
        (tmp_path / f"{table}.json").write_text('{"canonical_segment_id": "jane", "name": "web"\n')
    message = refused(tmp_path).message
    assert [words for words in ("jane", "read_json", "LINE 1", str(tmp_path)) if words in message] == []


MIXED = b"web,mobile,email,plan\n5,1,1,1\n2,9\n3,1,1,3,4\n7,1,1,7\n"
# Content -> who is read of it, and why others are not.
BAD_RECORDS: dict[str, tuple[bytes, list[int], dict[str, int]]] = {
    "empty file": (b"", [], {}),
    "blank lines": (b"\n\n  \n\t\r\n", [], {}),
    "windows": (line(1) + b"\r\n\r\n" + line(2) + b"\r\n", [1, 2], {}),
    "byte-order mark": (b"\xef\xbb\xbf" + line(1) + b"\n" + line(2), [1, 2], {}),
    "no JSON first": (b"oops\n" + line(2), [2], {"not_json": 1}),
    "no UTF-8": (b"\xff\xfd\n" + line(2), [2], {"not_json": 1}),
    "two in one": (line(1) + b"," + line(2) + b"\n" + line(3), [3], {"not_json": 1}),
    "brackets": (b"],[\n" + line(3), [3], {"not_json": 1}),
    "bottomless": (b"[" * 9_999 + b"]" * 9_999 + b"\n" + line(3), [3], {"profile_not_object": 1}),
    "array": (b"[" + line(1) + b",\n" + line(2) + b", null]", [1, 2], {"profile_not_object": 1}),
    "array, then blanks": (b"[" + b",".join([line(1)] * 999) + b"]" + b" " * 2**20, [1], {}),
    "array in lines": (b" \n[\n" + line(1) + b"\n]\n", [1], {}),
    "CSV": (MIXED, [1, 7], {"row_missing_columns": 1, "row_too_many_columns": 1}),
    "CSV of Excel": (b'\xef\xbb\xbfplan;WEB;"a ""b"""\r\n1;5;"x;\r\ny"\r\n2;;\r\n', [1], {}),
    "CSV, no UTF-8": (b"plan\tweb\n1\t5\n2\t\xff\n", [1], {"row_invalid_encoding": 1}),
    "CSV of mixed ends": (b"plan,web\n1,5\r\n2,6\n3\n", [1, 2], {"row_missing_columns": 1}),
    "CSV with a column twice and one without a name": (b"plan,web,x,X,\n1,5,x,y,z\n", [1], {}),
}


@pytest.mark.parametrize("name", BAD_RECORDS)
def test_a_bad_record_is_counted_by_reason_and_costs_no_other(tmp_path: Path, name: str) -> None:
    content, read, bad = BAD_RECORDS[name]
    for pack in PACKED if name == "byte-order mark" else ["plain"]:
        (tmp_path / "export").write_bytes(PACKED[pack](content))
        counts = fetch(tmp_path / "export")
        assert (who(counts), counts.rejected) == (read, bad)


def as_text(form: str) -> str:
    """What a table holds for a JSON value."""
    return json.loads(form) if form.startswith('"') else form


def parquet(rows: list[dict[str, Any]]) -> bytes:
    stream = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


def csv_table(forms: Sequence[str]) -> bytes:
    stream = StringIO()
    csv.writer(stream).writerows([["web", "plan"], *([as_text(form), "x"] for form in forms)])
    return stream.getvalue().encode()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda content: gzip.compress(content, 1),
    "zstd": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}
RECORD = '{"traits":{"web":%s}}'
IDS = {"external_ids": [{"type": "email", "id": "x"}]}
FORMATS: dict[str, Callable[[Sequence[str]], bytes]] = {
    "lines": lambda forms: "\n".join(RECORD % form for form in forms).encode(),
    "array": lambda forms: f"[{','.join(RECORD % form for form in forms)}]".encode(),
    "csv": csv_table,
    "flat": lambda forms: parquet([{"web": as_text(form)} for form in forms]),
    "typed": lambda forms: parquet([{"web": json.loads(form, parse_int=float)} for form in forms]),
    "nested": lambda forms: parquet([{"traits": {"web": as_text(form)}, **IDS} for form in forms]),
    "a list beside columns": lambda forms: parquet([{"web": as_text(form), **IDS} for form in forms]),
    "a trait twice": lambda forms: parquet([{"traits": {"web": as_text(form)}, "web": 9} for form in forms]),
    "without ids": lambda forms: parquet([{"traits": {"web": as_text(form)}} for form in forms]),
    "text": lambda forms: parquet([{"traits": RECORD[10:-1] % form} for form in forms]),
}
# The activity, or why there is none -> values as JSON has them, in whatever format, however it is packed.
ODD_VALUES: dict[int | str, list[str]] = {
    0: ['""'],
    2: ["2.9"],
    12: ['"12"', '" 12\\t"'],
    15: ["1.5e1", '"1.5e1"'],
    "activity_negative": ["-1"],
    "activity_not_finite": ["1e400", "9" * 5_000],
    "activity_too_large": ["9" * 30],
    "activity_not_numeric": [
        *("NaN", '"NaN"', "Infinity", '"1_000"', '"٣"', "true", '{"a":[1,{"b":null}]}', "[1,2]"),
    ],
}
# What a column of floats can hold of these.
FLOATS = {"1.5e1", "2.9", "9" * 30, "-1", "NaN", "Infinity"}


@pytest.mark.parametrize("name", FORMATS)
def test_an_odd_value_has_the_same_outcome_in_every_format(tmp_path: Path, name: str) -> None:
    values = {form: outcome for outcome, forms in ODD_VALUES.items() for form in forms}
    values = {form: values[form] for form in values if name != "typed" or form in FLOATS}
    expected = (
        Counter(outcome for outcome in values.values() if isinstance(outcome, str)),
        sum(outcome for outcome in values.values() if isinstance(outcome, int)),
    )
    for pack in PACKED if name in {"lines", "array", "csv"} else ["plain"]:
        (tmp_path / "export").write_bytes(PACKED[pack](FORMATS[name](list(values))))
        counts = fetch(tmp_path / "export")
        assert (pack, *expected) == (pack, counts.rejected, counts.everybody().activity[0])


# Records that only JSON can hold -> what is read of them beside a neighbour's 7, or why nothing is.
ODD_RECORDS: dict[str, tuple[str, int | str]] = {
    "number": ("5", "profile_not_object"),
    "list": ("[]", "profile_not_object"),
    "bottomless": ("[" * 9_999 + "]" * 9_999, "profile_not_object"),
    "traits null": ('{"traits":null}', "traits_not_object"),
    "traits deep": ('{"traits":' + "[" * 900 + "]" * 900 + "}", "traits_not_object"),
    "external ids object": ('{"external_ids":{}}', "external_ids_malformed"),
    "external id string": ('{"external_ids":["email"]}', "external_ids_malformed"),
    "no JSON": ("oops", "not_json"),
    "no end": ('{"traits":{"web":1', "not_json"),
    "half a character": ('{"traits":{"web":5,"note":"\\ud800"}}', "not_json"),
    "two in one": (RECORD % 1 + RECORD % 1, "not_json"),
    "empty": ("{}", 0),
    "external ids null": ('{"traits":{"web":1},"external_ids":null}', 1),
    "external id null": ('{"traits":{"web":1},"external_ids":[null]}', 1),
    "a key twice": ('{"traits":{"web":1,"web":2}}', 1),
    "traits twice": ('{"traits":{"web":1},"traits":{"web":2}}', 1),
    "a comma too many": ('{"traits":{"web":1,},}', 1),
}


@pytest.mark.parametrize("name", ODD_RECORDS)
def test_an_odd_record_has_a_named_outcome_and_spares_its_neighbour(tmp_path: Path, name: str) -> None:
    """Of a service, in lines, and in an array, which is none with a record that is no JSON."""
    (record, told), neighbour = ODD_RECORDS[name], RECORD % 7
    expected = [7 + told] if isinstance(told, int) else [told, 7]

    def outcome(counted: Callable[[], Counts]) -> object:
        try:
            counts = counted()
        except BadSettings:
            return "refused"
        return [*counts.rejected.elements(), counts.everybody().activity[0]]

    def file(layout: str) -> Counts:
        (tmp_path / "export").write_text(layout)
        return fetch(tmp_path / "export")

    came = [record.encode(), neighbour.encode()]
    assert [expected, expected, "refused" if told == "not_json" else expected] == [
        outcome(lambda: count(came, CHANNELS)),
        outcome(lambda: file(f"{neighbour}\n{record}\n")),
        outcome(lambda: file(f"[{neighbour},{record}]")),
    ]


def test_columns_that_hold_external_ids_are_named_by_a_setting(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("web,CRM,user_id,ios.id\n5,a,b,\n6,,c,d\n")
    group = fetch(tmp_path / "people.csv", PERSONA_ID_COLUMNS="crm, ios.id").groups[0]
    assert (dict(group.identity_coverage), group.identities) == ({"crm": 1, "ios.id": 1}, 2)


def test_files_may_be_packed_in_different_ways_or_one_after_the_other_in_one(tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(line(0))
    (tmp_path / "b.part").write_bytes(gzip.compress(line(1) + b"\n") + gzip.compress(line(2) + b"\n"))
    assert who(fetch(tmp_path / "*.part")) == who(fetch(tmp_path)) == [0, 1, 2]


TEXT = "\n".join(f"{'x' * 200},1" for _ in range(400))
LARGE = {
    "ends of several kinds": (f"plan,web\r\n{'x' * 40},1\r" + f"{'x' * 40},1\r" * 249_999, 250_000),
    "texts of many lines": ("plan,web\n" + f'"a\n{TEXT}\nb",1\n' * 150, 150),
    "such texts beside numbers": ("plan,web,bio\n" + f'x,1,"a\n{TEXT}\nb"\n' * 150, 150),
}


@pytest.mark.parametrize("name", LARGE)
def test_of_a_large_table_no_row_is_lost_or_made_up(tmp_path: Path, name: str) -> None:
    """Each is larger than what one thread reads at a time."""
    text, n = LARGE[name]
    (tmp_path / "export").write_text(text, newline="")
    counts = fetch(tmp_path / "export")
    assert (len(text) > 10**7, counts.read, counts.classified) == (True, n, n)


# -- what cannot be read ----------------------------------------------------------------------------------


def refused(where: object, seconds: float = 600.0) -> PersonaError:
    with pytest.raises(PersonaError) as raised:
        fetch(where, 0, seconds)
    return raised.value


def damaged(place: int) -> bytes:
    """A packed file of which two bytes were turned over."""
    packed = bytearray(gzip.compress(lines(3_000)))
    packed[place : place + 2] = bytes(byte ^ 0xFF for byte in packed[place : place + 2])
    return bytes(packed)


ARRAY = "export looks like JSON array; cannot be read as that, first at record"
DAMAGED = "its gzip is damaged or cut off; store it again"
ZSTD = pa.compress(lines(3_000), codec="zstd", asbytes=True)
BLANKS = gzip.compress(b" " * 2**16) * 2**11  # packed one after the other, as one
# Whoever passed over such a row would pass over those behind it.
UNCLOSED = {
    "open": b'1,"secret',
    "open, then another": b'"secret,3\n1,"4"',
    "not doubled": b'"a "secret" b",3',
    "goes on": b'"secret"x,3',
    "and too long": b'1,3,"secret,4',
}
UNREADABLE = {
    f"CSV, {kind}, {behind:,} behind": (
        b"plan,web\n" + b"1,2\n" * (n - 2) + row + b"\n1,2" * behind,
        f"export: a quotation mark in line {n} is not closed",
    )
    for kind, row in UNCLOSED.items()
    for n, behind in ((3, 0), (3, 9), (100_000, 100_000))
} | {
    "html": (b"<html>secret</html>", "export looks like HTML or XML"),
    "binary": (b"secret\0\1\2", "export is no text"),
    "array": (b"[" + line(1) + b", secret]", ARRAY),
    "parquet": (b"PAR1secret", "export looks like Parquet; cannot be read as that"),
    "long line": (b'{"secret": "' + b"x" * 2**26, "a line of it is longer than 4 MiB"),
    "long line in gzip": (gzip.compress(b"{") + BLANKS, "like JSON lines; a line of it is longer"),
    "nul in gzip": (gzip.compress(bytes(2**16)) * 2**12, "export is no text"),
    "damaged": (damaged(5_000), DAMAGED),
    "damaged in its checksum": (damaged(-6), DAMAGED),
    "zstd cut short": (ZSTD[:-9], DAMAGED.replace("gzip", "zstd")),
    "zstd damaged": (ZSTD[:2_000] + b"\xff" * 9 + ZSTD[2_009:], DAMAGED.replace("gzip", "zstd")),
    "array cut short": (gzip.compress(b"[" + line(1) + b", \n"), "its array does not end in ]"),
}
FOLDERS = {name: ({"export": content}, words) for name, (content, words) in UNREADABLE.items()} | {
    "nested and flat": ({name: FORMATS[name]("3") for name in ("nested", "flat")}, "flat: expected a column"),
    "part without header": ({"a": b"plan,web\nx,1", "b": b"secret,5\nx,3"}, "b: expected a header"),
    "table without header": ({f"user_{it}": b"name,x" for it in ("traits", "identifiers")}, "s: expected a"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_what_cannot_be_read_is_named_with_what_it_looks_like(tmp_path: Path, name: str) -> None:
    contents, words = FOLDERS[name]
    for file, content in contents.items():
        (tmp_path / file).write_bytes(content)
    error = refused(tmp_path)
    assert (type(error), error.message.startswith("PERSONA_SOURCE: ")) == (BadSettings, True)
    assert (words in error.message, "secret" in error.message) == (True, False)


@pytest.mark.parametrize("where", ["/dev/zero", "pipe"])
def test_what_is_no_regular_file_is_a_mistake_in_the_settings(tmp_path: Path, where: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    error = refused(tmp_path / where)
    assert (type(error), " is no regular file" in error.message) == (BadSettings, True)


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    """Only `*` stands for others, and only where it is no file's own name."""
    for name in ("a[1].json", "b*?.json", "c1.json", "it's #1.json"):
        (tmp_path / name).write_bytes(line(len(name)))
        for where in (name, f"{name[:-1]}*"):
            assert who(fetch(tmp_path / where)) == [len(name)]


@pytest.mark.parametrize("where", ["c[1].json", "c[1]*", "", "d?/c.json"])
def test_a_file_whose_name_is_a_pattern_of_others_is_a_mistake_in_the_settings(
    tmp_path: Path, where: str
) -> None:
    """The engine would read those in its place, and count them twice."""
    for name in ("c[1].json", "c1.json", "d?/c.json", "d1/c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(line(1))
    error = refused(tmp_path / where)
    assert (type(error), "may mean several files; rename it" in error.message) == (BadSettings, True)


def test_a_file_that_this_user_may_not_read_is_a_mistake_in_the_settings() -> None:
    before = os.geteuid()
    with TemporaryDirectory() as folder:  # the tests' own folders are closed to others as a whole
        Path(folder).chmod(0o755)
        export = Path(folder, "export")
        export.touch(mode=0)
        try:
            os.seteuid(before or 65_534)  # root may read everything
            error = refused(export)
        finally:
            os.seteuid(before)
    assert error.message == "PERSONA_SOURCE: it cannot be read; check who may read it"


# -- the names of traits, with how many people have each --------------------------------------------------

TRAITS = "{'visits': 3, 'city': 'Rome', 'none': NULL::INTEGER}"
BOTH = {"city": (7, 0), "visits": (7, 7)}
ID = "canonical_segment_id"
SYNC = {
    "user_traits.csv": f"{ID},name,value,seq\na,visits,3,1\na,visits,4,2\nb,visits,5,1\nb,city,Rome,1",
    "user_identifiers.csv": f"{ID},type,value\na,user_id,1\nb,user_id,2",
}
ODD_LINES = '{"traits": {"visits": 3}}', '{"traits": [1]}', "{oops", "7", '{"traits": {"visits": ""}}'
# Rows of Parquet, or files by their names -> each trait, with how many carry it and how many as a number.
NAMES: dict[str, tuple[str | dict[str, str], dict[str, tuple[int, int]]]] = {
    "structure": (f"SELECT {TRAITS} AS traits, 'x' AS id", BOTH),
    "map": ("SELECT MAP {'visits': '3', 'city': 'Rome', 'none': NULL} AS traits", BOTH),
    "text": (f"SELECT to_json({TRAITS})::VARCHAR AS traits", BOTH),
    "flat": ("SELECT 3 AS visits, 'Rome' AS city, NULL::INTEGER AS none, 'u1' AS user_id", BOTH),
    "array": ({"a": json.dumps([{"traits": {"visits": 3, "city": "Rome", "none": None}}] * 7)}, BOTH),
    "columns named as a query would name some": (
        {"a.csv": "user_id,one,row,traits\nu1,3,4,5\nu2,3,4,5\n"},
        {"one": (2, 2), "row": (2, 2), "traits": (2, 2)},
    ),
    "records that cannot be read": ({"a": "\n".join(ODD_LINES)}, {"visits": (1, 1)}),
    "Profiles Sync, a person once": (SYNC, {"visits": (2, 2), "city": (1, 0)}),
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_source_names_its_traits_and_how_many_people_carry_them(tmp_path: Path, kind: str) -> None:
    content, expected = NAMES[kind]
    if isinstance(content, str):
        duckdb.sql(f"COPY ({content} FROM range(7)) TO '{tmp_path}/people.parquet' (FORMAT parquet)")
    else:
        for name, text in content.items():
            (tmp_path / name).write_text(text)
    with opened(tmp_path) as people:
        assert people.names() == expected


# -- draws ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [700, 1, 899, 900, 901])
def test_a_limit_draws_exactly_so_many_and_says_from_how_many(tmp_path: Path, limit: int) -> None:
    (tmp_path / "export").write_bytes(lines(900))
    counts = fetch(tmp_path / "export", limit)
    assert (counts.read, len(set(who(counts)))) == (min(900, limit),) * 2
    assert counts.drawn_from == (900 if limit < 900 else None)


DRAW = """
import sys
sys.path[:0] = ["tests"]
import test_fetch_files
print(test_fetch_files.who(test_fetch_files.fetch(sys.argv[1], 50)))
"""


@pytest.mark.slow
def test_the_same_file_gives_the_same_people_whatever_the_number_of_processors(tmp_path: Path) -> None:
    # Large enough for several threads.
    with (tmp_path / "export").open("wb") as file:
        file.writelines(line(n) + b" " * 50_000 + b"\n" for n in range(400))
    drawn = {
        subprocess.run(
            [*bound, sys.executable, "-c", DRAW, str(tmp_path / "export")],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for bound in ([], ["taskset", "-c", "0"])
    }
    assert len(drawn) == 1
    assert len(json.loads(drawn.pop())) == 50


def test_every_line_has_the_same_chance_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(lines(1_000))
    tenths = [0] * 10
    for n in who(fetch(tmp_path / "export", 500)):
        tenths[n // 100] += 1
    # 50 expected a tenth; five standard deviations (about 4.7) either side.
    assert [tenth for tenth in range(10) if not 26 < tenths[tenth] < 74] == []


def test_a_bad_line_that_is_drawn_counts_among_those_drawn(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(b"{oops\n" * 2_000)
    counts = fetch(tmp_path / "export", 10)
    assert (counts.read, counts.rejected, counts.drawn_from) == (10, {"not_json": 10}, 2_000)


# -- Cloud Storage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", ["plain", "gzip"])
def test_an_object_is_read_part_by_part_and_a_part_that_fails_again(cloud: FakeStorage, pack: str) -> None:
    noise = os.urandom(5 * 2**20).hex().encode()
    content = lines(500) + b'\n{"noise":"' + noise + b'","traits":{"web":500,"plan":"500"}}\n' + line(501)
    where = put(cloud, "a/b c.json", PACKED[pack](content))
    cloud.call_faults = [None, None, Fault(status=503)]
    assert who(fetch(where)) == list(range(502))
    assert [call.method for call in cloud.calls[:3]] == ["list", "media", "media"]


@pytest.mark.parametrize("name", ["day/*.json", "day/"])
def test_many_objects_are_read_without_what_writers_leave_beside_them(cloud: FakeStorage, name: str) -> None:
    """They are listed page by page, and asked for again where a page fails."""
    for n in range(5):
        put(cloud, f"day/{n}.json", line(n))
    for beside in ("days/9.json", "day/_SUCCESS", "day/.part.json", "day/"):
        put(cloud, beside, line(9))
    cloud.page_size = 2
    cloud.call_faults = [None, Fault(status=503)]
    assert who(fetch(f"gs://exports/{name}")) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["a*b?[1].json", "it's {0} #1 %2F.json", "plan=9/ü//x..y", "web=9/p.json"])
def test_an_object_may_have_any_name(cloud: FakeStorage, name: str) -> None:
    for kind, content in (
        ("", line(1)),
        (".csv", b"web,plan\n1,1\n"),
        (".parquet", parquet([{"web": 1, "plan": "1"}])),
    ):
        put(cloud, f"x/{name}{kind}", content)
        for pattern in (f"*{name[-3:]}", f"{name[:-1]}*"):
            assert who(fetch(f"gs://exports/x/{pattern}{kind}")) == [1]


REFUSALS: dict[str, tuple[str, int | None, str]] = {
    "damaged": ("export.gz", None, "gzip is damaged"),
    "no such object": ("export.jso", None, "PERSONA_SOURCE: there is no such object in bucket exports"),
    "no such bucket": ("../elsewhere/none.json", None, "create it, or name another one in PERSONA_SOURCE"),
    "forbidden": ("export.json", 403, "roles/storage.objectViewer"),
    "no credentials": ("export.json", 401, "needs valid Google credentials"),
    "anything else": ("export.json", 400, "(400)"),
    "a lasting failure": ("export.json", 503, "try again"),
}


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_of_cloud_storage_says_what_to_do(cloud: FakeStorage, kind: str) -> None:
    name, status, words = REFUSALS[kind]
    put(cloud, "export.json", lines(3))
    put(cloud, "export.gz", gzip.compress(lines(3_000))[:-2_000])
    if status:
        cloud.call_faults = lambda _: Fault(status=status)
    error = refused(f"gs://exports/{name}".replace("exports/../", ""))
    expected = (Unavailable, "storage_unavailable") if status == 503 else (Refused, "storage_refused")
    assert (type(error), error.code, words in error.message) == (*expected, True)
    assert cloud.calls != []


@pytest.mark.slow
def test_an_object_that_is_replaced_meanwhile_is_not_read_as_one(cloud: FakeStorage) -> None:
    where = put(cloud, "export.json", lines(60_000))
    content = lines(60_000)[::-1]

    def replaced(call: Call) -> Fault | None:
        if (call.method, len(cloud.calls)) == ("media", 3):
            cloud.call_faults = ()
            put(cloud, "export.json", content)
        return None

    cloud.call_faults = replaced
    error = refused(where)
    assert type(error) is Unavailable
    assert "replaced while it was read" in error.message


# -- bounds -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_deadline_interrupts_a_query_and_the_checking_of_a_bomb(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(lines(200_000))
    # 32 GB of blank lines in 32 MB.
    (tmp_path / "bomb").write_bytes(gzip.compress(line(1) + b"\n" * 2**20) * 2**15)
    for name in ("large", "bomb"):
        start = time.monotonic()
        assert type(refused(tmp_path / name, 0.2)) is DeadlineExceeded
        assert time.monotonic() - start < 30


@pytest.mark.slow
def test_memory_does_not_grow_with_the_people_though_each_has_a_plan_of_their_own(tmp_path: Path) -> None:
    def export(profiles: int) -> Path:
        # The free text begins where nobody expects it any more.
        plans = ("pro" if n < 20_000 else f"note {n} " + "x" * 50 for n in range(profiles))
        with gzip.open(tmp_path / f"{profiles}", "wt", compresslevel=1) as file:
            file.writelines(f'{{"traits":{{"web_sessions_30d":1,"plan":"{plan}"}}}}\n' for plan in plans)
        return tmp_path / f"{profiles}"

    few_mib, many_mib = (peak_mib(export(people), people) for people in (400_000, 800_000))
    # Where the plans were kept, a hundred thousand would take fifty.
    assert many_mib - few_mib < 64
