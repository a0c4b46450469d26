"""What is added to, or refused for, objects because of other objects and of the cluster's defaults."""

import msgspec
import pytest
from msgspec.structs import replace

from petset.aio.tasks import Supervisor
from petset.api.errors import Forbidden, NotFound
from petset.api.types import (
    ConfigMap,
    Container,
    DeleteOptions,
    EmptyDirVolumeSource,
    HostPathVolumeSource,
    LocalObjectReference,
    Namespace,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeSpec,
    Pod,
    ServiceAccount,
    StorageClass,
    Toleration,
    Volume,
    VolumeMount,
    VolumeResourceRequirements,
)
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Target
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import ME, PLAINLY, config_map, create, fetch, pod, target


class TestNamespaces:
    async def test_have_to_be_there(self, server: ApiServer) -> None:
        with pytest.raises(NotFound, match='namespaces "elsewhere" not found'):
            await server.create(ME, target(ConfigMap, namespace="elsewhere"), config_map(), PLAINLY)

    async def test_that_end_take_nothing_new(self, server: ApiServer) -> None:
        await create(server, Namespace(metadata=ObjectMeta(name="other")))
        await server.delete(ME, target(Namespace, "other"), DeleteOptions())
        with pytest.raises(Forbidden) as caught:
            await server.create(ME, target(ConfigMap, namespace="other"), config_map(), PLAINLY)
        assert caught.value.message == (
            'configmaps "settings" is forbidden: unable to create new content in namespace other '
            "because it is being terminated"
        )
        assert caught.value.details["causes"] == [
            {
                "reason": "NamespaceTerminating",
                "message": "namespace other is being terminated",
                "field": "metadata.namespace",
            }
        ]

    async def test_that_end_keep_what_they_have_changeable(self, server: ApiServer) -> None:
        await create(server, Namespace(metadata=ObjectMeta(name="other")))
        await server.create(ME, target(ConfigMap, namespace="other"), config_map(), PLAINLY)
        await server.delete(ME, target(Namespace, "other"), DeleteOptions())
        place = target(ConfigMap, "settings", namespace="other")
        given = config_map()
        given.data = {"key": "other"}
        assert (await server.update(ME, place, given, PLAINLY)).code == 200


async def refused(server: ApiServer, place: Target) -> str:
    with pytest.raises(Forbidden) as caught:
        await server.create(ME, place, pod(), PLAINLY)
    return caught.value.message


class TestServiceAccounts:
    async def test_default_is_given(self, server: ApiServer) -> None:
        spec = (await create(server, pod())).spec
        assert (spec.service_account_name, spec.service_account) == ("default", "default")

    async def test_have_to_be_there(self, server: ApiServer) -> None:
        given = pod()
        given.spec.service_account_name = "builder"
        with pytest.raises(Forbidden) as caught:
            await create(server, given)
        assert caught.value.message == (
            'pods "web-0" is forbidden: error looking up service account default/builder: '
            'serviceaccount "builder" not found'
        )

    async def test_of_a_new_namespace_are_waited_for(self, server: ApiServer, clock: VirtualClock) -> None:
        await create(server, Namespace(metadata=ObjectMeta(name="other")))
        place = target(Pod, namespace="other")
        async with Supervisor("test", clock) as tasks:
            creating = tasks.background("create", server.create(ME, place, pod(), PLAINLY))
            await clock.advance(0.5)
            assert not creating.done()
            account = ServiceAccount(metadata=ObjectMeta(name="default"))
            await server.create(ME, target(ServiceAccount, namespace="other"), account, PLAINLY)
            await clock.advance(0.1)
            assert (await creating).code == 201

    async def test_of_a_new_namespace_are_not_waited_for_for_ever(self, server: ApiServer, clock: VirtualClock) -> None:
        await create(server, Namespace(metadata=ObjectMeta(name="other")))
        async with Supervisor("test", clock) as tasks:
            creating = tasks.background("create", refused(server, target(Pod, namespace="other")))
            await clock.advance(1.1)
            assert 'error looking up service account other/default: serviceaccount "default"' in await creating

    async def test_lend_their_pull_secrets(self, server: ApiServer) -> None:
        secrets = [LocalObjectReference(name="registry")]
        await create(server, ServiceAccount(metadata=ObjectMeta(name="builder"), image_pull_secrets=secrets))
        given = pod()
        given.spec.service_account_name = "builder"
        assert (await create(server, given)).spec.image_pull_secrets == secrets


