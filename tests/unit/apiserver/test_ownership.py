"""Who is noted in managedFields, and who is not."""

from typing import Any

import pytest

from petset.api.types import ConfigMap, DeleteOptions, ObjectMeta, Pod, StatefulSet
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Body, PatchBody, WriteOptions
from petset.client.interface import PatchType
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import ME, config_map, create, fetch, pod, stateful_set, target, tree

TWO = WriteOptions("two")
INSIDE = WriteOptions("controller", begins_tracking=False)


def owners(obj: ConfigMap | Pod | StatefulSet) -> dict[tuple[str | None, str | None], dict[str, Any]]:
    return {(entry.manager, entry.subresource): entry.fields_v1 for entry in obj.metadata.managed_fields}


def applied(**data: str) -> PatchBody:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}
    return PatchBody("apply", document)


async def test_the_creator_owns_what_it_set(server: ApiServer) -> None:
    created = await create(server, config_map(app="web"), WriteOptions("kubectl-create"))
    assert owners(created) == {
        ("kubectl-create", None): {
            "f:data": {".": {}, "f:key": {}},
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
        }
    }


async def test_nobody_owns_the_status_that_a_create_begins_with(server: ApiServer) -> None:
    created = await create(server, pod(), WriteOptions("kubectl-run"))
    assert "f:status" not in owners(created)["kubectl-run", None]


@pytest.mark.parametrize("entries", ["[]", " []", "[{}]"])
async def test_an_update_may_ask_that_nobody_owns_an_object(server: ApiServer, entries: str) -> None:
    await create(server, config_map(), WriteOptions("one"))
    raw = f'{{"metadata":{{"name":"settings","managedFields":{entries}}},"data":{{"key":"other"}}}}'
    await server.update(ME, target(ConfigMap, "settings"), Body(raw.encode()), WriteOptions("two"))
    assert owners(await fetch(server, ConfigMap, "settings")) == {}


@pytest.mark.parametrize("type_", ["merge", "strategic", "json"])
@pytest.mark.parametrize("entries", [[], [{}]])
async def test_a_patch_may_ask_that_nobody_owns_an_object(
    server: ApiServer, type_: PatchType, entries: list[Any]
) -> None:
    await create(server, config_map(), WriteOptions("one"))
    document: Any = {"metadata": {"managedFields": entries}}
    if type_ == "json":
        document = [{"op": "replace", "path": "/metadata/managedFields", "value": entries}]
    await server.patch(ME, target(ConfigMap, "settings"), PatchBody(type_, document), WriteOptions("two"))
    assert owners(await fetch(server, ConfigMap, "settings")) == {}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"metadata":{"name":"settings","managedFields":null},"data":{"key":"other"}}',
        b'{"metadata":{"name":"settings"},"data":{"key":"other","more":"\\"managedFields\\":[]"}}',
        b'{"metadata":{"name":"settings"},"data":{"key":"other"},"unknown":{"managedFields":[]}}',
    ],
)
async def test_what_only_looks_like_it_does_not(server: ApiServer, raw: bytes) -> None:
    await create(server, config_map(), WriteOptions("one"))
    await server.update(ME, target(ConfigMap, "settings"), Body(raw), WriteOptions("two"))
    assert ("two", None) in owners(await fetch(server, ConfigMap, "settings"))


async def test_a_write_takes_over_what_it_changes(server: ApiServer) -> None:
    created = await create(server, config_map(), WriteOptions("one"))
    created.data = {"key": "other", "more": "yes"}
    await server.update(ME, target(ConfigMap, "settings"), created, WriteOptions("two"))
    found = owners(await fetch(server, ConfigMap, "settings"))
    assert found["one", None] == {"f:data": {}}
    assert found["two", None] == {"f:data": {"f:key": {}, "f:more": {}}}


async def test_the_status_has_entries_of_its_own(server: ApiServer) -> None:
    current = await create(server, pod(), WriteOptions("one"))
    current.status.phase = "Running"
    await server.update(ME, target(Pod, "web-0", "status"), current, WriteOptions("two"))
    found = owners(await fetch(server, Pod, "web-0"))
    assert found["two", "status"] == {"f:status": {"f:phase": {}}}


async def patched(server: ApiServer, document: Any, options: WriteOptions = TWO) -> ConfigMap:
    await server.patch(ME, target(ConfigMap, "settings"), PatchBody("merge", document), options)
    return await fetch(server, ConfigMap, "settings")


CLEARED: Any = {"metadata": {"managedFields": [{}]}}


