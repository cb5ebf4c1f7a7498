"""Wild values over every field of every record that is read, from both systems: no run dies, nothing is unexpected.

A round runs every flow on a small world. Before a flow runs, some fields of the records that it is going to read are
spoilt as they are served: of another type, null, missing, of a size that nobody has, of characters that nothing carries.
Then the flow runs again on what is sound, and everything is to go through.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.spoils import Spoil
from include.sandbox.world import Size
from include.sync.report import Report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flows"))
from bench import Bench

SIZE = Size(
    companies=4,
    persons=4,
    contacts=3,
    items=5,
    orders=4,
    invoices=3,
    prices=4,
    shop_companies=3,
    shop_customers=3,
    shop_products=3,
    shop_orders=3,
    shop_invoices=3,
)
SETTINGS = {
    "bc_transfer_customer_price_groups": "TRUE",
    "bc_process_company_relationship": "TRUE",
    "bc_enable_company_hierarchy": "TRUE",
    "bc_processing_company_creation_in_prerequisite": "TRUE",
    "bc_create_defaults": {
        "invoice": {"shipping_account": "40410", "tax_account": "22700", "payment_journal": "WEBSHOP"}
    },
}
# As JSON texts; None takes the field out.
VALUES: tuple[str | None, ...] = (
    None,
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e400",
    "-1e400",
    "1e-400",
    "1e999999999",
    "NaN",
    "-Infinity",
    "123456789012345678901234567890.12",
    "9" * 5_000,
    '""',
    '" "',
    '"x"',
    f'"{"long " * 2_000}"',
    '"\\ud83d"',
    '"\\u0000"',
    '"a\\u0000b\\udc00c"',
    '"\\u202e\\ufeff\\u0301"',
    '"1e999999999"',
    '"NaN"',
    '"\\u0663"',
    '"0001-01-01"',
    '"9999-12-31T23:59:59Z"',
    '"2026-02-30"',
    '"\'*..|&%00<x>"',
    '"{{ 1 }}"',
    "[]",
    "[null]",
    '[{"a": [1]}]',
    "{}",
    '{"a": 1}',
)
# What the run as a whole stands on, and no record of a flow: who we are there, and what is published.
_NOT_RECORDS = ("/companies$", "/ODataV4/?$", r"/ODataV4/\$metadata", "^/sso", "^/subscriptions")
_IDENTITIES = frozenset(
    ("id", "No", "number", "Code", "code", "Document_No", "Location_Code", "Item_No", "external_id", "system_id", "sku")
)
_NAMES = ("@odata.etag", "id", "No", "number", "Code", "code", "name")


@dataclass(kw_only=True)
class Recorder(Spoil):
    """Spoils nothing, and learns which fields records have where."""

    leaves: dict[tuple[str, str, Any], set[tuple[str | int, ...]]] = field(default_factory=dict)

    def spoil(self, content: Any, path: str) -> bool:
        """Learn what an answer holds."""
        if any(re.search(part, path) for part in _NOT_RECORDS):
            return False
        for record in _top(content):
            name = next((name for name in _NAMES if isinstance(record.get(name), str | int)), None)
            if name:
                self.leaves.setdefault((f"^{re.escape(path)}$", name, record[name]), set()).update(_leaves(record))
        return False


def _top(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict) and "responses" in content:
        for part in content["responses"]:
            yield from _top(part.get("body"))
    elif isinstance(content, dict) and isinstance(content.get("value"), list):
        yield from _top(content["value"])
    elif isinstance(content, list):
        yield from (entry for entry in content if isinstance(entry, dict))
    elif isinstance(content, dict):
        yield content


def _leaves(value: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if way:
        yield way
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in entries:
        if name != "@odata.context":
            yield from _leaves(item, (*way, name))


@dataclass(kw_only=True)
class Tally:
    """What a campaign has met."""

    tried: int = 0
    runs: int = 0
    died: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    spread: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    met: list[str] = field(default_factory=list)

    def meet(self, kind: list[str], what: str) -> None:
        """Note something that must not be."""
        kind.append(what)
        self.met.append(what)

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        return self.met


def campaign(
    number: int, seed: int, *, at_once: int = 4, flows: tuple[str, ...] = tuple(FLOWS), say: Any = None
) -> Tally:
    """Try at least `number` wild values, `at_once` of them in one run of a flow."""
    tally = Tally()
    chance = random.Random(seed)
    while tally.tried < number:
        with (
            Sandbox("demo", seed=chance.randrange(1_000_000), size=SIZE) as sandbox,
            tempfile.TemporaryDirectory() as home,
        ):
            bench = Bench(sandbox, Path(home), dict(SETTINGS))
            for flow in FLOWS:
                if flow in flows and tally.tried < number:
                    _wild(bench, flow, chance, at_once, tally)
                bench.run(flow)
            bench.close()
            if say:
                say(tally)
    return tally


def _wild(bench: Bench, flow: str, chance: random.Random, at_once: int, tally: Tally) -> None:
    """One run of a flow on spoilt records, then one on sound ones."""
    spoils = bench.sandbox.spoils
    learned = _learn(bench, flow)
    sound = bench.run(flow, mode="plan")
    chosen = [_spoil(chance, learned) for _ in range(at_once)] if learned else []
    spoils.extend(chosen)
    what = f"{flow}: " + "; ".join(
        f"{s.path} {s.name}={s.value} {'.'.join(map(str, s.at))} → {s.raw and s.raw[:40]}" for s in chosen
    )
    try:
        report = bench.run(flow)
        _judge(report, sound, chosen, what, tally)
    except Exception as fault:  # noqa: BLE001 - that is what is counted
        where = traceback.extract_tb(fault.__traceback__)[-1]
        tally.meet(tally.died, f"{what}: {type(fault).__name__}: {fault} ({where.filename}:{where.lineno})")
    finally:
        spoils.clear()
    tally.tried += sum(1 for spoil in chosen if spoil.hits)
    tally.runs += 1
    again = bench.run(flow, kind=None)
    held = [o for o in again.outcomes if o.result.value == "failed" and "cannot be read" in o.message]
    for outcome in held:
        tally.meet(tally.stuck, f"{what}: {outcome.key}: {outcome.message}")


def _learn(bench: Bench, flow: str) -> dict[tuple[str, str, str, Any], list[tuple[str | int, ...]]]:
    """The fields of the records that a flow reads: by system, path, and what the record is known by."""
    recorders = [
        Recorder(system=system, path="", name="", value=None, at=()) for system in ("business_central", "ipaas")
    ]
    spoils = bench.sandbox.spoils
    spoils.extend(recorders)
    seen: dict[tuple[str, str, str, Any], list[tuple[str | int, ...]]] = {}
    bench.sandbox.counters.reset()
    bench.run(flow, mode="plan")
    spoils.clear()
    for recorder in recorders:
        for (path, name, value), leaves in recorder.leaves.items():
            seen[recorder.system, path, name, value] = sorted(leaves, key=str)
    return seen


def _spoil(chance: random.Random, learned: dict[tuple[str, str, str, Any], list[tuple[str | int, ...]]]) -> Spoil:
    system, path, name, value = chance.choice(sorted(learned, key=str))
    at = chance.choice(learned[system, path, name, value])
    # A text where a record says which it is, or whose, is another record, and not a wild value.
    values = [raw for raw in VALUES if not (at[-1] in _IDENTITIES and raw and raw.startswith('"') and raw.strip('" '))]
    raw = chance.choice(values)
    return Spoil(system=system, path=path, name=name, value=value, at=at, raw=raw)


def _judge(report: Report, sound: Report, chosen: list[Spoil], what: str, tally: Tally) -> None:
    hit = sum(1 for spoil in chosen if spoil.hits)
    for outcome in report.outcomes:
        if "nexpected" in outcome.message:
            tally.meet(tally.unexpected, f"{what}: {outcome.key}: {outcome.message}")
    failed = report.counts["failed"] - sound.counts["failed"]
    if failed > hit:
        words = "; ".join(f"{o.key}: {o.message[:150]}" for o in report.outcomes if o.result.value == "failed")
        tally.meet(tally.spread, f"{what}: {failed} failed of {hit} spoilt: {words}")
    if report.counts["read"] < sound.counts["read"]:
        tally.meet(tally.lost, f"{what}: {report.counts['read']} read of {sound.counts['read']}")


def count(number: int, seed: int) -> dict[str, int]:
    """Run a campaign, saying what must not be as it is met."""
    said = 0

    def say(tally: Tally) -> None:
        nonlocal said
        for fault in tally.met[said:]:
            print(fault[:1_500], flush=True)
        said = len(tally.met)

    tally = campaign(number, seed, say=say)
    return {
        "wild values tried": tally.tried,
        "runs that died": len(tally.died),
        "unexpected faults": len(tally.unexpected),
        "sound records that failed": len(tally.spread),
        "records that disappeared": len(tally.lost),
        "records that stayed refused": len(tally.stuck),
    }
