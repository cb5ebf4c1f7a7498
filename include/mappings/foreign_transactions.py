"""What sales orders and invoices have in common when they come from iPaaS.com: transactions of other systems."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from include.errors import Rejected, Waiting
from include.ipaas.external_ids import COMPANY_TABLE
from include.ipaas.records.transactions import Transaction, TransactionAddress, TransactionLine
from include.mappings.limits import code_units, fit
from include.mappings.rows_of_ipaas import TransactionRow
from include.sync.records import Json, MappingContext, Missing, Ref
from include.sync.values import fold

# How the link of a transaction that became an invoice begins; any other link is the number of a sales order.
INVOICE_LINK = "invoice|"
# Business Central numbers lines in these steps.
LINE_STEP = 10_000
_CURRENCY_LENGTH = 10
NUMBER_LENGTH = 35  # External_Document_No
_ITEM_NUMBER = 20


def owned_by_us(transaction: Transaction, context: MappingContext) -> str | None:
    """Why a transaction of our own system never comes back: it would be written over its original."""
    if str(transaction.system_id) != str(context.system_id):
        return None
    return "The transaction comes from Business Central itself, which owns it."


def without_buyer(transaction: Transaction) -> str | None:
    """Why a transaction without customer and company is left out."""
    if transaction.customer_id is None and transaction.company_id is None:
        return "The transaction names neither a customer nor a company."
    return None


def ordered_lines(transaction: Transaction) -> list[TransactionLine]:
    """The lines in an order that does not change from read to read."""
    return sorted(transaction.lines, key=lambda line: (line.sequence_number, _as_number(line.id)))


def _as_number(identifier: int | str) -> tuple[int, str]:
    text = str(identifier)
    return (int(text) if text.isdecimal() else 0, text)


def is_excluded(line: TransactionLine, context: MappingContext) -> bool:
    """True when the subscriber leaves this SKU out of documents."""
    excluded = {fold(sku) for sku in context.settings.bc_excluded_lineitem_skus_from_preprocessing}
    return line.sku is not None and fold(line.sku) in excluded


def is_product(line: TransactionLine) -> bool:
    """True for the lines that become item lines."""
    return line.type.casefold() == "product"


def item_lines(transaction: Transaction, context: MappingContext) -> list[TransactionLine]:
    """The lines that become item lines, in order. Raises Rejected when there is none, or one without a SKU."""
    lines = [line for line in ordered_lines(transaction) if is_product(line) and not is_excluded(line, context)]
    if not lines:
        raise Rejected("The transaction has no product line to transfer.", "Check its lines and the excluded SKUs.")
    for line in lines:
        if line.sku is None:
            raise Rejected(f"Line {line.id} ({line.description or 'no description'}) has no SKU.")
    return lines


def item_number(line: TransactionLine, row: TransactionRow, field: str) -> str | None:
    """The number of the item that a line sells, for a field: that of its product, else its SKU."""
    return row.items.get(fold(line.sku or "")) or fit(field, line.sku, _ITEM_NUMBER)


def product_of(line: TransactionLine, row: TransactionRow) -> Json:
    """The product of a line's SKU in iPaaS.com, for when Business Central has no such item; nothing when there is none."""
    found = row.products.get(fold(line.sku or ""))
    return {} if found is None else {"product": found}


def left_out(transaction: Transaction) -> list[str]:
    """Notes for the operator about lines that do not become item lines."""
    return [
        f"Line {line.id} of type {line.type or 'blank'} ({line.sku or line.description or 'no SKU'}) was left out."
        for line in ordered_lines(transaction)
        if not is_product(line)
    ]


def header_discount(transaction: Transaction) -> Decimal:
    """The part of the transaction's discount that its lines do not carry; never below zero."""
    carried = sum((line.discount_amount for line in transaction.lines), Decimal(0))
    return max(transaction.discount_amount - carried, Decimal(0))


