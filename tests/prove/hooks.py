"""Hooks while everything is killed: iPaaS.com announces changes to Airflow's API server, runs carry them over, and both
are killed again and again. What was acknowledged must have been carried over as it was then, or later."""

from __future__ import annotations

import contextlib
import http.client
import random
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from include.sandbox.ipaas.hooks import notification
from include.sync.overview import records_of
from tests.hook_server import HookServer
from tests.prove.child import Order
from tests.prove.life import ROUNDS, Life, world
from tests.prove.tally import Tally
from tests.prove.weather import Kill, Weather

# What is asked of one API server.
PER_MINUTE = 10_000
_SENDERS = 8
# Records of each kind that change; each sender has some of its own.
_RECORDS = 40
# Notifications in a request: mostly one event, sometimes a burst in which records come several times.
_SIZES, _WEIGHTS = (1, 5, 50), (0.9, 0.08, 0.02)
# Of the announcements of a record so many bring a change; the others say the same again.
_NEWS = 0.05
_FLOWS = ("company_from_ipaas", "customer_from_ipaas", "product_from_ipaas")
_ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}
_PRODUCT = {"default_price": 1, "type": "Physical", "status": "Active", "tracking_method": "Product"}


@dataclass
class Announced:
    """A record of iPaaS.com whose text changes, and the version of it that was acknowledged last."""

    kind: str
    id: int
    name: str
    version: int = 0
    acknowledged: int = 0

    # Of each kind: the field that changes, and the table, the field that names it, and the field that shows the change.
    _FIELDS = {  # noqa: RUF012 - a constant
        "company": ("email_address", "Customer", "Name", "E-Mail"),
        "customer": ("last_name", "Customer", "E-Mail", "Name"),
        "product": ("name", "Item", "No.", "Description"),
    }

    @classmethod
    def make(cls, life: Life, kind: str, number: int) -> Announced:
        """One that Business Central does not know yet."""
        name, body = f"Company {number}", {"name": f"Company {number}", "addresses": [_ADDRESS]}
        if kind == "customer":
            name = f"person{number}@example.net"
            body = {"email_address": name, "first_name": "Anna", "addresses": [_ADDRESS]}
        elif kind == "product":
            name, body = f"SKU{number}", {"sku": f"SKU{number}", **_PRODUCT}
        body[cls._FIELDS[kind][0]] = cls._text(kind, 0)
        return cls(kind=kind, id=life.sandbox.ipaas.add(kind, body)["id"], name=name)

    def change(self, life: Life) -> None:
        """Let somebody change it."""
        self.version += 1
        life.sandbox.ipaas.edit(self.kind, self.id, {self._FIELDS[self.kind][0]: self._text(self.kind, self.version)})

    def there(self, life: Life) -> list[int]:
        """The versions that Business Central has of it: one, if all is well."""
        _, table, named, shows = self._FIELDS[self.kind]
        rows = [row for row in life.sandbox.bc.rows(table) if row.get(named) == self.name]
        return [int("".join(c for c in str(row[shows]).partition("@")[0] if c.isdigit()) or -1) for row in rows]

    @staticmethod
    def _text(kind: str, version: int) -> str:
        return f"v{version}@example.com" if kind == "company" else f"Version {version}"


@dataclass
class Sending:
    """What was sent, and what was heard of it."""

    seconds: float
    began: float = field(default_factory=time.monotonic)
    drawn: int = 0
    again: int = 0
    # When notifications were acknowledged: (second, how many).
    acknowledged: Counter[int] = field(default_factory=Counter)
    longest: float = 0.0
    # How often the server was killed; an answer that came from a server that lived all the time is measured.
    deaths: int = 0
    runs_killed: int = 0
    up: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    def draw(self, rng: random.Random) -> int:
        """How many notifications are to be sent now; 0 when the pace says to wait.

        What was not sent while the server was away is sent afterwards, as fast as it takes them.
        """
        with self.lock:
            passed = min(time.monotonic() - self.began, self.seconds)
            if self.drawn >= passed / 60 * PER_MINUTE:
                return 0
            number = rng.choices(_SIZES, _WEIGHTS)[0]
            self.drawn += number
            return number

    @property
    def over(self) -> bool:
        """Whether all has been sent."""
        return self.drawn >= self.seconds / 60 * PER_MINUTE

    def heard(self, number: int, seconds: float, *, measured: bool) -> None:
        """An acknowledgement, after so many seconds."""
        with self.lock:
            self.acknowledged[int(time.monotonic() - self.began)] += number
            if measured:
                self.longest = max(self.longest, seconds)

    def most_in_a_minute(self) -> int:
        """The largest number of acknowledgements in any minute."""
        seconds = range(max(self.acknowledged, default=0) + 1)
        window: deque[int] = deque(maxlen=60)
        most = 0
        for second in seconds:
            window.append(self.acknowledged[second])
            most = max(most, sum(window))
        return most

    def __str__(self) -> str:
        took, taken = time.monotonic() - self.began, sum(self.acknowledged.values())
        return (
            f"{self.drawn:,} notifications in {took:.0f} s, {self.again:,} requests sent again, {taken:,} acknowledged, "
            f"{self.most_in_a_minute():,} in one minute at most; the server was killed {self.deaths} times, and a "
            f"run {self.runs_killed} times; the longest answer of a server that lived took {self.longest:.2f} s"
        )


