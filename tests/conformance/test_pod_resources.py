"""What pods and their containers ask for: limits and requests, of the whole and of its parts, and devices."""

from typing import Any

import pytest

from tests.conformance.api import TRY, Api, Tree, pod, refused
from tests.conformance.objects import SUBDOMAIN

FIRST = "spec.containers[0]"
LABEL = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end…"


def using(amounts: Tree, **spec: Any) -> Tree:
    """A pod of one container that takes that much."""
    return pod(containers=[{"name": "c", "image": "nginx:1.27", "resources": amounts}], **spec)


def restarting(*rules: Any, **container: Any) -> Tree:
    return pod(containers=[{"name": "c", "image": "nginx:1.27", "restartPolicyRules": [*rules], **container}])


PODS: list[tuple[str, Tree, list[str]]] = [
    (
        "a pod that is limited in what only containers can be",
        pod(resources={"limits": {"ephemeral-storage": "1Gi", "k": "-1"}}),
        [
            (
                'spec.resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": '
                'supported values: "cpu", "hugepages-", "memory"'
            ),
            ('spec.resources.limits[k]: Invalid value: "k": must be a standard resource type or fully qualified'),
            'spec.resources.limits[k]: Invalid value: "-1": must be greater than or equal to 0',
        ],
    ),
    (
        "a pod that asks for less than its containers",
        using({"requests": {"cpu": "2"}}, resources={"requests": {"cpu": "1"}}),
        [
            (
                'spec.resources.requests[cpu]: Invalid value: "1": '
                "must be greater than or equal to aggregate container requests of 2"
            )
        ],
    ),
    (
        "a container that is allowed more than its pod",
        using({"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}, resources={"limits": {"cpu": "1"}}),
        [
            (
                'spec.resources.containers[0][cpu].limits: Invalid value: "2": '
                "must be less than or equal to pod limits of 1"
            )
        ],
    ),
    (
        "a pod that asks for more than its limit",
        pod(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
        ['spec.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ),
    (
        "devices of a pod as a whole",
        pod(resources={"claims": [{"name": ""}]}),
        [
            "spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level",
            "spec.resources.claims[0]: Required value",
        ],
    ),
    (
        "claims without a claim",
        pod(resourceClaims=[{"name": "A"}, {"name": "b", "resourceClaimName": "", "resourceClaimTemplateName": "t"}]),
        [
            f'spec.resourceClaims[0].name: Invalid value: "A": {LABEL}',
            (
                'spec.resourceClaims[0]: Invalid value: {"Name":"A","ResourceClaimName":null,'
                '"ResourceClaimTemplateName":null}: must specify one of: `resourceClaimName`, '
                "`resourceClaimTemplateName`"
            ),
            (
                'spec.resourceClaims[1]: Invalid value: {"Name":"b","ResourceClaimName":"",'
                '"ResourceClaimTemplateName":"t"}: at most one of `resourceClaimName` or '
                "`resourceClaimTemplateName` may be specified"
            ),
            f'spec.resourceClaims[1].resourceClaimName: Invalid value: "": {SUBDOMAIN}',
        ],
    ),
    (
        "claims of one name",
        pod(resourceClaims=[{"name": "a", "resourceClaimName": "x"}, {"name": "a", "resourceClaimName": "y"}]),
        ['spec.resourceClaims[1].name: Duplicate value: "a"'],
    ),
    (
        "devices that the pod does not claim, or that are named twice",
        using(
            {
                "claims": [
                    {"name": "b"},
                    {"name": "a", "request": "r"},
                    {"name": "a", "request": "r"},
                    {"name": "a"},
                    {"name": "a", "request": "A"},
                ]
            },
            resourceClaims=[{"name": "a", "resourceClaimName": "x"}],
        ),
        [
            (f'{FIRST}.resources.claims[0]: Not found: "b": must be one of the names in pod.spec.resourceClaims: a'),
            f'{FIRST}.resources.claims[2]: Duplicate value: "a/r"',
            f'{FIRST}.resources.claims[3]: Duplicate value: "a"',
            f'{FIRST}.resources.claims[4]: Duplicate value: "a"',
        ],
    ),
    (
        "rules for restarts without a policy",
        restarting({}),
        [
            f"{FIRST}.restartPolicy: Required value: must specify restartPolicy when restart rules are used",
            (
                f'{FIRST}.restartPolicyRules[0].action: Unsupported value: "": '
                'supported values: "Restart", "RestartAllContainers"'
            ),
            f"{FIRST}.restartPolicyRules[0].exitCodes: Required value: must be specified",
        ],
    ),
    (
        "a rule for restarts that compares otherwise",
        restarting({"action": "Restart", "exitCodes": {"operator": "x"}}, restartPolicy="Never"),
        [f'{FIRST}.restartPolicyRules[0].exitCodes.operator: Unsupported value: "x": supported values: "In", "NotIn"'],
    ),
    (
        "processes of the host without its network",
        pod(securityContext={"windowsOptions": {"hostProcess": True, "runAsUserName": ""}}),
        [
            (
                'spec.securityContext.windowsOptions.runAsUserName: Invalid value: "": '
                "runAsUserName cannot be an empty string"
            ),
            (
                "spec.hostNetwork: Invalid value: false: "
                "hostNetwork must be true if pod contains any hostProcess containers"
            ),
        ],
    ),
    (
        "policies of groups and labels",
        pod(securityContext={"supplementalGroupsPolicy": "x", "seLinuxChangePolicy": "y"}),
        [
            (
                'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "x": '
                'supported values: "Merge", "Strict"'
            ),
            'spec.securityContext.seLinuxChangePolicy: Unsupported value: "y": supported values: "Recursive"',
        ],
    ),
    (
        "another host name than there can be",
        pod(hostnameOverride="", hostNetwork=True),
        [
            "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
            f'spec.hostnameOverride: Invalid value: "": {SUBDOMAIN}',
        ],
    ),
]


@pytest.mark.parametrize(("body", "causes"), [case[1:] for case in PODS], ids=[case[0] for case in PODS])
async def test_what_breaks_a_rule_is_refused(there: Api, body: Tree, causes: list[str]) -> None:
    reply = await there.post("pods", body, TRY)
    refused(reply, 422, "Invalid")
    reply_causes = sorted(reply.causes)  # Go's maps have no order
    assert len(reply_causes) == len(causes), reply_causes
    for found, wanted in zip(reply_causes, sorted(causes), strict=True):
        assert found.startswith(wanted.removesuffix("…")) if wanted.endswith("…") else found == wanted


@pytest.mark.parametrize(
    ("container", "whole", "requests"),
    [
        ({"requests": {"cpu": "1"}}, {"limits": {"memory": "1Gi"}}, {"cpu": "1", "memory": "1Gi"}),
        ({"requests": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, {"cpu": "1"}),
        ({}, {"limits": {"cpu": "2"}}, {"cpu": "2"}),
        ({"requests": {"cpu": "1"}}, {"requests": {"memory": "1Gi"}}, {"memory": "1Gi"}),
    ],
    ids=["of all its containers", "of containers and of itself", "of its limits", "as it says"],
)
async def test_a_pod_with_limits_has_requests(there: Api, container: Tree, whole: Tree, requests: Tree) -> None:
    made = (await there.post("pods", using(container, resources=whole), TRY)).done(201)
    assert made["spec"]["resources"]["requests"] == requests


async def test_a_pod_with_gates_tells_why_it_waits(there: Api) -> None:
    made = (await there.post("pods", pod(schedulingGates=[{"name": "example.com/gate"}]), TRY)).done(201)
    (condition,) = made["status"]["conditions"]
    assert condition.pop("lastTransitionTime")
    assert condition == {
        "lastProbeTime": None,
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }
