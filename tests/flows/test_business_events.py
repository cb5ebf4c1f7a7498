"""Business events of Business Central, as it posts them: each starts the flow that carries what was done, for that alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
import simplejson
from bench import Bench, outcome_of, tally
from shop import BELL, BICYCLE, children, order, set_up, transaction, transactions

from include.business_central.subscriptions import SubscribingClient
from include.flows import FLOWS
from include.sandbox.bc.notices import Astray
from include.sandbox.bc.sources import PAYMENT_TEMPLATE
from include.settings import BusinessCentralConnection
from include.sync.notices import WrongSecret, listening, take
from include.sync.runs import RunKind
from include.transport.throttle import Throttle
from tests.notice_receiver import Receiver

SECRET = "a-secret-of-our-own"
ORDERS, INVOICES = "sales_order_to_ipaas", "sales_invoice_to_ipaas"


@pytest.fixture
def shop(make_bench: Callable[..., Bench], receiver: Receiver) -> Bench:
    """A company that has sold, whose business events are subscribed to, and nothing else."""
    made = make_bench()
    made.sandbox.bc.publish("PostedSalesInvoice", "PostedSalesInvoices")
    made.sandbox.bc.publish("PostedSalesShipment", "PostedSalesShipments")
    set_up(made)
    s = made.sandbox
    connection = BusinessCentralConnection.from_parts(s.url, s.CLIENT_ID, s.CLIENT_SECRET, s.bc_extra)
    client = SubscribingClient(connection, throttle=Throttle(100_000, 60))
    client.subscribe_to_events(list(listening(FLOWS.values()).events), receiver.url, SECRET)
    return made


def told(bench: Bench, receiver: Receiver) -> dict[str, list[str]]:
    """Let what was done be told and kept, as the endpoint does; what each flow is asked for then."""
    bench.sandbox.notices.deliver()
    bodies, receiver.bodies = receiver.bodies, []
    listeners = listening(FLOWS.values())
    for body in bodies:
        taken = take(simplejson.dumps(body).encode(), SECRET, listeners, bench.sandbox.bc.company_id)
        bench.ledger.receive(taken.entries)
    return {flow: [key for key, _ in bench.ledger.received(flow)] for flow in (ORDERS, INVOICES)}


def announced(bench: Bench, flow: str) -> dict[str, int]:
    """Run a flow for what was announced to it. It warns of nothing, and nothing is left."""
    report = bench.run(flow, kind=RunKind.announced)
    assert report.warnings == ()
    assert bench.ledger.received(flow) == []
    return tally(report)


def test_a_released_order_goes_over_by_itself(shop: Bench, receiver: Receiver) -> None:
    order(shop, BELL, released=False)
    number = order(shop, BICYCLE)
    keys = told(shop, receiver)
    assert (len(keys[ORDERS]), keys[INVOICES]) == (1, [])
    assert announced(shop, ORDERS) == {"read": 1, "created": 1}
    assert [record["transaction_number"] for record in transactions(shop)] == [number]


def test_a_shipment_takes_its_order_along_though_that_has_not_changed(shop: Bench, receiver: Receiver) -> None:
    """Only the shipment is named, and the order's own time has not moved."""
    number = order(shop, BICYCLE)
    shop.run(ORDERS)
    told(shop, receiver)
    announced(shop, ORDERS)
    shop.sandbox.sales.ship(number, {10000: 1}, tracking="TR-1")
    (key,) = told(shop, receiver)[ORDERS]
    assert key.startswith("Shipment|")
    assert announced(shop, ORDERS) == {"read": 1, "updated": 1}
    record = transaction(shop, number)
    assert record["lines"][0]["qty_shipped"] == 1
    assert [one["tracking_number"] for one in children(shop, record, "tracking").values()] == ["TR-1"]


def test_an_order_that_is_told_of_by_itself_and_by_its_shipment_is_read_once(shop: Bench, receiver: Receiver) -> None:
    number = order(shop, BICYCLE)
    shop.sandbox.sales.ship(number, {10000: 1})
    assert len(told(shop, receiver)[ORDERS]) == 2
    shop.sandbox.counters.reset()
    assert announced(shop, ORDERS) == {"read": 1, "created": 1}
    asked = [path for _, _, path in shop.sandbox.counters.paths if "/salesOrders?" in path]
    assert len(asked) == 1


def test_a_shipment_of_no_order_or_of_one_that_is_gone_says_nothing(shop: Bench, receiver: Receiver) -> None:
    sales = shop.sandbox.sales
    sales.post_invoice(str(sales.add_draft_invoice(customer="C1", lines=[BICYCLE])["No."]))
    number = order(shop, BELL)
    shop.run(ORDERS)
    told(shop, receiver)
    announced(shop, ORDERS)
    sales.post(number)
    assert len(told(shop, receiver)[ORDERS]) == 1
    assert announced(shop, ORDERS) == {}


