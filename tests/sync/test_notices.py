"""What Business Central posts, as values: who may send it, what it says, which flows it concerns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from include.flows import FLOWS
from include.sync.notices import (
    ALL,
    MalformedNotices,
    TakenNotices,
    WrongSecret,
    handshake,
    listening,
    take,
)

SECRET = "a-secret-of-our-own"
COMPANY = "5f3c2d1e-0000-4000-8000-00000000c0de"
RECORD = "9b6f77f2-15db-4c56-94a0-d8b8c6762b8e"


def notice(name: str = "items", record: str | None = RECORD, kind: str = "updated", **changed: Any) -> dict[str, Any]:
    resource = f"api/v2.0/companies({COMPANY})/{name}"
    resource += f"({record})" if record else "?$filter=lastDateTimeModified gt 2026-01-01"
    return {"subscriptionId": "s", "clientState": SECRET, "resource": resource, "changeType": kind, **changed}


def taken(*notices: Any, secret: str | None = SECRET, company: str | None = COMPANY) -> TakenNotices:
    return take(json.dumps({"value": list(notices)}).encode(), secret, listening(FLOWS.values()), company)


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("items", {("product_to_ipaas", RECORD)}),
        ("customers", {("company_to_ipaas", RECORD), ("customer_to_ipaas", RECORD)}),
        ("itemCategories", {("product_category_to_ipaas", RECORD)}),
        ("salesOrders", {("sales_order_to_ipaas", RECORD)}),
        ("salesInvoices", {("sales_invoice_to_ipaas", f"Invoice|{RECORD}")}),
    ],
)
def test_a_record_is_asked_for_by_its_id_by_every_flow_that_carries_it(
    name: str, entries: set[tuple[str, str]]
) -> None:
    found = taken(notice(name))
    assert found.accepted == 1
    assert {(flow, key) for flow, key, _ in found.entries} == entries
    for flow, key in entries:
        assert FLOWS[flow].parse_id(key).parts == {"guid": RECORD}, "the key is an id of the flow"


def test_a_collection_has_its_flow_poll() -> None:
    assert [(flow, key) for flow, key, _ in taken(notice(record=None, kind="collection")).entries] == [
        ("product_to_ipaas", ALL)
    ]


@pytest.mark.parametrize(
    "other",
    [
        notice(kind="deleted"),
        notice("vendors"),
        notice() | {"resource": f"api/v2.0/companies({RECORD})/items({RECORD})"},
    ],
    ids=["deleted", "no flow", "another company"],
)
def test_what_does_not_concern_us_is_not_kept(other: dict[str, Any]) -> None:
    found = taken(other)
    assert (found.accepted, found.entries, found.malformed) == (0, [], [])


@pytest.mark.parametrize("shown", [None, "", "wrong", SECRET[:-1], SECRET + "x", 5, ["x"]])
def test_each_notification_shows_the_secret(shown: Any) -> None:
    with pytest.raises(WrongSecret):
        taken(notice(clientState=shown))
    assert taken(notice(clientState=shown), notice()).accepted == 1, "one of ours in a request with others"


def test_without_a_secret_nobody_gets_in() -> None:
    for shown in (None, "", "None", SECRET):
        with pytest.raises(WrongSecret):
            taken(notice(clientState=shown), secret=None)


@pytest.mark.parametrize("body", [b"", b"5", b"{}", b'{"value": 5}', b"\xff"])
def test_a_request_that_cannot_be_read_says_so(body: bytes) -> None:
    with pytest.raises(MalformedNotices):
        take(body, SECRET, listening(FLOWS.values()), COMPANY)


def test_a_malformed_notification_is_refused_alone() -> None:
    found = taken(notice(), notice(resource="customers"), notice(changeType=None), notice("customers"))
    assert found.accepted == 2
    assert [one.place for one in found.malformed] == ["value.1.resource", "value.2.changeType"]


def event(name: str = "SalesInvoicePosted", resource: str = "salesInvoices", **changed: Any) -> dict[str, Any]:
    url = (
        f"https://api.example.com/v2.0/t/Production/api/v2.0/companies({COMPANY.upper()})/{resource}({RECORD.upper()})"
    )
    payload = {"SomeId": RECORD, "Url": url, "WebClientUrl": "https://bc.example.com/?page=132"}
    own = {"eventName": name, "companyId": COMPANY, "payload": payload, "appId": "a", "clientState": SECRET}
    return {**own, **changed}


def taken_of(body: Any) -> TakenNotices:
    return take(json.dumps(body).encode(), SECRET, listening(FLOWS.values()), COMPANY)


@pytest.mark.parametrize(
    ("name", "resource", "flow", "key", "parts"),
    [
        ("SalesOrderReleased", "salesOrders", "sales_order_to_ipaas", RECORD, {"guid": RECORD}),
        ("SalesShipmentPosted", "salesShipments", "sales_order_to_ipaas", f"Shipment|{RECORD}", {"shipment": RECORD}),
        ("SalesInvoicePosted", "salesInvoices", "sales_invoice_to_ipaas", f"Invoice|{RECORD}", {"guid": RECORD}),
        ("SalesPaymentPosted", "customers", "sales_invoice_to_ipaas", f"Customer|{RECORD}", {"customer": RECORD}),
    ],
)
def test_a_business_event_asks_for_its_record_or_for_what_that_concerns(
    name: str, resource: str, flow: str, key: str, parts: dict[str, str]
) -> None:
    found = taken_of(event(name, resource))
    assert (found.accepted, found.entries) == (1, [(flow, key, name)])
    assert FLOWS[flow].again(key).parts == parts
    assert FLOWS[flow].again(key).points == ("guid" not in parts)


def test_every_event_that_is_subscribed_to_is_one_of_those_and_no_other() -> None:
    assert set(listening(FLOWS.values()).events) == {
        "SalesOrderReleased",
        "SalesShipmentPosted",
        "SalesInvoicePosted",
        "SalesPaymentPosted",
    }


def test_business_events_come_one_by_one_in_a_list_or_beside_notifications() -> None:
    for body in ([event(), event("SalesOrderReleased", "salesOrders")], {"value": [event(), notice()]}):
        assert taken_of(body).accepted == 2


def test_names_in_a_payload_are_read_in_any_case_and_the_payload_as_text_too() -> None:
    payload = {"URL": event()["payload"]["Url"]}
    for shown in (payload, json.dumps(payload)):
        assert taken_of(event(payload=shown)).accepted == 1


@pytest.mark.parametrize(
    ("other", "place"),
    [
        (event(payload={}), "0.payload"),
        (event(payload={"Url": "https://api.example.com/"}), "0.payload"),
        (event(payload={"Url": 5}), "0.payload"),
        (event(payload=None), "0.payload"),
        (event(payload="[" * 100_000), "0.payload"),
        (event(resource="vendors"), "0.payload"),
        (event(eventName=5), "0.eventName"),
    ],
    ids=["nothing", "no record", "a number", "null", "deeper than can be read", "another resource", "no name"],
)
def test_a_malformed_event_is_refused_alone(other: dict[str, Any], place: str) -> None:
    found = taken_of([other, event()])
    assert found.accepted == 1
    assert [one.place for one in found.malformed] == [place]
    with pytest.raises(MalformedNotices):
        taken_of(other)


@pytest.mark.parametrize(
    "other",
    [
        event("CustomerBlocked", payload={}),
        event() | {"payload": {"Url": f"x/companies({RECORD})/salesInvoices({RECORD})"}},
    ],
    ids=["no flow", "another company"],
)
def test_an_event_that_does_not_concern_us_is_not_kept(other: dict[str, Any]) -> None:
    assert taken_of(other) == TakenNotices(accepted=0, entries=[], malformed=[])


@pytest.mark.parametrize("shown", [None, "", "wrong", SECRET + "x"])
def test_an_event_shows_the_secret_like_any_other(shown: Any) -> None:
    for body in (event(clientState=shown), [event(clientState=shown)]):
        with pytest.raises(WrongSecret):
            taken_of(body)


def test_a_handshake_is_answered_with_its_token_and_nothing_else_is() -> None:
    assert handshake("f3b6d3") == "f3b6d3"
    for none in ("", "a b", "a\nb", "x" * 2_049, "\u00e9"):
        assert handshake(none) is None
