"""Which sets are previewed, with what around them."""

from collections.abc import Sequence
from typing import TypeVar

import pytest

from petset.api.errors import Forbidden
from petset.api.types import Object, Service, StatefulSet, StorageClass
from petset.cli.failure import Failure
from petset.cli.manifests import Manifest, Tree
from petset.cli.preview.previews import Preview, Wanted, previews
from petset.cli.preview.reading import neighbours, situation, stock
from petset.cli.preview.rendering import data, lines
from petset.cli.preview.traps import traps
from petset.client.interface import ListOptions, ObjectList
from tests.simulation.world import START, settled, web
from tests.unit.cli.preview.samples import break_pod, changed, created, image
from tests.unit.cli.preview.test_proposal import manifest
from tests.unit.controllers.statefulset.cluster import LIST, FaultyClient, set_cluster, unborn
from tests.unit.controllers.toycluster import toy_cluster

T = TypeVar("T", bound=Object)

SERVICE: Tree = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "nginx"},
    "spec": {"ports": [{"port": 80}]},
}
CLASS: Tree = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "petset.io/directory",
}


def wanted(manifests: Sequence[Tree] | None, *names: str, namespace: str = "default") -> Wanted:
    given = None if manifests is None else [Manifest(tree) for tree in manifests]
    return Wanted(given, names, namespace, petset=True, now=START)


def called(name: str, namespace: str = "") -> Tree:
    tree = manifest()
    tree["metadata"] = {"name": name, **({"namespace": namespace} if namespace else {})}
    return tree


@pytest.mark.parametrize(
    ("manifests", "names", "found"),
    [
        ([called("a"), called("b")], (), ["a", "b"]),
        ([called("a"), called("b")], ("b",), ["b"]),
        ([called("a"), called("b")], ("sts/b",), ["b"]),
        (None, (), ["one", "two"]),
        (None, ("two",), ["two"]),
    ],
)
async def test_the_sets_that_are_asked_for(
    manifests: Sequence[Tree] | None, names: tuple[str, ...], found: list[str]
) -> None:
    async with set_cluster() as cluster:
        await cluster.create_set(name="one")
        await cluster.create_set(name="two")
        previewed = await previews(cluster.direct, wanted(manifests, *names))
        assert [preview.situation.name for preview in previewed] == found


@pytest.mark.parametrize(
    ("manifests", "names"), [([called("a")], ("b",)), ([SERVICE], ()), (None, ("b",))], ids=["other", "none", "live"]
)
async def test_a_set_that_is_not_there_is_an_error(manifests: Sequence[Tree] | None, names: tuple[str, ...]) -> None:
    async with toy_cluster() as toy:
        with pytest.raises(Failure, match=r"StatefulSet|statefulsets"):
            await previews(toy.client, wanted(manifests, *names))


async def test_what_the_manifests_bring_along_counts_as_there() -> None:
    tree = manifest(volumeClaimTemplates=[_claim_template("fast")])
    async with toy_cluster() as toy:
        (alone,) = await previews(toy.client, wanted([tree]))
        assert [trap.name for trap in traps(alone.situation)] == ["storage-class", "missing-service"]
        (together,) = await previews(toy.client, wanted([SERVICE, tree, CLASS]))
        assert traps(together.situation) == ()


def _claim_template(class_: str) -> Tree:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": class_}
    return {"metadata": {"name": "www"}, "spec": spec}


async def test_a_namespace_that_comes_with_the_set_need_not_be_there() -> None:
    async with toy_cluster() as toy:
        (preview,) = await previews(toy.client, wanted([called("a", "to-come")]))
        assert preview.situation.set.metadata.namespace == "to-come"
        assert "dry run" in preview.note
        assert preview.situation.forecast.stops is None


class Reader(FaultyClient):
    """A client that may not list some kinds."""

    forbidden = (Service, StorageClass)

    async def list(self, kind: type[T], namespace: str = "", options: ListOptions = LIST) -> ObjectList[T]:
        if kind in self.forbidden:
            raise Forbidden(f"{kind.__name__} may not be listed")
        return await self.inner.list(kind, namespace, options)


