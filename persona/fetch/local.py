"""Files that a setting names, wherever they lie."""

import glob
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any, NamedTuple

from persona.deadline import Deadline
from persona.errors import BadSettings, PersonaError, Refused


class Place(NamedTuple):
    """Where a file lies."""

    name: str
    path: str  # as the engine reads it
    open: Callable[[], BufferedReader]


class Located(NamedTuple):
    places: list[Place]
    file_system: Any = None  # of the engine, where it has to be told of one


@contextmanager
def located(address: str, setting: str, deadline: Deadline) -> Iterator[Located]:
    """The files that are meant: a path or gs://BUCKET/OBJECT, `*` allowed, or a folder or prefix.

    Objects are read where they lie, in parts: on the cloud, a disk is memory.

    Raises:
        BadSettings: there is no such file, or it is no regular one.
        Refused, Unavailable, DeadlineExceeded: of Cloud Storage, now and while the files are read.
    """
    if not address.startswith("gs://"):
        yield Located([_place(path.name, str(path), FileIO) for path in _paths(address, setting)])
        return
    # The client costs half a second to import.
    from persona.fetch.objects import Objects  # noqa: PLC0415

    with closing(Objects(address, setting, deadline)) as objects:
        yield Located([_place(name, path, objects.open) for path, name in objects.names.items()], objects)


def _place(name: str, path: str, opened: Callable[[str, str], Any]) -> Place:
    return Place(name, path, lambda: BufferedReader(opened(path, "r")))


def _paths(address: str, setting: str) -> list[Path]:
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
        raise BadSettings(f"{setting}: there is no such file: {Path(address).name}")
    return [path.absolute() for path in paths]


def refused(address: str, setting: str, what: str) -> PersonaError:
    """The failure that a file means, by where it lies."""
    if address.startswith("gs://"):
        return Refused("storage", f"the object that {setting} names: {what}")
    return BadSettings(f"{setting}: {what}")
