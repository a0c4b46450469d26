"""Budgets, quotas, limits, priorities, policies and autoscalers: what is refused, defaulted and shown of them."""

from typing import Any

import pytest

from tests.conformance.api import TABLE, TRY, Api, Tree, merged, refused

BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
PEER = "spec.ingress[0].from[0]"
METRIC = "spec.metrics[0]"
SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of …"


def budget(**spec: Any) -> Tree:
    return {"metadata": {"name": "a"}, "spec": {"selector": {"matchLabels": {"app": "a"}}, **spec}}


def priority(name: str = "conformance", **fields: Any) -> Tree:
    return {"metadata": {"name": name}, "value": 1, **fields}


def policy(*rules: Any, **spec: Any) -> Tree:
    return {"metadata": {"name": "a"}, "spec": {"podSelector": {}, "ingress": list(rules), **spec}}


def from_block(cidr: str, *but: str) -> Tree:
    return policy({"from": [{"ipBlock": {"cidr": cidr, "except": list(but)}}]})


def ingress(**spec: Any) -> Tree:
    return {"metadata": {"name": "a"}, "spec": spec}


def leading(**path: Any) -> Tree:
    """An Ingress of one path."""
    usual = {"path": "/", "pathType": "Prefix", "backend": BACKEND}
    return ingress(rules=[{"host": "a.b", "http": {"paths": [merged(usual, path)]}}])


def ingress_class(**spec: Any) -> Tree:
    return {"metadata": {"name": "conformance"}, "spec": spec}


def autoscaler(**spec: Any) -> Tree:
    target = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}
    return {"metadata": {"name": "a"}, "spec": {"scaleTargetRef": target, "maxReplicas": 3, **spec}}


def measuring(type_: str, **source: Any) -> Tree:
    return autoscaler(metrics=[{"type": type_, **source}])


def limits(*items: Tree) -> Tree:
    return {"metadata": {"name": "a"}, "spec": {"limits": list(items)}}


def of_container(**limit: Any) -> Tree:
    return limits({"type": "Container", **{name: {"cpu": value} for name, value in limit.items()}})


def quota(*expressions: Tree, scopes: tuple[str, ...] = (), **hard: str) -> Tree:
    spec: Tree = {"hard": hard, "scopes": list(scopes)}
    return {"metadata": {"name": "a"}, "spec": spec | _selector(expressions)}


def _selector(expressions: tuple[Tree, ...]) -> Tree:
    return {"scopeSelector": {"matchExpressions": list(expressions)}} if expressions else {}


def scope(name: str, operator: str, *values: str) -> Tree:
    return {"scopeName": name, "operator": operator, "values": list(values)}


