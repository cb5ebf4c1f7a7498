"""Random edits of random fields on both sides, and flows in any order between them: in the end both sides are alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from bench import Bench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_both_sides import BILLING, SHIPPING

from include.sandbox import Sandbox
from include.sandbox.ipaas.platform import Record

THINGS = ("name", "phone", "mail", "city")
steps = st.lists(
    st.one_of(st.sampled_from("FT"), st.tuples(st.sampled_from(["bc", "ipaas"]), st.sampled_from(THINGS))),
    min_size=1,
    max_size=7,
)
_numbers = count(1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Sandbox("empty") as sandbox:
        made = Bench(sandbox, tmp_path_factory.mktemp("random"))
        yield made
        made.close()


class Pair:
    """One customer on both sides, which came from iPaaS.com, with an address that is the shop's own."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.no = f"R{next(_numbers)}"
        mail = f"{self.no.lower()}@example.net"
        body = {"first_name": "Anna", "last_name": "Berg", "email_address": mail, "customer_number": self.no}
        self.record: Record = bench.sandbox.ipaas.add("customer", {**body, "addresses": [BILLING, SHIPPING]})
        self.run("F")

    def run(self, way: str) -> Any:
        if way == "F":
            return self.bench.run("customer_from_ipaas", str(self.record["id"]))
        return self.bench.run("customer_to_ipaas", self.no)

    def edit(self, side: str, thing: str) -> str:
        """Change one thing on one side; answers its new value."""
        number = next(_numbers)
        new = {"mail": f"m{number}@example.net", "phone": f"+1 555 {number:04}"}.get(thing, f"{thing.title()}{number}")
        address = {"id": self.record["addresses"][0]["id"]}
        there: dict[str, Any] = {
            "name": {"last_name": new},
            "mail": {"email_address": new},
            "phone": {"addresses": [{**address, "phone_number": new}]},
            "city": {"addresses": [{**address, "city": new}]},
        }
        here = {
            "name": {"Name": f"Anna {new}"},
            "mail": {"E-Mail": new},
            "phone": {"Phone No.": new},
            "city": {"City": new},
        }
        if side == "bc":
            self.bench.sandbox.bc.change("Customer", self.no, **here[thing])
        else:
            self.bench.sandbox.ipaas.edit("customer", self.record["id"], there[thing])
        return new

    def shown(self) -> tuple[dict[str, Any], dict[str, Any]]:
        card, address = self.bench.sandbox.bc.get("Customer", self.no), self.record["addresses"][0]
        here = {"name": card["Name"], "mail": card["E-Mail"], "phone": card["Phone No."], "city": card["City"]}
        there = {
            "name": f"{self.record['first_name']} {self.record['last_name']}",
            "mail": self.record["email_address"],
            "phone": address["phone_number"],
            "city": address["city"],
        }
        return here, there


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_both_sides_have_what_either_changed(world: Bench, steps: list[Any]) -> None:
    pair = Pair(world)
    edited: dict[str, dict[str, str]] = {thing: {} for thing in THINGS}
    for step in steps:
        if isinstance(step, str):
            assert not pair.run(step).counts["failed"]
        else:
            edited[step[1]][step[0]] = pair.edit(*step)
    for way in "FTFT":
        assert not pair.run(way).counts["failed"]
    here, there = pair.shown()
    assert here == there
    for thing, values in edited.items():
        # What one side alone has changed is as it left it; of two changes one is there.
        assert not values or any(value in here[thing] for value in values.values()), (thing, values, here)
    own = {name: value for name, value in pair.record["addresses"][1].items() if name in SHIPPING}
    assert own == SHIPPING
    assert (pair.record["addresses"][0]["first_name"], pair.record["addresses"][0]["company"]) == ("Rob", "The Office")
    world.sandbox.counters.reset()
    for way in "FTFT":
        pair.run(way)
    assert world.writes() == 0
