"""Requests to iPaaS.com: the token of the company, and what an answer has to be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from urllib3 import BaseHTTPResponse

from include.errors import BadRecord, ErrorKind, Sent, ServiceError, senseless
from include.ipaas import endpoints, errors
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import id_of
from include.settings import IPaaSConnection
from include.transport.calls import ServiceCalls
from include.transport.connections import Session
from include.transport.dates import read_moment
from include.transport.session import RetryPolicy, Transport, json_of
from include.transport.throttle import Pacer
from include.transport.values import Json

T = TypeVar("T")
# A token is renewed this long before the platform says it ends.
_MARGIN = timedelta(minutes=2)


class PlatformCalls(ServiceCalls):
    """Sends requests as one company of iPaaS.com. Safe to use from several threads at once."""

    def __init__(
        self, connection: IPaaSConnection, *, throttle: Pacer, concurrency: int = 1, policy: RetryPolicy | None = None
    ) -> None:
        """Nothing is sent before the first call. At most `concurrency` requests are under way at once."""
        self._connection = connection
        self.concurrency = concurrency
        policy = policy or RetryPolicy()
        self._transport = Transport(
            errors.SYSTEM,
            session=Session(connection.verify, policy.timeout, concurrency),
            throttle=throttle,
            classify=errors.classify,
            policy=policy,
            secrets=(connection.password.get_secret_value(),),
        )
        self._lock = threading.RLock()
        self._token: str | None = None
        self._expires: datetime | None = None
        self._tracking = str(uuid4())

    @property
    def system_id(self) -> int:
        """The id of the Business Central subscription."""
        return self._connection.system_id

    @property
    def place(self) -> dict[str, Any]:
        """Which company and subscription it talks to, as the Connection names them."""
        return {"ipaas_company_id": self._connection.company_id or "", "system_id": self.system_id}

    def sign_in(self) -> None:
        """Have a token. Raises ServiceError with what iPaaS.com says."""
        self._company_token()

    def _json(self, method: str, family: str, path: str, *, body: Any = None, reads: bool = False) -> Any:
        return self._send(method, family, path, decode=json_of(errors.SYSTEM), body=body, reads=reads)

    def _record(self, endpoint: Endpoint, method: str, path: str, *, body: Any = None, repeatable: bool = True) -> Json:
        """Send a request that is answered with one record. Without an id it is none, and nobody knows what became of it."""

        def decode(response: BaseHTTPResponse) -> Json:
            answer = json_of(errors.SYSTEM)(response)
            try:
                id_of(answer)
            except BadRecord:
                raise senseless(errors.SYSTEM, f"A {endpoint.name} was to be answered, and none was.") from None
            return dict(answer)

        return self._send(method, endpoint.family, path, decode=decode, body=body, repeatable=repeatable)

    def _send(
        self,
        method: str,
        family: str,
        path: str,
        *,
        decode: Callable[[BaseHTTPResponse], T],
        body: Any = None,
        repeatable: bool = True,
        params: Mapping[str, str] | None = None,
        reads: bool = False,
    ) -> T:
        own = {"X-Client-Id": self._connection.client_id} if self._connection.client_id else {}
        return self._transport.send(
            method,
            f"{self._connection.urls[family]}/{path}",
            headers=lambda: {**own, "Authorization": f"Bearer {self._company_token()}"},
            decode=decode,
            body=body,
            repeatable=repeatable,
            refresh=self._forget_token if self._connection.email else None,
            params={**(params or {}), "trackingGuid": self._tracking},
            reads=reads,
        )

    def _forget_token(self, refused: Mapping[str, str]) -> None:
        """Forget the token of these headers, if it is still the current one."""
        with self._lock:
            if refused.get("Authorization") == f"Bearer {self._token}":
                self._token = None

    def _company_token(self) -> str:
        """The token of the company: a ready one, or by Login and ChangeCompany.

        It is renewed in the same way: what a refresh answers for a company's token is not documented.
        """
        connection = self._connection
        secret = connection.password.get_secret_value()
        if not connection.email:
            return secret
        with self._lock:
            if self._token and (self._expires is None or datetime.now(UTC) + _MARGIN < self._expires):
                return self._token
            login = {"email_address": connection.email, "password": secret, "remember_me": False}
            user = self._sso("POST", endpoints.LOGIN, {}, login)
            bearer = {"Authorization": f"Bearer {user['access_token']}"}
            company = self._sso("GET", endpoints.change_company(str(connection.company_id)), bearer, None)
            self._token = str(company["access_token"])
            self._expires = read_moment(company.get("access_token_expiration"))
            return self._token

    def _sso(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Json:
        def decode(response: BaseHTTPResponse) -> Json:
            answer = json_of(errors.SYSTEM)(response)
            if not isinstance(answer, dict) or not _is_token(answer.get("access_token")):
                raise senseless(errors.SYSTEM, "The login was answered without a token.")
            return answer

        url = f"{self._connection.urls['sso']}/{path}"
        try:
            return self._transport.once(method, url, headers=headers, decode=decode, body=body, reads=True)
        except ServiceError as error:
            refused = error.status in (400, 401, 403, 404) and errors.says_why(error)
            error.sent = Sent.no  # that is, the request that needs the token; it is repeated together with the login
            if refused:
                raise errors.login_refused(f"The login was refused: {error.message}", error) from None
            if error.stops_run or error.kind is ErrorKind.rejected:
                # Nobody's words: a hiccup on the way, not a wrong password.
                raise errors.no_login(error) from None
            raise


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
