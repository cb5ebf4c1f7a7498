"""Wild values over every field of every record that is read, from both systems: no run dies, nothing is unexpected.

A world stands, and is set back after every run. A flow runs on it undisturbed, which shows what records it reads and which
fields they have: of feeds, details, look-ups, lists and answers to writes. Then it runs again and again while some of them,
each of another record, are spoilt as they are served: of another type, null, missing, of a size that nobody has, of
characters that nothing carries; a record that is none, or comes twice; a look-up of one id that is refused. After each of
these runs all is sound again, and everything has to go through. What comes of several spoils that should not is tried
again with each of them alone, so that what is told is what one of them did.
"""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from include.errors import InvalidId, ServiceDown
from include.flows import FLOWS
from include.sandbox.spoils import TWICE, Refusal, Spoil
from include.sandbox.world import Size
from include.sync.asked import GUID
from include.sync.report import Report
from tests.counts._standing import Standing, State, standing
from tests.counts._wild_places import IDENTITIES, Place, Recorder
from tests.counts._wild_values import STATUSES, VALUES

SIZE = Size(
    companies=7,
    persons=5,
    contacts=4,
    items=7,
    orders=7,
    invoices=5,
    prices=5,
    shop_companies=5,
    shop_customers=5,
    shop_products=5,
    shop_orders=5,
    shop_invoices=4,
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
_AT_ONCE = 16
_FEWER = "fewer"
# So often a task that gave up is repeated, as Airflow does it.
_REPEATED = 4
_NO_JOURNAL = "the payment journal"
_WAYS = ("poll", "ids", "again")

Wild = Spoil | Refusal


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

    def meet(self, kind: str, what: str) -> None:
        """Note something that must not be."""
        getattr(self, kind).append(what)
        self.met.append(f"{kind}: {what}")


@dataclass(frozen=True)
class Drawn:
    """A spoil, and how many records of the flow are made of the one that it spoils: as an item's are in many places."""

    wild: Wild
    reach: int

    @property
    def fails(self) -> int:
        """How many records may fail of it."""
        rows = self.wild.rows if isinstance(self.wild, Spoil) else 1
        return max(rows, self.reach) if self.wild.hits else 0


@dataclass(frozen=True)
class Scene:
    """A flow that is about to run in one way on a world in one state; what it reads then, and what comes of it."""

    flow: str
    ids: tuple[str, ...]
    before: State
    places: dict[tuple[Any, ...], list[Place]]
    sound: Report
    sent: frozenset[str]
    open: frozenset[str]

    def play(self, world: Standing) -> Report:
        """Run it once."""
        return world.run(self.flow, self.ids, force=bool(self.ids))


def campaign(
    number: int,
    seed: int,
    *,
    flows: tuple[str, ...] = tuple(FLOWS),
    ways: tuple[str, ...] = _WAYS,
    say: Callable[[Tally], None] = lambda tally: None,
) -> Tally:
    """Try at least `number` wild values."""
    tally = Tally()
    chance = random.Random(seed)
    rounds = max(1, min(10, number // (_AT_ONCE * len(flows))))
    while tally.tried < number:
        with standing(chance.randrange(1_000_000), SIZE, SETTINGS) as world:
            for flow in FLOWS:
                before = world.keep()
                world.run(flow)
                after = world.keep()
                if flow in flows and tally.tried < number:
                    scene = _scene(world, flow, chance.choice(ways), before, after)
                    for _ in range(rounds):
                        _try(world, scene, _drawn(chance, scene), tally)
                        say(tally)
                    world.restore(after)
    return tally


def _scene(world: Standing, flow: str, way: str, before: State, after: State) -> Scene:
    """Watch a flow run undisturbed. `way`: a poll, or by the ids of all its records, new or there already."""
    ids = tuple(key for key in sorted(world.sent(flow)) if _is_id(flow, key)) if way != "poll" else ()
    state = after if way == "again" and ids else before
    world.restore(state)
    systems = ("business_central", "ipaas")
    recorders = [Recorder(system=system, path="", name="", value=None, at=()) for system in systems]
    world.bench.sandbox.spoils.extend(recorders)
    sound = world.run(flow, ids, force=bool(ids))
    world.bench.sandbox.spoils.clear()
    end = world.later(flow)
    places: dict[tuple[Any, ...], list[Place]] = {}
    for place in sorted((place for recorder in recorders for place in recorder.places), key=repr):
        places.setdefault(place.sort, []).append(place)
    return Scene(flow, ids, state, places, sound, world.sent(flow), _open(end))


def _is_id(flow: str, key: str) -> bool:
    try:
        FLOWS[flow].parse_id(key)
    except InvalidId:
        return False
    return "," not in key


def _open(report: Report) -> frozenset[str]:
    """What a run has not brought over."""
    return frozenset(o.key for o in report.outcomes if o.result.value in ("failed", "waiting", "retrying"))


def _drawn(chance: random.Random, scene: Scene) -> list[Drawn]:
    """Spoils of fields of all sorts alike, each of another record."""
    found: dict[tuple[Any, ...], Drawn] = {}
    kinds: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for sort in scene.places:
        kinds.setdefault(sort[:3], []).append(sort)
    for _ in range(3 * _AT_ONCE if kinds else 0):
        place = chance.choice(scene.places[chance.choice(kinds[chance.choice(list(kinds))])])
        if place.record not in found and len(found) < _AT_ONCE:
            found[place.record] = Drawn(_wild(chance, place), _reach(scene, place))
    return list(found.values())


def _reach(scene: Scene, place: Place) -> int:
    keys = scene.sent | {outcome.key for outcome in scene.sound.outcomes}
    others = [other for places in scene.places.values() for other in places]
    # What is known by its number in one place is by its id in another.
    pairs = {other.known_as for other in others if len(other.known_as) == 2}
    same = (names for names in pairs if names & place.known_as and any(map(GUID.fullmatch, names)))
    known_as = place.known_as.union(*same)
    # What is no record of the flow itself is what those refer to, as lines of orders do to their items.
    around = known_as.union(*{other.refers_to for other in others if other.refers_to & known_as})
    return next(filter(None, (_named(keys, known_as), _named(keys, around))), 0)


def _named(keys: Iterable[str], names: frozenset[str]) -> int:
    """How many of these keys, or of their parts, are among the names."""
    return sum(1 for key in keys if not names.isdisjoint(key.split("|")))


def _wild(chance: random.Random, place: Place) -> Wild:
    if not place.at:
        raw = chance.choice((TWICE, TWICE, "null", "[]", '"x"', "1", "{}"))
    elif (
        place.at[-1] in IDENTITIES
        and isinstance(place.value, str)
        and place.at == (place.name,)
        and not chance.randrange(4)
    ):
        return Refusal(system=place.system, word=place.value, status=chance.choice(STATUSES))
    else:
        # A text where a record says which it is, or whose, is another record, and not a wild value.
        texts = place.at[-1] not in IDENTITIES
        raw = chance.choice([v for v in VALUES if texts or not (v and v.startswith('"') and v.strip('" '))])
    return Spoil(
        system=place.system,
        method=place.method,
        path=place.path,
        name=place.name,
        value=place.value,
        only=place.only,
        at=place.at,
        raw=raw,
    )


def _try(world: Standing, scene: Scene, drawn: list[Drawn], tally: Tally) -> None:
    """A run with all of them; where something is wrong then, one with each."""
    wrong = _wrong(world, scene, drawn, tally)
    hit = [one for one in drawn if one.wild.hits]
    tally.tried += len(hit)
    alone = [(one, found) for one in hit if wrong for found in _wrong(world, scene, [one], tally)]
    for one, (kind, what) in alone:
        tally.meet("lost" if kind == _FEWER else kind, f"{what} ← {_told(scene, [one])}")
    for kind, what in wrong if not alone else ():
        # Of two that spoil one record each in another place, one line is told; whether it arrives is asked afterwards.
        if kind != _FEWER:
            tally.meet(kind, f"{what} ← all of {_told(scene, hit)}")


def _told(scene: Scene, drawn: Sequence[Drawn]) -> str:
    how = f"{scene.flow} {'by ids ' if scene.ids else ''}"
    return how + "; ".join(
        f"{one.word} → {one.status}"
        if isinstance(one, Refusal)
        else f"{one.method} {one.path[-70:]} {one.name}={one.value} {one.only or ''} .{'.'.join(map(str, one.at))} → "
        f"{one.raw and one.raw[:40]}"
        for one in (each.wild for each in drawn)
    )


def _wrong(world: Standing, scene: Scene, drawn: Sequence[Drawn], tally: Tally) -> list[tuple[str, str]]:
    """What must not be, of a run with these spoils and of one without them after it."""
    world.restore(scene.before)
    wild = [one.wild for one in drawn]
    sandbox = world.bench.sandbox
    for one in wild:
        one.reset()
    sandbox.spoils.extend(one for one in wild if isinstance(one, Spoil))
    sandbox.refusals.extend(one for one in wild if isinstance(one, Refusal))
    tally.runs += 1
    wrong: list[tuple[str, str]] = []
    try:
        wrong += _judged(scene, _played(world, scene), drawn)
    except Exception as fault:  # noqa: BLE001 - that is what is counted
        wrong.append(("died", _where(fault)))
    finally:
        sandbox.spoils.clear()
        sandbox.refusals.clear()
    try:
        end = world.later(scene.flow)
    except Exception as fault:  # noqa: BLE001 - likewise
        return [*wrong, ("died", f"afterwards: {_where(fault)}")]
    still = {o.key: o.message for o in end.outcomes if o.key in _open(end) - scene.open}
    wrong += [("stuck", f"{key}: {message}") for key, message in still.items()]
    wrong += [("lost", f"{key} never arrives") for key in sorted(scene.sent - world.sent(scene.flow) - still.keys())]
    return wrong


def _played(world: Standing, scene: Scene) -> Report:
    """A run; one that gives up while a service takes nothing is repeated."""
    for _ in range(_REPEATED):
        try:
            return scene.play(world)
        except ServiceDown:
            continue
    return scene.play(world)


def _is_journal(wild: Wild) -> bool:
    """Whether it spoils the row of the one journal that all payments go to: each record that has any is rejected then."""
    return isinstance(wild, Spoil) and wild.path.endswith("/customerPaymentJournals$")


def _where(fault: Exception) -> str:
    frames = traceback.extract_tb(fault.__traceback__)[-3:]
    way = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(fault).__name__}: {str(fault)[:300]} ({way})"


def _judged(scene: Scene, report: Report, drawn: Sequence[Drawn]) -> Iterator[tuple[str, str]]:
    for outcome in report.outcomes:
        if "nexpected" in outcome.message:
            yield "unexpected", f"{outcome.key}: {outcome.message}"
    may = sum(one.fails for one in drawn)
    shared = any(one.wild.hits and _is_journal(one.wild) for one in drawn)
    failed = [
        o
        for o in report.outcomes
        if o.result.value in ("failed", "retrying")
        and o.key not in _open(scene.sound)
        and not (shared and _NO_JOURNAL in o.message)
    ]
    if len(failed) > may:
        words = "; ".join(f"{o.key}: {o.message[:150]}" for o in failed)
        yield "spread", f"{len(failed)} failed where {may} may: {words}"
    if report.counts["read"] < scene.sound.counts["read"]:
        yield _FEWER, f"{report.counts['read']} read of {scene.sound.counts['read']}"


def count(number: int, seed: int) -> dict[str, int]:
    """Run a campaign, saying what must not be as it is met."""
    logging.disable(logging.WARNING)
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
