"""StorageClass: how volumes of a kind are made; one of them may be the default."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, duplicate, forbidden, invalid, required
from petset.api.meta import semantically_equal
from petset.api.names import qualified_name_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import StorageClass, TopologySelectorTerm
from petset.kinds.checks import format_errors, one_of, optional_one_of, required_errors, unchanged
from petset.kinds.columns import AGE, UNSET

DEFAULT_ANNOTATION = "storageclass.kubernetes.io/is-default-class"
_BETA_DEFAULT_ANNOTATION = "storageclass.beta.kubernetes.io/is-default-class"


def is_default(obj: StorageClass) -> bool:
    """Whether claims that name no class get this one."""
    annotations = obj.metadata.annotations
    return "true" in {annotations.get(DEFAULT_ANNOTATION), annotations.get(_BETA_DEFAULT_ANNOTATION)}


class StorageClassStrategy(Strategy[StorageClass]):
    """What describes the volumes is fixed once the class exists."""

    def default(self, obj: StorageClass) -> None:
        """Volumes are made at once and deleted with their claim."""
        obj.reclaim_policy = obj.reclaim_policy or "Delete"
        if obj.volume_binding_mode is None:
            obj.volume_binding_mode = "Immediate"

    def validate_create(self, obj: StorageClass) -> list[FieldError]:
        """Who makes the volumes, and how."""
        return list(_errors(obj))

    def validate_update(self, obj: StorageClass, old: StorageClass) -> list[FieldError]:
        """Volumes of one class are all alike; only whether they may grow, and mount options, can change."""
        return [*_errors(obj), *_change_errors(obj, old)]


def _errors(obj: StorageClass) -> Iterator[FieldError]:
    yield from required_errors("provisioner", obj.provisioner.lower(), qualified_name_errors)
    if "" in obj.parameters:
        yield invalid("parameters", "", "field can not be empty.")
    yield from one_of("reclaimPolicy", obj.reclaim_policy, ("Delete", "Retain"))
    yield from optional_one_of("volumeBindingMode", obj.volume_binding_mode, ("Immediate", "WaitForFirstConsumer"))
    seen: list[dict[str, set[str]]] = []
    for index, term in enumerate(obj.allowed_topologies):
        path = f"allowedTopologies[{index}].matchLabelExpressions"
        yield from _term_errors(path, term)
        meaning = {requirement.key: set(requirement.values) for requirement in term.match_label_expressions}
        if not meaning or meaning in seen:
            yield duplicate(path, "")
        seen.append(meaning)


def _term_errors(path: str, term: TopologySelectorTerm) -> Iterator[FieldError]:
    keys: set[str] = set()
    for index, requirement in enumerate(term.match_label_expressions):
        where = f"{path}[{index}]"
        if not requirement.values:
            yield required(f"{where}.values")
        for place, value in enumerate(requirement.values):
            if value in requirement.values[:place]:
                yield duplicate(f"{where}.values[{place}]", value)
        yield from format_errors(f"{where}.key", requirement.key, qualified_name_errors)
        if requirement.key in keys:
            yield duplicate(f"{where}.key", requirement.key)
        keys.add(requirement.key)


def _change_errors(obj: StorageClass, old: StorageClass) -> Iterator[FieldError]:
    if not semantically_equal(obj.parameters, old.parameters):
        yield forbidden("parameters", "updates to parameters are forbidden.")
    if obj.provisioner != old.provisioner:
        yield forbidden("provisioner", "updates to provisioner are forbidden.")
    if obj.reclaim_policy != old.reclaim_policy:
        yield forbidden("reclaimPolicy", "updates to reclaimPolicy are forbidden.")
    yield from unchanged("volumeBindingMode", obj.volume_binding_mode, old.volume_binding_mode)


def _name(obj: StorageClass, _: datetime) -> str:
    return f"{obj.metadata.name} (default)" if is_default(obj) else obj.metadata.name or ""


RESOURCE = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    type=StorageClass,
    namespaced=False,
    strategy=StorageClassStrategy(),
    short_names=("sc",),
    columns=(
        Column("Name", _name, format="name"),
        Column("Provisioner", lambda obj, _: obj.provisioner),
        Column("ReclaimPolicy", lambda obj, _: obj.reclaim_policy or "Delete"),
        Column("VolumeBindingMode", lambda obj, _: obj.volume_binding_mode or UNSET),
        Column("AllowVolumeExpansion", lambda obj, _: bool(obj.allow_volume_expansion)),
        AGE,
    ),
)
