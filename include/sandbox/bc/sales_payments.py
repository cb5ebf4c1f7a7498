"""Journals of customer payments, written through API v2.0 (docs/business_central.md, "Posting and ids")."""

from __future__ import annotations

from typing import Any

from include.sandbox.bc import sales_buffers as buffers
from include.sandbox.bc.answers import Fault, dialog
from include.sandbox.bc.behaviour import Behaviour
from include.sandbox.bc.sales_amounts import number
from include.sandbox.bc.sales_api import NOTHING, stored
from include.sandbox.bc.schema import Property
from include.sandbox.bc.sources import PAYMENT_TEMPLATE
from include.sandbox.bc.tenant import Row


class Journals(Behaviour):
    """The journals of customer payments."""

    def fresh(self, fixed: Row) -> Row:
        """A batch of the template that customer payments use."""
        return {"Journal Template Name": PAYMENT_TEMPLATE}


class Payments(Behaviour):
    """A payment in a journal, waiting to be posted."""

    def fresh(self, fixed: Row) -> Row:
        """A line that knows its journal, when the address says it."""
        record: Row = {"Posting Date": self.tenant.now().date().isoformat(), "Line No.": 0, "Document Type": "Payment"}
        if "Journal Batch Id" in fixed:
            self._start(record, fixed["Journal Batch Id"])
        return record

    def leading(self) -> tuple[str, ...]:
        """A payment's journal is known from the start."""
        return ("journalId",)

    def editable(self, record: Row, prop: Property, *, creating: bool) -> bool:
        """Its journal's id and name may be written as long as they say what they are."""
        return not prop.read_only

    def assign(self, record: Row, prop: Property, value: Any, *, creating: bool) -> None:
        """Set a field."""
        match prop.name:
            case "journalId":
                if "Journal Batch Id" not in record:
                    self._start(record, str(value))
                elif str(value).lower() != record["Journal Batch Id"]:
                    raise dialog("The Journal Id cannot be changed.")
            case "journalDisplayName":
                if str(value).upper() != str(record.get("Journal Batch Name", "")).upper():
                    raise dialog("The Journal Batch Display Name cannot be changed.")
            case "customerId" | "customerNumber":
                self._customer(record, prop.name, value)
            case "appliesToInvoiceId" | "appliesToInvoiceNumber":
                self._applies(record, prop.name, value)
            case "amount":
                record["Amount"] = number(value)
            case _:
                record[prop.field] = value

    def insert(self, record: Row) -> Row:
        """A payment gets the next line of its journal, and a document number unless it was given one."""
        if "Journal Batch Id" not in record:
            raise dialog("You must specify a journal batch ID or a journal ID to get a journal line.")
        lines = self.tenant.lines("Gen. Journal Line", record["Journal Template Name"], record["Journal Batch Name"])
        record["Line No."] = record["Line No."] or (lines[-1]["Line No."] if lines else 0) + 10_000
        record["Document No."] = record.get("Document No.") or self.tenant.next_number("GJNL-RCPT")
        keys = ("Journal Template Name", "Journal Batch Name", "Line No.")
        if self.tenant.get("Gen. Journal Line", *(str(record[key]) for key in keys)):
            raise self.duplicate(record, *keys)
        return self.tenant.add("Gen. Journal Line", stored(record))

    def modify(self, row: Row, record: Row) -> Row:
        """Store a changed payment."""
        row.update(stored(record))
        self.tenant.touch(row)
        return row

    def _start(self, record: Row, journal: str) -> None:
        batch = self.tenant.by_id("Gen. Journal Batch", journal)
        if batch is None:
            raise dialog("You must specify a journal batch ID or a journal ID to get a journal line.")
        record |= {
            "Journal Batch Id": batch["systemid"],
            "Journal Template Name": batch["Journal Template Name"],
            "Journal Batch Name": batch["Name"],
        }

    def _customer(self, record: Row, name: str, value: Any) -> None:
        if value in NOTHING:
            return
        tenant = self.tenant
        row = tenant.by_id("Customer", str(value)) if name == "customerId" else tenant.get("Customer", str(value))
        if row is None:
            raise dialog(f'The "{name}" does not match to a Customer.')
        if record.setdefault("given customer", row["No."]) != row["No."]:
            raise dialog("The customer values do not match to a specific Customer.")
        record |= {"Customer Id": row["systemid"], "Account No.": row["No."]}
        record.setdefault("Description", row.get("Name", ""))

    def _applies(self, record: Row, name: str, value: Any) -> None:
        if value in NOTHING:
            record |= {"appliesToInvoiceId": "", "appliesToInvoiceNumber": ""}
            return
        found = self._invoice(name, str(value))
        if record.setdefault("given invoice", found["Id"]) != found["Id"]:
            raise dialog("The Applies To Invoice values do not match to the same Invoice.")
        record |= {"appliesToInvoiceId": found["Id"], "appliesToInvoiceNumber": found["No."]}

    def _invoice(self, name: str, value: str) -> Row:
        if name == "appliesToInvoiceId":
            row = self.tenant.by_id(buffers.INVOICES, value)
            if row is None or not row["Posted"]:
                raise dialog(
                    'The "appliesToInvoiceId" should be the ID of an Open, Paid, Corrective, or Canceled Invoice.'
                )
            return row
        header = self.tenant.get("Sales Invoice Header", value)
        if header is None:
            raise not_found("Cust. Ledger Entry")
        return {"Id": header.get("Draft Invoice SystemId") or header["systemid"], "No.": header["No."]}


def not_found(table: str) -> Fault:
    """What is answered when a search finds nothing."""
    return Fault(400, "Internal_DataNotFoundFilter", f"There is no {table} within the filter.")