class TestApiAccess:
    async def test_is_mounted_into_every_container(self, server: ApiServer) -> None:
        given = pod()
        given.spec.init_containers = [Container(name="init", image="busybox")]
        spec = (await create(server, given)).spec
        [volume] = spec.volumes
        assert volume.name.startswith("kube-api-access-")
        assert len(volume.name) == len("kube-api-access-") + 5
        place = "/var/run/secrets/kubernetes.io/serviceaccount"
        mount = VolumeMount(name=volume.name, mount_path=place, read_only=True)
        assert [container.volume_mounts for container in (*spec.init_containers, *spec.containers)] == [[mount]] * 2

    async def test_is_the_volume_of_every_cluster(self, server: ApiServer) -> None:
        [volume] = (await create(server, pod())).spec.volumes
        of_pod = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
        assert msgspec.to_builtins(volume.projected) == {
            "defaultMode": 420,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
                {"downwardAPI": {"items": [{"fieldRef": of_pod, "path": "namespace"}]}},
            ],
        }

    @pytest.mark.parametrize(
        ("of_pod", "of_account", "wanted"),
        [
            (None, None, True),
            (None, False, False),
            (None, True, True),
            (False, None, False),
            (False, True, False),
            (True, False, True),
        ],
    )
    async def test_the_pods_word_comes_before_its_accounts(
        self, server: ApiServer, of_pod: bool | None, of_account: bool | None, wanted: bool
    ) -> None:
        meta = ObjectMeta(name="builder")
        await create(server, ServiceAccount(metadata=meta, automount_service_account_token=of_account))
        given = pod()
        given.spec.service_account_name, given.spec.automount_service_account_token = "builder", of_pod
        assert bool((await create(server, given)).spec.volumes) is wanted

    async def test_what_is_at_its_place_already_stays(self, server: ApiServer) -> None:
        given = pod()
        mount = VolumeMount(name="mine", mount_path="/var/run/secrets/kubernetes.io/serviceaccount")
        given.spec.volumes = [Volume(name="mine", empty_dir=EmptyDirVolumeSource())]
        given.spec.containers[0].volume_mounts = [mount]
        spec = (await create(server, given)).spec
        assert [volume.name for volume in spec.volumes] == ["mine"]
        assert spec.containers[0].volume_mounts == [mount]

    async def test_a_volume_that_is_copied_with_a_pod_is_used_again(self, server: ApiServer) -> None:
        first = await create(server, pod())
        again = pod("web-1")
        again.spec.volumes = first.spec.volumes
        assert (await create(server, again)).spec == first.spec


class TestTolerations:
    @pytest.mark.parametrize(
        ("given", "keys"),
        [
            ([], ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]),
            (
                [Toleration(key="node.kubernetes.io/not-ready", operator="Exists", effect="NoExecute")],
                ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"],
            ),
            ([Toleration(operator="Exists")], [None]),
            (
                [Toleration(key="mine", operator="Exists")],
                ["mine", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"],
            ),
        ],
    )
    async def test_last_five_minutes_on_a_lost_node(
        self, server: ApiServer, given: list[Toleration], keys: list[str | None]
    ) -> None:
        wanted = pod()
        wanted.spec.tolerations = given
        found = (await create(server, wanted)).spec.tolerations
        assert [toleration.key for toleration in found] == keys
        added = found[len(given) :]
        assert {(t.toleration_seconds, t.effect, t.operator) for t in added} <= {(300, "NoExecute", "Exists")}


class TestPriority:
    @pytest.mark.parametrize(("name", "priority"), [(None, 0), ("system-node-critical", 2_000_001_000)])
    async def test_follows_the_class(self, server: ApiServer, name: str | None, priority: int) -> None:
        given = pod()
        given.spec.priority_class_name = name
        spec = (await create(server, given)).spec
        assert (spec.priority, spec.preemption_policy) == (priority, "PreemptLowerPriority")

    async def test_needs_a_known_class(self, server: ApiServer) -> None:
        given = pod()
        given.spec.priority_class_name = "urgent"
        with pytest.raises(Forbidden, match="no PriorityClass with name urgent was found"):
            await create(server, given)

    async def test_is_not_for_pods_to_choose(self, server: ApiServer) -> None:
        given = pod()
        given.spec.priority = 7
        with pytest.raises(Forbidden, match=r"the integer value of priority \(7\) must not be provided in pod spec"):
            await create(server, given)


