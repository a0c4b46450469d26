"""scale, binding, eviction, finalize: what they change and what they refuse."""

from typing import Any

import pytest

from petset.api.errors import (
    BadRequest,
    Conflict,
    Invalid,
    MethodNotAllowed,
    NotFound,
    StatusError,
)
from petset.api.types import (
    Binding,
    ConfigMap,
    DeleteOptions,
    Eviction,
    Namespace,
    ObjectMeta,
    ObjectReference,
    Pod,
    Preconditions,
    Scale,
    ScaleSpec,
    StatefulSet,
)
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Body, PatchBody, WriteOptions
from tests.unit.apiserver.calls import ME, PLAINLY, create, decoded, fetch, pod, stateful_set, target, tree


def scale(
    replicas: int | None, name: str = "web", namespace: str = "", uid: str = "", resource_version: str = ""
) -> Scale:
    meta = ObjectMeta(name=name, namespace=namespace, uid=uid, resource_version=resource_version)
    return Scale(metadata=meta, spec=ScaleSpec(replicas=replicas))


class TestScale:
    async def test_shows_the_set_in_short(self, server: ApiServer) -> None:
        created = await create(server, stateful_set(replicas=2))
        answer = await server.get(target(StatefulSet, "web", "scale"))
        assert tree(answer) == {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {
                "name": "web",
                "namespace": "default",
                "uid": created.metadata.uid,
                "resourceVersion": created.metadata.resource_version,
                "creationTimestamp": created.metadata.creation_timestamp,
            },
            "spec": {"replicas": 2},
            "status": {"replicas": 0, "selector": "app=web"},
        }
        assert answer.resource is None

    async def test_put_carries_the_replicas_over(self, server: ApiServer) -> None:
        await create(server, stateful_set())
        answer = await server.update(ME, target(StatefulSet, "web", "scale"), scale(5), PLAINLY)
        assert decoded(answer, Scale).spec.replicas == 5
        current = await fetch(server, StatefulSet, "web")
        assert (current.spec.replicas, current.metadata.generation) == (5, 2)

    async def test_nothing_said_is_zero(self, server: ApiServer) -> None:
        await create(server, stateful_set())
        await server.update(ME, target(StatefulSet, "web", "scale"), scale(None), PLAINLY)
        assert (await fetch(server, StatefulSet, "web")).spec.replicas == 0

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            (scale(-1), Invalid, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
            (scale(3, uid="1"), Conflict, "Precondition failed: UID in precondition: 1"),
            (scale(3, resource_version="1"), Conflict, "the object has been modified"),
            (scale(3, name="other"), BadRequest, "does not match the name on the URL"),
            (scale(3, namespace="other"), BadRequest, "does not match the namespace sent"),
        ],
    )
    async def test_put_refuses(self, server: ApiServer, given: Scale, error: type[StatusError], message: str) -> None:
        await create(server, stateful_set())
        with pytest.raises(error, match=message):
            await server.update(ME, target(StatefulSet, "web", "scale"), given, PLAINLY)

    @pytest.mark.parametrize(
        "body",
        [
            PatchBody("merge", {"spec": {"replicas": 5}}),
            PatchBody("strategic", b'{"spec":{"replicas":5}}'),
            PatchBody("json", [{"op": "replace", "path": "/spec/replicas", "value": 5}]),
        ],
    )
    async def test_patch_takes_every_plain_type(self, server: ApiServer, body: PatchBody) -> None:
        await create(server, stateful_set())
        answer = await server.patch(ME, target(StatefulSet, "web", "scale"), body, PLAINLY)
        assert tree(answer)["kind"] == "Scale"
        assert (await fetch(server, StatefulSet, "web")).spec.replicas == 5

    async def test_an_apply_owns_the_replicas_of_the_set(self, server: ApiServer) -> None:
        await create(server, stateful_set())
        wanted = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 4}}
        for force in (False, True):
            options = WriteOptions("scaler", force=force)
            patching = server.patch(ME, target(StatefulSet, "web", "scale"), PatchBody("apply", wanted), options)
            if force:
                assert tree(await patching)["spec"] == {"replicas": 4}
            else:
                with pytest.raises(Conflict, match=r"conflict with .*: \.spec\.replicas"):
                    await patching
        meta = tree(await server.get(target(StatefulSet, "web")))["metadata"]
        entry = next(entry for entry in meta["managedFields"] if entry["manager"] == "scaler")
        assert (entry["operation"], entry["subresource"], entry["fieldsV1"]) == (
            "Apply",
            "scale",
            {"f:spec": {"f:replicas": {}}},
        )

    @pytest.mark.parametrize("change", [{"spec": {"replicas": -1}}, {"spec": {"replicas": "x"}}, {"kind": "Pod"}])
    async def test_an_applied_scale_has_to_be_one(self, server: ApiServer, change: dict[str, object]) -> None:
        await create(server, stateful_set())
        body = PatchBody(
            "apply", {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, **change}
        )
        with pytest.raises((BadRequest, Invalid)):
            await server.patch(ME, target(StatefulSet, "web", "scale"), body, WriteOptions("tester", force=True))

    async def test_of_nothing_is_not_found(self, server: ApiServer) -> None:
        for asked in (
            server.get(target(StatefulSet, "web", "scale")),
            server.update(ME, target(StatefulSet, "web", "scale"), scale(1), PLAINLY),
        ):
            with pytest.raises(NotFound, match=r'statefulsets\.apps "web" not found'):
                await asked

    async def test_of_what_does_not_scale_is_not_found(self, server: ApiServer) -> None:
        with pytest.raises(NotFound, match="could not find the requested resource"):
            await server.get(target(Pod, "web-0", "scale"))

    async def test_dry_run_changes_nothing(self, server: ApiServer) -> None:
        created = await create(server, stateful_set())
        options = WriteOptions("tester", dry_run=True)
        answer = await server.update(ME, target(StatefulSet, "web", "scale"), scale(5), options)
        assert decoded(answer, Scale).spec.replicas == 5
        assert await fetch(server, StatefulSet, "web") == created


