"""What iPaaS.com's error answers mean: by the code, and by the status where there is none."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from urllib3 import HTTPResponse

from include.errors import ErrorKind, NotFound, RecordExists, Sent, ServiceError
from include.ipaas import errors


def answer(status: int, body: Any = None, *, reason: str = "", headers: dict[str, str] | None = None) -> ServiceError:
    """The typed error of an answer of iPaaS.com's."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return errors.classify(HTTPResponse(BytesIO(content), status=status, reason=reason, headers=headers))


TABLE = [
    (401, "AUTH-1002", ErrorKind.unauthorized, Sent.no, ServiceError, "login and password"),
    (401, "AUTH-1004", ErrorKind.unauthorized, Sent.no, ServiceError, "company_id"),
    (403, "AUTH-1003", ErrorKind.unauthorized, Sent.refused, ServiceError, "permission"),
    (403, "AUTZ-1002", ErrorKind.unauthorized, Sent.refused, ServiceError, "permission"),
    (403, "AUTZ-1001", ErrorKind.unauthorized, Sent.refused, ServiceError, "plan"),
    (402, "AUTZ-1004", ErrorKind.unauthorized, Sent.refused, ServiceError, "plan"),
    (429, "AUTZ-1005", ErrorKind.throttled, Sent.no, ServiceError, "again"),
    (400, "VALD-1049", ErrorKind.rejected, Sent.refused, ServiceError, "Correct the record"),
    (500, "VALD-1038", ErrorKind.rejected, Sent.refused, ServiceError, "Correct the record"),
    (400, "VALD-1053", ErrorKind.unavailable, Sent.unknown, ServiceError, "again"),
    (400, "VALD-1017", ErrorKind.misconfigured, Sent.refused, ServiceError, "system_id"),
    (400, "BIZL-1003", ErrorKind.rejected, Sent.refused, RecordExists, "Another record"),
    (409, "BIZL-1005", ErrorKind.rejected, Sent.refused, RecordExists, "Another record"),
    (400, "BIZL-1002", ErrorKind.rejected, Sent.refused, ServiceError, "Correct the record"),
    (404, "NFND-1005", ErrorKind.rejected, Sent.refused, NotFound, "id"),
    (400, "NFND-1005", ErrorKind.rejected, Sent.refused, NotFound, "id"),
    (500, "INTL-1000", ErrorKind.unavailable, Sent.unknown, ServiceError, "again"),
    (400, "INTL-1000", ErrorKind.unavailable, Sent.unknown, ServiceError, "again"),
    (401, "", ErrorKind.unauthorized, Sent.no, ServiceError, "login and password"),
    (403, "", ErrorKind.unauthorized, Sent.refused, ServiceError, "permission"),
    (404, "", ErrorKind.rejected, Sent.refused, NotFound, "id"),
    (429, "", ErrorKind.throttled, Sent.no, ServiceError, "again"),
    (503, "", ErrorKind.unavailable, Sent.unknown, ServiceError, "again"),
    (422, "", ErrorKind.rejected, Sent.refused, ServiceError, "Correct the record"),
]


@pytest.mark.parametrize(("status", "code", "kind", "sent", "made", "advice"), TABLE)
def test_the_table(status: int, code: str, kind: ErrorKind, sent: Sent, made: type[ServiceError], advice: str) -> None:
    error = answer(status, {"code": code, "message": "What happened."})
    assert (error.kind, error.sent, type(error)) == (kind, sent, made)
    assert advice in error.advice
    assert error.code == (code or None)
    assert error.stops_run is (kind in (ErrorKind.misconfigured, ErrorKind.unauthorized))


@pytest.mark.parametrize("name", ["code", "error_code", "errorCode"])
@pytest.mark.parametrize("text", ["message", "title", "detail"])
@pytest.mark.parametrize("wrap", [lambda b: b, lambda b: {"error": b}, lambda b: [b]])
def test_the_envelope_in_every_shape(name: str, text: str, wrap: Any) -> None:
    body = {name: "VALD-1049", text: "Both names are empty.", "help_link": "https://help.example/1"}
    error = answer(400, wrap(body), reason="Bad Request")
    assert error.code == "VALD-1049"
    assert error.message == "Both names are empty. – Bad Request"
    assert "https://help.example/1" in error.advice


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"text"', b'{"code": null}'])
def test_the_reason_phrase_may_hold_the_only_useful_text(body: bytes) -> None:
    error = answer(400, body, reason="The sku is taken", headers={"x-correlation-id": "abc"})
    assert (error.message, error.code, error.request_id) == ("The sku is taken", None, "abc")


@pytest.mark.parametrize("status", [400, 403, 404, 429, 503])
def test_a_web_page_is_nobodys_word_neither_that_a_record_is_missing_nor_that_it_is_refused(status: int) -> None:
    error = answer(status, b"<html>", headers={"Content-Type": "text/html; charset=utf-8"})
    assert (error.sent, type(error), error.stops_run) == (Sent.unknown, ServiceError, False)
    assert error.kind is (ErrorKind.throttled if status == 429 else ErrorKind.unavailable)
    assert "host" in error.advice
