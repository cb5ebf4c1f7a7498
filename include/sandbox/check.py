"""The two-sided verdict: does iPaaS.com hold, once and alike, every record of Business Central that it should?

Restates `mappings.md` on its own, so that a mistake in the mappings cannot hide itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from include.sandbox.bc.tenant import Row, Tenant
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.ipaas.platform import Platform, Record
from include.sandbox.ipaas.types import TYPES


@dataclass
class Verdict:
    """How many records of each type were compared, and every difference."""

    compared: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when both sides agree."""
        return not self.differences

    def differ(self, kind: str, key: str, what: str, expected: Any, found: Any) -> None:
        """Note a difference."""
        self.differences.append({"type": kind, "key": key, "field": what, "expected": expected, "found": found})

    def as_json(self) -> dict[str, Any]:
        """The verdict as data."""
        return {"ok": self.ok, "compared": dict(self.compared), "differences": self.differences[:200]}


Expected = tuple[str, dict[str, Any]]


def check(tenant: Tenant, platform: Platform) -> Verdict:
    """Compare both sides record by record."""
    verdict = Verdict()
    for type_name, expected in (
        ("customer category", _categories(tenant)),
        ("company", _companies(tenant, platform)),
        ("customer", _customers(tenant, platform)),
        ("location", _locations(tenant)),
        ("shipping method", _agents(tenant)),
        ("product category", _product_categories(tenant, platform)),
        ("product", _products(tenant, platform)),
    ):
        _compare(verdict, platform, type_name, dict(expected))
    return verdict


def _compare(verdict: Verdict, platform: Platform, type_name: str, expected: dict[str, dict[str, Any]]) -> None:
    table = TYPES[type_name].table
    ours = {text: internal for (system, internal), text in platform.links.get(table, {}).items() if system == SYSTEM_ID}
    for key, fields in expected.items():
        verdict.compared[type_name] += 1
        record = platform.records[type_name].get(ours.get(key, 0))
        if record is None:
            verdict.differ(type_name, key, "", "present", "missing")
            continue
        for name, value in fields.items():
            found = _found(record, name)
            if not _alike(value, found):
                verdict.differ(type_name, key, name, value, found)
    for key in ours.keys() - expected.keys():
        verdict.differ(type_name, key, "", "absent", "present")
    unlinked = len(platform.records[type_name]) - len(ours)
    if unlinked > 0 and not any(i for i in platform.records[type_name] if i not in ours.values()):
        verdict.differ(type_name, "", "count", len(ours), len(platform.records[type_name]))


def _found(record: Record, name: str) -> Any:
    if name == "address":
        return record.get("addresses", [{}])[0] if record.get("addresses") else record.get("address")
    if name == "address count":
        return len(record.get("addresses", ()))
    if name == "categories":
        return sorted(c.get("category_id") or c.get("id") for c in record.get("categories") or ())
    if name == "stock":
        return {row["location_id"]: row["qty_on_hand"] for row in record.get("inventory", ()) if row["qty_on_hand"]}
    return record.get(name)


def _alike(expected: Any, found: Any) -> bool:
    if isinstance(expected, dict):
        got = found or {}
        if all(isinstance(key, int) for key in expected) and isinstance(found, dict):
            return {k: Decimal(str(v)) for k, v in expected.items()} == {k: Decimal(str(v)) for k, v in got.items()}
        return all(_alike(value, got.get(name)) for name, value in expected.items())
    if expected in (None, ""):
        return found in (None, "", [], 0)
    if isinstance(expected, int | float | Decimal) and not isinstance(expected, bool):
        return found is not None and Decimal(str(expected)) == Decimal(str(found))
    return bool(expected == found)


def _categories(tenant: Tenant) -> Iterator[Expected]:
    for row in tenant.rows("Customer Price Group"):
        yield row["Code"], {"name": row["Code"], "description": row["Description"], "is_pricing_group": True}


def _category_ids(platform: Platform, code: str) -> list[int]:
    record = platform.linked("customer category", code) if code else None
    return [record["id"]] if record else []


def _address(row: Row, first: str, last: str) -> dict[str, Any]:
    return {
        "first_name": first,
        "last_name": last,
        "address_1": row.get("Address"),
        "address_2": row.get("Address 2"),
        "city": row.get("City"),
        "region": row.get("County"),
        "country": row.get("Country/Region Code"),
        "postal_code": row.get("Post Code"),
        "is_primary_billing": True,
        "is_primary_shipping": True,
    }


