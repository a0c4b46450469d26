"""TokenReview: the question whom a token stands for. It is answered, never stored."""

from petset.api.resources import Resource, Strategy
from petset.api.types import TokenReview

RESOURCE = Resource(
    group="authentication.k8s.io",
    version="v1",
    kind="TokenReview",
    plural="tokenreviews",
    type=TokenReview,
    namespaced=False,
    strategy=Strategy[TokenReview](),
    verbs=("create",),
)
