"""The official Python client, unmodified."""

import base64
import gc
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import NUMBERS
from tests.e2e.manifests import PAGE, PATIENT, config_map, container, pod, stateful_set
from tests.e2e.server import NEWER_NGINX, NGINX, Server

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(90),
    # the client leaves its connections to the garbage collector, which comes when it likes
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

TIMEOUT = 60

# imported as modules of unknown content: the client's annotations allow no plain dictionaries where its API does
client = import_module("kubernetes.client")
config = import_module("kubernetes.config")
dynamic = import_module("kubernetes.dynamic")
utils = import_module("kubernetes.utils")
watch = import_module("kubernetes.watch")
stream = import_module("kubernetes.stream").stream
ApiException: type[Any] = client.ApiException


class Cluster:
    """The client's APIs, and a namespace."""

    def __init__(self, kubeconfig: str, namespace: str) -> None:
        self.api = config.new_client_from_config(kubeconfig)
        self.core = client.CoreV1Api(self.api)
        self.apps = client.AppsV1Api(self.api)
        self.namespace = namespace

    def follow(self, list_: Any, complete: Callable[[str, Any], bool], **options: Any) -> list[tuple[str, Any]]:
        """A watch's events, up to the one that completes them."""
        seen = []
        watching = watch.Watch()
        for event in watching.stream(list_, self.namespace, timeout_seconds=TIMEOUT, **options):
            seen.append((event["type"], event["object"]))
            if complete(*seen[-1]):
                watching.stop()
                return seen
        raise AssertionError(f"incomplete: {seen}")

    def until(self, list_: Any, holds: Callable[[Any], bool]) -> None:
        """Watches until something is true of an object."""
        self.follow(list_, lambda type_, obj: type_ != "DELETED" and holds(obj))

    def until_gone(self, list_: Any, name: str) -> None:
        """Watches until an object that may still be there is gone."""
        listed = list_(self.namespace)
        if name in [obj.metadata.name for obj in listed.items]:
            self.follow(
                list_,
                lambda type_, obj: type_ == "DELETED" and obj.metadata.name == name,
                resource_version=listed.metadata.resource_version,
            )

    def until_ready(self, replicas: int) -> None:
        self.until(
            self.apps.list_namespaced_stateful_set,
            lambda set_: (
                set_.status.ready_replicas == replicas
                and set_.status.updated_replicas == replicas
                and set_.status.observed_generation == set_.metadata.generation
            ),
        )

    def until_running(self, name: str) -> None:
        self.until(
            self.core.list_namespaced_pod, lambda pod: pod.metadata.name == name and pod.status.phase == "Running"
        )


@pytest.fixture
def cluster(server: Server) -> Iterator[Cluster]:
    cluster = Cluster(str(server.kubeconfig), f"python-{next(NUMBERS)}")
    cluster.core.create_namespace({"metadata": {"name": cluster.namespace}})
    cluster.until(cluster.core.list_namespaced_service_account, lambda account: account.metadata.name == "default")
    yield cluster
    cluster.core.delete_namespace(cluster.namespace)
    cluster.api.rest_client.pool_manager.clear()
    cluster.api.close()
    with warnings.catch_warnings():  # what the tests of other modules shall not see
        warnings.simplefilter("ignore", ResourceWarning)
        del cluster
        gc.collect()