def _split(name: str) -> tuple[str, str]:
    head, _, tail = name.rpartition(" ")
    return (head, tail) if head else (name, name)


def _companies(tenant: Tenant, platform: Platform) -> Iterator[Expected]:
    for row in tenant.rows("Customer"):
        if row["Contact Type"] != "Company":
            continue
        yield (
            row["No."],
            {
                "name": row["Name"],
                "email_address": row.get("E-Mail"),
                "phone_number": row.get("Phone No."),
                "fax_number": row.get("Fax No."),
                "url": row.get("Home Page"),
                "account_number": row["No."],
                "tax_id_number": row.get("VAT Registration No."),
                "categories": _category_ids(platform, row.get("Customer Price Group", "")),
                "address": _address(row, *_split(row.get("Contact") or row["Name"])) | {"company": row["Name"]},
                "address count": 1,
            },
        )


def _customers(tenant: Tenant, platform: Platform) -> Iterator[Expected]:
    for row in tenant.rows("Customer"):
        if row["Contact Type"] == "Person":
            first, last = _split(row["Name"])
            yield (
                row["No."],
                {
                    "customer_number": row["No."],
                    "email_address": row["E-Mail"],
                    "first_name": first,
                    "last_name": last,
                    "categories": _category_ids(platform, row.get("Customer Price Group", "")),
                    "address": _address(row, *_split(row.get("Contact") or row["Name"])),
                    "address count": 1,
                },
            )
    owners = {row["contact"]: row["No."] for row in tenant.rows("Customer")}
    for contact in tenant.rows("Contact"):
        if contact["Type"] != "Person" or contact["Contact Business Relation"] == "Customer" or not contact["E-Mail"]:
            continue
        first, last = _split(contact["Name"])
        company = platform.linked("company", owners.get(contact.get("Company No."), ""))
        yield (
            f"{contact['No.']}|contact",
            {
                "customer_number": f"{contact['No.']}|contact",
                "email_address": contact["E-Mail"],
                "first_name": first,
                "last_name": last,
                "company": contact.get("Company Name"),
                "company_id": company["id"] if company else None,
                "address": _address(contact, first, last),
            },
        )


def _locations(tenant: Tenant) -> Iterator[Expected]:
    for row in tenant.rows("Location"):
        yield (
            row["Code"],
            {
                "name": row["Code"],
                "description": row["Name"],
                "address": {"address_1": row["Address"], "city": row["City"], "country": row["Country/Region Code"]},
            },
        )


def _agents(tenant: Tenant) -> Iterator[Expected]:
    for row in tenant.rows("Shipping Agent"):
        yield row["Code"], {"name": row["Code"], "description": row["Name"] or row["Code"]}


def _product_categories(tenant: Tenant, platform: Platform) -> Iterator[Expected]:
    for row in tenant.rows("Item Category"):
        parent = platform.linked("product category", row["Parent Category"]) if row["Parent Category"] else None
        fields = {"name": row["Code"], "description": row["Description"], "parent_id": parent["id"] if parent else None}
        yield row["Code"], fields


def _products(tenant: Tenant, platform: Platform) -> Iterator[Expected]:
    types = {"Inventory": "Physical", "Service": "Service Items", "Non-Inventory": "Virtual"}
    stock: dict[str, dict[int, Any]] = {}
    for entry in tenant.source("Itemsbylocation"):
        location = platform.linked("location", entry["Location_Code"]) if entry["Location_Code"] else None
        if location and entry["Remaining_Quantity"]:
            stock.setdefault(entry["No"], {})[location["id"]] = entry["Remaining_Quantity"]
    for row in tenant.rows("Item"):
        code = row.get("Item Category Code")
        category = platform.linked("product category", code) if code else None
        description = f"{row['Description']} {row['Description 2']}".strip()
        yield (
            row["No."],
            {
                "sku": row["No."],
                "name": row["Description"],
                "description": description,
                "default_price": row["Unit Price"],
                "tax_class": row["Tax Group Code"],
                "weight": row["Net Weight"],
                "barcode": row["GTIN"],
                "unit": row["Base Unit of Measure"],
                "type": types[row["Type"]],
                "status": "Inactive" if row.get("Blocked") or row.get("Sales Blocked") else "Active",
                "categories": [category["id"]] if category else [],
                "stock": stock.get(row["No."], {}),
            },
        )
