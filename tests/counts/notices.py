"""Random changes on both sides that are announced, badly: some announcements are lost, doubled or late, none in order, and
subscriptions end unnoticed. With polls now and then it has to end as polling alone ends, with nothing made twice.

Items change in Business Central, which posts notifications; companies are made in iPaaS.com, which sends webhooks in
both shapes. The same changes are made in a second world to which nothing is announced.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Mapping
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
from tests.flows.bench import Bench
from tests.notice_receiver import Receiver

_SECRET = "a-secret-of-our-own"
_ITEMS = 200
# Changes between two times that announcements arrive, and such times between two polls.
_AT_ONCE, _POLLS = 50, 5
_LOST, _DOUBLED, _ENDS = 0.2, 0.3, 0.2
_ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}
_TO, _FROM = "product_to_ipaas", "company_from_ipaas"


def count(number: int, seed: int) -> Mapping[str, int]:
    """Make so many changes in two worlds."""
    told, polled = _play(number, seed, announced=True), _play(number, seed, announced=False)
    return {
        "changes": number,
        "records unlike those of polling alone": sum(
            1 for key in told.state.keys() | polled.state.keys() if told.state.get(key) != polled.state.get(key)
        ),
        "records that did not arrive": sum(1 for name in told.state.values() if name is None),
        "records made twice": told.twice + polled.twice,
        "announcements that nobody dealt with": told.left,
        # Were this so, nothing would have been shown.
        "worlds in which nothing came by announcement": int(not told.by_announcement),
    }


class _End:
    """What a world has come to: of each record the name that the other side has, and what went wrong."""

    def __init__(self, bench: Bench, made: list[str], by_announcement: int) -> None:
        sandbox = bench.sandbox
        self.by_announcement = by_announcement
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
    astray = random.Random(seed + 1)
    receiver = Receiver()
    with tempfile.TemporaryDirectory() as folder, Sandbox("empty", seed=seed) as sandbox:
        bench = Bench(sandbox, Path(folder), {})
        for item in range(_ITEMS):
            sandbox.bc.add("Item", {"No.": f"I{item}", "Description": f"Item {item}", "Base Unit of Measure": "PCS"})
        sandbox.notices.astray = Astray(lost=_LOST, doubled=_DOUBLED, shuffled=True, seed=seed, collection_above=40)
        for flow in (_TO, _FROM):
            bench.run(flow)
        made: list[str] = []
        by_announcement = 0
        for turn, start in enumerate(range(0, number, _AT_ONCE)):
            if announced and not sandbox.notices.subscriptions:
                _subscribe(bench, receiver)
            ids = _change(bench, chance, made, range(start, min(start + _AT_ONCE, number)))
            if announced:
                _announce(bench, receiver, astray, ids)
                runs = [bench.run(flow, kind=RunKind.announced) for flow in (_TO, _FROM)]
                by_announcement += sum(run.counts["created"] + run.counts["updated"] for run in runs)
                if astray.random() < _ENDS:
                    sandbox.notices.subscriptions.clear()
            if turn % _POLLS == _POLLS - 1:
                for flow in (_TO, _FROM):
                    bench.run(flow)
        for flow in (_TO, _FROM):
            bench.run(flow)
        end = _End(bench, made, by_announcement)
        bench.close()
    receiver.close()
    return end


def _change(bench: Bench, chance: random.Random, made: list[str], numbers: range) -> list[str]:
    """Make these changes; answers the ids of the companies among them."""
    ids = []
    for n in numbers:
        if chance.random() < 0.5:
            bench.sandbox.bc.change("Item", f"I{chance.randrange(_ITEMS)}", Description=f"Item as of {n}")
        else:
            name = f"Company {n}"
            made.append(name)
            ids.append(str(bench.sandbox.ipaas.add("company", {"name": name, "addresses": [_ADDRESS]})["id"]))
    return ids


def _announce(bench: Bench, receiver: Receiver, astray: random.Random, ids: list[str]) -> None:
    """Let what was changed be announced, as far as it arrives, and kept as the endpoint keeps it."""
    bench.sandbox.notices.deliver()
    told, receiver.told = receiver.told, []
    if told:
        body = simplejson.dumps({"value": told}).encode()
        company = bench.sandbox.bc.company_id
        bench.ledger.receive(notices.take(body, _SECRET, notices.listening(FLOWS.values()), company).entries)
    sent = [one for one in ids if astray.random() >= _LOST]
    sent += [one for one in sent if astray.random() < _DOUBLED]
    astray.shuffle(sent)
    listening = webhooks.listeners(FLOWS.values())
    events: list[Any] = [notification("company/created", one) for one in sent]
    alone = events[: len(events) // 3]
    for request in (*alone, {"notifications": events[len(alone) :]}):
        hook = webhooks.read_hook(json.dumps(request).encode())
        bench.ledger.receive(webhooks.take(hook, listening, bench.sandbox.SYSTEM_ID).entries)


def _subscribe(bench: Bench, receiver: Receiver) -> None:
    s = bench.sandbox
    connection = BusinessCentralConnection.from_parts(s.url, s.CLIENT_ID, s.CLIENT_SECRET, s.bc_extra)
    SubscribingClient(connection, throttle=Throttle(100_000, 60)).subscribe(["items"], receiver.url, _SECRET)
