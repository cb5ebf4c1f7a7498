"""All checks, in the order in which a person would mend what is red: who is meant, then each system, then what is here."""

from __future__ import annotations

from collections.abc import Callable

from include.business_central.client import BusinessCentralClient
from include.ipaas.client import IPaaSClient
from include.preflight.business_central import BusinessCentralChecks
from include.preflight.checks import Line, run
from include.preflight.ipaas import IPaaSChecks
from include.preflight.project import BUSINESS_CENTRAL, IPAAS, Here


def preflight(
    here: Here, business_central: Callable[[], BusinessCentralClient], ipaas: Callable[[], IPaaSClient]
) -> list[Line]:
    """Look at everything. A client is made once its Connection is known to be right."""
    bc = BusinessCentralChecks(connect=business_central, settings=here.settings, events=here.events)
    other = IPaaSChecks(connect=ipaas, settings=here.settings)
    checks = (*here.identity(), *bc.checks(BUSINESS_CENTRAL), *other.checks(IPAAS), *here.surroundings())
    return run(checks)
