"""What the DAG `health` looks at. It asks Airflow as any task does, by its supervisor: tasks do not reach its database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetDagRun, GetPreviousDagRun, PreviousDagRunResult

from bridge.advice import advised
from bridge.connected import current_pair, ledger_of
from bridge.factory import every
from bridge.hooks import BusinessCentralHook, IPaaSHook, current_settings
from bridge.last_run import ENDED, Said, begun, reads_all_changes, silent, standing_of, telling
from bridge.turns import open_question
from include.flows import FLOWS
from include.sync.flow import Flow
from include.sync.overview import FlowState, flow_states, needs_you, since_before
from include.sync.runs import STAGES
from include.sync.states import Run, Standing, alarms

_REASONS = 1_000
# States of runs, of each of which the last one is looked at, and of each how many are gone through for one that counts.
_STATES = ("running", "failed", "success")
_RUNS = 50


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
    return standing_of(
        state,
        telling(_runs(flow.name, now)),
        lambda run: _said(ti, flow.name, run),
        now,
        paused=dag.is_paused,
        due=dag.next_dagrun + every(flow) if dag.next_dagrun else None,
        every=every(flow),
        needs=needs,
        asks=_asks(ti, flow.name),
    )


def _asks(ti: Any, flow: str) -> datetime | None:
    """Since when a run waits for an approval of what it would write of a flow."""
    asked = open_question(flow)
    if asked is None:
        return None
    found = ti.get_ti_count(
        dag_id=asked["dag_id"], run_ids=[asked["run_id"]], task_ids=[asked["task_id"]], states=["awaiting_input"]
    )
    return datetime.fromisoformat(asked["at"]) if found else None


def _runs(dag_id: str, now: datetime) -> Iterator[Any]:
    """The runs of a flow among which is the one that tells how it stands. Airflow's tasks have no word for the runs of
    another DAG, its supervisor has."""
    for state in _STATES:
        before: datetime | None = now
        for _ in range(_RUNS):
            # Of each state the last one that counts: by hand in a row, others may lie before it.
            run = _previous(dag_id, before, state) if before else None
            if run is None:
                break
            yield run
            if reads_all_changes(run):
                break
            before = run.logical_date
    for run_id in begun(dag_id):
        if run := _detail(dag_id, run_id):
            yield run


def _previous(dag_id: str, before: datetime, state: str) -> Any:
    asked = GetPreviousDagRun(dag_id=dag_id, logical_date=before, state=state)
    answer = task_runner.SUPERVISOR_COMMS.send(asked)
    return answer.dag_run if isinstance(answer, PreviousDagRunResult) else None


def _detail(dag_id: str, run_id: str) -> Any:
    """A run by its id; None when it was deleted since."""
    if not task_runner.RuntimeTaskInstance.get_dr_count(dag_id=dag_id, run_ids=[run_id]):
        return None
    return task_runner.SUPERVISOR_COMMS.send(GetDagRun(dag_id=dag_id, run_id=run_id))


def _said(ti: Any, dag_id: str, run: Run) -> Said:
    """What a run that failed says of itself."""
    problems, spoke = [], set()
    for task_id in STAGES:
        said = list(_pulled(ti, dag_id, run, task_id, "problem"))
        problems += said
        if said or _pulled(ti, dag_id, run, task_id, "records"):
            spoke.add(task_id)
    states = ti.get_task_states(dag_id=dag_id, run_ids=[run.run_id]).get(run.run_id, {})
    # The parts of `load` are named by their numbers, too.
    ended = {name.partition("_")[0] for name, state in states.items() if str(state) in ENDED}
    counts = next(iter(_pulled(ti, dag_id, run, "report", "return_value")), None)
    return Said(counts=counts, problems=[*problems, *silent(ended - spoke)])


def _pulled(ti: Any, dag_id: str, run: Run, task_id: str, key: str) -> list[dict[str, Any]]:
    """An XCom of another run, of each task instance that pushed it."""
    found = ti.xcom_pull(dag_id=dag_id, run_id=run.run_id, task_ids=task_id, key=key)
    several = found if isinstance(found, list) else [found]
    return [one for one in several if isinstance(one, dict)]
