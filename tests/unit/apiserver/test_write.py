"""create and update: what is decoded, refused, warned of, and not written."""

import msgspec
import pytest

from petset.api.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    InternalError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    StatusError,
    UnsupportedMediaType,
)
from petset.api.types import (
    ConfigMap,
    DeleteOptions,
    Event,
    EventsV1Event,
    Lease,
    ObjectMeta,
    ObjectReference,
    StatefulSet,
)
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Body, WriteOptions
from petset.client.interface import FieldValidation
from tests.unit.apiserver.calls import (
    ME,
    PLAINLY,
    config_map,
    create,
    decoded,
    fetch,
    pod,
    stateful_set,
    target,
    tree,
)

MANIFEST = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"key":"value"}}'


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            Body(MANIFEST),
            Body(b'{"metadata":{"name":"settings"},"data":{"key":"value"}}'),
            Body(b"kind: ConfigMap\nmetadata: {name: settings}\ndata: {key: value}\n", "application/yaml"),
        ],
    )
    async def test_come_as_json_or_yaml(self, server: ApiServer, body: Body) -> None:
        answer = await server.create(ME, target(ConfigMap), body, PLAINLY)
        shown = tree(answer)
        assert (answer.code, shown["apiVersion"], shown["kind"]) == (201, "v1", "ConfigMap")
        assert shown["data"] == {"key": "value"}

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (Body(b"{"), "couldn't get version/kind; json parse error"),
            (
                Body(b"a: [", "application/yaml"),
                r"of type ConfigMap\): yaml: line 1: did not find expected node content \(613a205b\)$",
            ),
            (Body(b"any", "application/vnd.kubernetes.protobuf"), "error decoding protobuf"),
            (Body(b"[" * 100_000), "couldn't get version/kind; json parse error: exceeded max depth"),
            (Body(b"- " * 100_000, "application/yaml"), "unrecognized .*: exceeded max depth"),
            (Body(b'{"data":{"key":1e999}}'), "out of range"),
            (Body(b'{"unknown":1e999}'), "couldn't get version/kind; json parse error: Number out of range"),
            (Body(b'\xff{"metadata":{"name":"settings"}}'), "couldn't get version/kind; json parse error"),
            (
                Body(b'{"apiVersion":"v2","kind":"ConfigMap"}'),
                'cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2"',
            ),
            (
                Body(b'{"kind":"Secret"}'),
                r'Secret in version "v1" cannot .*: converting \(v1.Secret\) to \(core.ConfigMap\)',
            ),
            (Body(b"[]"), r"unrecognized \(must be of type ConfigMap\): .*cannot unmarshal array .*\(5b5d\)$"),
            (Body(b""), r"unexpected end of JSON input \(<empty>\)$"),
            (Body(b'{"metadata":{"name":"a name that is long"'), r'\({"metadata":{"name":"a name th ...\)$'),
            (
                Body(b'{"kind":"ConfigMap","data":{"key":1}}'),
                'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number',
            ),
        ],
    )
    async def test_have_to_be_the_object(self, server: ApiServer, body: Body, message: str) -> None:
        with pytest.raises(BadRequest, match=message):
            await server.create(ME, target(ConfigMap), body, PLAINLY)

    async def test_in_other_formats_are_refused(self, server: ApiServer) -> None:
        with pytest.raises(UnsupportedMediaType, match="accepted media types include: application/json"):
            await server.create(ME, target(ConfigMap), Body(b"any", "text/plain"), PLAINLY)

    async def test_from_within_have_to_fit_their_types(self, server: ApiServer) -> None:
        given = config_map()
        given.data = {"key": 5}  # type: ignore[dict-item]
        with pytest.raises(BadRequest, match="cannot be handled as a ConfigMap"):
            await create(server, given)


