"""Who gets the slots of a pool: whoever is asked for by the clock, a webhook or a person comes before a load that goes on
for hours. That gives its slots back when one of them waits, and takes its turn again after them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError

from bridge.manual_sync import MANUAL_SYNC
from include.flows import FLOWS
from include.sync.flow import Flow
from include.sync.runs import STAGES, Direction, System, talks_to

# How long a load stands aside: longer than the scheduler takes from one look at who waits to the next.
ASIDE = timedelta(seconds=5)

log = logging.getLogger(__name__)


def waits_for(flow: Flow, context: Mapping[str, Any], stage: str = "load") -> Callable[[], bool]:
    """What tells whether a task of another run waits for the slots that this task of a flow holds.

    Of those that load, each run's first task counts alone: the next ones of another long load wait for their turn.
    """
    system = flow.talks_to(stage)
    ti, run = context["ti"], context["dag_run"]

    def waiting(dag_id: str, task_ids: list[str], map_index: int | None) -> int:
        asked = {"dag_id": dag_id, "task_ids": task_ids, "map_index": map_index, "states": ["scheduled"]}
        found = int(ti.get_ti_count(**asked))
        if found and dag_id == run.dag_id:
            found -= int(ti.get_ti_count(**asked, run_ids=[str(run.run_id)]))
        # What is paused does not start, however many slots there are.
        return 0 if found and ti.get_dag(dag_id).is_paused else found

    def somebody() -> bool:
        try:
            return any(waiting(*place) for place in _places(system))
        except AirflowRuntimeError as error:
            # Whoever writes goes on; it is asked again.
            log.warning("Who waits for slots could not be asked: %s", error)
            return False

    return somebody


def _places(system: System | None) -> Iterator[tuple[str, list[str], int | None]]:
    """The tasks that hold slots of a system's pool, of all that is asked for by the clock, a webhook or a person: DAG,
    tasks, and which of those that are mapped."""
    groups = [(flow.name, "", flow.direction) for flow in FLOWS.values()]
    groups += [(MANUAL_SYNC, f"{direction.value}.", direction) for direction in Direction]
    for dag_id, group, direction in groups:
        stages = [stage for stage in STAGES if talks_to(direction, stage) is system]
        if stages:
            yield dag_id, [f"{group}{stage}" for stage in stages], 0 if "load" in stages else None
