"""projected: several sources in one directory; of two files at the same path the later source's stays."""

from dataclasses import dataclass

from petset.api.types import Pod, ProjectedVolumeSource, VolumeProjection
from petset.node.downward import Placement
from petset.node.sources import Sources
from petset.node.tokens import PodTokens
from petset.node.volumes import config_map, downward_api, secret, service_account_token
from petset.node.volumes.errors import SetUpFailed
from petset.node.volumes.payload import Defaults, File, Payload


@dataclass(frozen=True, slots=True)
class Origins:
    """Where content comes from. `root`: whether files can be given away."""

    sources: Sources
    tokens: PodTokens
    placement: Placement
    root: bool


async def collect(origins: Origins, pod: Pod, source: ProjectedVolumeSource) -> Payload:
    """The files. Raises SourceNotFound, SourceUnavailable, SetUpFailed, FieldError."""
    defaults = Defaults.of(source.default_mode, source.default_user)
    files: dict[str, File] = {}
    for projection in source.sources:
        files |= await _collect(origins, pod, projection, defaults)
    return files


async def _collect(origins: Origins, pod: Pod, projection: VolumeProjection, defaults: Defaults) -> Payload:
    namespace, sources = pod.metadata.namespace, origins.sources
    if projection.config_map is not None:
        return await config_map.collect(sources, namespace, projection.config_map, defaults)
    if projection.secret is not None:
        return await secret.collect(sources, namespace, projection.secret, defaults)
    if projection.downward_api is not None:
        return downward_api.collect(pod, projection.downward_api, origins.placement, defaults)
    token = projection.service_account_token
    if token is not None:
        return await service_account_token.collect(origins.tokens, pod, token, defaults, root=origins.root)
    if projection.cluster_trust_bundle is None and projection.pod_certificate is None:
        return {}
    kind = "clusterTrustBundle" if projection.cluster_trust_bundle is not None else "podCertificate"
    raise SetUpFailed(f"projected source {kind} is not supported on this node")
