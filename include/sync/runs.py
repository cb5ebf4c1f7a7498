"""The words of a run: which way, which system, what it does. Values only; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from include.settings import SyncSettings
from include.sync.asked import AskedId


class Direction(StrEnum):
    """Which way a flow carries its records."""

    to_ipaas = "to_ipaas"
    from_ipaas = "from_ipaas"


class System(StrEnum):
    """The system a stage of a flow talks to: one at most, so that a pool slot is a request in flight."""

    business_central = "business_central"
    ipaas = "ipaas"


# What every run goes through, in this order.
STAGES = ("extract", "transform", "load", "report")


def talks_to(direction: Direction, stage: str) -> System | None:
    """The one system that a stage of a flow opens requests to; None when it opens none."""
    to_ipaas = direction is Direction.to_ipaas
    source, target = (System.business_central, System.ipaas) if to_ipaas else (System.ipaas, System.business_central)
    # `transform` reads the records that others need first. Coming from iPaaS.com, `report` writes back the links
    # of what was made in Business Central, and so does `tell_links` beside `load`.
    last = None if to_ipaas else source
    systems = {
        "extract": source,
        "transform": source,
        "look": target,
        "load": target,
        "report": last,
        "tell_links": last,
    }
    return systems[stage]


class Mode(StrEnum):
    """`apply` writes; `plan` says what `apply` would write, and writes nothing anywhere."""

    apply = "apply"
    plan = "plan"


class RunKind(StrEnum):
    """Where a run takes its records from: what may have changed; what was announced, and nothing else; the ids that it
    is given; all of a time."""

    poll = "poll"
    announced = "announced"
    ids = "ids"
    backfill = "backfill"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The two systems that are kept in step; what is remembered of one pair is never seen by another.

    `tenant_id`, `environment` and `company_name` are as the Connection `business_central` says, `ipaas_company_id` and
    `system_id` as the Connection `ipaas` does. `company_id` is Business Central's own id of the company, None until it
    has been asked: a company that was made anew under the same name is another one.
    """

    tenant_id: str
    environment: str
    company_name: str
    ipaas_company_id: str
    system_id: int
    company_id: str | None = None

    def __post_init__(self) -> None:
        # Ids and names of environments compare without case.
        for name in ("tenant_id", "environment", "ipaas_company_id", "company_id"):
            value = getattr(self, name)
            object.__setattr__(self, name, value.strip().casefold() if value else value)

    def __str__(self) -> str:
        return (
            f"company {self.company_name!r} of environment {self.environment!r} and iPaaS.com subscription "
            f"{self.system_id}"
        )


def _with_parts(asked: Any) -> Any:
    """Older versions staged an id as its text alone. Its parts matter to `extract` only, which makes its plan anew."""
    return AskedId(text=asked, parts={}) if isinstance(asked, str) else asked


class RunPlan(BaseModel):
    """What one run does, fixed when `extract` starts, so that every task and every retry sees the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flow: str
    direction: Direction
    run_id: str
    kind: RunKind
    mode: Mode = Mode.apply
    force: bool = False
    # Whether nothing that is remembered is trusted: each record is compared with what the target has of it now.
    compares: bool = False
    # Whether it is told of each record, beside that, what is known of it and what each side has.
    explains: bool = False
    ids: tuple[Annotated[AskedId, BeforeValidator(_with_parts)], ...] = ()
    # Backfill: the run's data interval. Poll: read from `since`; None means everything.
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    # Whether a poll reads again what was modified in the last days, for what was committed late.
    late: bool = False
    started_at: AwareDatetime
    pair: Pair
    settings: SyncSettings

    @property
    def system_id(self) -> int:
        """The integer id of the Business Central subscription in iPaaS.com."""
        return self.pair.system_id

    @property
    def name(self) -> str:
        """What no other run is called: Airflow names the runs of all flows that one tick starts alike, and those of the
        flows that one run of `initialize` goes through."""
        return f"{self.flow} {self.run_id}"

    def task(self, stage: str) -> str:
        """What the task of a stage is called, each try of it alike."""
        return f"{self.name}#{stage}"

    @property
    def applies(self) -> bool:
        """True when the run may write."""
        return self.mode is Mode.apply

    @property
    def told_as(self) -> str:
        """The mode by the name that it has in the form: what explains or compares is planned, but is no plan to apply."""
        return "explain" if self.explains else "report" if self.compares and not self.applies else self.mode.value

    @property
    def does(self) -> str:
        """What has become of a record that the run is done with, in a word."""
        return "compared" if self.compares else "written" if self.applies else "planned"

    @property
    def looks(self) -> bool:
        """True when the run reads the whole list of the target before it writes."""
        return self.compares and self.reads_everything

    @property
    def links_beside_load(self) -> bool:
        """True when links are told beside `load` already: of a first transfer from iPaaS.com, which may take hours."""
        return self.reads_everything and not self.compares and self.direction is Direction.from_ipaas

    @property
    def tells_links(self) -> bool:
        """True when it does so, and not only says what it would."""
        return self.applies and self.links_beside_load

    @property
    def as_plan(self) -> RunPlan:
        """The same run, which says what it would write."""
        return self.model_copy(update={"mode": Mode.plan})

    @property
    def takes_announced(self) -> bool:
        """True for a run that takes along what was announced, and what is due to be tried again."""
        return self.kind in (RunKind.poll, RunKind.announced)

    @property
    def reads_everything(self) -> bool:
        """True for a backfill without an interval: nothing of before its start is left to read."""
        return self.kind is RunKind.backfill and self.since is None and self.until is None

    @property
    def today(self) -> date:
        """The day on which the run started, where the company is."""
        return self.started_at.astimezone(ZoneInfo(self.settings.bc_time_zone)).date()
