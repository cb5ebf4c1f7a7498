"""Fixtures of the sandbox's own tests: an empty world, and both systems over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from callers import BusinessCentral, IPaaS

from include.sandbox import Sandbox


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
