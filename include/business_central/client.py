"""The client of Business Central: reads with paging and batches, writes with etags, actions."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from requests import Response

from include.business_central import errors, metadata
from include.business_central.auth import TokenProvider
from include.business_central.matching import Refused, matching
from include.business_central.metadata import FieldInfo
from include.business_central.odata import MAX_QUERY, Api, Page, Resource, groups, key_predicate, one_of, query
from include.business_central.services import NEEDED_SERVICES, how_to_publish, lacking
from include.errors import ErrorKind, NotFound, ServiceError, senseless
from include.settings import BusinessCentralConnection
from include.transport.addresses import origin_of
from include.transport.clock import ServerClock
from include.transport.session import RetryPolicy, Session, Transport, json_of, worth_repeating
from include.transport.telemetry import Spent
from include.transport.throttle import Pacer
from include.transport.values import Record

Json = dict[str, Any]
T = TypeVar("T")
_MAX_BATCH = 100
_NEXT = "odata.nextLink"
_PAGES_ENDED_IN = 30  # from this version on, Microsoft's pages are not served as web services


@dataclass(frozen=True, kw_only=True)
class BatchAnswer:
    """The answer to one part of a batch."""

    status: int
    body: Json


class BusinessCentralClient:
    """Talks to one company of one environment. Safe to use from several threads at once."""

    def __init__(
        self,
        connection: BusinessCentralConnection,
        *,
        throttle: Pacer,
        service_names: Mapping[str, str] | None = None,
        concurrency: int = 1,
        policy: RetryPolicy | None = None,
    ) -> None:
        """`service_names`: published names that differ from `SERVICES`. Nothing is sent before the first call."""
        policy = policy or RetryPolicy()
        self._connection = connection
        self._names = dict(service_names or {})
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
        self._company: Json | None = None
        self._services: frozenset[str] | None = None
        self._fields: dict[str, dict[str, FieldInfo]] = {}

    @cached_property
    def read_only(self) -> BusinessCentralClient:
        """The same client for a plan: it reads, and refuses to write."""
        other = copy.copy(self)
        other._transport = self._transport.read_only()
        return other

    # --- what is known of the service ------------------------------------------------------------------------

    @property
    def requests(self) -> int:
        """Requests sent to Business Central so far; tokens are not counted."""
        return self.spent.requests

    @property
    def spent(self) -> Spent:
        """What these requests cost so far."""
        return self._transport.spending.spent

    @property
    def clock(self) -> ServerClock:
        """The service's clock."""
        return self._transport.clock

    @property
    def under_way(self) -> float:
        """Seconds for which a request may still be on its way when whoever sent it has died."""
        return self._transport.policy.under_way

    @property
    def place(self) -> dict[str, Any]:
        """Which company of which environment it talks to, as the Connection names them."""
        connection = self._connection
        return {
            "tenant_id": connection.tenant_id,
            "environment": connection.environment,
            "company_name": connection.company_name,
        }

    @property
    def company_id(self) -> str:
        """The company's id, looked up by its name once. Raises ServiceError when there is no such company."""
        return str(self._the_company()["id"])

    def _the_company(self) -> Json:
        with self._lock:
            if self._company is None:
                companies = list(self._records(f"{self._root}/api/v2.0/companies", {}, self._no_environment))
                name = self._connection.company_name
                self._company = next((c for c in companies if c["name"] == name), None)
                if self._company is None:
                    raise errors.no_company(name, companies)
            return self._company

    @property
    def company_name(self) -> str:
        """The company's name."""
        return str(self._the_company()["name"])

    def name_of(self, page: str) -> str:
        """The name under which one of `SERVICES` is published here."""
        return self._names.get(page) or page

    def published(self, page: str) -> bool:
        """Whether a service is published, by the service document (read once)."""
        return not self.does_without(page) and self.name_of(page) in self._published()

    def _published(self, *, anew: bool = False) -> frozenset[str]:
        with self._lock:
            if self._services is None or anew:
                entries = self._records(f"{self._root}/ODataV4/", {}, self._no_environment)
                self._services = frozenset(str(entry["name"]) for entry in entries)
            return self._services

    def does_without(self, page: str) -> bool:
        """True when the subscriber has chosen to go on without this service (an empty name in bc_service_names)."""
        return self._names.get(page) == ""

    def pages_ended(self) -> bool:
        """True where Microsoft's pages are no longer served: from version 30 on, or when none is there."""
        return self._past_pages() or not any(
            self.published(page) for page in NEEDED_SERVICES if page != "Itemsbylocation"
        )

    def how_to_publish(self, page: str) -> str:
        """What a person has to do to have a page or query read here."""
        return how_to_publish(page, self.name_of(page), ended=self.pages_ended())

    def _past_pages(self) -> bool:
        version = str(self._the_company().get("systemVersion") or "0").split(".")[0]
        return version.isdigit() and int(version) >= _PAGES_ENDED_IN

    def goes_without(self, page: str) -> bool:
        """Whether API v2.0 stands in for a page: the subscriber has chosen so, or Microsoft's pages have ended.

        Raises ServiceError (misconfigured) when the subscriber has named a copy of it that is not published.
        """
        if self.does_without(page):
            return True
        if self._services is None and not self._past_pages():
            return False  # none has been missed so far: what is published is read once one is
        if self.published(page) or not self.pages_ended():
            return False
        if self._names.get(page):
            raise errors.not_published(page, self.name_of(page), ended=True)
        return True

    def fields(self, page: str) -> Mapping[str, FieldInfo]:
        """The properties of a published page, from `$metadata` (read once)."""
        name = self.name_of(page)
        with self._lock:
            if not self._fields:
                self._fields = self._send(
                    "GET",
                    f"{self._root}/ODataV4/$metadata",
                    decode=metadata.parse,
                    repeatable=True,
                    headers={"Accept": "application/xml"},
                )
            if name not in self._fields:
                raise errors.not_published(page, name, ended=self.pages_ended())
            return self._fields[name]

    # --- reads -----------------------------------------------------------------------------------------------

    def read(
        self,
        resource: Resource,
        *,
        filter: str | None = None,
        select: Sequence[str] = (),
        orderby: Sequence[str] = (),
        expand: str | None = None,
        page_size: int = 1_000,
        read_only: bool = False,
    ) -> Iterator[Json]:
        """Every matching record, page by page. `read_only` reads from a replica, which may lag behind."""
        options = {
            "$filter": filter,
            "$select": ",".join(select),
            "$orderby": ",".join(orderby),
            "$expand": expand,
        }
        text = query(options)
        headers = {"Prefer": f"odata.maxpagesize={page_size}"}
        if read_only:
            headers["Data-Access-Intent"] = "ReadOnly"
        url = self.url(resource) + (f"?{text}" if text else "")
        found = self._records(url, headers, lambda error: self._no_collection(resource, error))
        records = self._of(resource, found) if isinstance(resource, Page) else found
        return map(self._with_parts, records) if expand else records

    def _of(self, page: Page, records: Iterator[Json]) -> Iterator[Json]:
        """The records of a service; when it lacks a field, whether something else is published under its name."""
        try:
            yield from records
        except ServiceError as error:
            if errors.lacks_property(error) and (fault := self.wrong_object(page.name)):
                raise fault from None
            raise

    def wrong_object(self, page: str) -> ServiceError | None:
        """The fault when a published service is not what it should be, by `$metadata`; None when it is."""
        missing = lacking(page, self.fields(page))
        return errors.wrong_object(page, self.name_of(page), missing, self.how_to_publish(page)) if missing else None

    def _with_parts(self, record: Json) -> Json:
        """The record with the further pages of the collections that it was expanded by, if they have any."""
        for name in [name for name in record if name.endswith(f"@{_NEXT}")]:
            link, part = self._next(self._root, record.pop(name)), name.removesuffix(f"@{_NEXT}")
            record[part] += self._records(link, {}, lambda error: errors.outage("A page of a record's parts", error))
        return record

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
            yield from _values(page)
            url = self._next(url, page.get(f"@{_NEXT}"))

    def read_many(
        self,
        resource: Resource,
        field: str,
        values: Sequence[object],
        *,
        select: Sequence[str] = (),
        extra_filter: str | None = None,
        expand: str | None = None,
        page_size: int = 1_000,
        listed: bool = False,
        refused: Refused | None = None,
    ) -> Iterator[Json]:
        """Records whose `field` is one of `values`, many per request. `listed`: or a list that begins with one.

        A value that the service objects to is told to `refused`, if there is somebody to tell; the others are read.
        """
        room = MAX_QUERY - len(query({"$select": ",".join(select), "$filter": extra_filter, "$expand": expand})) - 100

        def read(group: Sequence[object]) -> Iterator[Json]:
            condition = one_of(field, group, listed=listed)
            where = f"({condition}) and {extra_filter}" if extra_filter else condition
            return self.read(resource, filter=where, select=select, expand=expand, page_size=page_size)

        for group in groups(field, values, room=room, listed=listed):
            named = not select or field in select
            yield from matching(field, group, read, refused, listed=listed, named=named)

    def get(self, resource: Resource, key: Mapping[str, object] | str, *, select: Sequence[str] = ()) -> Json | None:
        """One record by its key, or None when there is none. Raises ServiceError when the collection is not there."""
        text = query({"$select": ",".join(select)})
        try:
            return self._json("GET", self._address(resource, key) + (f"?{text}" if text else ""))
        except NotFound as error:
            if (fault := self._not_the_record(resource, error)) is not None:
                raise fault from None
            return None

    def batch_get(self, paths: Sequence[str]) -> list[BatchAnswer]:
        """Many reads of API v2.0 in few requests. `paths` are relative to the company, as `customers(…)`.

        A record that does not exist is answered 404; any other failure is raised.
        """
        answers: list[BatchAnswer] = []
        for start in range(0, len(paths), _MAX_BATCH):
            answers += self._batch(paths[start : start + _MAX_BATCH])
        return answers

    def _batch(self, paths: Sequence[str]) -> list[BatchAnswer]:
        parts = [
            {
                "id": str(number),
                "method": "GET",
                "url": f"companies({self.company_id})/{path}",
                "headers": {"Accept-Language": "en-US"},
            }
            for number, path in enumerate(paths)
        ]
        done: dict[str, BatchAnswer] = {}

        def body() -> Json:
            return {"requests": [part for part in parts if part["id"] not in done]}

        def take(response: Response) -> None:
            # Parts fail each on its own; those that were turned away are asked again.
            faults = []
            for part in self._object(response).get("responses", ()):
                error = errors.of_part(part)
                if error is None:
                    done[str(part["id"])] = BatchAnswer(status=part["status"], body=part.get("body") or {})
                elif worth_repeating(error, repeatable=True):
                    faults.append(error)
                else:
                    raise error
            if len(done) < len(parts):
                raise faults[0] if faults else senseless(errors.SYSTEM, "Parts of a batch were not answered.")

        self._send(
            "POST",
            f"{self._root}/api/v2.0/$batch",
            headers={"Prefer": "odata.continue-on-error"},
            body=body,
            decode=take,
            repeatable=True,
            cost=len(parts),
            reads=True,
        )
        return [self._whole(done[str(part["id"])]) for part in parts]

    def _whole(self, answer: BatchAnswer) -> BatchAnswer:
        """The answer with the further pages of its collection, if it has any."""
        link = self._next(self._root, answer.body.get(f"@{_NEXT}"))
        if link is None:
            return answer
        rest = self._records(link, {}, lambda error: errors.outage("A page of a batch", error))
        return BatchAnswer(status=answer.status, body={**answer.body, "value": [*_values(answer.body), *rest]})

    # --- writes ----------------------------------------------------------------------------------------------

    def create(self, resource: Resource, body: Json) -> Json:
        """Create a record and return it. Not repeated when its outcome is unknown: the caller looks first."""
        try:
            return self._send("POST", self.url(resource), decode=_saved, body=body, repeatable=False)
        except NotFound as error:
            raise self._no_collection(resource, error) from None

    def update(self, resource: Resource, key: Mapping[str, object] | str, etag: str, changes: Json) -> Json:
        """Change the named fields, if the record is still as it was when `etag` was read; else EntityChanged.

        Raises NotFound when the record is gone.
        """
        try:
            address, headers = self._address(resource, key), {"If-Match": etag}
            return self._send("PATCH", address, decode=_saved, headers=headers, body=changes, repeatable=True)
        except NotFound as error:
            raise self._not_the_record(resource, error) or error from None

    def delete(self, resource: Resource, key: Mapping[str, object] | str, etag: str | None = None) -> None:
        """Delete a record; one that is gone already is as good."""
        headers = {"If-Match": etag} if etag else {}
        try:
            address = self._address(resource, key)
            self._send("DELETE", address, decode=json_of(errors.SYSTEM), headers=headers, repeatable=True)
        except NotFound as error:
            if (fault := self._not_the_record(resource, error)) is not None:
                raise fault from None

    def action(self, resource: Resource, key: Mapping[str, object] | str, name: str) -> None:
        """Run a bound action such as `post`. Not repeated when its outcome is unknown. Raises NotFound."""
        try:
            address = f"{self._address(resource, key)}/Microsoft.NAV.{name}"
            self._send("POST", address, decode=json_of(errors.SYSTEM), repeatable=False)
        except NotFound as error:
            raise self._not_the_record(resource, error) or error from None

    # --- requests --------------------------------------------------------------------------------------------

    def url(self, resource: Resource) -> str:
        """The address of a resource in this company."""
        if isinstance(resource, Api):
            return f"{self._root}/api/v2.0/companies({self.company_id})/{resource.name}"
        return f"{self._root}/ODataV4/Company(Id={self.company_id})/{quote(self.name_of(resource.name))}"

    def _address(self, resource: Resource, key: Mapping[str, object] | str) -> str:
        return self.url(resource) + key_predicate(key)

    def _no_collection(self, resource: Resource, error: NotFound) -> ServiceError:
        """A collection that is not there is a fault of the set-up or an outage, never 'no data'."""
        if isinstance(resource, Api):
            return errors.outage(f"{resource.name} of API v2.0", error)
        name = self.name_of(resource.name)
        if name in self._published(anew=True):
            return errors.outage(f"The web service {name}", error)
        return errors.not_published(resource.name, name, error, ended=self.pages_ended())

    def _no_environment(self, error: ServiceError) -> ServiceError:
        return errors.no_environment(self._connection.environment, error)

    def _not_the_record(self, resource: Resource, error: NotFound) -> ServiceError | None:
        """What a 404 on one record means when it is not the record that is missing."""
        if isinstance(resource, Page):
            # An unknown record and an unpublished service have the same answer; the service document tells.
            known = self.name_of(resource.name) in self._published()
            return None if known else self._no_collection(resource, error)
        return None if error.code in errors.NO_RECORD else self._no_collection(resource, error)

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
        repeatable: bool = True,
    ) -> Json:
        """Send a request and return the object that it is answered with."""
        return self._send(method, url, decode=self._object, repeatable=repeatable, headers=headers, body=body)

    @staticmethod
    def _object(response: Response) -> Json:
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
        decode: Callable[[Response], T],
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


def _saved(response: Response) -> Json:
    """The record as it was saved. Without an etag it is none, and nobody knows what became of the write."""
    answer = BusinessCentralClient._object(response)
    if not answer.get("@odata.etag"):
        raise senseless(errors.SYSTEM, "A record was written, and it was not answered.", response.status_code)
    return answer


def _values(page: Json) -> list[Json]:
    """The records of a page. An answer without any list is no empty list, but a fault."""
    records = page.get("value")
    if not isinstance(records, list):
        raise senseless(errors.SYSTEM, "A list was asked for and none was answered.")
    # An entry that is no record is one without any field: whoever needs one of them says so.
    return [record if isinstance(record, dict) else Record() for record in records]
