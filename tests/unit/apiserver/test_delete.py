"""How a deletion goes: what it answers, what holds it back, what it leaves to others."""

import asyncio

import pytest

from petset.api.errors import Forbidden, Invalid, MethodNotAllowed, NotFound
from petset.api.types import ConfigMap, DeleteOptions, Namespace, Object, Pod
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Answer, ListOptions
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import ME, PLAINLY, config_map, create, decoded, fetch, pod, target, tree


async def delete(server: ApiServer, kind: type[Object], name: str, options: DeleteOptions | None = None) -> Answer:
    return await server.delete(ME, target(kind, name), options or DeleteOptions())


async def test_answers_with_a_status(server: ApiServer) -> None:
    created = await create(server, config_map())
    assert tree(await delete(server, ConfigMap, "settings")) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "settings", "kind": "configmaps", "uid": created.metadata.uid},
    }


async def test_answers_with_the_object_while_it_is_there(server: ApiServer) -> None:
    given = config_map()
    given.metadata.finalizers = ["example.com/keep"]
    await create(server, given)
    answer = await delete(server, ConfigMap, "settings")
    assert decoded(answer, ConfigMap) == await fetch(server, ConfigMap, "settings")


async def test_answers_with_the_pod_even_when_it_is_gone(server: ApiServer) -> None:
    await create(server, pod())
    answer = await delete(server, Pod, "web-0", DeleteOptions(grace_period_seconds=0))
    assert tree(answer)["kind"] == "Pod"
    assert decoded(answer, Pod).metadata.deletion_timestamp


async def test_grace_ends_where_the_pod_said(server: ApiServer) -> None:
    given = pod()
    given.spec.termination_grace_period_seconds = 10
    await create(server, given)
    await delete(server, Pod, "web-0")
    meta = (await fetch(server, Pod, "web-0")).metadata
    assert (meta.deletion_timestamp, meta.deletion_grace_period_seconds) == ("2026-01-01T00:00:10Z", 10)


async def test_a_second_deletion_may_only_shorten_the_grace(server: ApiServer, clock: VirtualClock) -> None:
    await create(server, pod())
    await delete(server, Pod, "web-0")
    await clock.advance(3)
    before = await fetch(server, Pod, "web-0")
    for longer in (None, 30, 60):
        await delete(server, Pod, "web-0", DeleteOptions(grace_period_seconds=longer))
        assert await fetch(server, Pod, "web-0") == before
    await delete(server, Pod, "web-0", DeleteOptions(grace_period_seconds=5))
    meta = (await fetch(server, Pod, "web-0")).metadata
    assert (meta.deletion_timestamp, meta.deletion_grace_period_seconds) == ("2026-01-01T00:00:05Z", 5)


@pytest.mark.parametrize("node", [None, ""])
async def test_a_pod_without_a_node_needs_no_grace(server: ApiServer, node: str | None) -> None:
    await create(server, pod(node=node))
    await delete(server, Pod, "web-0")
    with pytest.raises(NotFound):
        await fetch(server, Pod, "web-0")


async def test_grace_that_is_over_still_waits_for_finalizers(server: ApiServer) -> None:
    given = pod()
    given.metadata.finalizers = ["example.com/keep"]
    await create(server, given)
    await delete(server, Pod, "web-0", DeleteOptions(grace_period_seconds=0))
    kept = await fetch(server, Pod, "web-0")
    assert kept.metadata.deletion_grace_period_seconds == 0
    kept.metadata.finalizers = []
    await server.update(ME, target(Pod, "web-0"), kept, options=PLAINLY)
    with pytest.raises(NotFound):
        await fetch(server, Pod, "web-0")


async def test_finalizers_gone_before_the_grace_leave_the_pod_running(server: ApiServer) -> None:
    given = pod()
    given.metadata.finalizers = ["example.com/keep"]
    await create(server, given)
    await delete(server, Pod, "web-0")
    kept = await fetch(server, Pod, "web-0")
    kept.metadata.finalizers = []
    await server.update(ME, target(Pod, "web-0"), kept, options=PLAINLY)
    assert (await fetch(server, Pod, "web-0")).metadata.deletion_grace_period_seconds == 30


