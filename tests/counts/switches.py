"""Every behaviour of iPaaS.com that is in doubt, alone and mixed: a small world is carried through each, both ways.

First load, second run, edits on both sides, lost answers, a lost ledger. What is there in the end is compared with what
is there in a world that behaves as was assumed and loses nothing: nothing may be lost, doubled, taken over or stuck.
"""

from __future__ import annotations

import itertools
import logging
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.check import check
from include.sandbox.credentials import OTHER_SYSTEM_ID, SYSTEM_ID
from include.sandbox.faults import Fault
from include.sandbox.ipaas.types import TYPES
from include.sandbox.state import is_write
from include.sandbox.switches import Switches
from include.sandbox.world import Size
from include.sync import webhooks as hooks
from include.sync.outcomes import Result
from tests.flows.bench import Bench

Setting = Mapping[str, Any]
# Each doubt with what else may be.
DOUBTS: Mapping[str, tuple[Any, ...]] = {
    "put_required": (True,),
    "child_identity": ("id",),
    "taken_child_id": ("refused",),
    "list_rows": ("summary",),
    "category_set": ("adds",),
    "custom_field_list": ("replaces",),
    "missing": ("pages", "object", "empty", "absent"),
    "unique_email": (False,),
    "inventory_path": ("catalog",),
    "create_with_link": ("stays",),
    "taken_external_id": ("moved",),
    "hook_shape": ("event",),
    "deactivated": ("hidden",),
    "transaction_currency": (False,),
    "openapi": (False,),
}
SIZE = Size(
    companies=2,
    persons=2,
    contacts=1,
    items=3,
    orders=2,
    invoices=1,
    prices=1,
    shop_companies=1,
    shop_customers=1,
    shop_products=1,
    shop_orders=1,
    shop_invoices=1,
)
SELLING = {"Gen_Bus_Posting_Group": "DOMESTIC", "Customer_Posting_Group": "DOMESTIC", "Payment_Terms_Code": "30 DAYS"}
SETTINGS: dict[str, Any] = {
    "bc_create_defaults": {
        "company": SELLING,
        "customer": SELLING,
        "product": {"Gen_Prod_Posting_Group": "RETAIL", "Inventory_Posting_Group": "RESALE"},
        "sales_order": {"shipping_account": "40410"},
        "invoice": {"shipping_account": "40410", "tax_account": "22700", "payment_journal": "WEBSHOP"},
    },
    "bc_custom_fields": [
        {"model": "product", "direction": "to_ipaas", "target": "Stocked in", "source": "Base_Unit_of_Measure"},
        {"model": "customer", "direction": "to_ipaas", "target": "Telephone", "source": "Phone_No"},
    ],
}
# Moments that come anew with every run, and what this side has no say in.
_UNTOLD = {"id", "created_datetime", "updated_datetime", "parent_id", "currency_code"}


def singles() -> list[Setting]:
    """Every switch turned by itself."""
    return [{name: value} for name, values in DOUBTS.items() for value in values]


def mixed(number: int, seed: int) -> list[Setting]:
    """Random mixtures of all of them."""
    chance = random.Random(seed)
    return [
        {name: chance.choice(values) for name, values in DOUBTS.items() if chance.random() < 0.5} for _ in range(number)
    ]


@dataclass(kw_only=True)
class Losing(Fault):
    """Loses the answers to about one in three of the calls that write to iPaaS.com, after they took effect."""

    chance: random.Random
    system: str = "ipaas"
    lost: bool = True

    def meets(self, system: str, method: str, path: str, body: bytes) -> bool:
        """Whether it meets this call."""
        return system == self.system and is_write(system, method, path) and self.chance.random() < 1 / 3


@dataclass
class World:
    """One world on its way."""

    bench: Bench
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    told: int = 0

    def run(self, rounds: int = 1) -> list[str]:
        """Run every flow, and again; each round is an hour later. Returns what is not settled in the last one."""
        stuck: list[str] = []
        for _ in range(rounds):
            self.now += timedelta(hours=2)
            self.bench.at(self.now)
            self._tell()
            stuck = []
            bc, ipaas = self.bench.bc(), self.bench.ipaas()
            for name in FLOWS:
                for outcome in self.bench.run(name, now=self.now, bc=bc, ipaas=ipaas).outcomes:
                    if outcome.result in (Result.failed, Result.waiting):
                        stuck.append(f"{name} {outcome.key}: {outcome.message}")
        return stuck

    def _tell(self) -> None:
        """Announce what was changed since, as hooks do; what is new is left to the polls."""
        changes = self.bench.sandbox.ipaas.changes
        told = [
            {"scope": scope, "id": str(number)}
            for scope, _, number in changes[self.told :]
            if scope.endswith("/updated")
        ]
        self.told = len(changes)
        request = hooks.read_webhook(simplejson.dumps({"notifications": told}).encode())
        self.bench.ledger.receive(hooks.take(request, hooks.listeners(FLOWS.values()), SYSTEM_ID).entries)


