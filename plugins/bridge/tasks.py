"""The bodies of the tasks of a flow: they turn Airflow's context into a stage of the engine, and faults into advice.

Imported when a task runs, never when a DAG file is parsed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import simplejson
from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from bridge.advice import advised
from bridge.announcing import start
from bridge.connected import current_pair, ledger_of
from bridge.extract_task import RunEnded
from bridge.form import CHOSEN, DIRECTION, EXPLAIN, FLOW, FORCE, HEAL, IDS, MODE, ids_of, ids_param, is_wanted, mode_of
from bridge.given_time import unused_time
from bridge.hooks import BusinessCentralHook, IPaaSHook, current_settings
from bridge.in_line import waits_for
from bridge.last_run import note_run
from bridge.staging import PLAN, forget_old_runs, private_folder, run_folder, staged_folder
from bridge.turns import Turn, take_turn, take_turn_of_announced, takes_announced
from include.flows import CATALOGUE, FLOWS, all_before
from include.settings import SettingsError
from include.sync import extract as extracting
from include.sync import look as looking
from include.sync import report as reporting
from include.sync import tell_links as telling_links
from include.sync import transform as transforming
from include.sync.approval.asking import asks_first
from include.sync.flow import Flow
from include.sync.foreseen import Foreseen
from include.sync.headway import HEADWAY, Headway
from include.sync.ledger import Ledger
from include.sync.outcomes import Result
from include.sync.plan import make_plan, split_ids
from include.sync.run import task_for
from include.sync.runs import Direction, Mode, RunKind, RunPlan, System
from include.sync.shift import Shift
from include.sync.slots import SLOTS, concurrency
from include.sync.staging.files import Staging
from include.sync.task_context import TaskContext

# An XCom stays small enough to be read in the UI; the whole report is in the run's staging folder.
_XCOM_BYTES = 7_000
# How long a run of a webhook waits for the one before it until it looks for itself: longer than any of them takes, and
# not for ever where no triggerer looks.
_LONGEST_WAIT = timedelta(hours=1)


def extract(flow_name: str | None, context: Mapping[str, Any]) -> dict[str, Any]:
    """Fix what the run does, read it, stage it. Without a name, the form says which flow."""
    with advised(context):
        if flow_name:
            # Before anything can end it, so that `health` finds it then.
            note_run(context["dag_run"])
        flow = _flow(flow_name, context)
        return _extract(flow, _asked(flow, context), context)


def extract_whole(flow_name: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Read all records of a flow, if the form of Initialize says that it is wanted."""
    with advised(context):
        flow, params = FLOWS[flow_name], context["params"]
        _refuse_others(context, {CHOSEN, DIRECTION, MODE})
        if not is_wanted(flow, params):
            raise AirflowSkipException(f"{flow_name} is not among those chosen.")
        return _extract(flow, _Asked(kind=RunKind.backfill, mode=Mode(mode_of(params))), context)


