"""What orders and posted invoices share: what they refer to, their lines, their shipments, who owns a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from include.business_central.odata import Api, Page
from include.business_central.records.base import present
from include.business_central.records.items import ShippingAgent
from include.business_central.records.sales import PaymentCode, SalesLine
from include.flows.shared.reading import feed, from_page, optional, selected, sound_codes
from include.flows.shared.units import Units
from include.ipaas.endpoints import TRANSACTION
from include.ipaas.external_ids import external_id_of
from include.mappings.custom_fields import source_fields
from include.mappings.remembered import WITHOUT_PAGE
from include.mappings.sales_lines import line_from_api
from include.sync.compare import differences
from include.sync.context import LoadContext
from include.sync.flow import Reads, Window
from include.sync.model import Also, Direction, Json, Mapped, Rejected, fold
from include.sync.route import Link
from include.transport.errors import ErrorKind, ServiceError

LINES = "SalesOrderLines"
SHIPMENTS = "PostedSalesShipments"
AGENTS = "ShippingAgents"
ORDERS = Api("salesOrders")
_COMPANY = Api("companyInformation")
_SHIPMENT_FEED = Api("salesShipments")
# One request holds all lines of the documents that are asked for: the most that the service answers at once.
_LINE_PAGE = 20_000
_LINES_LOST = ("Net_Weight, Tax_Area_Code and fields of your own on order lines",)
_AGENTS_LOST = ("the names of shipping agents, and those that iPaaS.com does not know yet",)
# A transaction in one of these statuses is settled: shipping does not open it again.
SETTLED = frozenset({"Complete", "Cancelled", "Refunded", "Partial Refunded"})


@dataclass(kw_only=True)
class References:
    """What documents refer to: each is read once per run."""

    reads: Reads
    _types: dict[str, str] = field(default_factory=dict)

    def customer_types(self, numbers: Iterable[str]) -> Mapping[str, str]:
        """Company or Person, by folded customer No; read for those that are not known yet."""
        unknown = sorted({number for number in numbers if number and fold(number) not in self._types})
        for row in self.reads.bc.read_many(Api("customers"), "number", unknown, select=("number", "type")):
            self._types[fold(str(row["number"]))] = str(row["type"])
        return self._types

    @cached_property
    def terms(self) -> Sequence[PaymentCode]:
        """The payment terms."""
        rows = self.reads.bc.read(Api("paymentTerms"), select=tuple(PaymentCode.model_fields), read_only=True)
        named = (row for row in rows if present(row.get("code")))
        return list(sound_codes(self.reads, named, PaymentCode, "paymentTerms"))

    def terms_code(self, identifier: Any) -> str | None:
        """The code of payment terms, by their GUID."""
        wanted = present(identifier)
        return next((term.code for term in self.terms if term.id == wanted), None) if wanted else None

    def terms_description(self, code: Any) -> str | None:
        """What payment terms say, by their code."""
        wanted = present(code)
        return next((t.displayName for t in self.terms if fold(t.code) == fold(wanted)), None) if wanted else None

    @cached_property
    def own_currency(self) -> str | None:
        """The company's own currency, which API v2.0 names on documents and the pages leave blank."""
        company = next(iter(self.reads.bc.read(_COMPANY, select=("id", "currencyCode"), read_only=True)), {})
        return str(present(company.get("currencyCode")) or "") or None

    @cached_property
    def units(self) -> Units:
        """The units of items, for lines in another one than their item's base unit."""
        return Units(reads=self.reads, lines=Page(LINES))

    @cached_property
    def agents(self) -> Mapping[str, str] | None:
        """The names of the shipping agents, by folded code; None where they cannot be read."""
        fields = tuple(ShippingAgent.model_fields)
        rows = from_page(
            self.reads, AGENTS, _AGENTS_LOST, lambda page: self.reads.bc.read(page, select=fields, read_only=True)
        )
        if rows is None:
            return None
        named = (row for row in rows if present(row.get("Code")))
        agents = list(sound_codes(self.reads, named, ShippingAgent, AGENTS))
        return {fold(agent.Code): agent.Name or agent.Code for agent in agents}

    def agents_of(self, rows: Iterable[Json]) -> Json:
        """`agents` for a record: the names that these rows of a document need."""
        codes = {fold(code) for row in rows if (code := present(row.get("Shipping_Agent_Code")))}
        if not codes:
            return {}
        if self.agents is None:
            return {"agents": None}
        return {"agents": {code: self.agents[code] for code in sorted(codes) if code in self.agents}}


