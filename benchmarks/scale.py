"""What becomes of CPU and memory when there is more of everything.

Memory is measured in a process of its own for each flow: benchmarks/scale.py company_to_ipaas 8000
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import sqlalchemy as sa
from engine import Bench, Part, Row, again, run, world

from include.sync.ledger import tables
from include.sync.records import Mapped
from include.sync.staging.chunks import Chunks
from include.sync.staging.files import Staging

MEMORY = 120
_WORLDS = 2
FLOW = "company_to_ipaas"
# Flows whose memory is measured: what there has to be many of, and what goes before.
PEAKS: dict[str, tuple[dict[str, int], tuple[str, ...]]] = {
    "company_to_ipaas": ({"companies": 1}, ("customer_category_to_ipaas",)),
    "customer_to_ipaas": ({"persons": 1}, ("customer_category_to_ipaas",)),
    "product_to_ipaas": ({"items": 1}, ("location_to_ipaas", "product_category_to_ipaas")),
    "sales_order_to_ipaas": ({"orders": 1}, ("shipping_method_to_ipaas", "product_to_ipaas", FLOW)),
    "company_from_ipaas": ({"shop_companies": 1}, ()),
    "customer_from_ipaas": ({"shop_customers": 1}, ()),
    "product_from_ipaas": ({"shop_products": 1}, ()),
}
# Of these the second size is measured, too, unless all of them are asked for: the widest there is in either direction.
WIDEST = ("company_to_ipaas", "company_from_ipaas")


def of_records(sizes: Sequence[int]) -> Iterator[Row]:
    """What a record takes in ever larger worlds, the smallest of which is the measure."""
    yield from _growth(sizes, "records", lambda bench, size: None, companies=lambda size: size)


def of_ledger(sizes: Sequence[int], number: int) -> Iterator[Row]:
    """What a record takes beside ever more rows of the ledger, of the same flow."""

    def fill(bench: Bench, size: int) -> None:
        bench.run(FLOW, "C10000")
        _fill(bench, size)

    yield from _growth(sizes, "rows of the ledger", fill, companies=lambda size: number)


def _growth(
    sizes: Sequence[int], of: str, prepare: Callable[[Bench, int], None], companies: Callable[[int], int]
) -> Iterator[Row]:
    first: dict[str, float] = {}
    for size in sizes:
        # The least of some: now and then a run has SQLite bring its journal into its file, which all runs before it owe.
        took = {"written": float("inf"), "unchanged": float("inf")}
        for _ in range(_WORLDS):
            with world(companies=companies(size)) as bench:
                bench.run("customer_category_to_ipaas")
                prepare(bench, size)
                written = run(bench, FLOW)
                unchanged = [again(bench, FLOW) for _ in range(3)]
            took["written"] = min(took["written"], written.whole / written.written)
            took["unchanged"] = min(took["unchanged"], *(each.whole / companies(size) for each in unchanged))
        for what, each in took.items():
            if what in first:
                title = f"{sizes[0]:,} to {size:,} {of}, {what}: CPU"
                yield Row(what=title, measured=each / first[what], allowed=1.1, unit="times as much / record")
            first.setdefault(what, each)


def _fill(bench: Bench, number: int) -> None:
    """Let the ledger know so many records more, by copies of what it knows of the one that was transferred."""
    engine = sa.create_engine(bench.ledger_url)
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)"
    own = {
        tables.transfers: {"key": "'X' || i", "target_id": "900000000 + i", "record_id": "'x' || i"},
        tables.links: {
            "folded": "'x' || i",
            "external_id": "'X' || i",
            "internal_id": "900000000 + i",
            "record_id": "'x' || i",
        },
    }
    with engine.begin() as db:
        for table, differ in own.items():
            names = [column.name for column in table.columns]
            values = ", ".join(differ.get(name, f"one.{name}") for name in names)
            key = "key = 'C10000'" if table is tables.transfers else "external_id = 'C10000'"
            one = f"(SELECT * FROM {table.name} WHERE {key} LIMIT 1) AS one"
            query = f"{count} INSERT INTO {table.name} ({', '.join(names)}) SELECT {values} FROM n, {one}"
            db.execute(sa.text(query), {"number": number})
    engine.dispose()


def of_one_more() -> Iterator[Row]:
    """One record more than fits: how much more the task has to do that has most."""
    sizes = (399, 400, 401, 4_999, 5_000, 5_001, 9_999, 10_000, 10_001)
    most = {size: max(_cuts(size)) for size in sizes}
    worst = max(most[after] / most[before] for before, after in pairwise(sizes) if after == before + 1)
    yield Row(
        what="one record more, at 400, 5,000 and 10,000", measured=worst, allowed=1.02, unit="times as much / load task"
    )


def _cuts(size: int) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        chunks = Chunks(Staging(Path(folder)))
        for record in range(size):
            mapped = Mapped(source_id=f"{record}", body={"name": f"{record}"})
            chunks.add(f"C{record}", mapped, "", "", {})
        return [end - start for start, end in pairwise(chunks.close())]


def of_memory(sizes: Sequence[int], *, everything: bool) -> Iterator[Row]:
    """The stage of each flow's first transfer that takes most memory."""
    for name in PEAKS:
        for size in sizes if everything or name in WIDEST else sizes[:1]:
            command = [sys.executable, __file__, name, str(size)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            stage, most = max(json.loads(done.stdout).items(), key=lambda each: float(each[1]))
            what = f"{name}, {size:,} records, {stage}"
            yield Row(what=what, measured=most, allowed=MEMORY, unit="MB beyond the start")


def peaks(name: str, size: int) -> dict[str, float]:
    """By stage: the megabytes that it took at most beyond what was there before the run."""
    sizes, before = PEAKS[name]
    few = {"items": 5, "companies": 5} if "sales" in name else {}
    with world(**{**few, **{kind: size * each for kind, each in sizes.items()}}) as bench:
        for flow in before:
            bench.run(flow)
        return run(bench, name).peaks


def parts(
    *, records: Sequence[int], ledger: Sequence[int], beside: int, memory: Sequence[int], everything: bool
) -> list[Part]:
    """Growth of the worlds, of the ledger beside so many records, and memory."""
    return [
        Part(title="Growth of records", rows=partial(of_records, records)),
        Part(title=f"Growth of the ledger, beside {beside:,} records", rows=partial(of_ledger, ledger, beside)),
        Part(title="One record more than a load task holds", rows=of_one_more),
        Part(title="Memory of the stage that takes most", rows=partial(of_memory, memory, everything=everything)),
    ]


if __name__ == "__main__":
    print(json.dumps(peaks(sys.argv[1], int(sys.argv[2]))))
