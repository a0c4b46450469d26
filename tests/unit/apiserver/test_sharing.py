"""Objects that many read at once: whatever is written next, they stay as they are."""

from typing import Any

import msgspec
import pytest
from msgspec import structs

from petset.api.resources import Resource
from petset.api.types import ConfigMap, DeleteOptions, Pod
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.registry import RECENT, encode
from petset.apiserver.request import Body, Identity, PatchBody, Target
from petset.client.interface import PatchType
from petset.kinds import CATALOGUE
from tests.property.requests import SAMPLES
from tests.unit.apiserver.calls import PLAINLY

ME = Identity("admin", ("system:masters",))
WRITTEN = [
    resource
    for resource in CATALOGUE.resources
    if resource.kind in SAMPLES and resource.view is None and {"get", "update"} <= set(resource.verbs)
]


def shared(server: ApiServer, target: Target) -> Any:
    record = server.registry.newest(target.resource, target.namespace, target.name)
    assert record is not None
    return server.registry.shared(target.resource, record)


@pytest.mark.parametrize("resource", WRITTEN, ids=lambda resource: f"{resource.group}/{resource.kind}")
async def test_what_others_read_is_not_changed_by_what_is_written(server: ApiServer, resource: Resource[Any]) -> None:
    sample = SAMPLES[resource.kind]
    place = Target(resource, "default" if resource.namespaced else "")
    made = await server.create(ME, place, Body(msgspec.json.encode(sample)), PLAINLY)
    meta = msgspec.json.decode(made.record.value)["metadata"]
    target = Target(resource, meta.get("namespace", ""), meta["name"])
    read: list[tuple[Any, bytes]] = []

    def note() -> bytes:
        obj = shared(server, target)
        read.append((obj, encode(obj)))
        return read[-1][1]

    subresources = [""] if resource.status is None else ["", "status"]
    for number, subresource in enumerate(subresources * 2):
        endpoint = Target(resource, target.namespace, target.name, subresource)
        tree = msgspec.json.decode(note())
        tree["metadata"].setdefault("annotations", {})["example.com/step"] = str(number)
        await server.update(ME, endpoint, Body(msgspec.json.encode(tree)), PLAINLY)
        note()
        patch = {"metadata": {"annotations": {"example.com/patch": str(number)}}}
        await server.patch(ME, endpoint, PatchBody("merge", patch), PLAINLY)
        note()
        await server.patch(ME, endpoint, PatchBody("strategic", {**patch, "status": {}}), PLAINLY)
    note()
    await server.delete(ME, target, DeleteOptions())
    assert [encode(obj) for obj, _ in read] == [before for _, before in read]


@pytest.mark.parametrize("subresource", ["", "status"])
@pytest.mark.parametrize("kind", ["merge", "strategic", "json"])
async def test_a_patch_that_leaves_the_spec_of_a_pod_alone_shares_it(
    server: ApiServer, kind: PatchType, subresource: str
) -> None:
    pod = CATALOGUE.of(Pod)
    await server.create(ME, Target(pod, "default"), Body(msgspec.json.encode(SAMPLES["Pod"])), PLAINLY)
    target = Target(pod, "default", SAMPLES["Pod"]["metadata"]["name"])
    before = shared(server, target)
    patch: Any = {"metadata": {"labels": {"patched": "true"}}, "status": {"reason": "Patched"}}
    if kind == "json":
        patch = [{"op": "add", "path": "/status/reason", "value": "Patched"}]
    answer = await server.patch(ME, Target(pod, "default", target.name, subresource), PatchBody(kind, patch), PLAINLY)
    after = shared(server, target)
    assert after.spec is before.spec
    assert msgspec.json.decode(answer.record.value, type=Pod) == after
    if subresource:
        assert after.status == structs.replace(before.status, reason="Patched")
    elif kind != "json":
        assert after == structs.replace(before, metadata=after.metadata)
        assert after.metadata.labels == before.metadata.labels | {"patched": "true"}


async def test_who_holds_an_object_has_the_one_that_others_get(server: ApiServer) -> None:
    """However much is written meanwhile: a write that follows need not read its predecessor out of bytes."""
    resource = CATALOGUE.of(ConfigMap)
    body = Body(msgspec.json.encode({"metadata": {"name": "held"}}))
    await server.create(ME, Target(resource, "default"), body, PLAINLY)
    held = shared(server, Target(resource, "default", "held"))
    for number in range(RECENT + 1):
        name = f"other-{number}"
        await server.create(
            ME, Target(resource, "default"), Body(b'{"metadata":{"name":"%b"}}' % name.encode()), PLAINLY
        )
    assert shared(server, Target(resource, "default", "held")) is held