def state(sandbox: Sandbox) -> dict[str, Any]:
    """What is in both systems, by names that are the same in every world."""
    platform = sandbox.ipaas
    names: dict[tuple[str, int], str] = {}
    for kind in TYPES.values():
        for record in platform.records[kind.name].values():
            names[kind.name, record["id"]] = _name(sandbox, kind.name, record)
    found: dict[str, Any] = {}
    for kind in TYPES.values():
        if kind.part_of:
            continue
        for record in platform.records[kind.name].values():
            shown = platform.shown(kind.name, record)
            found[_free(found, f"{kind.name} {names[kind.name, record['id']]}")] = _told(shown, kind.refs, names)
    for table in ("Customer", "Item", "Sales Header", "Sales Line", "Sales Invoice Header", "Gen. Journal Line"):
        found[f"Business Central: {table}"] = len(sandbox.bc.rows(table))
    return found


def _name(sandbox: Sandbox, type_name: str, record: Mapping[str, Any]) -> str:
    table = TYPES[type_name].table
    for system in (OTHER_SYSTEM_ID, SYSTEM_ID):
        if text := sandbox.ipaas.external_id(table, system, record["id"]):
            return str(text)
    named = ("sku", "transaction_number", "email_address", "name")
    return next((str(record[n]) for n in named if record.get(n)), "without a name")


def _free(found: Mapping[str, Any], name: str) -> str:
    return next(text for n in itertools.count(1) if (text := name if n == 1 else f"{name} ({n})") not in found)


