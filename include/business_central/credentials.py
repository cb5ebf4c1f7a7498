"""What an application shows Microsoft Entra: a certificate, a token of a federated identity, or a secret; and until when.

They are shown in that order, the second secret last; which of them is filled in is the administrator's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from include.errors import SettingsError
from include.settings import BusinessCentralConnection

# Days before a credential ends from which on it is said.
SOON = 30
_CERTIFICATE = "Connection business_central, extra certificate"
_ASSERTION = "Connection business_central, extra assertion_file"


@dataclass(frozen=True, kw_only=True)
class Credential:
    """One of them: its name in words, the field that holds it, what MSAL takes, and the day on which it ends, if known."""

    name: str
    field: str
    shown: Callable[[], str | dict[str, Any]]
    ends: date | None = None


def credentials_of(connection: BusinessCentralConnection) -> tuple[Credential, ...]:
    """Those that are filled in, in the order in which they are tried. Raises SettingsError for a file that is no
    certificate with its key.
    """
    return tuple(_credentials(connection))


def _credentials(connection: BusinessCentralConnection) -> Iterator[Credential]:
    if connection.certificate:
        password = connection.certificate_password
        shown, ends = _certificate(Path(connection.certificate), password.get_secret_value() if password else None)
        yield Credential(name="certificate", field="extra certificate", shown=lambda: shown, ends=ends)
    if file := connection.assertion_file:
        # MSAL asks each time it needs one: whoever writes the file renews it.
        yield Credential(
            name="federated credential",
            field="extra assertion_file",
            shown=lambda: {"client_assertion": lambda: _assertion(Path(file))},
        )
    secrets = (
        ("client secret", "password", connection.client_secret, connection.credential_ends),
        ("second client secret", "extra secret_2", connection.secret_2, connection.credential_2_ends),
    )
    for name, field, secret, day in secrets:
        if secret:
            yield Credential(name=name, field=field, shown=secret.get_secret_value, ends=day)


def ending(credentials: Iterable[Credential], today: date) -> list[str]:
    """Which credentials end within SOON days, or have ended, each with what to do."""
    return [_said(one, one.ends, today) for one in credentials if one.ends and (one.ends - today).days <= SOON]


def _said(one: Credential, ends: date, today: date) -> str:
    days = (ends - today).days
    when = f"ends in {days} days, on {ends}" if days > 0 else f"ends today, {ends}" if days == 0 else f"ended on {ends}"
    return (
        f"The {one.name} of Business Central {when}. Make a new one under Certificates & Secrets of the app "
        f"registration, and put it into {one.field} of the Connection business_central."
    )


def _certificate(file: Path, password: str | None) -> tuple[dict[str, Any], date]:
    """What MSAL takes of a PEM file, and the day on which the certificate in it ends."""
    try:
        text = file.read_text(encoding="utf-8")
        certificate = x509.load_pem_x509_certificate(text.encode())
        load_pem_private_key(text.encode(), password.encode() if password else None)
    except OSError as error:
        raise SettingsError(_CERTIFICATE, str(file), f"It cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError):
        raise SettingsError(
            _CERTIFICATE,
            str(file),
            "It must be a PEM file with the private key and the certificate, one below the other; a key with a "
            "password needs extra certificate_password.",
        ) from None
    shown = {"private_key": text, "public_certificate": text[text.index("-----BEGIN CERTIFICATE") :]}
    if password:
        shown["passphrase"] = password
    return shown, certificate.not_valid_after_utc.astimezone(UTC).date()


def _assertion(file: Path) -> str:
    """The token that stands in the file now."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(_ASSERTION, str(file), f"It cannot be read: {reason}.") from None


def today() -> date:
    """The day, as Entra counts."""
    return datetime.now(UTC).date()
