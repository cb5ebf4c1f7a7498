"""Why a record waits: what stands in the way of the one that it needs, and what to do about it. Reads the ledger only."""

from __future__ import annotations

from collections.abc import Iterator

from include.errors import Waiting
from include.sync.flow import Flow
from include.sync.ledger.entries import State, Transfer
from include.sync.task_context import TaskContext

_THEN = "Then this one goes through by itself."


def looked_into(task: TaskContext, problem: Waiting) -> Waiting:
    """What a record waits with, with what is known of the other one: rejected, set aside, waiting itself, or carried by a
    flow that is paused. Nothing is to be done only where that one arrives by itself."""
    if not problem.table or not problem.is_plain:
        return problem
    brings = list(_brings(task, problem.table))
    for flow in brings:
        known = task.ledger.transfers(flow.name, [problem.source_id]).get(problem.source_id)
        if known and known.state in (State.failed, State.ignored, State.waiting):
            return _with(problem, *_of_the_other(flow, known))
    off = [flow.name for flow in brings if task.is_off(flow.name)]
    if brings and len(off) == len(brings):
        names = " and ".join(off)
        return _with(
            problem,
            f"{names}, which would bring it, {'is' if len(off) == 1 else 'are'} paused.",
            f"Unpause {names}, or move that record with Manual Sync. {_THEN}",
        )
    if not brings:
        return problem
    names = " or ".join(flow.name for flow in brings)
    return _with(problem, "", f"Nothing to do: {names} brings that record. Should it not come, Manual Sync says why.")


def _brings(task: TaskContext, table: str) -> Iterator[Flow]:
    """The flows of this direction that write a table and go before this one."""
    for name in task.flow.after:
        flow = task.catalogue.get(name)
        if flow and flow.direction is task.flow.direction and flow.writer.table == table:
            yield flow


def _of_the_other(flow: Flow, known: Transfer) -> tuple[str, str]:
    if known.state is State.ignored:
        why = f"{flow.name} leaves it alone, as somebody has decided."
        return why, f"Retry that one on the page Sync, or correct this one. {_THEN}"
    words = "it waits itself" if known.state is State.waiting else "it was rejected"
    return f"{words}: {known.message or ''}", f"Of that one: {known.advice or ''} {_THEN}"


def _with(problem: Waiting, why: str, advice: str) -> Waiting:
    message = f"{problem.message.removesuffix('.')}: {why}" if why else problem.message
    return Waiting(message, table=problem.table, source_id=problem.source_id, advice=advice, at_once=problem.at_once)
