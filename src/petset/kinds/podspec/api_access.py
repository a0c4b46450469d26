"""The volume by which the containers of a pod reach the API: token, authority, namespace.

Follows upstream's `plugin/pkg/admission/serviceaccount`.
"""

from petset.api.types import (
    ConfigMapProjection,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    KeyToPath,
    ObjectFieldSelector,
    PodSpec,
    ProjectedVolumeSource,
    ServiceAccount,
    ServiceAccountTokenProjection,
    Volume,
    VolumeMount,
    VolumeProjection,
)
from petset.kinds.podspec.volume_defaults import FILE_MODE

VOLUME_PREFIX = "kube-api-access-"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
AUTHORITY = "kube-root-ca.crt"
"""The ConfigMap of every namespace with the certificate by which the API is known."""
TOKEN_SECONDS = 3607


def wants_access(spec: PodSpec, account: ServiceAccount) -> bool:
    """Whether the volume is to be added: what the pod says, else what its account says, else yes."""
    if spec.automount_service_account_token is not None:
        return spec.automount_service_account_token
    return account.automount_service_account_token is not False


def add_access(spec: PodSpec, new_name: str) -> None:
    """Mounts the volume into every container that has nothing at its place.

    A volume whose name begins like one that was added is taken for it; else a new one is called `new_name`.
    """
    present = next((volume.name for volume in spec.volumes if volume.name.startswith(VOLUME_PREFIX)), "")
    needed = False
    for container in (*spec.init_containers, *spec.containers):
        if all(mount.mount_path != MOUNT_PATH for mount in container.volume_mounts):
            mount = VolumeMount(name=present or new_name, mount_path=MOUNT_PATH, read_only=True)
            container.volume_mounts.append(mount)
            needed = True
    if needed and not present:
        spec.volumes.append(Volume(name=new_name, projected=_source()))


def share_source(spec: PodSpec) -> None:
    """Lets the volume of a pod that nobody changes any more have its source in common with those of all other pods."""
    for volume in spec.volumes:
        if volume.name.startswith(VOLUME_PREFIX) and volume.projected == _COMMON:
            volume.projected = _COMMON


def _source() -> ProjectedVolumeSource:
    token = ServiceAccountTokenProjection(path="token", expiration_seconds=TOKEN_SECONDS)
    authority = ConfigMapProjection(name=AUTHORITY, items=[KeyToPath(key="ca.crt", path="ca.crt")])
    of_pod = ObjectFieldSelector(api_version="v1", field_path="metadata.namespace")
    namespace = DownwardAPIProjection(items=[DownwardAPIVolumeFile(path="namespace", field_ref=of_pod)])
    sources = [
        VolumeProjection(service_account_token=token),
        VolumeProjection(config_map=authority),
        VolumeProjection(downward_api=namespace),
    ]
    return ProjectedVolumeSource(sources=sources, default_mode=FILE_MODE)


_COMMON = _source()
