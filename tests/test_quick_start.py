"""The README's first command, as printed, in a fresh clone: a framework within a minute."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from doors import ROOT, environment

pytestmark = pytest.mark.slow

# What pip says where it does not get through to its index at all.
UNREACHABLE = re.compile(r"NewConnectionError|ConnectTimeoutError|NameResolutionError|ProxyError")


def printed(language: str, holding: str) -> str:
    """The README's first block in that language that holds these words."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(next(block for block in found if holding in block))


def clone(folder: Path) -> None:
    """Copy what a clone of this repository holds, as it is here and now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def shell(line: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """What a line for a shell prints in a clone."""
    outside = {name: text for name, text in environment().items() if name != "PYTHONPATH"}
    command, env = ["sh", "-ec", line], {**outside, **more}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=1_500
    )


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone")
def test_the_first_command_makes_a_framework_in_a_fresh_clone(tmp_path: Path) -> None:
    clone(tmp_path)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = shell(
        printed("sh", "-m venv"), tmp_path, PATH=path, PIP_NO_COMPILE="1", PIP_DEFAULT_TIMEOUT="100"
    )
    if ended.returncode and UNREACHABLE.search(ended.stderr) and os.environ.get("CI") != "true":
        pytest.skip("the package index cannot be reached")
    assert ended.returncode == 0, ended.stderr
    table = re.findall(r"^  \w.*%$", printed("text", "profiles read"), re.MULTILINE)
    assert table == re.findall(r"^  \w.*%$", ended.stdout, re.MULTILINE)
    assert len(table) == 4
    named = re.findall(r"\S+framework\.\w+", ended.stdout)
    assert [Path(name).suffix for name in named] == [".html", ".json"]
    assert [name for name in named if not (tmp_path / name).exists()] == []
    assert (tmp_path / named[0]).with_suffix(".md").exists()
