"""Imports run downward only, and DAG files stay cheap to parse (`dags` -> `plugins/bridge` -> `include`)."""

from __future__ import annotations

import ast
import graphlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each room may import of ours; a room may always import itself.
_WORDS = (
    "include.sync.base",
    "include.sync.outcomes",
    "include.sync.records",
    "include.sync.runs",
    "include.sync.values",
)
_SYSTEMS = ("include.business_central", "include.ipaas", "include.transport", "include.settings", "include.errors")
ALLOWED: dict[str, tuple[str, ...]] = {
    "include/errors.py": (),
    "include/settings": ("include.errors",),
    "include/transport": ("include.errors",),
    "include/business_central": ("include.transport", "include.settings", "include.errors"),
    "include/ipaas": ("include.transport", "include.settings", "include.errors"),
    # Pure functions: of the engine and of the systems they know the words alone.
    "include/mappings": (
        *_WORDS,
        "include.business_central.records",
        "include.ipaas.external_ids",
        "include.ipaas.records",
        "include.settings",
        "include.errors",
    ),
    "include/sync": _SYSTEMS,
    # Where records come from and how they are written do not know each other.
    "include/sources": ("include.mappings", "include.sync", *_SYSTEMS),
    "include/writers": ("include.mappings", "include.sync", *_SYSTEMS),
    "include/flows": ("include.sources", "include.mappings", "include.writers", "include.sync", *_SYSTEMS),
    # What has to be in place before anything is moved: asks both systems, and moves nothing.
    "include/preflight": ("include.sync.problems", *_SYSTEMS),
    "include/sandbox": (),
    "plugins": ("bridge", "include.flows", "include.preflight", "include.sync", *_SYSTEMS),
    "dags": ("bridge", "include.flows"),
    "config": (),
}


def _files(room: str) -> list[Path]:
    path = ROOT / room
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports do not say which room they enter"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def test_every_room_is_known() -> None:
    rooms = {
        f"include/{p.name}" for p in (ROOT / "include").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert rooms - {"include/__init__.py"} == {room for room in ALLOWED if room.startswith("include/")}


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_run_downward(room: str) -> None:
    itself = room.removesuffix(".py").replace("/", ".")
    allowed = (*ALLOWED[room], itself)
    # The package itself, which knows none of its rooms.
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in _files(room)
        for name in _imports(path)
        if name != "include"
        and _within(name, ("include", "bridge", "dags", "tests", "scripts"))
        and not _within(name, allowed)
    ]
    assert wrong == []


def test_no_module_needs_itself_by_way_of_others_not_even_for_a_type() -> None:
    paths = {
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__"): path
        for path in _files("include")
        if "sandbox" not in path.parts
    }
    needs = {
        module: {
            found
            for name in _imports(path)
            if (found := name if name in paths else name.rpartition(".")[0]) in paths and found != module
        }
        for module, path in paths.items()
    }
    # Raises CycleError, naming the circle.
    graphlib.TopologicalSorter(needs).prepare()


@pytest.mark.parametrize("room", [room for room in ALLOWED if room.startswith("include/")])
def test_include_knows_no_airflow(room: str) -> None:
    assert [path for path in _files(room) for name in _imports(path) if _within(name, ("airflow",))] == []


def test_who_plans_is_asked_in_few_places() -> None:
    asks = {
        str(path.relative_to(ROOT))
        for path in _files("include")
        if any(word in path.read_text() for word in (".applies", "Mode.plan", "Mode.apply"))
    }
    # Who hands in what refuses to write; the two calls that all writing goes through; whether a run is settled, and whether it may have to ask; the rest
    # declares the mode.
    assert asks == {
        "include/sync/run.py",
        "include/sync/approval/decision.py",
        "include/sync/context.py",
        "include/sync/report.py",
        "include/sync/runs.py",
        "include/sync/plan.py",
    }


def test_mappings_are_pure() -> None:
    banned = ("requests", "time", "random", "os", "socket", "sqlalchemy", "pathlib", "threading")
    assert [(p.name, n) for p in _files("include/mappings") for n in _imports(p) if _within(n, banned)] == []


PARSE = """
import socket, sys
def refuse(*_): raise AssertionError("the network was used")
import airflow.sdk
for name in ("connect", "connect_ex"):
    setattr(socket.socket, name, refuse)
before, calls = set(sys.modules), 0
def count(frame, event, argument):
    global calls
    calls += event in ("call", "c_call")
sys.setprofile(count)
for path in sys.argv[1:]:
    exec(compile(open(path).read(), path, "exec"), {"__name__": "dag_file"})
sys.setprofile(None)
print(calls)
print(*sorted(set(sys.modules) - before))
"""
# So many calls of functions take about a second; a busy machine does not change their number.
_A_SECOND = 1_500_000


def test_dag_files_are_cheap_to_parse() -> None:
    files = [str(path) for path in _files("dags")]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"}
    # No database either: the home is an empty folder that nothing was set up in.
    done = subprocess.run(
        [sys.executable, "-c", PARSE, *files], env=environment, capture_output=True, text=True, check=True
    )
    calls, modules = done.stdout.splitlines()[-2:]
    slow = ("msal", "requests", "airflow.providers.http", "psycopg2", "include.business_central.client")
    assert [name for name in modules.split() if _within(name, slow)] == []
    assert int(calls) < _A_SECOND


def test_no_two_public_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for path in _files("include"):
        if "sandbox" not in path.parts:
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def test_functions_stay_below_60_lines_and_modules_below_450() -> None:
    long: list[str] = []
    for room in ("include", "plugins", "dags", "scripts", "benchmarks", "tests"):
        for path in _files(room):
            text = path.read_text()
            if text.count("\n") >= 450 and room != "tests":
                long.append(f"{path.relative_to(ROOT)}")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _lines(node) >= 60:
                    long.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert long == []


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines what a function does takes, without what is said of it."""
    assert function.end_lineno is not None
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0