def extract_compared(flow_name: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Read all records of a flow to compare them, if the form of Reconcile says that it is wanted."""
    with advised(context):
        flow = FLOWS[flow_name]
        _refuse_others(context, {CHOSEN, DIRECTION, MODE})
        if not is_compared(flow_name, context):
            raise AirflowSkipException(f"{flow_name} is not among those chosen, or not switched on.")
        mode = Mode.apply if context["params"][MODE] == HEAL else Mode.plan
        return _extract(flow, _Asked(kind=RunKind.backfill, mode=mode, compares=True), context)


def is_compared(flow_name: str, context: Mapping[str, Any]) -> bool:
    """Whether the form of Reconcile means a flow: one that is named, or is switched on when none is."""
    params = context["params"]
    if not is_wanted(FLOWS[flow_name], params):
        return False
    return bool(params.get(CHOSEN)) or not context["ti"].get_dag(flow_name).is_paused


def _not_compared(flow: Flow, context: Mapping[str, Any]) -> str:
    """What a comparison of a flow to iPaaS.com says nothing of: changes there that the flow the other way would carry."""
    other = flow.counterpart
    if flow.direction is not Direction.to_ipaas or other is None or is_compared(other.flow, context):
        return ""
    fields = ", ".join(dict.fromkeys(name for one in other.shared for name in one.ipaas))
    return (
        f"What was changed in iPaaS.com of these fields is not compared: {fields}. It is for {other.flow}, which is neither "
        "switched on nor chosen: Reconcile compares it where both flows are chosen."
    )


def look(context: Mapping[str, Any]) -> None:
    """Read the list of the target, which all records are compared with."""
    with planned_run(context) as run:
        looking.look(run.stage("look"))


def tell_links(context: Mapping[str, Any]) -> None:
    """Tell iPaaS.com of links while they are made, until somebody waits for the slots."""
    with planned_run(context) as run:
        somebody_waits = Shift(waits_for(run.flow, context, "tell_links"))
        telling_links.tell_links(run.stage("tell_links", somebody_waits.over))


def _extract(flow: Flow, asked: _Asked, context: Mapping[str, Any]) -> dict[str, Any]:
    # A folder of its own for every try: a repeated one reads anew, and whoever of the tasks after it is repeated
    # alone finds what it worked on. Should an earlier try still be alive somewhere, it writes beside.
    folder = _folder(context) / uuid.uuid4().hex[:12]
    private_folder()
    turn = _turn(asked, context)
    staging = Staging(folder)
    with ledger_of(current_pair()) as ledger:
        plan = _plan(flow, asked, str(context["dag_run"].run_id), staging, ledger)
        task = _stage("extract", flow, plan, ledger, staging, headway=_headway(context))
        if unused := unused_time(flow, context["dag_run"]):
            task.warn(unused)
        if asked.compares and (left_out := _not_compared(flow, context)):
            task.warn(left_out)
        if turn.leaves_to:
            extracting.stand_aside(task, turn.leaves_to)
        else:
            leaves = plan.kind is RunKind.poll and plan.applies and takes_announced(context)
            extracting.extract(task, leaves_announced=leaves)
            start(task.wakes, context)
    return {"staged": str(folder)}


def _turn(asked: _Asked, context: Mapping[str, Any]) -> Turn:
    """Whether it is this run's turn. Raises TaskDeferred where it has to wait, which Airflow takes up."""
    if split_ids(asked.ids) or asked.mode is not Mode.apply:
        return Turn()
    if asked.kind is RunKind.poll:
        return Turn(leaves_to=take_turn(context))
    turn = take_turn_of_announced(context) if asked.kind is RunKind.announced else Turn()
    if turn.waits_for:
        ends = RunEnded(str(context["dag_run"].dag_id), turn.waits_for)
        raise TaskDeferred(trigger=ends, method_name="resume", timeout=_LONGEST_WAIT)
    return turn


def transform(context: Mapping[str, Any]) -> list[int]:
    """Map what was read; answers the chunks to load, one for each load task."""
    with planned_run(context) as run:
        chunks = list(range(transforming.transform(run.stage("transform"))))
        # A run that may have to ask a person has one task that does, for all chunks (`bridge.approvals`).
        return chunks[:1] if asks_first(run.plan, run.flow, run.staging) else chunks


def concurrency_of(run: RunAt, context: Mapping[str, Any]) -> tuple[int, int]:
    """How many records a load task writes at a time, and how many load tasks of the run do at the moment."""
    tasks = _running_beside(context)
    return concurrency(run.plan.settings, tasks), tasks


def _running_beside(context: Mapping[str, Any]) -> int:
    """How many load tasks of the run run at the moment, this one among them."""
    ti, run = context["ti"], context["dag_run"]
    found = ti.get_ti_count(
        dag_id=str(run.dag_id), task_ids=[ti.task_id], run_ids=[str(run.run_id)], states=["running"]
    )
    return max(1, int(found))


def report(context: Mapping[str, Any], *, fails: bool = True) -> dict[str, int]:
    """Add the run up; `fails` it when records failed, after everything good has been written."""
    with planned_run(context) as run:
        result = reporting.report(run.stage("report"))
        if result.reconciled:
            # By the ledger itself: what a plan is given lets nothing be noted.
            run.ledger.note_reconciled(result.reconciled)
    _push_lines(context, result)
    if result.applying:
        context["ti"].xcom_push(key="applying", value=result.applying.as_json())
    if result.reconciled:
        context["ti"].xcom_push(key="reconciled", value=result.reconciled.as_json())
    forget_old_runs(str(context["dag_run"].dag_id), datetime.now(UTC))
    if result.failed and fails:
        # Pushed by hand: a task that fails returns nothing, and the counts are wanted all the same.
        context["ti"].xcom_push(key="return_value", value=result.counts)
        raise AirflowFailException(_why(result))
    return result.counts


def _why(result: reporting.Report) -> str:
    """Why a report fails its run, by the first record that it is about."""
    counts = result.counts
    if result.decision and not result.decision.approved:
        return f"{result.warnings[0]} All of them: the tab Records of the run."
    if counts["failed"]:
        what = f"{counts['failed']} of {counts['read']} records failed; the others went through."
    else:
        what = f"The service took none of the {counts['retrying']} records; they are tried again by themselves."
    wanted = Result.failed if counts["failed"] else Result.retrying
    first = next((o for o in result.outcomes if o.result is wanted), None)
    example = f" First: {first.key}: {first.message} {first.advice}" if first else ""
    return f"{what}{example} All of them: the tab Records of the run."


def _push_lines(context: Mapping[str, Any], result: reporting.Report) -> None:
    forecast = (str(result.applying),) if result.applying else ()
    warnings = [text[:300] for text in (*forecast, *result.warnings[:3])]
    lines: list[dict[str, Any]] = []
    size = len(simplejson.dumps(warnings))
    for outcome in result.outcomes:
        # Which fields differ is among its changes; all of them are in the tab.
        line = simplejson.loads(simplejson.dumps(replace(outcome, both=()).as_json(), use_decimal=True))
        size += len(simplejson.dumps(line)) + 2
        if size > _XCOM_BYTES:
            break
        lines.append(line)
    left_out = len(result.outcomes) - len(lines) + result.left_out
    context["ti"].xcom_push(key="records", value={"records": lines, "left_out": left_out, "warnings": warnings})


@dataclass(frozen=True, kw_only=True)
class RunAt:
    """What a task works with: the run's flow and plan, the memory of its pair, and its files."""

    flow: Flow
    plan: RunPlan
    ledger: Ledger
    staging: Staging
    headway: Headway
    is_off: Callable[[str], bool]
    foreseen: Foreseen

    @property
    def at_once(self) -> int:
        """How many records a load task writes at a time that is the only one of its run."""
        return concurrency(self.plan.settings, 1)

    def stage(self, name: str, gives_way: Callable[[], bool] = lambda: False) -> TaskContext:
        """A stage with the client that it needs. `gives_way`: whether it is to leave its slots to others."""
        how: dict[str, Any] = {"headway": self.headway, "is_off": self.is_off, "foreseen": self.foreseen}
        return _stage(name, self.flow, self.plan, self.ledger, self.staging, gives_way=gives_way, **how)


@contextmanager
def planned_run(context: Mapping[str, Any]) -> Iterator[RunAt]:
    """What a later task of a run works with: the plan that `extract` made, and the memory of the systems it names."""
    with advised(context):
        staging = _staging(context)
        plan = _planned(staging)
        with ledger_of(plan.pair) as ledger:
            yield RunAt(
                flow=FLOWS[plan.flow],
                plan=plan,
                ledger=ledger,
                staging=staging,
                headway=_headway(context),
                is_off=_switched_off(context),
                foreseen=Foreseen(partial(_planned_before, plan.flow, context)),
            )


def _planned_before(name: str, context: Mapping[str, Any]) -> Iterator[Staging]:
    """The files of those flows that this one goes after in a run through several, and that write to the same system."""
    ti = context["ti"]
    if "." not in ti.task_id:
        return
    for before in sorted(all_before(name)):
        if before in FLOWS and FLOWS[before].direction is FLOWS[name].direction:
            said = ti.xcom_pull(task_ids=f"{before}.extract")
            if said:
                yield Staging(staged_folder(_folder(context), said))


def _switched_off(context: Mapping[str, Any]) -> Callable[[str], bool]:
    """Says whether a flow is paused. A run through several flows, which bring what others need, cares about none."""
    ti = context["ti"]
    if "." in ti.task_id:
        return lambda flow: False
    return cache(lambda flow: flow in FLOWS and bool(ti.get_dag(flow).is_paused))


def _headway(context: Mapping[str, Any]) -> Headway:
    """Tells Airflow how far a task has come, for the page, which reads it beside the task's state."""

    def tell(how_far: dict[str, Any]) -> None:
        # Nothing depends on it: should Airflow not take it, the work goes on.
        with suppress(Exception):
            context["ti"].xcom_push(key=HEADWAY, value=how_far)

    return Headway(tell)


def chosen_flow(context: Mapping[str, Any]) -> Flow:
    """The flow that somebody has chosen in the form of Manual Sync."""
    with advised(context):
        return _flow(None, context)


def _flow(name: str | None, context: Mapping[str, Any]) -> Flow:
    name = name or context["params"].get(FLOW)
    if name not in FLOWS:
        raise SettingsError(f"Param {FLOW}", name, f"Allowed: {', '.join(FLOWS)}.")
    return FLOWS[name]


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a form asks of one flow."""

    kind: RunKind
    mode: Mode = Mode.apply
    ids: Sequence[str] = ()
    force: bool = False
    compares: bool = False
    explains: bool = False
    interval: tuple[datetime, datetime] | None = None


# By what has made a run; any other is a poll, unless it is given ids.
_KINDS = {"backfill": RunKind.backfill, "asset_triggered": RunKind.announced}


def _asked(flow: Flow, context: Mapping[str, Any]) -> _Asked:
    """What the form of a flow, or of Manual Sync, asks."""
    params, run = dict(context["params"]), context["dag_run"]
    chosen = {FLOW, IDS} if FLOW in params else {ids_param(flow)}
    _refuse_others(context, {*chosen, MODE, FORCE})
    backfill = run.run_type == "backfill"
    mode = mode_of(params)
    explains = mode == EXPLAIN
    asked = _Asked(
        kind=_KINDS.get(run.run_type, RunKind.poll),
        mode=Mode.plan if explains else Mode(mode),
        compares=explains,
        explains=explains,
        ids=ids_of(params, IDS if FLOW in params else ids_param(flow)),
        force=bool(params.get(FORCE)),
        interval=(run.data_interval_start, run.data_interval_end) if backfill else None,
    )
    if explains and not split_ids(asked.ids):
        raise SettingsError(f"Param {IDS}", "empty", "Name the records to explain, by their ids in either system.")
    if FLOW in params and not split_ids(asked.ids) and asked.mode is Mode.apply:
        raise SettingsError(
            f"Param {IDS}",
            "empty",
            "Name the records to transfer, or choose the mode plan. Everything that has changed is transferred by "
            f"the DAG {flow.name}.",
        )
    return asked


def _refuse_others(context: Mapping[str, Any], allowed: set[str]) -> None:
    params, conf = context["params"], context["dag_run"].conf or {}
    unknown = sorted((set(params) | set(conf)) - allowed)
    if unknown:
        given = conf.get(unknown[0], dict(params).get(unknown[0]))
        raise SettingsError(f"Param {unknown[0]}", given, f"Allowed: {', '.join(sorted(allowed))}.")


def _plan(flow: Flow, asked: _Asked, run_id: str, staging: Staging, ledger: Ledger) -> RunPlan:
    """What the run does, staged so that every task after this one sees the same."""
    plan = make_plan(
        flow,
        run_id=run_id,
        kind=asked.kind,
        settings=current_settings(),
        ledger=ledger,
        ids=asked.ids,
        mode=asked.mode,
        force=asked.force,
        compares=asked.compares,
        explains=asked.explains,
        interval=asked.interval,
    )
    staging.write_text(PLAN, plan.model_dump_json())
    return plan


def _planned(staging: Staging) -> RunPlan:
    return RunPlan.model_validate_json(staging.read_text(PLAN))


def _stage(
    name: str,
    flow: Flow,
    plan: RunPlan,
    ledger: Ledger,
    staging: Staging,
    **more: Any,
) -> TaskContext:
    """A stage with the client that it needs, which takes its calls from the window that all tasks share, and opens as many
    at once as it holds slots."""
    system, at_once = flow.talks_to(name), SLOTS.get(name, 1)
    window = partial(ledger.window, run=plan.name)
    gives_way = more.get("gives_way", lambda: False)
    how: dict[str, Any] = {"concurrency": at_once, "window": window, "gives_way": gives_way}
    bc = ipaas = None
    if system is System.business_central:
        bc = BusinessCentralHook().get_conn(plan.settings, **how)
    elif system is System.ipaas:
        ipaas = IPaaSHook().get_conn(plan.settings, **how)
    return task_for(name, flow, plan, ledger, staging, CATALOGUE, bc=bc, ipaas=ipaas, **more)


def _folder(context: Mapping[str, Any]) -> ObjectStoragePath:
    return run_folder(str(context["dag_run"].dag_id), str(context["dag_run"].run_id))


def _staging(context: Mapping[str, Any]) -> Staging:
    """The files that `extract` began."""
    ti = context["ti"]
    group = ti.task_id.rpartition(".")[0]
    extract = f"{group}.extract" if group else "extract"
    return Staging(staged_folder(_folder(context), ti.xcom_pull(task_ids=extract)))
