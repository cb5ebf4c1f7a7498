"""Sales orders as Business Central has them, read many per request, and what tells of posted ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from include.business_central.odata import Api, Page
from include.business_central.services import without
from include.mappings.orders_from_ipaas import HEADER_FIELDS, LOST_WITHOUT_PAGES
from include.sync.context import WriteContext
from include.sync.records import Json
from include.sync.values import fold, same
from include.sync.work import ToBeMade
from include.writers.bc_currencies import Currencies
from include.writers.bc_documents import SoldItems, along
from include.writers.bc_fields import CustomFields
from include.writers.bc_order_surface import LINES, ORDERS, ApiOrders, Order, OrderSurface, PageOrders

CUSTOMERS = Page("CustomerCard")
_API_CUSTOMERS, _INVOICES = Api("customers"), Api("salesInvoices")
# In the order of their validation.
_CHAIN = ("Type", "No", "Unit_of_Measure_Code", "Quantity", "Unit_Price", "Line_Discount_Amount")
_CODES = frozenset({"Type", "No", "Unit_of_Measure_Code"})
_CUSTOMER = ("No", "Currency_Code", "Shipping_Agent_Code", "Shipping_Agent_Service_Code", "Disable_Search_by_Name")


class OrderBook:
    """What one task has read of orders, and of the customers and items that they name."""

    def __init__(self, work: WriteContext) -> None:
        """Nothing is read of orders yet; the subscriber's own fields are compared with the pages."""
        self._work = work
        self.header_fields = CustomFields("transaction", ORDERS.name, work.settings)
        self.line_fields = CustomFields("transaction line", LINES.name, work.settings)
        self.currencies = Currencies(work)
        self.surface = self._choose()
        for page, fields in ((ORDERS, self.header_fields), (LINES, self.line_fields)):
            if fields.targets:
                fields.check(work.bc.fields(page.name) if isinstance(self.surface, PageOrders) else None)
        self.items = SoldItems(work)
        self._orders: dict[str, Order] = {}
        self._references: dict[str, list[Order]] = {}
        self._invoices: dict[str, list[Json]] = {}
        self._customers: dict[str, Json] = {}

    def _choose(self) -> OrderSurface:
        """The pages; or API v2.0 where one of them has ended, and the run is told what is lost."""
        bc = self._work.bc
        gone = [page.name for page in (ORDERS, LINES) if bc.goes_without(page.name)]
        if not gone:
            return PageOrders(bc)
        lost = (*LOST_WITHOUT_PAGES, *self.header_fields.targets, *self.line_fields.targets)
        self._work.task.warn(without(gone, "orders are written through API v2.0", lost))
        return ApiOrders(bc, lambda: self.currencies.own)

    def prepare(self, numbers: Sequence[str], references: Sequence[str]) -> None:
        """Read the orders of these numbers, and those that have these references, or whose invoices have them."""
        for order in self._read("No", numbers):
            self._orders[fold(order.no)] = order
        self._references |= {fold(reference): [] for reference in references}
        self._invoices |= {fold(reference): [] for reference in references}
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
        # Once only: of two transactions of one number, the second comes after what the first has made.
        found = None if anew else self._references.pop(fold(reference), None)
        if found is not None:
            return found
        # An order that is not there any more may have been invoiced since.
        self._invoices.pop(fold(reference), None)
        return list(self._read("External_Document_No", [reference]))

    def invoices_of(self, number: str) -> list[Json]:
        """The invoices that were posted from an order."""
        return self._read_invoices("orderNumber", [number])

    def invoices_referring(self, reference: str) -> list[Json]:
        """The invoices that have a reference and were posted from an order, as of when its orders were looked for."""
        found = self._invoices.pop(fold(reference), None)
        if found is None:
            found = self._read_invoices("externalDocumentNumber", [reference])
        return [invoice for invoice in found if invoice["orderNumber"]]

    def invoices_begun(self, reserved: str, key: str, buyer: str) -> list[Json]:
        """The invoices that are there of those that were begun for a transaction under a reference that is `reserved`: by the
        id, or, as long as none was known, of its buyer. Others' transactions may have the same number."""
        intent, *draft = reserved.rsplit("|", 2)
        if len(draft) == 2 and intent.endswith(f"|{key}"):
            return self._read_invoices("id", [draft[0]])
        found = self._read_invoices("externalDocumentNumber", [reserved.removesuffix(f"|{key}")])
        return [invoice for invoice in found if fold(str(invoice["customerNumber"])) == fold(buyer)]

    def know_customers(self, numbers: Iterable[str]) -> None:
        """Learn these customers, many per request."""
        wanted = list({fold(no): no for no in numbers if fold(no) not in self._customers}.values())
        if not wanted:
            return
        bc = self._work.bc
        if bc.goes_without(CUSTOMERS.name):
            # Business Central gives the order its customer's shipping agent by itself.
            rows = bc.read_many(_API_CUSTOMERS, "number", wanted, select=("number", "currencyCode"))
            self._customers |= {fold(str(r["number"])): {"Currency_Code": r["currencyCode"]} for r in rows}
        else:
            rows = bc.read_many(CUSTOMERS, "No", wanted, select=_CUSTOMER)
            self._customers |= {fold(str(row["No"])): row for row in rows}

    def customer(self, number: str) -> Json | None:
        """A customer, or None when there is no such one."""
        if isinstance(number, ToBeMade):
            return number.fields
        self.know_customers([number])
        return self._customers.get(fold(number))

    def _read(self, name: str, values: Sequence[str]) -> Iterator[Order]:
        """Orders by a field of the header, with all their lines."""
        header = (*HEADER_FIELDS, *self.header_fields.targets)
        yield from self.surface.read(name, values, header, (*_CHAIN, *self.line_fields.targets)) if values else ()

    def _read_invoices(self, name: str, values: Sequence[str]) -> list[Json]:
        select = ("id", "number", "externalDocumentNumber", "customerNumber", "orderNumber")
        return list(self._work.bc.read_many(_INVOICES, name, list(values), select=select)) if values else []


def line_changes(wanted: Json, present: Json) -> Json:
    """What of a line has to be sent."""
    return along(_CHAIN, wanted, [n for n, value in wanted.items() if not line_alike(n, value, present.get(n))])


def line_alike(name: str, wanted: Any, found: Any) -> bool:
    """Whether two values of a field of a line mean the same."""
    return fold(str(wanted)) == fold(str(found or "")) if name in _CODES else same(wanted, found)
