"""Limits, quotas and priorities as admission enforces them: who is refused, and what is counted."""

import asyncio
from typing import Any

import pytest

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api.errors import AlreadyExists, BareFailure, Forbidden, Invalid, NotFound
from petset.api.types import (
    ConfigMap,
    DeleteOptions,
    Ingress,
    IngressBackend,
    IngressClass,
    IngressClassSpec,
    IngressServiceBackend,
    IngressSpec,
    LimitRange,
    LimitRangeItem,
    LimitRangeSpec,
    ObjectMeta,
    PersistentVolumeClaim,
    Pod,
    PriorityClass,
    ResourceQuota,
    ResourceQuotaSpec,
    Service,
    ServiceBackendPort,
    ServicePort,
)
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.quotas import AT_ONCE
from petset.apiserver.request import Answer, PatchBody, WriteOptions
from petset.kinds import CATALOGUE
from tests.unit.apiserver.calls import ME, PLAINLY, config_map, create, fetch, pod, target
from tests.unit.kinds.samples import CLAIM, defaulted, merged

TRIED = WriteOptions("tester", dry_run=True)


def limits(**item: Any) -> LimitRange:
    return LimitRange(metadata=ObjectMeta(name="limits"), spec=LimitRangeSpec(limits=[LimitRangeItem(**item)]))


def quota(name: str = "quota", scopes: tuple[str, ...] = (), **hard: str) -> ResourceQuota:
    spec = ResourceQuotaSpec(
        hard={key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}, scopes=list(scopes)
    )
    return ResourceQuota(metadata=ObjectMeta(name=name), spec=spec)


def claim(storage: str) -> PersistentVolumeClaim:
    return defaulted(PersistentVolumeClaim, merged(CLAIM, {"spec": {"resources": {"requests": {"storage": storage}}}}))


def asking(name: str = "web-0", **requests: str) -> Pod:
    obj = pod(name)
    resources = obj.spec.containers[0].resources
    resources.requests, resources.limits = dict(requests), dict(requests)
    return obj


async def delete(server: ApiServer, kind: type[Any], name: str) -> None:
    await server.delete(ME, target(kind, name), DeleteOptions(grace_period_seconds=0))


class TestLimitRange:
    async def test_gives_a_pod_what_it_does_not_say(self, server: ApiServer) -> None:
        await create(server, limits(type="Container", default={"cpu": "1"}))
        made = await create(server, pod())
        assert made.spec.containers[0].resources.limits == {"cpu": "1"}
        assert made.status.qos_class == "Burstable"

    async def test_refuses_a_pod_that_asks_for_too_much(self, server: ApiServer) -> None:
        await create(server, limits(type="Container", max={"cpu": "1"}, min={"cpu": "100m"}))
        with pytest.raises(Forbidden) as caught:
            await create(server, asking(cpu="2"))
        assert caught.value.message == (
            'pods "web-0" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
        )

    async def test_tells_all_that_is_wrong_at_once(self, server: ApiServer) -> None:
        await create(server, limits(type="Pod", max={"cpu": "1", "memory": "1Gi"}))
        with pytest.raises(Forbidden) as caught:
            await create(server, pod())
        assert caught.value.message == (
            'pods "web-0" is forbidden: [maximum cpu usage per Pod is 1.  No limit is specified, '
            "maximum memory usage per Pod is 1Gi.  No limit is specified]"
        )

    async def test_speaks_after_what_is_wrong_with_the_object(self, server: ApiServer) -> None:
        await create(server, limits(type="Container", max={"cpu": "1"}))
        wrong = asking(cpu="2")
        wrong.spec.containers[0].name = ""
        with pytest.raises(Invalid):
            await create(server, wrong)

    async def test_refuses_a_claim_but_never_its_status(self, server: ApiServer) -> None:
        await create(server, claim("3Gi"))
        await create(server, limits(type="PersistentVolumeClaim", max={"storage": "2Gi"}))
        large = claim("3Gi")
        large.metadata.name = "large"
        with pytest.raises(Forbidden, match="maximum storage usage per PersistentVolumeClaim is 2Gi, but request is"):
            await create(server, large)
        name = "www-web-0"
        labelled = PatchBody("merge", {"metadata": {"labels": {"a": "b"}}})
        with pytest.raises(Forbidden, match="maximum storage usage"):
            await server.patch(ME, target(PersistentVolumeClaim, name), labelled, PLAINLY)
        bound = PatchBody("merge", {"status": {"phase": "Bound"}})
        await server.patch(ME, target(PersistentVolumeClaim, name, "status"), bound, PLAINLY)
        assert (await fetch(server, PersistentVolumeClaim, name)).status.phase == "Bound"


