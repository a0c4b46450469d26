"""What the `Client` port promises, over every client: what is written is read back, refused, watched, deleted alike."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.api.errors import AlreadyExists, BadRequest, Conflict, Invalid, NotFound, TooManyRequests
from petset.api.types import (
    Binding,
    ConfigMap,
    Container,
    DeleteOptions,
    Eviction,
    LabelSelector,
    Namespace,
    ObjectMeta,
    ObjectReference,
    Pod,
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodSpec,
    PodTemplateSpec,
    Preconditions,
    ResourceQuota,
    ResourceQuotaSpec,
    Service,
    ServiceAccount,
    ServicePort,
    ServiceSpec,
    StatefulSet,
    StatefulSetSpec,
    TokenRequest,
    TokenRequestSpec,
)
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.client.interface import Client, ListOptions, Patch, WatchEvent, WatchOptions, WriteOptions
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from tests.contract.clients import CLIENTS


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    store = MemoryStore()
    server = ApiServer(CATALOGUE, store, SystemClock())
    await create_system_objects(server, 6443)
    yield server
    await store.close()


@pytest.fixture(params=CLIENTS)
async def client(request: pytest.FixtureRequest, server: ApiServer, tmp_path: Path) -> AsyncIterator[Client]:
    async with CLIENTS[request.param](server, tmp_path) as client:
        yield client


def config_map(name: str = "settings", **labels: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default", labels=labels), data={"key": "value"})


def pod(name: str = "web-0") -> Pod:
    spec = PodSpec(containers=[Container(name="nginx", image="nginx")], node_name="node-1")
    return Pod(metadata=ObjectMeta(name=name, namespace="default"), spec=spec)


async def next_event(events: AsyncIterator[WatchEvent[ConfigMap]]) -> tuple[str, str]:
    event = await anext(events)
    return event.type, event.object.metadata.name


class TestCreate:
    async def test_answers_with_what_get_shows(self, client: Client) -> None:
        created = await client.create(config_map(app="web"))
        assert created == await client.get(ConfigMap, "settings", "default")
        assert created.metadata.uid
        assert created.metadata.creation_timestamp
        assert int(created.metadata.resource_version) > 1
        assert created.metadata.labels == {"app": "web"}

    async def test_leaves_the_given_object_alone(self, client: Client) -> None:
        given = config_map()
        await client.create(given)
        assert given == config_map()

    async def test_draws_a_name_after_generate_name(self, client: Client) -> None:
        given = config_map(name="")
        given.metadata.generate_name = "settings-"
        names = {(await client.create(given)).metadata.name for _ in range(3)}
        assert len(names) == 3
        assert all(len(name) == len("settings-") + 5 for name in names)

    async def test_refuses_a_name_that_is_taken(self, client: Client) -> None:
        await client.create(config_map())
        with pytest.raises(AlreadyExists, match='configmaps "settings" already exists'):
            await client.create(config_map())

    async def test_refuses_a_namespace_that_is_not_there(self, client: Client) -> None:
        given = config_map()
        given.metadata.namespace = "elsewhere"
        with pytest.raises(NotFound, match='namespaces "elsewhere" not found'):
            await client.create(given)

    async def test_refuses_a_resource_version(self, client: Client) -> None:
        given = config_map()
        given.metadata.resource_version = "5"
        with pytest.raises(BadRequest, match="resourceVersion should not be set on objects to be created"):
            await client.create(given)

    async def test_names_every_broken_rule(self, client: Client) -> None:
        given = config_map(name="No Name", **{"a/b/c": "x"})
        with pytest.raises(Invalid) as caught:
            await client.create(given)
        assert {cause["field"] for cause in caught.value.details["causes"]} == {"metadata.name", "metadata.labels"}

    async def test_dry_run_stores_nothing(self, client: Client) -> None:
        tried = await client.create(config_map(), WriteOptions(dry_run=True))
        assert tried.metadata.uid
        assert not tried.metadata.resource_version
        with pytest.raises(NotFound):
            await client.get(ConfigMap, "settings", "default")

    async def test_of_many_at_once_tells_the_outcome_of_each(self, client: Client) -> None:
        await client.create(config_map("taken"))
        first, taken, broken, last = await client.create_all([config_map(name) for name in ("a", "taken", "No", "b")])
        assert isinstance(taken, AlreadyExists)
        assert isinstance(broken, Invalid)
        for created in (first, last):
            assert isinstance(created, ConfigMap)
            assert await client.get(ConfigMap, created.metadata.name, "default") == created


class TestUpdate:
    async def test_moves_the_resource_version(self, client: Client) -> None:
        created = await client.create(config_map())
        created.data["key"] = "other"
        updated = await client.update(created)
        assert int(updated.metadata.resource_version) > int(created.metadata.resource_version)
        assert (await client.get(ConfigMap, "settings", "default")).data == {"key": "other"}

    async def test_that_changes_nothing_writes_nothing(self, client: Client) -> None:
        created = await client.create(config_map())
        assert await client.update(created) == created

    async def test_of_an_old_state_is_a_conflict(self, client: Client) -> None:
        old = await client.create(config_map())
        new = await client.get(ConfigMap, "settings", "default")
        new.data["key"] = "new"
        await client.update(new)
        old.data["key"] = "old"
        with pytest.raises(Conflict, match="the object has been modified; please apply your changes to the latest"):
            await client.update(old)

    async def test_without_resource_version_overwrites(self, client: Client) -> None:
        await client.create(config_map())
        given = config_map()
        given.data = {"key": "mine"}
        assert (await client.update(given)).data == {"key": "mine"}

    async def test_of_another_object_of_the_same_name_is_a_conflict(self, client: Client) -> None:
        created = await client.create(config_map())
        created.metadata.uid = "somebody else"
        with pytest.raises(Conflict, match="Precondition failed: UID in precondition: somebody else"):
            await client.update(created)

    async def test_of_nothing_is_not_found(self, client: Client) -> None:
        with pytest.raises(NotFound, match='configmaps "settings" not found'):
            await client.update(config_map())

    async def test_of_the_status_leaves_the_spec(self, client: Client) -> None:
        created = await client.create(pod())
        created.status.phase = "Running"
        created.spec.node_name = "elsewhere"
        updated = await client.update(created, subresource="status")
        assert (updated.status.phase, updated.spec.node_name) == ("Running", "node-1")

    async def test_of_the_spec_leaves_the_status(self, client: Client) -> None:
        created = await client.create(pod())
        created.status.phase = "Running"
        created.metadata.labels["seen"] = "yes"
        updated = await client.update(created)
        assert (updated.status.phase, updated.metadata.labels) == ("Pending", {"seen": "yes"})


class TestList:
    async def test_shows_one_namespace_in_key_order(self, client: Client) -> None:
        await client.create(Namespace(metadata=ObjectMeta(name="other")))
        elsewhere = config_map("elsewhere")
        elsewhere.metadata.namespace = "other"
        for given in (config_map("b"), config_map("a"), elsewhere):
            await client.create(given)
        listed = await client.list(ConfigMap, "default")
        assert [item.metadata.name for item in listed.items] == ["a", "b"]
        assert {item.metadata.name for item in (await client.list(ConfigMap)).items} == {"a", "b", "elsewhere"}

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            (ListOptions(label_selector="app=web"), ["a"]),
            (ListOptions(label_selector="app in (web,db)"), ["a", "b"]),
            (ListOptions(label_selector="!app"), ["c"]),
            (ListOptions(field_selector="metadata.name=b"), ["b"]),
            (ListOptions(field_selector="metadata.name!=b,metadata.namespace=default"), ["a", "c"]),
        ],
    )
    async def test_selects(self, client: Client, options: ListOptions, names: list[str]) -> None:
        for given in (config_map("a", app="web"), config_map("b", app="db"), config_map("c")):
            await client.create(given)
        assert [item.metadata.name for item in (await client.list(ConfigMap, "default", options)).items] == names

    async def test_refuses_an_unknown_field(self, client: Client) -> None:
        with pytest.raises(BadRequest, match="field label not supported: spec"):
            await client.list(Pod, "default", ListOptions(field_selector="spec.colour=red"))

    async def test_goes_on_where_a_page_ended(self, client: Client) -> None:
        for name in "abcde":
            await client.create(config_map(name))
        names: list[str] = []
        token = ""
        for _ in range(3):
            page = await client.list(ConfigMap, "default", ListOptions(limit=2, continue_=token))
            names += [item.metadata.name for item in page.items]
            token = page.continue_
        assert (names, token) == (list("abcde"), "")

    async def test_refuses_a_token_that_is_none(self, client: Client) -> None:
        with pytest.raises(BadRequest, match="continue key is not valid"):
            await client.list(ConfigMap, "default", ListOptions(continue_="nonsense"))


class TestWatch:
    async def test_follows_on_a_list_without_a_gap(self, client: Client) -> None:
        listed = await client.list(ConfigMap, "default")
        created = await client.create(config_map())
        created.data["key"] = "other"
        await client.update(created)
        await client.delete(ConfigMap, "settings", "default")
        async with client.watch(ConfigMap, "default", WatchOptions(resource_version=listed.resource_version)) as events:
            seen = [await anext(events) for _ in range(3)]
        assert [event.type for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
        versions = [int(event.object.metadata.resource_version) for event in seen]
        assert versions == sorted(set(versions))

    async def test_begins_with_the_present_state_and_says_where_it_ends(self, client: Client) -> None:
        await client.create(config_map("a"))
        await client.create(config_map("b"))
        async with client.watch(ConfigMap, "default", WatchOptions(send_initial_events=True)) as events:
            assert [await next_event(events) for _ in range(2)] == [("ADDED", "a"), ("ADDED", "b")]
            end = await anext(events)
            assert end.ends_initial_events
            assert end.object.kind == "ConfigMap"
            listed = await client.list(ConfigMap, "default")
            assert end.object.metadata.resource_version == listed.resource_version
            await client.create(config_map("c"))
            assert await next_event(events) == ("ADDED", "c")

    async def test_shows_what_begins_and_stops_to_match(self, client: Client) -> None:
        listed = await client.list(ConfigMap, "default")
        options = WatchOptions(label_selector="app=web", resource_version=listed.resource_version)
        async with client.watch(ConfigMap, "default", options) as events:
            current = await client.create(config_map(app="db"))
            current.metadata.labels["app"] = "web"
            current = await client.update(current)
            added = await anext(events)
            current.metadata.labels["app"] = "db"
            current = await client.update(current)
            deleted = await anext(events)
        assert (added.type, deleted.type) == ("ADDED", "DELETED")
        assert deleted.object.metadata.labels == {"app": "web"}
        assert deleted.object.metadata.resource_version == current.metadata.resource_version

    async def test_of_one_name_sees_no_other(self, client: Client) -> None:
        options = WatchOptions(field_selector="metadata.name=web-1")
        async with client.watch(ConfigMap, "default", options) as events:
            for name in ("web-10", "web-1"):
                await client.create(config_map(name))
            assert await next_event(events) == ("ADDED", "web-1")


class TestDelete:
    async def test_takes_the_object_away(self, client: Client) -> None:
        await client.create(config_map())
        await client.delete(ConfigMap, "settings", "default")
        with pytest.raises(NotFound):
            await client.get(ConfigMap, "settings", "default")
        with pytest.raises(NotFound):
            await client.delete(ConfigMap, "settings", "default")

    @pytest.mark.parametrize("precondition", [Preconditions(uid="another"), Preconditions(resource_version="1")])
    async def test_holds_to_preconditions(self, client: Client, precondition: Preconditions) -> None:
        await client.create(config_map())
        with pytest.raises(Conflict, match="in the precondition"):
            await client.delete(ConfigMap, "settings", "default", DeleteOptions(preconditions=precondition))

    async def test_waits_for_finalizers(self, client: Client) -> None:
        given = config_map()
        given.metadata.finalizers = ["example.com/keep"]
        await client.create(given)
        await client.delete(ConfigMap, "settings", "default")
        kept = await client.get(ConfigMap, "settings", "default")
        assert kept.metadata.deletion_timestamp
        kept.metadata.finalizers = []
        await client.update(kept)
        with pytest.raises(NotFound):
            await client.get(ConfigMap, "settings", "default")

    async def test_of_a_running_pod_gives_it_its_grace(self, client: Client) -> None:
        await client.create(pod())
        await client.delete(Pod, "web-0", "default")
        assert (await client.get(Pod, "web-0", "default")).metadata.deletion_grace_period_seconds == 30
        await client.delete(Pod, "web-0", "default", DeleteOptions(grace_period_seconds=5))
        assert (await client.get(Pod, "web-0", "default")).metadata.deletion_grace_period_seconds == 5
        await client.delete(Pod, "web-0", "default", DeleteOptions(grace_period_seconds=0))
        with pytest.raises(NotFound):
            await client.get(Pod, "web-0", "default")

    @pytest.mark.parametrize(("policy", "finalizers"), [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])])
    async def test_leaves_dependents_to_the_garbage_collector(
        self, client: Client, policy: str, finalizers: list[str]
    ) -> None:
        await client.create(config_map())
        await client.delete(ConfigMap, "settings", "default", DeleteOptions(propagation_policy=policy))
        kept = await client.get(ConfigMap, "settings", "default")
        assert kept.metadata.finalizers == finalizers

    async def test_of_a_collection_takes_what_is_selected(self, client: Client) -> None:
        for given in (config_map("a", app="web"), config_map("b", app="web"), config_map("c")):
            await client.create(given)
        await client.delete_collection(ConfigMap, "default", ListOptions(label_selector="app=web"))
        assert [item.metadata.name for item in (await client.list(ConfigMap, "default")).items] == ["c"]

    async def test_of_a_namespace_lets_nothing_new_in(self, client: Client) -> None:
        await client.create(Namespace(metadata=ObjectMeta(name="other")))
        await client.delete(Namespace, "other")
        assert (await client.get(Namespace, "other")).status.phase == "Terminating"
        given = config_map()
        given.metadata.namespace = "other"
        with pytest.raises(Exception, match="because it is being terminated") as caught:
            await client.create(given)
        assert getattr(caught.value, "details", {})["causes"][0]["reason"] == "NamespaceTerminating"


class TestServices:
    async def test_get_an_address_of_their_own(self, client: Client) -> None:
        def service(name: str, address: str | None = None) -> Service:
            spec = ServiceSpec(ports=[ServicePort(port=80)], cluster_ip=address)
            return Service(metadata=ObjectMeta(name=name, namespace="default"), spec=spec)

        first = await client.create(service("first"))
        second = await client.create(service("second"))
        assert first.spec.cluster_ips == [first.spec.cluster_ip]
        assert first.spec.cluster_ip != second.spec.cluster_ip
        assert (await client.create(service("headless", "None"))).spec.cluster_ip == "None"
        with pytest.raises(Invalid, match="provided IP is already allocated"):
            await client.create(service("third", first.spec.cluster_ip))
        await client.delete(Service, "first", "default")
        assert (await client.create(service("third", first.spec.cluster_ip))).spec.cluster_ip == first.spec.cluster_ip


class TestPatch:
    @pytest.mark.parametrize(
        ("patch", "data"),
        [
            (Patch("merge", {"data": {"key": None, "more": "yes"}}), {"more": "yes"}),
            (Patch("strategic", {"data": {"more": "yes"}}), {"key": "value", "more": "yes"}),
            (Patch("json", [{"op": "replace", "path": "/data/key", "value": "other"}]), {"key": "other"}),
        ],
    )
    async def test_changes_what_it_names(self, client: Client, patch: Patch, data: dict[str, str]) -> None:
        await client.create(config_map(app="web"))
        patched = await client.patch(ConfigMap, "settings", "default", patch)
        assert (patched.data, patched.metadata.labels) == (data, {"app": "web"})

    async def test_merges_lists_by_their_keys(self, client: Client) -> None:
        await client.create(pod())
        document = {"spec": {"containers": [{"name": "nginx", "image": "nginx:1.7.9"}]}}
        patched = await client.patch(Pod, "web-0", "default", Patch("strategic", document))
        assert [(c.name, c.image) for c in patched.spec.containers] == [("nginx", "nginx:1.7.9")]

    async def test_never_conflicts_without_a_resource_version(self, client: Client) -> None:
        await client.create(config_map())
        patches = [Patch("merge", {"data": {str(number): "x"}}) for number in range(10)]
        await asyncio.gather(*(client.patch(ConfigMap, "settings", "default", patch) for patch in patches))
        assert len((await client.get(ConfigMap, "settings", "default")).data) == 11

    async def test_with_an_old_resource_version_is_a_conflict(self, client: Client) -> None:
        created = await client.create(config_map())
        await client.patch(ConfigMap, "settings", "default", Patch("merge", {"data": {"a": "b"}}))
        document = {"metadata": {"resourceVersion": created.metadata.resource_version}, "data": {"c": "d"}}
        with pytest.raises(Conflict, match="the object has been modified"):
            await client.patch(ConfigMap, "settings", "default", Patch("merge", document))

    async def test_of_another_object_of_the_same_name_is_invalid(self, client: Client) -> None:
        await client.create(config_map())
        with pytest.raises(Invalid, match="field is immutable"):
            await client.patch(ConfigMap, "settings", "default", Patch("merge", {"metadata": {"uid": "another"}}))

    async def test_that_does_not_fit_is_invalid(self, client: Client) -> None:
        await client.create(config_map())
        patch = Patch("json", [{"op": "test", "path": "/data/key", "value": "other"}])
        with pytest.raises(Invalid, match="testing value /data/key failed"):
            await client.patch(ConfigMap, "settings", "default", patch)

    async def test_of_nothing_is_not_found(self, client: Client) -> None:
        with pytest.raises(NotFound):
            await client.patch(ConfigMap, "settings", "default", Patch("merge", {}))


def applied(**data: str) -> Patch:
    return Patch("apply", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data})


class TestApply:
    async def test_creates_then_changes_then_removes(self, client: Client) -> None:
        await client.patch(ConfigMap, "settings", "default", applied(a="1", b="2"))
        again = await client.patch(ConfigMap, "settings", "default", applied(a="3"))
        assert again.data == {"a": "3"}
        assert [entry.operation for entry in again.metadata.managed_fields] == ["Apply"]

    async def test_of_the_same_writes_nothing(self, client: Client) -> None:
        first = await client.patch(ConfigMap, "settings", "default", applied(a="1"))
        assert await client.patch(ConfigMap, "settings", "default", applied(a="1")) == first

    async def test_conflicts_with_another_manager_unless_forced(self, client: Client) -> None:
        await client.patch(ConfigMap, "settings", "default", applied(a="1"))
        mine = WriteOptions(field_manager="other")
        with pytest.raises(Conflict, match="Apply failed with 1 conflict: conflict with") as caught:
            await client.patch(ConfigMap, "settings", "default", applied(a="2"), options=mine)
        assert caught.value.details["causes"][0]["reason"] == "FieldManagerConflict"
        mine = WriteOptions(field_manager="other", force=True)
        forced = await client.patch(ConfigMap, "settings", "default", applied(a="2"), options=mine)
        assert forced.data == {"a": "2"}

    async def test_notices_what_an_update_took_over(self, client: Client) -> None:
        current = await client.patch(ConfigMap, "settings", "default", applied(a="1"))
        current.data["a"] = "2"
        await client.update(current, options=WriteOptions(field_manager="editor"))
        with pytest.raises(Conflict, match=r'conflict with "editor" using v1: \.data\.a'):
            await client.patch(ConfigMap, "settings", "default", applied(a="1"))


class TestQuotas:
    async def test_refuse_in_one_place_for_everybody(self, client: Client) -> None:
        spec = ResourceQuotaSpec(hard={"configmaps": "1"})
        await client.create(ResourceQuota(metadata=ObjectMeta(name="quota", namespace="default"), spec=spec))
        tried = (client.create(config_map(f"settings-{number}")) for number in range(3))
        made = await asyncio.gather(*tried, return_exceptions=True)
        assert sorted(type(one).__name__ for one in made) == ["ConfigMap", "Forbidden", "Forbidden"]


class TestSubresources:
    async def test_a_pod_is_bound_once(self, client: Client) -> None:
        given = pod()
        given.spec.node_name = None
        await client.create(given)
        target = ObjectReference(kind="Node", name="node-1")
        binding = Binding(metadata=ObjectMeta(name="web-0", namespace="default"), target=target)
        await client.create_subresource(Pod, "web-0", "default", "binding", binding)
        bound = await client.get(Pod, "web-0", "default")
        assert bound.spec.node_name == "node-1"
        assert [(c.type, c.status) for c in bound.status.conditions] == [("PodScheduled", "True")]
        with pytest.raises(Conflict, match='pod web-0 is already assigned to node "node-1"'):
            await client.create_subresource(Pod, "web-0", "default", "binding", binding)

    async def test_a_pod_is_evicted_as_it_is_deleted(self, client: Client) -> None:
        await client.create(pod())
        eviction = Eviction(metadata=ObjectMeta(name="web-0", namespace="default"))
        await client.create_subresource(Pod, "web-0", "default", "eviction", eviction)
        assert (await client.get(Pod, "web-0", "default")).metadata.deletion_timestamp

    async def test_an_eviction_is_refused_with_what_to_do(self, client: Client) -> None:
        await client.create(pod())
        running = await client.get(Pod, "web-0", "default")
        running.status.phase = "Running"
        await client.update(running, "status")
        spec = PodDisruptionBudgetSpec(selector=LabelSelector())
        await client.create(PodDisruptionBudget(metadata=ObjectMeta(name="web", namespace="default"), spec=spec))
        eviction = Eviction(metadata=ObjectMeta(name="web-0", namespace="default"))
        with pytest.raises(TooManyRequests, match="Cannot evict pod as it would violate") as caught:
            await client.create_subresource(Pod, "web-0", "default", "eviction", eviction)
        assert [cause["reason"] for cause in caught.value.details["causes"]] == ["DisruptionBudget"]
        assert caught.value.retry_after_seconds == 10

    async def test_an_account_is_given_a_token(self, client: Client) -> None:
        asked = TokenRequest(spec=TokenRequestSpec(expiration_seconds=600))
        given = await client.create_subresource(ServiceAccount, "default", "default", "token", asked)
        assert given.status.token.count(".") == 2
        assert (given.metadata.name, asked.status.token) == ("default", "")
        with pytest.raises(NotFound, match='serviceaccounts "nobody" not found'):
            await client.create_subresource(ServiceAccount, "nobody", "default", "token", asked)

    async def test_a_namespace_goes_when_it_is_finalized(self, client: Client) -> None:
        await client.create(Namespace(metadata=ObjectMeta(name="other")))
        await client.delete(Namespace, "other")
        ending = await client.get(Namespace, "other")
        assert ending.spec.finalizers == ["kubernetes"]
        ending.spec.finalizers = []
        await client.update(ending, subresource="finalize")
        with pytest.raises(NotFound):
            await client.get(Namespace, "other")

    async def test_scale_changes_the_replicas_and_nothing_else(self, client: Client) -> None:
        labels = {"app": "web"}
        template = PodTemplateSpec(metadata=ObjectMeta(labels=labels), spec=pod().spec)
        spec = StatefulSetSpec(selector=LabelSelector(match_labels=labels), service_name="web", template=template)
        created = await client.create(StatefulSet(metadata=ObjectMeta(name="web", namespace="default"), spec=spec))
        document = {"spec": {"replicas": 3}}
        await client.patch(StatefulSet, "web", "default", Patch("strategic", document), subresource="scale")
        scaled = await client.get(StatefulSet, "web", "default")
        assert (scaled.spec.replicas, scaled.metadata.generation) == (3, 2)
        assert scaled.spec.template == created.spec.template
