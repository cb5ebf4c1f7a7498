"""Requests to Business Central: the token, the environment's address, pages and their next links, what an answer has to be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from urllib3 import BaseHTTPResponse

from include.business_central import errors
from include.business_central.auth import TokenProvider
from include.business_central.records.base import unblank
from include.errors import ErrorKind, NotFound, ServiceError, senseless
from include.settings import BusinessCentralConnection
from include.transport.addresses import origin_of
from include.transport.calls import ServiceCalls
from include.transport.connections import Session
from include.transport.session import RetryPolicy, Transport, json_of
from include.transport.throttle import Pacer
from include.transport.values import Json, Record

T = TypeVar("T")
NEXT = "odata.nextLink"


class Calls(ServiceCalls):
    """Sends requests to one environment. Safe to use from several threads at once."""

    def __init__(
        self,
        connection: BusinessCentralConnection,
        *,
        throttle: Pacer,
        concurrency: int = 1,
        policy: RetryPolicy | None = None,
    ) -> None:
        """Nothing is sent before the first call. At most `concurrency` requests are under way at once."""
        self.concurrency = concurrency
        policy = policy or RetryPolicy()
        self._connection = connection
        self._tokens = TokenProvider(connection, policy)
        self._transport = Transport(
            errors.SYSTEM,
            session=Session(connection.verify, policy.timeout, concurrency),
            throttle=throttle,
            classify=errors.classify,
            policy=policy,
        )
        tenant, environment = quote(connection.tenant_id, safe=""), quote(connection.environment, safe="")
        self._root = f"{connection.url}/v2.0/{tenant}/{environment}"
        self._lock = threading.RLock()

    def sign_in(self) -> None:
        """Have a token. Raises ServiceError with what Entra says."""
        self._tokens.headers()

    def credential_faults(self) -> list[str]:
        """Which credentials were refused although another one was taken, and which end soon; each with what to do.

        Known once something was asked of the service.
        """
        return self._tokens.faults()

    def _records(
        self, url: str | None, headers: Mapping[str, str], absent: Callable[[NotFound], ServiceError]
    ) -> Iterator[Json]:
        """The records of a collection, page by page: next links as they come, the preferences repeated with each."""
        seen: set[str] = set()
        while url:
            if url in seen:
                raise senseless(errors.SYSTEM, "The service answered the same page twice.")
            seen.add(url)
            try:
                page = self._json("GET", url, headers=headers)
            except NotFound as error:
                raise absent(error) from None
            yield from values_of(page)
            url = self._next(url, page.get(f"@{NEXT}"))

    def _next(self, url: str, link: Any) -> str | None:
        """The next link, made absolute. The token goes only where the connection points."""
        if link is None or link == "":
            return None
        if not isinstance(link, str):
            raise senseless(errors.SYSTEM, "A next link is no address.")
        try:
            target = link if urlsplit(link).scheme else urljoin(url, link)
        except ValueError:
            raise senseless(errors.SYSTEM, "A next link is no address.") from None
        origin = origin_of(target)
        if origin is None:
            raise senseless(errors.SYSTEM, "A next link is no plain address, and is not followed.")
        if origin != origin_of(self._root):
            raise ServiceError(
                "A next link points to another host and is not followed.",
                system=errors.SYSTEM,
                kind=ErrorKind.misconfigured,
                advice="Set the host of the Connection business_central to the address that the service answers with.",
            )
        return target

    def _json(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Json:
        """Send a request that may be repeated, and return the object that it is answered with."""
        return self._send(method, url, decode=self._object, repeatable=True, headers=headers, body=body)

    @staticmethod
    def _object(response: BaseHTTPResponse) -> Json:
        if fault := errors.in_xml(response):
            raise fault
        answer = json_of(errors.SYSTEM)(response)
        if not answer or not isinstance(answer, dict):
            raise senseless(errors.SYSTEM, "The answer is no object.")
        return answer

    def _send(
        self,
        method: str,
        url: str,
        *,
        decode: Callable[[BaseHTTPResponse], T],
        repeatable: bool,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        cost: int = 1,
        reads: bool = False,
    ) -> T:
        own = {"Accept": "application/json;odata.metadata=minimal", "Accept-Language": "en-US", **(headers or {})}
        try:
            return self._transport.send(
                method,
                url,
                headers=lambda: {**own, **self._tokens.headers()},
                decode=decode,
                body=body,
                repeatable=repeatable,
                refresh=self._tokens.renew,
                cost=cost,
                reads=reads,
            )
        except ServiceError as error:
            raise self._no_environment(error) if error.code == errors.NO_ENVIRONMENT else error from None

    def _no_environment(self, error: ServiceError) -> ServiceError:
        return errors.no_environment(self._connection.environment, error)


def saved(response: BaseHTTPResponse, known_by: Sequence[str] = ()) -> Json:
    """The record as it was saved. Without an etag, or without what it is `known_by`, it is none, and nobody knows what
    became of the write."""
    answer = Calls._object(response)
    if not answer.get("@odata.etag") or any(unblank(answer.get(name)) is None for name in known_by):
        raise senseless(errors.SYSTEM, "A record was written, and it was not answered.", response.status)
    return answer


def values_of(page: Json) -> list[Json]:
    """The records of a page. An answer without any list is no empty list, but a fault."""
    records = page.get("value")
    if not isinstance(records, list):
        raise senseless(errors.SYSTEM, "A list was asked for and none was answered.")
    # An entry that is no record is one without any field: whoever needs one of them says so.
    return [record if isinstance(record, dict) else Record() for record in records]
