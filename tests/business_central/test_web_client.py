"""Where a person sees a record in Business Central."""

from __future__ import annotations

import pytest

from include.business_central.web_client import PAGES, WebClient
from include.flows import CATALOGUE, FLOWS

WEB = WebClient(tenant_id="8e4e", environment="Production", company_name="CRONUS & Co.")
HOST = "https://api.businesscentral.dynamics.com"


def test_a_record_is_a_page_with_a_filter_on_its_number() -> None:
    assert WEB.address("company", "O'Neil 1") == (
        "https://businesscentral.dynamics.com/8e4e/Production"
        "?company=CRONUS%20%26%20Co.&page=21&filter=%27No.%27%20IS%20%27O%27%27Neil%201%27"
    )


def test_a_contact_goes_by_its_number_alone() -> None:
    assert "page=5050&filter=%27No.%27%20IS%20%27CT1%27" in str(WEB.address("contact", "CT1|contact"))


def test_a_row_of_stock_is_seen_at_its_item() -> None:
    assert "page=30&filter=%27No.%27%20IS%20%271896-S%27" in str(WEB.address("product inventory", "MAIN|1896-S"))


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ("product inventory", "MAIN|6fbc9163-0295-ef11-8a6d-6045bdc8dfe6"),
        ("product", "6fbc9163-0295-ef11-8a6d-6045bdc8dfe6"),
        ("company", ""),
        ("sales invoice", "Invoice|103001"),
    ],
)
def test_there_is_no_link_where_none_is_known(record: str, key: str) -> None:
    assert WEB.address(record, key) is None


@pytest.mark.parametrize("host", [HOST, "api.businesscentral.dynamics.com", f"{HOST}:443/"])
def test_microsofts_own_service_has_a_known_web_client(host: str) -> None:
    assert WebClient.of(host, "8e4e", "Production", "CRONUS & Co.") == WEB


@pytest.mark.parametrize("host", [None, "", "https://localhost:7443", f"{HOST}.example.com", "https://bc.example.com"])
def test_of_other_hosts_nothing_is_guessed(host: str | None) -> None:
    assert WebClient.of(host, "8e4e", "Production", "CRONUS & Co.") is None


def test_each_page_is_of_what_a_flow_carries() -> None:
    assert {flow.record for flow in CATALOGUE.values()} >= set(PAGES)


def test_most_flows_have_a_page() -> None:
    without = {name for name, flow in FLOWS.items() if not WEB.address(flow.record, "10000")}
    # A new flow may have none.
    assert without >= {"sales_invoice_to_ipaas", "invoice_from_ipaas"}
    assert len(without) < len(FLOWS) / 2
