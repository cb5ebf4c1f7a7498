"""The ledger's schema: every earlier version opens and keeps its rows; a newer one, or no ledger, is refused."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from include.sync.ledger import Ledger, LedgerFault
from include.sync.ledger import schema as ledger_schema
from include.sync.ledger.entries import Purpose, moment
from include.sync.ledger.tables import metadata
from tests.sync import earlier_ledgers
from tests.systems import PAIR

COMPANIES = "customer company"
FORK = multiprocessing.get_context("fork")


def make_earlier(url: str, shape: str) -> None:
    """A ledger of an earlier shape, or version."""
    engine = sa.create_engine(url)
    with engine.begin() as db:
        if shape in earlier_ledgers.SHAPES:
            earlier_ledgers.make(db, shape)
        else:
            earlier_ledgers.make(db, "the last without a version")
            config = Config()
            config.set_main_option("script_location", "include.sync.ledger:migrations")
            config.attributes["connection"] = db
            command.upgrade(config, shape)
    engine.dispose()


def set_version(url: str, version: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as db:
        db.execute(sa.text("UPDATE sync_schema SET version_num = :it"), {"it": version})
    engine.dispose()


def version_of(url: str) -> str:
    engine = sa.create_engine(url)
    with engine.begin() as db:
        found = str(db.execute(sa.text("SELECT version_num FROM sync_schema")).scalar_one())
    engine.dispose()
    return found


@pytest.mark.parametrize("shape", [*earlier_ledgers.SHAPES, *ledger_schema.KNOWN[:-1]])
def test_every_earlier_version_opens_and_keeps_its_rows(url: str, shape: str) -> None:
    make_earlier(url, shape)
    ledger = Ledger(url, PAIR)
    found = ledger.transfers("company_to_ipaas", ["C1", "C2"])
    assert (found["C1"].target_id, found["C1"].fingerprint) == (7, "f")
    assert (found["C2"].state, found["C2"].attempts) == ("failed", 2)
    assert ledger.due("company_to_ipaas") == ["C2"]
    assert ledger.internal_ids(COMPANIES, ["C1"]) == {"C1": 7}
    assert ledger.unpushed() == [(COMPANIES, "C1", 7)]
    assert ledger.position("company_to_ipaas") == moment(earlier_ledgers.THEN)
    assert ledger.received("company_from_ipaas") == [("17", "3")]
    if shape not in ("hooks by record", "hooks by flow"):
        kept = ledger.reservation(f"{COMPANIES} from iPaaS.com", "9")
        assert kept and (kept.reference, kept.purpose) == ("C9", Purpose.create)
    assert ledger.reserve(f"{COMPANIES} from iPaaS.com", "10", "customers", "C10", Purpose.create)
    # The claim is of a task long gone: it is taken over, and what it may have written is looked for.
    assert ledger.claim(COMPANIES, ["C2"], "another run")["C2"].suspect
    ledger.close()


@pytest.mark.parametrize("shape", ["hooks by record", "the last without a version", *ledger_schema.KNOWN[:-1]])
def test_an_upgraded_ledger_is_one_of_this_version_to_the_last_index(url: str, shape: str) -> None:
    make_earlier(url, shape)
    ledger = Ledger(url, PAIR)
    with ledger._engine.connect() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    ledger.close()
    assert version_of(url) == ledger_schema.NEWEST


def test_a_new_ledger_is_of_the_newest_version(url: str) -> None:
    Ledger(url).close()
    assert version_of(url) == ledger_schema.NEWEST
    config = Config()
    config.set_main_option("script_location", "include.sync.ledger:migrations")
    known = [revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()]
    assert list(reversed(known)) == list(ledger_schema.KNOWN)


def test_opening_a_ledger_of_this_version_takes_one_question(url: str) -> None:
    Ledger(url).close()
    asked: list[str] = []

    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        Ledger(url).close()
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)
    assert len([statement for statement in asked if not statement.startswith("BEGIN")]) <= 1


def test_a_newer_ledger_is_refused_in_words(url: str) -> None:
    Ledger(url).close()
    set_version(url, "9999")
    with pytest.raises(LedgerFault, match=r"schema version '9999'.*knows none beyond") as refused:
        Ledger(url)
    assert not refused.value.again
    assert "update this one" in refused.value.advice


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("This is not a database, however long one looks at it. " * 50)
    with pytest.raises(LedgerFault, match="file is not a database") as refused:
        Ledger(f"sqlite:///{path}")
    assert not refused.value.again
    assert path.read_text().startswith("This is not a database")


def test_a_database_of_something_else_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE dag_run (id INTEGER)")
    with pytest.raises(LedgerFault, match="no ledger: it has the tables dag_run") as refused:
        Ledger(f"sqlite:///{path}")
    assert not refused.value.again


def test_a_table_of_our_name_and_another_kind_is_refused_in_words(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as db:
        db.execute(sa.text("CREATE TABLE sync_transfers (amount INTEGER)"))
    engine.dispose()
    with pytest.raises(LedgerFault, match="no ledger"):
        Ledger(url)


def test_a_ledger_that_cannot_be_reached_is_a_fault_worth_another_try() -> None:
    with pytest.raises(LedgerFault, match="cannot be used") as fault:
        Ledger("postgresql+psycopg2://nobody:ledger-secret@127.0.0.1:1/ledger")
    assert fault.value.again
    assert "ledger-secret" not in f"{fault.value}{fault.value.advice}"


def open_and_link(url: str, number: int) -> None:
    ledger = Ledger(url, PAIR)
    ledger.link([(COMPANIES, f"N{number}", number)])
    ledger.close()


@pytest.mark.parametrize("shape", [None, "hooks by record"])
def test_many_processes_may_open_it_at_the_same_moment(url: str, shape: str | None) -> None:
    if shape:
        make_earlier(url, shape)
    started = [FORK.Process(target=open_and_link, args=(url, number)) for number in range(5)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * 5
    ledger = Ledger(url, PAIR)
    assert len(ledger.internal_ids(COMPANIES, [f"N{number}" for number in range(5)])) == 5
    if shape:
        assert ledger.internal_ids(COMPANIES, ["C1"]) == {"C1": 7}
    ledger.close()


def test_what_one_connection_writes_outlives_the_others_of_its_process_and_of_others(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    first = Ledger(url, PAIR)
    first.link([(COMPANIES, "C1", 1)])
    Ledger(url, PAIR).close()
    # A process of its own altogether: a forked one would share what SQLite knows of its locks.
    another = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM sync_links'); db.close()"
    )
    subprocess.run([sys.executable, "-c", another, str(tmp_path / "ledger.db")], check=True)
    first.link([(COMPANIES, "C3", 3)])
    with sqlite3.connect(f"file:{tmp_path / 'ledger.db'}?mode=ro", uri=True) as seen:
        assert {row[0] for row in seen.execute("SELECT folded FROM sync_links")} == {"C1", "C3"}
    first.close()


def test_an_earlier_file_put_in_place_of_a_running_one_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    server = Ledger(f"sqlite:///{path}", PAIR)
    server.link([(COMPANIES, "C5", 5)])
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    make_earlier(f"sqlite:///{path}", "hooks by record")
    assert server.internal_ids(COMPANIES, ["C1", "C5"]) == {"C1": 7}
    server.close()


@pytest.mark.parametrize("present", [False, True])
def test_a_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path, present: bool) -> None:
    path = tmp_path / "ledger.db"
    before = os.umask(0)
    try:
        if present:
            make_earlier(f"sqlite:///{path}", "hooks by flow")
            path.chmod(0o666)
        ledger = Ledger(f"sqlite:///{path}", PAIR)
        ledger.link([(COMPANIES, "C1", 7)])
        files = sorted(tmp_path.glob("ledger.db*"))
        assert [file.name for file in files] == ["ledger.db", "ledger.db-shm", "ledger.db-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        ledger.close()
    finally:
        os.umask(before)
