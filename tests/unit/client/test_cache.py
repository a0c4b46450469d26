import pytest

from petset.api.meta import Key, owner_reference
from petset.api.types import ObjectMeta, Pod, StatefulSet
from petset.client.cache import Cache, by_controller_uid
from tests.unit.client.scripted import by_node, pod


def names(pods: object) -> list[str]:
    assert isinstance(pods, list)
    return sorted(p.metadata.name for p in pods)


def test_objects_are_found_by_namespace_and_name() -> None:
    cache: Cache[Pod] = Cache()
    cache.put(pod("a", 1))
    cache.put(pod("b", 2, namespace="other"))
    found = cache.get("default", "a")
    assert found is not None
    assert found.metadata.resource_version == "1"
    assert cache.get("default", "b") is None
    assert names(cache.list()) == ["a", "b"]
    assert names(cache.list("other")) == ["b"]
    assert names(cache.list("nowhere")) == []
    assert len(cache) == 2


def test_put_returns_what_it_replaces_and_remove_what_it_takes() -> None:
    cache: Cache[Pod] = Cache()
    first, second = pod("a", 1), pod("a", 2)
    assert cache.put(first) is None
    assert cache.put(second) is first
    assert cache.remove(Key("default", "a")) is second
    assert cache.remove(Key("default", "a")) is None
    assert len(cache) == 0


def test_an_index_follows_every_change() -> None:
    cache: Cache[Pod] = Cache()
    cache.add_indexes({"node": by_node})
    cache.put(pod("a", 1))
    assert cache.by_index("node", "n1") == []
    bound = pod("a", 2, node="n1")
    cache.put(bound)
    cache.put(pod("b", 3, node="n1"))
    assert names(cache.by_index("node", "n1")) == ["a", "b"]
    cache.put(pod("a", 4, node="n2"))
    assert names(cache.by_index("node", "n1")) == ["b"]
    assert names(cache.by_index("node", "n2")) == ["a"]
    cache.remove(Key("default", "a"))
    assert cache.by_index("node", "n2") == []


def test_an_index_added_late_shows_what_is_there() -> None:
    owner = StatefulSet(metadata=ObjectMeta(name="web", uid="u1"))
    owned = pod("a", 1)
    owned.metadata.owner_references = [owner_reference(owner)]
    cache: Cache[Pod] = Cache()
    cache.put(owned)
    cache.put(pod("b", 2))
    cache.add_indexes({"controller": by_controller_uid})
    assert names(cache.by_index("controller", "u1")) == ["a"]


def test_an_index_name_means_one_function() -> None:
    cache: Cache[Pod] = Cache()
    cache.add_indexes({"node": by_node})
    cache.add_indexes({"node": by_node})
    with pytest.raises(ValueError, match="node"):
        cache.add_indexes({"node": by_controller_uid})
    with pytest.raises(KeyError):
        cache.by_index("unknown", "x")
