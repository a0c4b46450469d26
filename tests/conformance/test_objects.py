"""What every object has: names, owners, generations, and the ways in which it ends."""

import re
from typing import Any

import pytest

from tests.conformance.api import APPLY, MERGE, PATCH, TRY, Api, Tree, config_map, merged, pod, refused, stateful_set

SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must…"
NAME_PART = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an…"
LABEL = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start…"

REFUSED: list[tuple[str, Tree, list[str]]] = [
    ("no name", {"name": None}, ["metadata.name: Required value: name or generateName is required"]),
    ("a name with capitals", {"name": "A"}, [f'metadata.name: Invalid value: "A": {SUBDOMAIN}']),
    ("a dot for a name", {"name": "."}, ['metadata.name: Invalid value: ".": …']),
    ("a slash in a name", {"name": "a/b"}, ['metadata.name: Invalid value: "a/b": …']),
    (
        "a long name",
        {"name": "a" * 254},
        [f'metadata.name: Invalid value: "{"a" * 254}": must be no more than 253 characters'],
    ),
    ("a label's key", {"labels": {"a b": "c"}}, [f'metadata.labels: Invalid value: "a b": {NAME_PART}']),
    ("a label's value", {"labels": {"a": "b c"}}, [f'metadata.labels: Invalid value: "b c": {LABEL}']),
    (
        "an annotation's key",
        {"annotations": {"a b": "c"}},
        [f'metadata.annotations: Invalid value: "a b": {NAME_PART}'],
    ),
    (
        "long annotations",
        {"annotations": {"a": "x" * 262145}},
        ["metadata.annotations: Too long: may not be more than 262144 bytes"],
    ),
    (
        "a finalizer of nobody",
        {"finalizers": ["x"]},
        [
            (
                'metadata.finalizers[0]: Invalid value: "x": '
                "name is neither a standard finalizer name nor is it fully qualified"
            )
        ],
    ),
    (
        "an owner without anything",
        {"ownerReferences": [{"apiVersion": "", "kind": "", "name": "", "uid": ""}]},
        [
            'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
            'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
            'metadata.ownerReferences.name: Invalid value: "": must not be empty',
            'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
        ],
    ),
    *(
        (
            f"an owner of the version {version}",
            {"ownerReferences": [{"apiVersion": version, "kind": "K", "name": "n", "uid": "u"}]},
            [f'metadata.ownerReferences.apiVersion: Invalid value: "{version}": version must not be empty'],
        )
        for version in ("/", "a/", "a/b/c")
    ),
    (
        "two controllers",
        {
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": name, "controller": True} for name in "ab"
            ]
        },
        [
            (
                'metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"a","uid":"a",'
                '"controller":true},{"apiVersion":"v1","kind":"Pod","name":"b","uid":"b","controller":true}]: '
                'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b'
            )
        ],
    ),
    (
        "a beginning of a name",
        {"generateName": "a.Bc-"},
        [f'metadata.generateName: Invalid value: "a.Bc-": {SUBDOMAIN}'],
    ),
    (
        "an event as owner",
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "u"}]},
        ["metadata.ownerReferences: Invalid value: …"],
    ),
]


