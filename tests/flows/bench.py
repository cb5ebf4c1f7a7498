"""A sandbox, the two clients, a ledger, and one call that runs a flow through the whole engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from include.business_central.client import BusinessCentralClient
from include.flows import CATALOGUE, FLOWS
from include.ipaas.client import IPaaSClient
from include.sandbox import Sandbox
from include.sandbox.world import Size
from include.settings import BusinessCentralConnection, IPaaSConnection, SyncSettings
from include.sync.approval.asking import ApprovalQuestion
from include.sync.approval.decision import ApprovalDecision
from include.sync.foreseen import Foreseen
from include.sync.ledger import Ledger
from include.sync.outcomes import Outcome
from include.sync.plan import make_plan
from include.sync.report import Report
from include.sync.run import nobody, run
from include.sync.runs import Mode, RunKind
from include.sync.staging.files import Staging
from include.transport.session import RetryPolicy
from include.transport.throttle import Pacer, SharedThrottle, Throttle
from tests import ledgers
from tests.systems import PAIR

_SELLING = {
    "Gen_Bus_Posting_Group": "DOMESTIC",
    "Customer_Posting_Group": "DOMESTIC",
    "Payment_Terms_Code": "30 DAYS",
    "Tax_Area_Code": "ATLANTA",
}
# What the demo's Business Central wants of new records.
DEFAULTS: dict[str, Any] = {
    "company": _SELLING,
    "customer": _SELLING,
    "product": {"Gen_Prod_Posting_Group": "RETAIL", "Inventory_Posting_Group": "RESALE"},
    "sales_order": {"shipping_account": "40410"},
    "invoice": {"shipping_account": "40410", "tax_account": "22700", "payment_journal": "WEBSHOP"},
}
# A demo that every flow is soon through with.
SMALL = Size(companies=8, persons=8, contacts=4, items=12, orders=16, invoices=8, prices=4)
QUICK = RetryPolicy(attempts=3, first=0.01, longest=0.02, under_way=0.0)


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A sandbox that another process serves: where it is, and how to log in."""

    url: str
    tls_url: str
    ca_file: str

    CLIENT_ID = Sandbox.CLIENT_ID
    CLIENT_SECRET = Sandbox.CLIENT_SECRET
    SYSTEM_ID = Sandbox.SYSTEM_ID
    IPAAS_EMAIL = Sandbox.IPAAS_EMAIL
    IPAAS_PASSWORD = Sandbox.IPAAS_PASSWORD
    bc_extra = Sandbox.bc_extra
    ipaas_extra = Sandbox.ipaas_extra
    TENANT_ID = Sandbox.TENANT_ID
    ENVIRONMENT = Sandbox.ENVIRONMENT
    COMPANY_NAME = Sandbox.COMPANY_NAME
    IPAAS_COMPANY_ID = Sandbox.IPAAS_COMPANY_ID
    WEBHOOK_API_KEY = Sandbox.WEBHOOK_API_KEY


