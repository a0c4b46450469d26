"""What a pod promises, on real containers: probes, hooks, restarts, volumes, environment, images."""

from pathlib import Path
from typing import Any

import pytest

from petset.api.meta import get_condition
from petset.api.types import ConfigMap, Event, Pod
from tests.e2e.manifests import Tree, config_map, container, pod, secret
from tests.e2e.namespace import Namespace, has_phase, ready, waiting_reason, waits_for
from tests.e2e.server import BUSYBOX, NGINX

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

FILE_PROBE = {"exec": {"command": ["test", "-e", "/tmp/file"]}, "periodSeconds": 1, "failureThreshold": 1}


def restarts(pod: Pod) -> int:
    return sum(status.restart_count for status in pod.status.container_statuses)


def volume(name: str, **source: Any) -> Tree:
    return {"name": name, **source}


def mount(name: str, path: str, **fields: Any) -> Tree:
    return {"name": name, "mountPath": path, **fields}


# --- probes ----------------------------------------------------------------------------------------------------------


async def test_readiness_comes_and_goes(namespace: Namespace) -> None:
    await namespace.apply(pod("web", container(readinessProbe=FILE_PROBE)))
    await namespace.until(Pod, "web", has_phase("Running"))
    assert not ready(await namespace.get(Pod, "web"))
    await namespace.sh("web", "touch /tmp/file")
    await namespace.until(Pod, "web", ready)
    await namespace.sh("web", "rm /tmp/file")
    unready = await namespace.until(Pod, "web", lambda pod: not ready(pod))
    assert restarts(unready) == 0
    assert "Readiness probe failed" in await namespace.until_told("Unhealthy", "web")


@pytest.mark.parametrize(
    ("action", "answers"),
    [
        ({"httpGet": {"path": "/", "port": "web"}}, True),
        ({"httpGet": {"path": "/absent", "port": 80}}, False),
        ({"tcpSocket": {"port": 80}}, True),
        ({"tcpSocket": {"port": 81}}, False),
    ],
    ids=["http", "http 404", "tcp", "tcp refused"],
)
async def test_probes_over_the_network(namespace: Namespace, action: Tree, answers: bool) -> None:
    probe = {**action, "periodSeconds": 1}
    nginx = {"name": "main", "image": NGINX, "ports": [{"containerPort": 80, "name": "web"}], "readinessProbe": probe}
    await namespace.apply(pod("web", nginx))
    if answers:
        await namespace.until(Pod, "web", ready)
    else:
        await namespace.until_told("Unhealthy", "web")
        assert not ready(await namespace.get(Pod, "web"))


async def test_a_container_that_is_not_alive_is_restarted(namespace: Namespace) -> None:
    await namespace.apply(pod("web", container(livenessProbe={**FILE_PROBE, "initialDelaySeconds": 1})))
    restarted = await namespace.until(Pod, "web", lambda pod: restarts(pod) >= 1)
    assert restarted.status.container_statuses[0].last_state.terminated is not None
    assert await namespace.until_told("Killing", "web") == "Container main failed liveness probe, will be restarted"


async def test_other_probes_wait_for_the_start(namespace: Namespace) -> None:
    start = {"exec": {"command": ["test", "-e", "/tmp/started"]}, "periodSeconds": 1, "failureThreshold": 60}
    dead = {"exec": {"command": ["test", "!", "-e", "/tmp/started"]}, "periodSeconds": 1, "failureThreshold": 1}
    await namespace.apply(pod("web", container(startupProbe=start, livenessProbe=FILE_PROBE, readinessProbe=dead)))
    await namespace.until_told("Unhealthy", "web")
    waiting = await namespace.get(Pod, "web")
    assert waiting.status.container_statuses[0].started is False
    assert restarts(waiting) == 0
    await namespace.sh("web", "touch /tmp/file /tmp/started")
    await namespace.until(Pod, "web", lambda pod: pod.status.container_statuses[0].started is True)
    assert not ready(await namespace.get(Pod, "web"))


# --- restarts and ends -----------------------------------------------------------------------------------------------


