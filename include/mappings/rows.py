"""What sources read of records of Business Central, for the mappings: each is made into models once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from include.business_central.records.customers import CustomerCard
from include.business_central.records.items import ItemCard, StockRow
from include.business_central.records.sales import ApiSalesDocument, ApiSalesInvoice, SalesHeader, SalesLine
from include.sync.records import Json


@dataclass(frozen=True, kw_only=True)
class PagedRow:
    """A record of a feed of API v2.0 (`feed`) with what a page knows of it (`detail`), as both came over the wire."""

    feed: Json = field(default_factory=dict)
    detail: Json = field(default_factory=dict)

    @property
    def source(self) -> Mapping[str, Any]:
        """Every field of both, for custom fields."""
        return {**self.feed, **self.detail}


@dataclass(frozen=True, kw_only=True)
class CustomerRow(PagedRow):
    """A customer. `contacts` are the numbers of a company's persons, `parent_is_company` says so of its bill-to customer;
    None where the page that names that is gone. `parent_follows`: that one waits for this one, which goes first."""

    contacts: Sequence[str] = ()
    parent_is_company: bool | None = None
    parent_follows: bool = False

    @cached_property
    def card(self) -> CustomerCard:
        """What its page knows."""
        return CustomerCard.model_validate(self.detail)


@dataclass(frozen=True, kw_only=True)
class ContactRow(PagedRow):
    """A contact. `itself`: it is a customer itself. `company_relation` is what its company is related to by its own number,
    `company_customer` the No of the customer that its company is."""

    itself: bool = False
    company_relation: str | None = None
    company_customer: str | None = None


@dataclass(frozen=True, kw_only=True)
class ItemRow(PagedRow):
    """An item. `stock` is None where the query is not there, `prices` where they are not read. `renamed` says which codes
    locations have now that are not there under their old ones; None: it is unknown."""

    stock: Sequence[Json] | None = None
    renamed: Mapping[str, str | None] | None = None
    prices: Sequence[Json] | None = None

    @cached_property
    def card(self) -> ItemCard:
        """What its page knows."""
        return ItemCard.model_validate(self.detail)

    @cached_property
    def stock_rows(self) -> tuple[StockRow, ...]:
        """What there is of it at each location."""
        return tuple(StockRow.model_validate(row) for row in self.stock or ())


@dataclass(frozen=True, kw_only=True)
class PlaceRow:
    """What there is of an item at a location: a row of the query, and the item's GUID. One at no location has none."""

    row: Json
    item_id: str = ""

    @cached_property
    def stock(self) -> StockRow:
        """What the query says."""
        return StockRow.model_validate(self.row)


@dataclass(frozen=True, kw_only=True)
class DocumentRow(PagedRow):
    """What orders and posted invoices share. Lines have the names of page 46, shipments their fields as they came.

    `units` are those of items on lines in another one than the item's base unit, by folded item No. `agents` are the names
    of the shipping agents that it names, by folded code. These and `shipments` are None where their page cannot be read.
    """

    lines: Sequence[Json] = ()
    units: Mapping[str, Json] = field(default_factory=dict)
    customer_type: str | None = None
    terms: str | None = None
    shipments: Sequence[Json] | None = None
    agents: Mapping[str, str] | None = None

    @cached_property
    def header(self) -> SalesHeader:
        """Its header, under the names of page 42."""
        return SalesHeader.model_validate(self.detail)

    @cached_property
    def sales_lines(self) -> tuple[SalesLine, ...]:
        """Its lines as they are, in the units that they were entered in."""
        return tuple(SalesLine.model_validate(row) for row in self.lines)

    @cached_property
    def document(self) -> ApiSalesDocument:
        """What API v2.0 knows of it."""
        return ApiSalesDocument.model_validate(self.feed)


@dataclass(frozen=True, kw_only=True)
class OrderRow(DocumentRow):
    """An order; or the number of one that is there no more, and those of the invoices that it was posted as."""

    number: str | None = None
    posted_as: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class InvoiceRow(DocumentRow):
    """A posted invoice; `unposted` says why it is none.

    Of its order: its lines while it is open, and whether it waits for something, so that it comes yet; of one that is gone
    the lines of all invoices that were posted of it, those that stand and those that were cancelled. `order_units` are
    those of either.
    """

    unposted: str | None = None
    order_lines: Sequence[Json] | None = None
    order_invoiced: Sequence[Json] = ()
    order_cancelled: Sequence[Json] = ()
    order_units: Mapping[str, Json] = field(default_factory=dict)
    order_comes: bool = False

    @cached_property
    def document(self) -> ApiSalesInvoice:
        """What API v2.0 knows of it."""
        return ApiSalesInvoice.model_validate(self.feed)

    @cached_property
    def sales_lines_of_order(self) -> tuple[SalesLine, ...]:
        """The lines of its order."""
        return tuple(SalesLine.model_validate(row) for row in self.order_lines or ())

    @cached_property
    def invoiced_lines_of_order(self) -> tuple[SalesLine, ...]:
        """The lines of the invoices that stand of its order, which is gone."""
        return tuple(SalesLine.model_validate(row) for row in self.order_invoiced)

    @cached_property
    def cancelled_lines_of_order(self) -> tuple[SalesLine, ...]:
        """The lines of those that were cancelled."""
        return tuple(SalesLine.model_validate(row) for row in self.order_cancelled)
