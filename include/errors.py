"""Every way a record or a run can fail, and what that means for both: one tree.

    IntegrationError                 anything that goes wrong here: kind, advice, request id
    ├── RunFault                     ends the task; `again`: repeating it may cure it
    │   ├── SettingsError            a Variable, a param or a field of a Connection is wrong
    │   ├── InvalidId                an id given by hand is none
    │   ├── ServiceDown              a service takes nothing at the moment
    │   ├── GaveWay                  the task leaves its slots to others, and goes on after them
    │   ├── PlanWrites               something was to be written in a plan
    │   ├── LedgerFault              the ledger cannot be used (include/sync/ledger/faults.py)
    │   │   └── ClaimLost            a later try of the task has taken over
    │   └── StagingFault             the files of a run cannot be written or read (include/sync/staging/files.py)
    ├── RecordFault                  one record cannot go through; the others go on
    │   ├── Rejected                 a person has to change it
    │   │   └── Apart                a comparison found what a person has to settle (include/sync/outcomes.py)
    │   ├── Waiting                  it needs another one first
    │   ├── BadRecord                a service answered it otherwise than it documents
    │   └── TooCostly                a formula takes too much (include/mappings/formulas.py)
    ├── ServiceError                 a call failed: of its kind, `stops_run` says whether it is the run's fault
    │   ├── NotFound
    │   ├── RecordExists
    │   ├── EntityChanged
    │   └── ServiceNotPublished
    └── Signal                       says something to the code around it, and ends nothing by itself
        ├── Unreadable               the page that records are read from is gone
        ├── MissingUnreadable        what is not linked cannot be told (include/ipaas/external_ids.py)
        ├── MalformedWebhook         a webhook of which nothing can be taken (include/sync/webhooks.py)
        ├── MalformedNotices         a notification of Business Central's, likewise (include/sync/notices.py)
        ├── NoBusinessEvents         Business Central has none for us (include/business_central/business_events.py)
        ├── WrongSecret              none of a post's notifications knows our secret
        ├── Red                      a check found what a person has to mend (include/preflight/checks.py)
        ├── Unknown                  a check could not find out
        ├── Planned                  what a plan would do with a record (include/sync/work.py)
        └── Moved                    a document is not as it was read (include/writers/bc_documents.py)

What is not in the tree is a defect of this project: of a record it is said to be one, and the others go on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import ValidationError

IT_IS_REPEATED = "The task is repeated by itself, and what was written stays written."
OUTAGE = f"{IT_IS_REPEATED} Should it last, look at the service's status page and at the network."


class ErrorKind(StrEnum):
    """The error classes (docs/contract.md, "What a run leaves")."""

    throttled = "throttled"
    unavailable = "unavailable"
    conflict = "conflict"
    waiting = "waiting"
    rejected = "rejected"
    misconfigured = "misconfigured"
    unauthorized = "unauthorized"


class IntegrationError(Exception):
    """Anything that goes wrong here. `str()` is safe to show: it never holds a secret.

    `advice` is what to do about it, `request_id` the service's own id of the call that failed, if there was one.
    """

    kind: ErrorKind
    advice: str = ""
    request_id: str | None = None


class RunFault(IntegrationError):
    """Concerns the run, never the record that was being worked on when it showed. It ends the task.

    `again`: repeating the task may cure it.
    """

    kind = ErrorKind.misconfigured
    again: bool = False

    def __init__(self, message: str, *, advice: str, again: bool) -> None:
        super().__init__(message)
        self.advice = advice
        self.again = again


class RecordFault(IntegrationError):
    """Concerns one record. The others go on."""

    kind = ErrorKind.rejected


class Signal(IntegrationError):
    """Says something to the code around it, which acts on it: it ends neither a record nor a run by itself."""

    kind = ErrorKind.conflict


_CORRECT_IT = "Correct it, and start another run or clear this task."


class InvalidId(RunFault, ValueError):
    """An id given by hand has none of the flow's formats. Names the id and the formats."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message, advice=_CORRECT_IT, again=False)
        self.text = text


class Unreadable(Signal):
    """A source's records cannot be read here, since their page is gone; the run has been told. Not the same as none."""


class Rejected(RecordFault):
    """This record's data cannot go through as it is; a person has to change it. The others go on."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice or "Correct the record and it is transferred with the next run."

    @classmethod
    def unreadable(cls, record: str, fault: ValidationError) -> Self:
        """A record of this kind has a field that is not what its system documents."""
        where, what = place_of(fault)
        return cls(f"{f'{where} of the' if where else 'The'} {record} cannot be read: {what}.")


class Waiting(RecordFault):
    """This record needs another one first. It goes through by itself once that has arrived.

    `table` and `source_id` name the other one as a `Ref` does. `at_once`: it is due with the very next run. `is_plain`: who
    raised it had no advice of its own.
    """

    kind = ErrorKind.waiting

    def __init__(
        self, message: str, *, table: str = "", source_id: str = "", advice: str = "", at_once: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.table = table
        self.source_id = source_id
        self.at_once = at_once
        self.is_plain = not advice
        self.advice = advice or "Nothing to do: it is transferred when that record has arrived."


class SettingsError(RunFault):
    """A Variable or Connection field is wrong. Names it, its value (never a secret) and what is allowed."""

    def __init__(self, setting: str, value: object, allowed: str) -> None:
        super().__init__(f"{setting} is {value!r}. {allowed}", advice=_CORRECT_IT, again=False)
        self.setting = setting
        self.value = value
        self.allowed = allowed


class PlanWrites(RunFault):
    """Something was to be written in a plan. Nothing was: whoever writes is handed what refuses to."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(
            f"A plan was to write to {where} ({what}), which refused it: nothing was sent.",
            advice="This is a fault of the integration: report it with the run's log. A run that applies is not affected.",
            again=False,
        )


