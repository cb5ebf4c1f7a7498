"""Values that nobody foresees in a record: it goes without them or is rejected in words, and the others go on."""

from __future__ import annotations

from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.errors import ErrorKind
from include.sandbox.ipaas.platform import Record
from include.sandbox.spoils import Spoil
from include.sync.report import Report

ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}
SURROGATE, NUL = '"Ad\\ud83datum"', '"Ad\\u0000atum"'
DIGITS = "123456789012345678901234567890.12"
BICYCLE = "\N{BICYCLE}"  # two of UTF-16's units


def companies(bench: Bench) -> list[Record]:
    """An odd one to be, and a sound one."""
    return [bench.sandbox.ipaas.add("company", {"name": n, "addresses": [ADDRESS]}) for n in ("Odd", "Sound")]


def spoil_ipaas(bench: Bench, record: Record, *at: str | int, raw: str | None) -> Spoil:
    spoil = Spoil(system="ipaas", path="", name="id", value=record["id"], at=at, raw=raw)
    bench.sandbox.spoils.append(spoil)
    return spoil


def spoil_bc(bench: Bench, name: str, value: str, *at: str, raw: str | None) -> Spoil:
    spoil = Spoil(system="business_central", path="", name=name, value=value, at=at, raw=raw)
    bench.sandbox.spoils.append(spoil)
    return spoil


def rejected(report: Report, key: str) -> str:
    outcome = outcome_of(report, key)
    assert (outcome.result, outcome.kind) == ("failed", ErrorKind.rejected)
    assert "Unexpected" not in outcome.message and "InvalidOperation" not in outcome.message
    return f"{outcome.message} {outcome.advice}"


@pytest.mark.parametrize("raw", [SURROGATE, NUL])
class TestWhatNoTextCarries:
    def test_from_ipaas_it_stops_no_other(self, bench: Bench, raw: str) -> None:
        odd, _ = companies(bench)
        spoil = spoil_ipaas(bench, odd, "name", raw=raw)
        report = bench.run("company_from_ipaas")
        assert spoil.hits
        if "failed" in tally(report):
            rejected(report, str(odd["id"]))
        names = {row["Name"] for row in bench.sandbox.bc.rows("Customer")}
        assert "Sound" in names and names <= {"Sound", "Adatum", "Ad atum"}
        bench.sandbox.spoils.clear()
        bench.run("company_from_ipaas", str(odd["id"]))
        assert {row["Name"] for row in bench.sandbox.bc.rows("Customer")} == {"Sound", "Odd"}

    def test_to_ipaas_it_stops_no_other(self, bench: Bench, raw: str) -> None:
        for no, name in (("C1", "Odd"), ("C2", "Sound")):
            bench.sandbox.bc.add_customer(no, name, "Company")
        spoil = spoil_bc(bench, "No", "C1", "Name", raw=raw)
        report = bench.run("company_to_ipaas")
        assert spoil.hits and bench.linked("company", "C2")["name"] == "Sound"
        if (odd := bench.linked("company", "C1")) is None:
            rejected(report, "C1")
        else:
            assert "\ud83d" not in odd["name"] and "\x00" not in odd["name"]


@pytest.mark.parametrize("name", ["category_id", "company_id"])
@pytest.mark.parametrize("raw", ["0", "-1"])
def test_an_id_that_is_none_is_no_reference(bench: Bench, name: str, raw: str) -> None:
    body = {"first_name": "Ann", "last_name": "Berg", "email_address": "ann@example.org", "addresses": [ADDRESS]}
    record = bench.sandbox.ipaas.add("customer", body)
    record[name] = int(raw)
    assert tally(bench.run("customer_from_ipaas")) == {"read": 1, "created": 1}


@pytest.mark.parametrize("raw", ["null", None])
class TestWhatARecordCannotBeWithout:
    def test_the_type_of_a_line_of_a_transaction(self, bench: Bench, raw: str | None) -> None:
        from webshop import Shop, line

        shop = Shop(bench)
        shop.customer()
        for no in ("1000", "1001"):
            shop.item(no)
        odd, sound = (shop.order(transaction_number=f"WEB-{n}", lines=[line("1000")]) for n in (1, 2))
        spoil = spoil_ipaas(bench, odd["lines"][0], "type", raw=raw)
        report = bench.run("sales_order_from_ipaas")
        assert spoil.hits and rejected(report, str(odd["id"]))
        assert shop.link_of(sound) and not shop.link_of(odd)

    @pytest.mark.parametrize("field", ["sequence", "lineType"])
    def test_what_a_line_of_an_invoice_is_known_by(self, bench: Bench, raw: str | None, field: str) -> None:
        from shop import order, set_up

        set_up(bench)
        odd, sound = (str(bench.sandbox.sales.post(order(bench))["No."]) for _ in range(2))  # type: ignore[index]
        document = next(r for r in bench.sandbox.bc.rows("Sales Invoice Header") if r["No."] == odd)
        spoil = spoil_bc(bench, "documentId", str(document["systemid"]), field, raw=raw)
        report = bench.run("sales_invoice_to_ipaas")
        assert spoil.hits and bench.linked("transaction", sound)
        assert bench.linked("transaction", odd) is None and rejected(report, odd)

    def test_the_company_of_a_contact(self, bench: Bench, raw: str | None) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        for no in ("CT1", "CT2"):
            bench.sandbox.bc.add_person(no, f"Ann {no}", customer="C1", email=f"{no}@example.net")
        bench.run("company_to_ipaas")
        spoil = spoil_bc(bench, "number", "CT1", "type", raw=raw)
        report = bench.run("contact_to_ipaas")
        assert spoil.hits and bench.linked("customer", "CT2|contact")
        assert bench.linked("customer", "CT1|contact") is None
        assert tally(report)["created"] == 1


class TestNumbersOfAnySize:
    def test_from_ipaas_they_are_rejected_in_words(self, bench: Bench) -> None:
        from webshop import Shop, line

        shop = Shop(bench)
        shop.customer()
        shop.item("1000")
        odd, sound = (shop.order(transaction_number=f"WEB-{n}", lines=[line("1000")]) for n in (1, 2))
        spoil_ipaas(bench, odd["lines"][0], "qty", raw=DIGITS)
        report = bench.run("sales_order_from_ipaas")
        assert rejected(report, str(odd["id"])) and shop.link_of(sound)

    def test_to_ipaas_they_are_rejected_in_words(self, bench: Bench) -> None:
        for no in ("1000", "2000"):
            bench.sandbox.bc.add("Item", {"No.": no, "Description": f"Item {no}", "Base Unit of Measure": "PCS"})
        spoil_bc(bench, "No", "1000", "Unit_Price", raw=DIGITS)
        report = bench.run("product_to_ipaas")
        assert bench.linked("product", "2000")
        assert bench.linked("product", "1000") is None and rejected(report, "1000")


def test_a_name_is_cut_to_what_business_central_counts_and_no_character_in_half(bench: Bench) -> None:
    body: dict[str, Any] = {"type": "Physical", "status": "Active", "tracking_method": "Product", "default_price": 1}
    name = "x" * 99 + BICYCLE + "y"
    bench.sandbox.ipaas.add("product", {**body, "sku": "1000", "name": name})
    assert tally(bench.run("product_from_ipaas")) == {"read": 1, "created": 1}
    assert bench.sandbox.bc.get("Item", "1000")["Description"] == "x" * 99
    assert tally(bench.run("product_to_ipaas")).get("updated") is None
    [product] = bench.sandbox.ipaas.records["product"].values()
    assert product["name"] == name
