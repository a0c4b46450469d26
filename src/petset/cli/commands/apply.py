"""`petset apply`."""

from typing import Annotated

import typer

from petset.cli.applying import apply, in_order_of_need, targets_of
from petset.cli.failure import Failure
from petset.cli.manifests import read_manifests
from petset.cli.options import DataDir, Files, Namespace
from petset.cli.running import Session, in_session, named


def command(
    files: Files,
    namespace: Namespace = "default",
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Take over fields that another field manager has set.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Let the server check all and keep nothing.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Applies manifests (server-side apply): what they say is made so, what others have set stays."""

    async def work(session: Session) -> None:
        targets = targets_of(await read_manifests(files), namespace)
        if not targets:
            raise Failure("no objects passed to apply")
        for target in in_order_of_need(targets):
            with named(target.origin):
                print(await apply(session.client, target, force=force_conflicts, dry_run=dry_run), flush=True)

    in_session(data_dir, work)