@pytest.mark.parametrize(
    ("options", "present", "finalizers"),
    [
        (DeleteOptions(), [], None),
        (DeleteOptions(propagation_policy="Background"), [], None),
        (DeleteOptions(propagation_policy="Background"), ["orphan"], None),
        (DeleteOptions(propagation_policy="Foreground"), [], ["foregroundDeletion"]),
        (DeleteOptions(propagation_policy="Orphan"), ["foregroundDeletion"], ["orphan"]),
        (DeleteOptions(orphan_dependents=True), [], ["orphan"]),
        (DeleteOptions(orphan_dependents=False), ["orphan"], None),
        (DeleteOptions(), ["orphan"], ["orphan"]),
        (DeleteOptions(), ["example.com/keep"], ["example.com/keep"]),
        (
            DeleteOptions(propagation_policy="Foreground"),
            ["example.com/keep"],
            ["example.com/keep", "foregroundDeletion"],
        ),
    ],
)
async def test_propagation_becomes_a_finalizer(
    server: ApiServer, options: DeleteOptions, present: list[str], finalizers: list[str] | None
) -> None:
    given = config_map()
    given.metadata.finalizers = present
    await create(server, given)
    await delete(server, ConfigMap, "settings", options)
    if finalizers is None:
        with pytest.raises(NotFound):
            await fetch(server, ConfigMap, "settings")
    else:
        assert (await fetch(server, ConfigMap, "settings")).metadata.finalizers == finalizers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (DeleteOptions(propagation_policy="Sideways"), 'propagationPolicy: Unsupported value: "Sideways"'),
        (DeleteOptions(propagation_policy="Orphan", orphan_dependents=True), "cannot be both set"),
        (DeleteOptions(dry_run=["Some"]), "dryRun: Unsupported value"),
    ],
)
async def test_senseless_options_are_invalid(server: ApiServer, options: DeleteOptions, message: str) -> None:
    await create(server, config_map())
    with pytest.raises(Invalid, match=message):
        await delete(server, ConfigMap, "settings", options)


@pytest.mark.parametrize("finalizers", [[], ["example.com/keep"]])
async def test_a_dry_run_deletes_nothing(server: ApiServer, finalizers: list[str]) -> None:
    given = config_map()
    given.metadata.finalizers = finalizers
    created = await create(server, given)
    await delete(server, ConfigMap, "settings", DeleteOptions(dry_run=["All"]))
    assert await fetch(server, ConfigMap, "settings") == created


async def test_not_deleted_at_once_is_accepted_when_asked_the_old_way(server: ApiServer) -> None:
    given = config_map()
    given.metadata.finalizers = ["example.com/keep"]
    await create(server, given)
    assert (await delete(server, ConfigMap, "settings", DeleteOptions(orphan_dependents=False))).code == 202


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
async def test_the_first_namespaces_stay(server: ApiServer, name: str) -> None:
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        await delete(server, Namespace, name)


async def test_a_collection_counts_what_others_deleted_as_done(server: ApiServer) -> None:
    for name in ("a", "b"):
        await create(server, config_map(name))
    both = (server.delete_collection(ME, target(ConfigMap), ListOptions(), DeleteOptions()) for _ in range(2))
    first, second = await asyncio.gather(*both)
    assert (len(first.records), len(second.records)) == (2, 2)
    assert not (await server.list(target(ConfigMap), ListOptions())).records


@pytest.mark.parametrize("subresource", ["log", "status", "binding"])
async def test_a_part_of_an_object_cannot_be_deleted(server: ApiServer, subresource: str) -> None:
    await create(server, pod())
    with pytest.raises(MethodNotAllowed, match="does not allow this method"):
        await server.delete(ME, target(Pod, "web-0", subresource), DeleteOptions())
    assert await fetch(server, Pod, "web-0")
