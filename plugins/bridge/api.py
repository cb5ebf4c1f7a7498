"""What the page asks the server: how the flows stand, which records need a person, and what a person decides of them.

Every route asks for Airflow's own permissions; what changes something is in its audit log, and is refused to a form of
another site: it wants a header that only a page of this one can send.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.api_fastapi.logging.decorators import action_logging
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi import APIRouter, Depends, Header, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy import select

from bridge.initialize import INITIALIZE
from bridge.last_run import names_records
from bridge.manual_sync import MANUAL_SYNC
from bridge.reconcile import RECONCILE
from bridge.server import current
from bridge.standing import FlowStanding, last_runs, overview, too_long
from include.errors import InvalidId
from include.flows import FLOWS
from include.sync.ledger import Ledger
from include.sync.ledger.entries import State, Transfer, moment
from include.sync.overview import Cause, RecordSort, keys_of_cause, links_to_push, records_of, within
from include.sync.runs import Direction
from include.sync.spelling import with_immutable_ids, with_numbers
from include.sync.states import sentence

router = APIRouter(prefix="/api")
_PAGE = 100
_LAST_RUNS = 10
# DAGs that move records of any flow.
_OF_SEVERAL = (MANUAL_SYNC, INITIALIZE, RECONCILE)
# The tables of links.
TABLES = frozenset(flow.writer.table for flow in FLOWS.values())


@router.get("/overview")
def show_overview(user: GetUserDep) -> dict[str, Any]:
    """How the flows stand whose DAGs the person may see, and what needs a person."""
    visible = get_auth_manager().filter_authorized_dag_ids(dag_ids=set(FLOWS), user=user)
    return _overview([name for name in FLOWS if name in visible], user)


@router.get("/flow", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])
def show_flow(dag_id: str, user: GetUserDep) -> dict[str, Any]:
    """The same of one flow, with its last runs; without any of a DAG that is none."""
    if dag_id not in FLOWS:
        return {"flows": [], "runs": []}
    with create_session() as session:
        runs = [asdict(run) for run in last_runs(session, dag_id, _LAST_RUNS)]
    return {**_overview([dag_id], user), "runs": runs}


def _overview(names: Sequence[str], user: BaseUser) -> dict[str, Any]:
    now = datetime.now(UTC)
    ledger = current().ledger
    found = overview(ledger, names, now)
    needs = sum(cause.count for cause in found.causes)
    return {
        "sentence": sentence(
            {one.flow: one.standing for one in found.flows},
            needs,
            {one.flow: one.compared for one in found.flows if one.compared},
            [one.flow for one in found.questions],
        ),
        "now": now.isoformat(),
        "may_change": sorted(name for name in names if may_run(name, "PUT", user)),
        "to_push": links_to_push(ledger) if ledger else 0,
        "flows": [_flow(one) for one in found.flows],
        "causes": _causes(ledger, sorted(found.causes, key=_documents_first)) if ledger else [],
        "questions": [
            {
                "dag_id": one.dag_id,
                "run_id": one.run_id,
                "flow": one.flow,
                "subject": one.subject,
                "since": one.since,
                "path": one.path,
            }
            for one in found.questions
        ],
        "under_way": [asdict(one) for one in found.under_way],
    }


def may_run(dag_id: str, method: Literal["POST", "PUT"], user: BaseUser) -> bool:
    """Whether the person may begin runs of a DAG (POST), or change what is of them (PUT)."""
    run = DagAccessEntity.RUN
    return get_auth_manager().is_authorized_dag(
        method=method, access_entity=run, details=DagDetails(id=dag_id), user=user
    )


@router.get("/records", dependencies=[Depends(requires_access_dag("GET"))])
def show_records(
    dag_id: str,
    cause: str | None = None,
    search: str = "",
    state: str | None = None,
    sort: RecordSort = "record",
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """A page of the unfinished records of a flow: those of one reason, in one state, or whose key holds a text."""
    ledger = the_ledger()
    texts = [search, *with_immutable_ids(ledger, search, TABLES)] if search else []
    needing = None if cause is None else too_long(datetime.now(UTC))
    found, total = records_of(
        ledger,
        dag_id,
        cause=cause,
        state=state,
        search=texts,
        too_long=needing,
        sort=sort,
        offset=offset,
        limit=_PAGE,
    )
    runs = runs_of(dag_id, {one.run_id for one in found if one.run_id})
    names = with_numbers(ledger, [one.key for one in found], TABLES)
    records = [
        {
            "key": one.key,
            "name": names.get(one.key),
            "target_id": one.target_id,
            **addresses_of(dag_id, names.get(one.key, one.key), one.target_id),
            "state": one.state,
            "kind": one.kind,
            "message": one.message,
            "advice": one.advice,
            "attempts": one.attempts,
            "since": one.since,
            "next_try": one.next_try,
            **tried_last(one, runs.get(one.run_id or "")),
        }
        for one in found
    ]
    return {"records": records, "total": total, "offset": within(offset, total, _PAGE), "page": _PAGE}


def runs_of(flow: str, run_ids: Collection[str]) -> dict[str, DagRun]:
    """Runs by their ids, of the flow's own DAG or of one that moves records of several; without those that Airflow has
    forgotten.
    """
    asked = select(DagRun).where(DagRun.run_id.in_(run_ids), DagRun.dag_id.in_((flow, *_OF_SEVERAL)))
    with create_session() as session:
        found = sorted(session.scalars(asked), key=lambda run: run.dag_id == flow)
        session.expunge_all()
    # Two schedules may name their runs alike; then it is the flow's own, which comes last.
    return {str(run.run_id): run for run in found}


# How a try of a record has ended, in words.
_ENDED = {State.failed: "failed", State.waiting: "waits"}


def tried_last(one: Transfer, run: DagRun | None) -> dict[str, Any]:
    """The run that has tried a record last and, of one that is not done, how that ended if a person has named it: such a try
    does not count as one of its tries.
    """
    if run is None:
        return {"run": None, "by_hand": None}
    by_hand = one.state != State.done and (run.dag_id == MANUAL_SYNC or names_records(run))
    again = " again" if one.since and run.start_date and moment(one.since) < run.start_date else ""
    return {
        "run": {"dag_id": run.dag_id, "run_id": run.run_id},
        "by_hand": f"{_ENDED.get(one.state, 'not done')}{again}" if by_hand else None,
    }


class Decision(BaseModel):
    """Which records a person decides of: those named, or all of a reason."""

    keys: list[str] = Field(default_factory=list, max_length=10_000)
    cause: str | None = None


def of_this_site(x_sync_page: Annotated[str | None, Header()] = None) -> None:
    """Refuse what does not come from the page itself: a form of another site can send no such header."""
    if not x_sync_page:
        raise HTTPException(403, "The header X-Sync-Page is missing.")


_CHANGES = [Depends(of_this_site), Depends(requires_access_dag("PUT", DagAccessEntity.RUN))]


@router.post("/ignore", dependencies=[*_CHANGES, Depends(action_logging("sync_ignore"))])
def ignore(dag_id: str, decision: Decision, user: GetUserDep) -> dict[str, Any]:
    """Leave records alone until they change."""
    ledger = the_ledger()
    return {"ignored": len(ledger.ignore(dag_id, _keys(ledger, dag_id, decision), user.get_name()))}


@router.post("/retry", dependencies=[*_CHANGES, Depends(action_logging("sync_retry"))])
def retry(dag_id: str, decision: Decision) -> dict[str, Any]:
    """Make records due with the next run; answers which of them Manual Sync takes by their ids, to move them now."""
    flow, ledger = FLOWS[dag_id], the_ledger()
    due = ledger.retry_now(dag_id, _keys(ledger, dag_id, decision))
    ids = []
    for key in due:
        try:
            ids.append(flow.parse_id(key).text)
        except InvalidId:
            continue  # nobody could type it: it goes with the next run
    return {"due": len(due), "ids": ids}


def addresses_of(flow: str, key: str, target_id: Any) -> dict[str, str | None]:
    """Where a person sees the record: its `address` in Business Central and its `portal`; None where that is not known."""
    web, of = current().web, FLOWS.get(flow)
    if of is None:
        return {"address": None, "portal": None}
    number, internal_id = (key, target_id) if of.direction is Direction.to_ipaas else (target_id, key)
    return {
        "address": web.address(of.record, str(number)) if web and number is not None else None,
        "portal": in_portal(internal_id),
    }


def in_portal(internal_id: Any) -> str | None:
    """Where a person sees a record of iPaaS.com."""
    portal = current().portal
    return portal.address(internal_id) if portal else None


def the_ledger() -> Ledger:
    """What the Connections' pair remembers. Raises HTTPException as long as they name none."""
    ledger = current().ledger
    if ledger is None:
        raise HTTPException(409, "The Connections business_central and ipaas are not filled in yet.")
    return ledger


