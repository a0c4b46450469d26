"""`petset delete`."""

from collections.abc import Sequence
from typing import Annotated, cast, get_args

import typer

from petset.api.errors import NotFound
from petset.api.types import DeleteOptions
from petset.cli.applying import targets_of
from petset.cli.deleting import Cascade, Doomed, delete, delete_options, selected, until_gone
from petset.cli.failure import Failure
from petset.cli.listing import key_in
from petset.cli.manifests import read_manifests
from petset.cli.options import DataDir, Namespace
from petset.cli.references import references
from petset.cli.running import Session, in_session


def _cascade(text: str) -> str:
    if text not in get_args(Cascade):
        raise typer.BadParameter(f"{text!r} is none of {', '.join(get_args(Cascade))}")
    return text


def command(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="KIND NAME...|KIND/NAME...", help="What to delete.")
    ] = None,
    files: Annotated[
        list[str], typer.Option("-f", "--filename", metavar="FILE|DIR|URL|-", help="What these manifests name.")
    ] = [],  # noqa: B006 - Typer reads the default, nobody changes it
    selector: Annotated[str, typer.Option("-l", "--selector", metavar="LABELS", help="Those with these labels.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All of the kind in the namespace.")] = False,
    cascade: Annotated[
        str,
        typer.Option(
            "--cascade", metavar="|".join(get_args(Cascade)), parser=_cascade, help="What becomes of the owned."
        ),
    ] = "background",
    grace_period: Annotated[
        int, typer.Option("--grace-period", metavar="SECONDS", help="Time to end; -1: as the object says.")
    ] = -1,
    now: Annotated[bool, typer.Option("--now", help="The same as --grace-period=1.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until they are gone.")] = True,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="What is not there is no failure.")
    ] = False,
    namespace: Namespace = "default",
    data_dir: DataDir = None,
) -> None:
    """Deletes objects by name, by label or by manifest."""
    _check(words or [], files, selector, everything=everything)
    options = delete_options(cast(Cascade, cascade), 1 if now else grace_period)

    async def work(session: Session) -> None:
        if files:
            targets = targets_of(await read_manifests(files), namespace)
            doomed = [Doomed(target.resource, target.key) for target in targets]
        elif selector or everything:
            resources = [reference.resource for reference in references(words or [])]
            doomed = await selected(session.client, resources, namespace, selector)
        else:
            found = references(words or [])
            doomed = [Doomed(reference.resource, key_in(reference, namespace)) for reference in found]
        await _delete(session, doomed, options, wait=wait, ignore_not_found=ignore_not_found)

    in_session(data_dir, work)


def _check(words: Sequence[str], files: Sequence[str], selector: str, *, everything: bool) -> None:
    """Raises Failure, as a usage error, for what contradicts itself or says too little."""
    if files and (words or selector or everything):
        raise Failure("-f goes with no other way to say what to delete", 2)
    if not files and not words:
        raise Failure("say what to delete: KIND NAME, KIND/NAME or -f FILE", 2)
    if not words:
        return
    by_name = all(reference.name for reference in references(words))
    if by_name and (selector or everything):
        raise Failure("names go neither with --selector nor with --all", 2)
    if not by_name and not selector and not everything:
        raise Failure("resource(s) were provided, but no name was specified", 2)


async def _delete(
    session: Session, doomed: Sequence[Doomed], options: DeleteOptions, *, wait: bool, ignore_not_found: bool
) -> None:
    if not doomed:
        print("No resources found")
    failures: list[str] = []
    found: list[Doomed] = []
    for one in doomed:
        try:
            found.append(await delete(session.client, one, options))
        except NotFound as error:
            if not ignore_not_found:
                failures.append(f"Error from server (NotFound): {error.message}")
        else:
            print(one, flush=True)
    if wait:
        for one in found:
            await until_gone(session.client, one)
    if failures:
        raise Failure("\n".join(failures))
