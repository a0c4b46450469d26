"""StatefulSets: defaults, rules, what may change, and the scale."""

from typing import Any

import pytest

from tests.conformance.api import MERGE, STRATEGIC, TRY, Api, Tree, merged, refused, stateful_set

DEFAULTS = {
    "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    "podManagementPolicy": "OrderedReady",
    "replicas": 1,
    "revisionHistoryLimit": 10,
    "selector": {"matchLabels": {"app": "web"}},
    "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "containers": [
                {
                    "image": "nginx",
                    "imagePullPolicy": "Always",
                    "name": "nginx",
                    "resources": {},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                }
            ],
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        },
    },
}


async def test_defaults_are_filled_in(there: Api) -> None:
    body = merged(stateful_set(), {"metadata": {"name": "other"}, "spec": {"replicas": None, "serviceName": None}})
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx"
    made = (await there.post("statefulsets", body, TRY)).done(201)
    strategy = made["spec"].pop("updateStrategy")
    assert made["spec"] in (DEFAULTS, {**DEFAULTS, "serviceName": ""})
    assert (strategy["type"], strategy["rollingUpdate"]["partition"]) == ("RollingUpdate", 0)
    assert strategy["rollingUpdate"].get("maxUnavailable", 1) == 1  # where it is served at all
    assert made["status"] == {"replicas": 0, "availableReplicas": 0}


async def test_a_strategy_that_is_only_named_has_no_more(there: Api) -> None:
    body = merged(stateful_set(updateStrategy={"type": "RollingUpdate"}), {"metadata": {"name": "other"}})
    assert (await there.post("statefulsets", body, TRY)).done(201)["spec"]["updateStrategy"] == {
        "type": "RollingUpdate"
    }


async def test_claim_templates_are_completed(there: Api) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}},
    }
    body = merged(stateful_set(volumeClaimTemplates=[claim]), {"metadata": {"name": "other"}})
    assert (await there.post("statefulsets", body, TRY)).done(201)["spec"]["volumeClaimTemplates"] == [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "volumeMode": "Filesystem",
            },
            "status": {"phase": "Pending"},
        }
    ]


FIRST = "spec.template.spec.containers[0]"


def container(**change: Any) -> Tree:
    return {"template": {"spec": {"containers": [{"name": "c", "image": "i", **change}]}}}


NOT_NEGATIVE = "must be greater than or equal to 0"
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
REFUSED: list[tuple[str, Tree, list[str]]] = [
    (
        "a claim without a name, which is that of its volume",
        {"volumeClaimTemplates": [{"spec": CLAIM}]},
        [
            "spec.template.spec.volumes[0].persistentVolumeClaim.claimName: Required value",
            "spec.template.spec.volumes[0].name: Required value",
        ],
    ),
    (
        "a claim that asks for nothing, beside other mistakes",
        {"volumeClaimTemplates": [{"metadata": {"name": "a"}}], "replicas": -1, "serviceName": "A"},
        [
            "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
            "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
            f"spec.replicas: Invalid value: -1: {NOT_NEGATIVE}",
            'spec.serviceName: Invalid value: "A": a lowercase RFC 1123 label must …',
        ],
    ),
    (
        "a template's class, and what it may do to others",
        {"template": {"spec": {"preemptionPolicy": "x", "priorityClassName": "A"}}},
        [
            'spec.template.spec.priorityClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must …',
            (
                'spec.template.spec.preemptionPolicy: Unsupported value: "x": '
                'supported values: "PreemptLowerPriority", "Never"'
            ),
        ],
    ),
    (
        "no selector",
        {"selector": None},
        ["spec.selector: Required value", "spec.template.metadata.labels: Invalid value: …"],
    ),
    (
        "a selector of others",
        {"selector": {"matchLabels": {"app": "x"}}},
        ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
    ),
    (
        "no labels",
        {"template": {"metadata": None}},
        ["spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"],
    ),
    ("fewer than no replicas", {"replicas": -1}, [f"spec.replicas: Invalid value: -1: {NOT_NEGATIVE}"]),
    ("less than no time", {"minReadySeconds": -1}, [f"spec.minReadySeconds: Invalid value: -1: {NOT_NEGATIVE}"]),
    ("ordinals before zero", {"ordinals": {"start": -1}}, [f"spec.ordinals.start: Invalid value: -1: {NOT_NEGATIVE}"]),
    (
        "an unknown management",
        {"podManagementPolicy": "x"},
        ["spec.podManagementPolicy: Invalid value: \"x\": must be 'OrderedReady' or 'Parallel'"],
    ),
    (
        "an unknown strategy",
        {"updateStrategy": {"type": "x"}},
        ["spec.updateStrategy: Invalid value: …"],
    ),
    (
        "a strategy with the other's settings",
        {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
        ["spec.updateStrategy.rollingUpdate: Invalid value: …"],
    ),
    (
        "a partition below zero",
        {"updateStrategy": {"rollingUpdate": {"partition": -1}}},
        [f"spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: {NOT_NEGATIVE}"],
    ),
    (
        "an unknown retention",
        {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "x"}},
        [
            (
                'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "x": '
                'supported values: "Retain", "Delete"'
            )
        ],
    ),
    (
        "pods that end",
        {"template": {"spec": {"restartPolicy": "Never"}}},
        ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ),
    (
        "pods with a deadline",
        {"template": {"spec": {"activeDeadlineSeconds": 5}}},
        ["spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported"],
    ),
    (
        "containers for a look inside",
        {"template": {"spec": {"ephemeralContainers": [{"name": "x", "image": "x"}]}}},
        ["spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"],
    ),
    ("no containers", {"template": {"spec": {"containers": []}}}, ["spec.template.spec.containers: Required value"]),
    (
        "a container without anything",
        {"template": {"spec": {"containers": [{}]}}},
        [
            "spec.template.spec.containers[0].name: Required value",
            "spec.template.spec.containers[0].image: Required value",
        ],
    ),
    (
        "a mount of nothing",
        {
            "template": {
                "spec": {
                    "containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]
                }
            }
        },
        ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    ),
    (
        "an unknown operator",
        {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "a", "operator": "x"}]}},
        [
            'spec.selector.matchExpressions[0].operator: Invalid value: "x": not a valid selector operator',
            (
                'spec.selector: Invalid value: {"matchLabels":{"app":"web"},'
                '"matchExpressions":[{"key":"a","operator":"x"}]}'
            ),
        ],
    ),
]


