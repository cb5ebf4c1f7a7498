"""Whether this machine has what several workers need."""

from __future__ import annotations

import socket

from tests import ledgers

_REDIS = ("127.0.0.1", 6379)


def missing_for_a_cluster() -> str:
    """Which of the services does not answer; empty where both do."""
    if not ledgers.answers():
        return f"no PostgreSQL answers at {ledgers.WHERE}"
    try:
        socket.create_connection(_REDIS, timeout=1).close()
    except OSError:
        return "no Redis answers at 127.0.0.1:6379"
    return ""
