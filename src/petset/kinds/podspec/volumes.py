"""Validation of volumes."""

from collections.abc import Iterator, Sequence

from petset.api.field import FieldError, duplicate, forbidden, invalid, required, too_long
from petset.api.names import (
    dns1123_label_errors,
    dns1123_subdomain_errors,
    qualified_name_errors,
)
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
    ObjectMeta,
    PersistentVolumeClaimVolumeSource,
    ProjectedVolumeSource,
    SecretVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
    json_name,
)
from petset.kinds.checks import format_errors, labels, optional_one_of, required_errors
from petset.kinds.persistentvolumeclaim import claim_spec_errors
from petset.kinds.podspec import vendor_volumes
from petset.kinds.podspec.environment import VOLUME_FIELDS, field_ref_errors, resource_ref_errors
from petset.kinds.podspec.paths import file_in_volume, file_mode, without_backsteps
from petset.kinds.podspec.vendor_volumes import Check, said
from petset.kinds.podspec.volume_defaults import volume_sources
from petset.kinds.quantities import quantity_errors

_LONGEST_DRIVER = 63
_MISNAMED = {"cephfs": "cephFS", "downward_api": "downwarAPI"}
"""Volumes that upstream calls by another name where there are too many."""
_NOT_OF_TEMPLATES = (
    "name",
    "generate_name",
    "namespace",
    "self_link",
    "uid",
    "resource_version",
    "generation",
    "creation_timestamp",
    "deletion_timestamp",
    "deletion_grace_period_seconds",
    "owner_references",
    "finalizers",
    "managed_fields",
)
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
        errors = list(_volume_errors(where, volume))
        yield from errors
        if volume.name in names:
            yield duplicate(f"{where}.name", volume.name)
        elif not errors:
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
    if volume.iscsi is not None:
        yield from vendor_volumes.portal_errors(path, volume.name, volume.iscsi)
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
        yield forbidden(f"{path}.{_MISNAMED.get(name, json_name(name))}", "may not specify more than 1 volume type")
    for name in given[:1]:
        check = _CHECKS.get(name)
        if check is not None:
            yield from check(f"{path}.{json_name(name)}", getattr(volume, name))


def _items_errors(path: str, items: Sequence[KeyToPath]) -> Iterator[FieldError]:
    for index, item in enumerate(items):
        where = f"{path}.items[{index}]"
        yield from said(f"{where}.key", item.key)
        if not item.path:
            yield required(f"{where}.path")
        else:
            yield from file_in_volume(f"{where}.path", item.path)
        yield from file_mode(f"{where}.mode", item.mode)


def _config_map_errors(path: str, source: ConfigMapVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.name", source.name)
    yield from file_mode(f"{path}.defaultMode", source.default_mode)
    yield from _items_errors(path, source.items)


def _secret_errors(path: str, source: SecretVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.secretName", source.secret_name)
    yield from file_mode(f"{path}.defaultMode", source.default_mode)
    yield from _items_errors(path, source.items)


def _claim_errors(path: str, source: PersistentVolumeClaimVolumeSource) -> Iterator[FieldError]:
    yield from said(f"{path}.claimName", source.claim_name)


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
        if projection.service_account_token is not None:
            yield from _token_errors(where, path, projection.service_account_token)
        for target, named in _projected_paths(projection):
            if target in paths:
                yield invalid(path, named, "conflicting duplicate paths")
            elif target:
                paths.add(target)


def _projection_errors(path: str, projection: VolumeProjection) -> Iterator[FieldError]:
    given = [name for name in projection.__struct_fields__ if getattr(projection, name) is not None]
    for name in given[1:]:
        yield forbidden(f"{path}.{json_name(name)}", "may not specify more than 1 volume type per source")
    for place, named in (("configMap", projection.config_map), ("secret", projection.secret)):
        if named is not None:
            yield from said(f"{path}.{place}.name", named.name)
            yield from _items_errors(f"{path}.{place}", named.items)
    if projection.downward_api is not None:
        yield from _downward_files_errors(f"{path}.downwardAPI", projection.downward_api.items)


def _token_errors(path: str, volume: str, token: ServiceAccountTokenProjection) -> Iterator[FieldError]:
    """What is wrong with where it goes is told of the volume, as upstream does."""
    path, seconds = f"{path}.serviceAccountToken", token.expiration_seconds
    if seconds is not None and seconds < 600:
        yield invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    if seconds is not None and seconds > 1 << 32:
        yield invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
    if not token.path:
        yield required(f"{path}.path")
    else:
        yield from file_in_volume(f"{volume}.path", token.path)


def _projected_paths(projection: VolumeProjection) -> Iterator[tuple[str, str]]:
    """Where files come to be, and what a conflict about them names: their source where that has a name."""
    for source in (projection.secret, projection.config_map):
        if source is not None:
            yield from ((item.path, source.name or "") for item in source.items)
    if projection.downward_api is not None:
        yield from ((item.path, item.path) for item in projection.downward_api.items)


def _csi_errors(path: str, source: CSIVolumeSource) -> Iterator[FieldError]:
    if not source.driver:
        yield required(f"{path}.driver")
    if len(source.driver.encode()) > _LONGEST_DRIVER:
        yield too_long(f"{path}.driver", _LONGEST_DRIVER)
    for message in dns1123_subdomain_errors(source.driver.lower()) if source.driver else ():
        yield invalid(f"{path}.driver", source.driver, message)
    ref = source.node_publish_secret_ref
    if ref is not None and not ref.name:
        yield required(f"{path}.nodePublishSecretRef.name")
    elif ref is not None:
        yield from format_errors(f"{path}.name", ref.name or "", dns1123_subdomain_errors)  # upstream's path


def _ephemeral_errors(path: str, source: EphemeralVolumeSource) -> Iterator[FieldError]:
    template = source.volume_claim_template
    if template is None:
        yield required(f"{path}.volumeClaimTemplate")
    else:
        yield from _template_metadata_errors(f"{path}.volumeClaimTemplate.metadata", template.metadata)
        yield from claim_spec_errors(f"{path}.volumeClaimTemplate.spec", template.spec)


def _template_metadata_errors(path: str, meta: ObjectMeta) -> Iterator[FieldError]:
    """A claim that is made for a pod is named and owned by it."""
    for key in meta.annotations:
        yield from format_errors(f"{path}.annotations", key.lower(), qualified_name_errors)
    yield from labels(f"{path}.labels", meta.labels)
    for name in _NOT_OF_TEMPLATES:
        if getattr(meta, name):
            yield forbidden(f"{path}.{'uID' if name == 'uid' else json_name(name)}", "cannot be set")


def reference_errors(path: str, volumes: Sequence[Volume]) -> Iterator[FieldError]:
    """A pod's images have to be told; those of a template may be filled in later."""
    for index, volume in enumerate(volumes):
        if volume.image is not None and not volume.image.reference:
            yield required(f"{path}[{index}].image.reference")


def _image_errors(path: str, source: ImageVolumeSource) -> Iterator[FieldError]:
    yield from optional_one_of(f"{path}.pullPolicy", source.pull_policy, ("Always", "IfNotPresent", "Never"))


_CHECKS: dict[str, Check] = {
    **vendor_volumes.CHECKS,
    "config_map": _config_map_errors,
    "csi": _csi_errors,
    "downward_api": _downward_api_errors,
    "empty_dir": _empty_dir_errors,
    "ephemeral": _ephemeral_errors,
    "host_path": host_path_errors,
    "image": _image_errors,
    "persistent_volume_claim": _claim_errors,
    "projected": _projected_errors,
    "secret": _secret_errors,
}
