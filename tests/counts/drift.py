"""Fields, links and stock that were changed by hand, at random, on both sides of a world in step: a reconcile has to find
each of them and nothing else, heal each and write nothing else, and find nothing after that.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.check import check
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.ipaas.types import TYPES
from include.sandbox.world import Size
from include.sync.base import Base
from include.sync.fields import pattern, put
from include.sync.lines import lines_of
from include.sync.outcomes import Difference
from include.sync.report import Report
from include.sync.runs import RunKind
from include.sync.staging.files import Staging
from tests.counts._standing import MEMORY
from tests.counts._states import apart, children, holds, is_told_of, moved, timeless
from tests.counts.switches import SETTINGS
from tests.flows.bench import Bench

# What a change by hand can be of, by the type of iPaaS.com and the flow to it.
_TYPES = {
    "customer_category_to_ipaas": "customer category",
    "location_to_ipaas": "location",
    "product_category_to_ipaas": "product category",
    "shipping_method_to_ipaas": "shipping method",
    "company_to_ipaas": "company",
    "customer_to_ipaas": "customer",
    "contact_to_ipaas": "customer",
    "product_to_ipaas": "product",
    "product_inventory_to_ipaas": "product inventory",
    "sales_order_to_ipaas": "transaction",
    "sales_invoice_to_ipaas": "transaction",
}
# References and words of a fixed set: what is written there by hand is refused by the platform itself.
_NOT_BY_HAND = {
    "type",
    "status",
    "country",
    "region",
    "tracking_method",
    "shipping_method",
    "tax_class",
    "unit",
    "method",
}
# What other records show, too: with it, they change, as they should. The people of a company have its name as theirs, and
# documents of Business Central show the telephone of their customer, and the name of the agent that carries them.
_SHOWN_ELSEWHERE = {("company_to_ipaas", "name"), ("shipping_method_to_ipaas", "name")}
_SHOWN_IN_DOCUMENTS = {"addresses.phone_number"}
# What is changed in Business Central, by table: a field, and the record that it goes to.
_IN_BC = {
    "Item": ("Unit Price", "product"),
    "Customer Price Group": ("Description", "customer category"),
    "Location": ("Name", "location"),
    "Item Category": ("Description", "product category"),
    "Shipping Agent": ("Name", "shipping method"),
}


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One change by hand. `names` are the keys under which it may be found, `wanted` what it has to be called."""

    what: str
    names: frozenset[str]
    wanted: frozenset[Difference]
    record: tuple[str, int] | None = None
    heals: bool = True
    # Whether it is the shop's to change: then Business Central gets it.
    theirs: bool = False
    # Of what other records show, too: the value before, and the one that they get with it.
    moves: tuple[str, str] | None = None


@dataclass(kw_only=True)
class World:
    """A world in step, and what has been changed in it."""

    bench: Bench
    random: random.Random
    drifts: list[Drift] = field(default_factory=list)
    taken: set[Any] = field(default_factory=set)

    def records(self) -> dict[tuple[str, int], Any]:
        """Every record of iPaaS.com, with its links, without its times."""
        platform = self.bench.sandbox.ipaas
        return {
            (kind, internal_id): deepcopy(timeless(platform.shown(kind, record)))
            for kind, of in platform.records.items()
            for internal_id, record in of.items()
        }

    def to_ipaas(self) -> Iterator[tuple[str, str, Any, Base]]:
        """Flow, key, record of iPaaS.com and what was agreed, of all that was sent there."""
        ledger, platform = self.bench.ledger, self.bench.sandbox.ipaas
        for flow, kind in _TYPES.items():
            known = [(one.key, one.target_id) for one in ledger.linked(flow)]
            bases = ledger.transfers(flow, [key for key, _ in known], base=True)
            for key, target in known:
                record = platform.records[kind].get(int(target))
                if record is not None and (data := bases[key].base):
                    yield flow, key, record, Base.from_json(data)


# --- changes by hand ---------------------------------------------------------------------------------------------------


