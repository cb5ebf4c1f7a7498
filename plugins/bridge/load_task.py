"""The task that writes: it may have to wait for a person first, and holds no slot while it does.

Airflow's human in the loop asks the question: the task is parked (`awaiting_input`) until it is answered under *Required
Actions*. The operator of the standard provider is imported when there is something to ask, not when a DAG file is parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator

APPROVE, REFUSE = "Approve", "Refuse"
# How long a question stands. Then its records are kept as some that need a person, and the flow goes on with others.
PATIENCE = timedelta(days=1)


class LoadTask(BaseOperator):
    """Writes one chunk; or, where a person has to approve what the run would write, all of them after that."""

    def __init__(self, *, chunk: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chunk = chunk

    def execute(self, context: Mapping[str, Any]) -> None:
        """Write, or ask."""
        from bridge import approvals

        question = approvals.load(self.chunk, context)
        if question is None:
            return
        from airflow.providers.standard.operators.hitl import HITLOperator

        asking = HITLOperator(
            task_id=f"{self.task_id}_asks",
            subject=question.subject,
            body=question.body,
            options=[APPROVE, REFUSE],
            defaults=REFUSE,
            response_timeout=PATIENCE,
        )
        # Ends this try; Airflow goes on with the method below when the question is answered.
        asking.execute(context)  # type: ignore[arg-type]

    def execute_complete(self, context: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Do what was decided."""
        from bridge import approvals

        user = event.get("responded_by_user")
        approvals.answered(
            context,
            approves=list(event.get("chosen_options") or ()) == [APPROVE],
            by=str(user["name"]) if user else None,
            at=event.get("responded_at"),
        )
