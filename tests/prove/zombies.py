"""Tasks that are taken for dead: frozen between two calls, they wake beside whoever does their work by then."""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from include.errors import RunFault, ServiceError
from include.flows import FLOWS
from include.sync.ledger.claims import CLAIM_LIFETIME
from include.sync.ledger.entries import iso
from include.sync.ledger.tables import claims
from tests.prove.life import Life
from tests.prove.stages import Tasks, Try

# A task that does not come to an end within so many seconds hangs.
_HANGS = 60


# What is done with the method of a call.
Watch = Callable[[str], None]


def surround(clients: Iterable[Any], before: Watch, after: Watch = lambda method: None) -> None:
    """Have something done before and after each call that these clients send, outside of the question whether whoever
    sends it still may."""
    for client in clients:
        transport = client._transport

        def sends(method: str, *args: Any, send: Callable[..., Any] = transport._answer, **more: Any) -> Any:
            before(method)
            answer = send(method, *args, **more)
            after(method)
            return answer

        transport._answer = sends


class Countdown:
    """Says once that it is over: at a call, or a call that may write, drawn at random, whichever thread makes it."""

    def __init__(self, rng: random.Random, then: Callable[[], None]) -> None:
        self._writes = rng.random() < 0.6
        self._left = rng.randint(1, 6 if self._writes else 12)
        self._then = then
        self._lock = threading.Lock()

    def __call__(self, method: str) -> None:
        """Count one."""
        if self._writes and method == "GET":
            return
        with self._lock:
            self._left -= 1
            now = self._left == 0
        if now:
            self._then()


class Freezer:
    """Lets all threads of one try stand still from a call on, until it is woken."""

    def __init__(self, rng: random.Random) -> None:
        self.frozen, self.woken = threading.Event(), threading.Event()
        self._count = Countdown(rng, self.frozen.set)

    def __call__(self, method: str) -> None:
        """Before each call, or after each."""
        self._count(method)
        if self.frozen.is_set():
            self.woken.wait(_HANGS)


class Zombie:
    """One try of a task in a thread of its own, which freezes on its way, or comes to its end before."""

    def __init__(self, life: Life, one_try: Try, rng: random.Random) -> None:
        self._life = life
        self._freezer = Freezer(rng)
        self._before = rng.random() < 0.5
        self._ended = threading.Event()
        self.fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(one_try,))

    def freezes(self) -> bool:
        """Let it begin; False when it came to its end without standing still."""
        self._thread.start()
        if not self._freezer.frozen.wait(_HANGS):
            raise TimeoutError("A task neither freezes nor ends")
        return not self._ended.is_set()

    def wake(self) -> None:
        """Let it go on."""
        self._freezer.woken.set()

    def end(self) -> None:
        """Let it come to its end."""
        self.wake()
        self._thread.join(_HANGS)
        if self._thread.is_alive():
            raise TimeoutError("A task that has woken does not end")

    def _run(self, one_try: Try) -> None:
        bc, ipaas = self._life.bench.bc(), self._life.bench.ipaas()
        if self._before:
            surround((bc, ipaas), before=self._freezer)
        else:
            surround((bc, ipaas), before=lambda method: None, after=self._freezer)
        try:
            one_try(bc, ipaas)
        except Exception as fault:  # noqa: BLE001 - how it ended is what is asked
            self.fault = fault
        self._ended.set()
        self._freezer.frozen.set()


def claims_run_out(life: Life) -> None:
    """Let so much time pass that whoever holds a claim, and did not renew it, is taken for dead."""
    ledger = life.bench.ledger
    with ledger._writing() as db:
        long_ago = iso(ledger.database_time(db) - 2 * CLAIM_LIFETIME)
        db.execute(sa.update(claims).values(renewed_at=long_ago))


def _as_in_processes_of_their_own() -> None:
    """Let no task wait for another one at a cached property: Python 3.11 has one lock for those of all objects of a class,
    and here tasks are threads of one process."""
    for property_ in gc.get_objects():
        if type(property_) is cached_property and hasattr(property_, "lock"):
            property_.lock = nullcontext()


def haunted_round(life: Life, number: int, rng: random.Random) -> None:
    """Run every flow once; in each, one task freezes, and wakes beside its next try or beside another run."""
    _as_in_processes_of_their_own()
    for flow in FLOWS:
        try:
            _haunted(life, flow, f"{flow}-{number}", rng)
        except (RunFault, ServiceError):
            pass  # as any run in foul weather: the next one goes on from here
        except Exception as fault:  # noqa: BLE001 - a run that dies is what is counted here
            life.tally.find("died", life.name, f"{flow}: {type(fault).__name__}: {fault}")
    life.later()


@dataclass(frozen=True, kw_only=True)
class Haunting:
    """Which task freezes, in how many tries one after another, when they wake, and whether another run works meanwhile
    in place of the next try."""

    task: str
    tries: int
    wakes: str
    another: bool

    @classmethod
    def any(cls, rng: random.Random) -> Haunting:
        """Some haunting; most freeze while they write."""
        return cls(
            task=rng.choice(("extract", "transform", *["load 0"] * 4, "report")),
            tries=rng.randint(1, 3),
            wakes=rng.choice(("beside it", "after it", "at the end")),
            another=rng.random() < 0.4,
        )


def _haunted(life: Life, flow: str, run_id: str, rng: random.Random) -> None:
    haunting, zombies = Haunting.any(rng), list[Zombie]()
    try:
        for task, one_try in Tasks(life.bench, flow, run_id, life.bench.folder):
            if task == haunting.task:
                for _ in range(haunting.tries):
                    zombies.append(Zombie(life, one_try, rng))
                    if not zombies[-1].freezes():
                        break
                    life.tally.tried += 1
                else:
                    _beside(life, flow, one_try, zombies[-1], haunting, rng)
                if haunting.wakes != "at the end":
                    for zombie in zombies:
                        zombie.end()
            else:
                one_try(life.bench.bc(), life.bench.ipaas())
    finally:
        for zombie in zombies:
            zombie.end()
            if zombie.fault is not None and not isinstance(zombie.fault, RunFault | ServiceError):
                said = f"{type(zombie.fault).__name__}: {zombie.fault}"
                life.tally.find("died", life.name, f"{flow}, {haunting}: {said}")


def _beside(life: Life, flow: str, one_try: Try, zombie: Zombie, haunting: Haunting, rng: random.Random) -> None:
    """What goes on while a task is frozen."""
    bc, ipaas = life.bench.bc(), life.bench.ipaas()
    if haunting.wakes == "beside it":
        surround((bc, ipaas), before=Countdown(rng, zombie.wake))
    if haunting.another:
        claims_run_out(life)
        life.bench.run(flow, bc=bc, ipaas=ipaas)
    else:
        one_try(bc, ipaas)
