"""Binding: which node a pod goes to. It is carried out, never stored; the older way beside `pods/NAME/binding`."""

from petset.api.resources import Resource, Strategy
from petset.api.types import Binding

RESOURCE = Resource(
    group="",
    version="v1",
    kind="Binding",
    plural="bindings",
    type=Binding,
    namespaced=True,
    strategy=Strategy[Binding](),
    verbs=("create",),
)
