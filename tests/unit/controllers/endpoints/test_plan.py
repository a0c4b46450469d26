"""Which pods a Service stands for, on which ports, under which names: one table or test a rule."""

from typing import Any

import pytest

from petset.api.meta import copy
from petset.api.types import (
    Container,
    ContainerPort,
    Endpoint,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    ObjectMeta,
    Pod,
    PodCondition,
    PodSpec,
    Service,
    ServicePort,
    ServiceSpec,
)
from petset.controllers.endpoints.model import Observed, Plan
from petset.controllers.endpoints.plan import LARGEST_ENDPOINTS, OVER_CAPACITY, plan


def service(**spec: Any) -> Service:
    ports = [ServicePort(name="web", port=80, target_port="http")]
    whole = ServiceSpec(selector={"app": "nginx"}, cluster_ip="None", ports=ports)
    for name, value in spec.items():
        setattr(whole, name, value)
    return Service(metadata=ObjectMeta(name="nginx", namespace="default", uid="svc"), spec=whole)


def pod(ordinal: int = 0, *, ready: bool = True, port: int = 8080, **status: Any) -> Pod:
    container = Container(name="nginx", image="nginx", ports=[ContainerPort(name="http", container_port=port)])
    name = f"web-{ordinal}"
    pod = Pod(
        metadata=ObjectMeta(name=name, namespace="default", uid=f"uid-{ordinal}"),
        spec=PodSpec(containers=[container], hostname=name, subdomain="nginx", node_name="node-1"),
    )
    pod.status.phase = "Running"
    pod.status.pod_ip = f"10.0.{ordinal // 250}.{ordinal % 250 + 1}"
    pod.status.conditions = [PodCondition(type="Ready", status="True" if ready else "False")]
    for field, value in status.items():
        setattr(pod.status, field, value)
    return pod


def terminating(pod: Pod) -> Pod:
    pod.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    return pod


def observe(service: Service, *pods: Pod, before: Plan | None = None) -> Observed:
    """What is seen when `before` has been carried out."""
    written = [copy(obj) for obj in (*before.create, *before.update)] if before is not None else []
    slices = [obj for obj in written if isinstance(obj, EndpointSlice)]
    for number, slice_ in enumerate(slices):
        slice_.metadata.name = slice_.metadata.name or f"nginx-{number}"
    endpoints = next((obj for obj in written if isinstance(obj, Endpoints)), None)
    return Observed(service, pods, endpoints, tuple(slices))


def slices_of(decided: Plan) -> list[EndpointSlice]:
    return [obj for obj in (*decided.create, *decided.update) if isinstance(obj, EndpointSlice)]


def endpoints_of(decided: Plan) -> list[Endpoint]:
    return [endpoint for slice_ in slices_of(decided) for endpoint in slice_.endpoints]


def subsets_of(decided: Plan) -> list[EndpointSubset]:
    (found,) = [obj for obj in (*decided.create, *decided.update) if isinstance(obj, Endpoints)]
    return found.subsets


def addresses(decided: Plan) -> tuple[list[str], list[str]]:
    """Ready and not ready addresses of the Endpoints."""
    subsets = subsets_of(decided)
    ready = [address.ip for subset in subsets for address in subset.addresses]
    return ready, [address.ip for subset in subsets for address in subset.not_ready_addresses]


# --- members ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "publish", "conditions", "listed"),
    [
        (pod(), False, (True, True, False), (["10.0.0.1"], [])),
        (pod(ready=False), False, (False, False, False), ([], ["10.0.0.1"])),
        (pod(ready=False), True, (True, False, False), (["10.0.0.1"], [])),
        (terminating(pod()), False, (False, True, True), ([], [])),
        (terminating(pod()), True, (True, True, True), (["10.0.0.1"], [])),
        (terminating(pod(ready=False)), False, (False, False, True), ([], [])),
        (pod(ready=False, phase="Pending"), False, (False, False, False), ([], ["10.0.0.1"])),
        (pod(pod_ip=None), True, None, ([], [])),
        (pod(phase="Failed"), True, None, ([], [])),
        (pod(phase="Succeeded"), True, None, ([], [])),
    ],
    ids=lambda value: value.status.phase if isinstance(value, Pod) else None,
)
def test_who_is_reachable_and_ready(
    found: Pod,
    publish: bool,
    conditions: tuple[bool, bool, bool] | None,
    listed: tuple[list[str], list[str]],
) -> None:
    decided = plan(observe(service(publish_not_ready_addresses=publish), found))
    said = [(e.conditions.ready, e.conditions.serving, e.conditions.terminating) for e in endpoints_of(decided)]
    assert said == ([conditions] if conditions is not None else [])
    assert addresses(decided) == listed


