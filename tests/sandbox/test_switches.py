"""Every behaviour of Business Central that is uncertain, switched and looked at."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Any

import pytest
from callers import BusinessCentral, Caller, IPaaS

from include.sandbox import Sandbox
from include.sandbox.bc import routes
from include.sandbox.switches import Switches


@pytest.fixture(autouse=True)
def company(sandbox: Sandbox) -> None:
    sandbox.bc.add_customer("C1", "Adatum", "Company", **{"Home Page": "https://adatum.example"})
    item = {"No.": "1000", "Description": "Bicycle", "Base Unit of Measure": "PCS", "Type": "Non-Inventory"}
    sandbox.bc.add("Item", item)


def test_switches_are_set_over_http(sandbox: Sandbox) -> None:
    control = Caller(sandbox.url, "")
    assert control.post("_sandbox/switches", {"no_such": 1}).status == 400
    assert control.post("_sandbox/switches", {"stale_etag_status": 412}).body["stale_etag_status"] == 412
    assert set(control.get("_sandbox/switches").body) == {field.name for field in fields(Switches)}


def test_the_sandbox_says_what_can_be_set_and_refuses_what_cannot(sandbox: Sandbox) -> None:
    control = Caller(sandbox.url, "")
    for route in control.get("_sandbox").body:
        assert control.get(route.strip("/")).status == 200
    for route, body in (("faults", {"no_such": 1}), ("hooks", {}), ("latency", 1), ("services", [])):
        refused = control.post(f"_sandbox/{route}", body)
        assert refused.status == 400
        assert refused.body["error"]


def test_services_are_published_over_http(bc: BusinessCentral, sandbox: Sandbox) -> None:
    control = Caller(sandbox.url, "")
    published = control.post("_sandbox/services", {"CustomerCard": None, "KundenKarte": "CustomerCard"}).body
    assert published["KundenKarte"] == "CustomerCard"
    assert "CustomerCard" not in published
    assert bc.page("GET", "CustomerCard").status == 404
    assert bc.page("GET", "KundenKarte('C1')").body["Name"] == "Adatum"


@pytest.mark.parametrize("on", [True, False])
def test_localisation_fields(bc: BusinessCentral, sandbox: Sandbox, on: bool) -> None:
    sandbox.switches.localisation_fields = on
    assert ("Tax_Exemption_No" in bc.page("GET", "CustomerCard('C1')").body) == on
    if on:
        changed = bc.page("PATCH", "CustomerCard('C1')", {"Tax_Exemption_No": "X-1"})
        assert changed.body["Tax_Exemption_No"] == "X-1"
    assert "taxExemptionNo" not in bc.entity("GET", "customers").body["value"][0]


def test_missing_properties(bc: BusinessCentral, sandbox: Sandbox) -> None:
    assert bc.page("GET", "CustomerCard('C1')").body["Home_Page"]
    sandbox.switches.missing_properties = ["CustomerCard.Home_Page"]
    assert "Home_Page" not in bc.page("GET", "CustomerCard('C1')").body
    assert bc.page("GET", "CustomerCard?$select=Home_Page").text == (
        "Could not find a property named 'Home_Page' on type 'NAV.CustomerCard'."
    )


def test_captions_are_in_the_language_of_the_request_or_of_the_user(bc: BusinessCentral, sandbox: Sandbox) -> None:
    sandbox.switches.user_language = "de-DE"
    assert bc.page("GET", "ItemCard('1000')").body["Type"] == "Nicht-Bestand"
    assert bc.page("GET", "ItemCard('1000')", Accept_Language="en-US").body["Type"] == "Non-Inventory"
    assert len(bc.page("GET", "ItemCard?$filter=Type eq 'Nicht-Bestand'").body["value"]) == 1
    assert bc.page("PATCH", "ItemCard('1000')", {"Type": "Dienstleistung"}).body["Type"] == "Dienstleistung"
    assert bc.entity("GET", "items").body["value"][0]["type"] == "Service"


@pytest.mark.parametrize("on", [True, False])
def test_the_tag_of_a_page_may_move_with_what_it_computes(bc: BusinessCentral, sandbox: Sandbox, on: bool) -> None:
    sandbox.switches.flowfield_etags = on
    page, entity = (
        (lambda: bc.page("GET", "ItemCard('1000')").body),
        (lambda: bc.entity("GET", "items").body["value"][0]),
    )
    tag, api_tag = page()["@odata.etag"], entity()["@odata.etag"]
    sandbox.bc.move_stock("1000", "MAIN", 5)
    assert (page()["@odata.etag"] != tag) == on
    assert entity()["@odata.etag"] == api_tag
    status = bc.page("PATCH", "ItemCard('1000')", {"Description": "X"}, If_Match=tag).status
    assert status == (409 if on else 200)


def test_reads_of_the_replica_may_lag(bc: BusinessCentral, sandbox: Sandbox) -> None:
    def name(**headers: str) -> Any:
        return bc.page("GET", "CustomerCard('C1')", **headers).body["Name"]

    sandbox.switches.read_lag = 0.5
    assert name(Data_Access_Intent="ReadOnly") == "Adatum"
    sandbox.bc.change("Customer", "C1", Name="Changed")
    assert name() == "Changed"
    assert name(Data_Access_Intent="ReadOnly") == "Adatum"
    time.sleep(0.6)
    assert name(Data_Access_Intent="ReadOnly") == "Changed"


def test_the_replica_takes_no_writes(bc: BusinessCentral) -> None:
    reply = bc.page("PATCH", "CustomerCard('C1')", {"Name": "X"}, Data_Access_Intent="ReadOnly")
    assert reply.status == 400


def test_an_application_that_may_only_read(bc: BusinessCentral, sandbox: Sandbox) -> None:
    assert bc.page("PATCH", "CustomerCard('C1')", {"Name": "Written"}).status == 200
    sandbox.switches.bc_write_permission = False
    refused = bc.page("PATCH", "CustomerCard('C1')", {"Name": "Not written"})
    assert refused.status == 403
    assert "current permissions" in str(refused.body)
    assert bc.page("GET", "CustomerCard('C1')").body["Name"] == "Written"


def test_a_user_of_ipaas_that_may_only_read(ipaas: IPaaS, sandbox: Sandbox) -> None:
    made = ipaas.post("products/v2/Catalog/Location", {"name": "Written"})
    assert made.status == 200
    sandbox.switches.ipaas_write_permission = False
    refused = ipaas.post("products/v2/Catalog/Location", {"name": "Not written"})
    assert (refused.status, refused.body["code"]) == (403, "AUTZ-1002")
    assert ipaas.get(f"products/v2/Catalog/Location/{made.body['id']}").body["name"] == "Written"


@pytest.mark.parametrize(("on", "found"), [(True, ["C2"]), (False, ["C1", "C2"])])
def test_null_in_a_filter(bc: BusinessCentral, sandbox: Sandbox, on: bool, found: list[str]) -> None:
    sandbox.bc.add_customer("C2", "Without a page", "Company")
    sandbox.switches.null_filters_blank = on
    rows = bc.page("GET", "CustomerCard?$filter=Home_Page eq null").body["value"]
    assert [row["No"] for row in rows] == found


@pytest.mark.parametrize("style", ["key", "aid"])
def test_the_form_of_continuation_links(bc: BusinessCentral, sandbox: Sandbox, style: str) -> None:
    sandbox.switches.next_link_style = style
    sandbox.bc.add_customer("O'BRIEN, INC", "With a quote and a comma", "Company")
    for number in range(4):
        sandbox.bc.add_customer(f"X{number}", "X", "Company")
    found, path = [], "CustomerCard?$select=No&$orderby=Name"
    reply = bc.page("GET", path, Prefer="odata.maxpagesize=2")
    assert reply.headers["Preference-Applied"] == "odata.maxpagesize=2"
    while True:
        found += [row["No"] for row in reply.body["value"]]
        link = reply.body.get("@odata.nextLink")
        if not link:
            break
        assert ("aid=FIN" in link) == (style == "aid")
        assert link.count("$skiptoken=") == 1
        reply = bc.get(link.removeprefix(f"{bc.base}/"), Prefer="odata.maxpagesize=2")
    assert found == ["C1", "O'BRIEN, INC", "X0", "X1", "X2", "X3"]


@pytest.mark.parametrize(("null", "shown"), [(True, None), (False, "")])
def test_stock_without_a_location(bc: BusinessCentral, sandbox: Sandbox, null: bool, shown: Any) -> None:
    sandbox.switches.blank_location_is_null = null
    (row,) = bc.page("GET", "Itemsbylocation").body["value"]
    assert (row["Location_Code"], row["Remaining_Quantity"]) == (shown, 0)


def test_the_body_of_a_429(bc: BusinessCentral, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_PER_WINDOW", 2)
    sandbox.switches.retry_after = 7
    assert [bc.raw("GET", "ODataV4/Company").status_code for _ in range(3)] == [200, 200, 429]
    for form, begins in (("json", '{"error"'), ("html", "<html>"), ("empty", "")):
        sandbox.switches.throttle_body = form
        response = bc.raw("GET", "ODataV4/Company")
        assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
        assert response.text.startswith(begins)
        assert bool(response.text) == bool(begins)


def test_a_service_that_is_not_published(bc: BusinessCentral, sandbox: Sandbox) -> None:
    sandbox.bc.unpublish("ItemCard")
    assert bc.page("GET", "ItemCard").code == "BadRequest_ResourceNotFound"
    sandbox.switches.unpublished_is_empty_404 = True
    assert bc.raw("GET", f"{bc.pages}/ItemCard").text == ""
    assert bc.entity("GET", "noSuchThings").code == "BadRequest_NotFound"


def test_the_end_of_microsofts_pages(bc: BusinessCentral, sandbox: Sandbox) -> None:
    sandbox.bc.publish("ItemCard", "MyItems")
    sandbox.switches.pages_ended = True
    assert bc.page("GET", "ItemCard").status == 404
    assert bc.page("GET", "MyItems").status == bc.page("GET", "Itemsbylocation").status == 200


@pytest.mark.parametrize("draws", [True, False])
def test_posting_draws_numbers(sandbox: Sandbox, draws: bool) -> None:
    sandbox.switches.posting_draws_numbers = draws
    lines = [{"Type": "Item", "No.": "1000", "Quantity": 1}]
    draft = str(sandbox.sales.add_draft_invoice(customer="C1", lines=lines)["No."])
    assert (sandbox.sales.post_invoice(draft)["No."] == draft) != draws