class TestADisownedObject:
    @pytest.mark.parametrize("change", [CLEARED, {"data": None}], ids=["cleared", "with nothing left"])
    async def test_stays_so_whoever_writes(self, server: ApiServer, change: Any) -> None:
        await create(server, config_map(), WriteOptions("one"))
        assert owners(await patched(server, change)) == {}
        assert owners(await patched(server, {"data": {"more": "yes"}}, INSIDE)) == {}
        current = await patched(server, {"data": {"more": "no"}})
        await server.update(ME, target(ConfigMap, "settings"), current, WriteOptions("three"))
        assert owners(await patched(server, {"metadata": {"labels": {"a": "b"}}})) == {}

    async def test_is_one_that_began_with_nothing(self, server: ApiServer) -> None:
        await create(server, ConfigMap(metadata=ObjectMeta(name="settings")), WriteOptions("one"))
        assert owners(await patched(server, {"data": {"more": "yes"}})) == {}

    async def test_is_not_written_when_it_is_cleared_again(self, server: ApiServer) -> None:
        await create(server, config_map(), WriteOptions("one"))
        assert await patched(server, CLEARED) == await patched(server, CLEARED)

    async def test_looks_like_any_other(self, server: ApiServer) -> None:
        await create(server, config_map(), WriteOptions("one"))
        await patched(server, CLEARED)
        assert "managedFields" not in tree(await server.get(target(ConfigMap, "settings")))["metadata"]

    async def test_stays_so_while_it_goes(self, server: ApiServer) -> None:
        held = config_map()
        held.metadata.finalizers = ["example.com/held"]
        await create(server, held, WriteOptions("one"))
        await patched(server, CLEARED)
        await server.delete(ME, target(ConfigMap, "settings"), DeleteOptions())
        assert owners(await patched(server, {"data": {"more": "yes"}})) == {}

    async def test_has_owners_again_when_a_client_says_so(self, server: ApiServer) -> None:
        await create(server, config_map(), WriteOptions("one"))
        known = (await fetch(server, ConfigMap, "settings")).metadata.managed_fields
        await patched(server, CLEARED)
        current = await patched(server, {"data": {"more": "yes"}})
        current.metadata.managed_fields = known
        current.data["most"] = "yes"
        await server.update(ME, target(ConfigMap, "settings"), current, WriteOptions("two"))
        found = owners(await fetch(server, ConfigMap, "settings"))
        assert found["two", None] == {"f:data": {"f:most": {}}}
        assert ("one", None) in found

    async def test_has_owners_again_when_somebody_applies(self, server: ApiServer) -> None:
        await create(server, config_map(), WriteOptions("one"))
        await patched(server, CLEARED)
        await server.patch(ME, target(ConfigMap, "settings"), applied(key="value"), WriteOptions("me"))
        assert owners(await patched(server, {"data": {"more": "yes"}})).keys() == {
            ("me", None),
            ("before-first-apply", None),
            ("two", None),
        }


async def test_an_applier_that_applies_nothing_any_more_owns_nothing(server: ApiServer) -> None:
    await server.patch(ME, target(ConfigMap, "settings"), applied(key="value"), WriteOptions("me"))
    nothing = PatchBody("apply", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}})
    await server.patch(ME, target(ConfigMap, "settings"), nothing, WriteOptions("me"))
    assert owners(await patched(server, {"data": {"more": "yes"}})) == {}


class TestWritersInTheProcess:
    async def test_begin_no_tracking(self, server: ApiServer) -> None:
        current = await create(server, config_map(), INSIDE)
        current.data["key"] = "other"
        await server.update(ME, target(ConfigMap, "settings"), current, INSIDE)
        assert not (await fetch(server, ConfigMap, "settings")).metadata.managed_fields

    async def test_go_on_with_what_others_began(self, server: ApiServer) -> None:
        current = await create(server, config_map(), WriteOptions("kubectl-create"))
        current.data["key"] = "other"
        await server.update(ME, target(ConfigMap, "settings"), current, INSIDE)
        assert owners(await fetch(server, ConfigMap, "settings"))["controller", None] == {"f:data": {"f:key": {}}}

    async def test_leave_no_trace_in_the_status(self, server: ApiServer) -> None:
        current = await create(server, stateful_set(), WriteOptions("kubectl-create"))
        current.status.replicas = 1
        await server.update(ME, target(StatefulSet, "web", "status"), current, INSIDE)
        assert set(owners(await fetch(server, StatefulSet, "web"))) == {("kubectl-create", None)}


async def test_the_same_applied_later_changes_nothing(server: ApiServer, clock: VirtualClock) -> None:
    document = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "serviceName": "web",
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "nginx", "image": "nginx"}]},
            },
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "www"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                }
            ],
        },
    }
    first = await server.patch(ME, target(StatefulSet, "web"), PatchBody("apply", document), WriteOptions("petset"))
    await clock.advance(60)
    second = await server.patch(ME, target(StatefulSet, "web"), PatchBody("apply", document), WriteOptions("petset"))
    assert (first.code, second.code) == (201, 200)
    assert tree(first) == tree(second)


async def test_what_nobody_tracked_counts_as_written_before_the_first_apply(server: ApiServer) -> None:
    await create(server, config_map(), INSIDE)
    answer = await server.patch(ME, target(ConfigMap, "settings"), applied(key="other"), WriteOptions("me", force=True))
    managers = {entry["manager"]: entry["operation"] for entry in tree(answer)["metadata"]["managedFields"]}
    assert managers == {"me": "Apply", "before-first-apply": "Update"}
