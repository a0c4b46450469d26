"""Server-side apply: who owns what, and what becomes of it."""

import json
from typing import Any

import pytest

from tests.conformance.api import MERGE, PATCH, Api, Tree, config_map, merged, refused, stateful_set

NOTE = "kubectl.kubernetes.io/last-applied-configuration"


def owners(tree: Tree) -> dict[str, Any]:
    """The fields by their owners; a subresource is part of the name."""
    entries = tree["metadata"].get("managedFields", [])
    return {
        "/".join(filter(None, (f"{entry['manager']}:{entry['operation']}", entry.get("subresource")))): entry[
            "fieldsV1"
        ]
        for entry in entries
    }


def data(*keys: str) -> Tree:
    return {"f:data": {f"f:{key}": {} for key in keys}}


def config(**values: str) -> Tree:
    return {**config_map(), **({"data": values} if values else {})}


async def test_it_creates_and_owns_what_it_names(api: Api) -> None:
    made = (await api.apply("configmaps/c", config(a="1", b="2"), "one")).done(201)
    assert (made["data"], owners(made)) == ({"a": "1", "b": "2"}, {"one:Apply": data("a", "b")})
    entry = made["metadata"]["managedFields"][0]
    assert (entry["apiVersion"], entry["fieldsType"]) == ("v1", "FieldsV1")
    assert entry["time"].endswith("Z")


async def test_the_fields_are_told_in_one_order(api: Api) -> None:
    made = (await api.apply("configmaps/c", config(b="2", a="1"), "one")).done(201)
    assert json.dumps(owners(made)) == json.dumps({"one:Apply": data("a", "b")})


async def test_again_changes_nothing(api: Api) -> None:
    made = (await api.apply("configmaps/c", config(a="1"), "one")).done(201)
    assert (await api.apply("configmaps/c", config(a="1"), "one")).done() == made


async def test_what_is_no_longer_applied_goes(api: Api) -> None:
    await api.apply("configmaps/c", config(a="1", b="2"), "one")
    left = (await api.apply("configmaps/c", config(b="2"), "one")).done()
    assert (left["data"], owners(left)) == ({"b": "2"}, {"one:Apply": data("b")})


async def test_what_another_applies_too_stays(api: Api) -> None:
    await api.apply("configmaps/c", config(a="1", b="2"), "one")
    shared = (await api.apply("configmaps/c", config(a="1"), "two")).done()
    assert owners(shared) == {"one:Apply": data("a", "b"), "two:Apply": data("a")}
    assert [entry.get("time") is None for entry in shared["metadata"]["managedFields"]] == [True, False]
    left = (await api.apply("configmaps/c", config(b="2"), "one")).done()
    assert (left["data"], owners(left)) == ({"a": "1", "b": "2"}, {"one:Apply": data("b"), "two:Apply": data("a")})


async def test_another_value_is_a_conflict(api: Api) -> None:
    await api.apply("configmaps/c", config(a="1", b="2"), "one")
    reply = await api.apply("configmaps/c", config(a="2"), "two")
    refused(reply, 409, "Conflict", 'Apply failed with 1 conflict: conflict with "one": .data.a')
    assert reply.tree["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
    ]
    reply = await api.apply("configmaps/c", config(a="2", b="3"), "two")
    lines = ['Apply failed with 2 conflicts: conflicts with "one":', "- .data.a", "- .data.b"]
    refused(reply, 409, "Conflict", "\n".join(lines))


async def test_force_takes_what_is_in_conflict(api: Api) -> None:
    await api.apply("configmaps/c", config(a="1", b="2"), "one")
    taken = (await api.apply("configmaps/c", config(a="2"), "two", "force=true")).done()
    assert taken["data"] == {"a": "2", "b": "2"}
    assert owners(taken) == {"one:Apply": data("b"), "two:Apply": data("a")}


async def test_an_update_takes_what_it_changes(api: Api) -> None:
    await api.apply("configmaps/c", config(a="1", b="2"), "one")
    changed = (await api.patch("configmaps/c", {"data": {"a": "2"}}, MERGE, "fieldManager=editor")).done()
    assert owners(changed) == {"one:Apply": data("b"), "editor:Update": data("a")}
    reply = await api.apply("configmaps/c", config(a="1", b="2"), "one")
    refused(reply, 409, "Conflict", 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.a')


async def test_an_update_is_by_the_name_of_its_client(api: Api) -> None:
    made = (await api.post("configmaps", config(a="1"))).done(201)
    assert owners(made) == {"conformance:Update": {"f:data": {".": {}, "f:a": {}}}}


async def test_items_have_owners_of_their_own(api: Api) -> None:
    await api.apply("statefulsets/web", stateful_set(), "one")
    side = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}}
    item = {"name": "side", "image": "side:1"}
    added = (
        await api.apply(
            "statefulsets/web", merged(side, {"spec": {"template": {"spec": {"containers": [item]}}}}), "two"
        )
    ).done()
    assert [c["name"] for c in added["spec"]["template"]["spec"]["containers"]] == ["nginx", "side"]
    assert owners(added)["two:Apply"] == {
        "f:spec": {
            "f:template": {"f:spec": {"f:containers": {'k:{"name":"side"}': {".": {}, "f:image": {}, "f:name": {}}}}}
        }
    }
    left = (await api.apply("statefulsets/web", side, "two")).done()
    assert [c["name"] for c in left["spec"]["template"]["spec"]["containers"]] == ["nginx"]
    assert "two:Apply" not in owners(left)


