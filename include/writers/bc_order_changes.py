"""What an update changes of an order: what its transaction changed since both sides last agreed. Decides; no I/O.

Fields are named as they are reported: those of the header by their names, `lines[S-1|10000].Quantity`, `discount`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from include.business_central.records.base import unblank
from include.mappings.orders_from_ipaas import HEADER_CODES, HEADER_FIELDS, LINE_GOODS, SHARED
from include.sync.base import Base
from include.sync.merge import Merged, Times, merge, shown, unit_of
from include.sync.outcomes import Change
from include.sync.records import Json
from include.sync.runs import Direction
from include.sync.values import same, text_of
from include.writers.bc_order_amounts import SHIPPING, WantedOrder
from include.writers.bc_order_book import line_alike, line_changes
from include.writers.bc_order_surface import API_ORDERS, ORDERS, Order
from include.writers.bc_target import Target

DISCOUNT = "discount"
# Under this name the base remembers which line is that of shipping.
SHIPPING_LINE = "shipping line"
# The option that makes the fields of an address writable sets them back to the customer's own: whoever writes one field
# of an address writes the option and the whole address.
_GROUPS = {"BillToOptions": "Bill_to_", "ShippingOptions": "Ship_to_"}
# Only some customers' orders let it be written; where they do, the transaction has it.
_NOT_ALWAYS = frozenset({"Bill_to_Name"})
HEADER = Target(
    name="sales order",
    page=ORDERS.name,
    api=API_ORDERS.name,
    fields=HEADER_FIELDS,
    api_fields={},
    model="transaction",
    codes=HEADER_CODES,
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """An order as it is found, and as its transaction has it.

    `header` is what an update may send of it, `numbers` the Line_No of every line of the transaction by its id, `held`
    those of lines that came from the transaction, also from lines that it does not have any more. `base` is what was last
    agreed, or None; `force` sends everything.
    """

    order: Order
    header: Json
    wanted: WantedOrder
    numbers: Mapping[str, int]
    held: Collection[int]
    base: Base | None
    times: Times
    force: bool = False


@dataclass(kw_only=True)
class Decision:
    """What is to be done with an order: `header` fields and lines to write, lines to remove, the `discount` to end with.

    `apart` says of lines, and of the discount, in what the order stays otherwise than its transaction, since Business
    Central changed it. `kept` are lines that stay though the transaction does not have them any more. `held` are changes
    of the transaction that gave way.
    """

    header: Json = field(default_factory=dict)
    add: dict[int, Json] = field(default_factory=dict)
    change: dict[int, Json] = field(default_factory=dict)
    remove: list[int] = field(default_factory=list)
    discount: Any = 0
    apart: dict[int | str, str] = field(default_factory=dict)
    kept: list[int] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    changes: dict[int | str, list[Change]] = field(default_factory=dict)

    @property
    def all_changes(self) -> list[Change]:
        """Everything that is written, but for the discount, which is only known after that."""
        return [change for changes in self.changes.values() for change in changes]


def line_path(order: Order, number: int, name: str = "") -> str:
    """How a line, or a field of it, is named."""
    place = f"lines[{order.no}|{number}]"
    return f"{place}.{name}" if name else place


def alike(name: str, wanted: Any, found: Any) -> bool:
    """Whether two values of a field of an order mean the same."""
    line, _, of_line = name.rpartition("].")
    if line:
        return line_alike(of_line, wanted, found)
    return same(wanted, found) if name == DISCOUNT else HEADER.alike(name, wanted, unblank(found))


def decide(question: Question) -> Decision:
    """What of an order has to be written."""
    return _Decider(question).decide()


def _neat(value: Any) -> Any:
    """A number without the zeros that it was filled up with."""
    return Decimal(text_of(value)) if isinstance(value, Decimal) else value


def present_discount(order: Order, base: Base | None) -> Any:
    """An order's discount, or the one that an unfinished try was yet to set again after its lines."""
    return base.owed.get(DISCOUNT, order.discount) if base else order.discount


