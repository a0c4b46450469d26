"""RoleBinding: gives the rules of a Role, or those of a ClusterRole, to subjects within one namespace."""

from petset.api.resources import Resource
from petset.api.types import RoleBinding
from petset.kinds.rbac import BINDING_COLUMNS, GROUP, BindingStrategy

RESOURCE = Resource(
    group=GROUP,
    version="v1",
    kind="RoleBinding",
    plural="rolebindings",
    type=RoleBinding,
    namespaced=True,
    strategy=BindingStrategy[RoleBinding]("Role", "ClusterRole", namespaced=True),
    columns=BINDING_COLUMNS,
)