async def test_a_field_that_nobody_applies_goes_back_to_its_default(api: Api) -> None:
    await api.apply("statefulsets/web", stateful_set(minReadySeconds=5, revisionHistoryLimit=3), "one")
    left = (await api.apply("statefulsets/web", stateful_set(), "one")).done()
    assert "minReadySeconds" not in left["spec"]
    assert left["spec"]["revisionHistoryLimit"] == 10


async def test_atomic_lists_are_owned_as_a_whole(api: Api) -> None:
    def tolerating(key: str) -> Tree:
        tolerations = [{"key": key, "operator": "Exists"}]
        set_: Tree = merged(stateful_set(), {"spec": {"template": {"spec": {"tolerations": tolerations}}}})
        return set_

    await api.apply("statefulsets/web", tolerating("a"), "one")
    reply = await api.apply("statefulsets/web", tolerating("b"), "two")
    refused(reply, 409, "Conflict")
    assert [cause["field"] for cause in reply.tree["details"]["causes"]] == [".spec.template.spec.tolerations"]


async def test_a_null_says_nothing_and_is_owned(api: Api) -> None:
    await api.apply("configmaps/c", merged(config(a="1"), {"metadata": {"labels": {"x": "1"}}}), "one")
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "labels": None}}
    shared = (await api.apply("configmaps/c", document, "two")).done()
    assert shared["metadata"]["labels"] == {"x": "1"}
    assert owners(shared)["two:Apply"] == {"f:metadata": {"f:labels": {}}}


async def test_an_empty_list_of_items_is_not_owned(api: Api) -> None:
    """An empty map is, and a list that is owned as a whole."""
    spec: Tree = {"hostAliases": [], "tolerations": [], "imagePullSecrets": [], "nodeSelector": {}}
    body = merged(stateful_set(), {"spec": {"template": {"spec": {**spec, "dnsConfig": {"options": []}}}}})
    made = (await api.apply("statefulsets/web", body, "one")).done(201)
    owned = owners(made)["one:Apply"]["f:spec"]["f:template"]["f:spec"]
    assert set(owned) == {"f:containers", "f:tolerations", "f:nodeSelector", "f:dnsConfig"}


async def test_the_status_belongs_to_its_subresource(api: Api) -> None:
    await api.apply("statefulsets/web", merged(stateful_set(), {"status": {"replicas": 5}}), "one")
    head = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}}
    wanted = {**head, "spec": {"replicas": 7}, "status": {"replicas": 4}}
    applied = (await api.apply("statefulsets/web/status", wanted, "two")).done()
    assert (applied["spec"]["replicas"], applied["status"]["replicas"]) == (0, 4)
    assert owners(applied)["two:Apply/status"] == {"f:status": {"f:replicas": {}}}


async def test_a_scale_is_applied_to_the_replicas(api: Api) -> None:
    nowhere = {"spec": {"template": {"spec": {"schedulerName": "nobody"}}}}
    await api.apply("statefulsets/web", merged(stateful_set(replicas=1), nowhere), "one")
    assert (await api.apply("statefulsets/web/scale", scale(1), "two")).done()["kind"] == "Scale"
    found = owners((await api.get("statefulsets/web")).done())
    assert found["two:Apply/scale"] == {"f:spec": {"f:replicas": {}}}
    reply = await api.apply("statefulsets/web/scale", scale(2), "two")
    refused(reply, 409, "Conflict", 'Apply failed with 1 conflict: conflict with "one": .spec.replicas')


def scale(replicas: int) -> Tree:
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas},
    }


REPLICAS: Tree = {"f:spec": {"f:replicas": {}}}
MINE, BEFORE = {"one:Apply/scale": REPLICAS}, {"before-first-apply:Update/scale": REPLICAS}


