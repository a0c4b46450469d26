"""projected: several sources in one directory; of two files at the same path the later source's stays."""

from petset.api.types import Pod, ProjectedVolumeSource, VolumeProjection
from petset.node.downward import Placement
from petset.node.sources import Sources
from petset.node.volumes import config_map, downward_api, secret
from petset.node.volumes.errors import SetUpFailed
from petset.node.volumes.payload import Defaults, File, Payload


async def collect(sources: Sources, pod: Pod, source: ProjectedVolumeSource, placement: Placement) -> Payload:
    """The files. Raises SourceNotFound, SetUpFailed, FieldError."""
    defaults = Defaults.of(source.default_mode, source.default_user)
    files: dict[str, File] = {}
    for projection in source.sources:
        files |= await _collect(sources, pod, projection, placement, defaults)
    return files


async def _collect(
    sources: Sources, pod: Pod, projection: VolumeProjection, placement: Placement, defaults: Defaults
) -> Payload:
    if projection.config_map is not None:
        return await config_map.collect(sources, pod.metadata.namespace, projection.config_map, defaults)
    if projection.secret is not None:
        return await secret.collect(sources, pod.metadata.namespace, projection.secret, defaults)
    if projection.downward_api is not None:
        return downward_api.collect(pod, projection.downward_api, placement, defaults)
    if projection.service_account_token is not None:
        raise SetUpFailed("projected source serviceAccountToken is not supported: this API server issues no tokens")
    kind = "clusterTrustBundle" if projection.cluster_trust_bundle is not None else "podCertificate"
    raise SetUpFailed(f"projected source {kind} is not supported on this node")