class TestFieldValidation:
    RAW = b'{"metadata":{"name":"settings"},"data":{"a":"1","a":"2"},"colour":"red"}'
    PROBLEMS = ('duplicate field "data.a"', 'unknown field "colour"')

    async def test_strict_refuses(self, server: ApiServer) -> None:
        with pytest.raises(BadRequest) as caught:
            await server.create(ME, target(ConfigMap), Body(self.RAW), WriteOptions(field_validation="Strict"))
        assert caught.value.message == (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
            f"strict decoding error: {', '.join(self.PROBLEMS)}"
        )

    @pytest.mark.parametrize(("validation", "told"), [("", True), ("Warn", True), ("Ignore", False)])
    async def test_otherwise_tells_or_keeps_quiet(
        self, server: ApiServer, validation: FieldValidation, told: bool
    ) -> None:
        options = WriteOptions(field_validation=validation)
        answer = await server.create(ME, target(ConfigMap), Body(self.RAW), options)
        assert answer.warnings == (self.PROBLEMS if told else ())
        assert tree(answer)["data"] == {"a": "2"}

    async def test_covers_updates(self, server: ApiServer) -> None:
        await create(server, config_map())
        options = WriteOptions(field_validation="Strict")
        with pytest.raises(BadRequest, match="strict decoding error"):
            await server.update(ME, target(ConfigMap, "settings"), Body(self.RAW), options)


class TestCreate:
    async def test_forgets_what_only_the_server_says(self, server: ApiServer) -> None:
        given = stateful_set()
        given.metadata.uid = "mine"
        given.metadata.creation_timestamp = given.metadata.deletion_timestamp = "1970-01-01T00:00:00Z"
        given.metadata.generation = 7
        given.status.replicas = 7
        created = await create(server, given)
        meta = created.metadata
        assert meta.uid != "mine"
        assert (meta.creation_timestamp, meta.deletion_timestamp, meta.generation) == (
            "2026-01-01T00:00:00Z",
            None,
            1,
        )
        assert created.status.replicas == 0

    async def test_of_an_event_in_the_newer_group_is_stored_as_one_of_the_core(self, server: ApiServer) -> None:
        shown = EventsV1Event(
            metadata=ObjectMeta(name="web-0.1"),
            event_time="2026-01-01T00:00:00.000000Z",
            reporting_controller="tester",
            reporting_instance="tester-1",
            action="Trying",
            reason="Tried",
            type="Normal",
            regarding=ObjectReference(kind="Pod", namespace="default", name="web-0"),
            note="it is so",
        )
        created = await create(server, shown)
        assert created.note == "it is so"
        assert (await fetch(server, Event, "web-0.1")).message == "it is so"

    async def test_needs_no_more_writes_than_one(self, server: ApiServer) -> None:
        before = server.registry.store.revision
        created = await create(server, pod())
        assert server.registry.store.revision == before + 1 == int(created.metadata.resource_version)

    async def test_beside_what_is_about_to_go_says_so(self, server: ApiServer) -> None:
        given = config_map()
        given.metadata.finalizers = ["example.com/guard"]
        await create(server, given)
        with pytest.raises(AlreadyExists, match=r'^configmaps "settings" already exists'):
            await create(server, config_map())
        await server.delete(ME, target(ConfigMap, "settings"), DeleteOptions())
        with pytest.raises(AlreadyExists, match=r'^object is being deleted: configmaps "settings" already exists'):
            await create(server, config_map())


