"""What reading many records of Business Central takes: pages of the table where a window holds many of it, names where it
holds few, and several requests under way at once; counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from bench import Bench

from include.business_central import odata
from include.sandbox import Sandbox
from include.sandbox.world import Size
from include.sources import feeds, paged, reading
from include.sync.runs import RunKind

COMPANIES = 450
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    # Smaller than the real ones, as the table is: a page holds 150 companies, and 10 at most are asked for by name.
    monkeypatch.setattr(odata, "MAX_VALUES", 10)
    for module in (reading, paged):
        monkeypatch.setattr(module, "FEED_PAGE", 150)
    for module in (feeds, paged):
        monkeypatch.setattr(module, "TOGETHER", 40)
    monkeypatch.setattr(reading, "BY_NAME", 10)
    size = Size(companies=COMPANIES, persons=0, contacts=0, items=0, orders=0, invoices=0)
    with Sandbox("demo", size=size) as sandbox:
        bench = Bench(sandbox, tmp_path_factory.mktemp("many"))
        yield bench
        bench.close()


def cards(bench: Bench) -> int:
    """Requests for details since the counters were reset."""
    return sum(1 for _, _, path in bench.sandbox.counters.paths if "CustomerCard" in path)


def test_details_of_a_window_that_holds_the_table_are_the_pages_of_the_table(bench: Bench) -> None:
    bench.run("company_to_ipaas", kind=RunKind.backfill, interval=EVER)
    bench.sandbox.counters.reset()
    counts = bench.run("company_to_ipaas", kind=RunKind.backfill, interval=EVER).counts
    assert counts["read"] == counts["unchanged"] == COMPANIES
    assert cards(bench) == COMPANIES // 150
    # The company, and the pages of the feed.
    assert counts["bc_requests"] == 1 + COMPANIES // 150 + cards(bench)


def test_details_of_few_among_many_are_asked_for_by_name_and_many_at_once(bench: Bench) -> None:
    bench.run("company_to_ipaas")
    few = [f"C{10_000 + number}" for number in range(0, COMPANIES, 18)]
    bench.sandbox.latency["business_central"] = 0.05
    for number in few:
        bench.sandbox.bc.change("Customer", number, **{"Phone No.": "+1 404 0001"})
    bench.sandbox.counters.reset()
    counts = bench.run("company_to_ipaas", now=datetime.now(UTC) + timedelta(hours=1)).counts
    assert counts["updated"] == len(few) == 25
    # The first page of the range has 9 of them: the others cost less by their names.
    assert cards(bench) == 1 + 2
    assert bench.sandbox.counters.high_water["business_central"] == 2


def test_records_asked_for_by_their_ids_are_read_at_once_and_never_more_than_there_are_slots(bench: Bench) -> None:
    bench.run("company_to_ipaas")
    bench.sandbox.latency["business_central"] = 0.05
    bench.sandbox.counters.reset()
    ids = [f"C{10_000 + number}" for number in range(COMPANIES)]
    counts = bench.run("company_to_ipaas", *ids, bc=bench.bc(concurrency=3)).counts
    assert counts["unchanged"] == COMPANIES
    assert bench.sandbox.counters.high_water["business_central"] == 3