def _keys(ledger: Ledger, flow: str, decision: Decision) -> list[str]:
    if flow not in FLOWS:
        raise HTTPException(404, "There is no such flow.")
    if decision.cause is None:
        return decision.keys
    return keys_of_cause(ledger, flow, decision.cause, too_long=too_long(datetime.now(UTC)))


def _flow(one: FlowStanding) -> dict[str, Any]:
    return {
        "flow": one.flow,
        "title": FLOWS[one.flow].title,
        "collection": FLOWS[one.flow].collection,
        "word": one.standing.word,
        "as_of": one.standing.as_of,
        "why": one.standing.why,
        "advice": one.standing.advice,
        "last": {"run_id": one.last.run_id, "began": one.last.began, "ended": one.last.ended, "failed": one.last.failed}
        if one.last
        else None,
        "next_run": one.next_run,
        "paused": one.paused,
        "counts": {name: count for name, count in (one.counts or {}).items() if count},
        "read_from": one.state.read_from,
        "unfinished": one.state.unfinished,
        "ignored": one.state.ignored,
        "webhooks": one.state.webhooks,
        "webhooks_since": one.state.webhooks_since,
        "compared": {**one.compared.as_json(), "words": str(one.compared), "run_id": one.compared_by}
        if one.compared
        else None,
    }


def _causes(ledger: Ledger, causes: Sequence[Cause]) -> list[dict[str, Any]]:
    """Why records need a person, with what a person calls the first of each."""
    names = with_numbers(ledger, [one.example.key for one in causes], TABLES)
    return [_cause(one, names.get(one.example.key, one.example.key)) for one in causes]


def _cause(one: Cause, name: str) -> dict[str, Any]:
    return {
        "flow": one.flow,
        "collection": FLOWS[one.flow].collection,
        "cause": one.cause,
        # Of one record its own words, which name it.
        "said": (one.example.message if one.count == 1 else one.cause) or "",
        "count": one.count,
        "since": one.since,
        "kind": one.example.kind,
        "state": one.example.state,
        "advice": one.example.advice,
        "example": name,
    }


def _documents_first(one: Cause) -> tuple[bool, int]:
    """Orders and invoices carry money; then what holds up most."""
    return not any(word in FLOWS[one.flow].record for word in ("order", "invoice")), -one.count
