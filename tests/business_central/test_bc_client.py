"""Reads, batches and writes against the sandbox, with what the wire does to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from include.business_central import connection_check
from include.business_central.client import BusinessCentralClient
from include.business_central.odata import Api, Page, equals
from include.errors import EntityChanged, ErrorKind, NotFound, RecordExists, Sent, ServiceError, ServiceNotPublished
from include.sandbox.faults import GATEWAY, Fault
from include.sandbox.server import Sandbox
from tests.transport.scripted import Reply, Wire

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)

Connect = Callable[..., BusinessCentralClient]
CARD, GROUPS = Page("CustomerCard"), Page("CustomerPriceGroups")
NOWHERE = "00000000-0000-0000-0000-00000000000a"


def fault(code: str, message: str = "No.") -> str:
    """An error body."""
    return json.dumps({"error": {"code": code, "message": message}})


def gets(sandbox: Sandbox, word: str, method: str = "GET") -> list[str]:
    """The requests whose path holds a word."""
    return [path for _, asked, path in sandbox.counters.paths if asked == method and word in path]


# --- pages of records --------------------------------------------------------------------------------------------


def test_every_record_comes_once_whatever_the_page_size(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    everything = [record["No"] for record in bc.read(CARD)]
    sandbox.counters.reset()
    assert [record["No"] for record in bc.read(CARD, page_size=7)] == everything
    pages = gets(sandbox, "CustomerCard")
    assert len(pages) == -(-len(everything) // 7), "the page size is asked for with every page"
    assert not any("$top" in page or "$skip=" in page for page in pages)


def test_filter_select_and_order_are_sent_and_the_company_is_named_by_id(
    bc: BusinessCentralClient, sandbox: Sandbox
) -> None:
    found = list(bc.read(CARD, filter="No ge 'C10010'", select=("No", "Name"), orderby=("Name desc",)))
    assert set(found[0]) == {"@odata.etag", "No", "Name"}
    assert all(record["No"] >= "C10010" for record in found)
    assert f"Company(Id={sandbox.bc.company_id})" in gets(sandbox, "CustomerCard")[0]


def test_many_are_read_by_name_in_few_requests(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    wanted = [f"c{10_000 + n}" for n in range(30)] + [f"NONE{n}" for n in range(200)]
    found = {record["No"] for record in bc.read_many(CARD, "No", wanted, select=("No",))}
    assert found == {f"C{10_000 + n}" for n in range(30)}
    assert len(gets(sandbox, "CustomerCard")) == 3


def test_long_names_are_spread_over_more_requests(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    wanted = [f"{n}" + "é'" * 40 for n in range(100)]
    assert list(bc.read_many(CARD, "Name", wanted)) == []
    assert len(gets(sandbox, "CustomerCard")) > 1


def test_what_a_wildcard_let_through_is_left_out(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    assert bc.company_id
    body = json.dumps({"value": [{"No": "A*"}, {"No": "AB"}]})
    sandbox.faults.add(Fault(path="CustomerCard", status=200, body=body))
    assert list(bc.read_many(CARD, "No", ["a*"])) == [{"No": "A*"}]


def test_rows_that_were_not_asked_to_say_whose_they_are_are_taken_as_they_come(
    bc: BusinessCentralClient, sandbox: Sandbox
) -> None:
    assert bc.company_id
    sandbox.faults.add(Fault(path="CustomerCard", status=200, body=json.dumps({"value": [{"Name": "Adatum"}]})))
    assert list(bc.read_many(CARD, "No", ["C1"], select=["Name"])) == [{"Name": "Adatum"}]


def test_a_row_that_should_say_whose_it_is_and_does_not_is_asked_for_anew(
    bc: BusinessCentralClient, sandbox: Sandbox
) -> None:
    assert bc.company_id
    sandbox.faults.add(Fault(path="CustomerCard", status=200, body=json.dumps({"value": [{"Name": "Adatum"}]})))
    assert [row["No"] for row in bc.read_many(CARD, "No", ["C10000"])] == ["C10000"]


def test_the_servers_clock_and_the_requests_are_known(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    assert bc.requests == 0
    list(bc.read(GROUPS))
    assert bc.requests == sandbox.counters.of("business_central") == 2
    assert bc.clock.at(NOON) == NOON


def test_threads_read_at_once_through_one_client(connect: Connect, sandbox: Sandbox) -> None:
    bc = connect(concurrency=10)
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda n: list(bc.read(CARD, filter=equals("No", f"C{10_000 + n}"))), range(30)))
    assert [record["No"] for (record,) in found] == [f"C{10_000 + n}" for n in range(30)]
    assert bc.requests == sandbox.counters.of("business_central") == 31


# --- one record, no record, no service ---------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [False, True])
def test_a_missing_service_is_not_a_missing_record(bc: BusinessCentralClient, sandbox: Sandbox, empty: bool) -> None:
    sandbox.switches.unpublished_is_empty_404 = empty
    sandbox.bc.unpublish("CustomerCard")
    calls: list[Callable[[], Any]] = [
        lambda: list(bc.read(CARD)),
        lambda: bc.create(CARD, {"No": "X"}),
        lambda: bc.update(CARD, "C10000", "*", {"Name": "X"}),
        lambda: bc.delete(CARD, "C10000"),
        lambda: bc.fields("CustomerCard"),
    ]
    for call in calls:
        with pytest.raises(ServiceNotPublished, match="CustomerCard") as raised:
            call()
        assert raised.value.stops_run
        assert "page 21" in raised.value.advice


@pytest.mark.parametrize("body", ["", fault("BadRequest_ResourceNotFound"), "<html>not found</html>"])
def test_a_published_service_that_is_gone_for_a_moment_is_an_outage(
    bc: BusinessCentralClient, sandbox: Sandbox, body: str
) -> None:
    sandbox.faults.add(Fault(path="CustomerCard$", status=404, body=body))
    with pytest.raises(ServiceError) as raised:
        list(bc.read(CARD))
    assert raised.value.kind is ErrorKind.unavailable


@pytest.mark.parametrize("body", ["", fault("BadRequest_NotFound", "No HTTP resource was found.")])
def test_an_api_collection_that_is_gone_is_an_outage_and_never_no_data(
    bc: BusinessCentralClient, sandbox: Sandbox, body: str
) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: list(bc.read(Api("customers"))),
        lambda: bc.update(Api("customers"), NOWHERE, "*", {}),
        lambda: bc.action(Api("customers"), NOWHERE, "post"),
    ]
    sandbox.faults.add(Fault(path="/customers", status=404, body=body, times=99))
    for call in calls:
        with pytest.raises(ServiceError) as raised:
            call()
        assert (raised.value.kind, type(raised.value)) == (ErrorKind.unavailable, ServiceError)


def test_a_service_published_under_another_name(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.bc.unpublish("CustomerCard")
    sandbox.bc.publish("CustomerCard", "MyCustomers")
    bc = connect(service_names={"CustomerCard": "MyCustomers"})
    assert bc.published("CustomerCard")
    assert list(bc.read(CARD, filter=equals("No", "C10000")))
    assert "Name" in bc.fields("CustomerCard")
    assert connection_check.check(bc)[0]


def test_a_service_that_the_subscriber_does_without(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.bc.unpublish("ItemCard")
    bc = connect(service_names={"ItemCard": ""})
    assert bc.does_without("ItemCard")
    assert not bc.published("ItemCard")
    assert connection_check.check(bc)[0]


def test_from_version_30_microsofts_pages_are_gone_and_the_check_says_what_is_read_instead(
    bc: BusinessCentralClient, sandbox: Sandbox
) -> None:
    sandbox.switches.pages_ended = True
    assert bc.pages_ended()
    ok, text = connection_check.check(bc)
    assert ok
    assert "Without CustomerCard" in text and "read and written" in text


def test_a_copy_of_ones_own_that_is_named_and_not_published_is_missed(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.switches.pages_ended = True
    ok, text = connection_check.check(connect(service_names={"ItemCard": "OurItems"}))
    assert not ok
    assert "OurItems" in text and "an extension of your own" in text and "CustomerCard" not in text


def test_the_services_and_their_fields_are_read_once(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    sandbox.bc.extend("CustomerCard", "Loyalty_Level", "Loyalty Level")
    fields = bc.fields("CustomerCard")
    assert (fields["No"].edm_type, fields["No"].max_length) == ("Edm.String", 20)
    assert "Loyalty_Level" in fields
    assert bc.fields("CustomerPriceGroups")["Code"].max_length == 10
    assert bc.published("CustomerCard")
    assert not bc.published("SalesPriceLists")
    assert len(gets(sandbox, "$metadata")) == 1
    assert len(gets(sandbox, "ODataV4/")) == 2


# --- what a server should not answer -----------------------------------------------------------------------------


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A Business Central that answers by script; its tokens come from the sandbox."""
    server = Wire()
    yield server
    server.close()


