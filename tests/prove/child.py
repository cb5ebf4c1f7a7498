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

from include.flows import FLOWS
from tests.prove.stages import Tasks


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a worker is to do: each of these flows once, in the round of this number, at this time."""

    remote: Remote
    folder: Path
    settings: dict[str, Any]
    round: int
    now: datetime
    flows: tuple[str, ...] = tuple(FLOWS)


def work(order: Order) -> None:
    """Run what of the round is not done yet; what is done stands in a file, stage by stage."""
    with time_machine.travel(order.now, tick=True):
        bench = Bench(order.remote, order.folder, order.settings)
        done = order.folder / f"done-{order.round}"
        done.touch()
        already = set(done.read_text().splitlines())
        for flow in order.flows:
            run_id = f"{flow}-{order.round}"
            if f"{run_id} report" in already:
                continue
            bc, ipaas = bench.bc(), bench.ipaas()
            for task, one_try in Tasks(bench, flow, run_id, order.folder):
                place = f"{run_id} {task}"
                if place not in already:
                    one_try(bc, ipaas)
                    with done.open("a") as lines:
                        lines.write(f"{place}\n")
        bench.ledger.close()
