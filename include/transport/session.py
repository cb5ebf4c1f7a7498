"""Sends requests: one table of what is worth repeating, one place where an answer becomes a
result or a typed error."""

from __future__ import annotations

import copy
import logging
import random
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import simplejson
import tenacity
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from include.errors import ErrorKind, PlanWrites, Sent, ServiceError, senseless
from include.transport.clock import ServerClock
from include.transport.connections import Session
from include.transport.guard import before_writing
from include.transport.telemetry import Spending
from include.transport.throttle import PATIENCE, Pacer
from include.transport.values import loads

log = logging.getLogger(__name__)
T = TypeVar("T")
_TEXT = simplejson.JSONEncoder(use_decimal=True)
_JSON = {"Accept": "application/json", "Content-Type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long one request may be repeated: `attempts` in all, each wait at most `longest` seconds.

    A server that asks to wait (Retry-After) is obeyed up to `patience` seconds; when it asks for more, the request
    is given up at once, so that the caller can come back then.
    """

    attempts: int = 6
    first: float = 1.0
    longest: float = 30.0
    patience: float = PATIENCE
    timeout: tuple[float, float] = (10.0, 120.0)  # connect, read; seconds
    # For so many seconds a request that nobody waits for any more may still be on its way to the service.
    under_way: float = 130.0

    def wait(self, attempt: int, retry_after: float | None) -> float:
        """Seconds before the next attempt: what the server asks for, else exponential with full jitter."""
        if retry_after is not None:
            return retry_after
        return random.uniform(0, min(self.longest, self.first * 2 ** (attempt - 1)))


# What a status says about the call where the answer is not in the service's own words: (class, was the call processed?).
# Gateways and proxies answer for a service that they could not hear any more, so nobody knows whether it was processed.
STATUSES: Mapping[int, tuple[ErrorKind, Sent]] = {
    401: (ErrorKind.unauthorized, Sent.unknown),
    409: (ErrorKind.conflict, Sent.unknown),
    413: (ErrorKind.rejected, Sent.unknown),
    414: (ErrorKind.rejected, Sent.unknown),
    429: (ErrorKind.throttled, Sent.unknown),
    431: (ErrorKind.rejected, Sent.unknown),
}
# Any other status.
WORDLESS = (ErrorKind.unavailable, Sent.unknown)
# Classes that a repetition may cure.
_REPEATABLE = {ErrorKind.throttled, ErrorKind.unavailable, ErrorKind.conflict}
# Of the answers that nobody signed, these pass within seconds; the other 4xx are as likely to be given again.
_PASSING = {408, 409, 425, 429}


def worth_repeating(error: BaseException, *, repeatable: bool) -> bool:
    """Whether sending the same request again may help and cannot do harm.

    What was not processed may always be sent again; what may have been processed only when it is `repeatable`; what
    was refused never.
    """
    if not isinstance(error, ServiceError) or error.kind not in _REPEATABLE:
        return False
    if error.sent is Sent.unknown and error.status in range(400, 500) and error.status not in _PASSING:
        return False
    return error.sent is Sent.no or (repeatable and error.sent is Sent.unknown)


def _origin(url: str) -> str:
    """Scheme, host and port of an address as they stand there, a wrong port included; nobody's name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Transport:
    """Sends the requests of one client. Counts them, paces them, repeats what may be repeated. Thread-safe."""

    def __init__(
        self,
        system: str,
        *,
        session: Session,
        throttle: Pacer,
        classify: Callable[[BaseHTTPResponse], ServiceError],
        policy: RetryPolicy,
        secrets: Sequence[str] = (),
    ) -> None:
        """`secrets` are kept out of messages, as the tokens are: an answer may repeat what was sent."""
        self.spending = Spending(system)
        self.clock = ServerClock()
        self.policy = policy
        self._system = system
        self._session = session
        self._throttle = throttle
        self._classify = classify
        self._secrets = tuple(secrets)
        self._read_only = False

    def read_only(self) -> Transport:
        """One that sends what reads and refuses what writes; it shares session, pace and clock, and counts for itself."""
        other = copy.copy(self)
        other._read_only, other.spending = True, Spending(self._system)
        return other

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Callable[[], Mapping[str, str]],
        decode: Callable[[BaseHTTPResponse], T],
        body: Any = None,
        repeatable: bool,
        refresh: Callable[[Mapping[str, str]], None] | None = None,
        params: Mapping[str, str] | None = None,
        cost: int = 1,
        reads: bool = False,
    ) -> T:
        """Send one request and return what `decode` makes of its 2xx answer.

        `repeatable`: repeating it when its outcome is unknown does no harm. `reads`: it changes nothing, though it is no
        GET. `headers`, and `body` when it is a function, are asked anew for each attempt; `refresh` is called once after a
        401, with the headers that were refused, to get a new token. `cost` is what it counts against the service's limit.
        Raises ServiceError, and PlanWrites where only reading is allowed.
        """
        refreshed = False
        once = partial(self.once, method, url, decode=decode, body=body, params=params, cost=cost, reads=reads)

        def attempt() -> T:
            nonlocal refreshed
            used = headers()
            try:
                return once(headers=used)
            except ServiceError as error:
                if error.status != 401 or refresh is None or refreshed:
                    raise
                refused = error
            refreshed = True
            refresh(used)
            if refused.sent is Sent.unknown and not repeatable:
                # Not the service's own words: the caller looks, with the new token, before it sends this again.
                raise senseless(self._system, refused.message, refused.status)
            return once(headers=headers())

        try:
            return attempt()
        except ServiceError as error:
            if not worth_repeating(error, repeatable=repeatable):
                raise
            failed = error
        # Not within the handler: what comes of the next attempts would have this one's causes among its own.
        return self._repeated(attempt, failed, f"{method} {urlsplit(url).path}", repeatable=repeatable)

    def _repeated(self, attempt: Callable[[], T], failed: ServiceError, what: str, *, repeatable: bool) -> T:
        """Attempt again what has failed once, as long as that is worth it and the policy allows; `what` is its name."""
        first: list[ServiceError] = [failed]

        def again() -> T:
            if first:
                raise first.pop()
            return attempt()

        def asked(state: tenacity.RetryCallState) -> float | None:
            error = state.outcome.exception() if state.outcome else None
            return error.retry_after if isinstance(error, ServiceError) else None

        def say(state: tenacity.RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            wait = state.next_action.sleep if state.next_action else 0
            self.spending.pauses(wait)
            log.warning("%s (%s). Attempt %s follows in %.1f s.", error, what, state.attempt_number + 1, wait)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: worth_repeating(error, repeatable=repeatable)),
            stop=lambda state: (
                state.attempt_number >= self.policy.attempts or (asked(state) or 0) > self.policy.patience
            ),
            wait=lambda state: self.policy.wait(state.attempt_number, asked(state)),
            before_sleep=say,
            reraise=True,
        )
        return retrying(again)

    def once(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        decode: Callable[[BaseHTTPResponse], T],
        body: Any = None,
        params: Mapping[str, str] | None = None,
        cost: int = 1,
        reads: bool = False,
    ) -> T:
        """Send one request a single time: for what is part of an attempt that is repeated as a whole. Raises as `send`."""
        writes = method != "GET" and not reads
        if writes and self._read_only:
            raise PlanWrites(self._system, f"{method} {urlsplit(url).path}")
        return decode(self._answer(method, url, headers, body, params, cost, writes=writes))

    def _answer(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        params: Mapping[str, str] | None,
        cost: int,
        *,
        writes: bool,
    ) -> BaseHTTPResponse:
        with self.spending.queueing():
            self._throttle.acquire(cost)
        # As ASCII: a lone surrogate in a record, which UTF-8 cannot carry, is the server's to refuse.
        content = body() if callable(body) else body
        data = None if content is None else _TEXT.encode(content).encode()
        unsent = before_writing() if writes else None
        try:
            return self._exchanged(method, url, headers, data, params)
        except ServiceError as error:
            if unsent and error.sent is Sent.no:
                unsent()
            raise

    def _exchanged(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None, params: Mapping[str, str] | None
    ) -> BaseHTTPResponse:
        """Send a request, and have its answer when that is a good one."""
        sent = datetime.now(UTC)
        try:
            with self.spending.asking():
                response = self._session.send_once(method, url, headers={**_JSON, **headers}, body=data, params=params)
        except (OSError, ValueError, HTTPError) as lost:
            raise self._lost(lost, url) from None
        if date := _moment(response.headers.get("Date")):
            self.clock.heard(date, sent=sent, received=datetime.now(UTC))
        if 200 <= response.status < 300:
            return response
        if 300 <= response.status < 400:
            raise self._misconfigured("It answered with a redirect, which is not followed.", response.status)
        error = self._classify(response)
        for secret in (*self._secrets, headers.get("Authorization", "").partition(" ")[2]):
            error.hide(secret)
        error.retry_after = retry_after(response.headers) if error.retry_after is None else error.retry_after
        if error.retry_after:
            # It is the system that asks, and it asks everybody.
            self._throttle.hold(error.retry_after)
        raise error

    def _lost(self, error: OSError | ValueError | HTTPError, url: str) -> ServiceError:
        """What it means that no answer came. The exception itself is dropped: its request holds the token."""
        origin = _origin(url)
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return self._misconfigured(f"The TLS certificate of {origin} could not be verified.")
        if any(isinstance(cause, ssl.SSLError) and _never_began(cause) for cause in causes):
            return self._misconfigured(f"No TLS connection to {origin} could be made.")
        if isinstance(error, UnicodeError):
            return self._misconfigured("The token holds characters that no header can carry.")
        if not isinstance(error, HTTPError) or isinstance(error, ValueError):
            # A CA bundle that cannot be read, or an address that is none.
            return self._misconfigured(f"No request could be made to {origin}.")
        never_left = any(isinstance(cause, NewConnectionError | ConnectTimeoutError) for cause in causes)
        return ServiceError(
            f"No connection to {origin} could be made."
            if never_left
            else f"{origin} gave no answer; the request may have been processed.",
            system=self._system,
            kind=ErrorKind.unavailable,
            advice="It is tried again by itself. If it lasts, check the host and the network.",
            sent=Sent.no if never_left else Sent.unknown,
        )

    def _misconfigured(self, message: str, status: int | None = None) -> ServiceError:
        return ServiceError(
            message,
            system=self._system,
            kind=ErrorKind.misconfigured,
            status=status,
            advice="Check the Connection's host and password, and name the CA bundle, if one is needed, in its extra "
            "`verify`.",
            sent=Sent.no,
        )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it wraps; the libraries nest them in several ways. What has come of an earlier request, which
    somebody may be dealing with as he sends this one, is none of its causes."""
    seen: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        item = todo.pop()
        if isinstance(item, BaseException) and not isinstance(item, ServiceError) and item not in seen:
            seen.append(item)
            yield item
            todo += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


def _never_began(error: ssl.SSLError) -> bool:
    """Whether TLS failed for good, before anything was sent: a bundle without certificates, a port without TLS."""
    return error.library in ("X509", "PEM") or error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST")


def _moment(date: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, from a Retry-After in seconds or as a date."""
    text = (headers.get("Retry-After") or "").strip()
    if text.isdecimal():
        return float(text)
    moment = _moment(text)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment else None


def json_of(system: str) -> Callable[[BaseHTTPResponse], Any]:
    """A decoder for JSON answers, numbers as Decimal; None where there is nothing to answer (204).

    It raises ServiceError for an answer that is empty, cut off or no JSON: of a read that is an outage, never "none",
    and of a write nobody knows what became of it.
    """

    def decode(response: BaseHTTPResponse) -> Any:
        if response.status == 204:
            return None
        media = response.headers.get("Content-Type", "")
        if not response.data.strip():
            raise senseless(system, "The answer is empty.", response.status)
        if media and "json" not in media.lower():
            raise senseless(system, f"The answer is no JSON, but {media[:60]}.", response.status)
        try:
            return loads(response.data)
        except (ValueError, RecursionError):
            raise senseless(system, "The answer was cut off or is no JSON.", response.status) from None

    return decode
