"""Rules of kinds that programs write more often than people: storage, addresses, events, reviews."""

import json
from typing import Any

import pytest

from tests.conformance.api import TRY, Api, Tree, merged, refused
from tests.conformance.objects import SUBDOMAIN, claim, volume_of

NAME = "name part must be non-empty"
PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric…"
)
LOCAL = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
EVENTS = "/apis/events.k8s.io/v1/namespaces/{ns}/events"
IP = "must be a valid IP address"
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def topologies(*expressions: Any) -> Tree:
    terms = [{"matchLabelExpressions": [*expressions]}]
    return {"metadata": {"name": "c"}, "provisioner": "example.com/p", "allowedTopologies": terms}


def endpoints(*addresses: Tree, **port: Any) -> Tree:
    return {"metadata": {"name": "e"}, "subsets": [{"addresses": [*addresses], "ports": [{"port": 80, **port}]}]}


def slice_(address: str = "10.0.0.1", port: Tree | None = None, **endpoint: Any) -> Tree:
    ports = [{"port": 80, **(port or {})}]
    endpoint = {"addresses": [address], **endpoint}
    return {"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": [endpoint], "ports": ports}


def event(**fields: Any) -> Tree:
    return {
        "metadata": {"name": "e"},
        "eventTime": "2026-11-23T05:12:00.000000Z",
        "reason": "r",
        "type": "Normal",
        "action": "a",
        "reportingController": "example.com/c",
        "reportingInstance": "i",
        **fields,
    }


