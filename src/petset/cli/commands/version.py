"""`petset version`."""

import json
import platform
from typing import Annotated

import typer

from petset import __version__

KUBERNETES_VERSION = "v1.37"


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prints the version."""
    versions = {"petset": __version__, "kubernetes": KUBERNETES_VERSION, "python": platform.python_version()}
    if as_json:
        print(json.dumps(versions))
    else:
        print(f"petset {__version__} (Kubernetes API {KUBERNETES_VERSION}, Python {versions['python']})")