def hooks(seed: int, seconds: float = 8.0) -> Tally:
    """Changes announced for so many seconds at the asked pace, while server and runs are killed."""
    tally, rng = Tally(), random.Random(seed)
    # On a disk: what is acknowledged has to wait for one.
    with contextlib.ExitStack() as stack:
        sandbox, _ = stack.enter_context(world(seed))
        # Its runs follow one another without a pause. That all together keep to a tenant's limit is proved elsewhere.
        sandbox.switches.bc_limits = False
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        life = stack.enter_context(Life(sandbox, folder, tally=tally, name=f"hooks {seed}"))
        records = [
            Announced.make(life, kind, number)
            for kind in ("company", "customer", "product")
            for number in range(_RECORDS)
        ]
        server = stack.enter_context(HookServer.running(folder / "home", life.bench.ledger_url, airflow=True))
        sending = Sending(seconds=seconds)
        with (
            _killed_runs(life, sending, rng) as order,
            _killed_server(server, sending, rng, seconds),
            ThreadPoolExecutor(_SENDERS) as pool,
        ):
            jobs = [
                pool.submit(_send, server, sending, life, records[number::_SENDERS], random.Random(f"{seed} {number}"))
                for number in range(_SENDERS)
            ]
            for job in jobs:
                job.result()
        _carry_over(life, order)
        _compare(life, records)
        tally.tried += sum(sending.acknowledged.values())
        tally.lives += 1
        tally.most_in_flight = max(sandbox.counters.high_water.values(), default=0)
        tally.measured.append(str(sending))
    return tally


def _send(server: HookServer, sending: Sending, life: Life, mine: list[Announced], rng: random.Random) -> None:
    """A sender: changes records of its own and announces them, one request after another, each until it is taken."""
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(contextlib.closing(server.client()))
        while not sending.over:
            number = sending.draw(rng)
            if not number:
                time.sleep(0.002)
                continue
            chosen = rng.choices(mine, k=number)
            for record in chosen:
                if rng.random() < _NEWS:
                    record.change(life)
            said = {id(record): record.version for record in chosen}
            notes = [notification(f"{record.kind}/updated", record.id) for record in chosen]
            body = {**notes[0], "type": ""} if number == 1 and rng.random() < 0.5 else {"notifications": notes}
            while not _taken(server, client, body, sending, number):
                client.close()
                time.sleep(0.1)
            for record in chosen:
                record.acknowledged = said[id(record)]


def _taken(
    server: HookServer, client: http.client.HTTPConnection, body: dict[str, Any], sending: Sending, number: int
) -> bool:
    began, deaths, up = time.monotonic(), sending.deaths, sending.up
    try:
        status, said = server.post(client, body)
    except (OSError, http.client.HTTPException):
        status, said = 0, None
    if status != 200:
        sending.again += 1
        return False
    assert said == {"accepted": number}
    sending.heard(number, time.monotonic() - began, measured=up and sending.up and deaths == sending.deaths)
    return True


@contextmanager
def _killed_server(server: HookServer, sending: Sending, rng: random.Random, seconds: float) -> Iterator[None]:
    """Within, the server is killed now and then, and begun again."""
    done = threading.Event()
    longest = min(90.0, seconds / 2)

    def kill() -> None:
        while not done.wait(rng.uniform(longest / 3, longest)):
            sending.deaths += 1
            sending.up = False
            server.kill()
            server.start()
            sending.up = True

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        done.set()
        killer.join()


@contextmanager
def _killed_runs(life: Life, sending: Sending, rng: random.Random) -> Iterator[Order]:
    """Within, runs carry over what is announced, one after another; most are killed at one of their writes."""
    done = threading.Event()
    weather = Weather(random.Random(rng.random()))
    life.sandbox.faults.meet = weather.meet  # type: ignore[method-assign]
    order = Order(
        remote=life.remote,
        folder=life.bench.folder,
        settings=life.bench.settings,
        round=0,
        now=life.now(),
        flows=_FLOWS,
    )
    at = random.Random(rng.random())

    def work() -> None:
        number = 0
        while not done.is_set():
            kill = Kill(at=at.randint(1, 60), before=at.random() < 0.3)
            if life.hire(replace(order, round=number, now=life.now()), weather, kill):
                number += 1
            sending.runs_killed += kill.at <= 0

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield replace(order, round=1_000_000)
    finally:
        done.set()
        worker.join()
        weather.clear_up()


def _carry_over(life: Life, order: Order) -> None:
    """Runs in peace, until nothing of what was announced waits any more."""
    peace = Weather(random.Random(0))
    for number in range(ROUNDS):
        life.hire(replace(order, round=order.round + number, now=life.now()), peace, Kill(at=0, before=False))
        if not any(life.bench.ledger.received(flow) for flow in _FLOWS):
            return
    life.tally.find("stuck", life.name, "webhooks wait, and no run takes them")


def _compare(life: Life, records: list[Announced]) -> None:
    """What was acknowledged, beside what Business Central has; first at once, while nobody reads anything again."""
    every = {"cause": None, "state": None, "offset": 0, "limit": 1_000}
    unfinished = {transfer.key for flow in _FLOWS for transfer in records_of(life.bench.ledger, flow, **every)[0]}
    for record in records:
        found = record.there(life)
        if str(record.id) not in unfinished and max(found, default=-1) < record.acknowledged:
            life.tally.find("lost", life.name, f"{record}: Business Central has {found}")
    life.settle()
    for record in records:
        found = record.there(life)
        for _ in found[1:]:
            life.tally.find("doubled", life.name, f"{record}: {found}")
        if found[:1] != [record.version]:
            life.tally.find("stale", life.name, f"{record}: Business Central has {found}")
