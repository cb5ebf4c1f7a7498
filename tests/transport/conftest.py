"""Fixtures of the transport's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.transport.scripted import Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A server without TLS."""
    server = Wire()
    yield server
    server.close()
