"""Tokens from Microsoft Entra by the client credentials grant, through MSAL."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

import msal
import requests

from include.business_central.credentials import Credential, credentials_of, ending, today
from include.errors import ErrorKind, Sent, ServiceError, Signal
from include.settings import BusinessCentralConnection
from include.transport.connections import Session
from include.transport.session import RetryPolicy, retry_after

SYSTEM = "Microsoft Entra"
# The form of the Connection's own type calls it otherwise than Airflow's other forms and commands do.
_SECRET = "Client Secret (the password) of the Connection business_central"
# What to do, by the number of the message: docs/business_central.md, "OAuth and AADSTS messages".
ADVICE = {
    7000215: "The client secret is wrong. Copy the secret's value, not its id, from Certificates & Secrets of the app "
    f"registration into {_SECRET}.",
    7000222: "The client secret has expired. Create a new one under Certificates & Secrets of the app registration and "
    f"put it into {_SECRET}.",
    7000218: f"The client secret is missing. Fill in {_SECRET}.",
    7000216: f"The client secret is missing. Fill in {_SECRET}.",
    700016: "The client id is unknown in this tenant. Copy the Application (client) Id of the app registration into "
    "Client Id (the login) of the Connection business_central, and check extra tenant_id.",
    90002: "The tenant is unknown. Copy the Directory (tenant) Id of the app registration into extra tenant_id of the "
    "Connection business_central.",
    900023: "The tenant id is malformed. Copy the Directory (tenant) Id of the app registration into extra tenant_id.",
    1002012: "The scope must end in /.default. Set extra scope to https://api.businesscentral.dynamics.com/.default.",
    700027: "The certificate is not one of the application's, or has ended. Upload the certificate of the file that "
    "extra certificate of the Connection business_central names under Certificates & Secrets of the app registration.",
    700024: "The assertion is not valid at this time. Check the clock of this machine, and that the file that extra "
    "assertion_file of the Connection business_central names is renewed.",
    **dict.fromkeys(
        (70021, 700211, 700212, 700213),
        "No federated credential of the app registration fits the token in the file that extra assertion_file of the "
        "Connection business_central names: compare its issuer, subject and audience under Certificates & Secrets, "
        "Federated credentials.",
    ),
    70011: "The scope is not valid. Set extra scope to https://api.businesscentral.dynamics.com/.default.",
    500011: "The resource of the scope is not known in this tenant. Set extra scope to "
    "https://api.businesscentral.dynamics.com/.default, and check that Business Central is licensed there.",
}
_TENANT = (
    "Check extra tenant_id (Directory (tenant) Id of the app registration) and extra authority of the Connection "
    "business_central."
)
_GENERAL = (
    "Check Tenant Id, Client Id, Client Secret and Scope in the Connection business_central, and that the permissions "
    "for Dynamics 365 Business Central are granted under API Permissions."
)


# MSAL is asked for the token every so many seconds, and renews it so many before it ends.
_ASKED_EVERY, _RENEWED_BEFORE = 30.0, 300.0
# Refusals of what was shown, that is: another credential of the same application may be taken.
_OF_THE_CREDENTIAL = {7000215, 7000222, 700027, 700024, 70021, 700211, 700212, 700213}
log = logging.getLogger(__name__)
_CODE = re.compile(r"AADSTS(\d+)")
# MSAL logs what it is answered, tokens and all that a proxy repeats of what was sent; what matters of it is said here.
logging.getLogger("msal").setLevel(logging.CRITICAL)


# What Entra calls its own hiccups, beside the statuses (RFC 6749 knows both; AADSTS90033 is "a transient error").
_HICCUPS = ("temporarily_unavailable", "server_error")
_HICCUP_CODES = frozenset({90033, 90024, 90025, 90036, 90055, 50180, 120014})


class _Busy(Signal):
    """The token service is overloaded or down, or another one answers for it; kept from MSAL, which would take it for
    an unknown tenant."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(response.status_code)
        self.status = response.status_code
        self.retry_after = retry_after(response.headers)


