"""The house is built as it is drawn: imports run one way, and every room is where its name says."""

import ast
import fnmatch
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest
from doors import ROOT, environment

# The rooms from top to bottom: each imports only what stands on a line below its own.
ROOMS = [
    ("main", "__main__"),
    ("triggers",),
    ("pipeline",),
    ("write",),
    ("mave",),
    ("check",),
    ("summarize",),
    ("fetch",),
    ("classify",),
    ("request",),
    ("storage", "net"),
    ("wording",),
    ("masking",),
    ("settings",),
    ("model", "deadline", "setting_values", "timestamps"),
    ("errors", "log"),
]
# What only computes: what it imports, and what that imports, reaches no network and no machine.
PURE = [
    *("classify.counts", "summarize.summary", "summarize.sampling"),
    *("summarize.trait_check", "summarize.drift", "summarize.look_alikes", "mave.prompt"),
    *("mave.without_mave", "check.facts", "check.answer", "write.render", "write.members_sql"),
]
OUTSIDE = {
    *("requests", "urllib3", "google", "os", "socket", "http"),
    *("subprocess", "flask", "functions_framework"),
}
VISIBLE = {"main.py", "persona", "tests", "requirements.txt", "cloudbuild.yaml", "README.md"}
MOST_LINES = 40
# The house's sizes, in lines: the product, the tests (1.6 times that), the median module. None may grow.
BUDGET = (9_000, 14_400, 120)


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the program, by name."""
    paths = [ROOT / "main.py", *sorted((ROOT / "persona").rglob("*.py"))]
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths
    ]
    return {
        name: ast.parse(path.read_text(encoding="utf-8")) for name, path in zip(names, paths, strict=True)
    }


@cache
def imports(module: str) -> set[str]:
    """What a module imports, wherever in it: modules of the program, and top-level names of all others."""
    found: set[str] = set()
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            inside = {f"{source}.{alias.name}" for alias in node.names} & modules().keys()
            found |= inside or {source}
    return {name if name in modules() else name.partition(".")[0] for name in found}


def reached(room: str) -> set[str]:
    """Everything that importing a module may bring along."""
    seen: set[str] = set()
    ahead = {room}
    while ahead:
        name = ahead.pop()
        seen.add(name)
        ahead |= (imports(name) if name in modules() else set()) - seen
    return seen


def room_of(module: str) -> str:
    """The room that a module belongs to: a folder of the program, or a module beside the folders."""
    return module.removeprefix("persona.").partition(".")[0]


def functions() -> Iterator[tuple[str, int]]:
    """Every function with its lines, the docstring not counted."""
    for room, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                said = node.body[0] if ast.get_docstring(node) else None
                told = (said.end_lineno or 0) - said.lineno + 1 if said else 0
                yield f"{room}.{node.name}", (node.end_lineno or 0) - node.lineno + 1 - told


def test_every_room_imports_only_rooms_below_it() -> None:
    floors = {room: floor for floor, rooms_of_floor in enumerate(ROOMS) for room in rooms_of_floor}
    upwards = {
        f"{module} imports {imported}"
        for module in modules()
        for imported in imports(module) & modules().keys() - {"persona"}
        if room_of(imported) != room_of(module) and floors[room_of(imported)] <= floors[room_of(module)]
    }
    assert upwards == set()


def test_no_import_leads_back_to_where_it_began() -> None:
    graph = {module: imports(module) & modules().keys() - {module} for module in modules()}
    assert len(graph) == len(list(TopologicalSorter(graph).static_order()))


@pytest.mark.parametrize("module", PURE)
def test_a_pure_step_reaches_no_network_and_no_machine(module: str) -> None:
    assert reached(f"persona.{module}") & OUTSIDE == set()


def test_main_holds_two_doors_and_nothing_else() -> None:
    functions_of_main = [node.name for node in modules()["main"].body if isinstance(node, ast.FunctionDef)]
    assert (["persona_http", "persona_pubsub"], {"persona.triggers.http", "persona.triggers.pubsub"}) == (
        functions_of_main,
        imports("main") & modules().keys(),
    )


def test_a_cold_start_pays_for_no_heavy_library() -> None:
    heavy = {
        *("google.cloud.storage", "google.cloud.bigquery", "duckdb", "requests", "urllib3", "markdown_it"),
        *("persona.pipeline", "persona.mave.prompt", "persona.write.render", "persona.storage.cloud"),
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


def test_the_house_stays_within_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    modules_lines = [lines_of(path) for path in (ROOT / "persona").rglob("*.py")]
    product = sum(modules_lines) + lines_of(ROOT / "main.py")
    tests = sum(map(lines_of, (ROOT / "tests").rglob("*.py")))
    sizes = product, tests, median(modules_lines)
    with capsys.disabled():
        print(f"\nlines of product, tests, median module: {sizes}; tests a line {tests / product:.2f}")  # noqa: T201
    assert [most for size, most in zip(sizes, BUDGET, strict=True) if size > most] == []


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


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