class TestUpdate:
    async def test_may_create_anew_what_is_gone(self, server: ApiServer) -> None:
        lease = Lease(metadata=ObjectMeta(name="leader", namespace="default", resource_version="7"))
        answer = await server.update(ME, target(Lease, "leader"), lease, PLAINLY)
        assert (answer.code, decoded(answer, Lease).metadata.name) == (201, "leader")

    async def test_creates_no_other_object_than_is_meant(self, server: ApiServer) -> None:
        lease = Lease(metadata=ObjectMeta(name="leader", namespace="default", uid="1"))
        with pytest.raises(Conflict, match=r"UID in precondition: 1, UID in object meta: $"):
            await server.update(ME, target(Lease, "leader"), lease, PLAINLY)

    @pytest.mark.parametrize(
        ("name", "namespace", "message"),
        [
            ("other", "default", r"the name of the object \(other\) does not match the name on the URL \(settings\)"),
            (
                "",
                "default",
                r"the name of the object \(settings based on URL\) was undeterminable: name must be provided",
            ),
            ("settings", "other", "does not match the namespace sent on the request"),
        ],
    )
    async def test_has_to_be_of_the_object_that_the_url_says(
        self, server: ApiServer, name: str, namespace: str, message: str
    ) -> None:
        await create(server, config_map())
        given = config_map(name)
        given.metadata.namespace = namespace
        with pytest.raises(BadRequest, match=message):
            await server.update(ME, target(ConfigMap, "settings"), given, PLAINLY)

    async def test_that_only_reorders_labels_writes_nothing(self, server: ApiServer) -> None:
        created = await create(server, config_map(a="1", b="2"))
        given = config_map(b="2", a="1")
        answer = await server.update(ME, target(ConfigMap, "settings"), given, PLAINLY)
        assert decoded(answer, ConfigMap) == created

    async def test_bumps_the_generation_with_the_spec_only(self, server: ApiServer) -> None:
        current = await create(server, stateful_set())
        current.metadata.labels["seen"] = "yes"
        current = decoded(await server.update(ME, target(StatefulSet, "web"), current, PLAINLY), StatefulSet)
        assert current.metadata.generation == 1
        current.spec.replicas = 2
        current = decoded(await server.update(ME, target(StatefulSet, "web"), current, PLAINLY), StatefulSet)
        assert current.metadata.generation == 2

    async def test_of_what_may_not_change_is_invalid(self, server: ApiServer) -> None:
        current = await create(server, stateful_set())
        current.spec.service_name = "other"
        with pytest.raises(Invalid, match="updates to statefulset spec for fields other than"):
            await server.update(ME, target(StatefulSet, "web"), current, PLAINLY)

    async def test_dry_run_shows_what_would_be(self, server: ApiServer) -> None:
        current = await create(server, config_map())
        given = config_map()
        given.data = {"key": "other"}
        answer = await server.update(ME, target(ConfigMap, "settings"), given, WriteOptions(dry_run=True))
        assert decoded(answer, ConfigMap).data == {"key": "other"}
        assert await fetch(server, ConfigMap, "settings") == current

    async def test_of_a_status_that_a_kind_does_not_have_is_not_found(self, server: ApiServer) -> None:
        await create(server, config_map())
        with pytest.raises(NotFound, match="could not find the requested resource"):
            await server.update(ME, target(ConfigMap, "settings", "status"), config_map(), PLAINLY)


async def test_a_store_that_fails_is_an_internal_error(server: ApiServer) -> None:
    await server.registry.store.close()
    with pytest.raises(InternalError, match="the write was not stored"):
        await create(server, config_map())


async def test_a_conflict_names_the_object(server: ApiServer) -> None:
    created = await create(server, stateful_set())
    created.metadata.resource_version = "1"
    with pytest.raises(Conflict) as caught:
        await server.update(ME, target(StatefulSet, "web"), created, PLAINLY)
    assert caught.value.message == (
        'Operation cannot be fulfilled on statefulsets.apps "web": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert caught.value.details == {"name": "web", "group": "apps", "kind": "statefulsets"}


async def test_every_refusal_is_a_status(server: ApiServer) -> None:
    with pytest.raises(StatusError) as caught:
        await server.update(ME, target(ConfigMap, "settings", "colour"), config_map(), PLAINLY)
    assert msgspec.json.decode(msgspec.json.encode(caught.value.status()))["code"] == 404


async def test_names_are_not_posted_to(server: ApiServer) -> None:
    with pytest.raises(MethodNotAllowed, match="does not allow this method on the requested resource"):
        await server.create(ME, target(ConfigMap, "settings"), config_map(), PLAINLY)


@pytest.mark.parametrize(
    ("manager", "message"),
    [("x" * 129, "Too long: may not be more than 128 bytes"), ("a\nb", r"invalid character U\+000A \(at position 1\)")],
)
async def test_field_managers_have_names(server: ApiServer, manager: str, message: str) -> None:
    with pytest.raises(Invalid, match=f'CreateOptions.meta.k8s.io "" is invalid: fieldManager: .*{message}'):
        await server.create(ME, target(ConfigMap), config_map(), WriteOptions(manager))