REFUSED: list[tuple[str, str, Tree, list[str]]] = [
    (
        "data of nothing",
        "persistentvolumeclaims",
        claim(dataSourceRef={"kind": "x", "name": ""}),
        [
            f"spec.{place}{problem}"
            for place in ("dataSource", "dataSourceRef")
            for problem in (".name: Required value", f': Invalid value: "x": {LOCAL}')
        ],
    ),
    (
        "data of two places",
        "persistentvolumeclaims",
        claim(
            dataSource={"kind": "PersistentVolumeClaim", "name": "a"},
            dataSourceRef={"kind": "PersistentVolumeClaim", "name": "b"},
        ),
        ["spec: Invalid value: {}: must match dataSourceRef"],
    ),
    (
        "no mode",
        "persistentvolumeclaims",
        claim(volumeMode="", volumeAttributesClassName="A"),
        [
            'spec.volumeMode: Unsupported value: "": supported values: "Block", "Filesystem"',
            f'spec.volumeAttributesClassName: Invalid value: "A": {SUBDOMAIN}',
        ],
    ),
    (
        "two sources",
        "persistentvolumes",
        volume_of(hostPath={"path": "/a"}, csi={}),
        ["spec.csi: Forbidden: may not specify more than 1 volume type"],
    ),
    (
        "a place without a name",
        "storageclasses",
        topologies({"key": "", "values": ["a", "a"]}, {"key": "k"}, {"key": "k", "values": ["b"]}),
        [
            'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
            f'allowedTopologies[0].matchLabelExpressions[0].key: Invalid value: "": {NAME}',
            f'allowedTopologies[0].matchLabelExpressions[0].key: Invalid value: "": {PART}',
            "allowedTopologies[0].matchLabelExpressions[1].values: Required value",
            'allowedTopologies[0].matchLabelExpressions[2].key: Duplicate value: "k"',
        ],
    ),
    (
        "addresses of nobody",
        "endpoints",
        endpoints({"ip": "x"}, {"ip": "10.0.0.1", "nodeName": ""}, appProtocol="/"),
        [
            f'subsets[0].addresses[0].ip: Invalid value: "x": {IP}, (e.g. 10.9.8.7 or 2001:db8::ffff)',
            f'subsets[0].addresses[0].ip: Invalid value: "x": {IP}',
            f'subsets[0].addresses[1].nodeName: Invalid value: "": {SUBDOMAIN}',
            'subsets[0].ports[0].appProtocol: Invalid value: "/": prefix part must be non-empty',
            f'subsets[0].ports[0].appProtocol: Invalid value: "/": {NAME}',
            f'subsets[0].ports[0].appProtocol: Invalid value: "/": {PART}',
        ],
    ),
    (
        "an address that is none",
        "endpointslices",
        slice_("x"),
        [f'endpoints[0].addresses[0]: Invalid value: "x": {IP}, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    (
        "hints to nowhere",
        "endpointslices",
        slice_(hints={"forZones": [{"name": "a"}, {"name": "a"}], "forNodes": [{"name": ""}]}),
        [
            'endpoints[0].hints.forZones[1].name: Duplicate value: "a"',
            f'endpoints[0].hints.forNodes[0].name: Invalid value: "": {SUBDOMAIN}',
        ],
    ),
    (
        "news in old words",
        EVENTS,
        event(
            deprecatedCount=1,
            deprecatedFirstTimestamp="2026-11-23T05:12:00Z",
            deprecatedLastTimestamp="2026-11-23T05:12:00Z",
            deprecatedSource={"host": "h"},
        ),
        [
            f'{place}: Invalid value: "": needs to be unset'
            for place in ("firstTimestamp", "lastTimestamp", "count", "source")
        ],
    ),
    (
        "news from nobody, too long",
        EVENTS,
        event(reportingController="", reportingInstance="x" * 129, note="x" * 1025, type="", action="", reason=""),
        [
            "reportingController: Required value",
            f'reportingController: Invalid value: "": {NAME}',
            f'reportingController: Invalid value: "": {PART}',
            'reportingInstance: Invalid value: "": can have at most 128 characters',
            "action: Required value",
            "reason: Required value",
            'message: Invalid value: "": can have at most 1024 characters',
            'type: Invalid value: "": has invalid value: ',
        ],
    ),
    (
        "news that recur once",
        EVENTS,
        event(series={}),
        ['series.count: Invalid value: "": should be at least 2', "series.lastObservedTime: Required value"],
    ),
]


@pytest.mark.parametrize(("place", "body", "causes"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_what_breaks_a_rule_is_refused(there: Api, place: str, body: Tree, causes: list[str]) -> None:
    if place == EVENTS:
        body = {**body, "regarding": {"kind": "Pod", "name": "p", "namespace": there.namespace}}
    reply = await there.ask("POST", place, body, query=TRY)
    refused(reply, 422, "Invalid", causes=causes)


async def test_news_are_told_of_as_they_are_stored(there: Api) -> None:
    refused(await there.ask("POST", EVENTS, event(type="x"), query=TRY), 422, "Invalid", 'Event "e" is invalid: …')


async def test_nobody_wrote_what_is_always_there(there: Api) -> None:
    body = {"metadata": {"name": "e"}, "involvedObject": {"namespace": there.namespace}, "reason": "r"}
    made = (await there.post("events", body, TRY)).done(201)
    (entry,) = made["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:involvedObject": {}, "f:reason": {}, "f:type": {}} or entry["fieldsV1"] == {
        "f:involvedObject": {},
        "f:reason": {},
    }


async def test_who_asks_for_endpoints_in_vain_is_told_of_their_successor(there: Api) -> None:
    for reply in (await there.get("endpoints/none"), await there.post("endpoints", endpoints({"ip": "x"}), TRY)):
        assert reply.status in {404, 422}
        assert reply.warnings == ("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",)


async def test_a_volume_tells_since_when_it_is_in_its_phase(api: Api) -> None:
    body = merged(volume_of(hostPath={"path": "/a"}), {"metadata": {"name": api.namespace}})
    made = (await api.post("persistentvolumes", body)).done(201)
    assert made["status"]["phase"] == "Pending"
    assert made["status"]["lastPhaseTransitionTime"] == made["metadata"]["creationTimestamp"]
    early = {"status": {"phase": "Failed", "lastPhaseTransitionTime": "2020-01-01T00:00:00Z"}}
    told = (await api.patch(f"persistentvolumes/{api.namespace}/status", early)).done()
    assert told["status"]["lastPhaseTransitionTime"] == "2020-01-01T00:00:00Z"
    later = (await api.patch(f"persistentvolumes/{api.namespace}/status", {"status": {"phase": "Released"}})).done()
    assert later["status"]["lastPhaseTransitionTime"] >= made["metadata"]["creationTimestamp"]
    (await api.patch(f"persistentvolumes/{api.namespace}", {"metadata": {"finalizers": None}})).done()
    (await api.delete(f"persistentvolumes/{api.namespace}")).done()


async def test_an_autoscaler_of_the_first_version_looks_at_the_processor(there: Api) -> None:
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}, "maxReplicas": 3}
    place = "/apis/autoscaling/v1/namespaces/{ns}/horizontalpodautoscalers"
    made = (await there.ask("POST", place, {"metadata": {"name": "a"}, "spec": spec}, query=TRY)).done(201)
    assert made["spec"]["targetCPUUtilizationPercentage"] == 80


async def test_what_only_the_server_sets_is_no_part_of_a_review(there: Api) -> None:
    spec = {"user": "u", "nonResourceAttributes": {"path": "/x", "verb": "get"}}
    body = {"metadata": {"uid": "x", "creationTimestamp": "2020-01-01T00:00:00Z"}, "spec": spec}
    reply = await there.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    assert reply.done(201)["status"]["allowed"] is False


async def test_news_stay_as_they_were_told(api: Api) -> None:
    regarding = {"kind": "Pod", "name": "p", "namespace": api.namespace}
    made = (await api.ask("POST", EVENTS, event(regarding=regarding))).done(201)
    changed = merged(made, {"reason": "x", "regarding": {"name": "q"}, "deprecatedSource": {"host": "h"}})
    shown = {"Kind": "Pod", "Namespace": api.namespace, "Name": "q", "UID": "", "APIVersion": ""}
    text = json.dumps({**shown, "ResourceVersion": "", "FieldPath": ""}, separators=(",", ":"))
    causes = [
        f"involvedObject: Invalid value: {text}: field is immutable",
        'reason: Invalid value: "x": field is immutable',
        'source: Invalid value: {"Component":"","Host":"h"}: field is immutable',
    ]
    refused(await api.ask("PUT", f"{EVENTS}/e", changed), 422, "Invalid", causes=causes)
    series = {"count": 2, "lastObservedTime": "2026-11-23T05:12:00.000000Z"}
    (await api.ask("PUT", f"{EVENTS}/e", merged(made, {"series": series}))).done()


async def test_a_kind_is_known_in_its_versions(there: Api) -> None:
    message = (
        'ConfigMap in version "v9" cannot be handled as a ConfigMap: '
        'no kind "ConfigMap" is registered for version "v9" '
        'in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"'
    )
    body = {"apiVersion": "v9", "kind": "ConfigMap", "metadata": {"name": "c"}}
    refused(await there.post("configmaps", body, TRY), 400, "BadRequest", message)


NO_REPORTER = [
    "reportingComponent: Required value",
    f"reportingComponent: Invalid value: {json.dumps('')}: {NAME}",
    f"reportingComponent: Invalid value: {json.dumps('')}: {PART}",
    "reportingInstance: Required value",
    "action: Required value",
    "reason: Required value",
]
TIMED = {"eventTime": "2026-11-23T05:12:00.000000Z"}
ELSEWHERE = [f"involvedObject.namespace: Invalid value: {json.dumps('')}: does not match event.namespace"]


@pytest.mark.parametrize(
    ("rule", "namespace", "changes", "causes"),
    [
        ("of nothing in particular, elsewhere", "kube-system", {}, ELSEWHERE),
        ("with a time, of nothing in particular, elsewhere", "{ns}", TIMED, ELSEWHERE + NO_REPORTER),
        ("with a time, without a reporter", "kube-system", TIMED, NO_REPORTER),
    ],
)
async def test_an_older_event_is_refused(
    there: Api, rule: str, namespace: str, changes: Tree, causes: list[str]
) -> None:
    body = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Node"}, **changes}
    reply = await there.ask("POST", f"/api/v1/namespaces/{namespace}/events", body, query=TRY)
    assert reply.status == 422, rule
    refused(reply, 422, "Invalid", causes=causes)


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("services/new", {"metadata": {"name": "new"}, "spec": {"clusterIP": "None"}}),
        ("endpoints/new", {"metadata": {"name": "new"}}),
    ],
)
async def test_a_put_makes_it(api: Api, place: str, body: Tree) -> None:
    made = (await api.ask("PUT", place, body)).done(201)
    assert (await api.get(place)).done()["metadata"]["uid"] == made["metadata"]["uid"]


