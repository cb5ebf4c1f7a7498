"""A worker that may be killed: runs flows stage by stage, as Airflow's tasks do, and goes on where it was cut off."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flows"))

import time_machine
from bench import Bench, Remote

from include.flows import CATALOGUE, FLOWS
from include.settings import SyncSettings
from include.sync.extract import extract
from include.sync.load import load
from include.sync.plan import make_plan
from include.sync.report import report
from include.sync.run import stage_for
from include.sync.runs import RunKind, RunPlan
from include.sync.staging.files import Staging
from include.sync.transform import transform


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a worker is to do: every flow once, in the round of this number, at this time."""

    remote: Remote
    folder: Path
    settings: dict[str, Any]
    round: int
    now: datetime


def work(order: Order) -> None:
    """Run what of the round is not done yet; what is done stands in a file, stage by stage."""
    with time_machine.travel(order.now, tick=True):
        bench = Bench(order.remote, order.folder, order.settings)
        done = order.folder / f"done-{order.round}"
        done.touch()
        for flow in FLOWS:
            _flow(bench, order, flow, done)
        bench.ledger.close()


def _flow(bench: Bench, order: Order, name: str, done: Path) -> None:
    run_id = f"{name}-{order.round}"
    staging = Staging(order.folder / run_id)
    if not staging.exists("plan.json"):
        plan = make_plan(
            FLOWS[name],
            run_id=run_id,
            kind=RunKind.poll,
            settings=SyncSettings(**order.settings),
            ledger=bench.ledger,
        )
        staging.write_text("plan.json", plan.model_dump_json())
    plan = RunPlan.model_validate_json(staging.read_text("plan.json"))
    bc, ipaas = bench.bc(), bench.ipaas()

    def stage(stage_name: str) -> Any:
        return stage_for(stage_name, FLOWS[name], plan, bench.ledger, staging, CATALOGUE, bc=bc, ipaas=ipaas)

    def once(step: str, act: Any) -> None:
        place = f"{run_id} {step}"
        if place not in done.read_text().splitlines():
            act()
            with done.open("a") as lines:
                lines.write(f"{place}\n")

    once("extract", lambda: extract(stage("extract")))
    chunks_file = order.folder / f"{run_id}.chunks"
    once("transform", lambda: chunks_file.write_text(str(transform(stage("transform")))))
    for chunk in range(int(chunks_file.read_text())):
        once(f"load {chunk}", lambda number=chunk: load(stage("load"), number, 3))
    once("report", lambda: report(stage("report")))
