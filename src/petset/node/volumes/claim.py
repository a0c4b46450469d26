"""persistentVolumeClaim and ephemeral: the directory of the PersistentVolume that a claim is bound to.

Messages are the kubelet's (desired_state_of_world_populator).
"""

from dataclasses import dataclass
from pathlib import Path

from petset.api.errors import StatusError
from petset.api.meta import is_controlled_by, is_terminating
from petset.api.types import PersistentVolume, PersistentVolumeClaim, Pod, Volume
from petset.client.interface import Client, ConnectionLost
from petset.node.volumes import host_path
from petset.node.volumes.errors import SetUpFailed


@dataclass(frozen=True, slots=True)
class ClaimUse:
    """A pod's use of a claim. The claim of an ephemeral volume must have been made for the pod."""

    name: str
    read_only: bool
    ephemeral: bool


def claim_of(pod: Pod, volume: Volume) -> ClaimUse | None:
    """The claim behind a volume, None for volumes of other sources."""
    if volume.persistent_volume_claim is not None:
        source = volume.persistent_volume_claim
        return ClaimUse(source.claim_name, bool(source.read_only), ephemeral=False)
    if volume.ephemeral is not None:
        return ClaimUse(f"{pod.metadata.name}-{volume.name}", read_only=False, ephemeral=True)
    return None


async def bound_volume(client: Client, pod: Pod, use: ClaimUse, *, in_use: bool) -> PersistentVolume:
    """The PersistentVolume. `in_use`: the pod has it already, so that a claim's deletion waits. Raises SetUpFailed."""
    namespace = pod.metadata.namespace
    where = f"error processing PVC {namespace}/{use.name}"
    try:
        claim = await client.get(PersistentVolumeClaim, use.name, namespace)
    except (StatusError, ConnectionLost) as error:
        raise SetUpFailed(f"{where}: failed to fetch PVC from API server: {error}") from error
    problem = claim_problem(pod, claim, use, in_use=in_use)
    if problem is not None:
        raise SetUpFailed(f"{where}: {problem}")
    name = claim.spec.volume_name or ""
    try:
        volume = await client.get(PersistentVolume, name)
    except (StatusError, ConnectionLost) as error:
        raise SetUpFailed(f"{where}: failed to fetch PV {name} from API server: {error}") from error
    problem = volume_problem(volume, claim)
    if problem is not None:
        raise SetUpFailed(f"{where}: {problem}")
    return volume


def claim_problem(pod: Pod, claim: PersistentVolumeClaim, use: ClaimUse, *, in_use: bool) -> str | None:
    """Why the pod cannot use the claim."""
    if use.ephemeral and not is_controlled_by(claim, pod):
        metadata = pod.metadata
        return (
            f"PVC {metadata.namespace}/{use.name} was not created for pod "
            f"{metadata.namespace}/{metadata.name} (pod is not owner)"
        )
    if is_terminating(claim) and not in_use:
        return "PVC is being deleted"
    if claim.status.phase != "Bound":
        return "PVC is not bound"
    return None if claim.spec.volume_name else "PVC has empty pvc.Spec.VolumeName"


def volume_problem(volume: PersistentVolume, claim: PersistentVolumeClaim) -> str | None:
    """Why the PersistentVolume is not the claim's."""
    name, reference = volume.metadata.name, volume.spec.claim_ref
    if reference is None:
        return f"found PV object {name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim"
    if reference.uid != claim.metadata.uid:
        return (
            f"found PV object {name} but its pv.Spec.ClaimRef.UID {reference.uid} "
            f"does not point to claim.UID {claim.metadata.uid}"
        )
    return None


def directory_of(volume: PersistentVolume) -> Path:
    """The directory behind a PersistentVolume. Blocking. Raises SetUpFailed, OSError."""
    spec = volume.spec
    if spec.volume_mode == "Block":
        raise SetUpFailed("volumeMode Block is not supported on this node")
    if spec.host_path is not None:
        return host_path.set_up(spec.host_path)
    if spec.local is None:
        raise SetUpFailed("no volume plugin matched: this node mounts local and hostPath PersistentVolumes")
    path = Path(spec.local.path)
    if not path.exists():
        raise SetUpFailed(f'path "{path}" does not exist')
    if not path.is_dir():
        raise SetUpFailed(f'path "{path}" is not a directory, and this node formats no devices')
    return path


def takes_group(volume: PersistentVolume) -> bool:
    """Whether fsGroup applies: to local volumes it does, to hostPath it never does."""
    return volume.spec.local is not None
