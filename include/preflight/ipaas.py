"""What has to be in place in iPaaS.com: subscription, rights, what its own documents say, custom fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from include.errors import ErrorKind, ServiceError
from include.ipaas.client import IPaaSClient
from include.ipaas.dialect import Guess
from include.ipaas.endpoints import CUSTOMER, PRODUCT, TRANSACTION
from include.preflight.checks import Check, Red, Unknown
from include.settings import SyncSettings

LOGIN = "Login to iPaaS.com"
SUBSCRIPTION = "Subscription"
READS = "Permission to read iPaaS.com"
WRITES = "Permission to write to iPaaS.com"
_TRIED = (CUSTOMER, PRODUCT, TRANSACTION)


@dataclass(frozen=True, kw_only=True)
class IPaaSChecks:
    """The checks of one subscription. What they write is refused, and leaves nothing behind."""

    connect: Callable[[], IPaaSClient]
    settings: SyncSettings

    @cached_property
    def ipaas(self) -> IPaaSClient:
        """The client, once it is needed."""
        return self.connect()

    def checks(self, connection: str) -> Iterator[Check]:
        """All of them; `connection` is the line that they hang on."""
        yield Check(line=LOGIN, ask=self._login, after=(connection,))
        yield Check(line=SUBSCRIPTION, ask=self._subscription, after=(LOGIN,))
        yield Check(line=READS, ask=self._reads, after=(SUBSCRIPTION,))
        yield Check(line=WRITES, ask=self._writes, after=(READS,))
        yield Check(line="Documents of iPaaS.com", ask=self._documents, after=(LOGIN,))
        targets = sorted({one.target for one in self.settings.bc_custom_fields if one.direction == "to_ipaas"})
        if targets:
            yield Check(line="Custom fields in iPaaS.com", ask=lambda: self._fields(targets), after=(READS,))

    def _login(self) -> str:
        self.ipaas.sign_in()
        return "There is a token of the company."

    def _subscription(self) -> str:
        name = self.ipaas.check_subscription()
        kind = self.ipaas.subscription_type() or "which iPaaS.com does not tell"
        return f"{self.ipaas.system_id} is {name!r}; its type is {kind}."

    def _reads(self) -> str:
        for endpoint in _TRIED:
            next(iter(self.ipaas.pages(endpoint)), None)
        return f"{', '.join(f'{endpoint.name}s' for endpoint in _TRIED)} can be read."

    def _writes(self) -> str:
        """Records without anything in them: whoever may write is refused for that."""
        for endpoint in _TRIED:
            try:
                made = self.ipaas.post(endpoint, {}, Guess())
            except ServiceError as error:
                if error.kind is not ErrorKind.rejected:
                    raise
            else:
                raise Red(
                    f"An empty {endpoint.name} was taken, and is there now: {made['id']}.", "Delete it in iPaaS.com."
                )
        return "Tried with empty records, which are refused."

    def _documents(self) -> str:
        differs = self.ipaas.differences()
        if differs is None:
            raise Unknown("iPaaS.com serves no documents with which to compare the paths and properties that are used.")
        if differs:
            raise Red(
                f"They differ from what is used here in {len(differs)} places: {' '.join(differs[:5])}",
                "Name paths that have moved in the Variable ipaas_paths; report other differences.",
            )
        return "They agree with every path, property and requirement that is used."

    def _fields(self, targets: list[str]) -> str:
        raise Unknown(
            f"iPaaS.com does not list its custom fields: whether it has {', '.join(targets)} is said by the first record."
        )
