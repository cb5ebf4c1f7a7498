"""Customers and the catalogue of Business Central, as iPaaS.com should hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from include.sandbox.bc.joined import source
from include.sandbox.bc.tenant import Row
from include.sandbox.check.verdict import Sides, Verdict, alike, names
from include.sandbox.ipaas.platform import Record
from include.sandbox.ipaas.types import TYPES

_TYPES = {"Inventory": "Physical", "Service": "Service Items", "Non-Inventory": "Virtual"}


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A record of iPaaS.com as it should be. `required`: it should be there; else only if it is, it should be so."""

    row: Row
    key: str
    fields: dict[str, Any]
    required: bool = True
    nested: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)


def check_masters(sides: Sides, verdict: Verdict) -> None:
    """Compare every record that Business Central gave to iPaaS.com."""
    for type_name, make in _MAKERS.items():
        keys = set()
        for expected in make(sides):
            keys.add(expected.key)
            if expected.row["systemid"] not in sides.tenant.made:
                _compare(sides, verdict, type_name, expected)
        for key in sides.ours(TYPES[type_name].table).keys() - keys:
            verdict.differ(type_name, key, "", "absent", "present")
    _compare_stock(sides, verdict)
    _compare_relationships(sides, verdict)
    _compare_links(sides, verdict)


def _compare(sides: Sides, verdict: Verdict, type_name: str, expected: Expected) -> None:
    record = sides.record(type_name, expected.key)
    if record is None and not expected.required:
        return
    strict = record is not None and sides.never_touched(expected.row, record)
    verdict.compare(type_name, expected.key, expected.fields, record and _shown(record), strict=strict)
    for (name, table, external_id), fields in expected.nested.items() if record else ():
        child = sides.child(record or {}, name, table, external_id)
        verdict.compare(f"{type_name} {name}", external_id, fields, child, strict=strict)


def _shown(record: Record) -> Record:
    assigned = sorted(int(c.get("category_id") or c["id"]) for c in record.get("categories") or ())
    custom = {item["custom_field_name"]: item["value"] for item in record.get("custom_fields", ())}
    return {**record, "categories": assigned or None, "custom": custom}


# --- customers -----------------------------------------------------------------------------------------------


def _categories(sides: Sides) -> Iterator[Expected]:
    for row in sides.tenant.rows("Customer Price Group"):
        fields = {"name": row["Code"], "description": row["Description"], "is_pricing_group": True}
        yield Expected(row=row, key=row["Code"], fields=fields)


def _address(row: Row, person: str) -> dict[str, Any]:
    return {
        **names(person),
        "address_1": row.get("Address"),
        "address_2": row.get("Address 2"),
        "city": row.get("City"),
        "region": row.get("County"),
        "country": row.get("Country/Region Code"),
        "postal_code": row.get("Post Code"),
        "phone_number": row.get("Phone No."),
        "is_primary_billing": True,
        "is_primary_shipping": True,
    }


def _companies(sides: Sides) -> Iterator[Expected]:
    for row in sides.tenant.rows("Customer"):
        if row["Contact Type"] != "Company":
            continue
        category = sides.id_of("customer category", row.get("Customer Price Group"))
        address = _address(row, row.get("Contact") or row["Name"]) | {"company": row["Name"]}
        yield Expected(
            row=row,
            key=row["No."],
            required=bool(row["Name"].strip()) and _group_exists(sides, row),
            fields={
                "name": row["Name"],
                "email_address": row.get("E-Mail"),
                "phone_number": row.get("Phone No."),
                "fax_number": row.get("Fax No."),
                "url": row.get("Home Page"),
                "account_number": row["No."],
                "tax_id_number": row.get("VAT Registration No."),
                "categories": [category] if category else None,
            },
            nested={("addresses", "customer company address", f"{row['No.']}|address"): address},
        )


def _group_exists(sides: Sides, row: Row) -> bool:
    group = row.get("Customer Price Group")
    return not group or sides.tenant.get("Customer Price Group", str(group)) is not None


def _mails(sides: Sides) -> Counter[str]:
    rows = [row for row in sides.tenant.rows("Customer") if row["Contact Type"] == "Person"]
    return Counter(str(row.get("E-Mail") or "").casefold() for row in [*rows, *_contact_rows(sides)])


