import pytest

from petset.api.types import (
    DiscoveryEndpointPort,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    ObjectMeta,
    Pod,
    PodIP,
    PodSpec,
    PodStatus,
    Service,
    ServicePort,
    ServiceSpec,
)
from petset.node.dns.records import EndpointRecord, PortRecord
from petset.node.dns.view import ServiceView

WEB = PortRecord("web", "TCP", 80)


def service(name: str, cluster_ip: str | None = "None", *, publish: bool | None = None) -> Service:
    return Service(
        metadata=ObjectMeta(name=name, namespace="default"),
        spec=ServiceSpec(
            cluster_ip=cluster_ip,
            publish_not_ready_addresses=publish,
            ports=[ServicePort(name="web", port=80)],
        ),
    )


def slice_of(name: str, owner: str, *endpoints: tuple[str, str | None, bool | None]) -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(name=name, namespace="default", labels={"kubernetes.io/service-name": owner}),
        address_type="IPv4",
        endpoints=[
            Endpoint(addresses=[ip], hostname=hostname, conditions=EndpointConditions(ready=ready))
            for ip, hostname, ready in endpoints
        ],
        ports=[DiscoveryEndpointPort(name="web", port=80, protocol="TCP")],
    )


def pod(name: str, *ips: str, phase: str = "Running", host_network: bool | None = None) -> Pod:
    return Pod(
        metadata=ObjectMeta(name=name, namespace="default"),
        spec=PodSpec(host_network=host_network),
        status=PodStatus(phase=phase, pod_ips=[PodIP(ip=ip) for ip in ips]),
    )


def addresses(view: ServiceView, name: str) -> list[str]:
    record = view.service("default", name)
    return [endpoint.ip for endpoint in record.published] if record else []


def test_a_service_is_joined_with_its_slices() -> None:
    view = ServiceView()
    view.set_slice(slice_of("nginx-b", "nginx", ("10.244.0.4", None, None)))
    view.set_service(service("nginx"))
    view.set_slice(slice_of("nginx-a", "nginx", ("10.244.0.3", "web-0", True), ("10.244.0.5", "web-1", False)))
    record = view.service("default", "nginx")
    assert record is not None
    assert record.headless
    assert record.ports == (WEB,)
    assert record.endpoints == (
        EndpointRecord("10.244.0.3", "web-0", True, (WEB,)),
        EndpointRecord("10.244.0.5", "web-1", False, (WEB,)),
        EndpointRecord("10.244.0.4", None, True, (WEB,)),
    )


def test_every_change_is_seen_by_the_next_question() -> None:
    view = ServiceView()
    assert view.service("default", "nginx") is None
    view.set_service(service("nginx"))
    assert addresses(view, "nginx") == []
    view.set_slice(slice_of("nginx-a", "nginx", ("10.244.0.3", "web-0", False)))
    assert addresses(view, "nginx") == []
    view.set_slice(slice_of("nginx-a", "nginx", ("10.244.0.3", "web-0", True)))
    assert addresses(view, "nginx") == ["10.244.0.3"]
    view.set_slice(slice_of("nginx-a", "other", ("10.244.0.3", "web-0", True)))
    assert addresses(view, "nginx") == []
    view.set_service(service("other", publish=True))
    assert addresses(view, "other") == ["10.244.0.3"]
    view.delete_slice("default", "nginx-a")
    assert addresses(view, "other") == []
    view.delete_service("default", "other")
    assert view.service("default", "other") is None


def test_addresses_have_the_names_that_services_give_them() -> None:
    view = ServiceView()
    view.set_service(service("nginx"))
    view.set_service(service("api", "10.96.0.7"))
    view.set_slice(slice_of("nginx-a", "nginx", ("10.244.0.3", "web-0", True), ("10.244.0.4", None, True)))
    view.set_slice(slice_of("api-a", "api", ("10.244.0.3", None, True)))
    assert view.names("10.244.0.3") == ("web-0.nginx.default.svc",)
    assert view.names("10.244.0.4") == ("10-244-0-4.nginx.default.svc",)
    assert view.names("10.96.0.7") == ("api.default.svc",)
    view.set_slice(slice_of("nginx-a", "nginx", ("10.244.0.4", "web-0", True)))
    assert view.names("10.244.0.3") == ()
    assert view.names("10.244.0.4") == ("web-0.nginx.default.svc",)
    view.delete_service("default", "api")
    assert view.names("10.96.0.7") == ()


def test_an_address_in_two_slices_keeps_its_name_when_one_goes() -> None:
    view = ServiceView()
    view.set_service(service("nginx"))
    for name in ("a", "b"):
        view.set_slice(slice_of(name, "nginx", ("10.244.0.3", "web-0", True)))
    assert view.names("10.244.0.3") == ("web-0.nginx.default.svc",)
    view.delete_slice("default", "a")
    assert view.names("10.244.0.3") == ("web-0.nginx.default.svc",)


def test_a_pod_without_a_service_is_named_after_its_address() -> None:
    view = ServiceView()
    view.set_pod(pod("web-0", "10.244.0.3"))
    assert view.has_pod("default", "10.244.0.3")
    assert not view.has_pod("other", "10.244.0.3")
    assert view.names("10.244.0.3") == ("10-244-0-3.default.pod",)
    view.set_pod(pod("web-0", "10.244.0.9"))
    assert not view.has_pod("default", "10.244.0.3")
    assert view.has_pod("default", "10.244.0.9")
    view.delete_pod("default", "web-0")
    assert view.names("10.244.0.9") == ()


@pytest.mark.parametrize(
    "absent", [pod("web-0"), pod("web-0", "10.244.0.3", phase="Failed"), pod("web-0", "192.0.2.2", host_network=True)]
)
def test_pods_without_an_address_of_their_own_are_not_there(absent: Pod) -> None:
    view = ServiceView()
    view.set_pod(pod("web-0", "10.244.0.3"))
    view.set_pod(absent)
    assert not view.has_pod("default", "10.244.0.3")
    assert not view.has_pod("default", "192.0.2.2")
    assert not view.has_namespace("default")


def test_a_namespace_is_there_as_long_as_something_is_in_it() -> None:
    view = ServiceView()
    assert not view.has_namespace("default")
    view.set_service(service("nginx"))
    view.set_service(service("nginx"))
    view.set_pod(pod("web-0", "10.244.0.3"))
    view.delete_service("default", "nginx")
    view.delete_service("default", "nginx")
    assert view.has_namespace("default")
    view.delete_pod("default", "web-0")
    assert not view.has_namespace("default")


def test_an_external_name_and_a_slice_of_nobody() -> None:
    view = ServiceView()
    external = service("db", None)
    external.spec.type, external.spec.external_name = "ExternalName", "db.example.com"
    view.set_service(external)
    record = view.service("default", "db")
    assert record is not None
    assert (record.external_name, record.headless, record.cluster_ips) == ("db.example.com", False, ())
    orphan = slice_of("x", "db", ("10.0.0.1", None, True))
    orphan.metadata.labels.clear()
    view.set_slice(orphan)
    assert addresses(view, "db") == []
