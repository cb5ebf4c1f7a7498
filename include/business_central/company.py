"""What is known of the company that is talked to: its id, which web services are published there, and their properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from include.business_central import errors, metadata
from include.business_central.calls import Calls
from include.business_central.metadata import FieldInfo
from include.business_central.odata import Api, Page, Resource, Runtime, key_predicate
from include.business_central.services import NEEDED_SERVICES, how_to_publish, lacking
from include.errors import NotFound, ServiceError
from include.settings import BusinessCentralConnection
from include.transport.session import RetryPolicy
from include.transport.throttle import Pacer
from include.transport.values import Json

_PAGES_ENDED_IN = 30  # from this version on, Microsoft's pages are not served as web services


class ServedCompany(Calls):
    """One company of one environment; what is known of it is read once."""

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
        super().__init__(connection, throttle=throttle, concurrency=concurrency, policy=policy)
        self._names = dict(service_names or {})
        self._company: Json | None = None
        self._services: frozenset[str] | None = None
        self._fields: dict[str, dict[str, FieldInfo]] = {}

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
    def version(self) -> str:
        """The version of Business Central, as 26.0.1.0; blank when it does not say."""
        return str(self._the_company().get("systemVersion") or "")

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

    def wrong_object(self, page: str) -> ServiceError | None:
        """The fault when a published service is not what it should be, by `$metadata`; None when it is."""
        missing = lacking(page, self.fields(page))
        return errors.wrong_object(page, self.name_of(page), missing, self.how_to_publish(page)) if missing else None

    def url(self, resource: Resource) -> str:
        """The address of a resource: in this company, or, of the runtime's own, in the environment."""
        if isinstance(resource, Runtime):
            return f"{self._root}/api/microsoft/runtime/v1.0/{resource.name}"
        if isinstance(resource, Api):
            return f"{self._root}/api/v2.0/companies({self.company_id})/{resource.name}"
        return f"{self._root}/ODataV4/Company(Id={self.company_id})/{quote(self.name_of(resource.name))}"

    def _address(self, resource: Resource, key: Mapping[str, object] | str) -> str:
        return self.url(resource) + key_predicate(key)

    def _no_collection(self, resource: Resource, error: NotFound) -> ServiceError:
        """A collection that is not there is a fault of the set-up or an outage, never 'no data'. Only the runtime's own are
        there or not, as the version has it."""
        if isinstance(resource, Runtime):
            return error
        if isinstance(resource, Api):
            return errors.outage(f"{resource.name} of API v2.0", error)
        name = self.name_of(resource.name)
        if name in self._published(anew=True):
            return errors.outage(f"The web service {name}", error)
        return errors.not_published(resource.name, name, error, ended=self.pages_ended())

    def _not_the_record(self, resource: Resource, error: NotFound) -> ServiceError | None:
        """What a 404 on one record means when it is not the record that is missing."""
        if isinstance(resource, Page):
            # An unknown record and an unpublished service have the same answer; the service document tells.
            known = self.name_of(resource.name) in self._published()
            return None if known else self._no_collection(resource, error)
        return None if error.code in errors.NO_RECORD else self._no_collection(resource, error)
