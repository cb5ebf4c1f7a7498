"""`make start`: Airflow for a real tenant, in the foreground, until Ctrl-C. There is no sandbox, and nothing is reset."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import database
import settings as importer
from addresses import SYSTEMS, on_this_machine, own_addresses, systems_of
from airflow_home import port, said_of_flows, wait_for_the_end
from services import HOME, airflow_at, own_services


def refuse_the_sandbox(connections: dict[str, Any]) -> None:
    """Exit in words when one of the Connections points at this machine."""
    for name, connection in connections.items():
        for field, address in own_addresses(connection):
            if on_this_machine(address):
                sys.exit(
                    f"The Connection {name} points at this machine, where only the sandbox is: {field} is {address}. "
                    "`make start` is for a real tenant; nothing was started. Put the tenant's own values into "
                    'airflow_settings.yaml and run `make settings` (README.md, "Connect a real tenant"). `make up` '
                    "starts the sandbox."
                )


def take_what_is_missing() -> dict[str, Any]:
    """Airflow's database, with what airflow_settings.yaml names and it lacks; what is there stays as it is.

    Answers the Connections of the two systems. Exits in words, before anything is written, when one of them points
    at this machine.
    """
    from airflow.models import Pool, Variable
    from airflow.utils.session import create_session
    from bridge.server import connection
    from sqlalchemy import select

    importer.migrate()
    given = importer.load()
    there = {name: found for name in SYSTEMS if (found := connection(name))}
    missing = [one for one in given["connections"] if not connection(one["conn_id"])]
    new = {one["conn_id"]: importer.connection_of(one) for one in missing}
    refuse_the_sandbox({name: {**new, **there}[name] for name in SYSTEMS if name in {**new, **there}})
    with create_session() as session:
        pools, variables = set(session.scalars(select(Pool.pool))), set(session.scalars(select(Variable.key)))
    importer.apply(
        {
            "connections": missing,
            "pools": [one for one in given["pools"] if one["pool_name"] not in pools],
            "variables": [one for one in given["variables"] if one["variable_name"] not in variables],
        }
    )
    return {**new, **there}


def main() -> int:
    """Start Airflow, say where it is and what runs, wait."""
    from include.flows import FLOWS

    with contextlib.suppress(KeyboardInterrupt), own_services() as services:
        database_said = database.prepare()
        connections = take_what_is_missing()
        at = port(only_that=True)
        flows = said_of_flows(FLOWS, systems_of(connections))
        services.start("airflow", "airflow", "standalone", **airflow_at(at))
        where = (
            f"{name}: {found.host}"
            if (found := connections.get(name))
            else f"{name}: there is no such Connection yet; make it under Admin, Connections."
            for name in SYSTEMS
        )
        wait_for_the_end(services, at, f"Home:     {HOME}", database_said, *where, flows)
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