WRONG = [
    (
        "a budget knows one measure",
        "poddisruptionbudgets",
        budget(minAvailable=1, maxUnavailable=1),
        [
            (
                'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"app":"a"}},"MaxUnavailable":1,'
                '"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set'
            )
        ],
    ),
    (
        "a budget is not negative",
        "poddisruptionbudgets",
        budget(minAvailable=-1),
        ["spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"],
    ),
    (
        "a share has a percent sign",
        "poddisruptionbudgets",
        budget(minAvailable="x%"),
        [
            (
                'spec.minAvailable: Invalid value: "x%": a valid percent string must be a numeric string followed by '
                "an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
            )
        ],
    ),
    (
        "a share is at most all",
        "poddisruptionbudgets",
        budget(maxUnavailable="101%"),
        ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    ),
    (
        "the policy for unhealthy pods is known",
        "poddisruptionbudgets",
        budget(unhealthyPodEvictionPolicy="X"),
        ['spec.unhealthyPodEvictionPolicy: Unsupported value: "X": supported values: "AlwaysAllow", "IfHealthyBudget"'],
    ),
    (
        "the highest priorities are the system's",
        "priorityclasses",
        priority(value=1000000001),
        ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
    ),
    (
        "names of the system's classes are kept",
        "priorityclasses",
        priority("system-x"),
        [
            (
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use "
                "only. error: system-x is not a known system priority class"
            )
        ],
    ),
    (
        "the preemption policy is known",
        "priorityclasses",
        priority(preemptionPolicy="X"),
        ['preemptionPolicy: Unsupported value: "X": supported values: "PreemptLowerPriority", "Never"'],
    ),
    (
        "types of policy are known",
        "networkpolicies",
        policy(policyTypes=["A"]),
        ['spec.policyTypes[0]: Unsupported value: "A": supported values: "Ingress", "Egress"'],
    ),
    (
        "there are two types of policy",
        "networkpolicies",
        policy(policyTypes=["Ingress", "Egress", "Ingress"]),
        ['spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes'],
    ),
    ("a peer is one", "networkpolicies", policy({"from": [{}]}), [f"{PEER}: Required value: must specify a peer"]),
    (
        "a peer is a block or pods",
        "networkpolicies",
        policy({"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}),
        [f"{PEER}: Forbidden: may not specify both ipBlock and another peer"],
    ),
    (
        "a block has no bits of a host",
        "networkpolicies",
        from_block("10.0.0.1/8"),
        [f'{PEER}.ipBlock.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length'],
    ),
    (
        "a block has no leading zeros",
        "networkpolicies",
        from_block("010.0.0.0/8"),
        [f'{PEER}.ipBlock.cidr: Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length'],
    ),
    ("a block is given", "networkpolicies", from_block(""), [f"{PEER}.ipBlock.cidr: Required value"]),
    (
        "exceptions lie in their block",
        "networkpolicies",
        from_block("10.0.0.0/8", "10.0.0.0/8", "x"),
        [
            f'{PEER}.ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
            (
                f'{PEER}.ipBlock.except[1]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or '
                "2001:db8::/64)"
            ),
        ],
    ),
    (
        "a protocol has a name",
        "networkpolicies",
        policy({"ports": [{"protocol": ""}]}),
        ['spec.ingress[0].ports[0].protocol: Unsupported value: "": supported values: "TCP", "UDP", "SCTP"'],
    ),
    (
        "a range of ports has a number at both ends",
        "networkpolicies",
        policy({"ports": [{"protocol": "X", "port": 0}, {"endPort": 4}, {"port": 80, "endPort": 70}]}),
        [
            'spec.ingress[0].ports[0].protocol: Unsupported value: "X": supported values: "TCP", "UDP", "SCTP"',
            "spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ingress[0].ports[1].endPort: Invalid value: 4: may not be specified when `port` is not specified",
            "spec.ingress[0].ports[2].endPort: Invalid value: 80: must be greater than or equal to `port`",
        ],
    ),
    (
        "an Ingress leads somewhere",
        "ingresses",
        ingress(),
        ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
    ),
    (
        "a backend is a service or a resource",
        "ingresses",
        ingress(defaultBackend={}),
        ['spec.defaultBackend: Invalid value: "": resource or service backend is required'],
    ),
    (
        "a backend's port has a name or a number",
        "ingresses",
        ingress(defaultBackend={"service": {"name": "a.b", "port": {"name": "x", "number": 1}}}),
        [
            'spec.defaultBackend.service.name: Invalid value: "a.b": must not contain dots',
            'spec.defaultBackend: Invalid value: "": cannot set both port name & port number',
        ],
    ),
    (
        "a path begins at the root",
        "ingresses",
        leading(path="a"),
        ['spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path'],
    ),
    (
        "a path goes one way",
        "ingresses",
        leading(path="/a//b/.."),
        [
            "spec.rules[0].http.paths[0].path: Invalid value: \"/a//b/..\": must not contain '//'",
            "spec.rules[0].http.paths[0].path: Invalid value: \"/a//b/..\": cannot end with '/..'",
        ],
    ),
    (
        "a path says how it is compared",
        "ingresses",
        leading(pathType=None),
        ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"],
    ),
    (
        "a host is a name",
        "ingresses",
        ingress(rules=[{"host": "10.0.0.1"}, {"host": "*.A"}, {"host": "A"}]),
        [
            'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
            "spec.rules[1].host: Invalid value: \"*.A\": a wildcard DNS-1123 subdomain must start with '*.', …",
            f'spec.rules[2].host: Invalid value: "A": {SUBDOMAIN}',
        ],
    ),
    (
        "a controller has a domain",
        "ingressclasses",
        ingress_class(controller="x"),
        ['spec.controller: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")'],
    ),
    (
        "parameters have a scope",
        "ingressclasses",
        ingress_class(controller="a.b/c", parameters={"kind": "K", "name": "n", "scope": "X"}),
        ['spec.parameters.scope: Unsupported value: "X": supported values: "Cluster", "Namespace"'],
    ),
    (
        "parameters of a namespace name it",
        "ingressclasses",
        ingress_class(controller="a.b/c", parameters={"kind": "K/", "name": ".", "scope": "Namespace"}),
        [
            "spec.parameters.kind: Invalid value: \"K/\": may not contain '/'",
            "spec.parameters.name: Invalid value: \".\": may not be '.'",
            "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
        ],
    ),
    (
        "an autoscaler has a maximum",
        "horizontalpodautoscalers",
        autoscaler(maxReplicas=0),
        [
            "spec.maxReplicas: Required value: must be set and greater than 0",
            "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
        ],
    ),
    (
        "none at all needs a metric from outside",
        "horizontalpodautoscalers",
        autoscaler(minReplicas=0),
        [
            "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
            (
                "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to "
                "zero replicas"
            ),
        ],
    ),
    (
        "a target has a kind, a name and a group",
        "horizontalpodautoscalers",
        autoscaler(scaleTargetRef={"kind": "", "name": "a/b", "apiVersion": "v1"}),
        [
            "spec.scaleTargetRef.kind: Required value",
            "spec.scaleTargetRef.name: Invalid value: \"a/b\": may not contain '/'",
            'spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group',
        ],
    ),
    (
        "a metric has its source",
        "horizontalpodautoscalers",
        measuring("Resource", pods={"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}}),
        [f"{METRIC}.resource: Required value: must populate information for the given metric source"],
    ),
    (
        "a resource is aimed at in one way",
        "horizontalpodautoscalers",
        measuring(
            "Resource", resource={"name": "cpu", "target": {"type": "X", "averageValue": "0", "averageUtilization": 0}}
        ),
        [
            f'{METRIC}.resource.target.type: Invalid value: "X": must be either Utilization, Value, or AverageValue',
            f'{METRIC}.resource.target.averageValue: Invalid value: "0": must be positive',
            f"{METRIC}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
            (
                f"{METRIC}.resource.target.averageValue: Forbidden: may not set both a target raw value and a target "
                "utilization"
            ),
        ],
    ),
    (
        "a behaviour is possible",
        "horizontalpodautoscalers",
        autoscaler(
            behavior={
                "scaleUp": {"selectPolicy": "X", "policies": [{"type": "X", "value": 0, "periodSeconds": 1801}]},
                "scaleDown": {"stabilizationWindowSeconds": 3601, "tolerance": "-1"},
            }
        ),
        [
            'spec.behavior.scaleUp.selectPolicy: Unsupported value: "X": supported values: "Disabled", "Max", "Min"',
            'spec.behavior.scaleUp.policies[0].type: Unsupported value: "X": supported values: "Percent", "Pods"',
            "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
            "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
            (
                "spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal "
                "to 3600"
            ),
            'spec.behavior.scaleDown.tolerance: Invalid value: "-1": must be greater than or equal to 0',
        ],
    ),
    (
        "limits are of a known type",
        "limitranges",
        limits({"type": "X"}),
        ['spec.limits[0].type: Invalid value: "X": must be a standard limit type or fully qualified'],
    ),
    (
        "pods have no defaults, and a type comes once",
        "limitranges",
        limits({"type": "Pod", "default": {"cpu": "1"}}, {"type": "Pod"}),
        [
            "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
            'spec.limits[1].type: Duplicate value: "Pod"',
        ],
    ),
    (
        "a claim's limit is one of storage",
        "limitranges",
        limits({"type": "PersistentVolumeClaim"}),
        [
            (
                "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but "
                "neither was provided"
            )
        ],
    ),
    (
        "a minimum is below its maximum, and defaults between them",
        "limitranges",
        of_container(min="2", max="1"),
        [
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
            (
                'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request '
                "value 1"
            ),
            'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
        ],
    ),
    (
        "a request by default is at most the limit by default",
        "limitranges",
        of_container(default="2", defaultRequest="3"),
        [
            (
                'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than '
                "default limit value 2"
            )
        ],
    ),
    (
        "a ratio is possible",
        "limitranges",
        of_container(maxLimitRequestRatio="3", min="1", max="2"),
        ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000'],
    ),
    (
        "a quota is of what is counted",
        "resourcequotas",
        quota(disk="1"),
        [
            'spec.hard[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
            'spec.hard[disk]: Invalid value: "disk": must be a standard resource for quota',
        ],
    ),
    (
        "objects are counted in whole numbers",
        "resourcequotas",
        quota(pods="1.5"),
        ['spec.hard[pods]: Invalid value: "1500m": must be an integer'],
    ),
    (
        "a quota is not negative",
        "resourcequotas",
        quota(pods="-1"),
        ['spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    (
        "scopes are known",
        "resourcequotas",
        quota(scopes=("X",)),
        ['spec.scopes: Invalid value: ["X"]: unsupported scope'],
    ),
    (
        "scopes fit the resources",
        "resourcequotas",
        quota(scopes=("BestEffort",), cpu="1"),
        ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
    ),
    (
        "scopes fit each other",
        "resourcequotas",
        quota(scopes=("Terminating", "NotTerminating")),
        ['spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes'],
    ),
    (
        "a selector of priorities has its values",
        "resourcequotas",
        quota(scope("PriorityClass", "In")),
        [
            (
                "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when "
                "`operator` is 'In' or 'NotIn' for scope selector"
            )
        ],
    ),
    (
        "a selector of priorities is of pods",
        "resourcequotas",
        quota(scope("PriorityClass", "Exists"), services="0"),
        [
            (
                'spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"ScopeName":"PriorityClass",'
                '"Operator":"Exists","Values":…'
            )
        ],
    ),
]


@pytest.mark.parametrize(("plural", "body", "causes"), [pytest.param(*case, id=rule) for rule, *case in WRONG])
async def test_what_is_wrong_is_told_field_by_field(there: Api, plural: str, body: Tree, causes: list[str]) -> None:
    refused(await there.post(plural, body, TRY), 422, "Invalid", causes=causes)


PROCESSOR = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
DEFAULTED = [
    ("a budget has none", "poddisruptionbudgets", budget(minAvailable=1), {}),
    ("a class preempts", "priorityclasses", priority(), {"preemptionPolicy": "PreemptLowerPriority"}),
    ("a policy is of what comes in", "networkpolicies", policy(), {"spec": {"policyTypes": ["Ingress"]}}),
    (
        "a policy with a way out is of both",
        "networkpolicies",
        policy(egress=[{"ports": [{"port": 80}]}]),
        {"spec": {"policyTypes": ["Ingress", "Egress"], "egress": [{"ports": [{"port": 80, "protocol": "TCP"}]}]}},
    ),
    (
        "parameters are the cluster's",
        "ingressclasses",
        ingress_class(controller="a.b/c", parameters={"kind": "K", "name": "n"}),
        {"spec": {"parameters": {"scope": "Cluster"}}},
    ),
    (
        "an autoscaler looks at the processor",
        "horizontalpodautoscalers",
        autoscaler(),
        {
            "spec": {
                "minReplicas": 1,
                "metrics": [PROCESSOR],
            }
        },
    ),
    (
        "a behaviour has its policies",
        "horizontalpodautoscalers",
        autoscaler(minReplicas=2, metrics=[PROCESSOR], behavior={"scaleDown": {"selectPolicy": "Min"}}),
        {
            "spec": {
                "behavior": {
                    "scaleDown": {
                        "selectPolicy": "Min",
                        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
                    },
                    "scaleUp": {
                        "stabilizationWindowSeconds": 0,
                        "selectPolicy": "Max",
                        "policies": [
                            {"type": "Pods", "value": 4, "periodSeconds": 15},
                            {"type": "Percent", "value": 100, "periodSeconds": 15},
                        ],
                    },
                }
            }
        },
    ),
    (
        "a container's maximum is its default",
        "limitranges",
        of_container(max="2"),
        {
            "spec": {
                "limits": [{"type": "Container", **{key: {"cpu": "2"} for key in ("max", "default", "defaultRequest")}}]
            }
        },
    ),
]


@pytest.mark.parametrize(("plural", "body", "more"), [pytest.param(*case, id=rule) for rule, *case in DEFAULTED])
async def test_what_is_not_said_is_the_default(there: Api, plural: str, body: Tree, more: Tree) -> None:
    made = (await there.post(plural, body, TRY)).done(201)
    wanted = merged(body, more)
    assert {part: made[part] for part in wanted if part != "metadata"} == {
        part: without_empty(wanted[part]) for part in wanted if part != "metadata"
    }


def without_empty(tree: Any) -> Any:
    """The tree without its empty lists, which an answer leaves out."""
    if isinstance(tree, dict):
        return {key: without_empty(value) for key, value in tree.items() if value != []}
    return tree


COLUMNS = [
    ("poddisruptionbudgets", ["Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"]),
    ("priorityclasses", ["Name", "Value", "Global-Default", "Age", "PreemptionPolicy"]),
    ("networkpolicies", ["Name", "Pod-Selector", "Age"]),
    ("ingresses", ["Name", "Class", "Hosts", "Address", "Ports", "Age"]),
    ("ingressclasses", ["Name", "Controller", "Parameters", "Age"]),
    ("horizontalpodautoscalers", ["Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"]),
    ("limitranges", ["Name", "Created At"]),
    ("resourcequotas", ["Name", "Request", "Limit", "Age"]),
]


@pytest.mark.parametrize(("plural", "columns"), COLUMNS, ids=[plural for plural, _ in COLUMNS])
async def test_a_table_has_its_columns(there: Api, plural: str, columns: list[str]) -> None:
    table = (await there.get(plural, accept=TABLE)).done()
    assert [column["name"] for column in table["columnDefinitions"]] == columns
