"""Everything that this project raises of its own stands in one tree."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest

from include import errors
from include.errors import ErrorKind, IntegrationError, RecordFault, RunFault, ServiceError, Signal
from include.sync.ledger.faults import ClaimLost
from include.sync.problems import problem_of
from include.sync.staging.files import StagingFault

ROOT = Path(__file__).parent.parent


def classes() -> Iterator[tuple[str, str, list[str]]]:
    """Module, name and bases of each class of the product. The sandbox is a server of its own."""
    for folder in ("include", "plugins", "dags", "config"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "sandbox" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
                    yield str(path.relative_to(ROOT)), node.name, bases


def ancestry(name: str, bases: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += bases.get(one, [])
    return found


def is_exception(name: str) -> bool:
    found = getattr(builtins, name, None)
    return (isinstance(found, type) and issubclass(found, BaseException)) or name.endswith(("Exception", "Error"))


def test_every_exception_descends_from_the_root() -> None:
    found = list(classes())
    bases = {name: above for _, name, above in found}
    raised = [
        (module, name)
        for module, name, above in found
        if above and any(map(is_exception, ancestry(name, bases) - {name}))
    ]
    assert len(raised) > 20
    strays = [f"{module}: {name}" for module, name in raised if "IntegrationError" not in ancestry(name, bases)]
    # What Airflow's own check of a form raises is the library's, in our words.
    assert strays == ["plugins/bridge/refused_params.py: _Refused"]


def test_the_drawing_names_every_exception_that_others_see() -> None:
    found = list(classes())
    bases = {name: above for _, name, above in found}
    public = {name for _, name, _ in found if not name.startswith("_") and "IntegrationError" in ancestry(name, bases)}
    drawing = (errors.__doc__ or "").replace(",", " ").split()
    assert not sorted(public - set(drawing))


@pytest.mark.parametrize(
    ("fault", "branch", "kind"),
    [
        (errors.SettingsError("A Variable", 1, "2."), RunFault, ErrorKind.misconfigured),
        (errors.InvalidId("'x' is no id"), RunFault, ErrorKind.misconfigured),
        (errors.ServiceDown("It takes nothing"), RunFault, ErrorKind.unavailable),
        (errors.PlanWrites("iPaaS.com", "POST /v2/Product"), RunFault, ErrorKind.misconfigured),
        (ClaimLost(), RunFault, ErrorKind.unavailable),
        (StagingFault.gone("a file"), RunFault, ErrorKind.unavailable),
        (errors.Rejected("Its name is too long"), RecordFault, ErrorKind.rejected),
        (errors.Waiting("It needs another"), RecordFault, ErrorKind.waiting),
        (errors.BadRecord("price is no number"), RecordFault, ErrorKind.rejected),
    ],
)
def test_each_says_what_it_concerns(fault: IntegrationError, branch: type, kind: ErrorKind) -> None:
    assert isinstance(fault, branch) and not isinstance(fault, Signal)
    assert fault.kind is kind
    assert fault.request_id is None
    if isinstance(fault, RunFault):
        problem = problem_of(fault)
        assert (problem.what, problem.advice, problem.again) == (str(fault), fault.advice, fault.again)
        assert fault.advice


def test_a_call_that_failed_keeps_the_services_own_id_of_it() -> None:
    first = ServiceError("Refused", system="X", kind=ErrorKind.rejected, request_id="r-1")
    assert ServiceError("That is: no", system="X", kind=ErrorKind.rejected, cause=first).request_id == "r-1"