def test_a_posted_invoice_goes_over_by_itself(shop: Bench, receiver: Receiver) -> None:
    sales = shop.sandbox.sales
    sales.add_draft_invoice(customer="C1", lines=[BELL])
    posted = sales.post_invoice(str(sales.add_draft_invoice(customer="C1", lines=[BICYCLE])["No."]))
    (key,) = told(shop, receiver)[INVOICES]
    assert key.startswith("Invoice|")
    assert announced(shop, INVOICES) == {"read": 1, "created": 1}
    assert transaction(shop, str(posted["No."]))["status"] == "Complete"


def test_a_posted_payment_completes_that_of_the_invoice_that_it_pays(shop: Bench, receiver: Receiver) -> None:
    """It names the customer alone, of whose invoices those that changed lately are looked at."""
    sales = shop.sandbox.sales
    invoices = [
        sales.post_invoice(str(sales.add_draft_invoice(customer=customer, lines=[BICYCLE])["No."]))
        for customer in ("C1", "C1", "P1")
    ]
    shop.run(INVOICES)
    told(shop, receiver)
    announced(shop, INVOICES)
    sales.pay_invoice(str(invoices[0]["No."]))
    (key,) = told(shop, receiver)[INVOICES]
    assert key.startswith("Customer|")
    assert announced(shop, INVOICES) == {"read": 2, "updated": 1, "unchanged": 1}
    states = [transaction(shop, str(invoice["No."]))["payments"][0]["status"] for invoice in invoices]
    assert states == ["Complete", "Pending", "Pending"]


def test_a_payment_looks_no_further_back_than_a_poll(shop: Bench, receiver: Receiver) -> None:
    sales = shop.sandbox.sales
    invoice = sales.post_invoice(str(sales.add_draft_invoice(customer="C1", lines=[BICYCLE])["No."]))
    shop.run(INVOICES)
    told(shop, receiver)
    announced(shop, INVOICES)
    sales.pay_invoice(str(invoice["No."]))
    told(shop, receiver)
    in_a_month = shop.sandbox.bc.now() + timedelta(days=30)
    assert tally(shop.run(INVOICES, kind=RunKind.announced, now=in_a_month)) == {}


def test_a_payment_on_account_says_nothing(shop: Bench, receiver: Receiver) -> None:
    journal = {"Journal Template Name": PAYMENT_TEMPLATE, "Journal Batch Name": "WEBSHOP", "Line No.": 10000}
    shop.sandbox.bc.add("Gen. Journal Line", {**journal, "Account No.": "C1", "Amount": -5})
    shop.sandbox.sales.post_payments("WEBSHOP")
    assert len(told(shop, receiver)[INVOICES]) == 1
    assert announced(shop, INVOICES) == {}


def test_loss_doubling_and_disorder_end_as_polling_alone_does(shop: Bench, receiver: Receiver) -> None:
    """What arrived is there at once, and nothing twice; the next poll has the rest."""
    chance, sales = random.Random(7), shop.sandbox.sales
    shop.sandbox.notices.astray = Astray(lost=0.3, doubled=0.4, shuffled=True, seed=7)
    by_event = 0
    for turn in range(6):
        number = order(shop, BICYCLE, BELL)
        if chance.random() < 0.6:
            sales.ship(number, {10000: 1})
        if chance.random() < 0.6 and (invoice := sales.post(number)) and chance.random() < 0.6:
            sales.pay_invoice(str(invoice["No."]))
        shop.sandbox.switches.business_event_shape = "list" if turn % 2 else "one"
        told(shop, receiver)
        for flow in (ORDERS, INVOICES):
            counts = shop.run(flow, kind=RunKind.announced).counts
            by_event += counts["created"] + counts["updated"]
    assert by_event > 5
    for flow in (ORDERS, INVOICES, ORDERS):
        shop.run(flow)
    numbers = [str(row["No."]) for row in shop.sandbox.bc.rows("Sales Header")]
    numbers += [str(row["No."]) for row in shop.sandbox.bc.rows("Sales Invoice Header")]
    assert [number for number in numbers if shop.linked("transaction", number) is None] == []
    names = [record["transaction_number"] for record in transactions(shop)]
    assert len(names) == len(set(names))
    for row in shop.sandbox.bc.rows("Sales Invoice Header"):
        payment = transaction(shop, str(row["No."]))["payments"][0]
        assert payment["status"] == ("Complete" if row["Closed"] else "Pending")
    for flow in (ORDERS, INVOICES):
        assert set(tally(shop.run(flow))) <= {"read", "unchanged", "skipped"}


def test_without_the_secret_that_they_should_show_the_polls_have_it(shop: Bench, receiver: Receiver) -> None:
    """Some say that a subscription's clientState is not shown with its events: then nobody can tell who has sent them."""
    shop.sandbox.switches.business_event_client_state = False
    number = order(shop, BICYCLE)
    with pytest.raises(WrongSecret):
        told(shop, receiver)
    assert outcome_of(shop.run(ORDERS), number).result == "created"
