"""A process that serves the hook endpoint, on a socket that outlives it: it may be killed and begun again."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.systems import PAIR

KEY = "the-webhook-key"
_ROOT = Path(__file__).resolve().parents[1]
_SERVES = """
import socket, sys
import uvicorn
{app}
server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
server.run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
"""
# The plugin's applications alone, which begin in no time, or the whole API server of Airflow, as its own command has it.
_PLUGIN = textwrap.dedent(
    """
    from business_central_ipaas import BusinessCentralIPaaSPlugin
    from starlette.applications import Starlette
    from starlette.routing import Mount

    app = Starlette(routes=[Mount(a["url_prefix"], a["app"]) for a in BusinessCentralIPaaSPlugin.fastapi_apps])
    """
)
_AIRFLOW = "from airflow.api_fastapi.main import app"
_DATABASE = "from airflow.utils.db import initdb; initdb()"


@dataclass
class HookServer:
    """The process, with a home of its own, and where its ledger is. `airflow`: it is Airflow's whole API server."""

    home: Path
    ledger_url: str
    listener: socket.socket
    airflow: bool = False
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, home: Path, ledger_url: str, *, airflow: bool = False) -> Iterator[Self]:
        """One that serves, and ends with the block."""
        with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
            server = cls(home=home, ledger_url=ledger_url, listener=listener, airflow=airflow)
            server._make_home()
            server.start()
            try:
                yield server
            finally:
                server.kill()

    def start(self) -> None:
        """Serve, in a process of its own; returns when it answers."""
        number = self.listener.fileno()
        script = _SERVES.format(app=_AIRFLOW if self.airflow else _PLUGIN)
        with self._log() as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script, str(number)],
                cwd=_ROOT,
                env=self._environment(),
                pass_fds=[number],
                stdout=log,
                stderr=log,
            )
        # On a busy machine Airflow takes minutes to begin.
        with contextlib.closing(self.client(timeout=900)) as client:
            status, _ = self.post(client, {"notifications": []})
            assert status == 200

    def kill(self) -> None:
        """Let it end without a chance to do anything more."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self, *, timeout: float = 120) -> http.client.HTTPConnection:
        """A connection of a sender, which waits so many seconds for an answer."""
        return http.client.HTTPConnection("127.0.0.1", self.listener.getsockname()[1], timeout=timeout)

    def post(self, client: http.client.HTTPConnection, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Send a request; answers the status and what it says. Raises OSError or HTTPException without an answer."""
        client.request("POST", "/ipaas/hooks", json.dumps(body), {"Authorization": f"Bearer {KEY}"})
        answer = client.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if answer.status == 200 else None

    def _make_home(self) -> None:
        self.home.mkdir(exist_ok=True)
        if self.airflow:
            with self._log() as log:
                subprocess.run(
                    [sys.executable, "-c", _DATABASE],
                    cwd=_ROOT,
                    env=self._environment(),
                    stdout=log,
                    stderr=log,
                    check=True,
                )

    @contextmanager
    def _log(self) -> Iterator[Any]:
        """Airflow's server says a line for each request; of the plugin alone only what is wrong is said."""
        if not self.airflow:
            yield None
            return
        with (self.home / "server.log").open("ab") as log:
            yield log

    def _environment(self) -> dict[str, str]:
        bc = {"tenant_id": PAIR.tenant_id, "environment": PAIR.environment, "company_name": PAIR.company_name}
        ipaas = {"webhook_api_key": KEY, "company_id": PAIR.ipaas_company_id, "system_id": PAIR.system_id}
        ledger: Any = self.ledger_url.replace("postgresql+psycopg2", "postgres")
        if self.ledger_url.startswith("sqlite"):
            ledger = json.dumps({"conn_type": "sqlite", "host": self.ledger_url.removeprefix("sqlite:///")})
        path = [str(_ROOT), str(_ROOT / "plugins"), str(_ROOT / "config"), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(_ROOT / "plugins"),
            "AIRFLOW_CONN_BUSINESS_CENTRAL": json.dumps({"conn_type": "http", "host": "nowhere", "extra": bc}),
            "AIRFLOW_CONN_IPAAS": json.dumps({"conn_type": "http", "host": "nowhere", "extra": ipaas}),
            "AIRFLOW_CONN_SYNC_LEDGER": ledger,
        }
