"""Exec credential plugins (client.authentication.k8s.io): programs that a kubeconfig names to get a token."""

import asyncio
import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from petset.api.meta import parse_time
from petset.client.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PluginCredential:
    """A token, a client certificate with its key (PEM), or both; `expires` None means as long as the process."""

    token: str = field(default="", repr=False)
    client_certificate: bytes = b""
    client_key: bytes = field(default=b"", repr=False)
    expires: datetime | None = None

    def expired(self, now: datetime) -> bool:
        """Whether it is of no use any more."""
        return self.expires is not None and now >= self.expires


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program, and how to call it."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    api_version: str = "client.authentication.k8s.io/v1"
    provide_cluster_info: bool = False
    install_hint: str = ""

    async def ask(self, server: str, certificate_authority: bytes | None) -> PluginCredential:
        """Runs the program. Raises ConfigError when it cannot be run, fails, or answers nonsense."""
        environment = {**os.environ, **self.env, "KUBERNETES_EXEC_INFO": self._info(server, certificate_authority)}
        try:
            process = await asyncio.create_subprocess_exec(
                self.command, *self.args, env=environment, stdout=asyncio.subprocess.PIPE
            )
        except OSError as error:
            hint = f"\n{self.install_hint}" if self.install_hint else ""
            raise ConfigError(f"credential plugin {self.command}: {error.strerror}{hint}") from error
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise ConfigError(f"credential plugin {self.command} failed with exit code {process.returncode}")
        return self._read(output)

    def _info(self, server: str, certificate_authority: bytes | None) -> str:
        spec: dict[str, Any] = {"interactive": False}
        if self.provide_cluster_info:
            spec["cluster"] = {"server": server}
            if certificate_authority:
                spec["cluster"]["certificate-authority-data"] = base64.b64encode(certificate_authority).decode("ascii")
        return msgspec.json.encode({"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}).decode()

    def _read(self, output: bytes) -> PluginCredential:
        try:
            answer = msgspec.json.decode(output, type=_ExecCredential)
            expires = parse_time(answer.status.expiration_timestamp) if answer.status.expiration_timestamp else None
        except (msgspec.DecodeError, ValueError) as error:
            raise ConfigError(f"credential plugin {self.command} answered nonsense: {error}") from error
        status = answer.status
        if answer.api_version != self.api_version:
            raise ConfigError(
                f"credential plugin {self.command} is configured to speak {self.api_version} "
                f"and answered in {answer.api_version}"
            )
        if not status.token and not status.client_certificate_data:
            raise ConfigError(f"credential plugin {self.command} gave neither a token nor a certificate")
        return PluginCredential(
            status.token or "",
            (status.client_certificate_data or "").encode(),
            (status.client_key_data or "").encode(),
            expires,
        )


class _ExecCredentialStatus(msgspec.Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: str | None = None


class _ExecCredential(msgspec.Struct, rename="camel"):
    api_version: str
    status: _ExecCredentialStatus
