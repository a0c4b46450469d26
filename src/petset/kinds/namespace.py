"""Namespace: its end goes through spec.finalizers, which the namespace controller empties over `/finalize`."""

from petset.api.field import FieldError, invalid
from petset.api.names import dns1123_label_errors
from petset.api.resources import Resource, Strategy, Subresource
from petset.api.table import Column
from petset.api.types import Namespace, NamespaceStatus
from petset.kinds.columns import AGE, NAME

FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"
"""The label, equal to the name, by which selectors find a namespace."""


class NamespaceStrategy(Strategy[Namespace]):
    """A namespace starts Active and with the finalizer of the namespace controller."""

    def name_errors(self, name: str) -> list[str]:
        """A namespace is part of DNS names."""
        return dns1123_label_errors(name)

    def default(self, obj: Namespace) -> None:
        """The label with the name cannot be removed or changed."""
        if obj.metadata.name:
            obj.metadata.labels[NAME_LABEL] = obj.metadata.name

    def prepare_create(self, obj: Namespace) -> None:
        """Active from the start, and labelled with its name, which may just have been made up."""
        self.default(obj)
        obj.status = NamespaceStatus(phase="Active")
        if FINALIZER not in obj.spec.finalizers:
            obj.spec.finalizers.append(FINALIZER)

    def validate_create(self, obj: Namespace) -> list[FieldError]:
        """Finalizers that somebody could answer for."""
        rule = "name is neither a standard finalizer name nor is it fully qualified"
        return [
            invalid("spec.finalizers", name, rule)
            for name in obj.spec.finalizers
            if "/" not in name and name not in {FINALIZER, "orphan", "foregroundDeletion"}
        ]

    def prepare_update(self, obj: Namespace, old: Namespace) -> None:
        """Only metadata changes here."""
        obj.spec.finalizers = old.spec.finalizers
        obj.status = old.status


class NamespaceStatusStrategy(Strategy[Namespace]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: Namespace, old: Namespace) -> None:
        """Keeps the spec."""
        obj.spec = old.spec


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    type=Namespace,
    namespaced=False,
    strategy=NamespaceStrategy(),
    status=NamespaceStatusStrategy(),
    subresources=(Subresource("finalize", "Namespace", ("update",)),),
    short_names=("ns",),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    columns=(NAME, Column("Status", lambda obj, _: obj.status.phase), AGE),
    fields=lambda obj: {"status.phase": obj.status.phase or ""},
)
