"""When Airflow repeats a task: after the time the other side asked for, if it did, else after Airflow's own delay.

Faults that no repetition cures never come here: `tasks` turns them into failures for good.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy

from include.errors import ServiceDown, ServiceError


class RetryWhenAsked(RetryPolicy):
    """Carries a service's Retry-After into Airflow."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Decide for one failed try."""
        if not isinstance(exception, ServiceError | ServiceDown) or exception.retry_after is None:
            return RetryDecision.default()
        # A moment later, so that the clocks of two machines do not make it a moment too early.
        return RetryDecision.retry(timedelta(seconds=exception.retry_after + 1), reason=str(exception))

    def serialize(self) -> dict[str, Any]:
        """Without parts: the class says it all."""
        return {}