def page(*numbers: int, link: str | None = None) -> Reply:
    """A page of records."""
    body: dict[str, Any] = {"value": [{"No": n} for n in numbers]}
    return Reply(body=json.dumps(body | ({"@odata.nextLink": link} if link else {})).encode())


COMPANY = Reply(body=b'{"value": [{"id": "c1", "name": "CRONUS USA, Inc."}]}')


def test_an_empty_page_with_a_link_is_not_the_end(connect: Connect, wire: Wire) -> None:
    wire.script += [COMPANY, page(link=f"{wire.url}/2"), page(1, link=f"{wire.url}/3?a=%27x%27"), page(2)]
    bc = connect(host=wire.url)
    assert [r["No"] for r in bc.read(CARD, page_size=50, read_only=True)] == [1, 2]
    assert [seen.path for seen in wire.seen[2:]] == ["/2", "/3?a=%27x%27"], "links are followed as they come"
    for seen in wire.seen[1:]:
        assert seen.headers["Prefer"] == "odata.maxpagesize=50"
        assert seen.headers["Data-Access-Intent"] == "ReadOnly"
        assert seen.headers["Accept-Language"] == "en-US"
        assert "gzip" in seen.headers["Accept-Encoding"]


def test_a_plain_read_goes_to_the_primary(connect: Connect, wire: Wire) -> None:
    wire.script += [COMPANY, page(1)]
    list(connect(host=wire.url).read(CARD))
    assert "Data-Access-Intent" not in wire.seen[1].headers
    assert wire.seen[0].headers["Accept-Language"] == "en-US"


