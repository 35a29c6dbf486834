"""Files that a setting names, wherever they lie."""

import glob
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from difflib import get_close_matches
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

from persona.deadline import Deadline
from persona.errors import BadSettings
from persona.setting_values import BUILT_IN


@contextmanager
def located(
    address: str, setting: str, deadline: Deadline
) -> Iterator[tuple[list[str], Callable[[str], Any], Any]]:
    """The paths that are meant: a path or gs://BUCKET/OBJECT, `*` allowed, or a folder or prefix.

    Beside them what opens one for its bytes, and the engine's file system for them, None for this machine's.
    Objects are read where they lie, in parts: on the cloud, a disk is memory.
    """
    if not address.startswith("gs://"):
        yield _paths(address, setting), partial(open, mode="rb"), None
        return
    # The client costs half a second to import.
    from persona.storage.cloud_inputs import Objects  # noqa: PLC0415

    with closing(Objects(address, setting, deadline)) as objects:
        # The engine has them unbuffered: its threads share a file.
        yield [*objects.blobs], lambda path: BufferedReader(cast("Any", objects.open(path))), objects


def _paths(address: str, setting: str) -> list[str]:
    whole = Path(address).absolute()
    try:
        paths = [whole] * whole.exists()
        if "*" in address:
            pattern = glob.escape(str(whole)).replace("[*]", "*")  # all else stands for itself
            paths = sorted(map(Path, glob.glob(pattern)))  # noqa: PTH207 - any path
        if whole.is_dir():
            paths = sorted(path for path in whole.iterdir() if path.is_file() and path.name[0] not in "._")
            if not paths:
                empty = "expected a file, or a folder with files, got an empty folder"
                raise BadSettings(f"{setting}: {empty}: {whole.name}")
        for path in paths:
            if not path.is_file():
                raise BadSettings(f"{setting}: {path.name} is no regular file")
            # The engine takes a name for a pattern, and the file itself only where no other one fits that.
            if set(glob.glob(str(path))) - {str(path)}:  # noqa: PTH207 - as above
                raise BadSettings(f"{setting}: {path.name} may mean several files; rename it or its folder")
            path.open("rb").close()  # whether this user may read it
    except OSError:
        raise BadSettings(f"{setting}: it cannot be read; check who may read it") from None
    if not paths:
        beside = [path.name for path in whole.parent.glob("*")]
        alike = get_close_matches(whole.name, [*BUILT_IN, *beside], n=1)
        meant = f"is {alike[0]} meant?" if alike else "name it from the folder that the command is given in"
        raise BadSettings(f"{setting}: expected a file, there is no such file: {whole.name}; {meant}")
    return [*map(str, paths)]
