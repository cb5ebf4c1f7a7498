"""What the peers share: the two systems, how a customer becomes a company, and what a process of theirs took."""

from __future__ import annotations

import atexit
import json
import os
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter, Retry

TABLE = "customer company"
# As many connections as a task of the project has.
WORKERS = 5
PAGE = 5_000


class Job:
    """Companies of Business Central to iPaaS.com, as the environment says where."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = json.loads(os.environ["PEER"])
        self.folder = Path(self.given["folder"])
        self.ipaas = f"{self.given['url']}/customers/v2"

    @cached_property
    def bc_token(self) -> str:
        """A token of Business Central."""
        form = {"grant_type": "client_credentials", "client_id": self.given["client_id"], **self.given["token"]}
        answer = requests.post(
            f"{self.given['url']}/{self.given['tenant_id']}/oauth2/v2.0/token", data=form, timeout=60
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    @cached_property
    def customers(self) -> str:
        """The address of the customers."""
        root = f"{self.given['url']}/v2.0/{self.given['tenant_id']}/{self.given['environment']}/api/v2.0/companies"
        answer = requests.get(root, headers={"Authorization": f"Bearer {self.bc_token}"}, timeout=60)
        found = next(one for one in answer.json()["value"] if one["name"] == self.given["company_name"])
        return f"{root}({found['id']})"

    @cached_property
    def session(self) -> requests.Session:
        """A session of iPaaS.com, which waits and repeats as requests can: what is refused for now, and whatever may be."""
        sso, session = f"{self.given['url']}/sso/v2", requests.Session()
        retry = Retry(8, backoff_factor=1, status_forcelist=(429, 503), allowed_methods=None, other=0, read=0)
        session.mount("http://", HTTPAdapter(pool_maxsize=WORKERS, max_retries=retry))
        login = {"email_address": self.given["email"], "password": self.given["password"]}
        user = session.post(f"{sso}/Auth/Login", json=login, timeout=60).json()["access_token"]
        bearer = {"Authorization": f"Bearer {user}"}
        company = session.get(f"{sso}/User/ChangeCompany/{self.given['company_id']}", headers=bearer, timeout=60).json()
        session.headers["Authorization"] = f"Bearer {company['access_token']}"
        return session

    def company(self, row: dict[str, Any]) -> dict[str, Any]:
        """What iPaaS.com has of a customer, linked to it from the first."""
        address = {
            "address_1": row["addressLine1"],
            "city": row["city"],
            "region": row["state"],
            "postal_code": row["postalCode"],
            "country": row["country"],
            "external_ids": [{"system_id": self.given["system_id"], "external_id": f"{row['number']}|billing"}],
        }
        return {
            "name": row["displayName"],
            "email_address": row["email"],
            "phone_number": row["phoneNumber"],
            "url": row["website"],
            "addresses": [address],
            "external_ids": [{"system_id": self.given["system_id"], "external_id": row["number"]}],
        }

    def make(self, row: dict[str, Any]) -> int:
        """Make a company that is new; its id."""
        answer = self.session.post(f"{self.ipaas}/Customer/Company", json=self.company(row), timeout=60)
        answer.raise_for_status()
        return int(answer.json()["id"])

    def change(self, internal_id: int, row: dict[str, Any]) -> None:
        """Change one that is there."""
        url = f"{self.ipaas}/Customer/Company/{internal_id}"
        self.session.put(url, json=self.company(row), timeout=60).raise_for_status()

    def find(self, number: str) -> int | None:
        """The id of the company that is linked to a customer."""
        url = f"{self.ipaas}/External/LookupSpaceport/{self.given['system_id']}/{TABLE}/{number}"
        answer = self.session.get(url, timeout=60)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return int(answer.json())

    def merge(self, row: dict[str, Any]) -> None:
        """Look for a company, and change it or make it."""
        internal_id = self.find(row["number"])
        if internal_id is None:
            self.make(row)
        else:
            self.change(internal_id, row)


def metered() -> None:
    """At the end of this process, add what it took to what its run took: seconds of CPU from now on, and its memory."""
    began = time.process_time()
    folder = Path(json.loads(os.environ["PEER"])["folder"])

    def tell() -> None:
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
        took = {"cpu": time.process_time() - began, "megabytes": peak}
        (folder / f"took-{os.getpid()}.json").write_text(json.dumps(took))

    atexit.register(tell)
