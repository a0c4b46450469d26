"""Validation of volumes on the storage of particular vendors and protocols, which petset cannot mount.

Follows `pkg/apis/core/validation`: a template that is for another cluster is refused here for what that would refuse.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from petset.api.field import FieldError, invalid, not_supported, required
from petset.api.names import dns1123_label_errors
from petset.api.types import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    CinderVolumeSource,
    FCVolumeSource,
    FlexVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    GitRepoVolumeSource,
    ISCSIVolumeSource,
    LocalObjectReference,
    NFSVolumeSource,
    QuobyteVolumeSource,
    StorageOSVolumeSource,
    json_name,
)
from petset.kinds.checks import optional_errors, optional_one_of, required_errors
from petset.kinds.podspec.paths import relative

Check = Callable[[str, Any], Iterator[FieldError]]

_LONGEST_PORTAL = 64
"""Characters of a volume's name, a colon and its portal."""
_PORTAL_RULE = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters "
    "if iscsi.initiatorName is specified."
)
_QUALIFIED_NAMES = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.[a-zA-Z0-9.-]+:[^,;*&$|\s]+$", re.ASCII).search,
    "eui": re.compile(r"eui.[a-zA-Z0-9]{16}", re.ASCII).fullmatch,
    "naa": re.compile(r"naa.[a-zA-Z0-9]{32}", re.ASCII).fullmatch,
}
"""The forms of names of iSCSI nodes, by what they begin with."""
_HOST_AND_PORT = re.compile(r"\[[^]]*\]:[^:]*|[^][:]*:[^][:]*").fullmatch
_REGISTRY_RULE = "must be a host:port pair or multiple pairs separated by commas"
_LONGEST_TENANT = 64
_RESERVED = (".kubernetes.io", ".k8s.io")
_CACHING_MODES = ("None", "ReadOnly", "ReadWrite")
_DISK_KINDS = ("Dedicated", "Managed", "Shared")
_MANAGED_DISK = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB_DISK = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"


def said(path: str, text: str | None) -> Iterator[FieldError]:
    """Whether there is anything; what it names need not be."""
    if not text:
        yield required(path)


def portal_errors(path: str, name: str, source: ISCSIVolumeSource) -> Iterator[FieldError]:
    """Whether the name of a volume goes with its portal."""
    if source.initiator_name is not None and len(f"{name}:{source.target_portal}") > _LONGEST_PORTAL:
        yield invalid(f"{path}.name", name, _PORTAL_RULE)


def _between(path: str, number: int | None, least: int) -> Iterator[FieldError]:
    if number is not None and not least <= number <= 255:
        yield invalid(path, number, f"must be between {least} and 255, inclusive")


def _secret_ref(path: str, ref: LocalObjectReference | None) -> Iterator[FieldError]:
    if ref is not None and not ref.name:
        yield required(f"{path}.secretRef.name")


def _gce_errors(path: str, source: GCEPersistentDiskVolumeSource) -> Iterator[FieldError]:
    """Upstream names the field by what it once was."""
    whole = f"{path.removesuffix('gcePersistentDisk')}persistentDisk"
    yield from said(f"{whole}.pdName", source.pd_name)
    yield from _between(f"{whole}.partition", source.partition or None, 1)


