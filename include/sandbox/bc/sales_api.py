"""Orders and invoices written through API v2.0 (docs/business_central.md, "Sales documents and their statuses")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.sandbox.bc import sales_buffers as buffers
from include.sandbox.bc import sales_documents as documents
from include.sandbox.bc import sales_views
from include.sandbox.bc.answers import dialog
from include.sandbox.bc.behaviour import Behaviour
from include.sandbox.bc.rules import check_relation
from include.sandbox.bc.sales_amounts import number
from include.sandbox.bc.sales_headers import (
    bill_to_option,
    new_header,
    set_header,
    shipping_option,
)
from include.sandbox.bc.sales_lines import new_line, set_line
from include.sandbox.bc.sales_pages import (
    change_line,
    check_manual,
    check_open,
    delete_line,
    insert_numbered,
    store_line,
)
from include.sandbox.bc.schema import Property
from include.sandbox.bc.tenant import Row

# What says that nothing is meant.
NOTHING = ("", "00000000-0000-0000-0000-000000000000", None)
# Property that holds an id -> the table it is of, the document's field, what is answered to an id that is none.
_IDS = {
    "paymentTermsId": (
        "Payment Terms",
        "Payment Terms Code",
        'The "paymentTermsId" does not match to a Payment Terms.',
    ),
    "shipmentMethodId": (
        "Shipment Method",
        "Shipment Method Code",
        'The "shipmentMethodId" does not match to a Shipment Method.',
    ),
    "currencyId": ("Currency", "Currency Code", 'The "currencyId" does not match to a Currency.'),
}
# Properties that the pages have and that a write does not move.
_IGNORED = ("fullyShipped", "disputeStatusId", "disputeStatus", "promisedPayDate")


class Document(Behaviour):
    """The header of an order or invoice. The rows that the API shows are those of the buffer."""

    kind = "Order"
    table = buffers.ORDERS

    def fresh(self, fixed: Row) -> Row:
        """A header with its dates."""
        return new_header(self.tenant, self.kind)

    def begin(self, row: Row) -> Row:
        """A copy of the header behind the buffer's row. Raises Fault for a posted invoice."""
        return dict(self._header(row))

    def editable(self, record: Row, prop: Property, *, creating: bool) -> bool:
        """The number is locked, and is taken on create nevertheless."""
        return (creating and prop.name == "number") or super().editable(record, prop, creating=creating)

    def related(self, record: Row, prop: Property, value: object) -> None:
        """A field of the buffer refers to what the header's does; parties, ids and currencies have words of their own."""
        if prop.name not in (*_PARTIES, *_IDS, *_SETTERS, *_IGNORED):
            check_relation(self.tenant, "Sales Header", prop.field, value, record)

    def assign(self, record: Row, prop: Property, value: Any, *, creating: bool) -> None:
        """Set a field."""
        party = _PARTIES.get(prop.name)
        if party is not None:
            self._party(record, *party, prop.name, value)
        elif prop.name in _IDS:
            table, field, refusal = _IDS[prop.name]
            row = None if value in NOTHING else self.tenant.by_id(table, str(value))
            if row is None and value not in NOTHING:
                raise dialog(refusal)
            self._agree(record, prop.name, field, row["Code"] if row else "")
        elif prop.name in _SETTERS:
            _SETTERS[prop.name](self, record, value)
        elif prop.name not in _IGNORED:
            set_header(self.tenant, record, prop.field, value)

    def insert(self, record: Row) -> Row:
        """A document needs a customer; it gets its number, unless it was given one."""
        if not record.get("Sell-to Customer No."):
            raise dialog('A "customerNumber" or a "customerId" must be provided.')
        header = insert_numbered(self, self.kind, self._settled(record))
        return self._shown(header)

    def modify(self, row: Row, record: Row) -> Row:
        """A changed header is written, and the buffer anew."""
        header = self._header(row)
        header.update(self._settled(record))
        self.tenant.touch(header)
        documents.refresh(self.tenant, header)
        return self._shown(header)

    def delete(self, row: Row) -> None:
        """A document goes with its lines."""
        documents.delete_document(self.tenant, self._header(row))

    def _header(self, row: Row) -> Row:
        header = self.tenant.by_id("Sales Header", row["Id"])
        if header is None:
            raise dialog("The action can be applied to a draft invoice only.")
        return header

    def _shown(self, header: Row) -> Row:
        row = self.tenant.get(self.table, header["systemid"])
        if row is None:
            raise KeyError(header["No."])
        return row

    def _settled(self, record: Row) -> Row:
        """The header without the notes of this write; its options follow from its addresses."""
        kept = {name: value for name, value in record.items() if not name.startswith("given ")}
        return kept | {"ShippingOptions": shipping_option(kept), "BillToOptions": bill_to_option(kept)}

    def _party(self, record: Row, side: str, prefix: str, name: str, value: Any) -> None:
        if value in NOTHING:
            return
        tenant = self.tenant
        row = tenant.by_id("Customer", str(value)) if name.endswith("Id") else tenant.get("Customer", str(value))
        if row is None:
            raise dialog(f"The {side} customer cannot be found.")
        if record.setdefault(f"given {side}", row["No."]) != row["No."]:
            raise dialog(f"The {side} customer values do not match to a specific Customer.")
        set_header(tenant, record, f"{prefix} Customer No.", row["No."])

    def _agree(self, record: Row, name: str, field: str, code: str) -> None:
        if field == "Currency Code" and record.setdefault("given currency", code) != code:
            raise dialog("The currency values do not match to a specific Currency.")
        set_header(self.tenant, record, field, code)

    def _currency(self, record: Row, value: Any) -> None:
        code = "" if value in (*NOTHING, self.tenant.local_currency) else str(value).upper()
        if code and self.tenant.get("Currency", code) is None:
            raise dialog('The "currencyCode" does not match to a Currency.')
        self._agree(record, "currencyCode", "Currency Code", code)

    def _number(self, record: Row, value: Any) -> None:
        check_manual(self.tenant, self.kind, str(value))
        record["No."] = str(value).upper()

    def _discount(self, record: Row, value: Any) -> None:
        check_open(record)
        record["Invoice Discount"] = number(value)

    def _partial(self, record: Row, value: Any) -> None:
        set_header(self.tenant, record, "Shipping Advice", "Partial" if value else "Complete")


