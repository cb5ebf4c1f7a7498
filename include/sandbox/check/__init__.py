"""The two-sided verdict: does each system hold, once and alike, every record of the other that it should?

Restates docs/mappings.md on its own, so that a mistake in the mappings cannot hide itself. What came in over HTTP
was made by the sync, one that a world or a test put there was born there: that decides which side has the last word.
"""

from __future__ import annotations

from datetime import timedelta

from include.sandbox.bc.tenant import Tenant, stamp
from include.sandbox.check.documents import check_documents
from include.sandbox.check.foreign import check_foreign
from include.sandbox.check.masters import COMPARED, check_masters
from include.sandbox.check.verdict import Sides, Verdict
from include.sandbox.ipaas.platform import Platform
from include.sandbox.ipaas.types import TYPES

__all__ = ["Verdict", "check"]


def check(tenant: Tenant, platform: Platform, *, days: int = 5) -> Verdict:
    """Compare both sides record by record. `days`: how far back documents are required, as polls look back."""
    verdict = Verdict()
    sides = Sides(tenant, platform)
    check_masters(sides, verdict)
    check_documents(sides, verdict, since=stamp(tenant.now() - timedelta(days=days)))
    check_foreign(sides, verdict)
    _check_everything_is_compared(sides, verdict)
    return verdict


def _check_everything_is_compared(sides: Sides, verdict: Verdict) -> None:
    """No type that we have linked records of goes by unseen: both sides would be said to agree."""
    for kind in TYPES.values():
        if kind.name not in COMPARED | {"transaction", "transaction tracking"}:
            for key in sides.ours(kind.table):
                verdict.differ(kind.name, key, "", "a statement of what it should hold, in check/masters.py", "none")
