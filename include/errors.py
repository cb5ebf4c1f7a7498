"""Every way a record or a run can fail, and what that means for both."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import ValidationError


class InvalidId(ValueError):
    """An id given by hand has none of the flow's formats. Names the id and the formats."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class Unreadable(Exception):
    """A source's records cannot be read here, since their page is gone; the run has been told. Not the same as none."""


class Rejected(Exception):
    """This record's data cannot go through as it is; a person has to change it. The others go on."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice or "Correct the record and it is transferred with the next run."


class Waiting(Exception):
    """This record needs another one first. It goes through by itself once that has arrived.

    `table` and `external_id` name the other one as a `Ref` does. `at_once`: it is due with the very next run.
    """

    def __init__(
        self, message: str, *, table: str = "", external_id: str = "", advice: str = "", at_once: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.table = table
        self.external_id = external_id
        self.at_once = at_once
        self.advice = advice or "Nothing to do: it is transferred when that record has arrived."


class SettingsError(Exception):
    """A Variable or Connection field is wrong. Names it, its value (never a secret) and what is allowed."""

    def __init__(self, setting: str, value: object, allowed: str) -> None:
        super().__init__(f"{setting} is {value!r}. {allowed}")
        self.setting = setting
        self.value = value
        self.allowed = allowed


class ErrorKind(StrEnum):
    """The error classes (docs/contract.md, "What a run leaves")."""

    throttled = "throttled"
    unavailable = "unavailable"
    conflict = "conflict"
    waiting = "waiting"
    rejected = "rejected"
    misconfigured = "misconfigured"
    unauthorized = "unauthorized"


class Sent(StrEnum):
    """What is known of a call that failed: not processed, refused, or perhaps processed."""

    no = "no"
    refused = "refused"
    unknown = "unknown"


class ServiceError(Exception):
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
        self.request_id: str | None = request_id or (cause.request_id if cause else None)
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
        return asked and self.status not in _OF_ALL and not self.stops_run


# 4xx that say nothing of what was asked for.
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


class ServiceDown(Exception):
    """A service takes nothing at the moment; the task gives its place to others and is repeated later.

    `retry_after`: the seconds that the service has asked for, if it did.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BadRecord(ValueError):
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
    if isinstance(fault, BadRecord):
        return str(fault)
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