class _TokenSession(Session):
    """MSAL sends through this. What is not in Entra's own words never reaches it."""

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().request(method, url, *args, **kwargs)
        if response.status_code in (408, 425, 429) or response.status_code >= 500 or not _is_entras(response):
            raise _Busy(response)
        return response


def _is_entras(response: requests.Response) -> bool:
    """Whether an answer is a token, a discovery document or a refusal, and no hiccup."""
    try:
        answer = response.json()
    except ValueError:
        return False
    if not isinstance(answer, dict):
        return False
    if response.status_code != 200:
        error, codes = answer.get("error"), answer.get("error_codes")
        hiccup = error in _HICCUPS or (isinstance(codes, list) and not _HICCUP_CODES.isdisjoint(map(_whole, codes)))
        return isinstance(error, str) and not hiccup
    if "token_endpoint" in answer:
        return all(isinstance(answer.get(name), str) for name in ("token_endpoint", "authorization_endpoint", "issuer"))
    token = answer.get("access_token")
    return isinstance(token, str) and bool(token.strip()) and _whole(answer.get("expires_in", 0)) is not None


def _whole(value: Any) -> int | None:
    return int(value) if str(value).isascii() and str(value).isdecimal() else None


def _codes(answer: Mapping[str, Any]) -> list[int | None]:
    """The numbers of a refusal."""
    listed = answer.get("error_codes")
    found = _CODE.findall(str(answer.get("error_description") or answer.get("error") or ""))
    return [_whole(code) for code in (*(listed if isinstance(listed, list) else ()), *found)]


