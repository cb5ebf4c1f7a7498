"""Business Central over HTTP: ODataV4 page services and API v2.0, as docs/business_central.md describes them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from include.sandbox.bc.addresses import segments, split
from include.sandbox.bc.answers import Answer, Fault, Request
from include.sandbox.bc.batch import batch, metadata
from include.sandbox.bc.entities import EntitySet
from include.sandbox.bc.joined import customer_contacts
from include.sandbox.bc.notices import Notices
from include.sandbox.bc.parts import flat_rows, is_flat, parts_of
from include.sandbox.bc.reads import read_count, read_list, read_one
from include.sandbox.bc.sales_actions import act, is_action
from include.sandbox.bc.schema import View, views
from include.sandbox.bc.sources import entity_set
from include.sandbox.bc.tenant import Row, Tenant
from include.sandbox.bc.variants import as_served
from include.sandbox.bc.writes import check_etag, delete, insert, modify

_MAX_QUERY = 8_099


class Service:
    """Answers requests against a tenant."""

    def __init__(self, tenant: Tenant, notices: Notices) -> None:
        self.tenant, self.notices = tenant, notices

    def handle(self, request: Request) -> Answer:
        """Answer one request; never raises."""
        try:
            if len(request.query) > _MAX_QUERY:
                return Answer(414)
            if request.headers.get("data-access-intent", "").lower() == "readonly":
                return self._from_replica(request)
            return self._answer(request)
        except Fault as fault:
            return fault.answer()

    def _from_replica(self, request: Request) -> Answer:
        """Answer a read from the replica, which lags behind."""
        if request.method != "GET" and not request.path.endswith("$batch"):
            raise Fault(400, "BadRequest", "Data-Access-Intent: ReadOnly is allowed for GET requests only.")
        return Service(self.tenant.replica(), self.notices)._answer(request)

    def _answer(self, request: Request) -> Answer:
        surface, _, rest = request.path.strip("/").partition("/")
        if surface == "ODataV4":
            return self._odata(request, rest)
        if surface == "api" and rest.startswith("microsoft/runtime/v1.0/"):
            name, key = split(rest.removeprefix("microsoft/runtime/v1.0/"))
            return self.notices.events.answer(request, name, key)
        if surface == "api" and rest.startswith("v2.0"):
            return self._api(request, rest.removeprefix("v2.0").strip("/"))
        raise Fault(
            404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{request.path}'."
        )

    # --- the two surfaces ------------------------------------------------------------------------------------

    def _odata(self, request: Request, rest: str) -> Answer:
        if not rest:
            value = [{"name": n, "kind": "EntitySet", "url": n} for n in ["Company", *sorted(self._published())]]
            return Answer(200, {"@odata.context": f"{request.base}/ODataV4/$metadata", "value": value})
        if rest == "$metadata":
            return Answer(200, self._metadata(request), {"Content-Type": "application/xml"})
        if rest == "Company":
            entry = {
                "Name": self.tenant.company,
                "Evaluation_Company": False,
                "Display_Name": self.tenant.company,
                "Id": self.tenant.company_id,
            }
            return Answer(200, {"@odata.context": f"{request.base}/ODataV4/$metadata#Company", "value": [entry]})
        parts = segments(rest)
        company, key = split(parts[0])
        if company != "Company" or not self._is_company(key):
            raise Fault(
                404,
                "Internal_CompanyNotFound",
                "Cannot process the request because the default company cannot be found.",
            )
        if len(parts) < 2:
            raise Fault(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{rest}'.")
        name, record_key = split(parts[1])
        view = self._page(request, name)
        if view is None:
            if self.tenant.switches.unpublished_is_empty_404:
                return Answer(404, "")
            raise Fault(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.")
        return self._follow(request, entity_set(self.tenant, view, name), record_key, parts[2:])

    def _page(self, request: Request, name: str) -> View | None:
        """The page or query behind a name: a published service, or the part of one."""
        published = self._published()
        if name in published:
            return as_served(self.tenant, views()[published[name]], request)
        for service, page in published.items():
            part = parts_of(views()[page], service).get(name)
            if part is not None:
                return as_served(self.tenant, views()[part.view], request)
        return None

    def _published(self) -> dict[str, str]:
        if not self.tenant.switches.pages_ended:
            return self.tenant.published
        # Microsoft's pages are gone; queries and a subscriber's own copies are served on.
        return {n: p for n, p in self.tenant.published.items() if n != p or p == "Itemsbylocation"}

    def _is_company(self, key: str | None) -> bool:
        if key is None:
            return False
        if key.startswith("Id="):
            return key[3:].lower() == self.tenant.company_id
        return key == "'" + self.tenant.company.replace("'", "''") + "'"

    def _api(self, request: Request, rest: str) -> Answer:
        if rest == "$batch" and request.method == "POST":
            return batch(request, self.handle)
        if not rest:
            names = sorted(v.name for v in views().values() if v.api)
            value = [{"name": n, "kind": "EntitySet", "url": n} for n in ["companies", *names]]
            return Answer(200, {"@odata.context": f"{request.base}/api/v2.0/$metadata", "value": value})
        parts = segments(rest)
        name, key = split(parts[0])
        if name == "subscriptions":
            return self.notices.answer(request, key)
        if name != "companies":
            raise Fault(
                404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{rest}'."
            )
        if key is None:
            if request.method != "GET":
                raise Fault(
                    405,
                    "BadRequest_MethodNotAllowed",
                    "'POST' requests for 'companies' of EdmType 'Entity' are not allowed within Microsoft Dynamics NAV OData web services.",
                )
            return Answer(
                200, {"@odata.context": f"{request.base}/api/v2.0/$metadata#companies", "value": self._companies()}
            )
        if key.lower() != self.tenant.company_id or len(parts) < 2:
            raise Fault(
                404,
                "Internal_CompanyNotFound",
                "Cannot process the request because the default company cannot be found.",
            )
        name, key = split(parts[1])
        view = self._api_view(name)
        return self._follow(request, self._api_set(request, view, key), key, parts[2:])

    def _api_set(self, request: Request, view: View, key: str | None) -> EntitySet:
        if is_flat(view.name) and not (request.method == "POST" and key is None):
            options = dict(parse_qsl(request.query))
            return EntitySet(
                name=view.name, view=view, rows=flat_rows(self.tenant, view.name, key, options.get("$filter", ""))
            )
        if view.name == "customerContacts":
            return EntitySet(name=view.name, view=view, rows=customer_contacts(self.tenant))
        return entity_set(self.tenant, view, view.name)

    def _api_view(self, entity: str) -> View:
        view = views().get(f"api:{entity}")
        if view is None:
            raise Fault(
                404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{entity}'."
            )
        return view

    def _companies(self) -> list[Row]:
        def company(name: str, identifier: str) -> Row:
            return {
                "id": identifier,
                "systemVersion": "30.0.0.0" if self.tenant.switches.pages_ended else self.tenant.system_version,
                "timestamp": 1,
                "name": name,
                "displayName": name,
                "businessProfileId": "",
                "systemCreatedAt": "2024-01-01T00:00:00Z",
                "systemModifiedAt": "2024-01-01T00:00:00Z",
            }

        return [
            company(self.tenant.company, self.tenant.company_id),
            company("CRONUS Test", self.tenant.other_company_id),
        ]

    def _metadata(self, request: Request) -> str:
        pages = {name: as_served(self.tenant, views()[page], request) for name, page in self._published().items()}
        parts = {name: parts_of(page, name) for name, page in pages.items()}
        hanging = {
            name: as_served(self.tenant, views()[part.view], request)
            for found in parts.values()
            for name, part in found.items()
        }
        return metadata({**pages, **hanging}, parts)

    # --- one entity set --------------------------------------------------------------------------------------

    def _follow(self, request: Request, entities: EntitySet, key: str | None, rest: list[str]) -> Answer:
        """Go down a path: from a set or a record to its parts, to an action, to a count."""
        if not rest:
            return self._serve(request, entities, key)
        if key is None:
            if rest == ["$count"] and request.method == "GET":
                return read_count(self.tenant, request, entities)
            raise self._no_segment(entities, rest[0])
        row = entities.find(key)
        if is_action(rest[0]) and len(rest) == 1 and request.method == "POST":
            check_etag(self.tenant, request, entities.view, row, needed=False)
            act(self.tenant, entities.view, row, rest[0])
            return Answer(204)
        name, part_key = split(rest[0])
        part = parts_of(entities.view, entities.name).get(name)
        if part is None:
            raise self._no_segment(entities, name)
        view = as_served(self.tenant, views()[part.view], request)
        rows = list(part.rows(self.tenant, row))
        inner = EntitySet(name=view.name if view.api else name, view=view, rows=rows, fixed=part.given(row))
        if part.one and request.method == "GET" and part_key is None and len(rest) == 1:
            if not rows:
                return Answer(204)
            return read_one(self.tenant, request, inner, rows[0])
        return self._follow(request, inner, part_key, rest[1:])

    def _no_segment(self, entities: EntitySet, segment: str) -> Fault:
        if entities.view.api:
            return Fault(
                404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{segment}'."
            )
        return Fault(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{segment}'.")

    def _serve(self, request: Request, entities: EntitySet, key: str | None) -> Answer:
        if key is None:
            if request.method == "GET":
                return read_list(self.tenant, request, entities)
            if request.method == "POST":
                return insert(self.tenant, request, entities)
            raise Fault(
                405,
                "BadRequest_MethodNotAllowed",
                f"'{request.method}' requests for '{entities.name}' of EdmType 'Collection' are not allowed within Dynamics 365 Business Central OData web services.",
            )
        row = entities.find(key)
        if request.method == "GET":
            return read_one(self.tenant, request, entities, row)
        if request.method in ("PATCH", "PUT"):
            return modify(self.tenant, request, entities, row)
        if request.method == "DELETE":
            return delete(self.tenant, request, entities, row)
        raise Fault(405, "BadRequest_MethodNotAllowed", f"'{request.method}' is not allowed here.")