class TestResourceQuota:
    async def test_refuses_what_is_too_much(self, server: ApiServer) -> None:
        await create(server, quota(pods="1", requests_cpu="1"))
        with pytest.raises(Forbidden) as caught:
            await create(server, asking(cpu="2"))
        assert caught.value.message == (
            'pods "web-0" is forbidden: exceeded quota: quota, requested: requests.cpu=2, used: requests.cpu=0, '
            "limited: requests.cpu=1"
        )
        assert caught.value.details == {"name": "web-0", "kind": "pods"}

    async def test_wants_to_know_what_it_limits(self, server: ApiServer) -> None:
        await create(server, quota(limits_memory="1Gi"))
        with pytest.raises(Forbidden, match=r"failed quota: quota: must specify limits\.memory for: nginx"):
            await create(server, pod())

    async def test_counts_nothing_that_is_too_large_to_be_stored(self, server: ApiServer) -> None:
        await create(server, quota(pods="1"))
        large = pod()
        large.spec.containers[0].args = ["a" * 100_000] * 16
        with pytest.raises(BareFailure, match="request is too large"):
            await create(server, large)
        await create(server, pod())
        large = await fetch(server, Pod, "web-0")
        large.status.message = "a" * 1_600_000
        with pytest.raises(BareFailure, match="request is too large"):
            await server.update(ME, target(Pod, "web-0", "status"), large, PLAINLY)
        with pytest.raises(Forbidden, match="used: pods=1, limited: pods=1"):
            await create(server, pod("web-1"))
        await delete(server, Pod, "web-0")
        await create(server, pod())

    async def test_counts_what_was_there_before(self, server: ApiServer) -> None:
        await create(server, pod())
        await create(server, quota(pods="1"))
        with pytest.raises(Forbidden, match="used: pods=1, limited: pods=1"):
            await create(server, pod("web-1"))

    async def test_counts_a_full_namespace_while_others_go_on(self, server: ApiServer) -> None:
        many = 3 * AT_ONCE
        for number in range(many):
            await create(server, config_map(f"map-{number:03}"))
        counting = asyncio.gather(
            create(server, quota(count__configmaps=str(many))), create(server, quota("b", pods="1"))
        )
        turns = 0
        while not counting.done():  # one comes and one goes, where it is counted already and where not yet
            await delete(server, ConfigMap, f"map-{(turns * 97) % many:03}")
            await create(server, config_map(f"new-{turns}"))
            turns += 1
            await SystemClock().sleep(0)
        await counting
        assert turns >= 3
        with pytest.raises(Forbidden, match=f"used: count/configmaps={many}, limited: count/configmaps={many}"):
            await create(server, config_map("more"))
        await delete(server, ConfigMap, "new-0")
        await create(server, config_map("more"))

    async def test_a_count_that_is_broken_off_is_begun_anew(self, server: ApiServer) -> None:
        for number in range(2 * AT_ONCE):
            await create(server, config_map(f"map-{number}"))
        async with Supervisor("requests") as tasks:
            first = tasks.background("quota", create(server, quota(count__configmaps="1")))
            await SystemClock().sleep(0)
            assert not first.done()
        await create(server, quota(count__configmaps=str(2 * AT_ONCE)))
        with pytest.raises(Forbidden, match=f"used: count/configmaps={2 * AT_ONCE}"):
            await create(server, config_map("more"))

    async def test_is_told_before_that_a_name_is_taken(self, server: ApiServer) -> None:
        await create(server, quota(configmaps="1"))
        await create(server, config_map("a"))
        with pytest.raises(Forbidden, match="exceeded quota: quota"):
            await create(server, config_map("a"))

    async def test_does_not_count_what_has_a_name_that_is_taken(self, server: ApiServer) -> None:
        await create(server, quota(configmaps="2"))
        await create(server, config_map("a"))
        with pytest.raises(AlreadyExists):
            await create(server, config_map("a"))
        await create(server, config_map("b"))

    async def test_the_last_place_is_taken_once(self, server: ApiServer) -> None:
        await create(server, quota(pods="3"))
        tried = [create(server, pod(f"web-{ordinal}")) for ordinal in range(10)]
        made = await asyncio.gather(*tried, return_exceptions=True)
        assert sum(isinstance(one, Pod) for one in made) == 3
        assert sum(isinstance(one, Forbidden) for one in made) == 7

    @pytest.mark.parametrize("options", [TRIED, PLAINLY])
    async def test_what_is_not_carried_out_is_not_counted(self, server: ApiServer, options: WriteOptions) -> None:
        await create(server, quota(services="2", services_nodeports="1"))
        wrong = Service(metadata=ObjectMeta(name="a"))
        wrong.spec.type, wrong.spec.ports = (
            "NodePort",
            [ServicePort(port=80, node_port=1 if options is PLAINLY else None)],
        )
        attempt = server.create(ME, target(Service), wrong, options)
        if options is PLAINLY:
            with pytest.raises(Invalid, match="provided port is not in the valid range"):
                await attempt
        else:
            await attempt
        right = Service(metadata=ObjectMeta(name="b"))
        right.spec.type, right.spec.ports = "NodePort", [ServicePort(port=80)]
        await create(server, right)

    async def test_a_place_is_free_again(self, server: ApiServer) -> None:
        await create(server, quota(pods="1"))
        await create(server, pod())
        ended = PatchBody("merge", {"status": {"phase": "Succeeded"}})
        await server.patch(ME, target(Pod, "web-0", "status"), ended, PLAINLY)
        await create(server, pod("web-1"))
        with pytest.raises(Forbidden):
            await create(server, pod("web-2"))
        await delete(server, Pod, "web-1")
        await create(server, pod("web-2"))

    async def test_a_status_is_counted_and_never_refused(self, server: ApiServer) -> None:
        await create(server, quota(requests_storage="1Gi"))
        await create(server, claim("1Gi"))
        grown = PatchBody("merge", {"status": {"allocatedResources": {"storage": "2Gi"}}})
        await server.patch(ME, target(PersistentVolumeClaim, "www-web-0", "status"), grown, PLAINLY)
        more = claim("1Gi")
        more.metadata.name = "more"
        with pytest.raises(Forbidden, match=r"used: requests\.storage=2Gi"):
            await create(server, more)

    async def test_a_change_that_asks_for_more_is_refused(self, server: ApiServer) -> None:
        await create(server, quota(services_nodeports="0"))
        plain = Service(metadata=ObjectMeta(name="a"))
        plain.spec.ports = [ServicePort(port=80)]
        await create(server, plain)
        change = PatchBody("merge", {"spec": {"type": "NodePort"}})
        with pytest.raises(Forbidden, match=r"requested: services\.nodeports=1, used: services\.nodeports=0"):
            await server.patch(ME, target(Service, "a"), change, PLAINLY)

    async def test_a_pod_may_not_move_into_a_full_scope(self, server: ApiServer) -> None:
        await create(server, quota(scopes=("Terminating",), pods="0"))
        await create(server, pod())
        change = PatchBody("merge", {"spec": {"activeDeadlineSeconds": 9}})
        with pytest.raises(Forbidden, match="exceeded quota: quota, requested: pods=1"):
            await server.patch(ME, target(Pod, "web-0"), change, PLAINLY)

    async def test_counts_itself(self, server: ApiServer) -> None:
        await create(server, quota(resourcequotas="1"))
        with pytest.raises(
            Forbidden, match="exceeded quota: quota, requested: resourcequotas=1, used: resourcequotas=1"
        ):
            await create(server, quota("second", pods="1"))
        await delete(server, ResourceQuota, "quota")
        await create(server, quota("second", pods="1"))

    async def test_a_new_limit_holds_at_once_and_none_when_it_is_gone(self, server: ApiServer) -> None:
        await create(server, quota(configmaps="0"))
        change = PatchBody("merge", {"spec": {"hard": {"configmaps": "1"}}})
        tried = await server.patch(ME, target(ResourceQuota, "quota"), change, TRIED)
        assert isinstance(tried, Answer)
        with pytest.raises(Forbidden):
            await create(server, config_map())
        await server.patch(ME, target(ResourceQuota, "quota"), change, PLAINLY)
        await create(server, config_map())
        await delete(server, ResourceQuota, "quota")
        await create(server, config_map("more"))

    async def test_tried_only_it_limits_nothing(self, server: ApiServer) -> None:
        await server.create(ME, target(ResourceQuota), quota(configmaps="0"), TRIED)
        await create(server, config_map())

    async def test_of_one_namespace_is_no_concern_of_others(self, server: ApiServer) -> None:
        await create(server, quota(configmaps="0"))
        await server.create(ME, target(ConfigMap, namespace="kube-public"), config_map(), PLAINLY)

    async def test_is_still_there_after_a_start(self, server: ApiServer) -> None:
        await create(server, quota(pods="1"))
        await create(server, pod())
        again = ApiServer(CATALOGUE, server.registry.store, server.registry.clock)
        with pytest.raises(Forbidden, match="used: pods=1"):
            await create(again, pod("web-1"))