def test_a_link_seen_twice_stops_the_reading(connect: Connect, wire: Wire) -> None:
    wire.script += [COMPANY, page(1, link=f"{wire.url}/2"), page(2, link=f"{wire.url}/2")]
    with pytest.raises(ServiceError, match="twice") as raised:
        list(connect(host=wire.url).read(CARD))
    assert raised.value.kind is ErrorKind.unavailable


@pytest.mark.parametrize(
    "link", ["https://localhost:1/x", "http://elsewhere.invalid/x", "//elsewhere.invalid/x", "other"]
)
def test_the_token_is_not_carried_to_another_origin(connect: Connect, wire: Wire, link: str) -> None:
    wire.script += [COMPANY, page(1, link=wire.url.replace("http:", "https:") + "/2" if link == "other" else link)]
    with pytest.raises(ServiceError, match="another host") as raised:
        list(connect(host=wire.url).read(CARD))
    assert raised.value.kind is ErrorKind.misconfigured
    assert len(wire.seen) == 2


@pytest.mark.parametrize(
    "link",
    [
        r"http://evil.invalid:1\@localhost:{port}/x",
        "http://localhost:{port}@evil.invalid/x",
        "http://user@localhost:{port}/x",
        "http://localhost:x/y",
        "http://local\thost:{port}/x",
        "ftp://localhost:{port}/x",
        "javascript:alert(1)",
        7,
        ["http://localhost:{port}/x"],
        {"href": "x"},
        True,
    ],
)
def test_a_next_link_that_is_no_plain_address_is_an_outage(connect: Connect, wire: Wire, link: Any) -> None:
    port = wire.url.rpartition(":")[2]
    body = {"value": [{"No": 1}], "@odata.nextLink": link.format(port=port) if isinstance(link, str) else link}
    wire.script += [COMPANY, Reply(body=json.dumps(body).encode())]
    with pytest.raises(ServiceError) as raised:
        list(connect(host=wire.url).read(CARD))
    assert raised.value.kind is ErrorKind.unavailable
    assert len(wire.seen) == 2, "the token is sent to nobody else"


