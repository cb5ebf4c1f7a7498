"""Ways to spoil what a run keeps on disk: its ledger and its staged files."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from bench import Bench

from include.sync.ledger.faults import LedgerFault
from tests import ledgers


def _one(folder: Path, pattern: str, rng: random.Random) -> Path | None:
    found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
    return rng.choice(found[-8:]) if found else None


def _ledger(folder: Path) -> Path:
    return max(folder.glob("ledger*.db"), key=lambda path: path.stat().st_mtime)


def ledger_gone(folder: Path, rng: random.Random) -> None:
    """Its file is deleted, as anybody may at any time."""
    for file in folder.glob(f"{_ledger(folder).name}*"):
        file.unlink()


def ledger_of_other_words(folder: Path, rng: random.Random) -> None:
    """Another file is in its place."""
    ledger = _ledger(folder)
    ledger_gone(folder, rng)
    ledger.write_text("Not a database at all.\n" * 300)


def ledger_of_another(folder: Path, rng: random.Random) -> None:
    """The database of something else is in its place."""
    ledger = _ledger(folder)
    ledger_gone(folder, rng)
    with sqlite3.connect(ledger) as db:
        db.execute("create table sync_links (a, b)")


def ledger_torn(folder: Path, rng: random.Random) -> None:
    """Its pages are overwritten."""
    ledger = _ledger(folder)
    with ledger.open("r+b") as stream:
        stream.seek(rng.choice((0, 100, 4096)))
        stream.write(rng.randbytes(4096))


def staged_file_gone(folder: Path, rng: random.Random) -> None:
    """One staged file is deleted."""
    if file := _one(folder, "*/*.gz", rng):
        file.unlink()


def staged_file_cut(folder: Path, rng: random.Random) -> None:
    """One staged file ends in the middle."""
    if file := _one(folder, "*/*.gz", rng):
        file.write_bytes(file.read_bytes()[: rng.randint(0, max(0, file.stat().st_size - 1))])


def staged_file_of_other_bytes(folder: Path, rng: random.Random) -> None:
    """One staged file holds something else."""
    if file := _one(folder, "*/*.gz", rng):
        file.write_bytes(rng.randbytes(64))


def staging_gone(folder: Path, rng: random.Random) -> None:
    """A run's whole folder is deleted."""
    if file := _one(folder, "*/*.gz", rng):
        shutil.rmtree(file.parent)


_OF_A_FILE = (ledger_gone, ledger_of_other_words, ledger_of_another, ledger_torn)
SPOILERS: tuple[Callable[[Path, random.Random], None], ...] = (
    *(_OF_A_FILE if ledgers.kind() == "sqlite" else ()),
    staged_file_gone,
    staged_file_cut,
    staged_file_of_other_bytes,
    staging_gone,
)


def ledger_is_spoilt(bench: Bench) -> bool:
    """Whether only throwing the ledger away helps."""
    try:
        bench.ledger.position("any")
        bench.ledger.begin("any", "any", "any", "")
        bench.ledger.forget("any", ["any"])
    except LedgerFault:
        return True
    return False
