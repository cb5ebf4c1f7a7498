"""Microsoft Entra's token endpoint and discovery document, as far as MSAL's client credentials grant needs them."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from include.sandbox.assertions import KIND, Assertions, Refusal
from include.sandbox.credentials import CLIENT_ID, CLIENT_SECRET, TENANT_ID
from include.sandbox.switches import Switches

SCOPE = "https://api.businesscentral.dynamics.com/.default"


class Directory:
    """The applications of the tenant and the tokens given out."""

    def __init__(self, switches: Switches) -> None:
        self.switches = switches
        self.secrets = {CLIENT_ID: CLIENT_SECRET}
        # Further secrets of the same application.
        self.more_secrets: set[str] = set()
        self.expired_secrets: set[str] = set()
        self.assertions = Assertions()
        self.tokens: dict[str, float] = {}
        self.token_requests = 0

    def issue(self) -> str:
        """A new token."""
        token = f"bc-{secrets.token_urlsafe(24)}"
        self.tokens[token] = time.monotonic() + self.switches.token_lifetime
        return token

    def valid(self, token: str) -> bool:
        """Whether a token was given out and has not ended."""
        return self.tokens.get(token, 0) > time.monotonic()

    def revoke(self) -> None:
        """Make every token given out so far worthless."""
        self.tokens.clear()


class Authority:
    """What the authority answers of its directory."""

    def __init__(self, directory: Directory, base: Callable[[Request], str]) -> None:
        self._directory, self._base = directory, base

    async def discovery(self, request: Request) -> JSONResponse:
        """The discovery document of a tenant."""
        tenant = request.path_params["tenant"]
        if tenant.lower() != TENANT_ID:
            text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
            return _error(400, "invalid_tenant", 90002, text)
        root = f"{self._base(request)}/{tenant}"
        return JSONResponse(
            {
                "issuer": f"{root}/v2.0",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["code"],
                "tenant_region_scope": None,
            }
        )

    async def token(self, request: Request) -> JSONResponse:
        """A token for an application that shows who it is."""
        self._directory.token_requests += 1
        form = dict(parse_qsl((await request.body()).decode()))
        client, scope = form.get("client_id", ""), form.get("scope", "")
        if form.get("grant_type") != "client_credentials":
            return _error(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if client not in self._directory.secrets:
            text = f"Application with identifier '{client}' was not found in the directory."
            return _error(400, "unauthorized_client", 700016, text)
        root = f"{self._base(request)}/{request.path_params['tenant']}"
        if refusal := _not_shown(self._directory, client, form, root):
            return _error(401, "invalid_client", refusal.code, refusal.text)
        if not scope.endswith("/.default"):
            text = (
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
                "with /.default suffixed to the resource identifier (application ID URI)."
            )
            return _error(400, "invalid_scope", 1002012, text)
        if scope != SCOPE:
            text = f"The resource principal named {scope} was not found in the tenant."
            return _error(400, "invalid_resource", 500011, text)
        lifetime = self._directory.switches.token_lifetime
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": lifetime,
                "ext_expires_in": lifetime,
                "access_token": self._directory.issue(),
            }
        )


def routes(directory: Directory, base: Callable[[Request], str]) -> list[Route]:
    """The routes of the authority."""
    authority = Authority(directory, base)
    return [
        Route("/{tenant}/v2.0/.well-known/openid-configuration", authority.discovery),
        Route("/{tenant}/oauth2/v2.0/token", authority.token, methods=["POST"]),
    ]


def _not_shown(directory: Directory, client: str, form: dict[str, str], root: str) -> Refusal | None:
    """Why what the application shows is not taken: its secret, or its assertion."""
    if form.get("client_assertion_type") == KIND and "client_assertion" in form:
        audiences = [f"{root}/oauth2/v2.0/token", f"{root}/v2.0"]
        return directory.assertions.refused(client, form["client_assertion"], audiences)
    if "client_secret" not in form:
        return Refusal(
            7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        )
    if form["client_secret"] in directory.expired_secrets:
        return Refusal(7000222, f"The provided client secret keys for app '{client}' are expired.")
    if form["client_secret"] not in {directory.secrets[client], *directory.more_secrets}:
        return Refusal(
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{client}'.",
        )
    return None


def _error(status: int, error: str, code: int, text: str) -> JSONResponse:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    body: dict[str, Any] = {
        "error": error,
        "error_description": f"AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}",
        "error_codes": [code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return JSONResponse(body, status_code=status)