def test_an_endpoint_names_its_pod_node_and_host() -> None:
    (endpoint,) = endpoints_of(plan(observe(service(), pod(2))))
    assert (endpoint.addresses, endpoint.hostname, endpoint.node_name) == (["10.0.0.3"], "web-2", "node-1")
    assert endpoint.target_ref is not None
    target = endpoint.target_ref
    assert (target.kind, target.namespace, target.name, target.uid) == ("Pod", "default", "web-2", "uid-2")


@pytest.mark.parametrize(
    ("hostname", "subdomain", "known"),
    [("web-0", "nginx", "web-0"), ("web-0", "other", None), ("web-0", None, None), (None, "nginx", None)],
)
def test_a_host_name_is_known_under_the_service_that_the_subdomain_names(
    hostname: str | None, subdomain: str | None, known: str | None
) -> None:
    named = pod()
    named.spec.hostname, named.spec.subdomain = hostname, subdomain
    decided = plan(observe(service(), named))
    assert [endpoint.hostname for endpoint in endpoints_of(decided)] == [known]
    assert [a.hostname for subset in subsets_of(decided) for a in subset.addresses] == [known]


@pytest.mark.parametrize(
    "passive",
    [service(selector={}), service(type="ExternalName"), terminating(service())],  # type: ignore[arg-type]
)
def test_services_without_pods_of_their_own_are_left_alone(passive: Service) -> None:
    assert plan(observe(passive, pod())) == Plan()


# --- ports ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "number"),
    [
        (ServicePort(name="web", port=80, target_port="http"), [8080]),
        (ServicePort(name="web", port=80, target_port=9090), [9090]),
        (ServicePort(name="web", port=80), [80]),
        (ServicePort(name="web", port=80, target_port="https"), []),
        (ServicePort(name="web", port=80, target_port="http", protocol="UDP"), []),
    ],
)
def test_a_target_port_is_a_number_or_the_name_of_a_port_of_the_pod(port: ServicePort, number: list[int]) -> None:
    decided = plan(observe(service(ports=[port]), pod()))
    assert [p.port for slice_ in slices_of(decided) for p in slice_.ports] == number
    assert [p.port for subset in subsets_of(decided) for p in subset.ports] == number


def test_a_named_port_may_be_that_of_a_sidecar() -> None:
    found = pod()
    ports = [ContainerPort(name="metrics", container_port=9113)]
    found.spec.init_containers = [Container(name="exporter", image="x", restart_policy="Always", ports=ports)]
    metrics = ServicePort(name="metrics", port=9113, target_port="metrics")
    decided = plan(observe(service(ports=[metrics]), found))
    assert [p.port for slice_ in slices_of(decided) for p in slice_.ports] == [9113]


def test_pods_that_serve_on_different_numbers_are_in_different_slices_and_subsets() -> None:
    decided = plan(observe(service(), pod(0, port=8080), pod(1, port=8081), pod(2, port=8080)))
    found = {s.ports[0].port: [e.addresses[0] for e in s.endpoints] for s in slices_of(decided)}
    assert found == {8080: ["10.0.0.1", "10.0.0.3"], 8081: ["10.0.0.2"]}
    assert {s.ports[0].port: len(s.addresses) for s in subsets_of(decided)} == {8080: 2, 8081: 1}


def test_a_headless_service_needs_no_port() -> None:
    decided = plan(observe(service(ports=[]), pod()))
    assert addresses(decided) == (["10.0.0.1"], [])
    assert [len(slice_.endpoints) for slice_ in slices_of(decided)] == [1]


# --- objects ----------------------------------------------------------------------------------------------------------


