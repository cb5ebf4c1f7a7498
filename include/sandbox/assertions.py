"""Client assertions as Microsoft Entra verifies them: signed with an uploaded certificate, or by a federated issuer."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EXCHANGE = "api://AzureADTokenExchange"
# Seconds that clocks may differ by.
_LEEWAY = 300


@dataclass(frozen=True)
class Refusal:
    """The number and the words of a refusal."""

    code: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Federated:
    """A federated credential of an application: whose tokens stand for it."""

    issuer: str
    subject: str
    key: RSAPublicKey
    audience: str = EXCHANGE


@dataclass
class Assertions:
    """What the tenant's application may show in place of a secret."""

    certificates: list[x509.Certificate] = field(default_factory=list)
    federated: list[Federated] = field(default_factory=list)

    def refused(self, client: str, assertion: str, audiences: list[str]) -> Refusal | None:
        """Why an assertion is not taken; None when it is."""
        try:
            header = jwt.get_unverified_header(assertion)
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError:
            return Refusal(50027, "JWT token is invalid or malformed.")
        if claims.get("iss") != client:
            return self._of_another_issuer(assertion, claims)
        return self._signed(client, assertion, header, audiences)

    def _signed(self, client: str, assertion: str, header: dict[str, Any], audiences: list[str]) -> Refusal | None:
        found = next((one for one in self.certificates if _shown_by(header, one)), None)
        if found is None:
            return Refusal(
                700027,
                "The certificate with identifier used to sign the client assertion is not registered on application. "
                f"[Reason - The key was not found., Client app ID: {client}.]",
            )
        if found.not_valid_after_utc < datetime.now(UTC):
            return Refusal(
                700027,
                "The certificate with identifier used to sign the client assertion is expired on application. "
                f"[Reason - The key used is expired., Client app ID: {client}.]",
            )
        return _checked(assertion, found.public_key(), audiences, client, failed=700027)

    def _of_another_issuer(self, assertion: str, claims: dict[str, Any]) -> Refusal | None:
        issuers = [one for one in self.federated if one.issuer == claims.get("iss")]
        if not issuers:
            return Refusal(
                700211,
                "No matching federated identity record found for presented assertion issuer "
                f"'{claims.get('iss')}'. Check your federated identity credential Subject, Audience and Issuer.",
            )
        found = next((one for one in issuers if one.subject == claims.get("sub")), None)
        if found is None:
            return Refusal(
                700213,
                "No matching federated identity record found for presented assertion subject "
                f"'{claims.get('sub')}'. Check your federated identity credential Subject, Audience and Issuer.",
            )
        if claims.get("aud") != found.audience:
            return Refusal(
                700212,
                "No matching federated identity record found for presented assertion audience "
                f"'{claims.get('aud')}'. Check your federated identity credential Subject, Audience and Issuer.",
            )
        return _checked(assertion, found.key, [found.audience], found.subject, failed=50013)


def _shown_by(header: dict[str, Any], certificate: x509.Certificate) -> bool:
    """Whether the header names this certificate by one of its thumbprints."""
    prints = {"x5t#S256": _print(certificate, SHA256()), "x5t": _print(certificate, SHA1())}
    # Some libraries leave the padding of base64 there.
    return any(str(header.get(name, "")).rstrip("=") == found for name, found in prints.items())


def _print(certificate: x509.Certificate, algorithm: HashAlgorithm) -> str:
    return base64.urlsafe_b64encode(certificate.fingerprint(algorithm)).rstrip(b"=").decode()


def _checked(assertion: str, key: Any, audiences: list[str], subject: str, *, failed: int) -> Refusal | None:
    try:
        jwt.decode(
            assertion,
            key,
            algorithms=["RS256", "PS256"],
            audience=audiences,
            subject=subject,
            leeway=_LEEWAY,
            options={"require": ["exp", "iss", "sub", "aud"]},
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
        return Refusal(700024, "Client assertion is not within its valid time range.")
    except jwt.InvalidAudienceError:
        return Refusal(700023, "Client assertion audience claim does not match Realm issuer.")
    except jwt.PyJWTError:
        return Refusal(failed, "Client assertion failed signature validation.")
    return None
