"""Serves a world on loopback: plain HTTP and TLS, the same application behind both."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme
import uvicorn

from include.sandbox import credentials
from include.sandbox.app import build_app
from include.sandbox.bc.sales import Sales
from include.sandbox.state import World
from include.sandbox.world import Size, build


class Sandbox:
    """A running sandbox; use it as a context manager. Tests reach into `bc` and `ipaas` to arrange and to look."""

    TENANT_ID = credentials.TENANT_ID
    CLIENT_ID = credentials.CLIENT_ID
    CLIENT_SECRET = credentials.CLIENT_SECRET
    ENVIRONMENT = credentials.ENVIRONMENT
    COMPANY_NAME = credentials.COMPANY_NAME
    IPAAS_EMAIL = credentials.IPAAS_EMAIL
    IPAAS_PASSWORD = credentials.IPAAS_PASSWORD
    IPAAS_COMPANY_ID = credentials.IPAAS_COMPANY_ID
    SYSTEM_ID = credentials.SYSTEM_ID
    WEBHOOK_API_KEY = credentials.WEBHOOK_API_KEY

    def __init__(
        self,
        world: str = "demo",
        *,
        seed: int = 1,
        size: Size | None = None,
        port: int = 0,
        http_port: int = 0,
        ca_file: str | None = None,
    ) -> None:
        """`world` is `demo`, `nasty` or `empty`. Port 0 is any free one."""
        self.world: World = build(world, seed=seed, size=size or Size())
        self.bc = self.world.tenant
        self.sales = Sales(self.world.tenant)
        self.ipaas = self.world.platform
        self.directory = self.world.directory
        self.faults = self.world.faults
        self.spoils = self.world.spoils
        self.refusals = self.world.refusals
        self.counters = self.world.counters
        self.switches = self.world.switches
        self.latency = self.world.latency
        self.hooks = self.world.hooks
        self.notices = self.world.notices
        self._folder = tempfile.TemporaryDirectory()
        self.ca_file = ca_file or str(Path(self._folder.name) / "ca.pem")
        self._tls_socket = _listen(port)
        self._http_socket = _listen(http_port)
        self.tls_url = f"https://localhost:{self._tls_socket.getsockname()[1]}"
        self.url = f"http://localhost:{self._http_socket.getsockname()[1]}"
        self._servers: list[uvicorn.Server] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, in a thread of its own; returns when both listeners answer."""
        app = build_app(self.world)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        for tls in (True, False):
            # Each system dates its answers by a clock of its own.
            config = uvicorn.Config(
                app, log_level="critical", access_log=False, lifespan="off", timeout_keep_alive=60, date_header=False
            )
            if tls:
                config.load()
                config.ssl = context
            self._servers.append(uvicorn.Server(config))
        threading.Thread(target=self._serve, name="sandbox", daemon=True).start()
        while not all(server.started for server in self._servers):
            time.sleep(0.01)

    def _serve(self) -> None:
        async def both() -> None:
            tls, plain = self._servers
            await asyncio.gather(tls.serve([self._tls_socket]), plain.serve([self._http_socket]))

        asyncio.run(both())

    def stop(self) -> None:
        """Stop serving. The servers notice within a moment; waiting for them would be most of a test's time."""
        self.hooks.close()
        self.notices.close()
        for server in self._servers:
            server.should_exit = True
            server.force_exit = True
        self._folder.cleanup()

    @property
    def bc_extra(self) -> dict[str, str]:
        """The extra of a Connection `business_central` that points here."""
        return {
            "tenant_id": self.TENANT_ID,
            "environment": self.ENVIRONMENT,
            "company_name": self.COMPANY_NAME,
            "grant_type": "client_credentials",
            "authority": self.tls_url,
            "verify": self.ca_file,
        }

    @property
    def ipaas_extra(self) -> dict[str, str | int]:
        """The extra of a Connection `ipaas` that points here."""
        return {
            "company_id": self.IPAAS_COMPANY_ID,
            "system_id": self.SYSTEM_ID,
            "webhook_api_key": self.WEBHOOK_API_KEY,
            "verify": self.ca_file,
        }


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's delay off; otherwise each answer would wait 40 ms.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    return found
