"""Defaults of volumes. A volume that names no source is an emptyDir."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from petset.api.types import (
    AzureDiskVolumeSource,
    DownwardAPIVolumeFile,
    EmptyDirVolumeSource,
    ISCSIVolumeSource,
    ProjectedVolumeSource,
    RBDVolumeSource,
    ScaleIOVolumeSource,
    Volume,
)
from petset.kinds.podspec.images import pull_policy
from petset.kinds.quantities import canonical, canonicalize

FILE_MODE = 0o644
# fmt: off
_SOURCES = (
    "empty_dir", "host_path", "git_repo", "gce_persistent_disk", "aws_elastic_block_store", "secret", "nfs", "iscsi",
    "glusterfs", "flocker", "persistent_volume_claim", "rbd", "cinder", "cephfs", "quobyte", "downward_api", "fc",
    "flex_volume", "config_map", "azure_file", "vsphere_volume", "photon_persistent_disk", "portworx_volume",
    "azure_disk", "storageos", "projected", "scale_io", "csi", "ephemeral", "image",
)
# fmt: on
"""In the order in which upstream finds them: the first one is the volume's."""
_read_sources = attrgetter(*_SOURCES)


def volume_sources(volume: Volume) -> list[str]:
    """The attributes of a volume that hold a source; one, when it is valid and defaulted."""
    return [name for name, source in zip(_SOURCES, _read_sources(volume), strict=True) if source is not None]


def default_volume(volume: Volume) -> None:
    """Fills in the source, or what the source left out."""
    sources = volume_sources(volume)
    if not sources:
        volume.empty_dir = EmptyDirVolumeSource()
    for name in sources:
        fill = _DEFAULTS.get(name)
        if fill is not None:
            fill(getattr(volume, name))


def _default_mode(source: Any) -> None:
    if source.default_mode is None:
        source.default_mode = FILE_MODE


def _default_downward_items(items: list[DownwardAPIVolumeFile]) -> None:
    for item in items:
        if item.field_ref is not None:
            item.field_ref.api_version = item.field_ref.api_version or "v1"


def _default_downward_api(source: Any) -> None:
    _default_mode(source)
    _default_downward_items(source.items)


def _default_projected(source: ProjectedVolumeSource) -> None:
    _default_mode(source)
    for projection in source.sources:
        if projection.downward_api is not None:
            _default_downward_items(projection.downward_api.items)
        token = projection.service_account_token
        if token is not None and token.expiration_seconds is None:
            token.expiration_seconds = 3600


def _default_host_path(source: Any) -> None:
    if source.type is None:
        source.type = ""


def _default_empty_dir(source: EmptyDirVolumeSource) -> None:
    if source.size_limit is not None:
        source.size_limit = canonical(source.size_limit)


def _default_ephemeral(source: Any) -> None:
    template = source.volume_claim_template
    if template is not None:
        template.spec.volume_mode = template.spec.volume_mode or "Filesystem"
        canonicalize(template.spec.resources.limits)
        canonicalize(template.spec.resources.requests)


def _default_image(source: Any) -> None:
    source.pull_policy = source.pull_policy or pull_policy(source.reference)


def _default_azure_disk(source: AzureDiskVolumeSource) -> None:
    source.caching_mode = source.caching_mode or "ReadWrite"
    source.kind = source.kind or "Shared"
    source.fs_type = source.fs_type or "ext4"
    source.read_only = bool(source.read_only)


def _default_iscsi(source: ISCSIVolumeSource) -> None:
    source.iscsi_interface = source.iscsi_interface or "default"


def _default_rbd(source: RBDVolumeSource) -> None:
    source.pool = source.pool or "rbd"
    source.user = source.user or "admin"
    source.keyring = source.keyring or "/etc/ceph/keyring"


def _default_scale_io(source: ScaleIOVolumeSource) -> None:
    source.storage_mode = source.storage_mode or "ThinProvisioned"
    source.fs_type = source.fs_type or "xfs"


_DEFAULTS: dict[str, Callable[[Any], None]] = {
    "azure_disk": _default_azure_disk,
    "config_map": _default_mode,
    "downward_api": _default_downward_api,
    "empty_dir": _default_empty_dir,
    "ephemeral": _default_ephemeral,
    "host_path": _default_host_path,
    "image": _default_image,
    "iscsi": _default_iscsi,
    "projected": _default_projected,
    "rbd": _default_rbd,
    "scale_io": _default_scale_io,
    "secret": _default_mode,
}
