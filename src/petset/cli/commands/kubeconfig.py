"""`petset kubeconfig`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from petset.cli.data_directory import data_directory
from petset.cli.failure import Failure
from petset.cli.options import DataDir

NAME = "petset"


def command(
    data_dir: DataDir = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Add it to your own kubeconfig (KUBECONFIG or ~/.kube/config) and use it.")
    ] = False,
) -> None:
    """Prints the kubeconfig of the server, for kubectl and everything like it."""
    directory = data_directory(data_dir)
    try:
        text = directory.kubeconfig.read_text()
    except FileNotFoundError:
        raise Failure(f"no petset has run on {directory.root} yet; start one with petset up") from None
    except OSError as error:
        raise Failure(f"{directory.kubeconfig}: {error.strerror}") from error
    if merge:
        _merge(directory.kubeconfig)
    else:
        print(text, end="")


def _merge(source: Path) -> None:
    from petset.client.errors import ConfigError  # noqa: PLC0415 - printing needs no HTTP client
    from petset.client.kubeconfig import default_paths, merge_kubeconfig, read_kubeconfig  # noqa: PLC0415

    target = default_paths(os.environ, Path.home())[0]
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        merge_kubeconfig(target, NAME, read_kubeconfig([source]).connection(), make_current=True)
    except (ConfigError, OSError) as error:
        raise Failure(str(error)) from error
    print(f'context "{NAME}" is in {target} and is the current one')
