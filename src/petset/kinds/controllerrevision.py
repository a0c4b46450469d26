"""ControllerRevision: one remembered state of a controller's template. Its data never changes."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, required
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import ControllerRevision
from petset.kinds.checks import not_negative, unchanged
from petset.kinds.columns import AGE, NAME, NONE


class ControllerRevisionStrategy(Strategy[ControllerRevision]):
    """A remembered state; only its number may grow."""

    def validate_create(self, obj: ControllerRevision) -> list[FieldError]:
        """There must be something to remember."""
        return list(_errors(obj))

    def validate_update(self, obj: ControllerRevision, old: ControllerRevision) -> list[FieldError]:
        """What is remembered stays."""
        return [*_errors(obj), *unchanged("data", obj.data, old.data)]


def _errors(obj: ControllerRevision) -> Iterator[FieldError]:
    yield from not_negative("revision", obj.revision)
    if not obj.data:
        yield required("data", "data is mandatory")


def _controller(obj: ControllerRevision, _: datetime) -> str:
    for owner in obj.metadata.owner_references:
        if owner.controller:
            group = owner.api_version.rpartition("/")[0]
            kind = owner.kind.lower()
            return f"{kind}.{group}/{owner.name}" if group else f"{kind}/{owner.name}"
    return NONE


RESOURCE = Resource(
    group="apps",
    version="v1",
    kind="ControllerRevision",
    plural="controllerrevisions",
    type=ControllerRevision,
    namespaced=True,
    strategy=ControllerRevisionStrategy(),
    columns=(
        NAME,
        Column("Controller", _controller),
        Column("Revision", lambda obj, _: obj.revision),
        AGE,
    ),
)
