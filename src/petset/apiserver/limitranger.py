"""LimitRange as admission enforces it: the usual amounts for containers that say none, and the bounds.

Follows upstream's plugin LimitRanger. The rules themselves are in `petset.kinds.limits`.
"""

from collections.abc import Iterator

from petset.api.errors import Forbidden
from petset.api.types import LimitRange, PersistentVolumeClaim, Pod
from petset.apiserver.registry import Registry
from petset.kinds.limits import claim_violations, give_usual_amounts, pod_violations


def complete_pod(registry: Registry, pod: Pod) -> None:
    """Gives the containers of a new pod what the limit ranges of its namespace say is usual."""
    for limits in _limits_of(registry, pod.metadata.namespace):
        give_usual_amounts(limits, pod)


def check_pod(registry: Registry, pod: Pod) -> None:
    """Raises Forbidden for a new pod that asks for more or less than allowed."""
    for limits in _limits_of(registry, pod.metadata.namespace):
        _refuse("pods", pod, pod_violations(limits, pod))


def check_claim(registry: Registry, claim: PersistentVolumeClaim) -> None:
    """Raises Forbidden for a claim that asks for more or less than allowed."""
    for limits in _limits_of(registry, claim.metadata.namespace):
        _refuse("persistentvolumeclaims", claim, claim_violations(limits, claim))


def _limits_of(registry: Registry, namespace: str) -> Iterator[LimitRange]:
    resource = registry.catalogue.of(LimitRange)
    for record in registry.store.scan(registry.collection(resource), f"{namespace}/"):
        yield registry.shared(resource, record)


def _refuse(plural: str, obj: Pod | PersistentVolumeClaim, violations: list[str]) -> None:
    if violations:
        texts = list(dict.fromkeys(violations))
        why = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        raise Forbidden.of("", plural, obj.metadata.name, why)
