"""The ledger: links, fingerprints, unfinished transfers, claims, positions, hooks; on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from include.sync import tenure
from include.sync.ledger import Ledger
from include.sync.ledger.claims import CLAIM_LIFETIME
from include.sync.ledger.entries import Claim, Finish, Purpose, Reservation, iso
from include.sync.ledger.faults import ClaimLost, LedgerFault, faults
from include.sync.ledger.questions import Query
from include.sync.ledger.read_only import ReadOnlyLedger
from include.sync.ledger.tables import VERSIONS, claims, metadata, tries
from include.sync.ledger.transfers import MAX_ATTEMPTS, retry_delay
from tests.systems import PAIR
from tests.unfinished import unfinished

FLOW, TABLE = "company_to_ipaas", "customer company"


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **delta: float) -> None:
        self.time += timedelta(**delta)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(url: str, clock: Clock) -> Iterator[Ledger]:
    made = Ledger(url, PAIR, now=clock)
    yield made
    made.close()


def ended(key: str, state: str = "done", **values: object) -> Finish:
    base = {"key": key, "state": state, "run_id": "run", "outcome": {"key": key}, "read_at": "2026", "fingerprint": "f"}
    return Finish(**{**base, **values})  # type: ignore[arg-type]


def test_what_was_written_is_remembered(ledger: Ledger) -> None:
    ledger.finish(FLOW, TABLE, [ended("C1", target_id=7, memory={"locations": ["MAIN"]})], [(TABLE, "C1", 7)])
    found = ledger.transfers(FLOW, ["C1", "C2"])
    assert list(found) == ["C1"]
    assert (found["C1"].target_id, found["C1"].fingerprint, found["C1"].memory) == (7, "f", {"locations": ["MAIN"]})


def test_links_compare_without_case_and_keep_the_type_of_the_id(ledger: Ledger) -> None:
    ledger.link([(TABLE, "c1", 7), (TABLE, "C2", "8")])
    assert ledger.internal_ids(TABLE, ["C1", "C2"]) == {"C1": 7, "C2": "8"}
    assert ledger.external_ids(TABLE, ["7", 8]) == {"7": "c1", "8": "C2"}


def test_a_record_has_one_external_id_the_one_that_was_linked_last(ledger: Ledger) -> None:
    ledger.link([(TABLE, "C2", 7), ("other", "C2", 7), (TABLE, "C3", 8)])
    ledger.link([(TABLE, "C1", 7)])
    assert ledger.external_ids(TABLE, [7, 8]) == {"7": "C1", "8": "C3"}
    assert ledger.internal_ids(TABLE, ["C1", "C2"]) == {"C1": 7}
    assert ledger.external_ids("other", [7]) == {"7": "C2"}


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_the_delay_between_tries_is_the_platforms(attempt: int) -> None:
    assert retry_delay(attempt) == timedelta(minutes={1: 20, 2: 60, 3: 120}[attempt])


def test_a_failure_is_due_again_after_its_delay_and_given_up_in_the_end(ledger: Ledger, clock: Clock) -> None:
    for attempt in range(1, MAX_ATTEMPTS):
        ledger.finish(FLOW, TABLE, [ended("C1", "failed")], [])
        assert ledger.due(FLOW) == []
        clock.forward(minutes=10 * attempt * (attempt + 1))
        assert ledger.due(FLOW) == ["C1"]
    ledger.finish(FLOW, TABLE, [ended("C1", "failed")], [])
    clock.forward(days=999)
    assert ledger.due(FLOW) == []
    assert [t.key for t in unfinished(ledger, FLOW)] == ["C1"]


def test_a_failure_keeps_what_was_last_written(ledger: Ledger) -> None:
    ledger.finish(FLOW, TABLE, [ended("C1", fingerprint="good")], [])
    ledger.finish(FLOW, TABLE, [ended("C1", "failed", fingerprint="bad")], [])
    found = ledger.transfers(FLOW, ["C1"])["C1"]
    assert (found.fingerprint, found.tried_fingerprint, found.attempts) == ("good", "bad", 1)


def test_whoever_waits_for_a_record_is_due_when_it_is_linked(ledger: Ledger) -> None:
    ledger.finish("sales_order_to_ipaas", "transaction", [ended("S1", "waiting", waits_for=f"{TABLE}|C1")], [])
    assert ledger.due("sales_order_to_ipaas") == []
    ledger.link([(TABLE, "c1", 7)])
    assert ledger.due("sales_order_to_ipaas") == ["S1"]


def test_a_claim_keeps_others_away_and_ends_with_the_outcome(ledger: Ledger) -> None:
    assert ledger.claim(TABLE, ["C1"], "one")["C1"].held
    assert not ledger.claim(TABLE, ["C1"], "two")["C1"].held
    ledger.finish(FLOW, TABLE, [ended("C1")], [])
    assert ledger.claim(TABLE, ["C1"], "two")["C1"].held


def test_an_outcome_gives_up_the_claim_of_its_own_task_only(ledger: Ledger) -> None:
    ledger.claim(TABLE, ["C1"], "one")
    ledger.finish(FLOW, TABLE, [ended("C1")], [], owner="two")
    assert not ledger.claim(TABLE, ["C1"], "two")["C1"].held
    ledger.finish(FLOW, TABLE, [ended("C1")], [], owner="one")
    assert ledger.claim(TABLE, ["C1"], "two")["C1"].held


def test_what_was_begun_and_never_finished_is_due_at_once(ledger: Ledger) -> None:
    ledger.finish(FLOW, TABLE, [ended("C1", "failed")], [])
    assert ledger.due(FLOW) == []
    ledger.begin(FLOW, "C1", "run", "print")
    assert ledger.due(FLOW) == ["C1"]
    assert ledger.transfers(FLOW, ["C1"])["C1"].attempts == 1
    ledger.finish(FLOW, TABLE, [ended("C1")], [])
    assert ledger.due(FLOW) == []


@pytest.mark.parametrize("state", ["waiting", "failed", "retry"])
def test_what_is_done_of_an_earlier_reading_hides_no_later_one_that_did_not_go_through(
    ledger: Ledger, state: str
) -> None:
    ledger.finish(FLOW, TABLE, [ended("C1", state, read_at="2026-02", fingerprint="later")], [])
    ledger.finish(FLOW, TABLE, [ended("C1", read_at="2026-01", fingerprint="earlier")], [])
    assert ledger.due(FLOW) == ["C1"]
    assert ledger.transfers(FLOW, ["C1"])["C1"].fingerprint == "earlier"
    ledger.finish(FLOW, TABLE, [ended("C1", read_at="2026-03", fingerprint="latest")], [])
    assert ledger.due(FLOW) == []


def test_a_repeated_task_takes_its_own_claim_over_as_suspect(ledger: Ledger) -> None:
    ledger.claim(TABLE, ["C1"], "one")
    again = ledger.claim(TABLE, ["C1"], "one")["C1"]
    assert again.held
    assert again.suspect


def test_the_claim_of_a_task_that_died_ends(ledger: Ledger, clock: Clock) -> None:
    ledger.claim(TABLE, ["C1"], "one")
    clock.time += CLAIM_LIFETIME + timedelta(seconds=1)
    taken = ledger.claim(TABLE, ["C1"], "two")["C1"]
    assert taken.held
    assert taken.suspect


def test_of_many_that_claim_at_once_one_holds(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: ledger.claim(TABLE, ["C1"], f"run{n}")["C1"].held, range(8)))
    assert claims.count(True) == 1


def test_a_position_never_moves_back(ledger: Ledger, clock: Clock) -> None:
    assert ledger.position(FLOW) is None
    ledger.advance(FLOW, clock.time)
    ledger.advance(FLOW, clock.time - timedelta(days=1))
    assert ledger.position(FLOW) == clock.time
    assert iso(clock.time) == "2026-05-01T12:00:00.000000Z"


def test_a_hook_that_comes_again_while_it_is_worked_on_is_not_lost(ledger: Ledger) -> None:
    ledger.receive([("company_from_ipaas", "17", "company/updated")] * 3)
    waiting = ledger.received("company_from_ipaas")
    assert [ipaas_id for ipaas_id, _ in waiting] == ["17"]
    ledger.receive([("company_from_ipaas", "17", "company/updated")])
    ledger.dealt_with("company_from_ipaas", waiting)
    assert len(ledger.received("company_from_ipaas")) == 1
    ledger.dealt_with("company_from_ipaas", ledger.received("company_from_ipaas"))
    assert ledger.received("company_from_ipaas") == []


def test_a_repeated_report_does_not_drop_a_hook_that_came_after_it(ledger: Ledger) -> None:
    ledger.receive([("company_from_ipaas", "17", "company/updated")])
    waiting = ledger.received("company_from_ipaas")
    ledger.dealt_with("company_from_ipaas", waiting)
    ledger.receive([("company_from_ipaas", "17", "company/updated")])
    ledger.dealt_with("company_from_ipaas", waiting)
    assert [ipaas_id for ipaas_id, _ in ledger.received("company_from_ipaas")] == ["17"]


def test_hooks_wait_in_the_order_of_their_first_arrival(ledger: Ledger, clock: Clock) -> None:
    for ipaas_id in ("30", "10", "20"):
        ledger.receive([("company_from_ipaas", ipaas_id, "company/updated")])
        clock.forward(seconds=1)
    ledger.receive([("company_from_ipaas", "30", "company/updated")])
    assert [ipaas_id for ipaas_id, _ in ledger.received("company_from_ipaas")] == ["30", "10", "20"]
    assert [ipaas_id for ipaas_id, _ in ledger.received("company_from_ipaas", 2)] == ["30", "10"]
    assert ledger.received("customer_from_ipaas") == []


def test_hooks_of_a_burst_are_kept_and_dropped_in_few_statements(ledger: Ledger) -> None:
    statements: list[str] = []
    sa.event.listen(ledger._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    ledger.receive(("company_from_ipaas", str(n % 3_000), "company/updated") for n in range(10_000))
    waiting = ledger.received("company_from_ipaas")
    assert len(waiting) == 3_000
    ledger.dealt_with("company_from_ipaas", waiting[:2_999])
    assert ledger.received("company_from_ipaas") == waiting[2_999:]
    assert len(statements) < 30


def test_servers_that_receive_the_same_records_at_once_lose_none_and_do_not_block(url: str) -> None:
    def serve(order: int) -> None:
        server = Ledger(url, PAIR)
        for _ in range(5):
            server.receive([("company_from_ipaas", str(n), "company/updated") for n in range(200)[::order]])
        server.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(serve, [1, -1, 1, -1]))
    ledger = Ledger(url, PAIR)
    assert {ipaas_id for ipaas_id, _ in ledger.received("company_from_ipaas")} == {str(n) for n in range(200)}
    ledger.close()


def test_of_many_that_read_at_once_each_has_its_turn_and_so_has_who_writes_after_them(ledger: Ledger) -> None:
    """A server answers as many requests at once, and its ledger is open for months."""
    pool = ledger._engine.pool
    assert isinstance(pool, sa.QueuePool)
    number = 40 if ledger._engine.dialect.name == "sqlite" else 20  # of which PostgreSQL lends only so many
    together = threading.Barrier(number)

    def read() -> None:
        with ledger.reading():
            together.wait(timeout=20)

    with ThreadPoolExecutor(number) as threads:
        for reading in [threads.submit(read) for _ in range(number)]:
            reading.result()
    ledger.receive([("company_from_ipaas", "17", "company/updated")])
    assert len(ledger.received("company_from_ipaas")) == 1
    # Some stay open, for reading and for writing, and no more than are commonly of use.
    assert pool.checkedout() <= 16


def test_of_links_that_are_true_those_are_new_that_neither_the_ledger_nor_ipaas_knows(ledger: Ledger) -> None:
    ledger.link([("T", "known", 1), ("T", "moved", 2)])
    true = [("T", "KNOWN", 1), ("T", "moved", 3), ("T", "told", 4), ("U", "fresh", 5)]
    new = [("T", "moved", 3), ("U", "fresh", 5)]
    assert ReadOnlyLedger(ledger).link_new(true, told=[("T", "told", 4)]) == new
    assert ledger.unpushed() == []
    assert ledger.link_new(true, told=[("T", "told", 4)]) == new
    assert ledger.unpushed() == new
    assert ledger.link_new(true, told=[("T", "told", 4)]) == []


def gone(url: str) -> None:
    """Delete a ledger, as anybody may at any time."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        return
    engine = sa.create_engine(url)
    with engine.begin() as db:
        schema = db.execute(sa.text("SELECT current_schema()")).scalar()
        db.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
        db.execute(sa.text(f"CREATE SCHEMA {schema}"))
    engine.dispose()


