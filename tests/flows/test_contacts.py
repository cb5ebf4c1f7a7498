"""Who is a contact of a company, who is a customer itself, and whose company is which customer; through real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.sandbox.faults import Fault

FLOW = "contact_to_ipaas"
LONG_AGO = datetime.now(UTC) - timedelta(days=99)
FORBIDDEN = '{"error":{"code":"Application_DialogException","message":"You do not have the permission."}}'


def company(bench: Bench, no: str, name: str, *relations: str, customer: str | None = None) -> str:
    """A company contact; with `customer` it is that customer, with `relations` something else, too."""
    if customer:
        bench.sandbox.bc.add_customer(customer, name, "Company")
        contact = bench.sandbox.bc.get("Contact", f"CT{customer}")
        assert contact is not None
        no = contact["No."]
    else:
        fields = {"No.": no, "Type": "Company", "Name": name, "Company No.": no, "Company Name": name}
        bench.sandbox.bc.add("Contact", fields)
    for relation in relations:
        bench.sandbox.bc.relate(no, relation)
    return no


def person(bench: Bench, no: str, name: str, of: str = "", *relations: str, **fields: Any) -> None:
    values = {"No.": no, "Type": "Person", "Name": name, "Company No.": of, "E-Mail": f"{no.lower()}@example.net"}
    bench.sandbox.bc.add("Contact", {**values, **fields})
    for relation in relations:
        bench.sandbox.bc.relate(no, relation)


def company_id(bench: Bench, no: str) -> Any:
    found = bench.linked("customer", f"{no}|contact")
    assert found, f"contact {no} did not arrive"
    return found.get("company_id")


def test_the_people_of_a_customer_arrive_with_their_company(bench: Bench) -> None:
    person(bench, "CT9", "Ann Buyer", company(bench, "", "Adatum", customer="C1"))
    bench.run("company_to_ipaas")
    assert tally(bench.run(FLOW)) == {"read": 1, "created": 1}
    assert company_id(bench, "CT9") == bench.linked("company", "C1")["id"]


def test_a_person_whose_company_is_no_customer_is_put_into_no_other_company(bench: Bench) -> None:
    person(bench, "CT1", "Ann Buyer", company(bench, "", "Adatum", customer="C1"))
    person(bench, "CT2", "Bob Prospect", company(bench, "CT77", "Fabrikam"))
    # A customer himself, whose row keeps the id of Ann's company: no company of his is a customer.
    person(bench, "CT3", "Cy Self", "CT77")
    bench.sandbox.bc.add("Customer", {"No.": "P1", "Name": "Cy Self", "Contact Type": "Person", "contact": "CT3"})
    bench.run("company_to_ipaas")
    bench.run(FLOW)
    assert company_id(bench, "CT2") is None
    assert bench.linked("customer", "CT3|contact") is None
    line = outcome_of(bench.run(FLOW, "CT3"), "CT3|contact")
    assert line.result == "skipped" and "customer itself" in line.message


@pytest.mark.parametrize("same_name", [True, False])
def test_the_people_of_a_customer_that_is_a_vendor_too_find_their_company(bench: Bench, same_name: bool) -> None:
    number = company(bench, "", "Adatum", "Vendor", customer="C1")
    if not same_name:
        bench.sandbox.bc.get("Contact", number)["Name"] = "Adatum Trading"  # type: ignore[index]
    company(bench, "", "Adatum Trading", customer="C2")
    person(bench, "CT9", "Ann Buyer", number)
    bench.run("company_to_ipaas")
    bench.run(FLOW)
    assert company_id(bench, "CT9") == bench.linked("company", "C1")["id"]


@pytest.mark.parametrize("own", [["Customer"], ["Customer", "Vendor"]])
@pytest.mark.parametrize("readable", [True, False])
def test_a_person_that_is_a_customer_is_left_out(bench: Bench, own: list[str], readable: bool) -> None:
    bench.sandbox.bc.add_customer("P1", "Anna Berg", "Person", **{"E-Mail": "anna@example.net"})
    for relation in own[1:]:
        bench.sandbox.bc.relate("CTP1", relation)
    if not readable:
        fault = Fault(system="business_central", path="batch", status=400, body=FORBIDDEN, times=99)
        bench.sandbox.faults.add(fault)
    report = bench.run(FLOW, "CTP1")
    assert tally(report) == {"read": 1, "skipped": 1}
    assert "customer itself" in outcome_of(report, "CTP1|contact").message


def test_a_person_of_a_customer_who_is_a_customer_too_is_left_out(bench: Bench) -> None:
    number = company(bench, "", "Adatum", customer="C1")
    person(bench, "CT9", "Ann Buyer", number)
    bench.sandbox.bc.add("Customer", {"No.": "P1", "Name": "Ann Buyer", "Contact Type": "Person", "contact": "CT9"})
    person(bench, "CT8", "Ann Buyer", number, "Vendor")
    bench.run("company_to_ipaas")
    report = bench.run(FLOW)
    assert tally(report) == {"read": 2, "skipped": 1, "created": 1}
    assert company_id(bench, "CT8") == bench.linked("company", "C1")["id"]


@pytest.mark.parametrize("relations", [["Vendor"], ["Bank Account"], ["Employee"], ["Vendor", "Bank Account"]])
def test_the_people_of_companies_that_are_anything_but_customers_are_left_out(
    bench: Bench, relations: list[str]
) -> None:
    person(bench, "CT9", "Ann Seller", company(bench, "CT77", "Fabrikam", *relations))
    report = bench.run(FLOW, "CT9")
    assert tally(report) == {"read": 1, "skipped": 1}
    assert "Its company is no customer" in outcome_of(report, "CT9|contact").message


def test_people_without_a_company_or_of_a_prospect_arrive(bench: Bench) -> None:
    person(bench, "CT8", "Al One")
    person(bench, "CT9", "Ann Maybe", company(bench, "CT77", "Fabrikam"))
    person(bench, "CT7", "An Employee", "CT77", "Employee")
    assert tally(bench.run(FLOW)) == {"read": 3, "created": 3}


@pytest.mark.parametrize("related", [False, True])
def test_when_a_company_becomes_a_customer_its_people_get_their_company(
    make_bench: Callable[..., Bench], related: bool
) -> None:
    bench = make_bench(bc_process_company_relationship=related)
    person(bench, "CT9", "Ann Maybe", company(bench, "CT77", "Fabrikam"), modified=LONG_AGO)
    bench.sandbox.bc.touch(bench.sandbox.bc.get("Contact", "CT9"), LONG_AGO)  # type: ignore[arg-type]
    bench.run(FLOW)
    assert company_id(bench, "CT9") is None
    fields = {"No.": "C1", "Name": "Fabrikam", "Contact Type": "Company", "contact": "CT77"}
    bench.sandbox.bc.add("Customer", fields)
    bench.run("company_to_ipaas")
    assert tally(bench.run(FLOW)) == {"read": 1, "updated": 1}
    assert company_id(bench, "CT9") == bench.linked("company", "C1")["id"]
    bench.run("company_to_ipaas")
    assert bool(bench.linked("company relationship", "C1|CT9")) is related


def test_the_first_of_several_addresses_counts(bench: Bench) -> None:
    present = bench.sandbox.ipaas.add("customer", {"email_address": "ann@example.org", "first_name": "Ann"})
    person(bench, "CT9", "Ann Buyer", **{"E-Mail": " ann@example.org; office@example.org"})
    bench.run(FLOW)
    assert bench.linked("customer", "CT9|contact")["id"] == present["id"]
