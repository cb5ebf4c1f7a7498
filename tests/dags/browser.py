"""A browser in front of Airflow's API server, which runs in this process on a port of its own."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# What a page may take to show what it shows, on a machine that has a lot to do, in milliseconds.
PATIENCE = 120_000
# A task and the API server do not go at once in one process: what a task speaks through is put aside for all threads
# while Airflow's stand-in for a worker asks something on behalf of any.
TURN = threading.Lock()


def _takes_turns(app: Any) -> Any:
    """The same app, that answers nothing while a task runs."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        while not TURN.acquire(blocking=False):
            await asyncio.sleep(0.01)
        try:
            await app(scope, receive, send)
        finally:
            TURN.release()

    async def called(scope: Any, receive: Any, send: Any) -> None:
        await (answer if scope["type"] == "http" else app)(scope, receive, send)

    return called


@contextmanager
def served() -> Iterator[str]:
    """Airflow's API server, with its UI and the project's plugin; answers its address."""
    import uvicorn
    from airflow.api_fastapi.app import create_app

    server = uvicorn.Server(
        uvicorn.Config(_takes_turns(create_app(apps="core")), host="127.0.0.1", port=0, log_level="warning")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the API server did not start"
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium of this machine; the tests are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def token(role: str) -> str:
    """What the cookie of a person who is logged in holds."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    made: str = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=role, role=role))
    return made


Visit = Callable[..., Any]


def sees(found: Any, text: str | re.Pattern[str]) -> None:
    """Wait until this text is there."""
    from playwright.sync_api import expect

    expect(found).to_contain_text(text, timeout=PATIENCE)


def gone(found: Any) -> None:
    """Wait until this is not there any more."""
    found.wait_for(state="detached", timeout=PATIENCE)
