"""Valid objects of every kind as JSON trees, and the way from a tree to what the server would make of it."""

from typing import Any, TypeVar

from petset.api.field import FieldError
from petset.api.schema.decode import convert
from petset.api.types import Object
from petset.kinds import CATALOGUE

Tree = dict[str, Any]
T = TypeVar("T", bound=Object)

CONTAINER: Tree = {"name": "nginx", "image": "nginx:1.7.9"}
POD: Tree = {"metadata": {"name": "web-0", "namespace": "default"}, "spec": {"containers": [CONTAINER]}}
CLAIM_SPEC: Tree = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
CLAIM: Tree = {"metadata": {"name": "www-web-0", "namespace": "default"}, "spec": CLAIM_SPEC}
VOLUME: Tree = {
    "metadata": {"name": "pv-0"},
    "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/data"}},
}
SERVICE: Tree = {
    "metadata": {"name": "nginx", "namespace": "default"},
    "spec": {"clusterIP": "None", "selector": {"app": "nginx"}, "ports": [{"name": "web", "port": 80}]},
}
STATEFUL_SET: Tree = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "serviceName": "nginx",
        "replicas": 3,
        "selector": {"matchLabels": {"app": "nginx"}},
        "template": {
            "metadata": {"labels": {"app": "nginx"}},
            "spec": {
                "terminationGracePeriodSeconds": 10,
                "containers": [{**CONTAINER, "volumeMounts": [{"name": "www", "mountPath": "/usr/share/nginx/html"}]}],
            },
        },
        "volumeClaimTemplates": [
            {"metadata": {"name": "www"}, "spec": {**CLAIM_SPEC, "storageClassName": "my-storage-class"}}
        ],
    },
}


def merged(base: Tree, change: Tree) -> Tree:
    """`base` with `change` laid over it: maps are merged, lists replaced, None removes."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def defaulted(kind: type[T], tree: Tree) -> T:
    """The object of a tree, with its defaults."""
    obj = convert(tree, kind)
    CATALOGUE.of(kind).strategy.default(obj)
    return obj


def created(kind: type[T], tree: Tree) -> T:
    """The object of a tree as it would be stored."""
    obj = defaulted(kind, tree)
    CATALOGUE.of(kind).strategy.prepare_create(obj)
    return obj


def create_errors(kind: type[T], tree: Tree) -> list[FieldError]:
    """What is wrong with creating the object of a tree."""
    return CATALOGUE.of(kind).strategy.validate_create(created(kind, tree))


def updated(kind: type[T], old: T, tree: Tree) -> T:
    """The object of a tree as it would be stored over an old state."""
    obj = defaulted(kind, tree)
    CATALOGUE.of(kind).strategy.prepare_update(obj, old)
    return obj


def update_errors(kind: type[T], before: Tree, after: Tree) -> list[FieldError]:
    """What is wrong with replacing the object of one tree by that of another."""
    old = created(kind, before)
    return CATALOGUE.of(kind).strategy.validate_update(updated(kind, old, after), old)


def found(errors: list[FieldError], path: str, start: str) -> bool:
    """Whether an error with this path begins like this."""
    return any(error.path == path and error.body.startswith(start) for error in errors)
