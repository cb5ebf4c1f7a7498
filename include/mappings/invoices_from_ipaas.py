"""Complete transactions of other systems as posted sales invoices of Business Central, with their payments (API v2.0)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from include.errors import Rejected, Waiting
from include.ipaas.external_ids import PAYMENT_TABLE, TRANSACTION_TABLE
from include.ipaas.records.transactions import Transaction, TransactionPayment
from include.mappings.body import body
from include.mappings.custom_fields import from_ipaas as custom_fields
from include.mappings.foreign_transactions import (
    INVOICE_LINK,
    LINE_STEP,
    address_notes,
    currency,
    document_date,
    document_number,
    extended,
    header_discount,
    held_by,
    is_excluded,
    item_lines,
    item_number,
    left_out,
    local_day,
    owned_by_us,
    party_ref,
    plain,
    primary,
    product_of,
    without_buyer,
)
from include.mappings.limits import fit
from include.mappings.rounding import fine
from include.mappings.rows_of_ipaas import TransactionRow
from include.sync.records import Json, Mapped, MappingContext

# Payments in these states are no money received, or no money that is still there, and are left out until they are. No
# source lists what states there are: of one that is neither here nor among invoice.received_statuses, a person is asked.
NOT_RECEIVED = frozenset(
    {
        "authorised",
        "authorized",
        "cancelled",
        "canceled",
        "charged back",
        "chargeback",
        "declined",
        "denied",
        "error",
        "expired",
        "failed",
        "pending",
        "refunded",
        "rejected",
        "void",
        "voided",
    }
)
# In these statuses a transaction is not expected to become complete.
_GIVEN_UP = frozenset({"Cancelled", "Refunded", "Partial Refunded"})
# Properties of API v2.0 that custom fields may fill; the API cannot be extended, so that others are the order pages'.
_OPEN_FIELDS = frozenset(
    {
        "customerPurchaseOrderReference",
        "disputeStatus",
        "dueDate",
        "phoneNumber",
        "promisedPayDate",
        "shipToAddressLine1",
        "shipToAddressLine2",
        "shipToCity",
        "shipToContact",
        "shipToCountry",
        "shipToName",
        "shipToPostCode",
        "shipToState",
        "shortcutDimension1Code",
        "shortcutDimension2Code",
    }
)
# What an update of a draft may write, and has to read first; and what of it Business Central upper-cases.
HEADER_FIELDS = (
    "customerNumber",
    "billToCustomerNumber",
    "externalDocumentNumber",
    "invoiceDate",
    "postingDate",
    "sellToAddressLine1",
    "sellToAddressLine2",
    "sellToCity",
    "sellToState",
    "sellToPostCode",
    "sellToCountry",
    "currencyCode",
    "salesperson",
    "email",
    *sorted(_OPEN_FIELDS),
)
HEADER_CODES = frozenset(
    {
        "billToCustomerNumber",
        "currencyCode",
        "externalDocumentNumber",
        "salesperson",
        "sellToCountry",
        "sellToPostCode",
        "shipToCountry",
        "shipToPostCode",
        "shortcutDimension1Code",
        "shortcutDimension2Code",
    }
)
_OPEN_LINE_FIELDS = frozenset({"description", "description2", "shipmentDate", "taxCode", "unitOfMeasureCode"})


def skip_foreign_invoice(row: TransactionRow, context: MappingContext) -> str | None:
    """The filter: Complete transactions of other systems, of the types that become invoices, that name a buyer."""
    transaction = row.transaction
    types = context.settings.bc_create_defaults.invoice.types
    if reason := owned_by_us(transaction, context):
        return reason
    if transaction.status != "Complete":
        return f"The transaction's status is {transaction.status or 'blank'}; only Complete ones become invoices."
    if transaction.type not in types:
        return f"Transactions of type {transaction.type or 'blank'} become no invoices; those of type {', '.join(types)} do."
    parent = row.parent_link or ""
    if not row.link and parent.startswith(INVOICE_LINK):
        paid = ", ".join(f"{one.id} of {one.amount}" for one in transaction.payments)
        return "The transaction that it belongs to has been invoiced already." + (
            f" Payments of its own are not transferred, since both may hold the same ones: {paid}. Enter what the invoice lacks."
            if paid
            else ""
        )
    return without_buyer(transaction)


def skip_once_complete(row: TransactionRow, context: MappingContext) -> str | None:
    """The filter of a transaction that may yet become complete: why it is never invoiced itself, or None."""
    status = row.transaction.status
    if status in _GIVEN_UP:
        return f"The transaction's status is {status}."
    return skip_foreign_invoice(replace(row, record={**row.record, "status": "Complete"}), context)


def invoice_from_ipaas(row: TransactionRow, context: MappingContext) -> Mapped:
    """The invoice: `header`, `lines` and `payments` hold properties of API v2.0 in the order in which they are set.

    `total` is what the draft must come to before it is posted. `order` is the number of the sales order that the
    transaction became; it is invoiced in Business Central then, and only `payments` are transferred. `unclear_payments` are
    there when the status of some does not say whether they were received.
    """
    transaction = row.transaction
    if row.awaits is not None:
        raise Waiting(
            f"It belongs to transaction {row.awaits}, which is to become a document first: beside that one it would be a second "
            "sale.",
            table=TRANSACTION_TABLE,
            source_id=str(row.awaits),
            advice="Nothing to do: it goes on once that one has been transferred. If orders are not to be invoiced themselves, "
            "take their type out of invoice.types in the Variable bc_create_defaults; or set that one aside on the page Sync.",
        )
    payments, notes = _payments(row, context)
    order = _order(row)
    if order:
        fields: Json = {"order": order, **payments}
        return Mapped(
            source_id=str(transaction.id),
            linked=row.linked,
            holders=row.holders,
            body=fields,
            notes=notes,
        )
    shipping = primary(transaction, "shipping")
    fields = {
        "header": _header(row, transaction, context),
        "lines": list(_lines(row, transaction, context)),
        "discount": header_discount(transaction),
        "total": _total(transaction, context),
        **payments,
    }
    return Mapped(
        source_id=str(transaction.id),
        linked=row.linked,
        holders=row.holders,
        match=document_number(transaction),
        body=fields,
        notes=(*left_out(transaction), *address_notes([shipping]), *notes),
    )


def _order(row: TransactionRow) -> str | None:
    """The sales order that the transaction, or the one that it belongs to, became."""
    links = (link for link in (row.link, row.parent_link) if link and not link.startswith(INVOICE_LINK))
    return next(links, None)


def _header(row: TransactionRow, transaction: Transaction, context: MappingContext) -> Json:
    """The customer comes first: setting it resets what depends on it."""
    day = document_date(transaction, context)
    customer = party_ref(row.buyer, context)
    address = primary(transaction, "shipping")
    place: Json = {}
    if address:
        # The place is one value: parts that it lacks are blanked, not mixed with the customer's own.
        place = {
            "sellToAddressLine1": fit("sellToAddressLine1", address.address_1, 100) or "",
            "sellToAddressLine2": fit("sellToAddressLine2", address.address_2, 50) or "",
            # Before city and state: Business Central may fill those in from its own table of post codes.
            "sellToPostCode": fit("sellToPostCode", address.postal_code, 20) or "",
            "sellToCity": fit("sellToCity", address.city, 30) or "",
            "sellToState": fit("sellToState", address.region, 30) or "",
            "sellToCountry": fit("sellToCountry", address.country, 10) or "",
        }
    fields = body(
        customerNumber=customer,
        # Without a company of its own, the customer's bill-to set-up in Business Central decides.
        billToCustomerNumber=party_ref(row.bill_to, context) if row.bill_to else None,
        externalDocumentNumber=document_number(transaction),
        invoiceDate=day,
        postingDate=day,
        currencyCode=currency(transaction, "currencyCode"),
        salesperson=context.settings.bc_create_defaults.invoice.salesperson,
        email=fit("email", transaction.email_address, 80),
    )
    own = custom_fields(context.settings, "transaction", plain(transaction))
    return {**fields, **place, **{name: value for name, value in own.items() if name in _OPEN_FIELDS}}


def _lines(row: TransactionRow, transaction: Transaction, context: MappingContext) -> Iterator[Json]:
    """Item lines, then shipping, then taxes. Their numbers do not depend on what Business Central has already."""
    number = 0
    # A group that bears no tax: the transaction's taxes are lines of their own.
    untaxed = body(taxCode=context.settings.bc_create_defaults.invoice.no_tax_group)
    for line in item_lines(transaction, context):
        number += LINE_STEP
        own = custom_fields(context.settings, "transaction line", plain(line))
        fields: Json = {
            "sequence": number,
            "lineType": "Item",
            "lineObjectNumber": item_number(line, row, "lineObjectNumber"),
            **untaxed,
            "quantity": fine(line.qty),
            "unitPrice": fine(line.unit_price),
        }
        if line.qty:
            # Business Central knows no discount on nothing.
            fields["discountAmount"] = line.discount_amount
        own = {name: value for name, value in own.items() if name in _OPEN_LINE_FIELDS}
        named = {"unit": line.unit} if line.unit else {}
        yield {"id": line.id, **named, **product_of(line, row), "fields": {**fields, **own}}
    for key, value, description in _charges(transaction):
        number += LINE_STEP
        account = getattr(context.settings.bc_create_defaults.invoice, key)
        if not account:
            what = "shipping charge" if key == "shipping_account" else "tax"
            raise Rejected(
                f"The transaction has a {what} of {value}, and no account for it is configured.",
                f"Set invoice.{key} in the Variable bc_create_defaults.",
            )
        charge = body(
            sequence=number,
            lineType="Account",
            lineObjectNumber=account,
            quantity=Decimal(1),
            unitPrice=value,
            description=fit("description", description, 100),
        )
        yield {"fields": {**charge, **untaxed}}


def _charges(transaction: Transaction) -> Iterator[tuple[str, Decimal, str | None]]:
    """(key of its account, amount, description) of the shipping charge and of each tax."""
    if transaction.shipping_amount:
        yield "shipping_account", transaction.shipping_amount, None
    taxes = [(tax.authority, tax.amount) for tax in transaction.taxes]
    # Systems that know only the sum send no taxes of their own.
    for authority, tax in taxes or [(None, transaction.tax_amount)]:
        if tax:
            yield "tax_account", tax, authority


def _total(transaction: Transaction, context: MappingContext) -> Decimal:
    """What the invoice must come to: the transaction's total less the lines that are left out by their SKU."""
    excluded = (extended(line) for line in transaction.lines if is_excluded(line, context))
    return (transaction.total or Decimal(0)) - sum(excluded, Decimal(0))


