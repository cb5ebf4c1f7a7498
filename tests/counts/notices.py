"""Random changes on both sides that are announced, badly: some announcements are lost, doubled or late, none in order, and
subscriptions end unnoticed for a while. With polls now and then it has to end as polling alone ends, with nothing made
twice.

Items change in Business Central, which posts notifications; companies are made in iPaaS.com, which sends webhooks in
both shapes. The same changes are made in a second world to which nothing is announced.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import simplejson

from include.business_central.subscriptions import SubscribingClient
from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.bc.notices import Astray
from include.sandbox.ipaas.hooks import notification
from include.settings import BusinessCentralConnection
from include.sync import notices, webhooks
from include.sync.runs import RunKind
from include.transport.throttle import Throttle
from tests.counts._standing import MEMORY
from tests.flows.bench import Bench
from tests.notice_receiver import Receiver

_SECRET = "a-secret-of-our-own"
_POLLS = 5  # times that announcements arrive between two polls
_LOST, _DOUBLED = 0.2, 0.3
# How often a subscription ends before changes are made, and one that has ended is made again.
_ENDS, _MADE_AGAIN = 0.3, 0.5
_ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}
_TO, _FROM = "product_to_ipaas", "company_from_ipaas"


def count(number: int, seed: int) -> Mapping[str, int]:
    """Make so many changes in two worlds, and print what became of the announcements in one of them."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        worlds = [pool.submit(_play, number, seed, announced=announced) for announced in (True, False)]
        told, polled = (world.result() for world in worlds)
    print(", ".join(f"{times:,} {what}" for what, times in told.troubles.items()))
    return {
        "changes": number,
        "records unlike those of polling alone": sum(
            1 for key in told.state.keys() | polled.state.keys() if told.state.get(key) != polled.state.get(key)
        ),
        "records that did not arrive": sum(1 for name in told.state.values() if name is None),
        "records made twice": told.twice + polled.twice,
        "announcements that nobody dealt with": told.left,
        # Were this so, nothing would have been shown.
        "kinds of trouble that did not come up": sum(1 for times in told.troubles.values() if not times),
    }


class _End:
    """What a world has come to: of each record the name that the other side has, and what went wrong."""

    def __init__(self, bench: Bench, made: list[str], troubles: Mapping[str, int]) -> None:
        sandbox = bench.sandbox
        self.troubles = troubles
        self.state: dict[str, Any] = {}
        for row in sandbox.bc.rows("Item"):
            product = bench.linked("product", str(row["No."]))
            same = product is not None and product["name"] == row["Description"]
            self.state[f"item {row['No.']}"] = row["Description"] if same else None
        for name in made:
            rows = [row for row in sandbox.bc.rows("Customer") if row["Name"] == name]
            self.state[f"company {name}"] = name if rows else None
        names = [str(row["Name"]) for row in sandbox.bc.rows("Customer")]
        products = [str(record["sku"]) for record in sandbox.ipaas.records["product"].values()]
        self.twice = len(names) - len(set(names)) + len(products) - len(set(products))
        self.left = len(bench.ledger.received(_TO)) + len(bench.ledger.received(_FROM))


def _play(number: int, seed: int, *, announced: bool) -> _End:
    chance = random.Random(seed)  # of the changes: the same in both worlds
    fate = random.Random(seed + 1)
    turns = list(_turns(number, random.Random(seed + 2)))
    # More changes at once than that are one notification for all of them.
    above = max(len(turn) for turn in turns) // 3
    astray = Astray(lost=_LOST, doubled=_DOUBLED, shuffled=True, seed=seed, collection_above=above)
    receiver = Receiver()
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, Sandbox("empty", seed=seed) as sandbox:
        bench = Bench(sandbox, Path(folder), {})
        items = max(200, number // 10)
        for item in range(items):
            sandbox.bc.add("Item", {"No.": f"I{item}", "Description": f"Item {item}", "Base Unit of Measure": "PCS"})
        sandbox.notices.astray = astray
        # How much it takes in five minutes is not what is asked here.
        sandbox.switches.bc_limits = False
        for flow in (_TO, _FROM):
            bench.run(flow)
        made: list[str] = []
        came: Counter[str] = Counter()
        for place, turn in enumerate(turns):
            if announced:
                came["subscriptions that ended"] += _subscribed(bench, receiver, fate)
            ids = _change(bench, chance, made, turn, items)
            if announced:
                _announce(bench, receiver, astray, ids)
                runs = [bench.run(flow, kind=RunKind.announced) for flow in (_TO, _FROM)]
                came["by announcement"] += sum(run.counts["created"] + run.counts["updated"] for run in runs)
            if place % _POLLS == _POLLS - 1:
                polls = [bench.run(flow) for flow in (_TO, _FROM)]
                came["by polls"] += sum(run.counts["created"] + run.counts["updated"] for run in polls)
        for flow in (_TO, _FROM):
            bench.run(flow)
        end = _End(bench, made, astray.happened + came)
        bench.close()
    receiver.close()
    return end


def _turns(number: int, chance: random.Random) -> Iterator[range]:
    """The changes, cut into those between two times that announcements arrive: sometimes few, sometimes many."""
    start, most = 0, max(40, number // 25)
    while start < number:
        size = min(chance.randint(1, most), number - start)
        yield range(start, start + size)
        start += size


def _subscribed(bench: Bench, receiver: Receiver, fate: random.Random) -> int:
    """Whether the subscription, which is made anew where there is none, ends before the changes of a turn."""
    subscriptions = bench.sandbox.notices.subscriptions
    if not subscriptions and fate.random() < _MADE_AGAIN:
        _subscribe(bench, receiver)
    ends = bool(subscriptions) and fate.random() < _ENDS
    if ends:
        subscriptions.clear()
    return ends


def _change(bench: Bench, chance: random.Random, made: list[str], numbers: range, items: int) -> list[str]:
    """Make these changes; answers the ids of the companies among them."""
    ids = []
    for n in numbers:
        if chance.random() < 0.5:
            bench.sandbox.bc.change("Item", f"I{chance.randrange(items)}", Description=f"Item as of {n}")
        else:
            name = f"Company {n}"
            made.append(name)
            ids.append(str(bench.sandbox.ipaas.add("company", {"name": name, "addresses": [_ADDRESS]})["id"]))
    return ids


def _announce(bench: Bench, receiver: Receiver, astray: Astray, ids: list[str]) -> None:
    """Let what was changed be announced, as far as it arrives, and kept as the endpoint keeps it."""
    bench.sandbox.notices.deliver()
    told, receiver.told = receiver.told, []
    if told:
        body = simplejson.dumps({"value": told}).encode()
        company = bench.sandbox.bc.company_id
        bench.ledger.receive(notices.take(body, _SECRET, notices.listening(FLOWS.values()), company).entries)
    listening = webhooks.listeners(FLOWS.values())
    events: list[Any] = [notification("company/created", one) for one in astray.arriving(ids)]
    alone = events[: len(events) // 3]
    for request in (*alone, {"notifications": events[len(alone) :]}):
        hook = webhooks.read_webhook(json.dumps(request).encode())
        bench.ledger.receive(webhooks.take(hook, listening, bench.sandbox.SYSTEM_ID).entries)


def _subscribe(bench: Bench, receiver: Receiver) -> None:
    s = bench.sandbox
    connection = BusinessCentralConnection.from_parts(s.url, s.CLIENT_ID, s.CLIENT_SECRET, s.bc_extra)
    SubscribingClient(connection, throttle=Throttle(100_000, 60)).subscribe(["items"], receiver.url, _SECRET)
