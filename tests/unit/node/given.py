"""What the tests of the node start from: pods, and ConfigMaps and Secrets without a server."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from petset.aio.clock import Clock, SystemClock
from petset.aio.tasks import Supervisor
from petset.api.types import ConfigMap, Container, ObjectMeta, Pod, PodSpec, Secret
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.kinds import CATALOGUE
from petset.node.sources import SourceNotFound, SourceUnavailable
from petset.store.memory import MemoryStore

UID = "5c9c8fd8-0000-4000-8000-000000000001"


def pod(*containers: Container, **spec: object) -> Pod:
    """`web-0` in `default`; the keywords are fields of its spec."""
    metadata = ObjectMeta(
        name="web-0",
        namespace="default",
        uid=UID,
        labels={"app": "nginx", "zone": "a"},
        annotations={"note": 'say "hi"'},
    )
    result = Pod(metadata=metadata, spec=PodSpec(containers=list(containers) or [Container(name="nginx")]))
    for name, value in spec.items():
        setattr(result.spec, name, value)
    return result


class GivenSources:
    """ConfigMaps and Secrets as a test sets them."""

    def __init__(self) -> None:
        self.config_maps: dict[str, ConfigMap] = {}
        self.secrets: dict[str, Secret] = {}
        self.available = True

    def set_config_map(self, name: str, data: dict[str, str], binary: dict[str, bytes] | None = None) -> None:
        encoded = {key: base64.b64encode(value).decode() for key, value in (binary or {}).items()}
        self.config_maps[name] = ConfigMap(metadata=ObjectMeta(name=name), data=data, binary_data=encoded)

    def set_secret(self, name: str, data: dict[str, bytes]) -> None:
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        self.secrets[name] = Secret(metadata=ObjectMeta(name=name), data=encoded)

    async def config_map(self, namespace: str, name: str) -> ConfigMap:
        self._check()
        if name not in self.config_maps:
            raise SourceNotFound(f'configmap "{name}" not found')
        return self.config_maps[name]

    async def secret(self, namespace: str, name: str) -> Secret:
        self._check()
        if name not in self.secrets:
            raise SourceNotFound(f'secret "{name}" not found')
        return self.secrets[name]

    def _check(self) -> None:
        if not self.available:
            raise SourceUnavailable("the server does not answer")


@asynccontextmanager
async def cluster(clock: Clock | None = None) -> AsyncIterator[tuple[Client, InformerFactory]]:
    """An API server in this process, with the system's objects and running informers."""
    clock = clock or SystemClock()
    store = MemoryStore()
    server = ApiServer(CATALOGUE, store, clock)
    await create_system_objects(server, 6443)
    client = LocalClient(server, Identity("system:node:node-1"), "kubelet")
    async with Supervisor("test", clock) as supervisor:
        informers = InformerFactory(client, clock)
        informers.start(supervisor)
        yield client, informers
    await client.close()
    await store.close()
