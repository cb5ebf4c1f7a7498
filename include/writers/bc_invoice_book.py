"""Sales invoices and customer payments as Business Central has them, read many per request: API v2.0."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

from include.business_central.odata import Api
from include.business_central.posted_invoices import POSTED_PAGE, PostedInvoices
from include.business_central.records.invoice_states import CANCELED, is_posted, status_of
from include.errors import BadRecord, ErrorKind, Sent, ServiceError
from include.mappings.invoices_from_ipaas import HEADER_FIELDS
from include.sync.asked import GUID
from include.sync.context import WriteContext
from include.sync.records import Json
from include.sync.values import fold
from include.writers.bc_currencies import Currencies
from include.writers.bc_documents import SoldItems

INVOICES = Api("salesInvoices")
# The lines of an invoice: as they stand in it, and as an entity set.
LINES = "salesInvoiceLines"
# The lines of a journal of payments, likewise.
PAYMENTS = "customerPayments"
_JOURNALS, _ORDERS = Api("customerPaymentJournals"), Api("salesOrders")
_STATE = (
    "id",
    "number",
    "status",
    "orderNumber",
    "discountAmount",
    "totalTaxAmount",
    "totalAmountIncludingTax",
    "remainingAmount",
    "billToCustomerNumber",
)
_PAYMENT = ("id", "externalDocumentNumber", "customerNumber", "amount", "appliesToInvoiceNumber")


def stands(invoice: Json) -> bool:
    """Whether it has not been cancelled. A corrective one takes a credit memo back: it is owed as any other."""
    return status_of(invoice) != CANCELED


def paid(invoice: Json) -> Decimal:
    """How much of a posted invoice has been settled."""
    return Decimal(invoice["totalAmountIncludingTax"]) - Decimal(invoice["remainingAmount"])


def lines_of(invoice_id: str) -> Api:
    """The lines of one invoice, to be written."""
    return Api(f"{INVOICES.name}({invoice_id})/{LINES}")


class InvoiceBook:
    """What one task has read of invoices, their orders and their payments."""

    def __init__(self, work: WriteContext) -> None:
        """Nothing is read yet."""
        self._work = work
        self.items = SoldItems(work)
        self.currencies = Currencies(work)
        self.posted = PostedInvoices(work.bc)
        # Lines of one journal are written one after another: Business Central numbers them as they come.
        self.journal_lock = threading.Lock()
        self._journal: str | None = None
        self._invoices: dict[str, Json] = {}
        self._references: dict[str, list[Json]] = {}
        self._orders: dict[str, list[Json]] = {}
        self._by_order: dict[str, list[Json]] = {}
        self._open_orders: set[str] = set()
        self._known_orders: set[str] = set()
        self._on_page: dict[str, bool] = {}

    def prepare(self, ids: Sequence[str], references: Sequence[str], orders: Sequence[str]) -> None:
        """Read the invoices of these ids and references, and what became of these orders."""
        self._invoices |= {str(invoice["id"]).lower(): invoice for invoice in self._read("id", ids)}
        self._references |= {fold(reference): [] for reference in references}
        for invoice in self._read("externalDocumentNumber", references):
            self._references.setdefault(fold(str(invoice["externalDocumentNumber"])), []).append(invoice)
        self._orders |= {fold(reference): [] for reference in references}
        for order in self._read_orders(references):
            self._orders.setdefault(fold(str(order["externalDocumentNumber"])), []).append(order)
        found = [*self._invoices.values(), *chain.from_iterable(self._references.values())]
        self._look_at_page([str(invoice["number"]) for invoice in found if is_posted(invoice) is None])
        self.know_orders(orders)

    def known(self, invoice_id: str) -> Json | None:
        """The invoice of an id, as it was prepared or else as it is now."""
        return self._invoices.pop(invoice_id.lower(), None) or self.anew(invoice_id)

    def anew(self, invoice_id: str) -> Json | None:
        """The invoice of an id with its lines, as it is now."""
        return next(iter(self._read("id", [invoice_id], expand=LINES)), None)

    def is_listed(self, invoice: Json) -> bool | None:
        """Whether the posted page has an invoice, as it was prepared or as it is now; None where it is not published."""
        number = str(invoice["number"])
        if fold(number) not in self._on_page:
            self._look_at_page([number])
        return self._on_page.pop(fold(number), None)

    def _look_at_page(self, numbers: Sequence[str]) -> None:
        if numbers and self._work.bc.published(POSTED_PAGE):
            there = {fold(str(row["No"])) for row in self.posted.rows(numbers, select=("No",))}
            self._on_page |= {fold(number): fold(number) in there for number in numbers}

    def referring(self, reference: str, *, anew: bool = False) -> list[Json]:
        """The invoices that have a reference and were not cancelled, as they were prepared or as they are now."""
        # Once only: of two transactions of one number, the second comes after what the first has made.
        found = None if anew else self._references.pop(fold(reference), None)
        if found is None:
            found = self._read("externalDocumentNumber", [reference])
        return [invoice for invoice in found if stands(invoice)]

    def orders_referring(self, reference: str, *, anew: bool = False) -> list[Json]:
        """The open orders that have a reference, as they were prepared or as they are now."""
        found = None if anew else self._orders.pop(fold(reference), None)
        return self._read_orders([reference]) if found is None else found

    def know_orders(self, numbers: Iterable[str]) -> None:
        """Learn which of these orders are open, and the invoices that were posted from the others."""
        wanted = list({fold(no): no for no in numbers if fold(no) not in self._known_orders}.values())
        if not wanted:
            return
        rows = self._work.bc.read_many(_ORDERS, "number", wanted, select=("number",))
        self._open_orders |= {fold(str(row["number"])) for row in rows}
        for invoice in self._read("orderNumber", [no for no in wanted if fold(no) not in self._open_orders]):
            self._by_order.setdefault(fold(str(invoice["orderNumber"])), []).append(invoice)
        self._known_orders |= {fold(no) for no in wanted}

    def is_open(self, order: str) -> bool:
        """Whether an order is there, to be posted in Business Central."""
        return fold(order) in self._open_orders

    def posted_from(self, order: str) -> list[Json]:
        """The invoices that were posted from an order which is gone, cancelled ones included."""
        return self._by_order.get(fold(order), [])

    def lines(self, invoice: Json) -> dict[int, Json]:
        """The lines of an invoice by their number, as they were read with it or else as they are now."""
        if LINES not in invoice:
            invoice = self.anew(str(invoice["id"])) or {**invoice, LINES: ()}
        return {int(row["sequence"]): row for row in invoice[LINES]}

    def journal(self) -> Api:
        """The lines of the configured payment journal. Raises ServiceError (misconfigured) when there is none, and
        BadRecord when what is answered for it cannot be read."""
        if self._journal is None:
            code = str(self._work.settings.bc_create_defaults.invoice.payment_journal)
            odd: list[Exception] = []

            def refused(value: object, error: Exception) -> None:
                odd.append(error)

            rows = self._work.bc.read_many(_JOURNALS, "code", [code], select=("id", "code"), refused=refused)
            found = next(rows, None)
            if odd or (found and not GUID.fullmatch(str(found.get("id")))):
                why = odd[0] if odd else f"its id is {str((found or {}).get('id'))[:60]!r}"
                raise BadRecord(f"the payment journal {code}: {why}")
            if found is None:
                raise ServiceError(
                    f"There is no customer payment journal {code!r}.",
                    system=self._work.side.target,
                    kind=ErrorKind.misconfigured,
                    sent=Sent.no,
                    advice="Set invoice.payment_journal in the Variable bc_create_defaults to the code of a batch of the "
                    "payment journal (page 251, template type Cash Receipts or Payments), or create that batch.",
                )
            self._journal = str(found["id"])
        return Api(f"{_JOURNALS.name}({self._journal})/{PAYMENTS}")

    def payments(self, references: Sequence[str], payer: str) -> Mapping[str, Json]:
        """The journal's lines of a customer with these references, those that have not been posted yet, by reference, folded.
        Others' payments may have the same one."""
        rows = self._work.bc.read_many(self.journal(), "externalDocumentNumber", list(references), select=_PAYMENT)
        mine = (row for row in rows if fold(str(row["customerNumber"])) == fold(payer))
        return {fold(str(row["externalDocumentNumber"])): row for row in mine}

    def _read_orders(self, references: Sequence[str]) -> list[Json]:
        select = ("number", "externalDocumentNumber", "customerNumber")
        name = "externalDocumentNumber"
        return list(self._work.bc.read_many(_ORDERS, name, list(references), select=select)) if references else []

    def _read(self, name: str, values: Sequence[Any], *, expand: str | None = None) -> list[Json]:
        select = tuple(dict.fromkeys((*_STATE, *HEADER_FIELDS)))
        rows = self._work.bc.read_many(INVOICES, name, list(values), select=select, expand=expand) if values else ()
        return list(rows)
