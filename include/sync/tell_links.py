"""The stage beside `load` of a first transfer from iPaaS.com: it tells iPaaS.com the links while they are made.

Business Central takes the records while iPaaS.com takes the links, so that neither limit waits for the other. Nothing
depends on it: what it leaves, for whatever reason, `report` tells.
"""

from __future__ import annotations

import logging
import time

from include.errors import ServiceError
from include.ipaas.endpoints import Endpoint
from include.sync.batches import batches
from include.sync.ledger.faults import ClaimLost
from include.sync.links_in_bulk import IN_BULK, UnlinkedRows, root_of
from include.sync.listing import LIST_FROM
from include.sync.pushing import links_claimed, unpushed
from include.sync.staging.chunks import is_loaded, load_chunks
from include.sync.task_context import TaskContext
from include.sync.telling import tells
from include.sync.tenure import Tenure

# Links of so many records are claimed at a time: so long a report waits that has some to tell, too.
_GROUP = 100
# Seconds from one look at what is made to the next, and those after which nothing more is waited for: a load that stands
# still, for whatever reason, needs nobody beside it who holds slots.
_LOOKS_EVERY, _PATIENCE = 1.0, 60.0

_log = logging.getLogger(__name__)


@tells
def tell_links(task: TaskContext) -> None:
    """Tell the links of the run's records as they are made, until all chunks are loaded, or nothing more is made."""
    endpoint, number = IN_BULK.get(root_of(task.flow)), _to_load(task)
    if task.plan.tells_links and endpoint is not None and number >= LIST_FROM:
        try:
            task.identify()
            with Tenure(task.ledger, task.plan.task("tell_links"), under_way=0) as tenure:
                _tell_all(task, tenure, endpoint, number)
        except (ServiceError, ClaimLost) as fault:
            # It is for the report to say, which meets it, too, or does not.
            _log.warning("The links are left to the report: %s", fault)
    task.save_stats("tell_links")


def _to_load(task: TaskContext) -> int:
    """How many records the run is to write."""
    return sum(int(stats.get("changed", 0)) for stats in task.staging.read("stats-transform"))


def _tell_all(task: TaskContext, tenure: Tenure, endpoint: Endpoint, number: int) -> None:
    unlinked = UnlinkedRows(task, endpoint, number)
    chunks, loaded = load_chunks(task.staging), 0
    told, last = 0, time.monotonic()
    while unlinked.complete and time.monotonic() - last < _PATIENCE and not task.gives_way():
        # Asked before it is looked what there is to tell: after the end nothing more is made.
        while loaded < chunks and is_loaded(task.staging, loaded):
            loaded += 1
        before = told
        for links in batches(unpushed(task.ledger, [endpoint.table]), _GROUP):
            with links_claimed(task.ledger, tenure, endpoint.table, waits=True) as mine:
                told += unlinked.tell(links) if mine else 0
            task.headway.at("links told", told)
        if told > before:
            last = time.monotonic()
        elif loaded == chunks:
            break
        else:
            time.sleep(_LOOKS_EVERY)
    task.headway.end("links told", told)
