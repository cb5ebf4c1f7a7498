"""Draws the pictures of the README: `make pictures`. Not a test: the pages are as a browser shows them at that moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.world import Size
from tests.dags.browser import Visit, sees
from tests.dags.conftest import ROOT, Run, RunDag
from tests.dags.killed import VARIABLES
from tests.dags.scheduling import unpause

pytestmark = [pytest.mark.dag, pytest.mark.timeout(1_200), pytest.mark.usefixtures("no_earlier_runs")]

DOCS = ROOT / "docs"
CHANGED = "customer_category_to_ipaas"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A shop of which some records need a person."""
    with Sandbox(size=Size(companies=30, persons=50, items=60)) as running:
        for number in ("C20001", "C20002", "C20003"):
            person = {"No.": number, "Name": f"Without a mail {number}", "Contact Type": "Person", "E-Mail": ""}
            running.bc.add("Customer", person)
        yield running


def draw(page: Any, name: str, height: int) -> None:
    """Keep what is seen as a picture."""
    page.set_viewport_size({"width": 1440, "height": height})
    page.wait_for_timeout(1_500)  # until what comes in by and by has done so
    page.screenshot(path=DOCS / f"{name}.png")


def test_pictures(run_dag: RunDag, run_and_answer: Callable[..., Run], sandbox: Sandbox, visit: Visit) -> None:
    for name in FLOWS:
        run_dag(name, variables=VARIABLES)
    unpause(*FLOWS)
    sandbox.bc.change("Customer", "C10000", **{"Name": "Adatum Corporation Ltd", "Phone No.": "+1 425 555 0100"})
    changed = run_dag("company_to_ipaas", variables=VARIABLES)
    records = visit(f"dags/company_to_ipaas/runs/{changed.run_id}/plugin/records")
    sees(records.get_by_role("region", name="Records"), "Adatum Corporation Ltd")
    draw(records, "records", 700)
    records.goto("/plugin/sync?explain=C10000")
    sees(records.get_by_role("region", name="Explain a record"), "C10000 in Business Central is")
    records.get_by_role("button", name="updated: 6 fields").click()
    draw(records, "explain", 700)
    records.set_viewport_size({"width": 1000, "height": 1_700})
    records.goto("/dags/manual_sync")
    records.get_by_role("button", name="Trigger").first.click()
    form = records.get_by_role("dialog")
    form.get_by_role("combobox").first.fill("Company TO")
    form.get_by_role("combobox").first.press("Enter")
    form.get_by_role("textbox").last.wait_for()
    form.get_by_placeholder("Enter each string").fill("C10000")
    records.wait_for_timeout(1_500)
    form.screenshot(path=DOCS / "trigger-form.png")
    for number in range(3):
        code = f"SEASON{number + 1}"
        sandbox.bc.add("Customer Price Group", {"Code": code, "Description": f"Prices of season {number + 1}"})

    def person(_: dict[str, Any]) -> None:
        for scheme, name in (("light", "sync"), ("dark", "sync-dark")):
            page = visit("plugin/sync", color_scheme=scheme)
            sees(page.get_by_role("main"), "Waits for approval")
            draw(page, name, 1_000)
        raise StopAsking

    with pytest.raises(StopAsking):
        run_and_answer(CHANGED, person=person, variables={**VARIABLES, "sync_approve_above": '{"records": 2}'})


class StopAsking(Exception):
    """The question stays open: the picture is drawn."""
