"""Who owns a transaction in iPaaS.com, and what the other side may add to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from include.errors import Rejected
from include.ipaas.endpoints import TRANSACTION
from include.ipaas.external_ids import external_id_of
from include.sync.context import WriteContext
from include.sync.links import Link
from include.sync.records import Follower, Json, Mapped
from include.sync.values import fold
from include.writers.compare import differences

# A transaction in one of these statuses is settled: shipping does not open it again.
SETTLED = frozenset({"Complete", "Cancelled", "Refunded", "Partial Refunded"})


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

    def write(self, work: WriteContext, follower: Follower) -> Sequence[Link]:
        """Bring the order's transaction up to date, if there is one; returns its link when something was written."""
        internal_id = work.link_of(TRANSACTION.table, follower.external_id)
        if internal_id is None:
            return []
        listed = work.listed(TRANSACTION, internal_id)
        if listed is not None and not self._changes(work, follower, listed):
            return []
        record = work.ipaas.get(TRANSACTION, internal_id)
        changes = self._changes(work, follower, record) if record else {}
        if record is None or not changes:
            return []
        update = partial(work.ipaas.update, TRANSACTION, internal_id, changes)
        work.send(update, what=[internal_id, changes], planned=record)
        return [(TRANSACTION.table, follower.external_id, internal_id)]

    def _changes(self, work: WriteContext, follower: Follower, record: Json) -> Json:
        """What the transaction lacks of it; empty when it lacks nothing."""
        system_id = work.plan.system_id
        wanted = _posted(record) if self.posted else fulfilment(follower.body, record, system_id)
        return wanted if differences(wanted, record, system_id) else {}


def _posted(record: Json) -> Json:
    """A transaction whose order is posted in full: complete, and all that it holds is shipped."""
    lines = [
        {"id": line["id"], "status": "Shipped", "qty_shipped": line["qty"]}
        for line in record.get("lines") or ()
        if line.get("qty")
    ]
    kept: Json = {"lines": lines} if lines else {}
    return kept if record.get("status") in SETTLED else {"status": "Complete", **kept}
