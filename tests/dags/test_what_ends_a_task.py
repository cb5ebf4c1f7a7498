"""Whatever ends a task says so on the run's page, where there is no staging, too; and an extract that is repeated reads
anew, for the tasks that are repeated with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.sandbox import Sandbox
from include.sandbox.faults import Fault
from tests.dags.conftest import RunDag, connect, lose_ledger

pytestmark = pytest.mark.dag
FLOW = "customer_category_to_ipaas"


class Tasks:
    """A run whose tasks are called one by one, as by a person who clears them."""

    def __init__(self) -> None:
        from bridge import approvals, tasks

        self._tasks, self._load = tasks, approvals.load
        self.xcoms: dict[str, Any] = {}
        ti = SimpleNamespace(
            task_id="",
            get_ti_count=lambda states, **_: int(states == ["running"]),
            xcom_push=lambda key, value: self.xcoms.update({key: value}),
            xcom_pull=lambda task_ids: self.xcoms.get(task_ids),
        )
        run = SimpleNamespace(dag_id=FLOW, run_id="manual__1", conf={}, run_type="manual", logical_date=None)
        self._context = {"ti": ti, "dag_run": run, "params": {}}

    def extract(self) -> Path:
        """Read; answers where the files are."""
        self.xcoms["extract"] = self._tasks.extract(FLOW, self._context)
        return Path(self.xcoms["extract"]["staged"].removeprefix("file://"))

    def transform(self) -> list[int]:
        """Map."""
        return self._tasks.transform(self._context)

    def load(self) -> None:
        """Write the first chunk."""
        self._load(0, self._context)

    def report(self) -> Mapping[str, int]:
        """Settle."""
        return self._tasks.report(self._context)

    @property
    def problem(self) -> str:
        """What the page shows."""
        return " ".join(self.xcoms["problem"].values())


@pytest.fixture
def tasks(dags: object, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tasks:
    """The tasks of a run against the sandbox."""
    monkeypatch.setenv("SYNC_STAGING", f"file://{tmp_path / 'staging'}")
    lose_ledger()
    connect(monkeypatch, sandbox)
    return Tasks()


def test_a_service_that_refuses_what_the_run_depends_on(tasks: Tasks, sandbox: Sandbox) -> None:
    body = '{"error": {"code": "BadRequest", "message": "Not like this."}}'
    sandbox.faults.add(Fault(system="business_central", path="companies", status=400, body=body, times=9))
    with pytest.raises(Exception, match="Not like this"):
        tasks.extract()
    assert "Not like this." in tasks.problem


def test_staging_that_cannot_be_written(tasks: Tasks, tmp_path: Path) -> None:
    (tmp_path / "staging").write_text("a file where the folder should be")
    with pytest.raises(Exception, match="cannot be written"):
        tasks.extract()
    assert "SYNC_STAGING" in tasks.problem


def test_staging_that_is_gone(tasks: Tasks, tmp_path: Path) -> None:
    tasks.extract()
    tasks.transform()
    shutil.rmtree(tmp_path / "staging")
    for task in (tasks.load, tasks.transform, tasks.report):
        with pytest.raises(AirflowFailException):
            task()
        assert "Clear `extract`" in tasks.problem
        del tasks.xcoms["problem"]


def test_what_nobody_foresaw(tasks: Tasks, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    from include.sync import extract

    def fails(**_: object) -> None:
        raise RuntimeError(f"with {sandbox.CLIENT_SECRET} and more")

    monkeypatch.setattr(extract, "Window", fails)
    with pytest.raises(RuntimeError):
        tasks.extract()
    assert "RuntimeError" in tasks.problem
    assert "report it with the task's log" in tasks.problem
    assert sandbox.CLIENT_SECRET not in tasks.problem


def test_a_repeated_extract_reads_anew_for_the_tasks_that_are_repeated_with_it(tasks: Tasks, sandbox: Sandbox) -> None:
    first = tasks.extract()
    tasks.transform()
    tasks.load()
    assert tasks.report()["created"] > 1
    sandbox.bc.change("Customer Price Group", sandbox.bc.rows("Customer Price Group")[0]["Code"], Description="Anew")
    again = tasks.extract()
    assert again != first
    # Repeated without what stands between: there is nothing to load, and that is said.
    with pytest.raises(AirflowFailException):
        tasks.load()
    with pytest.raises(AirflowFailException):
        tasks.report()
    assert tasks.transform() == [0]
    tasks.load()
    assert tasks.report()["updated"] == 1


def test_a_task_that_ended_without_a_word_is_named(
    run_dag: RunDag, server: Any, login: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import advice

    monkeypatch.setattr(advice, "show_problem", lambda *_: None)
    run = run_dag(FLOW, bc={"password": "wrong"})
    page = server.get("/sync/api/report", params={"dag_id": run.dag_id, "run_id": run.run_id}, headers=login)
    assert "The task extract ended without a word" in page.text


def test_the_page_of_a_run_whose_files_are_gone(run_dag: RunDag, server: Any, login: dict[str, str]) -> None:
    run = run_dag(FLOW)
    where = {"dag_id": run.dag_id, "run_id": run.run_id}
    shutil.rmtree(Path(os.environ["SYNC_STAGING"].removeprefix("file://")))
    page = server.get("/sync/api/report", params=where, headers=login)
    assert page.status_code == 200
    assert page.json() == {"ours": True, "state": "success", "problems": [], "questions": [], "report": None}
