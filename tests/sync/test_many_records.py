"""What a task holds in memory does not grow with the records of its run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.flows import CATALOGUE, FLOWS
from include.settings import SyncSettings
from include.sync.context import WriteContext
from include.sync.ledger import Ledger
from include.sync.outcomes import Outcome, Result
from include.sync.plan import make_plan
from include.sync.records import Mapped, Missing, Ref
from include.sync.report import _LINES, _most_urgent
from include.sync.runs import RunKind
from include.sync.staging.files import Staging
from include.sync.task_context import TaskContext
from include.sync.wire import mapped_to_wire
from include.sync.work import WriteRequest
from tests import ledgers
from tests.systems import PAIR


@pytest.fixture
def task(tmp_path: Path) -> Iterator[TaskContext]:
    flow, ledger = FLOWS["sales_order_to_ipaas"], Ledger(ledgers.url_of(tmp_path / "ledger.db"), PAIR)
    settings = SyncSettings()
    plan = make_plan(flow, run_id="r", kind=RunKind.poll, settings=settings, ledger=ledger)
    yield TaskContext(flow=flow, plan=plan, ledger=ledger, staging=Staging(tmp_path), catalogue=CATALOGUE)
    ledger.close()


def test_the_report_shows_the_worst_and_counts_the_rest() -> None:
    results = [Result.created, Result.failed, Result.waiting] * 400
    kept, left_out = _most_urgent(Outcome(key=str(n), result=result) for n, result in enumerate(results))
    assert [outcome.result for outcome in kept] == [Result.failed] * 400 + [Result.waiting] * (_LINES - 400)
    assert [outcome.key for outcome in kept[:2]] == ["1", "4"]
    assert left_out == 1_200 - _LINES


def company(number: str, parent: str | None = None) -> dict[str, Any]:
    body = {"parent_company_id": ref(parent)} if parent else {}
    mapped = mapped_to_wire(Mapped(source_id=number, body=body))
    return {"flow": "company_to_ipaas", "table": "customer company", "key": number, "fingerprint": "", "mapped": mapped}


def ref(number: str) -> Ref:
    return Ref(table="customer company", source_id=number, missing=Missing.transfer, flow="company_to_ipaas")


def test_a_load_task_holds_the_prerequisites_of_its_own_records_and_theirs_in_turn(task: TaskContext) -> None:
    # A parent may have been staged before its child, when another record needed it first.
    others = [company(f"X{number}") for number in range(50)]
    task.staging.write_all("prerequisites", [company("C3"), *others, company("C2", "C3"), company("C1", "C2")])
    context = WriteContext(task, 1)
    body = {"company_id": ref("c1")}
    mapped = Mapped(source_id="S1", body=body)
    context.prepare([WriteRequest(flow=task.flow, key="S1", mapped=mapped, fingerprint="", read_at="2026")])
    assert sorted(key for _, key in context._prerequisites) == ["C1", "C2", "C3"]
