"""The first task of a run, and how it waits for another one without holding a slot: Airflow's triggerer looks for it."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

# Seconds between two looks at a run that is waited for.
_LOOKS_EVERY = 1.0


class Extract(BaseOperator):
    """Fixes what a run does, reads it and stages it. `whole`: all records of the flow, if the form wants that flow;
    `compares`: to compare them.

    Without a `flow_name` the form says which.
    """

    def __init__(self, *, flow_name: str | None, whole: bool = False, compares: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.flow_name, self.whole, self.compares = flow_name, whole, compares

    def execute(self, context: Any) -> dict[str, Any]:
        """Read, or give the slot back until another run has ended."""
        return self._extract(context)

    def resume(self, context: Any, event: Any = None) -> dict[str, Any]:
        """Begin anew, once the run that was waited for has ended."""
        return self._extract(context)

    def _extract(self, context: Any) -> dict[str, Any]:
        from bridge import tasks

        if self.compares:
            return tasks.extract_compared(str(self.flow_name), context)
        if self.whole:
            return tasks.extract_whole(str(self.flow_name), context)
        return tasks.extract(self.flow_name, context)


class RunEnded(BaseTrigger):
    """Fires when a run of a DAG is under way no more: it has come to an end, or was deleted."""

    def __init__(self, dag_id: str, run_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dag_id, self.run_id = dag_id, run_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow makes the trigger of again."""
        return f"{type(self).__module__}.{type(self).__name__}", {"dag_id": self.dag_id, "run_id": self.run_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every now and then."""
        while await self._under_way():
            await sleep(_LOOKS_EVERY)
        yield TriggerEvent(self.run_id)  # type: ignore[no-untyped-call]

    async def _under_way(self) -> bool:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        count = sync_to_async(RuntimeTaskInstance.get_dr_count)
        return bool(await count(dag_id=self.dag_id, run_ids=[self.run_id], states=["queued", "running"]))