async def test_a_crashing_container_waits_before_it_comes_back(namespace: Namespace) -> None:
    await namespace.apply(pod("web", container("echo attempt; echo why > /dev/termination-log; exit 7")))
    looping = await namespace.until(Pod, "web", waits_for("CrashLoopBackOff"))
    end = looping.status.container_statuses[0].last_state.terminated
    assert end is not None
    assert (end.exit_code, end.reason, end.message) == (7, "Error", "why\n")
    assert await namespace.logs("web", previous=True) == "attempt\n"
    assert (await namespace.until_told("BackOff", "web")).startswith("Back-off restarting failed container")


@pytest.mark.parametrize(
    ("policy", "script", "phase"),
    [("Never", "exit 0", "Succeeded"), ("Never", "exit 3", "Failed"), ("OnFailure", "exit 0", "Succeeded")],
)
async def test_pods_that_come_to_an_end(namespace: Namespace, policy: str, script: str, phase: str) -> None:
    await namespace.apply(pod("job", container(script), restartPolicy=policy))
    ended = await namespace.until(Pod, "job", has_phase(phase))
    assert restarts(ended) == 0
    assert not ready(ended)


async def test_a_container_that_takes_too_much_memory(namespace: Namespace) -> None:
    hungry = container("sleep 0.2; tail /dev/zero", resources={"limits": {"memory": "32Mi"}})
    await namespace.apply(pod("web", hungry, restartPolicy="Never"))
    failed = await namespace.until(Pod, "web", has_phase("Failed"))
    end = failed.status.container_statuses[0].state.terminated
    assert end is not None
    assert (end.exit_code, end.reason) == (137, "OOMKilled")


async def test_a_pod_has_its_grace_and_no_more(namespace: Namespace, tmp_path: Path) -> None:
    script = "trap 'echo told >> /out/log' TERM; while true; do sleep 0.1; done"
    stop = {"preStop": {"exec": {"command": ["sh", "-c", "echo prestop >> /out/log"]}}}
    out = volume("out", hostPath={"path": str(tmp_path), "type": "Directory"})
    main = container(script, lifecycle=stop, volumeMounts=[mount("out", "/out")])
    await namespace.apply(pod("web", main, volumes=[out], terminationGracePeriodSeconds=2))
    await namespace.until(Pod, "web", ready)
    since = await namespace.now()
    await namespace.delete(Pod, "web")
    events = await namespace.history(since, lambda events: bool(events) and events[-1].type == "DELETED")
    last = events[-1].object.status.container_statuses[0].state.terminated
    assert last is not None
    assert last.exit_code == 137
    assert (tmp_path / "log").read_text().splitlines() == ["prestop", "told"]


async def test_init_containers_run_one_after_the_other(namespace: Namespace) -> None:
    mounts: Tree = {"volumeMounts": [mount("out", "/out")]}
    inits = [
        {**container(f"test $(cat /out/* | wc -l) = {n} && echo {n} > /out/{n}", **mounts), "name": f"init-{n}"}
        for n in range(2)
    ]
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "echo hook > /out/hook"]}}}
    main = container(lifecycle=hook, **mounts)
    await namespace.apply(pod("web", main, initContainers=inits, volumes=[volume("out", emptyDir={})]))
    started = await namespace.until(Pod, "web", ready)
    ends = [status.state.terminated for status in started.status.init_container_statuses]
    assert [end.reason for end in ends if end] == ["Completed", "Completed"]
    assert await namespace.sh("web", "cat /out/0 /out/1 /out/hook") == "0\n1\nhook\n"


async def test_a_failing_init_container_holds_the_pod_back(namespace: Namespace) -> None:
    init = {**container("exit 1"), "name": "init"}
    await namespace.apply(pod("web", initContainers=[init]))
    held = await namespace.until(
        Pod, "web", lambda pod: bool(pod.status.init_container_statuses) and waits_in_init(pod)
    )
    assert held.status.phase == "Pending"
    assert waiting_reason(held) == "PodInitializing"
    initialized = get_condition(held.status.conditions, "Initialized")
    assert initialized is not None
    assert initialized.status == "False"


def waits_in_init(pod: Pod) -> bool:
    waiting = pod.status.init_container_statuses[0].state.waiting
    return waiting is not None and waiting.reason == "CrashLoopBackOff"


