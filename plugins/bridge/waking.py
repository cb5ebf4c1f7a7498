"""Starts the flows that something was announced to, by the asset event that their DAGs are scheduled on beside the clock.

Loaded by Airflow's API server. What was announced is in the ledger before: should a flow not be started for whatever
reason, its next poll takes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable

from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetDagRunQueue, AssetModel
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from anyio import CapacityLimiter, to_thread
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from bridge.announcing import announced

# Seconds from one look at Airflow's database to the next: what is announced meanwhile goes with that.
PAUSE = 1.0
# States of an `extract` that is yet to read: what was kept before goes with its run.
_YET_TO_READ = ("scheduled", "queued", "deferred", "up_for_retry", "up_for_reschedule", "restarting")
_THREAD = CapacityLimiter(1)

_log = logging.getLogger(__name__)


def wake(flows: Collection[str]) -> set[str]:
    """Have Airflow start these flows; answers those that it was asked for.

    Left out is who is paused or has no schedule, and who is about to read in any case: a run of a webhook that is queued
    or has not begun to read takes along what was kept before this is called. Raises SQLAlchemyError.
    """
    with create_session() as session:
        wanted = {announced(flow): flow for flow in _at_rest(session, flows)}
        assets = session.scalars(select(AssetModel).where(AssetModel.name.in_(wanted), AssetModel.active.has()))
        woken: set[str] = set()
        for asset in assets.all():
            asset_manager.register_asset_change(asset=asset, source_is_api=True, session=session)
            woken.add(wanted[asset.name])
    return woken


def _at_rest(session: Session, flows: Collection[str]) -> set[str]:
    """Those of the flows that are not paused, and of which no run is about to begin."""
    on = select(DagModel.dag_id).where(DagModel.dag_id.in_(flows), ~DagModel.is_paused, ~DagModel.is_stale)
    queued = select(AssetDagRunQueue.target_dag_id).where(AssetDagRunQueue.target_dag_id.in_(flows))
    first = and_(
        TaskInstance.dag_id == DagRun.dag_id, TaskInstance.run_id == DagRun.run_id, TaskInstance.task_id == "extract"
    )
    begins = (
        select(DagRun.dag_id)
        .outerjoin(TaskInstance, first)
        .where(
            DagRun.dag_id.in_(flows),
            DagRun.run_type == "asset_triggered",
            DagRun.state.in_(("queued", "running")),
            or_(TaskInstance.state.is_(None), TaskInstance.state.in_(_YET_TO_READ)),
        )
    )
    return set(session.scalars(on)) - set(session.scalars(queued)) - set(session.scalars(begins))


class Bell:
    """Wakes flows beside the answers of the server, once for all that is announced within a second."""

    def __init__(self, wakes: Callable[[Collection[str]], object] = wake) -> None:
        self._wakes = wakes
        self._flows: set[str] = set()
        self._at_work: asyncio.Task[None] | None = None

    def ring(self, flows: Iterable[str]) -> None:
        """Wake these flows soon; called in the server's loop."""
        self._flows.update(flows)
        if self._flows and (self._at_work is None or self._at_work.done()):
            self._at_work = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._flows:
            flows, self._flows = self._flows, set()
            try:
                await to_thread.run_sync(self._wakes, flows, limiter=_THREAD)
            except Exception:  # noqa: BLE001 - whatever it is, the next poll takes what was announced
                _log.exception("Flows could not be started, their next poll takes what was announced: %s", flows)
            await asyncio.sleep(PAUSE)
