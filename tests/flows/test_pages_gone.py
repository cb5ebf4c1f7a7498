"""Microsoft's pages gone, one by one and all of them: every flow to iPaaS.com goes on and says what is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, tally
from shop import BELL, BICYCLE, order, set_up, transactions

from include.errors import ErrorKind, ServiceError
from include.flows import FLOWS
from include.settings import SERVICES
from include.sync.runs import Direction

Make = Callable[..., Bench]
TO_IPAAS = [flow for flow in FLOWS.values() if flow.direction is Direction.to_ipaas]
REFERRED = ("CustomerPriceGroups", "ShippingAgents", "Itemsbylocation")
ENTRY = {"direction": "to_ipaas", "target": "Own"}


def company(bench: Bench) -> Bench:
    """Something for every flow, and every page published; iPaaS.com knows customers and products already."""
    for page in SERVICES:
        bench.sandbox.bc.publish(page)
    set_up(bench)
    for no in ("C1", "P1"):
        bench.sandbox.bc.change("Customer", no, **{"Customer Price Group": "VIP"})
    bench.sandbox.bc.change("Item", "1000", **{"Item Category Code": "CHAIR"})
    bench.sandbox.bc.move_stock("1000", "MAIN", 5)
    person = {"No.": "CT9", "Name": "Eva Holm", "Type": "Person", "E-Mail": "eva@example.net", "Company No.": "CTC1"}
    bench.sandbox.bc.add("Contact", person)
    for lines in ((BICYCLE, BELL), (BICYCLE,)):
        number = order(bench, *lines, **{"Shipping Agent Code": "DHL", "Payment Method Code": "CASH"})
        bench.sandbox.sales.ship(number, {10000: 1}, tracking=f"T{number}", agent="DHL")
        bench.sandbox.sales.invoice(number)
    bench.run("product_category_to_ipaas")
    return bench


def went_through(bench: Bench, flow: str) -> tuple[str, ...]:
    """Run a flow over everything; answers what the run said when every record that is not skipped went through."""
    report = bench.run(flow, force=True)
    left = {name: n for name, n in tally(report).items() if name in ("waiting", "failed")}
    assert left == {}, [outcome.message for outcome in report.outcomes if outcome.kind]
    return report.warnings


@pytest.mark.parametrize(("flow", "page"), [(flow.name, page) for flow in TO_IPAAS for page in flow.services])
def test_without_one_page(make_bench: Make, flow: str, page: str) -> None:
    bench = company(make_bench())
    bench.settings["bc_service_names"] = {page: ""}
    said = " ".join(went_through(bench, flow))
    assert f"The web service {page} is not published" in said


@pytest.mark.parametrize("flow", [flow.name for flow in TO_IPAAS])
def test_without_any(make_bench: Make, flow: str) -> None:
    bench = company(make_bench())
    bench.sandbox.switches.pages_ended = True
    said = " ".join(went_through(bench, flow))
    if FLOWS[flow].services == ("Itemsbylocation",):
        return  # a query: queries stay
    # Queries stay. What refers to price groups and agents is on pages that are gone, too, but for these flows' own.
    own = [page for page in FLOWS[flow].services if page not in REFERRED or len(FLOWS[flow].services) == 1]
    assert [page for page in own if f"The web service {page} is not published" not in said] == []


@pytest.mark.parametrize(
    ("model", "flow"),
    [
        ("product", "product_to_ipaas"),
        ("company", "company_to_ipaas"),
        ("customer", "customer_to_ipaas"),
        ("transaction", "sales_order_to_ipaas"),
        ("transaction line", "sales_order_to_ipaas"),
        ("tracking", "sales_order_to_ipaas"),
        ("transaction", "sales_invoice_to_ipaas"),
        ("transaction line", "sales_invoice_to_ipaas"),
    ],
)
@pytest.mark.parametrize("origin", [{"source": "Own_Field"}, {"formula": "{{ Own_Field[:3] | upper }}"}])
def test_a_custom_field_of_a_page_is_lost_with_it_and_nothing_else(
    make_bench: Make, model: str, flow: str, origin: dict[str, str]
) -> None:
    bench = company(make_bench())
    bench.settings["bc_custom_fields"] = [{**ENTRY, "model": model, **origin}]
    bench.sandbox.switches.pages_ended = True
    went_through(bench, flow)


@pytest.mark.parametrize("flow", ["sales_order_to_ipaas", "sales_invoice_to_ipaas"])
def test_a_tracking_number_that_the_page_of_shipments_told_is_known_still_without_it(
    make_bench: Make, flow: str
) -> None:
    bench = company(make_bench())
    bench.run(flow)
    entry = next(entry for record in transactions(bench) for entry in record["tracking"])
    told = entry["tracking_number"]
    bench.sandbox.bc.unpublish("PostedSalesShipments")
    entry["tracking_number"] = "lost"
    went_through(bench, flow)
    assert entry["tracking_number"] == told


@pytest.mark.parametrize(
    ("model", "flow", "page"),
    [
        ("product", "product_to_ipaas", "ItemCard"),
        ("company", "company_to_ipaas", "CustomerCard"),
        ("customer", "customer_to_ipaas", "CustomerCard"),
        ("contact", "contact_to_ipaas", "contact"),
        ("transaction", "sales_order_to_ipaas", "SalesOrders"),
        ("transaction line", "sales_order_to_ipaas", "SalesOrderLines"),
    ],
)
def test_a_custom_field_that_the_page_does_not_have_is_named(
    make_bench: Make, model: str, flow: str, page: str
) -> None:
    bench = company(make_bench())
    bench.settings["bc_custom_fields"] = [{**ENTRY, "model": model, "source": "Own_Field"}]
    with pytest.raises(ServiceError, match=f"'Own_Field' on type .*{page}") as caught:
        bench.run(flow)
    assert caught.value.kind is ErrorKind.misconfigured
    assert "bc_custom_fields" in caught.value.advice


@pytest.mark.parametrize(
    ("model", "flow", "page", "table", "record", "key"),
    [
        ("product", "product_to_ipaas", "ItemCard", "Item", "product", "1000"),
        ("company", "company_to_ipaas", "CustomerCard", "Customer", "company", "C1"),
        ("customer", "customer_to_ipaas", "CustomerCard", "Customer", "customer", "P1"),
    ],
)
def test_a_subscribers_own_field_of_a_page_travels(
    make_bench: Make, model: str, flow: str, page: str, table: str, record: str, key: str
) -> None:
    bench = company(make_bench())
    bench.settings["bc_custom_fields"] = [{**ENTRY, "model": model, "source": "Own_Field"}]
    bench.sandbox.bc.extend(page, "Own_Field", "My Field")
    bench.sandbox.ipaas.custom_fields[record] = {"Own"}
    bench.sandbox.bc.change(table, key, **{"My Field": "42"})
    bench.run(flow, key)
    fields: Any = bench.linked(record, key)["custom_fields"]
    assert [(field["custom_field_name"], field["value"]) for field in fields] == [("Own", "42")]
