"""What `make new-flow` writes passes what every flow has to pass, as it is: in a copy of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Linters and tests of their own, in processes of their own.
pytestmark = pytest.mark.timeout(600)
ROOT = Path(__file__).resolve().parents[2]
NAME = "payment_terms_to_ipaas"
WRITTEN = [
    "include/flows/payment_terms.py",
    f"include/flows/{NAME}.md",
    "include/mappings/payment_terms.py",
    "tests/flows/test_payment_terms.py",
]
WORLDS = ["tests/flows/test_asked_ids.py", "tests/flows/test_two_sided.py"]
# What CONTRIBUTING.md, "What a new flow takes" promises of the files of code.
LINES = 60


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in a project, with that project's modules."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    environment["PYTHONPATH"] = os.pathsep.join((str(project), str(project / "plugins"), str(project / "config")))
    return subprocess.run(
        [sys.executable, *command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


def new_flow(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(project, "scripts/new_flow.py", *arguments)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, with a new flow."""
    copy = tmp_path_factory.mktemp("copy") / "project"
    copy.mkdir()
    for name in ("include", "plugins", "dags", "config", "scripts", "tests", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "Makefile", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "airflow_settings.yaml"):
        shutil.copy(ROOT / name, copy / name)
    for name in WRITTEN:  # of whoever has made it already
        (copy / name).unlink(missing_ok=True)
    done = new_flow(copy, NAME, "payment terms", "--type", "payment method")
    assert done.returncode == 0, done.stderr
    assert [line.removeprefix("wrote ") for line in done.stdout.splitlines()[:-1]] == WRITTEN
    return copy


def test_it_is_in_the_projects_style_and_typed(project: Path) -> None:
    code = [name for name in WRITTEN if name.endswith(".py")]
    for command in (["ruff", "check", *code], ["ruff", "format", "--check", *code], ["mypy", *code[:2]]):
        done = run(project, "-m", *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_passes_its_own_test_and_those_that_every_flow_has_to(project: Path) -> None:
    every = ["tests/test_architecture.py", "tests/dags/test_catalogue.py", "tests/flows/test_flow_pages.py"]
    chosen = f"{NAME} or payment_terms or downward or circle or pure or both_sides_agree"
    done = run(project, "-m", "pytest", "-x", *every, *WORLDS, WRITTEN[-1], "-k", chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout or done.stdout.count(".") > 10


def test_it_takes_no_more_lines_than_is_promised(project: Path) -> None:
    code = [(project / name).read_text(encoding="utf-8").splitlines() for name in WRITTEN if name.endswith(".py")]
    assert len(code) == 3
    assert sum(map(len, code)) <= LINES


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["PaymentTerms", "payment terms"],
            "NAME is 'PaymentTerms'. Give a name in small letters that ends in _to_ipaas",
        ),
        (["company_to_ipaas", "company"], "There is a flow company_to_ipaas already."),
        (["colours_to_ipaas", "colour"], "iPaaS.com's record type 'colour' is not known. Give one with TYPE="),
        (["orders_to_ipaas", "transaction"], "A transaction of iPaaS.com has no name"),
        ([NAME, "payment terms", "--type", "payment method"], f"There is a flow {NAME} already."),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is(project: Path, arguments: list[str], said: str) -> None:
    before = sorted(project.rglob("*.py"))
    done = new_flow(project, *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert sorted(project.rglob("*.py")) == before
