"""What Business Central's error answers mean: decided by the code, whatever the status."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from urllib3 import HTTPResponse

from include.business_central import errors
from include.errors import EntityChanged, ErrorKind, NotFound, RecordExists, Sent, ServiceError

ID = "0b8f5b7c-6a7e-4d6b-9a43-0a1b2c3d4e5f"


def answer(status: int, code: str = "", message: str = "", *, raw: bytes | None = None) -> ServiceError:
    """The typed error of an answer of Business Central's."""
    error = {"error": {"code": code, "message": f"{message}  CorrelationId:  {ID}."}}
    body = json.dumps(error).encode() if raw is None else raw
    return errors.classify(HTTPResponse(BytesIO(body), status=status, reason="The reason"))


PERMISSIONS = "Sorry, the current permissions prevented the action. (TableData 18 Customer Read: Base Application)"
NUMBERS = "You may not enter numbers manually. If you want to, please activate Manual Nos. in No. Series CUST."
TABLE = [
    # status, code, message, kind, processed?, type, the advice names
    (409, "Request_EntityChanged", "Another user has changed it.", ErrorKind.conflict, Sent.refused, EntityChanged, ""),
    (412, "", "", ErrorKind.conflict, Sent.refused, EntityChanged, ""),
    (409, "Internal_ServerError", "Deadlock.", ErrorKind.conflict, Sent.no, ServiceError, "again"),
    (400, "Internal_EntityWithSameKeyExists", "Exists.", ErrorKind.rejected, Sent.refused, RecordExists, ""),
    (409, "Internal_EntityWithSameKeyExists", "Exists.", ErrorKind.rejected, Sent.refused, RecordExists, ""),
    (404, "BadRequest_ResourceNotFound", "No such thing.", ErrorKind.rejected, Sent.refused, NotFound, ""),
    (
        404,
        "NoEnvironment",
        "Environment does not exist.",
        ErrorKind.misconfigured,
        Sent.no,
        ServiceError,
        "environment",
    ),
    (404, "Internal_CompanyNotFound", "No company.", ErrorKind.misconfigured, Sent.no, ServiceError, "company_name"),
    (400, "Internal_CompanyNotFound", "No company.", ErrorKind.misconfigured, Sent.no, ServiceError, "company_name"),
    (403, "Internal_ServerError", PERMISSIONS, ErrorKind.unauthorized, Sent.refused, ServiceError, "permission set"),
    (
        401,
        "Authentication_InvalidCredentials",
        "No.",
        ErrorKind.unauthorized,
        Sent.no,
        ServiceError,
        "API.ReadWrite.All",
    ),
    (401, "Unauthorized", "No.", ErrorKind.unauthorized, Sent.no, ServiceError, "scope"),
    (429, "Application_TooManyRequests", "Too many.", ErrorKind.throttled, Sent.no, ServiceError, "again"),
    (503, "Internal_TenantUnavailable", "Upgrade.", ErrorKind.unavailable, Sent.no, ServiceError, "again"),
    (400, "Internal_TenantUnavailable", "Upgrade.", ErrorKind.unavailable, Sent.no, ServiceError, "again"),
    (
        400,
        "Internal_ServerError",
        "Cannot establish a connection to the SQL Server/Database.",
        *(ErrorKind.unavailable, Sent.unknown, ServiceError, "again"),
    ),
    (500, "Internal_ServerError", "Unexpected.", ErrorKind.unavailable, Sent.unknown, ServiceError, "again"),
    (400, "SkipTokenIsNoLongerValid", "", ErrorKind.unavailable, Sent.refused, ServiceError, "again"),
    (400, "Internal_InvalidTableRelation", "No such terms.", ErrorKind.rejected, Sent.refused, ServiceError, "Correct"),
    (400, "Application_DialogException", NUMBERS, ErrorKind.rejected, Sent.refused, ServiceError, "Manual Nos."),
    (400, "Application_StringExceededLength", "Too long.", ErrorKind.rejected, Sent.refused, ServiceError, "Correct"),
    (503, "Internal_ServerError", "No.", ErrorKind.unavailable, Sent.unknown, ServiceError, "again"),
    # Without a code it is not Business Central that answers.
    (413, "", "", ErrorKind.rejected, Sent.unknown, ServiceError, "proxy"),
    (400, "", "", ErrorKind.unavailable, Sent.unknown, ServiceError, "proxy"),
    (429, "", "", ErrorKind.throttled, Sent.unknown, ServiceError, "proxy"),
    (503, "", "", ErrorKind.unavailable, Sent.unknown, ServiceError, "proxy"),
]


@pytest.mark.parametrize(("status", "code", "message", "kind", "sent", "made", "advice"), TABLE)
def test_the_table(
    status: int, code: str, message: str, kind: ErrorKind, sent: Sent, made: type[ServiceError], advice: str
) -> None:
    error = answer(status, code, message)
    assert (error.kind, error.sent, type(error)) == (kind, sent, made)
    assert advice in error.advice
    assert error.advice
    assert error.request_id == ID
    assert "CorrelationId" not in error.message
    assert all(part in str(error) for part in (f"HTTP {status}", code, ID))
    assert error.stops_run is (kind in (ErrorKind.misconfigured, ErrorKind.unauthorized))


@pytest.mark.parametrize("raw", [b"", b"<html><title>Service unavailable</title></html>", b'{"error": "no"}', b"[1]"])
def test_answers_of_a_gateway_are_survived(raw: bytes) -> None:
    error = answer(503, raw=raw)
    assert (error.kind, error.message, error.code) == (ErrorKind.unavailable, "The reason", None)


def test_an_unpublished_service_is_named_with_what_to_publish() -> None:
    error = errors.not_published("CustomerCard", "MyCustomers")
    assert error.stops_run
    assert "MyCustomers" in str(error)
    for part in ("Web Services", "page 21 (Customer Card)", "Service Name MyCustomers", "bc_service_names"):
        assert part in error.advice


@pytest.mark.parametrize("name", ["cronus usa, inc. ", "CRONUS Display"])
def test_an_unknown_company_names_those_there_are_and_the_likely_one(name: str) -> None:
    companies = [{"name": "CRONUS USA, Inc.", "displayName": "CRONUS Display"}, {"name": "Other"}]
    error = errors.no_company(name, companies)
    assert error.stops_run
    assert "Is it 'CRONUS USA, Inc.'?" in error.advice
    assert "'Other'" in error.advice


def test_nobody_is_advised_to_go_on_without_a_service_that_is_needed() -> None:
    needed, other = (errors.not_published(page, page).advice for page in ("CustomerCard", "SalesPrices"))
    assert "bc_service_names" in needed and "go on without" not in needed
    assert "An empty name there means to go on without it." in other
