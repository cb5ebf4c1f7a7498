"""Fields that no table stores: FlowFields, and the ids beside codes that API v2.0 shows. Computed whenever read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from include.sandbox.bc.tenant import Tenant

Row = dict[str, Any]
Compute = Callable[["Tenant", Row], Any]

# Field that holds an id -> the table it is of, and the field that holds the code.
IDS: dict[str, tuple[str, str]] = {
    "Currency Id": ("Currency", "Currency Code"),
    "Gen. Prod. Posting Group Id": ("Gen. Product Posting Group", "Gen. Prod. Posting Group"),
    "Inventory Posting Group Id": ("Inventory Posting Group", "Inventory Posting Group"),
    "Item Category Id": ("Item Category", "Item Category Code"),
    "Payment Method Id": ("Payment Method", "Payment Method Code"),
    "Payment Terms Id": ("Payment Terms", "Payment Terms Code"),
    "Shipment Method Id": ("Shipment Method", "Shipment Method Code"),
    "Tax Area ID": ("Tax Area", "Tax Area Code"),
    "Tax Group Id": ("Tax Group", "Tax Group Code"),
    "Unit of Measure Id": ("Unit of Measure", "Base Unit of Measure"),
}


def _id_of(table: str, code_field: str) -> Compute:
    def compute(tenant: Tenant, row: Row) -> Any:
        related = tenant.get(table, str(row.get(code_field) or ""))
        return related["systemid"] if related else None

    return compute


def _ids(*names: str) -> dict[str, Compute]:
    return {name: _id_of(*IDS[name]) for name in names}


def _tax_area_name(tenant: Tenant, row: Row) -> str:
    area = tenant.get("Tax Area", str(row.get("Tax Area Code") or ""))
    return str(area["Description"]) if area else ""


def _own_id(tenant: Tenant, row: Row) -> Any:
    return row["systemid"]


def _item_id(tenant: Tenant, row: Row) -> Any:
    item = tenant.get("Item", str(row["Item No."]))
    return item["systemid"] if item else None


def _of_contact(contact: str, field: str) -> Compute:
    def compute(tenant: Tenant, row: Row) -> Any:
        found = tenant.get("Contact", str(row.get(contact) or ""))
        return found.get(field) if found else None

    return compute


def _business_relation(tenant: Tenant, row: Row) -> str:
    """What a contact is related to: by its own number, and by that of its company."""
    known = tenant.business_relations()
    numbers = dict.fromkeys(str(row.get(name) or "") for name in ("No.", "Company No."))
    found = [relation for number in numbers if number for relation in known.get(number, ())]
    return "Multiple" if len(found) > 1 else found[0] if found else "None"


_CONTACTS = {
    "SellToPhoneNo": _of_contact("Sell-to Contact No.", "Phone No."),
    "SellToMobilePhoneNo": _of_contact("Sell-to Contact No.", "Mobile Phone No."),
    "SellToEmail": _of_contact("Sell-to Contact No.", "E-Mail"),
    "BillToContactPhoneNo": _of_contact("Bill-to Contact No.", "Phone No."),
    "BillToContactMobilePhoneNo": _of_contact("Bill-to Contact No.", "Mobile Phone No."),
    "BillToContactEmail": _of_contact("Bill-to Contact No.", "E-Mail"),
}
DERIVED: dict[str, dict[str, Compute]] = {
    "Company Information": {"currencyCode": lambda tenant, row: tenant.local_currency},
    "Customer": {
        **_ids("Currency Id", "Payment Terms Id", "Shipment Method Id", "Payment Method Id", "Tax Area ID"),
        "taxAreaDisplayName": _tax_area_name,
    },
    "Item": {
        **_ids(
            "Item Category Id",
            "Tax Group Id",
            "Unit of Measure Id",
            "Gen. Prod. Posting Group Id",
            "Inventory Posting Group Id",
        ),
        "Inventory": lambda tenant, row: tenant.stock().get(str(row["No."]), 0),
    },
    "Contact": {"Contact Business Relation": _business_relation},
    "Sales Header": _CONTACTS,
    "Sales Invoice Header": _CONTACTS,
    "Sales Shipment Header": _CONTACTS,
    "Item Variant": {"Item Id": _item_id},
    "Tax Group": {"Id": _own_id, "Type": lambda tenant, row: "Sales Tax"},
    "Tax Area": {"Id": _own_id, "Type": lambda tenant, row: "Sales Tax"},
}


class StoredRow(dict[str, Any]):
    """A row of a table; a field that the table does not store is computed when it is read by its name."""

    def __init__(self, tenant: Tenant, table: str, fields: Row) -> None:
        super().__init__(fields)
        self.tenant, self.table = tenant, table

    def __missing__(self, field: str) -> Any:
        return DERIVED[self.table][field](self.tenant, self) if field in DERIVED.get(self.table, ()) else None

    def __setitem__(self, field: str, value: Any) -> None:
        super().__setitem__(field, value)
        self.tenant.kept.moved()

    def update(self, *others: Any, **fields: Any) -> None:
        """Set fields."""
        super().update(*others, **fields)
        self.tenant.kept.moved()

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]
        self.update(other)
        return self

    def pop(self, *args: Any) -> Any:
        """Take a field away."""
        self.tenant.kept.moved()
        return super().pop(*args)

    def setdefault(self, field: str, default: Any = None) -> Any:
        """A field, set where there is none."""
        self.tenant.kept.moved()
        return super().setdefault(field, default)

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredRow, (self.tenant, self.table, dict(self))

    def flow_fields(self) -> list[Any]:
        """The values of the row's FlowFields, which move without anybody changing the row."""
        fields = DERIVED.get(self.table, {})
        return [str(compute(self.tenant, self)) for field, compute in fields.items() if field in FLOW_FIELDS]


FLOW_FIELDS = {"Inventory"}


def field_of(row: Row, field: str) -> Any:
    """A field of a row, stored or computed; None when it is neither."""
    return row[field] if isinstance(row, StoredRow) else row.get(field)
