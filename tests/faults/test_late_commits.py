"""What is committed long after it was dated arrives within a day, whatever lags behind and whosever clock is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.flows import FLOWS
from include.settings import SyncSettings
from include.sync import plan as planning
from include.sync.ledger import Ledger
from include.sync.plan import DAY, LATE_EVERY, OVERLAP, late_commits, lookback_start, make_plan
from include.sync.runs import RunKind, RunPlan
from tests import ledgers
from tests.counts.schedules import KINDS, Found, Kind, Weather, world
from tests.systems import PAIR

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


WORST = Weather(machines=(-HOUR, timedelta(), HOUR), gateway=-HOUR, lag=timedelta(minutes=5))
# Where nothing is wrong with the clocks, nothing makes up for what is taken out.
CALM = Weather(lag=timedelta(minutes=5))


def sample(folder: Path, kind: Kind, weather: Weather) -> Found:
    """One world of random schedules, the same every time."""
    return world(random.Random(7), folder, kind, weather)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.flow)
def test_in_random_schedules_nothing_is_missing_or_stale_after_a_day(tmp_path: Path, kind: Kind) -> None:
    found = sample(tmp_path, kind, WORST)
    assert found.schedules >= 30
    assert found.died
    assert (found.missing, found.stale, found.slow, found.brought_back) == (set(), set(), set(), set())


def test_without_the_daily_look_back_much_of_it_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "LATE_EVERY", timedelta(days=1_000))
    found = sample(tmp_path, KINDS[0], CALM)
    assert len(found.missing | found.stale) > 5


def test_without_the_overlap_what_is_hardly_late_would_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "OVERLAP", timedelta())
    assert sample(tmp_path, KINDS[0], CALM).slow


# --- from when a poll reads ---------------------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Ledger(ledgers.url_of(tmp_path / "ledger.db"), PAIR)


@pytest.fixture
def poll(ledger: Ledger) -> Callable[..., RunPlan]:
    """Plans a poll of a flow at NOW."""

    def plan(flow: str = "company_to_ipaas", **settings: int) -> RunPlan:
        return make_plan(
            FLOWS[flow],
            run_id="run",
            kind=RunKind.poll,
            settings=SyncSettings(**settings),
            ledger=ledger,
            now=NOW,
        )

    return plan


def looked(ledger: Ledger, ago: timedelta, flow: str = "company_to_ipaas") -> None:
    """The last look for late commits was so long ago, the last poll an hour."""
    ledger.advance(flow, NOW - timedelta(hours=1))
    ledger.advance(late_commits(FLOWS[flow]), NOW - ago)


def test_a_first_poll_reads_everything(poll: Callable[..., RunPlan]) -> None:
    assert (poll().since, poll().late) == (None, True)


def test_a_poll_reads_from_the_position_less_the_overlap(poll: Callable[..., RunPlan], ledger: Ledger) -> None:
    looked(ledger, LATE_EVERY - timedelta(seconds=1))
    assert (poll().since, poll().late) == (NOW - timedelta(hours=1) - OVERLAP, False)


def test_once_a_day_it_reads_what_was_modified_in_the_last_days(poll: Callable[..., RunPlan], ledger: Ledger) -> None:
    looked(ledger, DAY)
    assert (poll().since, poll().late) == (NOW - 3 * DAY - OVERLAP, True)
    assert poll(sync_late_commit_days=10).since == NOW - 10 * DAY - OVERLAP


def test_after_a_week_of_standing_still_it_reaches_as_far_back_from_the_last_look(
    poll: Callable[..., RunPlan], ledger: Ledger
) -> None:
    looked(ledger, 7 * DAY)
    assert poll().since == NOW - 7 * DAY - 2 * DAY - OVERLAP


def test_the_look_for_late_commits_can_be_switched_off(poll: Callable[..., RunPlan], ledger: Ledger) -> None:
    looked(ledger, 7 * DAY)
    plan = poll(sync_late_commit_days=0)
    assert (plan.since, plan.late) == (NOW - timedelta(hours=1) - OVERLAP, False)


def test_a_position_of_the_future_is_none(poll: Callable[..., RunPlan], ledger: Ledger) -> None:
    """A clock that was wrong has been set right since."""
    ledger.advance("company_to_ipaas", NOW + 400 * DAY)
    ledger.advance(late_commits(FLOWS["company_to_ipaas"]), NOW + 400 * DAY)
    assert (poll().since, poll().late) == (NOW - 3 * DAY, True)


def test_orders_are_read_from_the_search_days_back(poll: Callable[..., RunPlan], ledger: Ledger) -> None:
    settings = SyncSettings(bc_transaction_poll_search_days=5)
    looked(ledger, timedelta(), "sales_order_to_ipaas")
    assert poll("sales_order_to_ipaas").since == lookback_start(NOW, settings)


def test_orders_of_the_time_in_which_nothing_ran_are_not_left_out(poll: Callable[..., RunPlan], ledger: Ledger) -> None:
    ledger.advance("sales_order_to_ipaas", NOW - 20 * DAY)
    since = poll("sales_order_to_ipaas").since
    assert since is not None
    assert since <= NOW - 20 * DAY - OVERLAP


def test_with_few_search_days_orders_are_looked_for_again_once_a_day(
    poll: Callable[..., RunPlan], ledger: Ledger
) -> None:
    looked(ledger, DAY, "sales_order_to_ipaas")
    assert poll("sales_order_to_ipaas", bc_transaction_poll_search_days=0).since == NOW - 3 * DAY - OVERLAP
