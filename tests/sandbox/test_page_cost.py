"""What a page costs the sandbox: counted in calls of functions, so that no busy machine blurs it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from include.sandbox import credentials
from include.sandbox.app import build_app
from include.sandbox.state import World
from include.sandbox.world import Size, build
from tests.effort import calls_of

NOTHING = dict.fromkeys(("persons", "contacts", "items", "orders", "invoices", "prices"), 0)
SHOP = dict.fromkeys(("shop_customers", "shop_products", "shop_orders", "shop_invoices"), 0)
FEW, MANY = 300, 1_500
BC = f"http://localhost/v2.0/{credentials.TENANT_ID}/{credentials.ENVIRONMENT}"


class Counted:
    """A world's application, called in this thread."""

    def __init__(self, number: int) -> None:
        self.world: World = build("demo", seed=1, size=Size(companies=number, shop_companies=number, **NOTHING, **SHOP))
        self._app = build_app(self.world)

    def get(self, url: str) -> httpx.Response:
        """Ask for a page."""
        return asyncio.run(self._get(url))

    def cost(self, url: str) -> int:
        """How many calls answering takes."""
        return calls_of(lambda: self.get(url))

    async def _get(self, url: str) -> httpx.Response:
        world = self.world
        ours = url.startswith(BC)
        token = world.directory.issue() if ours else world.platform.company_token(credentials.IPAAS_COMPANY_ID)[0]
        headers = {"Authorization": f"Bearer {token}", "Prefer": "odata.maxpagesize=100"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self._app), headers=headers) as client:
            answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture(scope="module")
def few() -> Counted:
    return Counted(FEW)


@pytest.fixture(scope="module")
def many() -> Counted:
    return Counted(MANY)


@pytest.mark.parametrize("query", ["pageNumber=2", "Name=Nobody"])
def test_of_ipaas_a_page_costs_what_it_holds_however_many_records_there_are(
    few: Counted, many: Counted, query: str
) -> None:
    url = f"http://localhost/customers/v2/Customer/Companies?{query}"
    assert many.cost(url) < 1.2 * few.cost(url)


@pytest.mark.parametrize(
    "query",
    [
        "api/v2.0/companies({id})/customers?$orderby=number",
        "ODataV4/Company('{name}')/CustomerCard?$filter=No ge 'C10000' and No le 'C10199'",
        "ODataV4/Company('{name}')/CustomerCard?$filter=No eq 'C10001' or No eq 'C10002'",
    ],
    ids=["the pages of a feed", "a range of keys", "some keys"],
)
def test_of_business_central_a_page_that_is_not_the_first_costs_what_it_holds(
    few: Counted, many: Counted, query: str
) -> None:
    cost = []
    for counted in (few, many):
        tenant = counted.world.tenant
        url = f"{BC}/{query.format(id=tenant.company_id, name=tenant.company)}"
        first = counted.get(url).json()
        cost.append(counted.cost(first.get("@odata.nextLink", url)))
    assert cost[1] < 1.2 * cost[0]


def test_a_change_between_two_pages_is_seen(few: Counted) -> None:
    tenant = few.world.tenant
    url = f"{BC}/api/v2.0/companies({tenant.company_id})/customers?$orderby=number&$select=number,displayName"
    second = few.get(url).json()["@odata.nextLink"]
    few.get(second)
    row = tenant.get("Customer", "C10150")
    assert row is not None
    row["Name"] = "Adatum"
    tenant.add_customer("C10150A", "Fabrikam", "Company")
    shown = {each["number"]: each["displayName"] for each in few.get(second).json()["value"]}
    assert (shown["C10150"], shown["C10150A"]) == ("Adatum", "Fabrikam")
    tenant.remove("Customer", row)
    assert "C10150" not in {each["number"] for each in few.get(second).json()["value"]}