# --- images and settings that are not there --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("main", "reasons"),
    [
        ({"image": "127.0.0.1:1/no/such:1"}, ["ErrImagePull", "ImagePullBackOff"]),
        ({"image": "127.0.0.1:1/no/such:1", "imagePullPolicy": "Never"}, ["ErrImageNeverPull"]),
        ({"image": "NO/SUCH"}, ["InvalidImageName"]),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "a"}}}]},
            ["CreateContainerConfigError"],
        ),
    ],
    ids=["pulled in vain", "never pulled", "not a name", "no such ConfigMap"],
)
async def test_a_container_that_cannot_be_made_says_why(namespace: Namespace, main: Tree, reasons: list[str]) -> None:
    await namespace.apply(pod("web", {**container(), **main}))
    for reason in reasons:
        waiting = await namespace.until(Pod, "web", waits_for(reason))
        assert waiting.status.phase == "Pending"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"nodeSelector": {"no": "such"}}, "didn't match Pod's node affinity/selector"),
        ({"containers": [container(resources={"requests": {"cpu": "1000"}})]}, "Insufficient cpu"),
    ],
)
async def test_a_pod_that_fits_no_node_says_why(namespace: Namespace, spec: Tree, message: str) -> None:
    await namespace.apply(pod("web", **spec))
    assert message in await namespace.until_told("FailedScheduling", "web")
    pending = await namespace.get(Pod, "web")
    assert pending.status.phase == "Pending"
    scheduled = get_condition(pending.status.conditions, "PodScheduled")
    assert scheduled is not None
    assert (scheduled.status, scheduled.reason) == ("False", "Unschedulable")


# --- volumes and environment -----------------------------------------------------------------------------------------


