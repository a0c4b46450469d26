"""Validation of volumes. Of sources that petset cannot mount only what they have to say is looked at."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from petset.api.field import FieldError, duplicate, forbidden, invalid, required
from petset.api.names import config_map_key_errors, dns1123_label_errors, dns1123_subdomain_errors
from petset.api.types import (
    ConfigMapVolumeSource,
    CSIVolumeSource,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    EphemeralVolumeSource,
    HostPathVolumeSource,
    ImageVolumeSource,
    KeyToPath,
    NFSVolumeSource,
    PersistentVolumeClaimVolumeSource,
    ProjectedVolumeSource,
    SecretVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
    json_name,
)
from petset.kinds.checks import optional_one_of, required_errors
from petset.kinds.persistentvolumeclaim import claim_spec_errors
from petset.kinds.podspec.environment import VOLUME_FIELDS, field_ref_errors, resource_ref_errors
from petset.kinds.podspec.paths import file_in_volume, file_mode, without_backsteps
from petset.kinds.podspec.volume_defaults import volume_sources
from petset.kinds.quantities import quantity_errors

HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)


def volumes_errors(path: str, volumes: Sequence[Volume]) -> Iterator[FieldError]:
    """Everything wrong with the volumes of a pod."""
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        where = f"{path}[{index}]"
        yield from _volume_errors(where, volume)
        if volume.name and volume.name in names:
            yield duplicate(f"{where}.name", volume.name)
        names.add(volume.name)


def sound_volumes(volumes: Sequence[Volume]) -> dict[str, Volume]:
    """The volumes that can be mounted: nothing is wrong with them, as far as a volume by itself tells."""
    found: dict[str, Volume] = {}
    for volume in volumes:
        if volume.name not in found and not any(_volume_errors("", volume)):
            found[volume.name] = volume
    return found


def _volume_errors(path: str, volume: Volume) -> Iterator[FieldError]:
    yield from _source_errors(path, volume)
    yield from required_errors(f"{path}.name", volume.name, dns1123_label_errors)


def host_path_errors(path: str, source: HostPathVolumeSource) -> Iterator[FieldError]:
    """A directory of the node; persistent volumes have it too."""
    if not source.path:
        yield required(f"{path}.path")
        return
    yield from without_backsteps(f"{path}.path", source.path)
    yield from optional_one_of(f"{path}.type", source.type, HOST_PATH_TYPES)


def _source_errors(path: str, volume: Volume) -> Iterator[FieldError]:
    given = volume_sources(volume)
    if not given:
        yield required(path, "must specify a volume type")
    for name in given[1:]:
        yield forbidden(f"{path}.{json_name(name)}", "may not specify more than 1 volume type")
    for name in given[:1]:
        check = _CHECKS.get(name)
        if check is not None:
            yield from check(f"{path}.{json_name(name)}", getattr(volume, name))


def _items_errors(path: str, items: Sequence[KeyToPath]) -> Iterator[FieldError]:
    for index, item in enumerate(items):
        where = f"{path}.items[{index}]"
        yield from required_errors(f"{where}.key", item.key, config_map_key_errors)
        if not item.path:
            yield required(f"{where}.path")
        else:
            yield from file_in_volume(f"{where}.path", item.path)
        yield from file_mode(f"{where}.mode", item.mode)


def _config_map_errors(path: str, source: ConfigMapVolumeSource) -> Iterator[FieldError]:
    yield from required_errors(f"{path}.name", source.name, dns1123_subdomain_errors)
    yield from file_mode(f"{path}.defaultMode", source.default_mode)
    yield from _items_errors(path, source.items)


def _secret_errors(path: str, source: SecretVolumeSource) -> Iterator[FieldError]:
    yield from required_errors(f"{path}.secretName", source.secret_name, dns1123_subdomain_errors)
    yield from file_mode(f"{path}.defaultMode", source.default_mode)
    yield from _items_errors(path, source.items)


def _claim_errors(path: str, source: PersistentVolumeClaimVolumeSource) -> Iterator[FieldError]:
    yield from required_errors(f"{path}.claimName", source.claim_name, dns1123_subdomain_errors)


def _empty_dir_errors(path: str, source: EmptyDirVolumeSource) -> Iterator[FieldError]:
    if source.size_limit is not None and quantity_errors("", source.size_limit):
        yield forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _downward_api_errors(path: str, source: DownwardAPIVolumeSource) -> Iterator[FieldError]:
    yield from file_mode(f"{path}.defaultMode", source.default_mode)
    yield from _downward_files_errors(path, source.items)


def _downward_files_errors(path: str, items: Sequence[DownwardAPIVolumeFile]) -> Iterator[FieldError]:
    for item in items:
        yield from _downward_file_errors(path, item)


def _downward_file_errors(whole: str, item: DownwardAPIVolumeFile) -> Iterator[FieldError]:
    """Upstream names the volume here, not the item."""
    if not item.path:
        yield required(f"{whole}.path")
    else:
        yield from file_in_volume(f"{whole}.path", item.path)
    if item.field_ref is not None:
        yield from field_ref_errors(f"{whole}.fieldRef", item.field_ref, VOLUME_FIELDS)
        if item.resource_field_ref is not None:
            yield invalid(whole, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif item.resource_field_ref is not None:
        yield from resource_ref_errors(f"{whole}.resourceFieldRef", item.resource_field_ref, in_volume=True)
    else:
        yield required(whole, "one of fieldRef and resourceFieldRef is required")
    yield from file_mode(f"{whole}.mode", item.mode)


def _projected_errors(path: str, source: ProjectedVolumeSource) -> Iterator[FieldError]:
    yield from file_mode(f"{path}.defaultMode", source.default_mode)
    paths: set[str] = set()
    for index, projection in enumerate(source.sources):
        where = f"{path}.sources[{index}]"
        yield from _projection_errors(where, projection)
        for target in filter(None, _projected_paths(projection)):
            if target in paths:
                yield invalid(where, target, "conflicting duplicate paths")
            paths.add(target)


def _projection_errors(path: str, projection: VolumeProjection) -> Iterator[FieldError]:
    given = [name for name in projection.__struct_fields__ if getattr(projection, name) is not None]
    if not given:
        yield required(path, "must specify a volume type")
    for name in given[1:]:
        yield forbidden(f"{path}.{json_name(name)}", "may not specify more than 1 volume type per source")
    for place, named in (("configMap", projection.config_map), ("secret", projection.secret)):
        if named is not None:
            yield from required_errors(f"{path}.{place}.name", named.name, dns1123_subdomain_errors)
            yield from _items_errors(f"{path}.{place}", named.items)
    if projection.downward_api is not None:
        yield from _downward_files_errors(f"{path}.downwardAPI", projection.downward_api.items)
    if projection.service_account_token is not None:
        yield from _token_errors(f"{path}.serviceAccountToken", projection.service_account_token)


def _token_errors(path: str, token: ServiceAccountTokenProjection) -> Iterator[FieldError]:
    seconds = token.expiration_seconds
    if seconds is not None and seconds < 600:
        yield invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    if seconds is not None and seconds > 1 << 32:
        yield invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
    if not token.path:
        yield required(f"{path}.path")
    else:
        yield from file_in_volume(f"{path}.path", token.path)


def _projected_paths(projection: VolumeProjection) -> Iterator[str]:
    for files in (projection.config_map, projection.secret, projection.downward_api):
        if files is not None:
            yield from (item.path for item in files.items)
    if projection.service_account_token is not None:
        yield projection.service_account_token.path


def _nfs_errors(path: str, source: NFSVolumeSource) -> Iterator[FieldError]:
    if not source.server:
        yield required(f"{path}.server")
    if not source.path:
        yield required(f"{path}.path")
    if not source.path.startswith("/"):
        yield invalid(f"{path}.path", source.path, "must be an absolute path")


def _csi_errors(path: str, source: CSIVolumeSource) -> Iterator[FieldError]:
    yield from required_errors(f"{path}.driver", source.driver, dns1123_subdomain_errors)


def _ephemeral_errors(path: str, source: EphemeralVolumeSource) -> Iterator[FieldError]:
    template = source.volume_claim_template
    if template is None:
        yield required(f"{path}.volumeClaimTemplate")
    else:
        yield from claim_spec_errors(f"{path}.volumeClaimTemplate.spec", template.spec)


def _image_errors(path: str, source: ImageVolumeSource) -> Iterator[FieldError]:
    yield from optional_one_of(f"{path}.pullPolicy", source.pull_policy, ("Always", "IfNotPresent", "Never"))


def _saying(*names: str) -> Callable[[str, Any], Iterator[FieldError]]:
    """A check that a source says something in these fields."""

    def check(path: str, source: Any) -> Iterator[FieldError]:
        return (required(f"{path}.{json_name(name)}") for name in names if not getattr(source, name))

    return check


_CHECKS: dict[str, Callable[[str, Any], Iterator[FieldError]]] = {
    "aws_elastic_block_store": _saying("volume_id"),
    "azure_file": _saying("secret_name", "share_name"),
    "cephfs": _saying("monitors"),
    "cinder": _saying("volume_id"),
    "config_map": _config_map_errors,
    "csi": _csi_errors,
    "downward_api": _downward_api_errors,
    "empty_dir": _empty_dir_errors,
    "ephemeral": _ephemeral_errors,
    "flex_volume": _saying("driver"),
    "git_repo": _saying("repository"),
    "glusterfs": _saying("endpoints", "path"),
    "host_path": host_path_errors,
    "image": _image_errors,
    "iscsi": _saying("target_portal", "iqn"),
    "nfs": _nfs_errors,
    "persistent_volume_claim": _claim_errors,
    "photon_persistent_disk": _saying("pd_id"),
    "portworx_volume": _saying("volume_id"),
    "projected": _projected_errors,
    "rbd": _saying("monitors", "image"),
    "scale_io": _saying("gateway", "system", "volume_name"),
    "secret": _secret_errors,
    "storageos": _saying("volume_name"),
    "vsphere_volume": _saying("volume_path"),
}
