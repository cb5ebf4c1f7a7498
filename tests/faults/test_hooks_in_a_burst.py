"""A burst of hooks at a real server, and a server that is killed in the middle of one: what it took is kept."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from include.sync.ledger import Ledger
from tests import ledgers
from tests.systems import PAIR

KEY = "the-webhook-key"
FLOW, SCOPE = "company_from_ipaas", "company/updated"
CLIENTS = 20
# The plugin's applications as Airflow's API server mounts them, on a socket that outlives the process.
SCRIPT = textwrap.dedent(
    """
    import socket, sys
    import uvicorn
    from business_central_ipaas import BusinessCentralIPaaSPlugin
    from starlette.applications import Starlette
    from starlette.routing import Mount

    app = Starlette(routes=[Mount(a["url_prefix"], a["app"]) for a in BusinessCentralIPaaSPlugin.fastapi_apps])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    server.run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
    """
)


@dataclass
class Served:
    """A server process of the hook endpoint, its ledger, and what clients were told was taken."""

    home: Path
    ledger_url: str
    listener: socket.socket
    process: subprocess.Popen[bytes] | None = None
    acknowledged: set[int] = field(default_factory=set)

    def start(self) -> None:
        """Serve, in a process of its own; returns when it answers."""
        root = Path(__file__).resolve().parents[2]
        bc = {"tenant_id": PAIR.tenant_id, "environment": PAIR.environment, "company_name": PAIR.company_name}
        ipaas = {"webhook_api_key": KEY, "company_id": PAIR.ipaas_company_id, "system_id": PAIR.system_id}
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(root), str(root / "plugins"), os.environ.get("PYTHONPATH", "")]),
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW_CONN_BUSINESS_CENTRAL": json.dumps({"conn_type": "http", "host": "nowhere", "extra": bc}),
            "AIRFLOW_CONN_IPAAS": json.dumps({"conn_type": "http", "host": "nowhere", "extra": ipaas}),
        }
        if self.ledger_url.startswith("postgresql"):
            environment["AIRFLOW_CONN_SYNC_LEDGER"] = self.ledger_url.replace("postgresql+psycopg2", "postgres")
        number = self.listener.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(number)], cwd=root, env=environment, pass_fds=[number]
        )
        with contextlib.closing(self.client()) as client:
            assert self.post(client, []) == 200

    def kill(self) -> None:
        """Let it end without a chance to do anything more."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self) -> http.client.HTTPConnection:
        """A connection of a sender."""
        return http.client.HTTPConnection("127.0.0.1", self.listener.getsockname()[1], timeout=120)

    def post(self, client: http.client.HTTPConnection, ids: Sequence[int]) -> int:
        """Announce records in one request; answers the status."""
        notifications = [{"id": str(i), "destination": "4711", "scope": SCOPE} for i in ids]
        client.request(
            "POST", "/ipaas/hooks", json.dumps({"notifications": notifications}), {"Authorization": f"Bearer {KEY}"}
        )
        answer = client.getresponse()
        body = answer.read()
        if answer.status == 200:
            assert json.loads(body) == {"accepted": len(ids)}
            self.acknowledged.update(ids)
        return answer.status

    def kept(self) -> set[int]:
        """What the ledger holds."""
        ledger = Ledger(self.ledger_url, PAIR)
        found = {int(ipaas_id) for ipaas_id, _ in ledger.received(FLOW)}
        ledger.close()
        return found


@pytest.fixture(params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'sync_ledger.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(ledgers.postgres())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        server = Served(home=tmp_path, ledger_url=url, listener=listener)
        server.start()
        yield server
        server.kill()


def test_a_burst_in_any_packing_is_kept_whole(served: Served) -> None:
    with contextlib.closing(served.client()) as client:
        for start in range(1, 10_000, 3_000):
            assert served.post(client, range(start, min(start + 3_000, 10_001))) == 200
    assert served.kept() == set(range(1, 10_001))

    def send(number: int) -> None:
        with contextlib.closing(served.client()) as client:
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
            with contextlib.closing(served.client()) as client, contextlib.suppress(OSError, http.client.HTTPException):
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
                served.kill()
                acknowledged = set(served.acknowledged)
                assert acknowledged <= served.kept()
                served.start()
        finally:
            done.set()
        for sender in senders:
            sender.result()
    assert served.acknowledged <= served.kept()