@pytest.mark.parametrize(
    ("replicas", "wanted", "query", "owned"),
    [
        (0, 0, "", MINE),
        (0, 2, "", MINE),
        (3, 3, "", MINE | BEFORE),
        (3, 2, "force=true", MINE),
    ],
)
async def test_of_an_object_without_owners_a_scale_looks_at_the_replicas(
    api: Api, replicas: int, wanted: int, query: str, owned: Tree
) -> None:
    (await api.post("statefulsets", stateful_set(replicas=replicas))).done(201)
    (await api.patch("statefulsets/web", {"metadata": {"managedFields": [{}]}})).done()
    (await api.apply("statefulsets/web/scale", scale(wanted), "one", query)).done()
    found = (await api.get("statefulsets/web")).done()
    assert (found["spec"]["replicas"], owners(found)) == (wanted, owned)


@pytest.mark.parametrize("wanted", [0, 2])
async def test_a_conflict_about_replicas_is_one_of_the_scale(api: Api, wanted: int) -> None:
    (await api.post("statefulsets", stateful_set(replicas=3))).done(201)
    (await api.patch("statefulsets/web", {"metadata": {"managedFields": [{}]}})).done()
    reply = await api.apply("statefulsets/web/scale", scale(wanted), "one")
    who = '"before-first-apply" with subresource "scale" using autoscaling/v1'
    refused(reply, 409, "Conflict", f"Apply failed with 1 conflict: conflict with {who}: .spec.replicas")


@pytest.mark.parametrize("entries", [[{}], []])
async def test_what_was_made_before_any_apply_has_an_owner_then(api: Api, entries: list[Any]) -> None:
    (await api.post("configmaps", config(a="1"))).done(201)
    reset = [{"op": "replace", "path": "/metadata/managedFields", "value": entries}]
    bare = (await api.patch("configmaps/c", reset, PATCH)).done()
    assert owners(bare) == {}
    applied = (await api.apply("configmaps/c", config(a="1"), "one")).done()
    assert owners(applied) == {"one:Apply": data("a"), "before-first-apply:Update": {"f:data": {".": {}, "f:a": {}}}}


@pytest.mark.parametrize("entries", [[{}], []])
async def test_an_update_may_ask_that_nobody_owns_an_object(api: Api, entries: list[Any]) -> None:
    made = (await api.post("configmaps", config(a="1"))).done(201)
    assert owners(made)
    for change in (None, entries):
        told = merged(config(a="2"), {"metadata": {"managedFields": change}})
        assert bool(owners((await api.put("configmaps/c", told)).done())) is (change is None)


@pytest.mark.parametrize(
    ("made", "change"),
    [
        (config(a="1"), {"metadata": {"managedFields": [{}]}}),
        (config(a="1"), {"data": None}),
        (config(), {"metadata": {"labels": {"a": "b"}}}),
    ],
    ids=["cleared", "with nothing left", "that began with nothing"],
)
async def test_who_writes_an_object_without_owners_is_not_told(api: Api, made: Tree, change: Tree) -> None:
    (await api.post("configmaps", made)).done(201)
    assert owners((await api.patch("configmaps/c", change)).done()) == {}
    changed = (await api.patch("configmaps/c", {"data": {"b": "2"}})).done()
    assert owners((await api.put("configmaps/c", merged(changed, {"data": {"c": "3"}}))).done()) == {}
    applied = (await api.apply("configmaps/c", config(b="2"), "one")).done()
    assert owners(applied).keys() == {"one:Apply", "before-first-apply:Update"}
    again = (await api.patch("configmaps/c", {"data": {"d": "4"}})).done()
    assert owners(again)["conformance:Update"] == data("d")


async def test_clearing_twice_changes_nothing(api: Api) -> None:
    (await api.post("configmaps", config(a="1"))).done(201)
    clear: Tree = {"metadata": {"managedFields": [{}]}}
    assert (await api.patch("configmaps/c", clear)).done() == (await api.patch("configmaps/c", clear)).done()


async def test_who_applies_nothing_any_more_owns_nothing(api: Api) -> None:
    (await api.apply("configmaps/c", config(a="1"), "one")).done(201)
    left = (await api.apply("configmaps/c", config(), "one")).done()
    assert (owners(left), "data" in left) == ({}, False)


async def test_an_apply_by_the_client_is_taken_over(api: Api) -> None:
    """kubectl's note of what it applied stays true for those who go back."""
    first = config(a="1", b="2")
    noted = merged(first, {"metadata": {"annotations": {NOTE: json.dumps(first)}}})
    (await api.post("configmaps", noted, "fieldManager=kubectl-client-side-apply")).done(201)
    taken = (await api.apply("configmaps/c", config(a="1"), "kubectl")).done()
    assert taken["data"] == {"a": "1", "b": "2"}
    text = taken["metadata"]["annotations"][NOTE]
    assert text == '{"apiVersion":"v1","data":{"a":"1"},"kind":"ConfigMap","metadata":{"name":"c"}}\n'


