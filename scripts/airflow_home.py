"""What an Airflow home keeps from one start to the next: the port, and the DAGs that are unpaused."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable

from services import HOME, Services, free_port

_PORT = HOME / "port"
_WHOSE = HOME / "systems"
_PASSWORDS = HOME / "simple_auth_manager_passwords.json.generated"
_USUAL = "8080"


def port(*, only_that: bool = False) -> int:
    """The port of Airflow's pages: PORT, else the one that this home had before, else 8080.

    Where that is taken, another one this time, which is said; a home that had none before keeps it. Exits in words
    where PORT is taken, or `only_that` is wanted, as iPaaS.com's webhooks come to it.
    """
    asked, kept = os.environ.get("PORT", ""), _PORT.read_text() if _PORT.exists() else ""
    wanted = asked or kept or _USUAL
    if not (wanted.isdecimal() and 0 < int(wanted) < 65_536):
        sys.exit(f"PORT is {wanted!r}. It must be a whole number from 1 to 65535.")
    found = free_port(int(wanted))
    if str(found) != wanted:
        if asked or only_that:
            sys.exit(f"Port {wanted} is taken by another program. End that, or name another port with PORT=...")
        print(f"Port {wanted} is taken by another program: Airflow is at {found} instead.")
    if asked or not kept:
        _PORT.write_text(str(found))
    return found


def wait_for_the_end(services: Services, at: int, *more: str) -> None:
    """Say where Airflow is, and what else there is to say; return with Ctrl-C. Raises RuntimeError when one of the
    processes ends by itself.
    """
    while not _PASSWORDS.exists():
        services.check()
        time.sleep(0.2)
    password = json.loads(_PASSWORDS.read_text())["admin"]
    print(f"\nAirflow:  http://localhost:{at}   user admin, password {password}   (ready in about 30 s)")
    print(*more, "Ctrl-C ends everything.", "", sep="\n", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            services.check()
            time.sleep(1)


def said_of_flows(flows: Iterable[str], whose: str, *, before: str = "") -> str:
    """Which flows run by themselves, as the user left them.

    `whose` are the systems that Airflow is started for now. All flows are paused when it was started for others last
    time: whoever let them run meant those. `before` are those that a home without a word of it was for.
    """
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select, update

    last = _WHOSE.read_text(encoding="utf-8") if _WHOSE.exists() else before
    unpaused = (DagModel.dag_id.in_(list(flows)), DagModel.is_paused.is_(False))
    with create_session() as session:
        running = ", ".join(sorted(session.scalars(select(DagModel.dag_id).where(*unpaused))))
        if running and last != whose:
            session.execute(update(DagModel).where(*unpaused).values(is_paused=True))
    _WHOSE.write_text(whose, encoding="utf-8")
    if not running:
        return "Every flow is paused: nothing is written until you unpause one, or trigger a run."
    if last != whose:
        return f"The Connections are others than last time, so these flows are paused now: {running}."
    return f"As you left them, these flows are unpaused and run by themselves: {running}."
