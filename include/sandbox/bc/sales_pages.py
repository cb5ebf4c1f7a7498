"""Orders and their lines written through page services 42, 43 and 46."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.sandbox.bc import sales_documents as documents
from include.sandbox.bc.answers import dialog, field_error, not_related
from include.sandbox.bc.behaviour import Behaviour
from include.sandbox.bc.sales_amounts import number, rounded
from include.sandbox.bc.sales_headers import (
    ALTERNATE,
    ANOTHER,
    CUSTOM,
    bill_to_option,
    new_header,
    not_open,
    set_header,
    shipping_option,
)
from include.sandbox.bc.sales_lines import COMMENT, new_line, places_of, set_line
from include.sandbox.bc.schema import Property
from include.sandbox.bc.tenant import Row, Tenant

_KEYS = ("Document Type", "Document No.", "Line No.")
# What may still be written to the lines of a released order.
_FREE_LINE_FIELDS = ("Qty. to Ship", "Qty. to Invoice", "Description", "Description 2")


def _custom_name(tenant: Tenant, record: Row) -> bool:
    customer = tenant.get("Customer", str(record.get("Sell-to Customer No.") or "")) or {}
    return record["BillToOptions"] == ANOTHER or (
        record["BillToOptions"] == CUSTOM and bool(customer.get("Disable Search by Name"))
    )


def _bill_to_address(tenant: Tenant, record: Row) -> bool:
    return record["BillToOptions"] == CUSTOM or (
        record.get("Bill-to Customer No.") != record.get("Sell-to Customer No.")
    )


def _several_groups(tenant: Tenant, record: Row) -> bool:
    customer = tenant.get("Customer", str(record.get("Sell-to Customer No.") or "")) or {}
    return bool(customer.get("Allow Multiple Posting Groups"))


# The condition under which the pages lock a control, as the schema has it -> whether it is open nevertheless.
OPEN: dict[str, Callable[[Tenant, Row], bool]] = {
    "not (Rec.\"Sell-to Customer No.\" <> '')": lambda tenant, record: bool(record.get("Sell-to Customer No.")),
    "not (IsPostingGroupEditable)": _several_groups,
    'not (ShipToOptions = ShipToOptions::"Alternate Shipping Address")': lambda tenant, record: (
        record["ShippingOptions"] == ALTERNATE
    ),
    'not (ShipToOptions = ShipToOptions::"Custom Address")': lambda tenant, record: record["ShippingOptions"] == CUSTOM,
    'not (((BillToOptions = BillToOptions::"Another Customer") or ((BillToOptions = BillToOptions::"Custom Address") '
    "and not ShouldSearchForCustByName)))": _custom_name,
    'not ((BillToOptions = BillToOptions::"Another Customer"))': lambda tenant, record: (
        record["BillToOptions"] == ANOTHER
    ),
    'not ((BillToOptions = BillToOptions::"Custom Address") or '
    '(Rec."Bill-to Customer No." <> Rec."Sell-to Customer No."))': _bill_to_address,
    "not (not IsBlankNumber)": lambda tenant, record: bool(record.get("No.")),
    "not (not IsCommentLine)": lambda tenant, record: record.get("Type", COMMENT) != COMMENT,
    "not (UnitofMeasureCodeIsChangeable)": lambda tenant, record: record.get("Type", COMMENT) != COMMENT,
    "not (InvDiscAmountEditable)": lambda tenant, record: True,
    "not (CurrPageIsEditable)": lambda tenant, record: True,
}


def check_manual(tenant: Tenant, kind: str, no: str) -> None:
    """Raise Fault when a number is given and its series draws numbers itself."""
    series = documents.SERIES[kind]
    if no and not tenant.manual_numbers(series):
        raise dialog(
            f"You may not enter numbers manually. If you want to enter numbers manually, please activate Manual Nos. in No. Series {series}."
        )


class SalesPage(Behaviour):
    """What the pages of orders and drafts lock beyond what every page does: addresses that follow from a customer, until
    another option is chosen; the numbers of comments, and prices of lines without a number."""

    def editable(self, record: Row, prop: Property, *, creating: bool) -> bool:
        """Whether a property may be written as the record stands."""
        condition = OPEN.get(prop.read_only_when or "")
        return super().editable(record, prop, creating=creating) and (
            condition is None or condition(self.tenant, record)
        )


class OrderPage(SalesPage):
    """The header of a sales order, through page 42; of a draft invoice, through page 43."""

    kind = "Order"

    def fresh(self, fixed: Row) -> Row:
        """A header with its dates."""
        return new_header(self.tenant, self.kind)

    def begin(self, row: Row) -> Row:
        """A copy; what the page shows as options was chosen before, or follows from the addresses."""
        record = dict(row)
        if not self.tenant.switches.page_options_persist:
            record |= {"ShippingOptions": shipping_option(record), "BillToOptions": bill_to_option(record)}
        return record

    def assign(self, record: Row, prop: Property, value: Any, *, creating: bool) -> None:
        """Set a field; keys only as the page's own filter and the number series allow."""
        if prop.field == "Document Type":
            if value != self.kind:
                raise dialog(
                    f"Document Type must be equal to '{self.kind}' in Sales Header. Current value is '{value}'."
                )
        elif prop.field == "No.":
            if value != record["No."]:
                if not creating:
                    raise dialog("You cannot rename a Sales Header.")
                check_manual(self.tenant, self.kind, str(value))
                record["No."] = value
        else:
            set_header(self.tenant, record, prop.field, value, asks=True)

    def insert(self, record: Row) -> Row:
        """A header gets its number, unless it was given one."""
        return insert_numbered(self, self.kind, record)

    def modify(self, row: Row, record: Row) -> Row:
        """A changed header moves in the API too."""
        row.update(record)
        self.tenant.touch(row)
        documents.refresh(self.tenant, row)
        return row

    def delete(self, row: Row) -> None:
        """A document goes with its lines."""
        documents.delete_document(self.tenant, row)


