"""Who owns a transaction in iPaaS.com, and what the other side may add to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from include.errors import Rejected
from include.ipaas.endpoints import TRANSACTION
from include.ipaas.external_ids import external_id_of
from include.mappings.sales_lines import PENDING, SHIPPED
from include.mappings.units import BASE
from include.sync.base import alike
from include.sync.context import WriteContext
from include.sync.fields import pairs
from include.sync.records import Follower, Json, Mapped
from include.sync.values import fold, number, text_of
from include.writers.ipaas_followers import Followed

# A transaction in one of these statuses is settled: shipping does not open it again.
SETTLED = frozenset({"Complete", "Cancelled", "Refunded", "Partial Refunded"})


def is_counterpart(mapped: Mapped, record: Json, system_id: int) -> bool:
    """Whether a transaction of the same number may be this document: it is ours, and of the same type."""
    return _is_ours(record, system_id) and record.get("type") == mapped.body["type"]


def _is_ours(record: Json, system_id: int) -> bool:
    return str(record.get("system_id")) == str(system_id)


def within_ownership(changes: Json, record: Json, system_id: int, aside: Json) -> Json:
    """What may be written to a transaction: all of our own, and of another system's what fulfilment adds.

    Raises Rejected when the link leads to a transaction of ours that is of another type.
    """
    if not _is_ours(record, system_id):
        return fulfilment(changes, record, system_id, aside)
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


def fulfilment(changes: Json, record: Json, system_id: int, aside: Json) -> Json:
    """What shipping adds to a transaction that another system owns: shipped quantities, tracking, that it is shipped.

    `aside` has under `shipped` what was shipped of lines in each of their units, by folded external id.
    """
    kept: Json = {}
    lines = _shipped_lines(changes.get("lines") or (), record, system_id, aside)
    if lines:
        kept["lines"] = list(lines.values())
    if changes.get("tracking"):
        kept["tracking"] = changes["tracking"]
    if changes.get("status") == SHIPPED and record.get("status") not in SETTLED:
        ordered = [own for own, line in _own_lines(record, system_id) if _quantity(line.get("qty"))]
        if all(own in lines and lines[own]["status"] == SHIPPED for own in ordered):
            kept["status"] = SHIPPED
    return kept


def _own_lines(record: Json, system_id: int) -> list[tuple[str, Json]]:
    """The lines of a transaction that are lines of its order, each with its folded external id."""
    lines = record.get("lines") or ()
    return [(fold(own), line) for line in lines if (own := external_id_of(line, system_id))]


def _shipped_lines(lines: Iterable[Json], record: Json, system_id: int, aside: Json) -> dict[str, Json]:
    """What was shipped of the lines that the transaction has. One that was taken out of the order, which has no status,
    says nothing of that."""
    present, kept = dict(_own_lines(record, system_id)), {}
    for line in lines:
        own = fold(str(external_id_of(line, system_id)))
        if own in present and "status" in line:
            shipped = _in_its_unit(present[own], aside.get("shipped", {}).get(own, {BASE: line["qty_shipped"]}))
            status = line["status"] if _is_ours(record, system_id) else _status(present[own], shipped, line["status"])
            kept[own] = {"external_ids": line["external_ids"], "qty_shipped": shipped, "status": status}
    return kept


def _in_its_unit(line: Json, quantities: Mapping[str, Any]) -> Any:
    """A quantity in the unit that a transaction's line names: in base units where the item does not have that one."""
    return quantities.get(fold(str(line.get("unit") or BASE)), quantities[BASE])


def _status(line: Json, shipped: Any, otherwise: str) -> str:
    """Whether a line is shipped, by what its owner has ordered: the order may have more of it by now, or less."""
    ordered = _quantity(line.get("qty"))
    if not ordered:
        return otherwise
    return SHIPPED if (shipped >= ordered if ordered > 0 else shipped <= ordered) else PENDING


def _quantity(value: Any) -> Decimal:
    """A quantity of a record of iPaaS.com; nothing when it is none."""
    return number(value) or Decimal(0)


