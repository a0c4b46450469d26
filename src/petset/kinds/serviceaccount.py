"""ServiceAccount: the name under which a pod speaks to the API."""

from petset.api.resources import Resource, Strategy, Subresource
from petset.api.types import ServiceAccount
from petset.kinds.columns import AGE, NAME

RESOURCE = Resource(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    type=ServiceAccount,
    namespaced=True,
    strategy=Strategy[ServiceAccount](),
    subresources=(Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io/v1"),),
    short_names=("sa",),
    columns=(NAME, AGE),
)
