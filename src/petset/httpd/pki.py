"""The certificates of one petset: an authority of its own, the server's certificate, and the administrator's.

They live in one directory, keys with mode 0600, and are made once; the server's is made anew when it does not cover the
names that it is to serve, or runs out. Nothing else trusts this authority. A file beside them says what they cover, so
that a start has to read no certificate.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from petset.aio.files import write_durably
from petset.httpd.certificates import LIFE, RENEW_BEFORE, Certificates, KeyPair


class _Issued(msgspec.Struct):
    """What the present certificates are good for. Without this file nothing is trusted to be good."""

    hosts: list[str] = []
    renew: datetime | None = None


def ensure_certificates(directory: Path, hosts: Iterable[str], now: datetime) -> Certificates:
    """The certificates in `directory`, made or renewed where needed. `hosts` are the server's names and addresses."""
    found = Certificates(*(_pair(directory, name) for name in ("ca", "apiserver", "admin")))
    wanted = sorted(set(hosts))
    issued = _read(directory / "issued.json")
    valid = issued.renew is not None and now < issued.renew and set(wanted) <= set(issued.hosts)
    if not valid or not (found.authority.exists and found.server.exists and found.admin.exists):
        _make(directory, found, wanted, now)
    return found


def _make(directory: Path, wanted: Certificates, hosts: list[str], now: datetime) -> None:
    from petset.httpd import issuing  # noqa: PLC0415 - see there

    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    note = directory / "issued.json"
    note.unlink(missing_ok=True)
    if not wanted.authority.exists:
        issuing.make_authority(wanted.authority, now)
    issuing.issue_server(wanted.authority, wanted.server, hosts, now)
    issuing.issue_admin(wanted.authority, wanted.admin, now)
    write_durably(note, msgspec.json.encode(_Issued(hosts, now + LIFE - RENEW_BEFORE)), 0o644)


def _pair(directory: Path, name: str) -> KeyPair:
    return KeyPair(directory / f"{name}.crt", directory / f"{name}.key")


def _read(path: Path) -> _Issued:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Issued)
    except (FileNotFoundError, msgspec.DecodeError):
        return _Issued()
