"""What a file is, by its content, and the engine's readers for it."""

import csv
import gzip
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from io import SEEK_END, StringIO
from itertools import groupby
from pathlib import PurePath
from typing import Any, NamedTuple

from persona.classify.engine import Engine, OddRecords, identifier, literal
from persona.deadline import Deadline

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HEAD_BYTES = 2**16
# Checked for damage so much at a time.
BLOCK_BYTES = 2**20
# The longest record; each thread reads into two buffers of twice as much.
MOST_BYTES = 4 * 2**20
_MARK = b"\xef\xbb\xbf"  # what some editors begin a UTF-8 file with
# What packed files begin with (RFC 1952, RFC 8878), as the engine calls that, and who unpacks it.
_PACKED: Mapping[bytes, Any] = {b"\x1f\x8b": ("gzip", gzip.open), b"\x28\xb5\x2f\xfd": ("zstd", zstd.open)}
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
_JSON = f"union_by_name = true, maximum_object_size = {MOST_BYTES}"
_TABLES = {
    "JSON lines": ("read_json", f"format = 'newline_delimited', {_JSON}"),
    "JSON array": ("read_json", f"format = 'array', {_JSON}"),
    "CSV": ("read_csv", "auto_detect = false, header = true, quote = '\"', escape = '\"'"),
    "Parquet": ("read_parquet", "union_by_name = true"),
}


class UnreadableFile(OddRecords):
    """What a file is instead of people, in our own words, which quote nothing of the content."""


class File(NamedTuple):
    """A file that can be read."""

    path: str
    kind: str  # JSON lines, JSON array, CSV, Parquet
    packed: str = "uncompressed"  # as the engine calls it
    delimiter: str = ","  # of CSV
    columns: tuple[str, ...] = ()  # of CSV, as its first row names them
    is_plain: bool = True  # of CSV: neither quotation marks nor carriage returns: its lines are its rows
    is_odd: bool = False  # of CSV: a quotation mark has no other

    @property
    def name(self) -> str:
        return PurePath(self.path).name


def looked_at(path: str, opened: Callable[[str], Any], deadline: Deadline) -> File:
    """What a file is, by its content; a packed one and a CSV are read through."""
    name = PurePath(path).name
    with opened(path) as stream:
        head = stream.read(HEAD_BYTES)
        packers = (how for start, how in _PACKED.items() if head.startswith(start))
        packed, unpack = next(packers, ("uncompressed", nullcontext))
        stream.seek(0)
        marks, returns, end = 0, 0, b""
        try:
            with unpack(stream) as unpacked:
                block = unpacked.read(HEAD_BYTES)
                file = _file_of(path, name, block, packed)
                if file.kind == "JSON array" and packed == "uncompressed":  # only its end is asked for
                    stream.seek(-min(BLOCK_BYTES, stream.seek(0, SEEK_END)), SEEK_END)
                    block = stream.read()
                # The engine takes a damaged one for a short one, and a quotation without an end for none.
                while block and (file.kind in {"CSV", "JSON array"} or packed != "uncompressed"):
                    if file.kind == "CSV":
                        marks, returns = marks + block.count(b'"'), returns + block.count(b"\r")
                    end = block.rstrip()[-1:] or end
                    deadline.check("read more of the file")
                    block = unpacked.read(BLOCK_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile, zstd.ZstdError):
            raise UnreadableFile(f"{name}: its {packed} is damaged or cut off; store it again") from None
    if file.kind == "JSON array" and end not in {b"]", b""}:
        raise UnreadableFile(f"{name}: its array does not end in ]: cut off, or something is behind it")
    return file._replace(is_plain=marks + returns == 0, is_odd=marks % 2 == 1)


