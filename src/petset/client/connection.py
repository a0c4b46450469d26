"""How to reach a server and prove who asks: what a kubeconfig context boils down to, and the credentials it yields."""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from petset.aio.clock import Clock, SystemClock
from petset.client.errors import ConfigError
from petset.client.execplugin import ExecPlugin, PluginCredential

TOKEN_FILE_SECONDS = 60.0
"""How long a token read from a file is used before the file is read again (client-go's `cachingTokenSource`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A server, how to trust it, and who to be. Certificates and keys are PEM."""

    server: str
    namespace: str = "default"
    certificate_authority: bytes | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    client_certificate: bytes | None = None
    client_key: bytes | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    exec_plugin: ExecPlugin | None = None


def tls_context(connection: Connection, credential: PluginCredential | None = None) -> ssl.SSLContext | None:
    """The TLS side of a connection, None for plain HTTP. A plugin's certificate goes before the configured one.

    Raises ConfigError when a certificate or key cannot be used.
    """
    if not connection.server.startswith("https://"):
        return None
    try:
        context = ssl.create_default_context(cadata=_pem_text(connection.certificate_authority))
        if connection.insecure_skip_tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if credential is not None and credential.client_certificate:
            _load_pair(context, credential.client_certificate, credential.client_key)
        elif connection.client_certificate:
            _load_pair(context, connection.client_certificate, connection.client_key or b"")
    except (ssl.SSLError, ValueError, OSError) as error:
        raise ConfigError(f"certificates for {connection.server}: {error}") from error
    return context


def _pem_text(pem: bytes | None) -> str | None:
    return pem.decode("ascii") if pem else None


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # the ssl module reads a certificate with its key from a file only
    descriptor, name = tempfile.mkstemp(prefix="petset-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate.rstrip() + b"\n" + key)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()


class Credentials:
    """The Authorization header of a connection, as of now."""

    def __init__(self, connection: Connection, clock: Clock | None = None) -> None:
        self._connection = connection
        self._clock = clock or SystemClock()
        self._file_token = ""
        self._file_read_at = -TOKEN_FILE_SECONDS
        self._plugin_credential: PluginCredential | None = None

    async def from_plugin(self) -> PluginCredential | None:
        """What the exec plugin answers, asked again when it has expired. Raises ConfigError; None without a plugin."""
        plugin = self._connection.exec_plugin
        if plugin is None:
            return None
        known = self._plugin_credential
        if known is None or known.expired(self._clock.now()):
            self._plugin_credential = await plugin.ask(self._connection.server, self._connection.certificate_authority)
        return self._plugin_credential

    async def headers(self) -> Mapping[str, str]:
        """The Authorization header; empty when the client certificate is all there is. Raises ConfigError."""
        connection = self._connection
        credential = await self.from_plugin()
        if credential is not None and credential.token:
            return {"Authorization": f"Bearer {credential.token}"}
        if connection.token_file is not None:
            return {"Authorization": f"Bearer {self._token_from_file(connection.token_file)}"}
        if connection.token:
            return {"Authorization": f"Bearer {connection.token}"}
        if connection.username:
            pair = base64.b64encode(f"{connection.username}:{connection.password}".encode()).decode("ascii")
            return {"Authorization": f"Basic {pair}"}
        return {}

    def discard(self) -> bool:
        """Forgets what can be had anew, after the server refused it; whether there was such a thing."""
        had_any = self._plugin_credential is not None or bool(self._file_token)
        self._plugin_credential = None
        self._file_token = ""
        return had_any

    def _token_from_file(self, path: Path) -> str:
        now = self._clock.monotonic()
        if not self._file_token or now - self._file_read_at >= TOKEN_FILE_SECONDS:
            try:
                self._file_token = path.read_text().strip()
            except OSError as error:
                raise ConfigError(f"token file {path}: {error.strerror}") from error
            self._file_read_at = now
        return self._file_token


def decoded(text: str, what: str) -> bytes:
    """The bytes of a `...-data` field. Raises ConfigError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ConfigError(f"{what} is not base64: {error}") from error
