"""The campaigns: what is broken, where and how often. Each lives lives of small worlds, from one seed each."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from unittest.mock import patch

from include.flows import FLOWS
from include.sandbox.world import Size
from include.sync import context, load
from tests.prove.child import Order
from tests.prove.counts import COUNTS, tally_of
from tests.prove.hooks import hooks
from tests.prove.life import LARGE, SMALL, Life, undisturbed, world
from tests.prove.spoiling import SPOILERS, ledger_is_spoilt
from tests.prove.tally import Tally
from tests.prove.weather import ODD_ANSWERS, Kill, Pause, Weather, after_effect
from tests.prove.zombies import haunted_round

# A disturbed world gets so many rounds in foul weather before it clears up.
_FOUL_ROUNDS = 2


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """`breaks` says what in words. `wanted`: how often it is to be tried in a whole proof. `live` lives one life from a
    seed; what it tallies as tried counts towards that. `seconds` of one core are what it takes to try once, measured: the
    time of a proof is shared out by it. `throughout`: one life takes all of that time, and is told its `seconds`."""

    breaks: str
    wanted: int
    seconds: float
    live: Callable[..., Tally]
    throughout: bool = False


# So many different worlds; how each ends undisturbed is found out once in a process.
_WORLDS = 4


# One of them is small, so that a sample of the proof is, too.
_SIZES = {2: SMALL}


def _world(seed: int) -> int:
    return 1 + seed % _WORLDS


def _size(seed: int) -> Size:
    return _SIZES.get(_world(seed), LARGE)


def _disturbed(
    seed: int, name: str, disturb: Callable[[Life, random.Random], Weather], rounds: int = _FOUL_ROUNDS
) -> Tally:
    """One life in the weather that `disturb` makes, then in fair weather to the end; compared with the undisturbed."""
    tally, rng = Tally(), random.Random(seed)
    expected = undisturbed(_world(seed), _size(seed))
    with (
        world(_world(seed), _size(seed)) as (sandbox, folder),
        Life(sandbox, folder, tally=tally, name=f"{name} {seed}") as life,
    ):
        weather = disturb(life, rng)
        sandbox.faults.meet = weather.meet  # type: ignore[method-assign]
        for _ in range(rounds):
            life.round(fair=False)
        weather.clear_up()
        life.settle()
        tally.tried += weather.met
        life.compare(expected)
    return tally


def lost_answers(seed: int) -> Tally:
    """Writes that took effect and whose answers never came, or came as something else."""
    return _disturbed(
        seed, "lost answers", lambda life, rng: Weather(rng, chance=rng.choice((0.5, 0.9, 1.0)), answers=after_effect())
    )


def odd_answers(seed: int) -> Tally:
    """Any call answered with anything, before or after it took effect."""
    return _disturbed(seed, "odd answers", lambda life, rng: Weather(rng, chance=rng.choice((0.05, 0.2)), reads=True))


def lost_ledger(seed: int) -> Tally:
    """Lost answers, and then the ledger is gone as well."""

    def disturb(life: Life, rng: random.Random) -> Weather:
        weather = Weather(rng, chance=0.5, answers=after_effect())
        life.sandbox.faults.meet = weather.meet  # type: ignore[method-assign]
        life.round(fair=False)
        life.bench.lose_ledger()
        return weather

    return _disturbed(seed, "lost ledger", disturb, rounds=1)


def storms(seed: int) -> Tally:
    """One system, or both, answer nothing but one odd thing for a while, and then as if nothing had been."""

    def disturb(life: Life, rng: random.Random) -> Weather:
        systems = rng.choice((("business_central",), ("ipaas",), ("business_central", "ipaas")))
        answer = rng.choice(sorted(ODD_ANSWERS))
        return Weather(rng, chance=1.0, answers=(answer,), reads=True, systems=systems, most=rng.randint(20, 120))

    return _disturbed(seed, "storms", disturb, rounds=3)


def meetings(seed: int) -> Tally:
    """Two runs of every flow at the same time, over the same records, or all flows at once, some answers lost."""
    tally, rng = Tally(), random.Random(seed)
    expected = undisturbed(_world(seed), _size(seed))
    with (
        world(_world(seed), _size(seed)) as (sandbox, folder),
        Life(sandbox, folder, tally=tally, name=f"meetings {seed}") as life,
    ):
        weather = Weather(rng, chance=rng.choice((0.0, 0.1)), answers=after_effect())
        sandbox.faults.meet = weather.meet  # type: ignore[method-assign]
        for name in ("business_central", "ipaas"):
            sandbox.latency[name] = 0.002
        life.tick()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda fair: life.round(fair=fair), (False, False)))
        tally.tried += 3 * len(FLOWS)
        weather.clear_up()
        life.settle()
        life.compare(expected)
    return tally


def kills(seed: int) -> Tally:
    """A worker is killed at one of its writes, before or after that took effect, and the stage it was in is repeated."""
    tally, rng = Tally(), random.Random(seed)
    expected = undisturbed(_world(seed), _size(seed))
    with (
        world(_world(seed), _size(seed)) as (sandbox, folder),
        Life(sandbox, folder, tally=tally, name=f"kills {seed}") as life,
    ):
        weather = Weather(rng)
        sandbox.faults.meet = weather.meet  # type: ignore[method-assign]
        for number in range(2):
            order = Order(remote=life.remote, folder=folder, settings=life.bench.settings, round=number, now=life.now())
            for _ in range(200):
                if life.hire(order, weather, Kill(at=rng.randint(1, 6), before=rng.random() < 0.3)):
                    break
            else:
                tally.find("stuck", life.name, f"round {number} never comes to its end")
            life.later()
        tally.tried += weather.met
        weather.clear_up()
        life.settle()
        life.compare(expected)
    return tally


def zombies(seed: int) -> Tally:
    """A task of every flow is taken for dead while it is only frozen, and wakes beside whoever does its work by then."""
    tally, rng = Tally(), random.Random(seed)
    expected = undisturbed(_world(seed))
    with world(_world(seed)) as (sandbox, folder), Life(sandbox, folder, tally=tally, name=f"zombies {seed}") as life:
        # Who meets a claim of the other need not wait long for what does not come.
        with patch.object(load, "BUSY_WAIT", 1.0), patch.object(context, "BUSY_WAIT", 1.0):
            for number in range(2):
                haunted_round(life, number, rng)
        life.settle()
        life.compare(expected)
    return tally


def pauses(seed: int) -> Tally:
    """A system asks one of two runs for pauses with Retry-After; neither calls it inside."""
    tally, rng = Tally(), random.Random(seed)
    expected = undisturbed(_world(seed))
    with world(_world(seed)) as (sandbox, folder), Life(sandbox, folder, tally=tally, name=f"pauses {seed}") as life:
        pause = Pause(rng=rng, system=rng.choice(("business_central", "ipaas")), seconds=1, at=rng.randint(1, 20))
        sandbox.faults.meet = pause.meet  # type: ignore[method-assign]
        life.bench.shares_windows = True
        with ThreadPoolExecutor(2) as pool:
            for _ in range(_FOUL_ROUNDS):
                list(pool.map(life.try_to_run, FLOWS))
                life.later()
        tally.tried += pause.met
        tally.inside_retry_after += pause.inside
        sandbox.faults.meet = Weather(rng).meet  # type: ignore[method-assign]
        life.settle()
        life.compare(expected)
    return tally


def _at(place: str, act: Callable[[], None]) -> Callable[[str], None]:
    """What does `act` before the stage of that name."""
    return lambda stage: act() if stage == place else None


def spoilt(seed: int) -> Tally:
    """The ledger or a staged file is spoilt in the middle of a run; then the ledger is thrown away, as advised."""
    tally, rng = Tally(), random.Random(seed)
    expected = undisturbed(_world(seed))
    with world(_world(seed)) as (sandbox, folder), Life(sandbox, folder, tally=tally, name=f"spoilt {seed}") as life:
        for flow in [*FLOWS, *FLOWS]:
            spoil = functools.partial(rng.choice(SPOILERS), folder, rng)
            life.try_to_run(flow, before=_at(rng.choice(("transform", "load", "report")), spoil))
            tally.tried += 1
            if ledger_is_spoilt(life.bench):
                life.bench.lose_ledger()
            # As Airflow does: the run is repeated before those that need its records.
            life.try_to_run(flow)
        life.settle()
        life.compare(expected)
    return tally


# How often each count of `tests.counts` is to be tried in a whole proof, and the seconds that one takes.
_COUNTED = {
    "transactions": (1_000, 0.062),
    "switches": (30, 13.0),
    "schedules": (1_000, 0.24),
    "wild values": (10_000, 0.067),
}
CAMPAIGNS: Mapping[str, Campaign] = {
    "lost answers": Campaign(
        breaks="the answers of writes that took effect: none, cut, another page, any status",
        wanted=10_000,
        seconds=0.04,
        live=lost_answers,
    ),
    "odd answers": Campaign(
        breaks="any call, before or after it took effect", wanted=1_500, seconds=0.1, live=odd_answers
    ),
    "lost ledger": Campaign(
        breaks="the ledger, after answers were lost", wanted=1_000, seconds=0.063, live=lost_ledger
    ),
    "kills": Campaign(
        breaks="the process, at a write, before or after it took effect", wanted=1_000, seconds=0.3, live=kills
    ),
    "zombies": Campaign(
        breaks="a task freezes at any call, and wakes beside its next try or another run",
        wanted=500,
        seconds=0.9,
        live=zombies,
    ),
    "pauses": Campaign(
        breaks="a system asks one of two runs for pauses (Retry-After)", wanted=100, seconds=1.7, live=pauses
    ),
    "spoilt": Campaign(
        breaks="the ledger's file, or a staged one, while a run goes on", wanted=500, seconds=0.36, live=spoilt
    ),
    "storms": Campaign(breaks="a whole system, for a while", wanted=500, seconds=0.13, live=storms),
    "meetings": Campaign(
        breaks="the peace: every flow twice at the same time, and all at once", wanted=500, seconds=0.18, live=meetings
    ),
    "hooks": Campaign(
        breaks="Airflow's API server and the runs, while 10,000 webhooks a minute arrive",
        wanted=100_000,
        # 10,000 a minute: ten minutes of both cores.
        seconds=0.012,
        live=hooks,
        throughout=True,
    ),
    **{
        name: Campaign(
            breaks=breaks, wanted=_COUNTED[name][0], seconds=_COUNTED[name][1], live=functools.partial(tally_of, name)
        )
        for name, (_, breaks, _) in COUNTS.items()
    },
}
