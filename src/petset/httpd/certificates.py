"""Which certificates there are, where, whose and for how long."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class Certificates:
    """Everything TLS needs: who signs, who serves, who administers."""

    authority: KeyPair
    server: KeyPair
    admin: KeyPair
