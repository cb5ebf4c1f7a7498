"""The page of each flow names every field that its mapping makes, those of children too, and none that it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import simplejson
from bench import DEFAULTS, SMALL, Bench
from shop import order, set_up
from webshop import ADDRESS, Shop, line

from include.flows import CATALOGUE, FLOWS
from include.sandbox import Sandbox
from include.sync.records import Mapped
from include.sync.staging.chunks import chunk_records, load_chunks
from include.sync.staging.files import Staging
from include.sync.wire import mapped_from_wire

PAGES = Path(__file__).resolve().parents[2] / "include" / "flows"
Fields = dict[str, set[tuple[str, str]]]
# Where a writer is given more than fields: the parts of the body that hold them, and the list that they are told of.
PARTS = {
    "sales_order_from_ipaas": {"header": "", "lines.fields": "lines"},
    "invoice_from_ipaas": {"header": "", "lines.fields": "lines", "payments.fields": "payments"},
}
# What rarely stands in a shop, so that no world has it by itself.
RICH: dict[str, Any] = {
    "bc_create_defaults": {
        "company": DEFAULTS["company"],
        "customer": DEFAULTS["customer"],
        "product": {**DEFAULTS["product"], "Order_Tracking_Policy": "None"},
        "sales_order": {"shipping_account": "40410", "Location_Code": "MAIN", "number_from_transaction": True},
        "invoice": {**DEFAULTS["invoice"], "no_tax_group": "NONTAXABLE", "salesperson": "PS"},
    },
    "bc_enable_company_hierarchy": True,
    "bc_process_company_relationship": True,
    "bc_transfer_customer_price_groups": True,
}


def _fields(value: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """(list, field) of a body and of what is nested in it, but for links."""
    for name, inner in value.items():
        below = f"{place}.{name}" if place else name
        if name == "external_ids":
            continue
        nested = inner if isinstance(inner, list) else [inner]
        if nested and all(isinstance(one, Mapping) for one in nested):
            for one in nested:
                yield from _fields(one, below)
        yield place, name


def _of(flow: str, mapped: Mapped) -> set[tuple[str, str]]:
    found = set(_fields(mapped.body))
    for follower in mapped.followers:
        found |= set(_fields(follower.body, follower.kind))
    if flow in PARTS:
        return {(PARTS[flow][place], name) for place, name in found if place in PARTS[flow]}
    return found


def _staged(folder: Path) -> Iterator[tuple[str, Mapped]]:
    """(flow, record) of everything that the runs below a folder have mapped."""
    for run in folder.glob("run-*"):
        staging = Staging(run)
        name = simplejson.loads(staging.read_text("report.json"))["flow"]
        changed = (record for number in range(load_chunks(staging)) for record in chunk_records(staging, number))
        for record in chain(changed, staging.read_if_there("prerequisites")):
            if "mapped" in record:
                mapped = mapped_from_wire(record["mapped"])
                yield record.get("flow", name), mapped
                yield from ((companion.flow, companion.mapped) for companion in mapped.companions)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Fields:
    """By flow, what its mapping has made of some worlds."""
    found: Fields = {name: set() for name in CATALOGUE}
    for world, more in (("demo", None), ("nasty", None), ("empty", rarities)):
        folder = tmp_path_factory.mktemp(world)
        with Sandbox(world, size=SMALL) as sandbox:
            bench = Bench(sandbox, folder, RICH)
            if more:
                more(bench)
            for name in FLOWS:
                bench.run(name)
            bench.ledger.close()
        for name, mapped in _staged(folder):
            found[name] |= _of(name, mapped)
    return found


def rarities(bench: Bench) -> None:
    """What the fields are made of that no world has by itself."""
    bc, sales, shop = bench.sandbox.bc, bench.sandbox.sales, Shop(set_up(bench))
    bc.change("Location", "MAIN", **{"Address 2": "Dock 3", "Home Page": "main.example.com"})
    euro = order(bench, {"Type": "Item", "No.": "1000", "Quantity": 1}, **{"Currency Code": "EUR"})
    sales.post(euro)
    order(bench, {"Type": "Item", "No.": "1000", "Quantity": 1}, **{"Currency Code": "EUR"})
    bench.run("customer_category_to_ipaas")
    address = {**ADDRESS, "address_2": "2nd floor", "phone_number": "+1 404 0001"}
    retail = {"categories": [{"id": bench.linked("customer category", "RETAIL")["id"]}], "addresses": [address]}
    bench.sandbox.ipaas.add("company", {"name": "Trey Research", **retail})
    bench.sandbox.ipaas.add(
        "customer", {"email_address": "eva@example.net", "first_name": "Eva", "last_name": "Orr", **retail}
    )
    person, company = bench.linked("customer", "P1")["id"], bench.linked("company", "C1")["id"]
    both = {"customer_id": person, "company_id": company, "currency_code": "EUR"}
    for number, status in (("WEB-1", "Pending"), ("WEB-2", "Complete")):
        shop.order(transaction_number=number, status=status, lines=[line("1000")], addresses=[address], **both)


def named(flow: str) -> set[tuple[str, str]]:
    """(list, field) of what stands in the first columns of the tables of fields on a page."""
    text = (PAGES / f"{flow}.md").read_text(encoding="utf-8")
    part = text[text.index("## Fields") :]
    part = part[: end.start()] if (end := re.search(r"^## (?!Fields)", part, re.MULTILINE)) else part
    found, place = set(), ""
    for row in part.splitlines():
        if row.startswith("### "):
            place = row.removeprefix("### ").partition(":")[0]
        elif row.startswith("| ") and not set(row) <= set("| -"):
            found |= {(place, name) for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    return found


@pytest.mark.parametrize("flow", CATALOGUE)
def test_every_field_is_on_the_page_and_no_other(made: Fields, flow: str) -> None:
    lists = {place for place, _ in made[flow]}
    fields = {(place, name) for place, name in made[flow] if name not in lists}
    assert fields, "no world has a record of this flow"
    assert {"not on the page": fields - named(flow), "mapped by nothing": named(flow) - fields} == {
        "not on the page": set(),
        "mapped by nothing": set(),
    }


def test_each_page_belongs_to_a_flow() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(CATALOGUE)
