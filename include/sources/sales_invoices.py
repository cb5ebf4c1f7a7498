"""Posted invoices of Business Central."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from include.business_central.odata import Api, literal
from include.business_central.posted_invoices import POSTED_PAGE, PostedInvoices
from include.business_central.records.base import unblank
from include.business_central.records.invoice_states import CANCELED, is_posted, status_of
from include.business_central.records.sales import ApiSalesInvoice
from include.mappings.remembered import WITHOUT_PAGE
from include.mappings.rows import InvoiceRow
from include.mappings.sales_invoices import POSTED, invoice_header
from include.mappings.sales_lines import line_from_api
from include.sources.documents import References, api_lines, order_lines, shipments_of
from include.sources.feeds import BY_KEY_OR_ID, Feed, FromFeed, Keyed, Pair
from include.sources.reading import names_in, optional, sound
from include.sources.units import units_of
from include.sync.asked import GUID, AskedId, IdFormat
from include.sync.flow import Reads
from include.sync.ledger.entries import State
from include.sync.plan import lookback_start
from include.sync.records import Json, SourceRecord
from include.sync.values import fold

_FEED = Api("salesInvoices")
_LINES = "salesInvoiceLines"
# What counts of the other invoices of an order.
_INVOICED = ("Line_No", "Type", "No", "Unit_of_Measure_Code", "Quantity")
ORDERS_FLOW = "sales_order_to_ipaas"
CUSTOMER_ID = IdFormat(
    name="customer",
    pattern=rf"Customer\|(?P<customer>{GUID.pattern})",
    example="Customer|1366066e-7688-eb11-b856-000d3ae0b7f5",
    meaning="the internal id of a customer who has paid",
)


@dataclass(kw_only=True)
class Posted:
    """Which invoices are posted, and what to tell the operator where it cannot be told for certain."""

    reads: Reads

    @cached_property
    def _invoices(self) -> PostedInvoices:
        return PostedInvoices(self.reads.bc)

    def rows(self, records: Sequence[Json]) -> dict[str, Json] | None:
        """The posted page's rows by folded number, every field of it; None where it is not published."""
        if not optional(self.reads, POSTED_PAGE, "payment method, shipping agent and tracking number of invoices"):
            return None
        return {fold(str(row["No"])): row for row in self._invoices.rows([str(record["number"]) for record in records])}

    def reason_against(self, record: Json, rows: Mapping[str, Json] | None) -> str | None:
        """Why an invoice is taken for a draft, by the rows of the posted page or else by its number, or None."""
        number = str(record["number"])
        if rows is not None:
            return None if fold(number) in rows else f"The invoice is not posted: {number} is a draft."
        if is_posted(record):
            return None
        how = self.reads.bc.how_to_publish(POSTED_PAGE)
        self.reads.warn(
            f"The web service {POSTED_PAGE} is not published, so whether an unpaid invoice is posted is told by its number. "
            f"{how} Payment method and tracking of invoices come with it, too."
        )
        if not self._invoices.numbered_as_drafts(number):
            return None
        self.reads.warn(
            f"Unpaid invoices with numbers like those of drafts, as {number}, are left out until they are paid."
        )
        return (
            f"Invoice {number} is not paid and has a number like those of drafts: whether it is posted cannot be "
            f"told. {how}"
        )


class SalesInvoices(Feed[InvoiceRow]):
    """API `salesInvoices` for the changes and the lines, the posted page for what the API does not know."""

    api = _FEED
    fields = tuple(ApiSalesInvoice.model_fields)
    renumbers = False

    def __init__(self, reads: Reads) -> None:
        super().__init__(reads)
        self._posted, self._references = Posted(reads=reads), References(reads=reads)

    def by_ids(self, ids: Sequence[AskedId]) -> Iterator[SourceRecord[InvoiceRow]]:
        """Invoices by No or GUID; and those of customers that have changed lately, as the invoices do that are paid."""
        there = set()
        for record in super().by_ids(ids):
            there.add(record.key)
            yield record
        customers = [one.parts["customer"] for one in ids if "customer" in one.parts]
        paid = (record for record in self._lately(customers) if self.called(record) not in there)
        yield from self.complete(paid)

    def _lately(self, customers: Sequence[str]) -> Iterator[Json]:
        """The invoices of those who pay them that have changed as far back as a poll looks."""
        plan = self.reads.plan
        since = f"lastModifiedDateTime ge {literal(lookback_start(plan.started_at, plan.settings))}"
        rows = self.reads.bc.read_many(self.api, "billToCustomerId", customers, select=self.fields, extra_filter=since)
        return sound(self.reads, rows, self.api, names_in(self.fields))

    def rows(self, batch: Sequence[Pair]) -> Iterable[Keyed[InvoiceRow]]:
        """Invoices with their details. Drafts are left out by their status: nothing more is read of them."""
        candidates = [record for record, _ in batch if status_of(record) in POSTED]
        posted = self._posted.rows(candidates) if candidates else {}
        complete = _Details(self.reads, self._references, candidates)
        for record, _ in batch:
            row = InvoiceRow(feed=record)
            if status_of(record) in POSTED:
                reason = self._posted.reason_against(record, posted)
                row = replace(complete.of(record, posted), unposted=reason)
            yield self.called(record), record, row