@pytest.mark.parametrize("body", [b"{}", b"", b'{"value": null}'])
def test_an_answer_without_a_list_is_no_empty_list(connect: Connect, wire: Wire, body: bytes) -> None:
    wire.script += [COMPANY, Reply(body=body)]
    with pytest.raises(ServiceError) as raised:
        list(connect(host=wire.url).read(CARD))
    assert raised.value.kind is ErrorKind.unavailable


@pytest.mark.parametrize("status", [429, 503, 504, 502, 408, 500])
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}])
def test_a_read_survives_what_passes(
    bc: BusinessCentralClient, sandbox: Sandbox, status: int, headers: dict[str, str]
) -> None:
    sandbox.faults.add(Fault(path="Groups", status=status, body="<html>busy</html>", headers=headers, times=2))
    assert len(list(bc.read(GROUPS))) == 3


@pytest.mark.parametrize("disturbance", [Fault(truncate=100), Fault(cut=True), Fault(lost=True)])
def test_a_read_survives_a_bad_line(bc: BusinessCentralClient, sandbox: Sandbox, disturbance: Fault) -> None:
    disturbance.path, disturbance.times = "Groups|metadata", 1
    sandbox.faults.add(disturbance)
    assert len(list(bc.read(GROUPS))) == 3
    disturbance.times = 1
    assert bc.fields("CustomerPriceGroups")


def test_a_service_that_stays_busy_ends_as_throttled_with_when_to_come_back(
    bc: BusinessCentralClient, sandbox: Sandbox
) -> None:
    body = fault("Application_TooManyRequests", "Too many requests reached. Actual (101). Maximum (100).")
    sandbox.faults.add(Fault(path="Groups", status=429, body=body, headers={"Retry-After": "200"}, times=99))
    with pytest.raises(ServiceError) as raised:
        list(bc.read(GROUPS))
    assert (raised.value.kind, raised.value.retry_after) == (ErrorKind.throttled, 200)
    assert raised.value.code == "Application_TooManyRequests"


