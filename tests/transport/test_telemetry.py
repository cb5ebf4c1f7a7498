"""What is told of a request: enough to find it at the service, and nothing of whom it is about."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from include.errors import ServiceError
from include.transport.connections import Session
from include.transport.session import STATUSES, WORDLESS, RetryPolicy, Transport, json_of
from include.transport.telemetry import exchange
from include.transport.throttle import Throttle
from tests.telemetry import heard
from tests.transport.scripted import Reply, Wire

QUICK = RetryPolicy(attempts=3, first=0.001, longest=0.002, timeout=(10.0, 10.0))
PATH = "/api/v2.0/customers('C10001')"


def transport(policy: RetryPolicy = QUICK) -> Transport:
    def classify(response: Any) -> ServiceError:
        kind, sent = STATUSES.get(response.status, WORDLESS)
        return ServiceError("Refused.", system="The service", kind=kind, sent=sent, status=response.status)

    session = Session(None, policy.timeout, 2)
    return Transport("The service", session=session, throttle=Throttle(1000, 1), classify=classify, policy=policy)


def send(wire: Wire, method: str = "GET", used: Transport | None = None, **more: Any) -> Any:
    url = f"{wire.url}{PATH}?$filter=E_Mail eq 'anna@example.com'"
    decode, headers = json_of("The service"), {"Authorization": "Bearer t0ken-of-ours"}
    return (used or transport()).send(method, url, headers=lambda: headers, decode=decode, repeatable=True, **more)


def test_a_request_is_a_line_with_its_name_at_the_service(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wire.script.append(Reply(headers={"request-id": "5f0c-17"}))
    send(wire, "POST", body={"name": "Anna Secret"})
    lines = [record.getMessage() for record in caplog.records if record.name == "include.transport.telemetry"]
    assert len(lines) == 1
    assert lines[0].startswith(f"POST {PATH}: 200, ")
    assert lines[0].endswith(" ms, request 5f0c-17")


def test_nothing_is_told_of_what_was_searched_sent_or_answered(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wire.script.append(
        Reply(headers={"request-id": "Bearer t0ken-of-ours", "x-correlation-id": "x" * 65}, body=b'{"name": "Berta"}')
    )
    with heard() as telemetry:
        send(wire, "POST", body={"name": "Anna"}, params={"email": "carla@example.com"})
    told = caplog.text + "".join(span.to_json() for span in telemetry.spans)
    assert PATH in told
    for private in ("anna@", "carla@", "Anna", "Berta", "t0ken-of-ours", "x" * 65):
        assert private not in told


def test_a_request_is_a_span_by_the_names_of_the_conventions(wire: Wire) -> None:
    wire.script.append(Reply(headers={"x-correlation-id": "c-1"}))
    with heard() as telemetry:
        with trace.get_tracer("test").start_as_current_span("a task") as task:
            send(wire)
        (span,) = telemetry.named("GET")
    host, _, port = wire.url.removeprefix("http://").partition(":")
    assert span.kind is SpanKind.CLIENT
    assert span.parent
    assert span.parent.span_id == task.get_span_context().span_id
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "server.address": host,
        "server.port": int(port),
        "url.scheme": "http",
        "url.path": PATH,
        "http.response.status_code": 200,
        "http.response.header.x-correlation-id": ("c-1",),
    }
    assert telemetry.measured("http.client.request.duration") == {
        (
            ("http.request.method", "GET"),
            ("http.response.status_code", 200),
            ("server.address", host),
            ("server.port", int(port)),
        ): 1
    }


@pytest.mark.parametrize(
    ("reply", "error"), [(Reply(status=503), "503"), (Reply(close=True), "ProtocolError")], ids=["refused", "lost"]
)
def test_what_failed_is_an_error_without_the_exceptions_words(wire: Wire, reply: Reply, error: str) -> None:
    wire.script.append(reply)
    with heard() as telemetry:
        with pytest.raises(ServiceError):
            transport().once("GET", f"{wire.url}{PATH}", headers={}, decode=json_of("The service"))
        (span,) = telemetry.named("GET")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == error
    assert not span.events


def test_a_port_that_is_none_is_the_callers_matter() -> None:
    with exchange("GET", "http://service:99999/things"):
        pass


def test_a_client_knows_how_long_its_requests_waited(wire: Wire) -> None:
    asked: list[float] = []

    class Noting(RetryPolicy):
        def wait(self, attempt: int, retry_after: float | None) -> float:
            asked.append(super().wait(attempt, retry_after))
            return asked[-1]

    used = transport(Noting(attempts=3, first=0.001, longest=0.002))
    wire.script += [Reply(status=503), Reply(status=503), Reply()]
    with heard() as telemetry:
        send(wire, used=used)
        waited = telemetry.measured("sync.client.wait")
    spent = used.spending.spent
    assert (spent.requests, spent.pausing) == (3, pytest.approx(sum(asked)))
    assert len(asked) == 2
    assert spent.answering > 0
    assert waited[("sync.system", "The service"), ("sync.wait.reason", "repetition")] == pytest.approx(sum(asked))
    assert waited[("sync.system", "The service"), ("sync.wait.reason", "turn")] == pytest.approx(spent.queueing)
