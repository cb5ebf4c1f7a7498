"""Runs campaigns, several lives at a time, each in a process of its own that a fault cannot take the others with."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait

from tests.prove.campaigns import CAMPAIGNS
from tests.prove.tally import Tally

# A life that lasts as long as its campaign lasts so many seconds at least.
_SHORTEST = 8.0


def _live(name: str, seed: int, **options: float) -> Tally:
    # What a client warns of is what this is made of.
    logging.disable(logging.WARNING)
    try:
        return CAMPAIGNS[name].live(seed, **options)
    except Exception as fault:  # noqa: BLE001 - a proof that breaks proves nothing, and says where
        tally = Tally()
        tally.find("died", f"{name} {seed}", f"the campaign itself: {type(fault).__name__}: {fault}")
        return tally


def prove(names: Sequence[str], *, seed: int, minutes: float, workers: int) -> Iterator[tuple[str, Tally, float]]:
    """Each campaign's counts: until it was tried as often as wanted, or its share of the time is over.

    What one campaign leaves of its time is shared out among those that follow.
    """
    ends = time.monotonic() + minutes * 60
    work = {name: CAMPAIGNS[name].wanted * CAMPAIGNS[name].seconds for name in names}
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for number, name in enumerate(names):
            began = time.monotonic()
            share = (ends - began) * work[name] / sum(work[later] for later in names[number:])
            tally = _campaign(pool, name, seed=seed, ends=began + share, workers=workers)
            yield name, tally, time.monotonic() - began


def _campaign(pool: Executor, name: str, *, seed: int, ends: float, workers: int) -> Tally:
    """One campaign's lives, at least one: what was never tried is not clean."""
    if CAMPAIGNS[name].throughout:
        return pool.submit(_live, name, seed, seconds=max(ends - time.monotonic(), _SHORTEST)).result()
    tally, next_seed = Tally(), seed
    under_way: set[Future[Tally]] = set()

    def wants_more() -> bool:
        return next_seed == seed or (tally.tried < CAMPAIGNS[name].wanted and time.monotonic() < ends)

    while under_way or wants_more():
        while len(under_way) < workers and wants_more():
            under_way.add(pool.submit(_live, name, next_seed))
            next_seed += 1
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        for one in done:
            tally += one.result()
    return tally