def test_a_token_that_ends_between_two_pages_is_renewed(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    numbers = []
    for record in bc.read(CARD, page_size=10):
        numbers.append(record["No"])
        if len(numbers) == 15:
            sandbox.directory.revoke()
    assert len(numbers) == 60
    assert sandbox.directory.token_requests == 2


# --- batches -----------------------------------------------------------------------------------------------------


def test_many_reads_in_few_requests_in_the_order_asked(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    ids = [record["id"] for record in bc.read(Api("customers"), select=("id",))]
    paths = [f"customers({one})" for one in (ids * 5)[:250]]
    paths[120] = f"customers({NOWHERE})"
    answers = bc.batch_get(paths)
    assert len(gets(sandbox, "$batch", "POST")) == 3
    assert [a.status for a in answers] == [200] * 120 + [404] + [200] * 129
    assert [a.body.get("id") for a in answers[:60]] == ids
    assert bc.batch_get([]) == []


def test_parts_that_were_turned_away_are_asked_for_again(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    one, two = [record["id"] for record in bc.read(Api("customers"), select=("id",))][:2]
    parts = [{"id": "0", "status": 429, "body": None}, {"id": "1", "status": 200, "body": {"id": "kept"}}]
    sandbox.faults.add(Fault(path="batch", status=200, body=json.dumps({"responses": parts})))
    answers = bc.batch_get([f"customers({one})", f"customers({two})"])
    assert [a.body["id"] for a in answers] == [one, "kept"]


def test_parts_that_are_never_answered_are_a_fault(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(path="batch", status=200, body='{"responses": []}', times=99))
    with pytest.raises(ServiceError) as raised:
        bc.batch_get([f"customers({NOWHERE})"])
    assert raised.value.kind is ErrorKind.unavailable
    assert len(gets(sandbox, "$batch", "POST")) == 4


def test_a_part_that_fails_for_good_is_raised_and_a_missing_collection_is_an_outage(
    bc: BusinessCentralClient,
) -> None:
    with pytest.raises(ServiceError) as raised:
        bc.batch_get(["customers?$filter=number eq"])
    assert raised.value.kind is ErrorKind.rejected
    with pytest.raises(ServiceError) as raised:
        bc.batch_get([f"nonsense({NOWHERE})"])
    assert raised.value.kind is ErrorKind.unavailable


def test_a_batch_survives_a_bad_line(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(path="batch", lost=True))
    assert [a.status for a in bc.batch_get([f"customers({NOWHERE})"])] == [404]


def test_the_parts_of_a_record_are_read_to_their_end(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    rest = f"{bc.url(Api('salesOrders'))}(1)/salesOrderLines?$skiptoken=2"
    order = {"id": "1", "salesOrderLines": [{"sequence": 1}], "salesOrderLines@odata.nextLink": rest}
    sandbox.faults.add(Fault(path="salesOrders$", status=200, body=json.dumps({"value": [order]})))
    sandbox.faults.add(Fault(path="salesOrderLines$", status=200, body=json.dumps({"value": [{"sequence": 2}]})))
    assert list(bc.read(Api("salesOrders"), expand="salesOrderLines")) == [
        {"id": "1", "salesOrderLines": [{"sequence": 1}, {"sequence": 2}]}
    ]


# --- writes ------------------------------------------------------------------------------------------------------


def names(sandbox: Sandbox, code: str) -> list[str]:
    """The descriptions of the price groups with a code."""
    return [row["Description"] for row in sandbox.bc.rows("Customer Price Group") if row["Code"] == code]


def test_a_record_is_created_changed_and_deleted(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    made = bc.create(GROUPS, {"Code": "NEW", "Description": "Zoë's \u20ac"})
    assert made["Code"] == "NEW"
    changed = bc.update(GROUPS, "NEW", made["@odata.etag"], {"Description": "Changed"})
    assert (changed["Description"], names(sandbox, "NEW")) == ("Changed", ["Changed"])
    with pytest.raises(EntityChanged):
        bc.update(GROUPS, "NEW", made["@odata.etag"], {"Description": "Too late"})
    bc.delete(GROUPS, "NEW", changed["@odata.etag"])
    bc.delete(GROUPS, "NEW")
    assert names(sandbox, "NEW") == []
    with pytest.raises(NotFound):
        bc.update(GROUPS, "NEW", "*", {"Description": "Gone"})


@pytest.mark.parametrize("status", [409, 412])
def test_a_stale_etag_is_refused_once_whatever_the_status(
    bc: BusinessCentralClient, sandbox: Sandbox, status: int
) -> None:
    sandbox.switches.stale_etag_status = status
    with pytest.raises(EntityChanged) as raised:
        bc.update(GROUPS, "RETAIL", 'W/"stale"', {"Description": "X"})
    assert raised.value.kind is ErrorKind.conflict
    assert sandbox.counters.of("business_central", "PATCH") == 1


@pytest.mark.parametrize("status", [400, 409])
def test_a_key_in_use_is_told_from_other_refusals(bc: BusinessCentralClient, sandbox: Sandbox, status: int) -> None:
    sandbox.switches.duplicate_key_status = status
    with pytest.raises(RecordExists):
        bc.create(GROUPS, {"Code": "RETAIL"})
    assert sandbox.counters.of("business_central", "POST") == 1


def test_a_deadlock_is_repeated_since_it_was_rolled_back(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(method="POST", path="Groups", status=409, body=fault("Internal_ServerError", "Deadlock")))
    bc.create(GROUPS, {"Code": "NEW", "Description": "once"})
    assert names(sandbox, "NEW") == ["once"]


@pytest.mark.parametrize(
    ("status", "code"), [(429, "Application_TooManyRequests"), (503, "Internal_TenantUnavailable")]
)
def test_a_create_that_was_turned_away_in_business_centrals_own_words_is_repeated(
    bc: BusinessCentralClient, sandbox: Sandbox, status: int, code: str
) -> None:
    body = f'{{"error": {{"code": "{code}", "message": "Not now."}}}}'
    sandbox.faults.add(Fault(method="POST", path="Groups", status=status, body=body, times=2))
    bc.create(GROUPS, {"Code": "NEW", "Description": "once"})
    assert names(sandbox, "NEW") == ["once"]


@pytest.mark.parametrize(
    ("disturbance", "there"),
    [
        (Fault(lost=True), ["once"]),
        (Fault(truncate=20), ["once"]),
        (Fault(cut=True), []),
        (Fault(status=504, body="<html>"), []),
        (Fault(status=500, body=""), []),
        *((Fault(**fields), []) for fields in GATEWAY.values()),
        *((Fault(**fields, after=True), ["once"]) for fields in GATEWAY.values()),
    ],
)
def test_a_create_whose_answer_was_lost_is_unknown_and_not_repeated(
    bc: BusinessCentralClient, sandbox: Sandbox, disturbance: Fault, there: list[str]
) -> None:
    disturbance.method, disturbance.path = "POST", "Groups"
    disturbance.times = 1
    sandbox.faults.add(disturbance)
    with pytest.raises(ServiceError) as raised:
        bc.create(GROUPS, {"Code": "NEW", "Description": "once"})
    assert raised.value.sent is Sent.unknown
    assert raised.value.kind in (ErrorKind.unavailable, ErrorKind.throttled, ErrorKind.conflict)
    assert sandbox.counters.of("business_central", "POST") == 1
    assert names(sandbox, "NEW") == there


def test_a_change_whose_answer_was_lost_is_tried_again_and_shows_as_changed(
    bc: BusinessCentralClient, sandbox: Sandbox
) -> None:
    (record,) = bc.read(GROUPS, filter=equals("Code", "RETAIL"))
    sandbox.faults.add(Fault(method="PATCH", lost=True))
    with pytest.raises(EntityChanged):
        bc.update(GROUPS, "RETAIL", record["@odata.etag"], {"Description": "Changed"})
    assert names(sandbox, "RETAIL") == ["Changed"]


def test_a_token_that_ends_before_a_create_costs_nothing(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    assert bc.company_id
    sandbox.directory.revoke()
    bc.create(GROUPS, {"Code": "NEW", "Description": "once"})
    assert names(sandbox, "NEW") == ["once"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"Code": "NEW", "Colour": "red"}, "Colour"),
        ({"Code": "MUCH-TOO-LONG-A-CODE"}, "must be less than or equal to 10"),
    ],
)
def test_a_refusal_says_what_business_central_says(bc: BusinessCentralClient, body: dict[str, str], says: str) -> None:
    with pytest.raises(ServiceError, match=says) as raised:
        bc.create(GROUPS, body)
    assert (raised.value.kind, raised.value.sent) == (ErrorKind.rejected, Sent.refused)
    assert raised.value.request_id
    assert not raised.value.stops_run
