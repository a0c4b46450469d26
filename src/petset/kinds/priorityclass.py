"""PriorityClass: a name for how important pods are; one class may be everybody's default."""

from collections.abc import Iterator

from petset.api.field import FieldError, forbidden, not_supported, required
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import ObjectMeta, PriorityClass
from petset.kinds.checks import unchanged
from petset.kinds.columns import AGE, NAME

HIGHEST_OF_USERS = 1_000_000_000
SYSTEM_PREFIX = "system-"
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_SYSTEM = {
    "system-node-critical": (
        2 * HIGHEST_OF_USERS + 1000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    "system-cluster-critical": (
        2 * HIGHEST_OF_USERS,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
}


def system_classes() -> list[PriorityClass]:
    """The classes every cluster has."""
    return [
        PriorityClass(metadata=ObjectMeta(name=name), value=value, description=description)
        for name, (value, description) in _SYSTEM.items()
    ]


class PriorityClassStrategy(Strategy[PriorityClass]):
    """What pods got from a class stays what they got: value and policy are fixed."""

    def default(self, obj: PriorityClass) -> None:
        """Pods preempt those of lower priority."""
        if obj.preemption_policy is None:
            obj.preemption_policy = "PreemptLowerPriority"

    def prepare_create(self, obj: PriorityClass) -> None:
        """The first generation."""
        obj.metadata.generation = 1

    def validate_create(self, obj: PriorityClass) -> list[FieldError]:
        """The highest numbers and the prefix of names belong to the system."""
        return list(_errors(obj))

    def validate_update(self, obj: PriorityClass, old: PriorityClass) -> list[FieldError]:
        """Only whether it is the default, and its description, may change."""
        errors = []
        if obj.value != old.value:
            errors.append(forbidden("value", "may not be changed in an update."))
        return [*errors, *unchanged("preemptionPolicy", obj.preemption_policy, old.preemption_policy)]


def _errors(obj: PriorityClass) -> Iterator[FieldError]:
    name = obj.metadata.name
    if name.startswith(SYSTEM_PREFIX):
        why = _system_error(obj)
        if why:
            rule = f"priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only. error: {why}"
            yield forbidden("metadata.name", rule)
    elif obj.value > HIGHEST_OF_USERS:
        yield forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST_OF_USERS}")
    policy = obj.preemption_policy
    if not policy:
        yield required("preemptionPolicy")
    elif policy not in PREEMPTION_POLICIES:
        yield not_supported("preemptionPolicy", policy, PREEMPTION_POLICIES)


def _system_error(obj: PriorityClass) -> str:
    name = obj.metadata.name
    if name not in _SYSTEM:
        return f"{name} is not a known system priority class"
    if obj.value != _SYSTEM[name][0]:
        return f"value of {name} PriorityClass must be {_SYSTEM[name][0]}"
    return f"globalDefault of {name} PriorityClass must be false" if obj.global_default else ""


RESOURCE = Resource(
    group="scheduling.k8s.io",
    version="v1",
    kind="PriorityClass",
    plural="priorityclasses",
    type=PriorityClass,
    namespaced=False,
    strategy=PriorityClassStrategy(),
    short_names=("pc",),
    columns=(
        NAME,
        Column("Value", lambda obj, _: obj.value, type="integer"),
        Column("Global-Default", lambda obj, _: bool(obj.global_default), type="boolean"),
        AGE,
        Column("PreemptionPolicy", lambda obj, _: obj.preemption_policy or ""),
    ),
)
