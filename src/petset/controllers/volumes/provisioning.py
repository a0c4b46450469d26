"""What the provisioner `petset.io/directory` does: for a claim that waits for a volume, and with a volume it once made.

Pure. The contract with the binder is upstream's for external provisioners: the claim's annotation names the
provisioner, the volume is called `pvc-<uid of the claim>` and refers to the claim from the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from petset.api.meta import copy, has_finalizer, is_terminating, remove_finalizer
from petset.api.types import (
    HostPathVolumeSource,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    StorageClass,
)
from petset.controllers.volumes.matching import requested, size_of
from petset.controllers.volumes.model import (
    BETA_STORAGE_PROVISIONER,
    DATA_PROTECTION,
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    STORAGE_PROVISIONER,
    DeleteVolume,
    EraseDirectory,
    MakeVolume,
    Plan,
    Tell,
    Write,
)
from petset.controllers.volumes.plan import claim_reference, waits_for_consumer
from petset.kinds.persistentvolumeclaim import storage_class_name

PATH_PARAMETER = "path"
"""The parameter of a class that puts its volumes below another directory than the usual one."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A claim, its class, and the volume it has: the one it names, or the one that was made for it."""

    claim: PersistentVolumeClaim
    storage_class: StorageClass | None
    volume: PersistentVolume | None
    root: Path


def volume_name(claim: PersistentVolumeClaim) -> str:
    """The name of the volume made for a claim: the same however often it is made."""
    return f"pvc-{claim.metadata.uid}"


def directory_of(root: Path, namespace: str, claim: str, uid: str) -> Path:
    """Where the data of a claim is; a person can read whose it is."""
    return root / namespace / f"{claim}-{uid[:8]}"


def root_of(storage_class: StorageClass | None, root: Path) -> Path:
    """The directory below which a class puts its volumes."""
    own = storage_class.parameters.get(PATH_PARAMETER) if storage_class is not None else None
    return Path(own) if own else root


# --- claims -----------------------------------------------------------------------------------------------------------


def plan_demand(seen: Demand) -> Plan:
    """Makes the volume of a claim, or lets it grow."""
    if not seen.claim.spec.volume_name:
        return _make(seen)
    return _grow(seen)


def _make(seen: Demand) -> Plan:
    claim, class_ = seen.claim, seen.storage_class
    if class_ is None or seen.volume is not None or is_terminating(claim) or not _is_asked(claim, class_):
        return Plan()
    why = unsupported(claim, class_)
    if why is not None:
        text = f'failed to provision volume with StorageClass "{class_.metadata.name}": {why}'
        return Plan((Tell(claim, "Warning", "ProvisioningFailed", text),))
    meta = claim.metadata
    path = directory_of(root_of(class_, seen.root), meta.namespace, meta.name, meta.uid)
    volume = volume_for(claim, class_, path)
    began = f'External provisioner is provisioning volume for claim "{meta.namespace}/{meta.name}"'
    ended = f"Successfully provisioned volume {volume.metadata.name}"
    return Plan(
        (
            Tell(claim, "Normal", "Provisioning", began),
            MakeVolume(volume, path),
            Tell(claim, "Normal", "ProvisioningSucceeded", ended),
        )
    )


def _is_asked(claim: PersistentVolumeClaim, class_: StorageClass) -> bool:
    annotations = claim.metadata.annotations
    asked = annotations.get(STORAGE_PROVISIONER) or annotations.get(BETA_STORAGE_PROVISIONER)
    if asked != PROVISIONER or class_.provisioner != PROVISIONER:
        return False
    return SELECTED_NODE in annotations or not waits_for_consumer(class_)


def unsupported(claim: PersistentVolumeClaim, class_: StorageClass) -> str | None:
    """What a directory cannot be; None when it can be what the claim asks for."""
    if claim.spec.volume_mode == "Block":
        return f"{PROVISIONER} does not support block volume provisioning"
    if claim.spec.selector is not None:
        return "claim.Spec.Selector is not supported"
    if claim.spec.data_source is not None or claim.spec.data_source_ref is not None:
        return "data sources are not supported"
    unknown = sorted(class_.parameters.keys() - {PATH_PARAMETER})
    if unknown:
        return f'parameter "{unknown[0]}" is not supported'
    own = class_.parameters.get(PATH_PARAMETER)
    if own is not None and not _is_plain(own):
        return f'parameter "{PATH_PARAMETER}" is not an absolute path without "..": {own}'
    return None


