"""Business Central's webhooks in the sandbox: the handshake, what is told, what goes astray, and how subscriptions end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from include.business_central.subscriptions import SubscribingClient
from include.errors import ServiceError
from include.sandbox import Sandbox
from include.sandbox.bc.notices import Astray
from include.sandbox.world import Size
from tests.notice_receiver import Receiver

SECRET = "a-secret-of-our-own"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(size=Size(companies=3, persons=1, items=4)) as running:
        yield running


def changed(receiver: Receiver) -> list[str]:
    return [notice["changeType"] for notice in receiver.told]


def test_a_change_is_told_by_the_records_id_and_with_the_secret(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    assert client.subscribe(["items", "customers"], receiver.url, SECRET) == ["items: made", "customers: made"]
    item = sandbox.bc.rows("Item")[0]
    sandbox.bc.change("Item", item["No."], Description="Changed")
    sandbox.notices.deliver()
    (notice,) = receiver.told
    assert notice["resource"] == f"api/v2.0/companies({sandbox.bc.company_id})/items({item['systemid']})"
    assert (notice["clientState"], notice["changeType"]) == (SECRET, "updated")


def test_a_receiver_that_does_not_answer_the_token_gets_no_subscription(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    receiver.token_wrong = True
    with pytest.raises(ServiceError, match="notification URL") as refused:
        client.subscribe(["items"], receiver.url, SECRET)
    assert "extra notification_url of the Connection business_central" in refused.value.advice
    assert sandbox.notices.subscriptions == {}


def test_a_subscription_is_renewed_in_time_and_made_again_when_it_has_ended(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    client.subscribe(["items"], receiver.url, SECRET)
    (said,) = client.subscribe(["items"], receiver.url, SECRET)
    assert said.startswith("items: lasts until")
    later = datetime.now(UTC) + timedelta(hours=25)
    assert client.subscribe(["items"], receiver.url, SECRET, now=later) == ["items: renewed"]
    assert len(sandbox.notices.subscriptions) == 1
    sandbox.switches.bc_clock_ahead = timedelta(days=3, seconds=1).total_seconds()
    assert client.subscribe(["items"], receiver.url, SECRET) == ["items: made"]


@pytest.mark.parametrize("status", [400, 401, 404])
def test_an_odd_answer_deletes_the_subscription_and_it_is_made_again(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient, status: int
) -> None:
    client.subscribe(["items"], receiver.url, SECRET)
    receiver.status = status
    sandbox.bc.change("Item", sandbox.bc.rows("Item")[0]["No."], Description="Changed")
    sandbox.notices.deliver()
    assert sandbox.notices.subscriptions == {}
    assert client.subscribe(["items"], receiver.url, SECRET) == ["items: made"]


def test_a_new_secret_goes_into_the_subscriptions(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    client.subscribe(["items"], receiver.url, SECRET)
    assert client.subscribe(["items"], receiver.url, f"{SECRET}-new") == ["items: renewed"]
    assert {one["clientState"] for one in sandbox.notices.subscriptions.values()} == {f"{SECRET}-new"}


def test_many_changes_are_one_collection(sandbox: Sandbox, receiver: Receiver, client: SubscribingClient) -> None:
    client.subscribe(["items"], receiver.url, SECRET)
    sandbox.notices.astray = Astray(collection_above=2)
    for row in sandbox.bc.rows("Item"):
        sandbox.bc.change("Item", row["No."], Description="Changed")
    sandbox.notices.deliver()
    assert changed(receiver) == ["collection"]


def test_notifications_are_lost_and_doubled_as_asked(
    sandbox: Sandbox, receiver: Receiver, client: SubscribingClient
) -> None:
    client.subscribe(["items"], receiver.url, SECRET)
    numbers = [row["No."] for row in sandbox.bc.rows("Item")]
    for astray, told in ((Astray(lost=1.0), 0), (Astray(doubled=1.0, shuffled=True), 2 * len(numbers))):
        sandbox.notices.astray = astray
        for number in numbers:
            sandbox.bc.change("Item", number, Description="Changed")
        sandbox.notices.deliver()
        assert len(receiver.told) == told
