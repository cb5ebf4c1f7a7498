"""Runs a flow from end to end in one process, without Airflow: for tests, benchmarks and a Python prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event
from typing import TYPE_CHECKING, Any

from include.sync.approval.asking import ApprovalQuestion, approved, asks_first, plan_first, refuse
from include.sync.approval.decision import PLANNED, ApprovalDecision, decide
from include.sync.extract import extract
from include.sync.flow import Flow
from include.sync.foreseen import Foreseen
from include.sync.headway import Headway
from include.sync.ledger import Ledger, ReadOnlyLedger
from include.sync.load import load
from include.sync.look import look
from include.sync.report import Report, report
from include.sync.runs import Mode, RunPlan, System
from include.sync.slots import concurrency
from include.sync.staging.files import Staging
from include.sync.task_context import TaskContext
from include.sync.tell_links import tell_links
from include.sync.transform import transform

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient
    from include.ipaas.client import IPaaSClient


def task_for(
    name: str,
    flow: Flow,
    plan: RunPlan,
    ledger: Ledger,
    staging: Staging,
    catalogue: Mapping[str, Flow],
    *,
    bc: BusinessCentralClient | None = None,
    ipaas: IPaaSClient | None = None,
    headway: Headway | None = None,
    gives_way: Callable[[], bool] = lambda: False,
    is_off: Callable[[str], bool] = lambda flow: False,
    foreseen: Foreseen | None = None,
) -> TaskContext:
    """A stage with only the client of the system that it talks to. A plan gets what refuses to write."""
    system = flow.talks_to(name)
    if plan.mode is Mode.plan:
        ledger, bc, ipaas = ReadOnlyLedger(ledger), bc and bc.read_only, ipaas and ipaas.read_only
    return TaskContext(
        flow=flow,
        plan=plan,
        ledger=ledger,
        staging=staging,
        catalogue=catalogue,
        bc_client=bc if system is System.business_central else None,
        ipaas_client=ipaas if system is System.ipaas else None,
        headway=headway or Headway(),
        gives_way=gives_way,
        is_off=is_off,
        foreseen=foreseen if foreseen and plan.mode is Mode.plan and not plan.compares else Foreseen(),
    )


@contextmanager
def _beside(work: Callable[[TaskContext], None], task: TaskContext | None) -> Iterator[None]:
    """Within, a stage does its work, too, which is awaited at the end; it gives way when what is within raises."""
    if task is None:
        yield
        return
    broken_off = Event()
    task.gives_way = broken_off.is_set
    with ThreadPoolExecutor(max_workers=1) as other:
        doing = other.submit(copy_context().run, work, task)
        try:
            yield
        except BaseException:
            broken_off.set()
            raise
        doing.result()


def nobody(question: ApprovalQuestion) -> ApprovalDecision:
    """The answer where there is nobody to be asked: nothing is written."""
    return ApprovalDecision(approved=False, by=None, at="")


def run(
    flow: Flow,
    plan: RunPlan,
    ledger: Ledger,
    staging: Staging,
    catalogue: Mapping[str, Flow],
    *,
    bc: BusinessCentralClient,
    ipaas: IPaaSClient,
    at_once: int | None = None,
    before: Callable[[str], None] = lambda stage: None,
    ask: Callable[[ApprovalQuestion], ApprovalDecision] = nobody,
    gives_way: Callable[[], bool] = lambda: False,
    is_off: Callable[[str], bool] = lambda flow: False,
    foreseen: Foreseen | None = None,
) -> Report:
    """Extract, transform, load, report. `at_once` overrides how many records are written at a time; `before` is called
    with the name of each stage before it starts, `ask` is asked where a person has to be, `gives_way` whether a load is to
    stop, after which it goes on, and `is_off` whether a flow is switched off. `foreseen`: what plans before it would make."""

    def stage(name: str) -> TaskContext:
        before(name)
        how: dict[str, Any] = {"bc": bc, "ipaas": ipaas, "gives_way": gives_way, "is_off": is_off}
        return task_for(name, flow, plan, ledger, staging, catalogue, foreseen=foreseen, **how)

    extract(stage("extract"))
    chunks = transform(stage("transform"))
    if plan.looks:
        look(stage("look"))
    at_once = at_once or concurrency(plan.settings, 1)
    decision = None
    if asks_first(plan, flow, staging):
        over = staging.over(PLANNED)
        question = plan_first(
            lambda name: task_for(name, flow, plan.as_plan, ledger, over, catalogue, bc=bc, ipaas=ipaas), at_once
        )
        decision = ask(question) if question else None
    if decision:
        decide(staging, decision)
    if decision and not decision.approved:
        refuse(stage("load"), decision)
    else:
        if decision and plan.looks:
            look(stage("look"))  # what was seen before the question may be old
        with _beside(tell_links, stage("tell_links") if plan.tells_links else None):
            for chunk in range(chunks):
                steps = approved(staging, chunk, plan) if decision else None
                while not load(stage("load"), chunk, at_once, steps=steps):
                    pass
    result = report(stage("report"))
    if result.reconciled:
        ledger.note_reconciled(result.reconciled)
    return result
