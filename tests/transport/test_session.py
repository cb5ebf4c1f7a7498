"""What is sent, what is repeated, and what a failure says about whether the request was processed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme
from urllib3 import BaseHTTPResponse

from include.errors import ErrorKind, Sent, ServiceError
from include.transport.connections import Session
from include.transport.session import STATUSES, WORDLESS, RetryPolicy, Transport, json_of
from include.transport.throttle import Throttle
from tests.transport.scripted import Reply, Wire

SYSTEM = "The service"
QUICK = RetryPolicy(attempts=3, first=0.001, longest=0.002, timeout=(10.0, 10.0))


WORDS = b"turned away"


def classify(response: BaseHTTPResponse) -> ServiceError:
    """As plain as can be: a service of few words, which all mean that the call was not processed."""
    kind, sent = STATUSES.get(response.status, WORDLESS)
    sent = Sent.no if response.data == WORDS else sent
    text = response.data.decode() or str(response.reason)
    return ServiceError(text, system=SYSTEM, kind=kind, sent=sent, status=response.status)


def transport(policy: RetryPolicy = QUICK, verify: bool | str | None = None) -> Transport:
    """A transport that does not wait for a throttle."""
    session = Session(verify, policy.timeout, 8)
    return Transport(SYSTEM, session=session, throttle=Throttle(10_000, 1), classify=classify, policy=policy)


def send(wire: Wire, method: str = "GET", *, repeatable: bool = True, body: Any = None, **more: Any) -> Any:
    """Send one request to the wire."""
    used = more.pop("transport", None) or transport()
    more.setdefault("headers", lambda: {"Authorization": "Bearer t"})
    return used.send(method, f"{wire.url}/things", decode=json_of(SYSTEM), body=body, repeatable=repeatable, **more)


# --- the table ---------------------------------------------------------------------------------------------------

TABLE = [
    # status, body, kind, sent, attempts of a repeatable request, attempts of one that is not
    (429, WORDS, ErrorKind.throttled, Sent.no, 3, 3),
    (503, WORDS, ErrorKind.unavailable, Sent.no, 3, 3),
    # What is not in the service's own words may come from a gateway that has passed the call on.
    (429, b"<html>", ErrorKind.throttled, Sent.unknown, 3, 1),
    (503, b"", ErrorKind.unavailable, Sent.unknown, 3, 1),
    (500, b"", ErrorKind.unavailable, Sent.unknown, 3, 1),
    (502, b"", ErrorKind.unavailable, Sent.unknown, 3, 1),
    (504, b"", ErrorKind.unavailable, Sent.unknown, 3, 1),
    (408, b"", ErrorKind.unavailable, Sent.unknown, 3, 1),
    (400, b"<html>", ErrorKind.unavailable, Sent.unknown, 1, 1),
    (403, b"<html>", ErrorKind.unavailable, Sent.unknown, 1, 1),
    (414, b"<html>", ErrorKind.rejected, Sent.unknown, 1, 1),
    (401, b"", ErrorKind.unauthorized, Sent.unknown, 1, 1),
]


@pytest.mark.parametrize(("status", "body", "kind", "sent", "again", "once"), TABLE)
@pytest.mark.parametrize("repeatable", [True, False])
def test_what_is_repeated(
    wire: Wire, status: int, body: bytes, kind: ErrorKind, sent: Sent, again: int, once: int, repeatable: bool
) -> None:
    wire.script.append(Reply(status=status, body=body))
    with pytest.raises(ServiceError) as raised:
        send(wire, "GET" if repeatable else "POST", repeatable=repeatable)
    assert (raised.value.kind, raised.value.sent, raised.value.status) == (kind, sent, status)
    assert len(wire.seen) == (again if repeatable else once)


def test_a_fault_that_passes_is_not_seen(wire: Wire) -> None:
    wire.script += [Reply(status=503, body=b"<html>down</html>"), Reply(status=429), Reply(body=b'{"a": 1}')]
    used = transport()
    assert send(wire, transport=used) == {"a": 1}
    assert used.spending.spent.requests == 3


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b""),
        Reply(body=b" "),
        Reply(body=b'{"a": '),
        Reply(body=b"[" * 100_000),
        Reply(body=b"<html>", headers={"Content-Type": "text/html"}),
        Reply(body=b"{}", headers={"Content-Type": "text/plain"}),
    ],
)
def test_a_200_that_says_nothing_is_an_outage_of_a_read_and_leaves_a_write_unknown(wire: Wire, reply: Reply) -> None:
    wire.script += [reply, Reply(body=b'{"a": 1}')]
    assert send(wire) == {"a": 1}
    wire.seen.clear()
    wire.script += [reply]
    with pytest.raises(ServiceError) as raised:
        send(wire, "POST", repeatable=False)
    assert (raised.value.kind, raised.value.sent) == (ErrorKind.unavailable, Sent.unknown)
    assert len(wire.seen) == 1


def test_a_204_has_nothing_to_say(wire: Wire) -> None:
    wire.script.append(Reply(status=204, body=b""))
    assert send(wire, "DELETE") is None


def test_retry_after_in_seconds_and_as_a_date_is_obeyed_up_to_the_patience(wire: Wire) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    for text, seconds in (("120", 120), (later, 300)):
        wire.seen.clear()
        wire.script.append(Reply(status=429, headers={"Retry-After": text}))
        with pytest.raises(ServiceError) as raised:
            send(wire)
        assert raised.value.retry_after == pytest.approx(seconds, abs=3)
        assert len(wire.seen) == 1, "it was asked to come back later than it waits: the caller does"
    wire.script += [Reply(status=429, headers={"Retry-After": "0"}), Reply()]
    assert send(wire) == {}


@pytest.mark.parametrize("text", ["", "soon", "-3"])
def test_a_retry_after_that_says_nothing_is_ignored(wire: Wire, text: str) -> None:
    wire.script += [Reply(status=429, headers={"Retry-After": text}), Reply()]
    assert send(wire) == {}


def test_waits_are_random_and_grow_up_to_the_longest() -> None:
    policy = RetryPolicy(first=1, longest=8)
    for attempt in range(1, 12):
        waits = {policy.wait(attempt, None) for _ in range(50)}
        assert len(waits) > 10
        assert max(waits) <= min(8, 2 ** (attempt - 1))


# --- answers that never come -------------------------------------------------------------------------------------


def test_a_lost_answer_to_a_read_is_asked_for_again(wire: Wire) -> None:
    wire.script += [Reply(close=True), Reply(body=b'{"a": 1}')]
    assert send(wire) == {"a": 1}


def test_a_lost_answer_to_a_create_is_unknown_and_never_repeated(wire: Wire) -> None:
    wire.script.append(Reply(close=True))
    with pytest.raises(ServiceError) as raised:
        send(wire, "POST", repeatable=False, body={"a": 1})
    assert raised.value.sent is Sent.unknown
    assert raised.value.kind is ErrorKind.unavailable
    assert len(wire.seen) == 1


@pytest.mark.parametrize(
    "reply", [Reply(body=b'{"a": ', claim=6), Reply(body=b'{"a"', claim=400), Reply(body=b"<html>")]
)
def test_a_truncated_answer_is_read_again_but_a_create_is_not_repeated(wire: Wire, reply: Reply) -> None:
    wire.script += [reply, Reply(body=b'{"a": 1}')]
    assert send(wire) == {"a": 1}
    wire.seen.clear()
    wire.script += [reply, Reply()]
    with pytest.raises(ServiceError) as raised:
        send(wire, "POST", repeatable=False, body={})
    assert raised.value.sent is Sent.unknown
    assert len(wire.seen) == 1


def test_a_slow_answer_times_out_as_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(ServiceError) as raised:
            transport(RetryPolicy(attempts=1, timeout=(1, 0.05))).send(
                "POST", url, headers=dict, decode=json_of(SYSTEM), body={}, repeatable=False
            )
    assert raised.value.sent is Sent.unknown


def test_a_refused_connection_was_never_sent_so_that_even_a_create_is_repeated() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    used = transport()
    with pytest.raises(ServiceError) as raised:
        used.send("POST", url, headers=dict, decode=json_of(SYSTEM), body={}, repeatable=False)
    # The port is told, too: it may be what is wrong.
    assert f"No connection to {url.rstrip('/')} could be made." in str(raised.value)
    assert (raised.value.sent, raised.value.kind, used.spending.spent.requests) == (Sent.no, ErrorKind.unavailable, 3)


def _hangs_up(door: socket.socket, received: list[bytes]) -> None:
    while True:
        try:
            caller, _ = door.accept()
        except OSError:
            return
        with caller:
            received.append(caller.recv(65_536))


@pytest.mark.parametrize("while_another", [False, True])
def test_what_is_lost_after_a_refused_connection_is_unknown_all_the_same(while_another: bool) -> None:
    """What came of an earlier attempt says nothing of this one, nor does what came of another request, which somebody is
    dealing with as he sends this one."""
    received: list[bytes] = []
    attempts: list[int] = []
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))  # nobody listens: refused
        url = f"http://127.0.0.1:{door.getsockname()[1]}/"

        def headers() -> Mapping[str, str]:
            attempts.append(1)
            if len(attempts) == 2 + 2 * while_another:
                door.listen()
                Thread(target=_hangs_up, args=(door, received), daemon=True).start()
            return {}

        def create() -> None:
            transport().send("POST", url, headers=headers, decode=json_of(SYSTEM), body={}, repeatable=False)

        def create_again() -> None:
            try:
                create()
            except ServiceError:
                create()

        with pytest.raises(ServiceError) as raised:
            (create_again if while_another else create)()
        door.shutdown(socket.SHUT_RDWR)
    assert len(received) == 1 and raised.value.sent is Sent.unknown
    # Nor are they told of together, but where somebody was dealing with another one.
    told, error = 0, raised.value.__context__
    while error is not None:
        told, error = told + isinstance(error, ServiceError), error.__context__
    assert told == while_another


@pytest.mark.parametrize("url", ["http://", "nonsense://host", "https://exa mple/"])
def test_an_address_that_is_none_is_a_matter_of_set_up(url: str) -> None:
    used = transport()
    with pytest.raises(ServiceError) as raised:
        used.send("GET", url, headers=dict, decode=json_of(SYSTEM), repeatable=True)
    assert (raised.value.kind, used.spending.spent.requests) == (ErrorKind.misconfigured, 1)


def test_a_redirect_is_not_followed(wire: Wire) -> None:
    wire.script.append(Reply(status=302, headers={"Location": "http://elsewhere.invalid/?token=1"}))
    with pytest.raises(ServiceError, match="redirect") as raised:
        send(wire)
    assert raised.value.kind is ErrorKind.misconfigured
    assert "elsewhere" not in str(raised.value)


# --- tokens ------------------------------------------------------------------------------------------------------


def test_a_refused_token_is_renewed_once_and_the_request_sent_again_even_a_create(wire: Wire) -> None:
    tokens = iter(["old", "new"])
    refused: list[Mapping[str, str]] = []
    wire.script += [Reply(status=401, body=WORDS), Reply(status=200, body=b'{"id": 1}')]
    answer = send(
        wire,
        "POST",
        repeatable=False,
        body={},
        headers=lambda: {"Authorization": f"Bearer {next(tokens)}"},
        refresh=refused.append,
    )
    assert answer == {"id": 1}
    assert [seen.headers["Authorization"] for seen in wire.seen] == ["Bearer old", "Bearer new"]
    assert refused == [{"Authorization": "Bearer old"}]


def test_a_create_that_somebody_else_refused_for_its_token_is_looked_for_before_it_is_sent_again(wire: Wire) -> None:
    refused: list[Mapping[str, str]] = []
    wire.script.append(Reply(status=401, body=b"<html>"))
    with pytest.raises(ServiceError) as raised:
        send(wire, "POST", repeatable=False, body={}, refresh=refused.append)
    assert (raised.value.kind, raised.value.sent) == (ErrorKind.unavailable, Sent.unknown)
    assert len(wire.seen) == 1
    assert len(refused) == 1, "the look is made with another token"


def test_a_token_refused_twice_ends_it(wire: Wire) -> None:
    wire.script.append(Reply(status=401))
    with pytest.raises(ServiceError) as raised:
        send(wire, refresh=lambda refused: None)
    assert raised.value.stops_run
    assert len(wire.seen) == 2


def test_a_token_that_no_header_can_carry_does_not_show(wire: Wire) -> None:
    for token in ("geheim“", "geheim\nX: y"):
        with pytest.raises(ServiceError) as raised:
            send(wire, headers=lambda token=token: {"Authorization": f"Bearer {token}"})
        assert raised.value.kind is ErrorKind.misconfigured
        assert "geheim" not in f"{raised.value} {raised.value.advice}"


def test_a_netrc_does_not_replace_the_token(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    send(wire)
    assert wire.seen[0].headers["Authorization"] == "Bearer t"


# --- values ------------------------------------------------------------------------------------------------------


def test_numbers_are_decimals_from_wire_to_wire(wire: Wire) -> None:
    wire.script.append(Reply(body=b'{"price": 0.1, "qty": 3, "large": 12345678901234.123456}'))
    answer = send(wire, "POST", body={"price": Decimal("0.10"), "name": "Zoë \ud800"})
    assert answer == {"price": Decimal("0.1"), "qty": 3, "large": Decimal("12345678901234.123456")}
    assert wire.seen[0].body == b'{"price": 0.10, "name": "Zo\\u00eb \\ud800"}'


@pytest.mark.parametrize("hours", [-1, 1])
def test_what_was_read_is_dated_by_the_services_clock(wire: Wire, hours: int) -> None:
    used = transport()
    began = datetime.now(UTC)
    wire.script.append(Reply(headers={"Date": format_datetime(began + timedelta(hours=hours), usegmt=True)}))
    send(wire, transport=used)
    # Never later than it was there, or the next one to read would pass for the earlier one; and earlier by no more than
    # the call took, and the second that the service names.
    error = used.clock.at(began) - (began + timedelta(hours=hours))
    assert began - datetime.now(UTC) - timedelta(seconds=1) <= error <= timedelta()


@pytest.mark.parametrize("date", ["yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_date_that_cannot_be_is_not_believed(wire: Wire, date: str) -> None:
    used = transport()
    began = datetime.now(UTC)
    wire.script.append(Reply(headers={"Date": date}))
    send(wire, transport=used)
    assert used.clock.at(began) == began


def test_every_request_of_every_thread_is_counted(wire: Wire) -> None:
    used = transport()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: send(wire, transport=used), range(80)))
    assert used.spending.spent.requests == len(wire.seen) == 80


# --- TLS ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[Wire, str, str]]:
    """A server with TLS, the bundle that knows it, and one that does not."""
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    paths = []
    for name, ca in (("known.pem", authority), ("stranger.pem", stranger)):
        ca.cert_pem.write_to_path(str(tmp_path / name))
        paths.append(str(tmp_path / name))
    server = Wire(context)
    yield server, paths[0], paths[1]
    server.close()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_connections_verify_is_never_overridden_by_the_environment(
    tls: tuple[Wire, str, str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    server, known, stranger = tls
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, stranger)
    assert send(server, transport=transport(verify=known)) == {}
    assert send(server, transport=transport(verify=False)) == {}
    monkeypatch.setenv(variable, known)
    for refusing in (stranger, True):
        with pytest.raises(ServiceError, match="could not be verified") as raised:
            send(server, transport=transport(verify=refusing))
        assert (raised.value.kind, raised.value.sent) == (ErrorKind.misconfigured, Sent.no)
    assert send(server, transport=transport(verify=None)) == {}, "what the machine's administrator has set up"


def test_a_bundle_that_cannot_be_read_is_a_matter_of_set_up(tls: tuple[Wire, str, str], tmp_path: Path) -> None:
    server, _, _ = tls
    (tmp_path / "nonsense.pem").write_text("nonsense")
    for path in (str(tmp_path / "absent.pem"), str(tmp_path / "nonsense.pem")):
        with pytest.raises(ServiceError) as raised:
            send(server, transport=transport(verify=path))
        assert raised.value.kind is ErrorKind.misconfigured
        assert "verify" in raised.value.advice