def test_a_set_is_created_changed_and_deleted(cluster: Cluster) -> None:
    service, set_, *_ = list(yaml.safe_load_all(PAGE))
    cluster.core.create_namespaced_service(cluster.namespace, service)
    set_["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] = "standard"
    created = cluster.apps.create_namespaced_stateful_set(cluster.namespace, set_)
    assert isinstance(created, client.V1StatefulSet)
    cluster.until_ready(3)
    pods = cluster.core.list_namespaced_pod(cluster.namespace, label_selector="app=nginx").items
    assert sorted(pod.metadata.name for pod in pods) == ["web-0", "web-1", "web-2"]
    containers = [{"name": "nginx", "image": NEWER_NGINX}]
    body: Any = {"spec": {"template": {"spec": {"containers": containers}}}}
    patched = cluster.apps.patch_namespaced_stateful_set("web", cluster.namespace, body)
    assert patched.spec.template.spec.containers[0].ports[0].container_port == 80
    cluster.until_ready(3)
    scaled = cluster.apps.patch_namespaced_stateful_set_scale("web", cluster.namespace, {"spec": {"replicas": 1}})
    assert isinstance(scaled, client.V1Scale)
    cluster.until_ready(1)
    cluster.apps.delete_namespaced_stateful_set("web", cluster.namespace, propagation_policy="Foreground")
    cluster.until_gone(cluster.apps.list_namespaced_stateful_set, "web")
    with pytest.raises(ApiException) as error:
        cluster.apps.read_namespaced_stateful_set("web", cluster.namespace)
    assert error.value.status == 404
    claims = cluster.core.list_namespaced_persistent_volume_claim(cluster.namespace).items
    assert [claim.status.phase for claim in claims] == ["Bound"] * 3


def test_errors_are_statuses(cluster: Cluster) -> None:
    cluster.core.create_namespaced_config_map(cluster.namespace, config_map("settings"))
    with pytest.raises(ApiException, match='configmaps \\\\"settings\\\\" already exists') as error:
        cluster.core.create_namespaced_config_map(cluster.namespace, config_map("settings"))
    assert (error.value.status, error.value.reason) == (409, "Conflict")
    with pytest.raises(ApiException, match=r"must be greater than or equal to 0") as error:
        cluster.apps.create_namespaced_stateful_set(cluster.namespace, stateful_set(-1, pod("web")))
    assert error.value.status == 422


def test_a_watch_shows_every_change(cluster: Cluster) -> None:
    maps = cluster.core.list_namespaced_config_map
    beginning = maps(cluster.namespace).metadata.resource_version
    created = cluster.core.create_namespaced_config_map(cluster.namespace, config_map("settings", color="blue"))
    created.data["color"] = "red"
    cluster.core.replace_namespaced_config_map("settings", cluster.namespace, created)
    with pytest.raises(ApiException) as error:
        cluster.core.replace_namespaced_config_map("settings", cluster.namespace, created)
    assert error.value.status == 409
    cluster.core.delete_namespaced_config_map("settings", cluster.namespace)
    events = cluster.follow(maps, lambda type_, _: type_ == "DELETED", resource_version=beginning)
    seen = [(type_, obj.data["color"]) for type_, obj in events if obj.metadata.name == "settings"]
    assert seen == [("ADDED", "blue"), ("MODIFIED", "red"), ("DELETED", "red")]


def test_pages(cluster: Cluster) -> None:
    for number in range(5):
        cluster.core.create_namespaced_config_map(cluster.namespace, config_map(f"map-{number}"))
    names, token = [], None
    while True:
        page = cluster.core.list_namespaced_config_map(cluster.namespace, limit=2, _continue=token)
        names += [each.metadata.name for each in page.items]
        token = page.metadata._continue
        if not token:
            break
        assert len(page.items) == 2
    assert [name for name in names if name.startswith("map-")] == [f"map-{number}" for number in range(5)]


def test_logs(cluster: Cluster) -> None:
    manifest = pod("web", container(f"echo one; echo two; {PATIENT}"))
    cluster.core.create_namespaced_pod(cluster.namespace, manifest)
    cluster.until_running("web")
    following = watch.Watch()
    lines = following.stream(cluster.core.read_namespaced_pod_log, "web", cluster.namespace)
    assert [next(lines), next(lines)] == ["one", "two"]
    lines.close()
    assert cluster.core.read_namespaced_pod_log("web", cluster.namespace, tail_lines=1) == "two\n"


def test_exec(cluster: Cluster) -> None:
    cluster.core.create_namespaced_pod(cluster.namespace, pod("web"))
    cluster.until_running("web")
    arguments = (cluster.core.connect_get_namespaced_pod_exec, "web", cluster.namespace)
    script = ["sh", "-c", "echo out; echo err >&2; exit 3"]
    output = stream(*arguments, command=script, stdin=False, stdout=True, stderr=True, tty=False)
    assert sorted(output.split()) == ["err", "out"]
    options = {"stdin": True, "stdout": True, "stderr": True, "tty": False, "_preload_content": False}
    session = stream(*arguments, command=["sh"], **options)
    session.write_stdin("hostname\n")
    assert session.readline_stdout(timeout=TIMEOUT) == "web"
    session.write_stdin("echo oops >&2; exit 7\n")
    session.run_forever(timeout=TIMEOUT)
    assert session.read_stderr() == "oops\n"
    assert session.returncode == 7
    session.close()


def test_server_side_apply_with_the_dynamic_client(cluster: Cluster) -> None:
    dynamics = dynamic.DynamicClient(cluster.api)
    sets = dynamics.resources.get(api_version="apps/v1", kind="StatefulSet")
    manifest = stateful_set(1, pod("web"))
    applied = dynamics.server_side_apply(sets, body=manifest, namespace=cluster.namespace, field_manager="tests")
    assert applied.metadata.managedFields[0].manager == "tests"
    cluster.until_ready(1)
    merge = "application/merge-patch+json"
    patched = sets.patch(
        name="web", namespace=cluster.namespace, body={"metadata": {"labels": {"a": "b"}}}, content_type=merge
    )
    assert patched.metadata.labels.a == "b"


def test_create_from_yaml_and_secrets(cluster: Cluster) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"password": "s3cret"}}
    utils.create_from_dict(cluster.api, secret, namespace=cluster.namespace)
    read = cluster.core.read_namespaced_secret("login", cluster.namespace)
    assert base64.b64decode(read.data["password"]) == b"s3cret"


def test_eviction_deletes_a_pod(cluster: Cluster) -> None:
    cluster.core.create_namespaced_pod(cluster.namespace, pod("web", {**container(), "image": NGINX}))
    cluster.core.create_namespaced_pod_eviction("web", cluster.namespace, {"metadata": {"name": "web"}})
    cluster.until_gone(cluster.core.list_namespaced_pod, "web")
    assert cluster.core.list_namespaced_pod(cluster.namespace).items == []