@pytest.mark.parametrize(("change", "causes"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_a_set_is_refused(there: Api, change: Tree, causes: list[str]) -> None:
    body = merged(stateful_set(), {"metadata": {"name": "other"}, "spec": change})
    refused(await there.post("statefulsets", body, TRY), 422, "Invalid", causes=causes)


MUTABLE = (
    "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
    "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'"
)


@pytest.mark.parametrize(
    "change",
    [
        {"serviceName": "other"},
        {"podManagementPolicy": "Parallel"},
        {"selector": {"matchLabels": {"app": "web", "b": "c"}}, "template": {"metadata": {"labels": {"b": "c"}}}},
        {
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                }
            ]
        },
    ],
    ids=lambda change: next(iter(change)),
)
async def test_most_of_a_set_is_fixed(there: Api, change: Tree) -> None:
    causes = [f"spec: Forbidden: updates to statefulset spec for fields other than {MUTABLE} are forbidden"]
    refused(await there.patch("statefulsets/web", {"spec": change}, MERGE, TRY), 422, "Invalid", causes=causes)


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 0},
        {"minReadySeconds": 5},
        {"ordinals": {"start": 3}},
        {"revisionHistoryLimit": 3},
        {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}},
        {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}},
        {"template": {"spec": {"terminationGracePeriodSeconds": 5}}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_the_rest_may_change(there: Api, change: Tree) -> None:
    (await there.patch("statefulsets/web", {"spec": change}, MERGE, TRY)).done()


@pytest.mark.parametrize(
    ("change", "causes"),
    [
        ({"replicas": -1}, [f"status.replicas: Invalid value: -1: {NOT_NEGATIVE}", "status.availableReplicas: …"]),
        ({"readyReplicas": 5}, ["status.readyReplicas: Invalid value: 5: cannot be greater than status.replicas"]),
        ({"updatedReplicas": 5}, ["status.updatedReplicas: Invalid value: 5: cannot be greater than status.replicas"]),
    ],
)
async def test_a_status_is_refused(there: Api, change: Tree, causes: list[str]) -> None:
    reply = await there.patch("statefulsets/web/status", {"status": change}, MERGE, TRY)
    refused(reply, 422, "Invalid")
    assert causes[0] in reply.causes


async def test_collisions_are_not_forgotten(api: Api) -> None:
    (await api.post("statefulsets", merged(stateful_set(), {"spec": {"replicas": 0}}))).done(201)
    (await api.patch("statefulsets/web/status", {"status": {"collisionCount": 3}})).done()
    for count in (None, 2):
        reply = await api.patch("statefulsets/web/status", {"status": {"collisionCount": count}}, MERGE, TRY)
        causes = [f"status.collisionCount: Invalid value: {count or 0}: cannot be decremented"]
        refused(reply, 422, "Invalid", causes=causes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"revisionHistoryLimit": -1},
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
        ),
        (
            {
                "template": {
                    "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "a"}, {"name": "a"}]}]}
                }
            },
            (
                'spec.template.spec.containers[0].env[1]: hides previous definition of "a", '
                "which may be dropped when using apply"
            ),
        ),
        (
            {"template": {"spec": {"terminationGracePeriodSeconds": -1}}},
            (
                "spec.template.spec.terminationGracePeriodSeconds: "
                "must be >= 0; negative values are invalid and will be treated as 1"
            ),
        ),
    ],
    ids=["endless history", "a variable twice", "less than no grace"],
)
async def test_what_is_hardly_meant_is_told(there: Api, change: Tree, told: str) -> None:
    body = merged(stateful_set(), {"metadata": {"name": "other"}, "spec": change})
    reply = await there.post("statefulsets", body, TRY)
    assert (reply.status, reply.warnings) == (201, (told,))