SALES_INVOICES = FromFeed(feed=SalesInvoices, row=InvoiceRow, finds_by=(*BY_KEY_OR_ID, frozenset({"customer"})))


class _Details:
    """The details of a batch of invoices, each kind of them read in one go."""

    def __init__(self, reads: Reads, references: References, records: Sequence[Json]) -> None:
        self._references = references
        self._types = references.customer_types(str(record["customerNumber"]) for record in records)
        orders = {str(no): None for record in records if (no := unblank(record.get("orderNumber")))}
        self._shipments = shipments_of(reads, sorted(orders))
        open_orders = {str(r["orderNumber"]): None for r in records if _follows(r)}
        self._order_lines = order_lines(reads, open_orders)
        # After the lines of orders: an order that is gone by then has all of its invoices.
        self._invoices = _invoices_of(reads, [no for no in open_orders if fold(no) not in self._order_lines])
        own = {str(one["id"]): one["lines"] for invoices in self._invoices.values() for one in invoices}
        others = [record for record in records if str(record["id"]) not in own]
        self._lines = {**own, **api_lines(reads, _FEED.name, _LINES, others)}
        documents = (*self._lines.values(), *self._order_lines.values())
        self._units = references.units.of(line for rows in documents for line in rows)
        # An order that waits for something is to be there before its invoices: they name it as their parent.
        unfinished = reads.ledger.transfers(ORDERS_FLOW, open_orders)
        self._coming = {
            number for number, transfer in unfinished.items() if transfer.state in (State.waiting, State.retry)
        }

    def of(self, record: Json, posted: Mapping[str, Json] | None) -> InvoiceRow:
        """One invoice with its details; `posted` are the rows of the posted page, None where it is not there."""
        references = self._references
        own = (posted or {}).get(fold(str(record["number"])))
        terms = references.terms_code(record.get("paymentTermsId"))
        detail = invoice_header(record, own, terms, references.own_currency)
        if posted is None:
            detail[WITHOUT_PAGE] = True
        order = fold(str(unblank(record.get("orderNumber")) or ""))
        shipments = None if self._shipments is None else self._shipments.get(order, ())
        lines = self._lines[str(record["id"])]
        order_lines = self._order_lines.get(order)
        invoiced, cancelled = self._invoiced(order)
        return InvoiceRow(
            feed=record,
            detail=detail,
            lines=lines,
            units=units_of(self._units, lines),
            customer_type=self._types.get(fold(str(record["customerNumber"]))),
            terms=references.terms_description(detail.get("Payment_Terms_Code")),
            shipments=shipments,
            agents=references.agents_of([detail, *(shipments or ())]),
            order_lines=order_lines,
            order_invoiced=invoiced,
            order_cancelled=cancelled,
            order_units=units_of(self._units, (*(order_lines or ()), *invoiced, *cancelled)),
            order_comes=order_lines is not None and str(record["orderNumber"]) in self._coming,
        )

    def _invoiced(self, order: str) -> tuple[list[Json], list[Json]]:
        """Of an order that is gone: the lines of its invoices that stand, and of those that were cancelled."""
        found: tuple[list[Json], list[Json]] = [], []
        for invoice in self._invoices.get(order, ()):
            is_cancelled = status_of(invoice) == CANCELED
            found[is_cancelled].extend({name: line.get(name) for name in _INVOICED} for line in invoice["lines"])
        return found


def _invoices_of(reads: Reads, orders: Sequence[str]) -> dict[str, list[Json]]:
    """All invoices that were posted of orders, each with its `lines`, by folded order No."""
    select = ("id", "orderNumber", "status", "pricesIncludeTax")
    found: dict[str, list[Json]] = {}
    for record in reads.bc.read_many(_FEED, "orderNumber", orders, select=select, expand=_LINES):
        lines = [line_from_api(row, prices_include_tax=bool(record.get("pricesIncludeTax"))) for row in record[_LINES]]
        found.setdefault(fold(str(record["orderNumber"])), []).append({**record, "lines": lines})
    return found


def _follows(record: Json) -> bool:
    """Whether the invoice says something about its order: it has one, and is not cancelled."""
    return bool(unblank(record.get("orderNumber"))) and status_of(record) != CANCELED