def _aws_errors(path: str, source: AWSElasticBlockStoreVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.volumeID", source.volume_id)
    yield from _between(f"{path}.partition", source.partition or None, 1)


def _git_errors(path: str, source: GitRepoVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.repository", source.repository)
    yield from relative(f"{path}.directory", source.directory or "")


def _iscsi_errors(path: str, source: ISCSIVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.targetPortal", source.target_portal)
    yield from said(f"{path}.iqn", source.iqn)
    if source.iqn:
        yield from _qualified_name(f"{path}.iqn", source.iqn)
    yield from _between(f"{path}.lun", source.lun, 0)
    if (source.chap_auth_discovery or source.chap_auth_session) and source.secret_ref is None:
        yield required(f"{path}.secretRef")
    if source.initiator_name is not None:
        yield from _qualified_name(f"{path}.initiatorname", source.initiator_name)


def _qualified_name(path: str, name: str) -> Iterator[FieldError]:
    is_well_formed = _QUALIFIED_NAMES.get(name[:3])
    if is_well_formed is None:
        yield invalid(path, name, "must be valid format starting with iqn, eui, or naa")
    elif not is_well_formed(name):
        yield invalid(path, name, "must be valid format")


def _flocker_errors(path: str, source: FlockerVolumeSource) -> Iterator[FieldError]:
    if not source.dataset_name and not source.dataset_uuid:
        yield required(path, "one of datasetName and datasetUUID is required")
    if source.dataset_name and source.dataset_uuid:
        yield invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")
    if "/" in (source.dataset_name or ""):
        yield invalid(f"{path}.datasetName", source.dataset_name, "must not contain '/'")


def _cinder_errors(path: str, source: CinderVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.volumeID", source.volume_id)
    yield from _secret_ref(path, source.secret_ref)


def _quobyte_errors(path: str, source: QuobyteVolumeSource) -> Iterator[FieldError]:
    if not source.registry:
        yield required(f"{path}.registry", _REGISTRY_RULE)
    elif len(source.tenant or "") > _LONGEST_TENANT:
        yield required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters")
    else:
        for pair in source.registry.split(","):
            if not _HOST_AND_PORT(pair):
                yield invalid(f"{path}.registry", source.registry, _REGISTRY_RULE)
    yield from said(f"{path}.volume", source.volume)


def _fc_errors(path: str, source: FCVolumeSource) -> Iterator[FieldError]:
    names = source.target_wwns
    if not names and not source.wwids:
        yield required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    if names and source.wwids:
        yield invalid(f"{path}.targetWWNs", names, "targetWWNs and wwids can not be specified simultaneously")
    if names and source.lun is None:
        yield required(f"{path}.lun", "lun is required if targetWWNs is specified")
    elif names:
        yield from _between(f"{path}.lun", source.lun, 0)


def _flex_errors(path: str, source: FlexVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.driver", source.driver)
    for option in source.options:
        if f".{option.partition('/')[0].lower()}".endswith(_RESERVED):
            yield invalid(f"{path}.options[{option}]", option, "kubernetes.io and k8s.io namespaces are reserved")


def _azure_disk_errors(path: str, source: AzureDiskVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.diskName", source.disk_name)
    yield from said(f"{path}.diskURI", source.disk_uri)
    yield from optional_one_of(f"{path}.cachingMode", source.caching_mode, _CACHING_MODES)
    yield from optional_one_of(f"{path}.kind", source.kind, _DISK_KINDS)
    is_managed = source.kind == "Managed"
    if source.kind is not None and not source.disk_uri.startswith("/subscriptions/" if is_managed else "https://"):
        yield not_supported(f"{path}.diskURI", source.disk_uri, [_MANAGED_DISK if is_managed else _BLOB_DISK])


def _storageos_errors(path: str, source: StorageOSVolumeSource) -> Iterator[FieldError]:
    yield from required_errors(f"{path}.volumeName", source.volume_name, dns1123_label_errors)
    yield from optional_errors(f"{path}.volumeNamespace", source.volume_namespace, dns1123_label_errors)
    yield from _secret_ref(path, source.secret_ref)


def _nfs_errors(path: str, source: NFSVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.server", source.server)
    yield from said(f"{path}.path", source.path)
    if not source.path.startswith("/"):
        yield invalid(f"{path}.path", source.path, "must be an absolute path")


def _saying(*names: str) -> Check:
    """A check that a source says something in these fields."""

    def check(path: str, source: Any) -> Iterator[FieldError]:
        return (required(f"{path}.{json_name(name)}") for name in names if not getattr(source, name))

    return check


CHECKS: dict[str, Check] = {
    "aws_elastic_block_store": _aws_errors,
    "azure_disk": _azure_disk_errors,
    "azure_file": _saying("secret_name", "share_name"),
    "cephfs": _saying("monitors"),
    "cinder": _cinder_errors,
    "fc": _fc_errors,
    "flex_volume": _flex_errors,
    "flocker": _flocker_errors,
    "gce_persistent_disk": _gce_errors,
    "git_repo": _git_errors,
    "glusterfs": _saying("endpoints", "path"),
    "iscsi": _iscsi_errors,
    "nfs": _nfs_errors,
    "photon_persistent_disk": _saying("pd_id"),
    "portworx_volume": _saying("volume_id"),
    "quobyte": _quobyte_errors,
    "rbd": _saying("monitors", "image"),
    "scale_io": _saying("gateway", "system", "volume_name"),
    "storageos": _storageos_errors,
    "vsphere_volume": _saying("volume_path"),
}
"""What can be wrong with a source, by the name of its attribute."""
