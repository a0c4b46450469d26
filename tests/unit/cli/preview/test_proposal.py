"""What a manifest makes of a set: as the server answers a dry run, and as it is merged here."""

import json
from typing import Any

import pytest

from petset.api.errors import BadRequest, Forbidden, Invalid, StatusError
from petset.api.types import StatefulSet
from petset.cli.applying import Target, targets_of
from petset.cli.failure import Failure
from petset.cli.manifests import Manifest
from petset.cli.preview.proposal import LAST_APPLIED, Proposal, merged, proposed
from petset.client.interface import Client, Patch
from tests.simulation.world import START
from tests.unit.controllers.statefulset.cluster import FaultyClient
from tests.unit.controllers.toycluster import toy_cluster


def manifest(image: str = "nginx:1", **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    selector = {"matchLabels": {"app": "web"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {"serviceName": "nginx", "selector": selector, "template": template, **spec},
    }


def target(tree: dict[str, Any]) -> Target:
    return targets_of([Manifest(tree)])[0]


async def apply(client: Client, tree: dict[str, Any]) -> StatefulSet:
    patch = Patch("apply", target(tree).tree)
    return await client.patch(StatefulSet, "web", "default", patch)


def limits(set_: StatefulSet) -> tuple[int | None, int | None, str | None]:
    """Three fields that the manifests here change or leave out."""
    return set_.spec.replicas, set_.spec.min_ready_seconds, set_.spec.template.spec.containers[0].image


async def with_server(tree: dict[str, Any], live: StatefulSet | None, client: Client) -> Proposal:
    return await proposed(client, target(tree), live, START)


async def test_a_new_set_comes_with_the_servers_defaults_and_is_not_kept() -> None:
    async with toy_cluster() as toy:
        found = await with_server(manifest(), None, toy.client)
        assert found.note == ""
        assert limits(found.set) == (1, None, "nginx:1")
        assert found.set.spec.pod_management_policy == "OrderedReady"
        assert await toy.names(StatefulSet) == []


@pytest.mark.parametrize("allowed", [True, False], ids=["dry run", "merged here"])
async def test_fields_that_an_apply_leaves_out_are_as_others_have_them(allowed: bool) -> None:
    async with toy_cluster() as toy:
        await apply(toy.client, manifest(minReadySeconds=5))
        scaled = await toy.client.patch(StatefulSet, "web", "default", Patch("merge", {"spec": {"replicas": 4}}))
        client = FaultyClient(toy.client)
        if not allowed:
            client.fails("patch", StatefulSet, Forbidden("no patch for you"))
        found = await with_server(manifest("nginx:2"), scaled, client)
        assert found.set.spec.replicas == 4, "set by another manager"
        assert found.set.spec.template.spec.containers[0].image == "nginx:2"
        assert ("no patch for you" in found.note) == (not allowed)
        assert found.set.status == scaled.status
        kept = await toy.client.get(StatefulSet, "web", "default")
        assert limits(kept) == (4, 5, "nginx:1")


async def test_what_kubectl_applied_and_the_manifest_no_longer_has_goes() -> None:
    async with toy_cluster() as toy:
        before = manifest(minReadySeconds=5, replicas=3)
        before["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(before)}
        live = await apply(toy.client, before)
        here = merged(live, manifest("nginx:2"), START)
        found = await with_server(manifest("nginx:2"), live, toy.client)
        assert limits(here) == limits(found.set) == (1, None, "nginx:2")
        assert found.note == ""
        assert limits(await toy.client.get(StatefulSet, "web", "default")) == (3, 5, "nginx:1")


async def test_a_fixed_field_is_merged_here_for_the_server_refuses_it() -> None:
    async with toy_cluster() as toy:
        live = await apply(toy.client, manifest())
        client = FaultyClient(toy.client)
        found = await with_server(manifest(podManagementPolicy="Parallel"), live, client)
        assert found.set.spec.pod_management_policy == "Parallel"
        assert client.said("patch") == []


@pytest.mark.parametrize(
    ("tree", "error", "says"),
    [
        (manifest(replicas=-1), Invalid, "spec.replicas"),
        (manifest(replicaz=1), BadRequest, "replicaz"),
        (manifest(replicas="many"), Failure, "replicas"),
        (manifest(serviceName="other", replicas=-1), Failure, "spec.replicas"),
    ],
)
async def test_what_the_api_would_refuse_is_an_error(tree: dict[str, Any], error: type[Exception], says: str) -> None:
    async with toy_cluster() as toy:
        live = await apply(toy.client, manifest())
        with pytest.raises(error, match=says):
            await with_server(tree, live, toy.client)


@pytest.mark.parametrize(
    "refusal",
    [Forbidden("no"), BadRequest('admission webhook "x" does not support dry run')],
    ids=["rights", "webhook"],
)
async def test_without_a_dry_run_the_rules_are_checked_here(refusal: StatusError) -> None:
    async with toy_cluster() as toy:
        client = FaultyClient(toy.client)
        client.fails("patch", StatefulSet, refusal, times=2)
        with pytest.raises(Failure, match=r"spec\.replicas"):
            await with_server(manifest(replicas=-1), None, client)
        assert (await with_server(manifest(), None, client)).set.spec.replicas == 1
