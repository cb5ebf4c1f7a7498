"""One variable, DATABASE, has Airflow's database and the ledger on a PostgreSQL."""

from __future__ import annotations

import json
import os
import secrets
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tests import ledgers

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.dag, pytest.mark.timeout(300)]
LOOK = f"""
import asyncio, json, sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
import database
said = database.prepare()
import settings
settings.migrate()
from airflow import settings as airflow
from bridge.server import ledger
import sqlalchemy as sa

async def dags():
    async with airflow.async_engine.connect() as db:
        found = (await db.execute(sa.text("select count(*) from dag"))).scalar()
    await airflow.async_engine.dispose()
    return found

count = asyncio.run(dags())
def schemas():
    with airflow.engine.connect() as db:
        return sorted(set(db.execute(sa.text("select table_schema from information_schema.tables "
            "where table_name in ('dag', 'sync_transfers')")).scalars()))
ledger()
there = schemas()
database.lose_ledger()
print(json.dumps({{"said": said, "dags": count, "schemas": there, "without_ledger": schemas()}}))
"""


def run(home: Path, script: str, database: str = "") -> subprocess.CompletedProcess[str]:
    """A script of Python in the project's environment, to its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SYNC_"))}
    return subprocess.run(
        [str(ROOT / "scripts" / "run"), "python", "-c", script],
        env={**kept, "AIRFLOW_HOME": str(home), "DATABASE": database},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def name() -> Iterator[str]:
    """The name of a database that is not there yet; the test is skipped where no PostgreSQL answers."""
    ledgers.need("postgresql")
    name = f"setup_{secrets.token_hex(6)}"
    yield name
    server = sa.create_engine(ledgers.SERVER, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as db:
        db.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def test_airflow_and_the_ledger_are_where_the_variable_says_and_stay_there(tmp_path: Path, name: str) -> None:
    # The password has what addresses have to write otherwise; this server asks for none.
    address = f"postgresql://postgres:p%40ss%25w@{ledgers.WHERE}/{name}?sslmode=prefer"
    done = run(tmp_path, LOOK, address)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "said": f"Database: PostgreSQL, {name} at {ledgers.WHERE}; the ledger is its schema sync_ledger",
        "dags": 0,
        "schemas": ["public", "sync_ledger"],
        "without_ledger": ["public"],
    }
    assert not list(tmp_path.glob("*.db"))
    assert stat.S_IMODE((tmp_path / "database").stat().st_mode) == 0o600
    # Whoever starts without the variable, or looks with `make check`, finds the same.
    where = "from airflow import settings; print(settings.engine.url)"
    assert f"{ledgers.WHERE}/{name}" in run(tmp_path, where).stdout
    assert "sqlite" in run(tmp_path, where, "sqlite").stdout


def test_each_home_has_a_database_of_its_own(tmp_path: Path) -> None:
    homes = (tmp_path / "one", tmp_path / "two")
    where = "import os; print(os.environ['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN'])"
    found = {run(home, where, "postgresql").stdout for home in homes}
    assert len(found) == 2
    assert all("postgres@127.0.0.1:5432/airflow_" in one for one in found)


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("mysql://root:geheim@db/airflow", "DATABASE is 'mysql://root:***@db/airflow'. It must be postgresql"),
        ("postgresql://root:geheim@db", "It must be postgresql"),
        ("oracle", "DATABASE is none of these: postgresql"),
        ("postgresql://root:geheim@db/airflow?sslkey=x", "DATABASE names sslkey. Only sslmode may stand"),
    ],
)
def test_what_is_no_postgresql_is_refused_in_words(tmp_path: Path, database: str, said: str) -> None:
    done = run(tmp_path, "", database)
    assert done.returncode == 1
    assert said in done.stderr
    assert "geheim" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_postgresql_that_does_not_answer_is_said_without_the_password(tmp_path: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import database; database.prepare()"
    done = run(tmp_path, script, "postgresql://root:geheim@127.0.0.1:1/airflow")
    assert done.returncode == 1
    assert "root:***@127.0.0.1:1/airflow cannot be used" in done.stderr
    assert "geheim" not in done.stderr
    assert "Traceback" not in done.stderr
    # It is not remembered, so that the next start is not refused for it.
    assert not (tmp_path / "database").exists()


MIGRATE = f"""
import sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
import database
database.prepare()
import settings
settings.migrate()
settings.apply(settings.load())
"""


def test_a_database_of_another_key_is_refused_in_words_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    """A home that was deleted and made anew has a new key."""
    address = f"postgresql://postgres@{ledgers.WHERE}/{name}"
    assert run(tmp_path / "before", MIGRATE, address).returncode == 0
    done = run(tmp_path / "anew", MIGRATE, address)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "written with another key than this home has" in done.stderr
    assert run(tmp_path / "before", MIGRATE, address).returncode == 0


def test_a_drill_begins_with_a_database_of_its_own_and_leaves_one_that_was_named(tmp_path: Path, name: str) -> None:
    anew = f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import database; database.begin_anew()"
    where = "import os; print(os.environ['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN'])"
    server = sa.create_engine(ledgers.SERVER, poolclass=NullPool)
    own = sa.make_url(run(tmp_path, where, "postgresql").stdout.strip()).database
    for database, there in (("postgresql", False), (f"postgresql://postgres@{ledgers.WHERE}/{name}", True)):
        assert run(tmp_path, MIGRATE, database).returncode == 0
        assert run(tmp_path, anew, database).returncode == 0
        with server.connect() as db:
            found = sa.text("SELECT datname FROM pg_database WHERE datname = :name")
            assert bool(db.execute(found, {"name": own if database == "postgresql" else name}).first()) is there
