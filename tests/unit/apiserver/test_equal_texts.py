"""What was found out about the text of one object is no answer to what depends on more than the text."""

from itertools import permutations
from typing import Any

import msgspec
import pytest

from petset.api.errors import BadRequest, Forbidden, Invalid, StatusError
from petset.api.types import (
    DeleteOptions,
    LimitRange,
    LimitRangeItem,
    LimitRangeSpec,
    Object,
    ObjectMeta,
    PersistentVolumeClaim,
    Pod,
    PriorityClass,
    Service,
    StatefulSet,
)
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Answer, Body, PatchBody, WriteOptions
from petset.client.interface import FieldValidation
from tests.unit.apiserver.calls import ME, PLAINLY, create, decoded, fetch, target, tree

SPEC: dict[str, Any] = {"nodeName": "node-1", "containers": [{"name": "nginx", "image": "nginx"}]}
LEVELS: tuple[FieldValidation, ...] = ("Ignore", "Warn", "Strict")


def text(name: str, spec: dict[str, Any], kind: str = "Pod", version: str = "v1") -> Body:
    return Body(msgspec.json.encode({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}))


async def post(
    server: ApiServer, name: str, spec: dict[str, Any], options: WriteOptions = PLAINLY, namespace: str = "default"
) -> Pod:
    answer = await server.create(ME, target(Pod, namespace=namespace), text(name, spec), options)
    return decoded(answer, Pod)


async def test_limits_are_those_of_the_namespace_and_of_now(server: ApiServer) -> None:
    item = LimitRangeItem(type="Container", default={"cpu": "2"})
    limits = LimitRange(metadata=ObjectMeta(name="limits"), spec=LimitRangeSpec(limits=[item]))

    async def given(name: str, namespace: str) -> dict[str, str]:
        pod = await post(server, name, SPEC, namespace=namespace)
        return pod.spec.containers[0].resources.limits

    assert await given("before", "default") == {}
    await create(server, limits)
    assert await given("limited", "default") == {"cpu": "2"}
    assert await given("elsewhere", "kube-public") == {}
    await server.delete(ME, target(LimitRange, "limits"), DeleteOptions())
    assert await given("after", "default") == {}


async def test_a_priority_is_that_of_the_class_as_it_is(server: ApiServer) -> None:
    spec = {**SPEC, "priorityClassName": "urgent"}
    for name, value in (("web-0", 7), ("web-1", 8)):
        await create(server, PriorityClass(metadata=ObjectMeta(name="urgent"), value=value))
        assert (await post(server, name, spec)).spec.priority == value
        await server.delete(ME, target(PriorityClass, "urgent"), DeleteOptions())
        with pytest.raises(Forbidden, match="no PriorityClass with name urgent was found"):
            await post(server, "web-2", spec)


@pytest.mark.parametrize("levels", [*permutations(LEVELS)], ids="-".join)
async def test_unknown_fields_are_told_as_each_request_wants(
    server: ApiServer, levels: tuple[FieldValidation, ...]
) -> None:
    spec = {**SPEC, "colour": "red"}
    found: dict[str, Any] = {}
    for number, level in enumerate(levels * 2):
        options = WriteOptions(field_validation=level)
        try:
            answer = await server.create(ME, target(Pod), text(f"web-{number}", spec), options)
            found[level] = answer.warnings
        except BadRequest as error:
            found[level] = error.message.rpartition(": ")[2]
    told = 'unknown field "spec.colour"'
    assert found == {"Ignore": (), "Warn": (told,), "Strict": told}


@pytest.mark.parametrize(
    ("kind", "version"), [(StatefulSet, "apps/v1"), (Service, "v1"), (PersistentVolumeClaim, "v1")]
)
async def test_fields_are_known_of_one_kind_only(server: ApiServer, kind: type[Object], version: str) -> None:
    options = WriteOptions(field_validation="Strict")
    await post(server, "web-0", SPEC, options)
    with pytest.raises(BadRequest, match=r'unknown field "spec.containers"'):
        await server.create(ME, target(kind), text("web", SPEC, kind.__name__, version), options)


async def test_a_dry_run_is_remembered_and_nothing_else_of_it(server: ApiServer) -> None:
    for _ in range(2):
        await post(server, "web-0", SPEC, WriteOptions("tester", dry_run=True))
    await post(server, "web-0", SPEC)
    with pytest.raises(StatusError, match="already exists"):
        await post(server, "web-0", SPEC, WriteOptions("tester", dry_run=True))


@pytest.mark.parametrize(
    "change",
    [{"hostname": "UPPER"}, {"schedulingGates": [{"name": "example.com/gate"}]}, {"ephemeralContainers": [{}]}],
    ids=lambda change: next(iter(change)),
)
async def test_what_differs_from_a_valid_one_is_judged(server: ApiServer, change: dict[str, Any]) -> None:
    for number in range(2):
        await post(server, f"web-{number}", SPEC)
        with pytest.raises(Invalid):
            await post(server, "other", {**SPEC, **change})


async def test_a_spec_that_makes_a_pod_need_not_fit_one_that_is_there(server: ApiServer) -> None:
    other = {**SPEC, "containers": [{"name": "httpd", "image": "httpd"}]}
    await post(server, "web-0", SPEC)
    await post(server, "web-1", other)
    with pytest.raises(Invalid, match="pod updates may not change fields other than"):
        await server.update(ME, target(Pod, "web-0"), text("web-0", other), PLAINLY)


async def test_owners_of_one_are_not_those_of_its_likes(server: ApiServer) -> None:
    async def patch(document: dict[str, Any], manager: str) -> Answer:
        return await server.patch(ME, target(Pod, "web-0"), PatchBody("merge", document), WriteOptions(manager))

    first = (await post(server, "web-0", SPEC)).metadata.managed_fields
    await post(server, "web-1", SPEC)
    await patch({"metadata": {"labels": {"app": "web"}}}, "tester")
    await patch({"spec": {"activeDeadlineSeconds": 9}}, "other")
    assert len(tree(await patch({"metadata": {"labels": None}}, "other"))["metadata"]["managedFields"]) == 2
    assert (await fetch(server, Pod, "web-1")).metadata.managed_fields == first
    assert (await post(server, "web-2", SPEC)).metadata.managed_fields == first
