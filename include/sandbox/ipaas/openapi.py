"""The OpenAPI documents that the families of iPaaS.com serve, as the switches say."""

from __future__ import annotations

from typing import Any

from include.sandbox.ipaas.types import (
    CHILD_REQUIRED,
    FLAGS,
    MOMENTS,
    NUMBERS,
    REFERENCES,
    TYPES,
    RecordType,
)
from include.sandbox.switches import Switches

Json = dict[str, Any]
FAMILIES = ("customers", "products", "transactions")
_ADDRESS = (
    "type phone_number first_name last_name company address_1 address_2 address_3 city region country postal_code "
    "is_primary_billing is_primary_shipping"
)
_SHARED = "custom_fields external_ids"
# What each record has beside what it requires and what is nested in it.
_FIELDS = {
    "customer": "customer_number first_name last_name email_address company comment category_id company_id categories "
    "created_datetime updated_datetime",
    "company": "name department description email_address phone_number fax_number url account_number tax_id_number "
    "parent_company_id categories",
    "customer category": "name description is_pricing_group",
    "company relationship": "company_id customer_id type",
    "product": "sku name description type status tracking_method default_price msrp sale_price tax_class weight barcode "
    "unit categories",
    "product inventory": "parent_id location_id qty_on_hand qty_available cost",
    "product category": "name description parent_id",
    "location": "name description address",
    "transaction": "system_id transaction_number transaction_parent_id customer_id company_id email_address type status "
    "subtotal discount_amount tax_amount shipping_amount total total_qty created_datetime",
    "transaction tracking": "parent_id shipping_method shipping_method_description tracking_number cost",
    "shipping method": "name description",
    "payment method": "name description payment_type",
}
_NESTED = {
    "addresses": f"{_ADDRESS} shipping_method shipping_method_description ship_date shipping_amount",
    "lines": "sequence_number sku description type status qty qty_shipped unit_price original_unit_price extended_price "
    "discount_amount discount_percent tax_percent estimated_tax_amount weight",
    "taxes": "authority amount tax_percent",
    "payments": "method amount status description",
    "tracking": "shipping_method shipping_method_description tracking_number cost",
    "notes": "sequence_number type text note_created_date_time is_public",
    "inventory": "location_id qty_on_hand qty_available cost",
}


def inventory_paths(switches: Switches) -> tuple[str, ...]:
    """The paths at which stock is."""
    return ("v2/Catalog/Inventory",) if switches.inventory_path == "catalog" else (TYPES["product inventory"].path,)


def document(family: str, switches: Switches) -> Json:
    """The document of a family."""
    schemas: Json = {"ProblemDetails": {"type": "object", "properties": {"title": {"type": "string"}}}}
    paths: Json = {}
    for kind in TYPES.values():
        if kind.family == family:
            _add(kind, switches, paths, schemas)
    if family == "products" and switches.category_set == "adds":
        key = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        paths["/v2/Catalog/ProductCategory/{id}"] = {"delete": {"parameters": [key], "responses": {"204": {}}}}
    for name, method in (("UpdateExternalId", "post"), ("LookupSpecial", "post")):
        paths[f"/v2/External/{name}"] = {method: {"responses": {"200": {}}}}
    for name in (
        "LookupExternal/{id}/{systemId}/{tableName}",
        "LookupSpaceport/{systemId}/{tableName}/{externalId}",
        "Missing/{systemId}/{tableName}",
    ):
        paths[f"/v2/External/{name}"] = {"get": {"responses": {"200": {}}}}
    return {
        "openapi": "3.0.1",
        "info": {"title": f"{family} API", "version": "v2"},
        "servers": [{"url": f"/{family}"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _add(kind: RecordType, switches: Switches, paths: Json, schemas: Json) -> None:
    title = "".join(word.capitalize() for word in kind.name.split())
    request, answer = f"{title}Request", f"{title}Response"
    schemas[request] = _request(kind, switches, schemas, required=True)
    change = request
    if not switches.put_required:
        change = f"{title}UpdateRequest"
        schemas[change] = _request(kind, switches, schemas, required=False)
    properties = {"id": {"type": "integer"}, **schemas[request]["properties"]}
    schemas[answer] = {"type": "object", "properties": properties}
    path, query = f"/{kind.path}", []
    if kind.name == "product inventory":
        path = f"/{inventory_paths(switches)[0]}"
        query = [{"name": "id", "in": "query", "schema": {"type": "integer"}}] if "Product" not in path else []
    paths[path] = {"post": {"parameters": query, "requestBody": _content(request), "responses": _answer(answer)}}
    one = {"get": {"responses": _answer(answer)}}
    if kind.updates:
        one["put"] = {"requestBody": _content(change), "responses": _answer(answer)}
    paths[f"{path}/{{id}}"] = one
    if kind.search:
        row = answer
        if switches.list_rows == "summary":
            row = f"{title}GetAllResponse"
            schemas[row] = _object("id type name description value attached_items_count")
        rows = {"type": "array", "items": _ref(row)}
        listed = {"200": {"content": {"application/json": {"schema": rows}}}}
        paths[f"/{kind.search}"] = {"get": {"responses": listed}}


def _request(kind: RecordType, switches: Switches, schemas: Json, *, required: bool) -> Json:
    fields = f"{_FIELDS[kind.name]} {_SHARED}"
    if kind.name == "transaction" and switches.transaction_currency:
        fields += " currency_code"
    catalog = kind.name == "product inventory" and switches.inventory_path == "catalog"
    if catalog:
        fields = fields.replace("parent_id ", "")
    found = _object(fields)
    for name in kind.children:
        own = f"{kind.family.capitalize()}{name.capitalize()}{'Request' if required else 'UpdateRequest'}"
        schemas[own] = _object(f"id {_NESTED[name]} {_SHARED}", CHILD_REQUIRED.get(name, ()) if required else ())
        found["properties"][name] = {"type": "array", "items": _ref(own), "nullable": True}
    if kind.family == "products" and "categories" in found["properties"]:
        item = "id name" if switches.category_set == "adds" else "id category_id"
        schemas["ProductCategoryAssignmentRequest"] = _object(item)
        found["properties"]["categories"]["items"] = _ref("ProductCategoryAssignmentRequest")
    if required:
        found["required"] = [name for name in kind.required if not (catalog and name == "parent_id")]
    return found


def _object(names: str, required: tuple[str, ...] = ()) -> Json:
    found: Json = {"type": "object", "properties": {name: _type(name) for name in names.split()}}
    return {**found, "required": list(required)} if required else found


def _type(name: str) -> Json:
    if name in NUMBERS:
        return {"type": "number", "format": "double"}
    if name in FLAGS:
        return {"type": "boolean"}
    if name in REFERENCES or name == "attached_items_count":
        return {"type": "integer", "format": "int64", "nullable": True}
    if name in ("categories", "custom_fields", "external_ids"):
        return {"type": "array", "items": {"type": "object"}, "nullable": True}
    if name == "address":
        return {"type": "object", "nullable": True}
    return {"type": "string", **({"format": "date-time"} if name in MOMENTS else {}), "nullable": True}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(name: str) -> Json:
    return {"content": {"application/json": {"schema": _ref(name)}}}


def _answer(name: str) -> Json:
    return {"200": _content(name)}
