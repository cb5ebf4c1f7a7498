"""What one stage of one run works with. Each stage can be a task of its own; each can be repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include.errors import ErrorKind, ServiceError
from include.settings import SyncSettings
from include.sync.flow import Flow
from include.sync.foreseen import Foreseen
from include.sync.headway import Headway
from include.sync.ledger import Ledger
from include.sync.ledger.entries import iso
from include.sync.links import LinkLookup
from include.sync.outcomes import Outcome, Result
from include.sync.records import MappingContext, Today
from include.sync.runs import Pair, RunPlan
from include.sync.staging.files import Staging
from include.transport.telemetry import Spent

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient
    from include.ipaas.client import IPaaSClient

# Records that a stage holds at a time.
BATCH = 400


@dataclass(kw_only=True)
class TaskContext:
    """What one stage of one run works with. At most one of the two clients is there: see `Flow.talks_to`."""

    flow: Flow
    plan: RunPlan
    ledger: Ledger
    staging: Staging
    catalogue: Mapping[str, Flow]
    bc_client: BusinessCentralClient | None = None
    ipaas_client: IPaaSClient | None = None
    # Whether others wait for the slots of this stage, so that it is to give way (`include/sync/shift.py`).
    gives_way: Callable[[], bool] = lambda: False
    # Whether a flow is switched off.
    is_off: Callable[[str], bool] = lambda flow: False
    warnings: list[str] = field(default_factory=list)
    held: bool = False
    nameless: list[Outcome] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    # Flows that have something to try again at once.
    wakes: set[str] = field(default_factory=set)
    # What plans of the same run would make before this one.
    foreseen: Foreseen = field(default_factory=Foreseen)
    # How far this stage has come, for whoever looks meanwhile.
    headway: Headway = field(default_factory=Headway)
    # What this stage did, by the words of a report.
    done: Counter[str] = field(default_factory=Counter)
    _spent_before: Spent | None = None
    _links: LinkLookup | None = None

    def __post_init__(self) -> None:
        # A client may serve several stages, one after another.
        self._spent_before = self._spent()
        if self.ipaas_client:
            self.ipaas_client.dialect.remember_in(_FoundOut(self.ledger))

    def _spent(self) -> Spent | None:
        client = self.bc_client or self.ipaas_client
        return client.spent if client else None

    @property
    def spent(self) -> Spent | None:
        """What this stage's requests have cost; None when it talks to no system."""
        now, before = self._spent(), self._spent_before
        return now - before if now and before else None

    @property
    def requests(self) -> dict[str, int]:
        """Requests that this stage has sent to each system."""
        sent = self.spent.requests if self.spent else 0
        return {"bc_requests": sent if self.bc_client else 0, "ipaas_requests": sent if self.ipaas_client else 0}

    @property
    def settings(self) -> SyncSettings:
        """The settings as they were when the run started."""
        return self.plan.settings

    @property
    def bc(self) -> BusinessCentralClient:
        """Business Central."""
        if self.bc_client is None:
            raise RuntimeError(f"This stage of {self.flow.name} does not talk to Business Central")
        return self.bc_client

    @property
    def ipaas(self) -> IPaaSClient:
        """iPaaS.com."""
        if self.ipaas_client is None:
            raise RuntimeError(f"This stage of {self.flow.name} does not talk to iPaaS.com")
        return self.ipaas_client

    @property
    def links(self) -> LinkLookup:
        """Links as iPaaS.com has them, each asked for once."""
        if self._links is None:
            self._links = LinkLookup(self.ledger, self.ipaas)
        return self._links

    def dated(self, moment: datetime) -> str:
        """A moment of our clock as the system that this stage reads from dates its records, for staging."""
        client = self.bc_client or self.ipaas_client
        return iso(client.clock.at(moment) if client else moment)

    @property
    def under_way(self) -> float:
        """Seconds for which a request of a task that died may still be on its way to the system written to."""
        client = self.bc_client or self.ipaas_client
        return client.under_way if client else 0.0

    def identify(self) -> None:
        """Make sure that this stage talks to the two systems that the ledger is about, before it reads or writes.

        Raises ServiceError (misconfigured) when it does not: the run stops.
        """
        systems = self.ledger.known.systems
        if self.bc_client and replace(systems, **self.bc.place) != systems:
            raise _other_systems("business_central", systems)
        if self.bc_client and not self.ledger.identify(self.bc.company_id):
            raise _other_company(systems)
        if self.ipaas_client and replace(systems, **self.ipaas.place) != systems:
            raise _other_systems("ipaas", systems)
        if self.ipaas_client and not self.ledger.known.checked:
            self.ipaas.check_subscription()
            self.ledger.mark_checked()

    def warn(self, text: str) -> None:
        """Tell the operator something about the run, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def ask_again(self) -> None:
        """Have the next poll read the same window again."""
        self.held = True

    def reject(self, place: str, why: str) -> None:
        """Reject a record that has no key to name it by; `place` says where it stands among those read with it."""
        if any(outcome.key == place for outcome in self.nameless):
            return
        self.nameless.append(
            Outcome(
                key=place,
                result=Result.failed,
                kind=ErrorKind.rejected,
                message=f"The {self.flow.record} cannot be read: {why}.",
                advice="Correct the record; it is read again with the next run.",
            )
        )

    def refuse(self, key: str, why: str) -> None:
        """Reject the record of a key, which cannot be read."""
        self.refused[key] = why

    def context(self, memory: Mapping[str, Any]) -> MappingContext:
        """The mapping context for a record that left `memory` the last time."""
        plan = self.plan
        return MappingContext(settings=plan.settings, system_id=plan.system_id, today=Today(plan.today), carry=memory)

    def did(self, counts: Mapping[str, int]) -> None:
        """Note what this stage has done until now, for its line in the log."""
        self.done |= Counter(counts)

    def save_stats(self, name: str, **values: Any) -> None:
        """Stage what this stage did, for the report."""
        for fault in self.bc.credential_faults() if self.bc_client else ():
            self.warn(fault)
        self.did({**values.get("counts", {}), **{word: values[word] for word in ("read", "changed") if word in values}})
        self.staging.write_all(f"stats-{name}", [{**self.requests, "warnings": self.warnings, **values}])


class _FoundOut:
    """What has been found out of iPaaS.com, in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def recall(self) -> Mapping[str, Any]:
        """What earlier tasks have found out."""
        return self._ledger.facts()

    def note(self, facts: Mapping[str, Any]) -> None:
        """Keep it for those to come."""
        self._ledger.note_facts(facts)


def _other_systems(connection: str, began: Pair) -> ServiceError:
    return ServiceError(
        f"it began with {began}; the Connection {connection} names another system now.",
        system="The run",
        kind=ErrorKind.misconfigured,
        advice="Start a new run: it works with the systems that the Connections name now.",
    )


def _other_company(began: Pair) -> ServiceError:
    return ServiceError(
        f"The company {began.company_name!r} of Business Central is not the one that had this name before: it was made "
        "anew, or renamed.",
        system="Business Central",
        kind=ErrorKind.misconfigured,
        advice="Nothing was written. Start a new run: it works with what is remembered of the present company, which is "
        "nothing if the company is new.",
    )
