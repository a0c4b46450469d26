import pytest

from petset.api.types import Node, Object, Pod, StatefulSet
from petset.client.paths import collection_path, object_path
from petset.kinds import CATALOGUE


@pytest.mark.parametrize(
    ("kind", "namespace", "path"),
    [
        (Pod, "default", "/api/v1/namespaces/default/pods"),
        (Pod, "", "/api/v1/pods"),
        (Node, "", "/api/v1/nodes"),
        (StatefulSet, "shop", "/apis/apps/v1/namespaces/shop/statefulsets"),
        (StatefulSet, "", "/apis/apps/v1/statefulsets"),
    ],
)
def test_collections(kind: type[Object], namespace: str, path: str) -> None:
    assert collection_path(CATALOGUE.of(kind), namespace) == path


@pytest.mark.parametrize(
    ("kind", "name", "namespace", "subresource", "path"),
    [
        (Pod, "web-0", "default", "", "/api/v1/namespaces/default/pods/web-0"),
        (Pod, "web-0", "default", "status", "/api/v1/namespaces/default/pods/web-0/status"),
        (Node, "n1", "", "", "/api/v1/nodes/n1"),
        (Pod, "a/b?c", "d/e", "", "/api/v1/namespaces/d%2Fe/pods/a%2Fb%3Fc"),
    ],
)
def test_objects(kind: type[Object], name: str, namespace: str, subresource: str, path: str) -> None:
    assert object_path(CATALOGUE.of(kind), name, namespace, subresource) == path
