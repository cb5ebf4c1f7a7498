"""A run that would change more than it may do unasked: a person sees what it would write, and then exactly that is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from bench import DEFAULTS, SMALL, Bench, outcome_of, tally
from webshop import Shop

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sync.approval.asking import ApprovalQuestion
from include.sync.approval.decision import ApprovalDecision
from include.sync.ledger.entries import State
from include.sync.staging import chunks

FLOW = "product_to_ipaas"


class Person:
    """Somebody who is asked, and what happens meanwhile."""

    def __init__(self, *, approves: bool, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.approves, self.meanwhile = approves, meanwhile
        self.asked: list[ApprovalQuestion] = []

    def __call__(self, question: ApprovalQuestion) -> ApprovalDecision:
        self.asked.append(question)
        self.meanwhile()
        return ApprovalDecision(approved=self.approves, by="anna", at="2026-11-28T10:00:00.000000Z")


def items(bench: Bench, *numbers: str, price: int = 10) -> None:
    for number in numbers:
        bench.sandbox.bc.add("Item", {"No.": number, "Description": f"Item {number}", "Unit Price": price})


def price_in_ipaas(bench: Bench, number: str) -> Decimal:
    return Decimal(str(bench.linked("product", number)["default_price"]))


@pytest.fixture
def shop(make_bench: Callable[..., Bench]) -> Bench:
    """Three products on both sides, of which two records may be changed unasked."""
    bench = make_bench(sync_approve_above={"records": 2})
    items(bench, "A", "B", "C")
    assert bench.run(FLOW, ask=Person(approves=True)).counts["created"] == 3
    return bench


def change_all(bench: Bench, price: int = 20) -> None:
    for number in "ABC":
        bench.sandbox.bc.change("Item", number, **{"Unit Price": price})


class TestARunThatIsAsked:
    def test_up_to_the_limit_nobody_is(self, shop: Bench) -> None:
        for number in "AB":
            shop.sandbox.bc.change("Item", number, **{"Unit Price": 20})
        assert shop.run(FLOW).counts["updated"] == 2

    def test_beyond_it_nothing_is_written_before_the_answer(self, shop: Bench) -> None:
        change_all(shop)
        shop.sandbox.counters.reset()
        written: list[int] = []
        person = Person(approves=True, meanwhile=lambda: written.append(shop.writes()))
        report = shop.run(FLOW, ask=person)
        (question,) = person.asked
        assert (question.records, question.counts["updated"], written) == (3, 3, [0])
        assert [change.before for line in question.lines for change in line.changes] == [Decimal(10)] * 3
        assert (report.counts["updated"], shop.writes()) == (3, 3)
        assert price_in_ipaas(shop, "B") == 20
        assert "approved by anna on 2026-11-28 at 10:00 UTC" in report.warnings[0]

    def test_more_chunks_than_one_are_one_question(self, shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chunks, "CHUNK", 1)
        monkeypatch.setattr(chunks, "FEWEST", 1)
        change_all(shop)
        person, stages = Person(approves=True), list[str]()
        assert shop.run(FLOW, ask=person, before=stages.append).counts["updated"] == 3
        assert stages.count("load") == 3
        assert [question.records for question in person.asked] == [3]

    def test_ids_by_hand_are_asked_for_too(self, shop: Bench) -> None:
        change_all(shop)
        assert shop.run(FLOW, "A", "B", "C").counts["failed"] == 3

    def test_a_plan_never_asks(self, shop: Bench) -> None:
        change_all(shop)
        assert shop.run(FLOW, mode="plan").counts["updated"] == 3


class TestWhatHasChangedMeanwhile:
    def test_in_the_target_is_left_for_the_next_run(self, shop: Bench) -> None:
        change_all(shop)
        product = shop.linked("product", "B")["id"]
        meanwhile = lambda: shop.sandbox.ipaas.edit("product", product, {"default_price": 99})  # noqa: E731
        report = shop.run(FLOW, ask=Person(approves=True, meanwhile=meanwhile))
        assert tally(report) == {"read": 3, "updated": 2, "waiting": 1}
        assert "something else would be written than what was shown" in outcome_of(report, "B").message
        assert price_in_ipaas(shop, "B") == 99
        assert tally(shop.run(FLOW))["updated"] == 1
        assert price_in_ipaas(shop, "B") == 20

    def test_in_the_source_what_was_shown_is_written_and_the_next_run_takes_the_rest(self, shop: Bench) -> None:
        change_all(shop)
        meanwhile = lambda: shop.sandbox.bc.change("Item", "B", **{"Unit Price": 30})  # noqa: E731
        assert tally(shop.run(FLOW, ask=Person(approves=True, meanwhile=meanwhile)))["updated"] == 3
        assert price_in_ipaas(shop, "B") == 20
        shop.run(FLOW)
        assert price_in_ipaas(shop, "B") == 30

    def test_what_somebody_has_made_is_not_made_again(self, shop: Bench) -> None:
        items(shop, "D", "E", "F")
        product = {**shop.linked("product", "A"), "sku": "E", "name": "Mine"}
        product = {name: value for name, value in product.items() if name not in ("id", "external_ids")}
        meanwhile = lambda: shop.sandbox.ipaas.add("product", product)  # noqa: E731
        report = shop.run(FLOW, ask=Person(approves=True, meanwhile=lambda: meanwhile() and None))
        assert tally(report) == {"read": 6, "unchanged": 3, "created": 2, "waiting": 1}
        assert shop.linked("product", "E") is None
        shop.run(FLOW)
        assert shop.linked("product", "E")["name"] == "Item E"

    def test_what_a_clerk_has_entered_is_left_to_the_next_run_though_another_record_has_its_number(
        self, make_bench: Callable[..., Bench]
    ) -> None:
        """Of two transactions of one number, the second waits for the first, and is looked for anew."""
        web = Shop(make_bench(sync_approve_above={"records": 1}))
        for no in ("P1", "P2"):
            web.customer(no)
        for no in ("1000", "1001"):
            web.item(no)
        first, record = web.order(), web.order(customer_id=web.bench.linked("customer", "P2")["id"])
        sales, entered = web.bench.sandbox.sales, list[str]()

        def enter() -> None:
            lines = [{"Type": "Item", "No.": "1001", "Quantity": 7, "Unit Price": 3}]
            entered.append(sales.add_order(customer="P2", lines=lines, **{"External Document No.": "WEB-1"})["No."])

        report = web.bench.run("sales_order_from_ipaas", ask=Person(approves=True, meanwhile=enter))
        assert tally(report) == {"read": 2, "created": 1, "waiting": 1}
        assert "something else would be written" in outcome_of(report, str(record["id"])).message
        assert web.link_of(first) not in (None, entered[0])
        assert [(line["No."], line["Quantity"]) for line in sales.lines(entered[0])] == [("1001", 7)]


class TestARefusal:
    def test_writes_nothing_and_loses_nothing(self, shop: Bench) -> None:
        change_all(shop)
        before = shop.ledger.position(FLOW)
        shop.sandbox.counters.reset()
        report = shop.run(FLOW, ask=Person(approves=False))
        assert shop.writes() == 0
        assert report.warnings[0].startswith("Nothing was written: the run was refused by anna on 2026-11-28")
        assert (report.counts["failed"], report.failed) == (3, True)
        line = outcome_of(report, "B")
        assert line.message.startswith(f"Product {line.key} would have been updated, which was refused by anna")
        assert line.fields == ("default_price",)
        assert shop.ledger.position(FLOW) > before
        known = shop.ledger.transfers(FLOW, "ABC")
        assert {(one.state, one.next_try) for one in known.values()} == {(State.failed, None)}

    def test_is_not_asked_for_again_until_it_changes(self, shop: Bench) -> None:
        change_all(shop)
        shop.run(FLOW, ask=Person(approves=False))
        again = Person(approves=True)
        shop.run(FLOW, ask=again)
        assert not again.asked
        shop.sandbox.bc.change("Item", "B", **{"Unit Price": 21})
        assert shop.run(FLOW, ask=again).counts["updated"] == 1
        assert (price_in_ipaas(shop, "A"), price_in_ipaas(shop, "B")) == (10, 21)

    def test_a_retry_asks_again(self, shop: Bench) -> None:
        change_all(shop)
        shop.run(FLOW, ask=Person(approves=False))
        shop.ledger.retry_now(FLOW, ["A", "B", "C"])
        again = Person(approves=True)
        assert shop.run(FLOW, ask=again).counts["updated"] == 3
        assert len(again.asked) == 1

    def test_what_the_run_could_not_do_anyway_says_so(self, shop: Bench) -> None:
        change_all(shop)
        shop.sandbox.bc.add("Item", {"No.": "D", "Description": ""})
        shop.sandbox.bc.add("Item", {"No.": "E", "Description": "E", "Item Category Code": "NEW"})
        report = shop.run(FLOW, ask=Person(approves=False))
        assert "has no description" in outcome_of(report, "D").message

    def test_nobody_who_answers_is_a_refusal(self, shop: Bench) -> None:
        change_all(shop)
        assert "approved by nobody in time" in shop.run(FLOW).warnings[0]


class TestPrices:
    @pytest.fixture
    def shop(self, make_bench: Callable[..., Bench]) -> Bench:
        bench = make_bench(sync_approve_above={"price_change_percent": 10})
        items(bench, "A", "B", "C")
        assert bench.run(FLOW).counts["created"] == 3, "a new price is none that changes"
        return bench

    def test_a_small_change_asks_nobody(self, shop: Bench) -> None:
        change_all(shop, price=11)
        assert shop.run(FLOW).counts["updated"] == 3

    def test_a_large_one_does(self, shop: Bench) -> None:
        change_all(shop, price=11)
        shop.sandbox.bc.change("Item", "B", **{"Unit Price": 1})
        person = Person(approves=True)
        shop.run(FLOW, ask=person)
        (question,) = person.asked
        assert (question.prices, question.why) == (
            1,
            "3 records would be written, and 1 price changed by more than 10 %.",
        )
        assert [(jump.key, jump.before, jump.after) for jump in question.jumps] == [("B", "10", "1")]

    @pytest.mark.parametrize("price", [0, 1000])
    def test_so_does_one_to_or_from_nothing(self, shop: Bench, price: int) -> None:
        shop.settings.clear()
        change_all(shop, price=0)
        shop.run(FLOW)
        shop.settings["sync_approve_above"] = {"price_change_percent": 10_000}
        change_all(shop, price=7)
        person = Person(approves=True)
        shop.run(FLOW, ask=person)
        assert person.asked[0].prices == 3

    def test_a_flow_without_prices_never_asks(self, shop: Bench) -> None:
        shop.sandbox.bc.add("Customer Price Group", {"Code": "GOLD", "Description": "Gold"})
        assert shop.run("customer_category_to_ipaas").counts["created"]

    def test_the_way_back_is_asked_for_too(self, shop: Bench) -> None:
        product = shop.linked("product", "A")["id"]
        shop.sandbox.ipaas.edit("product", product, {"default_price": 500})
        person = Person(approves=False)
        shop.run("product_from_ipaas", str(product), ask=person)
        assert [(jump.before, jump.after) for jump in person.asked[0].jumps] == [("10", "500")]
        assert shop.sandbox.bc.get("Item", "A")["Unit Price"] == 10


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Bench]]:
    """The same world twice: with everything asked for, and with nothing."""
    with Sandbox("demo", size=SMALL) as one, Sandbox("demo", size=SMALL) as other:
        made = [
            Bench(sandbox, tmp_path_factory.mktemp("world"), {"bc_create_defaults": DEFAULTS, **more})
            for sandbox, more in ((one, {"sync_approve_above": {"records": 0}}), (other, {}))
        ]
        yield made[0], made[1]
        for bench in made:
            bench.close()


@pytest.mark.parametrize("name", list(FLOWS))
def test_what_is_approved_is_all_that_would_have_been_written_unasked(worlds: Any, name: str) -> None:
    asked, unasked = worlds
    person = Person(approves=True)
    report, other = asked.run(name, ask=person), unasked.run(name)
    assert tally(report) == tally(other)
    changes = other.counts["created"] + other.counts["updated"]
    assert [question.records for question in person.asked] == ([changes] if changes else [])
