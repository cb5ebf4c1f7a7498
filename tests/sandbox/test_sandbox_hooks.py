"""The sandbox's iPaaS.com announces what changes in it, as the platform does."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from include.sandbox import Sandbox
from include.sandbox.world import Size
from include.sync.webhooks import read_webhook


@dataclass
class Receiver:
    """Takes hooks on a socket. `answers` are the statuses of the next ones; afterwards 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    calls: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)

    def ids(self) -> list[str]:
        """The ids of what was accepted, in order."""
        return [notification["id"] for notification in self.accepted]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taken = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            read_webhook(raw)  # what our endpoint makes of it
            body = json.loads(raw)
            taken.calls.append((dict(self.headers), body))
            status = taken.answers.pop(0) if taken.answers else 200
            if status == 200:
                taken.accepted += body["notifications"]
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken.url = f"http://127.0.0.1:{server.server_address[1]}/ipaas/hooks"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield taken
    server.shutdown()
    server.server_close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("empty", size=Size(companies=0, persons=0, contacts=0, items=0)) as running:
        yield running


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_change_is_announced_as_the_platform_does(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.ipaas.add("company", {"name": "Before anybody listened"})
    requests.post(f"{sandbox.url}/_sandbox/hooks", json={"url": receiver.url, "api_key": "the-key"}, timeout=5)
    company = sandbox.ipaas.add("company", {"name": "Contoso"})
    sandbox.ipaas.edit("company", company["id"], {"name": "Contoso Ltd"})
    sandbox.ipaas.unlink_all("company", company["id"])
    until(lambda: len(receiver.accepted) == 3)
    assert [n["scope"] for n in receiver.accepted] == ["company/created", "company/updated", "company/deleted"]
    assert {n["id"] for n in receiver.accepted} == {str(company["id"])}
    assert {n["destination"] for n in receiver.accepted} == {str(sandbox.SYSTEM_ID)}
    headers, body = receiver.calls[0]
    assert headers["Authorization"] == "Bearer the-key"
    assert headers["x-correlation-id"] == body["notifications"][0]["tracking_guid"]
    assert body["attempt"] == 0


def test_what_is_not_accepted_is_sent_again_until_it_is(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.answers = [503, 401, 404]
    sandbox.hooks.deliver_to(receiver.url)
    first = sandbox.ipaas.add("company", {"name": "First"})
    until(lambda: len(receiver.accepted) == 1)
    assert [body["attempt"] for _, body in receiver.calls] == [0, 1, 2, 3]
    second = sandbox.ipaas.add("company", {"name": "Second"})
    until(lambda: sandbox.hooks.state()["sent"] == 2)
    assert receiver.ids() == [str(first["id"]), str(second["id"])]


def test_hooks_wait_for_a_receiver_that_is_not_there_yet(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.hooks.deliver_to("http://127.0.0.1:9/nobody")
    sandbox.ipaas.add("company", {"name": "Contoso"})
    until(lambda: sandbox.hooks.state()["last"] != "")
    state = requests.get(f"{sandbox.url}/_sandbox/hooks", timeout=5).json()
    assert (state["url"], state["waiting"], state["sent"]) == ("http://127.0.0.1:9/nobody", 1, 0)
    assert sandbox.WEBHOOK_API_KEY not in str(state)
    sandbox.hooks.deliver_to(receiver.url)
    until(lambda: len(receiver.accepted) == 1)


def test_many_changes_go_in_few_requests(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.answers = [503]
    sandbox.hooks.deliver_to(receiver.url)
    added = [str(sandbox.ipaas.add("company", {"name": f"Company {n}"})["id"]) for n in range(450)]
    until(lambda: len(receiver.accepted) == 450)
    assert receiver.ids() == added
    assert len(receiver.calls) < 20


def test_the_platform_answers_while_a_receiver_hangs(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sandbox.hooks.deliver_to(f"http://127.0.0.1:{silent.getsockname()[1]}/ipaas/hooks")
        sandbox.ipaas.add("company", {"name": "Contoso"})
        silent.accept()  # it is being told, and does not answer
        for number in range(50):
            sandbox.ipaas.add("company", {"name": f"Company {number}"})
        assert requests.get(f"{sandbox.url}/_sandbox/hooks", timeout=5).json()["waiting"] == 51
        # It has not given up waiting either: nothing was answered, and nothing more was sent.
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_transfers_are_asked_for_at_the_hook_family(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.hooks.deliver_to(receiver.url)
    company = sandbox.ipaas.add("company", {"name": "Contoso"})
    until(lambda: len(receiver.accepted) == 1)
    where, key = f"{sandbox.url}/hookapi/v2/iPaaS", {"Authorization": f"Bearer {sandbox.WEBHOOK_API_KEY}"}
    asked = {"notifications": [{"scope": "company/updated/debug", "id": company["id"]}]}
    assert requests.post(where, json=asked, timeout=5).status_code == 401
    assert requests.post(where, json=asked, headers=key, timeout=5).status_code == 202
    until(lambda: len(receiver.accepted) == 2)
    assert receiver.accepted[1]["scope"] == "company/updated/debug"
    for malformed in ({}, {"notifications": [{"scope": "company/updated"}]}, [7]):
        answer = requests.post(where, json=malformed, headers=key, timeout=5)
        assert (answer.status_code, answer.json()["code"]) == (400, "VALD-1042")


def test_delivery_can_be_stopped(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.hooks.deliver_to(receiver.url)
    assert requests.delete(f"{sandbox.url}/_sandbox/hooks", timeout=5).json()["url"] is None
    sandbox.ipaas.add("company", {"name": "Contoso"})
    time.sleep(0.3)
    assert receiver.calls == []