def binding(node: str = "node-1", **changes: Any) -> Binding:
    return Binding(metadata=ObjectMeta(name="web-0"), target=ObjectReference(name=node, **changes))


class TestBinding:
    async def test_gives_the_pod_its_node_and_says_so(self, server: ApiServer) -> None:
        await create(server, pod(node=None))
        given = binding()
        given.metadata.annotations = {"chosen-by": "me"}
        answer = await server.create(ME, target(Pod, "web-0", "binding"), given, PLAINLY)
        assert (answer.code, tree(answer)["status"]) == (201, "Success")
        bound = await fetch(server, Pod, "web-0")
        assert (bound.spec.node_name, bound.metadata.annotations) == ("node-1", {"chosen-by": "me"})
        condition = bound.status.conditions[0]
        assert (condition.type, condition.status) == ("PodScheduled", "True")
        assert condition.last_transition_time == "2026-01-01T00:00:00Z"

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (binding(""), "target.name: Required value"),
            (binding(kind="Pod"), 'target.kind: Unsupported value: "Pod"'),
        ],
    )
    async def test_needs_a_node(self, server: ApiServer, given: Binding, message: str) -> None:
        await create(server, pod(node=None))
        with pytest.raises(Invalid, match=message):
            await server.create(ME, target(Pod, "web-0", "binding"), given, PLAINLY)

    async def test_means_one_certain_pod(self, server: ApiServer) -> None:
        await create(server, pod(node=None))
        given = binding()
        given.metadata.uid = "another"
        with pytest.raises(Conflict, match="UID in precondition: another"):
            await server.create(ME, target(Pod, "web-0", "binding"), given, PLAINLY)

    async def test_comes_too_late_for_a_pod_that_goes(self, server: ApiServer) -> None:
        given = pod(node=None)
        given.metadata.finalizers = ["example.com/keep"]
        await create(server, given)
        await server.delete(ME, target(Pod, "web-0"), DeleteOptions())
        with pytest.raises(Conflict, match="is being deleted, cannot be assigned to a host"):
            await server.create(ME, target(Pod, "web-0", "binding"), binding(), PLAINLY)


async def test_eviction_deletes_with_its_options(server: ApiServer) -> None:
    await create(server, pod())
    eviction = Eviction(
        metadata=ObjectMeta(name="web-0"), delete_options=DeleteOptions(preconditions=Preconditions(uid="another"))
    )
    with pytest.raises(Conflict, match="the UID in the precondition"):
        await server.create(ME, target(Pod, "web-0", "eviction"), eviction, PLAINLY)
    eviction.delete_options = DeleteOptions(grace_period_seconds=3)
    answer = await server.create(ME, target(Pod, "web-0", "eviction"), eviction, PLAINLY)
    assert answer.code == 201
    assert (await fetch(server, Pod, "web-0")).metadata.deletion_grace_period_seconds == 3


class TestFinalize:
    async def test_changes_nothing_but_the_finalizers(self, server: ApiServer) -> None:
        current = await create(server, Namespace(metadata=ObjectMeta(name="other")))
        current.spec.finalizers = ["kubernetes", "example.com/mine"]
        current.metadata.labels["seen"] = "yes"
        await server.update(ME, target(Namespace, "other", "finalize"), current, PLAINLY)
        after = await fetch(server, Namespace, "other")
        assert after.spec.finalizers == ["kubernetes", "example.com/mine"]
        assert "seen" not in after.metadata.labels

    async def test_of_a_namespace_that_stays_deletes_nothing(self, server: ApiServer) -> None:
        current = await create(server, Namespace(metadata=ObjectMeta(name="other")))
        current.spec.finalizers = []
        await server.update(ME, target(Namespace, "other", "finalize"), current, PLAINLY)
        await server.delete(ME, target(Namespace, "other"), DeleteOptions())
        with pytest.raises(NotFound):
            await fetch(server, Namespace, "other")

    async def test_an_old_state_is_a_conflict(self, server: ApiServer) -> None:
        current = await create(server, Namespace(metadata=ObjectMeta(name="other")))
        current.metadata.resource_version = "1"
        with pytest.raises(Conflict, match="the object has been modified"):
            await server.update(ME, target(Namespace, "other", "finalize"), current, PLAINLY)


@pytest.mark.parametrize("subresource", ["exec", "colour", "status"])
async def test_other_subresources_take_no_post(server: ApiServer, subresource: str) -> None:
    with pytest.raises((MethodNotAllowed, NotFound)):
        await server.create(ME, target(ConfigMap, "settings", subresource), Body(b"{}"), PLAINLY)
