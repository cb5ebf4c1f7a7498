"""Random schedules of commits: each record is changed a few times, and each change becomes visible when it pleases.

A change is dated when it is written, and seen when its transaction commits: at once, minutes or up to two days later.
Meanwhile polls run every hour; they read from replicas that lag behind, on machines whose clocks are an hour apart,
behind a gateway whose clock is, too; and some of them die in the middle. Whatever has been visible for a day must have
arrived, and no older version may ever come after a newer one.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

from include.sandbox import Sandbox
from include.sync.plan import OVERLAP
from tests.flows.bench import Bench

RECORDS = 50  # schedules in one world
LATEST = timedelta(hours=48)  # the longest that a commit takes
DAY = timedelta(days=1)
_START = datetime(2026, 5, 4, 6, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_STAGES = ("extract", "transform", "load", "report")
# Machines that polls run on, by how far their clocks are from the service's; and how far the gateway's is.
_MACHINES: Sequence[Sequence[timedelta]] = ((timedelta(),), (_HOUR,), (-_HOUR,), (-_HOUR, timedelta(), _HOUR))
_GATEWAYS = (timedelta(), _HOUR, -_HOUR)
# Time for two polls, should the first one die.
_SOON = timedelta(hours=3)
_LAGS = (timedelta(), timedelta(seconds=30), timedelta(minutes=5))


class Died(Exception):
    """A run that is killed between two of its tasks."""


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One change of one record: written, and therefore dated, at one time, and visible from another on."""

    key: str
    version: int
    written: datetime
    visible: datetime


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A flow, how a version of a record is made where it comes from, and which one is seen where it goes."""

    flow: str
    write: Callable[[Bench, Commit], None]
    shown: Callable[[Bench, str], int]
    settings: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Bench], None] = lambda bench: None


def _write_customer(bench: Bench, commit: Commit) -> None:
    bc, name = bench.sandbox.bc, f"Company v{commit.version}"
    if commit.version:
        bc.change("Customer", commit.key, modified=commit.written, Name=name)
    else:
        bc.add_customer(commit.key, name, "Company", modified=commit.written)


def _version_of(name: Any) -> int:
    return int(str(name).rpartition("v")[2])


def _shown_company(bench: Bench, key: str) -> int:
    record = bench.linked("company", key)
    return _version_of(record["name"]) if record else -1


def _write_item(bench: Bench, commit: Commit) -> None:
    fields = {"Description": f"Item v{commit.version}", "Unit Price": 10 + commit.version}
    if commit.version:
        bench.sandbox.bc.change("Item", commit.key, modified=commit.written, **fields)
    else:
        item = {"No.": commit.key, "Type": "Inventory", **fields}
        bench.sandbox.bc.add("Item", item, modified=commit.written)


def _shown_product(bench: Bench, key: str) -> int:
    record = bench.linked("product", key)
    return _version_of(record["name"]) if record else -1


def _sell(bench: Bench) -> None:
    """A customer and an item for orders, known to iPaaS.com."""
    bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
    bench.sandbox.bc.add("Item", {"No.": "1000", "Description": "Bicycle", "Type": "Inventory", "Unit Price": 10})
    for flow in ("company_to_ipaas", "product_to_ipaas"):
        bench.run(flow)


def _write_order(bench: Bench, commit: Commit) -> None:
    sales, quantity = bench.sandbox.sales, 1 + commit.version
    if commit.version:
        sales.change_line(commit.key, 10000, modified=commit.written, Quantity=quantity)
    else:
        line = {"Type": "Item", "No.": "1000", "Quantity": quantity, "Unit Price": 10}
        sales.add_order(commit.key, customer="C1", lines=[line], modified=commit.written)
        sales.release(commit.key, modified=commit.written)


def _shown_order(bench: Bench, key: str) -> int:
    record = bench.linked("transaction", key)
    return int(record["lines"][0]["qty"]) - 1 if record else -1


def _write_company(bench: Bench, commit: Commit) -> None:
    """A change in iPaaS.com is announced when it has been committed."""
    ipaas, name = bench.sandbox.ipaas, f"Company {commit.key} v{commit.version}"
    if commit.version:
        made = next(i for i, one in ipaas.records["company"].items() if one["account_number"] == commit.key)
        ipaas.edit("company", made, {"name": name}, modified=commit.written)
    else:
        body = {"name": name, "account_number": commit.key, "addresses": [_ADDRESS]}
        made = ipaas.add("company", body, modified=commit.written)["id"]
    scope = "updated" if commit.version else "created"
    bench.ledger.receive([("company_from_ipaas", str(made), f"company/{scope}")])


def _shown_customer(bench: Bench, key: str) -> int:
    made = [row for row in bench.sandbox.bc.rows("Customer") if str(row["Name"]).startswith(f"Company {key} v")]
    return _version_of(made[0]["Name"]) if made else -1


_ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}
_GROUPS = {"Gen_Bus_Posting_Group": "DOMESTIC", "Customer_Posting_Group": "DOMESTIC"}
KINDS = (
    Kind(flow="company_to_ipaas", write=_write_customer, shown=_shown_company),
    Kind(flow="product_to_ipaas", write=_write_item, shown=_shown_product),
    Kind(flow="sales_order_to_ipaas", write=_write_order, shown=_shown_order, prepare=_sell),
    Kind(
        flow="company_from_ipaas",
        write=_write_company,
        shown=_shown_customer,
        settings={"bc_create_defaults": {"company": _GROUPS}},
    ),
)


@dataclass(kw_only=True)
class Found:
    """What came of some schedules. `stale`: a version visible for a day had not arrived; `missing`: none had; `slow`:
    one whose commit was not unusually late had not arrived with the next polls."""

    schedules: int = 0
    commits: int = 0
    late: int = 0
    died: int = 0
    stale: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    brought_back: set[str] = field(default_factory=set)


def count(number: int, seed: int) -> Mapping[str, int]:
    """Try at least `number` schedules."""
    total = Found()
    rng = random.Random(seed)
    worlds = 0
    while total.schedules < number:
        with tempfile.TemporaryDirectory() as folder:
            found = world(rng, Path(folder), KINDS[(seed + worlds) % len(KINDS)], Weather.any(rng), f"{worlds}:")
        worlds += 1
        for name in ("schedules", "commits", "late", "died"):
            setattr(total, name, getattr(total, name) + getattr(found, name))
        total.stale |= found.stale
        total.missing |= found.missing
        total.slow |= found.slow
        total.brought_back |= found.brought_back
    return {
        f"schedules ({total.commits} commits, {total.late} late, {total.died} runs died)": total.schedules,
        "missing after a day": len(total.missing),
        "stale after a day": len(total.stale),
        "slow although not committed late": len(total.slow),
        "older version brought back": len(total.brought_back),
    }


def commits(rng: random.Random, key: str) -> Iterator[Commit]:
    """The schedule of one record. It stays locked until a change of it commits, so the next one comes after that."""
    now = _START + rng.random() * timedelta(hours=12)
    for version in range(rng.randint(1, 3)):
        late = rng.choice([timedelta(), *[timedelta(minutes=8)] * 2, _HOUR, 12 * _HOUR, LATEST]) * rng.random()
        yield Commit(key=key, version=version, written=now, visible=now + late)
        now += late + timedelta(minutes=1) + rng.random() * timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How far the clocks of the `machines` that polls run on are from the service's, how far the gateway's is, and how
    much replicas lag behind."""

    machines: Sequence[timedelta] = _MACHINES[0]
    gateway: timedelta = _GATEWAYS[0]
    lag: timedelta = _LAGS[0]

    @classmethod
    def any(cls, rng: random.Random) -> Weather:
        """Some weather."""
        return cls(machines=rng.choice(_MACHINES), gateway=rng.choice(_GATEWAYS), lag=rng.choice(_LAGS))

    @property
    def prompt(self) -> timedelta:
        """How late a commit may be, lag included, and be seen by the next poll all the same."""
        # Where two clocks are wrong in the same way, only the daily look helps.
        return timedelta() if self.gateway > timedelta() and _HOUR in self.machines else OVERLAP


