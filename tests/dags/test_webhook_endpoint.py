"""`POST /ipaas/hooks` as Airflow's API server serves it: who may send, what is kept, what the sender is told."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from sqlalchemy.exc import OperationalError

from include.sandbox import Sandbox
from include.sync.ledger import Ledger
from tests import ledgers
from tests.dags.conftest import RunDag, connect, ledger_file, lose_ledger
from tests.systems import PAIR

pytestmark = pytest.mark.dag

KEY = Sandbox.WEBHOOK_API_KEY
FLOW = "company_from_ipaas"
ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}


@pytest.fixture
def endpoint(server: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module behind the route, which has not yet heard of any Connection."""
    from bridge import server as bridge_server
    from bridge import webhook_endpoint

    connect(monkeypatch, sandbox)
    bridge_server.current.cache.clear()
    yield webhook_endpoint
    bridge_server.current.cache.clear()


@pytest.fixture
def ledger(endpoint: Any) -> Iterator[Ledger]:
    """An empty ledger where the API server looks for it."""
    lose_ledger()
    opened = Ledger(ledgers.url_of(ledger_file()), PAIR)
    yield opened
    opened.close()


def notes(*ids: Any, scope: str = "company/updated") -> dict[str, Any]:
    """A request of iPaaS.com about these records."""
    return {
        "id": "6c0f0c50-93cb-4dd5-8a9c-0fd6a1f7c4a1",
        "attempt": 0,
        "notifications": [{"id": i, "destination": str(Sandbox.SYSTEM_ID), "scope": scope} for i in ids],
    }


def post(server: Any, content: Any, key: str | None = KEY) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    sent = {"content": content} if isinstance(content, bytes) or not isinstance(content, dict) else {"json": content}
    return server.post("/ipaas/hooks", headers=headers, **sent)


def kept(ledger: Ledger, flow: str = FLOW) -> set[str]:
    return {ipaas_id for ipaas_id, _ in ledger.received(flow)}


def test_what_is_acknowledged_is_in_the_ledger(server: Any, ledger: Ledger) -> None:
    answer = post(server, notes(17, "18", 17))
    assert (answer.status_code, answer.json()) == (200, {"accepted": 3})
    assert kept(ledger) == {"17", "18"}


def test_what_does_not_concern_us_is_acknowledged_and_not_kept(server: Any, ledger: Ledger) -> None:
    assert post(server, notes(17, scope="company/deleted")).json() == {"accepted": 0}
    assert post(server, notes("Shop.dll", scope="system/service/refresh")).json() == {"accepted": 0}
    assert post(server, {"notifications": []}).json() == {"accepted": 0}
    assert kept(ledger) == set()


@pytest.mark.parametrize("key", [None, "", "wrong", KEY[:-1], KEY + "x"])
def test_nobody_else_gets_in(
    server: Any, ledger: Ledger, endpoint: Any, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    async def read(_: Any) -> bytes:
        raise AssertionError("the body was read")

    monkeypatch.setattr(endpoint, "_body", read)
    answer = post(server, notes(17), key)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "AUTH-1001"
    assert kept(ledger) == set()


def test_who_is_logged_in_to_airflow_is_not_ipaas(server: Any, ledger: Ledger, login: dict[str, str]) -> None:
    assert server.post("/ipaas/hooks", json=notes(17), headers=login).status_code == 401


@pytest.mark.parametrize("key", [None, "", "None", KEY])
def test_without_a_key_in_the_connection_nobody_gets_in(
    server: Any, ledger: Ledger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    connect(monkeypatch, sandbox, ipaas_extra={"webhook_api_key": None})
    assert post(server, notes(17), key).status_code == 401


def test_without_the_connection_nobody_gets_in(server: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_IPAAS")
    assert post(server, notes(17)).status_code == 401


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"not json", "body"),
        (b"", "body"),
        ({}, "notifications"),
        ({"notifications": [{"id": 1}]}, "notifications.0.scope"),
        (notes("C10000"), "notifications.0.id"),
        ({"scope": "company/updated", "id": "C10000"}, "id"),
    ],
)
def test_a_request_of_which_nothing_can_be_taken_is_refused_with_the_reason(
    server: Any, ledger: Ledger, content: Any, field: str
) -> None:
    answer = post(server, content)
    assert answer.status_code == 400
    assert answer.json()["code"] == "VALD-1042"
    assert field in answer.json()["message"]
    assert kept(ledger) == set()


