"""Faults to inject: which calls they meet, and what happens to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

PAGE = (
    "<html><head><title>Service unavailable</title></head><body><h1>Our services are not available</h1></body></html>"
)
_AS_PAGE = {"Content-Type": "text/html"}
# What stands between a client and a service answers in the service's place, before or after (`Fault.after`) the call
# was processed: by name, the fields of the Fault. None of it is in the words of either service.
GATEWAY: dict[str, dict[str, Any]] = {
    "400 page": {"status": 400, "body": PAGE, "headers": _AS_PAGE},
    "403 page": {"status": 403, "body": PAGE, "headers": _AS_PAGE},
    "404 page": {"status": 404, "body": PAGE, "headers": _AS_PAGE},
    "408": {"status": 408},
    "409": {"status": 409},
    "429": {"status": 429},
    "429 page": {"status": 429, "body": PAGE, "headers": _AS_PAGE},
    "500 page": {"status": 500, "body": PAGE, "headers": _AS_PAGE},
    "502": {"status": 502},
    "503": {"status": 503},
    "503 page": {"status": 503, "body": PAGE, "headers": _AS_PAGE},
    "504 page": {"status": 504, "body": PAGE, "headers": _AS_PAGE},
    "200 empty": {"status": 200},
    "200 page": {"status": 200, "body": PAGE, "headers": _AS_PAGE},
    "200 cut": {"status": 200, "body": '{"value": [{"id": "', "headers": {"Content-Type": "application/json"}},
    "200 text": {"status": 200, "body": "OK", "headers": {"Content-Type": "text/plain"}},
}


@dataclass(kw_only=True)
class Fault:
    """A fault meets calls of `system` whose `method` and `path` match, `times` times, after letting `skip` pass.

    `status` and `body` answer instead of the service; `after`: once it has processed the call, as a gateway does that
    cannot hear it any more. `lost`: the call is processed, and the connection is closed without an answer. `cut`: the
    connection is closed before anything is processed. `delay`: seconds to wait first. `truncate`: only so many bytes of
    the answer are sent.
    """

    system: str = ""
    method: str = ""
    path: str = ""
    body_contains: str = ""
    times: int = 1
    skip: int = 0
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    lost: bool = False
    cut: bool = False
    delay: float = 0.0
    truncate: int | None = None

    def meets(self, system: str, method: str, path: str, body: bytes) -> bool:
        """Whether it meets this call; counts it down."""
        if self.times <= 0 or (self.system and self.system != system):
            return False
        if self.method and self.method != method:
            return False
        if self.path and not re.search(self.path, path):
            return False
        if self.body_contains and self.body_contains.encode() not in body:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        self.rules.append(fault)

    def clear(self) -> None:
        """Lift all faults."""
        self.rules.clear()

    def meet(self, system: str, method: str, path: str, body: bytes) -> Fault | None:
        """The first fault that meets a call."""
        return next((rule for rule in self.rules if rule.meets(system, method, path, body)), None)