def order_lines(reads: Reads, orders: Mapping[str, str | None]) -> dict[str, list[Json]]:
    """The lines of orders, by folded order No: all of them in one request. `orders` are Nos with their GUIDs, where
    those are known."""
    numbers = sorted(orders)
    if not numbers:
        return {}
    extra = source_fields(reads.settings, "transaction line", Direction.to_ipaas)
    select = selected(SalesLine.model_fields, extra, without={"Tax_Percent"})
    rows = from_page(
        reads,
        LINES,
        _LINES_LOST,
        lambda page: reads.bc.read_many(page, "Document_No", numbers, select=select, page_size=_LINE_PAGE),
    )
    found: dict[str, list[Json]] = {}
    if rows is None:
        return _lines_from_api(reads, orders)
    for row in rows:
        found.setdefault(fold(str(row["Document_No"])), []).append(row)
    return found


def _lines_from_api(reads: Reads, orders: Mapping[str, str | None]) -> dict[str, list[Json]]:
    select = ("id", "number", "pricesIncludeTax")
    headers = list(reads.bc.read_many(ORDERS, "number", sorted(orders), select=select))
    lines = api_lines(reads, "salesOrders", "salesOrderLines", headers)
    return {
        fold(str(header["number"])): [{**line, WITHOUT_PAGE: True} for line in lines[str(header["id"])]]
        for header in headers
    }


def api_lines(reads: Reads, documents: str, lines: str, headers: Sequence[Json]) -> dict[str, list[Json]]:
    """The lines of documents of API v2.0 under the names of page 46, by the documents' GUIDs; many per request.

    They are read with their documents: the parts of a `$batch` would each count against the service's limit.
    """
    incl = {str(header["id"]): bool(header.get("pricesIncludeTax")) for header in headers}
    found: dict[str, list[Json]] = {key: [] for key in incl}
    for document in reads.bc.read_many(Api(documents), "id", list(incl), select=("id",), expand=lines):
        key = str(document["id"])
        found[key] = [line_from_api(row, prices_include_tax=incl[key]) for row in document[lines]]
    return found


def shipped_orders(reads: Reads, window: Window) -> Iterator[str]:
    """Nos of the orders of shipments posted or changed in the window: shipping does not touch the order's timestamp."""
    try:
        for row in feed(reads, _SHIPMENT_FEED, window, select=("number", "orderNumber")):
            if number := present(row.get("orderNumber")):
                yield str(number)
    except ServiceError as error:
        _without_shipments(reads, error)


def shipments_of(reads: Reads, orders: Sequence[str]) -> dict[str, list[Json]]:
    """The posted shipments of orders with their tracking numbers, by folded order No; none where page 142 is not
    published, since API v2.0 does not know tracking numbers."""
    if not orders or not optional(reads, SHIPMENTS, "the tracking numbers of posted shipments"):
        return {}
    try:
        rows = list(reads.bc.read_many(_SHIPMENT_FEED, "orderNumber", orders, select=("number", "orderNumber")))
    except ServiceError as error:
        _without_shipments(reads, error)
        return {}
    order_of = {fold(str(row["number"])): fold(str(row["orderNumber"])) for row in rows}
    found: dict[str, list[Json]] = {}
    # Every field: a subscriber's custom fields of tracking may be on the page of shipments or on that of orders.
    for row in reads.bc.read_many(Page(SHIPMENTS), "No", sorted(order_of)) if order_of else ():
        found.setdefault(order_of[fold(str(row["No"]))], []).append(row)
    return {order: sorted(rows, key=lambda row: str(row["No"])) for order, rows in found.items()}


