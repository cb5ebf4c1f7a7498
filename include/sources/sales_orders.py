"""Released orders of Business Central."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from include.business_central.odata import Api
from include.business_central.records.base import unblank
from include.business_central.records.sales import ApiSalesOrder, SalesHeader
from include.mappings.custom_fields import source_fields
from include.mappings.rows import OrderRow
from include.mappings.sales_orders import RELEASED, order_from_api, posted_note
from include.sources.documents import (
    ORDERS,
    References,
    order_lines,
    orders_of_shipments,
    shipments_of,
    shipped_orders,
)
from include.sources.feeds import BY_KEY_OR_ID, FromFeed, Keyed, Pair
from include.sources.paged import PagedFeed
from include.sources.reading import selected
from include.sources.units import units_of
from include.sync.asked import GUID, AskedId, IdFormat
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
from include.sync.runs import Direction, RunKind
from include.sync.staging.keyset import KeySet
from include.sync.values import fold

PAGE = "SalesOrders"
SHIPMENT_ID = IdFormat(
    name="shipment",
    pattern=rf"Shipment\|(?P<shipment>{GUID.pattern})",
    example="Shipment|5d115c9c-44e3-ea11-bb43-000d3a2feca1",
    meaning="the internal id of a posted shipment of the order",
)


class SalesOrders(PagedFeed[OrderRow]):
    """API `salesOrders` for the changes, pages 42 and 46 for the fields and the lines, shipments for the tracking."""

    api = ORDERS
    fields = tuple(ApiSalesOrder.model_fields)
    page = PAGE
    lost = (
        "Payment_Method_Code",
        "Shipping_Agent_Code",
        "Package_Tracking_No (tracking)",
        "Shipment_Date",
        "the contacts of the addresses",
        "Status Pending Prepayment (read as Released)",
        "fields of your own on the page",
    )
    renumbers = False

    def __init__(self, reads: Reads) -> None:
        super().__init__(reads)
        self._references = References(reads=reads)

    def others(self, window: Window, seen: KeySet) -> Iterator[str]:
        """Orders of shipments in the window: a shipment leaves its order's timestamp alone."""
        return (number for number in shipped_orders(self.reads, window) if seen.add(fold(number)))

    def by_ids(self, ids: Sequence[AskedId]) -> Iterator[SourceRecord[OrderRow]]:
        """Orders by No or GUID; one that has vanished is looked for among the posted invoices. And those that shipments
        are of, as far as they are still there: the rest is told by their invoices."""
        answered, there = set(), set()
        for record in super().by_ids(ids):
            answered.add(record.asked)
            there.add(fold(record.key))
            yield record
        shipments = [one.parts["shipment"] for one in ids if "shipment" in one.parts]
        shipped = {fold(number): number for number in orders_of_shipments(self.reads, shipments)}
        if others := [number for folded, number in shipped.items() if folded not in there]:
            yield from self.complete(self.named(others))
        yield from _posted(self.reads, [one for one in ids if not one.points and one.text not in answered])

    def page_fields(self) -> Sequence[str]:
        """Those of page 42 that go to iPaaS.com, the subscriber's own among them."""
        names = source_fields(self.reads.settings, "transaction", Direction.to_ipaas)
        return selected(SalesHeader.model_fields, names - set(self.fields))

    def from_api(self, record: Json) -> Json:
        """What API v2.0 knows of an order."""
        terms = self._references.terms_code(record.get("paymentTermsId"))
        return order_from_api(record, terms, self._references.own_currency)

    def rows(self, batch: Sequence[Pair]) -> Iterable[Keyed[OrderRow]]:
        """Orders with their lines, their shipments and what they refer to."""
        reads, references = self.reads, self._references
        lines = order_lines(reads, {str(detail["No"]): str(record["id"]) for record, detail in batch})
        shipped = [no for _, detail in batch if _is_shipped(lines.get(fold(no := str(detail["No"])), ()))]
        shipments = shipments_of(reads, shipped)
        types = references.customer_types(_customer(detail) for _, detail in batch)
        units = references.units.of(line for rows in lines.values() for line in rows)
        for record, detail in batch:
            key = str(detail["No"])
            own = lines.get(fold(key), ())
            if detail.get("Status") == RELEASED and not own:
                # No order is released without lines: it was posted or deleted while it was read.
                continue
            own_shipments = None if shipments is None else shipments.get(fold(key), ())
            row = OrderRow(
                feed=record,
                detail=detail,
                lines=own,
                units=units_of(units, own),
                customer_type=types.get(fold(_customer(detail))),
                terms=references.terms_description(detail.get("Payment_Terms_Code")),
                shipments=own_shipments,
                agents=references.agents_of([detail, *(own_shipments or ())]),
            )
            yield key, record, row


SALES_ORDERS = FromFeed(feed=SalesOrders, row=OrderRow, finds_by=(*BY_KEY_OR_ID, frozenset({"shipment"})))


def _customer(detail: Json) -> str:
    return str(unblank(detail.get("Sell_to_Customer_No")) or "")


def _is_shipped(lines: Iterable[Json]) -> bool:
    return any(unblank(line.get("Quantity_Shipped")) for line in lines)


def _posted(reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[OrderRow]]:
    """Orders that are there no more because they were posted: each with the numbers of its invoices."""
    for part, field in (("no", "orderNumber"), ("guid", "orderId")):
        asked = {fold(one.parts[part]): one for one in ids if part in one.parts}
        invoices: dict[str, list[Json]] = {}
        fields = ("number", "orderNumber", "orderId")
        values = [one.parts[part] for one in asked.values()]
        for row in reads.bc.read_many(Api("salesInvoices"), field, values, select=fields):
            if unblank(row["orderNumber"]):
                invoices.setdefault(fold(str(row[field])), []).append(row)
        for value, rows in invoices.items():
            number = str(rows[0]["orderNumber"])
            posted = sorted(str(row["number"]) for row in rows)
            if reads.plan.kind is not RunKind.ids:
                reads.warn(posted_note(number, posted))
            yield SourceRecord(key=number, data=OrderRow(number=number, posted_as=posted), asked=asked[value].text)
