"""What runs are called: those of several flows that one tick starts alike, and some by whoever starts them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bench import DEFAULTS, Bench, tally

from include.sandbox import Sandbox
from include.sandbox.world import Size
from include.sync import load

TICK = "scheduled__2026-11-29T01:50:00+00:00"
NOTHING = Size(**dict.fromkeys(vars(Size()), 0))


def test_a_flow_that_loads_while_another_one_does_takes_nothing_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each task of the other one would pass for a later try of this one's, and end it."""
    monkeypatch.setattr(load, "_GROUP", 2)
    with Sandbox("demo", size=replace(NOTHING, items=1, shop_companies=8, shop_customers=2)) as sandbox:
        bench = Bench(sandbox, tmp_path, {"bc_create_defaults": DEFAULTS})
        others: list[dict[str, int]] = []

        def meanwhile() -> bool:
            if not others:
                others.append(tally(bench.run("customer_from_ipaas", run_id=TICK)))
            return False

        report = bench.run("company_from_ipaas", run_id=TICK, gives_way=meanwhile)
        bench.close()
    assert [counts["created"] for counts in others] == [2]
    assert tally(report)["created"] == 8


@pytest.mark.both_ledgers
def test_a_run_may_have_as_long_a_name_as_airflow_lets_it(tmp_path: Path) -> None:
    with Sandbox("demo", size=replace(NOTHING, companies=410)) as sandbox:
        bench = Bench(sandbox, tmp_path, {"bc_create_defaults": DEFAULTS})
        bench.run("customer_category_to_ipaas")
        assert tally(bench.run("company_to_ipaas", run_id="n" * 250))["created"] == 410
        bench.close()