async def test_the_environment_in_all_its_forms(namespace: Namespace) -> None:
    await namespace.apply(config_map("settings", color="blue", size="3"))
    await namespace.apply(secret("login", password="s3cret"))
    env = [
        {"name": "PLAIN", "value": "one"},
        {"name": "REFERRING", "value": "$(PLAIN) and $(POD), not $$(PLAIN)"},
        {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
        {"name": "ABSENT", "valueFrom": {"secretKeyRef": {"name": "no", "key": "no", "optional": True}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]
    every = [{"prefix": "ALL_", "configMapRef": {"name": "settings"}}]
    main = container(env=env, envFrom=every, resources={"limits": {"memory": "64Mi"}})
    await namespace.apply(pod("web", main))
    running = await namespace.until(Pod, "web", ready)
    lines = (await namespace.sh("web", "env")).splitlines()
    values = dict(line.split("=", 1) for line in lines)
    expected = {
        "PLAIN": "one",
        "REFERRING": "one and $(POD), not $(PLAIN)",
        "COLOR": "blue",
        "PASSWORD": "s3cret",
        "POD": "web",
        "IP": running.status.pod_ip,
        "LIMIT": "64",
        "ALL_color": "blue",
        "ALL_size": "3",
        "HOSTNAME": "web",
    }
    assert expected.items() <= values.items()
    assert "ABSENT" not in values


async def test_volumes_of_all_kinds(namespace: Namespace) -> None:
    await namespace.apply(config_map("settings", color="blue", size="3"))
    await namespace.apply(secret("login", password="s3cret"))
    labels = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    projected = [
        {"configMap": {"name": "settings", "items": [{"key": "color", "path": "deep/color"}]}},
        {"secret": {"name": "login"}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]
    volumes = [
        volume("settings", configMap={"name": "settings"}),
        volume("login", secret={"secretName": "login", "defaultMode": 0o400}),
        volume("about", downwardAPI={"items": [labels]}),
        volume("all", projected={"sources": projected}),
        volume("scratch", emptyDir={}),
        volume("memory", emptyDir={"medium": "Memory", "sizeLimit": "1Mi"}),
    ]
    mounts = [mount(each["name"], f"/v/{each['name']}") for each in volumes]
    one_file = mount("settings", "/etc/color", subPath="color")
    main = container(volumeMounts=[*mounts, one_file])
    manifest = pod("web", main, {**container(volumeMounts=mounts), "name": "side"}, volumes=volumes)
    manifest["metadata"]["labels"] = {"app": "web"}
    await namespace.apply(manifest)
    await namespace.until(Pod, "web", ready)
    for path, content in {
        "settings/color": "blue",
        "login/password": "s3cret",
        "about/labels": 'app="web"',
        "all/deep/color": "blue",
        "all/password": "s3cret",
        "all/name": "web",
    }.items():
        assert await namespace.sh("web", f"cat /v/{path}", "main") == content
    assert await namespace.sh("web", "cat /etc/color", "main") == "blue"
    assert (await namespace.sh("web", "stat -Lc %a /v/login/password", "main")).strip() == "400"
    assert (await namespace.exec("web", "touch", "/v/settings/new", container="main")).code == 1
    await namespace.sh("web", "echo shared > /v/scratch/file", "main")
    assert await namespace.sh("web", "cat /v/scratch/file", "side") == "shared\n"
    assert (await namespace.sh("web", "stat -fc %T /v/memory", "main")).strip() == "tmpfs"
    assert (
        await namespace.exec("web", "sh", "-c", "head -c 2000000 /dev/zero > /v/memory/f", container="main")
    ).code != 0


async def test_a_changed_config_map_reaches_its_volume(namespace: Namespace) -> None:
    await namespace.apply(config_map("settings", color="blue"))
    mounts = [mount("settings", "/v")]
    volumes = [volume("settings", configMap={"name": "settings"})]
    await namespace.apply(pod("web", container(volumeMounts=mounts), volumes=volumes))
    await namespace.until(Pod, "web", ready)
    await namespace.patch(ConfigMap, "settings", {"data": {"color": "red"}})
    await namespace.until_sh("web", "cat /v/color", lambda text: text == "red")


async def test_who_the_processes_are(namespace: Namespace) -> None:
    context = {"runAsUser": 1234, "runAsGroup": 2345, "fsGroup": 3456}
    main = container(
        securityContext={"readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        volumeMounts=[mount("scratch", "/scratch")],
    )
    volumes = [volume("scratch", emptyDir={})]
    await namespace.apply(pod("web", main, securityContext=context, volumes=volumes))
    await namespace.until(Pod, "web", ready)
    assert await namespace.sh("web", "id -u; id -g; id -G") == "1234\n2345\n2345 3456\n"
    assert (await namespace.exec("web", "touch", "/file")).code == 1
    await namespace.sh("web", "touch /scratch/file")
    assert "CapEff:\t0000000000000000" in await namespace.sh("web", "cat /proc/self/status")


async def test_names_in_a_pod(namespace: Namespace) -> None:
    aliases = [{"ip": "192.0.2.7", "hostnames": ["far", "away"]}]
    await namespace.apply(pod("plain", hostAliases=aliases))
    await namespace.apply(
        pod("own-dns", dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"], "searches": ["a.b"]})
    )
    await namespace.until(Pod, "plain", ready)
    await namespace.until(Pod, "own-dns", ready)
    resolv = await namespace.sh("plain", "cat /etc/resolv.conf")
    search = [line.split()[1:4] for line in resolv.splitlines() if line.startswith("search")]
    assert search == [[f"{namespace.name}.svc.cluster.local", "svc.cluster.local", "cluster.local"]]
    assert "options ndots:5" in resolv
    assert (await namespace.sh("plain", "getent hosts away")).split() == ["192.0.2.7", "far", "away"]
    assert (await namespace.sh("own-dns", "cat /etc/resolv.conf")).split() == [
        "search",
        "a.b",
        "nameserver",
        "192.0.2.53",
    ]


async def test_the_events_of_a_pod_that_starts(namespace: Namespace) -> None:
    await namespace.apply(pod("web"))
    await namespace.until(Pod, "web", ready)
    await namespace.until_told("Scheduled", "web")  # by another component, which writes its events for itself
    await namespace.until_told("Started", "web")
    about = [event for event in await namespace.objects(Event) if event.involved_object.name == "web"]
    about.sort(key=lambda event: int(event.metadata.resource_version))
    assert [event.reason for event in about if event.reason != "Scheduled"] == ["Pulled", "Created", "Started"]
    assert {event.message for event in about if event.reason == "Pulled"} == {
        f'Container image "{BUSYBOX}" already present on machine'
    }
