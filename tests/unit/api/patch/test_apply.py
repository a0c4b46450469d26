"""Server-side apply: what is merged, removed, owned and refused."""

import copy
from typing import Any

import pytest

from petset.api import types
from petset.api.patch import apply as server_side
from petset.api.patch.apply import ApplyConflict, FieldConflict, Writer, track_update
from petset.api.patch.errors import InapplicablePatch, MalformedPatch
from petset.api.schema import schema_of

STATEFUL_SET = schema_of(types.StatefulSet)
EARLY, LATE = "2026-11-23T05:12:00Z", "2026-11-23T05:13:00Z"
ME = Writer("me", "apps/v1", EARLY)
OTHER = Writer("other", "apps/v1", LATE)
EDITOR = Writer("kubectl-edit", "apps/v1", LATE)


def config(spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web", **metadata},
        **({"spec": spec} if spec is not None else {}),
    }


def containers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"template": {"spec": {"containers": list(items)}}}


def apply(live: Any, applied: Any, writer: Writer = ME, *, force: bool = False) -> dict[str, Any]:
    before = copy.deepcopy((live, applied))
    result = server_side.apply(live, applied, STATEFUL_SET, writer, force=force)
    assert (live, applied) == before
    return result


def update(live: Any, writer: Writer = EDITOR, **changes: Any) -> dict[str, Any]:
    """A write that is no apply."""
    new = {**live, **changes}
    new["metadata"] = {**new["metadata"], "managedFields": track_update(live, new, STATEFUL_SET, writer)}
    return new


def owned(tree: Any) -> dict[str, Any]:
    return {f"{e['manager']} {e['operation']}": e["fieldsV1"] for e in tree["metadata"].get("managedFields", [])}


def without_owners(tree: Any) -> dict[str, Any]:
    return {**tree, "metadata": {k: v for k, v in tree["metadata"].items() if k != "managedFields"}}


def test_the_first_apply_makes_the_object_and_owns_what_it_names() -> None:
    applied = config(
        {"replicas": 3, "selector": {"matchLabels": {"app": "x"}}, **containers({"name": "a", "image": "1"})},
        labels={"app": "x"},
    )
    live = apply(None, applied)
    assert without_owners(live) == applied
    assert live["metadata"]["managedFields"] == [
        {
            "manager": "me",
            "operation": "Apply",
            "apiVersion": "apps/v1",
            "time": EARLY,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:replicas": {},
                    "f:selector": {},
                    "f:template": {
                        "f:spec": {"f:containers": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:image": {}}}}
                    },
                },
            },
        }
    ]


def test_a_status_in_a_configuration_says_nothing() -> None:
    live = apply(None, {**config({"serviceName": "s"}), "status": {"replicas": 3}})
    assert without_owners(live) == config({"serviceName": "s"})
    assert owned(live) == {"me Apply": {"f:spec": {"f:serviceName": {}}}}


def test_a_null_owns_its_field_unsets_a_value_and_leaves_a_collection() -> None:
    live = apply(None, config({"replicas": 1, "serviceName": "s"}, labels={"a": "1"}), OTHER)
    nulls = config({"replicas": None}, creationTimestamp=None, labels=None, annotations={"b": None})
    result = apply(live, nulls, force=True)
    assert without_owners(result) == config({"serviceName": "s"}, labels={"a": "1"}, annotations={"b": ""})
    owned_metadata: dict[str, dict[str, object]] = {"f:labels": {}, "f:annotations": {"f:b": {}}}
    assert owned(result)["me Apply"] == {"f:metadata": owned_metadata, "f:spec": {"f:replicas": {}}}


def test_who_only_becomes_an_owner_has_no_time() -> None:
    """The time is that of a change of the object."""
    live = apply(None, config({"replicas": 1}))
    shared = apply(live, config({"replicas": 1}), OTHER)
    assert [entry.get("time") for entry in shared["metadata"]["managedFields"]] == [None, EARLY]
    changed = apply(shared, config({"replicas": 1, "minReadySeconds": 5}), OTHER)
    assert [entry.get("time") for entry in changed["metadata"]["managedFields"]] == [EARLY, LATE]


def test_kubectls_note_of_what_it_applied_stays_true() -> None:
    """For those who go back to an apply by the client; a note that is not there is not made."""
    kubectl = Writer("kubectl", "apps/v1", LATE)
    noted = config({"replicas": 1}, annotations={server_side.LAST_APPLIED: "{}"})
    result = apply(noted, config({"serviceName": "<s>"}, annotations={"a": "b"}), kubectl)
    assert result["metadata"]["annotations"][server_side.LAST_APPLIED] == (
        '{"apiVersion":"apps/v1","kind":"StatefulSet",'
        '"metadata":{"annotations":{"a":"b"},"name":"web"},"spec":{"serviceName":"\\u003cs\\u003e"}}\n'
    )
    assert apply(noted, config({"serviceName": "s"}), OTHER)["metadata"]["annotations"] == {
        server_side.LAST_APPLIED: "{}"
    }
    assert "annotations" not in apply(config(), config({"serviceName": "s"}), kubectl)["metadata"]


