"""Imports airflow_settings.yaml into the current AIRFLOW_HOME, for those who do not use the Astro CLI. Idempotent."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SETTINGS = Path(__file__).resolve().parent.parent / "airflow_settings.yaml"


def load(path: Path | None = None) -> dict[str, list[dict[str, Any]]]:
    """The three lists of the file."""
    airflow = yaml.safe_load((path or SETTINGS).read_text(encoding="utf-8"))["airflow"]
    return {
        "connections": list(airflow.get("connections") or ()),
        "pools": [p for p in airflow.get("pools") or () if p.get("pool_slot")],
        "variables": list(airflow.get("variables") or ()),
    }


def connection_of(given: Mapping[str, Any], present: Any = None) -> Any:
    """A Connection of Airflow's as the file has it; the one that is present brought up to date.

    What the file leaves out of the extra is there without a value: the form that edits a Connection has no other fields.
    """
    from airflow.models import Connection
    from bridge.provider import extras_of

    connection = present or Connection(conn_id=given["conn_id"])
    connection.conn_type = given["conn_type"]
    connection.host = given.get("conn_host")
    connection.schema = given.get("conn_schema")
    connection.login = given.get("conn_login")
    connection.port = given.get("conn_port")
    connection.set_password(str(given["conn_password"]) if given.get("conn_password") else None)
    left_out = dict.fromkeys(extras_of(given["conn_type"]))
    connection.set_extra(json.dumps({**left_out, **(given.get("conn_extra") or {})}))
    return connection


def apply(settings: dict[str, list[dict[str, Any]]]) -> str:
    """Write the settings into Airflow's database; what is there already is brought up to date."""
    from airflow.models import Connection, Pool, Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        for given in settings["connections"]:
            present = session.scalar(select(Connection).where(Connection.conn_id == given["conn_id"]))
            session.add(connection_of(given, present))
        for given in settings["pools"]:
            Pool.create_or_update_pool(
                name=given["pool_name"],
                slots=int(given["pool_slot"]),
                description=given.get("pool_description") or "",
                include_deferred=False,
                session=session,
            )
        there = set(session.scalars(select(Variable.key)))
        for given in settings["variables"]:
            name, value = given["variable_name"], given.get("variable_value")
            empty = value is None or value == ""
            # An empty one has its default; it is listed, with what it means, and takes away nothing that is set.
            if not (empty and name in there):
                Variable.set(name, "" if empty else str(value), description=_description(name), session=session)
    return ", ".join(f"{len(items)} {kind}" for kind, items in settings.items())


def _description(variable: str) -> str | None:
    from include.settings import SyncSettings

    field = SyncSettings.model_fields.get(variable)
    return field.description if field else None


def migrate() -> None:
    """Make or upgrade Airflow's database. Exits in words where it was written with another key than the home's."""
    # It reports every step; only what goes wrong is of interest here.
    logging.disable(logging.WARNING)
    from airflow.utils.db import initdb

    initdb()
    logging.disable(logging.NOTSET)
    _refuse_another_key()


def _refuse_another_key() -> None:
    """A home that was made anew has a new key, and a PostgreSQL still has what the one before wrote."""
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from cryptography.fernet import InvalidToken
    from sqlalchemy import select

    try:
        with create_session() as session:
            session.scalars(select(Connection)).all()
    except InvalidToken:
        sys.exit(
            "Airflow's database has Connections that were written with another key than this home has. Nothing is changed. "
            "Set AIRFLOW__CORE__FERNET_KEY to the fernet_key in the airflow.cfg of the home that wrote them, or name another "
            "database: DATABASE=postgresql://user:password@host:5432/database."
        )


if __name__ == "__main__":
    migrate()
    sys.stdout.write(f"Imported {apply(load())} from {SETTINGS.name}.\n")