def _other(value: Any, mark: str = "X") -> Any:
    """Another value of the same kind; `mark` is what a text gets, so that two who change it do so differently."""
    if isinstance(value, int | float | Decimal):
        return value + 1
    text = str(value)
    if text.replace(".", "", 1).isdecimal():
        return str(Decimal(text) + 1)
    if "@" in text:
        return f"x{text}"
    if text.startswith("+"):
        return f"{text[:-1]}{(int(text[-1]) + 1) % 10}"
    return f"{text[:15].strip()} {mark}"


def change_field(world: World, flow: str, key: str, record: Any, base: Base) -> Drift | None:
    """Change a field that the flow has sent."""
    kind, counterpart = _TYPES[flow], FLOWS[flow].counterpart
    shared = counterpart.shared if counterpart else ()
    theirs = {name for thing in shared for name in thing.ipaas}
    shown = {name for thing in shared for name in thing.shown}
    fields = [
        path
        for path, value in sorted(base.values.items())
        if value not in (None, "", [])
        and not isinstance(value, list | bool)
        and not path.endswith("_id")
        and path.rpartition(".")[2] not in _NOT_BY_HAND
        and "datetime" not in path
        and "date" not in path
        and pattern(path) not in shown
    ]
    if not fields:
        return None
    path = world.random.choice(fields)
    old, new = base.values[path], _other(base.values[path])
    changed = put(record, {path: new}, SYSTEM_ID)
    if changed == record:
        if not _change_child(world, flow, record, path, new):
            return None
    else:
        world.bench.sandbox.ipaas.change(kind, record["id"], changed)
    told = _stale(f"{flow} {key}: {path}", key, record, kind)
    elsewhere = (flow, path) in _SHOWN_ELSEWHERE or pattern(path) in _SHOWN_IN_DOCUMENTS
    is_theirs = pattern(path) in theirs
    return replace(told, theirs=is_theirs, moves=(str(old), str(new)) if elsewhere and is_theirs else None)


def _change_child(world: World, flow: str, record: Any, path: str, value: Any) -> bool:
    """Change a field of a nested record, which is found by its link; the sandbox keeps links beside the records."""
    name, _, rest = path.partition("[")
    external, _, inner = rest.rpartition("].")
    platform, kind = world.bench.sandbox.ipaas, TYPES[_TYPES[flow]]
    for child in record.get(name, ()):
        if platform.external_id(kind.children[name], SYSTEM_ID, child["id"]) == external and inner in child:
            child[inner] = value
            return True
    return False


def _stale(what: str, key: str, record: Any, kind: str) -> Drift:
    names = frozenset({key, str(record["id"])})
    return Drift(what=what, names=names, wanted=frozenset({Difference.stale}), record=(kind, record["id"]))


def remove_link(world: World, flow: str, key: str, record: Any, base: Base) -> Drift | None:
    """Take the external id away from a record."""
    kind = TYPES[_TYPES[flow]]
    if not unlink_by_hand(world.bench, kind.name, record["id"]):
        return None
    return Drift(
        what=f"{flow} {key}: its link",
        names=frozenset({key, str(record["id"])}),
        wanted=frozenset({Difference.unlinked}),
        record=(kind.name, record["id"]),
    )


def unlink_by_hand(bench: Bench, kind: str, internal_id: int, table: str = "") -> bool:
    """Take the external id from a record of iPaaS.com; answers whether it had one."""
    platform, table = bench.sandbox.ipaas, table or TYPES[kind].table
    external = platform.links.get(table, {}).pop((SYSTEM_ID, internal_id), None)
    return external is not None and bool(platform._by_external.pop((table.lower(), SYSTEM_ID, external), None))


def link_by_hand(bench: Bench, kind: str, internal_id: int, external_id: str) -> None:
    """Give a record of iPaaS.com an external id, though another one may have it."""
    bench.sandbox.ipaas.links.setdefault(TYPES[kind].table, {})[SYSTEM_ID, internal_id] = external_id


def delete(world: World, flow: str, key: str, record: Any, base: Base) -> Drift | None:
    """Delete a record in iPaaS.com that no other one refers to."""
    kind, platform = _TYPES[flow], world.bench.sandbox.ipaas
    if flow not in ("product_inventory_to_ipaas", "sales_invoice_to_ipaas"):
        return None
    unlink_by_hand(world.bench, kind, record["id"])
    platform.unlink_all(kind, record["id"])
    for name, table in TYPES[kind].children.items():
        for child in record.get(name, ()):
            unlink_by_hand(world.bench, "", child["id"], table)
    return Drift(what=f"{flow} {key}: deleted", names=frozenset({key}), wanted=frozenset({Difference.missing}))


