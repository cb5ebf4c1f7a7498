"""Every Variable and every Connection field, typed and validated, in one place."""

from __future__ import annotations

from include.errors import SettingsError
from include.settings.base import truth
from include.settings.connections import BusinessCentralConnection, IPaaSConnection
from include.settings.variables import (
    IPAAS_OPERATIONS,
    IPAAS_RECORDS,
    SERVICES,
    ApproveAbove,
    CreateDefaults,
    CustomField,
    PartyDefaults,
    SyncSettings,
)

__all__ = [
    "IPAAS_OPERATIONS",
    "IPAAS_RECORDS",
    "SERVICES",
    "ApproveAbove",
    "BusinessCentralConnection",
    "CreateDefaults",
    "CustomField",
    "IPaaSConnection",
    "PartyDefaults",
    "SettingsError",
    "SyncSettings",
    "truth",
]
