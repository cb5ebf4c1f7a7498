"""The DAG that is red when a person is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from include.sandbox import Sandbox
from include.sync.differences import Reconciled
from tests.dags.conftest import Ask, Run, RunDag, connect

pytestmark = pytest.mark.dag

FLOW = "customer_to_ipaas"


@pytest.fixture(autouse=True)
def _known_to_airflow(dags: Mapping[str, Any]) -> None:
    """The DAGs stand in Airflow's database, paused, as after they were parsed for the first time."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.flush()
        there = set(session.scalars(select(DagModel.dag_id)))
        for dag_id in dags:
            if dag_id not in there:
                session.add(DagModel(dag_id=dag_id, bundle_name="dags-folder", is_paused=True))
        for dag in session.scalars(select(DagModel)):
            dag.is_paused = True
        session.execute(delete(DagRun))


def _ran(dag_id: str, state: str) -> None:
    """A run of the schedule, an hour ago."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType

    then = datetime.now(UTC) - timedelta(hours=1)
    run = DagRun(
        dag_id=dag_id,
        run_id=f"scheduled__{then.isoformat()}",
        run_type=DagRunType.SCHEDULED,
        state=state,
        logical_date=then,
        run_after=then,
    )
    with create_session() as session:
        session.add(run)


@pytest.fixture
def health(run_dag: RunDag) -> Callable[..., Run]:
    """Look once."""
    return lambda **connections: run_dag("health", **connections)


def test_what_has_never_been_switched_on_is_no_reason_to_be_red(health: Callable[..., Run]) -> None:
    assert health().state == "success"


def test_it_is_red_when_a_connection_does_not_work_and_says_how_to_mend_it(health: Callable[..., Run]) -> None:
    run = health(bc={"password": "wrong"})
    assert run.state == "failed"
    assert "Certificates & Secrets" in run.problem


def test_it_is_red_thirty_days_before_a_secret_ends(health: Callable[..., Run]) -> None:
    run = health(bc_extra={"credential_ends": str(datetime.now(UTC).date() + timedelta(days=20))})
    assert run.state == "failed"
    assert "The client secret of Business Central ends in 20 days" in run.problem


def test_it_is_red_when_records_need_a_person(run_dag: RunDag, sandbox: Sandbox, health: Callable[..., Run]) -> None:
    sandbox.bc.add("Customer", {"No.": "P1", "Name": "Ada", "Contact Type": "Person", "E-Mail": ""})
    run_dag(FLOW)
    run = health()
    assert run.state == "failed"
    assert f"{FLOW}: Needs you" in run.problem
    sandbox.bc.change("Customer", "P1", **{"E-Mail": "ada@example.com"})
    run_dag(FLOW)
    assert health().state == "success"


def test_it_is_red_while_the_last_comparison_of_a_flow_that_is_on_found_differences(
    health: Callable[..., Run], sandbox: Sandbox
) -> None:
    from bridge.connected import current_pair, ledger_of

    assert health().state == "success"  # with which the Connections are there
    _switch_on(FLOW)
    found = Reconciled(flow=FLOW, as_of=datetime.now(UTC), compared=9, left={"stale": 2, "missing": 0})
    with ledger_of(current_pair()) as ledger:
        ledger.note_reconciled(found)
        ledger.note_reconciled(replace(found, flow="product_to_ipaas"))  # which is switched off
    run = health()
    assert run.state == "failed"
    assert f"{FLOW}: its records were compared at " in run.problem
    assert "and differ: 2 stale. The run of the DAG reconcile lists them" in run.problem
    assert "product_to_ipaas" not in run.problem


def test_it_drops_what_was_written_too_long_ago_where_nothing_is_written_any_more(
    run_dag: RunDag, sandbox: Sandbox, health: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge.connected import current_pair, ledger_of

    flow = "customer_category_to_ipaas"
    run_dag(flow)
    key = str(sandbox.bc.rows("Customer Price Group")[0]["Code"])

    def kept() -> int:
        with ledger_of(current_pair()) as ledger:
            return len(ledger.history(flow, key, 20))

    assert health().state == "success"
    assert kept() == 1
    # What is kept for no day is older than that at once.
    assert health(variables={"sync_history_days": "0"}).state == "success"
    assert kept() == 0


def _switch_on(dag_id: str) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        dag = session.get(DagModel, dag_id)
        assert dag
        dag.is_paused = False


def test_it_is_red_when_the_last_run_of_a_schedule_was_ended(health: Callable[..., Run]) -> None:
    _ran("location_to_ipaas", "failed")
    _ran("product_to_ipaas", "success")
    run = health()
    assert run.state == "failed"
    assert "location_to_ipaas: Stopped. The last run ended without a word" in run.problem
    assert "product_to_ipaas" not in run.problem


class TestWhatStoppedAFlow:
    """It holds until another run has ended well, of whatever sort; `health` and the page say the same."""

    FLOW = "customer_category_to_ipaas"

    @pytest.fixture
    def told(
        self, health: Callable[..., Run], ask: Ask, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[], str]:
        """Both are asked whether the flow is stopped, and why."""

        def told() -> str:
            run = health()
            assert run.state == "success" or _lines(run), "it could not look"
            line = next((line for line in _lines(run) if line.startswith(f"* {self.FLOW}: Stopped.")), "")
            connect(monkeypatch, sandbox)
            server.current.cache.clear()
            server.opened.cache.clear()
            (flow,) = (one for one in ask("/sync/api/overview")["flows"] if one["flow"] == self.FLOW)
            assert (flow["word"] == "Stopped") is bool(line)
            assert not line or line == f"* {self.FLOW}: Stopped. {flow['why']} {flow['advice']}"
            return line

        from bridge import server

        return told

    def test_a_run_of_the_schedule_that_failed_is_over_with_one_by_hand_without_a_date(
        self, run_dag: RunDag, told: Callable[[], str]
    ) -> None:
        _ran(self.FLOW, "failed")
        assert "ended without a word" in told()
        assert run_dag(self.FLOW).state == "success"
        assert told() == ""

    def test_a_run_without_a_date_that_failed_counts_and_is_over_with_the_next_one(
        self, run_dag: RunDag, told: Callable[[], str]
    ) -> None:
        _ran(self.FLOW, "success")
        assert run_dag(self.FLOW, bc={"password": "wrong"}).state == "failed"
        assert "Certificates & Secrets" in told()
        run_dag(self.FLOW)
        assert told() == ""

    def test_a_run_that_a_webhook_started_counts(self, run_dag: RunDag, told: Callable[[], str]) -> None:
        _becomes(run_dag(self.FLOW, bc={"password": "wrong"}), logical_date=datetime.now(UTC))
        assert "Certificates & Secrets" in told()
        _becomes(run_dag(self.FLOW), run_type="asset_triggered")
        assert told() == ""

    @pytest.mark.parametrize("conf", [{"mode": "plan"}, {"external_ids": ["RETAIL"]}])
    def test_a_plan_and_a_run_of_ids_mend_nothing(
        self, run_dag: RunDag, told: Callable[[], str], conf: dict[str, Any]
    ) -> None:
        _becomes(run_dag(self.FLOW, bc={"password": "wrong"}), logical_date=datetime.now(UTC))
        _becomes(run_dag(self.FLOW, conf), logical_date=datetime.now(UTC))
        assert "Certificates & Secrets" in told()

    def test_it_holds_while_another_run_is_under_way(self, run_dag: RunDag, told: Callable[[], str]) -> None:
        assert run_dag(self.FLOW, bc={"password": "wrong"}).state == "failed"
        _ran(self.FLOW, "running")
        assert "Certificates & Secrets" in told()

    def test_runs_that_were_deleted_say_nothing(self, run_dag: RunDag, told: Callable[[], str]) -> None:
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import delete

        run_dag(self.FLOW, bc={"password": "wrong"})
        with create_session() as session:
            session.execute(delete(DagRun))
        assert told() == ""

    def test_no_more_of_them_are_remembered_than_can_tell(self, run_dag: RunDag) -> None:
        from bridge.factory import RUNS_AT_ONCE
        from bridge.last_run import begun, note_run

        run_dag("health")
        for number in range(30):
            run = SimpleNamespace(
                dag_id=FLOW, run_id=f"manual__{number}", run_type="manual", conf={}, logical_date=None
            )
            note_run(run)
        assert sorted(begun(FLOW)) == [f"manual__{number}" for number in range(20, 30)]
        assert len(begun(FLOW)) > RUNS_AT_ONCE


def _lines(run: Run) -> list[str]:
    return [line for value in run.xcoms.values() if isinstance(value, dict) for line in value["advice"].split("\n")]


def _becomes(run: Run, **values: Any) -> None:
    """Airflow started the run otherwise. Without a date it would be deleted by the next one that a test starts."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(DagRun).where(DagRun.run_id == run.run_id).values(**values))


def test_it_is_looked_at_hourly_and_on_from_the_beginning(dags: Mapping[str, Any]) -> None:
    dag = dags["health"]
    assert dag.is_paused_upon_creation is False
    assert "operations" in dag.tags
