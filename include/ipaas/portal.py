"""Where a person sees a record in iPaaS.com's portal. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from include.transport.addresses import host_of

# The platform's own service. Of its staging environment two addresses of a portal are told, so none is given.
_API, _PORTAL = "api.ipaas.com", "https://portal.ipaas.com"


@dataclass(frozen=True, kw_only=True)
class Portal:
    """The portal of the platform."""

    url: str

    @classmethod
    def of(cls, host: str | None) -> Portal | None:
        """The portal that belongs to the host of an API; None where that is not known."""
        return cls(url=_PORTAL) if host_of(host) == _API else None

    def address(self, internal_id: Any) -> str | None:
        """Where a record is looked for; None of one that iPaaS.com does not have.

        What a record's own page is called is not documented, so it is the portal itself: there it is found by its id.
        """
        return self.url if internal_id not in (None, "") else None
