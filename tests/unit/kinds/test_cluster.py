"""Namespaces, nodes, leases, service accounts and controller revisions."""

from datetime import UTC, datetime

import pytest

from petset.api.types import ControllerRevision, Lease, Namespace, Node, ServiceAccount
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import Tree, create_errors, created, defaulted, found, merged, update_errors, updated

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
NAMESPACE: Tree = {"metadata": {"name": "team"}}
NODE: Tree = {"metadata": {"name": "n"}, "spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]}}
REVISION: Tree = {"metadata": {"name": "web-1", "namespace": "default"}, "data": {"spec": {}}, "revision": 1}


def test_a_namespace_starts_active_labelled_and_with_its_finalizer() -> None:
    obj = created(Namespace, NAMESPACE)
    assert obj.status.phase == "Active"
    assert obj.spec.finalizers == ["kubernetes"]
    assert obj.metadata.labels == {"kubernetes.io/metadata.name": "team"}


def test_a_namespace_keeps_finalizers_and_status_through_updates() -> None:
    new = updated(Namespace, created(Namespace, NAMESPACE), merged(NAMESPACE, {"status": {"phase": "Terminating"}}))
    assert (new.spec.finalizers, new.status.phase) == (["kubernetes"], "Active")


def test_namespace_columns_and_fields() -> None:
    obj, resource = created(Namespace, NAMESPACE), CATALOGUE.of(Namespace)
    assert [column.cell(obj, NOW) for column in resource.columns] == ["team", "Active", "<unknown>"]
    assert resource.fields(obj) == {"status.phase": "Active"}
    assert resource.strategy.name_errors("a.b") == ["must not contain dots"]


@pytest.mark.parametrize(
    ("taint", "path", "message"),
    [
        ({"key": "a", "effect": "Never"}, "metadata.taints[0].effect", 'Unsupported value: "Never"'),
        ({"key": "a"}, "metadata.taints[0].effect", "Required value"),
        ({"effect": "NoSchedule"}, "metadata.taints[0].key", 'Invalid value: ""'),
        ({"key": "a", "value": "-", "effect": "NoSchedule"}, "metadata.taints[0].value", 'Invalid value: "-"'),
    ],
)
def test_refuses_taint(taint: Tree, path: str, message: str) -> None:
    errors = create_errors(Node, merged(NODE, {"spec": {"taints": [taint]}}))
    assert found(errors, path, message), errors


def test_refuses_the_same_taint_twice() -> None:
    taint = {"key": "a", "effect": "NoSchedule"}
    errors = create_errors(Node, merged(NODE, {"spec": {"taints": [taint, taint]}}))
    assert found(errors, "metadata.taints[1]", "Duplicate value: ")


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"podCIDR": "10.2.0.0/24"}, "spec.podCIDRs", "Forbidden: node updates may not change podCIDR"),
        ({"providerID": "b"}, "spec.providerID", "Forbidden: node updates may not change providerID"),
    ],
)
def test_refuses_another_machine_under_the_same_name(change: Tree, path: str, message: str) -> None:
    old = merged(NODE, {"spec": {"providerID": "a"}})
    errors = update_errors(Node, old, merged(old, {"spec": change}))
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    ("blocks", "path", "message"),
    [
        (["x"], "spec.podCIDRs[0]", 'Invalid value: "x": must be a valid CIDR value'),
        (
            ["10.1.0.0/24", "10.2.0.0/24"],
            "spec.podCIDRs",
            'Invalid value: ["10.1.0.0/24","10.2.0.0/24"]: may specify no',
        ),
    ],
)
def test_refuses_blocks_of_addresses(blocks: list[str], path: str, message: str) -> None:
    errors = create_errors(Node, {"metadata": {"name": "n"}, "spec": {"podCIDRs": blocks}})
    assert found(errors, path, message), errors


@pytest.mark.parametrize("spec", [{"podCIDR": "10.1.0.0/24"}, {"podCIDRs": ["10.1.0.0/24"]}, NODE["spec"]])
def test_a_block_of_addresses_has_two_fields(spec: Tree) -> None:
    made = created(Node, {"metadata": {"name": "n"}, "spec": spec})
    assert (made.spec.pod_cidr, made.spec.pod_cidrs) == ("10.1.0.0/24", ["10.1.0.0/24"])