@dataclass(frozen=True, kw_only=True)
class OrderTransaction:
    """What an invoice says about its order's transaction. `says` is that, given the transaction and the id of our system:
    fields as they shall be, and notes."""

    says: Callable[[Follower, Json, int], tuple[Json, Sequence[str]]]

    def write(self, work: WriteContext, follower: Follower) -> Followed:
        """Bring the order's transaction up to date, if there is one."""
        internal_id = work.link_of(TRANSACTION.table, follower.external_id)
        if internal_id is None:
            return Followed()
        listed = work.listed(TRANSACTION, internal_id)
        if listed is not None and not self._lacks(work, follower, listed)[0]:
            return Followed()
        record = work.ipaas.get(TRANSACTION, internal_id)
        if record is None:
            return Followed()
        changes, notes = self._lacks(work, follower, record)
        if not changes:
            return Followed(notes=notes)
        update = partial(work.ipaas.update, TRANSACTION, internal_id, changes)
        work.send(update, what=[internal_id, changes], planned=record)
        return Followed(links=[(TRANSACTION.table, follower.external_id, internal_id)], notes=notes)

    def _lacks(self, work: WriteContext, follower: Follower, record: Json) -> tuple[Json, Sequence[str]]:
        """What the transaction lacks of it, empty when it lacks nothing, and notes: what a person has settled needs none."""
        system_id = work.plan.system_id
        wanted, notes = self.says(follower, record, system_id)
        differ = (pair.missing or not alike(*pair[:3]) for pair in pairs(wanted, record, system_id))
        changes = wanted if any(differ) else {}
        return changes, notes if changes or record.get("status") not in SETTLED else ()


def shipped_order(follower: Follower, record: Json, system_id: int) -> tuple[Json, Sequence[str]]:
    """Of an order that is there: what was shipped of its lines."""
    return fulfilment(follower.body, record, system_id, follower.aside), ()


def gone_order(follower: Follower, record: Json, system_id: int) -> tuple[Json, Sequence[str]]:
    """Of an order that is gone: complete, and all that the transaction holds is shipped, when all of its lines were
    invoiced. Else what was invoiced of them: the rest was deleted, and what becomes of it is its owner's to say."""
    if "lines" not in follower.body:
        return {}, ()  # an earlier version has staged it: the next run maps it anew, with its lines
    settled, own_lines = record.get("status") in SETTLED, _own_lines(record, system_id)
    lines: list[Json] = []
    short: list[str] = []
    if not own_lines and not _covered(record, follower.aside):
        return {}, (
            f"Order {follower.external_id} is gone from Business Central, no line of its transaction is linked to one of its "
            "lines, and its invoices hold less than they do. Settle its status in iPaaS.com.",
        )
    for own, line in own_lines:
        if ordered := _quantity(line.get("qty")):
            invoiced = _invoiced(line, own, follower.aside)
            status = _status(line, invoiced, PENDING)
            # A person may have settled what will not come any more.
            told = {} if settled and status == PENDING else {"status": status}
            lines.append({"id": line["id"], "qty_shipped": invoiced, **told})
            if status == PENDING:
                place = f"line {own.rpartition('|')[2]} ({line.get('sku') or 'no SKU'})"
                short.append(f"{text_of(invoiced)} of {text_of(ordered)} of {place}")
    if short:
        return {"lines": lines}, (
            f"Order {follower.external_id} is gone from Business Central, and its invoices hold {', '.join(short)}. The "
            "rest was deleted there, taken off its lines before, or invoiced without naming the order: decide in iPaaS.com "
            "what becomes of it.",
        )
    named = {own for own, _ in own_lines}
    lines += [
        {"id": line["id"], "status": SHIPPED, "qty_shipped": line["qty"]}
        for line in record.get("lines") or ()
        if line.get("qty") and fold(str(external_id_of(line, system_id))) not in named
    ]
    kept: Json = {"lines": lines} if lines else {}
    return (kept if settled else {"status": "Complete", **kept}), ()


def _covered(record: Json, aside: Json) -> bool:
    """Whether invoices hold as much as a transaction of which no line can be told."""
    ordered = sum((_quantity(line.get("qty")) for line in record.get("lines") or ()), Decimal(0))
    invoiced = sum((Decimal(units[BASE]) for units in aside["at_most"].values()), Decimal(0))
    return ordered <= invoiced


def _invoiced(line: Json, own: str, aside: Json) -> Decimal:
    """What was invoiced of a line in its unit: as the transaction has it, between what stands and what there ever was."""
    bounds = (_in_its_unit(line, aside[name].get(own, {BASE: 0})) for name in ("shipped", "at_most"))
    least, most = sorted(Decimal(bound) for bound in bounds)
    return min(max(_quantity(line.get("qty_shipped")), least), most)