def _payments(row: TransactionRow, context: MappingContext) -> tuple[Json, tuple[str, ...]]:
    """The payments that were received and those of which that is unclear, as properties of the body, and notes about the
    others. Raises Rejected without a journal for them."""
    received: list[Json] = []
    unclear: list[Json] = []
    notes: list[str] = []
    defaults = context.settings.bc_create_defaults.invoice
    for payment in sorted(row.transaction.payments, key=lambda payment: str(payment.id)):
        status = _status(payment.status)
        if reason := _no_money(payment):
            booked = payment.id in _booked(row)
            what = "has been transferred, and now" if booked else "was left out:"
            notes.append(f"Payment {payment.id} of {payment.amount} {what} {reason}.")
        elif status and status not in map(_status, defaults.received_statuses):
            unclear.append({"id": payment.id, "amount": payment.amount, "status": payment.status})
        else:
            received.append({"id": payment.id, "fields": _payment(payment, context)})
    if received and not defaults.payment_journal:
        raise Rejected(
            f"The transaction has {len(received)} payment(s), and no journal for them is configured.",
            "Set invoice.payment_journal in the Variable bc_create_defaults to the code of a customer payment journal.",
        )
    # Without any, a transaction is what it was before there were unclear ones.
    return {"payments": received, **({"unclear_payments": unclear} if unclear else {})}, tuple(notes)


def _status(text: str | None) -> str:
    """A payment's status in one spelling, whatever joins its words."""
    return re.sub(r"[\W_]+", " ", text or "").strip().casefold()


def _booked(row: TransactionRow) -> set[Any]:
    """The payments that iPaaS.com knows to be linked."""
    start = held_by(PAYMENT_TABLE, "")
    return {holder for place, holder in row.holders.items() if place.startswith(start)}


def _no_money(payment: TransactionPayment) -> str | None:
    if _status(payment.status) in NOT_RECEIVED:
        return f"its status is {payment.status}"
    if payment.amount <= 0:
        return "it is a refund" if payment.amount else "its amount is zero"
    return None


def _payment(payment: TransactionPayment, context: MappingContext) -> Json:
    """A payment received lowers what the customer owes: its amount is negative."""
    return body(
        externalDocumentNumber=fit("externalDocumentNumber", str(payment.id), 35),
        amount=-payment.amount,
        postingDate=local_day(payment.created_datetime, context) if payment.created_datetime else None,
        description=fit("description", payment.description or payment.method, 100),
    )
