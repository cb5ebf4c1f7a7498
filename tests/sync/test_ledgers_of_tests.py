"""Where the ledgers of tests live: what a run of tests leaves behind on PostgreSQL when it is killed, the next one drops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

from tests import ledgers

ROOT = Path(__file__).resolve().parents[2]
MAKE = "import sys; from pathlib import Path; from tests import ledgers; print(ledgers.url_of(Path('x/l.db')), flush=True); "


def start(then: str) -> tuple[subprocess.Popen[str], str]:
    """A run of tests of its own, which has made a ledger; its schema."""
    environment = {**os.environ, "LEDGER": "postgresql", "PYTHONPATH": str(ROOT)}
    environment.pop("LEDGER_RUN", None)
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE + then],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    return process, process.stdout.readline().partition("%3D")[2].partition("%20")[0]


def schemas() -> set[str]:
    engine = sa.create_engine(ledgers.SERVER)
    with engine.connect() as db:
        found = set(db.execute(sa.text("SELECT nspname FROM pg_namespace")).scalars())
    engine.dispose()
    return found


def test_what_a_killed_run_leaves_is_dropped_by_the_next_and_nothing_of_those_that_live() -> None:
    ledgers.need("postgresql")
    lives, of_the_living = start("sys.stdin.read()")
    killed, of_the_dead = start("sys.stdin.read()")
    assert {of_the_living, of_the_dead} <= schemas()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    # The server learns of the death with a delay of its own.
    while of_the_dead in schemas():
        ended, of_the_ended = start("")
        ended.wait()
    assert of_the_living in schemas() and of_the_ended not in schemas()
    lives.communicate()
    assert of_the_living not in schemas()