def test_a_malformed_notification_is_named_and_the_others_are_kept(server: Any, ledger: Ledger) -> None:
    answer = post(server, notes(17, "C10000", 18))
    assert answer.status_code == 200
    told = answer.json()
    assert (told["accepted"], told["malformed"]) == (2, 1)
    assert told["refused"][0]["place"] == "notifications.1.id"
    assert "C10000" in told["refused"][0]["reason"]
    assert kept(ledger) == {"17", "18"}


def test_one_event_by_itself_is_kept(server: Any, ledger: Ledger) -> None:
    event = {
        "id": "17",
        "companyId": "x",
        "destination": str(Sandbox.SYSTEM_ID),
        "scope": "company/updated",
        "type": "",
    }
    assert post(server, event).json() == {"accepted": 1}
    assert kept(ledger) == {"17"}


def test_a_body_is_read_no_further_than_an_honest_one_reaches(
    server: Any, ledger: Ledger, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "LIMIT", 10_000)

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000

    answer = post(server, endless())
    assert answer.status_code == 413
    assert "10,000 bytes" in answer.json()["message"]
    assert post(server, notes(*range(1, 20))).status_code == 200


def test_ten_thousand_notifications_fit_in_one_request(server: Any, ledger: Ledger) -> None:
    whole = notes(*range(1, 10_001))
    for notification in whole["notifications"]:
        notification |= {"tracking_guid": "6c0f0c50-93cb-4dd5-8a9c-0fd6a1f7c4a1", "action": None, "external_id": None}
    assert post(server, whole).json() == {"accepted": 10_000}
    assert len(kept(ledger)) == 10_000


