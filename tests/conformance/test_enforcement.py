"""Priorities, limits, quotas and budgets at work: which pods they refuse, and what they count."""

from typing import Any

import pytest

from tests.conformance.api import CLOCK, STRATEGIC, TRY, Api, Reply, Tree, merged, pod, refused


def budget(name: str = "a", **spec: Any) -> Tree:
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": "a"}}, **spec}}


# --- priorities and limits at work ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"priorityClassName": "nope"}, "no PriorityClass with name nope was found"),
        (
            {"priorityClassName": "system-node-critical", "priority": 3},
            (
                "the integer value of priority (3) must not be provided in pod spec; priority admission controller "
                "computed 2000001000 from the given PriorityClass name"
            ),
        ),
        (
            {"preemptionPolicy": "Never"},
            (
                "the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission "
                "controller computed PreemptLowerPriority from the given PriorityClass name"
            ),
        ),
    ],
    ids=["of an unknown class", "that is not its class's", "that does not preempt of its own"],
)
async def test_no_pod_has_a_priority(there: Api, spec: Tree, message: str) -> None:
    refused(await there.post("pods", pod(**spec), TRY), 403, "Forbidden", f'pods "p" is forbidden: {message}')


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"runtimeClassName": "absent"}, 'RuntimeClass "absent" not found'),
        ({"overhead": {"cpu": "1"}}, "Pod Overhead set without corresponding RuntimeClass defined Overhead"),
    ],
    ids=["of an unknown class", "that takes something nobody knows of"],
)
async def test_no_pod_has_a_runtime(there: Api, spec: Tree, message: str) -> None:
    message = f'pods "p" is forbidden: pod rejected: {message}'
    refused(await there.post("pods", pod(**spec), TRY), 403, "Forbidden", message)


async def test_a_pod_has_the_priority_of_its_class(there: Api) -> None:
    made = (await there.post("pods", pod(priorityClassName="system-cluster-critical"), TRY)).done(201)
    assert (made["spec"]["priority"], made["spec"]["preemptionPolicy"]) == (2000000000, "PreemptLowerPriority")


CONTAINER = {"default": {"cpu": "200m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "1"}, "min": {"cpu": "50m"}}
LIMITS = {
    "metadata": {"name": "a"},
    "spec": {
        "limits": [
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "4"}, **CONTAINER},
            {"type": "Pod", "max": {"memory": "1Gi"}},
            {"type": "PersistentVolumeClaim", "max": {"storage": "2Gi"}, "min": {"storage": "1Gi"}},
        ]
    },
}


def using(name: str = "p", limits: Tree | None = None, **requests: str) -> Tree:
    """A pod of one container that takes that much."""
    resources = {"requests": requests, "limits": limits or {}}
    container = {"name": "c", "image": "nginx:1.27", "resources": resources}
    return {**pod(containers=[container]), "metadata": {"name": name}}


def claim(size: str) -> Tree:
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "s", "resources": {"requests": {"storage": size}}}
    return {"metadata": {"name": "c"}, "spec": spec}


async def test_a_namespace_has_its_limits(api: Api) -> None:
    (await api.post("limitranges", LIMITS)).done(201)
    made = await until(api, "pods", using(limits={"memory": "512Mi"}), 201)
    assert made.tree["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "200m", "memory": "512Mi"},
        "requests": {"cpu": "100m", "memory": "512Mi"},
    }
    for plural, body, message in (
        ("pods", using(), 'pods "p" is forbidden: maximum memory usage per Pod is 1Gi.  No limit is specified'),
        (
            "pods",
            using(limits={"memory": "2Gi", "cpu": "2"}, cpu="10m"),
            (
                'pods "p" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, maximum cpu usage '
                "per Container is 1, but limit is 2, cpu max limit to request ratio per Container is 4, but provided "
                "ratio is 200.000000, maximum memory usage per Pod is 1Gi, but limit is 2Gi]"
            ),
        ),
        (
            "persistentvolumeclaims",
            claim("1Mi"),
            (
                'persistentvolumeclaims "c" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but '
                "request is 1Mi"
            ),
        ),
        (
            "persistentvolumeclaims",
            claim("3Gi"),
            (
                'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but '
                "request is 3Gi"
            ),
        ),
    ):
        refused(await api.post(plural, body, TRY), 403, "Forbidden", message)


