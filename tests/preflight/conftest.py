"""A project that is set up rightly against a sandbox, of which tests break one thing at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from include.business_central.client import BusinessCentralClient
from include.flows import FLOWS
from include.ipaas.client import IPaaSClient
from include.preflight import Line
from include.preflight.preflight import preflight
from include.preflight.project import Here
from include.sandbox import Sandbox
from include.sandbox.world import Size
from include.settings import BusinessCentralConnection, IPaaSConnection, SyncSettings
from include.sync.notices import listening
from include.transport.session import RetryPolicy
from include.transport.throttle import Throttle

_QUICK = RetryPolicy(attempts=2, first=0.001, longest=0.002, under_way=0.0)
_DEFAULTS = {
    "company": {"Gen_Bus_Posting_Group": "DOMESTIC", "Customer_Posting_Group": "DOMESTIC", "Payment_Terms_Code": "COD"},
    "product": {"Gen_Prod_Posting_Group": "RETAIL", "Inventory_Posting_Group": "RESALE"},
    "invoice": {"payment_journal": "WEBSHOP"},
}


@dataclass
class Project:
    """What a subscriber has set."""

    sandbox: Sandbox
    variables: dict[str, str] = field(default_factory=lambda: {"bc_create_defaults": json.dumps(_DEFAULTS)})
    bc: dict[str, Any] = field(default_factory=dict)
    secret: str = Sandbox.CLIENT_SECRET
    ipaas: dict[str, Any] = field(default_factory=dict)
    password: str = Sandbox.IPAAS_PASSWORD
    webhooks: tuple[int, str | None] = (0, None)
    pools: dict[str, int] | None = field(default_factory=lambda: {"business_central": 10, "ipaas": 10})

    def look(self) -> dict[str, Line]:
        """The lines, by what they are of."""
        settings, wrong = SyncSettings.load_what_is_right(self.variables.get)
        sandbox = self.sandbox

        def business_central() -> BusinessCentralConnection:
            extra = {**sandbox.bc_extra, **self.bc}
            return BusinessCentralConnection.from_parts(sandbox.url, sandbox.CLIENT_ID, self.secret, extra)

        def ipaas() -> IPaaSConnection:
            extra = {**sandbox.ipaas_extra, **self.ipaas}
            return IPaaSConnection.from_parts(sandbox.url, sandbox.IPAAS_EMAIL, self.password, extra)

        def window() -> Throttle:
            return Throttle(100_000, 60)

        lines = preflight(
            Here(
                settings=settings,
                wrong=wrong,
                business_central=business_central,
                ipaas=ipaas,
                pools=self.pools,
                least_slots=5,
                webhooks=lambda: self.webhooks,
                variables=lambda: self.variables,
                events=tuple(listening(FLOWS.values()).events),
            ),
            lambda: BusinessCentralClient(
                business_central(), throttle=window(), service_names=settings.bc_service_names, policy=_QUICK
            ),
            lambda: IPaaSClient(ipaas(), throttle=window(), policy=_QUICK, own_paths=settings.ipaas_paths),
        )
        return {line.line: line for line in lines}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(size=Size(companies=2, persons=2, contacts=1, items=3, orders=3, invoices=1, prices=1)) as sandbox:
        yield sandbox


@pytest.fixture
def project(running: Sandbox) -> Iterator[Project]:
    before = dict(vars(running.switches))
    yield Project(running)
    vars(running.switches).update(before)
    running.faults.clear()
    running.counters.reset()
