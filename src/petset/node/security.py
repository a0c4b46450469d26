"""Who a container's processes are and what they may do: the pod's and the container's securityContext together. Pure.

A container's own word counts before the pod's (upstream's DetermineEffectiveSecurityContext); the check of
runAsNonRoot is the kubelet's verifyRunAsNonRoot.
"""

from petset.api.types import Container, Pod, PodSecurityContext, SecurityContext
from petset.node.runtimes.interface import Image, SecurityOptions


class NotPermitted(Exception):
    """The securityContext contradicts itself or the image; the message is the kubelet's."""


def security_options(pod: Pod, container: Container, image: Image) -> SecurityOptions:
    """The runtime's options. Raises NotPermitted."""
    of_pod = pod.spec.security_context or PodSecurityContext()
    own = container.security_context or SecurityContext()
    _require_non_root(pod, container, image)
    capabilities = own.capabilities
    seccomp = own.seccomp_profile or of_pod.seccomp_profile
    if seccomp is not None and seccomp.type == "Localhost" and not own.privileged:
        raise NotPermitted("seccompProfile of type Localhost is not supported on this node")
    return SecurityOptions(
        user=_user(of_pod, own, image),
        supplemental_groups=_supplemental_groups(of_pod),
        privileged=bool(own.privileged),
        add_capabilities=tuple(capabilities.add) if capabilities is not None else (),
        drop_capabilities=tuple(capabilities.drop) if capabilities is not None else (),
        read_only_rootfs=bool(own.read_only_root_filesystem),
        no_new_privileges=own.allow_privilege_escalation is False,
        seccomp_unconfined=bool(own.privileged) or (seccomp is not None and seccomp.type == "Unconfined"),
    )


def common_user(pod: Pod) -> int | None:
    """The uid of all containers' processes; None when one of them says nothing, or they differ."""
    of_pod = pod.spec.security_context or PodSecurityContext()
    owns = [container.security_context for container in (*pod.spec.init_containers, *pod.spec.containers)]
    users = {own.run_as_user if own is not None and own.run_as_user is not None else of_pod.run_as_user for own in owns}
    return users.pop() if len(users) == 1 else None


def _user(of_pod: PodSecurityContext, own: SecurityContext, image: Image) -> str:
    """`uid`, `uid:gid`, or nothing for the image's own; a group without a user joins the image's user."""
    uid = own.run_as_user if own.run_as_user is not None else of_pod.run_as_user
    gid = own.run_as_group if own.run_as_group is not None else of_pod.run_as_group
    user = str(uid) if uid is not None else ""
    if gid is None:
        return user
    return f"{user or image.user.partition(':')[0] or '0'}:{gid}"


def _supplemental_groups(of_pod: PodSecurityContext) -> tuple[int, ...]:
    groups = [*of_pod.supplemental_groups]
    if of_pod.fs_group is not None:
        groups.append(of_pod.fs_group)
    return tuple(dict.fromkeys(groups))


def _require_non_root(pod: Pod, container: Container, image: Image) -> None:
    of_pod = pod.spec.security_context or PodSecurityContext()
    own = container.security_context or SecurityContext()
    required = own.run_as_non_root if own.run_as_non_root is not None else of_pod.run_as_non_root
    if not required:
        return
    metadata = pod.metadata
    where = f'(pod: "{metadata.name}_{metadata.namespace}({metadata.uid})", container: {container.name})'
    uid = own.run_as_user if own.run_as_user is not None else of_pod.run_as_user
    if uid is not None:
        if uid == 0:
            raise NotPermitted(f"container's runAsUser breaks non-root policy {where}")
        return
    user = image.user.partition(":")[0] or "0"
    if not user.isdecimal():
        raise NotPermitted(
            f"container has runAsNonRoot and image has non-numeric user ({user}), "
            f"cannot verify user is non-root {where}"
        )
    if int(user) == 0:
        raise NotPermitted(f"container has runAsNonRoot and image will run as root {where}")
