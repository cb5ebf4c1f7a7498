"""The stage beside `load` of a first transfer from iPaaS.com: it tells iPaaS.com the links while they are made.

Business Central takes the records while iPaaS.com takes the links, so that neither limit waits for the other. Nothing
depends on it: what it leaves, for whatever reason, `report` tells.
"""

from __future__ import annotations

import logging
import time
from functools import partial

from include.errors import RunFault, ServiceError
from include.ipaas.endpoints import Endpoint
from include.sync.batches import batches
from include.sync.links_in_bulk import IN_BULK, ListedRecords, root_of, unlinked, unpushed
from include.sync.listing import LIST_FROM
from include.sync.pushing import links_claimed
from include.sync.staging.chunks import is_loaded, load_chunks
from include.sync.task_context import TaskContext
from include.sync.telling import tells
from include.sync.tenure import Tenure

# Links of so many records are told under one claim: so long a report waits that has some to tell, too.
_CLAIMED = 250
# Seconds after which a claim is taken again: longer than it takes who waits for it to ask, so that he gets it.
_LOOKS_EVERY = 1.0
# Seconds after the last link from which on nothing more is waited for: a load that stands still, for whatever reason, needs
# nobody beside it who holds slots.
_PATIENCE = 60.0

_log = logging.getLogger(__name__)


@tells
def tell_links(task: TaskContext) -> None:
    """Tell the links of the run's records as they are made, until all chunks are loaded, nothing more is made, or
    somebody waits for the slots."""
    endpoint, number = IN_BULK.get(root_of(task.flow)), _to_load(task)
    if task.plan.tells_links and endpoint is not None and number >= LIST_FROM:
        try:
            task.identify()
            with Tenure(task.ledger, task.plan.task("tell_links"), under_way=0) as tenure:
                _tell_all(task, tenure, endpoint, number)
        except Exception as fault:  # noqa: BLE001 - it is for the report to fail, which meets it, too, or does not
            # What another one says may be about a person's data: its name is enough.
            said = fault if isinstance(fault, ServiceError | RunFault) else type(fault).__name__
            _log.warning("The links are left to the report: %s", said)
    task.save_stats("tell_links")


def _to_load(task: TaskContext) -> int:
    """How many records the run is to write."""
    return sum(int(stats.get("changed", 0)) for stats in task.staging.read("stats-transform"))


def _tell_all(task: TaskContext, tenure: Tenure, endpoint: Endpoint, number: int) -> None:
    listed = ListedRecords(task, endpoint, number, partial(unlinked, task.plan.system_id))
    chunks, loaded = load_chunks(task.staging), 0
    told, last = 0, time.monotonic()
    while listed.complete and not task.gives_way() and time.monotonic() - last < _PATIENCE:
        # Asked before it is looked what there is to tell: after the end nothing more is made.
        while loaded < chunks and is_loaded(task.staging, loaded):
            loaded += 1
        for links in batches(unpushed(task.ledger, [endpoint.table]), _CLAIMED):
            if ready := listed.ready(links, alive=False):
                with links_claimed(task.ledger, tenure, endpoint.table, waits=False) as mine:
                    if mine:
                        told += listed.tell(ready)
                        last = time.monotonic()
                task.headway.at("links told", told)
                break
        else:
            if loaded == chunks:
                break
        time.sleep(_LOOKS_EVERY)
    task.headway.end("links told", told)
