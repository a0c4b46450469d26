"""PATCH: what of a patch is refused, and how."""

from typing import Any

import pytest

from petset.api.errors import BadRequest, Conflict, Invalid, MethodNotAllowed, NotFound, StatusError
from petset.api.types import ConfigMap, Pod
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import PatchBody, WriteOptions
from petset.client.interface import PatchType
from tests.unit.apiserver.calls import ME, PLAINLY, config_map, create, fetch, pod, target, tree


def config(**changes: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}} | changes


@pytest.mark.parametrize(
    ("body", "options", "error", "message"),
    [
        (PatchBody("merge", b"{"), PLAINLY, BadRequest, "error decoding patch"),
        (PatchBody("merge", []), PLAINLY, BadRequest, "error decoding patch: a merge patch is a JSON object"),
        (PatchBody("json", {}), PLAINLY, BadRequest, "cannot unmarshal object into Go value of type"),
        (PatchBody("json", [{"op": "remove", "path": "/data/none"}]), PLAINLY, Invalid, "does not apply: /data/none"),
        (
            PatchBody("merge", {"data": {"a": 1}}),
            PLAINLY,
            Invalid,
            '^ "" is invalid: patch: .*: json: cannot unmarshal number',
        ),
        (PatchBody("merge", {"kind": "Secret"}), PLAINLY, Invalid, 'no kind "Secret" is registered for version "v1"'),
        (
            PatchBody("merge", {"metadata": {"name": "other"}}),
            PLAINLY,
            BadRequest,
            "does not match the name on the URL",
        ),
        (
            PatchBody("strategic", {"$patch": "delete"}),
            PLAINLY,
            BadRequest,
            "was undeterminable: name must be provided",
        ),
        (PatchBody("merge", {"metadata": {"namespace": "other"}}), PLAINLY, BadRequest, "does not match the namespace"),
        (
            PatchBody("merge", {"colour": "red"}),
            WriteOptions("tester", field_validation="Strict"),
            Invalid,
            'strict decoding error: unknown field "colour"',
        ),
        (
            PatchBody("merge", b'{"data":{"a":"1","a":"2"}}'),
            WriteOptions("tester", field_validation="Strict"),
            Invalid,
            'strict decoding error: duplicate field "data.a"',
        ),
        (
            PatchBody("merge", {}),
            WriteOptions("tester", force=True),
            Invalid,
            "may not be specified for non-apply patch",
        ),
        (PatchBody("apply", config()), WriteOptions(), Invalid, "fieldManager: Required value"),
        (PatchBody("apply", b"a: ["), PLAINLY, BadRequest, "error converting YAML"),
        (PatchBody("apply", b"- a"), PLAINLY, BadRequest, "an applied configuration is an object"),
        (PatchBody("apply", config(kind="Secret")), PLAINLY, BadRequest, "invalid object type: /v1, Kind=Secret"),
        (PatchBody("apply", b""), PLAINLY, BadRequest, "invalid object type: /, Kind=$"),
        (
            PatchBody("apply", config(colour="red")),
            PLAINLY,
            BadRequest,
            "typed patch object .*settings; /v1, Kind=ConfigMap.*: .colour: field not declared in schema",
        ),
        (
            PatchBody("apply", config(a=1, b=2)),
            PLAINLY,
            BadRequest,
            "errors:\n  .a: field .*\n  .b: field not declared",
        ),
        (PatchBody("apply", config(metadata={"name": "other"})), PLAINLY, BadRequest, "does not match the name on the"),
        (
            PatchBody("apply", config(metadata={"name": "settings", "namespace": "other"})),
            PLAINLY,
            BadRequest,
            "does not match the namespace",
        ),
    ],
)
async def test_what_is_refused(
    server: ApiServer, body: PatchBody, options: WriteOptions, error: type[StatusError], message: str
) -> None:
    await create(server, config_map())
    with pytest.raises(error, match=message):
        await server.patch(ME, target(ConfigMap, "settings"), body, options)


@pytest.mark.parametrize("type_", ["json", "merge", "strategic"])
async def test_that_changes_nothing_writes_nothing(server: ApiServer, type_: PatchType) -> None:
    created = await create(server, config_map())
    document: Any = [] if type_ == "json" else {"data": {"key": "value"}}
    await server.patch(ME, target(ConfigMap, "settings"), PatchBody(type_, document), PLAINLY)
    assert await fetch(server, ConfigMap, "settings") == created


async def test_of_the_status_leaves_the_rest(server: ApiServer) -> None:
    await create(server, pod())
    document = {"status": {"phase": "Running"}, "spec": {"nodeName": "elsewhere"}}
    answer = await server.patch(ME, target(Pod, "web-0", "status"), PatchBody("merge", document), PLAINLY)
    assert (tree(answer)["status"]["phase"], tree(answer)["spec"]["nodeName"]) == ("Running", "node-1")


@pytest.mark.parametrize("also", ["", ", resourceVersion: '7'"], ids=["new", "gone"])
async def test_an_apply_creates_what_is_not_there(server: ApiServer, also: str) -> None:
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings{also}}}\ndata: {{a: '1'}}\n"
    body = PatchBody("apply", text.encode())
    answer = await server.patch(ME, target(ConfigMap, "settings"), body, PLAINLY)
    assert (answer.code, tree(answer)["metadata"]["name"]) == (201, "settings")


async def test_an_apply_names_what_it_creates_not_what_is_there(server: ApiServer) -> None:
    nameless = PatchBody("apply", config(metadata={}))
    with pytest.raises(BadRequest, match="was undeterminable: name must be provided"):
        await server.patch(ME, target(ConfigMap, "settings"), nameless, PLAINLY)
    await create(server, config_map())
    assert (await server.patch(ME, target(ConfigMap, "settings"), nameless, PLAINLY)).code == 200


async def test_an_apply_to_a_certain_object_does_not_create_another(server: ApiServer) -> None:
    body = PatchBody("apply", config(metadata={"name": "settings", "uid": "1"}))
    with pytest.raises(Conflict, match="uid mismatch: the provided object specified uid 1, and no existing object"):
        await server.patch(ME, target(ConfigMap, "settings"), body, PLAINLY)


async def test_an_apply_to_a_status_creates_nothing(server: ApiServer) -> None:
    body = PatchBody(
        "apply", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0"}, "status": {"phase": "Running"}}
    )
    with pytest.raises(NotFound, match='pods "web-0" not found'):
        await server.patch(ME, target(Pod, "web-0", "status"), body, PLAINLY)


async def test_an_apply_conflict_names_every_field(server: ApiServer) -> None:
    await server.patch(ME, target(ConfigMap, "settings"), PatchBody("apply", config()), WriteOptions("one"))
    body = PatchBody("apply", config(data={"a": "2"}))
    with pytest.raises(Conflict) as caught:
        await server.patch(ME, target(ConfigMap, "settings"), body, WriteOptions("two"))
    assert caught.value.details["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
    ]


async def test_unknown_fields_are_warned_of(server: ApiServer) -> None:
    await create(server, config_map())
    body = PatchBody("merge", {"colour": "red"})
    answer = await server.patch(ME, target(ConfigMap, "settings"), body, PLAINLY)
    assert answer.warnings == ('unknown field "colour"',)


@pytest.mark.parametrize(("subresource", "error"), [("binding", MethodNotAllowed), ("colour", NotFound)])
async def test_of_other_subresources_is_refused(server: ApiServer, subresource: str, error: type[StatusError]) -> None:
    with pytest.raises(error):
        await server.patch(ME, target(Pod, "web-0", subresource), PatchBody("merge", {}), PLAINLY)
