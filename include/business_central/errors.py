"""What Business Central's error answers mean; the code decides, not the text (docs/business_central.md, "Errors")."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import simplejson
from urllib3 import BaseHTTPResponse

from include.business_central.services import NEEDED_SERVICES, how_to_publish
from include.errors import EntityChanged, ErrorKind, NotFound, RecordExists, Sent, ServiceError, ServiceNotPublished
from include.settings import SERVICES
from include.transport.session import STATUSES, WORDLESS

SYSTEM = "Business Central"
_APP = (
    "Open the page Microsoft Entra applications in Business Central: the client id must be there with State Enabled "
    "and permission sets assigned. In the app registration, API.ReadWrite.All for Dynamics 365 Business Central must "
    "be granted under API Permissions (application permission, with admin consent)."
)
_AGAIN = "It is tried again by itself."
_CORRECT = "Correct the record, or the value in Business Central that the message names."
_ENVIRONMENT = (
    "Check extra environment of the Connection business_central: the name is under Admin Center, Environments; and "
    "extra tenant_id."
)
_COMPANY = (
    "Check extra company_name of the Connection business_central: it is under My Settings in Business Central, and its "
    "case matters."
)
_PROPERTY = (
    "If a custom field of the Variable bc_custom_fields names it, correct the entry, or show the field on the page that is "
    "published. Else another page than the list of web services names, or a copy of it without that field, lies under the "
    "Service Name: have it be one that has the field."
)
_TOKEN = (
    "Business Central does not take the token: check extra tenant_id and extra scope of the Connection "
    "business_central; the scope is https://api.businesscentral.dynamics.com/.default."
)
_PERMISSION = (
    "The application lacks a permission in Business Central. Assign a permission set with the rights named in the "
    "message to it, on the page Microsoft Entra applications."
)
WITHHELD = (
    "Look for what keeps the application from this record in Business Central: a security filter of its permission sets, or "
    "an extension."
)
NO_ENVIRONMENT = "NoEnvironment"
# What a code says, whatever the status: error class, whether it was processed, type, advice.
_CODES: Mapping[str, tuple[ErrorKind, Sent, type[ServiceError], str]] = {
    "Request_EntityChanged": (ErrorKind.conflict, Sent.refused, EntityChanged, "It is read again by itself."),
    "Internal_EntityWithSameKeyExists": (ErrorKind.rejected, Sent.refused, RecordExists, "The key is in use already."),
    NO_ENVIRONMENT: (ErrorKind.misconfigured, Sent.no, ServiceError, _ENVIRONMENT),
    "Internal_CompanyNotFound": (ErrorKind.misconfigured, Sent.no, ServiceError, _COMPANY),
    "Internal_TenantUnavailable": (ErrorKind.unavailable, Sent.no, ServiceError, _AGAIN),
    "Application_TooManyRequests": (ErrorKind.throttled, Sent.no, ServiceError, _AGAIN),
    "Authentication_InvalidCredentials": (ErrorKind.unauthorized, Sent.no, ServiceError, _APP),
    # Read from the start again, not from this link.
    "SkipTokenIsNoLongerValid": (ErrorKind.unavailable, Sent.refused, ServiceError, _AGAIN),
}
# What a status says where its code is not in the table above: the answer is Business Central's own all the same.
_STATUSES: Mapping[int, tuple[ErrorKind, Sent, type[ServiceError], str]] = {
    401: (ErrorKind.unauthorized, Sent.no, ServiceError, _TOKEN),
    403: (ErrorKind.unauthorized, Sent.refused, ServiceError, _PERMISSION),
    404: (ErrorKind.rejected, Sent.refused, NotFound, "Check the id."),
    408: (ErrorKind.unavailable, Sent.unknown, ServiceError, _AGAIN),
    # A deadlock or another passing conflict: the transaction was rolled back.
    409: (ErrorKind.conflict, Sent.no, ServiceError, _AGAIN),
    412: (ErrorKind.conflict, Sent.refused, EntityChanged, "It is read again by itself."),
    429: (ErrorKind.throttled, Sent.no, ServiceError, _AGAIN),
}
_BROKEN = (ErrorKind.unavailable, Sent.unknown, ServiceError, _AGAIN)
_BETWEEN = (
    "It is tried again by itself. If it lasts, see what a proxy, a firewall or a gateway between here and Business "
    "Central objects to."
)
# What an answer without a code says: it is not Business Central's own.
_WORDLESS: Mapping[int, tuple[ErrorKind, Sent, type[ServiceError], str]] = {
    **{status: (kind, sent, ServiceError, _BETWEEN) for status, (kind, sent) in STATUSES.items()},
    401: (*STATUSES[401], ServiceError, _TOKEN),
    # An unpublished service has no body on some versions; the client tells it from an outage.
    404: (ErrorKind.rejected, Sent.unknown, NotFound, "Check the id."),
    412: _STATUSES[412],
}
# Codes of a 404 that mean: there is no such record. Any other 404 concerns the collection or the service.
NO_RECORD = frozenset({"BadRequest_ResourceNotFound", "Internal_RecordNotFound", "Internal_DataNotFoundFilter"})
_XML = tuple(
    re.compile(rf"<(?:\w+:)?{tag}[^>]*>\s*([^<]*?)\s*</".encode(), re.IGNORECASE) for tag in ("code", "message")
)
_NO_PROPERTY = "Could not find a property named"
_CORRELATION = re.compile(r"\s*CorrelationId:\s*([0-9a-fA-F-]{36})\.?\s*$")


def _body(response: BaseHTTPResponse) -> tuple[str, str, str | None]:
    """Code, message and correlation id of an error answer; gateways answer with HTML or nothing."""
    try:
        error = simplejson.loads(response.data)["error"]
        code, message = str(error.get("code") or ""), str(error.get("message") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return _xml_body(response.data) or ("", response.reason or "", None)
    found = _CORRELATION.search(message)
    return code, _CORRELATION.sub("", message).strip(), found[1] if found else None


def _xml_body(content: bytes) -> tuple[str, str, str | None] | None:
    """Code and message of an error that is answered as XML, as that of an unknown environment may be."""
    code, message = (found[1].decode(errors="replace") if (found := tag.search(content)) else "" for tag in _XML)
    return (code, message, None) if code else None


def in_xml(response: BaseHTTPResponse) -> ServiceError | None:
    """The error that an answer is in spite of its status, or None."""
    return classify(response) if _xml_body(response.data[:10_000]) else None


def classify(response: BaseHTTPResponse) -> ServiceError:
    """The typed error of an answer that is no success."""
    code, message, correlation = _body(response)
    return of(response.status, code, message, response.headers.get("request-id") or correlation)


def of(status: int, code: str, message: str, request_id: str | None = None) -> ServiceError:
    """The typed error of a status and an error body; also for the parts of a batch."""
    if code:
        rest = _BROKEN if status >= 500 else (ErrorKind.rejected, Sent.refused, ServiceError, _CORRECT)
        kind, sent, made, advice = _CODES.get(code) or _STATUSES.get(status) or rest
    else:
        kind, sent, made, advice = _WORDLESS.get(status) or (*WORDLESS, ServiceError, _BETWEEN)
    if code == "Internal_ServerError" and "SQL Server" in message:
        # Answered with 400 as well as with 500.
        kind, sent, advice = ErrorKind.unavailable, Sent.unknown, _AGAIN
    if message.startswith(_NO_PROPERTY):
        # What is read has no such field: that concerns every record.
        kind, advice = ErrorKind.misconfigured, _PROPERTY
    if "numbers manually" in message:
        advice = "Allow Manual Nos. in the number series that the message names, so that records keep their numbers."
    return made(
        message or f"HTTP {status}",
        system=SYSTEM,
        kind=kind,
        advice=advice,
        code=code or None,
        status=status,
        request_id=request_id,
        sent=sent,
    )


def of_part(part: Mapping[str, Any]) -> ServiceError | None:
    """The failure of one part of a batch; that a record does not exist is none."""
    body = part.get("body")
    fault = body.get("error") if isinstance(body, dict) else None
    code, message = (
        (str(fault.get(name) or "") for name in ("code", "message")) if isinstance(fault, dict) else ("", "")
    )
    if part["status"] < 400 or (part["status"] == 404 and code in NO_RECORD):
        return None
    error = of(part["status"], code, message)
    return outage("A part of a batch", error) if isinstance(error, NotFound) else error


def no_company(name: str, companies: Sequence[Mapping[str, Any]]) -> ServiceError:
    """No company has that name; says which there are."""
    visible = ", ".join(repr(company["name"]) for company in companies) or "none"
    likely = [
        company["name"]
        for company in companies
        if name.strip().casefold() in (company["name"].casefold(), str(company.get("displayName")).casefold())
    ]
    guess = f" Is it {likely[0]!r}?" if likely else ""
    return ServiceError(
        f"There is no company {name!r}.",
        system=SYSTEM,
        kind=ErrorKind.misconfigured,
        advice="Set extra company_name of the Connection business_central to the company that holds your records; its "
        f"case matters.{guess} Companies that the application can see: {visible}.",
    )


def no_environment(name: str, error: ServiceError) -> ServiceError:
    """What every environment has is not there, or the service says that there is no such environment."""
    return ServiceError(
        f"There is no environment {name!r}."
        if error.code == NO_ENVIRONMENT
        else f"Nothing answers for environment {name!r}.",
        system=SYSTEM,
        kind=ErrorKind.misconfigured,
        cause=error,
        advice=f"{_ENVIRONMENT} And check the host.",
    )


def wrong_object(page: str, name: str, missing: Sequence[str], advice: str) -> ServiceError:
    """Something else is published under the name of a service."""
    what = SERVICES.get(page, page)
    return ServiceError(
        f"The web service {name} is not {what}: it has no {', '.join(missing)}.",
        system=SYSTEM,
        kind=ErrorKind.misconfigured,
        advice=f"Another object is published under the Service Name {name}. {advice}",
    )


def lacks_property(error: ServiceError) -> bool:
    """Whether what was read has not got a field that was asked for."""
    return error.kind is ErrorKind.misconfigured and error.message.startswith(_NO_PROPERTY)


def not_published(
    page: str, published_as: str, cause: ServiceError | None = None, *, ended: bool = False
) -> ServiceNotPublished:
    """The advice for a web service that is not there. `ended`: Microsoft's own pages are served no more."""
    advice = how_to_publish(page, published_as, ended=ended)
    if not ended:
        advice += (
            f' If it is published under another name, set the Variable bc_service_names, as {{"{page}": "TheName"}}.'
        )
        if page not in NEEDED_SERVICES:
            advice += " An empty name there means to go on without it."
    return ServiceNotPublished(
        f"The web service {published_as} is not published.",
        system=SYSTEM,
        kind=ErrorKind.misconfigured,
        cause=cause,
        advice=advice,
    )


def outage(what: str, cause: ServiceError) -> ServiceError:
    """A collection that is not there at the moment: never the same as no data."""
    return ServiceError(
        f"{what} is not there at the moment.",
        system=SYSTEM,
        kind=ErrorKind.unavailable,
        cause=cause,
        sent=Sent.no if cause.sent is not Sent.unknown else Sent.unknown,
        advice="It is tried again by itself. If it lasts, check that API services are enabled for the environment.",
    )