@pytest.mark.parametrize("note", ["", "null", "[]", "{", "[" * 5000, '{"spec":5}'])
def test_a_note_that_nobody_can_read_frees_no_field(note: str) -> None:
    live = apply(None, config({"replicas": 1}, annotations={server_side.LAST_APPLIED: note}), EDITOR)
    with pytest.raises(server_side.ApplyConflict):
        apply(live, config({"replicas": 2}), Writer("kubectl", "apps/v1", LATE))


def test_the_status_subresource_takes_only_the_status() -> None:
    live = apply(None, config({"replicas": 1}))
    result = apply(live, {**config({"replicas": 5}), "status": {"replicas": 1}}, Writer("c", "apps/v1", LATE, "status"))
    assert result["spec"] == {"replicas": 1}
    assert owned(result)["c Apply"] == {"f:status": {"f:replicas": {}}}


def test_applying_again_changes_nothing_not_even_a_time() -> None:
    live = apply(None, config({"replicas": 3, **containers({"name": "a", "image": "1"})}))
    assert (
        apply(live, config({"replicas": 3, **containers({"name": "a", "image": "1"})}), Writer("me", "apps/v1", LATE))
        == live
    )


def test_a_field_no_longer_applied_is_removed() -> None:
    live = apply(None, config({"replicas": 3, "serviceName": "s"}, labels={"a": "1", "b": "2"}))
    result = apply(live, config({"serviceName": "s"}, labels={"b": "2"}))
    assert without_owners(result) == config({"serviceName": "s"}, labels={"b": "2"})
    assert owned(result) == {"me Apply": {"f:metadata": {"f:labels": {"f:b": {}}}, "f:spec": {"f:serviceName": {}}}}


def test_removing_all_labels_leaves_the_rest_of_the_metadata() -> None:
    live = apply(None, config(labels={"a": "1"}))
    live["metadata"]["uid"] = "1"
    assert apply(live, config()) == config(uid="1")


def test_a_field_somebody_else_owns_too_stays() -> None:
    live = apply(apply(None, config({"replicas": 3, "serviceName": "s"})), config({"replicas": 3}), OTHER)
    result = apply(live, config({"serviceName": "s"}))
    assert result["spec"] == {"replicas": 3, "serviceName": "s"}
    assert owned(result) == {
        "me Apply": {"f:spec": {"f:serviceName": {}}},
        "other Apply": {"f:spec": {"f:replicas": {}}},
    }


def test_a_list_item_no_longer_applied_is_removed_with_its_defaults() -> None:
    live = apply(None, config(containers({"name": "a"}, {"name": "b", "image": "1"})))
    live["spec"]["template"]["spec"]["containers"][1]["imagePullPolicy"] = "Always"
    result = apply(live, config(containers({"name": "a"})))
    assert result["spec"] == containers({"name": "a"})


def test_defaults_inside_what_is_still_applied_stay() -> None:
    live = apply(None, config(containers({"name": "a", "image": "1", "command": ["x"]})))
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    live["spec"]["podManagementPolicy"] = "OrderedReady"
    result = apply(live, config(containers({"name": "a", "image": "1"})))
    assert result["spec"] == {
        **containers({"name": "a", "image": "1", "imagePullPolicy": "Always"}),
        "podManagementPolicy": "OrderedReady",
    }


def test_a_struct_of_which_nothing_is_owned_any_more_goes_with_its_defaults() -> None:
    live = apply(None, config({"replicas": 1, "updateStrategy": {"rollingUpdate": {"partition": 1}}}))
    live["spec"]["updateStrategy"]["type"] = "RollingUpdate"
    assert apply(live, config({"replicas": 1}))["spec"] == {"replicas": 1}


def test_entries_of_a_map_that_others_made_stay() -> None:
    live = update(apply(None, config(labels={"a": "1"})), metadata={"name": "web", "labels": {"a": "1", "b": "2"}})
    assert apply(live, config())["metadata"]["labels"] == {"b": "2"}


@pytest.mark.parametrize(
    ("live", "applied", "result"),
    [
        ("a b c", "b c", "a b c"),
        ("a b", "c b", "a c b"),
        ("a s b", "b x a", "s b x a"),
        ("b a s", "a b x", "a s b x"),
        ("s t", "a", "s t a"),
        ("", "b a", "b a"),
        ("a b", "", "a b"),
    ],
)
def test_items_keep_the_order_of_the_configuration(live: str, applied: str, result: str) -> None:
    made = update(config(containers()), spec=containers(*({"name": name} for name in live.split())))
    outcome = apply(made, config(containers(*({"name": name} for name in applied.split()))))
    names = [item["name"] for item in outcome["spec"]["template"]["spec"]["containers"]]
    assert " ".join(names) == result


