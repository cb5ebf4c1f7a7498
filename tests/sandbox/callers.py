"""Plain HTTP calls of the sandbox, as a stranger would make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests
import simplejson

from include.sandbox import Sandbox
from include.sandbox.ipaas.types import TYPES


@dataclass
class Reply:
    """What came back."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        """The code of an error answer of either system."""
        return str(self.body.get("code") or self.body["error"]["code"])

    @property
    def text(self) -> str:
        """The text of an error answer of either system, without Business Central's correlation id."""
        found = self.body.get("message") or self.body["error"]["message"]
        return str(found).partition("  CorrelationId:")[0]


class Caller:
    """A session with one of the two systems."""

    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Make a call; the names of headers are written with `_` for `-`."""
        response = self.raw(method, path, body, **headers)
        found = simplejson.loads(response.text, use_decimal=True) if response.text.startswith(("{", "[", '"')) else {}
        return Reply(response.status_code, found, response.headers)

    def raw(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Make a call, and answer what came as it came."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else simplejson.dumps(body, use_decimal=True)
        return self._session.request(method, f"{self.base}/{path}", data=data, headers=sent, timeout=30)

    def get(self, path: str, **headers: str) -> Reply:
        """Read."""
        return self.call("GET", path, **headers)

    def text(self, path: str) -> str:
        """Read what is not JSON."""
        return self._session.get(f"{self.base}/{path}", timeout=30).text

    def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        """Create, or act."""
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any) -> Reply:
        """Change a record of iPaaS.com."""
        return self.call("PUT", path, body)


class IPaaS(Caller):
    """iPaaS.com, by record types."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.url, sandbox.ipaas.company_token(sandbox.IPAAS_COMPANY_ID)[0])

    def create(self, type_name: str, **body: Any) -> Reply:
        """POST a record."""
        kind = TYPES[type_name]
        return self.post(f"{kind.family}/{kind.path}", body)

    def change(self, type_name: str, record: Any, **body: Any) -> Reply:
        """PUT a record."""
        kind = TYPES[type_name]
        return self.put(f"{kind.family}/{kind.path}/{record['id']}", body)

    def read(self, type_name: str, record: Any) -> Reply:
        """GET a record."""
        kind = TYPES[type_name]
        return self.get(f"{kind.family}/{kind.path}/{record['id']}")


class BusinessCentral(Caller):
    """Business Central, by surfaces."""

    def __init__(self, sandbox: Sandbox) -> None:
        base = f"{sandbox.url}/v2.0/{sandbox.TENANT_ID}/{sandbox.ENVIRONMENT}"
        super().__init__(base, sandbox.directory.issue())
        self.pages = f"ODataV4/Company(Id={sandbox.bc.company_id})"
        self.api = f"api/v2.0/companies({sandbox.bc.company_id})"

    def page(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Call a page service; a change goes with `If-Match: *` unless another is given."""
        return self.call(method, f"{self.pages}/{path}", body, **self._tagged(method, headers))

    def entity(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Call an entity of API v2.0; a change goes with `If-Match: *` unless another is given."""
        return self.call(method, f"{self.api}/{path}", body, **self._tagged(method, headers))

    @staticmethod
    def _tagged(method: str, headers: dict[str, str]) -> dict[str, str]:
        return {"If_Match": "*", **headers} if method in ("PATCH", "PUT") else headers
