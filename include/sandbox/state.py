"""Everything that the sandbox serves, and what was asked of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from include.sandbox import entra
from include.sandbox.bc.notices import Notices
from include.sandbox.bc.tenant import Tenant
from include.sandbox.faults import Faults
from include.sandbox.ipaas import hooks as ipaas_hooks
from include.sandbox.ipaas.platform import Platform
from include.sandbox.spoils import Refusal, Spoil
from include.sandbox.switches import Switches

_FAMILIES = ("sso", "subscriptions", "customers", "products", "transactions", "hookapi")


@dataclass
class Counters:
    """What was asked of each system: calls by `system METHOD`, writes, and the most calls in flight at once."""

    calls: Counter[str] = field(default_factory=Counter)
    paths: list[tuple[str, str, str]] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    high_water: Counter[str] = field(default_factory=Counter)

    def reset(self) -> None:
        """Begin anew."""
        self.calls.clear()
        self.paths.clear()
        self.high_water.clear()

    def writes(self) -> list[tuple[str, str, str]]:
        """The calls that changed data."""
        return [call for call in self.paths if is_write(*call)]

    def of(self, system: str, *methods: str) -> int:
        """Calls of a system, of all or of some methods."""
        return sum(
            n
            for name, n in self.calls.items()
            if name.split()[0] == system and (not methods or name.split()[1] in methods)
        )


def is_write(system: str, method: str, path: str) -> bool:
    """Whether a call changes data: logins, look-ups and batches of reads do not."""
    if method in ("PUT", "PATCH", "DELETE"):
        return True
    return method == "POST" and not any(word in path for word in ("/Auth/", "/LookupSpecial", "/token", "/$batch"))


def system_of(path: str) -> str:
    """Which system a path belongs to."""
    first = path.strip("/").split("/")[0]
    if first == "v2.0":
        return "business_central"
    if first in _FAMILIES:
        return "ipaas"
    return "control" if first == "_sandbox" else "entra"


@dataclass
class World:
    """Everything that the sandbox serves."""

    switches: Switches
    tenant: Tenant
    platform: Platform
    directory: entra.Directory
    counters: Counters = field(default_factory=Counters)
    faults: Faults = field(default_factory=Faults)
    spoils: list[Spoil] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    latency: dict[str, float] = field(default_factory=dict)
    hooks: ipaas_hooks.Hooks = field(init=False)
    notices: Notices = field(init=False)

    def __post_init__(self) -> None:
        self.hooks = ipaas_hooks.Hooks(self.platform)
        self.notices = Notices(self.tenant)
