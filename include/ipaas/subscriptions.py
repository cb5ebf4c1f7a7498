"""Which of the subscriptions of a company is one of Business Central."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# iPaaS.com itself is in every company's list of subscriptions.
_IPAAS = "1"
# In small letters and digits alone: settings that a subscription of Business Central must have, and a part of the name
# of its integration.
_SETTINGS = frozenset({"environment", "companyname", "tenantid"})
_NAME = "businesscentral"


def is_business_centrals(subscription: Mapping[str, Any], name_of: Callable[[str], str | None]) -> bool:
    """Whether a subscription has the settings of Business Central's, or else is of its integration.

    `name_of` asks for the name of an integration. A subscription of which iPaaS.com says neither is given the benefit
    of the doubt.
    """
    integration = str(subscription.get("integration_id") or "")
    if integration == _IPAAS:
        return False
    settings = subscription.get("settings")
    if isinstance(settings, Mapping) and settings:
        return {_letters(name) for name in settings} >= _SETTINGS
    name = name_of(integration) if integration else None
    return not name or _NAME in _letters(name)


def _letters(name: str) -> str:
    """A name without what people write differently: case, blanks, marks."""
    return "".join(char for char in str(name).casefold() if char.isalnum())
