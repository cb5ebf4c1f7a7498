"""Whole worlds through every flow, and the two-sided check over them: it is content, and each tampering shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from bench import DEFAULTS, SMALL, Bench

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.check import Verdict, check
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.ipaas.types import TYPES


@dataclass
class Transferred:
    """A world after every flow has run over it."""

    sandbox: Sandbox
    reports: dict[str, Any]

    def check(self) -> Verdict:
        return check(self.sandbox.bc, self.sandbox.ipaas)

    def linked(self, record: str, external_id: str) -> Any:
        return self.sandbox.ipaas.linked(record, external_id)


def transferred(world: str, folder: Path) -> Iterator[Transferred]:
    with Sandbox(world, size=SMALL) as sandbox:
        bench = Bench(sandbox, folder, {"bc_create_defaults": DEFAULTS})
        yield Transferred(sandbox, {name: bench.run(name) for name in FLOWS})
        bench.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transferred]:
    yield from transferred("demo", tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transferred]:
    yield from transferred("nasty", tmp_path_factory.mktemp("nasty"))


def test_the_demo_goes_through_and_both_sides_agree(demo: Transferred) -> None:
    for name, report in demo.reports.items():
        assert not report.counts["failed"] and not report.counts["waiting"], (name, report.outcomes)
    verdict = demo.check()
    assert verdict.ok, verdict.differences
    compared = {"company", "customer", "product", "product inventory", "order", "invoice", "line", "payment", "address"}
    compared |= {f"{name} from iPaaS.com" for name in ("company", "customer", "product", "order", "invoice")}
    assert compared <= verdict.compared.keys()


def test_of_the_nasty_world_what_can_go_through_does(nasty: Transferred) -> None:
    assert nasty.check().ok, nasty.check().differences


def expect(verdict: Verdict, *parts: str) -> None:
    """The verdict tells of a difference whose type, key and field hold these words."""
    told = [f"{d['type']} {d['key']} {d['field']} {d['found']}" for d in verdict.differences]
    assert any(all(part in line for part in parts) for line in told), told


def tampered(demo: Transferred, record: dict[str, Any], field: str, value: Any) -> Verdict:
    """What the check finds while a field holds another value."""
    before, missing = record.get(field), field not in record
    record[field] = value
    try:
        return demo.check()
    finally:
        record[field] = before
        if missing:
            del record[field]


class TestToIPaaS:
    @pytest.mark.parametrize(
        ("record", "key", "field"),
        [
            ("company", "C10001", "name"),
            ("customer", "P20001", "first_name"),
            ("customer", "CT900000|contact", "company_id"),
            ("product", "1001", "description"),
            ("product category", "CHAIR", "parent_id"),
            ("location", "MAIN", "description"),
            ("shipping method", "UPS", "description"),
            ("customer category", "VIP", "is_pricing_group"),
        ],
    )
    def test_a_field_of_a_master(self, demo: Transferred, record: str, key: str, field: str) -> None:
        expect(tampered(demo, demo.linked(record, key), field, "something else"), record, key, field)

    def test_a_master_that_is_missing(self, demo: Transferred) -> None:
        company = demo.linked("company", "C10001")
        link = demo.sandbox.ipaas.links["customer company"]
        before = link.pop((SYSTEM_ID, company["id"]))
        verdict = demo.check()
        link[SYSTEM_ID, company["id"]] = before
        expect(verdict, "company C10001", "missing")
        expect(verdict, "company", "external id", "not linked")

    def test_stock(self, demo: Transferred) -> None:
        row = demo.linked("product", "1001")["inventory"][0]
        expect(tampered(demo, row, "qty_on_hand", 12345), "product inventory", "1001", "qty_on_hand")

    @pytest.mark.parametrize(
        "field", ["total", "tax_amount", "subtotal", "discount_amount", "status", "company_id", "created_datetime"]
    )
    def test_a_field_of_an_order(self, demo: Transferred, field: str) -> None:
        no = self.order(demo)
        expect(tampered(demo, demo.linked("transaction", no), field, 77), "order", no)

    @pytest.mark.parametrize(
        ("name", "field"),
        [
            ("lines", "qty"),
            ("lines", "qty_shipped"),
            ("lines", "unit_price"),
            ("addresses", "city"),
            ("payments", "amount"),
        ],
    )
    def test_a_field_of_what_an_order_holds(self, demo: Transferred, name: str, field: str) -> None:
        child = demo.linked("transaction", self.order(demo))[name][0]
        expect(tampered(demo, child, field, 9876), {"addresses": "address"}.get(name, name[:-1]), field)

    def test_a_line_too_many(self, demo: Transferred) -> None:
        record = demo.linked("transaction", self.order(demo))
        line = {**record["lines"][0], "id": 1}
        expect(tampered(demo, record, "lines", [*record["lines"], line]), "line", "qty")

    def test_a_tracking_number_that_is_lost(self, demo: Transferred) -> None:
        shipments = demo.sandbox.bc.rows("Sales Shipment Header")
        no = next(row["Order No."] for row in shipments if row.get("Package Tracking No.") and row["Order No."])
        invoices = demo.sandbox.bc.rows("Sales Invoice Header")
        no = next((row["No."] for row in invoices if row["Order No."] == no), no)
        expect(tampered(demo, demo.linked("transaction", no), "tracking", []), no, "tracking numbers")

    def test_an_order_that_is_there_twice(self, demo: Transferred) -> None:
        platform, no = demo.sandbox.ipaas, self.order(demo)
        twin = {**demo.linked("transaction", no), "id": 1}
        platform.records["transaction"][1] = twin
        platform.made.add(1)
        verdict = demo.check()
        platform.made.remove(1)
        del platform.records["transaction"][1]
        expect(verdict, "order", no, "2 transactions")

    @staticmethod
    def order(demo: Transferred) -> str:
        """An order that is Released and not shipped yet."""
        rows = demo.sandbox.bc.rows("Sales Header")
        made = demo.sandbox.bc.made
        return next(
            str(row["No."])
            for row in rows
            if row["Status"] == "Released" and not row.get("Completely Shipped") and row["systemid"] not in made
        )


class TestFromIPaaS:
    def row(self, demo: Transferred, table: str, **fields: Any) -> Any:
        rows = [row for row in demo.sandbox.bc.rows(table) if row["systemid"] in demo.sandbox.bc.made]
        return next(row for row in rows if all(row.get(name) == value for name, value in fields.items()))

    @pytest.mark.parametrize(
        ("table", "fields", "field", "kind"),
        [
            ("Customer", {"Contact Type": "Company"}, "City", "company from iPaaS.com"),
            ("Customer", {"Contact Type": "Person"}, "Name", "customer from iPaaS.com"),
            ("Item", {}, "Unit Price", "product from iPaaS.com"),
            ("Sales Header", {"Document Type": "Order"}, "Ship-to City", "order from iPaaS.com"),
        ],
    )
    def test_a_field(self, demo: Transferred, table: str, fields: Any, field: str, kind: str) -> None:
        expect(tampered(demo, self.row(demo, table, **fields), field, "77.7"), kind, field)

    def test_a_quantity_of_an_order(self, demo: Transferred) -> None:
        header = self.row(demo, "Sales Header", **{"Document Type": "Order"})
        line = demo.sandbox.bc.lines("Sales Line", "Order", header["No."])[0]
        expect(tampered(demo, line, "Quantity", 99), "order from iPaaS.com", header["No."], "lines")

    def test_the_total_of_an_invoice(self, demo: Transferred) -> None:
        made = demo.sandbox.bc.made
        rows = demo.sandbox.bc.rows("Sales Invoice Header")
        row = next(row for row in rows if row.get("Draft Invoice SystemId") in made)
        expect(tampered(demo, row, "Amount Including VAT", 1), "invoice from iPaaS.com", "Amount Including VAT")

    def test_a_payment_that_was_applied_twice(self, demo: Transferred) -> None:
        line = demo.sandbox.bc.rows("Gen. Journal Line")[0]
        demo.sandbox.bc.rows("Gen. Journal Line").append(dict(line))
        verdict = demo.check()
        demo.sandbox.bc.rows("Gen. Journal Line").pop()
        expect(verdict, "payment from iPaaS.com", "amounts")

    @pytest.mark.parametrize("type_name", ["company", "customer", "product", "transaction"])
    def test_a_record_that_never_came(self, demo: Transferred, type_name: str) -> None:
        platform = demo.sandbox.ipaas
        table = "customer company" if type_name == "company" else type_name
        born = (r for i, r in platform.records[type_name].items() if i not in platform.made)
        record = next(r for r in born if "contact" not in platform.links[table].get((SYSTEM_ID, r["id"]), "contact"))
        before = platform.links[table].pop((SYSTEM_ID, record["id"]))
        verdict = demo.check()
        platform.links[table][SYSTEM_ID, record["id"]] = before
        expect(verdict, "from iPaaS.com", "missing")

    def test_an_order_that_is_there_twice(self, demo: Transferred) -> None:
        header = self.row(demo, "Sales Header", **{"Document Type": "Order"})
        demo.sandbox.bc.rows("Sales Header").append({**header, "No.": "S-TWIN"})
        verdict = demo.check()
        demo.sandbox.bc.rows("Sales Header").pop()
        expect(verdict, "order from iPaaS.com", "S-TWIN")


@pytest.fixture(autouse=True)
def nothing_stays_tampered(demo: Transferred) -> Iterator[Callable[[], Verdict]]:
    """Every tampering is taken back, so that the next one is found for itself."""
    before = demo.check().differences
    yield demo.check
    assert demo.check().differences == before


def test_a_linked_type_that_nobody_compares_is_a_difference(demo: Transferred) -> None:
    kind = replace(TYPES["payment method"], name="price list", path="v2/PriceList", table="Price List")
    links = {(SYSTEM_ID, 7): "SUMMER"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TYPES, kind.name, kind)
        patch.setitem(demo.sandbox.ipaas.links, kind.table, links)
        expect(demo.check(), "price list SUMMER", "none")


def test_a_payment_method_that_went_wrong_is_a_difference(demo: Transferred) -> None:
    record = next(iter(demo.sandbox.ipaas.records["payment method"].values()))
    expect(tampered(demo, record, "name", "CHEQUE"), "payment method", "name")
