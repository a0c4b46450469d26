"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from petset.cli.durations import parse_duration

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where petset keeps everything. Default: $PETSET_DATA_DIR, else /var/lib/petset for root and "
        "$XDG_STATE_HOME/petset for others.",
    ),
]
Namespace = Annotated[str, typer.Option("-n", "--namespace", metavar="NAME", help="The namespace to work in.")]
Files = Annotated[
    list[str],
    typer.Option("-f", "--filename", metavar="FILE|DIR|URL|-", help="Manifests, YAML or JSON; may be repeated."),
]


def duration(text: str) -> float:
    """A duration as an option. Raises BadParameter, which is a usage error."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="DURATION", parser=duration, help="How long to wait: 30s, 5m, 1h30m."),
]
