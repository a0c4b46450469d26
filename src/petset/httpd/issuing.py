"""Makes certificates. Imported only when one has to be made: the library costs a start 0.1 s."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from petset.aio.files import write_durably
from petset.httpd.certificates import ADMIN_GROUP, ADMIN_NAME, AUTHORITY_LIFE, BACKDATE, LIFE, KeyPair


@dataclass(frozen=True, slots=True)
class _Request:
    subject: x509.Name
    usage: x509.ObjectIdentifier
    names: tuple[x509.GeneralName, ...] = ()


def make_authority(pair: KeyPair, now: datetime) -> None:
    """A new authority, which signs itself."""
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


def issue_server(authority: KeyPair, pair: KeyPair, hosts: Iterable[str], now: datetime) -> None:
    """The server's certificate for these names and addresses."""
    names = tuple(_general_name(host) for host in hosts)
    _issue(authority, pair, _Request(_name("kube-apiserver"), ExtendedKeyUsageOID.SERVER_AUTH, names), now)


def issue_admin(authority: KeyPair, pair: KeyPair, now: datetime) -> None:
    """The administrator's certificate."""
    _issue(authority, pair, _Request(_name(ADMIN_NAME, ADMIN_GROUP), ExtendedKeyUsageOID.CLIENT_AUTH), now)


def _load(pair: KeyPair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = serialization.load_pem_private_key(pair.key.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{pair.key} holds no elliptic-curve key")
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes()), key


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


def _issue(authority: KeyPair, pair: KeyPair, request: _Request, now: datetime) -> None:
    issuer, issuer_key = _load(authority)
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
    write_durably(pair.key, text)
    write_durably(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
