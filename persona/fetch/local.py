"""Files that a setting names, wherever they lie."""

import glob
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from persona.deadline import Deadline
from persona.errors import BadSettings
from persona.setting_values import BUILT_IN


class Place(NamedTuple):
    """Where a file lies."""

    name: str
    path: str
    open: Callable[[], Any]  # its bytes


@contextmanager
def located(address: str, setting: str, deadline: Deadline) -> Iterator[tuple[list[Place], Any]]:
    """The files that are meant: a path or gs://BUCKET/OBJECT, `*` allowed, or a folder or prefix.

    Beside them the engine's file system for them, None for this machine's. Objects are read where they lie,
    in parts: on the cloud, a disk is memory.
    """
    if not address.startswith("gs://"):
        paths = _paths(address, setting)
        yield [Place(one.name, str(one), partial(open, one, "rb")) for one in paths], None
        return
    # The client costs half a second to import.
    from persona.fetch.objects import Objects  # noqa: PLC0415

    with closing(Objects(address, setting, deadline)) as objects:
        places = [Place(one.rpartition("/")[2], one, partial(objects.reader, one)) for one in objects.paths]
        yield places, objects


def _paths(address: str, setting: str) -> list[Path]:
    whole = Path(address)
    try:
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
    if paths:
        return [path.absolute() for path in paths]
    if whole.is_dir():
        raise BadSettings(
            f"{setting}: expected a file, or a folder with files, got an empty folder: {whole.name}"
        )
    beside = [path.name for path in whole.parent.glob("*")]
    alike = get_close_matches(whole.name, [*BUILT_IN, *beside], n=1)
    meant = f"is {alike[0]} meant?" if alike else "name it from the folder that the command is given in"
    raise BadSettings(f"{setting}: expected a file, there is no such file: {whole.name}; {meant}")
