"""Business Central's business events in the sandbox: what is offered, what is told and when, and how we subscribe to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from include.business_central.business_events import DEFINITIONS, NoBusinessEvents
from include.business_central.subscriptions import SubscribingClient
from include.errors import ServiceError
from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.bc.answers import Fault as Refused
from include.sandbox.bc.notices import Astray
from include.sandbox.bc.sales import Sales
from include.sandbox.faults import Fault
from include.sync.notices import listening
from tests.notice_receiver import Receiver

SECRET = "a-secret-of-our-own"
EVENTS = list(listening(FLOWS.values()).events)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("empty") as running:
        running.bc.add_customer("C1", "Adatum", "Company")
        running.bc.add(
            "Item",
            {"No.": "I1", "Description": "Stool", "Base Unit of Measure": "PCS", "Type": "Inventory", "Unit Price": 10},
        )
        yield running


def made(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    return {str(one["eventName"]): one for one in sandbox.notices.events.subscriptions.values()}


def order(sandbox: Sandbox) -> tuple[Sales, dict[str, Any]]:
    sales = Sales(sandbox.bc)
    return sales, sales.add_order(customer="C1", lines=[{"Type": "Item", "No.": "I1", "Quantity": 2}])


def told(receiver: Receiver) -> list[str]:
    return [body["eventName"] for body in receiver.bodies]


def test_what_is_done_to_an_order_is_told_event_by_event_with_the_address_of_the_record(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    assert client.subscribe_to_events(EVENTS, receiver.url, SECRET) == [f"{name}: made" for name in EVENTS]
    sales, header = order(sandbox)
    sales.release(header["No."])
    sales.ship(header["No."])
    sales.invoice(header["No."])
    posted = sandbox.bc.rows("Sales Invoice Header")[0]
    sales.pay_invoice(posted["No."])
    assert receiver.bodies == [], "nothing is told before it is done"
    sandbox.notices.deliver()
    assert sorted(told(receiver)) == sorted(EVENTS)
    ids = {
        "SalesOrderReleased": ("salesOrders", header["systemid"]),
        "SalesShipmentPosted": ("salesShipments", sandbox.bc.rows("Sales Shipment Header")[0]["systemid"]),
        "SalesInvoicePosted": ("salesInvoices", posted["systemid"]),
        "SalesPaymentPosted": ("customers", sandbox.bc.rows("Customer")[0]["systemid"]),
    }
    for body in receiver.bodies:
        resource, identifier = ids[body["eventName"]]
        where = f"/api/v2.0/companies({sandbox.bc.company_id.upper()})/{resource}({identifier.upper()})"
        assert body["payload"]["Url"].endswith(where)
        assert (body["clientState"], body["companyId"]) == (SECRET, sandbox.bc.company_id)


def test_a_draft_that_is_posted_is_told_by_the_id_that_the_api_knows_it_by(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    sales = Sales(sandbox.bc)
    draft = sales.add_draft_invoice(customer="C1", lines=[{"Type": "Item", "No.": "I1", "Quantity": 2}])
    sales.post_invoice(draft["No."])
    sandbox.notices.deliver()
    (payload,) = [body["payload"] for body in receiver.bodies if body["eventName"] == "SalesInvoicePosted"]
    assert payload["SalesInvoiceAPIId"].lower() == draft["systemid"] != payload["SalesInvoiceSystemId"].lower()
    assert payload["Url"].lower().endswith(f"({draft['systemid']})")


def test_what_is_refused_tells_nothing(sandbox: Sandbox, receiver: Receiver, client: SubscribingClient) -> None:
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    sales, header = order(sandbox)
    sandbox.switches.posting_allowed_from = "2999-01-01"
    with pytest.raises(Refused, match="posting dates"):
        sales.post(header["No."])
    sandbox.notices.deliver()
    assert receiver.bodies == []


def test_events_are_lost_doubled_and_told_together_as_asked(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    sales, header = order(sandbox)
    for astray, number in ((Astray(lost=1.0), 0), (Astray(doubled=1.0, shuffled=True), 2)):
        sandbox.notices.astray = astray
        sales.release(header["No."])
        sandbox.notices.deliver()
        assert len(receiver.bodies) == number
    sandbox.switches.business_event_shape = "list"
    sales.release(header["No."])
    sandbox.notices.deliver()
    assert [one["eventName"] for one in receiver.bodies[-1]] == ["SalesOrderReleased"] * 2


def test_what_is_in_place_is_left_and_what_was_lost_is_made_again(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    before = made(sandbox)
    assert client.subscribe_to_events(EVENTS, receiver.url, SECRET) == [f"{name}: in place" for name in EVENTS]
    assert made(sandbox) == before
    del sandbox.notices.events.subscriptions[before["SalesInvoicePosted"]["id"]]
    done = client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    assert [line for line in done if not line.endswith("in place")] == ["SalesInvoicePosted: made"]
    assert len(made(sandbox)) == len(EVENTS)


def test_an_answer_that_was_lost_leaves_one_subscription(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    sandbox.faults.add(
        Fault(system="business_central", method="POST", path="externaleventsubscriptions", lost=True, times=1)
    )
    with pytest.raises(ServiceError):
        client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    assert len(sandbox.notices.events.subscriptions) == len(EVENTS)


def test_a_new_secret_goes_into_the_subscriptions(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    done = client.subscribe_to_events(EVENTS, receiver.url, f"{SECRET}-new")
    assert done == [f"{name}: given the secret anew" for name in EVENTS]
    assert {one["clientState"] for one in made(sandbox).values()} == {f"{SECRET}-new"}


def test_what_is_not_wanted_any_more_is_removed_and_what_others_have_made_stays(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    """An event that no flow listens to, a second subscription, an older version, and those of an address of before."""
    client.subscribe_to_events([*EVENTS, "CustomerBlocked"], "https://before.example.com/", SECRET)
    client.subscribe_to_events(["CustomerBlocked"], "https://somebody.example.com/", "a-secret-of-somebody")
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    for one in list(sandbox.notices.events.subscriptions.values()):
        if one["eventName"] == "SalesOrderReleased":
            sandbox.notices.events.subscriptions["twin"] = {**one, "id": "twin"}
            sandbox.notices.events.subscriptions["old"] = {**one, "id": "old", "eventVersion": "0.0"}
    done = client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    assert done.count("SalesOrderReleased: removed one, not wanted any more") == 2
    left = sorted((one["eventName"], one["notificationUrl"]) for one in sandbox.notices.events.subscriptions.values())
    mine = [(name, receiver.url) for name in EVENTS]
    assert left == sorted([("CustomerBlocked", "https://somebody.example.com/"), *mine])
    assert all(one.get("eventVersion") == "1.0" for one in made(sandbox).values())


def test_one_that_was_switched_off_is_made_again(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    made(sandbox)["SalesOrderReleased"]["subscriptionState"] = "Disabled"
    done = client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    assert "SalesOrderReleased: removed one, was switched off" in done
    assert {one["subscriptionState"] for one in made(sandbox).values()} == {"Enabled"}
    assert len(made(sandbox)) == len(EVENTS)


@pytest.mark.parametrize("versions", [True, False])
def test_the_newest_version_of_an_event_is_meant_where_there_are_any(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient, versions: bool
) -> None:
    sandbox.switches.business_event_versions = versions
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    assert {one.get("eventVersion") for one in made(sandbox).values()} == {"1.0" if versions else None}


@pytest.mark.parametrize(("state", "words"), [("absent", "preview"), ("forbidden", "Ext. Events - Subscr")])
def test_without_them_or_without_the_permission_that_is_said_and_is_no_fault(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient, state: str, words: str
) -> None:
    sandbox.switches.business_events = state
    (said,) = client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    assert words in said
    assert "Webhooks and polls find what changes." in said


def test_an_event_that_is_not_there_or_is_refused_keeps_the_others_from_nothing(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    sandbox.faults.add(
        Fault(
            system="business_central",
            method="POST",
            path="externaleventsubscriptions",
            status=400,
            body='{"error": {"code": "BadRequest", "message": "Not this one."}}',
            times=1,
        )
    )
    done = client.subscribe_to_events([EVENTS[0], "SomethingElse", *EVENTS[1:]], receiver.url, SECRET)
    assert "Not this one." in done[0]
    assert done[1] == "SomethingElse: is not defined in this environment"
    assert set(made(sandbox)) == set(EVENTS[1:])


def test_an_outage_is_none_of_that(sandbox: Sandbox, receiver: Receiver, client: SubscribingClient) -> None:
    sandbox.faults.add(
        Fault(system="business_central", method="GET", path="externalbusinesseventdefinitions", status=503)
    )
    with pytest.raises(ServiceError) as caught:
        client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    assert not isinstance(caught.value, NoBusinessEvents)


def test_an_event_of_somebody_elses_app_is_not_taken_for_microsofts(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    definitions = [one for one in client.read(DEFINITIONS) if one["name"] == "SalesOrderReleased"]
    assert {one["appPublisher"] for one in definitions} == {"Microsoft", "Somebody"}
    client.subscribe_to_events(EVENTS, receiver.url, SECRET)
    (own,) = {one["appId"] for one in definitions if one["appPublisher"] == "Microsoft"}
    assert made(sandbox)["SalesOrderReleased"]["appId"] == own
