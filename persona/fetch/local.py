"""Files that a setting names, wherever they lie: located, and told by their content."""

import csv
import glob
import gzip
import re
import stat
import zlib
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from persona.classify.engine import Engine, OddRecords, literal
from persona.deadline import Deadline
from persona.errors import BadSettings, PersonaError, Refused
from persona.setting_values import BUILT_IN

HEAD_BYTES = 2**16
# Checked for damage so much at a time.
BLOCK_BYTES = 2**20
_MARK = b"\xef\xbb\xbf"  # what some editors begin a UTF-8 file with
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"  # RFC 1952, RFC 8878
# What else files begin with, in words with what to do.
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet; unpack it, or save it as CSV",
    b"BZh": "bzip2; pack it with gzip or zstd instead",
    b"\xfd7zXZ": "xz; pack it with gzip or zstd instead",
    b"Obj\x01": "Avro; write JSON lines, CSV or Parquet instead",
    b"ORC": "ORC; write JSON lines, CSV or Parquet instead",
    b"SQLite": "an SQLite database; export a table as CSV",
    b"%PDF": "a PDF",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8",
    b"<": "HTML or XML; write JSON lines, CSV or Parquet instead",
}
_ARRAY = re.compile(rb"\[\s*(\{|\]\s*$)")
_RECORD = re.compile(rb"^\s*\{", re.MULTILINE)
_DELIMITERS = ",;\t|"


class File(NamedTuple):
    """A file on this machine."""

    name: str
    path: Path
    kind: str  # JSON lines, JSON array, CSV, Parquet
    packed: str = "uncompressed"  # as the engine calls it
    delimiter: str = ","  # of CSV
    columns: tuple[str, ...] = ()  # of CSV, as its first row names them

    @property
    def looks(self) -> str:
        return self.kind if self.packed == "uncompressed" else f"{self.kind}, packed with {self.packed}"


def located(address: str, setting: str, scratch: Path, deadline: Deadline) -> dict[str, Path]:
    """The files that are meant, by address: a path or gs://BUCKET/OBJECT, `*` allowed, or a folder or prefix.

    Objects are copied into `scratch` first.

    Raises:
        BadSettings: there is no such file, or it is no regular one.
    """
    if address.startswith("gs://"):
        # The client costs half a second to import.
        from persona.fetch.objects import Objects  # noqa: PLC0415

        return Objects(setting, deadline).copy(address, scratch)
    try:
        whole = Path(address)
        if whole.is_dir():
            paths = sorted(path for path in whole.iterdir() if path.is_file() and path.name[0] not in "._")
        else:
            paths = sorted(map(Path, glob.glob(address))) if "*" in address else [whole]  # noqa: PTH207 - any path
        for path in paths:
            if not stat.S_ISREG(path.stat().st_mode):
                raise BadSettings(f"{setting}: {path.name} is no regular file")
    except FileNotFoundError:
        paths = []
    except OSError:
        raise BadSettings(f"{setting}: it cannot be read; check who may read it") from None
    if not paths:
        raise BadSettings(f"{setting}: {_no_file(whole)}")
    return {str(path.absolute()): path.absolute() for path in paths}


def _no_file(path: Path) -> str:
    """What there is instead of a file that is not there."""
    if path.is_dir():
        return f"expected a file, or a folder with files, got an empty folder: {path.name}"
    beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
    alike = get_close_matches(path.name, [*BUILT_IN, *beside], n=1)
    meant = f"; is {alike[0]} meant?" if alike else "; name it from the folder that the command is given in"
    return f"expected a file, there is no such file: {path.name}{meant}"


def refused(address: str, setting: str, what: str) -> PersonaError:
    """The failure that a file means, by where it lies."""
    if address.startswith("gs://"):
        return Refused("storage", f"the object that {setting} names: {what}")
    return BadSettings(f"{setting}: {what}")


def unpacked(path: Path, deadline: Deadline) -> bytes:
    """The first bytes of a gzip file, all checked: the engine takes a damaged one for a short one.

    Raises:
        OddRecords: it is damaged.
    """
    try:
        with gzip.open(path) as stream:
            head = stream.read(HEAD_BYTES)
            while stream.read(BLOCK_BYTES):
                deadline.check("read more of the file")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise OddRecords("its gzip is damaged or was cut short; store it again") from None
    return head


def unmarked(path: Path, scratch: Path, deadline: Deadline) -> Path:
    """The file, or a copy without the byte-order mark, where JSON begins with one: its readers take none."""
    with path.open("rb") as stream:
        reader = gzip.open if stream.read(2) == _GZIP else open
    with suppress(EOFError, zlib.error, gzip.BadGzipFile), reader(path, "rb") as stream:
        if not re.match(_MARK + rb"\s*[{\[]", stream.read(HEAD_BYTES)):
            return path
        stream.seek(len(_MARK))
        copy = scratch / f"unmarked-{len(list(scratch.iterdir()))}"
        with copy.open("wb") as file:
            while block := stream.read(BLOCK_BYTES):
                deadline.check("read more of the file")
                file.write(block)
        return copy
    return path


def looked_at(name: str, path: Path, engine: Engine, deadline: Deadline) -> File:
    """What a file is, by its content.

    Raises:
        OddRecords: it is nothing that can be read; says what it looks like instead.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    packed = "uncompressed"
    if head.startswith(_GZIP):
        packed, head = "gzip", unpacked(path, deadline)
    elif head.startswith(_ZSTD):
        packed, head = "zstd", _lines(path, engine)
    if head.startswith(b"PAR1") and packed == "uncompressed":
        return File(name, path, "Parquet")
    foreign = next((words for start, words in _FOREIGN.items() if head.startswith(start)), "")
    if foreign and not _RECORD.search(head.replace(b"\0", b" ") if b"\0" not in head else b""):
        raise OddRecords(f"{name} looks like {foreign}")
    if b"\0" in head:
        raise OddRecords(f"{name} is no text, and none of JSON lines, CSV or Parquet")
    text = head.removeprefix(_MARK).lstrip()
    if _ARRAY.match(text):
        return File(name, path, "JSON array", packed)
    if not text or _RECORD.search(text):
        return File(name, path, "JSON lines", packed)
    delimiter = max(_DELIMITERS, key=text.decode(errors="replace").split("\n", 1)[0].count)
    header = next(csv.reader(StringIO(text.decode(errors="replace")), delimiter=delimiter))
    # A name that comes again, and one that is none, still has its column.
    before = [{other.lower() for other in header[:i]} for i in range(len(header))]
    columns = [
        name if name and name.lower() not in before[i] else f"{name}\n{i}" for i, name in enumerate(header)
    ]
    return File(name, path, "CSV", packed, delimiter, tuple(columns))


def _lines(path: Path, engine: Engine) -> bytes:
    """The first lines of a zstd file, which only the engine unpacks."""
    sql = f"""
      SELECT line FROM read_csv(
        {literal(str(path))}, columns = {{'line': 'VARCHAR'}}, delim = CHR(1), quote = '', escape = '',
        header = false, auto_detect = false, compression = 'zstd', strict_mode = false,
        max_line_size = {2**20}
      ) LIMIT 20
    """  # noqa: S608 - quoted
    return b"\n".join((row["line"] or "").encode() for row in engine.rows(sql))[:HEAD_BYTES]


def described(engine: Engine, source: str) -> Mapping[str, str]:
    """The columns of a source, with their types."""
    rows = engine.rows(f"DESCRIBE SELECT * FROM {source}")  # noqa: S608 - made of quoted names
    return {row["column_name"]: row["column_type"] for row in rows}
