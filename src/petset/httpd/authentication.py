"""Who asks: the identity behind a request, by its client certificate, else by its bearer token, else nobody known."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from petset.api.errors import Unauthorized
from petset.apiserver.request import Identity

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = Identity("system:anonymous", (UNAUTHENTICATED,))

TokenAuthenticator = Callable[[str], Identity | None]
"""Who a bearer token stands for, with all groups; None for a token that is not, or no longer, valid."""


def knows_no_token(_: str) -> None:
    """The `TokenAuthenticator` of a server that issues none."""


def authenticate(request: web.BaseRequest, tokens: TokenAuthenticator) -> Identity:
    """Who is at the other end; ANONYMOUS without credentials. Raises Unauthorized for a token that is not valid."""
    transport = request.transport
    identity = from_certificate(transport.get_extra_info("peercert") if transport is not None else None)
    if identity is not None:
        return identity
    token = bearer_token(request.headers.get("Authorization", ""))
    if not token:
        return ANONYMOUS
    identity = tokens(token)
    if identity is None:
        raise Unauthorized("Unauthorized")
    return identity


def bearer_token(header: str) -> str:
    """The token of an Authorization header; "" when it has none."""
    scheme, _, token = header.strip().partition(" ")
    return token.partition(" ")[0] if scheme.lower() == "bearer" else ""


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
