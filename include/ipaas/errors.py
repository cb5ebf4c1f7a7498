"""What iPaaS.com's error answers mean, by the code's prefix, else by the status (docs/ipaas.md, "Errors and codes")."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import responses
from typing import Any

import simplejson
from urllib3 import BaseHTTPResponse

from include.errors import ErrorKind, NotFound, RecordExists, Sent, ServiceError
from include.ipaas.endpoints import ERROR_CODES, ERROR_LINKS, ERROR_TEXTS
from include.transport.session import STATUSES, WORDLESS

SYSTEM = "iPaaS.com"
_LOGIN = (
    "Check login and password of the Connection ipaas (or the company token), extra company_id, and that the user may "
    "use this company."
)
_SYSTEM_ID = "Set extra system_id of the Connection ipaas to the id of the Business Central subscription."
_RIGHTS = "The user of the Connection ipaas lacks a permission in iPaaS.com: an administrator there can grant it."
WITHHELD = "See in iPaaS.com what keeps the user of the Connection ipaas from this record."
_PLAN = "The company's plan with iPaaS.com does not allow it, or awaits payment: see to it in the portal."
_AGAIN = "It is tried again by itself."
_CORRECT = "Correct the record as the message says; it is transferred with the next run."
_EXISTS = (
    "Another record has this value already: correct one of the two, or the external id of the other. It may be deactivated, "
    "so that no search shows it: then reactivate it or rename it in iPaaS.com."
)
Meaning = tuple[ErrorKind, Sent, type[ServiceError], str]
# What a code says, the longest start that fits; whatever the status.
_CODES: Mapping[str, Meaning] = {
    "AUTH": (ErrorKind.unauthorized, Sent.no, ServiceError, _LOGIN),
    "AUTH-1003": (ErrorKind.unauthorized, Sent.refused, ServiceError, _RIGHTS),
    "AUTZ": (ErrorKind.unauthorized, Sent.refused, ServiceError, _RIGHTS),
    "AUTZ-1001": (ErrorKind.unauthorized, Sent.refused, ServiceError, _PLAN),
    "AUTZ-1004": (ErrorKind.unauthorized, Sent.refused, ServiceError, _PLAN),
    "VALD": (ErrorKind.rejected, Sent.refused, ServiceError, _CORRECT),
    "VALD-1017": (ErrorKind.misconfigured, Sent.refused, ServiceError, _SYSTEM_ID),
    "VALD-1023": (ErrorKind.misconfigured, Sent.refused, ServiceError, _SYSTEM_ID),
    "VALD-1053": (ErrorKind.unavailable, Sent.unknown, ServiceError, _AGAIN),  # an unhandled exception over there
    "VALD-1150": (ErrorKind.misconfigured, Sent.refused, ServiceError, _SYSTEM_ID),
    "BIZL": (ErrorKind.rejected, Sent.refused, ServiceError, _CORRECT),
    **{
        f"BIZL-{number}": (ErrorKind.rejected, Sent.refused, RecordExists, _EXISTS)
        for number in (1003, 1004, 1005, 1006, 1007)
    },
    "NFND": (ErrorKind.rejected, Sent.refused, NotFound, "Check the id."),
    "INTL": (ErrorKind.unavailable, Sent.unknown, ServiceError, _AGAIN),
}
# What a status says where the platform gives no code, but words.
_STATUSES: Mapping[int, Meaning] = {
    401: (ErrorKind.unauthorized, Sent.no, ServiceError, _LOGIN),
    403: (ErrorKind.unauthorized, Sent.refused, ServiceError, _RIGHTS),
    404: (ErrorKind.rejected, Sent.refused, NotFound, "Check the id."),
    408: (ErrorKind.unavailable, Sent.unknown, ServiceError, _AGAIN),
    409: (ErrorKind.conflict, Sent.unknown, ServiceError, _AGAIN),
    429: (ErrorKind.throttled, Sent.no, ServiceError, _AGAIN),
}
_BETWEEN = (
    "It is tried again by itself. If it lasts, check host and the …_url of the Connection ipaas, and what a proxy or a "
    "firewall between here and iPaaS.com objects to."
)
# What an answer without words says: it is not the platform's own.
_WORDLESS: Mapping[int, Meaning] = {
    **{status: (kind, sent, ServiceError, _BETWEEN) for status, (kind, sent) in STATUSES.items()},
    401: (*STATUSES[401], ServiceError, _LOGIN),
    # A record that is not there may be answered without a body.
    404: (ErrorKind.rejected, Sent.unknown, NotFound, "Check the id."),
}


def _first(body: Any, names: tuple[str, ...]) -> str:
    if not isinstance(body, dict):
        return ""
    nested = body.get("error")
    inner: dict[str, Any] = nested if isinstance(nested, dict) else body
    return next((str(inner[name]) for name in names if inner.get(name)), "")


def classify(response: BaseHTTPResponse) -> ServiceError:
    """The typed error of an answer that is no success."""
    status = response.status
    try:
        body: Any = simplejson.loads(response.data)
    except ValueError:
        body = None
    if isinstance(body, list):
        body = next(iter(body), None)
    code, text = _first(body, ERROR_CODES), _first(body, ERROR_TEXTS)
    # The useful text is sometimes in the reason phrase only.
    texts = dict.fromkeys(t for t in (text, response.reason or "") if t)
    page = "html" in response.headers.get("Content-Type", "") or response.data.lstrip().startswith(b"<")
    worded = bool(code or text) or not (page or response.reason in ("", None, _phrase(status)))
    if status == 404 and page:
        # Not the platform's own answer: nothing of it is at this address, for the moment or for good.
        meaning: Meaning = (*WORDLESS, ServiceError, _BETWEEN)
    else:
        meaning = _meaning(status, code, worded)
    kind, sent, made, advice = meaning
    link = _first(body, ERROR_LINKS)
    return made(
        " – ".join(texts) or f"HTTP {status}",
        system=SYSTEM,
        kind=kind,
        advice=f"{advice} See {link}" if link.startswith("http") else advice,
        code=code or None,
        status=status,
        request_id=response.headers.get("x-correlation-id") or response.headers.get("request-id"),
        sent=sent,
    )


def _phrase(status: int) -> str | None:
    return responses.get(status)


def _meaning(status: int, code: str, worded: bool) -> Meaning:
    if status == 429 and worded:
        # Whatever its code says of why: it takes the call later.
        return _STATUSES[429]
    starts = [start for start in _CODES if code == start or code.startswith(f"{start}-")]
    if starts:
        return _CODES[max(starts, key=len)]
    if not worded:
        return _WORDLESS.get(status) or (*WORDLESS, ServiceError, _BETWEEN)
    if status >= 500:
        return (*WORDLESS, ServiceError, _AGAIN)
    return _STATUSES.get(status, (ErrorKind.rejected, Sent.refused, ServiceError, _CORRECT))


def says_why(error: ServiceError) -> bool:
    """Whether a refusal is in the platform's own words, and not a gateway's."""
    return error.sent is not Sent.unknown


def login_refused(message: str, cause: ServiceError | None = None) -> ServiceError:
    """There is no token to be had with this login."""
    return ServiceError(
        message,
        system=SYSTEM,
        kind=ErrorKind.unauthorized,
        advice=_LOGIN,
        cause=cause,
        sent=Sent.no,
    )


def no_login(cause: ServiceError) -> ServiceError:
    """The login was not answered by the platform itself: an outage, not a wrong password."""
    return ServiceError(
        f"The login could not be asked for: {cause.message}",
        system=SYSTEM,
        kind=ErrorKind.unavailable,
        advice=_BETWEEN,
        cause=cause,
        sent=Sent.no,  # that is, the request that needs the token
    )


def no_subscription(system_id: int, cause: ServiceError) -> ServiceError:
    """The company has no subscription of this id."""
    return ServiceError(
        f"There is no subscription {system_id} in this company.",
        system=SYSTEM,
        kind=ErrorKind.misconfigured,
        advice=_SYSTEM_ID,
        cause=cause,
    )


def other_subscription(system_id: int, name: str) -> ServiceError:
    """The subscription is one of another system."""
    return ServiceError(
        f"The subscription {system_id} ({name!r}) is not one of Business Central.",
        system=SYSTEM,
        kind=ErrorKind.misconfigured,
        advice=_SYSTEM_ID,
    )


def no_endpoint(cause: ServiceError, what: str) -> ServiceError:
    """A place to create records at is not there; a code says that something in the record is not there instead."""
    if cause.code:
        return ServiceError(
            cause.message,
            system=SYSTEM,
            kind=ErrorKind.rejected,
            advice="Something that the record refers to does not exist in iPaaS.com. It is tried again.",
            cause=cause,
        )
    return ServiceError(
        f"There is no {what}.",
        system=SYSTEM,
        kind=ErrorKind.misconfigured,
        advice="Check host and the …_url of the Connection ipaas. The path itself is in include/ipaas/endpoints.py.",
        status=cause.status,
        sent=cause.sent,
    )


def belongs_to(table: str, external_id: str, holder: object) -> RecordExists:
    """Another record has an external id."""
    return RecordExists(
        f"The external id {external_id!r} belongs to {table} {holder}.",
        system=SYSTEM,
        kind=ErrorKind.rejected,
        advice=_EXISTS,
    )