# Property -> whose customer it names.
_PARTIES = {
    "customerId": ("sell-to", "Sell-to"),
    "customerNumber": ("sell-to", "Sell-to"),
    "billToCustomerId": ("bill-to", "Bill-to"),
    "billToCustomerNumber": ("bill-to", "Bill-to"),
}
_SETTERS: dict[str, Callable[[Document, Row, Any], None]] = {
    "currencyCode": Document._currency,
    "number": Document._number,
    "discountAmount": Document._discount,
    "partialShipping": Document._partial,
}


class Orders(Document):
    """Sales orders."""


class Invoices(Document):
    """Sales invoices; only drafts can be written."""

    kind = "Invoice"
    table = buffers.INVOICES


class Lines(Behaviour):
    """The lines of an order or a draft invoice."""

    kind = "Order"
    table = buffers.ORDERS
    quoted = "sequence"

    def fresh(self, fixed: Row) -> Row:
        """A line knows its document before its first field is set, when the address says it."""
        record: Row = {}
        if "Document Id" in fixed:
            self._start(record, str(fixed["Document Id"]))
        return record

    def leading(self) -> tuple[str, ...]:
        """A line's document is known from the start."""
        return ("documentId",)

    def begin(self, row: Row) -> Row:
        """A copy of the line that the API shows."""
        line = self.tenant.by_id("Sales Line", row["systemid"])
        if line is None:
            raise dialog("The action can be applied to a draft invoice only.")
        return {**line, "Document Id": row["Document Id"]}

    def assign(self, record: Row, prop: Property, value: Any, *, creating: bool) -> None:
        """Set a field."""
        if prop.name == "documentId":
            if "Document Id" not in record:
                self._start(record, str(value))
            elif str(value).lower() != record["Document Id"]:
                raise dialog('The value for "documentId" cannot be modified.')
            return
        if "Document Id" not in record:
            raise dialog("You must specify an Id or a Document Id to get the lines.")
        if not creating and prop.name == "sequence" and value != record["Line No."]:
            raise dialog(f"The value for {self.quoted} cannot be modified. Delete and insert the line again.")
        if not creating and prop.name == "lineObjectNumber" and value != record["No."]:
            raise dialog('The value for "lineObjectNumber" cannot be modified.')
        _LINE_SETTERS.get(prop.name, Lines._plainly)(self, record, prop, value)

    def insert(self, record: Row) -> Row:
        """A line gets the next number, unless it was given one."""
        if "Document Id" not in record:
            raise dialog("You must specify an Id or a Document Id to get the lines.")
        header = self._header(record)
        check_open(header)
        place = str(record.get("Line No.") or 0)
        if self.tenant.get("Sales Line", self.kind, header["No."], place):
            raise dialog("You cannot insert a line because a line already exists.")
        return self._shown(store_line(self.tenant, header, stored(record)))

    def modify(self, row: Row, record: Row) -> Row:
        """A changed line is written, and its document anew."""
        line = self.tenant.by_id("Sales Line", row["systemid"])
        if line is None:
            raise KeyError(row["systemid"])
        header = self._header(record)
        check_open(header)
        return self._shown(change_line(self.tenant, header, line, stored(record)))

    def delete(self, row: Row) -> None:
        """A line goes."""
        record = self.begin(row)
        line = self.tenant.by_id("Sales Line", row["systemid"])
        if line is not None:
            delete_line(self.tenant, self._header(record), line)

    def _start(self, record: Row, document: str) -> None:
        header = self._by_document(document)
        record.update({**new_line(header), "Document Id": header["systemid"]})

    def _by_document(self, document: str) -> Row:
        header = self.tenant.by_id("Sales Header", document)
        if header is None or header["Document Type"] != self.kind:
            raise dialog(f"The {self.kind.lower()} cannot be found.")
        return header

    def _header(self, record: Row) -> Row:
        return self._by_document(record["Document Id"])

    def _shown(self, line: Row) -> Row:
        find = sales_views.order_line if self.kind == "Order" else sales_views.invoice_line
        return next(iter(find(self.tenant, line["systemid"])))

    def _plainly(self, record: Row, prop: Property, value: Any) -> None:
        set_line(self.tenant, self._header(record), record, prop.field, value)

    def _sequence(self, record: Row, prop: Property, value: Any) -> None:
        record["Line No."] = int(value)

    def _master(self, record: Row, prop: Property, value: Any) -> None:
        if value in NOTHING:
            return
        kind, table = _MASTERS[prop.name]
        if record.setdefault("given master", prop.name) != prop.name:
            raise dialog('Both "itemId" and "accountId" are specified. Specify only one of them.')
        row = self.tenant.by_id(table, str(value))
        if row is None:
            raise dialog(f"{table.removeprefix('G/L ')} does not exist.")
        self._set(record, "Type", kind)
        self._set(record, "No.", row["No."])

    def _type(self, record: Row, prop: Property, value: Any) -> None:
        self._set(record, "Type", sales_views.TYPES.get(str(value), str(value)))

    def _object(self, record: Row, prop: Property, value: Any) -> None:
        if record["Type"] == " " and value:
            self._set(record, "Type", "Item")
        table = {"Item": "Item", "G/L Account": "G/L Account"}.get(record["Type"])
        if table and value and self.tenant.get(table, str(value)) is None:
            raise dialog(f"{table.removeprefix('G/L ')} does not exist.")
        self._set(record, "No.", value)

    def _location(self, record: Row, prop: Property, value: Any) -> None:
        row = None if value in NOTHING else self.tenant.by_id("Location", str(value))
        if row is None and value not in NOTHING:
            raise dialog("Location does not exist.")
        self._set(record, "Location Code", row["Code"] if row else "")

    def _unit(self, record: Row, prop: Property, value: Any) -> None:
        row = None if value in NOTHING else self.tenant.by_id("Unit of Measure", str(value))
        if row is not None:
            self._set(record, "Unit of Measure Code", row["Code"])

    def _tax_code(self, record: Row, prop: Property, value: Any) -> None:
        # The one property stands for whichever of the two the company's tax is worked out by.
        field = (
            "Tax Group Code" if record.get("Tax Liable") and record.get("Tax Area Code") else "VAT Prod. Posting Group"
        )
        self._set(record, field, value)

    def _set(self, record: Row, field: str, value: Any) -> None:
        if value != record.get(field):
            set_line(self.tenant, self._header(record), record, field, value)


_MASTERS = {"itemId": ("Item", "Item"), "accountId": ("G/L Account", "G/L Account")}
_LINE_SETTERS: dict[str, Callable[[Lines, Row, Property, Any], None]] = {
    "sequence": Lines._sequence,
    "itemId": Lines._master,
    "accountId": Lines._master,
    "lineType": Lines._type,
    "lineObjectNumber": Lines._object,
    "locationId": Lines._location,
    "unitOfMeasureId": Lines._unit,
    "taxCode": Lines._tax_code,
}


class InvoiceLines(Lines):
    """The lines of a draft invoice."""

    kind = "Invoice"
    table = buffers.INVOICES
    quoted = '"sequence"'


def stored(record: Row) -> Row:
    """The fields of a line that the table holds."""
    return {name: value for name, value in record.items() if name != "Document Id" and not name.startswith("given ")}
