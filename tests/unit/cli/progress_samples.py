"""A StatefulSet on its way, as its watches show it."""

from typing import Any

from petset.api.meta import owner_reference
from petset.api.types import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateWaiting,
    ContainerStatus,
    Event,
    HostPathVolumeSource,
    Node,
    NodeCondition,
    Object,
    ObjectMeta,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodCondition,
    StatefulSet,
    Volume,
)
from tests.simulation.world import web

IMAGE = "nginx:1.7.9"


def a_set(*, ready: int = 0, replicas: int = 3) -> StatefulSet:
    """The set `web`, with some pods ready."""
    set_ = web(replicas)
    set_.status.observed_generation = 1
    set_.status.replicas = set_.status.updated_replicas = replicas
    set_.status.ready_replicas = ready
    set_.status.update_revision = "web-new"
    return set_


def a_pod(name: str = "web-0", *, namespace: str = "default", state: str = "new", restarts: int = 0) -> Pod:
    """A pod of it: new, waiting, running, ready or terminating."""
    pod = Pod(metadata=ObjectMeta(name=name, namespace=namespace, uid=f"uid-{name}"))
    pod.metadata.owner_references = [owner_reference(web())]
    pod.metadata.labels = {"controller-revision-hash": "web-new"}
    pod.spec.hostname, pod.spec.subdomain = name, "nginx"
    source = PersistentVolumeClaimVolumeSource(claim_name=f"www-{name}")
    pod.spec.volumes = [Volume(name="www", persistent_volume_claim=source)]
    pod.status.phase = "Pending"
    if state == "terminating":
        pod.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    if state == "waiting":
        waiting = ContainerStateWaiting(reason="ImagePullBackOff", message=f'Back-off pulling image "{IMAGE}"')
        pod.status.container_statuses = [ContainerStatus(name="nginx", state=ContainerState(waiting=waiting))]
    if state in ("running", "ready"):
        pod.status.phase = "Running"
        running = ContainerState(running=ContainerStateRunning())
        status = ContainerStatus(name="nginx", state=running, ready=state == "ready", restart_count=restarts)
        pod.status.container_statuses = [status]
    pod.status.conditions = [PodCondition(type="Ready", status="True" if state == "ready" else "False")]
    return pod


def an_event(about: Object, reason: str, message: str, *, type_: str = "Normal", at: str = "") -> Event:
    """Something that happened to an object."""
    meta = about.metadata
    reference = ObjectReference(kind=about.kind, name=meta.name, namespace=meta.namespace, uid=meta.uid)
    event = Event(involved_object=reference, reason=reason, message=message, type=type_, last_timestamp=at)
    event.metadata.uid = f"{meta.name}-{reason}-{at}"
    return event


def a_claim(name: str = "www-web-0", *, phase: str = "Bound", namespace: str = "default") -> PersistentVolumeClaim:
    """The claim of a pod; bound to `pv-<name>`."""
    claim = PersistentVolumeClaim(metadata=ObjectMeta(name=name, namespace=namespace, uid=f"uid-{name}"))
    claim.status.phase = phase
    claim.spec.volume_name = f"pv-{name}" if phase == "Bound" else None
    return claim


def a_volume(claim: str = "www-web-0") -> PersistentVolume:
    """The volume of a claim."""
    volume = PersistentVolume(metadata=ObjectMeta(name=f"pv-{claim}"))
    volume.spec.host_path = HostPathVolumeSource(path=f"/volumes/{claim}")
    return volume


def a_node(*, ready: bool = True, **condition: Any) -> Node:
    """The node."""
    node = Node(metadata=ObjectMeta(name="vm"))
    node.status.conditions = [NodeCondition(type="Ready", status="True" if ready else "False", **condition)]
    return node
