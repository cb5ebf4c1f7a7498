"""Transactions with what is nested in them."""

from __future__ import annotations

from decimal import Decimal

from include.ipaas.records.base import IPaaSRecord, Reference
from include.transport.dates import Moment


class TransactionAddress(IPaaSRecord):
    """An address of a transaction."""

    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    phone_number: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    address_3: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    postal_code: str | None = None
    is_primary_billing: bool = False
    is_primary_shipping: bool = False


class TransactionLine(IPaaSRecord):
    """A line. `unit_price` is before, `extended_price` after the line's discount."""

    id: int | str
    sequence_number: int = 0
    sku: str | None = None
    description: str | None = None
    type: str = ""
    unit: str | None = None
    qty: Decimal = Decimal(0)
    unit_price: Decimal = Decimal(0)
    extended_price: Decimal | None = None
    discount_amount: Decimal = Decimal(0)


class TransactionTax(IPaaSRecord):
    """One tax, as an amount of the whole transaction."""

    authority: str | None = None
    amount: Decimal = Decimal(0)


class TransactionPayment(IPaaSRecord):
    """One payment."""

    id: int | str
    method: str | None = None
    description: str | None = None
    amount: Decimal = Decimal(0)
    status: str | None = None
    created_datetime: Moment = None


class Transaction(IPaaSRecord):
    """A sales document of any kind. `system_id` is the system that it belongs to."""

    id: int | str
    system_id: int | str | None = None
    transaction_number: str | None = None
    transaction_parent_id: Reference = None
    customer_id: Reference = None
    company_id: Reference = None
    email_address: str | None = None
    currency_code: str | None = None
    type: str = ""
    status: str = ""
    discount_amount: Decimal = Decimal(0)
    tax_amount: Decimal = Decimal(0)
    shipping_amount: Decimal = Decimal(0)
    total: Decimal | None = None
    created_datetime: Moment = None
    addresses: tuple[TransactionAddress, ...] = ()
    lines: tuple[TransactionLine, ...] = ()
    taxes: tuple[TransactionTax, ...] = ()
    payments: tuple[TransactionPayment, ...] = ()
