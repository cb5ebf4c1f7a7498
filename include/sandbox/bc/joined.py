"""Rows that no table holds: made of those of several tables whenever they are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from include.sandbox.bc.tenant import Row, Tenant

# Tables that API v2.0 fills anew from another whenever they are read.
_BUFFERS = {"Tax Group Buffer": "Tax Group", "Tax Area Buffer": "Tax Area"}


def source(tenant: Tenant, table: str) -> Iterable[Row]:
    """The rows behind a view: of a table, or derived."""
    if table == "Itemsbylocation":
        entries = tenant.rows("Item Ledger Entry")
        asked = (table, id(entries), len(entries), tenant.switches.blank_location_is_null)
        return tenant.kept.get(asked, lambda: _items_by_location(tenant))
    if table in _BUFFERS:
        return tenant.rows(_BUFFERS[table])
    return tenant.rows(table)


def _items_by_location(tenant: Tenant) -> list[Row]:
    sums: dict[tuple[str, str], Any] = {}
    for entry in tenant.rows("Item Ledger Entry"):
        place = (str(entry["Item No."]), str(entry["Location Code"]))
        sums[place] = sums.get(place, 0) + entry["Remaining Quantity"]
    stocked = {item for item, _ in sums}
    names = {str(item["No."]): item.get("Description", "") for item in tenant.rows("Item")}
    # A left outer join: an item without entries is one row without a location.
    blank = None if tenant.switches.blank_location_is_null else ""
    places = {**sums, **{(no, ""): 0 for no in names if no not in stocked}}
    return [
        {
            "No": no,
            "Description": names.get(no, ""),
            "Location_Code": location or blank,
            "Remaining_Quantity": quantity,
        }
        for (no, location), quantity in sorted(places.items())
    ]


def contacts_information(tenant: Tenant, customer_id: str) -> list[Row]:
    """The contacts of a customer: its own, and the people of its company."""
    customer = next((c for c in tenant.rows("Customer") if c["systemid"] == customer_id), None)
    own = tenant.get("Contact", customer["contact"]) if customer and customer.get("contact") else None
    if customer is None or own is None:
        return []
    people = [
        c
        for c in tenant.rows("Contact")
        if c.get("Company No.") == own["No."] and c["No."] != own["No."] and own["Type"] == "Company"
    ]
    return [
        {
            "Contact Id": contact["systemid"],
            "Contact No.": contact["No."],
            "Contact Name": contact["Name"],
            "Contact Type": contact["Type"],
            "Related Id": customer["systemid"],
            "Related Type": "Customer",
            "systemid": contact["systemid"],
            "version": contact["version"],
        }
        for contact in [own, *people]
    ]


def customer_contacts(tenant: Tenant) -> list[Row]:
    """Persons that read Customer, with the customer that their company is.

    Where the company is none, the page clears the customer's name and keeps the id of the row before.
    """
    owners = {c["contact"]: c for c in tenant.rows("Customer") if c.get("contact")}
    shown: list[Row] = []
    before = None
    for contact in sorted(tenant.rows("Contact"), key=lambda row: str(row["No."])):
        if contact["Type"] != "Person" or contact["Contact Business Relation"] != "Customer":
            continue
        owner = owners.get(contact.get("Company No."))
        before = owner["systemid"] if owner else before
        shown.append({**contact, "Customer Id": before, "Customer Name": owner["Name"] if owner else ""})
    return shown