async def test_a_reader_with_few_rights_learns_all_but_what_it_may_not_read() -> None:
    async with toy_cluster() as toy:
        (preview,) = await previews(
            Reader(toy.client), wanted([manifest(volumeClaimTemplates=[_claim_template("no")])])
        )
        assert traps(preview.situation) == ()
        assert preview.situation.neighbours.classes is None


async def test_pods_of_other_sets_are_no_concern_but_their_names_are() -> None:
    async with set_cluster() as cluster:
        await cluster.create_set(1, name="one")
        cluster.start()
        await cluster.settle()
        there = await stock(cluster.direct, "default")
        around = neighbours(there, (), "", petset=True)
        it = situation(unborn(web(1)), None, there, around, START)
        assert (it.observed.pods, it.observed.orphans, dict(it.observed.claims)) == ((), (), {})
        assert around.taken == {"one-0"}


# --- telling ----------------------------------------------------------------------------------------------------------


def text(preview: Preview) -> list[str]:
    return [line for _, line in lines(preview)]


def test_lines_for_people() -> None:
    world = settled(1)
    world.claims.clear()
    it = changed(world, image())
    old, new = world.revision_of("web-0"), it.history.update.metadata.name
    assert text(Preview(it, "by hand")) == [
        f"statefulset.apps/web in namespace default: revision {new}, which web-0 has not",
        "  note: by hand",
        f"  1  create  revision {new} (number 2)",
        f"  2  delete  pod web-0 at {old} (update)",
        "  3  wait    for web-0 to be gone",
        "  4  create  claim www-web-0",
        f"  5  create  pod web-0 at {new}",
        "  6  wait    for web-0 to be Running and Ready",
    ]


def test_what_is_as_it_should_be_is_said_so() -> None:
    it = changed(settled(), lambda _: None)
    assert text(Preview(it)) == [
        f"statefulset.apps/web in namespace default: replicas 3, revision {it.history.update.metadata.name}, as it is",
        "  nothing to do",
    ]


def test_data_for_programs() -> None:
    world = settled()
    break_pod(world, "web-1")
    told = data(Preview(changed(world, image()), "by hand"))
    assert (told["namespace"], told["name"], told["exists"], told["outcome"]) == ("default", "web", True, "stops")
    assert told["waitingFor"].startswith("web-1 to be Running and Ready")
    assert told["note"] == "by hand"
    assert [(trap["name"], trap["weight"]) for trap in told["traps"]] == [("ordered-ready-broken-pod", "stuck")]
    assert [(step["action"], step["kind"]) for step in told["steps"]] == [("create", "ControllerRevision")]


def test_data_of_a_set_to_be_created() -> None:
    told = data(Preview(created(web(1))))
    assert (told["exists"], told["outcome"], "waitingFor" in told) == (False, "completes", False)
    assert told["steps"][-2] == {
        "action": "create",
        "kind": "Pod",
        "names": ["web-0"],
        "revision": told["revision"],
    }


def test_a_refused_change_tells_of_the_way_around() -> None:
    def change(set_: StatefulSet) -> None:
        set_.spec.service_name = "other"

    preview = Preview(changed(settled(), change))
    assert data(preview)["outcome"] == "refused"
    assert "  the API refuses this change; deleted with --cascade=orphan and created anew, it would be:" in text(
        preview
    )


@pytest.mark.parametrize(("count", "shown"), [(5, "web-4 to be"), (6, "web-0, web-1, web-2, ... web-5 (6) to be")])
def test_long_lists_are_cut(count: int, shown: str) -> None:
    it = created(web(count, policy="Parallel"))
    assert shown in str(it.forecast.steps[-1])


def test_a_very_large_set_is_not_previewed_to_its_end() -> None:
    it = created(web(2_000_000_000))
    preview = Preview(it)
    assert it.forecast.cut
    assert it.forecast.stops is None
    assert data(preview)["outcome"] == "cut"
    assert "  ... and so on; a set of this size is not previewed to its end" in text(preview)