async def until(api: Api, plural: str, body: Tree, status: int) -> Reply:
    """The answer to a tried creation once it has that status: a server may see new limits a moment later."""
    while (reply := await api.post(plural, body, TRY)).status != status or "cpu" not in str(reply.tree):
        await CLOCK.sleep(0.05)
    return reply


# --- quotas at work ---------------------------------------------------------------------------------------------------

HARD = {
    "pods": "2",
    "requests.cpu": "1",
    "limits.memory": "1Gi",
    "services": "1",
    "services.nodeports": "0",
    "count/configmaps": "9",
    "count/secrets": "0",
    "s.storageclass.storage.k8s.io/requests.storage": "1Gi",
}


async def test_a_namespace_has_its_quota(api: Api) -> None:
    (await api.post("resourcequotas", {"metadata": {"name": "a"}, "spec": {"hard": HARD}})).done(201)
    await counted(api, "resourcequotas/a", "used", {"pods": "0", "requests.cpu": "0", "services": "0"})
    first = using("first", {"memory": "256Mi"}, cpu="600m")
    (await api.post("pods", first)).done(201)
    asked = "requested: limits.memory=1Gi,requests.cpu=600m"
    used = "used: limits.memory=256Mi,requests.cpu=600m"
    for plural, body, message in (
        ("pods", using(), 'pods "p" is forbidden: failed quota: a: must specify limits.memory for: c; requests.cpu …'),
        (
            "pods",
            using("p", {"memory": "1Gi"}, cpu="600m"),
            f'pods "p" is forbidden: exceeded quota: a, {asked}, {used}, limited: limits.memory=1Gi,requests.cpu=1',
        ),
        (
            "persistentvolumeclaims",
            claim("1536Mi"),
            (
                'persistentvolumeclaims "c" is forbidden: exceeded quota: a, requested: '
                "s.storageclass.storage.k8s.io/requests.storage=1536Mi, used: "
                "s.storageclass.storage.k8s.io/requests.storage=0, limited: "
                "s.storageclass.storage.k8s.io/requests.storage=1Gi"
            ),
        ),
        (
            "services",
            {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}},
            (
                'services "s" is forbidden: exceeded quota: a, requested: services.nodeports=1, used: '
                "services.nodeports=0, limited: services.nodeports=0"
            ),
        ),
        (
            "secrets",
            {"metadata": {"name": "s"}},
            (
                'secrets "s" is forbidden: exceeded quota: a, requested: count/secrets=1, used: count/secrets=0, '
                "limited: count/secrets=0"
            ),
        ),
    ):
        refused(await api.post(plural, body, TRY), 403, "Forbidden", message)
    await counted(api, "resourcequotas/a", "used", {"pods": "1", "requests.cpu": "600m", "limits.memory": "256Mi"})
    (await api.delete("pods/first", query="gracePeriodSeconds=0")).done()
    await counted(api, "resourcequotas/a", "used", {"pods": "0", "requests.cpu": "0", "limits.memory": "0"})


async def counted(api: Api, place: str, part: str, wanted: Tree) -> Tree:
    """The status once what is looked at in it is so."""
    while True:
        status: Tree = (await api.get(place)).done().get("status", {})
        found = status.get(part, {}) if part else status
        if {name: found.get(name) for name in wanted} == wanted:
            return status
        await CLOCK.sleep(0.05)


# --- evictions --------------------------------------------------------------------------------------------------------

REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."


async def member(api: Api, name: str, *, ready: bool = True, phase: str = "Running") -> None:
    """A pod of the application, with a finalizer so that it stays to be looked at."""
    metadata = {"name": name, "labels": {"app": "a"}, "finalizers": ["example.com/stay"]}
    (await api.post("pods", merged(pod(), {"metadata": metadata}))).done(201)
    await tell(api, name, ready=ready, phase=phase)


async def tell(api: Api, name: str, *, ready: bool, phase: str = "Running") -> None:
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]}
    (await api.patch(f"pods/{name}/status", {"status": status}, STRATEGIC)).done()


async def evict(api: Api, name: str, query: str = "") -> Reply:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return await api.post(f"pods/{name}/eviction", body, query)


async def leave(api: Api, *names: str) -> None:
    for name in names:
        (await api.patch(f"pods/{name}", {"metadata": {"finalizers": None}})).done()


