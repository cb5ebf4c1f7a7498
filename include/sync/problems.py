"""What ended a task, in words that an operator can act on: one table of the faults of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from include.errors import IT_IS_REPEATED, OUTAGE, ErrorKind, RunFault, ServiceError

_LONGEST = 1_000  # characters of what a person reads
# What no word is: a token, a signature, a key. It may stand in the message of a fault that nobody foresaw.
_OPAQUE = re.compile(r"[\w\-+/=.~]{40,}")
# Where a service's own answer advises nothing.
_OF_SERVICES = {
    ErrorKind.throttled: f"{IT_IS_REPEATED} Should it last, lower the Variable of its throttle limit or the pool's slots.",
    ErrorKind.unavailable: OUTAGE,
    ErrorKind.conflict: IT_IS_REPEATED,
    ErrorKind.rejected: "The service refuses a call on which the whole run depends. Should it do so again, report it "
    "with the task's log.",
    ErrorKind.misconfigured: "Correct the Connection, then clear this task.",
    ErrorKind.unauthorized: "Correct the Connection, then clear this task.",
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What ended a task and what to do. `again`: repeating the task may cure it."""

    what: str
    advice: str
    again: bool

    def __str__(self) -> str:
        return f"{self.what} {self.advice}".strip()


def problem_of(error: Exception) -> Problem:
    """Any fault that ended a task, as a Problem; without secrets, and cut short."""
    if isinstance(error, RunFault):
        return _problem(str(error), error.advice, again=error.again)
    if isinstance(error, ServiceError):
        advice = error.advice or _OF_SERVICES.get(error.kind, IT_IS_REPEATED)
        return _problem(str(error), advice, again=not error.stops_run)
    if isinstance(error, MemoryError):
        return _problem("The worker ran out of memory.", "Give it more, then clear this task.", again=True)
    first = (str(error).splitlines() or [""])[0]
    return _problem(
        f"Something that nobody foresaw: {type(error).__name__}: {_OPAQUE.sub('***', first)[:300]}",
        f"{IT_IS_REPEATED} Should it end so again, report it with the task's log: it is a fault of the integration.",
        again=True,
    )


def _problem(what: str, advice: str, *, again: bool) -> Problem:
    return Problem(what=what[:_LONGEST], advice=advice[:_LONGEST], again=again)
