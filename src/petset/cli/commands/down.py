"""`petset down`."""

from typing import Annotated

import typer

from petset.cli.data_directory import data_directory
from petset.cli.options import DataDir, duration
from petset.cli.running import run
from petset.cli.shutdown import shut_down


def command(
    data_dir: DataDir = None,
    delete_volumes: Annotated[
        bool, typer.Option("--delete-volumes", help="Delete the directories of provisioned volumes, too.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="DURATION", parser=duration, help="How long to wait: 30s, 5m. Default: for the pods."
        ),
    ] = None,
) -> None:
    """Ends the pods in reverse order, within their grace periods, then the server.

    The objects stay in the data directory: the next petset up brings the StatefulSets back, on the same volumes.
    """
    run(shut_down(data_directory(data_dir), delete_volumes=delete_volumes, within=timeout))
