"""In which order tasks that wait for the slots of a pool get them; read by Airflow's scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.task.priority_strategy import PriorityWeightStrategy

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance


class LaterChunksLast(PriorityWeightStrategy):
    """The chunks of a load after its first one come after all that is short: they may be many, for hours."""

    def get_weight(self, ti: TaskInstance) -> int:
        """What the task says; the least there is for a later chunk."""
        return 1 if ti.map_index > 0 or ti.task is None else ti.task.priority_weight
