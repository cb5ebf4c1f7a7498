"""Whatever ends a task is put into words, with what to do and whether repeating it may help."""

from __future__ import annotations

import pytest

from include.errors import ErrorKind, InvalidId, ServiceDown, ServiceError
from include.settings import SettingsError
from include.sync.ledger import LedgerFault
from include.sync.problems import problem_of
from include.sync.staging.files import StagingFault

TOKEN = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"


def service(kind: ErrorKind) -> ServiceError:
    """A fault of a service that advises nothing."""
    return ServiceError("It said so.", system="iPaaS.com", kind=kind)


@pytest.mark.parametrize(
    ("fault", "said", "to_do", "again"),
    [
        (SettingsError("Variable x", "many", "Allowed: a whole number."), "Variable x", "Correct it", False),
        (InvalidId("'C|1' is not an id of company."), "'C|1'", "Correct it", False),
        (service(ErrorKind.unavailable), "It said so", "status page", True),
        (service(ErrorKind.throttled), "It said so", "throttle limit", True),
        (service(ErrorKind.rejected), "It said so", "report it", True),
        (service(ErrorKind.unauthorized), "It said so", "Correct the Connection", False),
        (ServiceDown("No answer (10 records in a row)"), "No answer", "repeated by itself", True),
        (LedgerFault("The ledger cannot be used: locked", again=True), "locked", "sync_ledger", True),
        (LedgerFault("It is of a later version", again=False), "later version", "sync_ledger", False),
        (StagingFault.unwritten("/staging/raw", OSError(28, "No space left on device")), "No space", "Make room", True),
        (StagingFault.gone("/staging/raw"), "/staging/raw", "Clear `extract`", False),
        (MemoryError(), "memory", "Give it more", True),
        (KeyError("Line_No"), "KeyError: 'Line_No'", "report it with the task's log", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_fault_has_its_advice(fault: Exception, said: str, to_do: str, again: bool) -> None:
    problem = problem_of(fault)
    assert said in problem.what
    assert to_do in problem.advice
    assert problem.again is again


def test_what_nobody_foresaw_is_cut_short_and_tells_no_token() -> None:
    problem = problem_of(RuntimeError(f"Bearer {TOKEN} was refused {'again ' * 1_000}\nand the next line"))
    assert TOKEN not in problem.what
    assert "RuntimeError: Bearer *** was refused" in problem.what
    assert "next line" not in problem.what
    assert len(problem.what) < 500
