"""configMap: the keys of a ConfigMap as files."""

from petset.api.types import ConfigMapProjection, ConfigMapVolumeSource
from petset.node.sources import SourceNotFound, Sources, config_map_bytes
from petset.node.volumes.payload import Defaults, Payload, Selection, select


async def collect(
    sources: Sources, namespace: str, source: ConfigMapVolumeSource | ConfigMapProjection, defaults: Defaults
) -> Payload:
    """The files. An optional ConfigMap that is not there has none. Raises SourceNotFound, SetUpFailed."""
    optional = bool(source.optional)
    try:
        config_map = await sources.config_map(namespace, source.name or "")
    except SourceNotFound:
        if optional:
            return {}
        raise
    selection = Selection(source.items, optional, "configmap references non-existent config key")
    return select(config_map_bytes(config_map), selection, defaults)
