"""What a file is, by its content, and the engine's readers for it."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from itertools import groupby
from typing import NamedTuple

from persona.classify.engine import Engine, OddRecords, identifier, literal
from persona.deadline import Deadline
from persona.fetch.local import Place

HEAD_BYTES = 2**16
# Checked for damage so much at a time.
BLOCK_BYTES = 2**20
# The longest record; each thread reads into two buffers of twice as much.
MOST_BYTES = 4 * 2**20
_MARK = b"\xef\xbb\xbf"  # what some editors begin a UTF-8 file with
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"  # RFC 1952, RFC 8878
# What else files begin with, in words with what to do.
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet; unpack it, or save it as CSV",
    b"SQLite": "an SQLite database; export a table as CSV",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8",
    b"<": "HTML or XML; write JSON lines, CSV or Parquet instead",
}
_ARRAY = re.compile(rb"\[\s*(\{|\]\s*$)")
_RECORD = re.compile(rb"^\s*\{", re.MULTILINE)
_DELIMITERS = ",;\t|"

_BOUND = f"maximum_object_size = {MOST_BYTES}"
_JSON = f"union_by_name = true, sample_size = -1, {_BOUND}"
_TABLES = {
    "JSON lines": f"read_json(format = 'newline_delimited', {_JSON}",
    "JSON array": f"read_json(format = 'array', {_JSON}",
    "CSV": "read_csv(auto_detect = false, header = true, quote = '\"', escape = '\"'",
    "Parquet": "read_parquet(union_by_name = true",
}
# A text `json` a record, or NULL where a line holds none.
_RECORDS = {
    "JSON lines": f"read_json_objects(ignore_errors = true, format = 'newline_delimited', {_BOUND}",
    "JSON array": f"read_json_objects(format = 'array', {_BOUND}",
}
# Lines of any text.
_LINES = (
    "read_csv(columns = {'line': 'VARCHAR'}, delim = CHR(1), quote = '', escape = '', header = false, "
    f"auto_detect = false, strict_mode = false, max_line_size = {MOST_BYTES}, ignore_errors = true"
)


class UnreadableFile(OddRecords):
    """What a file is instead of people, in our own words, which quote nothing of the content."""


class File(NamedTuple):
    """A file that can be read."""

    name: str
    path: str
    kind: str  # JSON lines, JSON array, CSV, Parquet
    packed: str = "uncompressed"  # as the engine calls it
    delimiter: str = ","  # of CSV
    columns: tuple[str, ...] = ()  # of CSV, as its first row names them


def looked_at(place: Place, engine: Engine, deadline: Deadline) -> File:
    """What a file is, by its content."""
    name, path = place.name, place.path
    with place.open() as stream:
        head = stream.read(HEAD_BYTES)
    packed = "uncompressed"
    if head.startswith(_GZIP):
        packed, head = "gzip", _unpacked(place, deadline)
    elif head.startswith(_ZSTD):
        packed, lines = "zstd", engine.rows(f"FROM {_read(_LINES, [path], 'zstd')} LIMIT 20")
        head = b"\n".join((row["line"] or "").encode() for row in lines)
    if head.startswith(b"PAR1") and packed == "uncompressed":
        return File(name, path, "Parquet")
    foreign = next((words for start, words in _FOREIGN.items() if head.startswith(start)), "")
    if foreign:
        raise UnreadableFile(f"{name} looks like {foreign}")
    if b"\0" in head:
        raise UnreadableFile(f"{name} is no text: expected JSON lines, CSV or Parquet, plain, gzip or zstd")
    text = head.removeprefix(_MARK).lstrip()
    if _ARRAY.match(text):
        return File(name, path, "JSON array", packed)
    if not text or _RECORD.search(text):
        return File(name, path, "JSON lines", packed)
    return File(name, path, "CSV", packed, *_table(text.decode(errors="replace")))


def _unpacked(place: Place, deadline: Deadline) -> bytes:
    """The first bytes of a gzip file, all checked: the engine takes a damaged one for a short one."""
    try:
        with place.open() as packed, gzip.open(packed) as stream:
            head = stream.read(HEAD_BYTES)
            while stream.read(BLOCK_BYTES):
                deadline.check("read more of the file")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UnreadableFile(f"{place.name}: its gzip is damaged or was cut short; store it again") from None
    return head


def _table(text: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter of a CSV file, and its columns: one whose name came before, or is none, is one, too."""
    delimiter = max(_DELIMITERS, key=text.split("\n", 1)[0].count)
    header = next(csv.reader(StringIO(text, newline=""), delimiter=delimiter))
    before = [{other.lower() for other in header[:i]} for i in range(len(header))]
    return delimiter, tuple(
        name if name and name.lower() not in before[i] else f"{name}\n{i}" for i, name in enumerate(header)
    )


def with_known_columns(files: Sequence[File], known: Iterable[str]) -> list[File]:
    """The same CSV files, no other column named: a part without a header has a person there."""
    wanted = {name.casefold() for name in known}
    masked = []
    for file in files:
        for i, name in enumerate(file.columns):
            bare_name = name.removesuffix(f"\n{i}")
            if bare_name != name and bare_name.casefold() in wanted:
                raise UnreadableFile(
                    f"{file.name}: expected each column once, got {bare_name} twice; rename or drop one"
                )
        columns = [name if name.casefold() in wanted else f"\n{i}" for i, name in enumerate(file.columns)]
        masked.append(file._replace(columns=tuple(columns)))
    bare = [one for one in masked if all(name.startswith("\n") for name in one.columns)]
    if 0 < len(bare) < len(files):
        raise UnreadableFile(
            f"{bare[0].name}: expected a header like that of the other files, its first row names none of "
            "the traits and ids that are needed; every CSV file needs the header"
        )
    return masked


def table(files: Sequence[File], options: str = "") -> str:
    """Files of one kind as a table of their own columns, read with more options."""
    return _union(files, _TABLES[files[0].kind] + options)


def texts(engine: Engine, file: File) -> str:
    """A file as a table of texts: what the engine takes for JSON would keep its quotation marks."""
    if not file.kind.startswith("JSON"):
        return table([file])
    return table([file], f", columns = {_as_text(columns_of(engine, table([file])))}")


def records(files: Sequence[File]) -> str:
    """JSON files as a table of `json`: a record's text, or NULL where a line holds none."""
    return _union(files, _RECORDS[files[0].kind])


def columns_of(engine: Engine, source: str) -> Mapping[str, str]:
    """The columns of a source, with their types."""
    rows = engine.rows(f"DESCRIBE FROM {source}")
    return {row["column_name"]: row["column_type"] for row in rows}


def _as_text(columns: Iterable[str]) -> str:
    types = ", ".join(f"{identifier(name)}: 'VARCHAR'" for name in columns)
    return f"{{{types}}}"


def _union(files: Sequence[File], reader: str) -> str:
    """What a reader makes of files, which may be packed in several ways."""
    parts = []
    for (packed, delimiter, columns), some in groupby(files, key=lambda one: one[3:]):
        options = ""
        if reader.startswith("read_csv"):
            options = f", delim = {literal(delimiter)}, columns = {_as_text(columns)}"
        parts.append(f"FROM {_read(reader + options, [one.path for one in some], packed)}")
    return f"({' UNION ALL BY NAME '.join(parts)})"


def _read(reader: str, paths: Sequence[str], packed: str) -> str:
    function, _, options = reader.partition("(")
    if not function.endswith("parquet"):
        options += f", compression = '{packed}'"
    # A folder that is called `plan=pro` is no column.
    return f"{function}([{', '.join(map(literal, paths))}], {options}, hive_partitioning = false)"
