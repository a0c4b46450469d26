"""`petset scale`."""

import json
from typing import Annotated

import typer

from petset.cli.applying import FIELD_MANAGER
from petset.cli.failure import Failure
from petset.cli.listing import key_in
from petset.cli.options import DataDir, Namespace
from petset.cli.references import Reference, named
from petset.cli.running import Session, in_session
from petset.client.http import PATCH_TYPES
from petset.client.paths import object_path
from petset.client.transport import Body


def command(
    words: Annotated[list[str], typer.Argument(metavar="KIND/NAME", help="What to scale: sts/web.")],
    replicas: Annotated[int, typer.Option("--replicas", metavar="N", min=0, help="The new number of pods.")],
    namespace: Namespace = "default",
    data_dir: DataDir = None,
) -> None:
    """Sets the number of pods of a StatefulSet."""
    found = named(words, "statefulset")
    for reference in found:
        if reference.resource.scale is None:
            raise Failure(f"{reference.resource.plural} cannot be scaled")

    async def work(session: Session) -> None:
        for reference in found:
            await _scale(session, reference, namespace, replicas)
            print(f"{reference} scaled")

    in_session(data_dir, work)


async def _scale(session: Session, reference: Reference, namespace: str, replicas: int) -> None:
    key = key_in(reference, namespace)
    path = object_path(reference.resource, key.name, key.namespace, "scale")
    body = Body(json.dumps({"spec": {"replicas": replicas}}).encode(), PATCH_TYPES["merge"])
    await session.client.transport.request("PATCH", path, [("fieldManager", FIELD_MANAGER)], body)