def _contact_rows(sides: Sides) -> list[Row]:
    """Persons that are no customers themselves, and not of a company that only sells, lends or works to us."""
    known = sides.tenant.business_relations()
    return [
        row
        for row in sides.tenant.rows("Contact")
        if row["Type"] == "Person"
        and "Customer" not in known.get(str(row["No."]), ())
        and "Customer" in known.get(str(row.get("Company No.") or ""), ("Customer",))
    ]


def _customers(sides: Sides) -> Iterator[Expected]:
    # Who shares an e-mail address with somebody else cannot be told from them, and is a person's to sort out.
    mails = _mails(sides)
    for row in sides.tenant.rows("Customer"):
        if row["Contact Type"] != "Person":
            continue
        category = sides.id_of("customer category", row.get("Customer Price Group"))
        mail = str(row.get("E-Mail") or "").casefold()
        yield Expected(
            row=row,
            key=row["No."],
            required=bool(mail and row["Name"].strip()) and mails[mail] == 1 and _group_exists(sides, row),
            fields={
                "customer_number": row["No."],
                "email_address": row.get("E-Mail"),
                **names(row["Name"]),
                "category_id": category,
                "categories": [category] if category else None,
            },
            nested={
                ("addresses", "Address", f"{row['No.']}|address"): _address(row, row.get("Contact") or row["Name"])
            },
        )
    owners = {row["contact"]: row["No."] for row in sides.tenant.rows("Customer") if row.get("contact")}
    for row in _contact_rows(sides):
        mail, owner = str(row.get("E-Mail") or ""), owners.get(row.get("Company No."))
        company = sides.id_of("company", owner)
        key = f"{row['No.']}|contact"
        yield Expected(
            row=row,
            key=key,
            required=bool(mail and row["Name"].strip()) and mails[mail.casefold()] == 1 and bool(company or not owner),
            fields={
                "customer_number": key,
                "email_address": mail,
                **names(row["Name"]),
                "company": row.get("Company Name"),
                "company_id": company,
            },
            nested={("addresses", "Address", f"{key}|address"): _address(row, row["Name"])}
            if row.get("Address")
            else {},
        )


# --- catalogue -----------------------------------------------------------------------------------------------


def _locations(sides: Sides) -> Iterator[Expected]:
    for row in sides.tenant.rows("Location"):
        address = {
            "address_1": row.get("Address"),
            "address_2": row.get("Address 2"),
            "city": row.get("City"),
            "region": row.get("County"),
            "country": row.get("Country/Region Code"),
            "postal_code": row.get("Post Code"),
            "phone_number": row.get("Phone No."),
            "email_address": row.get("E-Mail"),
        }
        fields = {"name": row["Code"], "description": row.get("Name"), "address": address}
        yield Expected(row=row, key=row["Code"], fields=fields)


def _agents(sides: Sides) -> Iterator[Expected]:
    for row in sides.tenant.rows("Shipping Agent"):
        yield Expected(
            row=row, key=row["Code"], fields={"name": row["Code"], "description": row.get("Name") or row["Code"]}
        )


def _payment_methods(sides: Sides) -> Iterator[Expected]:
    """Brought along by documents, a method before terms of the same code; iPaaS.com knows no change of one."""
    known: set[str] = set()
    for row in (*sides.tenant.rows("Payment Method"), *sides.tenant.rows("Payment Terms")):
        if (folded := row["Code"].casefold()) not in known:
            known.add(folded)
            yield Expected(row=row, key=row["Code"], fields={"name": row["Code"]}, required=False)


def _product_categories(sides: Sides) -> Iterator[Expected]:
    for row in sides.tenant.rows("Item Category"):
        parent = sides.id_of("product category", row.get("Parent Category"))
        fields = {"name": row["Code"], "description": row["Description"], "parent_id": parent}
        yield Expected(row=row, key=row["Code"], fields=fields)


def _strays(sides: Sides) -> set[str]:
    """Items of a category or with stock at a location that Business Central does not have."""
    tenant = sides.tenant
    places = {entry["Item No."] for entry in tenant.rows("Item Ledger Entry") if not _held(sides, "Location", entry)}
    return places | {row["No."] for row in tenant.rows("Item") if not _held(sides, "Item Category", row)}


def _held(sides: Sides, table: str, row: Row) -> bool:
    code = row.get(f"{table} Code")
    return not code or sides.tenant.get(table, str(code)) is not None


