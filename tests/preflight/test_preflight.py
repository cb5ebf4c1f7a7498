"""Preflight: whatever is broken is the one line that is red, with the step to take; nothing is left behind."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.preflight import Line
from include.sandbox import Sandbox
from tests.preflight.conftest import Project

# What is not known of a project that is set up rightly.
_UNKNOWN = {"Custom fields in iPaaS.com", "Webhooks", "Notifications"}


def _red(lines: Mapping[str, Line]) -> list[str]:
    return [name for name, line in lines.items() if line.good is False]


def _records(sandbox: Sandbox) -> Any:
    tables = ("Customer", "Item", "Sales Header", "Contact", "No. Series")
    return copy.deepcopy(({name: sandbox.bc.rows(name) for name in tables}, sandbox.ipaas.records))


def test_all_is_good_in_the_order_in_which_one_mends_it_and_nothing_is_written(project: Project) -> None:
    before = _records(project.sandbox)
    lines = project.look()
    assert _red(lines) == []
    assert {name for name, line in lines.items() if line.good is None} == _UNKNOWN
    assert list(lines)[:2] == ["Connection business_central", "Connection ipaas"]
    assert "CRONUS USA, Inc." in lines["Connection business_central"].said
    assert "Microsoft Dynamics 365 Business Central" in lines["Subscription"].said
    assert _records(project.sandbox) == before
    # Writes were sent, and each was refused.
    assert project.sandbox.counters.writes()


def _switch(**values: Any) -> Callable[[Project], None]:
    return lambda project: vars(project.sandbox.switches).update(values)


def _variable(name: str, value: Any) -> Callable[[Project], None]:
    return lambda project: project.variables.update({name: value if isinstance(value, str) else json.dumps(value)})


def _set(**values: Any) -> Callable[[Project], None]:
    return lambda project: [setattr(project, name, value) for name, value in values.items()] and None


_FIELD = {"model": "product", "direction": "from_ipaas", "target": "Nothing", "source": "sku"}


@pytest.mark.parametrize(
    ("break_it", "line", "step"),
    [
        (_set(secret="wrong"), "Login to Business Central", "Certificates & Secrets"),
        (_set(bc={"company_name": "Nobody Ltd"}), "Environment and company", "company_name"),
        (_set(bc={"environment": "Nowhere"}), "Environment and company", "environment"),
        (_set(bc={"tenant_id": ""}), "Connection business_central", "required"),
        (_set(password="wrong"), "Login to iPaaS.com", "Connection ipaas"),
        (_set(ipaas={"system_id": 4712}), "Subscription", "system_id"),
        (_set(ipaas={"system_id": 999}), "Subscription", "system_id"),
        (_set(ipaas={"system_id": "many"}), "Connection ipaas", "whole number"),
        (_set(ipaas={"webhook_api_key": ""}), "Webhook key", "webhook_api_key"),
        (_set(pools={"business_central": 10}), "Pool ipaas", "Admin, Pools"),
        (_set(pools={"business_central": 3, "ipaas": 10}), "Pool business_central", "at least 5"),
        (_switch(bc_permission=False), "Permission to read Business Central", "permission set"),
        (_switch(bc_write_permission=False), "Permission to write to Business Central", "permission set"),
        (_switch(ipaas_write_permission=False), "Permission to write to iPaaS.com", "administrator"),
        (_variable("ipaas_paths", {"customer": {"update": "v9/Customer/{id}"}}), "Documents of iPaaS.com", "ipaas_paths"),
        (_variable("bc_time_zone", "Mars"), "Variable bc_time_zone", "IANA"),
        (_variable("bc_throttle_limitt", "3000"), "Names of Variables", "'bc_throttle_limitt', which is like bc_throttle_limit."),
        (_variable("BC_Time_Zone", "UTC"), "Names of Variables", "bc_time_zone"),
        (_variable("bc_throttle_limit", "9000"), "Limit of Business Central", "6000"),
        (_variable("bc_service_names", {"CustomerCard": "Mine"}), "Web service CustomerCard", "Mine"),
        (_variable("bc_create_defaults", {"company": {"Payment_Terms_Code": "NEVER"}}), "bc_create_defaults, company", "add it"),
        (_variable("bc_create_defaults", {"customer": {"Customer_Posting_Group": "NONE"}}), "bc_create_defaults, customer", "add it"),
        (_variable("bc_create_defaults", {"product": {"Inventory_Posting_Group": "NONE"}}), "bc_create_defaults, product", "add it"),
        (_variable("bc_create_defaults", {"invoice": {"payment_journal": "NONE"}}), "bc_create_defaults, invoice", "add it"),
        (_variable("bc_create_defaults", {"sales_order": {"number_from_transaction": True}}), "Number series of orders", "Manual Nos."),
        (_variable("bc_custom_fields", [_FIELD]), "Custom fields of a product in Business Central", "bc_custom_fields"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_broken_is_the_one_red_line(
    project: Project, break_it: Callable[[Project], None], line: str, step: str
) -> None:
    before = _records(project.sandbox)
    break_it(project)
    lines = project.look()
    assert _red(lines) == [line], [str(one) for one in lines.values() if one.good is False]
    assert step in f"{lines[line].said} {lines[line].step}"
    assert lines[line].step
    for name, one in lines.items():
        if one.good is None and name not in _UNKNOWN:
            assert "as long as" in one.said
    assert _records(project.sandbox) == before


@pytest.mark.parametrize(("series", "line"), [("CUST", "customers"), ("ITEM", "items")])
def test_a_series_that_allows_no_numbers_by_hand(project: Project, series: str, line: str) -> None:
    row = project.sandbox.bc.get("No. Series", series)
    row["Manual Nos."] = False
    try:
        lines = project.look()
    finally:
        row["Manual Nos."] = True
    assert _red(lines) == [f"Number series of {line}"]
    assert series in lines[f"Number series of {line}"].said


def test_another_object_below_the_name_of_a_service(project: Project) -> None:
    published = project.sandbox.bc.published
    published["ItemCard"] = "Locations"
    try:
        lines = project.look()
    finally:
        published["ItemCard"] = "ItemCard"
    assert _red(lines) == ["Web service ItemCard"]
    assert "page 30" in lines["Web service ItemCard"].step


def test_a_service_that_is_needed_and_not_published(project: Project) -> None:
    published = project.sandbox.bc.published
    published.pop("Locations")
    try:
        lines = project.look()
    finally:
        published["Locations"] = "Locations"
    assert _red(lines) == ["Web service Locations"]
    assert "page 5703" in lines["Web service Locations"].step


def test_it_is_good_after_microsofts_pages_have_ended_and_says_so(project: Project) -> None:
    _switch(pages_ended=True)(project)
    lines = project.look()
    assert _red(lines) == []
    assert "served no more" in lines["When Microsoft's pages end"].said
    assert "API v2.0 stands in" in lines["Web service CustomerCard"].said
    assert "DOMESTIC" in lines["bc_create_defaults, company"].said


def test_a_page_that_is_published_by_another_name_is_not_said_to_end(project: Project) -> None:
    published = project.sandbox.bc.published
    published["OurLocations"] = published.pop("Locations")
    project.variables["bc_service_names"] = '{"Locations": "OurLocations"}'
    try:
        said = project.look()["When Microsoft's pages end"].said
    finally:
        published["Locations"] = published.pop("OurLocations")
    ending, _, rest = said.partition(". ")
    assert "CustomerCard" in ending and "Locations" not in ending
    assert "OurLocations" in rest


def test_several_wrong_variables_are_a_line_each(project: Project) -> None:
    project.variables |= {"bc_time_zone": "Mars", "ipaas_throttle_limit": "0"}
    assert _red(project.look()) == ["Variable ipaas_throttle_limit", "Variable bc_time_zone"]


def test_a_variable_of_somebody_elses_is_no_slip(project: Project) -> None:
    project.variables |= {"bc_time_zone_old": "UTC", "bc_host": "example.com", "sync_url": "https://example.com"}
    assert project.look()["Names of Variables"].good


def test_a_secret_that_soon_ends_is_red_with_the_step_to_take(project: Project) -> None:
    project.bc["credential_ends"] = str(datetime.now(UTC).date() + timedelta(days=12))
    line = project.look()["Credentials of Business Central"]
    assert line.good is False
    assert "The client secret of Business Central ends in 12 days" in line.said
    assert "Make a new one under Certificates & Secrets" in line.said
    assert "Secrets that end" in line.step
    project.bc["credential_ends"] = str(datetime.now(UTC).date() + timedelta(days=40))
    assert project.look()["Credentials of Business Central"].good


@pytest.mark.parametrize(("state", "words"), [("absent", "which are a preview"), ("forbidden", "Ext. Events - Subscr")])
def test_without_business_events_it_is_good_and_says_what_is_missing(project: Project, state: str, words: str) -> None:
    assert "SalesInvoicePosted" in project.look()["Business events"].said
    _switch(business_events=state)(project)
    lines = project.look()
    assert _red(lines) == []
    assert words in lines["Business events"].said
    assert lines["Business events"].good is None


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        (1, "1 has arrived and waits for its flow's next run, since today."),
        (2, "2 have arrived and wait for their flow's next run, the first since today."),
    ],
)
def test_webhooks_that_wait_are_counted(project: Project, waiting: int, said: str) -> None:
    project.webhooks = (waiting, "today")
    assert project.look()["Webhooks"].said == said
