"""`petset rollout status|history|undo|restart`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api.errors import NotFound
from petset.api.meta import Key, format_time, is_controlled_by
from petset.api.selectors import selector_of
from petset.api.types import ControllerRevision, StatefulSet
from petset.cli.durations import format_seconds
from petset.cli.failure import Failure
from petset.cli.history import has_template_of, history_rows, revision_to_restore
from petset.cli.options import DataDir, Namespace, duration
from petset.cli.references import Reference, named
from petset.cli.rollouts import rollout_status
from petset.cli.running import Session, in_session
from petset.cli.tables import aligned
from petset.client.informer import InformerFactory
from petset.client.interface import Client, ListOptions, Patch

command = typer.Typer(help="Follows, restarts and takes back changes of a StatefulSet's pods.", no_args_is_help=True)

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"

Name = Annotated[list[str], typer.Argument(metavar="sts/NAME", help="The StatefulSet.")]


def _set_named(words: list[str]) -> Reference:
    found = named(words, "statefulset")
    if len(found) != 1 or found[0].resource.type is not StatefulSet:
        raise Failure("rollout is for one StatefulSet: sts/NAME", 2)
    return found[0]


@command.command()
def status(
    words: Name,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", "-w", help="Wait until it is complete.")] = True,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="DURATION", parser=duration, help="Wait no longer than that.")
    ] = None,
    namespace: Namespace = "default",
    data_dir: DataDir = None,
) -> None:
    """Tells how far an update is, until it is complete."""
    reference = _set_named(words)

    async def work(session: Session) -> None:
        try:
            async with asyncio.timeout(timeout):
                await _follow(session.client, Key(namespace, reference.name), watch=watch)
        except TimeoutError:
            raise Failure(f"timed out waiting for the condition ({format_seconds(timeout or 0.0)})") from None

    in_session(data_dir, work)


async def _follow(client: Client, key: Key, *, watch: bool) -> None:
    set_ = await client.get(StatefulSet, key.name, key.namespace)
    if set_.spec.update_strategy.type != "RollingUpdate":
        raise Failure("rollout status is only available for RollingUpdate strategy type")
    said = ""
    async for state in _states(client, key):
        told = rollout_status(state)
        if told.message != said:
            said = told.message
            print(said, flush=True)
        if told.done or not watch:
            return


async def _states(client: Client, key: Key) -> AsyncIterator[StatefulSet]:
    """The set as it is, and as it becomes. Raises NotFound when it is deleted."""
    states: asyncio.Queue[StatefulSet | None] = asyncio.Queue()
    informers = InformerFactory(client, SystemClock())
    sets = informers.informer(StatefulSet, key.namespace, field_selector=f"metadata.name={key.name}")
    sets.add_handlers(states.put_nowait, lambda _, new: states.put_nowait(new), lambda _: states.put_nowait(None))
    async with Supervisor("rollout") as supervisor:
        informers.start(supervisor)
        while (state := await states.get()) is not None:
            yield state
    raise NotFound.of("apps", "statefulsets", key.name)


@command.command()
def history(words: Name, namespace: Namespace = "default", data_dir: DataDir = None) -> None:
    """Lists the revisions that a StatefulSet can go back to."""
    reference = _set_named(words)

    async def work(session: Session) -> None:
        set_ = await session.client.get(StatefulSet, reference.name, namespace)
        print(reference, *aligned(history_rows(await _revisions(session.client, set_))), sep="\n")

    in_session(data_dir, work)


@command.command()
def undo(
    words: Name,
    to_revision: Annotated[int, typer.Option("--to-revision", min=0, help="0: the one before the last.")] = 0,
    namespace: Namespace = "default",
    data_dir: DataDir = None,
) -> None:
    """Goes back to an earlier revision."""
    reference = _set_named(words)

    async def work(session: Session) -> None:
        client = session.client
        set_ = await client.get(StatefulSet, reference.name, namespace)
        revision = revision_to_restore(await _revisions(client, set_), to_revision)
        if has_template_of(set_, revision):
            print(f"{reference} skipped rollback (current template already matches revision {revision.revision})")
            return
        await client.patch(StatefulSet, reference.name, namespace, Patch("strategic", revision.data))
        print(f"{reference} rolled back")

    in_session(data_dir, work)


async def _revisions(client: Client, set_: StatefulSet) -> list[ControllerRevision]:
    options = ListOptions(label_selector=str(selector_of(set_.spec.selector)))
    listed = await client.list(ControllerRevision, set_.metadata.namespace, options)
    return [revision for revision in listed.items if is_controlled_by(revision, set_)]


@command.command()
def restart(words: Name, namespace: Namespace = "default", data_dir: DataDir = None) -> None:
    """Replaces all pods, in the way an update does."""
    reference = _set_named(words)
    annotations = {RESTARTED_AT: format_time(SystemClock().now())}
    patch = Patch("strategic", {"spec": {"template": {"metadata": {"annotations": annotations}}}})

    async def work(session: Session) -> None:
        await session.client.patch(StatefulSet, reference.name, namespace, patch)
        print(f"{reference} restarted")

    in_session(data_dir, work)
