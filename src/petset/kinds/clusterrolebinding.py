"""ClusterRoleBinding: gives the rules of a ClusterRole to subjects, everywhere."""

from petset.api.resources import Resource
from petset.api.types import ClusterRoleBinding
from petset.kinds.rbac import BINDING_COLUMNS, GROUP, BindingStrategy

RESOURCE = Resource(
    group=GROUP,
    version="v1",
    kind="ClusterRoleBinding",
    plural="clusterrolebindings",
    type=ClusterRoleBinding,
    namespaced=False,
    strategy=BindingStrategy[ClusterRoleBinding]("ClusterRole", namespaced=False),
    columns=BINDING_COLUMNS,
)