def taxes_of(transaction: Transaction) -> Decimal:
    """The tax of the transaction. Systems that know only the sum send no taxes of their own."""
    return sum((tax.amount for tax in transaction.taxes), Decimal(0)) if transaction.taxes else transaction.tax_amount


def extended(line: TransactionLine) -> Decimal:
    """The line's amount after its discount."""
    if line.extended_price is not None:
        return line.extended_price
    return line.qty * line.unit_price - line.discount_amount


def document_date(transaction: Transaction, context: MappingContext) -> date:
    """The day on which the transaction was made, where the company is. Raises Rejected when it is unknown."""
    if transaction.created_datetime is None:
        raise Rejected(
            "The transaction has no created_datetime, and a document needs its date. (0001-01-01, and what lies before "
            "1753-01-01, is no date.)"
        )
    return local_day(transaction.created_datetime, context)


def local_day(moment: datetime, context: MappingContext) -> date:
    """The day of a moment where the company is; without an offset the wall-clock time is what was meant."""
    return moment.astimezone(ZoneInfo(context.settings.bc_time_zone)).date() if moment.tzinfo else moment.date()


def currency(transaction: Transaction, field: str) -> str | None:
    """The code of the currency that the transaction's amounts are in; None when it does not say. `field` holds it."""
    return fit(field, transaction.currency_code.upper() if transaction.currency_code else None, _CURRENCY_LENGTH)


def document_number(transaction: Transaction) -> str:
    """The transaction's number, by which its document is found again. Raises Rejected when it cannot serve for that."""
    number = transaction.transaction_number
    if number is None:
        raise Rejected("The transaction has no transaction_number, by which its document could be found again.")
    if (long := code_units(number)) > NUMBER_LENGTH:
        raise Rejected(
            f"transaction_number is too long for External_Document_No: {long} characters, and Business Central "
            f"holds {NUMBER_LENGTH}: {number!r}. The document could not be found again by it."
        )
    return number


def primary(transaction: Transaction, kind: str) -> TransactionAddress | None:
    """The transaction's primary address of a kind, `billing` or `shipping`."""
    return next((a for a in transaction.addresses if getattr(a, f"is_primary_{kind}")), None)


def address_notes(addresses: Sequence[TransactionAddress | None]) -> list[str]:
    """Notes about parts of addresses that Business Central has no field for."""
    lost = dict.fromkeys(a.address_3 for a in addresses if a and a.address_3)
    return [f"address_3 {text!r} has no field in Business Central and was left out." for text in lost]


def plain(record: Any) -> Json:
    """A model's fields with what is unknown to us, as custom fields read them."""
    fields: Json = record.model_dump()
    return fields


def party_ref(party: Json, context: MappingContext) -> Ref:
    """Who buys or who pays, as a reference to the record that is a customer of Business Central.

    Raises Rejected for a contact that belongs to no company: documents are made out to customers. Raises Waiting as long as
    the contact waits for its company itself.
    """
    if party.get("waits"):
        raise Waiting(
            f"The buyer is contact {party['contact']}, whose company is not in iPaaS.com yet.",
            advice="Nothing to do: it goes on when the contact has been transferred with its company.",
            at_once=True,
        )
    if party.get("id") is None:
        raise Rejected(
            f"The buyer is contact {party['contact']}, which belongs to no company in iPaaS.com.",
            "Give the contact its company in Business Central, if it has none there, and have contact_to_ipaas transfer it.",
        )
    is_company = party["table"] == COMPANY_TABLE
    creates = is_company and context.settings.bc_processing_company_creation_in_prerequisite
    return Ref(
        table=party["table"],
        source_id=str(party["id"]),
        missing=Missing.transfer if creates else Missing.wait,
        flow="company_from_ipaas" if is_company else None,
    )


def held_by(table: str, external_id: str) -> str:
    """The name under which `holders` says which record of a table has an external id: ids are unique per table only."""
    return f"{table}#{fold(external_id)}"
