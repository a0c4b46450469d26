import pytest

from petset.api.types import (
    ConfigMapEnvSource,
    ConfigMapKeySelector,
    Container,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    ObjectFieldSelector,
    ObjectMeta,
    ResourceFieldSelector,
    ResourceRequirements,
    SecretEnvSource,
    SecretKeySelector,
    Service,
    ServicePort,
    ServiceSpec,
)
from petset.node.downward import Placement
from petset.node.environment import Environment, EnvironmentFailed, service_variables
from tests.unit.node.given import GivenSources, pod

PLACEMENT = Placement("node-1", "10.0.0.5", "10.244.0.7")


@pytest.fixture
def sources() -> GivenSources:
    sources = GivenSources()
    sources.set_config_map("settings", {"color": "blue", "size": "5"})
    sources.set_secret("login", {"password": b"s3cret"})
    return sources


def from_config_map(name: str, key: str, *, optional: bool = False) -> EnvVarSource:
    return EnvVarSource(config_map_key_ref=ConfigMapKeySelector(name=name, key=key, optional=optional))


def from_secret(name: str, key: str, *, optional: bool = False) -> EnvVarSource:
    return EnvVarSource(secret_key_ref=SecretKeySelector(name=name, key=key, optional=optional))


async def variables(sources: GivenSources, container: Container, **services: str) -> dict[str, str]:
    return await Environment(sources).variables(pod(container), container, PLACEMENT, services)


async def test_values_see_what_stands_before_them(sources: GivenSources) -> None:
    env = [
        EnvVar(name="FIRST", value="1"),
        EnvVar(name="BOTH", value="$(FIRST)-$(LATER)-$(HOST)"),
        EnvVar(name="LATER", value="2"),
        EnvVar(name="LITERAL", value="$$(FIRST)"),
        EnvVar(name="EMPTY"),
    ]
    assert await variables(sources, Container(env=env), HOST="10.96.0.1") == {
        "HOST": "10.96.0.1",
        "FIRST": "1",
        "BOTH": "1-$(LATER)-10.96.0.1",
        "LATER": "2",
        "LITERAL": "$(FIRST)",
        "EMPTY": "",
    }


async def test_values_come_from_config_maps_secrets_fields_and_resources(sources: GivenSources) -> None:
    env = [
        EnvVar(name="COLOR", value_from=from_config_map("settings", "color")),
        EnvVar(name="PASSWORD", value_from=from_secret("login", "password")),
        EnvVar(name="POD", value_from=EnvVarSource(field_ref=ObjectFieldSelector(field_path="metadata.name"))),
        EnvVar(name="IP", value_from=EnvVarSource(field_ref=ObjectFieldSelector(field_path="status.podIP"))),
        EnvVar(
            name="CPU",
            value_from=EnvVarSource(resource_field_ref=ResourceFieldSelector(resource="limits.cpu", divisor="1m")),
        ),
    ]
    container = Container(env=env, resources=ResourceRequirements(limits={"cpu": "1500m"}))
    expected = {"COLOR": "blue", "PASSWORD": "s3cret", "POD": "web-0", "IP": "10.244.0.7", "CPU": "1500"}
    assert await variables(sources, container) == expected


async def test_env_counts_before_env_from_and_that_before_services(sources: GivenSources) -> None:
    env_from = [
        EnvFromSource(config_map_ref=ConfigMapEnvSource(name="settings")),
        EnvFromSource(secret_ref=SecretEnvSource(name="login"), prefix="DB_"),
        EnvFromSource(config_map_ref=ConfigMapEnvSource(name="absent", optional=True)),
    ]
    container = Container(env_from=env_from, env=[EnvVar(name="size", value="$(size)x")])
    assert await variables(sources, container, color="service", other="service") == {
        "color": "blue",
        "other": "service",
        "size": "5x",
        "DB_password": "s3cret",
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (from_config_map("absent", "x"), 'configmap "absent" not found'),
        (from_secret("absent", "x"), 'secret "absent" not found'),
        (from_config_map("settings", "x"), "couldn't find key x in ConfigMap default/settings"),
        (from_secret("login", "x"), "couldn't find key x in Secret default/login"),
        (EnvVarSource(field_ref=ObjectFieldSelector(field_path="spec.hostname")), "unsupported fieldPath"),
    ],
)
async def test_what_is_missing_is_named(sources: GivenSources, source: EnvVarSource, message: str) -> None:
    with pytest.raises(EnvironmentFailed, match=message):
        await variables(sources, Container(env=[EnvVar(name="X", value_from=source)]))


