"""How many records a run writes at a time: what the Variable Concurrent Batch Executions asks for, and what the slots of the
pool allow. The pool alone decides how many load tasks run at once."""

from __future__ import annotations

from include.settings import SyncSettings

# Slots of its pool that a load task holds: the requests that it opens at once. Business Central runs 5 at a time
# per application, so more would only queue there.
LOAD_SLOTS = 5
# By stage; the others open one request at a time. To read many records, and to tell many links, takes as long as to write.
# Beside a load links are told for as long as that takes, by few: polls find room beside two of them.
SLOTS = {"extract": LOAD_SLOTS, "load": LOAD_SLOTS, "tell_links": 2, "report": LOAD_SLOTS}


def concurrency(settings: SyncSettings, tasks: int) -> int:
    """Records that a load task writes at a time, of so many of its run that run at once: its share of what is asked."""
    share = -(-settings.bc_concurrent_batch_executions // max(1, tasks))
    return max(1, min(LOAD_SLOTS, share))


def load_tasks(settings: SyncSettings) -> int:
    """Load tasks that it takes to write as many records at a time as is asked."""
    return -(-settings.bc_concurrent_batch_executions // LOAD_SLOTS)


def held_back(settings: SyncSettings, chunks: int, tasks: int) -> str | None:
    """What to say when there were never more than so many load tasks of a run at once, though more were asked for.

    That two did not meet may be chance, and is not said.
    """
    wanted = min(chunks, load_tasks(settings))
    if wanted <= 2 or tasks >= wanted:
        return None
    return (
        f"bc_concurrent_batch_executions is {settings.bc_concurrent_batch_executions}, but no more than "
        f"{tasks * LOAD_SLOTS} records were written at a time: the slots of the pool, less what other runs held of them, "
        f"allowed {tasks} load tasks of {LOAD_SLOTS} slots. Give the pool more slots (Admin, Pools), or lower the Variable."
    )
