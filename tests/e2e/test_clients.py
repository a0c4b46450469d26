"""Python clients that people use, unmodified: kr8s and lightkube. The official one has a file of its own."""

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any, cast

import aiohttp
import pytest
from lightkube import ALL_NS, AsyncClient, KubeConfig
from lightkube.core.exceptions import ApiError, ObjectDeleted
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import ConfigMap, Node, Pod
from lightkube.resources.core_v1 import Namespace as NamespaceObject
from lightkube.types import CascadeType, PatchType

from tests.e2e.manifests import claim_template, config_map, container, pod, service, stateful_set
from tests.e2e.namespace import Namespace
from tests.e2e.server import NGINX, Server

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported:UserWarning"),  # kr8s knows 1.35 so far
]

SET = stateful_set(2, pod("x", container()), podManagementPolicy="Parallel", volumeClaimTemplates=[claim_template()])

# imported as modules of unknown content: their annotations know neither awaitable constructors nor objects by kind
kr8s: Any = import_module("kr8s.asyncio")
objects: Any = import_module("kr8s.asyncio.objects")
NotFoundError: type[Exception] = import_module("kr8s").NotFoundError


# --- kr8s -------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def api(server: Server, namespace: Namespace) -> AsyncIterator[Any]:
    api = await kr8s.api(kubeconfig=str(server.kubeconfig), namespace=namespace.name)
    yield api
    await api._session.aclose()


async def test_kr8s_runs_a_set(api: Any, namespace: Namespace) -> None:
    headless = await objects.Service(service("nginx", clusterIP="None"), namespace=namespace.name, api=api)
    await headless.create()
    set_ = await objects.StatefulSet(SET, namespace=namespace.name, api=api)
    await set_.create()
    async with asyncio.timeout(60):
        await set_.wait("jsonpath='{.status.availableReplicas}'=2")
        pods = [found async for found in api.get("pods", label_selector={"app": "web"})]
        assert sorted(found.name for found in pods) == ["web-0", "web-1"]
        first = next(found for found in pods if found.name == "web-0")
        assert await first.ready()
        done = await first.exec(["sh", "-c", "echo $HOSTNAME"])
        assert done.stdout.decode().strip() == "web-0"
        await set_.scale(1)
        await set_.annotate(owner="kr8s")
        await set_.refresh()
        assert set_.annotations["owner"] == "kr8s"
        await set_.delete(propagation_policy="Foreground")
        await set_.wait("delete")
    assert not await first.exists()


async def test_kr8s_watches_patches_and_logs(api: Any, namespace: Namespace) -> None:
    made = await objects.ConfigMap(config_map("settings", key="value"), namespace=namespace.name, api=api)
    await made.create()
    await made.patch({"data": {"key": "other"}})
    await made.label(tier="front")
    async with asyncio.timeout(30):
        async for type_, seen in api.watch("configmaps", field_selector={"metadata.name": "settings"}):
            if type_ != "DELETED" and seen.raw["data"]["key"] == "other" and seen.labels.get("tier") == "front":
                break
    with pytest.raises(NotFoundError):
        await objects.Pod.get("nowhere", namespace=namespace.name, api=api)
    talker = await objects.Pod(pod("talker", container("echo one; echo two")), namespace=namespace.name, api=api)
    talker.raw["spec"]["restartPolicy"] = "Never"
    await talker.create()
    async with asyncio.timeout(60):
        await talker.wait("jsonpath='{.status.phase}'=Succeeded")
        assert [line async for line in talker.logs()] == ["one", "two"]
    assert "StatefulSet" in {resource["kind"] for resource in await api.api_resources()}
    assert (await api.version())["major"] == "1"


async def test_kr8s_forwards_ports(api: Any, namespace: Namespace) -> None:
    ports = [{"containerPort": 80}]
    nginx = {"name": "main", "image": NGINX, "ports": ports, "readinessProbe": {"tcpSocket": {"port": 80}}}
    served = await objects.Pod(pod("web", nginx), namespace=namespace.name, api=api)
    await served.create()
    async with asyncio.timeout(60):
        await served.wait("condition=Ready")
        async with served.portforward(80, local_port="auto") as port, aiohttp.ClientSession() as session:
            for _ in range(3):
                async with session.get(f"http://127.0.0.1:{port}/") as answer:
                    assert answer.status in {200, 403}, "nginx answers, with or without a page"


# --- lightkube --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def lightkube(server: Server, namespace: Namespace) -> AsyncIterator[AsyncClient]:
    config = KubeConfig.from_file(server.kubeconfig)
    client = AsyncClient(config=config, namespace=namespace.name, field_manager="lightkube")
    yield client
    await client.aclose()


async def test_lightkube_runs_a_set(lightkube: AsyncClient) -> None:
    applied: StatefulSet = await lightkube.apply(cast("StatefulSet", StatefulSet.from_dict(SET)))
    assert applied.metadata is not None
    assert [entry.manager for entry in applied.metadata.managedFields or []] == ["lightkube"]
    async with asyncio.timeout(60):
        async for type_, seen in lightkube.watch(StatefulSet, fields={"metadata.name": "web"}):
            if type_ != "DELETED" and seen.status is not None and seen.status.readyReplicas == 2:
                break
        await lightkube.wait(Pod, "web-1", for_conditions=["Ready"])
        done = await lightkube.exec(
            "web-1", command=["sh", "-c", "cat; hostname; exit 3"], stdin="hello\n", stdout=True
        )
        assert (done.stdout, done.exit_code) == ("hello\nweb-1\n", 3)
    scaled = await lightkube.get(StatefulSet.Scale, "web")
    assert scaled.spec is not None
    scaled.spec.replicas = 1
    await lightkube.replace(scaled, "web")
    assert [found.metadata.name async for found in lightkube.list(Pod, labels={"app": "web"}) if found.metadata]
    await lightkube.delete(StatefulSet, "web", cascade=CascadeType.FOREGROUND)
    async with asyncio.timeout(60):
        with pytest.raises(ObjectDeleted):
            await lightkube.wait(StatefulSet, "web", for_conditions=["Never"])


async def test_lightkube_reads_patches_and_hears_of_errors(lightkube: AsyncClient, namespace: Namespace) -> None:
    wanted = ConfigMap(metadata=ObjectMeta(name="settings"), data={"a": "1", "b": "2"})
    await lightkube.create(wanted)
    with pytest.raises(ApiError) as error:
        await lightkube.create(wanted)
    assert (error.value.status.code, error.value.status.reason) == (409, "AlreadyExists")
    await lightkube.patch(ConfigMap, "settings", {"data": {"a": None}}, patch_type=PatchType.MERGE)
    operation = {"op": "add", "path": "/metadata/labels", "value": {"tier": "front"}}
    patched = await lightkube.patch(ConfigMap, "settings", [operation], patch_type=PatchType.JSON)
    assert patched.data == {"b": "2"}
    found = [
        each.metadata.name
        async for each in lightkube.list(ConfigMap, labels={"tier": ["front", "back"]})
        if each.metadata
    ]
    assert found == ["settings"]
    everywhere = [each async for each in lightkube.list(ConfigMap, namespace=ALL_NS, chunk_size=2)]
    assert len(everywhere) > 2
    await lightkube.deletecollection(ConfigMap)
    with pytest.raises(ApiError, match="not found"):
        await lightkube.get(ConfigMap, "settings")
    (node,) = [each async for each in lightkube.list(Node)]
    assert node.status is not None
    assert (await lightkube.get(NamespaceObject, namespace.name)).metadata is not None