class _Decider:
    def __init__(self, question: Question) -> None:
        self.q = question
        self.order, self.wanted = question.order, question.wanted
        self.lines = {question.numbers[str(line["id"])]: line for line in self.wanted.lines}
        self.found = self._found()
        base = question.base
        self.base = base.with_own(self.found, alike) if base else None
        self.result = Decision(discount=self.wanted.discount)
        self.path = partial(line_path, self.order)

    def decide(self) -> Decision:
        merged = self._merged()
        self.result.notes += merged.notes
        self.result.held += merged.held
        self._header(merged)
        for number, line in self.lines.items():
            if number in self.order.lines:
                self._present(number, line["fields"], merged)
            else:
                self._absent(number, line["fields"])
        for number in sorted(set(self.q.held) & self.order.lines.keys() - self.lines.keys()):
            self._gone(number)
        if self.base and not self.q.force and DISCOUNT not in merged.send:
            self.result.discount = self.found[DISCOUNT]
        if not same(self.result.discount, self.wanted.discount):
            stays, was = shown(self.result.discount), shown(self.wanted.discount)
            self.result.apart[DISCOUNT] = f"{DISCOUNT} ({was} → {stays})"
        return self.result

    # --- what is compared ------------------------------------------------------------------------------------

    def _found(self) -> Json:
        """What the order has, by path."""
        found: Json = {name: unblank(value) for name, value in self.order.header.items()}
        for number, row in self.order.lines.items():
            found |= {line_path(self.order, number, name): value for name, value in row.items()}
        return found | {DISCOUNT: present_discount(self.order, self.q.base)}

    def _known(self, number: int) -> Json:
        """What was agreed of a line, by field."""
        start = f"{line_path(self.order, number)}."
        values = self.base.values if self.base else {}
        return {path.removeprefix(start): value for path, value in values.items() if path.startswith(start)}

    def _merged(self) -> Merged:
        """Of what both have, what is to be sent."""
        if self.q.force or self.base is None:
            lacking = self.q.header if self.q.force else HEADER.differences(self.q.header, self.order.header)
            return Merged(send=[name for name in lacking if name not in _GROUPS])
        wanted = {name: value for name, value in self.q.header.items() if name not in _GROUPS}
        for number, line in self.lines.items():
            if number in self.order.lines and self._known(number):
                wanted |= {self.path(number, name): value for name, value in line["fields"].items()}
        wanted[DISCOUNT] = self.wanted.discount
        whole = {self.path(number) for number in self.lines if self._is_of_something_else(number)}
        units = unit_of(SHARED, lambda thing: thing.bc)

        def unit(name: str) -> tuple[Any, bool]:
            line, _, of_line = name.rpartition(".")
            if not line:
                return units(name)
            return (line, None if line in whole or of_line in LINE_GOODS else of_line), False

        return merge(
            wanted,
            self.found,
            self.base,
            direction=Direction.from_ipaas,
            units=unit,
            times=self.q.times,
            alike=alike,
        )

    def _is_of_something_else(self, number: int) -> bool:
        """Whether either side has changed what a line is of."""
        known, wanted = self._known(number), self.lines[number]["fields"]
        present = self.order.lines.get(number, wanted)
        return any(
            name in side and not line_alike(name, side[name], known.get(name))
            for side in (wanted, present)
            for name in LINE_GOODS & known.keys()
        )

    # --- the header ------------------------------------------------------------------------------------------

    def _header(self, merged: Merged) -> None:
        """Its change, and of an address that changes all of it."""
        wanted, send = self.q.header, [name for name in merged.send if name in self.q.header]
        if not send:
            return
        aim = {name: value for name, value in wanted.items() if name in send}
        for option, prefix in _GROUPS.items():
            if any(name.startswith(prefix) for name in send):
                aim |= {n: wanted[n] for n in (option,) if n in wanted} | self._address(prefix, send)
        # In the order of their validation.
        self.result.header = {name: aim[name] for name in dict.fromkeys((*wanted, *HEADER_FIELDS)) if name in aim}
        self.result.changes["header"] = [
            Change(field=name, before=self.found.get(name), after=_neat(wanted[name])) for name in send
        ]

    def _address(self, prefix: str, send: Collection[str]) -> Json:
        """An address as it shall be: what the transaction changed of it, and the rest as Business Central has it."""
        wanted = {name: value for name, value in self.q.header.items() if name.startswith(prefix)}
        if self.base is None or self.q.force:
            return wanted
        beside = [n for n in HEADER_FIELDS if n.startswith(prefix) and n in self.order.header and n not in _NOT_ALWAYS]
        stays = {name: self.found.get(name) or "" for name in (*wanted, *beside)}
        return stays | {name: value for name, value in wanted.items() if name in send}

    # --- lines -----------------------------------------------------------------------------------------------

    def _present(self, number: int, wanted: Json, merged: Merged) -> None:
        """A line that both have."""
        present = self.order.lines[number]
        aim = wanted
        if not self.q.force and self._known(number):
            sent = {name for name in wanted if self.path(number, name) in merged.send}
            aim = {name: value if name in sent else present.get(name) for name, value in wanted.items()}
        changes = wanted if self.q.force else line_changes(aim, present)
        changes = {name: value for name, value in changes.items() if value is not None}
        if changes:
            self.result.change[number] = changes
            self.result.changes[number] = [
                Change(field=self.path(number, name), before=present.get(name), after=_neat(value))
                for name, value in changes.items()
                if self.q.force or not line_alike(name, value, present.get(name))
            ]
        apart = [name for name, value in wanted.items() if not line_alike(name, value, aim[name])]
        if apart:
            values = (f"{name} {shown(wanted[name])} → {shown(aim[name])}" for name in apart)
            self.result.apart[number] = f"{self.path(number)} ({', '.join(values)})"

    def _absent(self, number: int, wanted: Json) -> None:
        """A line that the order does not have: a new one, unless somebody took it out of the order."""
        known = {} if self.q.force else self._known(number)
        changed = [name for name, value in wanted.items() if not line_alike(name, value, known.get(name))]
        if not known or any(name in changed for name in ("Type", "No")):
            # One that is of another item now is another line: nobody has taken that out.
            self.result.add[number] = wanted
            self.result.changes[number] = [
                Change(field=self.path(number, name), after=_neat(value)) for name, value in wanted.items()
            ]
            return
        self.result.apart[number] = f"{self.path(number)} (removed)"
        for name in changed:
            self.result.held.append(self.path(number, name))
            self.result.notes.append(
                f"{self.path(number, name)} was changed in iPaaS.com from {shown(known.get(name))} to "
                f"{shown(wanted[name])}, and the line was removed in Business Central: it gave way to that, since Business "
                "Central decides about it."
            )

    def _gone(self, number: int) -> None:
        """A line that the transaction does not have any more, or does not send: removed, unless somebody changed it."""
        known, present = self._known(number), self.order.lines[number]
        edited = [name for name, value in known.items() if not line_alike(name, value, present.get(name))]
        if not edited or self.q.force:
            self.result.remove.append(number)
            before = f"{text_of(present['Quantity'])} x {present['No']}"
            self.result.changes[number] = [Change(field=self.path(number), before=before)]
            return
        values = ", ".join(f"{name} from {shown(known[name])} to {shown(present.get(name))}" for name in edited)
        self.result.kept.append(number)
        self.result.apart[number] = f"{self.path(number)} (kept)"
        self.result.notes.append(
            f"{self.path(number)} was removed in iPaaS.com, and changed in Business Central ({values}): the removal gave way, "
            "since Business Central decides about it."
        )


