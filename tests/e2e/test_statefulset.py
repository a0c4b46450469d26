"""StatefulSets on real containers: what the source page does not say."""

import asyncio
from collections.abc import Callable

import pytest
from dnslib import QTYPE, DNSRecord

from petset.aio.clock import SystemClock
from petset.api.errors import NotFound
from petset.api.meta import controller_of, get_condition, owner_reference, parse_time
from petset.api.types import (
    ControllerRevision,
    DeleteOptions,
    Event,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    StatefulSet,
)
from petset.api.types import Namespace as NamespaceObject
from tests.e2e.manifests import PAGE, claim_template, container, pod, service, stateful_set
from tests.e2e.namespace import Namespace, ready, replaces, story, tells
from tests.e2e.server import NEWER_NGINX, NGINX, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


CLOCK = SystemClock()


def ready_since(pod: Pod) -> str:
    condition = get_condition(pod.status.conditions, "Ready")
    assert condition is not None
    assert condition.last_transition_time is not None
    return condition.last_transition_time


def has_updated(pods: int) -> Callable[[StatefulSet], bool]:
    return lambda set_: (set_.status.updated_replicas or 0) == pods


async def test_hostname_and_neighbour_from_inside(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    neighbour = await namespace.get(Pod, "web-1")
    answer = await namespace.sh("web-0", "hostname; getent hosts web-1.nginx")
    name = f"web-1.nginx.{namespace.name}.svc.cluster.local"
    assert answer.split() == ["web-0", neighbour.status.pod_ip, name]


async def test_files_outlive_the_pod_and_scaling_to_nothing(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    await namespace.sh("web-1", "echo kept > /usr/share/nginx/html/index.html")
    old = await namespace.get(Pod, "web-1")
    await namespace.delete(Pod, "web-1")
    await namespace.until(Pod, "web-1", replaces(old))
    assert await namespace.sh("web-1", "cat /usr/share/nginx/html/index.html") == "kept\n"
    await namespace.scale(0)
    await namespace.until_ready(0)
    assert await namespace.objects(Pod) == []
    await namespace.scale(3)
    await namespace.until_ready(3)
    assert await namespace.sh("web-0", "wget -qO- http://web-1.nginx") == "kept\n"


async def test_scaling_up_and_down_goes_in_order(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    since = await namespace.now()
    await namespace.scale(5)
    events = await namespace.history(since, tells("web-4!"))
    assert story(events) == ["+web-3", "web-3!", "+web-4", "web-4!"]
    since = await namespace.now()
    await namespace.scale(2)
    events = await namespace.history(since, tells("web-2."))
    assert story(events) == ["-web-4", "web-4.", "-web-3", "web-3.", "-web-2", "web-2."]
    await namespace.until_ready(2)


async def test_a_partition_is_lowered_step_by_step_and_taken_back(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    for partition, images in ((2, [NGINX, NGINX, NEWER_NGINX]), (0, [NEWER_NGINX] * 3)):
        strategy = {"rollingUpdate": {"partition": partition}}
        await namespace.patch(StatefulSet, "web", {"spec": {"updateStrategy": strategy}})
        await namespace.set_image(NEWER_NGINX)
        await namespace.until(StatefulSet, "web", has_updated(3 - partition))
        await namespace.until_ready(3)
        pods = sorted(await namespace.objects(Pod), key=lambda pod: pod.metadata.name)
        assert [pod.spec.containers[0].image for pod in pods] == images
    await namespace.until_rolled_out(3)
    await namespace.set_image(NGINX)
    await namespace.until_rolled_out(3)
    revisions = {each.metadata.name: each.revision for each in await namespace.objects(ControllerRevision)}
    set_ = await namespace.get(StatefulSet, "web")
    assert len(revisions) == 2
    assert revisions[set_.status.current_revision or ""] == 3


@pytest.mark.parametrize(
    ("policy", "after_scaling", "after_deletion"),
    [
        ({}, {"www-web-0", "www-web-1"}, {"www-web-0", "www-web-1"}),
        ({"whenScaled": "Delete"}, {"www-web-0"}, {"www-web-0"}),
        ({"whenDeleted": "Delete"}, {"www-web-0", "www-web-1"}, set()),
    ],
    ids=["retain", "when scaled", "when deleted"],
)
async def test_claims_are_kept_or_go(
    namespace: Namespace, policy: dict[str, str], after_scaling: set[str], after_deletion: set[str]
) -> None:
    template = pod("web", container(volumeMounts=[{"name": "www", "mountPath": "/www"}]))
    retention = {"persistentVolumeClaimRetentionPolicy": policy} if policy else {}
    await namespace.apply(stateful_set(2, template, volumeClaimTemplates=[claim_template()], **retention))
    await namespace.until_ready(2)
    directories = {f"www-web-{n}": await namespace.directory_behind(f"www-web-{n}") for n in range(2)}

    async def claims_are(expected: set[str]) -> None:
        for name in {"www-web-0", "www-web-1"} - expected:
            await namespace.until_gone(PersistentVolumeClaim, name)
        assert {each.metadata.name for each in await namespace.objects(PersistentVolumeClaim)} == expected

    await namespace.scale(1)
    await namespace.until_ready(1)
    await claims_are(after_scaling)
    await namespace.delete(StatefulSet, "web")
    await namespace.until_gone(Pod, "web-0")
    await claims_are(after_deletion)
    for name in after_deletion:
        assert directories[name].is_dir()


async def test_orphaned_pods_are_adopted_again(namespace: Namespace) -> None:
    manifest = stateful_set(2, pod("web"))
    await namespace.apply(manifest)
    await namespace.until_ready(2)
    before = {each.metadata.name: each for each in await namespace.objects(Pod)}
    await namespace.delete(StatefulSet, "web", DeleteOptions(propagation_policy="Orphan"))
    await namespace.until_gone(StatefulSet, "web")
    orphan = await namespace.until(Pod, "web-0", lambda pod: controller_of(pod) is None)
    assert ready(orphan)
    await namespace.apply(manifest)
    set_ = await namespace.until_ready(2)
    for name, old in before.items():
        adopted = await namespace.until(Pod, name, lambda pod: controller_of(pod) == owner_reference(set_))
        assert adopted.metadata.uid == old.metadata.uid
        assert adopted.status.container_statuses == old.status.container_statuses


async def test_foreground_deletion_waits_for_the_pods(namespace: Namespace) -> None:
    await namespace.apply(stateful_set(2, pod("web")))
    await namespace.until_ready(2)
    await namespace.delete(StatefulSet, "web", DeleteOptions(propagation_policy="Foreground"))
    for going in await namespace.objects(StatefulSet):
        assert going.metadata.finalizers == ["foregroundDeletion"]
    await namespace.until_gone(StatefulSet, "web")
    assert await namespace.objects(Pod) == []


async def test_ordinals_start_where_they_are_told_to(namespace: Namespace) -> None:
    await namespace.apply(stateful_set(2, pod("web"), ordinals={"start": 5}))
    await namespace.until_ready(2)
    assert {each.metadata.name for each in await namespace.objects(Pod)} == {"web-5", "web-6"}


async def test_pods_are_available_only_after_a_while(namespace: Namespace) -> None:
    await namespace.apply(stateful_set(1, pod("web"), minReadySeconds=2))
    await namespace.until(StatefulSet, "web", lambda set_: set_.status.available_replicas == 1)
    waited = CLOCK.now() - parse_time(ready_since(await namespace.get(Pod, "web-0")))
    assert waited.total_seconds() >= 2


async def test_a_set_says_what_it_does(namespace: Namespace) -> None:
    template = pod("web", container(volumeMounts=[{"name": "www", "mountPath": "/www"}]))
    await namespace.apply(stateful_set(1, template, volumeClaimTemplates=[claim_template()]))
    await namespace.until_ready(1)
    await namespace.scale(0)
    await namespace.until_ready(0)
    told = {
        "Create Claim www-web-0 Pod web-0 in StatefulSet web success",
        "Create Pod web-0 in StatefulSet web successful",
        "Delete Pod web-0 in StatefulSet web successful",
    }
    async with asyncio.timeout(60):
        while True:
            events = [event for event in await namespace.objects(Event) if event.involved_object.name == "web"]
            if {event.message for event in events} >= told:
                break
            await CLOCK.sleep(0.05)
    assert {event.message for event in events} == told


async def test_names_follow_readiness(namespace: Namespace) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1}
    template = pod("web", container(readinessProbe=probe))
    await namespace.apply(service("nginx", clusterIP="None"))
    await namespace.apply(service("early", clusterIP="None", publishNotReadyAddresses=True))
    await namespace.apply(stateful_set(2, template, podManagementPolicy="Parallel"))
    await namespace.until_sh("web-1", "touch /tmp/ready", lambda _: True)
    await namespace.until(Pod, "web-1", ready)
    pods = [await namespace.until(Pod, name, lambda pod: bool(pod.status.pod_ip)) for name in ("web-0", "web-1")]
    web_0, web_1 = [pod.status.pod_ip or "" for pod in pods]
    answer = await namespace.until_sh("web-0", "getent ahostsv4 nginx | cut -d' ' -f1 | sort -u", bool)
    assert answer.split() == [web_1]
    both = {web_0, web_1}
    await namespace.until_sh(
        "web-0", "getent ahostsv4 early | cut -d' ' -f1 | sort -u", lambda text: set(text.split()) == both
    )
    assert (await namespace.exec("web-1", "getent", "hosts", "web-0.nginx")).code == 2
    await namespace.sh("web-0", "touch /tmp/ready")
    await namespace.until_sh("web-1", "getent hosts web-0.nginx", lambda text: web_0 in text.split())


async def test_services_ports_and_addresses_have_names(server: Server, namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.until_ready(3)
    domain = f"{namespace.name}.svc.cluster.local"

    def ask(name: str, kind: str) -> set[str]:
        answer = DNSRecord.parse(DNSRecord.question(name, kind).send(server.dns_address, timeout=5))
        return {str(record.rdata) for record in answer.rr if QTYPE[record.rtype] == kind}

    every = {f"0 33 80 web-{n}.nginx.{domain}." for n in range(3)}
    async with asyncio.timeout(60):  # names follow readiness, they do not come with it
        while ask(f"_web._tcp.nginx.{domain}", "SRV") != every:
            await CLOCK.sleep(0.05)
    address = (await namespace.get(Pod, "web-2")).status.pod_ip or ""
    assert ask(f"web-2.nginx.{domain}", "A") == {address}
    assert ask(f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa", "PTR") == {f"web-2.nginx.{domain}."}


async def test_a_cluster_address_leads_to_ready_pods(namespace: Namespace) -> None:
    await namespace.apply(PAGE)
    await namespace.apply(service("front", selector={"app": "nginx"}, ports=[{"port": 8080, "targetPort": "web"}]))
    await namespace.until_ready(3)
    for ordinal in range(3):
        await namespace.sh(f"web-{ordinal}", "hostname > /usr/share/nginx/html/index.html")
    script = "for i in 1 2 3 4 5 6 7 8 9; do wget -qO- http://front:8080; done"
    answers = await namespace.until_sh("web-0", script, lambda text: len(set(text.split())) > 1)
    assert set(answers.split()) <= {"web-0", "web-1", "web-2"}


async def test_a_namespace_takes_everything_with_it(namespace: Namespace) -> None:
    template = pod("web", container(volumeMounts=[{"name": "www", "mountPath": "/www"}]))
    await namespace.apply(stateful_set(1, template, volumeClaimTemplates=[claim_template()]))
    await namespace.until_ready(1)
    directory = await namespace.directory_behind("www-web-0")
    volume = (await namespace.get(PersistentVolumeClaim, "www-web-0")).spec.volume_name or ""
    client = namespace.client
    await client.delete(NamespaceObject, namespace.name)
    whole = Namespace(client, "")
    await whole.until_gone(NamespaceObject, namespace.name)
    await whole.until_gone(PersistentVolume, volume)
    assert not directory.exists()
    with pytest.raises(NotFound):
        await namespace.get(StatefulSet, "web")