def emptied(url: str) -> None:
    """Delete the rows of a ledger."""
    engine = sa.create_engine(url)
    with engine.begin() as db:
        for table in metadata.sorted_tables:
            if table is not VERSIONS:
                db.execute(sa.delete(table))
    engine.dispose()


@pytest.mark.parametrize("deleted", [gone, emptied])
@pytest.mark.parametrize("others", [0, 1, 3])
def test_a_ledger_deleted_under_a_running_process_is_begun_anew(
    url: str, deleted: Callable[[str], None], others: int
) -> None:
    """What is written into a deleted file, or under a number that is another pair's by now, is lost; and a server that
    runs for months would never notice."""
    opened = [Ledger(url, replace(PAIR, environment="Earlier")), Ledger(url, PAIR)]
    server = opened[-1]
    server.receive([("company_from_ipaas", "17", "company/updated")])
    deleted(url)
    opened += [Ledger(url, replace(PAIR, environment=f"Other {n}")) for n in range(others)]
    assert server.received("company_from_ipaas") == []
    deleted(url)
    opened += [Ledger(url, replace(PAIR, environment=f"Another {n}")) for n in range(others)]
    server.receive([("company_from_ipaas", "18", "company/updated")])
    opened += [Ledger(url, PAIR)]
    assert [ipaas_id for ipaas_id, _ in opened[-1].received("company_from_ipaas")] == ["18"]
    for ledger in opened:
        ledger.close()


