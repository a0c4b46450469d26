"""Who asks: the identity behind a request, by its client certificate, else by its bearer token, else nobody known."""

import hashlib
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp import web

from petset.api.errors import Unauthorized
from petset.apiserver.request import Identity

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
CREDENTIAL = "authentication.kubernetes.io/credential-id"
"""In the extra of an identity: what it showed, without the secret of it."""
ANONYMOUS = Identity("system:anonymous", (UNAUTHENTICATED,))

TokenAuthenticator = Callable[[str], Identity | None]
"""Who a bearer token stands for, with all groups; None for a token that is not, or no longer, valid."""


def knows_no_token(_: str) -> None:
    """The `TokenAuthenticator` of a server that issues none."""


class Authenticator:
    """Tells requests apart. What a connection's certificate says is read once."""

    def __init__(self, tokens: TokenAuthenticator = knows_no_token) -> None:
        self._tokens = tokens
        self._connections: WeakKeyDictionary[ssl.SSLObject, Identity | None] = WeakKeyDictionary()

    def identify(self, request: web.BaseRequest) -> Identity:
        """Who is at the other end; ANONYMOUS without credentials.

        Raises Unauthorized for a token that is not valid, and ConnectionResetError when nobody can be answered.
        """
        transport = request.transport
        connection = transport.get_extra_info("ssl_object") if transport is not None else None
        identity = self._of_connection(connection) if connection is not None else None
        if identity is not None:
            return identity
        token = bearer_token(request.headers.get("Authorization", ""))
        if not token:
            return ANONYMOUS
        identity = self._tokens(token)
        if identity is None:
            raise Unauthorized("Unauthorized")
        return identity

    def _of_connection(self, connection: ssl.SSLObject) -> Identity | None:
        if connection not in self._connections:
            try:
                encoded = connection.getpeercert(binary_form=True)
            except ValueError as error:  # what came after the request was no TLS, and has ended it
                raise ConnectionResetError("the connection has no keys any more") from error
            self._connections[connection] = from_certificate(connection.getpeercert(), encoded or b"")
        return self._connections[connection]


def bearer_token(header: str) -> str:
    """The token of an Authorization header; "" when it has none."""
    scheme, _, token = header.strip().partition(" ")
    return token.partition(" ")[0] if scheme.lower() == "bearer" else ""


def from_certificate(certificate: Mapping[str, Any] | None, encoded: bytes) -> Identity | None:
    """The user (common name) and groups (organizations) of a verified certificate; None without one.

    `certificate` is what `ssl` gives as `peercert`, `encoded` the same in DER form.
    """
    if not certificate:
        return None
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    groups = [value for key, value in subject if key == "organizationName"]
    if not names:
        return None
    credential = f"X509SHA256={hashlib.sha256(encoded).hexdigest()}"
    return Identity(names[0], (*groups, AUTHENTICATED), extra={CREDENTIAL: (credential,)})
