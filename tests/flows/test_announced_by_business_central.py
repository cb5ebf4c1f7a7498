"""What Business Central announces, as it posts it: each record by its id, and whatever goes astray is found by the polls."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import simplejson

from include.business_central.subscriptions import SubscribingClient
from include.flows import FLOWS
from include.sandbox.bc.notices import Astray
from include.settings import BusinessCentralConnection
from include.sync.notices import listening, take
from include.sync.runs import RunKind
from include.transport.throttle import Throttle
from tests.flows.bench import Bench, tally
from tests.notice_receiver import Receiver

SECRET = "a-secret-of-our-own"
FLOW = "product_to_ipaas"


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    made = make_bench()
    for number in range(8):
        made.sandbox.bc.add(
            "Item", {"No.": f"I{number}", "Description": f"Item {number}", "Base Unit of Measure": "PCS"}
        )
    return made


def subscribe(bench: Bench, receiver: Receiver) -> None:
    s = bench.sandbox
    connection = BusinessCentralConnection.from_parts(s.url, s.CLIENT_ID, s.CLIENT_SECRET, s.bc_extra)
    client = SubscribingClient(connection, throttle=Throttle(100_000, 60))
    client.subscribe(list(listening(FLOWS.values()).resources), receiver.url, SECRET)


def keep(bench: Bench, receiver: Receiver) -> int:
    """Let what has arrived be announced, as the endpoint does; answers how many entries there are."""
    told, receiver.told = receiver.told, []
    body = simplejson.dumps({"value": told}).encode()
    taken = take(body, SECRET, listening(FLOWS.values()), bench.sandbox.bc.company_id) if told else None
    if taken:
        bench.ledger.receive(taken.entries)
    return len(taken.entries) if taken else 0


def names(bench: Bench) -> dict[str, Any]:
    """The products of iPaaS.com as both sides should have them."""
    return {
        no: (product or {}).get("name")
        for no in (str(row["No."]) for row in bench.sandbox.bc.rows("Item"))
        for product in [bench.linked("product", no)]
    }


def test_a_change_goes_over_by_its_id_alone(bench: Bench, receiver: Receiver) -> None:
    bench.run(FLOW)
    subscribe(bench, receiver)
    number = str(bench.sandbox.bc.rows("Item")[0]["No."])
    bench.sandbox.bc.change("Item", number, Description="Changed")
    bench.sandbox.notices.deliver()
    assert keep(bench, receiver) == 1
    position = bench.ledger.position(FLOW)
    assert tally(bench.run(FLOW, kind=RunKind.announced)) == {"read": 1, "updated": 1}
    assert names(bench)[number] == "Changed"
    assert bench.ledger.position(FLOW) == position
    assert bench.ledger.received(FLOW) == []


def test_a_collection_has_the_flow_poll(bench: Bench, receiver: Receiver) -> None:
    bench.run(FLOW)
    subscribe(bench, receiver)
    bench.sandbox.notices.astray = Astray(collection_above=2)
    numbers = [str(row["No."]) for row in bench.sandbox.bc.rows("Item")]
    for number in numbers:
        bench.sandbox.bc.change("Item", number, Description=f"Changed {number}")
    bench.sandbox.notices.deliver()
    assert keep(bench, receiver) == 1
    assert bench.run(FLOW, kind=RunKind.announced).counts["updated"] == len(numbers)
    assert bench.ledger.received(FLOW) == []


def test_loss_doubling_and_disorder_end_as_polling_alone_does(bench: Bench, receiver: Receiver) -> None:
    """What arrived is there at once, whatever was doubled and shuffled; the next poll has the rest."""
    chance = random.Random(11)
    bench.run(FLOW)
    subscribe(bench, receiver)
    bench.sandbox.notices.astray = Astray(lost=0.3, doubled=0.4, shuffled=True, seed=11)
    numbers = [str(row["No."]) for row in bench.sandbox.bc.rows("Item")]
    for turn in range(6):
        for number in chance.sample(numbers, 3):
            bench.sandbox.bc.change("Item", number, Description=f"{number} {turn}")
        bench.sandbox.notices.deliver()
        if keep(bench, receiver):
            bench.run(FLOW, kind=RunKind.announced)
        if turn == 3:
            bench.sandbox.notices.subscriptions.clear()  # they have ended, and nobody has renewed them
    bench.run(FLOW)
    wanted = {str(row["No."]): row["Description"] for row in bench.sandbox.bc.rows("Item")}
    assert names(bench) == wanted
    assert tally(bench.run(FLOW)) in ({}, {"read": len(numbers), "unchanged": len(numbers)})
    assert bench.ledger.received(FLOW) == []
