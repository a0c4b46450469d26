"""serviceAccountToken: the token by which a pod's processes are known, as a file."""

from petset.api.types import Pod, ServiceAccountTokenProjection
from petset.node.security import common_user
from petset.node.tokens import PodTokens
from petset.node.volumes.payload import Defaults, Payload

PRIVATE = 0o600


async def collect(
    tokens: PodTokens, pod: Pod, projection: ServiceAccountTokenProjection, defaults: Defaults, *, root: bool
) -> Payload:
    """The file. Where a user or group of the pod is known it is theirs alone. Raises SourceUnavailable.

    `root`: whether files can be given away.
    """
    user = (projection.user or common_user(pod)) if root else None
    security = pod.spec.security_context
    private = user is not None or (security is not None and security.fs_group is not None)
    data = (await tokens.token(pod, projection)).encode()
    return {projection.path: defaults.file(data, PRIVATE if private else None, user)}
