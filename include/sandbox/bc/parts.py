"""What hangs on a record: the parts of pages and the navigation of API entities, and line sets that need a parent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from include.sandbox.bc import sales_buffers as buffers
from include.sandbox.bc import sales_views
from include.sandbox.bc.answers import dialog
from include.sandbox.bc.joined import contacts_information
from include.sandbox.bc.schema import View
from include.sandbox.bc.tenant import Row, Tenant

Rows = Callable[[Tenant, Row], Iterable[Row]]
_GUID = r"([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"


@dataclass(frozen=True, kw_only=True)
class Part:
    """The records of a view that belong to one record. `fixed`: their field -> the field of the record it equals."""

    view: str
    rows: Rows
    fixed: Mapping[str, str]
    one: bool = False

    def given(self, parent: Row) -> Row:
        """What a new record gets from the one it hangs on."""
        return {field: parent[source] for field, source in self.fixed.items()}


def _lines(table: str, *key: str) -> Rows:
    return lambda tenant, parent: tenant.lines(table, *(str(parent[field]) for field in key))


def _related(table: str, field: str) -> Rows:
    def rows(tenant: Tenant, parent: Row) -> Iterable[Row]:
        row = tenant.get(table, str(parent.get(field) or ""))
        return [] if row is None else [row]

    return rows


def _one(view: str, table: str, field: str) -> Part:
    return Part(view=f"api:{view}", rows=_related(table, field), fixed={}, one=True)


_OF_DOCUMENTS = {
    "customer": _one("customers", "Customer", "Sell-to Customer No."),
    "currency": _one("currencies", "Currency", "Currency Code"),
    "paymentTerm": _one("paymentTerms", "Payment Terms", "Payment Terms Code"),
    "shipmentMethod": _one("shipmentMethods", "Shipment Method", "Shipment Method Code"),
}
# View -> its parts: of a page by what follows the service's name, of an API entity by the navigation's name.
_PARTS: dict[str, dict[str, Part]] = {
    "SalesOrders": {
        "SalesLines": Part(
            view="SalesOrderLines",
            rows=_lines("Sales Line", "Document Type", "No."),
            fixed={"Document Type": "Document Type", "Document No.": "No."},
        )
    },
    "PostedSalesInvoice": {
        "SalesInvLines": Part(
            view="PostedSalesInvoiceLines", rows=_lines("Sales Invoice Line", "No."), fixed={"Document No.": "No."}
        )
    },
    "PostedSalesShipment": {
        "SalesShipmLines": Part(
            view="PostedSalesShipmentLines", rows=_lines("Sales Shipment Line", "No."), fixed={"Document No.": "No."}
        )
    },
    "api:salesOrders": {
        "salesOrderLines": Part(view="api:salesOrderLines", rows=sales_views.order_lines, fixed={"Document Id": "Id"}),
        **_OF_DOCUMENTS,
    },
    "api:salesInvoices": {
        "salesInvoiceLines": Part(
            view="api:salesInvoiceLines", rows=sales_views.invoice_lines, fixed={"Document Id": "Id"}
        ),
        **_OF_DOCUMENTS,
    },
    "api:salesShipments": {
        "salesShipmentLines": Part(
            view="api:salesShipmentLines", rows=sales_views.shipment_lines, fixed={"Document Id": "systemid"}
        ),
        "customer": _OF_DOCUMENTS["customer"],
    },
    "api:customerPaymentJournals": {
        "customerPayments": Part(
            view="api:customerPayments", rows=sales_views.payments, fixed={"Journal Batch Id": "systemid"}
        )
    },
    "api:customers": {
        "contactsInformation": Part(
            view="api:contactsInformation",
            rows=lambda tenant, parent: contacts_information(tenant, parent["systemid"]),
            fixed={},
        )
    },
}


def parts_of(view: View, name: str) -> dict[str, Part]:
    """The parts of a view's records, by the navigation's name. `name`: the set's own, e.g. of the published service."""
    found = _PARTS.get(view.key, {})
    return found if view.api else {f"{name}{suffix}": part for suffix, part in found.items()}


@dataclass(frozen=True, kw_only=True)
class _Flat:
    """A line set of the API at the top level: by a line's id, or filtered by the property that names the parent."""

    parent: str
    table: str
    rows: Rows
    by_id: Callable[[Tenant, str], Iterable[Row]]
    refusal: str = "You must specify an Id or a Document Id to get the lines."


_FLAT: dict[str, _Flat] = {
    "salesOrderLines": _Flat(
        parent="documentId", table=buffers.ORDERS, rows=sales_views.order_lines, by_id=sales_views.order_line
    ),
    "salesInvoiceLines": _Flat(
        parent="documentId", table=buffers.INVOICES, rows=sales_views.invoice_lines, by_id=sales_views.invoice_line
    ),
    "salesShipmentLines": _Flat(
        parent="documentId",
        table="Sales Shipment Header",
        rows=sales_views.shipment_lines,
        by_id=sales_views.shipment_line,
    ),
    "customerPayments": _Flat(
        parent="journalId",
        table="Gen. Journal Batch",
        rows=sales_views.payments,
        by_id=sales_views.payment,
        refusal="You must specify a journal batch ID or a journal ID to get a journal line.",
    ),
    "contactsInformation": _Flat(
        parent="relatedId",
        table="Customer",
        rows=lambda tenant, parent: contacts_information(tenant, parent["systemid"]),
        by_id=lambda tenant, identifier: (),
        refusal="You must specify an Id or a Document Id to get the lines.",
    ),
}


def is_flat(entity: str) -> bool:
    """Whether an API set is read only by its parents."""
    return entity in _FLAT


def flat_rows(tenant: Tenant, entity: str, key: str | None, query_filter: str) -> list[Row]:
    """The rows of a line set: of the line with a key, or of the parents that a filter names. Raises Fault for neither."""
    flat = _FLAT[entity]
    if key is not None:
        return list(flat.by_id(tenant, key))
    wanted = re.findall(rf"\b{flat.parent}\s+eq\s+'?{_GUID}", query_filter, re.IGNORECASE)
    own = re.findall(rf"\bid\s+eq\s+'?{_GUID}", query_filter, re.IGNORECASE)
    if not wanted and not own:
        raise dialog(flat.refusal)
    parents = (tenant.by_id(flat.table, guid) for guid in dict.fromkeys(guid.lower() for guid in wanted))
    found = [row for parent in parents if parent is not None for row in flat.rows(tenant, parent)]
    return found or [row for guid in own if not wanted for row in flat.by_id(tenant, guid)]
