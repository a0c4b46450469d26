"""`petset get`."""

import json
from typing import Annotated, Any

import typer

from petset.api.errors import Expired, NotFound
from petset.cli.failure import Failure
from petset.cli.options import DataDir, Namespace
from petset.cli.printers import OUTPUTS, Answer, Printer, Wanted, printer_for
from petset.cli.references import Reference, references
from petset.cli.running import Session, describe, in_session
from petset.client.paths import collection_path


def _output(text: str) -> str:
    if text not in OUTPUTS:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(OUTPUTS[1:])}")
    return text


def command(
    words: Annotated[list[str], typer.Argument(metavar="KIND[,KIND]|KIND/NAME [NAME]...", help="What to show.")],
    namespace: Namespace = "default",
    all_namespaces: Annotated[bool, typer.Option("-A", "--all-namespaces", help="In all namespaces.")] = False,
    selector: Annotated[str, typer.Option("-l", "--selector", metavar="LABELS", help="Only with these labels.")] = "",
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="wide|yaml|json|name", parser=_output, help="The form.")
    ] = None,
    watch: Annotated[bool, typer.Option("-w", "--watch", help="Stay and print what changes, until Ctrl-C.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Prints objects: pods, statefulsets, services, persistentvolumeclaims and so on; all stands for the usual ones."""
    found = references(words)
    if all_namespaces and any(reference.name for reference in found):
        raise Failure("a resource cannot be retrieved by name across all namespaces")
    if watch and len(found) > 1:
        raise Failure("you may only watch a single resource or type of resource at a time")
    wanted = Wanted(found, "" if all_namespaces else namespace, selector, output or "")
    in_session(data_dir, lambda session: _get(session, wanted, watch=watch))


async def _get(session: Session, wanted: Wanted, *, watch: bool) -> None:
    answers: list[Answer] = []
    failures: list[str] = []
    for reference in wanted.references:
        try:
            answers.append((reference, await _ask(session, wanted, reference)))
        except NotFound as error:
            failures.append(describe(error))
    printer = printer_for(wanted)
    if answers:
        printer.print_all(answers, quiet=watch)
    if failures:
        raise Failure("\n".join(failures))
    if watch:
        await _watch(session, wanted, answers[0], printer)


async def _ask(session: Session, wanted: Wanted, reference: Reference) -> dict[str, Any]:
    params = [("labelSelector", wanted.selector)] if wanted.selector and not reference.name else []
    raw = await session.client.transport.request("GET", wanted.path(reference), params, accept=wanted.accept())
    answer: dict[str, Any] = json.loads(raw)
    return answer


async def _watch(
    session: Session,
    wanted: Wanted,
    start: Answer,
    printer: Printer,
) -> None:
    """Prints changes for ever: a server ends watches now and then, and they go on where they were."""
    reference, answer = start
    version = answer["metadata"]["resourceVersion"]
    chosen = [("labelSelector", wanted.selector)] if wanted.selector else []
    if reference.name:
        chosen = [("fieldSelector", f"metadata.name={reference.name}")]
    namespace = wanted.namespace if reference.resource.namespaced else ""
    path = collection_path(reference.resource, namespace)
    while True:
        params = [("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", version), *chosen]
        async with session.client.transport.lines(path, params, accept=wanted.accept()) as lines:
            async for line in lines:
                frame = json.loads(line)
                if frame["type"] == "ERROR":
                    raise Expired(str(frame["object"].get("message")))
                version = _version(frame["object"]) or version
                if frame["type"] != "BOOKMARK":
                    printer.print_change(frame["object"])


def _version(shown: dict[str, Any]) -> str:
    rows = shown.get("rows")
    metadata = (rows[0].get("object") or {}).get("metadata") if rows else None
    return str((metadata or shown.get("metadata") or {}).get("resourceVersion") or "")
