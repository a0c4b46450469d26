"""The ConfigMaps and Secrets that pods refer to, read at the moment they are needed.

Reads go to the server, not to an informer: a pod that is seen before the ConfigMap that was created a moment earlier
would otherwise fail for no reason that its user could see.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Protocol

from petset.api.errors import NotFound, StatusError
from petset.api.types import ConfigMap, Secret
from petset.client.interface import Client, ConnectionLost


class SourceNotFound(Exception):
    """There is no such ConfigMap or Secret; the message is the kubelet's."""


class SourceUnavailable(Exception):
    """The server does not say."""


class Sources(Protocol):
    """Where the content of ConfigMaps and Secrets comes from."""

    async def config_map(self, namespace: str, name: str) -> ConfigMap:
        """Raises SourceNotFound, SourceUnavailable."""
        ...

    async def secret(self, namespace: str, name: str) -> Secret:
        """Raises SourceNotFound, SourceUnavailable."""
        ...


class ClientSources:
    """Reads them from the API server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def config_map(self, namespace: str, name: str) -> ConfigMap:
        """One ConfigMap."""
        try:
            return await self._client.get(ConfigMap, name, namespace)
        except NotFound as error:
            raise SourceNotFound(f'configmap "{name}" not found') from error
        except (StatusError, ConnectionLost) as error:
            raise SourceUnavailable(str(error)) from error

    async def secret(self, namespace: str, name: str) -> Secret:
        """One Secret."""
        try:
            return await self._client.get(Secret, name, namespace)
        except NotFound as error:
            raise SourceNotFound(f'secret "{name}" not found') from error
        except (StatusError, ConnectionLost) as error:
            raise SourceUnavailable(str(error)) from error


def secret_text(secret: Secret) -> dict[str, str]:
    """A Secret's data as text; bytes that are no UTF-8 are replaced."""
    return {key: value.decode(errors="replace") for key, value in secret_bytes(secret).items()}


def secret_bytes(secret: Secret) -> dict[str, bytes]:
    """A Secret's data."""
    return decoded(secret.data)


def config_map_bytes(config_map: ConfigMap) -> dict[str, bytes]:
    """A ConfigMap's data, text and binary."""
    return {key: value.encode() for key, value in config_map.data.items()} | decoded(config_map.binary_data)


def decoded(values: Mapping[str, str]) -> dict[str, bytes]:
    """Base64 values; the API server has checked them, so one that is none is a value from elsewhere and empty."""
    return {key: _decode(value) for key, value in values.items()}


def _decode(value: str) -> bytes:
    try:
        return base64.b64decode(value)
    except (binascii.Error, ValueError):
        return b""
