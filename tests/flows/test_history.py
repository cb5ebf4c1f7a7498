"""What was written of a record is kept for a while, without what is masked, and is forgotten on request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from bench import Bench

from include.flows import FLOWS
from include.sync.forget import forget, remembered
from include.sync.ledger.tables import history, metadata

pytestmark = pytest.mark.both_ledgers
FLOW = "customer_to_ipaas"
SECRET = "anna@example.com"
TABLES = {name: flow.writer.table for name, flow in FLOWS.items()}


def person(bench: Bench, number: str = "P1", mail: str = SECRET) -> None:
    values = {
        "Contact Type": "Person",
        "E-Mail": mail,
        "Phone No.": "+1 555 0100",
        "Address": "1 Main St",
        "City": "Oslo",
    }
    bench.sandbox.bc.add("Customer", {"No.": number, "Name": "Anna Berg", **values})


def kept(bench: Bench, key: str = "P1") -> list[tuple[str, dict[str, Any]]]:
    """What the history has of a record, the last first: the result, and by field what is kept."""
    return [
        (past.result, {field["field"]: (field.get("before"), field.get("after")) for field in past.fields})
        for past in bench.ledger.history(FLOW, key, 20)
    ]


def number_of_rows(bench: Bench) -> int:
    with bench.ledger.reading() as db:
        return int(db.execute(sa.select(sa.func.count()).select_from(history)).scalar_one())


def everything(bench: Bench) -> str:
    """All that the ledger holds, in clear."""
    from include.sync.ledger.entries import unpack

    with bench.ledger.reading() as db:
        rows = [tuple(row) for table in metadata.sorted_tables for row in db.execute(sa.select(table))]
    return repr([[unpack(bytes(v)) if isinstance(v, bytes | memoryview) else v for v in row] for row in rows])


def test_each_write_is_kept_before_and_after(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    person(bench)
    bench.run(FLOW)
    bench.sandbox.bc.change("Customer", "P1", **{"E-Mail": "berg@example.com"})
    bench.run(FLOW)
    (result, fields), (first, made) = kept(bench)
    assert (result, fields) == ("updated", {"email_address": (SECRET, "berg@example.com")})
    assert (first, made["email_address"]) == ("created", (None, SECRET))


def test_a_run_that_changes_nothing_writes_no_history(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    person(bench)
    bench.run(FLOW)
    before = number_of_rows(bench)
    bench.run(FLOW)
    bench.run(FLOW, mode="plan", force=True)
    assert number_of_rows(bench) == before


@pytest.mark.parametrize("name", ["email_address", "EMAIL_ADDRESS"])
def test_what_is_masked_is_never_kept(make_bench: Callable[..., Bench], name: str) -> None:
    bench = make_bench(sync_history_masked_fields=[name, "addresses.city"])
    person(bench)
    bench.run(FLOW)
    ((_, fields),) = kept(bench)
    assert fields["email_address"] == (None, None)
    with bench.ledger.reading() as db:
        from include.sync.ledger.entries import unpack

        rows = str([unpack(bytes(row)) for row in db.execute(sa.select(history.c.fields)).scalars()])
    assert SECRET not in rows
    assert "Oslo" not in rows
    assert "1 Main St" in rows


def test_nothing_is_kept_for_no_days_and_what_is_old_goes(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    person(bench)
    bench.run(FLOW)
    person(bench, "P2", "other@example.com")
    bench.at(datetime.now(UTC) + timedelta(days=31))
    bench.run(FLOW)
    assert (kept(bench), len(kept(bench, "P2"))) == ([], 1)
    bench.settings["sync_history_days"] = 0
    person(bench, "P3", "third@example.com")
    bench.run(FLOW)
    assert number_of_rows(bench) == 0


def test_what_is_old_goes_of_every_pair_though_nothing_is_written_there_any_more(
    make_bench: Callable[..., Bench],
) -> None:
    from dataclasses import replace

    bench = make_bench()
    person(bench)
    bench.run(FLOW)
    elsewhere = replace(bench.ledger.known.systems, company_name="Another", company_id=None)
    bench.ledger.of(elsewhere).prune_history(30)
    assert len(kept(bench)) == 1
    bench.at(datetime.now(UTC) + timedelta(days=31))
    bench.ledger.of(elsewhere).prune_history(30)
    assert kept(bench) == []


def test_a_customer_is_forgotten_and_not_made_again(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    person(bench)
    person(bench, "P2", "")  # which fails, and is told by name
    bench.run(FLOW)
    linked = bench.linked("customer", "P1")["id"]
    assert SECRET in everything(bench)
    found = remembered(bench.ledger, str(linked), TABLES)
    assert (FLOW, "P1") in found
    assert all(not key.startswith("P2") for _, key in found)
    forget(bench.ledger, found)
    assert SECRET not in everything(bench)
    assert bench.ledger.transfers(FLOW, ["P1"])["P1"].target_id == linked
    bench.sandbox.counters.reset()
    bench.run(FLOW, "P1")
    assert bench.linked("customer", "P1")["id"] == linked
    assert bench.writes() == 0


def test_another_pair_sees_none_of_it(make_bench: Callable[..., Bench]) -> None:
    from dataclasses import replace

    bench = make_bench()
    person(bench)
    bench.run(FLOW)
    other = bench.ledger.of(replace(bench.ledger.known.systems, company_name="Another", company_id=None))
    assert other.history(FLOW, "P1", 20) == []