async def test_what_is_missing_and_optional_is_left_out(sources: GivenSources) -> None:
    env = [
        EnvVar(name="A", value_from=from_config_map("absent", "x", optional=True)),
        EnvVar(name="B", value_from=from_config_map("settings", "x", optional=True)),
        EnvVar(name="C", value_from=from_secret("absent", "x", optional=True)),
    ]
    assert await variables(sources, Container(env=env)) == {}


async def test_a_missing_env_from_source_is_an_error(sources: GivenSources) -> None:
    container = Container(env_from=[EnvFromSource(secret_ref=SecretEnvSource(name="absent"))])
    with pytest.raises(EnvironmentFailed, match='secret "absent" not found'):
        await variables(sources, container)


async def test_a_server_that_does_not_answer_is_an_error(sources: GivenSources) -> None:
    sources.available = False
    container = Container(env=[EnvVar(name="A", value_from=from_config_map("settings", "x", optional=True))])
    with pytest.raises(EnvironmentFailed, match="does not answer"):
        await variables(sources, container)


# --- Services


def service(name: str, ip: str, *ports: ServicePort, namespace: str = "default") -> Service:
    return Service(
        metadata=ObjectMeta(name=name, namespace=namespace), spec=ServiceSpec(cluster_ip=ip, ports=list(ports))
    )


API = service("kubernetes", "10.96.0.1", ServicePort(name="https", port=443))


def test_a_service_is_told_by_host_port_and_links() -> None:
    ports = (ServicePort(name="sql-main", port=5432), ServicePort(port=53, protocol="UDP"))
    assert service_variables(pod(), [service("my-db", "10.96.0.9", *ports)]) == {
        "MY_DB_SERVICE_HOST": "10.96.0.9",
        "MY_DB_SERVICE_PORT": "5432",
        "MY_DB_SERVICE_PORT_SQL_MAIN": "5432",
        "MY_DB_PORT": "tcp://10.96.0.9:5432",
        "MY_DB_PORT_5432_TCP": "tcp://10.96.0.9:5432",
        "MY_DB_PORT_5432_TCP_PROTO": "tcp",
        "MY_DB_PORT_5432_TCP_PORT": "5432",
        "MY_DB_PORT_5432_TCP_ADDR": "10.96.0.9",
        "MY_DB_PORT_53_UDP": "udp://10.96.0.9:53",
        "MY_DB_PORT_53_UDP_PROTO": "udp",
        "MY_DB_PORT_53_UDP_PORT": "53",
        "MY_DB_PORT_53_UDP_ADDR": "10.96.0.9",
    }


def test_without_service_links_only_the_api_is_told() -> None:
    db = service("db", "10.96.0.9", ServicePort(port=1))
    told = service_variables(pod(enable_service_links=False), [db, API])
    assert told["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert told["KUBERNETES_SERVICE_PORT"] == "443"
    assert not [name for name in told if name.startswith("DB_")]


def test_headless_external_and_foreign_services_are_not_told() -> None:
    port = ServicePort(port=80)
    services = [service("a", "None", port), service("b", "", port), service("c", "10.96.0.3", port, namespace="other")]
    assert service_variables(pod(), services) == {}


def test_a_service_called_kubernetes_of_the_pods_own_namespace_hides_the_apis() -> None:
    asking = pod()
    asking.metadata.namespace = "mine"
    own = service("kubernetes", "10.96.0.77", ServicePort(port=1), namespace="mine")
    for services in ([own, API], [API, own]):
        assert service_variables(asking, services)["KUBERNETES_SERVICE_HOST"] == "10.96.0.77"
