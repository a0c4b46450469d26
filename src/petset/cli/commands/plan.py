"""`petset plan`."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from petset.aio.clock import SystemClock
from petset.cli.connecting import Cluster, connected
from petset.cli.failure import Failure
from petset.cli.manifests import read_manifests
from petset.cli.options import DataDir
from petset.cli.preview.previews import Preview, Wanted, previews
from petset.cli.preview.rendering import Line, data, lines
from petset.cli.running import run


def command(
    names: Annotated[list[str] | None, typer.Argument(metavar="[SET]...", help="Only these; by default all.")] = None,
    files: Annotated[
        list[str] | None,
        typer.Option("-f", "--filename", metavar="FILE|DIR|URL|-", help="New manifests; by default sets as they are."),
    ] = None,
    namespace: Annotated[
        str, typer.Option("-n", "--namespace", metavar="NAME", help="The namespace; by default the context's.")
    ] = "",
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", metavar="PATH", help="Another cluster: any Kubernetes.")
    ] = None,
    context: Annotated[str, typer.Option("--context", metavar="NAME", help="A context of the kubeconfig.")] = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="json", help="Steps and traps as data.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Tells what the StatefulSet controller would do with manifests, step by step, and the traps. Changes nothing."""
    if output not in ("", "json"):
        raise Failure(f"unknown output {output!r}: json, or none", 2)

    async def work() -> list[Preview]:
        manifests = await read_manifests(files) if files else None
        async with connected(kubeconfig, context, data_dir) as cluster:
            space, petset = namespace or cluster.namespace, await _is_petset(cluster)
            wanted = Wanted(manifests, names or (), space, petset, SystemClock().now())
            return await previews(cluster.client, wanted)

    found = run(work())
    if output == "json":
        print(json.dumps({"sets": [data(preview) for preview in found]}, indent=2))
        return
    for preview in found:
        _show(lines(preview))


async def _is_petset(cluster: Cluster) -> bool:
    version = json.loads(await cluster.client.transport.request("GET", "/version"))
    return "petset" in str(version.get("gitVersion"))


def _show(shown: Iterable[Line]) -> None:
    if not sys.stdout.isatty():
        print(*(text for _, text in shown), sep="\n", flush=True)
        return
    from rich.console import Console  # noqa: PLC0415 - Rich only where it is used
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    for style, text in shown:
        console.print(Text(text, style=style), soft_wrap=True)  # so that commands can be copied
