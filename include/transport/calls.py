"""What the clients of both services tell of their requests."""

from __future__ import annotations

from include.transport.clock import ServerClock
from include.transport.session import Transport
from include.transport.telemetry import Spent


class ServiceCalls:
    """Sends requests by a transport of its own, and tells what they cost."""

    _transport: Transport

    @property
    def requests(self) -> int:
        """Requests sent to the service so far. Those for a token count where the service itself issues it (iPaaS.com)."""
        return self.spent.requests

    @property
    def spent(self) -> Spent:
        """What these requests cost so far."""
        return self._transport.spending.spent

    @property
    def clock(self) -> ServerClock:
        """The service's clock."""
        return self._transport.clock

    @property
    def under_way(self) -> float:
        """Seconds for which a request may still be on its way when whoever sent it has died."""
        return self._transport.policy.under_way
