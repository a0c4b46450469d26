"""`petset status`."""

from typing import Annotated

import typer

from petset.cli.addresses import url_of
from petset.cli.data_directory import DataDirectory, data_directory
from petset.cli.failure import Failure
from petset.cli.options import DataDir
from petset.cli.progress.display import display_for
from petset.cli.progress.following import following
from petset.cli.progress.missing import missing
from petset.cli.progress.waits import held_back
from petset.cli.running import run, session
from petset.cli.server_record import running_server


def command(
    data_dir: DataDir = None,
    watch: Annotated[bool, typer.Option("-w", "--watch", help="Stay and show what changes, until Ctrl-C.")] = False,
) -> None:
    """Shows the server, the pods, where they are reached and what they store where."""
    run(_status(data_directory(data_dir), watch=watch))


async def _status(directory: DataDirectory, *, watch: bool) -> None:
    record = running_server(directory.record)
    if record is None:
        raise Failure(f"petset is not running on {directory.root}; start it with petset up")
    async with session(directory) as opened:
        with display_for() as display:
            display.note(f"petset {record.version} (pid {record.pid}) at {url_of(record.address)}")
            display.note(f"data directory {directory.root}, runtime {record.runtime}")
            async with following(opened.client, display, record.cluster_domain) as follower:
                rows = follower.rows()
                if len(rows) == 1:
                    display.note("no pods")
                elif not watch:
                    display.table(rows)
                snapshot, sets = follower.snapshot(), follower.all_sets()
                for line in (*missing(snapshot, sets), *held_back(snapshot, sets)):
                    display.note(line)
                if watch:
                    await follower.stand_by(follower.rows)
