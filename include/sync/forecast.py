"""What applying a plan takes: requests, and the time that the configured throttle gives them. Pure, but for counting."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from include.settings import SyncSettings
from include.sync.headway import lasts
from include.sync.listing import LIST_FROM
from include.sync.records import Json
from include.sync.runs import System

# To tell iPaaS.com a link takes a look at who holds the external id, and the link.
OF_A_LINK = 2


@dataclass(kw_only=True)
class Forecast:
    """What applying a plan sends beyond what the plan has read: `requests` that write, with the looks that belong to
    them, and `links` that iPaaS.com is told of when the run is settled, of so many records that are `linked`."""

    requests: int = 0
    links: int = 0
    linked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, requests: int = 0, links: int = 0, linked: int | None = None) -> None:
        """Count more, by default of one record; from any thread."""
        with self._lock:
            self.requests += requests
            self.links += links
            self.linked += int(links > 0) if linked is None else linked

    @property
    def requests_of_links(self) -> int:
        """Requests that it takes to tell iPaaS.com the links: of many records one for each with what is nested in it, and
        few for the list that shows them."""
        return OF_A_LINK * self.links if self.linked < LIST_FROM else self.linked

    def as_json(self) -> Json:
        """The forecast of one task, for staging."""
        return {"requests": self.requests, "links": self.links, "linked": self.linked}


@dataclass(frozen=True, kw_only=True)
class Applying:
    """Requests to each system that applying takes, and how long they take at the configured throttle, in seconds."""

    bc_requests: int
    ipaas_requests: int
    seconds: int

    @classmethod
    def of(
        cls,
        read: Mapping[str, int],
        planned: Forecast,
        target: System | None,
        settings: SyncSettings,
        *,
        side_by_side: bool = False,
    ) -> Applying:
        """What a plan has `read` is read again, and what it planned is sent to its `target`. `side_by_side`: links are told
        while records are written."""
        to_bc = target is System.business_central
        bc = read["bc_requests"] + (planned.requests if to_bc else 0)
        ipaas = read["ipaas_requests"] + planned.requests_of_links + (0 if to_bc else planned.requests)
        each = (
            bc * settings.bc_throttle_seconds / settings.bc_throttle_limit,
            ipaas * settings.ipaas_throttle_seconds / settings.ipaas_throttle_limit,
        )
        seconds = max(each) if side_by_side else sum(each)
        return cls(bc_requests=bc, ipaas_requests=ipaas, seconds=-int(-seconds // 1))

    @classmethod
    def together(cls, runs: Sequence[Applying]) -> Applying | None:
        """What applying several plans one after the other takes; None of none."""
        if not runs:
            return None
        return cls(
            bc_requests=sum(run.bc_requests for run in runs),
            ipaas_requests=sum(run.ipaas_requests for run in runs),
            seconds=sum(run.seconds for run in runs),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Applying:
        """What `as_json` made."""
        return cls(**{name: int(data[name]) for name in ("bc_requests", "ipaas_requests", "seconds")})

    def __str__(self) -> str:
        asked = {"Business Central": self.bc_requests, "iPaaS.com": self.ipaas_requests}
        each = [(number, system) for system, number in asked.items() if number]
        if not each:
            return "Applying it takes no request to either system."
        # Whose number is 0 is not asked, so it is not named.
        (first, system), *others = each
        requests = "request" if first == 1 else "requests"
        told = f"{first:,} {requests} to {system}" + "".join(f" and {number:,} to {other}" for number, other in others)
        return f"Applying it takes about {told}: about {lasts(self.seconds)} at the configured throttle."

    def as_json(self) -> Json:
        """The same as data, with its words."""
        return {
            "bc_requests": self.bc_requests,
            "ipaas_requests": self.ipaas_requests,
            "seconds": self.seconds,
            "words": str(self),
        }
