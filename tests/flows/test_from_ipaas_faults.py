"""Flows from iPaaS.com when answers get lost and tasks are repeated: nothing is made twice, nothing is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.sandbox.spoils import Spoil
from include.sync.ledger.entries import Purpose

COMPANY = {"name": "Adatum", "account_number": "C1", "addresses": [{"city": "Atlanta", "is_primary_billing": True}]}
PRODUCT = {
    "sku": "I1",
    "name": "Desk",
    "default_price": 5,
    "type": "Physical",
    "status": "Active",
    "tracking_method": "Product",
}
CASES = (
    pytest.param("company", COMPANY, "Customer", "C1", id="company"),
    pytest.param("product", PRODUCT, "Item", "I1", id="product"),
)


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A bench whose new customers get payment terms, so that one that was left half made shows."""
    return make_bench(bc_create_defaults={"company": {"Payment_Terms_Code": "30 DAYS"}})


def settled(bench: Bench, kind: str, record: Record, table: str, no: str) -> None:
    """There is the record once, complete, and linked; and nothing is left to do."""
    assert [row["No."] for row in bench.sandbox.bc.rows(table)] == [no]
    row = bench.sandbox.bc.get(table, no)
    assert row is not None
    if table == "Customer":
        assert (row["Payment Terms Code"], row["City"]) == ("30 DAYS", "Atlanta")
    assert bench.linked(kind, no)["id"] == record["id"]
    assert bench.ledger.unpushed() == []
    assert tally(bench.run(f"{kind}_from_ipaas")) == {}


@pytest.mark.parametrize(("kind", "fields", "table", "no"), CASES)
@pytest.mark.parametrize("number", ['" "', "null", None])
def test_an_answer_that_does_not_say_the_number_of_what_was_made(
    bench: Bench, kind: str, fields: dict[str, Any], table: str, no: str, number: str | None
) -> None:
    record = bench.sandbox.ipaas.add(kind, fields)
    odd = [
        Spoil(system="business_central", path=path, name="", value=None, at=(name,), raw=number, method="POST")
        for path, name in (("/(CustomerCard|ItemCard)$", "No"), ("/(customers|items)$", "number"))
    ]
    bench.sandbox.spoils.extend(odd)
    bench.run(f"{kind}_from_ipaas")
    assert any(one.hits for one in odd)
    bench.sandbox.spoils.clear()
    bench.run(f"{kind}_from_ipaas", str(record["id"]))
    settled(bench, kind, record, table, no)


@pytest.mark.parametrize(("kind", "fields", "table", "no"), CASES)
@pytest.mark.parametrize(
    ("system", "method", "nth"),
    [
        *(("business_central", "GET", nth) for nth in range(4)),
        ("business_central", "POST", 0),
        ("business_central", "PATCH", 0),
        *(("ipaas", "GET", nth) for nth in range(5)),
        *(("ipaas", "POST", nth) for nth in range(3)),
    ],
)
@pytest.mark.parametrize("fault", ["lost", "cut"])
def test_an_answer_that_is_lost(
    bench: Bench,
    kind: str,
    fields: dict[str, Any],
    table: str,
    no: str,
    method: str,
    nth: int,
    system: str,
    fault: str,
) -> None:
    record = bench.sandbox.ipaas.add(kind, fields)
    bench.sandbox.faults.add(Fault(system=system, method=method, skip=nth, **{fault: True}))
    report = bench.run(f"{kind}_from_ipaas")
    if (system, method, nth, fault) == ("business_central", "POST", 0, "cut"):
        # It may be on its way still, so it is not sent again before the next try.
        assert tally(report) == {"read": 1, "retrying": 1}
        report = bench.run(f"{kind}_from_ipaas", str(record["id"]))
    assert tally(report) == {"read": 1, "created": 1}
    settled(bench, kind, record, table, no)


@pytest.mark.parametrize(("kind", "fields", "table", "no"), CASES)
@pytest.mark.parametrize("renamed", [False, True])
def test_a_create_that_was_lost_with_what_followed_is_found_again_by_its_number(
    bench: Bench, kind: str, fields: dict[str, Any], table: str, no: str, renamed: bool
) -> None:
    record = bench.sandbox.ipaas.add(kind, fields)
    bench.sandbox.faults.add(Fault(system="business_central", method="POST", path="customers|ItemCard", lost=True))
    # Business Central is gone when it is looked for.
    for path in ("CustomerCard", "ItemCard"):
        bench.sandbox.faults.add(Fault(system="business_central", method="GET", path=path, status=503, times=100))
    assert tally(bench.run(f"{kind}_from_ipaas")) == {"read": 1, "retrying": 1}
    assert len(bench.sandbox.bc.rows(table)) == 1
    bench.sandbox.faults.clear()
    if renamed:
        bench.sandbox.ipaas.edit(kind, record["id"], {"name": "Renamed"})
    assert tally(bench.run(f"{kind}_from_ipaas", str(record["id"]))) == {"read": 1, "created": 1}
    row = bench.sandbox.bc.get(table, no)
    assert row is not None
    assert (row["Name"] if table == "Customer" else row["Description"]) == ("Renamed" if renamed else fields["name"])
    settled(bench, kind, record, table, no)


