"""The clock of a service, as its answers tell it: what was read is dated by the clock that dates the records."""

from __future__ import annotations

from datetime import datetime, timedelta

# The service names its time in whole seconds.
_SECOND = timedelta(seconds=1)
# Whoever is further off than this has no clock: a device on the way that has just been started, or keeps old answers.
_BELIEVED = timedelta(days=1)


class ServerClock:
    """How far a service's clock is ahead of ours. Until an answer has come they are taken to agree."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def heard(self, date: datetime, *, sent: datetime, received: datetime) -> None:
        """Take in the Date of an answer, to a request that was `sent` and whose answer was `received` by our clock."""
        least, most = date - received, date + _SECOND - sent
        if least > _BELIEVED or most < -_BELIEVED:
            return
        # As far as can be told they agree; else the least that it may be ahead, so that nothing is dated too late.
        self._ahead = timedelta() if least <= timedelta() <= most else least

    def at(self, moment: datetime) -> datetime:
        """What the service's clock showed at a moment of ours, or a little earlier; never later."""
        return moment + self._ahead