def test_a_new_slice_belongs_to_its_service_and_says_so() -> None:
    labelled = service()
    labelled.metadata.labels = {"app": "nginx"}
    (slice_,) = slices_of(plan(observe(labelled, pod())))
    assert slice_.metadata.generate_name == "nginx-"
    assert slice_.address_type == "IPv4"
    assert slice_.metadata.labels == {
        "app": "nginx",
        "kubernetes.io/service-name": "nginx",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "service.kubernetes.io/headless": "",
    }
    assert [(o.kind, o.name, o.uid, o.controller) for o in slice_.metadata.owner_references] == [
        ("Service", "nginx", "svc", True)
    ]


def test_a_service_with_an_address_is_not_headless() -> None:
    (slice_,) = slices_of(plan(observe(service(cluster_ip="10.96.0.10"), pod())))
    assert "service.kubernetes.io/headless" not in slice_.metadata.labels


def test_a_service_without_pods_has_one_empty_slice_and_empty_endpoints() -> None:
    decided = plan(observe(service()))
    assert [slice_.endpoints for slice_ in slices_of(decided)] == [[]]
    assert subsets_of(decided) == []
    assert plan(observe(service(), before=decided)) == Plan()


def test_what_is_true_already_is_not_written_again() -> None:
    pods = [pod(ordinal) for ordinal in range(3)]
    first = plan(observe(service(), *pods))
    assert plan(observe(service(), *pods, before=first)) == Plan()


def test_a_change_writes_the_slice_it_is_in_and_no_other() -> None:
    pods = [pod(ordinal) for ordinal in range(250)]
    first = plan(observe(service(), *pods))
    assert sorted(len(slice_.endpoints) for slice_ in slices_of(first)) == [50, 100, 100]
    pods[120] = pod(120, ready=False)
    second = plan(observe(service(), *pods, before=first))
    assert second.create == ()
    assert second.delete == ()
    (changed,) = slices_of(second)
    not_ready = [e.addresses for e in changed.endpoints if not e.conditions.ready]
    assert not_ready == [[pods[120].status.pod_ip]]


def test_new_pods_fill_free_places_before_there_is_a_new_slice() -> None:
    first = plan(observe(service(), *(pod(ordinal) for ordinal in range(99))))
    second = plan(observe(service(), *(pod(ordinal) for ordinal in range(102)), before=first))
    assert sorted(len(slice_.endpoints) for slice_ in slices_of(second)) == [2, 100]
    assert len([obj for obj in second.update if isinstance(obj, EndpointSlice)]) == 1


def test_slices_that_lose_their_last_endpoint_go() -> None:
    pods = [pod(ordinal) for ordinal in range(150)]
    first = plan(observe(service(), *pods))
    (large,) = [slice_ for slice_ in slices_of(first) if len(slice_.endpoints) == 100]
    stays = {endpoint.hostname for endpoint in large.endpoints}
    second = plan(observe(service(), *(p for p in pods if p.metadata.name in stays), before=first))
    assert (len(second.delete), slices_of(second)) == (1, [])
    third = plan(observe(service(), before=first))
    assert (len(third.delete), [slice_.endpoints for slice_ in slices_of(third)]) == (2, [[]])


def test_endpoints_name_at_most_a_thousand_pods_ready_ones_first() -> None:
    pods = [pod(ordinal, ready=ordinal >= 100) for ordinal in range(LARGEST_ENDPOINTS + 100)]
    decided = plan(observe(service(), *pods))
    ready, not_ready = addresses(decided)
    assert (len(ready), len(not_ready)) == (LARGEST_ENDPOINTS, 0)
    (endpoints,) = [obj for obj in decided.create if isinstance(obj, Endpoints)]
    assert endpoints.metadata.annotations[OVER_CAPACITY] == "truncated"
    fewer = plan(observe(service(), *pods[:50], before=decided))
    (endpoints,) = [obj for obj in fewer.update if isinstance(obj, Endpoints)]
    assert OVER_CAPACITY not in endpoints.metadata.annotations


def test_a_plan_reads_as_what_it_does() -> None:
    assert str(plan(observe(service(), pod()))) == "create EndpointSlice nginx-\ncreate Endpoints nginx"
    assert str(Plan()) == "nothing to do"