def _without_shipments(reads: Reads, error: ServiceError) -> None:
    """Go on without shipments when the service refuses to list them until it is set up."""
    if error.kind is not ErrorKind.rejected:
        raise error
    reads.warn(f"Posted shipments cannot be read, so tracking and later shipments of orders are missing: {error}")


# --- ownership -----------------------------------------------------------------------------------------------------


def is_counterpart(mapped: Mapped, record: Json, system_id: int) -> bool:
    """Whether a transaction of the same number may be this document: it is ours, and of the same type."""
    return _is_ours(record, system_id) and record.get("type") == mapped.body["type"]


def _is_ours(record: Json, system_id: int) -> bool:
    return str(record.get("system_id")) == str(system_id)


def within_ownership(changes: Json, record: Json, system_id: int) -> Json:
    """What may be written to a transaction: all of our own, and of another system's what fulfilment adds.

    Raises Rejected when the link leads to a transaction of ours that is of another type.
    """
    if not _is_ours(record, system_id):
        return fulfilment(changes, record, system_id)
    if record.get("type") not in (None, changes["type"]):
        raise Rejected(
            f"{changes['transaction_number']!r} is linked to iPaaS.com transaction {record['id']}, which is of type "
            f"{record.get('type')}, not {changes['type']}: an order and a posted invoice share one number.",
            "Give posted invoices a number series of their own.",
        )
    if changes["type"] == "Order" and record.get("status") in SETTLED:
        # Its invoice, or a person, has settled it since the order was read.
        return {name: value for name, value in changes.items() if name != "status"}
    return changes


def fulfilment(changes: Json, record: Json, system_id: int) -> Json:
    """What shipping adds to a transaction that another system owns: shipped quantities, tracking, that it is shipped."""
    kept: Json = {}
    if lines := _shipped_lines(changes.get("lines") or (), record, system_id):
        kept["lines"] = lines
    if changes.get("tracking"):
        kept["tracking"] = changes["tracking"]
    if changes.get("status") == "Shipped" and record.get("status") not in SETTLED:
        kept["status"] = "Shipped"
    return kept


def _shipped_lines(lines: Iterable[Json], record: Json, system_id: int) -> list[Json]:
    present_lines = {fold(own) for line in record.get("lines") or () if (own := external_id_of(line, system_id))}
    return [
        {name: line[name] for name in ("external_ids", "qty_shipped", "status") if name in line}
        for line in lines
        if fold(str(external_id_of(line, system_id))) in present_lines
    ]


@dataclass(frozen=True, kw_only=True)
class OrderTransaction:
    """What an invoice says about its order's transaction. `posted`: the order is gone because it was posted in full."""

    posted: bool

    def write(self, load: LoadContext, also: Also) -> Sequence[Link]:
        """Bring the order's transaction up to date, if there is one; returns its link when something was written."""
        internal_id = load.link_of(TRANSACTION.table, also.external_id)
        if internal_id is None:
            return []
        record = load.ipaas.get(TRANSACTION, internal_id)
        if record is None:
            return []
        system_id = load.plan.system_id
        changes = _posted(record) if self.posted else fulfilment(also.body, record, system_id)
        if not differences(changes, record, system_id):
            return []
        load.ipaas.update(TRANSACTION, internal_id, changes)
        return [(TRANSACTION.table, also.external_id, internal_id)]


def _posted(record: Json) -> Json:
    """A transaction whose order is posted in full: complete, and all that it holds is shipped."""
    lines = [
        {"id": line["id"], "status": "Shipped", "qty_shipped": line["qty"]}
        for line in record.get("lines") or ()
        if line.get("qty")
    ]
    kept: Json = {"lines": lines} if lines else {}
    return kept if record.get("status") in SETTLED else {"status": "Complete", **kept}