def _told(record: Mapping[str, Any], refs: Mapping[str, str], names: Mapping[tuple[str, int], str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in record.items():
        if name in _UNTOLD:
            continue
        if name == "external_ids":
            told[name] = sorted(f"{item['system_id']} {_general(item)}" for item in value)
        elif name == "custom_fields":
            told[name] = sorted(f"{item['custom_field_name']}={item['value']}" for item in value)
        elif name == "categories":
            told[name] = sorted(_category(item, names) for item in value)
        elif isinstance(value, list):
            told[name] = sorted((_told(item, {"location_id": "location"}, names) for item in value), key=str)
        elif name in refs:
            told[name] = names.get((refs[name], int(value)), value) if value else value
        else:
            told[name] = f"{Decimal(str(value)).normalize():f}" if _is_number(value) else value
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _category(item: Mapping[str, Any], names: Mapping[tuple[str, int], str]) -> str:
    number = int(item.get("category_id") or item["id"])
    return names.get(("product category", number)) or names.get(("customer category", number)) or str(number)


def _general(link: Mapping[str, Any]) -> str:
    """An external id without the ids and document numbers that every world gives anew."""
    parts = str(link["external_id"]).removeprefix(f"C{link['internal_id']}").split("|")
    return "|".join("…" if part.count("-") == 4 or part.startswith("S-ORD") else part for part in parts)


# --- what happens ------------------------------------------------------------------------------------------------


def through(setting: Setting, folder: Path, *, losing: int | None = None) -> tuple[dict[str, Any], list[str], Sandbox]:
    """Carry a world through everything; returns what is there in the end, and what is stuck."""
    with Sandbox("demo", seed=7, size=SIZE) as sandbox:
        for name, value in setting.items():
            setattr(sandbox.switches, name, value)
        sandbox.ipaas.define("product", "Stocked in", "Shop's own")
        sandbox.ipaas.define("customer", "Telephone", "Loyalty")
        world = World(Bench(sandbox, folder, SETTINGS))
        if losing is not None:
            sandbox.faults.add(Losing(chance=random.Random(losing)))
        world.run()
        sandbox.faults.clear()
        world.run()
        with _by_hand(sandbox):
            _edit_business_central(sandbox)
            _edit_ipaas(sandbox)
        world.run()
        if losing is not None:
            sandbox.faults.add(Losing(chance=random.Random(losing + 1)))
        with _by_hand(sandbox):
            _edit_again(sandbox)
        world.run()
        sandbox.faults.clear()
        world.run()
        world.bench.lose_ledger()
        stuck = world.run(2)
        world.bench.close()
        return state(sandbox), stuck, sandbox


@contextmanager
def _by_hand(sandbox: Sandbox) -> Iterator[None]:
    """Others change records in screens of their own, whatever the interface asks of us."""
    switches, usual = sandbox.switches, Switches()
    before = {name: getattr(switches, name) for name in DOUBTS}
    for name in DOUBTS:
        setattr(switches, name, getattr(usual, name))
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(switches, name, value)


def _edit_business_central(sandbox: Sandbox) -> None:
    bc, sales = sandbox.bc, sandbox.sales
    item, person, company = _first(bc, "Item"), _customer(bc, "Person"), _customer(bc, "Company")
    bc.change("Item", item["No."], **{"Unit Price": Decimal("77.70"), "Item Category Code": "DESK"})
    bc.move_stock(item["No."], "EAST", 5)
    bc.change("Customer", person["No."], **{"Phone No.": "+1 404 555 0199"})
    bc.change("Customer", company["No."], **{"Address": "9 New Street"})
    order = next(row for row in bc.rows("Sales Header") if row["Status"] == "Released")
    sales.ship(order["No."], tracking="1Z-COUNT")


def _edit_ipaas(sandbox: Sandbox) -> None:
    platform = sandbox.ipaas
    ours = {system: text for (system, _), text in platform.links["product"].items() if system == SYSTEM_ID}
    assert ours
    product = _linked(sandbox, "product")
    platform.edit("product", product["id"], {"custom_fields": [*_fields(product), _field("Shop's own", "yes")]})
    customer = _linked(sandbox, "customer")
    platform.edit("customer", customer["id"], {"custom_fields": [*_fields(customer), _field("Loyalty", "gold")]})
    order = next(r for r in platform.records["transaction"].values() if _is_shops_order(r))
    line = {**order["lines"][0], "qty": order["lines"][0]["qty"] + 1}
    platform.edit("transaction", order["id"], {"lines": [{"id": line["id"], "qty": line["qty"]}], **_settings(order)})


def _edit_again(sandbox: Sandbox) -> None:
    """Changes and new records, whose answers may be lost."""
    bc, platform = sandbox.bc, sandbox.ipaas
    item, person = _first(bc, "Item"), _customer(bc, "Person")
    bc.change("Item", item["No."], **{"Unit Price": Decimal("78.80"), "Item Category Code": "CHAIR"})
    bc.move_stock(item["No."], "WEST", 7)
    bc.change("Customer", person["No."], **{"Phone No.": "+1 404 555 0200"})
    new = {name: item[name] for name in item if name in _ITEM}
    bc.add("Item", {**new, "No.": "9001", "Description": "Stool"})
    bc.move_stock("9001", "MAIN", 3)
    like = {name: person[name] for name in person if name in _CUSTOMER}
    bc.add_customer("C9001", "Nine Thousand Ltd", "Company", **{**like, "E-Mail": "nine@example.com"})
    bc.add_customer("P9001", "Nina Thousand", "Person", **{**like, "E-Mail": "nina@example.com"})
    order = sandbox.sales.add_order(
        customer="C9001", lines=[{"Type": "Item", "No.": "9001", "Quantity": 2, "Unit Price": 5}]
    )
    sandbox.sales.release(order["No."])
    shop = next(r for r in platform.records["transaction"].values() if _is_shops_order(r))
    body = {"system_id": OTHER_SYSTEM_ID, "type": "Order", "status": "Pending", "transaction_number": "WEB-9001"}
    customer = {
        "email_address": "ninety@example.net",
        "customer_number": "NB9001",
        "first_name": "Nine",
        "last_name": "Ty",
    }
    link = {"external_ids": [{"system_id": OTHER_SYSTEM_ID, "external_id": "buyer-9001"}]}
    buyer = platform.add("customer", {**customer, **link, "addresses": [{**_ADDRESS}]})
    lines = [
        {"sku": line["sku"], "type": "Product", "status": "Pending", "qty": 1, "unit_price": 5}
        for line in shop["lines"]
    ]
    more = {"total": 5 * len(lines), "customer_id": buyer["id"], "created_datetime": "2026-03-01T12:00:00+00:00"}
    platform.add("transaction", {**body, **more, "addresses": [{**_ADDRESS}], "lines": lines})


_ITEM = (
    "Description",
    "Unit Price",
    "Base Unit of Measure",
    "Type",
    "Gen. Prod. Posting Group",
    "Inventory Posting Group",
    "VAT Prod. Posting Group",
    "Item Category Code",
)
_CUSTOMER = (
    "Address",
    "City",
    "County",
    "Post Code",
    "Country/Region Code",
    "Phone No.",
    "Gen. Bus. Posting Group",
    "VAT Bus. Posting Group",
    "Customer Posting Group",
    "Payment Terms Code",
)
_ADDRESS = {
    "first_name": "Nine",
    "last_name": "Ty",
    "address_1": "90 Dock Road",
    "city": "Chicago",
    "region": "IL",
    "country": "US",
    "postal_code": "61236",
    "is_primary_billing": True,
    "is_primary_shipping": True,
}


def _first(bc: Any, table: str) -> Any:
    return next(row for row in bc.rows(table) if row.get("Type", "Inventory") == "Inventory")


def _customer(bc: Any, kind: str) -> Any:
    return next(row for row in bc.rows("Customer") if row["Contact Type"] == kind)


def _linked(sandbox: Sandbox, type_name: str) -> Any:
    records = sandbox.ipaas.records[type_name].values()
    table = TYPES[type_name].table
    return next(
        r for r in records if (text := sandbox.ipaas.external_id(table, SYSTEM_ID, r["id"])) and "|" not in text
    )


def _is_shops_order(record: Mapping[str, Any]) -> bool:
    return record["system_id"] == OTHER_SYSTEM_ID and record["status"] == "Pending" and record["type"] == "Order"


def _fields(record: Mapping[str, Any]) -> list[Any]:
    return [_field(item["custom_field_name"], item["value"]) for item in record.get("custom_fields", ())]


def _field(name: str, value: str) -> dict[str, str]:
    return {"custom_field_name": name, "value": value}


def _settings(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: record[name] for name in ("system_id", "transaction_number", "type", "status", "total") if name in record
    }


# --- the count ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What became of one world."""

    setting: Setting
    counts: Mapping[str, int]
    said: tuple[str, ...]


def judge(setting: Setting, losing: int, expected: Mapping[str, Any]) -> Verdict:
    """Carry a world through, and say how it differs from the one that is expected."""
    folder = Path(tempfile.mkdtemp(prefix="count-"))
    try:
        found, stuck, sandbox = through(setting, folder, losing=losing)
    except Exception as fault:  # noqa: BLE001 - it counts, and the others go on
        text = f"stuck: the run died: {type(fault).__name__}: {fault}"
        return Verdict(setting, {"stuck": 1}, (text,))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    said = [f"stuck: {text}" for text in stuck]
    said += [f"taken over: {' '.join(map(str, moved))}" for moved in sandbox.ipaas.moved]
    for name in sorted(expected.keys() | found.keys()):
        wanted, there = expected.get(name), found.get(name)
        if there is None:
            said.append(f"lost: {name}")
        elif wanted is None:
            said.append(f"doubled: {name}")
        elif isinstance(there, int) and isinstance(wanted, int) and there != wanted:
            said.append(f"{'doubled' if there > wanted else 'lost'}: {name}: {wanted} became {there}")
        elif there != wanted:
            said += [f"lost: {text}" for text in _differences(name, wanted, there)]
    verdict = check(sandbox.bc, sandbox.ipaas)
    said += [f"lost: {d}" for d in verdict.differences]
    counts = Counter(text.partition(":")[0] for text in said)
    return Verdict(setting, counts, tuple(said))


def _differences(name: str, wanted: Any, there: Any) -> Iterator[str]:
    for field_name in sorted(wanted.keys() | there.keys()):
        if wanted.get(field_name) != there.get(field_name):
            yield f"{name}, {field_name}: {wanted.get(field_name)!r} became {there.get(field_name)!r}"


def reference() -> dict[str, Any]:
    """What is there in the end where iPaaS.com behaves as was assumed, and no answer is lost."""
    folder = Path(tempfile.mkdtemp(prefix="count-"))
    try:
        return through({}, folder)[0]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def quiet() -> None:
    """Say nothing of what is repeated: losing answers is the point."""
    logging.disable(logging.WARNING)


def count(number: int, seed: int) -> dict[str, int]:
    """Carry worlds through every switch alone and `number` mixtures; each difference is printed as it is found."""
    settings = [{}, *singles(), *mixed(number, seed)]
    expected = reference()
    total: Counter[str] = Counter()
    with ProcessPoolExecutor(initializer=quiet) as pool:
        tries = [pool.submit(judge, setting, seed + n, expected) for n, setting in enumerate(settings)]
        for n, one in enumerate(tries, 1):
            verdict = one.result()
            total.update(verdict.counts)
            if verdict.said:
                sys.stdout.write(f"{verdict.setting}\n" + "".join(f"    {text}\n" for text in verdict.said))
            if n % 20 == 0 or verdict.said:
                sys.stdout.write(f"{n} of {len(settings)}\n")
                sys.stdout.flush()
    names = ("lost", "doubled", "taken over", "stuck")
    return {"worlds tried": len(settings), **{name: total[name] for name in names}}
