"""`POST /business_central/notifications` as Airflow's API server serves it, and the DAG that has it told of changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from include.sandbox import Sandbox
from include.sync.ledger import Ledger
from tests import ledgers
from tests.dags.conftest import RunDag, connect, ledger_file, lose_ledger
from tests.notice_receiver import Receiver
from tests.systems import PAIR

pytestmark = pytest.mark.dag

SECRET = "a-secret-of-our-own"
FLOW = "product_to_ipaas"
PATH = "/business_central/notifications"
EVENTS = {"SalesOrderReleased", "SalesShipmentPosted", "SalesInvoicePosted", "SalesPaymentPosted"}


@pytest.fixture
def rung(server: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[set[str]]]:
    """The endpoint with a secret, on an empty ledger; which flows it has started."""
    from bridge import server as bridge_server
    from bridge import webhook_endpoint

    connect(monkeypatch, sandbox, bc_extra={"notification_secret": SECRET})
    bridge_server.current.cache.clear()
    lose_ledger()
    started: list[set[str]] = []
    monkeypatch.setattr(webhook_endpoint._bell, "ring", lambda flows: started.append(set(flows)))
    yield started
    bridge_server.current.cache.clear()


def notice(sandbox: Sandbox, record: str, secret: str = SECRET, **changed: Any) -> dict[str, Any]:
    resource = f"api/v2.0/companies({sandbox.bc.company_id})/items({record})"
    return {"clientState": secret, "resource": resource, "changeType": "updated", **changed}


def kept(flow: str = FLOW) -> list[str]:
    ledger = Ledger(ledgers.url_of(ledger_file()), PAIR)
    found = [key for key, _ in ledger.received(flow)]
    ledger.close()
    return found


def first_item(sandbox: Sandbox) -> str:
    return str(sandbox.bc.rows("Item")[0]["systemid"])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_handshake_is_answered_with_its_token_as_plain_text(server: Any, rung: list[set[str]], method: str) -> None:
    answer = server.request(method, PATH, params={"validationToken": "f3b6d3"})
    assert (answer.status_code, answer.text) == (200, "f3b6d3")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_accepted_is_in_the_ledger_and_starts_its_flow(
    server: Any, rung: list[set[str]], sandbox: Sandbox
) -> None:
    answer = server.post(PATH, json={"value": [notice(sandbox, first_item(sandbox))]})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})
    assert kept() == [first_item(sandbox)]
    assert rung == [{FLOW}]


def event(sandbox: Sandbox, record: str, secret: str = SECRET) -> dict[str, Any]:
    url = f"{sandbox.url}/v2.0/t/e/api/v2.0/companies({sandbox.bc.company_id})/salesInvoices({record})"
    return {"eventName": "SalesInvoicePosted", "clientState": secret, "payload": {"Url": url}}


def test_a_business_event_is_kept_and_starts_its_flow(server: Any, rung: list[set[str]], sandbox: Sandbox) -> None:
    record = first_item(sandbox)
    for body in (event(sandbox, record), [event(sandbox, record), event(sandbox, "none")]):
        assert server.post(PATH, json=body).json()["accepted"] == 1
    assert server.post(PATH, json=event(sandbox, "none")).status_code == 400
    assert server.post(PATH, json=event(sandbox, record, "wrong")).status_code == 401
    assert kept("sales_invoice_to_ipaas") == [f"Invoice|{record}"]
    assert rung == [{"sales_invoice_to_ipaas"}] * 2


@pytest.mark.parametrize("secret", ["", "wrong", SECRET[:-1]])
def test_nobody_else_gets_in(server: Any, rung: list[set[str]], sandbox: Sandbox, secret: str) -> None:
    answer = server.post(PATH, json={"value": [notice(sandbox, first_item(sandbox), secret)]})
    assert answer.status_code == 401
    assert (kept(), rung) == ([], [])


def test_without_a_secret_in_the_connection_nobody_gets_in_nor_shakes_hands(
    server: Any, rung: list[set[str]], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox)
    assert server.post(PATH, json={"value": [notice(sandbox, first_item(sandbox), "")]}).status_code == 401
    assert server.post(PATH, params={"validationToken": "f3b6d3"}).status_code == 401


def test_a_malformed_one_is_refused_alone_and_named(server: Any, rung: list[set[str]], sandbox: Sandbox) -> None:
    value = [notice(sandbox, first_item(sandbox)), notice(sandbox, "x", resource="items")]
    told = server.post(PATH, json={"value": value}).json()
    assert (told["accepted"], told["malformed"]) == (1, 1)
    assert told["refused"][0]["place"] == "value.1.resource"
    assert server.post(PATH, content=b"not json").status_code == 400


def test_the_limits_are_those_of_the_other_endpoint(
    server: Any, rung: list[set[str]], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import webhook_endpoint

    monkeypatch.setattr(webhook_endpoint, "LIMIT", 100)
    assert server.post(PATH, json={"value": [notice(sandbox, first_item(sandbox))]}).status_code == 413
    monkeypatch.setattr(webhook_endpoint, "AT_ONCE", 0)
    assert server.post(PATH, json={"value": []}).status_code == 503


def test_what_cannot_be_kept_is_not_acknowledged_so_that_it_is_sent_again(
    server: Any, rung: list[set[str]], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of 503 keeps the subscription; most others would end it."""
    from bridge import webhook_endpoint

    def full(ledger: Any, entries: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(webhook_endpoint._together, "keep", full)
    answer = server.post(PATH, json={"value": [notice(sandbox, first_item(sandbox))]})
    assert answer.status_code == 503
    assert "disk full" not in answer.text
    assert rung == []


def test_the_secret_appears_nowhere(
    server: Any, rung: list[set[str]], sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    from bridge import server as bridge_server

    answers = [
        server.post(PATH, json={"value": [notice(sandbox, "x", resource="items")]}),
        server.post(PATH, json={"value": [notice(sandbox, first_item(sandbox))]}),
        server.post(PATH, content=SECRET.encode()),
    ]
    said = [answer.text for answer in answers] + [caplog.text, str(bridge_server.current.cache)]
    assert not [text for text in said if SECRET in text]


def test_the_dag_makes_the_subscriptions_and_makes_them_again(
    run_dag: RunDag, sandbox: Sandbox, receiver: Receiver
) -> None:
    extra = {"notification_url": receiver.url, "notification_secret": SECRET}
    assert run_dag("subscriptions", bc_extra=extra).state == "success"
    made = {one["resource"].rpartition("/")[2] for one in sandbox.notices.subscriptions.values()}
    assert made == {"customers", "items", "itemCategories", "salesOrders", "salesInvoices"}
    sandbox.switches.bc_clock_ahead = timedelta(days=3, minutes=1).total_seconds()
    assert run_dag("subscriptions", bc_extra=extra).state == "success"
    assert len(sandbox.notices.subscriptions) == len(made)
    sandbox.bc.change("Item", sandbox.bc.rows("Item")[0]["No."], Description="Changed")
    sandbox.notices.deliver()
    assert [one["clientState"] for one in receiver.told] == [SECRET]


def test_the_dag_subscribes_to_business_events_and_takes_back_what_is_not_wanted(
    run_dag: RunDag, sandbox: Sandbox, receiver: Receiver
) -> None:
    extra = {"notification_secret": SECRET}
    other = Receiver()
    events = sandbox.notices.events.subscriptions
    try:
        for url in (other.url, receiver.url):
            assert run_dag("subscriptions", bc_extra={**extra, "notification_url": url}).state == "success"
            assert {one["notificationUrl"] for one in events.values()} == {url}
            assert {str(one["eventName"]) for one in events.values()} == EVENTS
    finally:
        other.close()


@pytest.mark.parametrize(("state", "words"), [("absent", "which are a preview"), ("forbidden", "Ext. Events - Subscr")])
def test_without_business_events_the_dag_is_green_and_says_so(
    run_dag: RunDag, sandbox: Sandbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, state: str, words: str
) -> None:
    monkeypatch.setattr(sandbox.switches, "business_events", state)
    run = run_dag("subscriptions", bc_extra={"notification_url": receiver.url, "notification_secret": SECRET})
    assert run.state == "success"
    assert words in str(run.xcoms)
    assert len(sandbox.notices.subscriptions) == 5


def test_without_an_address_there_are_polls_alone(run_dag: RunDag, sandbox: Sandbox) -> None:
    run = run_dag("subscriptions")
    assert run.state == "success"
    assert "polls alone" in str(run.xcoms)
    assert sandbox.notices.subscriptions == {}


def test_an_address_without_a_secret_stops_it_in_words(run_dag: RunDag, sandbox: Sandbox) -> None:
    run = run_dag("subscriptions", bc_extra={"notification_url": "https://airflow.example.com/business_central/x"})
    assert run.state == "failed"
    assert "notification_secret" in run.problem
