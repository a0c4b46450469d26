"""Deletes objects and waits until they are gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from petset.aio.clock import SystemClock
from petset.api.errors import NotFound
from petset.api.meta import Key, key_of
from petset.api.resources import Resource
from petset.api.types import DeleteOptions, Object
from petset.cli.references import kind_text
from petset.client.interface import Client, ListOptions

Cascade = Literal["background", "orphan", "foreground"]
POLL = 0.1


@dataclass(frozen=True, slots=True)
class Doomed:
    """An object to delete; the uid is known once it was found."""

    resource: Resource[Any]
    key: Key
    uid: str = ""

    def __str__(self) -> str:
        place = f" from {self.key.namespace} namespace" if self.key.namespace else ""
        return f'{kind_text(self.resource)} "{self.key.name}" deleted{place}'


def delete_options(cascade: Cascade, grace_period: int) -> DeleteOptions:
    """What is asked of the server; a negative grace period leaves it to the object."""
    return DeleteOptions(
        grace_period_seconds=grace_period if grace_period >= 0 else None,
        propagation_policy=cascade.capitalize(),
    )


async def selected(
    client: Client, resources: Sequence[Resource[Any]], namespace: str, label_selector: str
) -> list[Doomed]:
    """All objects of some kinds, or those with certain labels."""
    doomed: list[Doomed] = []
    for resource in resources:
        place = namespace if resource.namespaced else ""
        listed = await client.list(resource.type, place, ListOptions(label_selector=label_selector))
        doomed += [Doomed(resource, key_of(obj), obj.metadata.uid) for obj in listed.items]
    return doomed


async def delete(client: Client, doomed: Doomed, options: DeleteOptions) -> Doomed:
    """Asks for the deletion; what was found. Raises NotFound."""
    kind: type[Object] = doomed.resource.type
    obj = await client.get(kind, doomed.key.name, doomed.key.namespace)
    await client.delete(kind, doomed.key.name, doomed.key.namespace, options)
    return Doomed(doomed.resource, doomed.key, obj.metadata.uid)


async def until_gone(client: Client, doomed: Doomed) -> None:
    """Waits until the object is away; another one of its name does not count."""
    clock = SystemClock()
    while True:
        try:
            obj = await client.get(doomed.resource.type, doomed.key.name, doomed.key.namespace)
        except NotFound:
            return
        if obj.metadata.uid != doomed.uid:
            return
        await clock.sleep(POLL)
