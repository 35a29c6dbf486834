"""The house is built as it is drawn: imports run one way, and every room is where its name says."""

import ast
import fnmatch
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from doors import ROOT, environment

DOORS = {"main", "persona.__main__", "persona.http", "persona.pubsub"}
# The steps that only compute: what they import, and what that imports, reaches no network and no machine.
PURE = [
    *("profile", "classify", "tally", "summarize", "sampling", "prompt", "facts", "framework", "claims"),
    *("drift", "render"),
]
OUTSIDE = {
    "requests",
    "urllib3",
    "google",
    "os",
    "socket",
    "http",
    "subprocess",
    "flask",
    "functions_framework",
}
# The steps, each with the rooms that are its own.
STEPS = {
    "sources": {"pace"},
    "classify": set[str](),
    "summarize": set[str](),
    "prompt": set[str](),
    "mave": {"threads"},
    "facts": set[str](),
    "framework": {"outline", "titles"},
    "claims": {"ledger"},
    "drift": set[str](),
    "render": {"report"},
}
# What any step may use: nouns, failures, settings, time, and the rooms that belong to several steps.
SHARED = {
    "model",
    "errors",
    "config",
    "clock",
    "session",
    "wire",
    "profile",
    "tally",
    "words",
    "bucket",
    "layout",
}
VISIBLE = {"main.py", "persona", "tests", "requirements.txt", "cloudbuild.yaml", "README.md"}
MOST_LINES = 40


@cache
def rooms() -> dict[str, ast.Module]:
    """Every module of the program, by name."""
    paths = [ROOT / "main.py", *sorted((ROOT / "persona").rglob("*.py"))]
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths
    ]
    return {
        name: ast.parse(path.read_text(encoding="utf-8")) for name, path in zip(names, paths, strict=True)
    }


@cache
def imports(room: str) -> set[str]:
    """What a module imports, wherever in it: modules of the program, and top-level names of all others."""
    found: set[str] = set()
    for node in ast.walk(rooms()[room]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            inside = {f"{module}.{alias.name}" for alias in node.names} & rooms().keys()
            found |= inside or {module}
    return {name if name in rooms() else name.partition(".")[0] for name in found}


def reached(room: str) -> set[str]:
    """Everything that importing a module may bring along."""
    seen: set[str] = set()
    ahead = {room}
    while ahead:
        name = ahead.pop()
        seen.add(name)
        ahead |= (imports(name) if name in rooms() else set()) - seen
    return seen


def area(room: str) -> str:
    """The room that a module belongs to: a package's name, or the module's own."""
    name = room.removeprefix("persona.").partition(".")[0]
    return "bucket" if name.startswith("bucket_") else name


def functions() -> Iterator[tuple[str, int]]:
    """Every function with its lines, the docstring not counted."""
    for room, tree in rooms().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                said = node.body[0] if ast.get_docstring(node) else None
                told = (said.end_lineno or 0) - said.lineno + 1 if said else 0
                yield f"{room}.{node.name}", (node.end_lineno or 0) - node.lineno + 1 - told


def test_imports_run_one_way() -> None:
    # The two stores implement what their door declares, and the door opens them: they are one room.
    graph: dict[str, set[str]] = {}
    for room in rooms():
        inside = imports(room) & rooms().keys()
        mine = "bucket" if area(room) == "bucket" else room
        graph.setdefault(mine, set()).update(
            {"bucket" if area(name) == "bucket" else name for name in inside} - {mine}
        )
    assert len(graph) == len(list(TopologicalSorter(graph).static_order()))


@pytest.mark.parametrize("room", PURE)
def test_a_pure_step_reaches_no_network_and_no_machine(room: str) -> None:
    assert reached(f"persona.{room}") & OUTSIDE == set()


@pytest.mark.parametrize("step", STEPS)
def test_a_step_imports_no_other_step(step: str) -> None:
    own = {step, *STEPS[step]}
    used = {area(name) for room in rooms() if area(room) in own for name in imports(room) & rooms().keys()}
    assert used - own - SHARED - {"sampling", "persona"} == set()


def test_only_doors_know_the_pipeline_and_only_the_pipeline_and_doors_know_how_steps_are_joined() -> None:
    knows = {room: imports(room) for room in rooms()}
    assert {room for room in knows if "persona.pipeline" in knows[room]} == DOORS - {"main"}
    assert {room for room in knows if "persona.steps" in knows[room]} <= {*DOORS, "persona.pipeline"}


def test_main_holds_two_doors_and_nothing_else() -> None:
    functions_of_main = [node.name for node in rooms()["main"].body if isinstance(node, ast.FunctionDef)]
    assert (["persona_http", "persona_pubsub"], {"persona.http", "persona.pubsub"}) == (
        functions_of_main,
        imports("main") & rooms().keys(),
    )


def test_a_cold_start_pays_for_no_heavy_library() -> None:
    heavy = {
        *("google.cloud.storage", "google.cloud.bigquery", "requests", "urllib3", "markdown_it"),
        *("persona.pipeline", "persona.prompt", "persona.render", "persona.bucket_cloud"),
    }
    shown = subprocess.run(
        [sys.executable, "-c", "import main, sys; print(*sys.modules)"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert heavy & set(shown.stdout.split()) == set()


def test_every_function_fits_a_screen() -> None:
    assert {name: lines for name, lines in functions() if lines > MOST_LINES} == {}


def test_at_the_top_nothing_else_is_visible() -> None:
    assert {name for name in top_level() if not name.startswith(".")} == VISIBLE


def top_level() -> set[str]:
    """What a reader finds at the top of the repository."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return {Path(name).parts[0] for name in listed.stdout.splitlines()}
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()]
    return {
        path.name for path in ROOT.iterdir() if not any(fnmatch.fnmatch(path.name, one) for one in ignored)
    }
