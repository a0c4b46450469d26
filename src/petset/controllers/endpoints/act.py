"""How a plan for endpoints is written."""

from collections.abc import Callable

from petset.api.errors import NotFound
from petset.api.types import DeleteOptions, Endpoints, EndpointSlice, Object, Preconditions
from petset.client.interface import Client
from petset.controllers.endpoints.model import Plan


async def carry_out(client: Client, decided: Plan, wrote: Callable[[Object], None]) -> None:
    """Writes a plan; `wrote` is told what the server answered."""
    for obj in decided.create:
        wrote(await client.create(obj))
    for obj in decided.update:
        wrote(await client.update(obj))
    for obj in decided.delete:
        await delete(client, obj)


async def delete(client: Client, obj: Endpoints | EndpointSlice) -> None:
    """Deletes what was seen, unless it is gone."""
    options = DeleteOptions(preconditions=Preconditions(uid=obj.metadata.uid))
    try:
        await client.delete(type(obj), obj.metadata.name, obj.metadata.namespace, options)
    except NotFound:
        return
