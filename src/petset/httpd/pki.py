"""The certificates of one petset: an authority of its own, the server's certificate, and the administrator's.

They live in one directory, keys with mode 0600, and are made once; the server's is made anew when it does not cover the
addresses that it is to serve, or runs out. Nothing else trusts this authority.
"""

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
BACKDATE = timedelta(minutes=5)
"""Certificates begin a little in the past, for clients whose clock is behind."""

ADMIN_NAME = "kubernetes-admin"
ADMIN_GROUP = "system:masters"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key, as files in PEM form."""

    certificate: Path
    key: Path

    @property
    def exists(self) -> bool:
        """Whether both files are there."""
        return self.certificate.exists() and self.key.exists()

    def load(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """Reads both. Raises ValueError or TypeError when a file is not what its name says."""
        key = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self.key} holds no elliptic-curve key")
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()), key


@dataclass(frozen=True, slots=True)
class Certificates:
    """Everything TLS needs: who signs, who serves, who administers."""

    authority: KeyPair
    server: KeyPair
    admin: KeyPair


def ensure_certificates(directory: Path, hosts: Iterable[str], now: datetime) -> Certificates:
    """The certificates in `directory`, made or renewed where needed. `hosts` are the server's names and addresses."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = Certificates(*(_pair(directory, name) for name in ("ca", "apiserver", "admin")))
    if not found.authority.exists:
        _make_authority(found.authority, now)
    wanted = sorted(set(hosts))
    if not found.server.exists or not _serves(found.server, wanted, now):
        _issue(found.authority, found.server, _server_request(wanted), now)
    if not found.admin.exists or _runs_out(found.admin, now):
        _issue(found.authority, found.admin, _admin_request(), now)
    return found


def _pair(directory: Path, name: str) -> KeyPair:
    return KeyPair(directory / f"{name}.crt", directory / f"{name}.key")


@dataclass(frozen=True, slots=True)
class _Request:
    subject: x509.Name
    usage: x509.ObjectIdentifier
    names: tuple[x509.GeneralName, ...] = ()


def _name(common_name: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _server_request(hosts: Iterable[str]) -> _Request:
    names = tuple(_general_name(host) for host in hosts)
    return _Request(_name("kube-apiserver"), ExtendedKeyUsageOID.SERVER_AUTH, names)


def _admin_request() -> _Request:
    return _Request(_name(ADMIN_NAME, ADMIN_GROUP), ExtendedKeyUsageOID.CLIENT_AUTH)


def _runs_out(pair: KeyPair, now: datetime) -> bool:
    certificate, _ = pair.load()
    return certificate.not_valid_after_utc - RENEW_BEFORE < now


def _serves(pair: KeyPair, hosts: Iterable[str], now: datetime) -> bool:
    if _runs_out(pair, now):
        return False
    certificate, _ = pair.load()
    covered = set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    return {_general_name(host) for host in hosts} <= covered


def _make_authority(pair: KeyPair, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("petset")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder(name, name, key, now, AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    _write(pair, builder.sign(key, hashes.SHA256()), key)


def _issue(authority: KeyPair, pair: KeyPair, request: _Request, now: datetime) -> None:
    issuer, issuer_key = authority.load()
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(request.subject, issuer.subject, key, now, LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([request.usage]), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    if request.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(request.names), critical=False)
    _write(pair, builder.sign(issuer_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + life)
    )


def _write(pair: KeyPair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """The key first, whole files only: a crash in between leaves a pair that is made again."""
    pair.certificate.unlink(missing_ok=True)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _replace(pair.key, text, 0o600)
    _replace(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _replace(path: Path, text: bytes, mode: int) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
    new.replace(path)
