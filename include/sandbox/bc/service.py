"""Business Central over HTTP: ODataV4 page services and API v2.0, as `business_central_api.md` describes them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote
from xml.sax.saxutils import quoteattr

import simplejson

from include.sandbox.bc.filters import FilterError, comparable, compile_filter
from include.sandbox.bc.schema import Property, View, views
from include.sandbox.bc.tenant import KEYS, Row, Tenant

_MAX_QUERY = 8_099
_KEY = re.compile(r"^([^(]+)(?:\((.*)\))?$")
_LINE_SETS = {"salesOrderLines", "salesInvoiceLines", "salesShipmentLines", "customerPayments", "contactsInformation"}


@dataclass
class Request:
    """One call: of HTTP, or of a part of a batch. `path` is below `/v2.0/{tenant}/{environment}`."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    base: str = ""


@dataclass
class Answer:
    """What is answered: a status, a body to be sent as JSON (or text), headers."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Fault(Exception):
    """An error answer of the service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> Answer:
        """The fault as the service sends it."""
        text = f"{self.message}  CorrelationId:  {uuid.uuid4()}."
        return Answer(self.status, {"error": {"code": self.code, "message": text}})


class Service:
    """Answers requests against a tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    def handle(self, request: Request) -> Answer:
        """Answer one request; never raises."""
        try:
            if len(request.query) > _MAX_QUERY:
                return Answer(414)
            surface, _, rest = request.path.strip("/").partition("/")
            if surface == "ODataV4":
                return self._odata(request, rest)
            if surface == "api" and rest.startswith("v2.0"):
                return self._api(request, rest.removeprefix("v2.0").strip("/"))
            raise Fault(
                404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{request.path}'."
            )
        except Fault as fault:
            return fault.answer()

    # --- the two surfaces ------------------------------------------------------------------------------------

    def _odata(self, request: Request, rest: str) -> Answer:
        if not rest:
            value = [{"name": n, "kind": "EntitySet", "url": n} for n in ["Company", *sorted(self._published())]]
            return Answer(200, {"@odata.context": f"{request.base}/ODataV4/$metadata", "value": value})
        if rest == "$metadata":
            return Answer(200, self._metadata(), {"Content-Type": "application/xml"})
        if rest == "Company":
            entry = {
                "Name": self.tenant.company,
                "Evaluation_Company": False,
                "Display_Name": self.tenant.company,
                "Id": self.tenant.company_id,
            }
            return Answer(200, {"@odata.context": f"{request.base}/ODataV4/$metadata#Company", "value": [entry]})
        segments = _segments(rest)
        company, key = _split(segments[0])
        if company != "Company" or not self._is_company(key):
            raise Fault(
                404,
                "Internal_CompanyNotFound",
                "Cannot process the request because the default company cannot be found.",
            )
        if len(segments) < 2:
            raise Fault(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{rest}'.")
        name, record_key = _split(segments[1])
        page = self._published().get(name)
        if page is None:
            if self.tenant.switches.unpublished_is_empty_404:
                return Answer(404, "")
            raise Fault(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.")
        view = self._extended(views()[page])
        return self._entity_set(request, view, record_key, self.tenant.source(view.table), name)

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
            return self._batch(request)
        if not rest:
            names = sorted(v.name for v in views().values() if v.api)
            value = [{"name": n, "kind": "EntitySet", "url": n} for n in ["companies", *names]]
            return Answer(200, {"@odata.context": f"{request.base}/api/v2.0/$metadata", "value": value})
        segments = _segments(rest)
        name, key = _split(segments[0])
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
        if key.lower() != self.tenant.company_id or len(segments) < 2:
            raise Fault(
                404,
                "Internal_CompanyNotFound",
                "Cannot process the request because the default company cannot be found.",
            )
        entity, entity_key = _split(segments[1])
        if len(segments) == 3:
            return self._nested(request, entity, str(entity_key), segments[2])
        view = self._api_view(entity)
        if entity in _LINE_SETS and entity_key is None:
            raise Fault(400, "Application_DialogException", "You must specify an Id or a Document Id to get the lines.")
        rows = self.tenant.customer_contacts() if entity == "customerContacts" else self.tenant.source(view.table)
        return self._entity_set(request, view, entity_key, rows, entity)

    def _nested(self, request: Request, entity: str, key: str, nested: str) -> Answer:
        child, child_key = _split(nested)
        if entity == "customers" and child == "contactsInformation":
            rows = self.tenant.contacts_information(key.lower())
            return self._entity_set(request, views()["api:contactsInformation"], child_key, rows, child)
        raise Fault(404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{nested}'.")

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

    def _extended(self, view: View) -> View:
        extra = self.tenant.extensions.get(view.name)
        if not extra:
            return view
        own = {name: Property(name=name, type="Edm.String", field=f, max_length=50) for name, f in extra.items()}
        return View(**{**view.__dict__, "properties": {**view.properties, **own}})

    # --- one entity set --------------------------------------------------------------------------------------

    def _entity_set(self, request: Request, view: View, key: str | None, rows: Iterable[Row], name: str) -> Answer:
        if request.method == "GET" and key is None:
            return self._list(request, view, rows, name)
        if request.method == "POST" and key is None:
            return self._insert(request, view, name)
        if key is None:
            raise Fault(
                405,
                "BadRequest_MethodNotAllowed",
                f"'{request.method}' requests for '{name}' of EdmType 'Collection' are not allowed within Dynamics 365 Business Central OData web services.",
            )
        row = self._find(view, key, rows)
        if row is None:
            raise Fault(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.")
        if request.method == "GET":
            shown = self._selected(view, dict(parse_qsl(request.query)).get("$select", ""))
            return Answer(
                200, {"@odata.context": f"{request.base}/$metadata#{name}/$entity", **self._wire(view, row, shown)}
            )
        if request.method in ("PATCH", "PUT"):
            return self._modify(request, view, row)
        if request.method == "DELETE":
            self._check_etag(request, view, row, needed=False)
            self.tenant.remove(view.table, row)
            return Answer(204)
        raise Fault(405, "BadRequest_MethodNotAllowed", f"'{request.method}' is not allowed here.")

    def _find(self, view: View, key: str, rows: Iterable[Row]) -> Row | None:
        wanted = _key_values(view, key)
        fields = {name: view.properties[name].field for name in wanted}
        return next(
            (r for r in rows if all(str(r.get(fields[n], "")).casefold() == v.casefold() for n, v in wanted.items())),
            None,
        )

    def _list(self, request: Request, view: View, rows: Iterable[Row], name: str) -> Answer:
        options = dict(parse_qsl(request.query, keep_blank_values=True))
        fields = {p.name: p for p in view.properties.values()}

        def known(word: str) -> str:
            spelled = next((n for n in fields if n.casefold() == word.casefold()), None)
            if spelled is None:
                space = "Microsoft.NAV" if view.api else "NAV"
                raise FilterError(f"Could not find a property named '{word}' on type '{space}.{view.entity}'.")
            return spelled

        try:
            test = compile_filter(options["$filter"], known) if options.get("$filter") else None
            order = [known(part.split()[0]) for part in options.get("$orderby", "").split(",") if part.strip()]
            shown = self._selected(view, options.get("$select", ""))
        except FilterError as error:
            raise Fault(400, "BadRequest", str(error)) from None
        keys = [k for k in view.keys if k in fields]
        shaped = ((row, _Shaped(view, row)) for row in rows)
        matching = [(row, shape) for row, shape in shaped if test is None or test(shape)]

        def place(item: tuple[Row, _Shaped]) -> list[Any]:
            return [comparable(item[1][n]) for n in [*order, *keys]]

        matching.sort(key=place)
        if token := options.get("$skiptoken"):
            after = simplejson.loads(base64.urlsafe_b64decode(token), use_decimal=True)
            matching = [item for item in matching if _after(place(item), after)]
        total = len(matching)
        top = int(options["$top"]) if options.get("$top", "").isdigit() else None
        size = self._page_size(request)
        page = matching[: min(size, top) if top is not None else size]
        body: Row = {"@odata.context": f"{request.base}/$metadata#{name}"}
        if options.get("$count") == "true":
            body["@odata.count"] = total
        body["value"] = [self._wire(view, row, shown) for row, _ in page]
        if top is None and len(page) < total:
            last = simplejson.dumps(place(page[-1]), use_decimal=True)
            token = base64.urlsafe_b64encode(last.encode()).decode()
            kept = "&".join(f"{n}={quote(v)}" for n, v in options.items() if n != "$skiptoken")
            address = f"{request.base}/{request.path.strip('/')}"
            body["@odata.nextLink"] = f"{address}?{kept}{'&' if kept else ''}$skiptoken={quote(token)}"
        headers = {}
        if "maxpagesize" in request.headers.get("prefer", ""):
            headers["Preference-Applied"] = f"odata.maxpagesize={size}"
        return Answer(200, body, headers)

    def _page_size(self, request: Request) -> int:
        found = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", ""))
        largest = self.tenant.switches.max_page_size
        return min(int(found[1]), largest) if found else largest

    def _selected(self, view: View, select: str) -> list[Property]:
        if not select:
            return list(view.properties.values())
        by_name = {p.name.casefold(): p for p in view.properties.values()}
        found = []
        for word in select.split(","):
            prop = by_name.get(word.strip().casefold())
            if prop is None:
                space = "Microsoft.NAV" if view.api else "NAV"
                raise Fault(
                    400, "BadRequest", f"Could not find a property named '{word}' on type '{space}.{view.entity}'."
                )
            found.append(prop)
        return found

    def _wire(self, view: View, row: Row, shown: list[Property]) -> Row:
        record: Row = {"@odata.etag": etag(row)} if view.etags else {}
        for prop in shown:
            record[prop.name] = view.wire(prop, row.get(prop.field))
        return record

    # --- writes ----------------------------------------------------------------------------------------------

    def _check_etag(self, request: Request, view: View, row: Row, *, needed: bool) -> None:
        given = request.headers.get("if-match")
        if given is None and not needed:
            return
        if given is None or not (given == "*" or given.startswith('W/"')):
            raise Fault(
                400,
                "BadRequest_InvalidToken",
                "Could not validate the client concurrency token required by the service. Please provide a valid token in the client request.",
            )
        if given not in ("*", etag(row)):
            raise Fault(
                self.tenant.switches.stale_etag_status,
                "Request_EntityChanged",
                "Another user has already changed the record.",
            )

    def _modify(self, request: Request, view: View, row: Row) -> Answer:
        if not view.modify:
            raise Fault(
                405, "BadRequest_MethodNotAllowed", f"'{request.method}' requests for '{view.name}' are not allowed."
            )
        self._check_etag(request, view, row, needed=True)
        changes = self._validated(view, request.body, creating=False)
        row.update(changes)
        self.tenant.touch(row)
        return Answer(
            200,
            {"@odata.context": f"{request.base}/$metadata", **self._wire(view, row, list(view.properties.values()))},
        )

    def _insert(self, request: Request, view: View, name: str) -> Answer:
        if not view.insert or view.table not in KEYS:
            raise Fault(405, "BadRequest_MethodNotAllowed", f"'POST' requests for '{name}' are not allowed.")
        fields = self._validated(view, request.body, creating=True)
        key = KEYS[view.table][0]
        if not fields.get(key):
            raise Fault(400, "Application_DialogException", f"{key} must be filled in.")
        if self.tenant.get(view.table, str(fields[key])):
            raise Fault(
                self.tenant.switches.duplicate_key_status,
                "Internal_EntityWithSameKeyExists",
                f"The record in table {view.table} already exists. Identification fields and values: {key}='{fields[key]}'",
            )
        row = self.tenant.add(view.table, **fields)
        body = {"@odata.context": f"{request.base}/$metadata", **self._wire(view, row, list(view.properties.values()))}
        return Answer(201, body, {"Location": f"{request.base}/{request.path.strip('/')}"})

    def _validated(self, view: View, body: Any, *, creating: bool) -> Row:
        if not isinstance(body, dict):
            raise Fault(400, "BadRequest", "Invalid Request Body")
        fields: Row = {}
        for name, value in body.items():
            if name.startswith("@"):
                continue
            prop = view.properties.get(name)
            if prop is None:
                space = "Microsoft.NAV" if view.api else "NAV"
                raise Fault(
                    400,
                    "BadRequest",
                    f"The property '{name}' does not exist on type '{space}.{view.entity}'. Make sure to only use property names that are defined by the type.",
                )
            if prop.read_only and not (creating and prop.key):
                raise Fault(400, "BadRequest_InvalidOperation", f"Control '{name}' is read-only.")
            if prop.max_length and isinstance(value, str) and len(value) > prop.max_length:
                raise Fault(
                    400,
                    "Application_StringExceededLength",
                    f"The length of the string is {len(value)}, but it must be less than or equal to {prop.max_length} characters. Value: {value}",
                )
            try:
                plain = view.plain(prop, value)
            except ValueError as error:
                raise Fault(400, "Unknown", str(error)) from None
            fields[prop.field] = plain.upper() if prop.key and isinstance(plain, str) else plain
        return fields

    # --- batch and metadata ----------------------------------------------------------------------------------

    def _batch(self, request: Request) -> Answer:
        parts = (request.body or {}).get("requests") or []
        if len(parts) > 100:
            raise Fault(
                500,
                "Unknown",
                "The current batch message contains too many parts. A maximum number of '100' query operations and change sets are allowed in a batch message.",
            )
        on = "continue-on-error" in request.headers.get("prefer", "")
        responses = []
        for part in parts:
            path, _, query = str(part["url"]).lstrip("/").partition("?")
            answer = self.handle(
                Request(
                    method=part["method"],
                    path=f"api/v2.0/{unquote(path)}",
                    query=unquote(query),
                    headers={k.lower(): v for k, v in (part.get("headers") or {}).items()},
                    body=part.get("body"),
                    base=request.base,
                )
            )
            headers = {"content-type": "application/json; odata.metadata=minimal", "odata-version": "4.0"}
            response = {"id": part.get("id"), "status": answer.status, "headers": headers}
            responses.append(response | ({"body": answer.body} if answer.body is not None else {}))
            if answer.status >= 400 and not on:
                break
        return Answer(200, {"responses": responses})

    def _metadata(self) -> str:
        types, sets = [], []
        for name, page in sorted(self._published().items()):
            view = self._extended(views()[page])
            keys = "".join(f"<PropertyRef Name={quoteattr(k)}/>" for k in view.keys)
            properties = "".join(
                f"<Property Name={quoteattr(p.name)} Type={quoteattr(p.type if p.type.startswith('Edm') else 'Edm.String')}"
                + (f' MaxLength="{p.max_length}"' if p.max_length else "")
                + "/>"
                for p in view.properties.values()
            )
            types.append(f"<EntityType Name={quoteattr(name)}><Key>{keys}</Key>{properties}</EntityType>")
            sets.append(f"<EntitySet Name={quoteattr(name)} EntityType={quoteattr('NAV.' + name)}/>")
        return (
            '<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" '
            'xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
            '<Schema Namespace="NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
            + "".join(types)
            + f'<EntityContainer Name="NAV">{"".join(sets)}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
        )


class _Shaped(dict[str, Any]):
    """A row under its view's names, shaped when a filter or an order asks for a field."""

    def __init__(self, view: View, row: Row) -> None:
        super().__init__()
        self._view, self._row = view, row

    def __missing__(self, name: str) -> Any:
        prop = self._view.properties[name]
        value = self._row.get(prop.field)
        # Options are compared by their names, which the API encodes only when it sends them.
        self[name] = prop.blank if value is None or value == "" else value
        return self[name]


