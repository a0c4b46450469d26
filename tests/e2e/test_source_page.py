"""Every statement of the source page, word for word, and what it means on real containers.

Statements that only have to be looked at share one set; those that change something have a namespace of their own.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from tempfile import mkdtemp

import pytest
import pytest_asyncio

from petset.api.types import Namespace as NamespaceObject
from petset.api.types import (
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    Service,
    StatefulSet,
)
from tests.e2e.manifests import PAGE, claim_template, container, pod, stateful_set
from tests.e2e.namespace import Namespace, administrator, ready, replaces, story, tells, waits_for
from tests.e2e.server import NEWER_NGINX, NGINX, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

Check = Callable[[Namespace], Awaitable[None]]
LOOKED_AT: list[tuple[tuple[str, ...], Check]] = []
CHANGING: list[tuple[tuple[str, ...], Check]] = []
BEGINNING = "e2e/resource-version-before-the-manifest"


def states(*statements: str, changes: bool = False) -> Callable[[Check], Check]:
    """Enters a check into the table, with the statements of the page that it shows to hold."""

    def enter(check: Check) -> Check:
        (CHANGING if changes else LOOKED_AT).append((statements, check))
        return check

    return enter


def names(objects: list[Pod]) -> list[str]:
    return sorted(each.metadata.name for each in objects)


# --- what can be seen ------------------------------------------------------------------------------------------------


@states(
    "StatefulSet 管理 Pod 时，确保其 Pod 有一个按顺序增长的 ID。",
    "StatefulSet 始终将一系列不变的名字分配给其 Pod。",
    "上面的例子将要创建三个 Pod，其名称分别为： web-0，web-1，web-2。",
)
async def pods_are_numbered(page: Namespace) -> None:
    pods = await page.objects(Pod, "app=nginx")
    assert names(pods) == ["web-0", "web-1", "web-2"]
    indexes = [each.metadata.labels["apps.kubernetes.io/pod-index"] for each in pods]
    assert sorted(indexes) == ["0", "1", "2"]


@states("这些 Pod 从同一个模板创建，但是并不能相互替换：每个 Pod 都对应一个特有的持久化存储标识。")
async def pods_are_alike_but_for_their_storage(page: Namespace) -> None:
    pods = await page.objects(Pod, "app=nginx")
    revision = (await page.get(StatefulSet, "web")).status.current_revision
    assert {each.metadata.labels["controller-revision-hash"] for each in pods} == {revision}
    assert {each.spec.termination_grace_period_seconds for each in pods} == {10}
    assert {each.spec.containers[0].image for each in pods} == {NGINX}
    for each in pods:
        claims = [volume.persistent_volume_claim for volume in each.spec.volumes if volume.name == "www"]
        assert [claim.claim_name for claim in claims if claim] == [f"www-{each.metadata.name}"]


@states("StatefulSet 中 Pod 的 hostname 格式为 $(StatefulSet name)-$(Pod 序号)。")
async def hostnames_are_pod_names(page: Namespace) -> None:
    for ordinal in range(3):
        assert await page.sh(f"web-{ordinal}", "hostname") == f"web-{ordinal}\n"


@states("该域（domain）的格式为 $(service  name).$(namespace).svc.cluster.local，")
async def the_domain_names_every_pod(page: Namespace) -> None:
    assert (await page.get(Service, "nginx")).spec.cluster_ip == "None"
    pods = {each.status.pod_ip or "" for each in await page.objects(Pod, "app=nginx")}
    question = f"getent ahostsv4 nginx.{page.name}.svc.cluster.local | cut -d' ' -f1"
    assert len(pods) == 3
    await page.until_sh("web-0", question, lambda text: set(text.split()) == pods)  # names follow readiness


@states(
    "稳定、唯一的网络标识（dnsname）",
    "StatefulSet 中每一个 Pod 将被分配一个 dnsName，格式为： $(podName).$(所在域名)",
)
async def every_pod_has_a_name(page: Namespace) -> None:
    for ordinal in range(3):
        name = f"web-{ordinal}.nginx.{page.name}.svc.cluster.local"
        address = (await page.get(Pod, f"web-{ordinal}")).status.pod_ip
        answer = await page.until_sh("web-0", f"getent hosts {name}", bool)
        assert answer.split()[:2] == [address, name]


@states(
    "Kubernetes 为每一个 VolumeClaimTemplate 创建一份 PersistentVolume（存储卷）。",
    "每一个 Pod 都将由 StorageClass（存储类）`my-storage-class` 为其创建一个 1Gib 大小的 PersistentVolume（存储卷）。",
    "每个Pod始终对应各自的存储路径（PersistantVolumeClaimTemplate）",
    "Pod 的存储要么由 storage class 对应的 PersistentVolume Provisioner 提供，",
)
async def every_pod_has_a_volume(page: Namespace) -> None:
    directories = set()
    for ordinal in range(3):
        claim = await page.get(PersistentVolumeClaim, f"www-web-{ordinal}")
        assert (claim.status.phase, claim.status.capacity) == ("Bound", {"storage": "1Gi"})
        volume = await page.client.get(PersistentVolume, claim.spec.volume_name or "")
        assert (volume.spec.storage_class_name, volume.spec.capacity) == ("my-storage-class", {"storage": "1Gi"})
        await page.sh(f"web-{ordinal}", f"echo {ordinal} > /usr/share/nginx/html/index.html")
        source = volume.spec.host_path or volume.spec.local
        assert source is not None
        assert (Path(source.path) / "index.html").read_text() == f"{ordinal}\n"
        directories.add(source.path)
    assert len(directories) == 3


@states(
    "在创建一个副本数为 N 的 StatefulSet 时，其 Pod 将被按 {0 ... N-1} 的顺序逐个创建",
    "OrderedReady：默认值",
)
async def pods_were_created_in_order(page: Namespace) -> None:
    assert (await page.get(StatefulSet, "web")).spec.pod_management_policy == "OrderedReady"
    since = (await page.client.get(NamespaceObject, page.name)).metadata.annotations[BEGINNING]
    events = await page.history(since, tells("web-2!"))
    assert story(events) == ["+web-0", "web-0!", "+web-1", "web-1!", "+web-2", "web-2!"]


@states("`.spec.updateStrategy.type=RollingUpdate`。默认值。")
async def updates_roll_by_default(page: Namespace) -> None:
    strategy = (await page.get(StatefulSet, "web")).spec.update_strategy
    assert strategy.type == "RollingUpdate"
    assert strategy.rolling_update is not None
    assert strategy.rolling_update.partition == 0


# --- what has to be tried --------------------------------------------------------------------------------------------


@states("要么由集群管理员事先创建", changes=True)
async def volumes_may_be_made_beforehand(namespace: Namespace) -> None:
    directory = Path(mkdtemp(prefix="petset-e2e-"))
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"made-for-{namespace.name}"},
        "spec": {
            "capacity": {"storage": "5Mi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": namespace.name,
            "hostPath": {"path": str(directory)},
        },
    }
    await namespace.apply(volume)
    mounts = [{"name": "www", "mountPath": "/www"}]
    template = pod("web", container("echo made > /www/file; sleep 1000", volumeMounts=mounts))
    claims = [claim_template(namespace.name)]
    await namespace.apply(stateful_set(1, template, volumeClaimTemplates=claims))
    await namespace.until_ready(1)
    claim = await namespace.get(PersistentVolumeClaim, "www-web-0")
    assert claim.spec.volume_name == f"made-for-{namespace.name}"
    await namespace.until_sh("web-0", "cat /www/file", lambda text: text == "made\n")
    assert (directory / "file").read_text() == "made\n"
    await namespace.client.delete(PersistentVolume, f"made-for-{namespace.name}")
    shutil.rmtree(directory)


@states(
    "删除或 scale down 一个 StatefulSet 将不会删除其对应的数据卷。",
    "当 Pod 或 StatefulSet 被删除时，其关联的 PersistentVolumeClaim（存储卷声明）"
    "以及其背后的 PersistentVolume（存储卷）仍然存在。",
    "如果相同的 Pod 或 StatefulSet 被再次创建，则，新建的名为 web-0 的 Pod "
    "仍将挂载到原来名为 web-0 的 Pod 所挂载的存储卷声明及存储卷。",
    "这确保了 web-0、web-1、web-2 等，不管被删除重建多少次，都将 “稳定” 的使用各自所对应的存储内容",
    changes=True,
)
async def storage_outlives_pods_and_sets(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    volumes = {}
    for ordinal in range(3):
        await namespace.sh(f"web-{ordinal}", f"echo {ordinal} > /usr/share/nginx/html/index.html")
        volumes[ordinal] = (await namespace.get(PersistentVolumeClaim, f"www-web-{ordinal}")).spec.volume_name
    await namespace.scale(1)
    await namespace.until_ready(1)
    await namespace.delete(StatefulSet, "web")
    await namespace.until_gone(Pod, "web-0")
    assert len(await namespace.objects(PersistentVolumeClaim)) == 3
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    for ordinal, volume in volumes.items():
        assert (await namespace.get(PersistentVolumeClaim, f"www-web-{ordinal}")).spec.volume_name == volume
        assert await namespace.sh(f"web-{ordinal}", "cat /usr/share/nginx/html/index.html") == f"{ordinal}\n"


@states(
    "在删除一个副本数为 N 的 StatefulSet （或其中所有的 Pod）时，其 Pod 将按照相反的顺序（即 {N-1 ... 0}）终止和删除",
    "如果要按顺序 gracefully 终止 StatefulSet 中的 Pod，可以在删除 StatefulSet 前将其 scale down 到 0",
    "终止和删除 StatefulSet 中的某一个 Pod 时，该 Pod 所有的后序 Pod 必须全部已终止",
    changes=True,
)
async def scaling_to_nothing_ends_pods_in_reverse(namespace: Namespace) -> None:
    await namespace.apply(stateful_set(3, pod("web")))
    await namespace.until_ready(3)
    since = await namespace.now()
    await namespace.scale(0)
    events = await namespace.history(since, tells("web-0."))
    assert story(events) == ["-web-2", "web-2.", "-web-1", "web-1.", "-web-0", "web-0."]


@states(
    "在对 StatefulSet 执行扩容（scale up）操作时，"
    "新增 Pod 所有的前序 Pod 必须处于 Running（运行）和 Ready（就绪）的状态",
    changes=True,
)
async def scaling_up_waits_for_predecessors(namespace: Namespace) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1}
    await namespace.apply(stateful_set(1, pod("web", container(readinessProbe=probe))))
    await namespace.until_sh("web-0", "touch /tmp/ready", lambda _: True)
    await namespace.until_ready(1)
    await namespace.sh("web-0", "rm /tmp/ready")
    await namespace.until(Pod, "web-0", lambda pod: not ready(pod))
    since = await namespace.now()
    await namespace.scale(2)
    await namespace.until(StatefulSet, "web", lambda set_: set_.status.observed_generation == set_.metadata.generation)
    await namespace.sh("web-0", "touch /tmp/ready")
    events = await namespace.history(since, tells("+web-1"))
    assert story(events) == ["web-0!", "+web-1"]


@states("StatefulSet 中 `pod.spec.terminationGracePeriodSeconds` 不能为 0。", changes=True)
async def pods_have_time_to_end(namespace: Namespace) -> None:
    script = "trap 'echo told to end > /www/file; exit 0' TERM; while true; do sleep 0.1; done"
    mounts = [{"name": "www", "mountPath": "/www"}]
    template = pod("web", container(script, volumeMounts=mounts), terminationGracePeriodSeconds=10)
    await namespace.apply(stateful_set(1, template, volumeClaimTemplates=[claim_template()]))
    await namespace.until_ready(1)
    old = await namespace.get(Pod, "web-0")
    await namespace.delete(Pod, "web-0")
    await namespace.until(Pod, "web-0", replaces(old))
    assert await namespace.sh("web-0", "cat /www/file") == "told to end\n"


@states(
    "该标识始终与 Pod 绑定，无论该 Pod 被调度（重新调度）到哪一个节点上。",
    "当 Pod 被调度（或重新调度）到一个节点上，其挂载点将挂载该存储卷声明（关联到该 PersistentVolume）。",
    changes=True,
)
async def a_replaced_pod_keeps_its_identity(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    old = await namespace.get(Pod, "web-1")
    await namespace.sh("web-1", "echo mine > /usr/share/nginx/html/index.html")
    await namespace.delete(Pod, "web-1")
    new = await namespace.until(Pod, "web-1", replaces(old))
    assert await namespace.sh("web-1", "hostname; cat /usr/share/nginx/html/index.html") == "web-1\nmine\n"
    address = new.status.pod_ip or "no address"
    await namespace.until_sh("web-0", "getent hosts web-1.nginx", lambda text: address in text.split())


@states("Parallel：StatefulSet Controller 将同时并行地创建或终止其所有的 Pod。", changes=True)
async def parallel_pods_do_not_wait_for_each_other(namespace: Namespace) -> None:
    since = await namespace.now()
    slow = pod("web", container(readinessProbe={"exec": {"command": ["true"]}, "initialDelaySeconds": 1}))
    await namespace.apply(stateful_set(3, slow, podManagementPolicy="Parallel"))
    events = await namespace.history(since, tells("web-0!", "web-1!", "web-2!"))
    assert sorted(story(events)[:3]) == ["+web-0", "+web-1", "+web-2"]
    since = await namespace.now()
    await namespace.scale(0)
    events = await namespace.history(since, tells("web-0.", "web-1.", "web-2."))
    assert sorted(story(events)[:3]) == ["-web-0", "-web-1", "-web-2"]


@states("此选项只影响到伸缩（scale up/scale down）操作。更新操作不受影响。", changes=True)
async def parallel_sets_are_updated_in_order(namespace: Namespace) -> None:
    await namespace.apply(stateful_set(3, pod("web"), podManagementPolicy="Parallel"))
    await namespace.until_ready(3)
    since = await namespace.now()
    change = {"spec": {"template": {"metadata": {"labels": {"version": "2"}}}}}
    await namespace.patch(StatefulSet, "web", change)
    events = await namespace.history(since, tells("web-0!"))
    assert story(events) == [step.format(n) for n in (2, 1, 0) for step in ("-web-{}", "web-{}.", "+web-{}", "web-{}!")]


@states(
    "必须手工删除 Pod，此时 StatefulSet Controller 在重新创建 Pod 时，使用修改过的 `.spec.template` 的内容创建新 Pod。",
    changes=True,
)
async def on_delete_leaves_updates_to_the_user(namespace: Namespace) -> None:
    await namespace.apply(stateful_set(2, pod("web"), updateStrategy={"type": "OnDelete"}))
    before = await namespace.until_ready(2)
    change = {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}
    await namespace.patch(StatefulSet, "web", change)
    old = await namespace.get(Pod, "web-0")
    await namespace.delete(Pod, "web-0")
    new = await namespace.until(Pod, "web-0", replaces(old))
    assert new.metadata.annotations["version"] == "2"
    untouched = await namespace.get(Pod, "web-1")
    assert untouched.metadata.labels["controller-revision-hash"] == before.status.current_revision
    assert "version" not in untouched.metadata.annotations


@states("按顺序自动地执行滚动更新", changes=True)
async def updates_go_from_the_last_to_the_first(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    since = await namespace.now()
    await namespace.set_image(NEWER_NGINX)
    events = await namespace.history(since, tells("web-0!"))
    assert story(events) == [step.format(n) for n in (2, 1, 0) for step in ("-web-{}", "web-{}.", "+web-{}", "web-{}!")]
    assert {each.spec.containers[0].image for each in await namespace.objects(Pod, "app=nginx")} == {NEWER_NGINX}
    await namespace.until_rolled_out(3)


@states(
    "序号大于或等于 `.spec.updateStrategy.rollingUpdate.partition` 的 Pod 将被删除重建",
    "序号小于 `.spec.updateStrategy.rollingUpdate.partition` 的 Pod 将不会更新，"
    "及时手工删除该 Pod，kubernetes 也会使用前一个版本的 `.spec.template` 重建该 Pod",
    changes=True,
)
async def a_partition_divides_old_from_new(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    partition = {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}
    await namespace.patch(StatefulSet, "web", partition)
    await namespace.set_image(NEWER_NGINX)
    await namespace.until(StatefulSet, "web", lambda set_: (set_.status.updated_replicas or 0) == 2)
    await namespace.until_ready(3)
    for name, image in (("web-0", NGINX), ("web-1", NEWER_NGINX), ("web-2", NEWER_NGINX)):
        before = await namespace.get(Pod, name)
        assert before.spec.containers[0].image == image
        await namespace.delete(Pod, name)
        after = await namespace.until(Pod, name, replaces(before))
        assert after.spec.containers[0].image == image
        await namespace.until_ready(3)


@states(
    "如果您更新 Pod template 后，该 Pod 始终不能进入 Running 和 Ready 的状态（例如，镜像错误或应用程序配置错误），"
    "StatefulSet 将停止滚动更新并一直等待。",
    "在修复 Pod template 以后，您还必须删除掉所有已经尝试使用有问题的 Pod template 的 Pod。"
    "StatefulSet此时才会开始使用修复了的 Pod template 重建 Pod。",
    "当使用默认的 Pod Management Policy (OrderedReady) 进行滚动更新时，可能进入一个错误状态，并需要人工介入才能修复",
    changes=True,
)
async def a_broken_update_needs_a_person(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    untouched = {each.metadata.name: each.metadata.uid for each in await namespace.objects(Pod, "app=nginx")}
    await namespace.set_image("127.0.0.1:1/no/such:1")
    broken = await namespace.until(Pod, "web-2", waits_for("ErrImagePull"))
    await namespace.set_image(NGINX)
    await namespace.until(StatefulSet, "web", lambda set_: set_.status.observed_generation == set_.metadata.generation)
    await namespace.until(Pod, "web-2", waits_for("ImagePullBackOff"))
    assert (await namespace.get(Pod, "web-2")).metadata.uid == broken.metadata.uid
    await namespace.delete(Pod, "web-2")
    await namespace.until_rolled_out(3)
    for name in ("web-0", "web-1"):
        assert (await namespace.get(Pod, name)).metadata.uid == untouched[name]


# --- the table -------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(server: Server) -> AsyncIterator[Namespace]:
    """A namespace in which the page's manifest has been applied and is ready."""
    async with administrator(server.kubeconfig) as client:
        since = (await client.list(Pod)).resource_version
        metadata = ObjectMeta(name="the-page", annotations={BEGINNING: since})
        await client.create(NamespaceObject(metadata=metadata))
        namespace = Namespace(client, "the-page")
        await namespace.apply(PAGE)
        await namespace.until_ready(3)
        yield namespace
        await client.delete(NamespaceObject, "the-page")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("statements", "check"), LOOKED_AT, ids=[check.__name__ for _, check in LOOKED_AT])
async def test_seen(page: Namespace, statements: tuple[str, ...], check: Check) -> None:
    assert statements
    await check(page)


@pytest.mark.parametrize(("statements", "check"), CHANGING, ids=[check.__name__ for _, check in CHANGING])
async def test_tried(namespace: Namespace, statements: tuple[str, ...], check: Check) -> None:
    assert statements
    await check(namespace)
