from typing import Any

import pytest

from petset.api.errors import Conflict
from petset.api.meta import Key, copy
from petset.api.types import Service, StatefulSet
from petset.cli.applying import apply, in_order_of_need, only_with_ourselves, same_but_for_status, targets_of
from petset.cli.failure import Failure
from petset.cli.manifests import Manifest
from petset.client.interface import Patch, WriteOptions
from tests.simulation.world import web
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster
from tests.unit.kinds.samples import STATEFUL_SET, Tree


def tree(kind: str, name: str = "x", api_version: str = "v1", **metadata: Any) -> Tree:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **metadata}}


def conflict(*messages: str) -> Conflict:
    return Conflict("Apply failed", {"causes": [{"message": message} for message in messages]})


SET = {"apiVersion": "apps/v1", "kind": "StatefulSet", **STATEFUL_SET, "metadata": {"name": "web"}}


def test_objects_without_a_namespace_go_to_the_one_of_the_command() -> None:
    manifests = [Manifest(tree("Pod")), Manifest(tree("Pod", namespace="own")), Manifest(tree("Namespace"))]
    targets = targets_of(manifests, "prod")
    assert [target.key for target in targets] == [Key("prod", "x"), Key("own", "x"), Key("", "x")]
    assert targets[0].tree["metadata"] == {"name": "x", "namespace": "prod"}


def test_a_kind_the_server_does_not_have_is_a_failure() -> None:
    deployment = Manifest(tree("Deployment", api_version="apps/v1"), "web.yaml, document 2")
    with pytest.raises(Failure, match=r'web\.yaml, document 2: no matches for kind "Deployment" in version "apps/v1"'):
        targets_of([deployment])


def test_what_others_need_comes_first() -> None:
    manifests = [
        tree("StatefulSet", "set", "apps/v1"),
        tree("Pod", "b"),
        tree("Pod", "a"),
        tree("Service", "service"),
        tree("StorageClass", "class", "storage.k8s.io/v1"),
        tree("Namespace", "namespace"),
    ]
    ordered = [target.key.name for target in in_order_of_need(targets_of([Manifest(each) for each in manifests]))]
    assert ordered == ["namespace", "class", "service", "set", "b", "a"]


@pytest.mark.parametrize(
    ("error", "only"),
    [
        (conflict('conflict with "petset" with subresource "scale" using apps/v1'), True),
        (conflict('conflict with "petset" using v1', 'conflict with "kubectl" using v1'), False),
        (conflict('conflict with "petset-friend" using v1'), False),
        (Conflict("Operation cannot be fulfilled"), False),
    ],
)
def test_conflicts_with_petsets_other_commands_are_none(error: Conflict, only: bool) -> None:
    assert only_with_ourselves(error) is only


def test_what_controllers_do_is_no_change_by_an_apply() -> None:
    before = web()
    after = copy(before)
    after.status.replicas = 3
    after.metadata.resource_version = "7"
    assert same_but_for_status(before, after)
    after.metadata.labels["new"] = "label"
    assert not same_but_for_status(before, after)


async def outcome(cluster: ToyCluster, manifest: Tree, *, force: bool = False) -> str:
    (target,) = targets_of([Manifest(manifest)])
    return (await apply(cluster.client, target, force=force)).outcome


async def test_the_outcomes_of_applying() -> None:
    async with toy_cluster() as cluster:
        assert await outcome(cluster, SET) == "created"
        assert await outcome(cluster, SET) == "unchanged"
        more = {**SET, "spec": {**SET["spec"], "replicas": 5}}
        assert await outcome(cluster, more) == "configured"
        assert (await cluster.get(StatefulSet, "web", "default")).spec.replicas == 5


async def test_a_field_of_somebody_else_is_taken_over_only_by_force() -> None:
    async with toy_cluster() as cluster:
        manifest = tree("Service", "nginx") | {"spec": {"ports": [{"port": 80}], "type": "ClusterIP"}}
        await outcome(cluster, manifest)
        theirs = Patch("merge", {"spec": {"type": "NodePort"}})
        await cluster.client.patch(Service, "nginx", "default", theirs, options=WriteOptions(field_manager="kubectl"))
        with pytest.raises(Conflict, match="kubectl"):
            await outcome(cluster, manifest)
        assert await outcome(cluster, manifest, force=True) == "configured"
