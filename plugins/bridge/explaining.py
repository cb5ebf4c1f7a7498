"""What the box *Explain* asks the server: what is known of ids of either side, and what may be done about one that is not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Query

from bridge.api import TABLES, addresses_of, in_portal, may_run, runs_of, the_ledger, tried_last
from bridge.manual_sync import MANUAL_SYNC
from include.errors import InvalidId
from include.flows import FLOWS
from include.sync.base import Base
from include.sync.explain import Explained, explain_all
from include.sync.ledger.entries import Transfer, as_text

router = APIRouter(prefix="/api")
# Ids that are explained at a time, and characters that they may have.
_IDS = 50
_LONGEST = 4_000
# Writes of a record that are shown.
_PAST = 20


@router.get("/explain")
def show_explained(
    user: GetUserDep, asked: Annotated[str, Query(alias="id", min_length=1, max_length=_LONGEST)]
) -> dict[str, Any]:
    """What is known of one id of either side, or of several, in the flows whose DAGs the person may see; and whether the
    person may have Manual Sync look at more."""
    visible = get_auth_manager().filter_authorized_dag_ids(dag_ids=set(FLOWS), user=user)
    flows = [name for name in FLOWS if name in visible]
    many = len(re.split(r"[\s,]+", asked.strip()))
    if many > _IDS:
        raise HTTPException(400, f"These are {many} ids: at most {_IDS} are explained at a time.")
    tables = {name: FLOWS[name].writer.table for name in flows}
    found = explain_all(the_ledger(), asked.strip(), tables, numbers_of=TABLES)
    return {
        "found": [_explained(text, one, flows) for text, one in found],
        "may_look": may_run(MANUAL_SYNC, "POST", user),
    }


def _explained(text: str, found: Explained, flows: Collection[str]) -> dict[str, Any]:
    return {
        "id": text,
        "links": [
            {
                "table": one.table,
                "external_id": one.external_id,
                "internal_id": one.internal_id,
                "pushed": one.pushed,
                "portal": in_portal(one.internal_id),
            }
            for one in found.links
        ],
        "records": [_known(flow, one) for flow, one in found.records],
        "announced": [{**_named(flow), "since": since} for flow, since in found.announced.items()],
        "waiting": [{**_named(flow), "key": key} for flow, key in found.waiting],
        "waiting_total": found.waiting_total,
        "likely": [] if found.something else [_named(flow) for flow in _likely(text, flows)],
    }


def _named(flow: str) -> dict[str, str]:
    return {"flow": flow, "title": FLOWS[flow].title}


def _likely(text: str, flows: Collection[str]) -> Iterator[str]:
    """The flows of which it may be an id."""
    for name in flows:
        try:
            FLOWS[name].parse_id(text)
        except InvalidId:
            continue
        yield name


def _shown(field: dict[str, Any]) -> dict[str, Any]:
    """A field of the history, whose values are shown as they are written."""
    return {
        name: value if name in ("field", "masked") or value is None else str(value) for name, value in field.items()
    }


def _known(flow: str, one: Transfer) -> dict[str, Any]:
    history = the_ledger().history(flow, one.key, _PAST)
    base = Base.from_json(one.base) if one.base else Base()
    runs = runs_of(flow, {run for run in (one.run_id, *(past.run_id for past in history)) if run})
    return {
        **_named(flow),
        "key": one.key,
        "target_id": one.target_id,
        **addresses_of(flow, one.key, one.target_id),
        "state": one.state,
        "message": one.message,
        "advice": one.advice,
        "attempts": one.attempts,
        "since": one.since,
        "next_try": one.next_try,
        "read_at": one.read_at,
        "waits_for": one.waits_for,
        **tried_last(one, runs.get(one.run_id or "")),
        "history": [
            {
                "at": past.at,
                "run_id": past.run_id,
                "dag_id": runs[past.run_id].dag_id if past.run_id in runs else None,
                "result": past.result,
                "fields": [_shown(field) for field in past.fields],
            }
            for past in history
        ],
        "agreed": [
            {"field": name, "value": value if isinstance(value, str) else as_text(value)}
            for name, value in sorted({**base.values, **base.kept}.items())
        ],
    }
