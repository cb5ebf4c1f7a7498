"""What a hook of iPaaS.com says, whom it concerns, and who may send one."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from include.flows import FLOWS
from include.sync.asked import IPAAS_ID
from include.sync.flow import Flow
from include.sync.runs import Direction
from include.sync.webhooks import MalformedWebhook, is_sender, listeners, read_webhook, take

OURS = 4711


def flow(name: str, *scopes: str) -> Flow:
    """A flow from iPaaS.com of which only the way in matters."""
    some = FLOWS["company_from_ipaas"]
    return replace(some, name=name, direction=Direction.from_ipaas, scopes=scopes, id_formats=(IPAAS_ID,))


LISTENING = listeners(
    [
        flow("company_from_ipaas", "company/created", "company/updated"),
        flow("sales_order_from_ipaas", "transaction/created", "transaction/updated"),
        flow("invoice_from_ipaas", "transaction/created", "transaction/updated"),
        replace(flow("company_to_ipaas", "company/created"), direction=Direction.to_ipaas),
    ]
)


def note(**fields: Any) -> dict[str, Any]:
    """A notification as iPaaS.com sends it, with changes; a field of None is left out."""
    usual = {
        "id": "17",
        "destination": str(OURS),
        "scope": "company/updated",
        "tracking_guid": "6c0f0c50-93cb-4dd5-8a9c-0fd6a1f7c4a1",
    }
    return {name: value for name, value in {**usual, **fields}.items() if value is not None}


def body(*notifications: Any, **fields: Any) -> bytes:
    return json.dumps({"id": "h1", "attempt": 0, "notifications": notifications, **fields}).encode()


def taken(*notifications: Any) -> list[tuple[str, str]]:
    """(flow, id) of what is taken; every notification that leaves an entry counts as accepted."""
    result = take(read_webhook(body(*notifications)), LISTENING, OURS)
    assert result.accepted >= len({ipaas_id for _, ipaas_id, _ in result.entries})
    return [(name, ipaas_id) for name, ipaas_id, _ in result.entries]


def test_a_notification_goes_to_the_flow_that_listens_to_its_scope() -> None:
    result = take(read_webhook(body(note())), LISTENING, OURS)
    assert (result.accepted, list(result.entries)) == (1, [("company_from_ipaas", "17", "company/updated")])


def test_a_transaction_goes_to_both_flows_and_counts_once() -> None:
    result = take(read_webhook(body(note(scope="transaction/created"))), LISTENING, OURS)
    assert result.accepted == 1
    assert {name for name, _, _ in result.entries} == {"sales_order_from_ipaas", "invoice_from_ipaas"}


@pytest.mark.parametrize("ipaas_id", [17, "17", " 17 "])
def test_an_id_may_be_a_number_or_a_string(ipaas_id: Any) -> None:
    assert taken(note(id=ipaas_id)) == [("company_from_ipaas", "17")]


@pytest.mark.parametrize(
    "scope", ["company/updated/debug", "Company/Updated", "COMPANY/UPDATED/DEBUG", " company/created"]
)
def test_a_scope_may_be_in_any_case_and_ask_for_debug_mode(scope: str) -> None:
    assert taken(note(scope=scope)) == [("company_from_ipaas", "17")]


@pytest.mark.parametrize("destination", [OURS, str(OURS), f" {OURS}", "", None])
def test_what_is_addressed_to_us_or_to_nobody_is_ours(destination: Any) -> None:
    assert taken(note(destination=destination)) == [("company_from_ipaas", "17")]


@pytest.mark.parametrize("destination", [OURS + 1, "4712", "shop"])
def test_what_is_addressed_to_another_system_is_not_ours(destination: Any) -> None:
    assert taken(note(destination=destination)) == []


@pytest.mark.parametrize(
    "scope",
    [
        "company/deleted",
        "company/deleted/debug",
        "giftcard/created",
        "system/service/refresh",
        "company",
        "",
        "company/poll",
    ],
)
def test_scopes_that_nobody_listens_to_are_left_out_whatever_they_name(scope: str) -> None:
    result = take(read_webhook(body(note(scope=scope, id="Some.Integration.dll"), note())), LISTENING, OURS)
    assert result.accepted == 1
    assert [ipaas_id for _, ipaas_id, _ in result.entries] == ["17"]


def test_what_is_not_known_of_a_request_is_tolerated() -> None:
    odd = note(type=["new"], action=7, colour="red", external_id=3, tracking_guid=None)
    request = read_webhook(body(odd, note(id=18), attempt="second", source={"a": 1}))
    assert take(request, LISTENING, OURS).accepted == 2


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "The body: Invalid JSON"),
        (b"{", "The body: Invalid JSON"),
        (b"\xff\xfe", "The body: Invalid JSON"),
        (b"[]", "The body"),
        (b"{}", "notifications: Field required"),
        (b'{"notifications": {"id": 1}}', "notifications"),
        (body(7), "notifications.0"),
        (body({"id": 1}), "notifications.0.scope: Field required"),
        (body(note(scope=7)), "notifications.0.scope"),
        (body(note(id=True)), "notifications.0.id"),
        (body(note(id=1.5)), "notifications.0.id"),
        (body(note(id=[1])), "notifications.0.id"),
        (body(note(id=None)), "notifications.0.id: '' is not an id of company"),
        (b'{"scope": "company/updated", "id": "C1"}', "id: 'C1' is not an id of company"),
        (b'{"scope": 7, "id": "17"}', "scope: "),
        (body(note(id="C10000")), "notifications.0.id: 'C10000' is not an id of company"),
        (body(note(id=0)), "notifications.0.id"),
        (body(note(id=-3)), "notifications.0.id"),
        (body(note(id="9" * 20)), "notifications.0.id"),
        (body(note(destination={"id": 1})), "notifications.0.destination"),
        (b"[" * 100_000, "The body"),
        (b'{"notifications": [{"scope": "company/updated", "id": ' + b"9" * 5_000 + b"}]}", "The body"),
    ],
)
def test_a_request_of_which_nothing_can_be_read_is_refused_naming_the_field(sent: bytes, said: str) -> None:
    with pytest.raises(MalformedWebhook) as refused:
        take(read_webhook(sent), LISTENING, OURS)
    assert str(refused.value).startswith(said)


def test_a_malformed_notification_is_refused_alone_and_the_others_are_taken() -> None:
    result = take(read_webhook(body(note(), {"id": 1}, note(id="C1"), 7, note(id=18))), LISTENING, OURS)
    assert (result.accepted, [ipaas_id for _, ipaas_id, _ in result.entries]) == (2, ["17", "18"])
    assert [str(one).partition(" ")[0] for one in result.malformed] == [
        "notifications.1.scope:",
        "notifications.3:",
        "notifications.2.id:",
    ]


def test_what_concerns_others_may_stand_beside_what_is_malformed() -> None:
    result = take(read_webhook(body(note(destination="4712"), note(id="C1"))), LISTENING, OURS)
    assert (result.accepted, len(result.malformed)) == (0, 1)


def test_one_event_by_itself_is_a_request_too() -> None:
    event = {**note(), "companyId": "5d2f7c80-3f0e-4d43-9a6c-2f5f0b1c7e11", "type": "", "headers": {}}
    result = take(read_webhook(json.dumps(event).encode()), LISTENING, OURS)
    assert (result.accepted, list(result.entries)) == (1, [("company_from_ipaas", "17", "company/updated")])


@pytest.mark.parametrize("action", ["created", "updated", "deleted", "updated/debug"])
def test_what_is_nested_in_a_record_moves_it(action: str) -> None:
    listening = listeners([replace(flow("customer_from_ipaas", "customer/updated"), nested_scopes=NESTED)])
    result = take(read_webhook(body(note(scope=f"customer/address/{action}"))), listening, OURS)
    assert [entry[:2] for entry in result.entries] == [("customer_from_ipaas", "addresses/17")]


NESTED = {"customer/address": "addresses"}


@pytest.mark.parametrize(
    ("header", "key", "opens"),
    [
        ("Bearer the-key", "the-key", True),
        ("bearer the-key ", "the-key", True),
        ("Bearer the-kez", "the-key", False),
        ("Bearer the-ke", "the-key", False),
        ("Bearer", "the-key", False),
        ("Basic the-key", "the-key", False),
        ("the-key", "the-key", False),
        ("", "the-key", False),
        ("", None, False),
        ("Bearer ", None, False),
        ("Bearer None", None, False),
        ("Bearer ", "", False),
    ],
)
def test_only_the_subscriptions_key_opens(header: str, key: str | None, opens: bool) -> None:
    assert is_sender(header, key) is opens


def test_how_much_of_a_key_is_right_does_not_show_in_the_time() -> None:
    key = "k" * 100_000

    def seconds(presented: str) -> float:
        header, times = f"Bearer {presented}", []
        for _ in range(200):
            began = time.perf_counter()
            is_sender(header, key)
            times.append(time.perf_counter() - began)
        return median(times)

    wrong_at_once, wrong_at_the_end = seconds("x" + key[1:]), seconds(key[:-1] + "x")
    assert 0.5 < wrong_at_once / wrong_at_the_end < 2


def test_flows_listen_to_scopes_as_they_are_compared() -> None:
    for listening in FLOWS.values():
        assert all(scope == scope.strip().lower() for scope in listening.scopes)
        assert not any(scope.endswith(("/deleted", "/debug")) for scope in listening.scopes)
        assert bool(listening.scopes) == (listening.direction is Direction.from_ipaas), listening.name
