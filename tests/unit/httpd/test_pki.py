"""The certificates of one petset."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from petset.httpd.authentication import from_certificate
from petset.httpd.certificates import LIFE
from petset.httpd.pki import ensure_certificates

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_keys_are_private_and_everything_is_kept(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path / "pki", ["localhost"], NOW)
    before = {path.name: path.read_bytes() for path in (tmp_path / "pki").iterdir()}
    ensure_certificates(tmp_path / "pki", ["localhost"], NOW)
    assert {path.name: path.read_bytes() for path in (tmp_path / "pki").iterdir()} == before
    assert [pair.key.stat().st_mode & 0o777 for pair in (first.authority, first.server, first.admin)] == [0o600] * 3


@pytest.mark.parametrize(
    ("hosts", "later", "renewed"),
    [
        (["localhost"], timedelta(0), False),
        (["localhost", "10.96.0.1"], timedelta(0), True),
        (["localhost"], LIFE - timedelta(days=29), True),
        (["localhost"], LIFE - timedelta(days=31), False),
    ],
)
def test_the_servers_certificate_is_made_anew_when_it_does_not_serve(
    tmp_path: Path, hosts: list[str], later: timedelta, *, renewed: bool
) -> None:
    first = ensure_certificates(tmp_path, ["localhost"], NOW).server.certificate.read_bytes()
    second = ensure_certificates(tmp_path, hosts, NOW + later).server.certificate.read_bytes()
    assert (first != second) is renewed


def test_a_pair_without_its_certificate_is_made_again(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path, ["localhost"], NOW)
    made.server.certificate.unlink()
    ensure_certificates(tmp_path, ["localhost"], NOW)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server.certificate, made.server.key)


def test_common_name_and_organizations_are_user_and_groups() -> None:
    subject = ((("organizationName", "system:masters"),), (("commonName", "kubernetes-admin"),))
    identity = from_certificate({"subject": subject}, b"der")
    assert identity is not None
    assert (identity.name, identity.groups) == ("kubernetes-admin", ("system:masters", "system:authenticated"))
    [shown] = identity.extra["authentication.kubernetes.io/credential-id"]
    assert shown == f"X509SHA256={hashlib.sha256(b'der').hexdigest()}"
    assert from_certificate(None, b"") is None
    assert from_certificate({}, b"") is None