@pytest.mark.parametrize(("metadata", "causes"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_metadata_is_refused(api: Api, metadata: Tree, causes: list[str]) -> None:
    reply = await api.post("configmaps", merged(config_map(), {"metadata": metadata}))
    causes = [cause for cause in causes if not cause.startswith("metadata.name: Required") or "name" in metadata]
    assert (reply.status, reply.reason) == (422, "Invalid")
    assert len(reply.causes) >= len(causes)
    for wanted in causes:
        start = wanted.removesuffix("…")
        assert any(found.startswith(start) if wanted.endswith("…") else found == wanted for found in reply.causes), (
            reply.causes
        )


async def test_what_the_server_sets_is_not_the_clients(api: Api) -> None:
    given = {
        "uid": "x",
        "creationTimestamp": "2020-01-01T00:00:00Z",
        "deletionTimestamp": "2020-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 5,
        "selfLink": "x",
    }
    made = (await api.post("configmaps", merged(config_map(), {"metadata": given}))).done(201)["metadata"]
    assert made["uid"] != "x"
    assert not made["creationTimestamp"].startswith("2020")
    assert {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"}.isdisjoint(made)


async def test_a_name_is_made_up_on_demand(api: Api) -> None:
    names = set()
    for _ in range(3):
        body = merged(config_map(), {"metadata": {"name": None, "generateName": "made-up-"}})
        metadata = (await api.post("configmaps", body)).done(201)["metadata"]
        assert re.fullmatch(r"made-up-[bcdfghjklmnpqrstvwxz2456789]{5}", metadata["name"])
        assert metadata["generateName"] == "made-up-"
        names.add(metadata["name"])
    assert len(names) == 3


async def test_the_generation_counts_changes_of_the_spec(api: Api) -> None:
    async def generation(change: Tree, place: str = "statefulsets/web") -> int:
        return int((await api.patch(place, change)).done()["metadata"]["generation"])

    assert (await api.post("statefulsets", stateful_set())).done(201)["metadata"]["generation"] == 1
    assert await generation({"metadata": {"labels": {"a": "1"}}}) == 1
    assert await generation({"spec": {"replicas": 0}}) == 1
    assert await generation({"spec": {"minReadySeconds": 5}}) == 2
    assert await generation({"status": {"collisionCount": 1}}, "statefulsets/web/status") == 2
    assert "generation" not in (await api.post("configmaps", config_map())).done(201)["metadata"]


async def test_an_update_without_revision_is_unconditional(api: Api) -> None:
    (await api.post("configmaps", config_map(a="1"))).done(201)
    changed = (await api.put("configmaps/c", config_map(a="2"))).done()
    assert changed["data"] == {"a": "2"}
    refused(await api.put("configmaps/c", merged(changed, {"metadata": {"resourceVersion": "1"}})), 409, "Conflict")
    again = (await api.put("configmaps/c", merged(changed, {"data": {"a": "3"}}))).done()
    assert int(again["metadata"]["resourceVersion"]) > int(changed["metadata"]["resourceVersion"])


async def test_an_update_that_changes_nothing_writes_nothing(api: Api) -> None:
    made = (await api.post("configmaps", config_map(a="1"))).done(201)
    assert (await api.put("configmaps/c", made)).done() == made


async def test_a_deletion_answers_with_a_status(api: Api) -> None:
    made = (await api.post("configmaps", config_map())).done(201)
    answer = (await api.delete("configmaps/c")).done()
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "c", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    refused(await api.delete("configmaps/c"), 404, "NotFound", 'configmaps "c" not found')


async def test_a_precondition_that_holds_lets_the_deletion_through(api: Api) -> None:
    made = (await api.post("configmaps", config_map())).done(201)["metadata"]
    wanted = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
    (await api.delete("configmaps/c", {"preconditions": wanted})).done()


async def test_a_finalizer_keeps_an_object(api: Api) -> None:
    body = merged(config_map(), {"metadata": {"finalizers": ["example.com/a"]}})
    (await api.post("configmaps", body)).done(201)
    going = (await api.delete("configmaps/c")).done()
    assert going["kind"] == "ConfigMap"
    kept = (await api.get("configmaps/c")).done()["metadata"]
    assert (kept["finalizers"], kept["deletionGracePeriodSeconds"]) == (["example.com/a"], 0)
    assert kept["deletionTimestamp"].endswith("Z")
    reply = await api.patch("configmaps/c", {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}})
    refused(
        reply,
        422,
        "Invalid",
        causes=[
            (
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
                'found new finalizers []string{"example.com/b"}'
            )
        ],
    )
    refused(await api.post("configmaps", config_map()), 409, "AlreadyExists")
    (await api.patch("configmaps/c", {"metadata": {"finalizers": None}})).done()
    refused(await api.get("configmaps/c"), 404, "NotFound")


@pytest.mark.parametrize(
    ("options", "finalizers"),
    [
        ({"propagationPolicy": "Foreground"}, ["example.com/a", "foregroundDeletion"]),
        ({"propagationPolicy": "Orphan"}, ["example.com/a", "orphan"]),
        ({"propagationPolicy": "Background"}, ["example.com/a"]),
        ({"orphanDependents": True}, ["example.com/a", "orphan"]),
        ({}, ["example.com/a"]),
    ],
)
async def test_the_propagation_is_a_finalizer(api: Api, options: Tree, finalizers: list[str]) -> None:
    body = merged(config_map(), {"metadata": {"finalizers": ["example.com/a"]}})
    (await api.post("configmaps", body)).done(201)
    going = (await api.ask("DELETE", "configmaps/c", {"kind": "DeleteOptions", "apiVersion": "v1", **options})).tree
    assert going["metadata"]["finalizers"] == finalizers
    (await api.patch("configmaps/c", {"metadata": {"finalizers": None}})).done()


async def test_a_pod_on_no_node_ends_at_once(api: Api) -> None:
    (await api.post("pods", pod())).done(201)
    gone = (await api.delete("pods/p")).done()
    assert (gone["kind"], gone["metadata"]["name"]) == ("Pod", "p")
    refused(await api.get("pods/p"), 404, "NotFound")


async def test_a_pod_on_a_node_has_time_to_end(api: Api) -> None:
    (await api.post("pods", pod(nodeName="nowhere", terminationGracePeriodSeconds=20))).done(201)
    (await api.delete("pods/p")).done()
    going = (await api.get("pods/p")).done()["metadata"]
    assert going["deletionGracePeriodSeconds"] == 20
    (await api.delete("pods/p", {"gracePeriodSeconds": 5})).done()
    assert (await api.get("pods/p")).done()["metadata"]["deletionGracePeriodSeconds"] == 5
    (await api.delete("pods/p", query="gracePeriodSeconds=50")).done()
    assert (await api.get("pods/p")).done()["metadata"]["deletionGracePeriodSeconds"] == 5
    (await api.delete("pods/p", {"gracePeriodSeconds": 0})).done()
    refused(await api.get("pods/p"), 404, "NotFound")


async def test_what_admission_fills_in_is_nobodys(api: Api) -> None:
    made = (await api.post("pods", pod())).done(201)
    fields = made["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
    assert "tolerations" in made["spec"]
    assert {"f:tolerations", "f:serviceAccountName", "f:priority"}.isdisjoint(fields)
    assert {"f:containers", "f:dnsPolicy", "f:enableServiceLinks", "f:restartPolicy"} <= set(fields)
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}
    made = (await api.post("services", service)).done(201)
    fields = made["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
    assert set(fields) == {"f:internalTrafficPolicy", "f:ports", "f:selector", "f:sessionAffinity", "f:type"}


async def test_status_updates_are_tracked_by_themselves(api: Api) -> None:
    (await api.post("pods", pod())).done(201)
    changed = (await api.patch("pods/p/status", {"status": {"message": "m"}}, MERGE, "fieldManager=m")).done()
    entry = next(entry for entry in changed["metadata"]["managedFields"] if entry["manager"] == "m")
    assert (entry["subresource"], entry["operation"]) == ("status", "Update")
    assert entry["fieldsV1"] == {"f:status": {"f:message": {}}}


@pytest.mark.parametrize(
    ("body", "type_", "kept"),
    [
        ({"metadata": {"managedFields": None}}, MERGE, True),
        ([{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}], PATCH, False),
    ],
    ids=["forgotten by a client they stay", "an empty entry resets them"],
)
async def test_managed_fields(api: Api, body: Any, type_: str, kept: bool) -> None:
    made = (await api.post("configmaps", config_map(a="1"))).done(201)
    changed = (await api.patch("configmaps/c", body, type_)).done()
    assert changed["metadata"].get("managedFields") == (made["metadata"]["managedFields"] if kept else None)


async def test_a_namespace_that_goes_takes_nothing_in(api: Api) -> None:
    name = f"{api.namespace}-b"
    body = {"metadata": {"name": name}, "spec": {"finalizers": ["kubernetes", "example.com/a"]}}
    (await api.post("namespaces", body)).done(201)
    going = (await api.delete(f"namespaces/{name}")).tree
    assert going["status"]["phase"] == "Terminating"
    try:
        reply = await api.post(f"/api/v1/namespaces/{name}/configmaps", config_map())
        why = f"unable to create new content in namespace {name} because it is being terminated"
        refused(reply, 403, "Forbidden", f'configmaps "c" is forbidden: {why}')
        assert reply.tree["details"]["causes"] == [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {name} is being terminated",
                "field": "metadata.namespace",
            }
        ]
    finally:
        there = (await api.get(f"namespaces/{name}")).done()
        freed = merged(there, {"spec": {"finalizers": ["kubernetes"]}, "metadata": {"resourceVersion": None}})
        (await api.put(f"namespaces/{name}/finalize", freed)).done()


async def test_a_namespace_has_its_name_as_a_label(api: Api) -> None:
    made = (await api.get(f"namespaces/{api.namespace}")).done()
    assert made["metadata"]["labels"]["kubernetes.io/metadata.name"] == api.namespace
    assert made["spec"]["finalizers"] == ["kubernetes"]
    assert made["status"]["phase"] == "Active"


async def test_yaml_is_a_body_too(api: Api) -> None:
    text = "metadata:\n  name: c\ndata:\n  a: '1'\n"
    assert (await api.ask("POST", "configmaps", text, type_="application/yaml")).done(201)["data"] == {"a": "1"}
    reply = await api.ask("PATCH", "configmaps/c", "data: {a: '2'}", type_=APPLY, query="fieldManager=m")
    refused(reply, 400, "BadRequest", "invalid object type: /, Kind=")


async def test_a_deletion_of_nothing_has_options_that_make_sense(there: Api) -> None:
    reply = await there.delete("configmaps", query="labelSelector=no%3Dbody&dryRun=x")
    refused(reply, 422, "Invalid", 'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["x"]: …')
    (await there.delete("configmaps", {"dryRun": ["All", "All"]}, "labelSelector=no%3Dbody")).done()


async def test_a_namespace_goes_without_grace(api: Api) -> None:
    gone = (await api.delete(f"namespaces/{api.namespace}", query=TRY)).done()
    assert "deletionTimestamp" in gone["metadata"]
    assert "deletionGracePeriodSeconds" not in gone["metadata"]


async def test_a_made_up_name_may_only_become_what_one_begins_with(api: Api) -> None:
    (await api.post("configmaps", config_map())).done(201)
    reply = await api.patch("configmaps/c", {"metadata": {"generateName": "A!"}})
    refused(reply, 422, "Invalid", causes=[f'metadata.generateName: Invalid value: "A!": {SUBDOMAIN}'])
