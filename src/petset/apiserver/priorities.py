"""Priority admission: what the class of a pod makes of it, and one default class at most.

Follows upstream's plugin Priority.
"""

from collections.abc import Iterator

from petset.api.errors import Forbidden
from petset.api.types import Pod, PriorityClass
from petset.apiserver.registry import Registry

_MARK = b'"globalDefault":true'
_USUAL = PriorityClass(preemption_policy="PreemptLowerPriority")


def give_priority(registry: Registry, pod: Pod) -> None:
    """Priority and preemption policy of a new pod, from its class or the default one. Raises Forbidden."""
    spec, name = pod.spec, pod.metadata.name
    class_ = _class_of(registry, pod)
    spec.priority_class_name = class_.metadata.name or None
    if spec.priority is not None and spec.priority != class_.value:
        text = f"the integer value of priority ({spec.priority}) must not be provided in pod spec; "
        text += f"priority admission controller computed {class_.value} from the given PriorityClass name"
        raise Forbidden.of("", "pods", name, text)
    spec.priority = class_.value
    policy = class_.preemption_policy
    if policy is None:
        return
    if spec.preemption_policy is not None and spec.preemption_policy != policy:
        text = f"the string value of PreemptionPolicy ({spec.preemption_policy}) must not be provided in pod spec; "
        text += f"priority admission controller computed {policy} from the given PriorityClass name"
        raise Forbidden.of("", "pods", name, text)
    spec.preemption_policy = policy


def keep_priority(registry: Registry, pod: Pod) -> None:
    """An update that leaves out what the class gave does not mean to take it away."""
    spec = pod.spec
    if spec.priority is not None and spec.preemption_policy is not None:
        return
    old = registry.find(Pod, pod.metadata.namespace, pod.metadata.name)
    if old is not None:
        spec.priority = old.spec.priority if spec.priority is None else spec.priority
        spec.preemption_policy = spec.preemption_policy or old.spec.preemption_policy


def check_default(registry: Registry, class_: PriorityClass) -> None:
    """Raises Forbidden for a second default class."""
    if not class_.global_default:
        return
    for default in _defaults(registry):
        if default.metadata.name != class_.metadata.name:
            text = f"PriorityClass {default.metadata.name} is already marked as default. Only one default can exist"
            raise Forbidden.of("scheduling.k8s.io", "priorityclasses", class_.metadata.name, text)


def _class_of(registry: Registry, pod: Pod) -> PriorityClass:
    """The class of a pod; one without a name when it has none and there is no default."""
    name = pod.spec.priority_class_name
    if not name:
        return min(_defaults(registry), key=lambda class_: class_.value, default=_USUAL)
    class_ = registry.find(PriorityClass, "", name)
    if class_ is None:
        raise Forbidden.of("", "pods", pod.metadata.name, f"no PriorityClass with name {name} was found")
    return class_


def _defaults(registry: Registry) -> Iterator[PriorityClass]:
    """The classes that are a default; the others, which every create of a pod would meet, are not decoded."""
    resource = registry.catalogue.of(PriorityClass)
    for record in registry.store.scan(registry.collection(resource)):
        if _MARK in record.value:
            yield registry.shared(resource, record)