async def test_a_namespace_with_a_name_made_up_is_labelled_with_it(there: Api) -> None:
    made = (await there.post("namespaces", {"metadata": {"generateName": "conformance-"}}, TRY)).done(201)
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": made["metadata"]["name"]}


def balancer(**spec: Any) -> Tree:
    return {"metadata": {"name": "s"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], **spec}}


async def test_a_balancer_may_do_without_ports_of_the_machine(api: Api) -> None:
    made = (await api.post("services", balancer(allocateLoadBalancerNodePorts=False))).done(201)
    assert "nodePort" not in made["spec"]["ports"][0]
    wished = merged(made, {"spec": {"allocateLoadBalancerNodePorts": True}})
    given = (await api.ask("PUT", "services/s", wished)).done()
    assert given["spec"]["ports"][0]["nodePort"] >= 30000
    moved = merged(given, {"spec": {"ports": [{"port": 443}]}})
    assert (await api.ask("PUT", "services/s", moved)).done()["spec"]["ports"][0]["nodePort"] == (
        given["spec"]["ports"][0]["nodePort"]
    )
    change = {"spec": {"allocateLoadBalancerNodePorts": False, "ports": [{"port": 443}]}}
    assert "nodePort" not in (await api.patch("services/s", change)).done()["spec"]["ports"][0]


