"""Transactions of other systems, read with everything that an order or an invoice is made of.

`load` talks to Business Central alone; so whatever iPaaS.com has to be asked is asked here: who buys, which products its
SKUs are, what is linked to us already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pydantic import ValidationError

from include.errors import BadRecord, Rejected
from include.ipaas.endpoints import COMPANY, CUSTOMER, PRODUCT, TRANSACTION
from include.ipaas.external_ids import LINE_TABLE, PAYMENT_TABLE, external_id_of, reference, sound
from include.mappings.contacts import contact_of
from include.mappings.foreign_transactions import held_by, item_lines
from include.mappings.rows_of_ipaas import TransactionRow
from include.sources.ipaas_records import IPaaSRecords, isolated
from include.sync.asked import AskedId
from include.sync.called import named
from include.sync.flow import Reads, Window
from include.sync.ledger.entries import State
from include.sync.records import Json, MappingContext, SourceRecord
from include.sync.values import fold

# The flow that gives contacts their company in iPaaS.com.
CONTACTS = "contact_to_ipaas"
# What is nested in a transaction and announced by itself.
NESTED_SCOPES = {
    "transaction/line": "lines",
    "transaction/address": "addresses",
    "transaction/tax": "taxes",
    "transaction/payment": "payments",
}


# Why a flow leaves a transaction out, or None.
Skip = Callable[[TransactionRow, MappingContext], str | None]


@dataclass(frozen=True, kw_only=True)
class ForeignTransactions:
    """Transactions for one flow. Those that its filter leaves out are read no further."""

    flow: str
    skip: Skip
    # The flows that take the transaction above one first, with their filters.
    parents: Mapping[str, Skip] = field(default_factory=dict)

    @property
    def _records(self) -> IPaaSRecords[TransactionRow]:
        return IPaaSRecords(endpoint=TRANSACTION, flow=self.flow, row=TransactionRow)

    row: ClassVar = TransactionRow
    finds_by: ClassVar = (frozenset({"id"}),)

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[TransactionRow]]:
        """A poll: what iPaaS.com lists as missing. A backfill: everything modified in the window."""
        yield from self._complete(reads, self._records.changed(reads, window))

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[TransactionRow]]:
        """Transactions by their iPaaS.com id."""
        yield from self._complete(reads, self._records.by_ids(reads, ids))

    def _complete(
        self, reads: Reads, records: Iterable[SourceRecord[TransactionRow]]
    ) -> Iterator[SourceRecord[TransactionRow]]:
        context = reads.context({})
        products: dict[str, _Product | None] = {}
        for record in records:
            if record.problem is not None:
                yield record
                continue
            # A link that iPaaS.com is yet to be told of counts as well, or the transaction would be transferred twice.
            known = reads.ledger.external_ids(TRANSACTION.table, [record.key])
            row = replace(record.data, link=record.data.linked or known.get(record.key))
            with isolated() as fault:
                if not self._left_out(row, context):
                    row = self._extended(reads, row, context, products)
            yield replace(record, data=row, problem=fault[0] if fault else None)

    def _left_out(self, row: TransactionRow, context: MappingContext) -> bool:
        return _leaves_out(self.skip, row, context, unreadable=True)  # it says so again when it is mapped

    def _above(self, reads: Reads, row: TransactionRow, context: MappingContext) -> tuple[str | None, Any]:
        """What the transaction above one became, or else the id of the one that is to become a document first.

        What is above a transaction that is for a flow to transfer decides about both: they are of one sale.
        """
        awaited, seen = None, {str(row.record["id"])}
        parent = reference(row.record.get("transaction_parent_id"), "transaction_parent_id")
        while parent is not None and str(parent) not in seen:
            if link := _link(reads, TRANSACTION.table, parent):
                return link, None
            record = reads.ipaas.get(TRANSACTION, parent) if self.parents and not row.link else None
            if record is None or not self._takes(reads, parent, record, context):
                return None, awaited
            seen.add(str(parent))
            awaited, parent = parent, _parent_of(record)
        if parent is None or str(parent) != str(row.record["id"]):
            return None, awaited
        # Of those that stand above each other the first goes first, or all would wait for ever.
        first = min(seen, key=lambda key: (len(key), key))
        return None, None if first == str(row.record["id"]) else first

    def _takes(self, reads: Reads, key: Any, record: Json, context: MappingContext) -> bool:
        """Whether a transaction is for a flow to transfer."""
        row = TransactionRow(record=record)
        takes = [
            flow
            for flow, skip in self.parents.items()
            if (flow == self.flow or not reads.is_off(flow))
            # Once somebody has corrected what cannot be read, it may become a document.
            and not _leaves_out(skip, row, context, unreadable=False)
        ]
        known = (reads.ledger.transfers(flow, [str(key)]).get(str(key)) for flow in takes)
        # What a person has set aside becomes no document.
        return bool(takes) and not any(transfer and transfer.state == State.ignored for transfer in known)

    def _extended(
        self, reads: Reads, row: TransactionRow, context: MappingContext, products: dict[str, _Product | None]
    ) -> TransactionRow:
        record = row.record
        parent_link, awaits = self._above(reads, row, context)
        buyers = _buyers(reads, record)
        holders = _holders(reads, row, buyers.values())
        try:
            skus = [str(line.sku) for line in item_lines(row.transaction, context)]
        except (Rejected, ValidationError):
            skus = []  # it says so again when it is mapped
        _know_products(reads, skus, products)
        own = {fold(sku): found for sku in skus if (found := products[fold(sku)]) is not None}
        items = {folded: found.item for folded, found in own.items() if found.item is not None}
        return replace(
            row,
            parent_link=parent_link,
            awaits=awaits,
            buyer=buyers["buyer"],
            bill_to=buyers.get("bill_to"),
            holders=holders,
            products={folded: found.id for folded, found in own.items()},
            items=items,
        )


def _leaves_out(skip: Skip, row: TransactionRow, context: MappingContext, *, unreadable: bool) -> bool:
    """Whether a filter leaves a transaction out; `unreadable` of one that cannot be read."""
    try:
        return skip(row, context) is not None
    except (Rejected, ValidationError):
        return unreadable


def _parent_of(record: Json) -> Any:
    try:
        return reference(record.get("transaction_parent_id"), "transaction_parent_id")
    except BadRecord:
        return None  # it says so when it is read itself


def _link(reads: Reads, table: str, ipaas_id: Any) -> str | None:
    return reads.links.external_ids(table, [ipaas_id]).get(str(ipaas_id))


def _buyers(reads: Reads, record: Json) -> dict[str, Json]:
    """Who the document is made out to (`buyer`), and who pays when that is somebody else (`bill_to`).

    A contact buys for its company. A customer that is not linked, of a company that the transaction names, is one that
    Business Central need not know: the company is.
    """
    customer_id, company_id = (reference(record.get(name), name) for name in ("customer_id", "company_id"))
    if customer_id is None:
        return {"buyer": _company(company_id)}
    customer = _link(reads, CUSTOMER.table, customer_id)
    contact = None if customer is None else contact_of(customer)
    if contact is not None:
        if company_id is None:
            company_id = reference((reads.ipaas.get(CUSTOMER, customer_id) or {}).get("company_id"), "company_id")
        waits = company_id is None and _waits(reads, str(customer))
        return {"buyer": {**_company(company_id), "contact": contact, **({"waits": True} if waits else {})}}
    if customer is None and company_id is not None:
        return {"buyer": _company(company_id)}
    buyer: Json = {"table": CUSTOMER.table, "id": customer_id}
    return {"buyer": buyer} if company_id is None else {"buyer": buyer, "bill_to": _company(company_id)}


def _waits(reads: Reads, contact: str) -> bool:
    """Whether a contact waits for its company to arrive in iPaaS.com."""
    found = reads.ledger.transfers(CONTACTS, [contact]).get(contact)
    return found is not None and found.state == State.waiting


def _company(company_id: Any) -> Json:
    return {"table": COMPANY.table, "id": company_id}


def _holders(reads: Reads, row: TransactionRow, buyers: Iterable[Json]) -> dict[str, Any]:
    """Which records hold external ids of ours: parties, lines, payments, and other transactions of this number."""
    record, system_id = row.record, reads.plan.system_id
    found = [
        (party["table"], link, party["id"])
        for party in buyers
        if party["id"] is not None and (link := _link(reads, party["table"], party["id"]))
    ]
    nested = [(LINE_TABLE, line) for line in _nested(record, "lines")]
    nested += [(PAYMENT_TABLE, payment) for payment in _nested(record, "payments")]
    nested.append((TRANSACTION.table, record))
    if not row.link and record.get("transaction_number"):
        # Other systems may number their transactions alike: what has become of those is not this one's document.
        others = reads.links.alike(TRANSACTION, str(record["transaction_number"]))
        nested += [(TRANSACTION.table, other) for other in others]
    found += [(table, own, child["id"]) for table, child in nested if (own := external_id_of(child, system_id))]
    return {held_by(table, external_id): ipaas_id for table, external_id, ipaas_id in found}


def _nested(record: Json, name: str) -> list[Json]:
    """The records of a nested list. Raises BadRecord when there is something else in it."""
    found = record.get(name) or []
    if not isinstance(found, list):
        raise BadRecord(f"{name} is no list")
    records, odd = sound(found, name)
    for one in odd:
        raise BadRecord(f"of {one.place}, {one.why}")
    return records


@dataclass(frozen=True, kw_only=True)
class _Product:
    """A product by its id, and the number of its item where that is not its SKU."""

    id: Any
    item: str | None = None


def _know_products(reads: Reads, skus: Sequence[str], products: dict[str, _Product | None]) -> None:
    """Learn the iPaaS.com products of these SKUs: None where there is none."""
    unknown = {fold(sku): sku for sku in skus if fold(sku) not in products}
    apart = named(reads.ledger, PRODUCT.table, unknown.values())
    linked = reads.ledger.internal_ids(PRODUCT.table, [sku for folded, sku in unknown.items() if folded not in apart])
    for folded, sku in unknown.items():
        if (id_ := apart.get(folded)) is not None:
            products[folded] = _product(reads, id_, sku)
        elif (id_ := linked.get(folded)) is not None:
            products[folded] = _Product(id=id_)
        else:
            alike = reads.ipaas.search(PRODUCT, sku)
            found = next((one for one in alike if fold(str(one.get(PRODUCT.key))) == folded), None)
            products[folded] = None if found is None else _product(reads, found["id"], sku, found)


def _product(reads: Reads, id_: Any, sku: str, record: Json | None = None) -> _Product:
    # The ledger may know of a link that iPaaS.com is yet to be told of.
    known = reads.ledger.external_ids(PRODUCT.table, [id_]).get(str(id_))
    number = known or (external_id_of(record, reads.plan.system_id) if record else None)
    return _Product(id=id_, item=number if number and fold(number) != fold(sku) else None)
