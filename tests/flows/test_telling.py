"""What a run says of itself in the log and by OpenTelemetry."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from bench import Bench, tally

from include.errors import ServiceError
from include.sandbox.faults import Fault
from tests.telemetry import heard

PERMISSION = '{"code": "AUTZ-1002", "message": "You lack the permission."}'
FLOW = "customer_category_to_ipaas"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "include.sync.telling"]


def test_each_task_says_in_a_line_what_it_read_wrote_and_waited_for(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    counts = bench.run(FLOW).counts
    extract, transform, load, report = lines(caplog)
    assert extract.startswith(f"extract of {FLOW}: done after ")
    assert f": {counts['read']} read. {counts['bc_requests']} requests to Business Central were answered in " in extract
    assert transform.endswith(f": {counts['read']} changed.")
    assert f": {counts['created']} created. {counts['ipaas_requests']} requests to iPaaS.com were answered in " in load
    assert " for their turn and 0.0 s to be repeated." in load
    assert report.endswith(f": {counts['read']} read, {counts['created']} created.")


def test_a_task_that_breaks_off_says_what_it_had_done(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    groups = len(bench.sandbox.bc.rows("Customer Price Group"))
    bench.sandbox.faults.add(
        Fault(system="ipaas", method="POST", path="Customer/Category", status=403, body=PERMISSION, skip=1)
    )
    with heard() as telemetry, pytest.raises(ServiceError):
        bench.run(FLOW)
    *_, load = lines(caplog)
    assert load.startswith(f"load of {FLOW}: broke off after ")
    # The others were under way when one was refused.
    assert f": {groups - 1} created. " in load
    (span,) = telemetry.named(f"load {FLOW}")
    assert (span.attributes or {})["error.type"] == "ServiceError"


def test_requests_of_all_threads_stand_below_their_tasks_span(bench: Bench) -> None:
    with heard() as telemetry:
        counts = bench.run(FLOW).counts
    (load,) = telemetry.named(f"load {FLOW}")
    assert load.context
    below = [span for span in telemetry.spans if span.parent and span.parent.span_id == load.context.span_id]
    assert len(below) == counts["ipaas_requests"] > 3
    assert (load.attributes or {})["sync.records.created"] == counts["created"]


def test_what_became_of_records_is_counted_once_for_a_run(bench: Bench) -> None:
    with heard() as telemetry:
        report = bench.run(FLOW)
        told = telemetry.measured("sync.records")
    results = {dict(key)["sync.record.result"]: number for key, number in told.items()}
    assert results == tally(report)
    assert {dict(key)["sync.flow"] for key in told} == {FLOW}


def test_the_report_says_that_the_second_secret_is_used_and_what_ends_soon(bench: Bench) -> None:
    ends = str(datetime.now(UTC).date() + timedelta(days=3))
    client = bench.bc(secret="wr0ng-secret", secret_2=bench.sandbox.CLIENT_SECRET, credential_2_ends=ends)
    said = " ".join(bench.run("company_to_ipaas", bc=client).warnings)
    assert (
        "The client secret (password of the Connection business_central) is refused, and the next one is used" in said
    )
    assert "The second client secret of Business Central ends in 3 days" in said
    assert "wr0ng-secret" not in said
    assert bench.sandbox.CLIENT_SECRET not in said
