"""A burst of hooks at a real server, and a server that is killed in the middle of one: what it took is kept."""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from include.sync.ledger import Ledger
from tests import ledgers
from tests.hook_server import HookServer
from tests.systems import PAIR

FLOW, SCOPE = "company_from_ipaas", "company/updated"
CLIENTS = 20


@dataclass
class Served:
    """A server of the hook endpoint, its ledger, and what clients were told was taken."""

    server: HookServer
    acknowledged: set[int] = field(default_factory=set)

    def post(self, client: http.client.HTTPConnection, ids: Sequence[int]) -> int:
        """Announce records in one request; answers the status."""
        notifications = [{"id": str(i), "destination": "4711", "scope": SCOPE} for i in ids]
        status, said = self.server.post(client, {"notifications": notifications})
        if status == 200:
            assert said == {"accepted": len(ids)}
            self.acknowledged.update(ids)
        return status

    def kept(self) -> set[int]:
        """What the ledger holds."""
        ledger = Ledger(self.server.ledger_url, PAIR)
        found = {int(ipaas_id) for ipaas_id, _ in ledger.received(FLOW)}
        ledger.close()
        return found


@pytest.fixture(params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'sync_ledger.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(ledgers.postgres())
        yield Served(stack.enter_context(HookServer.running(tmp_path, url)))


def test_a_burst_in_any_packing_is_kept_whole(served: Served) -> None:
    with contextlib.closing(served.server.client()) as client:
        for start in range(1, 10_000, 3_000):
            assert served.post(client, range(start, min(start + 3_000, 10_001))) == 200
    assert served.kept() == set(range(1, 10_001))

    def send(number: int) -> None:
        with contextlib.closing(served.server.client()) as client:
            # Each record is announced by several clients.
            for i in range(number % 5, 1_000, 5):
                assert served.post(client, [20_000 + i]) == 200

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(send, range(CLIENTS)))
    assert served.kept() == set(range(1, 10_001)) | set(range(20_000, 21_000))


def test_what_was_acknowledged_survives_the_death_of_the_server(served: Served) -> None:
    chance, numbers, done = random.Random(7), iter(range(1, 10_000_000)), threading.Event()
    drawing = threading.Lock()

    def draw() -> list[int]:
        with drawing:
            return [next(numbers) for _ in range(chance.choice([1, 1, 5, 50]))]

    def send(_: int) -> None:
        while not done.is_set():
            lost = contextlib.suppress(OSError, http.client.HTTPException)
            with contextlib.closing(served.server.client()) as client, lost:
                while not done.is_set():
                    served.post(client, draw())

    with ThreadPoolExecutor(8) as pool:
        senders = [pool.submit(send, n) for n in range(8)]
        try:
            for _ in range(3):
                before = len(served.acknowledged)
                while len(served.acknowledged) < before + 200:
                    time.sleep(0.01)
                time.sleep(chance.random() / 2)
                served.server.kill()
                acknowledged = set(served.acknowledged)
                assert acknowledged <= served.kept()
                served.server.start()
        finally:
            done.set()
        for sender in senders:
            sender.result()
    assert served.acknowledged <= served.kept()
