"""SelfSubjectReview: the question who one is. It is answered, never stored."""

from petset.api.resources import Resource, Strategy
from petset.api.types import SelfSubjectReview

RESOURCE = Resource(
    group="authentication.k8s.io",
    version="v1",
    kind="SelfSubjectReview",
    plural="selfsubjectreviews",
    type=SelfSubjectReview,
    namespaced=False,
    strategy=Strategy[SelfSubjectReview](),
    verbs=("create",),
)
