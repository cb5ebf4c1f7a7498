"""The subscriptions of the company: Business Central's, those of other systems, and iPaaS.com itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from include.sandbox import credentials

# Integrations by id; 1 is iPaaS.com itself.
INTEGRATIONS = {1: "iPaaS.com", 40: "Microsoft Dynamics 365 Business Central", 23: "WooCommerce", 31: "Shopify"}


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """One system that the company has connected. `settings` are what was entered on its settings page."""

    name: str
    integration: int
    settings: dict[str, str] = field(default_factory=dict)

    def shown(self, identifier: int) -> dict[str, Any]:
        """As its own address answers it."""
        return {
            "id": identifier,
            "integration_id": self.integration,
            "integration_version_id": f"{self.integration}|1.4",
            "name": self.name,
            "webhook_api_key": credentials.WEBHOOK_API_KEY if self.integration == 40 else None,
            "tracking_guid": "00000000-0000-0000-0000-000000000000",
            "settings": self.settings,
            "persistent_data": None,
        }

    def listed(self, identifier: int) -> dict[str, Any]:
        """As the list of all has it."""
        return {
            "id": identifier,
            "type": self.integration,
            "name": self.name,
            "description": None,
            "value": None,
            "attached_items_count": 0,
            "image_url": None,
        }


SUBSCRIPTIONS = {
    credentials.SYSTEM_ID: Subscription(
        name="Dynamics365_Integration",
        integration=40,
        settings={
            "API Url": "https://api.businesscentral.dynamics.com",
            "Environment": credentials.ENVIRONMENT,
            "Company Name": credentials.COMPANY_NAME,
            "Tenant Id": credentials.TENANT_ID,
            "Client Id": credentials.CLIENT_ID,
            "Grant Type": "client_credentials",
            "Transaction Poll Search Days": "5",
        },
    ),
    credentials.OTHER_SYSTEM_ID: Subscription(
        name="Web shop",
        integration=23,
        settings={"API Url": "https://shop.example.com/wp-json", "Consumer Key": "ck", "Order Status": "processing"},
    ),
    4713: Subscription(name="Marketplace", integration=31),
    1: Subscription(name="iPaaS.com", integration=1),
}
