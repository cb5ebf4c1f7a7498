"""What the flows of one run would make and link, for those that are planned after them: what they need is there by then.

A plan of several flows, each after those that it needs, would say of nearly everything that it waits; nothing of it was made.
So each plan leaves behind what it would make, and the ones after it go by that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from include.ipaas.external_ids import Id
from include.sync.exact import from_json, to_json
from include.sync.staging.chunks import load_chunks
from include.sync.staging.files import Staging
from include.sync.staging.keyset import KeyPairs
from include.sync.values import fold


@dataclass(frozen=True, kw_only=True)
class WouldBe:
    """A record that a plan would make, or that is there and would be linked: its table, its id in the source, and that in the
    target, None where it is not known before it is made."""

    table: str
    source_id: str
    target_id: Id | None
    made: bool


class Foreseen:
    """What would be there by the time that a plan is carried out, and what that plan adds to it."""

    def __init__(self, before: Callable[[], Iterable[Staging]] | None = None) -> None:
        """`before`: the files of the plans that come before this one in the same run, and that write to the same system; they
        are read when they are first asked for. None: nothing is foreseen, since everything is done at once."""
        self._before = before
        self._known: KeyPairs | None = None
        self._added: list[WouldBe] = []

    def of(self, table: str, source_id: str) -> WouldBe | None:
        """What a record of the source would be by then; None where no plan before speaks of it. Asked by one thread."""
        if self._before is None:
            return None
        if self._known is None:
            self._known = KeyPairs()
            for one in _read(self._before()):
                self._known.add(_place(one.table, one.source_id), to_json(asdict(one)).decode())
        return next((WouldBe(**from_json(text)) for text in self._known.of(_place(table, source_id))), None)

    def add(self, table: str, source_id: str, target_id: Id | None, *, made: bool) -> None:
        """This plan would make a record, or link one that is there."""
        if self._before is not None:
            self._added.append(WouldBe(table=table, source_id=source_id, target_id=target_id, made=made))

    def leave(self, staging: Staging, chunk: int) -> None:
        """Leave what the plan of a chunk has added for the plans after it."""
        if self._before is not None:
            staging.write_all(_file(chunk), map(asdict, self._added))


def _read(stagings: Iterable[Staging]) -> Iterator[WouldBe]:
    for staging in stagings:
        for chunk in range(load_chunks(staging)):
            yield from (WouldBe(**line) for line in staging.read_if_there(_file(chunk)))


def _file(chunk: int) -> str:
    return f"would-be-{chunk:04}"


def _place(table: str, source_id: str) -> str:
    return f"{table}|{fold(source_id)}"
