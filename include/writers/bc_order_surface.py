"""How sales orders are read and written: on pages 42 and 46, or, where those have ended, through API v2.0.

An order has the pages' names on either way; where API v2.0 is used, names are translated here.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from include.business_central.odata import Api, Page
from include.mappings.orders_from_ipaas import API_HEADER, API_LINE
from include.mappings.sales_lines import api_line_type, line_type_from_api
from include.mappings.sales_orders import status_from_api
from include.sync.records import Json
from include.sync.values import fold
from include.writers.bc_target import ETAG

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient

ORDERS, LINES = Page("SalesOrders"), Page("SalesOrderLines")
API_ORDERS = Api("salesOrders")
_API_LINES = "salesOrderLines"
_DISCOUNT = "Invoice_Discount_Amount"
_HEADER_STATE = ("No", "Status")
_NET = "Total_Amount_Excl_VAT"
_AMOUNT = "Line_Amount"
_LINE_STATE = ("Document_No", "Line_No", "Quantity_Shipped", _AMOUNT, _DISCOUNT, _NET)
# What pages show on every line, API v2.0 on the order.
_API_TOTALS = {_DISCOUNT: "discountAmount", _NET: "totalAmountExcludingTax"}
# What the API's lines tell beside what is written.
_API_LINE_STATE = {"Line_No": "sequence", "Quantity_Shipped": "shippedQuantity", _AMOUNT: "amountExcludingTax"}


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order as Business Central has it: its header, and its lines by Line_No."""

    header: Json
    lines: Mapping[int, Json]

    @property
    def no(self) -> str:
        """Its number."""
        return str(self.header["No"])

    @property
    def customer(self) -> str:
        """The number of the customer it is made out to."""
        return str(self.header["Sell_to_Customer_No"])

    @property
    def reference(self) -> str:
        """Its External_Document_No."""
        return str(self.header["External_Document_No"])

    @property
    def currency(self) -> str:
        """The code of its currency; blank for the company's own."""
        return str(self.header["Currency_Code"])

    @property
    def locked(self) -> str | None:
        """Why it may not be changed any more, or None."""
        if self.header["Status"] != "Open":
            return f"is {self.header['Status']}"
        if any(line["Quantity_Shipped"] for line in self.lines.values()):
            return "has been shipped, at least in part,"
        return None

    @property
    def discount(self) -> Any:
        """Its invoice discount: pages show it on every line, API v2.0 on the order."""
        return next((line[_DISCOUNT] for line in self.lines.values()), 0)

    @property
    def net(self) -> Decimal:
        """What it comes to before tax, shown as its discount is."""
        return Decimal(next((line[_NET] for line in self.lines.values()), 0))

    def amount_of(self, numbers: Container[int]) -> Decimal:
        """What these of its lines come to, before the invoice discount."""
        return sum((Decimal(line[_AMOUNT]) for number, line in self.lines.items() if number in numbers), Decimal(0))


class OrderSurface(Protocol):
    """Where orders are read and written. Each write may raise what the client raises."""

    def read(self, name: str, values: Sequence[str], header: Sequence[str], lines: Sequence[str]) -> Iterator[Order]:
        """Orders by a field of the header, many per request, with these fields and all their lines."""

    def create(self, header: Json) -> Json:
        """A new order's header, as it is then."""

    def change(self, order: Order, changes: Json) -> Json:
        """Change the header, if it is still as it was read; returns it as it is then."""

    def add_line(self, order: Order, number: int, fields: Json) -> Json:
        """A new line, as it is then. It says what the order's invoice discount is now, where that is shown."""

    def change_line(self, order: Order, number: int, changes: Json) -> Json:
        """Change a line, if it is still as it was read; returns it as `add_line` does."""

    def remove_line(self, order: Order, number: int) -> None:
        """Remove a line, if it is still as it was read."""

    def lacks(self, name: str) -> bool:
        """True when a field of the header cannot be written here."""

    def lacks_on_lines(self, name: str) -> bool:
        """True when a field of lines cannot be written here."""