def test_items_are_the_same_when_their_keys_are_counting_defaults() -> None:
    live = apply(None, config(containers({"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}]})))
    result = apply(live, config(containers({"name": "a", "ports": [{"containerPort": 80, "name": "web"}]})), OTHER)
    ports = result["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert ports == [{"containerPort": 80, "protocol": "TCP", "name": "web"}]


def test_the_same_value_is_shared_and_another_is_a_conflict() -> None:
    live = apply(None, config({"replicas": 3}))
    shared = apply(live, config({"replicas": 3}), OTHER)
    assert owned(shared) == {"me Apply": {"f:spec": {"f:replicas": {}}}, "other Apply": {"f:spec": {"f:replicas": {}}}}
    with pytest.raises(ApplyConflict) as raised:
        apply(live, config({"replicas": 4}), OTHER)
    assert str(raised.value) == 'Apply failed with 1 conflict: conflict with "me": .spec.replicas'
    assert raised.value.conflicts == [FieldConflict('"me"', ".spec.replicas")]


def test_a_conflict_names_the_version_of_an_updater() -> None:
    live = update(apply(None, config({"replicas": 3})), spec={"replicas": 5})
    with pytest.raises(ApplyConflict) as raised:
        apply(live, config({"replicas": 3}))
    assert (
        str(raised.value) == 'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas'
    )
    scaled = update(apply(None, config({"replicas": 3})), Writer("hpa", "apps/v1", LATE, "scale"), spec={"replicas": 5})
    with pytest.raises(
        ApplyConflict, match=r'conflict with "hpa" with subresource "scale" using apps/v1: \.spec\.replicas'
    ):
        apply(scaled, config({"replicas": 3}))


def test_many_conflicts_are_grouped_by_manager() -> None:
    live = apply(None, config({"replicas": 3, **containers({"name": "a", "image": "1"})}))
    live = update(live, spec={**live["spec"], "serviceName": "s"})
    with pytest.raises(ApplyConflict) as raised:
        apply(live, config({"replicas": 4, "serviceName": "t", **containers({"name": "a", "image": "2"})}), OTHER)
    assert str(raised.value) == (
        'Apply failed with 3 conflicts: conflicts with "kubectl-edit" using apps/v1:\n'
        "- .spec.serviceName\n"
        'conflicts with "me":\n'
        "- .spec.replicas\n"
        '- .spec.template.spec.containers[name="a"].image'
    )


def test_force_takes_the_fields() -> None:
    live = update(apply(None, config({"replicas": 3, "serviceName": "s"})), spec={"replicas": 5, "serviceName": "s"})
    result = apply(live, config({"replicas": 3, "serviceName": "s"}), force=True)
    assert result["spec"] == {"replicas": 3, "serviceName": "s"}
    assert owned(result) == {"me Apply": {"f:spec": {"f:replicas": {}, "f:serviceName": {}}}}


def test_atomic_values_are_owned_as_one() -> None:
    live = apply(None, config({"selector": {"matchLabels": {"a": "1"}}}))
    with pytest.raises(ApplyConflict, match=r"\.spec\.selector$"):
        apply(live, config({"selector": {"matchLabels": {"a": "1", "b": "2"}}}), OTHER)


def test_whoever_was_before_wrote_through_the_same_subresource() -> None:
    live = {**config({"replicas": 3}), "status": {"replicas": 3}}
    wanted = {**config(), "status": {"replicas": 3}}
    result = apply(live, wanted, Writer("me", ME.api_version, ME.now, "status"))
    assert [entry.get("subresource") for entry in result["metadata"]["managedFields"]] == ["status", "status"]


def test_an_object_that_nobody_tracked_belongs_to_whoever_was_before() -> None:
    result = apply({**config({"replicas": 3}), "status": {"replicas": 3}}, config({"replicas": 3}))
    assert owned(result) == {
        "me Apply": {"f:spec": {"f:replicas": {}}},
        "before-first-apply Update": {"f:spec": {"f:replicas": {}}},
    }


@pytest.mark.parametrize(
    ("applied", "error", "message"),
    [
        ([], MalformedPatch, "an applied configuration is an object"),
        ({"metadata": "x"}, MalformedPatch, "metadata must be an object"),
        (config(managedFields=[{}]), MalformedPatch, "metadata.managedFields must be nil"),
        (
            config(containers({"name": "a"}, {"name": "a"})),
            InapplicablePatch,
            '.spec.template.spec.containers: duplicate entries for key [name="a"]',
        ),
        (
            config(finalizers=["x", "x"]),
            InapplicablePatch,
            '.metadata.finalizers: duplicate entries for key [="x"]',
        ),
    ],
)
def test_configurations_that_cannot_be(applied: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        apply(None, applied)
    assert str(raised.value) == message
