"""One record that is not what its system documents is rejected with its key; the others go on."""

from __future__ import annotations

from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from shop import order, set_up

from include.errors import ErrorKind, ServiceError
from include.sandbox.faults import Fault
from include.sandbox.spoils import Refusal, Spoil

JSON = {"Content-Type": "application/json"}


def spoil(bench: Bench, path: str, name: str, value: Any, *at: str, raw: str | None, system: str = "") -> None:
    """Spoil a field of a record as it is served."""
    bench.sandbox.spoils.append(
        Spoil(system=system or "business_central", path=path, name=name, value=value, at=at, raw=raw)
    )


@pytest.fixture
def three(bench: Bench) -> list[str]:
    """Three items, by their ids."""
    add = bench.sandbox.bc.add
    return [str(add("Item", {"No.": no, "Description": f"Item {no}", "Type": "Inventory"})["systemid"]) for no in "ABC"]


class TestARecordOfAFeed:
    @pytest.mark.parametrize("other", ["A", "NOSUCH"])
    def test_that_says_a_number_that_is_not_its_own_is_rejected_by_its_id_and_read_again(
        self, bench: Bench, three: list[str], other: str
    ) -> None:
        spoil(bench, "/items$", "id", three[1], "number", raw=f'"{other}"')
        report = bench.run("product_to_ipaas")
        assert tally(report) == {"read": 3, "created": 2, "failed": 1}
        assert f"number is '{other}'" in outcome_of(report, f"items id {three[1]}").message
        bench.sandbox.spoils.clear()
        assert tally(bench.run("product_to_ipaas"))["created"] == 1

    def test_that_was_deleted_meanwhile_is_none(self, bench: Bench, three: list[str]) -> None:
        def before(stage: str) -> None:
            if stage == "extract":
                # The feed has it, and the page has it no more.
                bench.sandbox.spoils.append(Vanishing(bench))

        report = bench.run("product_to_ipaas", before=before)
        assert tally(report) == {"read": 2, "created": 2}


class TestARefusal:
    def test_of_one_id_while_others_are_allowed_is_that_record_s(self, bench: Bench, three: list[str]) -> None:
        bench.sandbox.refusals.append(Refusal(system="business_central", word="B", status=403))
        report = bench.run("product_to_ipaas")
        assert (report.counts["created"], report.counts["failed"]) == (2, 1)
        assert "Others of its kind may be read" in outcome_of(report, "B").message
        bench.sandbox.refusals.clear()
        assert tally(bench.run("product_to_ipaas"))["created"] == 1

    def test_of_all_is_the_run_s(self, bench: Bench, three: list[str]) -> None:
        denied = '{"error": {"code": "Internal_Forbidden", "message": "No permission to read the item card."}}'
        bench.sandbox.faults.add(Fault(path="/ItemCard$", status=403, body=denied, times=99, headers=JSON))
        with pytest.raises(ServiceError, match="No permission") as stopped:
            bench.run("product_to_ipaas")
        assert stopped.value.kind is ErrorKind.unauthorized

    @pytest.mark.parametrize("all_of_them", [False, True])
    def test_of_ipaas_com_s_too(self, bench: Bench, all_of_them: bool) -> None:
        one, two = (bench.sandbox.ipaas.add("company", {"name": name})["id"] for name in ("Fabrikam", "Contoso"))
        denied = '{"code": "AUTZ-1002", "message": "Not for you."}'
        path = r"/Customer/Compan(y/.*|ies)$" if all_of_them else rf"/Company/{one}$"
        bench.sandbox.faults.add(Fault(system="ipaas", path=path, status=403, body=denied, times=99, headers=JSON))
        if all_of_them:
            with pytest.raises(ServiceError, match="Not for you"):
                bench.run("company_from_ipaas", str(one), str(two))
            return
        report = bench.run("company_from_ipaas", str(one), str(two))
        assert (report.counts["created"], report.counts["failed"]) == (1, 1)
        assert "Others of its kind may be read" in outcome_of(report, str(one)).message


