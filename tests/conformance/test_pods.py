"""Pods that break a rule: in which words they are refused, and what of them may change later."""

from typing import Any

import pytest

from tests.conformance.api import TRY, Api, Tree, merged, pod, refused
from tests.conformance.objects import FIRST, LABEL, SUBDOMAIN, container


def probe(**change: Any) -> Tree:
    return container(livenessProbe=change)


def volume(**source: Any) -> Tree:
    return pod(volumes=[{"name": "v", **source}])


def mounting(name: str) -> Tree:
    """The containers of a pod with that volume."""
    container = {"name": "c", "image": "nginx:1.27", "volumeMounts": [{"name": name, "mountPath": "/v"}]}
    return {"spec": {"containers": [container]}}


def affinity(**change: Any) -> Tree:
    return pod(affinity=change)


PORT = "must be between 1 and 65535, inclusive"
PODS: list[tuple[str, Tree, list[str]]] = [
    (
        "what a change of resources does",
        container(
            resizePolicy=[
                {"resourceName": "cpu", "restartPolicy": "NotRequired"},
                {"resourceName": "cpu", "restartPolicy": "x"},
                {"resourceName": "gpu", "restartPolicy": "RestartContainer"},
                {},
            ]
        ),
        [
            f'{FIRST}.resizePolicy[1]: Duplicate value: "cpu"',
            f'{FIRST}.resizePolicy: Unsupported value: "x": supported values: "NotRequired", "RestartContainer"',
            f'{FIRST}.resizePolicy: Unsupported value: "gpu": supported values: "cpu", "memory"',
            f"{FIRST}.resizePolicy: Required value",
        ],
    ),
    (
        "a restart of what is never restarted",
        merged(
            container(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]),
            {"spec": {"restartPolicy": "Never"}},
        ),
        [
            (
                f'{FIRST}.resizePolicy: Invalid value: "RestartContainer": '
                "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            )
        ],
    ),
    (
        "gates before a node that is found",
        pod(nodeName="n", schedulingGates=[{"name": "a/b"}]),
        ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ),
    (
        "an overhead",
        pod(overhead={"cpu": "-1"}),
        ['spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    ("no containers", pod(containers=[]), ["spec.containers: Required value"]),
    ("a container without name", container(name=""), [f"{FIRST}.name: Required value"]),
    ("a container without image", container(image=""), [f"{FIRST}.image: Required value"]),
    ("a container's name", container(name="A"), [f'{FIRST}.name: Invalid value: "A": {LABEL}']),
    (
        "two containers of one name",
        pod(containers=[{"name": "c", "image": "x"}, {"name": "c", "image": "x"}]),
        ['spec.containers[1].name: Duplicate value: "c"'],
    ),
    (
        "a policy of pulling",
        container(imagePullPolicy="x"),
        [f'{FIRST}.imagePullPolicy: Unsupported value: "x": supported values: "Always", "IfNotPresent", "Never"'],
    ),
    (
        "a policy of last words",
        container(terminationMessagePolicy="x"),
        [
            (
                f'{FIRST}.terminationMessagePolicy: Unsupported value: "x": '
                'supported values: "File", "FallbackToLogsOnError"'
            )
        ],
    ),
    ("no port", container(ports=[{"containerPort": 0}]), [f"{FIRST}.ports[0].containerPort: Required value"]),
    (
        "a large port",
        container(ports=[{"containerPort": 70000}]),
        [f"{FIRST}.ports[0].containerPort: Invalid value: 70000: {PORT}"],
    ),
    (
        "two ports of one name",
        container(ports=[{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]),
        [f'{FIRST}.ports[1].name: Duplicate value: "a"'],
    ),
    (
        "a protocol",
        container(ports=[{"containerPort": 1, "protocol": "x"}]),
        [f'{FIRST}.ports[0].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"'],
    ),
    (
        "a port that is not the node's",
        pod(
            hostNetwork=True, containers=[{"name": "c", "image": "x", "ports": [{"containerPort": 80, "hostPort": 81}]}]
        ),
        [f"{FIRST}.ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"],
    ),
    (
        "a variable's name",
        container(env=[{"name": "a=b"}]),
        [
            (
                f'{FIRST}.env[0].name: Invalid value: "a=b": '
                "a valid environment variable name must consist only of printable ASCII characters other than '='"
            )
        ],
    ),
    (
        "a variable with two values",
        container(env=[{"name": "a", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        [f'{FIRST}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
    ),
    (
        "a variable of an unknown field",
        container(env=[{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]),
        [
            (
                f'{FIRST}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "x": '
                "error converting fieldPath: field label not supported: x"
            )
        ],
    ),
    (
        "variables from nowhere",
        container(envFrom=[{}]),
        [f'{FIRST}.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    ),
    (
        "more than the limit",
        container(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
        [f'{FIRST}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ),
    (
        "less than nothing",
        container(resources={"requests": {"cpu": "-1"}}),
        [f'{FIRST}.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    (
        "huge pages alone",
        container(resources={"limits": {"hugepages-2Mi": "2Mi"}}),
        [f"{FIRST}.resources: Forbidden: HugePages require cpu or memory"],
    ),
    (
        "a mount of nothing",
        container(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        [f'{FIRST}.volumeMounts[0].name: Not found: "v"'],
    ),
    ("a probe of nothing", probe(), [f"{FIRST}.livenessProbe: Required value: must specify a handler type"]),
    (
        "a probe of two",
        probe(exec={"command": ["a"]}, tcpSocket={"port": 1}),
        [f"{FIRST}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
    ),
    (
        "a probe that has to succeed twice",
        probe(tcpSocket={"port": 1}, successThreshold=2),
        [f"{FIRST}.livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ),
    (
        "a probe of less than no time",
        probe(tcpSocket={"port": 1}, timeoutSeconds=-1),
        [f"{FIRST}.livenessProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0"],
    ),
    (
        "a sleep longer than the grace",
        container(lifecycle={"preStop": {"sleep": {"seconds": 100}}}),
        [
            (
                f"{FIRST}.lifecycle.preStop.sleep: Invalid value: 100: "
                "must be non-negative and less than terminationGracePeriodSeconds (30)"
            )
        ],
    ),
    (
        "a probe of what is over",
        pod(initContainers=[{"name": "i", "image": "x", "readinessProbe": {"tcpSocket": {"port": 1}}}]),
        [
            (
                "spec.initContainers[0].readinessProbe: Forbidden: "
                "may not be set for init containers without restartPolicy=Always"
            )
        ],
    ),
    (
        "a restart policy",
        pod(restartPolicy="x"),
        ['spec.restartPolicy: Unsupported value: "x": supported values: "Always", "OnFailure", "Never"'],
    ),
    (
        "a DNS policy",
        pod(dnsPolicy="x"),
        [
            (
                'spec.dnsPolicy: Unsupported value: "x": '
                'supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"'
            )
        ],
    ),
    (
        "no DNS at all",
        pod(dnsPolicy="None"),
        ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
    ),
    ("a host's name", pod(hostname="A"), [f'spec.hostname: Invalid value: "A": {LABEL}']),
    (
        "an alias of no address",
        pod(hostAliases=[{"ip": "x", "hostnames": ["A"]}]),
        [
            'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
            f'spec.hostAliases[0].hostnames[0]: Invalid value: "A": {SUBDOMAIN}',
        ],
    ),
    (
        "no deadline",
        pod(activeDeadlineSeconds=0),
        ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ),
    (
        "a toleration of an unknown effect",
        pod(tolerations=[{"key": "a", "effect": "x"}]),
        [
            (
                'spec.tolerations[0].effect: Unsupported value: "x": '
                'supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'
            )
        ],
    ),
    (
        "a toleration of nothing",
        pod(tolerations=[{"operator": "Equal", "value": "x"}]),
        [
            (
                'spec.tolerations[0].operator: Invalid value: "Equal": '
                'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            )
        ],
    ),
    (
        "nodes of no kind",
        affinity(nodeAffinity={"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}),
        [
            (
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: "
                "Required value: must have at least one node selector term"
            )
        ],
    ),
    (
        "a wish of no weight",
        affinity(nodeAffinity={"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 0, "preference": {}}]}),
        [
            (
                "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: "
                "Invalid value: 0: must be in the range 1-100"
            )
        ],
    ),
    (
        "a spread of nothing",
        pod(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "a", "whenUnsatisfiable": "x"}]),
        [
            "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
            (
                'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "x": '
                'supported values: "DoNotSchedule", "ScheduleAnyway"'
            ),
        ],
    ),
    (
        "an id below zero",
        pod(securityContext={"runAsUser": -1}),
        ["spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"],
    ),
    (
        "an unknown profile",
        pod(securityContext={"seccompProfile": {"type": "x"}}),
        [
            (
                'spec.securityContext.seccompProfile.type: Unsupported value: "x": '
                'supported values: "Localhost", "RuntimeDefault", "Unconfined"'
            )
        ],
    ),
    (
        "processes shared twice",
        pod(hostPID=True, shareProcessNamespace=True),
        [
            (
                "spec.securityContext.shareProcessNamespace: Invalid value: true: "
                "ShareProcessNamespace and HostPID cannot both be enabled"
            )
        ],
    ),
    (
        "a volume of two",
        volume(emptyDir={}, hostPath={"path": "/x"}),
        ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
    ),
    (
        "two volumes of one name",
        pod(volumes=[{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]),
        ['spec.volumes[1].name: Duplicate value: "v"'],
    ),
    (
        "a path that goes up",
        volume(hostPath={"path": "/a/../b"}),
        ["spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
    ),
    (
        "no claim",
        volume(persistentVolumeClaim={"claimName": ""}),
        ["spec.volumes[0].persistentVolumeClaim.claimName: Required value"],
    ),
    (
        "a token of a moment",
        volume(projected={"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 5}}]}),
        [
            (
                "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: "
                "Invalid value: 5: may not specify a duration less than 10 minutes"
            )
        ],
    ),
    (
        "a claim without size",
        volume(ephemeral={"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}),
        ["spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value"],
    ),
    (
        "a volume of two sources, which nobody can mount",
        merged(volume(secret={"secretName": "s"}, hostPath={"path": "/a"}), mounting("v")),
        [
            "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type",
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ],
    ),
    (
        "a disk that is not named",
        volume(awsElasticBlockStore={}),
        ["spec.volumes[0].awsElasticBlockStore.volumeID: Required value"],
    ),
    (
        "an image of a network that is not named",
        volume(rbd={}),
        ["spec.volumes[0].rbd.monitors: Required value", "spec.volumes[0].rbd.image: Required value"],
    ),
    (
        "containers of a debugger",
        pod(ephemeralContainers=[{"name": "e", "image": "x"}]),
        ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ),
]


@pytest.mark.parametrize(("body", "causes"), [case[1:] for case in PODS], ids=[case[0] for case in PODS])
async def test_what_breaks_a_rule_is_refused(there: Api, body: Tree, causes: list[str]) -> None:
    refused(await there.post("pods", body, TRY), 422, "Invalid", causes=causes)


@pytest.mark.parametrize(
    ("change", "causes"),
    [
        (
            {"spec": {"containers": [{"name": "c", "image": "nginx:1.27"}, {"name": "d", "image": "x"}]}},
            ["spec.containers: Forbidden: pod updates may not add or remove containers"],
        ),
        (
            {"spec": {"hostname": "x"}},
            ["spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`…"],
        ),
    ],
)
async def test_a_pod_is_almost_fixed(api: Api, change: Tree, causes: list[str]) -> None:
    (await api.post("pods", pod())).done(201)
    reply = await api.patch("pods/p", change)
    refused(reply, 422, "Invalid")
    start = causes[0].removesuffix("…")
    assert reply.causes[0].startswith(start), reply.causes


async def test_the_image_of_a_pod_may_change(api: Api) -> None:
    (await api.post("pods", pod())).done(201)
    change = [{"op": "replace", "path": "/spec/containers/0/image", "value": "nginx:1.28"}]
    changed = (await api.ask("PATCH", "pods/p", change, type_="application/json-patch+json")).done()
    assert (changed["spec"]["containers"][0]["image"], changed["metadata"]["generation"]) == ("nginx:1.28", 2)


async def test_through_its_status_a_pod_does_not_end_and_has_the_class_it_had(api: Api) -> None:
    made = (await api.post("pods", pod())).done(201)
    place = f"pods/{made['metadata']['name']}/status"
    early = {"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}, "status": {"message": "told"}}
    told = (await api.patch(place, early)).done()
    assert ("deletionTimestamp" in told["metadata"], told["status"]["message"]) == (False, "told")
    reply = await api.patch(place, {"status": {"qosClass": "Guaranteed"}})
    refused(reply, 422, "Invalid", causes=['status.qosClass: Invalid value: "Guaranteed": field is immutable'])
