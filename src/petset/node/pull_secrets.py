"""What a pod's imagePullSecrets say about an image.

Files and matching are those of `docker login`, with the kubelet's additions (pkg/credentialprovider/keyring.go): keys
may have `*` in the parts of a host name, the most specific key is tried first.
"""

import base64
import binascii
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from petset.api.types import Pod, Secret
from petset.client.recorder import EventRecorder
from petset.node.runtimes.interface import RegistryCredentials
from petset.node.sources import SourceNotFound, Sources, SourceUnavailable, secret_bytes

log = logging.getLogger(__name__)

_DOCKER_HUB = {"docker.io": "index.docker.io", "registry-1.docker.io": "index.docker.io"}
_API_PATHS = ("v1", "v2")


class PullSecrets:
    """Reads the Secrets at the moment of a pull."""

    def __init__(self, sources: Sources, recorder: EventRecorder) -> None:
        self._sources = sources
        self._recorder = recorder

    async def find(self, pod: Pod, image: str) -> Sequence[RegistryCredentials]:
        """The credentials to try, the best match first. Secrets that are not there are told in an event."""
        missing: list[str] = []
        entries: list[tuple[str, RegistryCredentials]] = []
        for reference in pod.spec.image_pull_secrets:
            name = reference.name or ""
            try:
                secret = await self._sources.secret(pod.metadata.namespace, name)
            except (SourceNotFound, SourceUnavailable):
                missing.append(name)
                continue
            entries += entries_of(secret)
        if missing:
            text = f"Unable to retrieve some image pull secrets ({', '.join(missing)}); "
            text += "attempting to pull the image may not succeed."
            self._recorder.event(pod, "Warning", "FailedToRetrieveImagePullSecret", text)
        return matching(entries, image)


def entries_of(secret: Secret) -> Iterator[tuple[str, RegistryCredentials]]:
    """Registries and credentials of a Secret of type dockerconfigjson or dockercfg; what cannot be read is left out."""
    content = secret_bytes(secret)
    try:
        if secret.type == "kubernetes.io/dockerconfigjson":
            found = msgspec.json.decode(content.get(".dockerconfigjson", b"{}"), type=dict[str, Any]).get("auths")
        elif secret.type == "kubernetes.io/dockercfg":
            found = msgspec.json.decode(content.get(".dockercfg", b"{}"), type=dict[str, Any])
        else:
            return
        entries = msgspec.convert(found or {}, dict[str, dict[str, Any]])
    except msgspec.MsgspecError as error:
        log.info("secret %s is no registry configuration: %s", secret.metadata.name, error)
        return
    for server, entry in entries.items():
        username, password = _login(entry)
        if username:
            yield normal_key(server), RegistryCredentials(username, password, server)


def _login(entry: Mapping[str, Any]) -> tuple[str, str]:
    """User and password, written out or as `auth`: base64 of `user:password`."""
    if entry.get("username"):
        return str(entry["username"]), str(entry.get("password", ""))
    try:
        text = base64.b64decode(str(entry.get("auth", "")), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    username, _, password = text.partition(":")
    return username, password


def normal_key(server: str) -> str:
    """A registry as a host with a path: without the scheme, and without the path of the registry's own API."""
    host, _, path = server.partition("://")[2].partition("/") if "://" in server else server.partition("/")
    path = path.strip("/")
    host = _DOCKER_HUB.get(host, host)
    return host if not path or path in _API_PATHS else f"{host}/{path}"


def repository(image: str) -> str:
    """Where an image lives, with its host: `index.docker.io/library/nginx`."""
    name = image.partition("@")[0]
    first, slash, rest = name.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, rest) if has_host else ("docker.io", name)
    head, _, tail = path.rpartition("/")
    path = f"{head}/{tail.partition(':')[0]}" if head else tail.partition(":")[0]
    host = _DOCKER_HUB.get(host, host)
    if host == "index.docker.io" and "/" not in path:
        path = f"library/{path}"
    return f"{host}/{path}"


def matching(entries: Iterable[tuple[str, RegistryCredentials]], image: str) -> list[RegistryCredentials]:
    """The entries for an image, the most specific first; several for one key, as while a password is changed, in order.

    Keys without wildcards come before those with some, as `*` sorts before all letters.
    """
    wanted = repository(image)
    fitting = [(key, credentials) for key, credentials in entries if _matches(key, wanted)]
    return [credentials for _, credentials in sorted(fitting, key=lambda pair: pair[0], reverse=True)]


def _matches(key: str, wanted: str) -> bool:
    host, _, path = key.partition("/")
    wanted_host, _, wanted_path = wanted.partition("/")
    patterns, parts = host.split("."), wanted_host.split(".")
    if len(patterns) != len(parts) or not all(map(fnmatchcase, parts, patterns)):
        return False
    return not path or wanted_path == path or wanted_path.startswith(f"{path}/")
