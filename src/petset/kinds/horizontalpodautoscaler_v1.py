"""HorizontalPodAutoscaler of autoscaling/v1: the same autoscalers as in v2, with one metric in sight."""

from datetime import datetime

from petset.api.field import FieldError
from petset.api.resources import Resource, Strategy, View
from petset.api.table import Cell, Column
from petset.api.types import (
    AutoscalingV1HorizontalPodAutoscaler,
    AutoscalingV1HorizontalPodAutoscalerStatus,
    HorizontalPodAutoscaler,
)
from petset.kinds import horizontalpodautoscaler
from petset.kinds.autoscaling.conversion import from_v1, to_v1

_V2 = horizontalpodautoscaler.RESOURCE


def to_stored(shown: AutoscalingV1HorizontalPodAutoscaler) -> HorizontalPodAutoscaler:
    """What is stored for an autoscaler of v1, with the defaults of v2."""
    stored = from_v1(shown)
    _V2.strategy.default(stored)
    return stored


class AutoscalingV1Strategy(Strategy[AutoscalingV1HorizontalPodAutoscaler]):
    """The rules of v2, in the words of v1."""

    def default(self, obj: AutoscalingV1HorizontalPodAutoscaler) -> None:
        """At least one replica; the rest follows when it is stored."""
        if obj.spec.min_replicas is None:
            obj.spec.min_replicas = 1
        if obj.spec.target_cpu_utilization_percentage is None and not from_v1(obj).spec.metrics:
            obj.spec.target_cpu_utilization_percentage = horizontalpodautoscaler.DEFAULT_UTILIZATION

    def prepare_create(self, obj: AutoscalingV1HorizontalPodAutoscaler) -> None:
        """Nothing is measured yet."""
        obj.status = AutoscalingV1HorizontalPodAutoscalerStatus()

    def validate_create(self, obj: AutoscalingV1HorizontalPodAutoscaler) -> list[FieldError]:
        """As v2."""
        return _V2.strategy.validate_create(to_stored(obj))

    def prepare_update(
        self, obj: AutoscalingV1HorizontalPodAutoscaler, old: AutoscalingV1HorizontalPodAutoscaler
    ) -> None:
        """The status has an endpoint of its own."""
        obj.status = old.status

    def validate_update(
        self, obj: AutoscalingV1HorizontalPodAutoscaler, old: AutoscalingV1HorizontalPodAutoscaler
    ) -> list[FieldError]:
        """As v2."""
        return _V2.strategy.validate_update(to_stored(obj), to_stored(old))

    def warnings(self, obj: AutoscalingV1HorizontalPodAutoscaler) -> list[str]:
        """Nobody acts on it."""
        return [horizontalpodautoscaler.NOT_ENFORCED]


class AutoscalingV1StatusStrategy(Strategy[AutoscalingV1HorizontalPodAutoscaler]):
    """`/status`: only the status changes."""

    def prepare_update(
        self, obj: AutoscalingV1HorizontalPodAutoscaler, old: AutoscalingV1HorizontalPodAutoscaler
    ) -> None:
        """Keeps the spec, and the metrics in the annotations."""
        obj.spec = old.spec
        obj.metadata.annotations = old.metadata.annotations

    def validate_update(
        self, obj: AutoscalingV1HorizontalPodAutoscaler, old: AutoscalingV1HorizontalPodAutoscaler
    ) -> list[FieldError]:
        """Counters count."""
        assert _V2.status is not None
        return _V2.status.validate_update(to_stored(obj), to_stored(old))


def _shown(column: Column[HorizontalPodAutoscaler]) -> Column[AutoscalingV1HorizontalPodAutoscaler]:
    def cell(obj: AutoscalingV1HorizontalPodAutoscaler, now: datetime) -> Cell:
        return column.cell(to_stored(obj), now)

    return Column(column.name, cell, column.type, column.format, column.priority)


RESOURCE = Resource(
    group="autoscaling",
    version="v1",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    type=AutoscalingV1HorizontalPodAutoscaler,
    namespaced=True,
    strategy=AutoscalingV1Strategy(),
    status=AutoscalingV1StatusStrategy(),
    short_names=("hpa",),
    categories=("all",),
    columns=tuple(_shown(column) for column in _V2.columns),
    view=View(stored=HorizontalPodAutoscaler, from_stored=to_v1, to_stored=to_stored),
)
