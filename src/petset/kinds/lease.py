"""Lease: who holds something until when; nodes show by it that they live."""

from collections.abc import Iterator

from petset.api.field import FieldError, invalid
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import Lease
from petset.kinds.checks import not_negative
from petset.kinds.columns import AGE, NAME


class LeaseStrategy(Strategy[Lease]):
    """Leases may be written by PUT before they exist."""

    allow_create_on_update = True
    allow_unconditional_update = False

    def validate_create(self, obj: Lease) -> list[FieldError]:
        """How long it is held and how often it changed hands."""
        return list(_errors(obj))

    def validate_update(self, obj: Lease, old: Lease) -> list[FieldError]:
        """As on creation."""
        return list(_errors(obj))


def _errors(obj: Lease) -> Iterator[FieldError]:
    seconds = obj.spec.lease_duration_seconds
    if seconds is not None and seconds <= 0:
        yield invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    yield from not_negative("spec.leaseTransitions", obj.spec.lease_transitions)


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
