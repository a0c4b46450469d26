"""ControllerRevision: one remembered state of a controller's template. Its data never changes."""

from datetime import datetime

from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import ControllerRevision
from petset.kinds.columns import AGE, NAME, NONE


class ControllerRevisionStrategy(Strategy[ControllerRevision]):
    """A remembered state; only its number may grow."""


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
