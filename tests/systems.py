"""The two systems that the sandbox stands for, as the ledger names them."""

from __future__ import annotations

from include.sandbox import Sandbox
from include.sync.runs import Pair

PAIR = Pair(
    tenant_id=Sandbox.TENANT_ID,
    environment=Sandbox.ENVIRONMENT,
    company_name=Sandbox.COMPANY_NAME,
    ipaas_company_id=Sandbox.IPAAS_COMPANY_ID,
    system_id=Sandbox.SYSTEM_ID,
)
