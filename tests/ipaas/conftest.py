"""An iPaaS.com to talk to, and clients that do not wait long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from include.ipaas.client import IPaaSClient
from include.sandbox.server import Sandbox
from include.settings import IPaaSConnection
from include.transport.session import RetryPolicy
from include.transport.throttle import Throttle

Connect = Callable[..., IPaaSClient]
QUICK = RetryPolicy(attempts=4, first=0.001, longest=0.002, timeout=(10.0, 10.0))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A platform without records."""
    with Sandbox(world="empty") as server:
        yield server


@pytest.fixture
def connect(sandbox: Sandbox) -> Connect:
    """Makes clients: of the sandbox's connection, changed as the keywords say."""

    def client(
        *,
        login: str | None = sandbox.IPAAS_EMAIL,
        password: str = sandbox.IPAAS_PASSWORD,
        host: str = sandbox.url,
        concurrency: int = 1,
        own_paths: dict[str, dict[str, str]] | None = None,
        **extra: Any,
    ) -> IPaaSClient:
        return IPaaSClient(
            IPaaSConnection.from_parts(host, login, password, sandbox.ipaas_extra | extra),
            throttle=Throttle(100_000, 60),
            concurrency=concurrency,
            policy=QUICK,
            own_paths=own_paths,
        )

    return client


@pytest.fixture
def ipaas(connect: Connect) -> IPaaSClient:
    """A client that is set up rightly."""
    return connect()
