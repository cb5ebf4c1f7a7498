"""A schema of a test's own on a local PostgreSQL, where there is one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

_SERVER = "postgresql+psycopg2://postgres@127.0.0.1:5432/postgres"


@contextmanager
def schema() -> Iterator[str]:
    """The address of an empty schema; the test is skipped where no such server answers."""
    engine = sa.create_engine(_SERVER, connect_args={"connect_timeout": 2})
    name = f"ledger_{uuid.uuid4().hex[:8]}"
    try:
        with engine.begin() as db:
            db.execute(sa.text(f"CREATE SCHEMA {name}"))
    except sa.exc.OperationalError:
        pytest.skip("no PostgreSQL on this machine")
    yield f"{_SERVER}?options=-csearch_path%3D{name}"
    with engine.begin() as db:
        db.execute(sa.text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()
