"""The table of pods: where each runs, how it is reached, what it stores where. Pure."""

from typing import NamedTuple

from petset.api.meta import Key, controller_of
from petset.api.types import Pod
from petset.cli.progress.snapshot import Snapshot, directory_of, shown_name
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of
from petset.controllers.volumes.use import claim_names
from petset.kinds.podstatus import summarize

HEADER = ("POD", "READY", "STATUS", "NODE", "IP", "DNS NAME", "REVISION", "CLAIM", "DIRECTORY")
SET_HEADER = ("STATEFULSET", "READY", "UPDATED", "REVISION")
NONE = "-"


class PodRow(NamedTuple):
    """One pod as people look for it."""

    pod: str
    ready: str
    status: str
    node: str
    ip: str
    dns_name: str
    revision: str
    claim: str
    directory: str


def pod_rows(snapshot: Snapshot, domain: str) -> list[PodRow]:
    """A row per pod: by namespace, set and ordinal; pods of no set last."""
    several = len({pod.metadata.namespace for pod in snapshot.pods}) > 1
    return [_row(snapshot, pod, domain, several=several) for pod in sorted(snapshot.pods, key=_order)]


def _order(pod: Pod) -> tuple[str, bool, str, int, str]:
    owner = controller_of(pod)
    set_name = owner.name if owner is not None and owner.kind == "StatefulSet" else ""
    ordinal = ordinal_of(set_name, pod.metadata.name)
    return (pod.metadata.namespace, not set_name, set_name, ordinal or 0, pod.metadata.name)


def _row(snapshot: Snapshot, pod: Pod, domain: str, *, several: bool) -> PodRow:
    summary = summarize(pod)
    claims = claim_names(pod)
    found = [snapshot.claim_named(Key(pod.metadata.namespace, name)) for name in claims]
    directories = [
        directory_of(snapshot.volume_named(claim.spec.volume_name)) if claim is not None else "" for claim in found
    ]
    return PodRow(
        pod=f"{pod.metadata.namespace}/{pod.metadata.name}" if several else pod.metadata.name,
        ready=f"{summary.ready}/{summary.total}",
        status=summary.status or NONE,
        node=pod.spec.node_name or NONE,
        ip=pod.status.pod_ip or NONE,
        dns_name=dns_name(pod, domain) or NONE,
        revision=pod.metadata.labels.get(REVISION_LABEL) or NONE,
        claim="\n".join(claims) or NONE,
        directory="\n".join(directory or NONE for directory in directories) or NONE,
    )


def dns_name(pod: Pod, domain: str) -> str:
    """`web-0.nginx.default.svc.cluster.local`; empty without a governing Service."""
    if not pod.spec.subdomain:
        return ""
    host = pod.spec.hostname or pod.metadata.name
    return f"{host}.{pod.spec.subdomain}.{pod.metadata.namespace}.svc.{domain}"


def set_rows(snapshot: Snapshot) -> list[tuple[str, str, str, str]]:
    """A row per StatefulSet: how many of its pods are ready and at the newest revision."""
    rows = []
    for set_ in sorted(snapshot.sets, key=lambda set_: (set_.metadata.namespace, set_.metadata.name)):
        replicas, status = set_.spec.replicas or 0, set_.status
        ready, updated = f"{status.ready_replicas or 0}/{replicas}", f"{status.updated_replicas or 0}/{replicas}"
        rows.append((shown_name(set_), ready, updated, status.update_revision or NONE))
    return rows
