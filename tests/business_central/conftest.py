"""A Business Central to talk to, and clients that do not wait long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from include.business_central.client import BusinessCentralClient
from include.sandbox.server import Sandbox
from include.settings import BusinessCentralConnection
from include.transport.session import RetryPolicy
from include.transport.throttle import Throttle

Connect = Callable[..., BusinessCentralClient]
QUICK = RetryPolicy(attempts=4, first=0.001, longest=0.002, timeout=(10.0, 10.0))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The demo world, afresh."""
    with Sandbox(world="demo") as server:
        yield server


@pytest.fixture
def connect(sandbox: Sandbox) -> Connect:
    """Makes clients: of the sandbox's connection, changed as the keywords say."""

    def client(
        *,
        login: str = sandbox.CLIENT_ID,
        password: str = sandbox.CLIENT_SECRET,
        host: str = sandbox.url,
        policy: RetryPolicy = QUICK,
        service_names: dict[str, str] | None = None,
        concurrency: int = 1,
        **extra: Any,
    ) -> BusinessCentralClient:
        return BusinessCentralClient(
            BusinessCentralConnection.from_parts(host, login, password, sandbox.bc_extra | extra),
            throttle=Throttle(100_000, 60),
            service_names=service_names,
            concurrency=concurrency,
            policy=policy,
        )

    return client


@pytest.fixture
def bc(connect: Connect) -> BusinessCentralClient:
    """A client that is set up rightly."""
    return connect()
