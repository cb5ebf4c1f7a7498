"""Sales orders as Business Central has them, read many per request: pages 42 and 46, and what tells of posted ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.business_central.odata import Api, Page
from include.flows.foreign.parts import Items
from include.mappings.orders_from_ipaas import HEADER_FIELDS
from include.sync.bc_fields import CustomFields
from include.sync.compare import same
from include.sync.context import LoadContext
from include.sync.model import Json, fold

ORDERS, LINES, CUSTOMERS = Page("SalesOrders"), Page("SalesOrderLines"), Page("CustomerCard")
_INVOICES, _COMPANY = Api("salesInvoices"), Api("companyInformation")
# In the order of their validation: setting one makes Business Central work out those after it anew.
_CHAIN = ("Type", "No", "Quantity", "Unit_Price", "Line_Discount_Amount")
_CODES = frozenset({"Type", "No"})
_LINE_STATE = ("Document_No", "Line_No", "Quantity_Shipped", "Invoice_Discount_Amount")
_CUSTOMER = ("No", "Shipping_Agent_Code", "Shipping_Agent_Service_Code", "Disable_Search_by_Name")


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
        """Its invoice discount, which every line shows."""
        return next((line["Invoice_Discount_Amount"] for line in self.lines.values()), 0)


class OrderBook:
    """What one task has read of orders, and of the customers and items that they name."""

    def __init__(self, load: LoadContext) -> None:
        """Nothing is read of orders yet; the subscriber's own fields are compared with the pages."""
        self._load = load
        self.header_fields = CustomFields("transaction", ORDERS.name, load.settings)
        self.line_fields = CustomFields("transaction line", LINES.name, load.settings)
        for page, fields in ((ORDERS, self.header_fields), (LINES, self.line_fields)):
            if fields.targets:
                fields.check(load.bc.fields(page.name))
        self.items = Items(load)
        self._orders: dict[str, Order] = {}
        self._references: dict[str, list[Order]] = {}
        self._invoices: dict[str, list[Json]] = {}
        self._customers: dict[str, Json] = {}
        self._own_currency: str | None = None

    def prepare(self, numbers: Sequence[str], references: Sequence[str]) -> None:
        """Read the orders of these numbers, and those that have these references, or whose invoices have them."""
        for order in self._read("No", numbers):
            self._orders[fold(order.no)] = order
        for order in self._read("External_Document_No", references):
            self._references.setdefault(fold(order.reference), []).append(order)
        for invoice in self._read_invoices("externalDocumentNumber", references):
            self._invoices.setdefault(fold(str(invoice["externalDocumentNumber"])), []).append(invoice)

    def known(self, number: str) -> Order | None:
        """The order of a number, as it was prepared or else as it is now."""
        # Once only: whoever comes to it again finds it changed.
        return self._orders.pop(fold(number), None) or self.anew(number)

    def anew(self, number: str) -> Order | None:
        """The order of a number as it is now."""
        return next(self._read("No", [number]), None)

    def referring(self, reference: str, *, anew: bool = False) -> list[Order]:
        """The orders that have a reference, as they were prepared or as they are now."""
        if anew:
            return list(self._read("External_Document_No", [reference]))
        return self._references.pop(fold(reference), [])

    def invoices_of(self, number: str) -> list[Json]:
        """The invoices that were posted from an order."""
        return self._read_invoices("orderNumber", [number])

    def invoices_referring(self, reference: str) -> list[Json]:
        """The invoices that have a reference and were posted from an order."""
        return [invoice for invoice in self._invoices.get(fold(reference), ()) if invoice["orderNumber"]]

    def know_customers(self, numbers: Iterable[str]) -> None:
        """Learn these customers, many per request."""
        wanted = list({fold(no): no for no in numbers if fold(no) not in self._customers}.values())
        for row in self._load.bc.read_many(CUSTOMERS, "No", wanted, select=_CUSTOMER) if wanted else ():
            self._customers[fold(str(row["No"]))] = row

    def customer(self, number: str) -> Json | None:
        """A customer, or None when there is no such one."""
        self.know_customers([number])
        return self._customers.get(fold(number))

    def know_own_currency(self) -> None:
        """Learn the company's own currency, which documents leave blank."""
        company = next(iter(self._load.bc.read(_COMPANY, select=("id", "currencyCode"))), {})
        self._own_currency = str(company.get("currencyCode") or "")

    def currency(self, code: str) -> str:
        """A currency as orders name it."""
        return "" if fold(code) == fold(self._own_currency or "") else code

    def _read(self, name: str, values: Sequence[str]) -> Iterator[Order]:
        """Orders by a field of the header, with all their lines."""
        if not values:
            return
        select = _names("No", "Status", *HEADER_FIELDS, *self.header_fields.targets)
        headers = list(self._load.bc.read_many(ORDERS, name, list(values), select=select))
        numbers = [str(header["No"]) for header in headers]
        lines: dict[str, dict[int, Json]] = {fold(no): {} for no in numbers}
        select = _names(*_LINE_STATE, *_CHAIN, *self.line_fields.targets)
        for line in self._load.bc.read_many(LINES, "Document_No", numbers, select=select) if numbers else ():
            lines[fold(str(line["Document_No"]))][int(line["Line_No"])] = line
        for header in headers:
            yield Order(header=header, lines=dict(sorted(lines[fold(str(header["No"]))].items())))

    def _read_invoices(self, name: str, values: Sequence[str]) -> list[Json]:
        select = ("id", "number", "externalDocumentNumber", "customerNumber", "orderNumber")
        return list(self._load.bc.read_many(_INVOICES, name, list(values), select=select)) if values else []


def line_changes(wanted: Json, present: Json) -> Json:
    """What of a line has to be sent: from the first field of the chain that differs on, and whatever else differs."""
    differing = [name for name, value in wanted.items() if not _alike(name, value, present.get(name))]
    first = next((place for place, name in enumerate(_CHAIN) if name in differing), len(_CHAIN))
    sent = {*_CHAIN[first:], *differing}
    return {name: value for name, value in wanted.items() if name in sent}


def _alike(name: str, wanted: Any, found: Any) -> bool:
    return fold(str(wanted)) == fold(str(found or "")) if name in _CODES else same(wanted, found)


def _names(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
