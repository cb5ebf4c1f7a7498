"""What is told of every request: a line at debug level, and by OpenTelemetry a span and its duration.

Nothing of a body and nothing behind the `?` of an address: whom somebody searched for stands there. Providers of spans
and measurements are whoever runs this process' business (Airflow's `traces` and `metrics`); without one they cost nothing.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from opentelemetry import metrics, trace
from opentelemetry.metrics import Counter, Histogram, MeterProvider
from opentelemetry.trace import SpanKind, Status, StatusCode

NAME = "business_central_ipaas"
log = logging.getLogger(__name__)
# It tells whole addresses at debug level, and by them whom somebody searched for.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

# As the services name it; gateways put anything into a header.
_REQUEST_IDS = ("request-id", "x-correlation-id", "x-ms-request-id")
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}")
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
# Seconds, as the conventions for HTTP advise.
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """What is measured."""

    duration: Histogram
    wait: Counter
    records: Counter


def instruments() -> Instruments:
    """Those of the provider that is there now: a process that was forked has another one than its parent."""
    return _instruments(metrics.get_meter_provider())


@lru_cache(maxsize=1)
def _instruments(provider: MeterProvider) -> Instruments:
    meter = provider.get_meter(NAME)
    return Instruments(
        duration=meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        ),
        wait=meter.create_counter(
            "sync.client.wait", unit="s", description="What requests waited for their turn and between repetitions"
        ),
        records=meter.create_counter("sync.records", unit="{record}", description="What became of records in runs"),
    )


@dataclass(kw_only=True)
class Spent:
    """What a client's requests cost so far: their number, and the seconds of all of them together."""

    system: str
    requests: int = 0
    answering: float = 0.0
    queueing: float = 0.0
    pausing: float = 0.0

    def __sub__(self, before: Spent) -> Spent:
        return Spent(
            system=self.system,
            requests=self.requests - before.requests,
            answering=self.answering - before.answering,
            queueing=self.queueing - before.queueing,
            pausing=self.pausing - before.pausing,
        )


class Spending:
    """Keeps what one client spends. Thread-safe."""

    def __init__(self, system: str) -> None:
        self._spent = Spent(system=system)
        self._lock = threading.Lock()

    @property
    def spent(self) -> Spent:
        """What was spent until now."""
        with self._lock:
            return replace(self._spent)

    def pauses(self, seconds: float) -> None:
        """So long is waited before a request is repeated."""
        self._waits("repetition", seconds)
        with self._lock:
            self._spent.pausing += seconds

    @contextmanager
    def queueing(self) -> Iterator[None]:
        """Within, a request waits for its turn."""
        began = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            self._waits("turn", seconds)
            with self._lock:
                self._spent.queueing += seconds

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Within, one request is sent and answered."""
        began = time.monotonic()
        with self._lock:
            self._spent.requests += 1
        try:
            yield
        finally:
            with self._lock:
                self._spent.answering += time.monotonic() - began

    def _waits(self, why: str, seconds: float) -> None:
        instruments().wait.add(seconds, {"sync.system": self._spent.system, "sync.wait.reason": why})


@contextmanager
def exchange(method: str, url: str) -> Iterator[Callable[[int, Mapping[str, str]], None]]:
    """Within, a request is sent; what is yielded takes the status and the headers of its answer."""
    address = urlsplit(url)
    known = method if method in _METHODS else "_OTHER"
    told: dict[str, str | int] = {"http.request.method": known, "server.address": address.hostname or ""}
    if port := _port_of(address):
        told["server.port"] = port
    where = {"url.scheme": address.scheme, "url.path": address.path}
    began = time.perf_counter()
    status, request_id = "no answer", "-"
    # What an exception says may repeat what was sent: its name is enough.
    with trace.get_tracer(NAME).start_as_current_span(
        known, kind=SpanKind.CLIENT, attributes={**told, **where}, record_exception=False, set_status_on_exception=False
    ) as span:

        def fails(what: str) -> None:
            told["error.type"] = what
            span.set_attribute("error.type", what)
            span.set_status(Status(StatusCode.ERROR))

        def heard(code: int, headers: Mapping[str, str]) -> None:
            nonlocal status, request_id
            status = str(code)
            told["http.response.status_code"] = code
            span.set_attribute("http.response.status_code", code)
            if code >= 400:
                fails(status)
            if named := _request_id(headers):
                header, request_id = named
                span.set_attribute(f"http.response.header.{header}", [request_id])

        try:
            yield heard
        except BaseException as error:
            fails(type(error).__name__)
            raise
        finally:
            seconds = time.perf_counter() - began
            instruments().duration.record(seconds, told)
            log.debug("%s %s: %s, %.0f ms, request %s", method, address.path, status, seconds * 1000, request_id)


def _port_of(address: SplitResult) -> int | None:
    try:
        return address.port or {"https": 443, "http": 80}.get(address.scheme)
    except ValueError:
        return None  # no port at all; whoever opens the connection says so


def _request_id(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """The service's own name of a request, for its support, and the header that it is in."""
    named = ((header, headers.get(header, "")) for header in _REQUEST_IDS)
    return next(((header, name) for header, name in named if _REQUEST_ID.fullmatch(name)), None)
