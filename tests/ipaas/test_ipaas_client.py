"""Records, lists, external ids and tokens against the sandbox, with what the wire does to them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.errors import ErrorKind, NotFound, RecordExists, Sent, ServiceError
from include.ipaas import endpoints
from include.ipaas.client import IPaaSClient
from include.sandbox.faults import GATEWAY, Fault
from include.sandbox.server import Sandbox
from tests.ipaas.conftest import QUICK
from tests.transport.scripted import Reply, Wire

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)

Connect = Callable[..., IPaaSClient]
CATEGORY, CUSTOMER, PRODUCT = endpoints.CUSTOMER_CATEGORY, endpoints.CUSTOMER, endpoints.PRODUCT


def count(sandbox: Sandbox, *words: str) -> int:
    """How many requests hold all these words."""
    return sum(all(word in f"{method} {path}" for word in words) for _, method, path in sandbox.counters.paths)


# --- records -----------------------------------------------------------------------------------------------------


def test_a_record_is_created_read_changed_and_found(ipaas: IPaaSClient) -> None:
    body = {"sku": "A-1", "name": "Chair", "type": "Physical", "status": "Active", "tracking_method": "Product"}
    made = ipaas.create(PRODUCT, body | {"default_price": Decimal("10.10")})
    assert made["default_price"] == Decimal("10.10")
    assert ipaas.update(PRODUCT, made["id"], {"name": "Stool"})["name"] == "Stool"
    assert (ipaas.get(PRODUCT, made["id"]) or {})["name"] == "Stool"
    assert [record["id"] for record in ipaas.search(PRODUCT, "A-1")] == [made["id"]]
    assert ipaas.search(PRODUCT, "A & B/ü") == []
    assert ipaas.get(PRODUCT, 999) is None
    with pytest.raises(NotFound):
        ipaas.update(PRODUCT, 999, {"name": "X"})


def test_an_id_is_kept_as_it_was_received(ipaas: IPaaSClient, sandbox: Sandbox) -> None:
    sandbox.switches.ipaas_ids_are_strings = True
    made = ipaas.create(CATEGORY, {"name": "RETAIL"})
    assert isinstance(made["id"], str)
    assert (ipaas.get(CATEGORY, made["id"]) or {})["id"] == made["id"]


def test_lists_are_read_to_their_last_page(ipaas: IPaaSClient, sandbox: Sandbox) -> None:
    sandbox.switches.ipaas_page_size = 3
    for number in range(7):
        ipaas.create(CATEGORY, {"name": f"G{number}"})
    sandbox.counters.reset()
    pages = list(ipaas.pages(CATEGORY))
    assert [(page.number, page.total, len(page.records)) for page in pages] == [(1, 3, 3), (2, 3, 3), (3, 3, 1)]
    assert count(sandbox, "GET", "Categories") == 3
    assert next(ipaas.pages(PRODUCT)).records == []


def test_what_stands_in_its_parents_list_is_listed_from_there(ipaas: IPaaSClient) -> None:
    place = ipaas.create(endpoints.LOCATION, {"name": "MAIN"})["id"]
    body = {"name": "Chair", "type": "Physical", "status": "Active", "tracking_method": "Product", "default_price": 1}
    for sku, quantity in (("A", 1), ("B", 2)):
        ipaas.create(PRODUCT, body | {"sku": sku, "inventory": [{"location_id": place, "qty_on_hand": quantity}]})
    listed = [record for page in ipaas.pages(endpoints.INVENTORY) for record in page.records]
    assert [record["qty_on_hand"] for record in listed] == [2, 1]
    assert ipaas.get(endpoints.INVENTORY, listed[0]["id"]) == listed[0]


def test_a_list_without_a_search_is_answered_whole(ipaas: IPaaSClient, sandbox: Sandbox) -> None:
    for name in ("CASH", "CARD"):
        ipaas.create(endpoints.PAYMENT_METHOD, {"name": name})
    assert [record["name"] for record in ipaas.search(endpoints.PAYMENT_METHOD, "CARD")] == ["CARD", "CASH"]
    assert count(sandbox, "PaymentMethods", "action=") == 0


def test_the_tracking_guid_and_the_client_id_go_with_every_call(connect: Connect, sandbox: Sandbox) -> None:
    ipaas = connect(client_id="client-7")
    ipaas.search(CATEGORY, "X")
    ipaas.search(CATEGORY, "Y")
    paths = [path for _, _, path in sandbox.counters.paths if "Categories" in path]
    assert len({path.partition("trackingGuid=")[2] for path in paths}) == 1
    assert all("action=equals" in path for path in paths)


def test_the_requests_are_counted_those_for_the_token_included(ipaas: IPaaSClient, sandbox: Sandbox) -> None:
    ipaas.search(CATEGORY, "X")
    assert ipaas.requests == sandbox.counters.of("ipaas") == 3
    assert ipaas.clock.at(NOON) == NOON
    assert ipaas.system_id == sandbox.SYSTEM_ID


# --- external ids ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "external_id",
    ["RETAIL", "C10000|address", "A/B", "50%", 'O\'Brien "x"', "a b", "Ä#1?", "..", "x|contact|address", "+&="],
)
def test_links_of_every_spelling_are_made_and_found(ipaas: IPaaSClient, sandbox: Sandbox, external_id: str) -> None:
    made = ipaas.create(CATEGORY, {"name": "N"})
    assert ipaas.internal_id(CATEGORY.table, external_id) is None
    assert ipaas.external_id(CATEGORY.table, made["id"]) is None
    assert list(ipaas.missing(CATEGORY.table)) == [made["id"]]
    ipaas.link(CATEGORY.table, made["id"], external_id)
    ipaas.link(CATEGORY.table, made["id"], external_id)
    assert ipaas.internal_id(CATEGORY.table, external_id) == made["id"]
    assert ipaas.external_id(CATEGORY.table, made["id"]) == external_id
    assert list(ipaas.missing(CATEGORY.table)) == []
    plain = external_id.replace("|", "").isalnum() and external_id.isascii()
    assert bool(count(sandbox, "LookupSpecial")) is not plain


def test_a_link_of_a_deleted_record_is_none(ipaas: IPaaSClient, sandbox: Sandbox) -> None:
    made = ipaas.create(CATEGORY, {"name": "N"})
    ipaas.link(CATEGORY.table, made["id"], "RETAIL")
    for answer in ('"DELETED:1001"', '"DELETED:RETAIL"'):
        sandbox.faults.add(Fault(path="Lookup", status=200, body=answer, times=1))
        assert ipaas.internal_id(CATEGORY.table, "RETAIL") is None
        sandbox.faults.add(Fault(path="Lookup", status=200, body=answer, times=1))
        assert ipaas.external_id(CATEGORY.table, made["id"]) is None


@pytest.mark.parametrize(
    ("answer", "internal_id"),
    [('"1001"', 1001), ("1001", 1001), ('"007"', "007"), ('"5f1c"', "5f1c"), ('"\u0663"', "\u0663")],
)
def test_a_number_is_an_id_only_if_it_is_written_as_one(
    ipaas: IPaaSClient, sandbox: Sandbox, answer: str, internal_id: Any
) -> None:
    sandbox.faults.add(Fault(path="LookupSpaceport", status=200, body=answer))
    assert ipaas.internal_id(CATEGORY.table, "RETAIL") == internal_id


def test_two_records_cannot_have_one_external_id(ipaas: IPaaSClient) -> None:
    one, two = (ipaas.create(CATEGORY, {"name": name})["id"] for name in ("A", "B"))
    ipaas.link(CATEGORY.table, one, "RETAIL")
    with pytest.raises(RecordExists):
        ipaas.link(CATEGORY.table, two, "RETAIL")


@pytest.mark.parametrize("endpoint", [e for e in vars(endpoints).values() if isinstance(e, endpoints.Endpoint)])
def test_every_table_has_its_family(endpoint: endpoints.Endpoint) -> None:
    assert endpoints.FAMILIES[endpoint.table] == endpoint.family
    assert endpoint.family in ("customers", "products", "transactions")


# --- tokens and set-up -------------------------------------------------------------------------------------------


def test_one_login_serves_all_threads_and_one_more_when_the_token_is_refused(
    connect: Connect, sandbox: Sandbox
) -> None:
    ipaas = connect(concurrency=8)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            assert set(map(len, pool.map(lambda _: ipaas.search(CATEGORY, "X"), range(16)))) == {0}
            sandbox.ipaas.company_tokens.clear()
    assert count(sandbox, "POST", "Login") == 2


def test_a_token_is_renewed_before_it_ends(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.switches.ipaas_token_lifetime = 60
    ipaas = connect()
    ipaas.search(CATEGORY, "X")
    ipaas.search(CATEGORY, "X")
    assert count(sandbox, "POST", "Login") == 2, "a minute is less than what a call may take"


def test_a_ready_token_is_used_as_it_is(connect: Connect, sandbox: Sandbox) -> None:
    token = "ready-company-token"
    sandbox.ipaas.company_tokens[token] = datetime.now(UTC) + timedelta(hours=1)
    ipaas = connect(login=None, password=token)
    assert ipaas.check()[0]
    assert count(sandbox, "/sso/") == 0
    sandbox.ipaas.company_tokens.clear()
    with pytest.raises(ServiceError) as raised:
        ipaas.search(CATEGORY, "X")
    assert raised.value.stops_run
    assert token not in f"{raised.value} {raised.value.advice}"


def test_a_right_connection_is_said_to_be_right(ipaas: IPaaSClient) -> None:
    works, said = ipaas.check()
    assert works
    assert said.startswith("Connected; the subscription is 'Dynamics365_Integration'. ")


PERMISSION = '{"code": "AUTZ-1002", "message": "You lack the permission."}'
ECHO = '{"message": "sandbox-ipaas-password?"}'
WRONG: list[tuple[str, dict[str, Any], Fault | None, list[str]]] = [
    ("password", {"password": "wr0ng-secret"}, None, ["login was refused", "login and password"]),
    ("e-mail", {"login": "nobody@example.com"}, None, ["login was refused"]),
    ("token", {"login": None, "password": "wr0ng-secret"}, None, ["AUTH-1002", "company token"]),
    ("company", {"company_id": "00000000-1111-2222-3333-444444444444"}, None, ["AUTH-1004", "company_id"]),
    ("system", {"system_id": 99}, None, ["no subscription 99", "system_id"]),
    ("permission", {}, Fault(path="Subscription", status=403, body=PERMISSION), ["AUTZ-1002", "permission"]),
    ("address", {"subscriptions_url": "http://localhost:1/x"}, None, ["No connection"]),
    ("echo", {}, Fault(path="Login", status=400, body=ECHO), ["***?"]),
    ("echo when busy", {}, Fault(path="Login", status=503, body=ECHO, times=9), ["***?"]),
    ("echo of a token", {"login": None}, Fault(path="Subscription", status=500, body=ECHO, times=9), ["***?"]),
]


@pytest.mark.parametrize(("case", "extra", "fault", "words"), WRONG, ids=[case for case, *_ in WRONG])
def test_what_is_wrong_is_said_in_words(
    connect: Connect,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    case: str,
    extra: dict[str, Any],
    fault: Fault | None,
    words: list[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    if fault:
        sandbox.faults.add(fault)
    ok, text = connect(**extra).check()
    assert not ok, case
    for word in words:
        assert word in text
    tokens = {*sandbox.ipaas.user_tokens, *sandbox.ipaas.company_tokens}
    for secret in (sandbox.IPAAS_PASSWORD, "wr0ng-secret", *tokens):
        assert secret not in text
        assert secret not in caplog.text
        assert not any(secret in path for _, _, path in sandbox.counters.paths)


# --- what may go wrong on the way --------------------------------------------------------------------------------


PASSES = [name for name in GATEWAY if name[:3] not in ("400", "403", "404")]


@pytest.mark.parametrize("name", PASSES)
def test_a_read_survives_what_passes(ipaas: IPaaSClient, sandbox: Sandbox, name: str) -> None:
    ipaas.create(CATEGORY, {"name": "X"})
    sandbox.faults.add(Fault(path="Categories", **GATEWAY[name], times=2))
    assert len(ipaas.search(CATEGORY, "X")) == 1, "an answer that says nothing is never none"


@pytest.mark.parametrize("path", ["Login", "ChangeCompany"])
@pytest.mark.parametrize("name", GATEWAY)
def test_a_create_survives_a_login_that_fails_for_a_while(
    ipaas: IPaaSClient, sandbox: Sandbox, path: str, name: str
) -> None:
    sandbox.faults.add(Fault(path=path, **GATEWAY[name], times=2))
    assert ipaas.create(CATEGORY, {"name": "N"})["name"] == "N"


def test_a_login_that_fails_for_good_is_tried_as_often_as_any_request(ipaas: IPaaSClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(path="Login", status=503, body="<html>busy</html>", times=100))
    with pytest.raises(ServiceError) as raised:
        ipaas.create(CATEGORY, {"name": "N"})
    assert (raised.value.sent, raised.value.kind) == (Sent.no, ErrorKind.unavailable)
    assert count(sandbox, "POST", "Login") == QUICK.attempts


@pytest.mark.parametrize("disturbance", [Fault(truncate=1), Fault(cut=True), Fault(lost=True)])
def test_a_read_survives_a_bad_line(ipaas: IPaaSClient, sandbox: Sandbox, disturbance: Fault) -> None:
    disturbance.path, disturbance.times = "Categories", 1
    sandbox.faults.add(disturbance)
    assert ipaas.search(CATEGORY, "X") == []


@pytest.mark.parametrize(
    ("disturbance", "there"),
    [
        (Fault(lost=True), 1),
        (Fault(truncate=10), 1),
        (Fault(cut=True), 0),
        *((Fault(**fields), 0) for fields in GATEWAY.values()),
        *((Fault(**fields, after=True), 1) for fields in GATEWAY.values()),
    ],
)
def test_a_create_whose_answer_was_lost_is_unknown_and_not_repeated(
    ipaas: IPaaSClient, sandbox: Sandbox, disturbance: Fault, there: int
) -> None:
    disturbance.method, disturbance.path, disturbance.times = "POST", "Category$", 1
    sandbox.faults.add(disturbance)
    with pytest.raises(ServiceError) as raised:
        ipaas.create(CATEGORY, {"name": "N"})
    assert raised.value.sent is Sent.unknown
    assert raised.value.kind in (ErrorKind.unavailable, ErrorKind.throttled, ErrorKind.conflict)
    assert len(ipaas.search(CATEGORY, "N")) == there


def test_a_create_that_was_turned_away_in_the_platforms_own_words_is_repeated(
    ipaas: IPaaSClient, sandbox: Sandbox
) -> None:
    body = '{"message": "Too many requests."}'
    sandbox.faults.add(Fault(method="POST", path="Category$", status=429, body=body, times=2))
    ipaas.create(CATEGORY, {"name": "N"})
    assert len(ipaas.search(CATEGORY, "N")) == 1


def test_a_change_and_a_link_whose_answers_were_lost_are_sent_again(ipaas: IPaaSClient, sandbox: Sandbox) -> None:
    made = ipaas.create(CATEGORY, {"name": "N"})
    sandbox.faults.add(Fault(method="PUT", lost=True))
    assert ipaas.update(CATEGORY, made["id"], {"description": "D"})["description"] == "D"
    sandbox.faults.add(Fault(path="UpdateExternalId", lost=True))
    ipaas.link(CATEGORY.table, made["id"], "RETAIL")
    assert ipaas.internal_id(CATEGORY.table, "RETAIL") == made["id"]


def test_a_refusal_says_what_the_platform_says(ipaas: IPaaSClient) -> None:
    with pytest.raises(ServiceError, match="VALD-") as raised:
        ipaas.create(CUSTOMER, {})
    assert (raised.value.kind, raised.value.sent) == (ErrorKind.rejected, Sent.refused)


def test_a_place_that_does_not_exist_is_a_matter_of_set_up(connect: Connect, sandbox: Sandbox) -> None:
    ipaas = connect(customers_url=f"{sandbox.url}/nowhere")
    with pytest.raises(ServiceError) as raised:
        ipaas.create(CATEGORY, {"name": "N"})
    assert raised.value.kind is ErrorKind.misconfigured
    assert "endpoints.py" in raised.value.advice


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A customers family that answers by script."""
    server = Wire()
    yield server
    server.close()