def _is_plain(path: str) -> bool:
    return Path(path).is_absolute() and ".." not in Path(path).parts and len(Path(path).parts) > 1


def volume_for(claim: PersistentVolumeClaim, class_: StorageClass, path: Path) -> PersistentVolume:
    """The volume that stands for a directory, reserved for its claim."""
    return PersistentVolume(
        metadata=ObjectMeta(
            name=volume_name(claim),
            annotations={PROVISIONED_BY: PROVISIONER},
            finalizers=[DATA_PROTECTION],
        ),
        spec=PersistentVolumeSpec(
            access_modes=list(claim.spec.access_modes),
            capacity={"storage": claim.spec.resources.requests.get("storage", "0")},
            claim_ref=claim_reference(claim),
            host_path=HostPathVolumeSource(path=str(path), type="DirectoryOrCreate"),
            mount_options=list(class_.mount_options),
            persistent_volume_reclaim_policy=class_.reclaim_policy or "Delete",
            storage_class_name=storage_class_name(claim),
            volume_mode="Filesystem",
        ),
    )


def _grow(seen: Demand) -> Plan:
    """A directory has no size of its own: it grows by saying so, on the volume first."""
    claim, volume, class_ = seen.claim, seen.volume, seen.storage_class
    if volume is None or not _is_ours(volume) or claim.status.phase != "Bound" or not _belongs(volume, claim):
        return Plan()
    wanted = requested(claim)
    if size_of(volume) < wanted:
        if class_ is None or not class_.allow_volume_expansion:
            return Plan()
        grown = copy(volume)
        grown.spec.capacity["storage"] = claim.spec.resources.requests["storage"]
        return Plan((Write(grown),))
    if claim.status.capacity == volume.spec.capacity:
        return Plan()
    shown = copy(claim)
    shown.status.capacity = dict(volume.spec.capacity)
    return Plan((Write(shown, "status"), Tell(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")))


def _belongs(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    ref = volume.spec.claim_ref
    return ref is not None and ref.uid == claim.metadata.uid


# --- volumes ----------------------------------------------------------------------------------------------------------


def _is_ours(volume: PersistentVolume) -> bool:
    return volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER


def plan_reclaim(volume: PersistentVolume, roots: Sequence[Path]) -> Plan:
    """Removes a released volume of policy Delete, directory first; lets go of others that are being deleted.

    A directory is only erased when it is the very one that the volume's claim was given below one of `roots`.
    """
    if not _is_ours(volume) or volume.status.phase == "Bound":
        return Plan()
    released = volume.status.phase in ("Released", "Failed")
    if not released or volume.spec.persistent_volume_reclaim_policy != "Delete":
        return Plan((_without_finalizer(volume),)) if is_terminating(volume) and _is_held(volume) else Plan()
    if is_terminating(volume) and not _is_held(volume):
        return Plan()
    place = _place(volume, roots)
    if place is None:
        return _refused(volume)
    erase = EraseDirectory(volume, *place)
    if is_terminating(volume):
        return Plan((erase, _without_finalizer(volume)))
    return Plan((erase, DeleteVolume(volume)))


def _is_held(volume: PersistentVolume) -> bool:
    return has_finalizer(volume, DATA_PROTECTION)


def _without_finalizer(volume: PersistentVolume) -> Write:
    free = copy(volume)
    remove_finalizer(free, DATA_PROTECTION)
    return Write(free)


def _place(volume: PersistentVolume, roots: Sequence[Path]) -> tuple[Path, Path] | None:
    """The directory, and the root it is below; None when it is not the one this provisioner would have made."""
    ref, source = volume.spec.claim_ref, volume.spec.host_path
    if ref is None or source is None or not (ref.namespace and ref.name and ref.uid):
        return None
    for root in roots:
        path = directory_of(root, ref.namespace, ref.name, ref.uid)
        if source.path == str(path):
            return path, root
    return None


def _refused(volume: PersistentVolume) -> Plan:
    path = volume.spec.host_path.path if volume.spec.host_path is not None else "no path"
    text = f"{path} is not a directory that {PROVISIONER} made for this volume; it is left as it is"
    return failed(volume, text)


def failed(volume: PersistentVolume, message: str) -> Plan:
    """Says that a volume could not be removed; nothing when that is said already."""
    if volume.status.phase == "Failed" and volume.status.message == message:
        return Plan()
    shown = copy(volume)
    shown.status.phase = "Failed"
    shown.status.message = message
    return Plan((Write(shown, "status"), Tell(volume, "Warning", "VolumeFailedDelete", message)))