@dataclass(frozen=True)
class PageOrders:
    """Orders on pages 42 and 46."""

    bc: BusinessCentralClient

    def read(self, name: str, values: Sequence[str], header: Sequence[str], lines: Sequence[str]) -> Iterator[Order]:
        headers = list(self.bc.read_many(ORDERS, name, list(values), select=_names(*_HEADER_STATE, *header)))
        numbers = [str(row["No"]) for row in headers]
        found: dict[str, dict[int, Json]] = {fold(no): {} for no in numbers}
        select = _names(*_LINE_STATE, *lines)
        for line in self.bc.read_many(LINES, "Document_No", numbers, select=select) if numbers else ():
            found[fold(str(line["Document_No"]))][int(line["Line_No"])] = line
        for row in headers:
            yield Order(header=row, lines=dict(sorted(found[fold(str(row["No"]))].items())))

    def create(self, header: Json) -> Json:
        return self.bc.create(ORDERS, header, known_by=("No",))

    def change(self, order: Order, changes: Json) -> Json:
        return self.bc.update(ORDERS, {"Document_Type": "Order", "No": order.no}, order.header[ETAG], changes)

    def add_line(self, order: Order, number: int, fields: Json) -> Json:
        return self.bc.create(LINES, {**_line_key(order, number), **fields})

    def change_line(self, order: Order, number: int, changes: Json) -> Json:
        return self.bc.update(LINES, _line_key(order, number), order.lines[number][ETAG], changes)

    def remove_line(self, order: Order, number: int) -> None:
        self.bc.delete(LINES, _line_key(order, number), order.lines[number][ETAG])

    def lacks(self, name: str) -> bool:
        return False

    def lacks_on_lines(self, name: str) -> bool:
        return False


@dataclass(frozen=True)
class ApiOrders:
    """Orders in API v2.0. `own_currency` answers the company's own, which documents leave blank on pages."""

    bc: BusinessCentralClient
    own_currency: Callable[[], str]

    def read(self, name: str, values: Sequence[str], header: Sequence[str], lines: Sequence[str]) -> Iterator[Order]:
        known = [API_HEADER[field] for field in header if field in API_HEADER]
        select = _names("id", "number", "status", *_API_TOTALS.values(), *known)
        for record in self.bc.read_many(API_ORDERS, API_HEADER[name], list(values), select=select, expand=_API_LINES):
            totals = {name: record[theirs] for name, theirs in _API_TOTALS.items()}
            rows = [{**self._line(line), **totals} for line in record[_API_LINES]]
            yield Order(header=self._header(record), lines={row["Line_No"]: row for row in sorted(rows, key=_number)})

    def create(self, header: Json) -> Json:
        body = _translated(header, API_HEADER)
        return self._header(self.bc.create(API_ORDERS, body, known_by=("id", "number")))

    def change(self, order: Order, changes: Json) -> Json:
        body = _translated(changes, API_HEADER)
        return self._header(self.bc.update(API_ORDERS, str(order.header["id"]), order.header[ETAG], body))

    def add_line(self, order: Order, number: int, fields: Json) -> Json:
        return self.bc.create(self._lines(order), {"sequence": number, **_line_body(fields)})

    def change_line(self, order: Order, number: int, changes: Json) -> Json:
        present = order.lines[number]
        fields = {name: value for name, value in changes.items() if name not in ("Type", "No")}
        if any(fold(str(changes.get(name, present[name]))) != fold(str(present[name])) for name in ("Type", "No")):
            # What a line is of cannot be changed here, only made anew.
            self.remove_line(order, number)
            return self.add_line(order, number, {"Type": present["Type"], "No": present["No"], **changes})
        if not fields:
            return {}
        return self.bc.update(self._lines(order), str(present["id"]), present[ETAG], _line_body(fields))

    def remove_line(self, order: Order, number: int) -> None:
        self.bc.delete(self._lines(order), str(order.lines[number]["id"]), order.lines[number][ETAG])

    def lacks(self, name: str) -> bool:
        return name not in API_HEADER

    def lacks_on_lines(self, name: str) -> bool:
        return name not in API_LINE

    def _lines(self, order: Order) -> Api:
        return Api(f"{API_ORDERS.name}({order.header['id']})/{_API_LINES}")

    def _header(self, record: Json) -> Json:
        row = {name: record[theirs] for name, theirs in API_HEADER.items() if theirs in record}
        currency = str(row.get("Currency_Code") or "")
        return {
            **row,
            "No": record["number"],
            "id": record["id"],
            ETAG: record[ETAG],
            "Status": status_from_api(record["status"]),
            "Currency_Code": "" if fold(currency) == fold(self.own_currency()) else currency,
        }

    def _line(self, record: Json) -> Json:
        fields = {**API_LINE, **_API_LINE_STATE}
        row = {name: record[theirs] for name, theirs in fields.items() if theirs in record}
        kind = line_type_from_api(record["lineType"])
        return {**row, "Type": kind, "id": record["id"], ETAG: record[ETAG]}


def _line_key(order: Order, number: int) -> Json:
    return {"Document_Type": "Order", "Document_No": order.no, "Line_No": number}


def _line_body(fields: Json) -> Json:
    body = _translated(fields, API_LINE)
    if "lineType" in body:
        body["lineType"] = api_line_type(str(body["lineType"]))
    return body


def _translated(fields: Json, names: Mapping[str, str]) -> Json:
    return {names[name]: value for name, value in fields.items() if name in names}


def _number(row: Json) -> int:
    return int(row["Line_No"])


def _names(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
