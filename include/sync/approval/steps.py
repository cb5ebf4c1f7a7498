"""What a record's first write is: noted while a run is planned, and compared when it is applied after its approval.

Only what was shown to whoever approved it is written. The first write decides: what follows it brings the record to the
values that were shown, and a document that has been begun is finished.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import simplejson

from include.errors import Waiting
from include.sync.approval.prices import Prices
from include.sync.fingerprints import canonical
from include.sync.ledger.entries import State
from include.sync.records import Json
from include.sync.work import ToBeMade, WriteRequest, WriteResult

Place = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a write sends, as a hash. `open`: where in it the ids of records stand that are yet to be made."""

    digest: str
    open: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """For staging."""
        return {"digest": self.digest, "open": list(self.open)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shape:
        """What `as_json` made."""
        return cls(digest=data["digest"], open=tuple(data["open"]))


def shape_of(what: Any, open_: Sequence[str] | None = None) -> Shape:
    """What is sent. `open_` are places that hold whatever they hold; by default, where the ids of records to be made
    stand."""
    found: list[str] = []

    def plain(value: Any, place: str) -> Any:
        if place in open_ if open_ is not None else ToBeMade.is_one(value):
            found.append(place)
            return None
        if isinstance(value, Mapping):
            return {str(name): plain(value[name], f"{place}/{name}") for name in sorted(value, key=str)}
        if isinstance(value, list | tuple):
            return [plain(item, f"{place}/{number}") for number, item in enumerate(value)]
        return canonical(value)

    text = simplejson.dumps(plain(what, ""), sort_keys=True, separators=(",", ":"))
    return Shape(digest=hashlib.sha256(text.encode()).hexdigest(), open=tuple(found))


class Steps(Protocol):
    """What a task's writers pass by before they send anything."""

    def record(self, item: WriteRequest) -> Any:
        """Within, this thread writes the record."""

    def step(self, what: Any) -> None:
        """This thread is about to send `what`. Raises Waiting when it may not."""

    def ended(self, item: WriteRequest, written: WriteResult) -> None:
        """What has been planned, or was written, of a record."""


@dataclass
class _Frame:
    """A record that a thread writes; within it, it may write others that are needed first."""

    item: WriteRequest
    begun: bool = False
    shape: Shape | None = None


class _Frames:
    """Which record each thread writes at the moment."""

    def __init__(self) -> None:
        self._stacks: dict[int, list[_Frame]] = {}

    @contextmanager
    def record(self, item: WriteRequest) -> Iterator[_Frame]:
        stack = self._stacks.setdefault(threading.get_ident(), [])
        frame = _Frame(item=item)
        stack.append(frame)
        try:
            yield frame
        finally:
            stack.pop()

    @property
    def top(self) -> _Frame | None:
        stack = self._stacks.get(threading.get_ident())
        return stack[-1] if stack else None


class Noted(_Frames):
    """Notes in a plan what the first write of each record is, and which prices change."""

    def __init__(self, prices: Prices) -> None:
        """`prices` counts those that change by much."""
        super().__init__()
        self._prices = prices
        self._lock = threading.Lock()
        self.shapes: dict[Place, Shape] = {}

    def step(self, what: Any) -> None:
        """Note it, if it is the first of its record."""
        frame = self.top
        if frame and not frame.begun:
            frame.begun, frame.shape = True, shape_of(what)

    def ended(self, item: WriteRequest, written: WriteResult) -> None:
        """Keep what was noted of a record that would be written."""
        frame = self.top
        if frame and frame.shape:
            with self._lock:
                self.shapes.setdefault((item.flow.name, item.key), frame.shape)
                self._prices.look(item, written)


class Approved(_Frames):
    """Lets through what was approved, and nothing else."""

    def __init__(self, shapes: Mapping[Place, Shape], run_id: str) -> None:
        """`shapes`: the first write of each record of a chunk, by flow and key."""
        super().__init__()
        self._shapes = shapes
        self._run_id = run_id

    def step(self, what: Any) -> None:
        """Raises Waiting for a record of which something else would be written than was approved."""
        frame = self.top
        if frame is None or frame.begun:
            return
        item = frame.item
        shape = self._shapes.get((item.flow.name, item.key))
        if not (shape and shape_of(what, shape.open).digest == shape.digest) and not self._begun_before(item):
            raise Waiting(
                "Since the run was approved it has changed: something else would be written than what was shown."
                if shape
                else "It was not among what the run was approved to write, and would be written now.",
                advice="Nothing to do: it was not written, and goes with the next run.",
                at_once=True,
            )
        frame.begun = True

    def ended(self, item: WriteRequest, written: WriteResult) -> None:
        """Nothing is kept."""

    def _begun_before(self, item: WriteRequest) -> bool:
        """Whether an earlier try of this run has begun to write it: then it is finished."""
        before = item.transfer
        return item.suspect or bool(before and before.run_id == self._run_id and before.state == State.retry)