def change_bc(world: World) -> Drift | None:
    """Change a field of a record of Business Central."""
    table = world.random.choice(list(_IN_BC))
    name, kind = _IN_BC[table]
    row = world.random.choice(world.bench.sandbox.bc.rows(table))
    key = str(row.get("No.") or row.get("Code"))
    linked = {external for links in world.bench.sandbox.ipaas.links.values() for external in links.values()}
    if (table, key) in world.taken or not row.get(name) or key not in linked:
        return None
    record = world.bench.linked(kind, key)
    if record is None or (kind, record["id"]) in world.taken:
        return None
    old, new = row[name], _other(row[name], "Y")
    world.bench.sandbox.bc.change(table, key, **{name: new})
    drift = _stale(f"Business Central {table} {key}: {name}", key, record, kind)
    return replace(drift, moves=(str(old), str(new)) if table == "Shipping Agent" else None)


def vanish(world: World) -> None:
    """Delete a contact of Business Central that iPaaS.com has: it is told, and nothing more."""
    key = next(one.key for one in world.bench.ledger.linked("contact_to_ipaas"))
    row = world.bench.sandbox.bc.get("Contact", key.partition("|")[0])
    assert row
    world.bench.sandbox.bc.remove("Contact", row)
    record = world.bench.linked("customer", key)
    world.taken.add(("customer", record["id"]))
    gone = frozenset({Difference.vanished})
    world.drifts.append(
        Drift(what=f"{key}: deleted in Business Central", names=frozenset({key}), wanted=gone, heals=False)
    )


_BY_HAND = (change_field, change_field, change_field, remove_link, delete)


def disturb(world: World, number: int) -> None:
    """Change so many things by hand, each of another record."""
    vanish(world)
    sent = list(world.to_ipaas())
    stock = [one for one in sent if one[0] == "product_inventory_to_ipaas"]
    for _ in range(number * 20):
        if len(world.drifts) == number:
            return
        if world.random.random() < 0.15:
            drift = change_bc(world)
        else:
            flow, key, record, base = world.random.choice(stock if world.random.random() < 0.2 else sent)
            if (_TYPES[flow], record["id"]) in world.taken:
                continue
            drift = world.random.choice(_BY_HAND)(world, flow, key, record, base)
            if drift is not None:
                world.taken.add((_TYPES[flow], record["id"]))
        if drift is not None:
            world.drifts.append(drift)
            world.taken.add(drift.record)
    raise AssertionError(f"The world is too small for {number} changes")


# --- reconciling -------------------------------------------------------------------------------------------------------


def reconcile(bench: Bench, mode: str) -> tuple[list[Any], dict[str, Report]]:
    """Every flow, in its order; answers the lines that are differences, and the reports."""
    lines: list[Any] = []
    reports: dict[str, Report] = {}
    for flow in FLOWS:
        report = bench.run(flow, kind=RunKind.backfill, compares=True, mode=mode)
        reports[flow] = report
        staging = Staging(bench.folder / report.plan.run_id)
        lines += [(flow, line) for line in lines_of(staging, limit=1_000_000).lines if line.get("difference")]
    return lines, reports


def found_of(drifts: Sequence[Drift], lines: Sequence[tuple[str, Any]]) -> tuple[list[Drift], list[Any]]:
    """The changes that no line names as it should, and the lines that name none."""
    by_name: dict[str, list[Any]] = {}
    for flow, line in lines:
        by_name.setdefault(line["key"], []).append((flow, line))
    missed = [
        drift
        for drift in drifts
        if not any(line["difference"] in drift.wanted for name in drift.names for _, line in by_name.get(name, ()))
    ]
    names = {name for drift in drifts for name in drift.names}
    return missed, [(flow, line) for flow, line in lines if line["key"] not in names]


@dataclass
class Verdict:
    """What is left of a disturbed world, in numbers and in words."""

    counts: dict[str, int]
    said: list[str]
    # Other records that moved with a change, as they should.
    followed: int


