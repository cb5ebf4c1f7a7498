"""A sample of the proof: one life of each campaign; and what the comparison itself sees."""

from __future__ import annotations

import logging

import pytest

from tests.prove.campaigns import CAMPAIGNS
from tests.prove.counts import COUNTS
from tests.prove.life import Life, undisturbed, world
from tests.prove.tally import Tally

# The counts have samples of their own, beside what they count; hooks at a server that is killed, in tests/faults.
LIVED = [name for name, campaign in CAMPAIGNS.items() if name not in COUNTS and not campaign.throughout]


# Lives of sixteen flows each: on a busy machine they take a while.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", LIVED)
def test_a_disturbed_world_ends_as_the_undisturbed_one(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    tally = CAMPAIGNS[name].live(1)
    assert tally.tried > 0
    assert tally.clean, tally.findings


def test_what_is_lost_doubled_or_changed_is_seen() -> None:
    tally = Tally()
    with world(1) as (sandbox, folder), Life(sandbox, folder, tally=tally, name="tampered with") as life:
        life.settle()
        orders = [row for row in sandbox.bc.rows("Sales Header") if row.get("External Document No.")]
        sandbox.bc.add("Sales Header", {**orders[0], "No.": "S-ORD999999", "systemid": ""})
        product = next(iter(sandbox.ipaas.records["product"].values()))
        product["name"] = "Something else"
        sandbox.ipaas.records["location"].popitem()
        life.compare(undisturbed(1))
    assert (tally.lost, tally.doubled, tally.stale) == (1, 1, 1), tally.findings
