"""Customers, contacts and items as they are written: number series, contacts of customers, what stands in the way."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from include.sandbox.bc.answers import dialog, not_related
from include.sandbox.bc.behaviour import Behaviour
from include.sandbox.bc.derived import IDS
from include.sandbox.bc.schema import Property, View
from include.sandbox.bc.tenant import Row, Tenant

_ZERO_ID = "00000000-0000-0000-0000-000000000000"
# What a customer and its own contact say alike.
_SHARED = (
    "Name",
    "Address",
    "Address 2",
    "City",
    "County",
    "Post Code",
    "Country/Region Code",
    "Phone No.",
    "E-Mail",
    "Home Page",
)
_SETTLED = ("Base Unit of Measure", "Type", "Costing Method")
# (property of API v2.0) -> the table it refers to by code or by id, as its refusal calls it.
_REFERENCES: dict[str, tuple[str, str]] = {
    "currencyId": ("Currency", "a Currency"),
    "currencyCode": ("Currency", "a Currency"),
    "paymentTermsId": ("Payment Terms", "a Payment Terms"),
    "shipmentMethodId": ("Shipment Method", "a Shipment Method"),
    "paymentMethodId": ("Payment Method", "a Payment Method"),
    "taxAreaId": ("Tax Area", "a Tax Area"),
    "taxGroupId": ("Tax Group", "a Tax Group"),
    "taxGroupCode": ("Tax Group", "a Tax Group"),
    "itemCategoryId": ("Item Category", "a specific Item Category group"),
    "itemCategoryCode": ("Item Category", "a Item Category"),
    "baseUnitOfMeasureId": ("Unit of Measure", "a Unit of Measure"),
    "generalProductPostingGroupId": ("Gen. Product Posting Group", "a General Product Posting Group"),
    "inventoryPostingGroupId": ("Inventory Posting Group", "an Inventory Posting Group"),
}
# Table -> the refusal of an id and a code that name different records.
_MISMATCHES = {
    "Currency": "The currency values do not match to a specific Currency.",
    "Item Category": "The item categories values do not match to a specific item category.",
    "Tax Group": "The tax group values do not match to a specific Tax Group.",
    "Unit of Measure": "The unit of measure values do not match to a specific Unit of Measure.",
}


class Numbered(Behaviour):
    """A table whose numbers come from a series, or from the user where the series allows it."""

    series: ClassVar[str]
    # The field that API v2.0 wants filled, if it wants one.
    display: ClassVar[str | None] = "Name"

    def __init__(self, tenant: Tenant, view: View) -> None:
        super().__init__(tenant, view)
        self._given: dict[str, object] = {}

    def related(self, record: Row, prop: Property, value: object) -> None:
        """API v2.0 checks what it refers to itself, in `assign`."""
        if not (self.view.api and prop.name in _REFERENCES):
            super().related(record, prop, value)

    def assign(self, record: Row, prop: Property, value: object, *, creating: bool) -> None:
        """Set a field; an id of API v2.0 sets the code that it stands for."""
        if self.view.api and prop.name in _REFERENCES:
            self._refer(record, prop, str(value))
        else:
            if self.view.api and prop.field == self.display and not str(value).strip():
                raise dialog('The blank "displayName" is not allowed.')
            super().assign(record, prop, value, creating=creating)

    def _refer(self, record: Row, prop: Property, value: str) -> None:
        table, meant = _REFERENCES[prop.name]
        by_id = prop.field in IDS
        field = IDS[prop.field][1] if by_id else prop.field
        code = ""
        if value not in ("", _ZERO_ID) and not (table == "Currency" and value.upper() == self.tenant.local_currency):
            row = self.tenant.by_id(table, value) if by_id else self.tenant.get(table, value)
            if row is None:
                raise dialog(f'The "{prop.name}" does not match to {meant}.')
            code = str(row["Code"])
        if self._given.setdefault(field, code) != code:
            raise dialog(_MISMATCHES.get(table, f"The {table.lower()} values do not match."))
        record[field] = code

    def insert(self, record: Row) -> Row:
        """Number a new record and store it."""
        if self.view.api and self.display and self.display not in record:
            raise dialog('A "displayName" must be provided.')
        if not record.get("No."):
            record["No."] = self._next()
        elif not self.tenant.manual_numbers(self.series):
            raise dialog(
                "You may not enter numbers manually. If you want to enter numbers manually, please activate "
                f"Manual Nos. in No. Series {self.series}."
            )
        return super().insert(record)

    def _next(self) -> str:
        number = self.tenant.next_number(self.series)
        while self.tenant.get(self.view.table, number):
            number = self.tenant.next_number(self.series)
        return number


class Customers(Numbered):
    """Customers, each with a contact of its own."""

    series = "CUST"

    def fresh(self, fixed: Row) -> Row:
        """A new customer is a company until it says otherwise."""
        return {"Contact Type": "Company", "Allow Line Disc.": True, **fixed}

    def insert(self, record: Row) -> Row:
        """Store a customer and make its contact."""
        row = super().insert(record)
        row["Invoice Disc. Code"] = row["No."]
        self.tenant.add_contact_of(row, self.tenant.next_number("CONT"))
        return row

    def modify(self, row: Row, record: Row) -> Row:
        """Store a changed customer, and the same changes on its contact."""
        before = {name: row.get(name) for name in _SHARED}
        shown = super().modify(row, record)
        changed = {name: row.get(name) for name in _SHARED if row.get(name) != before[name]}
        contact = self.tenant.get("Contact", str(row.get("contact") or ""))
        if contact is not None and changed:
            self.tenant.change("Contact", str(contact["No."]), **changed)
            for person in self.tenant.rows("Contact") if "Name" in changed else ():
                if person.get("Company No.") == contact["No."]:
                    person["Company Name"] = row["Name"]
        return shown

    def delete(self, row: Row) -> None:
        """Delete a customer that nothing is open for; its contact stays."""
        for document in self.tenant.rows("Sales Header"):
            if row["No."] in (document.get("Sell-to Customer No."), document.get("Bill-to Customer No.")):
                raise dialog(
                    f"You cannot delete Customer {row['No.']} because there is at least one outstanding "
                    f"Sales {document['Document Type']} for this customer."
                )
        contact = self.tenant.get("Contact", str(row.get("contact") or ""))
        if contact is not None:
            self.tenant.touch(contact)
        super().delete(row)


class Contacts(Numbered):
    """Contacts: companies, and people who may belong to one."""

    series = "CONT"

    def fresh(self, fixed: Row) -> Row:
        """A new contact is a company until it says otherwise."""
        return {"Type": "Company", **fixed}

    def related(self, record: Row, prop: Property, value: object) -> None:
        """The company of a contact is a contact, and a company."""
        if prop.field == "Company No." and value:
            company = self.tenant.get("Contact", str(value))
            if company is None or company["Type"] != "Company":
                raise not_related("Company No.", "Contact", str(value), "Contact")
        super().related(record, prop, value)

    def insert(self, record: Row) -> Row:
        """Store a contact; a company is its own company."""
        row = super().insert(record)
        if row["Type"] == "Company":
            row.update({"Company No.": row["No."], "Company Name": row.get("Name", "")})
        elif company := self.tenant.get("Contact", str(row.get("Company No.") or "")):
            row["Company Name"] = company["Name"]
        return row


class Items(Numbered):
    """Items, whose base unit, type and costing are settled by their first entry."""

    series = "ITEM"
    display = None

    def fresh(self, fixed: Row) -> Row:
        """A new item is stocked until it says otherwise."""
        return {"Type": "Inventory", "Costing Method": "FIFO", "Price/Profit Calculation": "Profit=Price-Cost", **fixed}

    def assign(self, record: Row, prop: Property, value: object, *, creating: bool) -> None:
        """Set a field; stock is not set but posted."""
        if prop.field in _SETTLED and not creating and value != record.get(prop.field) and self._has_entries(record):
            raise dialog(f"You cannot change {prop.field} because there are one or more ledger entries for this item.")
        if prop.field == "Inventory":
            if creating:
                raise dialog("Inventory cannot be changed during on insert.")
            adjustment = Decimal(str(value)) - self.tenant.stock().get(str(record["No."]), 0)
            if adjustment:
                self.tenant.move_stock(str(record["No."]), "", adjustment)
            return
        super().assign(record, prop, value, creating=creating)

    def delete(self, row: Row) -> None:
        """Delete an item that no open document and no entry speaks of."""
        for line in self.tenant.rows("Sales Line"):
            if line.get("Type") == "Item" and line.get("No.") == row["No."]:
                raise dialog(
                    f"You cannot delete Item {row['No.']} because there is at least one outstanding "
                    f"Sales {line['Document Type']} that includes this item."
                )
        if self._has_entries(row):
            raise dialog(
                f"You cannot delete Item {row['No.']} because it has ledger entries in a fiscal year that has not been closed yet."
            )
        super().delete(row)

    def _has_entries(self, record: Row) -> bool:
        return str(record.get("No.")) in self.tenant.stock()