def test_what_is_half_made_is_not_linked_by_the_flow_the_other_way(bench: Bench) -> None:
    """Orders would be made out to a customer that lacks what new ones are given."""
    record = bench.sandbox.ipaas.add("company", COMPANY)
    bench.sandbox.faults.add(
        Fault(system="business_central", method="PATCH", path="CustomerCard", status=503, times=99)
    )
    assert tally(bench.run("company_from_ipaas"))["retrying"] == 1
    bench.sandbox.faults.clear()
    report = bench.run("company_to_ipaas")
    assert tally(report) == {"read": 1, "waiting": 1}
    assert f"It is being made of iPaaS.com company {record['id']}" in outcome_of(report, "C1").message
    assert bench.linked("company", "C1") is None
    assert tally(bench.run("company_from_ipaas", str(record["id"]))) == {"read": 1, "created": 1}
    assert tally(bench.run("company_to_ipaas"))["unchanged"] == 1
    settled(bench, "company", record, "Customer", "C1")


@dataclass(kw_only=True)
class Arrives(Fault):
    """A create that was long on its way takes effect, once its record has been looked for and was not there."""

    bench: Bench
    looked: bool = False

    def meets(self, system: str, method: str, path: str, body: bytes) -> bool:
        """It meets no call; this is when it happens."""
        self.looked = self.looked or path.endswith("/CustomerCard")
        if (
            self.looked
            and path.endswith("/customers")
            and method == "GET"
            and not self.bench.sandbox.bc.rows("Customer")
        ):
            self.bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        return False


def test_a_create_that_arrives_while_it_is_looked_for_is_no_match_but_completed(bench: Bench) -> None:
    record = bench.sandbox.ipaas.add("company", COMPANY)
    scope, key = "customer company from iPaaS.com", str(record["id"])
    # A try that died as it had sent the create.
    died, _ = bench.ledger.begin_try("load of another run", 0.0)
    bench.ledger.claim(scope, [key], died)
    bench.ledger.reserve(scope, key, "customers", "C1", Purpose.create)
    bench.ledger.end_try(died, [(scope, key)])
    bench.sandbox.faults.rules.append(Arrives(bench=bench))
    bench.run("company_from_ipaas")
    assert bench.sandbox.bc.get("Customer", "C1")["Payment Terms Code"] == "30 DAYS"


@pytest.mark.parametrize(("kind", "fields", "table", "no"), CASES)
@pytest.mark.parametrize("ledger", ["kept", "lost"])
def test_a_task_that_dies_between_the_steps_is_completed(
    bench: Bench, kind: str, fields: dict[str, Any], table: str, no: str, ledger: str
) -> None:
    record = bench.sandbox.ipaas.add(kind, fields)

    def die(stage: str) -> None:
        if stage == "report":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(f"{kind}_from_ipaas", before=die)
    assert bench.linked(kind, no) is None
    if ledger == "lost":
        bench.lose_ledger()
    bench.run(f"{kind}_from_ipaas")
    settled(bench, kind, record, table, no)


def test_a_number_reserved_by_a_create_that_was_refused_is_free_again(bench: Bench) -> None:
    refused = bench.sandbox.ipaas.add("product", {**PRODUCT, "tax_class": "NOWHERE"})
    report = bench.run("product_from_ipaas")
    assert tally(report) == {"read": 1, "failed": 1}
    assert "Tax_Group_Code 'NOWHERE'" in outcome_of(report, str(refused["id"])).message
    bench.sandbox.ipaas.edit("product", refused["id"], {"sku": "I2", "tax_class": "FURNITURE"})
    other = bench.sandbox.ipaas.add("product", PRODUCT)
    assert tally(bench.run("product_from_ipaas", str(refused["id"]), str(other["id"])))["created"] == 2
    assert bench.linked("product", "I1")["id"] == other["id"]


def test_one_that_somebody_links_before_it_is_complete_is_completed_all_the_same(bench: Bench) -> None:
    record = bench.sandbox.ipaas.add("company", COMPANY)
    # Made, and then nothing can be read or written of it.
    for method in ("GET", "PATCH"):
        fault = Fault(system="business_central", method=method, path="CustomerCard", status=503, times=100)
        bench.sandbox.faults.add(fault)
    assert tally(bench.run("company_from_ipaas")) == {"read": 1, "retrying": 1}
    bench.sandbox.faults.clear()
    bench.sandbox.ipaas.link("customer company", bench.system_id, record["id"], "C1")
    assert tally(bench.run("company_from_ipaas", str(record["id"]))) == {"read": 1, "created": 1}
    row = bench.sandbox.bc.get("Customer", "C1")
    assert row is not None and row["Payment Terms Code"] == "30 DAYS"
    # From then on it is accounting's.
    bench.sandbox.bc.change("Customer", "C1", **{"Payment Terms Code": "14 DAYS"})
    bench.run("company_from_ipaas", str(record["id"]), force=True)
    assert row["Payment Terms Code"] == "14 DAYS"


def test_a_number_that_another_record_was_linked_to_meanwhile_is_not_taken(bench: Bench) -> None:
    """Two records of the shop would have one number."""
    record = bench.sandbox.ipaas.add("company", COMPANY)

    def linked(stage: str) -> None:
        if stage == "load":
            bench.ledger.link([("customer company", "C1", int(record["id"]) + 1)])

    bench.run("company_from_ipaas", before=linked)
    assert "C1" not in [row["No."] for row in bench.sandbox.bc.rows("Customer")]
