"""Who asks: the identity behind a connection. Only client certificates of our own authority name anybody yet."""

from collections.abc import Mapping
from typing import Any

from petset.apiserver.request import Identity

AUTHENTICATED = "system:authenticated"


def from_certificate(certificate: Mapping[str, Any] | None) -> Identity | None:
    """The user (common name) and groups (organizations) of a verified certificate; None without one.

    `certificate` is what `ssl` gives as `peercert`.
    """
    if not certificate:
        return None
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    groups = [value for key, value in subject if key == "organizationName"]
    return Identity(names[0], (*groups, AUTHENTICATED)) if names else None