def _file_of(path: str, name: str, head: bytes, packed: str) -> File:
    """What a file is, by how it begins."""
    if head.startswith(b"PAR1") and packed == "uncompressed":
        return File(path, "Parquet")
    foreign = next((words for start, words in _FOREIGN.items() if head.startswith(start)), "")
    if foreign:
        raise UnreadableFile(f"{name} looks like {foreign}")
    if b"\0" in head:
        raise UnreadableFile(f"{name} is no text: expected JSON lines, CSV or Parquet, plain, gzip or zstd")
    text = head.removeprefix(_MARK).lstrip()
    if _ARRAY.match(text):
        return File(path, "JSON array", packed)
    if not text or _RECORD.search(text):
        return File(path, "JSON lines", packed)
    table = text.decode(errors="replace")
    delimiter = max(_DELIMITERS, key=table.split("\n", 1)[0].count)
    header = next(csv.reader(StringIO(table, newline=""), delimiter=delimiter))
    return File(path, "CSV", packed, delimiter, tuple(header))


def headed(files: Sequence[File], needed: Iterable[str], demanded: str = "") -> list[File]:
    """The same CSV files, no other column named: where a header is missing, a person's values stand there.

    Raises:
        UnreadableFile: one names nothing where others do, or not what is demanded; or a column twice.
    """
    lower = {name.lower() for name in needed}
    masked = []
    for file in files:
        columns = tuple(name if name.lower() in lower else "" for name in file.columns)
        named = Counter(map(str.lower, columns))
        if twice := [name for name in columns if name and named[name.lower()] > 1]:
            raise UnreadableFile(f"{file.name}: expected each column once, got {twice[0]} twice; rename one")
        masked.append(file._replace(columns=columns))
    enough = {demanded} if demanded else lower
    bare = [file.name for file in masked if enough.isdisjoint(map(str.lower, file.columns))]
    if bare and (demanded or len(bare) < len(files)):
        columns_needed = demanded or "traits or ids that are needed"
        words = f"expected a header that names {columns_needed} in every CSV file"
        raise UnreadableFile(f"{bare[0]}: {words}; warehouses write it with HEADER")
    return masked


def table(files: Sequence[File], options: str = "", function: str = "") -> str:
    """Files of one kind, which may be packed in several ways, as a table of their own columns."""
    parts = []
    for (kind, packed, delimiter, columns, is_plain), some in groupby(files, key=lambda one: one[1:6]):
        reader, own = _TABLES[kind]
        if kind == "CSV":
            # Threads begin where they guess that a row does, which may be within a quotation.
            own += f", delim = {literal(delimiter)}, columns = {_as_text(columns)}, parallel = {is_plain}"
        parts.append("FROM " + _read(function or reader, [one.path for one in some], packed, own + options))
    return f"({' UNION ALL BY NAME '.join(parts)})"


def texts(engine: Engine, file: File) -> str:
    """A file as a table of texts: what the engine takes for JSON would keep its quotation marks."""
    if not file.kind.startswith("JSON"):
        return table([file])
    columns = columns_of(engine, table([file], ", sample_size = -1"))
    return table([file], f", columns = {_as_text([*columns])}")


def records(files: Sequence[File]) -> str:
    """JSON files as a table of `json`: a record's text, or NULL where a line holds none."""
    options = ", ignore_errors = true" if files[0].kind == "JSON lines" else ""
    return table(files, options, "read_json_objects")


def columns_of(engine: Engine, source: str) -> Mapping[str, str]:
    """The columns of a source, with their types."""
    return {row["column_name"]: row["column_type"] for row in engine.rows(f"DESCRIBE FROM {source}")}


def _as_text(columns: Sequence[str]) -> str:
    """Columns of text, for the engine: one whose name came before, or is none, is one, too."""
    lower = [name.lower() for name in columns]
    names = [
        name if name and lower.index(name.lower()) == i else f"{name}\n{i}" for i, name in enumerate(columns)
    ]
    return "{" + ", ".join(f"{identifier(name)}: 'VARCHAR'" for name in names) + "}"


def _read(function: str, paths: Sequence[str], packed: str, options: str) -> str:
    if function != "read_parquet":
        options += f", compression = '{packed}'"
    # A folder that is called `plan=pro` is no column.
    return f"{function}([{', '.join(map(literal, paths))}], {options}, hive_partitioning = false)"