def world(rng: random.Random, folder: Path, kind: Kind, weather: Weather, name: str = "") -> Found:
    """Let RECORDS schedules pass in one world."""
    schedule = {f"R{n}": list(commits(rng, f"R{n}")) for n in range(RECORDS)}
    with Sandbox("empty") as sandbox, time_machine.travel(_START, tick=False) as clock:
        sandbox.switches.bc_gateway_ahead = weather.gateway.total_seconds()
        sandbox.switches.read_lag = weather.lag.total_seconds()
        bench = Bench(sandbox, folder, dict(kind.settings))
        try:
            return _World(bench, kind, schedule, rng, clock, weather, name).pass_by()
        finally:
            bench.close()


@dataclass
class _World:
    bench: Bench
    kind: Kind
    schedule: Mapping[str, Sequence[Commit]]
    rng: random.Random
    clock: Any
    weather: Weather
    name: str
    found: Found = field(default_factory=Found)
    shown: dict[str, int] = field(default_factory=dict)

    def pass_by(self) -> Found:
        """Let time pass until everything has been visible for more than a day."""
        self.kind.prepare(self.bench)
        every = [commit for of_record in self.schedule.values() for commit in of_record]
        self.found.schedules, self.found.commits = len(self.schedule), len(every)
        self.found.late = sum(commit.visible > commit.written for commit in every)
        pending = sorted(every, key=lambda commit: commit.visible, reverse=True)
        now, end, died = _START, pending[0].visible + DAY + 2 * _HOUR, False
        while now < end:
            now += _HOUR * self.rng.uniform(0.9, 1)
            # The replica is as old as it may be at some time before the poll.
            as_of = now - self.weather.lag * self.rng.random()
            self._come_true(pending, as_of)
            self._at(as_of, timedelta())
            self.bench.sandbox.bc.replica()
            self._come_true(pending, now)
            died = not died and self.rng.random() < 0.1
            self._poll(now, self.rng.choice(_STAGES) if died else None)
            self._look(now)
        return self.found

    def _at(self, now: datetime, machine: timedelta) -> None:
        """Set this process's clock to a machine's, the service's being right."""
        self.clock.move_to(now + machine)
        switches = self.bench.sandbox.switches
        switches.bc_clock_ahead = switches.ipaas_clock_ahead = -machine.total_seconds()

    def _come_true(self, pending: list[Commit], now: datetime) -> None:
        while pending and pending[-1].visible <= now:
            commit = pending.pop()
            self._at(commit.visible, timedelta())
            self.kind.write(self.bench, commit)

    def _poll(self, now: datetime, dies_before: str | None) -> None:
        def before(stage: str) -> None:
            if stage == dies_before:
                raise Died

        self._at(now, self.rng.choice(self.weather.machines))
        try:
            self.bench.run(self.kind.flow, before=before)
        except Died:
            self.found.died += 1

    def _look(self, now: datetime) -> None:
        for key, of_record in self.schedule.items():
            shown = self.kind.shown(self.bench, key)
            if shown < self.shown.get(key, -1):
                self.found.brought_back.add(self.name + key)
            self.shown[key] = shown
            seen = [c for c in of_record if c.visible <= now]
            if any(shown < c.version for c in seen if c.visible <= now - DAY):
                (self.found.missing if shown < 0 else self.found.stale).add(self.name + key)
            soon = [c for c in seen if c.visible - c.written + self.weather.lag < self.weather.prompt]
            if any(shown < c.version for c in soon if c.visible <= now - _SOON):
                self.found.slow.add(self.name + key)