def priority_class(name: str, value: int, **rest: Any) -> PriorityClass:
    return PriorityClass(metadata=ObjectMeta(name=name), value=value, **rest)


class TestPriority:
    async def test_comes_from_the_class(self, server: ApiServer) -> None:
        await create(server, priority_class("high", 1000, preemption_policy="Never"))
        wanted = pod()
        wanted.spec.priority_class_name = "high"
        made = await create(server, wanted)
        assert (made.spec.priority, made.spec.preemption_policy) == (1000, "Never")

    async def test_comes_from_the_default_class_else(self, server: ApiServer) -> None:
        plain = await create(server, pod())
        assert (plain.spec.priority, plain.spec.priority_class_name) == (0, None)
        await create(server, priority_class("usual", 7, global_default=True))
        made = await create(server, pod("web-1"))
        assert (made.spec.priority, made.spec.priority_class_name) == (7, "usual")

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("priority_class_name", "none", "no PriorityClass with name none was found"),
            ("priority", 3, r"the integer value of priority \(3\) must not be provided in pod spec"),
            ("preemption_policy", "Never", r"the string value of PreemptionPolicy \(Never\) must not be provided"),
        ],
    )
    async def test_is_not_for_pods_to_say(self, server: ApiServer, field: str, value: Any, words: str) -> None:
        wanted = pod()
        setattr(wanted.spec, field, value)
        with pytest.raises(Forbidden, match=words):
            await create(server, wanted)

    async def test_stays_when_an_update_leaves_it_out(self, server: ApiServer) -> None:
        made = await create(server, pod())
        made.spec.priority = made.spec.preemption_policy = None
        made.metadata.labels = {"a": "b"}
        await server.update(ME, target(Pod, "web-0"), made, PLAINLY)
        assert (await fetch(server, Pod, "web-0")).spec.priority == 0

    async def test_has_one_default_class_at_most(self, server: ApiServer) -> None:
        await create(server, priority_class("usual", 7, global_default=True))
        await create(server, priority_class("other", 8))
        with pytest.raises(Forbidden, match=r"PriorityClass usual is already marked as default\. Only one default can"):
            await create(server, priority_class("second", 9, global_default=True))
        mark = PatchBody("merge", {"globalDefault": True})
        with pytest.raises(Forbidden, match="already marked as default"):
            await server.patch(ME, target(PriorityClass, "other"), mark, PLAINLY)
        described = PatchBody("merge", {"description": "usual"})
        await server.patch(ME, target(PriorityClass, "usual"), described, PLAINLY)

    async def test_has_the_classes_of_the_system(self, server: ApiServer) -> None:
        node = await fetch(server, PriorityClass, "system-node-critical")
        assert (node.value, node.metadata.generation) == (2_000_001_000, 1)
        with pytest.raises(NotFound):
            await fetch(server, PriorityClass, "system-critical")


async def test_an_ingress_gets_the_default_class(server: ApiServer) -> None:
    marked = {"ingressclass.kubernetes.io/is-default-class": "true"}
    spec = IngressClassSpec(controller="example.com/c")
    await create(server, IngressClass(metadata=ObjectMeta(name="usual", annotations=marked), spec=spec))
    backend = IngressBackend(service=IngressServiceBackend(name="web", port=ServiceBackendPort(number=80)))
    made = await create(server, Ingress(metadata=ObjectMeta(name="a"), spec=IngressSpec(default_backend=backend)))
    assert made.spec.ingress_class_name == "usual"
