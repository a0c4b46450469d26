"""secret: the keys of a Secret as files."""

from petset.api.types import SecretProjection, SecretVolumeSource
from petset.node.sources import SourceNotFound, Sources, secret_bytes
from petset.node.volumes.payload import Defaults, Payload, Selection, select


async def collect(
    sources: Sources, namespace: str, source: SecretVolumeSource | SecretProjection, defaults: Defaults
) -> Payload:
    """The files. An optional Secret that is not there has none. Raises SourceNotFound, SetUpFailed."""
    optional = bool(source.optional)
    name = source.secret_name if isinstance(source, SecretVolumeSource) else source.name
    try:
        secret = await sources.secret(namespace, name or "")
    except SourceNotFound:
        if optional:
            return {}
        raise
    selection = Selection(source.items, optional, "references non-existent secret key")
    return select(secret_bytes(secret), selection, defaults)
