"""Short ways to call the pipeline, and small objects to call it with."""

from typing import Any, TypeVar

import msgspec

from petset.api.types import (
    ConfigMap,
    Container,
    LabelSelector,
    Object,
    ObjectMeta,
    Pod,
    PodSpec,
    PodTemplateSpec,
    StatefulSet,
    StatefulSetSpec,
)
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Answer, Identity, Target, WriteOptions
from petset.kinds import CATALOGUE

T = TypeVar("T", bound=Object)

ME = Identity("tester")
PLAINLY = WriteOptions("tester")


def target(kind: type[Object], name: str = "", subresource: str = "", namespace: str = "default") -> Target:
    resource = CATALOGUE.of(kind)
    return Target(resource, namespace if resource.namespaced else "", name, subresource)


def config_map(name: str = "settings", **labels: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, labels=labels), data={"key": "value"})


def pod(name: str = "web-0", node: str | None = "node-1") -> Pod:
    spec = PodSpec(containers=[Container(name="nginx", image="nginx")], node_name=node)
    return Pod(metadata=ObjectMeta(name=name), spec=spec)


def stateful_set(name: str = "web", replicas: int = 1) -> StatefulSet:
    labels = {"app": "web"}
    template = PodTemplateSpec(metadata=ObjectMeta(labels=labels), spec=pod(node=None).spec)
    selector = LabelSelector(match_labels=labels)
    spec = StatefulSetSpec(replicas=replicas, selector=selector, service_name="web", template=template)
    return StatefulSet(metadata=ObjectMeta(name=name), spec=spec)


async def create(server: ApiServer, obj: T, options: WriteOptions = PLAINLY) -> T:
    answer = await server.create(ME, target(type(obj)), obj, options)
    return decoded(answer, type(obj))


async def fetch(server: ApiServer, kind: type[T], name: str) -> T:
    return decoded(await server.get(target(kind, name)), kind)


def decoded(answer: Answer, kind: type[T]) -> T:
    return msgspec.json.decode(answer.record.value, type=kind)


def tree(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(answer.record.value)
    return found
