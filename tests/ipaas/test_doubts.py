"""What is doubtful of iPaaS.com: the client does right on either side of each doubt, with and without its documents."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from include.errors import RecordExists, ServiceError
from include.ipaas import endpoints
from include.ipaas.client import IPaaSClient
from include.ipaas.endpoints import ENDPOINTS, INVENTORY, PRODUCT, TRANSACTION
from include.ipaas.external_ids import MissingUnreadable
from include.sandbox import Sandbox
from include.sandbox.faults import Fault
from include.settings import IPAAS_RECORDS

CHAIR = {"sku": "A-1", "name": "Chair", "type": "Physical", "status": "Active", "tracking_method": "Product"}
JSON = {"Content-Type": "application/json"}
Json = dict[str, Any]
Connect = Callable[..., IPaaSClient]


def calls(sandbox: Sandbox, method: str, path: str) -> int:
    return sum(1 for _, m, p in sandbox.counters.paths if m == method and path in p)


def link(external_id: str) -> Json:
    return {"external_ids": [{"system_id": Sandbox.SYSTEM_ID, "external_id": external_id}]}


@pytest.fixture
def place(ipaas: IPaaSClient) -> Any:
    return ipaas.create(endpoints.LOCATION, {"name": "MAIN"})["id"]


@pytest.fixture
def chair(ipaas: IPaaSClient) -> Json:
    return ipaas.create(PRODUCT, {**CHAIR, "default_price": Decimal(10)})


@pytest.fixture(params=[True, False], ids=["documents", "no documents"])
def openapi(sandbox: Sandbox, request: pytest.FixtureRequest) -> None:
    sandbox.switches.openapi = request.param


def test_paths_can_be_named_for_every_record_there_is() -> None:
    assert set(IPAAS_RECORDS) == set(ENDPOINTS)


@pytest.mark.usefixtures("openapi")
class TestAChangeThatNeedsWhatANewRecordNeeds:
    @pytest.fixture(autouse=True)
    def switch(self, sandbox: Sandbox, chair: Json) -> None:
        sandbox.switches.put_required = True

    def test_it_is_sent_as_it_stands(self, ipaas: IPaaSClient, chair: Json) -> None:
        saved = ipaas.update(PRODUCT, chair["id"], {"name": "Stool"})
        assert (saved["name"], saved["sku"], saved["default_price"]) == ("Stool", "A-1", 10)

    def test_it_is_found_out_once(self, ipaas: IPaaSClient, sandbox: Sandbox, chair: Json) -> None:
        for name in ("Stool", "Table", "Desk"):
            ipaas.update(PRODUCT, chair["id"], {"name": name})
        assert calls(sandbox, "PUT", "/Product/") <= 4
        assert calls(sandbox, "GET", "swagger") == 1

    def test_of_nested_records_too(self, ipaas: IPaaSClient, sandbox: Sandbox, chair: Json, place: Any) -> None:
        row = {"location_id": place, "qty_on_hand": 1, **link("MAIN|1")}
        ipaas.update(PRODUCT, chair["id"], {"inventory": [row]})
        saved = ipaas.update(PRODUCT, chair["id"], {"inventory": [{"qty_on_hand": 7, **link("MAIN|1")}]})
        assert [(i["location_id"], i["qty_on_hand"]) for i in saved["inventory"]] == [(place, 7)]


def test_what_is_refused_in_every_way_is_the_records_own_fault(ipaas: IPaaSClient, chair: Json) -> None:
    with pytest.raises(ServiceError, match="status 'Gone' is not valid"):
        ipaas.update(PRODUCT, chair["id"], {"status": "Gone"})


class TestNestedRecordsKnownByTheirIdsAlone:
    @pytest.fixture(autouse=True)
    def switch(self, sandbox: Sandbox, chair: Json) -> None:
        sandbox.switches.child_identity = "id"

    @pytest.mark.parametrize("taken", ["same", "refused"])
    def test_they_are_changed_in_place(
        self, ipaas: IPaaSClient, sandbox: Sandbox, chair: Json, place: Any, taken: str
    ) -> None:
        sandbox.switches.taken_child_id = taken
        for quantity in (1, 2):
            row = {"location_id": place, "qty_on_hand": quantity, **link("MAIN|1")}
            saved = ipaas.update(PRODUCT, chair["id"], {"inventory": [row]})
        assert [row["qty_on_hand"] for row in saved["inventory"]] == [2]

    def test_an_answer_that_was_lost_adds_no_second_one(
        self, ipaas: IPaaSClient, sandbox: Sandbox, chair: Json, place: Any
    ) -> None:
        sandbox.faults.add(Fault(system="ipaas", method="PUT", lost=True))
        row = {"location_id": place, "qty_on_hand": 1, **link("MAIN|1")}
        saved = ipaas.update(PRODUCT, chair["id"], {"inventory": [row]})
        assert len(saved["inventory"]) == 1


@pytest.mark.parametrize("custom_field_list", ["merges", "replaces"])
def test_custom_fields_of_others_stay(
    ipaas: IPaaSClient, sandbox: Sandbox, chair: Json, custom_field_list: str
) -> None:
    sandbox.switches.custom_field_list = custom_field_list
    sandbox.ipaas.define("product", "Ours", "Theirs")
    sandbox.ipaas.edit("product", chair["id"], {"custom_fields": [{"custom_field_name": "Theirs", "value": "x"}]})
    saved = ipaas.update(PRODUCT, chair["id"], {"custom_fields": [{"custom_field_name": "Ours", "value": "y"}]})
    assert {f["custom_field_name"]: f["value"] for f in saved["custom_fields"]} == {"Ours": "y", "Theirs": "x"}


@pytest.mark.usefixtures("openapi")
@pytest.mark.parametrize("category_set", ["whole", "adds"])
def test_categories_are_those_that_are_sent(ipaas: IPaaSClient, sandbox: Sandbox, category_set: str) -> None:
    sandbox.switches.category_set = category_set
    seats, desks = (ipaas.create(endpoints.PRODUCT_CATEGORY, {"name": name})["id"] for name in ("SEATS", "DESKS"))
    body = {**CHAIR, "default_price": 1, "categories": [{"category_id": seats}]}
    made = ipaas.create(PRODUCT, body)
    assert [item["category_id"] for item in made["categories"]] == [seats]
    ipaas.update(PRODUCT, made["id"], {"categories": [{"category_id": desks}]})
    assert [item["category_id"] for item in (ipaas.get(PRODUCT, made["id"]) or {})["categories"]] == [desks]


@pytest.mark.usefixtures("openapi")
@pytest.mark.parametrize("inventory_path", ["product", "catalog"])
def test_stock_is_written_where_it_is(
    ipaas: IPaaSClient, sandbox: Sandbox, chair: Json, place: Any, inventory_path: str
) -> None:
    sandbox.switches.inventory_path = inventory_path
    made = ipaas.create(INVENTORY, {"parent_id": chair["id"], "location_id": place, "qty_on_hand": 1, **link("MAIN|1")})
    ipaas.update(INVENTORY, made["id"], {"qty_on_hand": 2})
    assert (ipaas.get(INVENTORY, made["id"]) or {})["qty_on_hand"] == 2
    assert ipaas.get(INVENTORY, 999_999) is None


@pytest.mark.usefixtures("openapi")
@pytest.mark.parametrize("takes", [True, False])
def test_a_currency_is_sent_where_it_is_taken(ipaas: IPaaSClient, sandbox: Sandbox, takes: bool) -> None:
    sandbox.switches.transaction_currency = takes
    buyer = ipaas.create(endpoints.CUSTOMER, {"email_address": "a@example.com", "first_name": "A"})["id"]
    base = {"system_id": Sandbox.SYSTEM_ID, "type": "Order", "status": "Pending", "total": 1, "customer_id": buyer}
    for number in ("S-1", "S-2"):
        body = {**base, "transaction_number": number, "currency_code": "EUR"}
        assert ("currency_code" in ipaas.create(TRANSACTION, ipaas.taken(TRANSACTION, body))) == takes
    assert bool(ipaas.not_taken(TRANSACTION, body)) != takes
    assert calls(sandbox, "POST", "v2/Transaction") <= 3


class TestACurrencyThatIsNotTaken:
    """Nothing of it is learnt for others."""

    @pytest.fixture
    def sell(self, ipaas: IPaaSClient, sandbox: Sandbox) -> Callable[[str], Any]:
        """Makes a transaction in a currency; answers the one that it has then."""
        sandbox.switches.openapi = False
        sandbox.switches.transaction_currencies = ["EUR", "USD"]
        buyer = ipaas.create(endpoints.CUSTOMER, {"email_address": "a@example.com", "first_name": "A"})["id"]
        body = {"system_id": Sandbox.SYSTEM_ID, "type": "Order", "status": "Pending", "total": 1, "customer_id": buyer}
        numbers = iter(range(100))

        def sells(code: str) -> Any:
            made = {**body, "transaction_number": f"S-{next(numbers)}", "currency_code": code}
            return ipaas.create(TRANSACTION, ipaas.taken(TRANSACTION, made)).get("currency_code")

        return sells

    def test_after_another_one_it_is_its_record_s_fault(self, sell: Callable[[str], Any]) -> None:
        assert sell("EUR") == "EUR"
        with pytest.raises(ServiceError, match="currency is not valid"):
            sell("EURO")
        assert [sell("USD"), sell("EUR")] == ["USD", "EUR"]

    def test_before_any_other_it_alone_goes_without(
        self, ipaas: IPaaSClient, sandbox: Sandbox, sell: Callable[[str], Any]
    ) -> None:
        for _ in range(2):
            assert sell("EURO") is None
            assert "in EURO" in ipaas.not_taken(TRANSACTION, {"currency_code": "EURO"})[0]
        assert calls(sandbox, "POST", "v2/Transaction") == 3, "the second one does not ask"
        assert sell("EUR") == "EUR"
        with pytest.raises(ServiceError, match="currency is not valid"):
            sell("EURO")

    def test_one_that_the_refusal_names_is_its_record_s_fault(
        self, sandbox: Sandbox, sell: Callable[[str], Any]
    ) -> None:
        body = '{"code": "VALD-1025", "message": "currency_code: EURO is not a currency."}'
        sandbox.faults.add(Fault(path="/Transaction$", method="POST", status=400, body=body, headers=JSON))
        with pytest.raises(ServiceError, match="EURO is not a currency"):
            sell("EURO")
        assert calls(sandbox, "POST", "v2/Transaction") == 1

    def test_what_is_refused_either_way_is_for_something_else(
        self, sandbox: Sandbox, sell: Callable[[str], Any]
    ) -> None:
        body = '{"code": "VALD-1025", "message": "The total is not valid."}'
        sandbox.faults.add(Fault(path="/Transaction$", method="POST", status=400, body=body, headers=JSON, times=2))
        with pytest.raises(ServiceError, match="total is not valid"):
            sell("EUR")
        assert sell("EUR") == "EUR"

    def test_where_the_document_has_the_field_it_is_its_record_s_fault(
        self, sandbox: Sandbox, sell: Callable[[str], Any]
    ) -> None:
        sandbox.switches.openapi = True
        with pytest.raises(ServiceError, match="currency is not valid"):
            sell("EURO")


class TestListsOfSummaries:
    @pytest.fixture(autouse=True)
    def switch(self, sandbox: Sandbox, chair: Json) -> None:
        sandbox.switches.list_rows = "summary"

    def test_a_search_answers_whole_records(self, ipaas: IPaaSClient, chair: Json) -> None:
        ipaas.link(PRODUCT.table, chair["id"], "A-1")
        [found] = ipaas.search(PRODUCT, "A-1")
        assert found["external_ids"][0]["external_id"] == "A-1"

    def test_a_list_says_that_it_is_not_whole(self, ipaas: IPaaSClient, chair: Json) -> None:
        assert [page.whole for page in ipaas.pages(PRODUCT)] == [False]
        assert [page.whole for page in ipaas.pages(INVENTORY)] == [False]


class TestRecordsWithoutAnExternalId:
    @pytest.mark.parametrize("shape", ["array", "pages"])
    def test_all_of_them_are_listed(self, ipaas: IPaaSClient, sandbox: Sandbox, shape: str) -> None:
        sandbox.switches.missing, sandbox.switches.ipaas_page_size = shape, 7
        made = {ipaas.create(endpoints.LOCATION, {"name": f"L{n}"})["id"] for n in range(20)}
        assert set(ipaas.missing(endpoints.LOCATION.table)) == made

    @pytest.mark.parametrize("shape", ["object", "empty", "absent"])
    def test_what_is_no_list_of_ids_is_said_in_words(self, ipaas: IPaaSClient, sandbox: Sandbox, shape: str) -> None:
        sandbox.switches.missing = shape
        with pytest.raises(MissingUnreadable, match=r"answered where ids were expected|no such list"):
            list(ipaas.missing(endpoints.LOCATION.table))

    def test_nothing_answered_is_an_outage(self, ipaas: IPaaSClient, sandbox: Sandbox) -> None:
        sandbox.faults.add(Fault(system="ipaas", path="Missing", status=200, times=10))
        with pytest.raises(ServiceError) as outage:
            list(ipaas.missing(endpoints.LOCATION.table))
        assert outage.value.kind == "unavailable"


@pytest.mark.parametrize("taken", ["refused", "moved"])
def test_an_external_id_is_never_taken_from_another_record(ipaas: IPaaSClient, sandbox: Sandbox, taken: str) -> None:
    sandbox.switches.taken_external_id = taken
    one, two = (ipaas.create(endpoints.LOCATION, {"name": name})["id"] for name in ("A", "B"))
    ipaas.link(endpoints.LOCATION.table, one, "MAIN")
    with pytest.raises(RecordExists):
        ipaas.link(endpoints.LOCATION.table, two, "MAIN")
    assert ipaas.internal_id(endpoints.LOCATION.table, "MAIN") == one


class TestTheDocuments:
    def test_they_agree_with_what_is_used(self, ipaas: IPaaSClient, sandbox: Sandbox) -> None:
        assert ipaas.differences() == []
        assert "Its documents agree" in ipaas.check()[1]
        assert calls(sandbox, "GET", "swagger") == 3, "asked for once"

    def test_they_are_read_without_a_token(self, ipaas: IPaaSClient, sandbox: Sandbox) -> None:
        ipaas.probe("customers")
        assert calls(sandbox, "POST", "Login") == 0

    @pytest.mark.parametrize(
        ("switch", "value", "learned"),
        [
            ("put_required", True, ("put_required", True)),
            ("list_rows", "summary", ("list_rows", "summary")),
            ("category_set", "adds", ("category_set", "adds")),
            ("inventory_path", "catalog", ("inventory_below", True)),
            ("transaction_currency", False, ("transaction_currency", False)),
        ],
    )
    def test_they_settle_the_doubts(
        self, ipaas: IPaaSClient, sandbox: Sandbox, switch: str, value: Any, learned: tuple[str, Any]
    ) -> None:
        setattr(sandbox.switches, switch, value)
        assert ipaas.differences() == []
        doubt, wanted = learned
        assert ipaas.dialect.known(doubt, PRODUCT) == wanted

    def test_where_there_are_none_the_check_says_so(self, ipaas: IPaaSClient, sandbox: Sandbox) -> None:
        sandbox.switches.openapi = False
        works, said = ipaas.check()
        assert works
        assert "serves no documents" in said

    def test_what_differs_is_said_in_words(
        self, ipaas: IPaaSClient, monkeypatch: pytest.MonkeyPatch, changed: Callable[[str, Json], None]
    ) -> None:
        changed("customers", {"without": "/v2/Customer/Company/{id}"})
        assert ipaas.differences() == [
            "customers: GET v2/Customer/Company/{id}, by which company is reached (read), is not there. If it is elsewhere, "
            "say where in the Variable ipaas_paths.",
            "customers: PUT v2/Customer/Company/{id}, by which company is reached (update), is not there. If it is elsewhere, "
            "say where in the Variable ipaas_paths.",
        ]

    @pytest.fixture
    def changed(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Json], None]:
        from include.sandbox.ipaas import openapi, routes

        def change(family: str, how: Json) -> None:
            def document(asked: str, switches: Any) -> Json:
                found = openapi.document(asked, switches)
                if asked == family:
                    del found["paths"][how["without"]]
                return found

            monkeypatch.setattr(routes, "document", document)

        return change


def test_paths_of_ones_own_are_used(connect: Connect, sandbox: Sandbox) -> None:
    paths = {"location": {"create": "v3/Place", "search": "v3/Places", "read": "v3/Place/{id}"}}
    ipaas = connect(own_paths=paths)
    with pytest.raises(ServiceError, match="There is no POST v3/Place"):
        ipaas.create(endpoints.LOCATION, {"name": "MAIN"})
    assert ipaas.search(endpoints.LOCATION, "MAIN") == []
    assert calls(sandbox, "GET", "products/v3/Places") == 1