def etag(row: Row) -> str:
    """The row's tag, in the service's form."""
    number = int.from_bytes(hashlib.sha256(json.dumps([row["systemid"], row["version"]]).encode()).digest()[:8], "big")
    inner = base64.b64encode(f"'20;{number}1;00;'".encode()).decode()
    return f'W/"{inner}"'


def _after(place: list[Any], after: list[Any]) -> bool:
    for mine, theirs in zip(place, after, strict=True):
        if mine != theirs:
            return bool(mine > theirs)
    return False


def _segments(path: str) -> list[str]:
    """Path segments; a slash inside a key's quotes does not split."""
    parts, current, quoted = [], "", False
    for char in path:
        quoted = quoted ^ (char == "'")
        if char == "/" and not quoted:
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]


def _split(segment: str) -> tuple[str, str | None]:
    found = _KEY.match(segment)
    return (found[1], found[2]) if found else (segment, None)


def _key_values(view: View, key: str) -> dict[str, str]:
    parts = [p for p in re.findall(r"(?:[^,']|'(?:[^']|'')*')+", key) if p]
    named = [p.partition("=") for p in parts if re.match(r"^\w+=", p)]
    if not named and len(parts) == 1 and len(view.keys) == 1:
        return {view.keys[0]: _unquoted(parts[0])}
    if len(named) != len(view.keys):
        raise Fault(
            400,
            "BadRequest_NotFound",
            f"The number of keys specified in the URI does not match number of key properties for the resource 'NAV.{view.name}'.",
        )
    return {name: _unquoted(value) for name, _, value in named}


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'") if text.startswith("'") else text