async def test_the_class_of_a_balancer_stays(api: Api) -> None:
    (await api.post("services", balancer(loadBalancerClass="example.com/a"))).done(201)
    reply = await api.patch("services/s", {"spec": {"loadBalancerClass": "example.com/b"}})
    refused(reply, 422, "Invalid", causes=['spec.loadBalancerClass: Invalid value: "example.com/b": may not change…'])


async def test_a_name_elsewhere_has_no_traffic_of_its_own(api: Api) -> None:
    spec = {"type": "ExternalName", "externalName": "example.com", "internalTrafficPolicy": "Cluster"}
    made = (await api.post("services", {"metadata": {"name": "e"}, "spec": spec})).done(201)
    assert "internalTrafficPolicy" not in made["spec"]
    headless = {"metadata": {"name": "h"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}
    (await api.post("services", headless)).done(201)
    away = merged(headless, {"spec": {"type": "ExternalName", "externalName": "example.com"}})
    gone = (await api.ask("PUT", "services/h", away)).done()["spec"]
    assert {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"}.isdisjoint(gone)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([], [NOT_READY]),
        ([{"key": "a", "effect": "NoSchedule"}], [{"key": "a", "effect": "NoSchedule"}, NOT_READY]),
        ([NOT_READY | {"effect": "NoExecute"}], [NOT_READY | {"effect": "NoExecute"}, NOT_READY]),
        ([NOT_READY | {"value": "x"}], [NOT_READY | {"value": "x"}]),
    ],
)
async def test_a_new_node_is_not_ready(there: Api, given: list[Tree], shown: list[Tree]) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    node = {"metadata": {"name": "new"}, "spec": {"taints": given}, "status": ready}
    assert (await there.post("nodes", node, TRY)).done(201)["spec"] == {"taints": shown}