@pytest.mark.parametrize("end", ["A000", "A100"], ids=["first", "last"])
def test_a_refusal_of_the_end_of_a_range_is_that_record_s(bench: Bench, end: str) -> None:
    """Details of more than a hundred records are read from the first to the last of them."""
    for number in range(101):
        bench.sandbox.bc.add("Item", {"No.": f"A{number:03}", "Description": "Lamp", "Type": "Inventory"})
    bench.sandbox.refusals.append(Refusal(system="business_central", word=end, status=400))
    report = bench.run("product_to_ipaas")
    assert tally(report) == {"read": 101, "created": 100, "failed": 1}
    assert "not to be had" in outcome_of(report, end).message
    bench.sandbox.refusals.clear()
    assert tally(bench.run("product_to_ipaas"))["created"] == 1


@pytest.mark.parametrize("raw", ["1e400", "{}", '""', '"a\\nb"', None])
def test_an_etag_that_is_none_spoils_its_record_alone(bench: Bench, raw: str | None) -> None:
    for no in ("1", "2"):
        bench.sandbox.bc.add_customer(no, f"Contoso {no}", "Company")
    bench.run("company_to_ipaas")
    for record in list(bench.sandbox.ipaas.records["company"].values()):
        bench.sandbox.ipaas.edit("company", record["id"], {"name": f"{record['name']} Ltd"})
    ids = [str(record["id"]) for record in bench.sandbox.ipaas.records["company"].values()]
    spoil(bench, "/CustomerCard$", "No", "1", "@odata.etag", raw=raw)
    report = bench.run("company_from_ipaas", *ids)
    assert (report.counts["updated"], report.counts["failed"]) == (1, 1)
    assert any("@odata.etag" in outcome.message for outcome in report.outcomes)


@pytest.mark.parametrize("raw", ["-1e400", '"x"', "null", None, "{}"])
def test_a_customer_that_says_of_no_kind_that_it_is_of_that_is_rejected_and_read_again(
    bench: Bench, raw: str | None
) -> None:
    for no in ("1", "2"):
        bench.sandbox.bc.add_customer(no, f"Ann {no}", "Person", **{"E-Mail": f"{no}@example.net"})
    spoil(bench, "/customers$", "number", "1", "type", raw=raw)
    report = bench.run("customer_to_ipaas")
    assert tally(report) == {"read": 2, "created": 1, "failed": 1}
    assert "type" in outcome_of(report, "1").message
    bench.sandbox.spoils.clear()
    assert tally(bench.run("customer_to_ipaas"))["created"] == 1


@pytest.mark.parametrize("raw", ["-1e400", '"x"', "null", None])
def test_and_so_is_such_a_contact(bench: Bench, raw: str | None) -> None:
    bench.sandbox.bc.add_customer("10000", "Contoso", "Company")
    for no in ("P1", "P2"):
        bench.sandbox.bc.add_person(no, f"Ann {no}", customer="10000", email=f"{no}@example.net")
    bench.run("company_to_ipaas")
    spoil(bench, "/contacts$", "number", "P1", "type", raw=raw)
    report = bench.run("contact_to_ipaas")
    assert (report.counts["created"], report.counts["failed"]) == (1, 1)
    assert "type" in outcome_of(report, "P1|contact").message


