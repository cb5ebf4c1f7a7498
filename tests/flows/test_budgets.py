"""The budgets of requests, counted for every flow of the catalogue on one world of more records than a detail read takes.

Rounds are counted apart: a first transfer of everything, a poll in which nothing has changed, one change of each type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from bench import DEFAULTS, Bench
from webshop import Shop

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.world import Size
from include.sources.reading import BY_NAME, FEED_PAGE
from include.sync.runs import Direction, RunKind

TO_IPAAS = [name for name, flow in FLOWS.items() if flow.direction is Direction.to_ipaas]
FROM_IPAAS = [name for name in FLOWS if name not in TO_IPAAS]
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
# So much of it that its budget can be told from one of a request for each record.
LARGE = {
    "company_to_ipaas",
    "customer_to_ipaas",
    "contact_to_ipaas",
    "product_to_ipaas",
    "product_inventory_to_ipaas",
    "sales_order_to_ipaas",
    "sales_invoice_to_ipaas",
}
SIZE = Size(companies=130, persons=120, contacts=110, items=130, orders=170, invoices=120)
# Two requests of the login, the list of what is there already, the payment methods that documents need.
AROUND = 7
# And what this world's first transfer needs beside its records: the stock of three products that are there already, and
# the payment methods that are not, looked for by external id and by name.
BESIDE = {"product_to_ipaas": 6, "sales_order_to_ipaas": 11}


@dataclass(frozen=True, kw_only=True)
class Reads:
    """What a flow reads beside its feed: `kinds` of details, a hundred records of each in one request, details on
    `pages` that are read in ranges where the window holds many, and `once` what it needs to know in every run, beside the
    company."""

    kinds: int = 0
    pages: int = 0
    once: int = 0


# Of a flow that says nothing else: its feed, one kind of details, and one thing more.
DEFAULT = Reads(pages=1, once=1)
READS = {
    # One page is all there is of the first four; locations and categories have a feed beside it.
    "customer_category_to_ipaas": Reads(),
    "shipping_method_to_ipaas": Reads(),
    "location_to_ipaas": Reads(once=1),
    "product_category_to_ipaas": Reads(once=2),
    "company_to_ipaas": Reads(pages=1),
    "customer_to_ipaas": Reads(pages=1),
    # The contact of its company, and which customer that is; which companies have changed, and who belongs to them.
    "contact_to_ipaas": Reads(kinds=3, once=3),
    # The card and the stock; which items' stock has moved, and those among them that the feed has not shown.
    "product_to_ipaas": Reads(kinds=1, pages=1, once=1),
    # The GUIDs of the items.
    "product_inventory_to_ipaas": Reads(once=1),
    # The header, the lines, the shipments and their page, who buys, what units its items are counted in; terms, agents,
    # the services that are published, which orders were shipped, and the items that one request had no room for.
    "sales_order_to_ipaas": Reads(kinds=5, pages=1, once=6),
    # The header, its lines in a batch, who buys, the shipments and their page, the order's lines, and the items' units;
    # the company's own currency, and the items that one request had no room for.
    "sales_invoice_to_ipaas": Reads(kinds=7, once=5),
}


@dataclass
class Rounds:
    """A world that every flow has gone over, and what each asked of whom in each round."""

    bench: Bench
    first: dict[str, Any]
    again: dict[str, Any]
    window: dict[str, Any]


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rounds]:
    with Sandbox("demo", size=SIZE) as sandbox:
        bench = Bench(sandbox, tmp_path_factory.mktemp("budgets"), {"bc_create_defaults": DEFAULTS})
        first = {name: bench.run(name) for name in FLOWS}
        # What came from iPaaS.com is met once more as a change of Business Central.
        for name in TO_IPAAS:
            bench.run(name)
        again = {name: bench.run(name) for name in FLOWS}
        window = {name: bench.run(name, kind=RunKind.backfill, interval=EVER) for name in TO_IPAAS}
        yield Rounds(bench, first, again, window)
        bench.close()


@pytest.mark.parametrize("name", TO_IPAAS)
def test_a_first_transfer_takes_a_request_for_each_record_when_they_are_many(rounds: Rounds, name: str) -> None:
    counts = rounds.first[name].counts
    written = counts["created"] + counts["updated"]
    if name == "product_inventory_to_ipaas":
        assert written == 0, "products have brought it along"
    # An invoice completes the order that it was posted from, too.
    written *= 2 if name == "sales_invoice_to_ipaas" else 1
    # Few are looked for one by one: its link, its match, and it is made.
    assert counts["ipaas_requests"] <= (3 * written if written < 10 else 1.02 * written) + AROUND + BESIDE.get(name, 0)


class TestNothingChanged:
    @pytest.mark.parametrize("name", TO_IPAAS)
    def test_ipaas_is_asked_nothing(self, rounds: Rounds, name: str) -> None:
        for counts in (rounds.again[name].counts, rounds.window[name].counts):
            assert (counts["unchanged"] + counts["skipped"], counts["ipaas_requests"]) == (counts["read"], 0)

    @pytest.mark.parametrize("name", TO_IPAAS)
    def test_business_central_is_asked_for_a_hundred_at_once_and_for_whole_pages_where_they_are_many(
        self, rounds: Rounds, name: str
    ) -> None:
        counts, reads = rounds.window[name].counts, READS.get(name, DEFAULT)
        assert name not in LARGE or counts["read"] > BY_NAME
        # The world's tables are smaller than a page.
        details = reads.kinds * ceil(counts["read"] / BY_NAME) + reads.pages
        assert counts["bc_requests"] <= 1 + ceil(counts["read"] / FEED_PAGE) + details + reads.once

    @pytest.mark.parametrize("name", FROM_IPAAS)
    def test_ipaas_is_asked_what_is_missing_and_business_central_nothing(self, rounds: Rounds, name: str) -> None:
        counts = rounds.again[name].counts
        # The two of the login, and the list.
        assert (counts["read"], counts["ipaas_requests"], counts["bc_requests"]) == (0, 3, 0)


def _master(table: str, key: str, **fields: Any) -> Callable[[Sandbox], Any]:
    return lambda sandbox: sandbox.bc.change(table, key, **fields)


def _shipped(sandbox: Sandbox) -> None:
    orders = (row for row in sandbox.bc.rows("Sales Header") if row["Status"] == "Released")
    numbers = (str(row["No."]) for row in orders if sandbox.ipaas.linked("transaction", str(row["No."])))
    sandbox.sales.ship(next(n for n in numbers if not any(line["Quantity Shipped"] for line in sandbox.sales.lines(n))))


def _paid(sandbox: Sandbox) -> None:
    invoices = (row for row in reversed(sandbox.bc.rows("Sales Invoice Header")) if row["Status"] == "Open")
    sandbox.sales.pay_invoice(
        next(no for row in invoices if sandbox.ipaas.linked("transaction", no := str(row["No."])))
    )


CHANGES: dict[str, Callable[[Sandbox], Any]] = {
    "customer_category_to_ipaas": _master("Customer Price Group", "RETAIL", Description="Retail"),
    "company_to_ipaas": _master("Customer", "C10001", **{"Phone No.": "+1 404 0001"}),
    "customer_to_ipaas": _master("Customer", "P20001", **{"Phone No.": "+1 404 0002"}),
    "contact_to_ipaas": _master("Contact", "CT900000", **{"Phone No.": "+1 404 0003"}),
    "location_to_ipaas": _master("Location", "MAIN", Name="The warehouse"),
    "shipping_method_to_ipaas": _master("Shipping Agent", "DHL", Name="DHL"),
    "product_category_to_ipaas": _master("Item Category", "CHAIR", Description="Things to sit on"),
    "product_to_ipaas": _master("Item", "1001", **{"Unit Price": 7}),
    "product_inventory_to_ipaas": lambda sandbox: sandbox.bc.move_stock("1001", "MAIN", 5),
    "sales_order_to_ipaas": _shipped,
    "sales_invoice_to_ipaas": _paid,
}


# The last ones first: what documents refer to changes them as well.
@pytest.mark.parametrize("name", [name for name in reversed(TO_IPAAS) if name in CHANGES])
def test_an_update_of_a_linked_record_is_one_write(rounds: Rounds, name: str) -> None:
    sandbox = rounds.bench.sandbox
    CHANGES[name](sandbox)
    sandbox.counters.reset()
    counts = rounds.bench.run(name).counts
    assert (counts["created"], counts["updated"], rounds.bench.writes()) == (0, 1, 1)


@pytest.mark.parametrize(
    ("name", "record", "changes"),
    [
        ("company_from_ipaas", "company", {"name": "Another name"}),
        ("customer_from_ipaas", "customer", {"first_name": "Anna"}),
        ("product_from_ipaas", "product", {"default_price": 12}),
    ],
)
def test_updates_of_linked_records_are_a_write_each_and_share_their_reads(
    rounds: Rounds, name: str, record: str, changes: dict[str, Any]
) -> None:
    bench, sandbox = rounds.bench, rounds.bench.sandbox
    ids = [key for key, _ in bench.ledger.keys(name)]
    for ipaas_id in ids:
        sandbox.ipaas.edit(record, int(ipaas_id), changes)
    sandbox.counters.reset()
    assert bench.run(name, *ids).counts["updated"] == len(ids) > 5
    assert bench.writes() == sandbox.counters.of("business_central", "PATCH") == len(ids)
    # The company, the services, and all records at once, and so their immutable ids: a number may be another one's now.
    assert sandbox.counters.of("business_central", "GET") <= 4
    # Two of the login, and each record once.
    assert sandbox.counters.of("ipaas") <= 2 + len(ids)


MANY = 120
NEW: dict[str, Callable[[int], tuple[str, dict[str, Any]]]] = {
    "company_from_ipaas": lambda n: ("company", {"name": f"Firm {n}", "email_address": f"o{n}@firm.example"}),
    "customer_from_ipaas": lambda n: (
        "customer",
        {"first_name": "Ann", "last_name": f"Berg {n}", "email_address": f"a{n}@berg.example"},
    ),
    "product_from_ipaas": lambda n: (
        "product",
        {"sku": f"N-{n}", "name": f"Stool {n}", "default_price": 3, "type": "Physical", "status": "Active"},
    ),
}
ADDRESSES = [{"address_1": "1 Main Street", "city": "Atlanta", "region": "GA", "country": "US", "postal_code": "31772"}]


@pytest.mark.parametrize("name", NEW)
def test_a_first_transfer_from_ipaas_takes_one_request_there_for_each_record_and_two_here(
    tmp_path: Path, name: str
) -> None:
    with Sandbox("empty") as sandbox:
        bench = Bench(sandbox, tmp_path, {"bc_create_defaults": DEFAULTS})
        for number in range(MANY):
            record, fields = NEW[name](number)
            addresses = {} if record == "product" else {"addresses": ADDRESSES}
            own = {"tracking_method": "Product"} if record == "product" else {}
            sandbox.ipaas.add(record, {**fields, **addresses, **own})
        counts = bench.run(name).counts
        assert counts["created"] == MANY
        # Two of the login, the subscription, the document of the family.
        assert counts["ipaas_requests"] <= 1.05 * MANY + 4
        # The company, and what the new ones may be: by number, by name or e-mail, among contacts; a hundred at once.
        assert counts["bc_requests"] <= 2 * MANY + 1 + 5 * ceil(MANY / BY_NAME)
        bench.close()


# The writes of a new document of two lines and shipping, by what it has beside: of an order the header and each line; of an
# invoice the draft with its lines, a look at it, the posting, a look at what was posted, and the payment.
DOCUMENTS = {
    ("sales_order_from_ipaas", "nothing"): 1 + 3,
    # Only API v2.0 knows it, and has to be asked for the order's id there.
    ("sales_order_from_ipaas", "a discount"): 1 + 3 + 2,
    ("invoice_from_ipaas", "nothing"): 4 + 1,
    ("invoice_from_ipaas", "a discount"): 5 + 1,
}
ACCOUNTS = {
    "invoice": {"shipping_account": "40410", "payment_journal": "WEBSHOP"},
    "sales_order": {"shipping_account": "40410"},
}


@pytest.mark.parametrize(("name", "beside"), DOCUMENTS)
def test_a_new_document_takes_a_request_for_each_line_or_all_of_them_in_one(
    tmp_path: Path, name: str, beside: str
) -> None:
    """Counted as what twenty more of them take: what a run reads for all of them together is left out."""
    took = {}
    for number in (5, 25):
        with Sandbox("empty") as sandbox:
            (folder := tmp_path / f"{number}").mkdir()
            bench = Bench(sandbox, folder, {"bc_create_defaults": ACCOUNTS})
            _sell(Shop(bench), name, number, discount=5 if beside == "a discount" else 0)
            counts = bench.run(name).counts
            assert counts["created"] == number
            took[number] = counts["bc_requests"]
            bench.close()
    assert took[25] - took[5] <= 20 * DOCUMENTS[name, beside]


def _sell(shop: Shop, flow: str, number: int, *, discount: int) -> None:
    """So many transactions of two lines and shipping, each of which becomes a document by this flow."""
    shop.customer()
    for sku in ("1000", "1001"):
        shop.item(sku)
    shop.bench.sandbox.ipaas.add("payment method", {"name": "Card"})
    paid = {"status": "Complete", "payments": [{"method": "Card", "amount": 56 - discount, "status": "Complete"}]}
    own = paid if flow == "invoice_from_ipaas" else {}
    for n in range(number):
        shop.order(transaction_number=f"WEB-{n}", shipping_amount=6, discount_amount=discount, **own)