class Sent(StrEnum):
    """What is known of a call that failed: not processed, refused, or perhaps processed."""

    no = "no"
    refused = "refused"
    unknown = "unknown"


class ServiceError(IntegrationError):
    """A call failed. `str()` is safe to show: it names code and request id and never holds a secret."""

    def __init__(
        self,
        message: str,
        *,
        system: str,
        kind: ErrorKind,
        advice: str = "",
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        sent: Sent = Sent.refused,
        cause: ServiceError | None = None,
    ) -> None:
        """`cause`: the answer that this one says more of; its code, status and request id are named."""
        super().__init__(message)
        self.message = message
        self.system = system
        self.kind = kind
        self.advice = advice
        self.code: str | None = code or (cause.code if cause else None)
        self.status: int | None = status or (cause.status if cause else None)
        self.request_id = request_id or (cause.request_id if cause else None)
        self.retry_after = retry_after
        self.sent = sent

    def __str__(self) -> str:
        details = [f"{name} {value}" for name, value in (("HTTP", self.status), ("code", self.code)) if value]
        if self.request_id:
            details.append(f"request {self.request_id}")
        suffix = f" ({', '.join(details)})" if details else ""
        return f"{self.system}: {self.message}{suffix}"

    def hide(self, secret: str) -> None:
        """Take a secret out of what the service said."""
        if secret:
            self.message = self.message.replace(secret, "***")
            self.args = (self.message,)

    @property
    def stops_run(self) -> bool:
        """True when the fault concerns every record: the run stops at once."""
        return self.kind in (ErrorKind.misconfigured, ErrorKind.unauthorized)

    @property
    def concerns_one(self) -> bool:
        """True when the service objects to what was asked, and not to being asked: others may go through."""
        asked = self.status is not None and 400 <= self.status < 500
        said = self.kind is ErrorKind.rejected or self.status not in _OF_ALL
        return asked and said and not self.stops_run

    def withheld(self, advice: str) -> ServiceError:
        """This refusal, as one of a single record: others of its kind are allowed."""
        return ServiceError(
            f"{self.message} Others of its kind may be read.",
            system=self.system,
            kind=ErrorKind.rejected,
            advice=advice,
            sent=Sent.refused,
            cause=self,
        )


# 4xx that say nothing of what was asked for, unless their words do.
_OF_ALL = frozenset({401, 403, 407, 408, 425, 429})


def senseless(system: str, message: str, status: int | None = None) -> ServiceError:
    """An answer that cannot be: something between here and the service has spoilt it. The call may have been processed."""
    return ServiceError(
        message,
        system=system,
        kind=ErrorKind.unavailable,
        status=status,
        advice="It is tried again by itself.",
        sent=Sent.unknown,
    )


class ServiceDown(RunFault):
    """A service takes nothing at the moment; the task gives its place to others and is repeated later.

    `retry_after`: the seconds that the service has asked for, if it did.
    """

    kind = ErrorKind.unavailable

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, advice=OUTAGE, again=True)
        self.retry_after = retry_after


class GaveWay(RunFault):
    """Others wait for the slots that a task holds. It has sent nothing that it has not noted, and goes on after them."""

    def __init__(self) -> None:
        super().__init__("Others wait for its slots.", advice="Nothing to do: it goes on after them.", again=True)


class BadRecord(RecordFault, ValueError):
    """A record as a service answered it is not what that service documents: says in which field. It concerns this
    record alone."""


# What comes of a record with a field of another kind than documented, wherever that is noticed first.
ODD = (BadRecord, AttributeError, TypeError, KeyError, ValueError, ArithmeticError)


def place_of(fault: ValidationError) -> tuple[str, str]:
    """Which field of a record is wrong, and what is wrong with it."""
    first = fault.errors(include_url=False, include_context=False, include_input=False)[0]
    return ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")


def said_of(fault: Exception) -> str:
    """What is wrong with a record, in words."""
    if isinstance(fault, BadRecord | ServiceError):
        return str(fault).rstrip(".")
    if isinstance(fault, ValidationError):
        where, what = place_of(fault)
        return f"{where}: {what}" if where else what
    return f"a field is of another kind than is documented ({type(fault).__name__}: {str(fault)[:200]})"


class NotFound(ServiceError):
    """The record asked for does not exist."""

    @classmethod
    def of_record(cls, system: str, what: str) -> Self:
        """The record `what` is not there."""
        return cls(f"{what} does not exist any more.", system=system, kind=ErrorKind.rejected, status=404)


class RecordExists(ServiceError):
    """A record with the same key, or the same external id, is there already."""


class EntityChanged(ServiceError):
    """Somebody changed the record since it was read."""


class ServiceNotPublished(ServiceError):
    """A page or query is not published as a web service under the name that is used."""
