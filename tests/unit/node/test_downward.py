import pytest

from petset.api.types import Container, ResourceFieldSelector, ResourceRequirements
from petset.node.downward import FieldError, Placement, field_value, resource_value
from tests.unit.node.given import UID, pod

PLACEMENT = Placement("node-1", "10.0.0.5", "10.244.0.7", {"cpu": "2", "memory": "4Gi"})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-0"),
        ("metadata.namespace", "default"),
        ("metadata.uid", UID),
        ("metadata.labels['app']", "nginx"),
        ("metadata.labels['absent']", ""),
        ("metadata.annotations['note']", 'say "hi"'),
        ("metadata.labels", 'app="nginx"\nzone="a"'),
        ("metadata.annotations", 'note="say \\"hi\\""'),
        ("spec.nodeName", "node-1"),
        ("spec.serviceAccountName", "default"),
        ("status.hostIP", "10.0.0.5"),
        ("status.hostIPs", "10.0.0.5"),
        ("status.podIP", "10.244.0.7"),
        ("status.podIPs", "10.244.0.7"),
    ],
)
def test_fields_of_a_pod_are_text(path: str, value: str) -> None:
    assert field_value(pod(service_account_name="default"), path, PLACEMENT) == value


def test_a_field_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(FieldError, match="unsupported fieldPath"):
        field_value(pod(), "status.phase", PLACEMENT)


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("requests.cpu", "0", "1"),
        ("requests.cpu", "1m", "250"),
        ("limits.memory", "0", "134217728"),
        ("limits.memory", "1Mi", "128"),
        ("limits.memory", "1G", "1"),
        ("limits.cpu", "1", "2"),  # not set: what the node has
        ("requests.memory", "0", "0"),
    ],
)
def test_resources_are_rounded_up_in_units_of_the_divisor(resource: str, divisor: str, value: str) -> None:
    resources = ResourceRequirements(requests={"cpu": "250m"}, limits={"memory": "128Mi"})
    container = Container(name="nginx", resources=resources)
    selector = ResourceFieldSelector(resource=resource, divisor=divisor)
    assert resource_value(pod(container), selector, container, PLACEMENT) == value


def test_another_container_is_found_by_name() -> None:
    other = Container(name="sidecar", resources=ResourceRequirements(limits={"cpu": "3"}))
    asking = Container(name="nginx")
    selector = ResourceFieldSelector(resource="limits.cpu", container_name="sidecar")
    assert resource_value(pod(asking, other), selector, asking, PLACEMENT) == "3"
    selector.container_name = "absent"
    with pytest.raises(FieldError, match="container absent not found"):
        resource_value(pod(asking, other), selector, asking, PLACEMENT)
