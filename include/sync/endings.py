"""How an attempt that did not go through ended: for the operator, and for the ledger."""

from __future__ import annotations

from dataclasses import replace

from include.errors import ErrorKind, Rejected, Waiting, said_of
from include.sync.ledger.entries import Finish, State, Transfer, told
from include.sync.links import side_of
from include.sync.outcomes import Apart, Outcome, Result
from include.sync.runs import RunKind, RunPlan


def problem_outcome(key: str, problem: Rejected | Waiting) -> Outcome:
    """What a record's own fault looks like to the operator."""
    waiting = isinstance(problem, Waiting)
    return Outcome(
        key=key,
        result=Result.waiting if waiting else Result.failed,
        kind=ErrorKind.waiting if waiting else ErrorKind.rejected,
        message=problem.message,
        advice=problem.advice,
        difference=problem.difference if isinstance(problem, Apart) else None,
    )


def unexpected(doing: str, defect: Exception) -> Rejected:
    """A fault that nobody thought of, as the record's own: it must not stop the others."""
    return Rejected(
        f"Unexpected fault while {doing} it: {type(defect).__name__}: {defect}",
        "This is a fault of the integration: report it with the run's log.",
    )


def unreadable(target: str, fault: Exception) -> Rejected:
    """What a system has of a record is odd, so that the record cannot be written."""
    return Rejected(f"What {target} has of it cannot be read: {said_of(fault)}.")


def finish_failed(
    plan: RunPlan, outcome: Outcome, print_: str, read_at: str, problem: Exception | None = None
) -> Finish:
    """What the ledger remembers of an attempt, at a record as it was read at that time, that did not go through."""
    states = {ErrorKind.waiting: State.waiting, ErrorKind.rejected: State.failed}
    waits_for = None
    if isinstance(problem, Waiting) and problem.table:
        waits_for = side_of(plan.direction).waits_for(problem.table, problem.source_id)
    return Finish(
        key=outcome.key,
        state=states.get(outcome.kind or ErrorKind.rejected, State.retry),
        run_id=plan.run_id,
        outcome=outcome.as_json(),
        read_at=read_at,
        fingerprint=print_,
        kind=outcome.kind.value if outcome.kind else None,
        message=outcome.message,
        advice=outcome.advice,
        waits_for=waits_for,
        at_once=isinstance(problem, Waiting) and problem.at_once,
        by_hand=plan.kind is RunKind.ids or plan.compares,
    )


_RESTS = {State.retry: Result.retrying, State.waiting: Result.waiting, State.failed: Result.skipped}


def resting(key: str, transfer: Transfer) -> Outcome:
    """How a record looks whose last attempt did not go through, and whose next one is not due yet.

    What needs a person does not wait: it is left out until it changes, or its next try has come.
    """
    if transfer.state == State.ignored:
        return Outcome(key=key, result=Result.skipped, message=transfer.message or "", advice=transfer.advice or "")
    tried = f"tried {times(transfer.attempts)}. " if transfer.attempts else ""
    when = f"Next try {told(transfer.next_try)}." if transfer.next_try else "No further try unless it changes."
    return Outcome(
        key=key,
        result=_RESTS[transfer.state],
        kind=ErrorKind(transfer.kind) if transfer.kind else ErrorKind.waiting,
        message=f"{transfer.message or ''} ({tried}{when})",
        advice=transfer.advice or "",
    )


def times(number: int) -> str:
    """How often, in words."""
    return "once" if number == 1 else f"{number} times"


def overtaken(key: str, transfer: Transfer, read_at: str) -> Outcome | None:
    """What to say of a record that another run has read later than this one; None when it has not.

    What that run wrote, or is yet to write, is newer. The ledger has to be told to look again (`Ledger.look_again`):
    clocks may err, and a newer version must not be taken for an older one for good.
    """
    if transfer.read_at is None or transfer.read_at <= read_at:
        return None
    if transfer.state != State.done:
        return resting(key, transfer)
    return Outcome(
        key=key,
        result=Result.unchanged,
        message="It was read before what was written of it last. It is read again with the next run.",
    )


def tried_since(before: Transfer | None, now: Transfer | None) -> bool:
    """Whether somebody else has tried a record between two looks into the ledger, and may have written it.

    What was agreed of it is left aside: not every look asks for that.
    """
    return (before and replace(before, base=None)) != (now and replace(now, base=None))
