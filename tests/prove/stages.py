"""One run as Airflow's tasks make it: stage by stage, each of which may be tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import Bench

from include.business_central.client import BusinessCentralClient
from include.flows import CATALOGUE, FLOWS
from include.ipaas.client import IPaaSClient
from include.settings import SyncSettings
from include.sync.extract import extract
from include.sync.load import load
from include.sync.plan import make_plan
from include.sync.report import report
from include.sync.run import task_for
from include.sync.runs import RunKind, RunPlan
from include.sync.staging.files import Staging
from include.sync.transform import transform

# A try of a task, with the clients that it talks through.
Try = Callable[[BusinessCentralClient, IPaaSClient], None]


class Tasks:
    """The tasks of one poll of a flow. What an earlier process did of it stands in its folder."""

    def __init__(self, bench: Bench, flow: str, run_id: str, folder: Path) -> None:
        self._bench, self._flow = bench, FLOWS[flow]
        self._staging = Staging(folder / run_id)
        self._chunks = folder / f"{run_id}.chunks"
        if not self._staging.exists("plan.json"):
            settings = SyncSettings(**bench.settings)
            plan = make_plan(self._flow, run_id=run_id, kind=RunKind.poll, settings=settings, ledger=bench.ledger)
            self._staging.write_text("plan.json", plan.model_dump_json())
        self._plan = RunPlan.model_validate_json(self._staging.read_text("plan.json"))

    def __iter__(self) -> Iterator[tuple[str, Try]]:
        """The name of each task, and what one try of it does. Those after `transform` are known when it is done."""
        yield "extract", self._try("extract", extract)
        yield "transform", self._try("transform", lambda task: self._chunks.write_text(str(transform(task))))
        for chunk in range(int(self._chunks.read_text())):
            yield f"load {chunk}", self._try("load", lambda task, number=chunk: load(task, number, 3))
        yield "report", self._try("report", report)

    def _try(self, name: str, act: Callable[[Any], object]) -> Try:
        def once(bc: BusinessCentralClient, ipaas: IPaaSClient) -> None:
            ledger, staging = self._bench.ledger, self._staging
            act(task_for(name, self._flow, self._plan, ledger, staging, CATALOGUE, bc=bc, ipaas=ipaas))

        return once