@pytest.mark.parametrize("deleted", [gone, emptied])
def test_a_claim_is_lost_with_the_ledger_that_said_so(url: str, deleted: Callable[[str], None]) -> None:
    ledger = Ledger(url, PAIR)
    mine, _ = ledger.begin_try("run#load-0000", 0)
    ledger.claim(TABLE, ["C1"], mine)
    assert ledger.holds(mine, [(TABLE, "C1")])
    deleted(url)
    other = Ledger(url, PAIR)
    assert not ledger.holds(mine, [(TABLE, "C1")])
    for each in (ledger, other):
        each.close()


def test_a_database_that_has_hung_up_is_asked_again(ledger: Ledger) -> None:
    mine, _ = ledger.begin_try("run#load-0000", 0)
    ledger.claim(TABLE, ["C1"], mine)
    assert ledger.holds(mine, [(TABLE, "C1")])
    _hang_up(ledger)
    assert ledger.holds(mine, [(TABLE, "C1")])


def test_a_database_that_hangs_up_again_and_again_is_a_fault_until_it_does_not(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, _ = ledger.begin_try("run#load-0000", 0)
    ledger.claim(TABLE, ["C1"], mine)
    hung_up = sa.exc.DBAPIError("SELECT", {}, Exception("gone"), connection_invalidated=True)

    def hang_up(*_: Any) -> None:
        raise hung_up

    with monkeypatch.context() as patched:
        patched.setattr(Query, "answer", hang_up)
        for _ in range(2):
            with pytest.raises(LedgerFault):
                ledger.holds(mine, [(TABLE, "C1")])
    assert ledger.holds(mine, [(TABLE, "C1")])


def test_a_question_is_part_of_the_transaction_that_it_opens(ledger: Ledger) -> None:
    """Whose ledger it is is asked first: what is asked after that is asked of the same one."""
    for begun in (ledger.reading, ledger._writing):
        with begun() as db:
            assert db.in_transaction()


def test_what_a_question_meets_is_a_fault_of_the_database_as_any_other(ledger: Ledger) -> None:
    nonsense = Query(sa.select(sa.column("no_such_column")).select_from(claims))
    with pytest.raises(LedgerFault, match="no_such_column"), faults():
        ledger._questions.answer(nonsense, {})
    mine, _ = ledger.begin_try("run#load-0000", 0)
    ledger.claim(TABLE, ["C1"], mine)
    assert ledger.holds(mine, [(TABLE, "C1")])


def _hang_up(ledger: Ledger) -> None:
    if ledger._engine.dialect.name == "sqlite":
        ledger._questions.close()  # a file does not hang up
        return
    kept = ledger._questions._kept
    assert kept is not None
    # No other: the tests beside this one have ledgers in the same database.
    own = kept.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    with ledger._engine.connect() as db:
        db.exec_driver_sql(f"SELECT pg_terminate_backend({own})")


def test_what_is_committed_survives_a_power_cut(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", PAIR)
    with ledger._engine.connect() as db:
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL: on disk before commit returns
    ledger.close()


def test_links_that_ipaas_does_not_know_yet_wait_to_be_pushed(ledger: Ledger) -> None:
    ledger.link([(TABLE, "C1", 7)], pushed=False)
    assert ledger.unpushed() == [(TABLE, "C1", 7)]
    ledger.mark_pushed((TABLE, "c1"))
    assert ledger.unpushed() == []


class TestReservations:
    """A number in Business Central belongs to one record from before it is written until that record is done."""

    CLAIMED = f"{TABLE} from iPaaS.com"

    def done(self, key: str) -> Finish:
        return Finish(key=key, state="done", run_id="r", outcome={}, read_at=iso(datetime.now(UTC)), target_id="C1")

    def failed(self, key: str) -> Finish:
        return Finish(key=key, state="retry", run_id="r", outcome={}, read_at=iso(datetime.now(UTC)))

    def take(
        self, ledger: Ledger, key: str, number: str, purpose: Purpose = Purpose.create, claimed: str = CLAIMED
    ) -> bool:
        return ledger.reserve(claimed, key, "customers", number, purpose)

    def test_the_first_has_it_in_any_case(self, ledger: Ledger) -> None:
        assert self.take(ledger, "55", "C1")
        assert not self.take(ledger, "66", "c1")
        assert self.take(ledger, "55", "C1")
        assert ledger.reserve("product from iPaaS.com", "66", "items", "C1", Purpose.create)

    def test_what_a_record_is_linked_to_is_no_other_records(self, ledger: Ledger) -> None:
        ledger.link([("customer", "C1", 55)])
        assert self.take(ledger, "66", "C9")
        assert not ledger.reserve(self.CLAIMED, "66", "customers", "c1", Purpose.match, linked_in="customer")
        assert ledger.reservation(self.CLAIMED, "66") == Reservation(
            reference="C9", purpose=Purpose.create, numbers="customers"
        )
        assert ledger.reserve(self.CLAIMED, "66", "customers", "C1", Purpose.match, linked_in="customer company")
        assert ledger.reserve(self.CLAIMED, "66", "customers", "C2", Purpose.match, linked_in="customer")
        assert ledger.reserve(self.CLAIMED, "55", "customers", "C1", Purpose.match, linked_in="customer")

    def test_those_of_many_are_told_at_once(self, ledger: Ledger) -> None:
        assert self.take(ledger, "55", "C1") and self.take(ledger, "66", "C2", Purpose.match)
        assert ledger.reservations(self.CLAIMED, ["55", "66", "77"]) == {
            "55": Reservation(reference="C1", purpose=Purpose.create, numbers="customers"),
            "66": Reservation(reference="C2", purpose=Purpose.match, numbers="customers"),
        }

    def test_customers_and_companies_share_their_numbers(self, ledger: Ledger) -> None:
        assert self.take(ledger, "55", "C1")
        assert not self.take(ledger, "55", "C1", claimed="customer from iPaaS.com")

    def test_it_outlives_a_failure_and_ends_with_the_record_done(self, ledger: Ledger) -> None:
        assert self.take(ledger, "55", "C1")
        ledger.finish(FLOW, self.CLAIMED, [self.failed("55")], [])
        kept = ledger.reservation(self.CLAIMED, "55")
        assert kept is not None and (kept.reference, kept.purpose) == ("C1", Purpose.create)
        ledger.finish("another flow", self.CLAIMED, [self.done("55")], [], owner="its transform, which claims nothing")
        assert ledger.reservation(self.CLAIMED, "55") is not None
        task, _ = ledger.begin_try("load", 0.0)
        ledger.claim(self.CLAIMED, ["55"], task)
        ledger.finish(FLOW, self.CLAIMED, [self.done("55")], [], owner=task)
        assert ledger.reservation(self.CLAIMED, "55") is None
        assert self.take(ledger, "66", "C1", Purpose.match)

    def test_a_record_has_one(self, ledger: Ledger) -> None:
        assert self.take(ledger, "55", "C1")
        assert self.take(ledger, "55", "C2", Purpose.match)
        kept = ledger.reservation(self.CLAIMED, "55")
        assert kept is not None and (kept.reference, kept.purpose) == ("C2", Purpose.match)
        assert self.take(ledger, "66", "C1")
        ledger.unreserve(self.CLAIMED, "55")
        assert ledger.reservation(self.CLAIMED, "55") is None

    def test_of_many_at_once_one_has_it(self, ledger: Ledger) -> None:
        with ThreadPoolExecutor(8) as pool:
            keys = [str(n) for n in range(8)]
            taken = list(pool.map(lambda key: self.take(ledger, key, "C1"), keys))
        assert taken.count(True) == 1

    def test_a_flow_of_the_other_direction_leaves_it_alone(self, ledger: Ledger) -> None:
        # The No. of one record may be the iPaaS.com id of another.
        assert self.take(ledger, "55", "C1")
        ledger.finish(FLOW, TABLE, [self.done("55")], [])
        assert ledger.reservation(self.CLAIMED, "55") is not None


def test_a_link_that_is_to_be_told_stays_one_whoever_uses_it(ledger: Ledger) -> None:
    ledger.link([(TABLE, "C1", 7)], pushed=False)
    ledger.finish(FLOW, TABLE, [], [(TABLE, "C1", 7)])
    assert ledger.unpushed() == [(TABLE, "C1", 7)]
    ledger.mark_pushed((TABLE, "c1"))
    assert ledger.unpushed() == []
    # What iPaaS.com says now counts.
    ledger.link([(TABLE, "C1", 7)], pushed=False)
    ledger.link([(TABLE, "C1", 8)])
    assert ledger.unpushed() == [] and ledger.internal_ids(TABLE, ["C1"]) == {"C1": 8}


def test_a_record_awaited_by_either_id_becomes_due_with_its_link(ledger: Ledger, clock: Clock) -> None:
    for key, awaited in (("a", "t|C1"), ("b", "t#7"), ("c", "t|7"), ("d", "t#C1")):
        end = Finish(key=key, state="waiting", run_id="r", outcome={}, read_at=iso(clock()), waits_for=awaited)
        ledger.finish(FLOW, TABLE, [end], [])
    ledger.link([("t", "c1", 7)])
    assert sorted(ledger.due(FLOW)) == ["a", "b"]


@pytest.mark.parametrize("internal_id", [7, "7"])
def test_a_record_linked_before_anybody_waits_for_it_holds_nobody_up(
    ledger: Ledger, clock: Clock, internal_id: int | str
) -> None:
    ledger.link([("t", "c1", internal_id)])
    for key, awaited in (("a", "t|C1"), ("b", "t#7"), ("c", "t|7"), ("d", "t#C1")):
        end = Finish(key=key, state="waiting", run_id="r", outcome={}, read_at=iso(clock()), waits_for=awaited)
        ledger.finish(FLOW, TABLE, [end], [])
    assert sorted(ledger.due(FLOW)) == ["a", "b"]


def test_what_is_to_go_on_at_once_is_due_with_the_next_run(ledger: Ledger, clock: Clock) -> None:
    end = Finish(key="a", state="waiting", run_id="r", outcome={}, read_at=iso(clock()), at_once=True)
    ledger.finish(FLOW, TABLE, [end], [])
    assert ledger.due(FLOW) == ["a"]


def test_what_is_due_comes_oldest_first_and_no_more_than_a_run_can_take(ledger: Ledger, clock: Clock) -> None:
    for key in ("C3", "C1", "C2"):
        ledger.finish(FLOW, TABLE, [ended(key, "retry")], [])
        clock.forward(minutes=1)
    clock.forward(days=1)
    assert ledger.due(FLOW, 2) == ["C3", "C1"]
    assert ledger.due(FLOW) == ["C3", "C1", "C2"]


def test_links_to_push_are_read_on_from_the_last_one(ledger: Ledger) -> None:
    ledger.link([(TABLE, name, number) for number, name in enumerate(["b", "C1", "a"])], pushed=False)
    ledger.link([("customer", "C0", 9)], pushed=False)
    ledger.link([(TABLE, "known", 10)])
    first = ledger.unpushed(limit=2)
    assert first == [("customer", "C0", 9), (TABLE, "a", 2)]
    assert ledger.unpushed(after=first[-1][:2]) == [(TABLE, "b", 0), (TABLE, "C1", 1)]


def test_links_that_ipaas_knows_are_told_from_those_it_is_to_be_told_of(ledger: Ledger) -> None:
    ledger.link([(TABLE, "C1", 7)])
    ledger.link([(TABLE, "C2", "8")], pushed=False)
    assert ledger.external_ids(TABLE, [7, 8]) == {"7": "C1", "8": "C2"}
    assert ledger.external_ids(TABLE, [7, 8], pushed=True) == {"7": "C1"}
    assert ledger.external_ids(TABLE, [7, 8], pushed=False) == {"8": "C2"}


def test_which_records_a_notification_waits_for(ledger: Ledger) -> None:
    ledger.receive([(FLOW, "7", "company/updated"), ("customer_from_ipaas", "8", "customer/updated")])
    assert ledger.announced(FLOW, ["7", "8", "9"]) == {"7"}


class TestPairs:
    """What is remembered of one pair of systems is never seen by another."""

    def test_nothing_of_one_pair_is_seen_by_another(self, ledger: Ledger) -> None:
        ledger.finish(FLOW, TABLE, [ended("C1", "failed", target_id=7)], [(TABLE, "C1", 7)])
        ledger.link([(TABLE, "C2", 8)], pushed=False)
        ledger.advance(FLOW, datetime(2026, 5, 1, tzinfo=UTC))
        ledger.receive([(FLOW, "17", "company/updated")])
        ledger.reserve(TABLE, "9", "customers", "C9", Purpose.create)
        assert ledger.claim(TABLE, ["C3"], "one")["C3"].held
        for changed in (
            {"tenant_id": "other"},
            {"environment": "Other"},
            {"company_name": "Other"},
            {"ipaas_company_id": "other"},
            {"system_id": 9},
        ):
            other = ledger.of(replace(PAIR, **changed))
            assert other.pair != ledger.pair
            assert other.transfers(FLOW, ["C1"]) == {}
            assert list(other.keys(FLOW)) == []
            assert other.internal_ids(TABLE, ["C1", "C2"]) == {}
            assert other.external_ids(TABLE, [7, 8]) == {}
            assert other.unpushed() == []
            assert other.position(FLOW) is None
            assert other.received(FLOW) == []
            assert other.reservation(TABLE, "9") is None
            assert other.claim(TABLE, ["C3"], "two")["C3"].held
            assert unfinished(other, FLOW) == []
            other.unlink(TABLE, "C1")
            other.forget(FLOW, ["C1"])
        assert ledger.internal_ids(TABLE, ["C1", "C2"]) == {"C1": 7, "C2": 8}
        assert [t.key for t in unfinished(ledger, FLOW)] == ["C1"]

    def test_the_ids_of_systems_compare_without_case(self, ledger: Ledger) -> None:
        same = replace(PAIR, tenant_id=PAIR.tenant_id.upper(), environment=PAIR.environment.upper())
        assert ledger.of(same).pair == ledger.pair

    def test_a_company_that_was_renamed_finds_its_memory(self, ledger: Ledger) -> None:
        assert ledger.identify("id-1")
        ledger.advance(FLOW, datetime(2026, 5, 1, tzinfo=UTC))
        renamed = ledger.of(replace(PAIR, company_name="New name"))
        assert renamed.position(FLOW) is None
        renamed.receive([(FLOW, "17", "company/updated")])
        assert not renamed.identify("id-1")
        found = ledger.of(replace(PAIR, company_name="New name"))
        assert found.pair == ledger.pair and found.position(FLOW) is not None
        assert [i for i, _ in found.received(FLOW)] == ["17"]

    def test_many_processes_make_one_pair(self, url: str) -> None:
        def open_it(_: int) -> int:
            opened = Ledger(url, PAIR)
            opened.close()
            return opened.pair

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(open_it, range(4)))) == 1

    def test_a_ledger_without_a_pair_has_no_rows_to_show(self, url: str) -> None:
        with pytest.raises(RuntimeError, match="no pair"):
            Ledger(url).transfers(FLOW, ["C1"])


