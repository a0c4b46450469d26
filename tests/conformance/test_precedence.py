"""Requests that are wrong in more than one way: what they are told first. Preconditions come before all that."""

from typing import Any

import pytest

from tests.conformance.api import APPLY, MERGE, TRY, Api, Tree, pod, refused
from tests.conformance.cases import Case, Request, named
from tests.conformance.objects import SUBDOMAIN

ABSENT = "/api/v1/namespaces/absent"
GONE = 'namespaces "absent" not found'
WEB = {"apiVersion": "apps/v1", "kind": "StatefulSet"}
CLUSTER = "/api/v1/namespaces/{ns}"


def config_map(name: str = "c", **metadata: Any) -> Tree:
    return {"metadata": {"name": name, **metadata}}


CASES = [
    *(
        Case(f"{rule}, where there is no namespace", Request("POST", f"{ABSENT}/{plural}", body), 404, "NotFound", GONE)
        for rule, plural, body in (
            ("a name that is none", "configmaps", config_map("A B")),
            ("no name", "configmaps", {"metadata": {}}),
            ("a revision", "configmaps", config_map(resourceVersion="1")),
            ("a pod that is none", "pods", pod(restartPolicy="x")),
        )
    ),
    Case(
        "a name that is taken, of something that breaks a rule",
        Request("POST", "statefulsets", {"metadata": {"name": "web"}, "spec": {"selector": {}}}),
        422,
        "Invalid",
    ),
    Case(
        "a revision of something that breaks a rule",
        Request("POST", "configmaps", config_map("A B", resourceVersion="1")),
        422,
        "Invalid",
        f'ConfigMap "A B" is invalid: metadata.name: Invalid value: "A B": {SUBDOMAIN}',
    ),
    Case(
        "another uid without a name, applied",
        Request(
            "PATCH",
            "statefulsets/none",
            {**WEB, "metadata": {"uid": "1"}},
            "fieldManager=a",
            type_=APPLY,
        ),
        409,
        "Conflict",
        (
            'Operation cannot be fulfilled on statefulsets.apps "none": '
            "uid mismatch: the provided object specified uid 1, and no existing object was found"
        ),
    ),
    Case(
        "an old revision of something that breaks a rule",
        Request(
            "PATCH", "statefulsets/web", {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": -1}}, type_=MERGE
        ),
        409,
        "Conflict",
        (
            'Operation cannot be fulfilled on statefulsets.apps "web": the object has been modified; '
            "please apply your changes to the latest version and try again"
        ),
    ),
    Case(
        "another namespace than it is",
        Request("DELETE", CLUSTER, {"preconditions": {"uid": "x"}}),
        409,
        "Conflict",
        'Operation cannot be fulfilled on namespaces "{ns}": Precondition failed: UID in precondition: x, UID in …',
    ),
    Case(
        "another state of a namespace",
        Request("DELETE", CLUSTER, {"preconditions": {"resourceVersion": "1"}}),
        409,
        "Conflict",
        (
            'Operation cannot be fulfilled on namespaces "{ns}": Precondition failed: ResourceVersion in precondition: '
            "1, ResourceVersion in object meta: …"
        ),
    ),
    Case(
        "a field manager that cannot be read",
        Request("POST", "configmaps", config_map(), "fieldManager=%01"),
        422,
        "Invalid",
        (
            'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "\\x01": '
            "invalid character U+0001 (at position 0)"
        ),
    ),
]


@pytest.mark.parametrize("case", named(CASES))
async def test_what_is_told_first(there: Api, case: Case) -> None:
    request = case.request
    query = "&".join(filter(None, (TRY, request.query)))
    reply = await there.ask(request.method, request.place, request.body, type_=request.type_, query=query)
    refused(reply, case.status, case.reason, case.message.replace("{ns}", there.namespace))


async def test_a_dry_run_of_what_was_stored_elsewhere_is_none_of_its_storage(there: Api) -> None:
    (await there.post("configmaps", config_map(resourceVersion="5"), TRY)).done(201)


@pytest.mark.parametrize("version", ["", "0"])
async def test_a_revision_of_nothing_is_no_precondition(api: Api, version: str) -> None:
    made = (await api.post("configmaps", config_map(resourceVersion=version))).done(201)
    assert made["metadata"]["resourceVersion"] not in {"", "0"}
    (await api.put("configmaps/c", config_map(resourceVersion=version) | {"data": {"a": "1"}})).done()
    changed = await api.patch("configmaps/c", config_map(resourceVersion=version) | {"data": {"a": "2"}})
    assert changed.done()["data"] == {"a": "2"}


async def test_what_cannot_be_created_is_named_as_its_name_would_begin(api: Api) -> None:
    finalizers = {"metadata": {"name": f"{api.namespace}-end", "finalizers": ["example.com/stay"]}}
    (await api.post("namespaces", finalizers)).done(201)
    (await api.delete(f"namespaces/{api.namespace}-end")).done()
    body = {"metadata": {"generateName": "some-"}}
    reply = await api.post(f"/api/v1/namespaces/{api.namespace}-end/configmaps", body)
    refused(reply, 403, "Forbidden", 'configmaps "some-" is forbidden: unable to create new content in namespace …')
    (await api.patch(f"namespaces/{api.namespace}-end", {"metadata": {"finalizers": None}})).done()


# --- bindings ---------------------------------------------------------------------------------------------------------

STORED = (
    'Operation cannot be fulfilled on pods "p": StorageError: invalid object, Code: 4, Key: /registry/pods/{ns}/p, '
    "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
)


@pytest.mark.parametrize(
    ("metadata", "status", "message"),
    [
        ({"name": "other"}, 400, "name in URL does not match name in Binding object"),
        ({}, 400, "name in URL does not match name in Binding object"),
        (
            {"name": "p", "namespace": "other"},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        ({"name": "p", "uid": "x"}, 409, f"{STORED}UID in precondition: x, UID in object meta: …"),
        (
            {"name": "p", "resourceVersion": "1"},
            409,
            f"{STORED}ResourceVersion in precondition: 1, ResourceVersion in object meta: …",
        ),
    ],
    ids=["another pod", "no pod", "another namespace", "another uid", "another state"],
)
async def test_a_binding_means_one_pod(api: Api, metadata: Tree, status: int, message: str) -> None:
    (await api.post("pods", pod())).done(201)
    reply = await api.post("pods/p/binding", binding_of(metadata))
    reason = "BadRequest" if status == 400 else "Conflict"
    refused(reply, status, reason, message.replace("{ns}", api.namespace))


async def test_a_binding_by_itself_means_the_pod_of_its_name(api: Api) -> None:
    (await api.post("pods", pod())).done(201)
    bindings = f"{CLUSTER}/bindings"
    for metadata, status, reason, message in (
        ({}, 400, "BadRequest", "Name parameter required."),
        ({"name": "other"}, 404, "NotFound", 'pods "other" not found'),
    ):
        refused(await api.post(bindings, binding_of(metadata)), status, reason, message)
    (await api.post(bindings, binding_of({"name": "p"}))).done(201)
    assert (await api.get("pods/p")).done()["spec"]["nodeName"] == "n"
    refused(await api.get(bindings), 405, "MethodNotAllowed")


def binding_of(metadata: Tree) -> Tree:
    return {"metadata": metadata, "target": {"kind": "Node", "name": "n"}}
