"""What orders and posted invoices share: what they refer to, their lines, their shipments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from include.business_central.odata import Api, Page
from include.business_central.records.base import ApiCode, unblank
from include.business_central.records.items import ShippingAgent
from include.business_central.records.sales import SalesLine
from include.errors import ErrorKind, ServiceError
from include.mappings.custom_fields import source_fields
from include.mappings.remembered import WITHOUT_PAGE
from include.mappings.sales_lines import line_from_api
from include.sources.reading import feed, from_page, optional, selected, sound_codes
from include.sources.units import Units
from include.sync.flow import Reads, Window
from include.sync.records import Json
from include.sync.runs import Direction
from include.sync.values import fold

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
    def terms(self) -> Sequence[ApiCode]:
        """The payment terms."""
        rows = self.reads.bc.read(Api("paymentTerms"), select=tuple(ApiCode.model_fields), read_only=True)
        named = (row for row in rows if unblank(row.get("code")))
        return list(sound_codes(self.reads, named, ApiCode, "paymentTerms"))

    def terms_code(self, identifier: Any) -> str | None:
        """The code of payment terms, by their GUID."""
        wanted = unblank(identifier)
        return next((term.code for term in self.terms if term.id == wanted), None) if wanted else None

    def terms_description(self, code: Any) -> str | None:
        """What payment terms say, by their code."""
        wanted = unblank(code)
        return next((t.displayName for t in self.terms if fold(t.code) == fold(wanted)), None) if wanted else None

    @cached_property
    def own_currency(self) -> str | None:
        """The company's own currency, which API v2.0 names on documents and the pages leave blank."""
        company = next(iter(self.reads.bc.read(_COMPANY, select=("id", "currencyCode"), read_only=True)), {})
        return str(unblank(company.get("currencyCode")) or "") or None

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
        named = (row for row in rows if unblank(row.get("Code")))
        agents = list(sound_codes(self.reads, named, ShippingAgent, AGENTS))
        return {fold(agent.Code): agent.Name or agent.Code for agent in agents}

    def agents_of(self, rows: Iterable[Json]) -> Mapping[str, str] | None:
        """The names of shipping agents that these rows of a document need; None where they cannot be read."""
        codes = {fold(code) for row in rows if (code := unblank(row.get("Shipping_Agent_Code")))}
        if not codes or self.agents is None:
            return None
        return {code: self.agents[code] for code in sorted(codes) if code in self.agents}


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
            if number := unblank(row.get("orderNumber")):
                yield str(number)
    except ServiceError as error:
        _without_shipments(reads, error)


def orders_of_shipments(reads: Reads, ids: Sequence[str]) -> Iterator[str]:
    """Nos of the orders that posted shipments are of, by the shipments' GUIDs; some are of none."""
    try:
        for row in reads.bc.read_many(_SHIPMENT_FEED, "id", ids, select=("id", "orderNumber")):
            if number := unblank(row.get("orderNumber")):
                yield str(number)
    except ServiceError as error:
        _without_shipments(reads, error)


def shipments_of(reads: Reads, orders: Sequence[str]) -> dict[str, list[Json]] | None:
    """The posted shipments of orders with their tracking numbers, by folded order No; None where they cannot be read, as
    without page 142, since API v2.0 does not know tracking numbers."""
    if not orders:
        return {}
    if not optional(reads, SHIPMENTS, "the tracking numbers of posted shipments"):
        return None
    try:
        rows = list(reads.bc.read_many(_SHIPMENT_FEED, "orderNumber", orders, select=("number", "orderNumber")))
    except ServiceError as error:
        _without_shipments(reads, error)
        return None
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
