"""Who owns which fields after writes that are no apply."""

import copy
from typing import Any

import pytest

from petset.api import types
from petset.api.patch.managed_fields import Writer, track_update
from petset.api.schema import schema_of

POD = schema_of(types.Pod)
EARLY, LATE = "2026-11-23T05:12:00Z", "2026-11-23T05:13:00Z"
KUBECTL = Writer("kubectl", "v1", EARLY)
KUBELET = Writer("kubelet", "v1", LATE, "status")


def pod(**parts: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "uid": "1"}, "spec": {}}
    return {**tree, **parts}


def fields_of(entries: list[Any], manager: str) -> Any:
    return next((entry["fieldsV1"] for entry in entries if entry["manager"] == manager), None)


@pytest.mark.parametrize(
    ("tree", "fields"),
    [
        pytest.param(pod(), None, id="what tells the object's identity is nobody's"),
        pytest.param(pod(spec={"hostname": "a"}), {"f:spec": {"f:hostname": {}}}, id="scalars"),
        pytest.param(
            pod(metadata={"name": "web-0", "labels": {"app": "x"}, "finalizers": ["a/b"]}),
            {"f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {".": {}, 'v:"a/b"': {}}}},
            id="maps and sets",
        ),
        pytest.param(
            pod(metadata={"ownerReferences": [{"uid": "1", "name": "x"}]}),
            {"f:metadata": {"f:ownerReferences": {".": {}, 'k:{"uid":"1"}': {}}}},
            id="items that are atomic",
        ),
        pytest.param(
            pod(spec={"containers": [{"name": "a", "ports": [{"containerPort": 80}], "resources": {}}]}),
            {
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"a"}': {
                            ".": {},
                            "f:name": {},
                            "f:resources": {},
                            "f:ports": {
                                ".": {},
                                'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}},
                            },
                        }
                    }
                }
            },
            id="items by keys, some of them defaulted",
        ),
        pytest.param(
            pod(spec={"nodeSelector": {"a": "b"}, "tolerations": [{"key": "x"}]}),
            {"f:spec": {"f:nodeSelector": {}, "f:tolerations": {}}},
            id="atomic maps and lists",
        ),
        pytest.param(
            pod(spec={"containers": [{"name": "a"}, {"name": "a"}, {"image": "x"}]}),
            {"f:spec": {"f:containers": {'k:{"name":"a"}': {}, 'v:{"image":"x"}': {".": {}, "f:image": {}}}}},
            id="items that cannot be told apart",
        ),
    ],
)
def test_a_creator_owns_what_it_wrote(tree: Any, fields: Any) -> None:
    before = copy.deepcopy(tree)
    entries = track_update(None, tree, POD, KUBECTL)
    assert fields_of(entries, "kubectl") == fields
    assert tree == before


def test_fields_stand_in_one_order_whatever_that_of_the_object() -> None:
    container = {"name": "a", "image": "x", "args": ["y"], "ports": [{"containerPort": 443}, {"containerPort": 80}]}
    [entry] = track_update(None, pod(spec={"hostname": "h", "containers": [container]}), POD, KUBECTL)
    spec = entry["fieldsV1"]["f:spec"]
    below = spec["f:containers"]['k:{"name":"a"}']
    assert list(spec) == ["f:containers", "f:hostname"]
    assert list(below) == [".", "f:args", "f:image", "f:name", "f:ports"]
    assert [element[:20] for element in below["f:ports"]] == [".", 'k:{"containerPort":8', 'k:{"containerPort":4']


def test_an_entry_names_its_writer() -> None:
    assert track_update(None, pod(status={"phase": "Running"}), POD, KUBELET) == [
        {
            "manager": "kubelet",
            "operation": "Update",
            "apiVersion": "v1",
            "time": LATE,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:status": {"f:phase": {}}},
            "subresource": "status",
        }
    ]


def created(**parts: Any) -> dict[str, Any]:
    """A pod that kubectl made."""
    tree = pod(**parts)
    tree["metadata"] = {**tree["metadata"], "managedFields": track_update(None, tree, POD, KUBECTL)}
    return tree


def test_changed_fields_move_to_the_one_who_changed_them() -> None:
    old = created(spec={"hostname": "a", "subdomain": "s", "nodeSelector": {"x": "1"}})
    new = {**old, "spec": {"hostname": "b", "subdomain": "s", "nodeSelector": {"x": "2"}, "nodeName": "n"}}
    entries = track_update(old, new, POD, KUBELET)
    assert fields_of(entries, "kubectl") == {"f:spec": {"f:subdomain": {}}}
    assert fields_of(entries, "kubelet") == {"f:spec": {"f:hostname": {}, "f:nodeSelector": {}, "f:nodeName": {}}}


def test_removed_fields_are_nobodys_and_empty_entries_go() -> None:
    old = created(spec={"containers": [{"name": "a", "image": "x"}, {"name": "b"}], "volumes": [{"name": "v"}]})
    fewer = {**old, "spec": {"containers": [{"name": "b"}]}}
    entries = track_update(old, fewer, POD, KUBELET)
    assert fields_of(entries, "kubelet") is None
    assert fields_of(entries, "kubectl") == {
        "f:spec": {"f:containers": {'k:{"name":"b"}': {".": {}, "f:name": {}}}},
    }
    assert track_update(old, {**old, "spec": {}}, POD, KUBELET) == []


