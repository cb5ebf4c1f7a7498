"""Random transactions and documents through the real flows: each agrees, or fails with both figures, or a note has both.

What passes in silence is a fault; so is a record that is refused although it agrees.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from bench import Bench, outcome_of

from include.sandbox import Sandbox
from include.sync.outcomes import Outcome, Result
from tests.counts._company import Company, make_company, settings_of, text
from tests.counts._ledger_documents import Document, random_document
from tests.counts._shop_sales import Sale, random_sale

BLOCK = 100
VERDICTS = ("agreed", "told in a note", "failed with both figures", "silent", "refused although it agrees")
_FAULTS = VERDICTS[3:]
_FIGURE = re.compile(r"-?\d+(?:\.\d+)?")
_FLOWS = {"order": "sales_order_from_ipaas", "invoice": "invoice_from_ipaas"}


@dataclass(frozen=True)
class Verdict:
    """What became of one record. `why` says more of a fault."""

    flow: str
    name: str
    why: str = ""


def count(number: int, seed: int) -> dict[str, int]:
    """What became of so many random records: a table is printed, and what passed in silence or was wrongly refused is
    answered."""
    found = list(verdicts(number, seed))
    table = Counter((verdict.flow, verdict.name) for verdict in found)
    flows = sorted({verdict.flow for verdict in found})
    print(f"{'flow':28}" + "".join(f"{name:>28}" for name in VERDICTS))
    for flow in flows:
        print(f"{flow:28}" + "".join(f"{table[flow, name]:>28}" for name in VERDICTS))
    sums = [sum(table[flow, name] for flow in flows) for name in VERDICTS]
    print(f"{'all ' + str(len(found)):28}" + "".join(f"{total:>28}" for total in sums))
    faults = [verdict for verdict in found if verdict.name in _FAULTS]
    for fault in faults[:20]:
        print(f"{fault.flow}: {fault.name}: {fault.why}")
    return {"transactions and documents": len(found), **{name: sums[VERDICTS.index(name)] for name in _FAULTS}}


def verdicts(number: int, seed: int) -> Iterator[Verdict]:
    """What became of so many random records, a world for each hundred of them."""
    for block, start in enumerate(range(0, number, BLOCK)):
        chance = Random(f"{seed}-{block}")
        with tempfile.TemporaryDirectory() as folder:
            sandbox = Sandbox("empty")
            sandbox.start()
            bench = Bench(sandbox, Path(folder), settings_of(block))
            try:
                yield from _block(bench, chance, block, min(BLOCK, number - start))
            finally:
                bench.close()
                sandbox.stop()


def _block(bench: Bench, chance: Random, block: int, number: int) -> Iterator[Verdict]:
    company = make_company(bench, block)
    sales: dict[str, Sale] = {}
    documents: list[Document] = []
    for place in range(number):
        if place % 4 == 3:
            documents.append(random_document(chance, company, posted=place % 8 == 3))
            continue
        sale = random_sale(chance, company, place, "invoice" if place % 4 == 2 else "order")
        record = company.shop.order(**sale.body)
        sales[str(record["id"])] = sale
    # In one world of six Microsoft's pages have ended while sales come in.
    bench.sandbox.switches.pages_ended = block % 6 == 3
    for kind, flow in _FLOWS.items():
        report = bench.run(flow)
        for key, sale in sales.items():
            if sale.kind == kind:
                yield _of_sale(company, sale, outcome_of(report, key))
    bench.sandbox.switches.pages_ended = False
    for flow in sorted({document.flow for document in documents}):
        report = bench.run(flow)
        for document in documents:
            if document.flow == flow:
                yield _of_document(company, document, outcome_of(report, document.number))


def _figures(*texts: str) -> set[Decimal]:
    return {Decimal(figure) for said in texts for figure in _FIGURE.findall(said)}


def _has_both(outcome: Outcome, pairs: Iterable[tuple[Decimal, Decimal]]) -> bool:
    """Whether what is said of a record holds both figures of a difference."""
    said = _figures(outcome.message, *outcome.notes)
    return any(one != other and {one, other} <= said for one, other in pairs)


# --- from iPaaS.com ------------------------------------------------------------------------------------------------


def _of_sale(company: Company, sale: Sale, outcome: Outcome) -> Verdict:
    flow = _FLOWS[sale.kind]
    wanted, found = (_order if sale.kind == "order" else _invoice)(company, sale)
    pairs = [(sale.made, sale.total), *((wanted, amount) for amount in found.amounts)]
    pairs += [(sale.by_lines, amount) for amount in found.amounts]
    # Of a total that agrees, and holds tax of Business Central's own: how much of it is.
    pairs += [(wanted, tax) for tax in found.taxes if tax]
    why = (
        f"{sale.body['transaction_number']} ({sale.odd or 'nothing odd'}, {sale.currency or 'own currency'}) comes to {text(wanted)}"
        f", found {found}: {outcome.result} {outcome.message} {' '.join(outcome.notes)}"
    )
    if outcome.result is Result.failed:
        if not _has_both(outcome, pairs):
            return Verdict(flow, "silent", why)
        agrees = not sale.odd or sale.odd == "free shipping"
        taxed = sale.kind == "invoice" and sale.taxed
        return Verdict(flow, "refused although it agrees" if agrees and not taxed else "failed with both figures", why)
    if found.amounts == (wanted,) and found.fits:
        return Verdict(flow, "agreed", why)
    return Verdict(flow, "told in a note" if found.fits and _has_both(outcome, pairs) else "silent", why)


@dataclass(frozen=True)
class _Found:
    """The amounts of the documents of a sale; whether units, quantities and currency are right, too; and the tax of
    Business Central's own in drafts."""

    amounts: tuple[Decimal, ...]
    fits: bool
    taxes: tuple[Decimal, ...] = ()


