"""`petset logs`."""

import math
import sys
from typing import Annotated

import typer

from petset.cli.options import DataDir, Namespace, duration
from petset.cli.references import named
from petset.cli.running import Session, in_session
from petset.client.interface import LogOptions


def command(
    pod: Annotated[str, typer.Argument(metavar="POD")],
    container: Annotated[str, typer.Option("-c", "--container", help="The container, when the pod has several.")] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Stay and print what comes.")] = False,
    previous: Annotated[bool, typer.Option("-p", "--previous", help="Of the container before its restart.")] = False,
    tail: Annotated[int, typer.Option("--tail", metavar="LINES", help="Only the last lines; -1 for all.")] = -1,
    since: Annotated[
        float | None, typer.Option("--since", metavar="DURATION", parser=duration, help="Only the newer: 5s, 2m, 3h.")
    ] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", help="Put its time before each line.")] = False,
    namespace: Namespace = "default",
    data_dir: DataDir = None,
) -> None:
    """Prints what a pod's container has written."""
    name = named([pod], "pod")[0].name
    options = LogOptions(
        container=container,
        follow=follow,
        previous=previous,
        timestamps=timestamps,
        since_seconds=math.ceil(since) if since is not None else None,
        tail_lines=tail if tail >= 0 else None,
    )

    async def work(session: Session) -> None:
        async with session.streams.logs(namespace, name, options) as chunks:
            async for chunk in chunks:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()

    in_session(data_dir, work)