def sending(question: Question, decision: Decision) -> Json:
    """Every value of the transaction's that is about to be sent, by path. What goes along with it as Business Central has
    it, the rest of an address or the price beside a quantity, stays Business Central's: found there, it was not agreed."""
    order, wanted = question.order, {DISCOUNT: question.wanted.discount, **question.header}
    for line in question.wanted.lines:
        number = question.numbers[str(line["id"])]
        wanted |= {line_path(order, number, name): value for name, value in line["fields"].items()}
    lines = {**decision.add, **decision.change}
    values = {line_path(order, n, name): v for n, fields in lines.items() for name, v in fields.items()}
    values |= {**{n: v for n, v in decision.header.items() if n not in _GROUPS}, DISCOUNT: decision.discount}
    return {path: value for path, value in values.items() if path in wanted and alike(path, wanted[path], value)}


def agreed(question: Question, decision: Decision, header: Json) -> Base:
    """What both sides agree on once the order has been written, and has `header`."""
    order, before = question.order, question.base or Base()
    wanted = {name: value for name, value in question.header.items() if name not in _GROUPS}
    wanted |= {DISCOUNT: question.wanted.discount}
    keeps = {f"{line_path(order, number)}." for number in decision.kept}
    for line in question.wanted.lines:
        number = question.numbers[str(line["id"])]
        keeps.add(f"{line_path(order, number)}.")
        wanted |= {line_path(order, number, name): value for name, value in line["fields"].items()}
        if line["id"] == SHIPPING:
            wanted[SHIPPING_LINE] = number
    # What gave way is not agreed: that stays as it was.
    earlier = {
        path: value
        for path, value in before.values.items()
        if path != SHIPPING_LINE and (not path.startswith("lines[") or any(path.startswith(start) for start in keeps))
    }
    values = {**earlier, **{name: value for name, value in wanted.items() if name not in decision.held}}
    if question.base is None:
        kept = dict(_kept(header, values))
    else:
        kept = {name: value for name, value in before.kept.items() if name not in decision.header}
    return Base(values=values, kept=kept, at=before.at, made=before.made)


def _kept(header: Json, values: Json) -> Iterator[tuple[str, Any]]:
    """What the order has in fields of which its transaction says nothing, or something else."""
    for name in HEADER_FIELDS:
        found = unblank(header.get(name))
        if found is not None and not HEADER.alike(name, values.get(name), found):
            yield name, found


def deliberate(question: Question, decision: Decision, now: Order) -> tuple[Decimal, Decimal]:
    """What of the order as it is `now`, and of its transaction, is apart since Business Central changed it: what those
    lines, less the discount, come to in each."""
    ours = now.amount_of({number for number in decision.apart if isinstance(number, int)})
    theirs = Decimal(0)
    for line in question.wanted.lines:
        if question.numbers[str(line["id"])] in decision.apart:
            theirs += line["amount"]
    if DISCOUNT in decision.apart:
        ours, theirs = ours - Decimal(now.discount), theirs - question.wanted.discount
    return ours, theirs
