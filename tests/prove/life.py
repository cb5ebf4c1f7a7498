"""One life of a small world: both systems, all flows run until nothing is left to do, whatever disturbs them."""

from __future__ import annotations

import functools
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import time_machine

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flows"))

from bench import Bench, Remote

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.world import Size
from include.sync.ledger.faults import ClaimLost
from tests.prove.child import Order, work
from tests.prove.content import Content, content_of
from tests.prove.tally import Tally
from tests.prove.weather import Kill, Weather
from tests.unfinished import unfinished

# Workers are forked from a process that has everything imported and runs no threads.
_WORKERS = multiprocessing.get_context("forkserver")
_WORKERS.set_forkserver_preload(["tests.prove.child"])

SMALL = Size(
    companies=4,
    persons=3,
    contacts=3,
    items=5,
    orders=4,
    invoices=3,
    prices=2,
    shop_companies=2,
    shop_customers=2,
    shop_products=2,
    shop_orders=3,
    shop_invoices=2,
)
# For what may happen to every record: a run costs the same before its first one.
LARGE = Size(**{name: 3 * number for name, number in asdict(SMALL).items()})
DEFAULTS = {
    "company": {"Gen_Bus_Posting_Group": "DOMESTIC", "Customer_Posting_Group": "DOMESTIC"},
    "customer": {"Gen_Bus_Posting_Group": "DOMESTIC", "Customer_Posting_Group": "DOMESTIC"},
    "product": {"Gen_Prod_Posting_Group": "RETAIL", "Inventory_Posting_Group": "RESALE"},
    "invoice": {"shipping_account": "40410", "tax_account": "22700", "payment_journal": "WEBSHOP"},
}
# Between two rounds so much time passes that everything that is to be tried again is due.
ROUND = timedelta(hours=13)
ROUNDS = 8
# Whether a disk has what was written is not what is proved here, and waiting for it takes a fifth of the time.
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Life:
    """A world that lives: its sandbox, its ledger and the time."""

    def __init__(self, sandbox: Sandbox, folder: Path, *, tally: Tally, name: str) -> None:
        self.sandbox = sandbox
        self.tally = tally
        self.name = name
        self.bench = Bench(sandbox, folder, {"bc_create_defaults": DEFAULTS})
        self._time = time_machine.travel(datetime.now(UTC), tick=True)
        self._traveller: time_machine.Traveller | None = None

    def __enter__(self) -> Self:
        self._traveller = self._time.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._time.stop()
        self.bench.close()

    def later(self) -> None:
        """Let so much time pass, on all sides, that everything that is to be tried again is due."""
        assert self._traveller is not None
        self._traveller.shift(ROUND)

    def round(self, *, fair: bool) -> int:
        """Run every flow once; returns what was written or is left to do. In `fair` weather no run may fail."""
        open_ends = sum(self.try_to_run(flow, fair=fair) for flow in FLOWS)
        self.later()
        return open_ends

    def tick(self) -> None:
        """Run all flows at the same time, as when one tick of the clock starts them: their runs are named alike."""
        name = f"scheduled__{self.now().isoformat()}"
        with ThreadPoolExecutor(len(FLOWS)) as pool:
            list(pool.map(lambda flow: self.try_to_run(flow, run_id=name), FLOWS))
        self.later()

    def try_to_run(
        self,
        flow: str,
        *,
        fair: bool = False,
        before: Callable[[str], None] = lambda stage: None,
        run_id: str = "",
    ) -> int:
        """Run a flow, whatever comes of it; returns what was written or is left to do."""
        try:
            report = self.bench.run(flow, before=before, run_id=run_id)
        except Exception as fault:  # noqa: BLE001 - a run that dies is what is counted here
            # Of flows that one tick starts, no task is another try of another one.
            if fair or not _foreseen(fault) or (run_id and isinstance(fault, ClaimLost)):
                self.tally.find("died", self.name, f"{flow}: {type(fault).__name__}: {fault}")
            return 1
        for outcome in report.outcomes:
            if "Unexpected fault" in outcome.message or "fault of the integration" in outcome.advice:
                self.tally.find("died", self.name, f"{flow} {outcome.key}: {outcome.message}")
        counts = report.counts
        return sum(counts[n] for n in ("created", "updated", "waiting", "failed")) + counts.get("retrying", 0)

    @property
    def remote(self) -> Remote:
        """Where a worker finds the sandbox."""
        return Remote(url=self.sandbox.url, tls_url=self.sandbox.tls_url, ca_file=self.sandbox.ca_file)

    def now(self) -> datetime:
        """The time in this life."""
        return datetime.now(UTC)

    def hire(self, order: Order, weather: Weather, kill: Kill) -> bool:
        """Let a worker of its own process carry out an order, to be killed on the way; True when it came to the end."""
        worker = _WORKERS.Process(target=work, args=(order,))
        worker.start()
        kill.pid = worker.pid or 0
        weather.kill = kill
        worker.join(120)
        weather.kill = None
        if worker.exitcode is None:
            worker.kill()
            self.tally.find("stuck", self.name, "a worker hangs")
        elif worker.exitcode > 0:
            self.tally.find("died", self.name, f"a worker ended with {worker.exitcode}")
            return True
        return worker.exitcode == 0

    def settle(self) -> None:
        """Fair weather: run until a round finds nothing to do; what is left then is stuck."""
        for _ in range(ROUNDS):
            if not self.round(fair=True):
                break
        for transfer in (one for flow in FLOWS for one in unfinished(self.bench.ledger, flow)):
            self.tally.find("stuck", self.name, f"{transfer}")

    def compare(self, undisturbed: Content) -> None:
        """Count what differs from the undisturbed life."""
        here = content_of(self.sandbox)
        for name in undisturbed.named.keys() | here.named.keys():
            there, found = undisturbed.named[name], here.named[name]
            for _ in range(there - found):
                self.tally.find("lost", self.name, str(name))
            for _ in range(found - there):
                self.tally.find("doubled", self.name, str(name))
        for said in (undisturbed.said - here.said).elements():
            name = said[:-1]
            if undisturbed.named[name] == here.named[name]:
                other = next((one[-1] for one in here.said if one[:-1] == name), ())
                self.tally.find("stale", self.name, f"{name}: {_difference(said[-1], other)}")
        self.tally.lives += 1
        self.tally.most_in_flight = max(self.tally.most_in_flight, *self.sandbox.counters.high_water.values(), 0)


