"""Released orders of Business Central."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

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
    shipments_of,
    shipped_orders,
)
from include.sources.reading import asked_for, each, feed, selected, with_details
from include.sources.units import units_of
from include.sync.asked import AskedId
from include.sync.batches import batches
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
from include.sync.runs import Direction, RunKind
from include.sync.staging.keyset import KeySet
from include.sync.values import fold

PAGE = "SalesOrders"


_FEED_FIELDS = tuple(ApiSalesOrder.model_fields)


_LOST = (
    "Payment_Method_Code",
    "Shipping_Agent_Code",
    "Package_Tracking_No (tracking)",
    "Shipment_Date",
    "the contacts of the addresses",
    "Status Pending Prepayment (read as Released)",
    "fields of your own on the page",
)


class SalesOrders:
    """API `salesOrders` for the changes, pages 42 and 46 for the fields and the lines, shipments for the tracking."""

    finds_by: ClassVar = (frozenset({"no"}), frozenset({"guid"}))

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[OrderRow]]:
        """Orders modified in the window, and those of shipments in it: a shipment leaves its order's timestamp alone."""
        whole = window.since is None and window.until is None
        references = References(reads=reads)
        seen = KeySet()
        records = feed(reads, ORDERS, window, select=_FEED_FIELDS, by="number" if whole else "")
        for record in self._complete(reads, references, records, whole=whole):
            seen.add(fold(record.key))
            yield record
        for numbers in () if whole else batches(self._shipped(reads, window, seen), 100):
            others = reads.bc.read_many(ORDERS, "number", numbers, select=_FEED_FIELDS)
            yield from self._complete(reads, references, others, whole=False)

    def _shipped(self, reads: Reads, window: Window, seen: KeySet) -> Iterator[str]:
        for number in shipped_orders(reads, window):
            if fold(number) not in seen:
                seen.add(fold(number))
                yield number

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[OrderRow]]:
        """Orders by No or GUID; one that has vanished is looked for among the posted invoices."""
        found = list(asked_for(reads, ORDERS, ids, select=_FEED_FIELDS))
        asked = {str(record["id"]): text for record, text in found}
        orders = [order for order, _ in found]
        answered = set()
        for record in self._complete(reads, References(reads=reads), orders, whole=False, asked=asked):
            answered.add(record.asked)
            yield record
        yield from _posted(reads, [one for one in ids if one.text not in answered])

    def _complete(
        self,
        reads: Reads,
        references: References,
        records: Iterable[Json],
        *,
        whole: bool,
        asked: Mapping[str, str] | None = None,
    ) -> Iterator[SourceRecord[OrderRow]]:
        names = source_fields(reads.settings, "transaction", Direction.to_ipaas)
        rows = with_details(
            reads,
            records,
            PAGE,
            of=ORDERS,
            select=selected(SalesHeader.model_fields, names - set(_FEED_FIELDS)),
            lost=_LOST,
            whole=whole,
            from_api=lambda record: order_from_api(
                record, references.terms_code(record.get("paymentTermsId")), references.own_currency
            ),
        )

        def whole_records(batch: Sequence[tuple[Json, Json]]) -> Iterator[SourceRecord[OrderRow]]:
            lines = order_lines(reads, {str(detail["No"]): str(record["id"]) for record, detail in batch})
            shipped = [no for _, detail in batch if _is_shipped(lines.get(fold(no := str(detail["No"])), ()))]
            shipments = shipments_of(reads, shipped)
            types = references.customer_types(_customer(detail) for _, detail in batch)
            units = references.units.of(line for rows in lines.values() for line in rows)
            for record, detail in batch:
                key = str(detail["No"])
                if detail.get("Status") == RELEASED and not lines.get(fold(key)):
                    # No order is released without lines: it was posted or deleted while it was read.
                    continue
                own_shipments = shipments.get(fold(key), [])
                row = OrderRow(
                    feed=record,
                    detail=detail,
                    lines=lines.get(fold(key), ()),
                    units=units_of(units, lines.get(fold(key), ())),
                    customer_type=types.get(fold(_customer(detail))),
                    terms=references.terms_description(detail.get("Payment_Terms_Code")),
                    shipments=own_shipments,
                    agents=references.agents_of([detail, *own_shipments]),
                )
                yield SourceRecord(key=key, data=row, asked=(asked or {}).get(str(record["id"])))

        for batch in batches(rows, 100):
            yield from each(batch, whole_records, lambda row: str(row[0]["number"]))


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
            if reads.plan.kind is RunKind.poll:
                reads.warn(posted_note(number, posted))
            yield SourceRecord(key=number, data=OrderRow(number=number, posted_as=posted), asked=asked[value].text)
