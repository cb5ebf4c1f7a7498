"""The client of iPaaS.com: records by endpoint, external ids, the token of a company."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import simplejson
from requests import Response

from include.ipaas import endpoints, errors
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import Id, id_from, present_id
from include.settings import IPaaSConnection
from include.transport.errors import NotFound, Sent, ServiceError, senseless
from include.transport.session import RetryPolicy, Session, Transport, json_of
from include.transport.throttle import Throttle

Json = dict[str, Any]
T = TypeVar("T")
# A token is renewed this long before the platform says it ends.
_MARGIN = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a list: its records, its number and how many there are."""

    records: list[Json]
    number: int
    total: int

    def within(self, name: str) -> Page:
        """The same page with the records that are nested in its own, in their list `name`."""
        return replace(self, records=[nested for record in self.records for nested in record.get(name) or ()])


class IPaaSClient:
    """Talks to one company of iPaaS.com. Safe to use from several threads at once."""

    def __init__(
        self,
        connection: IPaaSConnection,
        *,
        throttle: Throttle,
        concurrency: int = 1,
        policy: RetryPolicy | None = None,
    ) -> None:
        """Nothing is sent before the first call."""
        self._connection = connection
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
    def requests(self) -> int:
        """Requests sent to iPaaS.com so far, those for the token included."""
        return self._transport.requests

    @property
    def server_time(self) -> datetime | None:
        """The server's clock as of its latest answer, UTC."""
        return self._transport.server_time

    @property
    def system_id(self) -> int:
        """The id of the Business Central subscription."""
        return self._connection.system_id

    # --- records ---------------------------------------------------------------------------------------------

    def get(self, endpoint: Endpoint, internal_id: Id) -> Json | None:
        """One record, or None when there is none."""
        try:
            found: Json = self._json("GET", endpoint.family, f"{endpoint.path}/{quote(str(internal_id), safe='')}")
            return found
        except NotFound:
            return None

    def search(self, endpoint: Endpoint, value: str) -> list[Json]:
        """Every record whose natural key equals `value`; of a list without a search, every record."""
        params = {"action": "equals", endpoint.key_param: value} if endpoint.key_param else {}
        return [record for page in self._pages(endpoint, params) for record in page.records]

    def pages(self, endpoint: Endpoint) -> Iterator[Page]:
        """The whole list, page by page."""
        return self._pages(endpoint, {})

    def _pages(self, endpoint: Endpoint, params: Mapping[str, str]) -> Iterator[Page]:
        number, total = 1, 1
        while number <= total:
            asked = {**params, "pageNumber": str(number)} if number > 1 else params
            try:
                page = self._send("GET", endpoint.family, endpoint.search, decode=_page(number), params=asked)
            except NotFound:
                return  # a list without records may answer 404 (facts §3.1)
            yield page.within(endpoint.within) if endpoint.within else page
            number, total = number + 1, page.total

    def create(self, endpoint: Endpoint, body: Json) -> Json:
        """Create a record and return it. Not repeated when its outcome is unknown: the caller looks first."""
        try:
            saved: Json = self._json("POST", endpoint.family, endpoint.path, body=body, repeatable=False)
        except NotFound as error:
            raise errors.no_endpoint(error, f"POST {endpoint.path}") from None
        return saved

    def update(self, endpoint: Endpoint, internal_id: Id, body: Json) -> Json:
        """Change the named fields; the same change twice is the same as once. Raises NotFound."""
        path = f"{endpoint.path}/{quote(str(internal_id), safe='')}"
        saved: Json = self._json("PUT", endpoint.family, path, body=body)
        return saved

    # --- external ids ----------------------------------------------------------------------------------------

    def internal_id(self, table: str, external_id: str) -> Id | None:
        """The iPaaS.com id linked to an external id of ours, or None. A soft-deleted link is none."""
        family = endpoints.FAMILIES[table]
        try:
            if endpoints.needs_special(external_id):
                body = {"table_name": table, "system_id": self.system_id, "external_id": external_id}
                found = self._json("POST", family, endpoints.LOOKUP_SPECIAL, body=body)
            else:
                found = self._json("GET", family, endpoints.lookup_spaceport(self.system_id, table, external_id))
        except NotFound:
            return None
        text = present_id(found)
        return None if text is None else id_from(text)

    def external_id(self, table: str, internal_id: Id) -> str | None:
        """The external id of ours that a record is linked to, or None."""
        path = endpoints.lookup_external(internal_id, self.system_id, table)
        try:
            found = self._json("GET", endpoints.FAMILIES[table], path)
        except NotFound:
            return None
        return present_id(found)

    def link(self, table: str, internal_id: Id, external_id: str) -> None:
        """Link a record to an external id of ours; the same link twice is the same as once."""
        body = {
            "table_name": table,
            "system_id": self.system_id,
            "external_id": external_id,
            "internal_id": str(internal_id),
        }
        self._json("POST", endpoints.FAMILIES[table], endpoints.UPDATE_EXTERNAL_ID, body=body)

    def missing(self, table: str) -> list[Id]:
        """Ids of the records of a table that have no external id of ours."""
        try:
            return list(self._json("GET", endpoints.FAMILIES[table], endpoints.missing(self.system_id, table)) or [])
        except NotFound:
            return []

    # --- check -----------------------------------------------------------------------------------------------

    def check(self) -> tuple[bool, str]:
        """Whether the connection works, in plain words: login, company, subscription."""
        try:
            path = endpoints.SUBSCRIPTION.format(id=self.system_id)
            found = self._json("GET", "subscriptions", path)
        except NotFound:
            return False, (
                f"There is no subscription {self.system_id} in this company. Set extra system_id of the Connection "
                "ipaas to the id of the Business Central subscription."
            )
        except ServiceError as error:
            return False, f"{error} {error.advice}"
        name = found.get("name") if isinstance(found, dict) else None
        return True, f"Connected; the subscription is {name or self.system_id!r}."

    # --- requests --------------------------------------------------------------------------------------------

    def _json(self, method: str, family: str, path: str, *, body: Any = None, repeatable: bool = True) -> Any:
        return self._send(method, family, path, decode=json_of(errors.SYSTEM), body=body, repeatable=repeatable)

    def _send(
        self,
        method: str,
        family: str,
        path: str,
        *,
        decode: Callable[[Response], T],
        body: Any = None,
        repeatable: bool = True,
        params: Mapping[str, str] | None = None,
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
        )

    def _forget_token(self, refused: Mapping[str, str]) -> None:
        """Forget the token of these headers, if it is still the current one."""
        with self._lock:
            if refused.get("Authorization") == f"Bearer {self._token}":
                self._token = None

    def _company_token(self) -> str:
        """The token of the company: a ready one, or by Login and ChangeCompany.

        It is renewed in the same way: what a refresh answers for a company's token is not documented (facts §2.1).
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
            self._expires = _moment(company.get("access_token_expiration"))
            return self._token

    def _sso(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Json:
        def decode(response: Response) -> Json:
            answer = json_of(errors.SYSTEM)(response)
            if not isinstance(answer, dict) or not answer.get("access_token"):
                raise errors.login_refused("The login was answered without a token.")
            return answer

        url = f"{self._connection.urls['sso']}/{path}"
        try:
            return self._transport.once(method, url, headers=headers, decode=decode, body=body)
        except ServiceError as error:
            error.sent = Sent.no  # that is, the request that needs the token; it is repeated together with the login
            if error.status in (400, 401, 403, 404):
                raise errors.login_refused(f"The login was refused: {error.message}", error) from None
            raise


def _page(number: int) -> Callable[[Response], Page]:
    """A decoder for page `number` of a list, which is a bare array with its place in the header X-Pagination."""

    def decode(response: Response) -> Page:
        records = json_of(errors.SYSTEM)(response)
        try:
            place = simplejson.loads(response.headers.get("X-Pagination") or "{}")
            folded = {name.lower(): int(value) for name, value in place.items() if value is not None}
        except (AttributeError, TypeError, ValueError):
            raise senseless(errors.SYSTEM, "The header X-Pagination cannot be read.") from None
        if not isinstance(records, list | None):
            raise senseless(errors.SYSTEM, "A list was asked for and none was answered.")
        if folded.get("current_page", number) != number:
            raise senseless(errors.SYSTEM, f"Page {number} was asked for and page {folded['current_page']} answered.")
        return Page(records=records or [], number=number, total=folded.get("total_pages", 1))

    return decode


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