def _foreseen(fault: Exception) -> bool:
    """Whether a run ended in one of the project's own faults, which an operator reads in words."""
    return type(fault).__module__.startswith("include.") and bool(str(fault))


def _difference(expected: object, found: object) -> str:
    if isinstance(expected, tuple) and isinstance(found, tuple):
        return f"should be {sorted(map(repr, set(expected) - set(found)))}, is {sorted(map(repr, set(found) - set(expected)))}"
    return f"should be {expected!r}, is {found!r}"


@contextmanager
def world(seed: int, size: Size = SMALL) -> Iterator[tuple[Sandbox, Path]]:
    """A world of its own, from a seed, and a folder for what remembers it, in memory where there is such a place."""
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder, Sandbox(seed=seed, size=size) as sandbox:
        # Whether a draft and its lines are one transaction is not known.
        sandbox.switches.deep_insert = ("one", "torn")[seed % 2]
        yield sandbox, Path(folder)


@functools.cache
def undisturbed(seed: int, size: Size = SMALL) -> Content:
    """How a world ends that nothing disturbs."""
    tally = Tally()
    with world(seed, size) as (sandbox, folder):
        with Life(sandbox, folder, tally=tally, name=f"undisturbed {seed}") as life:
            life.settle()
        if not tally.clean:
            raise AssertionError(f"The undisturbed world does not come to rest: {tally.findings}")
        return content_of(sandbox)
