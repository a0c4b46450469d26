"""Services, storage and payloads that break a rule: in which words they are refused, and what may change later."""

import pytest

from tests.conformance.api import TRY, Api, Tree, merged, refused
from tests.conformance.objects import SUBDOMAIN, claim, service, volume_of

PORT = "must be between 1 and 65535, inclusive"

# --- Services ---------------------------------------------------------------------------------------------------------


SERVICES: list[tuple[str, Tree, list[str]]] = [
    ("no ports", {"metadata": {"name": "s"}, "spec": {}}, ["spec.ports: Required value"]),
    (
        "a port of zero",
        service(ports=[{"port": 0}]),
        [f"spec.ports[0].port: Invalid value: 0: {PORT}", f"spec.ports[0].targetPort: Invalid value: 0: {PORT}"],
    ),
    (
        "two ports without names",
        service(ports=[{"port": 1}, {"port": 2}]),
        ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
    ),
    (
        "a protocol",
        service(ports=[{"port": 1, "protocol": "x"}]),
        ['spec.ports[0].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"'],
    ),
    (
        "a type",
        service(type="x"),
        [
            (
                'spec.type: Unsupported value: "x": '
                'supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
            )
        ],
    ),
    (
        "a node's port of nobody",
        service(ports=[{"port": 80, "nodePort": 30080}]),
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ),
    ("another name of nothing", service(type="ExternalName"), ["spec.externalName: Required value"]),
    (
        "an address that is none",
        service(clusterIP="x"),
        ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    (
        "addresses without an address",
        service(clusterIPs=["None"]),
        ['spec.clusterIPs: Invalid value: ["None"]: must be empty when `clusterIP` is not specified'],
    ),
    (
        "addresses that are none",
        service(clusterIP="10.0.0.9", clusterIPs=["x"]),
        [
            'spec.clusterIPs: Invalid value: ["x"]: first value must match `clusterIP`',
            'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        ],
    ),
    (
        "a way within of no kind",
        service(internalTrafficPolicy=""),
        ['spec.internalTrafficPolicy: Unsupported value: "": supported values: "Cluster", "Local"'],
    ),
    (
        "an affinity",
        service(sessionAffinity="x"),
        ['spec.sessionAffinity: Unsupported value: "x": supported values: "ClientIP", "None"'],
    ),
    (
        "an affinity of no time",
        service(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 0}}),
        [
            (
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: "
                "must be greater than 0 and less than 86400"
            )
        ],
    ),
    (
        "a loop",
        service(externalIPs=["127.0.0.1"]),
        ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ),
    (
        "a policy for others",
        service(externalTrafficPolicy="Local"),
        ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ),
    (
        "families of a name",
        {
            "metadata": {"name": "s"},
            "spec": {"type": "ExternalName", "externalName": "a.b", "ipFamilyPolicy": "SingleStack"},
        },
        ["spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services"],
    ),
    (
        "a class of balancers without one",
        service(loadBalancerClass="a/b"),
        ["spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ),
    (
        "two ports that are one",
        service(ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]),
        [
            (
                "spec.ports[1]: Duplicate value: "
                '{"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}'
            )
        ],
    ),
    (
        "ports that only a balancer has",
        service(allocateLoadBalancerNodePorts=True),
        ["spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ),
    (
        "a distribution",
        service(trafficDistribution="x"),
        [
            (
                'spec.trafficDistribution: Unsupported value: "x": '
                'supported values: "PreferClose", "PreferSameZone", "PreferSameNode"'
            )
        ],
    ),
    ("a name with a dot", merged(service(), {"metadata": {"name": "a.b"}}), ['metadata.name: Invalid value: "a.b": …']),
]

# --- storage and payloads ---------------------------------------------------------------------------------------------


MODES = 'supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"'
CLAIMS: list[tuple[str, Tree, list[str]]] = [
    ("no mode", claim(accessModes=[]), ["spec.accessModes: Required value: at least 1 access mode is required"]),
    ("a mode", claim(accessModes=["x"]), [f'spec.accessModes: Unsupported value: "x": {MODES}']),
    (
        "one pod and more",
        claim(accessModes=["ReadWriteOncePod", "ReadWriteOnce"]),
        ["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"],
    ),
    ("no size", claim(resources={}), ["spec.resources[storage]: Required value"]),
    (
        "less than nothing",
        claim(resources={"requests": {"storage": "-1"}}),
        ['spec.resources[storage]: Invalid value: "-1": must be greater than zero'],
    ),
    (
        "a mode of volumes",
        claim(volumeMode="x"),
        ['spec.volumeMode: Unsupported value: "x": supported values: "Block", "Filesystem"'],
    ),
    ("a class", claim(storageClassName="A"), [f'spec.storageClassName: Invalid value: "A": {SUBDOMAIN}']),
]


VOLUMES: list[tuple[str, Tree, list[str]]] = [
    ("nothing", volume_of(), ["spec: Required value: must specify a volume type"]),
    (
        "two things",
        volume_of(hostPath={"path": "/x"}, nfs={"server": "a", "path": "/b"}),
        ["spec.nfs: Forbidden: may not specify more than 1 volume type"],
    ),
    (
        "no size",
        volume_of(hostPath={"path": "/x"}, capacity=None),
        ["spec.capacity: Required value", "spec.capacity: Unsupported value: null: …"],
    ),
    ("no mode", volume_of(hostPath={"path": "/x"}, accessModes=[]), ["spec.accessModes: Required value"]),
    (
        "a disk of no node",
        volume_of(local={"path": "/x"}),
        ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
    ),
    (
        "a policy",
        volume_of(hostPath={"path": "/x"}, persistentVolumeReclaimPolicy="x"),
        [
            (
                'spec.persistentVolumeReclaimPolicy: Unsupported value: "x": '
                'supported values: "Delete", "Recycle", "Retain"'
            )
        ],
    ),
]
KEY = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',…"
MAPS: list[tuple[str, Tree, list[str]]] = [
    ("a key", {"metadata": {"name": "c"}, "data": {"a b": "c"}}, [f'data[a b]: Invalid value: "a b": {KEY}']),
    (
        "a way up",
        {"metadata": {"name": "c"}, "data": {"..": "c"}},
        ["data[..]: Invalid value: \"..\": must not be '..'"],
    ),
]
SECRETS: list[tuple[str, Tree, list[str]]] = [
    (
        "a certificate without anything",
        {"metadata": {"name": "c"}, "type": "kubernetes.io/tls"},
        ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
    ),
    (
        "a login without anything",
        {"metadata": {"name": "c"}, "type": "kubernetes.io/basic-auth"},
        ["data[username]: Required value", "data[password]: Required value"],
    ),
    (
        "a registry without login",
        {"metadata": {"name": "c"}, "type": "kubernetes.io/dockerconfigjson"},
        ["data[.dockerconfigjson]: Required value"],
    ),
]
REFUSED = {
    "services": SERVICES,
    "persistentvolumeclaims": CLAIMS,
    "persistentvolumes": VOLUMES,
    "configmaps": MAPS,
    "secrets": SECRETS,
}


@pytest.mark.parametrize(
    ("place", "body", "causes"),
    [
        pytest.param(place, body, causes, id=f"{place}: {rule}")
        for place, cases in REFUSED.items()
        for rule, body, causes in cases
    ],
)
async def test_what_breaks_a_rule_is_refused(there: Api, place: str, body: Tree, causes: list[str]) -> None:
    refused(await there.post(place, body, TRY), 422, "Invalid", causes=causes)


async def test_an_immutable_map_is_fixed(api: Api) -> None:
    (await api.post("configmaps", {"metadata": {"name": "c"}, "immutable": True, "data": {"a": "1"}})).done(201)
    refused(
        await api.patch("configmaps/c", {"data": {"a": "2"}}),
        422,
        "Invalid",
        causes=["data: Forbidden: field is immutable when `immutable` is set"],
    )
    refused(
        await api.patch("configmaps/c", {"immutable": False}),
        422,
        "Invalid",
        causes=["immutable: Forbidden: field is immutable when `immutable` is set"],
    )


async def test_the_type_of_a_secret_is_fixed(api: Api) -> None:
    (await api.post("secrets", {"metadata": {"name": "s"}})).done(201)
    causes = ['type: Invalid value: "x": field is immutable']
    refused(await api.patch("secrets/s", {"type": "x"}), 422, "Invalid", causes=causes)


async def test_the_address_of_a_service_stays(api: Api) -> None:
    made = (await api.post("services", service())).done(201)
    again = (await api.put("services/s", service(selector={"a": "b"}))).done()
    assert again["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    reply = await api.patch("services/s", {"spec": {"clusterIP": "None", "clusterIPs": ["None"]}})
    refused(reply, 422, "Invalid", causes=['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'])


async def test_one_address_stands_for_all(api: Api) -> None:
    (await api.post("services", service())).done(201)
    reply = await api.patch("services/s", {"spec": {"clusterIP": "None"}})
    refused(reply, 422, "Invalid", causes=['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'])


async def test_a_change_of_type_takes_along_what_only_the_old_one_has(api: Api) -> None:
    made = (await api.post("services", service(selector={"a": "b"}))).done(201)["spec"]
    balanced = (await api.patch("services/s", {"spec": {"type": "LoadBalancer"}})).done()["spec"]
    assert (balanced["allocateLoadBalancerNodePorts"], balanced["externalTrafficPolicy"]) == (True, "Cluster")
    assert balanced["clusterIP"] == made["clusterIP"]
    assert (await api.patch("services/s", {"spec": {"type": "ClusterIP"}})).done()["spec"] == made
    named = {"spec": {"type": "ExternalName", "externalName": "a.example"}}
    left = (await api.patch("services/s", named)).done()["spec"]
    assert {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"}.isdisjoint(left)


async def test_only_balancers_let_anybody_in(api: Api) -> None:
    (await api.post("services", service())).done(201)
    reply = await api.patch("services/s/status", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
    causes = ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"]
    refused(reply, 422, "Invalid", causes=causes)
