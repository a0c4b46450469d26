"""One autoscaler in two versions: what is written in one is read in the other."""

from petset.api.types import (
    AutoscalingV1CrossVersionObjectReference,
    AutoscalingV1HorizontalPodAutoscaler,
    AutoscalingV1HorizontalPodAutoscalerSpec,
    HorizontalPodAutoscaler,
    ObjectMeta,
)
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import ListOptions, PatchBody
from tests.unit.apiserver.calls import ME, PLAINLY, create, decoded, fetch, target


def autoscaler() -> AutoscalingV1HorizontalPodAutoscaler:
    reference = AutoscalingV1CrossVersionObjectReference(api_version="apps/v1", kind="StatefulSet", name="web")
    spec = AutoscalingV1HorizontalPodAutoscalerSpec(
        max_replicas=3, scale_target_ref=reference, target_cpu_utilization_percentage=60
    )
    return AutoscalingV1HorizontalPodAutoscaler(metadata=ObjectMeta(name="web"), spec=spec)


async def test_written_in_v1_it_is_read_in_v2(server: ApiServer) -> None:
    made = await create(server, autoscaler())
    assert (made.api_version, made.spec.target_cpu_utilization_percentage) == ("autoscaling/v1", 60)
    stored = await fetch(server, HorizontalPodAutoscaler, "web")
    assert (stored.api_version, stored.spec.min_replicas) == ("autoscaling/v2", 1)
    (metric,) = stored.spec.metrics
    assert metric.resource is not None
    assert metric.resource.target.average_utilization == 60


async def test_a_change_in_v2_is_seen_in_v1_and_none_is_lost_by_one_in_v1(server: ApiServer) -> None:
    await create(server, autoscaler())
    memory = {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}
    metrics = {"spec": {"metrics": [{"type": "Resource", "resource": memory}]}}
    await server.patch(ME, target(HorizontalPodAutoscaler, "web"), PatchBody("merge", metrics), PLAINLY)
    assert (
        await fetch(server, AutoscalingV1HorizontalPodAutoscaler, "web")
    ).spec.target_cpu_utilization_percentage is None
    more = PatchBody("merge", {"spec": {"maxReplicas": 9}})
    answer = await server.patch(ME, target(AutoscalingV1HorizontalPodAutoscaler, "web"), more, PLAINLY)
    assert decoded(answer, AutoscalingV1HorizontalPodAutoscaler).spec.max_replicas == 9
    (metric,) = (await fetch(server, HorizontalPodAutoscaler, "web")).spec.metrics
    assert metric.resource is not None
    assert (metric.resource.name, metric.resource.target.average_value) == ("memory", "1Gi")


async def test_a_list_has_the_version_it_was_asked_in(server: ApiServer) -> None:
    await create(server, autoscaler())
    for kind in (AutoscalingV1HorizontalPodAutoscaler, HorizontalPodAutoscaler):
        listing = await server.list(target(kind), ListOptions())
        (record,) = listing.records
        assert kind().api_version.encode() in record.value
