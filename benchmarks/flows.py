"""What flows may ask of both systems, and compute: worlds, the runs that are taken in them one after the other, and budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil

from engine import Bench, Budget, Part, Row, Step, Took, again, run, steps, world

from include.business_central.odata import Page
from include.flows import FLOWS
from include.ipaas.endpoints import ENDPOINTS
from include.sources.reading import BY_NAME, FEED_PAGE
from include.sync.runs import Direction

# In the order in which a subscription is brought up.
TO_IPAAS = [name for name, flow in FLOWS.items() if flow.direction is Direction.to_ipaas]
# Two of the login, the subscription, the document of the family: once in a run, however many records it has.
AROUND = 4
# What first transfers need beside their records: of orders the methods that they are paid by, looked for and made.
BESIDE = {"sales_order_to_ipaas": 14}
# Kinds of details that are read by name, a hundred at once, beside the one that is read by pages of its table.
BY_HUNDREDS = {"product_to_ipaas": 1, "sales_order_to_ipaas": 5}


def ipaas(took: Took) -> float:
    """Requests of iPaaS.com for each record, beside those that a run needs once."""
    return (took.counts["ipaas_requests"] - AROUND) / took.written


def bc(questions: int, took: Took) -> float:
    """Requests of Business Central for each record, beside the `questions` that find out who is new, of a hundred at once."""
    return (took.counts["bc_requests"] - 1 - questions * ceil(took.written / BY_NAME)) / took.written


def load(took: Took) -> float:
    """Milliseconds that load computes for each record."""
    return took.cpu["load"] * 1e3 / took.written


def whole(took: Took) -> float:
    """Microseconds that the run computes for each record that it has read."""
    return took.whole * 1e6 / took.counts["read"]


def _first(name: str) -> Step:
    beside = BESIDE.get(name, 0)
    requests = Budget(
        what="requests", measured=lambda t: ipaas(t) - beside / t.written, allowed=1.02, unit="iPaaS.com / record"
    )
    cpu = Budget(what="CPU of load", measured=load, allowed=1.2, unit="ms / written record")
    return Step(title="first transfer", flow=name, how=run, budgets=(requests, cpu))


def _pages(name: str, took: Took) -> float:
    """The pages of the feed and of one kind of details, the other kinds a hundred at once, and what is known once."""
    found = took.counts["read"]
    return 2 + 2 * ceil(found / FEED_PAGE) + BY_HUNDREDS.get(name, 0) * ceil(found / BY_NAME) + 6


def _unchanged(name: str) -> Step:
    most = 300.0 if name == "sales_order_to_ipaas" else 80.0
    budgets = (
        Budget(what="requests", measured=lambda t: t.counts["ipaas_requests"], allowed=0, unit="iPaaS.com / run"),
        Budget(what="writes", measured=lambda t: t.writes, allowed=0, unit="writes / run"),
        Budget(
            what="requests", measured=lambda t: t.counts["bc_requests"], allowed=partial(_pages, name), unit="BC / run"
        ),
        Budget(what="CPU of the run", measured=whole, allowed=most, unit="µs / unchanged record"),
    )
    return Step(title="nothing changed", flow=name, how=again, budgets=budgets)


def _another_number(bench: Bench, name: str) -> Took:
    """One company has another telephone number."""
    card = next(iter(bench.bc().read(Page("CustomerCard"), filter="No eq 'C10001'")))
    bench.bc().update(Page("CustomerCard"), "C10001", card["@odata.etag"], {"Phone_No": "+1 404 0001"})
    return run(bench, name)


def _other_names(bench: Bench, name: str) -> Took:
    """A hundred companies that are known have another name in iPaaS.com; they are asked for by their ids."""
    ids = [key for key, _ in bench.ledger.keys(name)][:BY_NAME]
    client = bench.ipaas()
    for ipaas_id in ids:
        client.update(ENDPOINTS["company"], int(ipaas_id), {"name": f"Another name {ipaas_id}"})
    return run(bench, name, *ids)


MEASURED = ("company_to_ipaas", "customer_to_ipaas", "product_to_ipaas", "sales_order_to_ipaas")
ONE_ALONE = Step(
    title="one record alone",
    flow="company_to_ipaas",
    how=lambda bench, name: run(bench, name, "C10000"),
    budgets=(Budget(what="requests", measured=ipaas, allowed=3, unit="iPaaS.com / record"),),
)
ONE_CHANGE = Step(
    title="one changed, link known",
    flow="company_to_ipaas",
    how=_another_number,
    budgets=(Budget(what="writes", measured=lambda t: t.writes, allowed=1, unit="writes / record"),),
)
TO = [
    Step(title="", flow="customer_category_to_ipaas", how=run),
    ONE_ALONE,
    *(_first(name) if name in MEASURED else Step(title="", flow=name, how=run) for name in TO_IPAAS),
    # What documents have changed of the records that they refer to.
    *(Step(title="", flow=name, how=run) for name in TO_IPAAS),
    *(Step(title="", flow=name, how=again) for name in MEASURED),
    *(_unchanged(name) for name in MEASURED),
    ONE_CHANGE,
]


def _from(name: str, most: float, what: str = "record", questions: int = 6) -> Step:
    budgets = (
        Budget(what="requests", measured=ipaas, allowed=1.05, unit=f"iPaaS.com / {what}"),
        Budget(what="requests", measured=partial(bc, questions), allowed=most, unit=f"BC / {what}"),
        Budget(what="CPU of load", measured=load, allowed=1.2, unit="ms / written record"),
    )
    return Step(title="first transfer", flow=name, how=run, budgets=budgets)


FROM = [
    _from("company_from_ipaas", 2),
    Step(
        title="a hundred changed, links known",
        flow="company_from_ipaas",
        how=_other_names,
        budgets=(
            Budget(
                what="requests",
                measured=lambda t: t.counts["bc_requests"] / t.written,
                allowed=lambda t: 1 + 3 / t.written,
                unit="BC / record",
            ),
        ),
    ),
    # A person may be a contact, too.
    _from("customer_from_ipaas", 2, questions=8),
    _from("product_from_ipaas", 2),
]
# The shop's documents have two lines on average, and two of three sales a payment.
DOCUMENTS = [
    Step(title="", flow="company_from_ipaas", how=run),
    Step(title="", flow="customer_from_ipaas", how=run),
    Step(title="", flow="product_from_ipaas", how=run),
    _from("sales_order_from_ipaas", 4, "order"),
    _from("invoice_from_ipaas", 5 + 2 / 3, "invoice"),
]


@dataclass(frozen=True, kw_only=True)
class World:
    """Steps, and how many records of which types they find."""

    title: str
    sizes: tuple[str, ...]
    steps: list[Step]
    # Those that documents are of and about, whatever else there is.
    few: tuple[str, ...] = ("items",)

    def rows(self, number: int) -> Iterator[Row]:
        """The rows of all steps, of so many records of each type."""
        with world(**{**dict.fromkeys(self.few, 5), **dict.fromkeys(self.sizes, number)}) as bench:
            yield from steps(bench, self.steps)


WORLDS = (
    World(title="To iPaaS.com", sizes=("companies", "persons", "items", "orders"), steps=TO),
    World(title="From iPaaS.com", sizes=("shop_companies", "shop_customers", "shop_products"), steps=FROM),
    World(
        title="Documents from iPaaS.com",
        sizes=("shop_orders", "shop_invoices"),
        steps=DOCUMENTS,
        few=("items", "shop_companies", "shop_customers"),
    ),
)


def parts(number: int) -> list[Part]:
    """The worlds, each with so many records of each type."""
    return [
        Part(title=f"{each.title}: {number:,} records of each type", rows=partial(each.rows, number)) for each in WORLDS
    ]
