"""What a stage says of itself: one line in the log when it ends, however it ends, and a span by OpenTelemetry."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from include.sync.task_context import TaskContext
from include.transport.telemetry import NAME, Spent

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
Stage = Callable[Concatenate[TaskContext, P], T]


def tells(stage: Stage[P, T]) -> Stage[P, T]:
    """A stage that says at its end what it read, wrote and waited for."""
    name = stage.__name__

    @wraps(stage)
    def telling(task: TaskContext, /, *args: P.args, **kwargs: P.kwargs) -> T:
        plan = task.plan
        about = {"sync.flow": task.flow.name, "sync.run.kind": plan.kind.value, "sync.run.mode": plan.mode.value}
        began, ended = time.monotonic(), "broke off"
        # What an exception says may be about a person's data: its name is enough.
        with trace.get_tracer(NAME).start_as_current_span(
            f"{name} {task.flow.name}", attributes=about, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                result = stage(task, *args, **kwargs)
                ended = "done"
                return result
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                span.set_attributes({f"sync.records.{word}": number for word, number in task.done.items()})
                log.info("%s", _line(f"{name} of {task.flow.name}: {ended}", task, time.monotonic() - began))

    return telling


def _line(head: str, task: TaskContext, seconds: float) -> str:
    did = ", ".join(f"{number} {word}" for word, number in task.done.items() if number) or "nothing"
    return f"{head} after {seconds:.1f} s: {did}.{_cost(task.spent)}"


def _cost(spent: Spent | None) -> str:
    if spent is None or not spent.requests:
        return ""
    return (
        f" {spent.requests} requests to {spent.system} were answered in {spent.answering:.1f} s, and waited "
        f"{spent.queueing:.1f} s for their turn and {spent.pausing:.1f} s to be repeated."
    )