@dataclass
class Bench:
    """A sandbox and a ledger, and what a test does with them."""

    sandbox: Any
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    system_id: int = Sandbox.SYSTEM_ID
    # Clients take their calls from the windows that all tasks share, as those of Airflow's tasks do.
    shares_windows: bool = False
    # Records that are written at a time.
    at_once: int = 3
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._url = ledgers.url_of(self.folder / "ledger.db")
        self.ledger = Ledger(self._url, PAIR)

    @property
    def ledger_url(self) -> str:
        """Where the ledger is."""
        return self._url

    def close(self) -> None:
        """Be done with the ledger; it is gone where the folder does not hold it."""
        self.ledger.close()
        ledgers.drop(self.folder)

    def at(self, moment: datetime) -> None:
        """Go on with the same ledger at another time."""
        self.ledger.close()
        self.ledger = Ledger(self._url, PAIR, now=lambda: moment)

    def lose_ledger(self) -> None:
        """Begin with an empty ledger, as after its file was deleted."""
        self.ledger.close()
        self._url = ledgers.url_of(self.folder / f"ledger{next(self._numbers)}.db")
        self.ledger = Ledger(self._url, PAIR)

    def bc(self, *, concurrency: int = 5, **options: Any) -> BusinessCentralClient:
        """A client of Business Central, with the extras of its connection changed by `options`."""
        s = self.sandbox
        secret = options.pop("secret", s.CLIENT_SECRET)
        connection = BusinessCentralConnection.from_parts(s.url, s.CLIENT_ID, secret, {**s.bc_extra, **options})
        return BusinessCentralClient(
            connection,
            throttle=self._pacer("Business Central"),
            service_names=SyncSettings(**self.settings).bc_service_names,
            policy=QUICK,
            concurrency=concurrency,
        )

    def ipaas(self, *, concurrency: int = 5) -> IPaaSClient:
        """A client of iPaaS.com."""
        s = self.sandbox
        extra = {**s.ipaas_extra, "system_id": self.system_id}
        connection = IPaaSConnection.from_parts(s.url, s.IPAAS_EMAIL, s.IPAAS_PASSWORD, extra)
        return IPaaSClient(
            connection,
            throttle=self._pacer("iPaaS.com"),
            policy=QUICK,
            concurrency=concurrency,
            own_paths=SyncSettings(**self.settings).ipaas_paths,
        )

    def _pacer(self, system: str) -> Pacer:
        if not self.shares_windows:
            return Throttle(100_000, 60)
        return SharedThrottle(self.ledger.window(system, 100_000, 60, run=f"{next(self._numbers)}"), system=system)

    def run(
        self,
        flow: str,
        *ids: str,
        mode: str = "apply",
        force: bool = False,
        compares: bool = False,
        explains: bool = False,
        kind: RunKind | None = None,
        interval: tuple[datetime, datetime] | None = None,
        now: datetime | None = None,
        bc: BusinessCentralClient | None = None,
        ipaas: IPaaSClient | None = None,
        before: Callable[[str], None] = lambda stage: None,
        ask: Callable[[ApprovalQuestion], ApprovalDecision] = nobody,
        gives_way: Callable[[], bool] = lambda: False,
        off: Collection[str] = (),
        run_id: str = "",
        planned: Sequence[str] = (),
    ) -> Report:
        """Run a flow from end to end: a poll, or the records with these ids. `before` is called before each stage, `ask`
        where a person has to be asked. `off` are flows that are switched off. A `run_id` is that of another flow's run, too; `planned` are those of
        it that were planned before."""
        # A client of another place works with what is remembered of that.
        ledger = self.ledger.of(replace(self.ledger.known.systems, **bc.place)) if bc else self.ledger
        folder = self.folder / flow if run_id else self.folder
        run_id = run_id or f"run-{next(self._numbers)}"
        plan = make_plan(
            FLOWS[flow],
            run_id=run_id,
            kind=kind or RunKind.poll,
            settings=SyncSettings(**self.settings),
            ledger=ledger,
            ids=ids,
            mode=Mode(mode),
            force=force,
            compares=compares or explains,
            explains=explains,
            interval=interval,
            now=now,
        )
        staging = Staging(folder / run_id)
        return run(
            FLOWS[flow],
            plan,
            ledger,
            staging,
            CATALOGUE,
            bc=bc or self.bc(),
            ipaas=ipaas or self.ipaas(),
            at_once=self.at_once,
            before=before,
            ask=ask,
            gives_way=gives_way,
            is_off=lambda flow: flow in off,
            foreseen=Foreseen(lambda: [Staging(self.folder / one / run_id) for one in planned]),
        )

    def linked(self, record: str, external_id: str) -> Any:
        """The record of iPaaS.com linked to an external id, or None."""
        return self.sandbox.ipaas.linked(record, external_id)

    def writes(self) -> int:
        """Calls that changed data, in either system, since the counters were reset."""
        return len(self.sandbox.counters.writes())

    def data_calls(self) -> int:
        """Calls of iPaaS.com but those for a token, since the counters were reset."""
        return sum(1 for system, _, path in self.sandbox.counters.paths if system == "ipaas" and "/sso/" not in path)


def outcome_of(report: Report, key: str) -> Outcome:
    """The line of the report for a record."""
    return next(outcome for outcome in report.outcomes if outcome.key == key)


def tally(report: Report) -> dict[str, int]:
    """The counts that are not zero, requests aside."""
    return {name: n for name, n in report.counts.items() if n and not name.endswith("_requests")}
