"""Carries changes of ConfigMaps, Secrets and pods into volumes that are mounted, as soon as they are known.

Tokens are looked at once a minute, and renewed in time.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.aio.tasks import Supervisor
from petset.api.meta import Key, key_of
from petset.api.types import ConfigMap, Pod, Secret, Volume
from petset.client.informer import InformerFactory
from petset.node.volumes.volumes import Volumes, is_from_api

SOURCE_INDEX: Final = "volume-sources"
WORKERS = 4
TOKEN_PAUSE = 60.0
"""Seconds between looks at the tokens: a fifth of the shortest life of one is twice that."""


class VolumeRefresher:
    """Refreshes the volumes of this node's pods. `run` works until it is cancelled."""

    def __init__(self, volumes: Volumes, informers: InformerFactory, node_name: str, clock: Clock) -> None:
        self._volumes = volumes
        self._node_name = node_name
        self._clock = clock
        self._queue: KeyedQueue[Key] = KeyedQueue("volume refresh", clock)
        self._pods = informers.informer(Pod, indexes={SOURCE_INDEX: source_keys})
        self._config_maps = informers.informer(ConfigMap)
        self._secrets = informers.informer(Secret)

    async def run(self) -> None:
        """Looks at every pod once, for what changed while nobody watched, then follows changes."""
        for informer in (self._pods, self._config_maps, self._secrets):
            await informer.synced()
        for pod in self._pods.list():
            self._enqueue(pod)
        self._pods.add_handlers(on_update=self._pod_changed)
        self._config_maps.add_handlers(self._source_changed, lambda _, new: self._source_changed(new))
        self._secrets.add_handlers(self._source_changed, lambda _, new: self._source_changed(new))
        async with Supervisor("volume refresh", self._clock) as tasks:
            tasks.background("tokens", self._renew_tokens())
            await self._queue.run(WORKERS, self._refresh)

    async def _renew_tokens(self) -> None:
        while True:
            await self._clock.sleep(TOKEN_PAUSE)
            for key in self._volumes.tokens.due():
                self._queue.add(key)

    def _pod_changed(self, old: Pod, new: Pod) -> None:
        before, after = old.metadata, new.metadata
        if (before.labels, before.annotations) != (after.labels, after.annotations):
            self._enqueue(new)

    def _source_changed(self, source: ConfigMap | Secret) -> None:
        for pod in self._pods.by_index(SOURCE_INDEX, source_key(source.kind, *key_of(source))):
            self._enqueue(pod)

    def _enqueue(self, pod: Pod) -> None:
        if pod.spec.node_name == self._node_name and any(map(is_from_api, pod.spec.volumes)):
            self._queue.add(key_of(pod))

    async def _refresh(self, key: Key) -> None:
        pod = self._pods.get(key.namespace, key.name)
        if pod is not None:
            await self._volumes.refresh(pod)


def source_key(kind: str, namespace: str, name: str) -> str:
    """How the index calls a ConfigMap or Secret."""
    return f"{kind}/{namespace}/{name}"


def source_keys(pod: Pod) -> Iterable[str]:
    """Index function: the ConfigMaps and Secrets in the pod's volumes."""
    namespace = pod.metadata.namespace
    return {source_key(kind, namespace, name) for volume in pod.spec.volumes for kind, name in _sources(volume)}


def _sources(volume: Volume) -> Iterator[tuple[str, str]]:
    if volume.config_map is not None:
        yield "ConfigMap", volume.config_map.name or ""
    if volume.secret is not None:
        yield "Secret", volume.secret.secret_name or ""
    for projection in volume.projected.sources if volume.projected is not None else ():
        if projection.config_map is not None:
            yield "ConfigMap", projection.config_map.name or ""
        if projection.secret is not None:
            yield "Secret", projection.secret.name or ""
