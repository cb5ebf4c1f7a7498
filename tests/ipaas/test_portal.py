"""Where a person sees a record in iPaaS.com's portal."""

from __future__ import annotations

import pytest

from include.ipaas.portal import Portal

PORTAL = Portal(url="https://portal.ipaas.com")


@pytest.mark.parametrize("host", ["https://api.ipaas.com", "api.ipaas.com", "https://API.ipaas.com:443/"])
def test_the_platforms_own_service_has_a_known_portal(host: str) -> None:
    assert Portal.of(host) == PORTAL


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "https://localhost:7443",
        "https://[",
        "https://stagingapi.ipaas.com",
        "https://api.ipaas.com.example.com",
    ],
)
def test_of_other_hosts_nothing_is_guessed(host: str | None) -> None:
    assert Portal.of(host) is None


def test_a_record_that_is_there_is_looked_for_in_the_portal() -> None:
    assert PORTAL.address(17542) == PORTAL.address("17542") == "https://portal.ipaas.com"


@pytest.mark.parametrize("internal_id", [None, ""])
def test_what_is_not_there_is_nowhere(internal_id: str | None) -> None:
    assert PORTAL.address(internal_id) is None
