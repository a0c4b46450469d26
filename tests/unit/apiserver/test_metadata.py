"""The metadata rules of every kind."""

import tracemalloc

import pytest

from petset.api.errors import BadRequest
from petset.api.names import dns1123_subdomain_errors
from petset.api.types import ConfigMap, Namespace, ObjectMeta, OwnerReference
from petset.apiserver import metadata
from petset.kinds import CATALOGUE

RESOURCE = CATALOGUE.of(ConfigMap)
(SUBDOMAIN,) = dns1123_subdomain_errors("A")


def owner(name: str, *, controller: bool = False, uid: str = "1") -> OwnerReference:
    return OwnerReference(api_version="v1", kind="Pod", name=name, uid=uid, controller=controller)


@pytest.mark.parametrize(
    ("meta", "errors"),
    [
        (ObjectMeta(name="web"), ""),
        (ObjectMeta(), "metadata.name: Required value: name or generateName is required"),
        (ObjectMeta(name="web", annotations={"UPPER.example.com/x": "any text"}), ""),
        (ObjectMeta(name="web", finalizers=["orphan", "example.com/mine"]), ""),
        (
            ObjectMeta(name="web", finalizers=["mine"]),
            (
                'metadata.finalizers[0]: Invalid value: "mine": '
                "name is neither a standard finalizer name nor is it fully qualified"
            ),
        ),
        (
            ObjectMeta(name="web", finalizers=["orphan", "foregroundDeletion"]),
            (
                'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: '
                "finalizer orphan and foregroundDeletion cannot be both set"
            ),
        ),
        (
            ObjectMeta(name="web", owner_references=[owner("a", uid="")]),
            'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
        ),
        (
            ObjectMeta(name="web", owner_references=[owner("a", controller=True), owner("b", controller=True)]),
            (
                'metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"a","uid":"1",'
                '"controller":true},{"apiVersion":"v1","kind":"Pod","name":"b","uid":"1","controller":true}]: '
                "Only one reference can have Controller set to true. "
                'Found "true" in references for Pod/a and Pod/b'
            ),
        ),
        (ObjectMeta(name="web-x", generate_name="web-"), ""),
        (ObjectMeta(name="other", generate_name="web-"), ""),
        (
            ObjectMeta(name="other", generate_name="WEB-"),
            f'metadata.generateName: Invalid value: "WEB-": {SUBDOMAIN}',
        ),
        (
            ObjectMeta(name="WEB-x", generate_name="WEB-"),
            (
                f'metadata.generateName: Invalid value: "WEB-": {SUBDOMAIN}; '
                f'metadata.name: Invalid value: "WEB-x": {SUBDOMAIN}'
            ),
        ),
        (
            ObjectMeta(name="web", annotations={"big": "x" * 256 * 1024}),
            "metadata.annotations: Too long: may not be more than 262144 bytes",
        ),
    ],
)
def test_new_metadata(meta: ObjectMeta, errors: str) -> None:
    assert "; ".join(str(error) for error in metadata.errors_of(RESOURCE, meta)) == errors


@pytest.mark.parametrize(
    ("new", "old", "errors"),
    [
        (ObjectMeta(name="web", labels={"a": "b"}), ObjectMeta(name="web"), ""),
        (ObjectMeta(name="b"), ObjectMeta(name="a"), 'metadata.name: Invalid value: "b": field is immutable'),
        (
            ObjectMeta(name="a", deletion_timestamp="2026-01-01T00:00:00Z"),
            ObjectMeta(name="a"),
            'metadata.deletionTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable',
        ),
        (
            ObjectMeta(name="a", finalizers=["example.com/b"], deletion_timestamp="2026-01-01T00:00:00Z"),
            ObjectMeta(name="a", finalizers=["example.com/a"], deletion_timestamp="2026-01-01T00:00:00Z"),
            (
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
                'found new finalizers []string{"example.com/b"}'
            ),
        ),
    ],
)
def test_changed_metadata(new: ObjectMeta, old: ObjectMeta, errors: str) -> None:
    assert "; ".join(str(error) for error in metadata.update_errors(RESOURCE, new, old)) == errors


def test_an_update_cannot_undo_a_deletion_nor_forge_the_past() -> None:
    old = ObjectMeta(
        name="a",
        uid="1",
        resource_version="7",
        generation=3,
        creation_timestamp="2026-01-01T00:00:00Z",
        deletion_timestamp="2026-01-02T00:00:00Z",
        deletion_grace_period_seconds=30,
    )
    new = ObjectMeta(name="a", creation_timestamp="1970-01-01T00:00:00Z", generation=99)
    metadata.carry_over(new, old)
    assert new == old


def test_a_generated_name_has_room_for_its_suffix() -> None:
    meta = ObjectMeta(generate_name="x" * 100)
    metadata.generate_name(meta)
    assert len(meta.name) == 63


def test_the_url_says_where_an_object_goes() -> None:
    obj = ConfigMap()
    metadata.place(RESOURCE, obj, "default")
    assert obj.metadata.namespace == "default"
    with pytest.raises(BadRequest, match="does not match the namespace sent on the request"):
        metadata.place(RESOURCE, obj, "other")


def test_a_cluster_wide_object_is_in_no_namespace() -> None:
    obj = Namespace(metadata=ObjectMeta(namespace="other"))
    metadata.place(CATALOGUE.of(Namespace), obj, "")
    assert obj.metadata.namespace == ""


def test_long_nonsense_is_not_kept() -> None:
    """Whoever may create something, or only try to, must not be able to fill the memory with it."""
    resource = CATALOGUE.of(ConfigMap)
    tracemalloc.start()
    try:
        for number in range(30):
            text = f"{number}{'x' * 100_000}"
            meta = ObjectMeta(name="a", labels={text: text}, annotations={text: ""}, finalizers=[text])
            assert len(metadata.errors_of(resource, meta)) > 3
        del text, meta
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