class Vanishing(Spoil):
    """Deletes item B as soon as the feed has been answered."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(system="business_central", path="/items$", name="number", value="B", at=())
        self._bench = bench

    def spoil(self, content: Any, method: str, path: str) -> Any:
        """Delete it, and change nothing of the answer."""
        tenant = self._bench.sandbox.bc
        if (row := tenant.get("Item", "B")) is not None:
            tenant.remove("Item", row)
        return None


@pytest.mark.parametrize("raw", ["1e999999999", '"7"', '"AIRPORT"'])
def test_an_id_that_is_none_is_never_kept(bench: Bench, raw: str) -> None:
    """A record with another id would be taken for one that was renumbered."""
    bench.sandbox.bc.add("Location", {"Code": "BERLIN", "Name": "Berlin"})
    spoil(bench, "/locations$", "code", "BERLIN", "id", raw=raw)
    assert bench.run("location_to_ipaas", "BERLIN").counts["failed"] == 1
    bench.sandbox.spoils.clear()
    assert bench.run("location_to_ipaas", "BERLIN").counts["created"] == 1


@pytest.mark.parametrize("raw", ["1e999999999", "NaN", "9" * 500])
def test_a_created_record_is_never_linked_to_a_number_that_nobody_can_count_to(bench: Bench, raw: str) -> None:
    bench.sandbox.bc.add("Location", {"Code": "BERLIN", "Name": "Berlin"})
    spoil(bench, "/Location$", "name", "BERLIN", "id", raw=raw, system="ipaas")
    bench.run("location_to_ipaas", "BERLIN")
    bench.sandbox.spoils.clear()
    report = bench.run("location_to_ipaas", "BERLIN")
    assert (tally(report).get("failed", 0), tally(report).get("created", 0)) == (0, 0)
    assert bench.linked("location", "BERLIN")["name"] == "BERLIN"
    bench.sandbox.bc.change("Location", "BERLIN", Name="Berlin Mitte")
    assert tally(bench.run("location_to_ipaas", "BERLIN")) == {"read": 1, "updated": 1}


def test_what_refers_to_a_code_of_a_length_that_nobody_has_waits(bench: Bench) -> None:
    for no in ("1", "2"):
        bench.sandbox.bc.add_customer(no, f"Contoso {no}", "Company", **{"Customer Price Group": "RETAIL"})
    bench.settings["bc_transfer_customer_price_groups"] = "TRUE"
    spoil(bench, "/CustomerCard$", "No", "1", "Customer_Price_Group", raw=f'"{"long " * 2_000}"')
    report = bench.run("company_to_ipaas")
    assert (report.counts["created"], report.counts["waiting"]) == (1, 1)
    message = outcome_of(report, "1").message
    assert "cannot be read" in message and len(message) < 500


def test_what_needs_a_record_that_cannot_be_read_says_so(bench: Bench) -> None:
    bench.sandbox.bc.add("Item Category", {"Code": "TOP", "Description": "Top"})
    bench.sandbox.bc.add("Item Category", {"Code": "BELOW", "Description": "Below", "Parent Category": "TOP"})
    spoil(bench, "/itemCategories$", "code", "TOP", "id", raw="[]")
    report = bench.run("product_category_to_ipaas")
    assert (report.counts["failed"], report.counts["waiting"]) == (1, 1)
    assert "which cannot be transferred: The product category cannot be read" in outcome_of(report, "BELOW").message
    bench.sandbox.spoils.clear()
    for _ in range(2):
        assert bench.run("product_category_to_ipaas").counts["created"] == 1


def test_an_e_mail_address_that_is_a_number_spoils_its_contact_alone(bench: Bench) -> None:
    bench.sandbox.bc.add_customer("10000", "Contoso", "Company")
    for no in ("P1", "P2"):
        bench.sandbox.bc.add_person(no, f"Ann {no}", customer="10000", email=f"{no}@example.net")
    bench.run("company_to_ipaas")
    spoil(bench, "/contacts$", "number", "P1", "email", raw="1.5")
    report = bench.run("contact_to_ipaas")
    assert report.counts["created"] == 1
    assert "no text" in outcome_of(report, "P1|contact").message


@pytest.mark.parametrize("raw", ['"x"', "{}"])
def test_a_customer_that_is_no_record_holds_up_only_the_people_that_may_be_its(bench: Bench, raw: str) -> None:
    """Companies of other names than their contacts are looked for among all customers."""
    for no, company in (("P1", "30000"), ("P2", "30001")):
        bench.sandbox.bc.add_customer(company, f"Company {company}", "Company")
        bench.sandbox.bc.change("Contact", f"CT{company}", Name=f"Another name of {company}")
        person = {"No.": no, "Type": "Person", "Name": f"Ann {no}", "E-Mail": f"{no}@example.net"}
        bench.sandbox.bc.add("Contact", {**person, "Company No.": f"CT{company}"})
    bench.run("company_to_ipaas")
    spoil(bench, "/customers$", "number", "30000", raw=raw)
    report = bench.run("contact_to_ipaas")
    assert (report.counts["created"], report.counts["failed"]) == (1, 1)
    assert "cannot be read" in outcome_of(report, "P1|contact").message
    bench.sandbox.spoils.clear()
    assert bench.run("contact_to_ipaas", "P1|contact").counts["created"] == 1


class TestStock:
    @pytest.fixture
    def stocked(self, bench: Bench, three: list[str]) -> Bench:
        """Three items with stock at two locations."""
        bench.run("product_to_ipaas")
        for no in "ABC":
            for location in ("MAIN", "EAST"):
                bench.sandbox.bc.move_stock(no, location, 2)
        return bench

    @pytest.mark.parametrize("raw", ["{}", "7", None])
    def test_a_row_that_does_not_say_where_it_is_is_rejected(
        self, stocked: Bench, three: list[str], raw: str | None
    ) -> None:
        spoil(stocked, "/Itemsbylocation$", "No", "B", "Location_Code", raw=raw)
        ids = [f"{place}|{guid}" for place in ("MAIN", "EAST") for guid in three]
        report = stocked.run("product_inventory_to_ipaas", *ids)
        assert tally(report) == {"read": 6, "created": 4, "failed": 2}
        assert "does not say" in outcome_of(report, f"MAIN|{three[1]}").message

    @pytest.mark.parametrize(
        ("at", "raw"),
        [((), '"x"'), (("id",), None), (("id",), '[{"a": 1}]'), (("number",), "{}"), (("number",), '""')],
    )
    def test_an_item_that_cannot_be_read_spoils_its_rows_alone(
        self, stocked: Bench, three: list[str], at: tuple[str, ...], raw: str | None
    ) -> None:
        spoil(stocked, "/items$", "id", three[1], *at, raw=raw)
        report = stocked.run("product_inventory_to_ipaas", *(f"MAIN|{guid}" for guid in three))
        assert tally(report) == {"read": 3, "created": 2, "failed": 1}
        assert "cannot be read" in outcome_of(report, f"MAIN|{three[1]}").message

    @pytest.mark.parametrize(("at", "raw"), [("id", "{}"), ("id", None), ("number", '"A"')])
    def test_rows_without_stock_of_an_item_that_cannot_be_read_are_said_all_the_same(
        self, stocked: Bench, three: list[str], at: str, raw: str | None
    ) -> None:
        spoil(stocked, "/items$", "id", three[1], at, raw=raw)
        spoil(stocked, "/Itemsbylocation$", "No", "B", "Remaining_Quantity", raw="0")
        report = stocked.run("product_inventory_to_ipaas")
        assert tally(report) == {"read": 6, "created": 4, "failed": 2}
        assert {o.key for o in report.outcomes if o.result.value == "failed"} == {"MAIN|B", "EAST|B"}

    @pytest.mark.parametrize("status", [400, 403, 404, 410, 422])
    def test_an_item_that_the_service_does_not_look_up_spoils_its_rows_alone(
        self, stocked: Bench, three: list[str], status: int
    ) -> None:
        stocked.sandbox.refusals.append(Refusal(system="business_central", word=three[1], status=status))
        stocked.sandbox.refusals.append(Refusal(system="business_central", word="B", status=status))
        ids = [f"{place}|{guid}" for place in ("MAIN", "EAST") for guid in three]
        asked = stocked.run("product_inventory_to_ipaas", *ids, mode="plan")
        assert (asked.counts["created"], asked.counts["failed"]) == (4, 2)
        report = stocked.run("product_inventory_to_ipaas")
        assert report.counts["created"] == 4
        assert {o.kind for o in report.outcomes if o.result.value == "failed"} == {ErrorKind.rejected}


@pytest.mark.parametrize("word", ['"NaN"', "NaN", '"1.5"'])
def test_a_link_to_what_is_no_id_is_not_remembered(bench: Bench, three: list[str], word: str) -> None:
    bench.sandbox.faults.add(Fault(path="/External/Lookup", status=200, body=word, times=9, headers=JSON))
    assert bench.run("product_to_ipaas", "A").counts["created"] == 0
    bench.sandbox.faults.clear()
    assert tally(bench.run("product_to_ipaas", "A")) == {"read": 1, "created": 1}


def test_an_order_line_without_its_number_spoils_its_order_alone(bench: Bench) -> None:
    set_up(bench)
    order(bench)
    odd = order(bench)
    spoil(bench, "/SalesOrderLines$", "Document_No", odd, "Line_No", raw=None)
    report = bench.run("sales_order_to_ipaas")
    assert (report.counts["created"], report.counts["failed"]) == (1, 1)
    assert outcome_of(report, odd).message == "The sales order cannot be read: Line_No is missing."


@pytest.mark.parametrize(("asked", "at"), [("B", "id"), ("id", "number")])
def test_one_that_was_asked_for_is_rejected_by_that(bench: Bench, three: list[str], asked: str, at: str) -> None:
    """Nobody is told that it is not there."""
    key = three[1] if asked == "id" else asked
    spoil(bench, "/items$", "id", three[1], at, raw="0")
    report = bench.run("product_to_ipaas", key, three[0])
    assert tally(report) == {"read": 2, "created": 1, "failed": 1}
    assert f"{at} is '0'" in outcome_of(report, key).message


class TestARecordOfAListThatIsSearched:
    @pytest.fixture
    def methods(self, bench: Bench) -> tuple[Any, Any]:
        """Two payment methods, whose list has no search: by their ids."""
        set_up(bench)
        add = bench.sandbox.ipaas.add
        one, two = (add("payment method", {"name": name}) for name in ("CASH", "30 DAYS"))
        return one["id"], two["id"]

    @pytest.mark.parametrize(("spoilt", "created"), [(0, 1), (1, 0)], ids=["another", "the one that is looked for"])
    def test_without_an_id_spoils_only_what_looks_for_it(
        self, bench: Bench, methods: tuple[Any, Any], spoilt: int, created: int
    ) -> None:
        number = order(bench)
        spoil(bench, "/PaymentMethods$", "id", methods[spoilt], "id", raw="1e-400", system="ipaas")
        report = bench.run("sales_order_to_ipaas", number)
        assert (report.counts["created"], report.counts["failed"]) == (created, 1 - created)

    def test_without_an_id_is_not_made_again(self, bench: Bench) -> None:
        """Many records look at the whole list instead of asking for each."""
        for number in range(12):
            bench.sandbox.bc.add_customer(f"{number}", f"Contoso {number}", "Company")
        present = bench.sandbox.ipaas.add("company", {"name": "Contoso 7"})
        spoil(bench, "/Companies$", "id", present["id"], "id", raw="null", system="ipaas")
        report = bench.run("company_to_ipaas")
        assert (report.counts["created"], report.counts["failed"]) == (11, 1)
        assert "was looked for" in outcome_of(report, "7").message
        bench.sandbox.spoils.clear()
        assert bench.run("company_to_ipaas", "7").counts["updated"] == 1
        names = [record["name"] for record in bench.sandbox.ipaas.records["company"].values()]
        assert len(names) == len(set(names)) == 12