def claim(class_name: str | None = None) -> PersistentVolumeClaim:
    spec = PersistentVolumeClaimSpec(
        access_modes=["ReadWriteOnce"],
        resources=VolumeResourceRequirements(requests={"storage": "1Gi"}),
        storage_class_name=class_name,
    )
    return PersistentVolumeClaim(metadata=ObjectMeta(name="data"), spec=spec)


class TestStorage:
    async def add_class(self, server: ApiServer, name: str, *, default: bool) -> None:
        annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
        meta = ObjectMeta(name=name, annotations=annotations)
        await create(server, StorageClass(metadata=meta, provisioner="example.com/disk"))

    async def test_claims_get_the_youngest_default_class(self, server: ApiServer, clock: VirtualClock) -> None:
        await self.add_class(server, "old", default=True)
        await clock.advance(60)
        await self.add_class(server, "young", default=True)
        await self.add_class(server, "plain", default=False)
        assert (await create(server, claim())).spec.storage_class_name == "young"

    @pytest.mark.parametrize("named", ["other", ""])
    async def test_claims_keep_the_class_they_name(self, server: ApiServer, named: str) -> None:
        await self.add_class(server, "standard", default=True)
        assert (await create(server, claim(named))).spec.storage_class_name == named

    async def test_claims_without_any_class_wait_for_one(self, server: ApiServer) -> None:
        assert (await create(server, claim())).spec.storage_class_name is None

    async def test_what_is_in_use_is_protected(self, server: ApiServer) -> None:
        assert (await create(server, claim())).metadata.finalizers == ["kubernetes.io/pvc-protection"]
        spec = PersistentVolumeSpec(
            capacity={"storage": "1Gi"},
            access_modes=["ReadWriteOnce"],
            host_path=HostPathVolumeSource(path="/data"),
        )
        volume = await create(server, PersistentVolume(metadata=ObjectMeta(name="disk"), spec=spec))
        assert volume.metadata.finalizers == ["kubernetes.io/pv-protection"]


class TestGrowth:
    @pytest.mark.parametrize(
        ("phase", "allowed", "why"),
        [
            ("Bound", True, None),
            ("Bound", False, "only dynamically provisioned pvc can be resized"),
            ("Pending", True, "only bound persistent volume claims can be expanded"),
        ],
    )
    async def test_of_a_claim_is_up_to_its_class(
        self, server: ApiServer, phase: str, why: str | None, *, allowed: bool
    ) -> None:
        class_ = StorageClass(metadata=ObjectMeta(name="disk"), provisioner="example.com/disk")
        class_.allow_volume_expansion = allowed
        await create(server, class_)
        grown = claim()
        grown.spec.storage_class_name = "disk"
        grown = await create(server, grown)
        grown.status.phase = phase
        where = target(PersistentVolumeClaim, "data")
        await server.update(ME, replace(where, subresource="status"), grown, PLAINLY)
        grown = await fetch(server, PersistentVolumeClaim, "data")
        grown.spec.resources.requests["storage"] = "64Gi"
        if why is None:
            await server.update(ME, where, grown, PLAINLY)
            assert (await fetch(server, PersistentVolumeClaim, "data")).spec.resources.requests["storage"] == "64Gi"
        else:
            with pytest.raises(Forbidden, match=why):
                await server.update(ME, where, grown, PLAINLY)


class TestRuntimeClass:
    async def test_nobody_gets_another_runtime_than_asked_for(self, server: ApiServer) -> None:
        given = pod()
        given.spec.runtime_class_name = "gvisor"
        with pytest.raises(Forbidden, match='pod rejected: RuntimeClass "gvisor" not found'):
            await create(server, given)

    async def test_no_runtime_takes_anything(self, server: ApiServer) -> None:
        given = pod()
        given.spec.overhead = {"cpu": "250m"}
        with pytest.raises(Forbidden, match="Pod Overhead set without corresponding RuntimeClass"):
            await create(server, given)