class TokenProvider:
    """Gets a token once, again before it ends, and again when the server no longer takes it. Thread-safe."""

    def __init__(self, connection: BusinessCentralConnection, policy: RetryPolicy) -> None:
        self._connection = connection
        self._http = _TokenSession(connection.verify, policy.timeout)
        self._lock = threading.Lock()
        self._credentials: tuple[Credential, ...] = ()
        # Which of them is used, and those before it that were refused, with why.
        self._used = 0
        self._refusals: list[str] = []
        self._app: msal.ConfidentialClientApplication | None = None
        self._current: str | None = None
        self._good_until = 0.0
        self._not_before = 0.0

    def headers(self) -> dict[str, str]:
        """The Authorization header with a valid token. Raises ServiceError with advice."""
        with self._lock:
            if self._current and time.monotonic() < self._good_until:
                return {"Authorization": self._current}
            if (wait := self._not_before - time.monotonic()) > 0:
                raise self._busy(429, wait)
            try:
                answer = self._acquire()
            except _Busy as busy:
                # Every thread is to leave it alone for so long.
                self._not_before = time.monotonic() + (busy.retry_after or 0)
                raise self._busy(busy.status, busy.retry_after) from None
            except OSError as error:  # requests' own exceptions are OSErrors
                raise self._unreachable(error) from None
            except ValueError:
                raise self._misconfigured(f"The scope {self._connection.scope!r} is refused.", ADVICE[70011]) from None
            if not answer or "access_token" not in answer:
                raise self._refused(answer or {})
            self._current = f"Bearer {answer['access_token']}"
            # MSAL renews a token minutes before it ends, but goes through all that it has to say so.
            left = (_whole(answer.get("expires_in", 0)) or 0) - _RENEWED_BEFORE
            self._good_until = time.monotonic() + min(_ASKED_EVERY, left)
            return {"Authorization": self._current}

    def faults(self) -> list[str]:
        """Which credentials were refused although another one was taken, and which end soon; each with what to do.

        Known once a token was asked for.
        """
        with self._lock:
            return [*self._refusals, *ending(self._credentials, today())]

    def _acquire(self) -> dict[str, Any] | None:
        """What Entra answers to the first credential that it takes, else to the first that is there."""
        if not self._credentials:
            self._credentials = credentials_of(self._connection)
        first: dict[str, Any] | None = None
        refused: list[str] = []
        # From the one that was taken last: a token that is renewed asks nothing else.
        for used in range(self._used, len(self._credentials)):
            if used != self._used:
                self._used, self._app = used, None
            answer: dict[str, Any] = self._application().acquire_token_for_client(scopes=[self._connection.scope]) or {}
            if "access_token" in answer:
                self._refusals += refused
                for said in refused:
                    log.warning("%s", said)
                return answer
            first = first or answer
            if not _OF_THE_CREDENTIAL.intersection(_codes(answer)):
                break
            refused.append(self._passed_over(self._credentials[used], answer))
        self._used, self._app = 0, None
        return first

    def _passed_over(self, credential: Credential, answer: Mapping[str, Any]) -> str:
        error = self._refused(answer)
        return (
            f"The {credential.name} ({credential.field} of the Connection business_central) is refused, and the next "
            f"one is used: {error} {error.advice}"
        )

    def renew(self, refused: Mapping[str, str]) -> None:
        """Forget the token of these headers, if it is still the current one; the next call gets a new one."""
        with self._lock:
            if self._app and refused.get("Authorization") == self._current:
                self._app.remove_tokens_for_client()
                self._current = None

    def _application(self) -> msal.ConfidentialClientApplication:
        if self._app is None:
            connection = self._connection
            try:
                self._app = msal.ConfidentialClientApplication(
                    connection.client_id,
                    client_credential=self._credentials[self._used].shown(),
                    authority=f"{connection.authority}/{connection.tenant_id}",
                    # The administrator has named the authority; it needs no second opinion from another host.
                    instance_discovery=False,
                    http_client=self._http,
                )
            except ValueError as error:
                # MSAL raises this from the constructor when the tenant's discovery document is refused.
                found = _CODE.search(str(error))
                raise self._misconfigured(
                    f"The tenant {connection.tenant_id!r} is not known at {connection.authority}.",
                    ADVICE.get(int(found[1]), _TENANT) if found else _TENANT,
                ) from None
        return self._app

    def _refused(self, answer: Mapping[str, Any]) -> ServiceError:
        text = str(answer.get("error_description") or answer.get("error") or "The token was refused.")
        # What follows is trace and correlation ids, on lines of their own or after a blank.
        message = text.splitlines()[0].partition(" Trace ID:")[0]
        for secret in (self._connection.client_secret, self._connection.secret_2):
            if secret:
                message = message.replace(secret.get_secret_value(), "***")
        return ServiceError(
            message,
            system=SYSTEM,
            kind=ErrorKind.unauthorized,
            code=str(answer.get("error") or ""),
            request_id=answer.get("correlation_id"),
            advice=next((ADVICE[code] for code in _codes(answer) if code in ADVICE), _GENERAL),
            sent=Sent.no,
        )

    def _busy(self, status: int, after: float | None) -> ServiceError:
        return ServiceError(
            "No token could be had.",
            system=SYSTEM,
            kind=ErrorKind.throttled if status == 429 else ErrorKind.unavailable,
            status=status,
            retry_after=after,
            advice="It is tried again by itself. If it lasts, check extra authority of the Connection business_central, "
            "and what a proxy or a firewall between here and Microsoft Entra objects to.",
            sent=Sent.no,  # that is, the request that needs the token
        )

    def _unreachable(self, error: OSError) -> ServiceError:
        host = self._connection.authority
        if isinstance(error, requests.RequestException) and not isinstance(
            error, requests.exceptions.SSLError | ValueError
        ):
            return ServiceError(
                f"{host} gave no answer.",
                system=SYSTEM,
                kind=ErrorKind.unavailable,
                advice="It is tried again by itself. If it lasts, check extra authority of the Connection "
                "business_central and the network.",
                sent=Sent.no,
            )
        return self._misconfigured(
            f"No secure connection to {host} could be made.",
            "Check extra authority of the Connection business_central, and name the CA bundle, if one is needed, in "
            "its extra verify.",
        )

    def _misconfigured(self, message: str, advice: str) -> ServiceError:
        return ServiceError(message, system=SYSTEM, kind=ErrorKind.misconfigured, advice=advice, sent=Sent.no)
