"""How an attempt that did not go through ended: for the operator, and for the ledger."""

from __future__ import annotations

from include.sync.ledger.entries import Finish, iso
from include.sync.model import Outcome, Rejected, Result, RunPlan, Waiting
from include.sync.route import route_of
from include.transport.errors import ErrorKind


def problem_outcome(key: str, problem: Rejected | Waiting) -> Outcome:
    """What a record's own fault looks like to the operator."""
    waiting = isinstance(problem, Waiting)
    return Outcome(
        key=key,
        result=Result.waiting if waiting else Result.failed,
        kind=ErrorKind.waiting if waiting else ErrorKind.rejected,
        message=problem.message,
        advice=problem.advice,
    )


def unexpected(doing: str, defect: Exception) -> Rejected:
    """A fault that nobody thought of, as the record's own: it must not stop the others."""
    return Rejected(
        f"Unexpected fault while {doing} it: {type(defect).__name__}: {defect}",
        "This is a fault of the integration: report it with the run's log.",
    )


def finish_failed(plan: RunPlan, outcome: Outcome, print_: str, problem: Exception | None = None) -> Finish:
    """What the ledger remembers of an attempt that did not go through."""
    states = {ErrorKind.waiting: "waiting", ErrorKind.rejected: "failed"}
    waits_for = None
    if isinstance(problem, Waiting) and problem.table:
        waits_for = route_of(plan.direction).waits_for(problem.table, problem.external_id)
    return Finish(
        key=outcome.key,
        state=states.get(outcome.kind or ErrorKind.rejected, "retry"),
        run_id=plan.run_id,
        outcome=outcome.as_json(),
        read_at=iso(plan.started_at),
        fingerprint=print_,
        kind=outcome.kind.value if outcome.kind else None,
        message=outcome.message,
        advice=outcome.advice,
        waits_for=waits_for,
        at_once=isinstance(problem, Waiting) and problem.at_once,
    )