class InvoicePage(OrderPage):
    """The header of a draft invoice, through page 43."""

    kind = "Invoice"


def insert_numbered(behaviour: Behaviour, kind: str, record: Row) -> Row:
    """Store a new header under its number: the given one, or the next of its series."""
    tenant = behaviour.tenant
    record["No."] = record["No."] or tenant.next_number(documents.SERIES[kind])
    if tenant.get("Sales Header", kind, record["No."]):
        raise behaviour.duplicate(record, "Document Type", "No.")
    return documents.insert_header(tenant, record)


class OrderLinePage(SalesPage):
    """A line of a sales order, through page 46 or as the part of page 42."""

    def fresh(self, fixed: Row) -> Row:
        """A line knows its order before its first field is set, when the address says it."""
        record: Row = {"Document Type": "Order", **fixed}
        return self._started(record) if "Document No." in record else record

    def assign(self, record: Row, prop: Property, value: Any, *, creating: bool) -> None:
        """Set a field; those that the document's state forbids are refused."""
        if prop.field in _KEYS:
            if not creating and value != record[prop.field]:
                raise dialog("You cannot rename a Sales Line.")
            record[prop.field] = value
            if prop.field == "Document No.":
                self._started(record)
            return
        header = self._header(record)
        if value == record.get(prop.field):
            return
        if prop.field not in _FREE_LINE_FIELDS:
            check_open(header)
        if prop.name == "Invoice_Discount_Amount":
            record["invoice discount"] = number(value)
        elif prop.name == "Invoice_Disc_Pct":
            lines = number(record.get("TotalSalesLine_Line_Amount"))
            record["invoice discount"] = rounded(lines * number(value) / 100, places_of(self.tenant, header))
        else:
            set_line(self.tenant, header, record, prop.field, value)

    def insert(self, record: Row) -> Row:
        """A line gets the next number, unless it was given one; its order is worked out anew."""
        header = self._header(record)
        check_open(header)
        if record.get("Line No.") and self.tenant.get("Sales Line", *(str(record[key]) for key in _KEYS)):
            raise self.duplicate(record, *_KEYS)
        return store_line(self.tenant, header, record)

    def modify(self, row: Row, record: Row) -> Row:
        """A changed line moves its order in the API."""
        return change_line(self.tenant, self._header(record), row, record)

    def delete(self, row: Row) -> None:
        """A line goes, unless the order is released or something of it was shipped."""
        delete_line(self.tenant, self._header(row), row)

    def _header(self, record: Row) -> Row:
        no = str(record.get("Document No.") or "")
        if not no:
            raise field_error("Document No. must have a value in Sales Line. It cannot be zero or empty.")
        header = self.tenant.get("Sales Header", str(record["Document Type"]), no)
        if header is None or record["Document Type"] != "Order":
            raise not_related("Document No.", "Sales Line", no, "Sales Header")
        return header

    def _started(self, record: Row) -> Row:
        record.update({**new_line(self._header(record)), "Line No.": record.get("Line No.") or 0})
        return record


class PostedPage(Behaviour):
    """A posted document, through pages 130 and 132."""

    def delete(self, row: Row) -> None:
        """What was posted may go only after it was printed, which nobody here does."""
        raise field_error(
            f"No. Printed must have a value in {self.view.table}: No.={row['No.']}. It cannot be zero or empty."
        )


def check_open(header: Row) -> None:
    """Raise Fault when a document's lines may not be changed."""
    if header["Status"] != "Open":
        raise not_open(header)


def store_line(tenant: Tenant, header: Row, record: Row) -> Row:
    """Store a new line and work the document out anew."""
    record["Line No."] = record.get("Line No.") or documents.next_line_no(tenant, header)
    discount = record.pop("invoice discount", None)
    line = tenant.add("Sales Line", record)
    _refresh(tenant, header, discount)
    return line


def change_line(tenant: Tenant, header: Row, row: Row, record: Row) -> Row:
    """Store a changed line and work the document out anew."""
    discount = record.pop("invoice discount", None)
    row.update(record)
    tenant.touch(row)
    _refresh(tenant, header, discount)
    return row


def delete_line(tenant: Tenant, header: Row, row: Row) -> None:
    """Delete a line and work the document out anew. Raises Fault when it may not go."""
    if row["Type"] != COMMENT:
        check_open(header)
    documents.check_not_shipped(row)
    tenant.remove("Sales Line", row)
    documents.refresh(tenant, header)


def _refresh(tenant: Tenant, header: Row, discount: Any) -> None:
    if discount is not None:
        header["Invoice Discount"] = discount
    documents.refresh(tenant, header)
