"""Certificates, federated credentials and second secrets: each verified as Microsoft Entra does, and said before it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from include.business_central import connection_check
from include.business_central.auth import ADVICE
from include.business_central.client import BusinessCentralClient
from include.business_central.credentials import credentials_of, ending
from include.errors import ErrorKind, ServiceError, SettingsError
from include.sandbox.assertions import EXCHANGE, Federated
from include.sandbox.server import Sandbox
from include.settings import BusinessCentralConnection

Connect = Callable[..., BusinessCentralClient]
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ISSUER, SUBJECT = "https://cluster.example.com", "system:serviceaccount:sync:airflow"


def certificate(days: int = 365, key: rsa.RSAPrivateKey = KEY) -> x509.Certificate:
    """A certificate that ends in so many days."""
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sync")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=400))
    return builder.not_valid_after(now + timedelta(days=days)).sign(key, SHA256())


def pem(folder: Path, one: x509.Certificate, key: rsa.RSAPrivateKey = KEY, password: str = "") -> str:
    """The file that an administrator makes of it."""
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption) + one.public_bytes(Encoding.PEM)
    file = folder / "application.pem"
    file.write_bytes(text)
    return str(file)


def token(folder: Path, key: rsa.RSAPrivateKey = KEY, **claims: Any) -> str:
    """The file that a cluster writes for a workload."""
    now = int(time.time())
    standing = {"iss": ISSUER, "sub": SUBJECT, "aud": EXCHANGE, "iat": now, "exp": now + 3600, **claims}
    file = folder / "token"
    file.write_text(jwt.encode(standing, key, algorithm="RS256") + "\n")
    return str(file)


@pytest.mark.parametrize("password", ["", "geheim-geheim"])
def test_a_certificate_takes_the_place_of_the_secret(
    connect: Connect, sandbox: Sandbox, tmp_path: Path, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    one = certificate()
    sandbox.directory.assertions.certificates.append(one)
    bc = connect(password="", certificate=pem(tmp_path, one, password=password), certificate_password=password)
    ok, said = connection_check.check(bc)
    assert ok, said
    assert "geheim" not in caplog.text + said
    assert "PRIVATE KEY" not in caplog.text + said + repr(vars(bc)["_connection"])


def test_entra_takes_no_other_certificate(connect: Connect, sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ServiceError) as unknown:
        connect(password="", certificate=pem(tmp_path, certificate())).sign_in()
    assert unknown.value.kind is ErrorKind.unauthorized
    assert "Upload the certificate" in unknown.value.advice
    ended = certificate(days=-1)
    sandbox.directory.assertions.certificates.append(ended)
    with pytest.raises(ServiceError, match="expired"):
        connect(password="", certificate=pem(tmp_path, ended)).sign_in()
    # The thumbprint is that of an uploaded one, and the key another.
    mine = certificate()
    sandbox.directory.assertions.certificates.append(mine)
    with pytest.raises(ServiceError, match="signature validation"):
        connect(password="", certificate=pem(tmp_path, mine, OTHER_KEY)).sign_in()


def test_an_assertion_for_another_place_or_time_is_not_taken(sandbox: Sandbox) -> None:
    assertions, client = sandbox.directory.assertions, sandbox.CLIENT_ID
    one = certificate()
    assertions.certificates.append(one)
    headers = {"x5t#S256": _thumbprint(one)}
    now = int(time.time())
    right = {"iss": client, "sub": client, "aud": "here", "exp": now + 600, "nbf": now}

    def refused(**claims: Any) -> int | None:
        shown = jwt.encode({**right, **claims}, KEY, algorithm="PS256", headers=headers)
        found = assertions.refused(client, shown, ["here"])
        return found.code if found else None

    assert refused() is None
    assert refused(aud="elsewhere") == 700023
    assert refused(exp=now - 900) == 700024
    assert refused(nbf=now + 900) == 700024
    assert refused(sub="another") == 700027
    assert refused(iss="another") == 700211


def _thumbprint(one: x509.Certificate) -> str:
    from jwt.utils import base64url_encode

    return base64url_encode(one.fingerprint(SHA256())).decode()


def test_a_federated_credential_is_read_from_its_file_each_time(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.directory.assertions.federated.append(Federated(issuer=ISSUER, subject=SUBJECT, key=KEY.public_key()))
    bc = connect(password="", assertion_file=token(tmp_path))
    bc.sign_in()
    # The next token is asked for with what stands there then.
    sandbox.directory.revoke()
    token(tmp_path, exp=int(time.time()) - 900)
    with pytest.raises(ServiceError) as late:
        preflight_company(bc)
    assert "file that extra assertion_file" in late.value.advice
    token(tmp_path)
    assert preflight_company(bc) == sandbox.COMPANY_NAME


def preflight_company(bc: BusinessCentralClient) -> str:
    """Something that is asked of the service itself, each time."""
    from include.business_central.odata import Api

    next(iter(bc.read(Api("customers"), page_size=1)))
    return bc.company_name


@pytest.mark.parametrize(
    ("claims", "key", "number"),
    [
        ({"iss": "https://elsewhere"}, KEY, "AADSTS700211"),
        ({"sub": "another"}, KEY, "AADSTS700213"),
        ({"aud": "another"}, KEY, "AADSTS700212"),
        ({}, OTHER_KEY, "AADSTS50013"),
    ],
)
def test_a_federated_credential_has_to_fit(
    connect: Connect, sandbox: Sandbox, tmp_path: Path, claims: dict[str, Any], key: Any, number: str
) -> None:
    sandbox.directory.assertions.federated.append(Federated(issuer=ISSUER, subject=SUBJECT, key=KEY.public_key()))
    with pytest.raises(ServiceError, match=number):
        connect(password="", assertion_file=token(tmp_path, key, **claims)).sign_in()


@pytest.mark.parametrize("expired", [True, False])
def test_the_second_secret_takes_over_and_it_is_said(
    connect: Connect, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, expired: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.directory.more_secrets.add("second-secret")
    if expired:
        sandbox.directory.expired_secrets.add(sandbox.CLIENT_SECRET)
    bc = connect(password=sandbox.CLIENT_SECRET if expired else "wr0ng-secret", secret_2="second-secret")
    ok, said = connection_check.check(bc)
    assert ok, said
    told = "The client secret (password of the Connection business_central) is refused, and the next one is used"
    assert told in said
    assert told in caplog.text
    # It goes on with the one that was taken.
    before = sandbox.directory.token_requests
    sandbox.directory.revoke()
    preflight_company(bc)
    assert sandbox.directory.token_requests == before + 1
    for secret in (sandbox.CLIENT_SECRET, "wr0ng-secret", "second-secret"):
        assert secret not in said + caplog.text


def test_what_no_other_secret_would_mend_is_said_at_once(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.directory.more_secrets.add("second-secret")
    bc = connect(login="00000000-1111-2222-3333-444444444444", secret_2="second-secret")
    with pytest.raises(ServiceError, match="AADSTS700016"):
        bc.sign_in()
    assert sandbox.directory.token_requests == 1


def test_where_all_are_refused_the_first_is_what_is_told(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.directory.expired_secrets.add(sandbox.CLIENT_SECRET)
    bc = connect(secret_2="wr0ng-secret")
    for _ in range(2):
        with pytest.raises(ServiceError) as refused:
            bc.sign_in()
        assert "has expired" in refused.value.advice


def connection(**extra: Any) -> BusinessCentralConnection:
    """A Connection with these extras and a secret."""
    standing = {"tenant_id": "t", "environment": "e", "company_name": "c", **extra}
    return BusinessCentralConnection.from_parts("https://bc", "id", "secret", standing)


def test_thirty_days_before_a_credential_ends_it_is_said(tmp_path: Path) -> None:
    today = date(2027, 1, 1)
    assert ending(credentials_of(connection(credential_ends="2027-02-01")), today) == []
    assert ending(credentials_of(connection()), today) == []
    (said,) = ending(credentials_of(connection(credential_ends="2027-01-31")), today)
    assert said.startswith("The client secret of Business Central ends in 30 days, on 2027-01-31. Make a new one")
    (said,) = ending(credentials_of(connection(secret_2="x", credential_2_ends="2026-12-31")), today)
    assert said.startswith("The second client secret of Business Central ended on 2026-12-31.")
    file = pem(tmp_path, certificate(days=10))
    (said,) = ending(credentials_of(connection(certificate=file)), datetime.now(UTC).date())
    assert said.startswith("The certificate of Business Central ends in 10 days")


def test_what_is_no_certificate_or_day_is_refused_by_its_field(connect: Connect, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="extra credential_ends is 'soon'"):
        connection(credential_ends="soon")
    file = tmp_path / "key.pem"
    file.write_text("no certificate")
    for path, words in ((file, "must be a PEM file"), (tmp_path / "none.pem", "No such file")):
        with pytest.raises(SettingsError, match=words):
            connect(password="", certificate=str(path)).sign_in()
    with pytest.raises(SettingsError, match=r"password \(Client Secret\)"):
        connect(password="", secret_2="x")
    with pytest.raises(SettingsError, match="assertion_file"):
        connect(password="", assertion_file=str(tmp_path / "none")).sign_in()


@pytest.mark.parametrize("code", [7000215, 7000222, 7000218, 7000216])
def test_where_a_secret_goes_is_named_as_the_form_of_the_connection_and_as_airflow_call_it(code: int) -> None:
    assert "Client Secret (the password) of the Connection business_central" in ADVICE[code]
