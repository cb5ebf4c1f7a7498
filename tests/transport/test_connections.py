"""How a client connects: once for each address, through the proxies of the environment, and at the price of sending alone."""

from __future__ import annotations

import gzip
from collections import Counter

import pytest
import requests

from include.transport import connections
from include.transport.connections import Session
from tests.transport.scripted import Reply, Wire

TIMEOUT = (2.0, 2.0)
ELSEWHERE = "http://elsewhere.invalid"


def test_requests_go_through_the_proxy_of_the_environment(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", wire.url.replace("://", "://somebody:secret@"))
    monkeypatch.setenv("NO_PROXY", "localhost")
    session = Session(None, TIMEOUT)
    session.send_once("GET", f"{ELSEWHERE}/things?a=1", headers={})
    session.send_once("GET", f"{wire.url}/things?a=1", headers={})
    assert [seen.path for seen in wire.seen] == [f"{ELSEWHERE}/things?a=1", "/things?a=1"]
    assert ["Proxy-Authorization" in seen.headers for seen in wire.seen] == [True, False]


def test_how_to_connect_is_found_out_once_for_each_address(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Counter[str] = Counter()
    found = connections.get_environ_proxies

    def environ(url: str, no_proxy: str | None) -> object:
        asked["environment"] += 1
        return found(url, no_proxy)

    def prepare(self: requests.Request) -> requests.PreparedRequest:
        asked["prepared"] += 1
        return prepared(self)

    prepared = requests.Request.prepare
    monkeypatch.setattr(connections, "get_environ_proxies", environ)
    monkeypatch.setattr(requests.Request, "prepare", prepare)
    session = Session(None, TIMEOUT)
    for number in range(5):
        session.send_once("POST", f"{wire.url}/things/{number}", headers={}, body=b"{}", params={"id": "a b"})
    assert asked == {"environment": 1, "prepared": 1}
    assert [seen.path for seen in wire.seen] == [f"/things/{number}?id=a+b" for number in range(5)]


def test_an_answer_that_came_compressed_is_read(wire: Wire) -> None:
    wire.script.append(Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b'{"a": 1}')))
    assert Session(None, TIMEOUT).send_once("GET", f"{wire.url}/things", headers={}).data == b'{"a": 1}'
    assert "gzip" in wire.seen[0].headers["Accept-Encoding"]


def test_what_an_address_may_not_hold_is_escaped_and_what_is_escaped_stays(wire: Wire) -> None:
    Session(None, TIMEOUT).send_once("GET", f"{wire.url}/things('a%2Fb')?$filter=Name eq 'Zoë'#part", headers={})
    assert wire.seen[0].path == "/things('a%2Fb')?$filter=Name%20eq%20'Zo%C3%AB'"