# --- scale ------------------------------------------------------------------------------------------------------------


async def test_a_scale_shows_the_replicas(api: Api) -> None:
    made = (await api.post("statefulsets", stateful_set())).done(201)["metadata"]
    scale = (await api.get("statefulsets/web/scale")).done()
    assert scale.pop("metadata").keys() == {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}
    assert scale == {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "spec": {},
        "status": {"replicas": 0, "selector": "app=web"},
    }
    assert made["name"] == "web"


@pytest.mark.parametrize(
    ("type_", "patch"),
    [(MERGE, {"spec": {"replicas": 2}}), (STRATEGIC, {"spec": {"replicas": 2}})],
)
async def test_a_scale_is_patched(there: Api, type_: str, patch: Any) -> None:
    assert (await there.patch("statefulsets/web/scale", patch, type_, TRY)).done()["spec"] == {"replicas": 2}


def scale(**changes: Any) -> Tree:
    head = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 2}}
    return {**head, **changes}


@pytest.mark.parametrize(
    ("body", "status", "reason", "message"),
    [
        (
            scale(spec={"replicas": -2}),
            422,
            "Invalid",
            f'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -2: {NOT_NEGATIVE}',
        ),
        (
            scale(metadata={"name": "x"}),
            400,
            "BadRequest",
            "the name of the object (x) does not match the name on the URL (web)",
        ),
        (
            scale(metadata={}),
            400,
            "BadRequest",
            "the name of the object (web based on URL) was undeterminable: name must be provided",
        ),
        (
            scale(metadata={"name": "web", "resourceVersion": "1"}),
            409,
            "Conflict",
            'Operation cannot be fulfilled on statefulsets.apps "web": the object has been modified; …',
        ),
        (
            scale(metadata={"name": "web", "uid": "x"}),
            409,
            "Conflict",
            'Operation cannot be fulfilled on statefulsets.apps "web": StorageError: invalid object, …',
        ),
        (
            scale(apiVersion="apps/v1", kind="StatefulSet"),
            400,
            "BadRequest",
            (
                'StatefulSet in version "v1" cannot be handled as a Scale: '
                "converting (v1.StatefulSet) to (autoscaling.Scale): unknown conversion"
            ),
        ),
    ],
    ids=["fewer than none", "another name", "no name", "an old revision", "another object", "another kind"],
)
async def test_a_scale_is_refused(there: Api, body: Tree, status: int, reason: str, message: str) -> None:
    refused(await there.put("statefulsets/web/scale", body, TRY), status, reason, message)


async def test_a_scale_changes_only_the_replicas(api: Api) -> None:
    made = (await api.post("statefulsets", stateful_set(replicas=0, ordinals={"start": 1}))).done(201)
    body = scale(spec={"replicas": 0}, metadata={"name": "web", "labels": {"a": "b"}})
    assert (await api.put("statefulsets/web/scale", body)).done()["kind"] == "Scale"
    after = (await api.get("statefulsets/web")).done()
    assert (after["spec"], after["metadata"]["generation"]) == (made["spec"], 1)
    assert "labels" not in after["metadata"]
