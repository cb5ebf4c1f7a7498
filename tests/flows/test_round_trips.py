"""What one direction wrote comes back through the other: it ends unchanged, and a change settles in one pass each way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, tally
from shop import order, set_up

from include.sandbox.ipaas.platform import Record
from include.sync.report import Report

ADDRESS = {
    "company": "Adatum",
    "first_name": "Robert",
    "last_name": "O'Brien",
    "address_1": "1 Main Street",
    "city": "Atlanta",
    "region": "GA",
    "country": "US",
    "postal_code": "sw1a 1aa",
    "phone_number": "+1 555 0100",
    "is_primary_billing": True,
    "is_primary_shipping": True,
}
CARD = {
    "Address": "1 Main  Street",
    "Address 2": "",
    "City": "Atlanta",
    "County": "GA",
    "Post Code": "SW1A 1AA",
    "Country/Region Code": "US",
    "Phone No.": "+1 555 0100",
    "Contact": "Robert O'Brien",
    "Customer Price Group": "VIP",
}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A record type that travels both ways: how to make one on each side, and a change on each."""

    name: str
    table: str
    in_bc: Callable[[Bench], Any]
    key: str
    in_ipaas: dict[str, Any]
    ipaas_change: dict[str, Any]
    changed_in_bc: str  # the field of Business Central that shows it
    bc_change: dict[str, Any]

    def to_ipaas(self, bench: Bench) -> Report:
        return bench.run(f"{self.name}_to_ipaas")

    def from_ipaas(self, bench: Bench) -> Report:
        """As hooks would start it: for every record there is."""
        ids = [str(record_id) for record_id in bench.sandbox.ipaas.records[self.name]]
        return bench.run(f"{self.name}_from_ipaas", *ids)


def _item(bench: Bench) -> Any:
    fields = {"No.": "K1", "Description": "x" * 100, "Unit Price": Decimal("12.50"), "Tax Group Code": "FURNITURE"}
    return bench.sandbox.bc.add("Item", {**fields, "Type": "Inventory", "Net Weight": Decimal("1.25"), "GTIN": "1"})


KINDS = (
    Kind(
        name="company",
        table="Customer",
        in_bc=lambda bench: bench.sandbox.bc.add_customer(
            "K1", "Adatum  Corporation", "Company", **{**CARD, "E-Mail": "office@adatum.example"}
        ),
        key="K1",
        in_ipaas={
            "name": "Adatum Corporation",
            "account_number": "k1",
            "email_address": "office@adatum.example",
            "addresses": [ADDRESS],
        },
        ipaas_change={"email_address": "new@adatum.example"},
        changed_in_bc="E-Mail",
        bc_change={"Name": "Adatum Ltd"},
    ),
    Kind(
        name="customer",
        table="Customer",
        in_bc=lambda bench: bench.sandbox.bc.add_customer(
            "K1", "Ng  Ng", "Person", **{**CARD, "E-Mail": "ng@example.net"}
        ),
        key="K1",
        in_ipaas={
            "first_name": "Anna",
            "last_name": "van der Berg",
            "customer_number": "k1",
            "email_address": "anna@example.net",
            "addresses": [ADDRESS],
        },
        ipaas_change={"email_address": "new@example.net"},
        changed_in_bc="E-Mail",
        bc_change={"Phone No.": "+1 555 9999"},
    ),
    Kind(
        name="product",
        table="Item",
        in_bc=_item,
        key="K1",
        in_ipaas={
            "sku": "k1",
            "name": "Athens Desk",
            "default_price": Decimal("649.40"),
            "weight": Decimal("12.5"),
            "type": "Physical",
            "status": "Active",
            "tracking_method": "Product",
        },
        ipaas_change={"default_price": Decimal("700")},
        changed_in_bc="Unit Price",
        bc_change={"Net Weight": Decimal("2.5")},
    ),
)
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
ledgers = pytest.mark.parametrize("ledger", ["kept", "lost"])


def quiet(bench: Bench, kind: Kind, *, lose: bool = False) -> None:
    """Both directions find nothing to write."""
    for run in (kind.from_ipaas, kind.to_ipaas, kind.from_ipaas):
        if lose:
            bench.lose_ledger()
        bench.sandbox.counters.reset()
        counts = tally(run(bench))
        assert set(counts) <= {"read", "unchanged"}, counts
        assert bench.writes() == 0


def linked(bench: Bench, kind: Kind) -> Record:
    record: Record = bench.linked(kind.name, kind.key)
    return record


@kinds
@ledgers
def test_what_went_to_ipaas_comes_back_unchanged(bench: Bench, kind: Kind, ledger: str) -> None:
    bench.run("customer_category_to_ipaas")
    kind.in_bc(bench)
    assert tally(kind.to_ipaas(bench))["created"] == 1
    quiet(bench, kind, lose=ledger == "lost")


@kinds
@ledgers
def test_a_change_there_settles_in_one_pass_each_way(bench: Bench, kind: Kind, ledger: str) -> None:
    bench.run("customer_category_to_ipaas")
    kind.in_bc(bench)
    kind.to_ipaas(bench)
    bench.sandbox.ipaas.edit(kind.name, linked(bench, kind)["id"], kind.ipaas_change)
    if ledger == "lost":
        bench.lose_ledger()
    assert tally(kind.from_ipaas(bench)) == {"read": 1, "updated": 1}
    assert tally(kind.to_ipaas(bench)) == {"read": 1, "unchanged": 1}
    quiet(bench, kind, lose=ledger == "lost")
    bench.sandbox.bc.change(kind.table, kind.key, **kind.bc_change)
    assert tally(kind.to_ipaas(bench)) == {"read": 1, "updated": 1}
    quiet(bench, kind, lose=ledger == "lost")


@kinds
@ledgers
def test_what_was_made_there_settles_in_one_pass_each_way(bench: Bench, kind: Kind, ledger: str) -> None:
    record = bench.sandbox.ipaas.add(kind.name, kind.in_ipaas)
    assert tally(bench.run(f"{kind.name}_from_ipaas")) == {"read": 1, "created": 1}
    if ledger == "lost":
        bench.lose_ledger()
    # What Business Central knows and iPaaS.com did not goes there once: its number's spelling, its own fields.
    assert tally(kind.to_ipaas(bench))["read"] == 1
    assert len(bench.sandbox.ipaas.records[kind.name]) == 1
    assert linked(bench, kind)["id"] == record["id"]
    assert len(linked(bench, kind).get("addresses", [0])) == 1
    quiet(bench, kind, lose=ledger == "lost")
    bench.sandbox.bc.change(kind.table, kind.key, **kind.bc_change)
    assert tally(kind.to_ipaas(bench)) == {"read": 1, "updated": 1}
    quiet(bench, kind)


@kinds
def test_a_poll_between_making_a_record_and_telling_of_it_makes_no_second_one(bench: Bench, kind: Kind) -> None:
    record = bench.sandbox.ipaas.add(kind.name, kind.in_ipaas)

    def poll(stage: str) -> None:
        if stage == "report":
            kind.to_ipaas(bench)

    assert tally(bench.run(f"{kind.name}_from_ipaas", before=poll)) == {"read": 1, "created": 1}
    assert list(bench.sandbox.ipaas.records[kind.name]) == [record["id"]]
    assert len(linked(bench, kind).get("addresses", [0])) == 1
    kind.to_ipaas(bench)
    quiet(bench, kind)


@kinds
def test_what_is_changed_back_there_is_not_taken_for_what_was_sent_before(bench: Bench, kind: Kind) -> None:
    record = bench.sandbox.ipaas.add(kind.name, kind.in_ipaas)
    kind.from_ipaas(bench)
    kind.to_ipaas(bench)
    (name, value), *_ = kind.ipaas_change.items()
    bench.sandbox.bc.change(kind.table, kind.key, **{kind.changed_in_bc: value})
    kind.to_ipaas(bench)
    # Both changes are one hook: nobody has looked at the first of them from this side.
    bench.sandbox.ipaas.edit(kind.name, record["id"], {name: kind.in_ipaas[name]})
    assert tally(kind.from_ipaas(bench)) == {"read": 1, "updated": 1}
    assert bench.sandbox.bc.get(kind.table, kind.key)[kind.changed_in_bc] == kind.in_ipaas[name]
    kind.to_ipaas(bench)
    quiet(bench, kind)


@kinds
def test_what_is_changed_back_in_business_central_is_not_either(bench: Bench, kind: Kind) -> None:
    bench.run("customer_category_to_ipaas")
    kind.in_bc(bench)
    kind.to_ipaas(bench)
    before = bench.sandbox.bc.get(kind.table, kind.key)[kind.changed_in_bc]
    bench.sandbox.ipaas.edit(kind.name, linked(bench, kind)["id"], kind.ipaas_change)
    kind.from_ipaas(bench)
    # Before any poll to iPaaS.com has seen what came from there.
    bench.sandbox.bc.change(kind.table, kind.key, **{kind.changed_in_bc: before})
    assert tally(kind.to_ipaas(bench)) == {"read": 1, "updated": 1}
    (name, value), *_ = kind.ipaas_change.items()
    assert linked(bench, kind)[name] != value
    quiet(bench, kind)


@ledgers
@pytest.mark.parametrize("flow", ["sales_order_from_ipaas", "invoice_from_ipaas"])
def test_our_own_documents_never_come_back(bench: Bench, flow: str, ledger: str) -> None:
    set_up(bench)
    order(bench)
    bench.sandbox.sales.post(order(bench))
    for out in ("sales_order_to_ipaas", "sales_invoice_to_ipaas"):
        assert bench.run(out).counts["failed"] == 0
    ids = [str(record_id) for record_id in bench.sandbox.ipaas.records["transaction"]]
    assert len(ids) == 2
    if ledger == "lost":
        bench.lose_ledger()
    bench.sandbox.counters.reset()
    assert tally(bench.run(flow, *ids)) == {"read": 2, "skipped": 2}
    assert bench.writes() == 0


@ledgers
def test_a_contact_never_comes_back_as_a_customer(bench: Bench, ledger: str) -> None:
    set_up(bench)
    company = bench.sandbox.bc.get("Customer", "C1")
    person = {"Type": "Person", "Name": "Eva Corets", "E-Mail": "eva@adatum.example"}
    bench.sandbox.bc.add("Contact", {"No.": "CT9", "Company No.": company["contact"], **person})
    assert bench.run("contact_to_ipaas").counts["created"] == 1
    record = bench.linked("customer", "CT9|contact")
    if ledger == "lost":
        bench.lose_ledger()
    bench.sandbox.counters.reset()
    assert tally(bench.run("customer_from_ipaas", str(record["id"]))) == {"read": 1, "skipped": 1}
    # The other one is customer P1's own.
    assert tally(bench.run("contact_to_ipaas")) == {"read": 2, "skipped": 1, "unchanged": 1}
    assert bench.writes() == 0