async def test_evictions_keep_to_the_budget(api: Api) -> None:
    for name in ("one", "two", "three"):
        await member(api, name)
    (await api.post("poddisruptionbudgets", budget(minAvailable=3))).done(201)
    all_up = {"currentHealthy": 3, "desiredHealthy": 3, "expectedPods": 3, "disruptionsAllowed": 0}
    status = await counted(api, "poddisruptionbudgets/a", "", {**all_up, "observedGeneration": 1})
    assert [(one["type"], one["status"], one["reason"]) for one in status["conditions"]] == [
        ("DisruptionAllowed", "False", "InsufficientPods")
    ]
    for query in ("", TRY):
        reply = await evict(api, "one", query)
        refused(reply, 429, "TooManyRequests", REFUSAL)
        assert reply.tree["details"]["causes"] == [
            {
                "reason": "DisruptionBudget",
                "message": "The disruption budget a needs 3 healthy pods and has 3 currently",
            }
        ]
        assert "Retry-After" not in reply.headers
    (await api.patch("poddisruptionbudgets/a", {"spec": {"minAvailable": 2}})).done()
    await counted(api, "poddisruptionbudgets/a", "", {"desiredHealthy": 2, "disruptionsAllowed": 1})
    (await evict(api, "one", TRY)).done(201)
    (await evict(api, "one")).done(201)
    refused(await evict(api, "two"), 429, "TooManyRequests", REFUSAL)
    gone = (await api.get("pods/one")).done()
    assert "deletionTimestamp" in gone["metadata"]
    assert [
        (one["status"], one["reason"], one["message"])
        for one in gone["status"]["conditions"]
        if one["type"] == "DisruptionTarget"
    ] == [("True", "EvictionByEvictionAPI", "Eviction API: evicting")]
    (await evict(api, "one")).done(201)  # what goes already needs no budget
    await leave(api, "one", "two", "three")


async def test_a_pod_that_is_not_ready_may_go_while_the_others_are_enough(api: Api) -> None:
    await member(api, "well")
    await member(api, "ill", ready=False)
    (await api.post("poddisruptionbudgets", budget(minAvailable=2))).done(201)
    await counted(api, "poddisruptionbudgets/a", "", {"currentHealthy": 1, "desiredHealthy": 2, "expectedPods": 2})
    refused(await evict(api, "ill"), 429, "TooManyRequests", REFUSAL)
    (await api.patch("poddisruptionbudgets/a", {"spec": {"minAvailable": 1}})).done()
    await counted(api, "poddisruptionbudgets/a", "", {"currentHealthy": 1, "desiredHealthy": 1})
    refused(await evict(api, "well"), 429, "TooManyRequests", REFUSAL)
    (await evict(api, "ill")).done(201)
    await leave(api, "well", "ill")


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
async def test_a_pod_that_is_not_up_may_always_go(api: Api, phase: str) -> None:
    await member(api, "one", ready=False, phase=phase)
    for name in ("a", "b"):
        (await api.post("poddisruptionbudgets", budget(name, minAvailable=9))).done(201)
    (await evict(api, "one")).done(201)
    await leave(api, "one")


async def test_a_pod_of_two_budgets_cannot_be_evicted(api: Api) -> None:
    await member(api, "one")
    for name in ("a", "b"):
        (await api.post("poddisruptionbudgets", budget(name, minAvailable=0))).done(201)
    reply = await evict(api, "one")
    assert (reply.status, reply.message) == (
        500,
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    )
    await leave(api, "one")


@pytest.mark.parametrize(("version", "status"), [("policy/v1beta1", 201), ("policy/v1", 201), ("policy/v9", 400)])
async def test_an_eviction_may_be_of_an_older_version(api: Api, version: str, status: int) -> None:
    body = {"apiVersion": version, "kind": "Eviction", "metadata": {"name": "one"}}
    await member(api, "one")
    assert (await api.post("pods/one/eviction", body, TRY)).status == status
    await leave(api, "one")


async def test_an_eviction_has_the_name_of_its_pod(api: Api) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "other"}}
    await member(api, "one")
    refused(
        await api.post("pods/one/eviction", body),
        400,
        "BadRequest",
        "name in URL does not match name in Eviction object",
    )
    refused(await evict(api, "nobody"), 404, "NotFound", 'pods "nobody" not found')
    await leave(api, "one")