def test_reordering_items_changes_no_owner() -> None:
    old = created(spec={"containers": [{"name": "a"}, {"name": "b"}]})
    new = {**old, "spec": {"containers": [{"name": "b"}, {"name": "a"}]}}
    assert track_update(old, new, POD, KUBELET) == old["metadata"]["managedFields"]


def test_an_entrys_time_moves_only_when_its_writer_changes_something() -> None:
    old = created(spec={"hostname": "a", "subdomain": "s"})
    later = Writer("kubectl", "v1", LATE)
    unchanged = {**old, "metadata": {**old["metadata"], "resourceVersion": "8"}}
    assert track_update(old, unchanged, POD, later) == old["metadata"]["managedFields"]
    removed = track_update(old, {**old, "spec": {"hostname": "a"}}, POD, later)
    assert [entry["time"] for entry in removed] == [EARLY]
    changed = track_update(old, {**old, "spec": {"hostname": "b", "subdomain": "s"}}, POD, later)
    assert [entry["time"] for entry in changed] == [LATE]
    assert fields_of(changed, "kubectl") == {"f:spec": {"f:hostname": {}, "f:subdomain": {}}}


@pytest.mark.parametrize(
    "other",
    [Writer("kubectl", "v2", LATE), Writer("kubectl", "v1", LATE, "status"), Writer("helm", "v1", LATE)],
)
def test_version_subresource_and_name_make_separate_entries(other: Writer) -> None:
    old = created(spec={"hostname": "a"})
    entries = track_update(old, {**old, "spec": {"hostname": "a", "subdomain": "s"}}, POD, other)
    assert [(entry["manager"], entry["time"]) for entry in entries] == [("kubectl", EARLY), (other.manager, LATE)]


def test_a_client_may_send_its_own_entries_or_forget_them_all() -> None:
    old = created(spec={"hostname": "a"})
    own = [{**old["metadata"]["managedFields"][0], "manager": "me"}]
    sent = {**old, "metadata": {**old["metadata"], "managedFields": own}}
    assert track_update(old, sent, POD, KUBECTL) == own
    forgotten = {**old, "metadata": {**old["metadata"], "managedFields": [{}]}}
    assert track_update(old, forgotten, POD, KUBECTL) == []
    silent = {**old, "metadata": {"name": "web-0", "uid": "1"}}
    assert track_update(old, silent, POD, KUBECTL) == old["metadata"]["managedFields"]


def test_the_oldest_of_too_many_updaters_are_folded_into_one() -> None:
    tree = pod()
    for index in range(13):
        new = {**tree, "spec": {**tree["spec"], f"f{index:02}": "x"}}
        entries = track_update(tree, new, POD, Writer(f"m{index:02}", "v1", f"2026-11-23T05:12:{index:02}Z"))
        tree = {**new, "metadata": {**tree["metadata"], "managedFields": entries}}
    entries = tree["metadata"]["managedFields"]
    assert [entry["manager"] for entry in entries] == ["ancient-changes", *(f"m{index:02}" for index in range(4, 13))]
    assert entries[0]["fieldsV1"] == {"f:spec": {f"f:f{index:02}": {} for index in range(4)}}


def renamed(entries: list[Any], **changes: Any) -> list[Any]:
    return [{**entry, **changes} for entry in entries]


@pytest.mark.parametrize(
    ("rule", "change", "managers"),
    [
        ("of two entries of one manager the last counts", {"manager": "x"}, ["x"]),
        ("an entry without an operation spoils all", {"operation": ""}, ["a", "b"]),
        ("an entry without a version spoils all", {"apiVersion": ""}, ["a", "b"]),
        ("an entry of another type spoils all", {"fieldsType": "FieldsV2"}, ["a", "b"]),
        ("an entry of no set spoils all", {"fieldsV1": {"f:spec": 1}}, ["a", "b"]),
    ],
)
def test_entries_that_a_client_sends(rule: str, change: dict[str, Any], managers: list[str]) -> None:
    a, b = (Writer(name, "v1", EARLY).entry("Apply", {"f:spec": {f"f:{name}": {}}}, EARLY) for name in "ab")
    old = pod(metadata={"name": "web-0", "uid": "1", "managedFields": [a, b]})
    new = pod(metadata={"name": "web-0", "uid": "1", "managedFields": renamed([a, b], **change)})
    found = track_update(old, new, POD, KUBECTL)
    assert [entry["manager"] for entry in found] == managers, rule
    assert found[-1]["fieldsV1"] == b["fieldsV1"], rule


def test_through_a_subresource_nobody_renames_anybody() -> None:
    entry = KUBECTL.entry("Apply", {"f:spec": {"f:hostname": {}}}, EARLY)
    old = pod(metadata={"name": "web-0", "uid": "1", "managedFields": [entry]})
    wishes: list[list[Any]] = [renamed([entry], manager="x"), [{}]]
    for sent in wishes:
        new = pod(metadata={"name": "web-0", "uid": "1", "managedFields": sent}, status={"phase": "Running"})
        found = track_update(old, new, POD, KUBELET)
        assert [each["manager"] for each in found] == ["kubectl", "kubelet"]
