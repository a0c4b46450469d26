"""The ordinals of a set, the pod and the claims that each must have, and whether a live pod still has them. Pure."""

from petset.api.meta import copy, owner_reference
from petset.api.types import (
    ObjectMeta,
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodTemplateSpec,
    StatefulSet,
    Volume,
)
from petset.controllers.statefulset.names import (
    POD_INDEX_LABEL,
    POD_NAME_LABEL,
    REVISION_LABEL,
    claim_name,
    pod_name,
)


def ordinals(set_: StatefulSet) -> range:
    """The ordinals the set wants: `replicas` many, from spec.ordinals.start."""
    start = set_.spec.ordinals.start if set_.spec.ordinals is not None else 0
    return range(start, start + (set_.spec.replicas if set_.spec.replicas is not None else 1))


def new_pod(set_: StatefulSet, template: PodTemplateSpec, revision: str, ordinal: int) -> Pod:
    """The pod of one ordinal at one revision, as it is sent to the API."""
    template = copy(template)
    meta = template.metadata
    name = pod_name(set_.metadata.name, ordinal)
    pod = Pod(
        metadata=ObjectMeta(
            name=name,
            generate_name=f"{set_.metadata.name}-",
            namespace=set_.metadata.namespace,
            labels=meta.labels,
            annotations=meta.annotations,
            finalizers=meta.finalizers,
            owner_references=[owner_reference(set_)],
        ),
        spec=template.spec,
    )
    pod.spec.hostname = name
    pod.spec.subdomain = set_.spec.service_name or None
    give_labels(pod, set_, ordinal)
    pod.metadata.labels[REVISION_LABEL] = revision
    give_volumes(pod, set_, ordinal)
    return pod


def give_labels(pod: Pod, set_: StatefulSet, ordinal: int) -> None:
    """Writes the labels that carry the identity."""
    pod.metadata.labels[POD_NAME_LABEL] = pod_name(set_.metadata.name, ordinal)
    pod.metadata.labels[POD_INDEX_LABEL] = str(ordinal)


def give_volumes(pod: Pod, set_: StatefulSet, ordinal: int) -> None:
    """Puts the ordinal's claims first among the volumes; they replace volumes of the same name."""
    claims = [
        Volume(
            name=template.metadata.name,
            persistent_volume_claim=PersistentVolumeClaimVolumeSource(
                claim_name=claim_name(template.metadata.name, set_.metadata.name, ordinal)
            ),
        )
        for template in set_.spec.volume_claim_templates
    ]
    names = {volume.name for volume in claims}
    pod.spec.volumes = claims + [volume for volume in pod.spec.volumes if volume.name not in names]


def identity_matches(pod: Pod, set_: StatefulSet, ordinal: int) -> bool:
    """Whether name, namespace and pod-name label agree. The pod-index label alone is no reason for a repair."""
    return (
        pod.metadata.name == pod_name(set_.metadata.name, ordinal)
        and pod.metadata.namespace == set_.metadata.namespace
        and pod.metadata.labels.get(POD_NAME_LABEL) == pod.metadata.name
    )


def storage_matches(pod: Pod, set_: StatefulSet, ordinal: int) -> bool:
    """Whether every claim template is among the pod's volumes, with the ordinal's claim."""
    volumes = {volume.name: volume for volume in pod.spec.volumes}
    for template in set_.spec.volume_claim_templates:
        source = getattr(volumes.get(template.metadata.name), "persistent_volume_claim", None)
        if source is None or source.claim_name != claim_name(template.metadata.name, set_.metadata.name, ordinal):
            return False
    return True


def repaired(pod: Pod, set_: StatefulSet, ordinal: int) -> Pod:
    """A copy of a live pod with the identity and the storage of its ordinal."""
    fixed = copy(pod)
    fixed.metadata.name = pod_name(set_.metadata.name, ordinal)
    fixed.metadata.namespace = set_.metadata.namespace
    give_labels(fixed, set_, ordinal)
    if not storage_matches(fixed, set_, ordinal):
        give_volumes(fixed, set_, ordinal)
    return fixed


def new_claim(set_: StatefulSet, template: PersistentVolumeClaim, ordinal: int) -> PersistentVolumeClaim:
    """A claim of one ordinal, as it is sent to the API: the template's, with the selector's labels on top."""
    claim = copy(template)
    claim.metadata.name = claim_name(template.metadata.name, set_.metadata.name, ordinal)
    claim.metadata.namespace = set_.metadata.namespace
    claim.metadata.labels.update(set_.spec.selector.match_labels)
    return claim


def claim_names(set_: StatefulSet, ordinal: int) -> list[str]:
    """The names of one ordinal's claims."""
    return [claim_name(t.metadata.name, set_.metadata.name, ordinal) for t in set_.spec.volume_claim_templates]