def paged(number: int, total: int) -> Reply:
    """A page of a list, with its place."""
    return Reply(
        body=b'[{"id": 1}]', headers={"X-Pagination": json.dumps({"current_Page": number, "total_Pages": total})}
    )


def test_a_server_that_answers_another_page_than_was_asked_for_is_not_believed(connect: Connect, wire: Wire) -> None:
    wire.script.append(paged(1, 2))
    with pytest.raises(ServiceError, match="Page 2 was asked for") as raised:
        list(connect(customers_url=wire.url).pages(CATEGORY))
    assert raised.value.kind is ErrorKind.unavailable


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"[]", headers={"X-Pagination": "{"}),
        Reply(body=b"[]", headers={"X-Pagination": '{"total_Pages": "many"}'}),
        Reply(body=b'{"items": []}'),
    ],
)
def test_a_list_that_cannot_be_read_is_no_empty_list(connect: Connect, wire: Wire, reply: Reply) -> None:
    wire.script.append(reply)
    with pytest.raises(ServiceError) as raised:
        list(connect(customers_url=wire.url).pages(CATEGORY))
    assert raised.value.kind is ErrorKind.unavailable


def test_a_list_without_a_place_is_one_page_and_a_404_is_none(connect: Connect, wire: Wire) -> None:
    wire.script += [Reply(body=b'[{"id": "a", "external_ids": []}]'), Reply(status=404, body=b"")]
    ipaas = connect(customers_url=wire.url, client_id="client-7")
    assert ipaas.search(CATEGORY, "X") == [{"id": "a", "external_ids": []}]
    assert ipaas.search(CATEGORY, "X") == []
    assert all(seen.headers["X-Client-Id"] == "client-7" for seen in wire.seen)