def _order(company: Company, sale: Sale) -> tuple[Decimal, _Found]:
    bc = company.shop.bench.sandbox.bc
    rows = [row for row in bc.rows("Sales Header") if _is_of(row, sale) and row["Document Type"] == "Order"]
    lines = [line for row in rows for line in bc.lines("Sales Line", "Order", row["No."])]
    fits = len(rows) == 1 and rows[0].get("Currency Code", "") == sale.currency and _in_base(lines) == sale.base_units
    return sale.net, _Found(tuple(Decimal(row["Amount"]) for row in rows), fits)


def _invoice(company: Company, sale: Sale) -> tuple[Decimal, _Found]:
    bc = company.shop.bench.sandbox.bc
    drafts = [row for row in bc.rows("Sales Header") if _is_of(row, sale) and row["Document Type"] == "Invoice"]
    rows = [row for row in bc.rows("Sales Invoice Header") if _is_of(row, sale)]
    lines = [line for row in rows for line in bc.lines("Sales Invoice Line", row["No."])]
    fits = len(rows) == 1 and not drafts and _in_base(lines) == sale.base_units
    # Nothing is to be tax of Business Central's own.
    fits = fits and rows[0]["Amount"] == rows[0]["Amount Including VAT"] and rows[0]["Currency Code"] == sale.currency
    taxes = tuple(Decimal(row["Amount Including VAT"] - row["Amount"]) for row in drafts)
    return sale.total, _Found(tuple(Decimal(row["Amount Including VAT"]) for row in (*rows, *drafts)), fits, taxes)


def _is_of(row: Any, sale: Sale) -> bool:
    return str(row.get("External Document No.")) == sale.body["transaction_number"]


def _in_base(lines: Iterable[Any]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for line in lines:
        if line["Type"] == "Item":
            base = line["Quantity"] * line["Qty. per Unit of Measure"]
            found[line["No."]] = found.get(line["No."], Decimal(0)) + base
    return found


# --- to iPaaS.com --------------------------------------------------------------------------------------------------


def _of_document(company: Company, document: Document, outcome: Outcome) -> Verdict:
    transaction = company.shop.bench.linked("transaction", document.number) or {}
    why = f"{document}: {outcome.result} {outcome.message} {' '.join(outcome.notes)} {transaction}"
    if outcome.result is Result.failed or not transaction:
        return Verdict(document.flow, "silent", why)
    says = {name: Decimal(transaction[name]) for name in ("subtotal", "shipping_amount", "tax_amount", "total")}
    lines = {
        int(line["sequence_number"]): (Decimal(line["qty"]), Decimal(line["extended_price"]))
        for line in transaction["lines"]
        if line["type"] == "Product"
    }
    # A charge on an account is shipping where that is the account of shipping, and else a service.
    services = sum(
        (Decimal(line["extended_price"]) for line in transaction["lines"] if line["type"] == "Service"), Decimal(0)
    )
    right = (
        lines == document.lines
        and says["total"] == document.total
        and says["subtotal"] - services == document.subtotal
        and says["shipping_amount"] + services == document.shipping
        and (transaction.get("currency_code") or "") == document.currency
    )
    tax = Decimal(0) if document.includes_tax else says["tax_amount"]
    made = says["subtotal"] + says["shipping_amount"] - document.discount + tax
    if right and made == says["total"]:
        return Verdict(document.flow, "agreed", why)
    both = right and _has_both(outcome, [(made, says["total"])])
    return Verdict(document.flow, "told in a note" if both else "silent", why)
