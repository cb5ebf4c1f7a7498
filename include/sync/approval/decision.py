"""What a person has decided of a run, and where that, and what was planned for it, lies beside the run's own files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import simplejson

from include.sync.records import Json
from include.sync.runs import RunPlan
from include.sync.staging.chunks import load_name
from include.sync.staging.files import Staging

# The folder of the plan, in that of a run; and the file of what was decided.
PLANNED = "planned"
_DECISION = "decision.json"


@dataclass(frozen=True, kw_only=True)
class ApprovalDecision:
    """What a person has decided, and when; `by` is None when nobody did in time. `settled`: it has been carried out."""

    approved: bool
    by: str | None
    at: str
    settled: bool = False

    @property
    def words(self) -> str:
        """What became of the question, to follow on *it was* or *which was*."""
        if self.by is None:
            return "approved by nobody in time"
        return f"{'approved' if self.approved else 'refused'} by {self.by} on {self.at[:10]} at {self.at[11:16]} UTC"


def may_need_approval(plan: RunPlan) -> bool:
    """Whether a run may have to ask; without a limit it never does."""
    above = plan.settings.sync_approve_above
    return plan.applies and (above.records is not None or above.price_change_percent is not None)


def decide(staging: Staging, decision: ApprovalDecision) -> None:
    """Keep what was decided, for whichever task or try goes on with it."""
    staging.write_text(_DECISION, simplejson.dumps(asdict(decision)))


def decided(staging: Staging) -> ApprovalDecision | None:
    """What has been decided of a run; None while nobody has."""
    return ApprovalDecision(**simplejson.loads(staging.read_text(_DECISION))) if staging.exists(_DECISION) else None


def requests_of_plan(staging: Staging, chunks: int) -> Iterator[Json]:
    """What the tasks that planned the run before it asked have cost."""
    for number in range(chunks):
        yield from staging.read_if_there(f"{PLANNED}/stats-{load_name(number)}")
