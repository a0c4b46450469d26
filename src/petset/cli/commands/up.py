"""`petset up`."""

from typing import Annotated

import typer

from petset.cli.addresses import parse_address
from petset.cli.data_directory import data_directory
from petset.cli.options import DataDir, Files, duration
from petset.cli.running import run
from petset.cli.server_process import RUNTIMES, ServerOptions
from petset.cli.startup import Wishes, bring_up


def _address(text: str) -> str:
    try:
        parse_address(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return text


def _runtime(text: str) -> str:
    if text not in RUNTIMES:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(RUNTIMES)}")
    return text


def command(
    files: Files = [],  # noqa: B006 - Typer reads the default, nobody changes it
    data_dir: DataDir = None,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="ADDR:PORT",
            parser=_address,
            help="Where the API listens. Default: 127.0.0.1:6443, or a free port when that is taken.",
        ),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option("--runtime", metavar="|".join(RUNTIMES), parser=_runtime, help="What runs the pods' containers."),
    ] = None,
    cluster_domain: Annotated[
        str, typer.Option("--cluster-domain", metavar="DOMAIN", help="The DNS domain. Default: cluster.local.")
    ] = "",
    detach: Annotated[
        bool, typer.Option("-d", "--detach", help="Return when all is ready; the server stays in the background.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all StatefulSets are ready.")] = True,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="DURATION", parser=duration, help="How long to wait: 30s, 5m. Default: 5m."),
    ] = None,
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Take over fields that another field manager has set.")
    ] = False,
) -> None:
    """Starts petset, applies manifests and waits until their StatefulSets are ready.

    In the foreground it stays: the first Ctrl-C does what petset down does, a second one leaves at once, SIGTERM ends
    the server alone and the pods live on. When petset runs already, it only applies and waits.
    """
    run(
        bring_up(
            Wishes(
                directory=data_directory(data_dir),
                files=files,
                server=ServerOptions(listen or "", runtime or "", cluster_domain),
                detach=detach,
                wait=wait,
                timeout=300.0 if timeout is None else timeout,
                force=force_conflicts,
            )
        )
    )
