"""What was transferred once and is not in its source any more, as a run that has read all of the source finds out.

Nothing is ever deleted for that. And nothing is called vanished after a read that may have been partial, or when so much
would be that the read is what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from include.errors import Unreadable
from include.sync.batches import batches
from include.sync.ledger.entries import Transfer
from include.sync.lines import VANISHED
from include.sync.links import side_of
from include.sync.outcomes import Difference, Outcome, Result
from include.sync.records import Json, SourceRecord
from include.sync.staging.keyset import KeySet
from include.sync.task_context import BATCH, TaskContext
from include.sync.values import fold

_UNREAD = "unread"
Keep = Callable[[Iterable[SourceRecord], datetime], None]


class Whole:
    """The keys of all records of a source, and their immutable ids: a renumbered one has not vanished."""

    def __init__(self) -> None:
        self._keys, self._record_ids = KeySet(), KeySet()

    def add(self, record: SourceRecord) -> None:
        """Take in a record that was read."""
        self._keys.add(fold(record.key))
        if record.record_id:
            self._record_ids.add(record.record_id)

    def has(self, transfer: Transfer) -> bool:
        """Whether a record that was transferred once is among them."""
        return fold(transfer.key) in self._keys or bool(transfer.record_id and transfer.record_id in self._record_ids)


def stage_vanished(task: TaskContext, whole: Whole, keep: Keep) -> Json:
    """Stage a line for each record that has vanished; answers how many records are `known` to be on the other side, and
    why none was called vanished, where that was `doubted`.

    What the list did not show and is there all the same is kept with the others.
    """
    known, unread = _unread(task, whole)
    refused = _doubt(task, unread, known)
    if refused is None:
        with task.staging.write(VANISHED) as lines:
            for gone in _looked_for(task, keep):
                for line in gone:
                    lines.add(line)
            number = lines.count
        # Orders leave their list when they are posted: how many others are gone is known only now.
        refused = _many_unread(task, number, known)
    if refused is not None:
        task.staging.write_all(VANISHED, ())
        task.warn(refused)
    return {"known": known, "doubted": refused}


def _unread(task: TaskContext, whole: Whole) -> tuple[int, int]:
    """How many records are known to be on the other side, and how many of them were not read; those are staged."""
    known = 0
    with task.staging.write(_UNREAD) as unread:
        for transfer in task.ledger.linked(task.flow.name):
            known += 1
            if not whole.has(transfer):
                unread.add({"key": transfer.key, "target_id": transfer.target_id})
    return known, unread.count


def _doubt(task: TaskContext, unread: int, known: int) -> str | None:
    """Why nothing may be called vanished after this read."""
    if unread and (task.held or task.nameless):
        return (
            f"Nothing is called vanished: the read of {side_of(task.flow.direction).source} was partial. {unread:,} records "
            "were not in it."
        )
    # By ids it would be found out one by one, where they are many.
    return None if task.flow.poll == "lookback" else _many_unread(task, unread, known)


def _many_unread(task: TaskContext, number: int, known: int) -> str | None:
    if too_many := many_vanished(task, number, known):
        return f"{too_many} Look whether {side_of(task.flow.direction).source} shows all of them to this application."
    return None


def many_vanished(task: TaskContext, number: int, known: int) -> str | None:
    """Why none of these is called vanished, when they are so many of those known that the read must be wrong."""
    share = task.settings.sync_vanished_share
    # A few of a few are no sign of that.
    if number <= 1 or number * 100 <= known * share:
        return None
    return (
        f"Nothing is called vanished: {number:,} of {known:,} records would be, more than {share} % (Variable "
        "sync_vanished_share)."
    )


def _looked_for(task: TaskContext, keep: Keep) -> Iterator[Sequence[Json]]:
    """Lines of the records that are not there when they are asked for, either."""
    flow = task.flow
    for batch in batches(task.staging.read(_UNREAD), BATCH):
        since, told = datetime.now(UTC), len(task.warnings)
        found: list[SourceRecord] = []
        there: set[str] = set()
        try:
            for record in flow.source.by_ids(task, [flow.again(line["key"]) for line in batch]):
                there.update((fold(record.asked or record.key), fold(record.key)))
                found.append(record)
        except Unreadable:
            continue  # which the run has been told
        there.update(fold(key) for key in task.refused)
        if flow.poll == "lookback":
            # A document that has gone on to its next stage; that goes its own way.
            del task.warnings[told:]
        else:
            keep(found, since)
        yield [_line(task, line).as_json() for line in batch if fold(line["key"]) not in there]


def _line(task: TaskContext, line: Json) -> Outcome:
    side = side_of(task.flow.direction)
    return Outcome(
        key=line["key"],
        result=Result.skipped,
        message=f"It is not in {side.source} any more, and {side.target} still has it as {line['target_id']}.",
        advice="Nothing is deleted by itself: decide in the other system what becomes of it.",
        target_id=line["target_id"],
        difference=Difference.vanished,
    )