class TestTries:
    """A claim belongs to a try of a task, is renewed while that lives, and is taken over for good."""

    def test_a_later_try_takes_over_at_once_and_the_earlier_one_holds_nothing_any_more(self, ledger: Ledger) -> None:
        first, _ = ledger.begin_try("run#load", 130)
        assert ledger.claim(TABLE, ["C1"], first)["C1"] == Claim(held=True)
        assert ledger.holds(first, [(TABLE, "C1")])
        second, _ = ledger.begin_try("run#load", 130)
        assert not ledger.holds(first, [(TABLE, "C1")])
        assert ledger.claim(TABLE, ["C1"], second)["C1"] == Claim(held=True, suspect=True)
        for keys in (["C1"], ["C2"]):
            with pytest.raises(ClaimLost):
                ledger.claim(TABLE, keys, first)
        assert ledger.holds(second, [(TABLE, "C1")])

    def test_each_takeover_raises_the_fence(self, ledger: Ledger) -> None:
        for expected in range(1, 4):
            claimant, _ = ledger.begin_try("run#load", 130)
            ledger.claim(TABLE, ["C1"], claimant)
            with ledger.reading() as db:
                assert db.execute(sa.select(claims.c.fence)).scalar_one() == expected

    def test_how_it_ended_is_noted_by_the_holder_alone(self, ledger: Ledger) -> None:
        first, _ = ledger.begin_try("run#load", 130)
        ledger.claim(TABLE, ["C1"], first)
        second, _ = ledger.begin_try("run#load", 130)
        with pytest.raises(ClaimLost):
            ledger.finish(FLOW, TABLE, [ended("C1", fingerprint="of the first")], [], owner=first)
        assert ledger.transfers(FLOW, ["C1"]) == {}
        ledger.finish(FLOW, TABLE, [ended("C1", fingerprint="of the second")], [], owner=second)
        assert ledger.transfers(FLOW, ["C1"])["C1"].fingerprint == "of the second"

    def test_giving_up_frees_nothing_that_a_later_try_holds(self, ledger: Ledger) -> None:
        first, _ = ledger.begin_try("run#load", 130)
        ledger.claim(TABLE, ["C1"], first)
        second, _ = ledger.begin_try("run#load", 130)
        ledger.release(TABLE, ["C1"], first)
        ledger.end_try(first)
        assert ledger.holds(second, [(TABLE, "C1")])
        assert ledger.claim(TABLE, ["C2"], second)["C2"].held

    def test_a_claim_that_is_renewed_is_not_taken_over(self, ledger: Ledger, clock: Clock) -> None:
        mine, _ = ledger.begin_try("run#load", 130)
        ledger.claim(TABLE, ["C1"], mine)
        for _ in range(20):
            clock.forward(minutes=4)
            ledger.renew(mine)
            assert not ledger.claim(TABLE, ["C1"], "another")["C1"].held
        clock.forward(minutes=6)
        assert ledger.claim(TABLE, ["C1"], "another")["C1"].suspect
        assert not ledger.holds(mine, [(TABLE, "C1")])

    def test_what_a_try_that_has_just_lived_has_sent_may_still_be_under_way(self, ledger: Ledger, clock: Clock) -> None:
        first, wait = ledger.begin_try("run#load", 130)
        assert wait == 0
        ledger.claim(TABLE, ["C1"], first)
        clock.forward(seconds=10)
        _, wait = ledger.begin_try("run#load", 130)
        assert wait == 130  # it may have sent something just now
        clock.forward(minutes=10)
        _, wait = ledger.begin_try("run#load", 130)
        assert wait == 0

    def test_time_is_the_databases_whatever_the_worker_believes(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ledger = Ledger(url, PAIR)
        mine, _ = ledger.begin_try("run#load", 130)
        ledger.claim(TABLE, ["C1"], mine)
        monkeypatch.setattr(ledger, "_now", lambda: datetime.now(UTC) + timedelta(days=9))
        assert not ledger.claim(TABLE, ["C1"], "a worker that is nine days ahead")["C1"].held
        with ledger.reading() as db:
            assert abs(ledger.database_time(db) - datetime.now(UTC)) < timedelta(minutes=1)
        ledger.close()

    def test_a_try_that_ends_gives_back_what_it_has_sent_nothing_for(self, ledger: Ledger) -> None:
        mine, _ = ledger.begin_try("run#load", 130)
        ledger.claim(TABLE, ["C1", "C2"], mine)
        ledger.claim("another table", ["C1"], mine)
        ledger.end_try(mine, [(TABLE, "C1")])
        assert ledger.claim(TABLE, ["C1", "C2"], "another run") == {
            "C1": Claim(held=True, suspect=True),
            "C2": Claim(held=True),
        }
        assert ledger.claim("another table", ["C1"], "another run") == {"C1": Claim(held=True)}

    def test_what_it_took_over_stays_suspect_though_it_sent_nothing_for_it(self, ledger: Ledger) -> None:
        dead, _ = ledger.begin_try("run#load", 130)
        ledger.claim(TABLE, ["C1"], dead)
        mine, _ = ledger.begin_try("run#load", 130)
        ledger.end_try(mine)
        assert ledger.claim(TABLE, ["C1"], "another run")["C1"] == Claim(held=True, suspect=True)

    def test_what_a_try_that_ended_has_sent_has_arrived(self, ledger: Ledger) -> None:
        first, _ = ledger.begin_try("run#load", 130)
        ledger.claim(TABLE, ["C1"], first)
        ledger.end_try(first, [(TABLE, "C1")])
        second, wait = ledger.begin_try("run#load", 130)
        assert wait == 0
        assert ledger.claim(TABLE, ["C1"], second)["C1"] == Claim(held=True, suspect=True)

    def test_nothing_is_left_of_a_task_that_came_to_its_end(self, ledger: Ledger) -> None:
        mine, _ = ledger.begin_try("run#load", 130)
        ledger.claim(TABLE, ["C1"], mine)
        ledger.finish(FLOW, TABLE, [ended("C1")], [], owner=mine)
        ledger.end_try(mine)
        with ledger.reading() as db:
            assert db.execute(sa.select(tries)).all() == db.execute(sa.select(claims)).all() == []


def test_a_tenure_renews_its_claims_by_itself(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = threading.Event()
    monkeypatch.setattr(tenure, "RENEW_EVERY", 0.01)
    monkeypatch.setattr(ledger, "renew", lambda claimant: renewed.set())
    with tenure.Tenure(ledger, "run#load", 0):
        assert renewed.wait(10)


def test_writers_of_the_same_records_in_other_orders_all_go_through(url: str) -> None:
    """PostgreSQL ends one of two transactions that wait for each other."""
    keys = [f"C{number}" for number in range(60)]

    def write(order: int) -> None:
        ledger = Ledger(url, PAIR)
        for turn in range(2):
            # The ids move about, so that each also takes out the links of others.
            links = [(TABLE, key, 100 + (number + turn * order) % 60) for number, key in enumerate(keys)][::order]
            ledger.link(links)
            ledger.finish(FLOW, TABLE, [ended(key) for key in keys[::order]], links)
            ledger.seen(FLOW, (key for key in keys[::order]), iso(datetime.now(UTC)))
        ledger.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [1, -1, 1, -1]))


def test_writers_of_the_same_records_write_them_in_one_order(ledger: Ledger) -> None:
    written: dict[str, list[str]] = {}

    @sa.event.listens_for(sa.Engine, "before_execute")
    def note(_c: Any, statement: Any, rows: Any, *_: Any) -> None:
        if statement.is_insert:
            written[statement.table.name] = [str(row.get("key", row.get("folded"))) for row in rows]

    backwards = ["C3", "C2", "C1"]
    try:
        ledger.finish(FLOW, TABLE, [ended(key) for key in backwards], [(TABLE, key, int(key[1])) for key in backwards])
    finally:
        sa.event.remove(sa.Engine, "before_execute", note)
    assert written["sync_links"] == ["C1", "C2", "C3"]
    assert written["sync_transfers"] == ["C1", "C2", "C3"]
