"""Lease: who holds something until when; nodes show by it that they live."""

from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import Lease
from petset.kinds.columns import AGE, NAME


class LeaseStrategy(Strategy[Lease]):
    """Leases may be written by PUT before they exist."""

    allow_create_on_update = True
    allow_unconditional_update = False


RESOURCE = Resource(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    type=Lease,
    namespaced=True,
    strategy=LeaseStrategy(),
    columns=(NAME, Column("Holder", lambda obj, _: obj.spec.holder_identity), AGE),
)
