"""Field sets that recur are in memory once."""

from typing import Any

from petset.api.types import ConfigMap, ManagedFieldsEntry
from petset.apiserver.fieldsets import FieldSets
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Body
from petset.kinds import CATALOGUE
from tests.unit.apiserver.calls import ME, PLAINLY, target


def entry(*fields: str) -> ManagedFieldsEntry:
    tree: dict[str, Any] = {"f:data": {f"f:{field}": {} for field in fields}}
    return ManagedFieldsEntry(manager="me", fields_v1=tree)


def test_equal_sets_are_shared_and_others_are_not() -> None:
    sets = FieldSets()
    entries = [entry("a"), entry("a", "b"), entry("a"), ManagedFieldsEntry(manager="nobody")]
    before = [dict(entry.fields_v1) for entry in entries]
    sets.share(entries)
    assert [entry.fields_v1 for entry in entries] == before
    assert entries[0].fields_v1 is entries[2].fields_v1
    assert entries[0].fields_v1 is not entries[1].fields_v1


def test_what_does_not_recur_is_forgotten() -> None:
    sets = FieldSets(most=2)
    first, again = entry("a"), entry("a")
    for one in (first, entry("b"), entry("c")):
        sets.share([one])
    sets.share([again])
    assert again.fields_v1 == first.fields_v1
    assert again.fields_v1 is not first.fields_v1


async def test_objects_of_one_writer_share_what_is_owned(server: ApiServer) -> None:
    resource = CATALOGUE.of(ConfigMap)
    for name in ("a", "b"):
        body = Body(b'{"metadata":{"name":"%s"},"data":{"key":"%s"}}' % (name.encode(), name.encode()))
        await server.create(ME, target(ConfigMap), body, PLAINLY)
    owned = []
    for name in ("a", "b"):
        record = server.registry.newest(resource, "default", name)
        assert record is not None
        (kept,) = server.registry.shared(resource, record).metadata.managed_fields
        owned.append(kept.fields_v1)
    assert owned[0]
    assert owned[0] is owned[1]
