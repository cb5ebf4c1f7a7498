"""Companies and customers of iPaaS.com as customers of Business Central: docs/mappings.md, value by value."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from include.errors import Rejected
from include.mappings.parties_from_ipaas import (
    company_from_ipaas,
    company_numbers,
    customer_from_ipaas,
    customer_numbers,
    skip_linked_contact,
)
from include.mappings.rows_of_ipaas import CompanyRow, PersonRow
from include.settings import SyncSettings
from include.sync.fingerprints import fingerprint
from include.sync.records import Candidate, Mapped, MappingContext, Today

SYSTEM = 4711
ADDRESS = {"id": 7, "address_1": "1 Main Street", "city": "Atlanta", "is_primary_billing": True}
COMPANY = {"id": 55, "name": "Adatum", "account_number": "C1", "email_address": "a@b.example", "addresses": [ADDRESS]}
CUSTOMER = {"id": 66, "first_name": "Anna", "last_name": "Berg", "email_address": "anna@example.net"}
OURS = [{"system_id": SYSTEM, "external_id": "C1|address"}]
THEIRS = [{"system_id": 1, "external_id": "9"}]
DELETED = [{"system_id": SYSTEM, "external_id": "DELETED:C1|address"}]


def context(**settings: Any) -> MappingContext:
    return MappingContext(settings=SyncSettings(**settings), system_id=SYSTEM, today=Today(date(2026, 5, 1)))


def company(data: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **fields: Any) -> Mapped:
    record = {**COMPANY, **fields}
    return company_from_ipaas(CompanyRow(record=record, **(data or {})), context(**(settings or {})))


def customer(data: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **fields: Any) -> Mapped:
    record = {**CUSTOMER, **fields}
    return customer_from_ipaas(PersonRow(record=record, **(data or {})), context(**(settings or {})))


def test_what_is_empty_is_not_sent() -> None:
    body = company(email_address="", addresses=[{**ADDRESS, "address_2": None, "city": " "}]).body
    assert body == {"Name": "Adatum", "Address": "1 Main Street", "Partner_Type": "Company"}


def test_defaults_are_for_new_customers_only() -> None:
    defaults = {"Gen_Bus_Posting_Group": "DOMESTIC", "Tax_Area_Code": "ATLANTA"}
    mapped = company(settings={"bc_create_defaults": {"company": defaults}})
    assert defaults.items() <= mapped.body.items()
    assert mapped.create_only == {"Partner_Type", "Gen_Bus_Posting_Group", "Tax_Area_Code"}


def test_for_customers_they_may_be_for_updates_too() -> None:
    defaults = {"Tax_Area_Code": "ATLANTA", "also_on_update": True}
    mapped = customer(settings={"bc_create_defaults": {"customer": defaults}})
    assert mapped.body["Tax_Area_Code"] == "ATLANTA"
    assert mapped.create_only == {"Partner_Type"}


@pytest.mark.parametrize(
    ("name", "length", "build"),
    [
        ("Name", 100, lambda text: company(name=text)),
        ("Name", 100, lambda text: customer(first_name=text[:-2], last_name="x")),
        ("E_Mail", 80, lambda text: company(email_address=text)),
        ("Address", 100, lambda text: company(addresses=[{**ADDRESS, "address_1": text}])),
        ("Address_2", 50, lambda text: company(addresses=[{**ADDRESS, "address_2": text}])),
        ("City", 30, lambda text: company(addresses=[{**ADDRESS, "city": text}])),
        ("County", 30, lambda text: company(addresses=[{**ADDRESS, "region": text}])),
        ("Post_Code", 20, lambda text: company(addresses=[{**ADDRESS, "postal_code": text}])),
        ("Country_Region_Code", 10, lambda text: company(addresses=[{**ADDRESS, "country": text}])),
        ("Phone_No", 30, lambda text: company(addresses=[{**ADDRESS, "phone_number": text.replace("x", "1")}])),
    ],
)
def test_a_text_is_never_cut_but_refused_by_name_and_length(name: str, length: int, build: Any) -> None:
    assert len(build("x" * length).body[name]) == length
    with pytest.raises(Rejected, match=rf"{name}.*{length + 1} characters.*{length}"):
        build("x" * (length + 1))


@pytest.mark.parametrize("build", [lambda: company(name=" "), lambda: customer(first_name=None, last_name="")])
def test_a_record_without_a_name_is_rejected(build: Any) -> None:
    with pytest.raises(Rejected, match="no name"):
        build()


@pytest.mark.parametrize(
    ("assignments", "single", "group"),
    [
        ([{"id": 3}, {"id": 2}, {"id": 1}], None, "VIP"),
        ([{"id": 9, "category_id": 1}], None, "RETAIL"),
        ([], "1", "RETAIL"),
        ([{"id": 2}], 1, "VIP"),
        ([{"id": 3}], None, None),
        ([], None, None),
    ],
)
def test_the_price_group_is_the_first_category_that_is_one(
    assignments: list[dict[str, Any]], single: Any, group: str | None
) -> None:
    groups = {"customer category": {"1": "RETAIL", "2": "VIP"}}
    mapped = customer({"refs": groups}, categories=assignments, category_id=single)
    assert mapped.body.get("Customer_Price_Group") == group


@pytest.mark.parametrize(
    ("number", "company_has", "customer_has"),
    [
        ("C1", ("C1", "55"), ("C1", "C66")),
        (" C1 ", ("C1", "55"), ("C1", "C66")),
        ("x" * 20, ("x" * 20, "55"), ("x" * 20, "C66")),
        ("x" * 21, ("55",), ("C66",)),
        ("CT1|contact", ("55",), ("C66",)),
        (None, ("55",), ("C66",)),
        ("55", ("55",), ("55", "C66")),
    ],
)
def test_numbers(number: str | None, company_has: tuple[str, ...], customer_has: tuple[str, ...]) -> None:
    assert company_numbers(CompanyRow(record={**COMPANY, "account_number": number})) == company_has
    assert customer_numbers(PersonRow(record={**CUSTOMER, "customer_number": number})) == customer_has


def test_what_an_unlinked_record_may_be() -> None:
    agree = {"displayName": "Adatum", "email": "a@b.example"}
    assert company().candidates == (
        *(Candidate(by="number", value=number, agree=agree) for number in ("C1", "55", "C55")),
        Candidate(by="displayName", value="Adatum"),
    )
    agree = {"displayName": "Anna Berg", "email": "anna@example.net"}
    assert customer(customer_number="P1").candidates == (
        *(Candidate(by="number", value=number, agree=agree) for number in ("P1", "C66", "P66")),
        Candidate(by="email", value="anna@example.net"),
    )
    assert company({"linked": "C1"}).candidates == ()


@pytest.mark.parametrize(
    ("addresses", "children"),
    [
        ([ADDRESS], (("customer company address", "|address", 7),)),
        ([{**ADDRESS, "external_ids": THEIRS}], (("customer company address", "|address", 7),)),
        ([{**ADDRESS, "external_ids": DELETED}], (("customer company address", "|address", 7),)),
        ([{**ADDRESS, "external_ids": OURS}], ()),
        # Another address is ours: its link cannot be had twice.
        ([ADDRESS, {"id": 8, "external_ids": OURS}], ()),
        ([], ()),
    ],
)
def test_the_billing_address_is_linked_once(addresses: list[dict[str, Any]], children: Any) -> None:
    assert company(addresses=addresses).children == children


def test_links_and_matches_are_no_part_of_the_fingerprint() -> None:
    assert fingerprint(company()) == fingerprint(company({"linked": "C1", "holders": {"C1": 55}}))


@pytest.mark.parametrize(
    ("linked", "skipped"), [("CT1|contact", True), ("C1", False), (None, False), ("DELETED", False)]
)
def test_contacts_are_kept_in_business_central(linked: str | None, skipped: bool) -> None:
    assert bool(skip_linked_contact(PersonRow(record=CUSTOMER, linked=linked), context())) is skipped


def test_custom_fields_are_added() -> None:
    entry = {"model": "company", "direction": "from_ipaas", "target": "Search_Name", "formula": "{{ name | upper }}"}
    assert company(settings={"bc_custom_fields": [entry]}).body["Search_Name"] == "ADATUM"