def test_a_node_may_be_cordoned() -> None:
    assert update_errors(Node, NODE, merged(NODE, {"spec": {"unschedulable": True}})) == []


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, ["n", "Unknown", "<none>", "<unknown>", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"]),
        (
            {
                "metadata": {"labels": {"node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "agent"}},
                "spec": {"unschedulable": True},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                    "nodeInfo": {
                        "kubeletVersion": "v1.37.0",
                        "osImage": "Debian",
                        "kernelVersion": "6.1",
                        "containerRuntimeVersion": "podman://4",
                    },
                },
            },
            [
                "n",
                "Ready,SchedulingDisabled",
                "agent,control-plane",
                "<unknown>",
                "v1.37.0",
                "10.0.0.1",
                "<none>",
                "Debian",
                "6.1",
                "podman://4",
            ],
        ),
        (
            {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}},
            ["n", "NotReady", "<none>", "<unknown>", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"],
        ),
    ],
)
def test_node_columns(change: Tree, shown: list[str]) -> None:
    obj = defaulted(Node, merged(NODE, change))
    assert [column.cell(obj, NOW) for column in CATALOGUE.of(Node).columns] == shown


def test_node_fields() -> None:
    fields = CATALOGUE.of(Node).fields
    assert fields(defaulted(Node, NODE)) == {"spec.unschedulable": "false"}
    assert fields(defaulted(Node, merged(NODE, {"spec": {"unschedulable": True}}))) == {"spec.unschedulable": "true"}


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ({"leaseDurationSeconds": -1}, "spec.leaseDurationSeconds", "Invalid value: -1: must be greater than 0"),
        ({"leaseTransitions": -1}, "spec.leaseTransitions", "Invalid value: -1"),
    ],
)
def test_refuses_lease(spec: Tree, path: str, message: str) -> None:
    tree: Tree = {"metadata": {"name": "n"}, "spec": spec}
    assert found(create_errors(Lease, tree), path, message)
    assert found(update_errors(Lease, {"metadata": {"name": "n"}}, tree), path, message)


def test_lease_columns() -> None:
    obj = defaulted(Lease, {"metadata": {"name": "n"}, "spec": {"holderIdentity": "me"}})
    assert [column.cell(obj, NOW) for column in CATALOGUE.of(Lease).columns] == ["n", "me", "<unknown>"]


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"data": None}, "data", "Required value: data is mandatory"),
        ({"revision": -1}, "revision", "Invalid value: -1: must be greater than or equal to 0"),
    ],
)
def test_refuses_revision(change: Tree, path: str, message: str) -> None:
    assert found(create_errors(ControllerRevision, merged(REVISION, change)), path, message)


def test_the_data_of_a_revision_is_fixed_and_its_number_is_not() -> None:
    assert update_errors(ControllerRevision, REVISION, merged(REVISION, {"revision": 2})) == []
    errors = update_errors(ControllerRevision, REVISION, merged(REVISION, {"data": {"spec": {"a": 1}}}))
    assert [str(error) for error in errors] == ['data: Invalid value: {"spec":{"a":1}}: field is immutable']


@pytest.mark.parametrize(
    ("owner", "controller"),
    [
        ({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "controller": True}, "statefulset.apps/web"),
        ({"apiVersion": "v1", "kind": "Node", "name": "n", "controller": True}, "node/n"),
        ({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}, "<none>"),
    ],
)
def test_revision_columns(owner: Tree, controller: str) -> None:
    obj = defaulted(ControllerRevision, merged(REVISION, {"metadata": {"ownerReferences": [owner]}}))
    cells = [column.cell(obj, NOW) for column in CATALOGUE.of(ControllerRevision).columns]
    assert cells == ["web-1", controller, 1, "<unknown>"]


def test_service_account_columns() -> None:
    obj = defaulted(ServiceAccount, {"metadata": {"name": "default"}})
    assert [column.cell(obj, NOW) for column in CATALOGUE.of(ServiceAccount).columns] == ["default", "<unknown>"]