def _products(sides: Sides) -> Iterator[Expected]:
    strays = _strays(sides)
    for row in sides.tenant.rows("Item"):
        category = sides.id_of("product category", row.get("Item Category Code"))
        description = f"{row.get('Description', '')} {row.get('Description 2', '')}".strip()
        yield Expected(
            row=row,
            key=row["No."],
            required=bool(str(row.get("Description") or "").strip()) and row["No."] not in strays,
            fields={
                "sku": row["No."],
                "name": row.get("Description"),
                "description": description,
                "default_price": row.get("Unit Price") or Decimal(0),
                "tax_class": row.get("Tax Group Code"),
                "weight": row.get("Net Weight"),
                "barcode": row.get("GTIN"),
                "unit": row.get("Base Unit of Measure"),
                "type": _TYPES[row.get("Type") or "Inventory"],
                "status": "Inactive" if row.get("Blocked") or row.get("Sales Blocked") else "Active",
                "categories": [category] if category else None,
            },
        )


_MAKERS = {
    "customer category": _categories,
    "company": _companies,
    "customer": _customers,
    "location": _locations,
    "shipping method": _agents,
    "payment method": _payment_methods,
    "product category": _product_categories,
    "product": _products,
}
# The types of which it is stated here what iPaaS.com should hold.
COMPARED = {*_MAKERS, "product inventory", "company relationship"}


def _compare_stock(sides: Sides, verdict: Verdict) -> None:
    """The stock of each linked product at each linked location; what has no location is nobody's."""
    stock: dict[str, dict[str, Any]] = {}
    for entry in source(sides.tenant, "Itemsbylocation"):
        if entry["Location_Code"] and sides.id_of("location", entry["Location_Code"]):
            stock.setdefault(entry["No"], {})[entry["Location_Code"]] = entry["Remaining_Quantity"]
    for row in sides.tenant.rows("Item"):
        product = sides.record("product", row["No."])
        if product is None:
            continue
        own = sides.ours("product inventory")
        ids = {own.get(f"{code}|{row['systemid']}"): code for code in stock.get(row["No."], {})}
        rows = {child["id"]: child for child in product.get("inventory", ())}
        for identifier, code in ids.items():
            quantity = stock[row["No."]][code]
            expected = {
                "location_id": str(sides.id_of("location", code)),
                "qty_on_hand": quantity,
                "qty_available": quantity,
            }
            found = rows.get(identifier or 0)
            shown = found and {**found, "location_id": str(found["location_id"])}
            verdict.compare("product inventory", f"{code}|{row['No.']}", expected, shown)
        for identifier, child in rows.items():
            ours = sides.link("product inventory", child)
            if ours is not None and identifier not in ids and not alike(0, child["qty_on_hand"]):
                verdict.differ("product inventory", ours, "qty_on_hand", 0, child["qty_on_hand"])


def _compare_relationships(sides: Sides, verdict: Verdict) -> None:
    """Each relationship of ours joins the two records that its external id names."""
    for key, identifier in sides.ours("company relationship").items():
        customer, _, contact = key.partition("|")
        record = sides.platform.records["company relationship"].get(identifier)
        expected = {
            "company_id": sides.id_of("company", customer),
            "customer_id": sides.id_of("customer", f"{contact}|contact") or sides.id_of("customer", contact),
            "type": "Contact",
        }
        shown = record and {
            **record,
            "company_id": int(record["company_id"]),
            "customer_id": int(record["customer_id"]),
        }
        verdict.compare("company relationship", key, expected, shown)


def _compare_links(sides: Sides, verdict: Verdict) -> None:
    """Nothing that we made is without its link, and no customer is linked both as a company and as a person."""
    for type_name in _MAKERS:
        for identifier in sides.platform.made & sides.platform.records[type_name].keys():
            record = sides.platform.records[type_name][identifier]
            if sides.link(type_name, record) is None:
                verdict.differ(type_name, str(identifier), "external id", "linked", "not linked")
    twice = sides.ours(TYPES["company"].table).keys() & sides.ours(TYPES["customer"].table).keys()
    for key in twice:
        verdict.differ("customer", key, "", "linked once", "linked as a company and as a customer")
    for type_name in _MAKERS:
        folded = Counter(key.casefold() for key in sides.ours(TYPES[type_name].table))
        for key, count in folded.items():
            if count > 1:
                verdict.differ(type_name, key, "", "linked once", f"linked {count} times")
