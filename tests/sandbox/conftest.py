"""Fixtures of the sandbox's own tests: an empty world, and both systems over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from callers import BusinessCentral, IPaaS

from include.business_central.subscriptions import SubscribingClient
from include.sandbox import Sandbox
from include.settings import BusinessCentralConnection
from include.transport.session import RetryPolicy
from include.transport.throttle import Throttle


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A world with set-up tables only."""
    with Sandbox("empty") as running:
        yield running


@pytest.fixture
def bc(sandbox: Sandbox) -> BusinessCentral:
    """Business Central over HTTP."""
    return BusinessCentral(sandbox)


@pytest.fixture
def ipaas(sandbox: Sandbox) -> IPaaS:
    """iPaaS.com over HTTP."""
    return IPaaS(sandbox)


@pytest.fixture
def client(sandbox: Sandbox) -> SubscribingClient:
    """Who subscribes to what Business Central tells."""
    connection = BusinessCentralConnection.from_parts(
        sandbox.url, sandbox.CLIENT_ID, sandbox.CLIENT_SECRET, sandbox.bc_extra
    )
    return SubscribingClient(connection, throttle=Throttle(100_000, 60), policy=RetryPolicy(attempts=1))
