"""What the DAG `health` looks at. It asks Airflow as any task does, by its supervisor: tasks do not reach its database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetPreviousDagRun, PreviousDagRunResult

from bridge.advice import advised
from bridge.connected import current_pair, ledger_of
from bridge.factory import every
from bridge.hooks import BusinessCentralHook, IPaaSHook, current_settings
from bridge.turns import open_question
from include.flows import FLOWS
from include.sync.flow import Flow
from include.sync.ledger.entries import moment
from include.sync.overview import FlowState, flow_states, needs_you, since_before
from include.sync.states import Known, Run, Standing, alarms, standing

_TASKS = ("extract", "transform", "load", "report")
_REASONS = 1_000


def look(context: Mapping[str, Any]) -> None:
    """Fail with a line for whatever a person has to see to. What was written too long ago to be remembered is forgotten
    first: where nothing is written any more, no other run does it."""
    with advised(context):
        with ledger_of(current_pair()) as ledger:
            ledger.prune_history(current_settings().sync_history_days)
        lines = [*_connections(), *_flows(context["ti"])]
        if lines:
            listed = "\n".join(f"* {line}" for line in lines)
            context["ti"].xcom_push(key="problem", value={"what": "A person is needed.", "advice": listed})
            raise AirflowFailException(f"A person is needed:\n{listed}")


def _connections() -> list[str]:
    """What is wrong with the two Connections, in words."""
    bc = BusinessCentralHook()
    tried = [hook.test_connection() for hook in (bc, IPaaSHook())]
    return [*(said for works, said in tried if not works), *(bc.credential_faults() if tried[0][0] else ())]


def _flows(ti: Any) -> list[str]:
    """What is wrong with the flows."""
    now = datetime.now(UTC)
    with ledger_of(current_pair()) as ledger:
        causes = needs_you(ledger, list(FLOWS), too_long=since_before(current_settings(), now), limit=_REASONS)
        states = {state.flow: state for state in flow_states(ledger, list(FLOWS))}
        compared = ledger.last_reconciled(list(FLOWS))
    needs = {name: sum(cause.count for cause in causes if cause.flow == name) for name in FLOWS}
    standings = {name: _standing(ti, flow, states[name], needs[name], now) for name, flow in FLOWS.items()}
    return alarms(standings, {name: state.webhooks for name, state in states.items()}, compared)


def _standing(ti: Any, flow: Flow, state: FlowState, needs: int, now: datetime) -> Standing:
    dag = ti.get_dag(flow.name)
    last = _last_scheduled(flow.name, now)
    known = Known(
        paused=dag.is_paused,
        last=last,
        problem=_problem(ti, flow.name, last) if last and last.failed else None,
        due=dag.next_dagrun + every(flow) if dag.next_dagrun else None,
        every=every(flow),
        read_from=moment(state.read_from) if state.read_from else None,
        needs=needs,
        piles_up=state.webhooks,
        asks=_asks(ti, flow.name),
    )
    return standing(known, now)


def _asks(ti: Any, flow: str) -> datetime | None:
    """Since when a run waits for an approval of what it would write of a flow."""
    asked = open_question(flow)
    if asked is None:
        return None
    found = ti.get_ti_count(
        dag_id=asked["dag_id"], run_ids=[asked["run_id"]], task_ids=[asked["task_id"]], states=["awaiting_input"]
    )
    return datetime.fromisoformat(asked["at"]) if found else None


def _last_scheduled(dag_id: str, now: datetime) -> Run | None:
    """The last run of a flow's schedule. Airflow's tasks have no word for that of another DAG, its supervisor has."""
    answer = task_runner.SUPERVISOR_COMMS.send(GetPreviousDagRun(dag_id=dag_id, logical_date=now))
    run = answer.dag_run if isinstance(answer, PreviousDagRunResult) else None
    if run is None:
        return None
    return Run(
        run_id=run.run_id,
        began=run.start_date or run.run_after,
        ended=run.end_date,
        failed=str(run.state.value) == "failed",
    )


def _problem(ti: Any, dag_id: str, run: Run) -> tuple[str, str] | None:
    """What ended a run, where that was not the fault of single records."""
    for task_id in _TASKS:
        for said in _pulled(ti, dag_id, run, task_id, "problem"):
            return said["what"], said["advice"]
    for counts in _pulled(ti, dag_id, run, "report", "return_value"):
        if counts.get("failed"):
            return None
        return (
            f"The service took none of the {counts.get('retrying', 0):,} records.",
            "They are tried again by themselves.",
        )
    return "The last run ended without a word: its process was ended from outside.", "Look where the worker ran."


def _pulled(ti: Any, dag_id: str, run: Run, task_id: str, key: str) -> list[dict[str, Any]]:
    """An XCom of another run, of each task instance that pushed it."""
    found = ti.xcom_pull(dag_id=dag_id, run_id=run.run_id, task_ids=task_id, key=key)
    several = found if isinstance(found, list) else [found]
    return [one for one in several if isinstance(one, dict)]
