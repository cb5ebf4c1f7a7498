"""A process that brings a new subscription up, and is killed in the middle."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence

import pytest

from include.sandbox import Sandbox
from tests.dags.conftest import ROOT, worker_environment
from tests.prove.weather import Kill, Weather

_DEFAULTS = {
    "company": {"Gen_Bus_Posting_Group": "DOMESTIC", "Customer_Posting_Group": "DOMESTIC"},
    "customer": {"Gen_Bus_Posting_Group": "DOMESTIC", "Customer_Posting_Group": "DOMESTIC"},
    "product": {"Gen_Prod_Posting_Group": "RETAIL", "Inventory_Posting_Group": "RESALE"},
    "sales_order": {"shipping_account": "40410"},
    "invoice": {"shipping_account": "40410", "tax_account": "22700", "payment_journal": "WEBSHOP"},
}
# What lets all flows of the sandbox's world go through.
VARIABLES = {"bc_create_defaults": json.dumps(_DEFAULTS)}
_WORKER = """
from bridge import initialize
from include.flows import FLOWS
of = {flows} or FLOWS
initialize.build({{name: FLOWS[name] for name in of}}).test(logical_date=None, run_conf={{"mode": "apply"}})
"""


def kill_initialize(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, *, at: int, flows: Sequence[str] = ()) -> None:
    """Run the DAG `initialize` in a process of its own, which is killed once it has written so many times.

    It has only the given flows, where some are given.
    """
    weather = Weather(random.Random(1), kill=Kill(at=at, before=False))
    monkeypatch.setattr(sandbox.faults, "meet", weather.meet)
    command = [sys.executable, "-c", _WORKER.format(flows=tuple(flows))]
    with subprocess.Popen(
        command, cwd=ROOT, env=worker_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as worker:
        assert weather.kill
        weather.kill.pid = worker.pid
        worker.wait()
    assert worker.returncode < 0