def judge(number: int, seed: int, size: Size, folder: Path) -> Verdict:
    """Bring a world into step, change so many things by hand, and reconcile it."""
    with Sandbox("demo", size=size, seed=seed) as sandbox:
        bench = Bench(sandbox, folder, {"bc_create_defaults": SETTINGS["bc_create_defaults"]})
        try:
            for flow in [*FLOWS, *FLOWS]:
                bench.run(flow)
            return _judged(World(bench=bench, random=random.Random(seed)), number)
        finally:
            bench.close()


def _judged(world: World, number: int) -> Verdict:
    bench = world.bench
    quiet, _ = reconcile(bench, "plan")
    disturb(world, number)
    before = world.records()
    bench.sandbox.counters.reset()
    lines, _ = reconcile(bench, "plan")
    written_by_report = bench.writes()
    moves = {drift.moves for drift in world.drifts if drift.moves}
    missed, alarms = found_of(world.drifts, lines)
    alarms = [(flow, line) for flow, line in alarms if not is_told_of(line, moves)]
    bench.sandbox.counters.reset()
    reconcile(bench, "apply")
    writes = bench.writes()
    after = world.records()
    told, _ = reconcile(bench, "plan")
    stays = {name for drift in world.drifts if not drift.heals for name in drift.names}
    left = [(flow, line) for flow, line in told if line["key"] not in stays]
    touched = {drift.record for drift in world.drifts}
    nested = {child for place in touched if place for child in children(before.get(place))}
    beside = [
        place
        for place, record in before.items()
        if place not in touched and place[1] not in nested and after.get(place) != record
    ]
    # Products hold their stock.
    inventory = {place[1] for place in touched if place and place[0] == "product inventory"}
    beside = [
        place for place in beside if not (place[0] == "product" and holds(before[place], inventory, after.get(place)))
    ]
    follow = {place for place in beside if moved(before[place], after.get(place), moves)}
    beside = [place for place in beside if place not in follow]
    theirs = {name for drift in world.drifts if drift.theirs or not drift.heals for name in drift.names}
    differing = [
        one
        for one in check(bench.sandbox.bc, bench.sandbox.ipaas, days=10_000).differences
        # The statement of what should be there does not know what the shop has changed since.
        if theirs.isdisjoint({one["key"], one["key"].rpartition("|")[0]})
    ]
    said = [
        *(f"found in a world in step: {line}" for line in quiet),
        *(f"not found: {drift}" for drift in missed),
        *(f"found though nobody changed it: {line}" for line in alarms),
        *(f"left: {line}" for line in left),
        *(f"written beside: {place} {apart(before[place], after.get(place))}" for place in beside),
        *(f"differs: {difference}" for difference in differing),
    ]
    counts = {
        "changed by hand": len(world.drifts),
        "found in a world in step": len(quiet),
        "not found": len(missed),
        "found though nobody changed it": len(alarms),
        "written by a report": written_by_report,
        "written beyond one a change": max(0, writes - len(world.drifts) - len(follow)),
        "written beside": len(beside),
        "not healed": len(left),
        "both sides differ": len(differing),
    }
    return Verdict(counts, said, len(follow))


def size_of(number: int) -> Size:
    """A world with more records than are changed."""
    return Size(
        companies=4 + number // 8,
        persons=4 + number // 8,
        contacts=2 + number // 20,
        items=6 + number // 4,
        orders=6 + number // 5,
        invoices=4 + number // 8,
        prices=4,
        shop_companies=2,
        shop_customers=2,
        shop_products=2,
        shop_orders=2,
        shop_invoices=2,
    )


def _world(here: int, seed: int) -> Verdict:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        return judge(here, seed, size_of(here), Path(folder))


def count(number: int, seed: int) -> Mapping[str, int]:
    """What becomes of so many changes by hand, in worlds of a hundred changes each."""
    counts: Counter[str] = Counter()
    followed = 0
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        starts = range(0, number, 100)
        worlds = [pool.submit(_world, min(100, number - start), seed * 1_000 + start) for start in starts]
        for world in worlds:
            verdict = world.result()
            for line in verdict.said:
                print(line, flush=True)
            followed += verdict.followed
            counts.update(verdict.counts)
    print(f"{followed:,} other records moved with them")
    return dict(counts)
