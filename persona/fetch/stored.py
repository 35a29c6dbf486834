"""The lines of a stored file, wherever it lies and however it is packed, in constant memory."""

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from persona.deadline import Deadline
from persona.errors import BadSettings, PersonaError, Refused

# Some hundred profiles: large enough to decode at speed, small enough that one odd profile slows few.
BLOCK_BYTES = 2**18
# The longest record of a real export is a thousand times shorter.
MOST_LINE_BYTES = 32 * 2**20
_GZIP = b"\x1f\x8b"  # RFC 1952
_MARK = b"\xef\xbb\xbf"  # what some editors begin a UTF-8 file with


def read_lines(address: str, setting: str, deadline: Deadline) -> Iterator[list[bytes | None]]:
    """Yield the lines that are not blank, a block at a time; None for one that is too long to hold.

    `address` is a path or gs://BUCKET/OBJECT. What is packed with gzip is told by its first bytes.

    Raises:
        BadSettings: there is no such file, or it cannot be read; names the setting that asked for it.
        Refused: Cloud Storage says no, or keeps a damaged file.
        Unavailable: Cloud Storage stayed busy, or the object was replaced meanwhile.
        DeadlineExceeded: no time left for the next block.
    """
    try:
        with _open(address, setting, deadline) as stored:
            packed = stored.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
            plain = cast("BinaryIO", gzip.GzipFile(fileobj=stored)) if packed else stored
            for lines in _split(plain):
                deadline.check("read more of the file")
                yield lines
    except (EOFError, zlib.error, gzip.BadGzipFile):
        _refuse(address, setting, "its gzip is damaged or was cut short; store it again")
    except FileNotFoundError:
        _refuse(address, setting, "there is no such file")
    except OSError:
        _refuse(address, setting, "it cannot be read; check that it is a file and who may read it")


def _open(address: str, setting: str, deadline: Deadline) -> BufferedReader:
    if not address.startswith("gs://"):
        return Path(address).open("rb")
    # The client costs half a second to import.
    from persona.fetch.stored_object import StoredObject  # noqa: PLC0415

    return BufferedReader(StoredObject(address, setting, deadline), StoredObject.PART_BYTES)


def _split(stream: BinaryIO) -> Iterator[list[bytes | None]]:
    begun: list[bytes] = []  # parts of a line whose end has not come yet; none are kept of one too long
    begun_bytes = 0
    mark = _MARK
    while block := stream.read(BLOCK_BYTES):
        first, *others = block.removeprefix(mark).split(b"\n")
        mark = b""
        begun_bytes += len(first)
        begun.append(first)
        if begun_bytes > MOST_LINE_BYTES:
            begun.clear()
        if others:
            yield _told([_line(begun, begun_bytes), *others[:-1]])
            begun, begun_bytes = [others[-1]], len(others[-1])
    if begun_bytes:
        yield _told([_line(begun, begun_bytes)])


def _line(parts: list[bytes], size_bytes: int) -> bytes | None:
    return b"".join(parts) if size_bytes <= MOST_LINE_BYTES else None


def _told(lines: list[bytes | None]) -> list[bytes | None]:
    return [line for line in lines if line is None or line.strip()]


def _refuse(address: str, setting: str, what: str) -> NoReturn:
    error: PersonaError = BadSettings(f"{setting}: {what}")
    if address.startswith("gs://"):
        error = Refused("storage", f"the object that {setting} names: {what}")
    raise error from None