async def test_what_the_client_applied_conflicts_with_nobody_else(api: Api) -> None:
    """kubectl goes over from its own apply to the server's; what others changed since is theirs."""
    first = config(a="1", b="2")
    noted = merged(first, {"metadata": {"annotations": {NOTE: json.dumps(first)}}})
    (await api.post("configmaps", noted, "fieldManager=kubectl-client-side-apply")).done(201)
    (await api.patch("configmaps/c", {"data": {"b": "3"}}, query="fieldManager=somebody")).done()
    refused(await api.apply("configmaps/c", config(a="9"), "another"), 409, "Conflict")
    told = await api.apply("configmaps/c", config(a="9", b="9"), "kubectl")
    message = 'Apply failed with 1 conflict: conflict with "somebody" using v1: .data.b'
    refused(told, 409, "Conflict", message, ['.data.b: conflict with "somebody" using v1'])
    assert (await api.apply("configmaps/c", config(a="9"), "kubectl")).done()["data"] == {"a": "9", "b": "3"}


@pytest.mark.parametrize("note", ["", "x", "[]", '{"apiVersion": "v2"}', '{"apiVersion": "v1", "data": []}'])
async def test_a_note_that_tells_nothing_is_no_help(api: Api, note: str) -> None:
    noted = merged(config(a="1"), {"metadata": {"annotations": {NOTE: note}}})
    (await api.post("configmaps", noted, "fieldManager=kubectl-client-side-apply")).done(201)
    refused(await api.apply("configmaps/c", config(a="9"), "kubectl"), 409, "Conflict")


@pytest.mark.parametrize("change", [{"metadata": {"uid": "x"}}])
async def test_a_certain_object_is_not_made(api: Api, change: Tree) -> None:
    refused(await api.apply("configmaps/c", merged(config(a="1"), change), "one"), 409, "Conflict")


async def test_it_may_come_as_yaml(api: Api) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: '1'\n"
    assert (await api.apply("configmaps/c", text, "one")).done(201)["data"] == {"a": "1"}


@pytest.mark.parametrize(
    "document",
    [
        merged(config_map(), {"frog": 1}),
        merged(config_map(), {"data": {"a": 1}}),
        merged(config_map(), {"data": []}),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": "x"},
    ],
    ids=["an unknown field", "a number for a word", "a list for a map", "a word for a map"],
)
async def test_what_is_not_of_the_kind_is_refused(api: Api, document: Tree) -> None:
    """Whatever the field validation; some servers call it an error of their own."""
    reply = await api.apply("configmaps/c", document, "one", "fieldValidation=Ignore")
    assert reply.status in {400, 422, 500}
    assert reply.message.startswith("failed to create typed patch object (/c; /v1, Kind=ConfigMap): ")


async def test_who_applies_nothing_to_a_field_owns_it(api: Api) -> None:
    (await api.post("configmaps", config(a="1"), "fieldManager=one")).done(201)
    applied = (await api.apply("configmaps/c", {**config_map(), "data": None}, "two")).done()
    assert applied["data"] == {"a": "1"}
    assert [entry["fieldsV1"] for entry in applied["metadata"]["managedFields"] if entry["manager"] == "two"] == [
        {"f:data": {}}
    ]


async def test_unknown_fields_of_a_scale_are_told(api: Api) -> None:
    (await api.post("statefulsets", stateful_set())).done(201)
    reply = await api.patch("statefulsets/web/scale", {"spec": {"frog": 1}})
    assert (reply.status, reply.warnings) == (200, ('unknown field "spec.frog"',))


async def test_of_entries_that_get_one_name_the_last_counts(api: Api) -> None:
    await api.apply("configmaps/c", config(a="1"), "one")
    made = (await api.apply("configmaps/c", config(b="2"), "two")).done()
    for entry in made["metadata"]["managedFields"]:
        entry["manager"] = "three"
    assert owners((await api.ask("PUT", "configmaps/c", made)).done()) == {"three:Apply": data("b")}


async def test_a_subresource_does_not_change_who_owns_what(api: Api) -> None:
    made = (await api.apply("statefulsets/web", stateful_set(replicas=0), "one")).done(201)
    made["metadata"]["managedFields"][0]["manager"] = "two"
    del made["metadata"]["resourceVersion"]  # which a controller may have changed already
    made["status"] = {"replicas": 0, "observedGeneration": 7}
    kept = (await api.ask("PUT", "statefulsets/web/status", made, query="dryRun=All")).done()
    assert "one:Apply" in owners(kept)
    assert "two:Apply" not in owners(kept)