def test_the_connection_is_read_once_in_a_burst_and_a_new_key_soon_works(
    server: Any, ledger: Ledger, endpoint: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import server as bridge_server

    reads: list[str] = []
    read = bridge_server.connection
    monkeypatch.setattr(bridge_server, "connection", lambda name: reads.append(name) or read(name))
    for number in range(1, 20):
        assert post(server, notes(number)).status_code == 200
    assert [name for name in reads if name != "sync_ledger"] == ["business_central", "ipaas"]
    connect(monkeypatch, sandbox, ipaas_extra={"webhook_api_key": "the-new-key"})
    bridge_server.current.cache.expire(time.monotonic() + bridge_server.LIFETIME)
    assert post(server, notes(1), "the-new-key").status_code == 200
    assert post(server, notes(1)).status_code == 401
    assert bridge_server.LIFETIME <= 10


def test_a_burst_leaves_airflow_its_threads(
    server: Any, endpoint: Any, login: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has 40 of them for everything; while the ledger hangs, people and tasks must still be served."""
    hanging = threading.Event()

    class Hangs:
        def receive(self, entries: Any) -> None:
            assert hanging.wait(30)

    monkeypatch.setattr(endpoint, "current", lambda: SimpleNamespace(key=KEY, pair=PAIR, ledger=Hangs()))
    with ThreadPoolExecutor(60) as pool:
        posts = [pool.submit(post, server, notes(number)) for number in range(1, 61)]
        began = time.monotonic()
        assert server.get("/api/v2/dags", headers=login).status_code == 200
        assert time.monotonic() - began < 10
        hanging.set()
        assert {answer.result().status_code for answer in posts} == {200}


def test_what_cannot_be_kept_is_not_acknowledged(
    server: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Full:
        def receive(self, entries: Any) -> None:
            raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(endpoint, "current", lambda: SimpleNamespace(key=KEY, pair=PAIR, ledger=Full()))
    answer = post(server, notes(17))
    assert answer.status_code == 503
    assert "again" in answer.json()["message"]
    assert "disk full" not in answer.text


def test_a_database_that_is_away_is_no_wrong_key(server: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow answers that there is no such Connection; a sender told 401 would not come back."""
    from bridge import server as bridge_server

    def away() -> Any:
        raise OperationalError("SELECT 1", {}, Exception("connection refused"))

    monkeypatch.delenv("AIRFLOW_CONN_IPAAS")
    monkeypatch.setattr(bridge_server, "create_session", away)
    assert post(server, notes(17)).status_code == 503


def test_a_connection_that_does_not_say_who_we_are_keeps_the_sender_waiting(
    server: Any, ledger: Ledger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, ipaas_extra={"system_id": "many"})
    assert post(server, notes(17)).status_code == 503
    assert kept(ledger) == set()


def test_the_key_appears_nowhere(
    server: Any,
    ledger: Ledger,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    wrong = "somebody-elses-key"
    answers = [post(server, notes(17)), post(server, b"{"), post(server, notes("x")), post(server, notes(17), wrong)]
    connect(monkeypatch, sandbox, ipaas_extra={"system_id": None})
    from bridge import server as bridge_server

    bridge_server.current.cache.clear()
    answers.append(post(server, notes(17)))
    assert [answer.status_code for answer in answers] == [200, 400, 400, 401, 503]
    said = capfd.readouterr()
    everything = [a.text for a in answers] + [str(a.headers) for a in answers] + [said.out, said.err, caplog.text]
    everything += [str(bridge_server.current.cache), repr(bridge_server.Current(key=KEY, pair=PAIR, ledger=ledger))]
    assert not [text for text in everything if KEY in text or wrong in text]


@pytest.mark.parametrize("mode", ["plan", "apply"])
def test_a_hook_brings_its_record_over_with_the_next_run(
    server: Any, ledger: Ledger, sandbox: Sandbox, run_dag: RunDag, mode: str
) -> None:
    run_dag(FLOW)  # what no hook has announced
    ids = [str(sandbox.ipaas.add("company", {"name": f"Company {n}", "addresses": [ADDRESS]})["id"]) for n in range(3)]
    assert post(server, notes(*ids)).json() == {"accepted": 3}
    run = run_dag(FLOW, {"mode": mode})
    assert run.state == "success"
    assert run.counts["created"] == 3
    made = {no: row["Name"] for no in ids if (row := sandbox.bc.get("Customer", no))}
    assert made == ({no: f"Company {n}" for n, no in enumerate(ids)} if mode == "apply" else {})
    assert kept(ledger) == (set(ids) if mode == "plan" else set())


def test_ids_given_in_the_form_move_just_those_and_leave_the_hooks(
    server: Any, ledger: Ledger, sandbox: Sandbox, run_dag: RunDag
) -> None:
    ids = [str(sandbox.ipaas.add("company", {"name": f"Company {n}", "addresses": [ADDRESS]})["id"]) for n in range(2)]
    post(server, notes(*ids))
    run = run_dag(FLOW, {"ipaas_ids": [ids[1]]})
    assert run.counts["read"] == run.counts["created"] == 1
    assert sandbox.bc.get("Customer", ids[0]) is None
    assert kept(ledger) == set(ids)


def test_a_body_that_does_not_arrive_holds_no_connection_for_ever(
    server: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import anyio
    from bridge import webhook_endpoint

    class Dribbling:
        headers: ClassVar[dict[str, str]] = {}

        async def stream(self) -> AsyncIterator[bytes]:
            yield b"{"
            await anyio.sleep_forever()

    monkeypatch.setattr(webhook_endpoint, "BODY_SECONDS", 0.01)
    with pytest.raises(webhook_endpoint._Slow):
        anyio.run(webhook_endpoint._body, Dribbling())


def test_beyond_so_many_at_once_the_sender_is_asked_to_come_back(
    server: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import webhook_endpoint

    monkeypatch.setattr(webhook_endpoint, "AT_ONCE", 0)
    answer = post(server, notes(17))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
